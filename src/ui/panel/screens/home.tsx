// Home: which room this is, whether it can be called, what its calls are protected by, the one big button, and whom people call most, one touch away.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { HistoryRegular } from '@fluentui/react-icons/svg/history';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { SettingsRegular } from '@fluentui/react-icons/svg/settings';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import { WarningFilled } from '@fluentui/react-icons/svg/warning';
import { WeatherMoonFilled, WeatherMoonRegular } from '@fluentui/react-icons/svg/weather-moon';
import type { RoomState } from '../../../room/state.ts';
import { useCommand, useNow } from '../../shared/room-context.tsx';
import { roomStatusOf } from '../../shared/room-status.ts';
import { TechnicalDetail } from '../../shared/technical-detail.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import type { Texts } from '../../texts/texts.ts';
import { OtherCalls } from '../other-calls.tsx';
import { OneTouchPeople } from '../people/one-touch-people.tsx';
import { CommandError, Screen } from '../screen.tsx';
import type { PageName } from '../screen-choice.ts';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  screen: { padding: '1.25rem 2rem', gap: '1rem' },
  header: { display: 'flex', justifyContent: 'space-between', alignItems: 'flex-start', gap: '2rem' },
  names: { minWidth: 0 },
  room: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2, overflowWrap: 'anywhere' },
  address: { color: colours.quiet, fontSize: panelSizes.large, overflowWrap: 'anywhere' },
  clock: { flexShrink: 0 },
  time: { fontSize: 'max(48px, 4.25rem)', fontWeight: 300, lineHeight: 1, fontVariantNumeric: 'tabular-nums', textAlign: 'end' },
  date: { color: colours.quiet, fontSize: panelSizes.large, textAlign: 'end', marginTop: '0.35rem' },
  middle: { flexGrow: 1, minHeight: 'max(180px, 13rem)', display: 'grid', gridTemplateRows: 'minmax(0, 1fr)', gap: '1rem' },
  withPeople: { gridTemplateColumns: 'minmax(0, 2fr) minmax(0, 3fr)' },
  alone: { placeItems: 'center' },
  call: {
    width: '100%',
    height: '100%',
    borderRadius: '1.75rem',
    fontSize: 'max(30px, 2.25rem)',
    boxShadow: `0 1rem 3rem ${colours.shadow}`,
    '& .touch-icon': { fontSize: '1.9em' }
  },
  callAlone: { width: 'max(240px, 22rem)', height: 'max(160px, min(15rem, 100%))' },
  cards: { display: 'grid', gridTemplateColumns: '1fr 1fr', gap: panelSizes.gap },
  card: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    minHeight: 'max(76px, 5.25rem)',
    padding: '0.6rem 1.25rem',
    borderRadius: '1rem',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.card,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    lineHeight: 1.3,
    textAlign: 'start'
  },
  touchable: {
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  cardGood: { color: colours.good },
  cardWarning: { color: colours.warning, backgroundColor: colours.warningGround, border: `2px solid ${colours.edgeWarning}` },
  cardBad: { color: colours.bad, backgroundColor: colours.badGround, border: `2px solid ${colours.edgeBad}` },
  cardQuiet: { color: colours.text },
  cardIcon: { fontSize: '2rem', lineHeight: 0, flexShrink: 0 },
  words: { minWidth: 0, overflowWrap: 'anywhere' },
  cardTitle: { display: 'block', color: colours.text, fontWeight: 600 },
  cardHint: { display: 'block', color: colours.quiet },
  cardHintStrong: { color: colours.text },
  dock: { display: 'grid', gridTemplateColumns: '1fr 1fr 1fr', gap: panelSizes.gap },
  dockButton: { minHeight: 'max(64px, 4.25rem)', padding: '0.25rem 1rem', fontSize: panelSizes.text },
  missed: {
    border: `2px solid ${colours.edgeBad}`,
    backgroundColor: colours.badGround,
    '& .touch-icon': { fontSize: '1.6em', color: colours.bad }
  },
  on: {
    backgroundColor: colours.inverse,
    color: colours.onInverse,
    ':active': { backgroundColor: colours.inversePressed }
  }
});

