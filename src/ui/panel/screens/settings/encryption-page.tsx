// The account's own switch for end-to-end encryption (R12), where the organisation leaves it to the account.
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import type { RoomState } from '../../../../room/state.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedCommand } from '../../administrator.tsx';
import { ListRow } from '../../parts/list-row.tsx';
import { Toggle } from '../../parts/toggle.tsx';
import { CommandError } from '../../screen.tsx';
import { Facts } from './facts.tsx';
import { Intro, Page } from './page.tsx';

export function EncryptionPage({ state }: { readonly state: RoomState }) {
  const t = useTexts();
  const { run, error } = useProtectedCommand();
  const { encryption } = state.policy;
  const decided = encryption.policy !== 'DisabledUserOverride';
  return (
    <Page testId="settings-encryption" title={t('settings.page.encryption')}>
      {encryption.policy === 'DisabledUserOverride' ? (
        <Toggle
          testId="toggle-encryption"
          label={t('encryption.toggle')}
          hint={t('encryption.toggleHint')}
          on={encryption.setting}
          onChange={(on) => void run('encryption', '/api/v1/settings', { encryption: on }, 'PATCH')}
        />
      ) : (
        <ListRow
          testId="encryption-decided"
          icon={<LockClosedRegular />}
          title={t(encryption.policy === 'Required' ? 'home.encryption.onTitle' : 'home.encryption.offTitle')}
          detail={t(`encryption.policy.${encryption.policy}`)}
        />
      )}
      {error === null ? null : <CommandError error={error} />}
      <Facts
        testId="facts-encryption"
        facts={[
          {
            name: t('encryption.now'),
            value: encryption.available ? t('encryption.available') : t.standardReason(encryption.reason),
            ...(encryption.available ? { severity: 'good' as const } : {})
          },
          { name: t('encryption.decides'), value: t(decided ? 'encryption.byOrganisation' : 'encryption.byAccount') }
        ]}
      />
      <Intro>{t('encryption.hint')}</Intro>
    </Page>
  );
}
