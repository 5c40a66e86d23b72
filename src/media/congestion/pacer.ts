// Sends what a call has to say evenly instead of in bursts, the most urgent first. Pure: it has no timer, the caller asks when the next may go.
// Invariants: sound never waits; among the rest a kind leaves only when nothing of a more urgent kind is there, and in the order it came.

const KINDS = ['audio', 'screen-repair', 'screen', 'video-repair', 'video', 'padding'] as const;
export type PacedKind = (typeof KINDS)[number];

export type PacedItem = { readonly kind: PacedKind; readonly bytes: number; send(): void /** Forgotten instead. */; dropped?(): void };

export type Pacer = {
  push(item: PacedItem, nowMs: number): void;
  /** Sends what may go now. @returns milliseconds until there is more to send; Infinity for an empty queue */
  due(nowMs: number): number;
  /** @param kbps what the path is thought to carry; packets leave faster, so that a big frame does not wait long */
  setRate(kbps: number): void;
  /** The next `bytes` leave at `kbps`, to find out whether the path carries it. */
  probe(kbps: number, bytes: number): void;
  /** How long what is queued will take. */
  queuedMs(nowMs: number): number;
  /** Forgets what is queued of this kind. @returns whether there was anything */
  drop(kind: PacedKind): boolean;
};

const FACTOR = 2;
/** A page of which more than this is left leaves at the rate itself: twice the rate for seconds fills every queue on the way, and what overflows is lost. */
const LONG_PAGE_MS = 100;
/** A timer that came late is made up for, up to this. */
const CATCH_UP_MS = 10;
export const MAX_HELD_UP_MS = 250;
const START_KBPS = 300;

export function createPacer(): Pacer {
  const queues = new Map<PacedKind, PacedItem[]>(KINDS.map((kind) => [kind, []]));
  let queuedBytes = 0;
  let rateKbps = START_KBPS * FACTOR;
  let probing = { kbps: 0, bytes: 0 };
  let freeAtMs = Number.NEGATIVE_INFINITY;

  function kbpsFor(kind: PacedKind): number {
    const long = kind === 'screen' && (queuedBytes * 8 * FACTOR) / rateKbps > LONG_PAGE_MS;
    const kbps = long ? rateKbps / FACTOR : rateKbps;
    return probing.bytes > 0 ? Math.max(probing.kbps, kbps) : kbps;
  }

  function leave(item: PacedItem, nowMs: number): void {
    const nextMs = Math.max(freeAtMs, nowMs - CATCH_UP_MS) + (item.bytes * 8) / kbpsFor(item.kind);
    // Sound does not wait, whatever there is of it: it may hold up the rest, but not for ever.
    freeAtMs = Math.min(nextMs, nowMs + MAX_HELD_UP_MS);
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
      const forgotten = queues.get(kind)?.splice(0) ?? [];
      for (const item of forgotten) {
        queuedBytes -= item.bytes;
        item.dropped?.();
      }
      return forgotten.length > 0;
    }
  };
}
