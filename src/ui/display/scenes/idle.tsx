// Nobody is calling: which room this is, the time, how to call it; and what is wrong with it, if anything is.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import type { RoomState } from '../../../room/state.ts';
import { useNow } from '../../shared/room-context.tsx';
import { roomStatusOf } from '../../shared/room-status.ts';
import { TechnicalDetail } from '../../shared/technical-detail.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';

const useStyles = makeStyles({
  scene: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    justifyContent: 'space-between',
    padding: '5rem 6rem',
    backgroundImage: `radial-gradient(90rem 60rem at 85% 0, ${colours.glow} 0%, ${colours.ground} 75%)`
  },
  room: { margin: 0, fontSize: '5rem', fontWeight: 600, lineHeight: 1.1 },
  time: { fontSize: '15rem', fontWeight: 200, lineHeight: 1, letterSpacing: '-0.02em', fontVariantNumeric: 'tabular-nums' },
  date: { marginTop: '1.5rem', fontSize: '3.5rem', color: colours.quiet },
  foot: { display: 'flex', justifyContent: 'space-between', alignItems: 'flex-end', gap: '4rem', minHeight: '8rem' },
  how: { color: colours.quiet },
  address: { fontSize: '3.25rem', fontWeight: 600 },
  problem: { display: 'flex', alignItems: 'center', gap: '1.75rem', maxWidth: '58rem', padding: '1.5rem 2.5rem', borderRadius: '1.5rem', lineHeight: 1.25 },
  warning: { backgroundColor: colours.warningGround, border: `4px solid ${colours.edgeWarning}` },
  bad: { backgroundColor: colours.badGround, border: `4px solid ${colours.edgeBad}` },
  warningIcon: { color: colours.warning, fontSize: '4rem', lineHeight: 0 },
  badIcon: { color: colours.bad, fontSize: '4rem', lineHeight: 0 },
  problemTitle: { fontWeight: 600 }
});

export function IdleScene({ state }: { readonly state: RoomState }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const status = roomStatusOf(state, t);
  const bad = status.severity === 'bad';
  return (
    <div className={styles.scene}>
      <h1 className={styles.room}>{state.room.name}</h1>
      <div>
        <div className={styles.time}>{t.clock(now)}</div>
        <div className={styles.date}>{t.date(now)}</div>
      </div>
      <div className={styles.foot}>
        <div>
          <div className={styles.how}>{t('display.idle.how')}</div>
          <div className={styles.address} data-testid="room-address" dir="ltr">
            {state.room.account}
          </div>
        </div>
        {status.severity === 'good' ? null : (
          <div className={mergeClasses(styles.problem, bad ? styles.bad : styles.warning)} data-testid="room-status" data-severity={status.severity}>
            <span className={bad ? styles.badIcon : styles.warningIcon} aria-hidden="true">
              <WarningFilled />
            </span>
            <div>
              <div className={styles.problemTitle}>{status.title}</div>
              {status.detail === null ? null : <div>{status.detail}</div>}
              <TechnicalDetail words={status.technical} />
            </div>
          </div>
        )}
      </div>
    </div>
  );
}
