// A call's sending side over a simulated bottleneck, in fake time: estimate, pacer and a model of an encoder, with feedback as real bytes. Seeded, no sockets.
import { createBandwidthEstimate } from '../../../../src/media/congestion/bandwidth.ts';
import { createPacer } from '../../../../src/media/congestion/pacer.ts';
import { createArrivalLog, readTransportFeedback } from '../../../../src/media/congestion/transport-feedback.ts';

export type Link = {
  /** At a time of the simulation. */
  readonly kbps: (nowMs: number) => number;
  readonly queueBytes: number;
  readonly delayMs: number;
  readonly loss: number;
  readonly feedbackLoss: number;
  /** Added to the delay of each packet at random, order kept. */
  readonly jitterMs: number;
  readonly driftPpm: number;
  readonly sourceMaxKbps: (nowMs: number) => number;
  /** More than the source gives where the picture is still. */
  readonly wantedKbps?: number;
  readonly flows: number;
  readonly seconds: number;
};

export type Sample = { readonly atMs: number; readonly targetKbps: number; readonly arrivedKbps: number; readonly queueMs: number };

const PACKET_BYTES = 1200;
const TICK_MS = 1;
const SAMPLE_MS = 100;

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** @returns the samples of each flow, one each 100 ms; flow n begins n times three seconds late */
export function simulate(link: Link, seed = 1): Sample[][] {
  const random = seeded(seed);
  let clockMs = 0;
  let linkFreeMs = 0;
  let lastDeliveryMs = 0;
  const events = new Map<number, (() => void)[]>();
  const at = (ms: number, run: () => void): void => {
    const tick = Math.ceil(ms / TICK_MS);
    const list = events.get(tick);
    if (list === undefined) events.set(tick, [run]);
    else list.push(run);
  };

  const flows = Array.from({ length: link.flows }, (_, index) => {
    const estimate = createBandwidthEstimate({ startKbps: 600, minKbps: 60, maxKbps: 6000 });
    const pacer = createPacer();
    const log = createArrivalLog();
    const samples: Sample[] = [];
    const startMs = index * 3000;
    let sequence = 65_000;
    let arrivedBytes = 0;
    let frame = 0;

    function transmit(bytes: number, nowMs: number): void {
      const number = sequence++ & 0xffff;
      estimate.sent(number, bytes, nowMs);
      const rate = link.kbps(nowMs);
      const waitingBytes = (Math.max(0, linkFreeMs - nowMs) * rate) / 8;
      if (waitingBytes + bytes > link.queueBytes) return;
      linkFreeMs = Math.max(linkFreeMs, nowMs) + (bytes * 8) / rate;
      if (random() < link.loss) return;
      const deliveryMs = Math.max(lastDeliveryMs, linkFreeMs + link.delayMs + random() * link.jitterMs);
      lastDeliveryMs = deliveryMs;
      at(deliveryMs, () => {
        arrivedBytes += bytes;
        log.arrived(number, 1_000_000 + deliveryMs * (1 + link.driftPpm / 1e6));
      });
    }

    function push(kind: 'audio' | 'video' | 'padding', bytes: number, nowMs: number): void {
      pacer.push({ kind, bytes, send: () => transmit(bytes, clockMs) }, nowMs);
    }

    function tick(nowMs: number): void {
      if (nowMs < startMs) return;
      const sinceMs = nowMs - startMs;
      const target = Math.min(estimate.targetKbps(nowMs), link.sourceMaxKbps(nowMs));
      if (sinceMs % 20 === 0) push('audio', 100, nowMs);
      if (sinceMs % 33 === 0 && pacer.queuedMs(nowMs) < 250) {
        // Frames of unlike size, and one of four times the size each ten seconds.
        let left = Math.max(200, ((target - 40) * 33 * (frame % 300 === 0 ? 4 : 0.75 + 0.5 * random())) / 8);
        frame++;
        for (; left > 0; left -= PACKET_BYTES) push('video', Math.min(PACKET_BYTES, Math.ceil(left)), nowMs);
      }
      const probe = estimate.probeDue(nowMs, link.wantedKbps ?? link.sourceMaxKbps(nowMs));
      pacer.setRate(estimate.targetKbps(nowMs));
      if (probe !== null) {
        pacer.probe(probe.kbps, probe.bytes);
        for (let left = probe.bytes; left > 0; left -= PACKET_BYTES) push('padding', PACKET_BYTES, nowMs);
      }
      pacer.due(nowMs);
      if (sinceMs % 50 === 49)
        for (let fci = log.take(nowMs); fci !== null; fci = log.take(nowMs)) {
          const feedback = readTransportFeedback(fci);
          if (feedback !== null && random() >= link.feedbackLoss)
            at(nowMs + link.delayMs + 1, () => estimate.feedback(feedback, Math.round(nowMs + link.delayMs + 1), 2 * link.delayMs));
        }
      if (nowMs % SAMPLE_MS === 0) {
        samples.push({
          atMs: nowMs,
          targetKbps: estimate.targetKbps(nowMs),
          arrivedKbps: (arrivedBytes * 8) / SAMPLE_MS,
          queueMs: Math.max(0, linkFreeMs - nowMs)
        });
        arrivedBytes = 0;
      }
    }
    return { tick, samples };
  });

  for (let nowMs = 0; nowMs <= link.seconds * 1000; nowMs += TICK_MS) {
    clockMs = nowMs;
    for (const run of events.get(nowMs) ?? []) run();
    events.delete(nowMs);
    for (const flow of flows) flow.tick(nowMs);
  }
  return flows.map((flow) => flow.samples);
}
