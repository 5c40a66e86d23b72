// How much the path carries, from what the other side reports: the trend of the one-way delay and additive-increase, multiplicative-decrease
// (draft-ietf-rmcat-gcc-02 section 5), loss (section 6), and short probes. Pure but for what it remembers; times are handed in.
// Invariants: min <= target <= max; loss that stays when we send less is the path's own and does not hold the rate down; memory is bounded.
import { unwrapSequence } from '../rtp/sequence.ts';
import { ACKNOWLEDGED_WINDOW_MS, createArrivals } from './arrivals.ts';
import { createDelayTrend } from './delay-trend.ts';
import { createLossJudge } from './loss-judge.ts';
import { createProbes, type Probe } from './probes.ts';
import type { TransportFeedback } from './transport-feedback.ts';

export type BandwidthEstimate = {
  /** @param transportSequence 16 bits, in the order of leaving @param atMs monotonic, the clock of every nowMs here */
  sent(transportSequence: number, bytes: number, atMs: number): void;
  feedback(feedback: TransportFeedback, nowMs: number, roundTripMs: number | null): void;
  /** The receiver's own estimate (REMB). */
  remoteEstimate(kbps: number, nowMs: number): void;
  /** Receiver reports, for a peer without transport-wide feedback. @param fractionLost 0 to 1 */
  lossReport(fractionLost: number, nowMs: number): void;
  targetKbps(nowMs: number): number;
  /** Padding to send now and how quickly, to learn whether the path carries more; null for none, as where it carries all that is wanted. Each answer is a probe begun. */
  probeDue(nowMs: number, wantedKbps: number): Probe | null;
  /** Our own process did nothing for so long: that nothing was heard meanwhile says nothing. */
  stoodStill(ms: number): void;
  /** What seems to wait on the way. */
  queueMs(): number;
  /** Nothing waits on the way: what is lost is not lost because we send too much. */
  calm(): boolean;
  /** What arrived at the other side in the last half second; null until that is known. */
  acknowledgedKbps(): number | null;
};

type SentPacket = { readonly number: number; readonly bytes: number; readonly atMs: number; arrivedMs: number | null; lost: boolean };

const HISTORY_PACKETS = 8192;
const OVERUSE_FACTOR = 0.85;
/** More than jitter makes. Where so much waits already, the rate falls further, to drain it. */
export const STANDING_QUEUE_MS = 150;
const STANDING_QUEUE_FACTOR = 0.7;
const GROWTH_PER_SECOND = 1.08;
const GROWTH_KBPS_PER_MS = 0.01;
/** Near the rate where the path was full before, half a packet for each response is enough; so two calls come to share. */
const NEAR_FULL = 0.2;
const NEAR_GROWTH_KBPS_PER_MS = 0.03;
/** After such a fall the path is another one, and is sounded out soon. */
const COLLAPSE = 0.6;
/** A source that sends less than it may proves nothing beyond this. */
const INFLATION_LIMIT = 1.5;
const LOSS_WINDOW = { packets: 100, ms: 500, fewPackets: 10, longestMs: 2000 };
/** Loss alone does not take sound and a small picture away. */
const LOSS_FLOOR_KBPS = 300;
const FEEDBACK_TIMEOUT_MS = 500;
const REPORT_TIMEOUT_MS = 8000;
const SILENCE_STEP_MS = 500;
const SILENCE_FACTOR = 0.8;
const REMOTE_ESTIMATE_LIFE_MS = 10_000;
const CALM_QUEUE_MS = 50;
/** Of what is sent; less arrives where a queue really grows. */
const STILL_ARRIVES = 0.85;

