// What remains of a call when it is over: who, when, how it went. Pure.
import type { CallRecord } from '../call/call.ts';
import type { EncryptionState, RecentCall } from '../room/state.ts';

/**
 * @param encryption what the call had been, as the verdict said it
 * @returns null for a call that is not over, and for one that somebody took at another device of the account
 */
export function recentCallOf(call: CallRecord, encryption: EncryptionState | null): RecentCall | null {
  const outcome = outcomeOf(call);
  if (outcome === null) return null;
  const { startedAtMs, endedAtMs } = call;
  return {
    id: call.id,
    account: call.peer.account,
    displayName: call.peer.displayName,
    direction: call.direction,
    outcome,
    at: new Date(call.placedAtMs).toISOString(),
    // The clock may have been set back meanwhile.
    durationMs: startedAtMs === null || endedAtMs === null ? 0 : Math.max(0, endedAtMs - startedAtMs),
    encryption
  };
}

function outcomeOf({ direction, answered, startedAtMs, ended }: CallRecord): RecentCall['outcome'] | null {
  if (ended === null) return null;
  if (startedAtMs !== null) return 'talked';
  const { reason, by } = ended;
  if (direction === 'incoming') {
    if (reason === 'answered-elsewhere') return null;
    if (answered) return 'failed';
    if (by === 'here') return reason === 'declined' ? 'declined' : 'failed';
    return 'missed';
  }
  if (reason === 'declined') return 'declined';
  return NOT_ANSWERED.has(reason) && !answered ? 'not-answered' : 'failed';
}

const NOT_ANSWERED: ReadonlySet<string> = new Set(['hangup', 'timeout', 'busy', 'answered-elsewhere']);
