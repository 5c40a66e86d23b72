// A call that rings, here or there: who, from which organisation, and what the call will be.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { PeopleAddRegular } from '@fluentui/react-icons/svg/people-add';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import type { CallView } from '../../../room/state.ts';
import { initialsOf } from '../../shared/initials.ts';
import { useNow } from '../../shared/room-context.tsx';
import { secondsUntil } from '../../shared/seconds-until.ts';
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
    padding: '4rem 6rem',
    textAlign: 'center',
    backgroundImage: `radial-gradient(110rem 60rem at 50% -15rem, ${colours.glow} 0%, ${colours.ground} 75%)`
  },
  phase: { color: colours.brandText, fontSize: '3.25rem', fontWeight: 600 },
  ring: {
    borderRadius: '50%',
    animationName: { '0%': { boxShadow: `0 0 0 0 ${colours.shadow}` }, '70%, 100%': { boxShadow: '0 0 0 5rem transparent' } },
    animationDuration: '2s',
    animationIterationCount: 'infinite',
    '@media (prefers-reduced-motion: reduce)': { animationName: 'none' }
  },
  initials: {
    display: 'grid',
    placeItems: 'center',
    flexShrink: 0,
    width: '15rem',
    height: '15rem',
    borderRadius: '50%',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.avatar,
    color: colours.onAvatar,
    fontSize: '6rem',
    fontWeight: 600
  },
  name: { margin: '1.5rem 0 0', fontSize: '6rem', fontWeight: 600, lineHeight: 1.1 },
  account: { color: colours.quiet, fontSize: '3rem' },
  facts: { display: 'flex', flexWrap: 'wrap', justifyContent: 'center', columnGap: '4rem', rowGap: '1rem', marginTop: '1.5rem' },
  fact: { display: 'flex', alignItems: 'center', gap: '1rem' },
  icon: { fontSize: '3.25rem', lineHeight: 0 },
  good: { color: colours.good },
  warning: { color: colours.warning },
  hint: { marginTop: '2rem', color: colours.quiet },
  auto: {
    marginTop: '2rem',
    padding: '1rem 3rem',
    borderRadius: '4rem',
    border: `4px solid ${colours.edgeWarning}`,
    backgroundColor: colours.warningGround,
    fontWeight: 600,
    fontVariantNumeric: 'tabular-nums'
  }
});

export function RingingScene({ call }: { readonly call: CallView }) {
  const styles = useStyles();
  const t = useTexts();
  const incoming = call.direction === 'incoming';
  const endToEnd = call.encryption.expected === 'end-to-end';
  const phase = incoming ? 'display.incoming' : call.phase === 'ringing' ? 'display.ringing' : 'display.outgoing';
  return (
    <div className={styles.scene} data-direction={call.direction}>
      <div className={styles.phase}>{t(phase)}</div>
      <div className={mergeClasses(styles.initials, call.phase === 'ringing' && styles.ring)} aria-hidden="true">
        {initialsOf(call.peer.displayName)}
      </div>
      <h1 className={styles.name} data-testid="peer-name">
        {call.peer.displayName}
      </h1>
      {call.peer.displayName === call.peer.account ? null : (
        <div className={styles.account} dir="ltr">
          {call.peer.account}
        </div>
      )}
      {incoming && call.conference !== null ? (
        <div className={styles.fact} data-testid="incoming-conference">
          <span className={styles.icon} aria-hidden="true">
            <PeopleAddRegular />
          </span>
          {t('conference.incoming', { name: call.peer.displayName, third: call.conference.third.displayName })}
        </div>
      ) : null}
      {incoming ? (
        <div className={styles.facts}>
          {call.peer.identity === 'unverified' ? (
            <div className={styles.fact}>
              <span className={mergeClasses(styles.icon, styles.warning)} aria-hidden="true">
                <WarningFilled />
              </span>
              {t('incoming.unverified')}
            </div>
          ) : null}
          <div className={styles.fact}>
            <span className={mergeClasses(styles.icon, endToEnd && styles.good)} aria-hidden="true">
              {endToEnd ? <ShieldLockFilled /> : <LockClosedRegular />}
            </span>
            {endToEnd ? t('incoming.endToEnd') : `${t('incoming.standard')}: ${t.standardReason(call.encryption.reason)}`}
          </div>
        </div>
      ) : null}
      {incoming ? <AnswerHint at={call.autoAnswerAt} /> : null}
    </div>
  );
}

/** How it is answered: by somebody at the panel, or by the room itself. */
function AnswerHint({ at }: { readonly at: string | null }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  if (at === null) return <div className={styles.hint}>{t('display.answerHint')}</div>;
  return (
    <div className={styles.auto} data-testid="auto-answer">
      {t('display.autoAnswer', { seconds: secondsUntil(at, now) })}
    </div>
  );
}