export function createBandwidthEstimate({ startKbps, minKbps, maxKbps }: { startKbps: number; minKbps: number; maxKbps: number }): BandwidthEstimate {
  const trend = createDelayTrend();
  const loss = createLossJudge();
  const probes = createProbes();
  const arrivals = createArrivals();
  const history = new Map<number, SentPacket>(); // by unwrapped sequence number
  let newest: number | null = null;
  let target = clamp(startKbps);
  let remote: { readonly kbps: number; readonly atMs: number } | null = null;
  let hasFeedback = false;
  let roundTrip = 100;
  let decreasedAtMs = Number.NEGATIVE_INFINITY;
  let fullKbps: number | null = null; // what the path carried when it was full
  let grownAtMs: number | null = null;
  let reported: number | null = null; // the highest number that a report covered
  let lossWindow = { received: 0, lost: 0, sinceMs: 0 };
  let beforeCut = 0;
  let proven = { kbps: 0, atMs: Number.NEGATIVE_INFINITY }; // by a probe
  let mayGrow = true;
  let heard = false;
  let silentSinceMs: number | null = null; // the first packet after what was heard last
  let silentSteps = 0;

  function clamp(kbps: number): number {
    return Math.min(maxKbps, Math.max(minKbps, kbps));
  }

  function ceiling(nowMs: number): number {
    return remote !== null && nowMs - remote.atMs < REMOTE_ESTIMATE_LIFE_MS ? remote.kbps : maxKbps;
  }

  function hear(): void {
    heard = true;
    silentSinceMs = null;
    silentSteps = 0;
  }

  /** What arrives and what the path itself loses: what it carries. Arrivals of half a second lag behind a probe's result. */
  function carriedKbps(nowMs: number): number {
    const acknowledged = arrivals.kbps();
    const carried = acknowledged === null ? target : acknowledged / (1 - loss.inherent());
    return nowMs - proven.atMs < ACKNOWLEDGED_WINDOW_MS + roundTrip ? Math.max(carried, proven.kbps) : carried;
  }

  function decrease(nowMs: number): void {
    const factor = trend.queueMs() > STANDING_QUEUE_MS ? STANDING_QUEUE_FACTOR : OVERUSE_FACTOR;
    const carried = carriedKbps(nowMs);
    const collapsed = fullKbps !== null && carried < COLLAPSE * fullKbps;
    fullKbps = carried;
    // A trend without a queue, or while all that is sent arrives, may be the machine's own unrest: then little is taken away, and a source that sends little
    // is not taken for the path's limit.
    const arrives = carried >= STILL_ARRIVES * sentKbps(nowMs, Math.max(ACKNOWLEDGED_WINDOW_MS, roundTrip));
    const least = trend.queueMs() < CALM_QUEUE_MS || arrives ? OVERUSE_FACTOR * target : 0;
    target = clamp(Math.max(least, Math.min(target, factor * carried)));
    decreasedAtMs = nowMs;
    probes.stop(nowMs, collapsed);
  }

  function grow(elapsedMs: number, limitKbps: number): void {
    const nearFull = fullKbps !== null && Math.abs(target - fullKbps) < NEAR_FULL * fullKbps;
    const grown = nearFull ? target + elapsedMs * NEAR_GROWTH_KBPS_PER_MS : target * GROWTH_PER_SECOND ** (elapsedMs / 1000) + elapsedMs * GROWTH_KBPS_PER_MS;
    target = clamp(Math.max(target, Math.min(grown, limitKbps)));
  }

  function weighLoss(fraction: number, arrivingKbps: number, nowMs: number): void {
    const verdict = loss.judge(fraction, nowMs, roundTrip + LOSS_WINDOW.ms);
    mayGrow = verdict === 'none' || verdict === 'restore';
    if (verdict === 'cut') {
      beforeCut = target;
      target = clamp(Math.min(target, Math.max(0.95 * arrivingKbps, LOSS_FLOOR_KBPS)));
    }
    // Unless the delay has spoken meanwhile.
    if (verdict === 'restore' && nowMs - decreasedAtMs > 2000) target = clamp(Math.max(target, beforeCut));
  }

  /** @param kbps what a probe found */
  function raise(kbps: number | null, nowMs: number): void {
    if (kbps === null || kbps <= target) return;
    target = clamp(kbps);
    proven = { kbps, atMs: nowMs };
  }

  /** @returns how many packets arrived that were not known to have */
  function take(feedback: TransportFeedback, latest: number): number {
    let news = 0;
    const unwrap = (sequence: number): number => unwrapSequence(sequence, latest);
    const first = feedback.packets.find((packet) => packet.arrivedMs !== null)?.arrivedMs ?? null;
    // A report was lost: what it told of counts as arrived, or the rate would seem to have fallen.
    // Each number once, and none that never left: whoever invents reports would else fill our memory.
    if (reported !== null && first !== null && arrivals.known()) {
      const told = Math.min(unwrap(feedback.baseSequence) - 1, latest);
      const atMs = arrivals.unwrap(first);
      for (let sequence = Math.max(reported, latest - HISTORY_PACKETS) + 1; sequence <= told; sequence++)
        arrivals.addUntold(history.get(sequence)?.bytes ?? 0, atMs);
      reported = Math.max(reported, told);
    }
    for (const { sequence, arrivedMs } of feedback.packets) {
      const number = unwrap(sequence);
      const packet = history.get(number);
      if (packet !== undefined) reported = Math.max(reported ?? number, number);
      if (packet === undefined || packet.arrivedMs !== null) continue;
      if (arrivedMs === null) {
        if (!packet.lost) lossWindow.lost++;
        packet.lost = true;
        continue;
      }
      if (packet.lost) lossWindow.lost = Math.max(0, lossWindow.lost - 1); // it was late
      packet.lost = false;
      lossWindow.received++;
      news++;
      packet.arrivedMs = arrivals.unwrap(arrivedMs);
      arrivals.add(packet.bytes, packet.arrivedMs);
      trend.add(packet.atMs, packet.arrivedMs);
    }
    return news;
  }

  function sentKbps(nowMs: number, windowMs = 1000): number {
    let bytes = 0;
    for (let sequence = newest ?? 0; ; sequence--) {
      const packet = history.get(sequence);
      if (packet === undefined || packet.atMs <= nowMs - windowMs) return (bytes * 8) / windowMs;
      bytes += packet.bytes;
    }
  }

  return {
    sent(transportSequence, bytes, atMs) {
      newest = newest === null ? transportSequence & 0xffff : unwrapSequence(transportSequence, newest);
      const packet = { number: newest, bytes, atMs, arrivedMs: null, lost: false };
      history.set(newest, packet);
      if (history.size > HISTORY_PACKETS) history.delete(history.keys().next().value ?? 0);
      silentSinceMs ??= atMs;
      probes.sent(packet);
    },
    feedback(feedback, nowMs, roundTripMs) {
      if (newest === null) return;
      hasFeedback = true;
      hear();
      if (roundTripMs !== null) roundTrip = Math.min(2000, Math.max(10, roundTripMs));
      const news = take(feedback, newest);
      arrivals.measure();
      raise(probes.heard(nowMs, target, reported), nowMs);
      const counted = lossWindow.received + lossWindow.lost;
      const countedMs = nowMs - lossWindow.sinceMs;
      if (counted >= (countedMs < LOSS_WINDOW.longestMs ? LOSS_WINDOW.packets : LOSS_WINDOW.fewPackets) && countedMs >= LOSS_WINDOW.ms) {
        weighLoss(lossWindow.lost / counted, arrivals.kbps() ?? target, nowMs);
        lossWindow = { received: 0, lost: 0, sinceMs: nowMs };
      }
      const elapsedMs = Math.min(1000, nowMs - (grownAtMs ?? nowMs));
      grownAtMs = nowMs;
      const usage = trend.usage();
      if (usage === 'over') {
        if (news > 0 && !probes.disturbs(nowMs) && nowMs - decreasedAtMs > Math.max(200, roundTrip + 100)) decrease(nowMs);
      } else if (usage === 'normal' && mayGrow && arrivals.kbps() !== null && trend.queueMs() < STANDING_QUEUE_MS)
        grow(elapsedMs, INFLATION_LIMIT * carriedKbps(nowMs));
    },
    remoteEstimate(kbps, nowMs) {
      if (!Number.isFinite(kbps) || kbps < 0) return;
      hear();
      remote = { kbps, atMs: nowMs };
      // For a peer that tells nothing else it is the estimate; beside feedback it is a ceiling.
      if (!hasFeedback && mayGrow) target = clamp(kbps);
    },
    lossReport(fractionLost, nowMs) {
      if (hasFeedback || !(fractionLost >= 0 && fractionLost <= 1)) return;
      hear();
      const elapsedMs = Math.min(5000, nowMs - (grownAtMs ?? nowMs));
      grownAtMs = nowMs;
      weighLoss(fractionLost, sentKbps(nowMs) * (1 - fractionLost), nowMs);
      // What it began with was not known to be carried either; below it a picture that pauses would never prove more.
      if (mayGrow) grow(elapsedMs, Math.max(startKbps, INFLATION_LIMIT * sentKbps(nowMs)));
    },
    targetKbps(nowMs) {
      if (heard && silentSinceMs !== null) {
        const patienceMs = hasFeedback ? Math.max(FEEDBACK_TIMEOUT_MS, 3 * roundTrip) : REPORT_TIMEOUT_MS;
        for (; nowMs - silentSinceMs >= patienceMs + silentSteps * SILENCE_STEP_MS; silentSteps++) target = clamp(target * SILENCE_FACTOR);
      }
      return clamp(Math.min(target, ceiling(nowMs)));
    },
    probeDue(nowMs, wantedKbps) {
      raise(probes.overdue(nowMs, target), nowMs);
      if (target >= Math.min(wantedKbps, maxKbps, ceiling(nowMs))) return null;
      const calm = trend.usage() === 'normal' && trend.queueMs() < CALM_QUEUE_MS && mayGrow && silentSteps === 0;
      return probes.due(nowMs, { targetKbps: target, maxKbps, startKbps, calm });
    },
    stoodStill(ms) {
      if (silentSinceMs !== null) silentSinceMs += ms;
    },
    queueMs: trend.queueMs,
    calm: () => trend.usage() === 'normal' && trend.queueMs() < CALM_QUEUE_MS,
    acknowledgedKbps: arrivals.kbps
  };
}
