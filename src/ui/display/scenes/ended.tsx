// The call that has just ended, and why. Red where the security check failed.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { CallView } from '../../../room/state.ts';
import { ShieldIcon } from '../../shared/shield.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';

const useStyles = makeStyles({
  scene: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '1.5rem',
    padding: '0 10rem',
    textAlign: 'center'
  },
  failed: { backgroundImage: `radial-gradient(110rem 60rem at 50% -15rem, ${colours.glowFailed} 0%, ${colours.ground} 75%)` },
  icon: { fontSize: '6rem', lineHeight: 0 },
  title: { margin: 0, fontSize: '5rem', fontWeight: 600, lineHeight: 1.15 },
  titleFailed: { color: colours.bad },
  name: { color: colours.quiet, fontSize: '3rem' },
  reason: { margin: 0, fontSize: '3rem' }
});

export function EndedScene({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const failed = call.encryption.state === 'failed';
  const words = call.ended === null ? null : t.ended(call.ended);
  return (
    <div className={mergeClasses(styles.scene, failed && styles.failed)}>
      {failed ? (
        <div className={styles.icon} data-testid="shield-state" data-state="failed">
          <ShieldIcon encryption={call.encryption} />
        </div>
      ) : null}
      <h1 className={mergeClasses(styles.title, failed && styles.titleFailed)}>{t(failed ? 'ended.failedTitle' : 'display.ended')}</h1>
      <div className={styles.name}>{call.peer.displayName}</div>
      {words === null ? null : (
        <p className={styles.reason} data-testid="ended-reason" data-reason={call.ended?.reason}>
          {words.reason}
        </p>
      )}
    </div>
  );
}
