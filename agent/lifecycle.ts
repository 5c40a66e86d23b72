// Starting in order, stopping in reverse, each part with a time limit, so that one that hangs cannot keep the rest from closing.
import type { Clock } from '../src/kernel/clock.ts';
import type { Log } from '../src/kernel/log.ts';

export type Part = { readonly name: string; readonly part: AsyncDisposable & { start?(signal: AbortSignal): Promise<void> } };

const STOP_LIMIT_MS = 3_000;

/**
 * Starts the parts one after the other; when one fails, those that were started are stopped again and its error is thrown.
 * @returns what stops them all, in reverse order; never rejects
 */
export async function startInOrder(parts: readonly Part[], signal: AbortSignal, clock: Clock, log: Log): Promise<() => Promise<void>> {
  const started: Part[] = [];
  const stop = async (): Promise<void> => {
    for (const { name, part } of started.splice(0).reverse()) {
      const closing = Promise.resolve(part[Symbol.asyncDispose]()).then(
        () => 'closed',
        (error) => String(error)
      );
      const limit = new Promise<string>((resolve) => {
        const timer = clock.schedule(STOP_LIMIT_MS, () => resolve('timed out'));
        closing.then(() => timer.cancel());
      });
      const outcome = await Promise.race([closing, limit]);
      if (outcome !== 'closed') log.warn('a part did not close cleanly', { part: name, outcome });
    }
  };
  try {
    for (const each of parts) {
      signal.throwIfAborted();
      started.push(each);
      await each.part.start?.(signal);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once, for whoever has no patience. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1));
        resolve(name);
      });
    }
  });
}
