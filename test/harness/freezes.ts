// Freezes as W3C webrtc-stats counts them (freezeCount, totalFreezesDuration): a picture that stands longer than three times the mean distance of the last 30 pictures, and longer
// than that mean and 150 ms. Here also a picture that is still standing at the end. Pure.

const REMEMBERED = 30;
const LONGER_BY_MS = 150;
const LONGER_TIMES = 3;
/** Before there is a mean: that of the slowest picture that is sent. */
const UNKNOWN_MEAN_MS = 200;

export type Freezes = { readonly count: number; readonly totalMs: number };

/** @param shownMs when pictures were shown, ascending @param endMs when watching ended */
export function freezesOf(shownMs: readonly number[], endMs: number): Freezes {
  const distances: number[] = [];
  let count = 0;
  let totalMs = 0;
  for (const [index, at] of shownMs.entries()) {
    const distance = (shownMs[index + 1] ?? endMs) - at;
    const mean = distances.length === 0 ? UNKNOWN_MEAN_MS : distances.reduce((sum, each) => sum + each, 0) / distances.length;
    if (distance > Math.max(LONGER_TIMES * mean, mean + LONGER_BY_MS)) {
      count++;
      totalMs += distance;
    }
    distances.push(distance);
    if (distances.length > REMEMBERED) distances.shift();
  }
  return { count, totalMs };
}
