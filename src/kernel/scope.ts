// Owns what was started: timers, listeners, children. Whoever starts something gives it to a scope;
// disposing the scope undoes everything in reverse order, each once, even if one of them fails.
import type { Clock, Timer } from './clock.ts';

export class Scope implements AsyncDisposable {
  readonly #owned = new Set<() => void | PromiseLike<void>>();
  #closed = false;
  #disposal: Promise<void> | null = null;
  readonly #abort = new AbortController();

  /** Aborted as soon as disposal begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Gives `dispose` to the scope; in a scope that is closed already it runs at once. Returns what takes it back. */
  own(dispose: () => void | PromiseLike<void>): () => void {
    // Nobody waits for what comes too late, so nobody can hear of its failure.
    if (this.#closed) (async () => dispose())().catch(() => {});
    else this.#owned.add(dispose);
    return () => {
      this.#owned.delete(dispose);
    };
  }

  /** A timer that ends with the scope. */
  schedule(clock: Clock, delayMs: number, run: () => void): Timer {
    const timer = clock.schedule(delayMs, () => {
      disown();
      run();
    });
    const cancel = (): void => timer.cancel();
    const disown = this.own(cancel);
    return {
      cancel: () => {
        disown();
        cancel();
      }
    };
  }

  /** Calls `run` every `periodMs` until the scope ends. */
  every(clock: Clock, periodMs: number, run: () => void): void {
    let timer: Timer = clock.schedule(periodMs, tick);
    function tick(): void {
      timer = clock.schedule(periodMs, tick);
      run();
    }
    this.own(() => timer.cancel());
  }

  /** @throws AggregateError when parts failed to close; all were tried. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#closed = true;
    this.#abort.abort();
    const failures: unknown[] = [];
    for (const dispose of [...this.#owned].reverse()) {
      try {
        await dispose();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#owned.clear();
    if (failures.length > 0) throw new AggregateError(failures, 'parts of a scope failed to close');
  }
}
