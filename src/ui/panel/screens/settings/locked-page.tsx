// In place of a page that needs the administrator, while no session holds.
import { makeStyles } from '@fluentui/react-components';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useAdministrator } from '../../administrator.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Page } from './page.tsx';

const useStyles = makeStyles({
  middle: { margin: 'auto', display: 'flex', flexDirection: 'column', alignItems: 'center', gap: '1.25rem', maxWidth: '30rem', textAlign: 'center' },
  icon: { fontSize: '3.5rem', lineHeight: 0, color: colours.quiet },
  words: { margin: 0, fontSize: panelSizes.large }
});

export function LockedPage({ title, pinSet }: { readonly title: string; readonly pinSet: boolean }) {
  const styles = useStyles();
  const t = useTexts();
  const { holds, asking, ask } = useAdministrator();
  return (
    <Page testId="settings-locked" title={title} keepsFocus={asking}>
      {holds === null ? null : (
        <div className={styles.middle}>
          <span className={styles.icon} aria-hidden="true">
            <LockClosedRegular />
          </span>
          <p className={styles.words}>{t(pinSet ? 'admin.locked' : 'admin.noPin')}</p>
          <TouchButton testId="button-unlock" label={t(pinSet ? 'admin.enterPin' : 'admin.setPin')} tone="brand" onTouch={() => void ask()} />
        </div>
      )}
    </Page>
  );
}
