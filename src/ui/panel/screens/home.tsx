// Home: which room this is, whether it can be called, what its calls are protected by, and the one big button.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { SettingsRegular } from '@fluentui/react-icons/svg/settings';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import type { RoomState } from '../../../room/state.ts';
import { useNow } from '../../shared/room-context.tsx';
import { roomStatusOf } from '../../shared/room-status.ts';
import { TechnicalDetail } from '../../shared/technical-detail.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Screen } from '../screen.tsx';
import type { PageName } from '../screen-choice.ts';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  header: { display: 'flex', justifyContent: 'space-between', alignItems: 'flex-start', gap: '2rem' },
  room: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2 },
  address: { color: colours.quiet, fontSize: panelSizes.large, overflowWrap: 'anywhere' },
  time: { fontSize: 'max(52px, 4.5rem)', fontWeight: 300, lineHeight: 1, fontVariantNumeric: 'tabular-nums', textAlign: 'end' },
  date: { color: colours.quiet, fontSize: panelSizes.large, textAlign: 'end', marginTop: '0.5rem' },
  middle: {
    flexGrow: 1,
    display: 'grid',
    placeItems: 'center',
    minHeight: 0
  },
  call: {
    width: 'max(240px, 20rem)',
    height: 'max(180px, 15rem)',
    borderRadius: '1.75rem',
    fontSize: 'max(30px, 2.25rem)',
    boxShadow: `0 1rem 3rem ${colours.shadow}`,
    '& .fui-Button__icon': { fontSize: '1.9em' }
  },
  cards: { display: 'grid', gridTemplateColumns: '1fr 1fr', gap: '1rem', margin: 0, padding: 0 },
  card: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    minHeight: 'max(84px, 6rem)',
    padding: '1rem 1.5rem',
    borderRadius: '1rem',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.card
  },
  touchable: { fontFamily: 'inherit', lineHeight: 'inherit', textAlign: 'start', cursor: 'pointer' },
  cardGood: { color: colours.good },
  cardWarning: { color: colours.warning, backgroundColor: colours.warningGround, border: `2px solid ${colours.edgeWarning}` },
  cardBad: { color: colours.bad, backgroundColor: colours.badGround, border: `2px solid ${colours.edgeBad}` },
  cardQuiet: { color: colours.text },
  cardIcon: { fontSize: '2rem', lineHeight: 0, flexShrink: 0 },
  cardTitle: { color: colours.text, fontWeight: 600, fontSize: panelSizes.text },
  cardHint: { color: colours.quiet, fontSize: panelSizes.text },
  cardHintStrong: { color: colours.text }
});

export function HomeScreen({ state, onOpen }: { readonly state: RoomState; readonly onOpen: (page: PageName) => void }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const status = roomStatusOf(state, t);
  const encryption = state.policy.encryption;
  const statusStyle = { good: styles.cardGood, warning: styles.cardWarning, bad: styles.cardBad }[status.severity];
  return (
    <Screen testId="screen-home" name={state.room.name}>
      <header className={styles.header}>
        <div>
          <h1 className={styles.room}>{state.room.name}</h1>
          <div className={styles.address} data-testid="room-address" dir="ltr">
            {state.room.account}
          </div>
        </div>
        <TouchButton testId="button-settings" label={t('settings.title')} icon={<SettingsRegular />} tone="quiet" onTouch={() => onOpen('settings')} />
        <div>
          <div className={styles.time}>{t.clock(now)}</div>
          <div className={styles.date}>{t.date(now)}</div>
        </div>
      </header>
      <div data-keeps-height className={styles.middle}>
        <TouchButton
          testId="button-call"
          label={t('home.call')}
          icon={<CallFilled />}
          tone="brand"
          stacked
          className={styles.call}
          onTouch={() => onOpen('call')}
        />
      </div>
      <div className={styles.cards}>
        <button
          type="button"
          className={mergeClasses(styles.card, styles.touchable, statusStyle)}
          data-testid="room-status"
          data-severity={status.severity}
          onClick={() => onOpen('health')}
        >
          <span className={styles.cardIcon} aria-hidden="true">
            {status.severity === 'good' ? <CheckmarkCircleFilled /> : <WarningFilled />}
          </span>
          <div>
            <div className={styles.cardTitle}>{status.title}</div>
            {status.detail === null ? null : (
              <div className={mergeClasses(styles.cardHint, status.severity !== 'good' && styles.cardHintStrong)}>{status.detail}</div>
            )}
            <TechnicalDetail words={status.technical} />
          </div>
        </button>
        <section className={mergeClasses(styles.card, encryption.available ? styles.cardGood : styles.cardQuiet)} data-testid="room-encryption">
          <span className={styles.cardIcon} aria-hidden="true">
            {encryption.available ? <ShieldLockFilled /> : <LockClosedRegular />}
          </span>
          <div>
            <div className={styles.cardTitle}>{encryption.available ? t('home.encryption.onTitle') : t('home.encryption.offTitle')}</div>
            <div className={styles.cardHint}>
              {!encryption.available
                ? t.standardReason(encryption.reason)
                : t(encryption.policy === 'Required' ? 'home.encryption.required' : 'home.encryption.on')}
            </div>
          </div>
        </section>
      </div>
    </Screen>
  );
}
