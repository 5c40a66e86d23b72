// Accounts for which this room never rings.
import { PersonProhibitedRegular } from '@fluentui/react-icons/svg/person-prohibited';
import { useState } from 'react';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedAnswer, useProtectedCommand } from '../../administrator.tsx';
import { ListRow } from '../../parts/list-row.tsx';
import { CommandError } from '../../screen.tsx';
import { TextSheet } from '../../text-sheet.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page, Part } from './page.tsx';

export function BlockedPage() {
  const t = useTexts();
  const { answer, error, load } = useProtectedAnswer<{ readonly blocked: readonly string[] }>('/api/v1/blocked');
  const command = useProtectedCommand();
  const [adding, setAdding] = useState(false);
  const change = async (path: string, account: string): Promise<boolean> => {
    const done = await command.run(`${path} ${account}`, path, { account });
    if (done) await load();
    return done;
  };
  const trouble = error ?? (adding ? null : command.error);
  const close = (): void => {
    command.clearError();
    setAdding(false);
  };
  return (
    <Page
      testId="settings-blocked"
      title={t('settings.page.blocked')}
      actions={<TouchButton testId="button-block" label={t('blocked.add')} icon={<PersonProhibitedRegular />} onTouch={() => setAdding(true)} />}
    >
      <Intro>{t('blocked.hint')}</Intro>
      {trouble === null ? null : <CommandError error={trouble} />}
      <Part>
        {answer?.blocked.length === 0 ? <p data-testid="blocked-none">{t('blocked.none')}</p> : null}
        {answer?.blocked.map((account) => (
          <ListRow
            key={account}
            testId={`blocked-${account}`}
            title={account}
            icon={<PersonProhibitedRegular />}
            control={
              <TouchButton
                testId={`unblock-${account}`}
                label={t('blocked.remove')}
                name={`${t('blocked.remove')}: ${account}`}
                disabled={command.pending !== null}
                onTouch={() => void change('/api/v1/blocked/remove', account)}
              />
            }
          />
        ))}
      </Part>
      {adding ? (
        <TextSheet
          testId="sheet-block"
          title={t('blocked.add')}
          label={t('blocked.address')}
          keys="address"
          done={t('blocked.block')}
          pending={command.pending !== null}
          error={command.error}
          onTyped={command.clearError}
          onClose={close}
          onDone={(account) => void change('/api/v1/blocked', account.trim()).then((done) => (done ? close() : undefined))}
        />
      ) : null}
    </Page>
  );
}
