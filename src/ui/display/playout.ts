// When received pictures are shown: pure, no clock and no browser in here, so that traces can be run through it.
// Sound leads (src/media/playout/sound-buffer.ts). The picture is shown at once, held back only where it would come
// before its sound by more than people accept, and never held where there is no sound. ITU-R BT.1359-1: sound is noticed when it comes
// 45 ms before the picture or 125 ms after it; the limits here are on the strict side of both.
import { Lateness } from '../../media/playout/sound-buffer.ts';

/** A picture may be ahead of its sound by this much. It is what a picture waits for most of its way, and still not noticed. */
const PICTURE_AHEAD_MS = 120;
/** A picture is never held longer than this, whatever the clocks say. */
const LONGEST_HOLD_MS = 300;
const LONGEST_SMOOTHING_MS = 80;
/** Jitter below half a screen refresh is not seen. */
const UNSEEN_JITTER_MS = 8;
/** Decoded pictures are large: of more than this many the oldest is shown, whatever the clocks say; of twice as many it is dropped. */
const MOST_WAITING = 10;

type WaitingPicture<T> = { readonly picture: T; readonly timestampUs: number; readonly captureMs: number | null; readonly arrivedMs: number };

/** Decoded pictures that wait for their time. The caller closes every picture it gets back. */
export class PictureQueue<T> {
  readonly #lateness = new Lateness();
  #waiting: WaitingPicture<T>[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  /** Adds a picture in the order of decoding; what no longer fits comes back. */
  add(picture: WaitingPicture<T>): T[] {
    this.#lateness.observe(picture.arrivedMs, picture.timestampUs / 1000);
    this.#waiting.push(picture);
    return this.#waiting.splice(0, Math.max(0, this.#waiting.length - 2 * MOST_WAITING)).map((waiting) => waiting.picture);
  }

  /**
   * The newest picture whose time has come, and those before it, which are not needed any more.
   * @param heardCaptureMs capture time of the sound that is heard now, on the clock of `captureMs`; null where there is none
   */
  take(nowMs: number, heardCaptureMs: number | null): { readonly show: WaitingPicture<T> | null; readonly skipped: T[] } {
    const due = this.#waiting.findLastIndex((waiting) => this.#isDue(waiting, nowMs, heardCaptureMs));
    const index = Math.max(due, this.#waiting.length - 1 - MOST_WAITING);
    const taken = this.#waiting.splice(0, index + 1);
    const show = taken.pop() ?? null;
    return { show, skipped: taken.map((waiting) => waiting.picture) };
  }

  /** Everything that waits. */
  clear(): T[] {
    return this.#waiting.splice(0).map((waiting) => waiting.picture);
  }

  #isDue(waiting: WaitingPicture<T>, nowMs: number, heardCaptureMs: number | null): boolean {
    const heldMs = nowMs - waiting.arrivedMs;
    if (heldMs >= LONGEST_HOLD_MS) return true;
    const smoothingMs = Math.min(LONGEST_SMOOTHING_MS, Math.max(0, 2 * this.#lateness.jitterMs - UNSEEN_JITTER_MS));
    if (nowMs < waiting.timestampUs / 1000 + this.#lateness.quickestTransitMs + smoothingMs && heldMs < LONGEST_SMOOTHING_MS) return false;
    return heardCaptureMs === null || waiting.captureMs === null || waiting.captureMs - heardCaptureMs <= PICTURE_AHEAD_MS;
  }
}

/** A picture may be later than its sound by this much; then the sound has to wait. */
const PICTURE_LATE_LIMIT_MS = 40;
const PICTURE_LATE_GOAL_MS = 20;
const MOST_EXTRA_DELAY_MS = 400;

/**
 * How much longer sound has to wait for a picture that is slower than it: grows at once when the picture is later than people accept, shrinks slowly.
 * @param avOffsetMs positive: the picture is later than the sound; null where one of the two is not there
 * @returns the extra delay for the next second, milliseconds
 */
export function extraSoundDelay(avOffsetMs: number | null, currentMs: number): number {
  if (avOffsetMs === null) return 0;
  if (avOffsetMs > PICTURE_LATE_LIMIT_MS) return Math.min(MOST_EXTRA_DELAY_MS, currentMs + avOffsetMs - PICTURE_LATE_GOAL_MS);
  if (avOffsetMs < PICTURE_LATE_GOAL_MS / 2) return Math.max(0, currentMs - 5);
  return currentMs;
}
