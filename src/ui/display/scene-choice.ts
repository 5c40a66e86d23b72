// Which scene the display shows: a pure function of the room's state; the display has no finger.
import type { RoomView } from '../shared/room-client.ts';
import { roomSeverityOf } from '../shared/room-status.ts';

export type Scene = 'reconnecting' | 'idle' | 'problem' | 'ringing' | 'in-call' | 'ended';

/** @param expiredCall the ended call that was shown long enough */
export function sceneOf(view: RoomView, expiredCall: string | null): Scene {
  const { state, online } = view;
  // A running call's picture comes from the media process, not from the agent: it stays while only the agent is away.
  if (state === null || (!online && !isRunning(view))) return 'reconnecting';
  const call = state.call;
  if (call === null || (call.phase === 'ended' && call.id === expiredCall)) return roomSeverityOf(state) === 'bad' ? 'problem' : 'idle';
  if (call.phase === 'ended') return 'ended';
  return call.phase === 'inviting' || call.phase === 'ringing' ? 'ringing' : 'in-call';
}
function isRunning(view: RoomView): boolean {
  const phase = view.state?.call?.phase;
  return phase === 'connecting' || phase === 'connected' || phase === 'on-hold';
}
