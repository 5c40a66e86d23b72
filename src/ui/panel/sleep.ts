// When the panel sleeps: a sensor says that nobody is in the room, nothing happens, and nobody has touched it for a while. Pure.
import type { RoomState } from '../../room/state.ts';

export const SLEEP_AFTER_MS = 60_000;

/** Without a sensor a panel never sleeps: nobody would be seen coming. */
export function isAsleep(state: RoomState, untouchedMs: number): boolean {
  const idle = state.call === null || state.call.phase === 'ended';
  const { hid, liftedAt } = state.devices;
  return idle && liftedAt === null && hid.presence === false && untouchedMs >= SLEEP_AFTER_MS;
}
