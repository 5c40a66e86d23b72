// Tells a picture that is black, or stands still though frames keep coming, from a thin sample of its luma. Pure: the caller gives the time.
// A real sensor has noise: even of a wall no two samples are alike. A dark room is dark and noisy, or has a lamp in it; behind a shutter all is one value.
export type PictureFault = 'black' | 'frozen';

/** 1,000 points: enough that noise shows in one of them, so few that it costs next to nothing. */
const COLUMNS = 40;
const ROWS = 25;
const LOOK_MS = 500;
/**
 * Black is 16 of 255 (limited range). A covered sensor gives a few steps above it at most, with next to no spread: its gain has nothing to amplify. A room
 * with the lights out is lifted by that gain to noise of several steps, and one lamp of a device in it is as much: one point of 1,000 at 200 makes 5.8.
 */
const BLACK_MEAN = 24;
const BLACK_SPREAD = 2;
const BLACK_MS = 3_000;
const FROZEN_MS = 10_000;
/** Frames that come more rarely are not judged as standing still. */
const HOLE_MS = 2_000;

export type PictureHealth = {
  /** Whether it is time to look again. */
  due(nowMs: number): boolean;
  /** Takes a sample that is not changed any more. */
  look(sample: Uint8Array, nowMs: number): PictureFault | null;
};

/** @param luma the plane's rows, `stride` bytes apart */
export function sampleLuma(luma: Uint8Array, width: number, height: number, stride: number): Uint8Array {
  const sample = new Uint8Array(COLUMNS * ROWS);
  for (let row = 0; row < ROWS; row++) {
    const from = Math.floor(((row + 0.5) * height) / ROWS) * stride;
    for (let column = 0; column < COLUMNS; column++) sample[row * COLUMNS + column] = luma[from + Math.floor(((column + 0.5) * width) / COLUMNS)] ?? 0;
  }
  return sample;
}

function isBlack(sample: Uint8Array): boolean {
  let [sum, squares] = [0, 0];
  for (const value of sample) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / sample.length;
  return mean <= BLACK_MEAN && Math.sqrt(Math.max(0, squares / sample.length - mean * mean)) <= BLACK_SPREAD;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((value, index) => value === b[index]);

/** @param moves what comes has a sensor's noise; a laptop's screen may stand still for hours */
export function createPictureHealth(moves: boolean): PictureHealth {
  let last: { readonly sample: Uint8Array; readonly atMs: number } | null = null;
  let blackSinceMs: number | null = null;
  let stillSinceMs = 0;
  return {
    due: (nowMs) => last === null || nowMs - last.atMs >= LOOK_MS,
    look(sample, nowMs) {
      const hole = last === null || nowMs - last.atMs > HOLE_MS;
      if (hole || last === null || !same(sample, last.sample)) stillSinceMs = nowMs;
      blackSinceMs = isBlack(sample) ? (hole ? nowMs : (blackSinceMs ?? nowMs)) : null;
      last = { sample, atMs: nowMs };
      if (blackSinceMs !== null && nowMs - blackSinceMs >= BLACK_MS) return 'black';
      return moves && nowMs - stillSinceMs >= FROZEN_MS ? 'frozen' : null;
    }
  };
}
