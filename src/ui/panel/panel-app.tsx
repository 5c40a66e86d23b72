// The panel: a view of the room's state, and what a finger has opened over it. Holds no other state.
import { makeStyles } from '@fluentui/react-components';
import { type ReactElement, useEffect, useState } from 'react';
import type { CallView, RoomState } from '../../room/state.ts';
import { conferenceAnnouncement, encryptionOf, remotesOf } from '../shared/conference.ts';
import { useNow, useRoom } from '../shared/room-context.tsx';
import { useTexts } from '../shared/use-texts.ts';
import type { Texts } from '../texts/texts.ts';
import { Pairing } from './pairing.tsx';
import { back, nothingOpened, type Opened, open, type PageName, type PanelScreen, parkedCall, screenOf } from './screen-choice.ts';
import { CallScreen } from './screens/call.tsx';
import { CameraScreen } from './screens/camera.tsx';
import { DialTonesScreen } from './screens/dial-tones.tsx';
import { EndedScreen } from './screens/ended.tsx';
import { HealthScreen } from './screens/health.tsx';
import { HomeScreen } from './screens/home.tsx';
import { InCallScreen } from './screens/in-call.tsx';
import { IncomingScreen } from './screens/incoming.tsx';
import { MoreScreen } from './screens/more.tsx';
import { OutgoingScreen } from './screens/outgoing.tsx';
import { ParkedScreen } from './screens/parked.tsx';
import { ReconnectingScreen } from './screens/reconnecting.tsx';
import { SecurityScreen } from './screens/security.tsx';
import { SettingsScreen } from './screens/settings/settings-screen.tsx';
import { ShareScreen } from './screens/share.tsx';
import { isAsleep } from './sleep.ts';

