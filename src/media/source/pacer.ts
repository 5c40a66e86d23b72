// Real-time pacing on the monotonic clock: each tick is due at a multiple of the interval from the start, so errors do not add up.
import type { Clock, Timer } from '../../kernel/clock.ts';

export type Pacer = { stop(): void };

/**
 * Calls `tick` with its number, 0 at once, then every `intervalMs`. Ticks that were missed by more than `maxLateMs` are left out.
 * @param tick gets the number and the time at which it was due, monotonic milliseconds
 */
export function startPacer(clock: Clock, intervalMs: number, maxLateMs: number, tick: (index: number, dueMs: number) => void): Pacer {
  const startMs = clock.monotonicMs();
  let index = 0;
  let stopped = false;
  let timer: Timer | null = null;
  const run = (): void => {
    if (stopped) return;
    const nowMs = clock.monotonicMs();
    const due = startMs + index * intervalMs;
    if (nowMs - due > maxLateMs) index = Math.floor((nowMs - startMs) / intervalMs);
    const current = index++;
    tick(current, startMs + current * intervalMs);
    if (!stopped) timer = clock.schedule(Math.max(0, startMs + index * intervalMs - clock.monotonicMs()), run);
  };
  run();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    }
  };
}

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function delay(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.schedule(delayMs, done);
    signal.addEventListener('abort', done);
  });
}
