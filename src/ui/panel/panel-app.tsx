// The panel: a view of the room's state, and what a finger has opened over it. Holds no other state.
import { makeStyles } from '@fluentui/react-components';
import { useEffect, useState } from 'react';
import type { CallView, RoomState } from '../../room/state.ts';
import { useNow, useRoom } from '../shared/room-context.tsx';
import { endedText, shieldText, text } from '../shared/texts.ts';
import { nothingOpened, type PanelScreen, screenOf } from './screen-choice.ts';
import { DialScreen } from './screens/dial.tsx';
import { EndedScreen } from './screens/ended.tsx';
import { HomeScreen } from './screens/home.tsx';
import { InCallScreen } from './screens/in-call.tsx';
import { IncomingScreen } from './screens/incoming.tsx';
import { OutgoingScreen } from './screens/outgoing.tsx';
import { ReconnectingScreen } from './screens/reconnecting.tsx';
import { SecurityScreen } from './screens/security.tsx';
import { isAsleep } from './sleep.ts';

const useStyles = makeStyles({
  announcement: { position: 'absolute', width: '1px', height: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' },
  asleep: { position: 'fixed', inset: 0, zIndex: 10, border: 'none', backgroundColor: '#000000' }
});

export function PanelApp() {
  const view = useRoom();
  const [opened, setOpened] = useState(nothingOpened);
  const styles = useStyles();
  const screen = screenOf(view, opened);
  const close = (call: CallView): void => setOpened({ ...nothingOpened, dismissedCall: call.id });

  // Whoever lifts a receiver wants to call somebody.
  const liftedAt = view.state?.devices.liftedAt ?? null;
  useEffect(() => {
    if (liftedAt !== null) setOpened((before) => ({ ...before, dial: true }));
  }, [liftedAt]);

  function shown(state: RoomState | null) {
    if (state === null || screen === 'reconnecting') return <ReconnectingScreen />;
    if (screen === 'dial') return <DialScreen room={state.room} onBack={() => setOpened({ ...opened, dial: false })} />;
    const call = state.call;
    if (call === null || screen === 'home') return <HomeScreen state={state} onCall={() => setOpened({ ...opened, dial: true })} />;
    if (screen === 'outgoing') return <OutgoingScreen call={call} />;
    if (screen === 'incoming') return <IncomingScreen call={call} />;
    // Each call's screens are mounted anew, so that nothing of one call is left in the next.
    if (screen === 'security') return <SecurityScreen key={call.id} call={call} onBack={() => setOpened({ ...opened, security: null })} />;
    if (screen === 'ended') return <EndedScreen key={call.id} call={call} events={state.health.securityEvents} onDone={() => close(call)} />;
    return <InCallScreen key={call.id} call={call} devices={state.devices} onShield={() => setOpened({ ...opened, dial: false, security: call.id })} />;
  }

  return (
    <>
      <div role="status" aria-live={screen === 'incoming' ? 'assertive' : 'polite'} data-testid="announcement" className={styles.announcement}>
        {announcement(view.state, screen)}
      </div>
      {shown(view.state)}
      {view.online && view.state !== null ? <Sleep state={view.state} /> : null}
    </>
  );
}

/** Darkness over everything while nobody is there. The touch that wakes it does nothing else. */
function Sleep({ state }: { readonly state: RoomState }) {
  const styles = useStyles();
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
  return <button type="button" className={styles.asleep} data-testid="asleep" aria-label={text('panel.wake')} />;
}

/** One sentence for the live region about where the call is. */
function announcement(state: RoomState | null, screen: PanelScreen): string {
  const call = state?.call ?? null;
  if (screen === 'reconnecting') return text('reconnecting.title');
  if (call === null) return '';
  const name = call.peer.displayName;
  if (screen === 'incoming') return `${text('incoming.title')}: ${name}`;
  if (screen === 'outgoing') return `${text(call.phase === 'ringing' ? 'outgoing.ringing' : 'outgoing.inviting')}: ${name}`;
  if (screen === 'ended') return call.ended === null ? text('ended.title') : endedText(call.ended).reason;
  if (screen === 'in-call' || screen === 'security') return call.phase === 'connecting' ? text('call.connecting') : `${name}. ${shieldText(call.encryption)}`;
  return '';
}
