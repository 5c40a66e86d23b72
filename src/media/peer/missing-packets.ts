// Which packets of a stream are missing, and when to ask for them again. Pure: time is passed in. Numbers are extended by their rollovers.
// Invariants: at most MAX_MISSING are waited for; each is asked for in one question, said twice, and again only when an answer to the last question is overdue.

const MAX_MISSING = 256;
const GIVE_UP_MS = 600;
/** Each question twice. */
const MAX_QUESTIONS = 12;
/** A question is small and may be lost: it is asked twice, and the other side answers once in a round trip. */
const REPEAT_MS = 18;
/** Packets overtake each other by so much on a quiet path; on another one it is measured. */
const MIN_REORDER_MS = 4;
const MAX_REORDER_MS = 40;
const REORDER_DECAY = 0.98;
const UNKNOWN_ROUND_TRIP_MS = 100;
/** The answer's own way varies, and the other side answers a packet at most once per round trip as it sees it. */
const OVERDUE_FACTOR = 1.3;
const OVERDUE_MS = 15;

export type MissingPackets = {
  /** The numbers from `from` to before `to` were left out. */
  leftOut(from: number, to: number, nowMs: number): void;
  /** @param repair whether it came as a repair: only what comes by itself tells how far packets overtake each other */
  arrived(number: number, nowMs: number, repair: boolean): void;
  /** The numbers to ask for now, in rising order, modulo 2^16. */
  due(nowMs: number, roundTripMs: number | null): number[];
};

/** @param patience how many times as long, and as often, as what would soon be shown too late */
export function createMissingPackets(patience = 1): MissingPackets {
  const missing = new Map<number, { readonly sinceMs: number; askedAtMs: number; asked: number }>();
  let reorderMs = MIN_REORDER_MS;
  return {
    leftOut(from, to, nowMs) {
      // So long a gap is filled by a keyframe sooner.
      if (to - from > MAX_MISSING) return;
      for (let number = from; number < to && missing.size < MAX_MISSING; number += 1) missing.set(number, { sinceMs: nowMs, askedAtMs: nowMs, asked: 0 });
    },
    arrived(number, nowMs, repair) {
      const late = missing.get(number);
      if (late === undefined) return;
      missing.delete(number);
      const lateMs = nowMs - late.sinceMs;
      if (!repair && lateMs <= MAX_REORDER_MS) reorderMs = Math.max(reorderMs, lateMs + 1);
    },
    due(nowMs, roundTripMs) {
      if (missing.size === 0) return [];
      const overdueMs = (roundTripMs ?? UNKNOWN_ROUND_TRIP_MS) * OVERDUE_FACTOR + OVERDUE_MS;
      const repeatMs = Math.min(REPEAT_MS, overdueMs / 2);
      const pauseMs = (asked: number): number => {
        if (asked === 0) return reorderMs;
        return asked % 2 === 1 ? repeatMs : overdueMs - repeatMs;
      };
      const numbers: number[] = [];
      for (const [number, state] of missing) {
        if (nowMs - state.sinceMs > Math.max(patience * GIVE_UP_MS, 3 * overdueMs) || state.asked >= patience * MAX_QUESTIONS) missing.delete(number);
        else if (nowMs - state.askedAtMs >= pauseMs(state.asked)) {
          state.askedAtMs = nowMs;
          state.asked += 1;
          numbers.push(number);
        }
      }
      if (numbers.length > 0) reorderMs = Math.max(MIN_REORDER_MS, reorderMs * REORDER_DECAY);
      return numbers.sort((a, b) => a - b).map((number) => number & 0xffff);
    }
  };
}
