// A clock that stands still until a test moves it, so that no unit test sleeps.
// Timers run in the order of their time, then of their making, each at its own time; those made meanwhile run too when due.
import type { Clock, Timer } from '../../src/kernel/clock.ts';

export type FakeClock = Clock & {
  /** Moves both times forward by `ms`, running what falls due. The first error that a timer throws ends the advance. */
  advance(ms: number): void;
  /** Like advance, but lets promises settle before the first timer, after each, and at the end. */
  advanceAsync(ms: number): Promise<void>;
  /** Moves the wall clock alone (it may jump); timers and monotonicMs do not notice. */
  jump(ms: number): void;
  /** How many timers wait: 0 at a test's end shows that nothing was left behind. */
  readonly pending: number;
};

/** @param nowMs the wall clock at the start, milliseconds since 1970; monotonicMs starts at 0 */
export function createFakeClock(nowMs = Date.UTC(2026, 0, 1)): FakeClock {
  type Entry = { readonly dueMs: number; readonly order: number; readonly run: () => void };
  const waiting = new Set<Entry>();
  let wallOffsetMs = nowMs;
  let elapsedMs = 0;
  let made = 0;

  const nextDue = (endMs: number): Entry | undefined => {
    let first: Entry | undefined;
    for (const entry of waiting) {
      if (entry.dueMs > endMs) continue;
      if (!first || entry.dueMs < first.dueMs || (entry.dueMs === first.dueMs && entry.order < first.order)) first = entry;
    }
    return first;
  };
  const fire = (entry: Entry): void => {
    waiting.delete(entry);
    elapsedMs = Math.max(elapsedMs, entry.dueMs);
    entry.run();
  };

  return {
    now: () => wallOffsetMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    schedule(delayMs, run): Timer {
      const entry: Entry = { dueMs: elapsedMs + Math.max(0, delayMs), order: made++, run };
      waiting.add(entry);
      return { cancel: () => void waiting.delete(entry) };
    },
    advance(ms) {
      const endMs = elapsedMs + ms;
      for (let entry = nextDue(endMs); entry; entry = nextDue(endMs)) fire(entry);
      elapsedMs = endMs;
    },
    async advanceAsync(ms) {
      const endMs = elapsedMs + ms;
      await settle();
      for (let entry = nextDue(endMs); entry; entry = nextDue(endMs)) {
        fire(entry);
        await settle();
      }
      elapsedMs = Math.max(elapsedMs, endMs);
    },
    jump(ms) {
      wallOffsetMs += ms;
    },
    get pending() {
      return waiting.size;
    }
  };
}

/** One turn of the event loop: every promise that can settle without I/O or a timer has settled. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
