// Which frames of a shared screen are encoded: whole and sharp rather than many. A frame waits until the one before it is through at the given
// rate; a still screen is refined by some more frames and then only shows that it is alive. Pure; time is passed in.

export type ShareTarget = { readonly fps: number; readonly kbps: number };

export type SharePace = {
  /** @param changed the frame is not the same as the one that was offered before */
  admits(nowMs: number, changed: boolean): boolean;
  /** What a frame that was admitted became on the network. */
  sent(bytes: number, nowMs: number): void;
  /** Nothing waits to leave any more: it left sooner than the rate has it, or was dropped. */
  emptied(nowMs: number): void;
  /**
   * The next frame goes even where nothing changed: somebody needs a keyframe.
   * @returns false while the one for whoever asked before is still on its way: over a narrow path it takes longer than they wait before they ask again
   */
  refresh(nowMs: number): boolean;
  /** Null: nothing is to be sent for now. */
  setTarget(target: ShareTarget | null): void;
};

/** A realtime encoder needs about this many frames of a still picture to make it as good as it can. */
const REFINING_FRAMES = 15;
/** The other side takes a screen that is silent for longer than a second or two for one that has ended. */
const ALIVE_MS = 400;
/** What may still be on its way when the next frame is taken: less would leave the path idle. */
const BACKLOG_MS = 50;
/** What has left is on its way a little longer; small frames, which leave faster than the rate, still wait for it. */
const LEFT_MS = 500;
/** Below it a page is as coarse as it may be whatever the encoder is told: to begin anew would cost a whole page, over a path where that takes longest. */
const LEAST_ENCODER_KBPS = 250;
/** A source's own clock is never quite ours. */
const EARLY_PART = 0.25;

export function createSharePace(initial: ShareTarget): SharePace {
  let target: ShareTarget | null = initial;
  let dirty = true;
  let refining = 0;
  let wanted = false;
  let refreshing = false; // the last frame was for somebody who asked
  let kbps = initial.kbps; // also while nothing is to be sent: what is on its way goes on
  let backlogBits = 0;
  let drainedMs = Number.NEGATIVE_INFINITY;
  let dueMs = Number.NEGATIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;

  /** At the rate that there is now: a frame that was sent while it was low does not hold up the next ones for what it would have taken then. */
  const drain = (nowMs: number): void => {
    backlogBits = Math.max(0, backlogBits - Math.max(0, nowMs - drainedMs) * kbps);
    drainedMs = nowMs;
  };

  return {
    admits(nowMs, changed) {
      dirty ||= changed;
      drain(nowMs);
      if (target === null || backlogBits > BACKLOG_MS * kbps) return false;
      const intervalMs = 1000 / target.fps;
      if (nowMs < dueMs - EARLY_PART * intervalMs) return false;
      if (dirty) refining = REFINING_FRAMES;
      else if (refining > 0) refining -= 1;
      else if (!wanted && nowMs - lastMs < ALIVE_MS) return false;
      dirty = false;
      refreshing = wanted;
      wanted = false;
      lastMs = nowMs;
      dueMs = Math.max(dueMs, nowMs) + intervalMs;
      return true;
    },
    sent(bytes, nowMs) {
      drain(nowMs);
      backlogBits += bytes * 8;
    },
    emptied(nowMs) {
      drain(nowMs);
      backlogBits = Math.min(backlogBits, LEFT_MS * kbps);
    },
    refresh(nowMs) {
      drain(nowMs);
      if (refreshing && backlogBits > 0) return false;
      wanted = true;
      return true;
    },
    setTarget(next) {
      target = next;
      if (next !== null) kbps = next.kbps;
    }
  };
}

/**
 * The rate to tell an encoder, which has to begin anew, with a keyframe, for another one: the pace keeps the rate, so it changes by halves and doubles alone.
 * @param kbps what may be sent
 * @param current what the encoder was told last
 */
export function encoderKbps(kbps: number, current: number): number {
  const wanted = Math.max(LEAST_ENCODER_KBPS, kbps);
  return wanted <= current / 2 || wanted >= current * 2 ? wanted : current;
}
