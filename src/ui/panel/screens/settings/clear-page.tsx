// Clear this room of what people left: asked once more, since it cannot be had back.
import { BroomRegular } from '@fluentui/react-icons/svg/broom';
import { useState } from 'react';
import { useCommand } from '../../../shared/room-context.tsx';
import { useTexts } from '../../../shared/use-texts.ts';
import { Sheet } from '../../parts/sheet.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page, Part } from './page.tsx';

export function ClearPage() {
  const t = useTexts();
  const { run, error, pending, clearError } = useCommand();
  const [phase, setPhase] = useState<'idle' | 'asking' | 'cleared'>('idle');
  const clear = async (): Promise<void> => {
    if (await run('clear', '/api/v1/clear-room')) setPhase('cleared');
  };
  const close = (): void => {
    clearError();
    setPhase('idle');
  };
  return (
    <Page
      testId="settings-clear"
      title={t('settings.page.clear')}
      actions={<TouchButton testId="button-clear" label={t('clear.begin')} icon={<BroomRegular />} tone="end" onTouch={() => setPhase('asking')} />}
    >
      <Part title={t('clear.goesTitle')}>
        <Intro>{t('clear.goes')}</Intro>
      </Part>
      <Part title={t('clear.staysTitle')}>
        <Intro>{t('clear.stays')}</Intro>
      </Part>
      <div role="status" data-testid="clear-done">
        {phase === 'cleared' ? t('clear.done') : ''}
      </div>
      {phase === 'asking' ? (
        <Sheet
          testId="sheet-clear"
          title={t('clear.ask')}
          onClose={close}
          buttons={
            <>
              <TouchButton testId="button-clear-no" label={t('action.cancel')} onTouch={close} />
              <TouchButton
                testId="button-clear-yes"
                label={t(pending === null ? 'clear.begin' : 'clear.working')}
                tone="end"
                disabled={pending !== null}
                onTouch={() => void clear()}
              />
            </>
          }
        >
          <Intro>{t('clear.goes')}</Intro>
          <CommandError error={error} />
        </Sheet>
      ) : null}
    </Page>
  );
}
