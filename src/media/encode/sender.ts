// What the senders of picture and sound share: a source and an encoder that are opened together, kept open until stop(), closed together,
// and opened again after a while where one of them fails. stop() may come at any moment; when it has resolved the device is released.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import type { MediaFailure } from '../port.ts';
import { delay } from '../source/pacer.ts';

export const MAX_PAYLOAD_BYTES = 1150;
export const SENDER_CLOCK_MS = 1000;
const RETRY_MS = 2000;

export type Lifecycle = {
  /** Resolves when open, or when the first attempt failed and was reported; goes on trying. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * @param run opens, calls `opened`, works until `signal` aborts and closes what it opened; rejects where something fails
 * @param onProblem hears of the first failure in a row, and null when it is well again
 */
export function createLifecycle(
  run: (signal: AbortSignal, opened: () => void) => Promise<void>,
  clock: Clock,
  detectedBy: string,
  onProblem: (failure: MediaFailure | null) => void
): Lifecycle {
  let current: { readonly abort: AbortController; readonly opened: Promise<void>; readonly done: Promise<void> } | null = null;
  let previous: Promise<void> = Promise.resolve();

  async function keepRunning(signal: AbortSignal, settled: () => void): Promise<void> {
    let reported = false;
    while (!signal.aborted) {
      try {
        await run(signal, () => {
          if (reported && !signal.aborted) onProblem(null);
          reported = false;
          settled();
        });
      } catch (error) {
        const { code, message } = asCloisterError(error, 'CL_MEDIA_SOURCE');
        if (!signal.aborted && !reported) onProblem({ code, detectedBy, text: message });
        reported = true;
      }
      settled();
      await delay(clock, RETRY_MS, signal);
    }
  }

  return {
    start() {
      if (current !== null) return current.opened;
      const abort = new AbortController();
      const { promise: opened, resolve } = Promise.withResolvers<void>();
      const done = previous.then(() => keepRunning(abort.signal, resolve)).finally(resolve);
      current = { abort, opened, done };
      return opened;
    },
    async stop() {
      const stopping = current;
      current = null;
      if (stopping !== null) {
        stopping.abort.abort();
        previous = stopping.done;
      }
      await previous;
    }
  };
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
