// Sends what a call has to say evenly instead of in bursts, the most urgent first. Pure: it has no timer, the caller asks when the next may go.
// Invariants: sound never waits; among the rest a kind leaves only when nothing of a more urgent kind is there, and in the order it came.

const KINDS = ['audio', 'repair', 'screen', 'video', 'padding'] as const;
export type PacedKind = (typeof KINDS)[number];

export type PacedItem = { readonly kind: PacedKind; readonly bytes: number; send(): void };

export type Pacer = {
  push(item: PacedItem, nowMs: number): void;
  /** Sends what may go now. @returns milliseconds until there is more to send; Infinity for an empty queue */
  due(nowMs: number): number;
  /** @param kbps what the path is thought to carry; packets leave faster, so that a big frame does not wait long */
  setRate(kbps: number): void;
  /** The next `bytes` leave at `kbps`, to find out whether the path carries it. */
  probe(kbps: number, bytes: number): void;
  /** How long what is queued will take. More than MAX_QUEUED_MS says that the encoder makes too much. */
  queuedMs(nowMs: number): number;
  /** Forgets what is queued of this kind. */
  drop(kind: PacedKind): void;
};

const FACTOR = 2;
export const MAX_QUEUED_MS = 250;
/** A longer queue leaves at most so much faster: the path would only queue it instead. */
const MAX_HURRY = 2;
/** A timer that came late is made up for, up to this. */
const CATCH_UP_MS = 10;
const START_KBPS = 300;

export function createPacer(): Pacer {
  const queues = new Map<PacedKind, PacedItem[]>(KINDS.map((kind) => [kind, []]));
  let queuedBytes = 0;
  let rateKbps = START_KBPS * FACTOR;
  let probing = { kbps: 0, bytes: 0 };
  let freeAtMs = Number.NEGATIVE_INFINITY;

  function currentKbps(): number {
    const hurried = Math.min(MAX_HURRY * rateKbps, Math.max(rateKbps, (queuedBytes * 8) / MAX_QUEUED_MS));
    return probing.bytes > 0 ? Math.max(probing.kbps, hurried) : hurried;
  }

  function leave(item: PacedItem, nowMs: number): void {
    const nextMs = Math.max(freeAtMs, nowMs - CATCH_UP_MS) + (item.bytes * 8) / currentKbps();
    // Sound does not wait, whatever there is of it: it may hold up the rest, but not for ever.
    freeAtMs = Math.min(nextMs, nowMs + MAX_QUEUED_MS);
    probing.bytes -= item.bytes;
    item.send();
  }

  return {
    push(item, nowMs) {
      if (item.kind === 'audio') {
        leave(item, nowMs);
        return;
      }
      // Where nothing waited there is nothing to make up for: a frame begins evenly.
      if (queuedBytes === 0) freeAtMs = Math.max(freeAtMs, nowMs);
      queues.get(item.kind)?.push(item);
      queuedBytes += item.bytes;
    },
    due(nowMs) {
      while (freeAtMs <= nowMs) {
        const item = KINDS.map((kind) => queues.get(kind))
          .find((queue) => queue !== undefined && queue.length > 0)
          ?.shift();
        if (item === undefined) return Infinity;
        queuedBytes -= item.bytes;
        leave(item, nowMs);
      }
      return queuedBytes > 0 ? freeAtMs - nowMs : Infinity;
    },
    setRate(kbps) {
      rateKbps = Math.max(1, kbps) * FACTOR;
    },
    probe(kbps, bytes) {
      probing = { kbps, bytes };
    },
    queuedMs: (nowMs) => (queuedBytes === 0 ? 0 : Math.max(0, freeAtMs - nowMs) + (queuedBytes * 8) / rateKbps),
    drop(kind) {
      const queue = queues.get(kind) ?? [];
      queuedBytes -= queue.reduce((sum, item) => sum + item.bytes, 0);
      queue.length = 0;
    }
  };
}
