// Time as a port, so that no pure code reads a clock and tests need no real sleep.

export type Timer = { cancel(): void };

export type Clock = {
  /** Wall clock, milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds that never go back; the zero is arbitrary. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`. A pending timer does not keep the process alive by itself. */
  schedule(delayMs: number, run: () => void): Timer;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, run) => {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }
};
