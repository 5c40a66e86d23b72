// What was sent and may be asked for again, and how a repair travels: as a stream of its own (RFC 4588) or as the very datagram once more. Pure.
// Invariant: whatever the other side asks for, a packet goes out again at most MAX_RESENDS times, and not twice within a round trip.

const HISTORY_PACKETS = 1024;
const MAX_RESENDS = 4;
const MIN_PAUSE_MS = 10;

export type SentHistory<T> = {
  remember(sequenceNumber: number, sent: T, nowMs: number): void;
  /** What is still there of `sequenceNumbers`, each not more often than once per round trip, and not while it is `underway`. */
  repair(sequenceNumbers: readonly number[], nowMs: number, roundTripMs: number | null, underway?: (sent: T) => boolean): T[];
};

export function createSentHistory<T>(): SentHistory<T> {
  const history: ({ readonly sequenceNumber: number; readonly sent: T; atMs: number; resends: number } | undefined)[] = new Array(HISTORY_PACKETS);
  return {
    remember(sequenceNumber, sent, nowMs) {
      history[sequenceNumber % HISTORY_PACKETS] = { sequenceNumber, sent, atMs: nowMs, resends: 0 };
    },
    repair(sequenceNumbers, nowMs, roundTripMs, underway = () => false) {
      const pauseMs = Math.max(MIN_PAUSE_MS, roundTripMs ?? 0);
      return sequenceNumbers.flatMap((sequenceNumber) => {
        const entry = history[sequenceNumber % HISTORY_PACKETS];
        if (entry?.sequenceNumber !== sequenceNumber || entry.resends >= MAX_RESENDS) return [];
        if ((entry.resends > 0 && nowMs - entry.atMs < pauseMs) || underway(entry.sent)) return [];
        entry.resends += 1;
        entry.atMs = nowMs;
        return [entry.sent];
      });
    }
  };
}

/** RFC 4588 section 4: the original's number, then its payload. */
export function wrapRepair(sequenceNumber: number, payload: Uint8Array): Buffer {
  const wrapped = Buffer.allocUnsafe(2 + payload.length);
  wrapped.writeUInt16BE(sequenceNumber, 0);
  wrapped.set(payload, 2);
  return wrapped;
}

/** @returns null for what repairs nothing, such as padding */
export function unwrapRepair(payload: Uint8Array): { readonly sequenceNumber: number; readonly payload: Uint8Array } | null {
  const [high, low] = payload;
  if (high === undefined || low === undefined || payload.length < 3) return null;
  return { sequenceNumber: (high << 8) | low, payload: payload.subarray(2) };
}
