// Which messages were accepted already. Invariants: bounded; an id is forgotten only when its message could no longer pass by its own
// expiry; when it is full of ids that could still pass it refuses new ones rather than forget, and no one sender can fill it alone.

export type Admission = 'new' | 'seen' | 'full';

export type ReplayCache = {
  /**
   * Takes note of a message, unless it was seen or there is no room.
   * @param sender who signed it; one sender's ids never collide with another's
   * @param forgetAtMs when the message can no longer pass, on the clock of `nowMs`
   */
  admit(sender: string, id: string, forgetAtMs: number, nowMs: number): Admission;
  /** When a message was first admitted; undefined where it was not or is forgotten. */
  firstSeenMs(sender: string, id: string): number | undefined;
  /** What has to be remembered across a restart. */
  entries(): Iterable<RememberedMessage>;
};

export type RememberedMessage = { readonly sender: string; readonly id: string; readonly forgetAtMs: number };

type Entry = RememberedMessage & { readonly seenMs: number };

/** @param limits how many ids are kept in all and of one sender */
export function createReplayCache(limits: { readonly total: number; readonly perSender: number } = { total: 16_384, perSender: 4_096 }): ReplayCache {
  const entries = new Map<string, Entry>();
  const counts = new Map<string, number>();
  let sweepAtMs = Number.POSITIVE_INFINITY;
  const keyOf = (sender: string, id: string): string => `${sender}/${id}`;

  function sweep(nowMs: number): void {
    sweepAtMs = Number.POSITIVE_INFINITY;
    for (const [key, entry] of entries) {
      if (entry.forgetAtMs > nowMs) {
        sweepAtMs = Math.min(sweepAtMs, entry.forgetAtMs);
        continue;
      }
      entries.delete(key);
      const left = (counts.get(entry.sender) ?? 1) - 1;
      if (left === 0) counts.delete(entry.sender);
      else counts.set(entry.sender, left);
    }
  }

  return {
    admit(sender, id, forgetAtMs, nowMs) {
      const key = keyOf(sender, id);
      const count = counts.get(sender) ?? 0;
      const crowded = entries.size >= limits.total || count >= limits.perSender;
      // Looking at every entry is for when room is needed or half of the room is taken by what may go.
      if (nowMs >= sweepAtMs && (crowded || entries.size * 2 >= limits.total)) {
        sweep(nowMs);
        return this.admit(sender, id, forgetAtMs, nowMs);
      }
      if (entries.has(key)) return 'seen';
      if (crowded) return 'full';
      entries.set(key, { sender, id, forgetAtMs, seenMs: nowMs });
      counts.set(sender, count + 1);
      sweepAtMs = Math.min(sweepAtMs, forgetAtMs);
      return 'new';
    },
    firstSeenMs: (sender, id) => entries.get(keyOf(sender, id))?.seenMs,
    entries: () => entries.values()
  };
}