export function HomeScreen({ state, onOpen }: { readonly state: RoomState; readonly onOpen: (page: PageName) => void }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const command = useCommand();
  const { favourites, recents, missedUnseen } = state.people;
  const hasPeople = favourites.length > 0 || recents.length > 0;
  const silence = state.settings.doNotDisturb;
  return (
    <Screen testId="screen-home" name={state.room.name} className={styles.screen}>
      <header className={styles.header}>
        <div className={styles.names}>
          <h1 className={styles.room}>{state.room.name}</h1>
          <div className={styles.address} data-testid="room-address" dir="ltr">
            {state.room.account}
          </div>
        </div>
        <div className={styles.clock}>
          <div className={styles.time}>{t.clock(now)}</div>
          <div className={styles.date}>{t.date(now)}</div>
        </div>
      </header>
      <OtherCalls calls={state.otherCalls} front={null} />
      <div data-keeps-height className={mergeClasses(styles.middle, hasPeople ? styles.withPeople : styles.alone)}>
        <TouchButton
          testId="button-call"
          label={t('home.call')}
          icon={<CallFilled />}
          tone="brand"
          stacked
          className={mergeClasses(styles.call, !hasPeople && styles.callAlone)}
          onTouch={() => onOpen('call')}
        />
        {hasPeople ? <OneTouchPeople people={state.people} now={now} command={command} /> : null}
      </div>
      {command.error === null ? null : <CommandError error={command.error} />}
      <div className={styles.cards}>
        <StatusCard state={state} onTouch={() => onOpen('health')} />
        <EncryptionCard encryption={state.policy.encryption} />
      </div>
      <div className={styles.dock}>
        <TouchButton
          testId="button-recents"
          label={missedUnseen === 0 ? t('home.recents') : t('home.missed', { count: missedUnseen })}
          icon={<HistoryRegular />}
          className={mergeClasses(styles.dockButton, missedUnseen > 0 && styles.missed)}
          onTouch={() => onOpen('recents')}
        />
        <TouchButton
          testId="button-do-not-disturb"
          label={silence === null ? t('home.dnd') : `${t('home.dnd')} · ${silenceText(silence, t)}`}
          icon={silence === null ? <WeatherMoonRegular /> : <WeatherMoonFilled />}
          pressed={silence !== null}
          className={mergeClasses(styles.dockButton, silence !== null && styles.on)}
          disabled={command.pending === 'do-not-disturb'}
          onTouch={() => void command.run('do-not-disturb', '/api/v1/settings', { doNotDisturb: silence === null ? { minutes: null } : null }, 'PATCH')}
        />
        <TouchButton
          testId="button-settings"
          label={t('home.settings')}
          icon={<SettingsRegular />}
          className={styles.dockButton}
          onTouch={() => onOpen('settings')}
        />
      </div>
    </Screen>
  );
}

function silenceText(silence: NonNullable<RoomState['settings']['doNotDisturb']>, t: Texts): string {
  return silence.until === null ? t('home.dndOn') : t('home.dndUntil', { time: t.clock(Date.parse(silence.until)) });
}

/** What the room is; a touch shows all there is to say about it. */
function StatusCard({ state, onTouch }: { readonly state: RoomState; readonly onTouch: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const status = roomStatusOf(state, t);
  const style = { good: styles.cardGood, warning: styles.cardWarning, bad: styles.cardBad }[status.severity];
  return (
    <button
      type="button"
      className={mergeClasses(styles.card, styles.touchable, style)}
      data-testid="room-status"
      data-severity={status.severity}
      onClick={onTouch}
    >
      <span className={styles.cardIcon} aria-hidden="true">
        {status.severity === 'good' ? <CheckmarkCircleFilled /> : <WarningFilled />}
      </span>
      <span className={styles.words}>
        <span className={styles.cardTitle}>{status.title}</span>
        {status.detail === null ? null : (
          <span className={mergeClasses(styles.cardHint, status.severity !== 'good' && styles.cardHintStrong)}>{status.detail}</span>
        )}
        <TechnicalDetail words={status.technical} />
      </span>
    </button>
  );
}

function EncryptionCard({ encryption }: { readonly encryption: RoomState['policy']['encryption'] }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <section className={mergeClasses(styles.card, encryption.available ? styles.cardGood : styles.cardQuiet)} data-testid="room-encryption">
      <span className={styles.cardIcon} aria-hidden="true">
        {encryption.available ? <ShieldLockFilled /> : <LockClosedRegular />}
      </span>
      <span className={styles.words}>
        <span className={styles.cardTitle}>{encryption.available ? t('home.encryption.onTitle') : t('home.encryption.offTitle')}</span>
        <span className={styles.cardHint}>
          {encryption.available ? t(encryption.policy === 'Required' ? 'home.encryption.required' : 'home.encryption.on') : t.standardReason(encryption.reason)}
        </span>
      </span>
    </section>
  );
}
