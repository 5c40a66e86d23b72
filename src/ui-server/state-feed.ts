// The room's state as a numbered sequence: a snapshot, then RFC 6902 patches, the latest of which are kept for whoever comes back.
// Invariants: bounded in number and bytes; what is kept holds no security code once that is not current any more. Ids carry a random part
// of this start, so that an id of the last run is never taken for one of ours.
import { createPatch, type Operation } from 'rfc6902';
import type { CallView, RoomState } from '../room/state.ts';

export type StateEvent = { readonly id: string; readonly type: 'state' | 'patch'; readonly data: string };

export type StateFeed = {
  /** Takes the room's new state; the patch that leads to it, or null where nothing changed. */
  update(state: RoomState): { readonly event: StateEvent; readonly codeGone: boolean } | null;
  /** What a listener that last saw `lastEventId` needs: the patches since, or a snapshot where they are not there any more. */
  since(lastEventId: string | undefined): readonly StateEvent[];
};

const MAX_PATCHES = 256;
const MAX_PATCH_CHARACTERS = 256 * 1024;

/** Each with its call: one that is another call's now is gone, too. */
const codesOf = ({ call, otherCalls }: RoomState): readonly string[] =>
  [call, ...otherCalls].flatMap((each) => (each === null || each.encryption.securityCode === null ? [] : [`${each.id} ${each.encryption.securityCode}`]));
const callEnded = (before: CallView | null, after: CallView | null): boolean =>
  before !== null && before.phase !== 'ended' && (after === null || after.id !== before.id || after.phase === 'ended');

/** @param start a random text of this start, `[a-z0-9]+` */
export function createStateFeed(initial: RoomState, start: string): StateFeed {
  let current = initial;
  let sequence = 0;
  let kept: StateEvent[] = [];
  let keptCharacters = 0;

  const idOf = (number: number): string => `${start}-${number}`;
  return {
    update(next) {
      if (next === current) return null;
      const operations: Operation[] = createPatch(current, next);
      const codesNow = codesOf(next);
      const codeGone = codesOf(current).some((code) => !codesNow.includes(code)) || callEnded(current.call, next.call);
      current = next;
      if (operations.length === 0) return null;
      sequence += 1;
      const event: StateEvent = { id: idOf(sequence), type: 'patch', data: JSON.stringify(operations) };
      if (codeGone) {
        kept = [];
        keptCharacters = 0;
      }
      kept.push(event);
      keptCharacters += event.data.length;
      while (kept.length > MAX_PATCHES || keptCharacters > MAX_PATCH_CHARACTERS) keptCharacters -= kept.shift()?.data.length ?? 0;
      return { event, codeGone };
    },
    since(lastEventId) {
      const oldest = sequence - kept.length; // the state that the oldest patch kept begins at
      const seen = Number(lastEventId?.slice(start.length + 1));
      if (Number.isInteger(seen) && seen >= oldest && seen <= sequence && lastEventId === idOf(seen)) return kept.slice(seen - oldest);
      return [{ id: idOf(sequence), type: 'state', data: JSON.stringify(current) }];
    }
  };
}
