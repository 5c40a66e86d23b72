// The sign of a call's security: shield with lock and tick, shield with lock, plain lock, red (call-security.md "The verdict").
// It shows what the state says and nothing else; while nothing is settled it promises nothing.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { ShieldRegular } from '@fluentui/react-icons/svg/shield';
import { ShieldErrorFilled } from '@fluentui/react-icons/svg/shield-error';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import type { EncryptionView } from '../../room/state.ts';
import { colours } from './theme.ts';

const useStyles = makeStyles({
  icon: { position: 'relative', display: 'inline-flex', flexShrink: 0, fontSize: '1.5em', lineHeight: 0 },
  tick: {
    position: 'absolute',
    // Over the corner opposite to the lock, which says what the shield means.
    right: '-0.22em',
    top: '-0.12em',
    fontSize: '0.5em',
    color: colours.good,
    backgroundColor: colours.ground,
    borderRadius: '50%'
  },
  secure: { color: colours.good },
  standard: { color: colours.text },
  failed: { color: colours.bad },
  open: { color: colours.quiet }
});

/** What is shown: the verdict, or `none` while there is none or a new one is being made. */
export function shieldStateOf(encryption: EncryptionView): 'end-to-end-verified' | 'end-to-end' | 'standard' | 'failed' | 'none' {
  return encryption.securingAgain ? 'none' : (encryption.state ?? 'none');
}

/** One and a half times as high as the text around it. Decorative: the words beside it say the same. */
export function ShieldIcon({ encryption }: { readonly encryption: EncryptionView }) {
  const styles = useStyles();
  const state = shieldStateOf(encryption);
  // A call that will be standard has no shield before it is settled either (R3).
  if (state === 'standard' || (state === 'none' && encryption.expected === 'standard'))
    return (
      <span className={mergeClasses(styles.icon, styles.standard)} aria-hidden="true">
        <LockClosedRegular />
      </span>
    );
  if (state === 'failed')
    return (
      <span className={mergeClasses(styles.icon, styles.failed)} aria-hidden="true">
        <ShieldErrorFilled />
      </span>
    );
  if (state === 'none')
    return (
      <span className={mergeClasses(styles.icon, styles.open)} aria-hidden="true">
        <ShieldRegular />
      </span>
    );
  return (
    <span className={mergeClasses(styles.icon, styles.secure)} aria-hidden="true">
      <ShieldLockFilled />
      {state === 'end-to-end-verified' ? <CheckmarkCircleFilled className={styles.tick} /> : null}
    </span>
  );
}
