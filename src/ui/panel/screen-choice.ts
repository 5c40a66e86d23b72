// Which screen the panel shows: a pure function of the room's state and of what the finger opened. The room always comes first:
// an incoming call is over anything, and a screen of a call that is over cannot stay.
import type { RoomState } from '../../room/state.ts';
import type { RoomView } from '../shared/room-client.ts';

/** What a finger has opened. `dismissedCall` is the ended call whose last screen was closed. */
type Opened = { readonly dial: boolean; readonly security: string | null; readonly dismissedCall: string | null };

export const nothingOpened: Opened = { dial: false, security: null, dismissedCall: null };

export type PanelScreen = 'reconnecting' | 'home' | 'dial' | 'outgoing' | 'incoming' | 'in-call' | 'security' | 'ended';

export function screenOf(view: RoomView, opened: Opened): PanelScreen {
  if (!view.online || view.state === null) return 'reconnecting';
  return screenOfState(view.state, opened);
}

function screenOfState(state: RoomState, opened: Opened): PanelScreen {
  const call = state.call;
  if (call === null || (call.phase === 'ended' && call.id === opened.dismissedCall)) return opened.dial ? 'dial' : 'home';
  if (call.phase === 'ended') return 'ended';
  if (call.phase === 'inviting' || call.phase === 'ringing') return call.direction === 'incoming' ? 'incoming' : 'outgoing';
  return opened.security === call.id ? 'security' : 'in-call';
}
