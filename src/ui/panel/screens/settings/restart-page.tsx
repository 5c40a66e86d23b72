// Start the room's software again: asked once more, refused by the room during a call.
import { PowerRegular } from '@fluentui/react-icons/svg/power';
import { useState } from 'react';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedCommand } from '../../administrator.tsx';
import { Sheet } from '../../parts/sheet.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page } from './page.tsx';

export function RestartPage() {
  const t = useTexts();
  const { runFreely, error, pending, clearError } = useProtectedCommand();
  const [asking, setAsking] = useState(false);
  const [going, setGoing] = useState(false);
  const close = (): void => {
    clearError();
    setAsking(false);
  };
  const restart = async (): Promise<void> => {
    if (!(await runFreely('restart', '/api/v1/restart'))) return;
    setAsking(false);
    setGoing(true);
  };
  return (
    <Page
      testId="settings-restart"
      title={t('settings.page.restart')}
      actions={<TouchButton testId="button-restart" label={t('restart.begin')} icon={<PowerRegular />} disabled={going} onTouch={() => setAsking(true)} />}
    >
      <Intro>{t('restart.hint')}</Intro>
      <div role="status" data-testid="restart-going">
        {going ? t('restart.going') : ''}
      </div>
      {asking ? (
        <Sheet
          testId="sheet-restart"
          title={t('restart.ask')}
          onClose={close}
          buttons={
            <>
              <TouchButton testId="button-restart-no" label={t('action.cancel')} onTouch={close} />
              <TouchButton
                testId="button-restart-yes"
                label={t(pending === null ? 'restart.begin' : 'restart.going')}
                tone="end"
                disabled={pending !== null}
                onTouch={() => void restart()}
              />
            </>
          }
        >
          <Intro>{t('restart.hint')}</Intro>
          <CommandError error={error} />
        </Sheet>
      ) : null}
    </Page>
  );
}
