// Notices within a second that the other side is not heard any more, and asks it before saying so: a side that has nothing to say is not silent.
// Invariant: only what authenticated counts as heard, so nobody else can make a dead path look alive.
import type { Clock, Timer } from '../../kernel/clock.ts';

export type LivenessOptions = {
  readonly clock: Clock;
  /** Sends one question; its answer is to be reported by heard(). */
  readonly ask: () => void;
  /** Whether an answer is needed although the other side is heard (RFC 7675: what it sends is not its consent to receive). */
  readonly answerDue: () => boolean;
  /** Called on each change. */
  readonly changed: (silent: boolean) => void;
};

export type Liveness = {
  start(): void;
  heard(): void;
  stop(): void;
};

/** Below a second by what a timer may be late. */
const SILENT_MS = 950;
const ASK_AFTER_MS = 400;
/** Six questions before the verdict: at 30 % loss both ways one in fifty verdicts on a side that has nothing else to say is wrong. */
const ASK_PERIOD_MS = 100;

export function createLiveness({ clock, ask, answerDue, changed }: LivenessOptions): Liveness {
  let lastHeardMs = 0;
  let silent = false;
  let doubted = false;
  let running = false;
  let timer: Timer | null = null;

  const tick = (): void => {
    const unheardMs = clock.monotonicMs() - lastHeardMs;
    if (unheardMs >= SILENT_MS && !silent) {
      if (!doubted) {
        // A process that stood still has not read its sockets yet: they get a turn first.
        doubted = true;
        timer = clock.schedule(1, tick);
        return;
      }
      silent = true;
      changed(true);
    }
    if (!running) return;
    if (unheardMs >= ASK_AFTER_MS || answerDue()) ask();
    const untilNext = unheardMs < ASK_AFTER_MS ? ASK_AFTER_MS - unheardMs : ASK_PERIOD_MS;
    timer = clock.schedule(silent ? untilNext : Math.min(untilNext, SILENT_MS - unheardMs), tick);
  };

  return {
    start() {
      if (running) return;
      running = true;
      lastHeardMs = clock.monotonicMs();
      timer = clock.schedule(ASK_AFTER_MS, tick);
    },
    heard() {
      lastHeardMs = clock.monotonicMs();
      doubted = false;
      if (!silent || !running) return;
      silent = false;
      changed(false);
    },
    stop() {
      running = false;
      timer?.cancel();
      timer = null;
    }
  };
}