const useStyles = makeStyles({
  announcement: { position: 'absolute', width: '1px', height: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' },
  asleep: { position: 'fixed', inset: 0, zIndex: 10, border: 'none', backgroundColor: '#000000' }
});

/** What a screen is given: the room, and ways to go elsewhere. */
type Shown = {
  readonly state: RoomState;
  readonly onOpen: (page: PageName) => void;
  /** Closes this screen. */
  readonly onBack: () => void;
};
type ShownInCall = Shown & { readonly call: CallView; readonly onDone: () => void };

// A new screen is one file in screens/ and one line in one of these two tables. A page without a line shows what it would lie over:
// settings and health plug in here.
const ROOM_SCREENS: Readonly<Partial<Record<PanelScreen, (shown: Shown) => ReactElement>>> & { readonly home: (shown: Shown) => ReactElement } = {
  home: ({ state, onOpen }) => <HomeScreen state={state} onOpen={onOpen} />,
  call: ({ state, onBack }) => <CallScreen key="call" state={state} part="people" onBack={onBack} />,
  recents: ({ state, onBack }) => <CallScreen key="recents" state={state} part="recents" onBack={onBack} />,
  settings: ({ state, onOpen, onBack }) => <SettingsScreen state={state} onOpen={onOpen} onBack={onBack} />,
  health: ({ state, onBack }) => <HealthScreen state={state} onBack={onBack} />,
  camera: ({ state, onBack }) => <CameraScreen call={null} devices={state.devices} onBack={onBack} />
};

// Each call's screens are mounted anew, so that nothing of one call is left in the next.
const CALL_SCREENS: Readonly<Partial<Record<PanelScreen, (shown: ShownInCall) => ReactElement>>> & {
  readonly 'in-call': (shown: ShownInCall) => ReactElement;
} = {
  outgoing: ({ call }) => <OutgoingScreen call={call} />,
  incoming: ({ call }) => <IncomingScreen key={call.id} call={call} />,
  'in-call': ({ call, state, onOpen }) => <InCallScreen key={call.id} call={call} state={state} onOpen={onOpen} />,
  security: ({ call, state, onBack }) => <SecurityScreen key={call.id} call={call} state={state} onBack={onBack} />,
  camera: ({ call, state, onBack }) => <CameraScreen key={call.id} call={call} devices={state.devices} onBack={onBack} />,
  'dial-tones': ({ call, onBack }) => <DialTonesScreen key={call.id} call={call} onBack={onBack} />,
  share: ({ call, state, onBack }) => <ShareScreen key={call.id} call={call} state={state} onBack={onBack} />,
  more: ({ call, state, onBack }) => <MoreScreen key={call.id} call={call} state={state} onBack={onBack} />,
  ended: ({ call, state, onDone }) => <EndedScreen key={call.id} call={call} state={state} onDone={onDone} />
};

const OF_THE_ROOM: ReadonlySet<PanelScreen> = new Set(['home', 'call', 'recents', 'settings', 'health']);

/** @param props.opened what is open at first; nothing where left out */
export function PanelApp({ opened: openedAtFirst = nothingOpened }: { readonly opened?: Opened }) {
  const view = useRoom();
  const t = useTexts();
  const [opened, setOpened] = useState(openedAtFirst);
  const styles = useStyles();
  const screen = screenOf(view, opened);

  // Whoever lifts a receiver wants to call somebody.
  const liftedAt = view.state?.devices.liftedAt ?? null;
  useEffect(() => {
    if (liftedAt !== null) setOpened((before) => open(before, 'call', null));
  }, [liftedAt]);

  function shown(state: RoomState | null): ReactElement {
    if (state === null || screen === 'reconnecting')
      return (
        <>
          <ReconnectingScreen />
          <Pairing />
        </>
      );
    const call = state.call;
    const navigation = {
      state,
      onOpen: (page: PageName) => setOpened((before) => open(before, page, call?.id ?? null)),
      onBack: () => setOpened(back)
    };
    const parked = screen === 'parked' ? parkedCall(state, opened) : null;
    if (parked !== null) return <ParkedScreen call={parked} room={state.room} onDone={() => setOpened({ ...opened, dismissedCall: parked.id })} />;
    if (call === null || OF_THE_ROOM.has(screen)) return (ROOM_SCREENS[screen] ?? ROOM_SCREENS.home)(navigation);
    return (CALL_SCREENS[screen] ?? CALL_SCREENS['in-call'])({ ...navigation, call, onDone: () => setOpened({ ...nothingOpened, dismissedCall: call.id }) });
  }

  return (
    <>
      <div role="status" aria-live={screen === 'incoming' ? 'assertive' : 'polite'} data-testid="announcement" className={styles.announcement}>
        {announcement(view.state, screen, t)}
      </div>
      {shown(view.state)}
      {view.online && view.state !== null ? <Sleep state={view.state} /> : null}
    </>
  );
}

/** Darkness over everything while nobody is there. The touch that wakes it does nothing else. */
function Sleep({ state }: { readonly state: RoomState }) {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const [touchedAt, setTouchedAt] = useState(now);
  useEffect(() => {
    const touched = (): void => setTouchedAt(Date.now());
    window.addEventListener('pointerdown', touched, true);
    window.addEventListener('keydown', touched, true);
    return () => {
      window.removeEventListener('pointerdown', touched, true);
      window.removeEventListener('keydown', touched, true);
    };
  }, []);
  // Who came in and left again finds it awake for as long.
  const { presence } = state.devices.hid;
  useEffect(() => {
    if (presence !== false) setTouchedAt(Date.now());
  }, [presence]);
  if (!isAsleep(state, now - touchedAt)) return null;
  return <button type="button" className={styles.asleep} data-testid="asleep" aria-label={t('panel.wake')} />;
}

/** One sentence for the live region about where the call is. */
function announcement(state: RoomState | null, screen: PanelScreen, t: Texts): string {
  const call = state?.call ?? null;
  if (screen === 'reconnecting') return t('reconnecting.title');
  if (state === null || call === null || screen === 'parked' || OF_THE_ROOM.has(screen)) return '';
  const name = call.peer.displayName;
  if (screen === 'incoming') return `${t('incoming.title')}: ${name}`;
  if (screen === 'outgoing') return `${t(call.phase === 'ringing' ? 'outgoing.ringing' : 'outgoing.inviting')}: ${name}`;
  if (screen === 'ended') return call.ended === null ? t('ended.title') : t.ended(call.ended).reason;
  if (call.phase === 'connecting') return t('call.connecting');
  return `${conferenceAnnouncement(call, state, t) ?? `${name}.`} ${t.shield(encryptionOf(remotesOf(call, state)))}`;
}
