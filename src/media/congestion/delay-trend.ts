// Whether the queue on the way grows, from differences of departure and arrival: draft-ietf-rmcat-gcc-02 sections 5.2 to 5.4, with a line fitted to the
// accumulated differences in the place of the draft's Kalman filter. Only differences count, so that clocks need no common zero; a small drift is no trend.

export type Usage = 'under' | 'normal' | 'over';

export type DelayTrend = {
  /** One packet that arrived, in the order of the transport's numbers. */
  add(sentMs: number, arrivedMs: number): void;
  usage(): Usage;
  /** What seems to wait on the way, over the least delay of the last seconds. */
  queueMs(): number;
};

type Group = { readonly firstSentMs: number; sentMs: number; arrivedMs: number };
type Point = { readonly atMs: number; readonly delayMs: number };

const GROUP_MS = 5;
const BURST_MS = 1000;
const WINDOW_GROUPS = 20;
const SMOOTHING = 0.9;
const GAIN = 4;
const MAX_GAIN_GROUPS = 60;
const THRESHOLD_MS = { start: 12.5, least: 6, most: 600 };
const THRESHOLD_UP = 0.0087;
const THRESHOLD_DOWN = 0.039;
/** A trend this far beyond the threshold is an event of its own and does not move it. */
const OUTLIER_MS = 15;
const OVERUSE_MS = 10;
/** After such a pause, of the sender or in the reports, it begins anew. */
const RESTART_MS = 3000;
const BASE_BUCKET_MS = 5000;
const QUEUE_GROUPS = 8;

export function createDelayTrend(): DelayTrend {
  let group: Group | null = null;
  let before: Group | null = null;
  let accumulated = 0;
  let smoothed = 0;
  let groups = 0;
  let points: Point[] = [];
  let previousTrend = 0;
  let threshold = THRESHOLD_MS.start;
  let adaptedAtMs: number | null = null;
  let overSinceMs: number | null = null;
  let usage: Usage = 'normal';
  let oneWay: number[] = []; // of the last groups, from an unknown zero
  let base = { startedMs: Number.NEGATIVE_INFINITY, now: Infinity, last: Infinity };

  function restart(): void {
    [group, before, accumulated, smoothed, groups, points, previousTrend, overSinceMs, usage] = [null, null, 0, 0, 0, [], 0, null, 'normal'];
  }

  function noteDelay(done: Group): void {
    const delayMs = done.arrivedMs - done.sentMs;
    oneWay = [...oneWay.slice(1 - QUEUE_GROUPS), delayMs];
    if (done.sentMs - base.startedMs > BASE_BUCKET_MS) base = { startedMs: done.sentMs, now: delayMs, last: base.now };
    else base.now = Math.min(base.now, delayMs);
  }

  function adaptThreshold(trend: number, nowMs: number): void {
    const elapsedMs = Math.min(100, nowMs - (adaptedAtMs ?? nowMs));
    adaptedAtMs = nowMs;
    const size = Math.abs(trend);
    if (size > threshold + OUTLIER_MS) return;
    threshold += (size < threshold ? THRESHOLD_DOWN : THRESHOLD_UP) * (size - threshold) * elapsedMs;
    threshold = Math.min(THRESHOLD_MS.most, Math.max(THRESHOLD_MS.least, threshold));
  }

  function judge(trend: number, nowMs: number): void {
    if (trend > threshold) {
      overSinceMs ??= nowMs;
      if (nowMs - overSinceMs >= OVERUSE_MS && trend >= previousTrend) usage = 'over';
    } else {
      overSinceMs = null;
      usage = trend < -threshold ? 'under' : 'normal';
    }
    previousTrend = trend;
    adaptThreshold(trend, nowMs);
  }

  function finish(done: Group): void {
    noteDelay(done);
    if (before !== null) {
      accumulated += done.arrivedMs - before.arrivedMs - (done.sentMs - before.sentMs);
      smoothed = SMOOTHING * smoothed + (1 - SMOOTHING) * accumulated;
      groups++;
      points = [...points.slice(1 - WINDOW_GROUPS), { atMs: done.arrivedMs, delayMs: smoothed }];
      if (points.length === WINDOW_GROUPS) judge(slope(points) * Math.min(groups, MAX_GAIN_GROUPS) * GAIN, done.arrivedMs);
    }
    before = done;
  }

  return {
    add(sentMs, arrivedMs) {
      if (group !== null && (Math.abs(sentMs - group.sentMs) > RESTART_MS || Math.abs(arrivedMs - group.arrivedMs) > RESTART_MS)) restart();
      if (group === null) {
        group = { firstSentMs: sentMs, sentMs, arrivedMs };
        return;
      }
      if (sentMs < group.firstSentMs) return; // reordered
      // What was let go in one burst is one group as well: by the path, or by a receiver that stood still and then read what waited. Its last packet tells the delay.
      const burst = arrivedMs - group.arrivedMs <= GROUP_MS && arrivedMs - group.arrivedMs < sentMs - group.sentMs && sentMs - group.firstSentMs < BURST_MS;
      if (sentMs - group.firstSentMs <= GROUP_MS || burst) {
        group.sentMs = Math.max(group.sentMs, sentMs);
        group.arrivedMs = Math.max(group.arrivedMs, arrivedMs);
        return;
      }
      finish(group);
      group = { firstSentMs: sentMs, sentMs, arrivedMs };
    },
    usage: () => usage,
    queueMs: () => (oneWay.length === 0 ? 0 : Math.max(0, Math.min(...oneWay) - Math.min(base.now, base.last)))
  };
}

/** Least squares: milliseconds of delay per millisecond. */
function slope(points: readonly Point[]): number {
  const meanAt = points.reduce((sum, point) => sum + point.atMs, 0) / points.length;
  const meanDelay = points.reduce((sum, point) => sum + point.delayMs, 0) / points.length;
  let numerator = 0;
  let denominator = 0;
  for (const { atMs, delayMs } of points) {
    numerator += (atMs - meanAt) * (delayMs - meanDelay);
    denominator += (atMs - meanAt) ** 2;
  }
  return denominator === 0 ? 0 : numerator / denominator;
}
