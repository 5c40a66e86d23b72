import assert from 'node:assert/strict';
import { type BandwidthEstimate, createBandwidthEstimate } from '../../../../src/media/congestion/bandwidth.ts';
import { type Link, type Sample, simulate } from './simulated-call.ts';

const LINK: Link = {
  kbps: () => 100_000,
  queueBytes: 64_000,
  delayMs: 25,
  loss: 0,
  feedbackLoss: 0,
  jitterMs: 0,
  driftPpm: 0,
  sourceMaxKbps: () => 6000,
  flows: 1,
  seconds: 40
};
const SEEDS = [1, 2];

const between = (samples: readonly Sample[], fromS: number, toS: number): Sample[] => samples.filter(({ atMs }) => atMs >= fromS * 1000 && atMs < toS * 1000);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const arrivedKbps = (samples: readonly Sample[], fromS: number, toS: number): number => mean(between(samples, fromS, toS).map((sample) => sample.arrivedKbps));
const targetKbps = (samples: readonly Sample[], fromS: number, toS: number): number => mean(between(samples, fromS, toS).map((sample) => sample.targetKbps));
function queueMs(samples: readonly Sample[], share: number): number {
  const sorted = samples.map((sample) => sample.queueMs).sort((one, other) => one - other);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

describe('bandwidth over a simulated link', () => {
  const table: string[] = [];
  after(() => console.log(['', '    link                        seed  arrived kbit/s  queue ms p50 p90', ...table].join('\n')));

  /** @param check gets the samples of each flow */
  function over(name: string, link: Partial<Link>, check: (flows: readonly Sample[][]) => void): void {
    it(name, () => {
      for (const seed of SEEDS) {
        const flows = simulate({ ...LINK, ...link }, seed);
        for (const samples of flows) {
          const settled = between(samples, 5, 1000);
          const figures = [arrivedKbps(settled, 5, 1000), queueMs(settled, 0.5), queueMs(settled, 0.9)].map(Math.round);
          table.push(`    ${name.padEnd(30)}${seed}  ${String(figures[0]).padStart(14)}  ${String(figures[1]).padStart(12)} ${String(figures[2]).padStart(3)}`);
        }
        check(flows);
      }
    });
  }

  function settles(kbps: number, least = 0.7) {
    return ([samples = []]: readonly Sample[][]): void => {
      const share = arrivedKbps(samples, 10, 40) / kbps;
      assert.ok(share >= least && share <= 0.98, `${share} of the link`);
      assert.ok(queueMs(between(samples, 5, 40), 0.9) < 150);
    };
  }

  over('720p, nothing in the way', { sourceMaxKbps: () => 2500 }, ([samples = []]) => {
    assert.ok(targetKbps(samples, 1.9, 2.1) >= 2500);
    assert.ok(arrivedKbps(samples, 10, 40) > 2300);
  });
  over('1 Mbit/s', { kbps: () => 1000 }, settles(1000));
  over('300 kbit/s', { kbps: () => 300 }, settles(300));
  over('a fifth of the feedback lost', { kbps: () => 1000, feedbackLoss: 0.2 }, settles(1000, 0.8));
  over('jitter of 30 ms', { kbps: () => 1000, jitterMs: 30 }, settles(1000, 0.6));
  over('clock 200 ppm fast', { kbps: () => 1000, driftPpm: 200 }, settles(1000));
  over('clock 200 ppm slow', { kbps: () => 1000, driftPpm: -200 }, settles(1000));
  over('3 Mbit/s to 500, and back', { kbps: (nowMs) => (nowMs > 15_000 && nowMs < 25_000 ? 500 : 3000), seconds: 45 }, ([samples = []]) => {
    assert.ok(arrivedKbps(samples, 10, 15) > 2000);
    assert.ok(targetKbps(samples, 17, 18) < 500);
    assert.ok(queueMs(between(samples, 19, 25), 0.9) < 150);
    assert.ok(arrivedKbps(samples, 38, 40) > 2000);
  });
  const [narrowMs, wideMs] = [10_000, 15_000];
  over(
    'a picture that became still',
    { kbps: (nowMs) => (nowMs < wideMs ? 1000 : 5000), sourceMaxKbps: (nowMs) => (nowMs < narrowMs ? 6000 : 150), wantedKbps: 2500 },
    ([samples = []]) => assert.ok(targetKbps(samples, 25, 40) >= 2500, 'it never learns that a larger one would fit')
  );
  // A probe that does not pass makes a queue of its own.
  over('a still picture, 300 kbit/s', { kbps: () => 300, sourceMaxKbps: () => 120, wantedKbps: 2500 }, ([samples = []]) => {
    assert.ok(Math.min(...between(samples, 5, 40).map((sample) => sample.targetKbps)) > 220, 'its probes take its rate away');
  });
  over('2 Mbit/s, 10 % lost', { kbps: () => 2000, loss: 0.1 }, ([samples = []]) => assert.ok(arrivedKbps(samples, 10, 40) > 600));
  over('2 Mbit/s, 30 % lost', { kbps: () => 2000, loss: 0.3 }, ([samples = []]) => {
    assert.ok(arrivedKbps(samples, 10, 40) > 300);
    assert.ok(Math.min(...between(samples, 3, 40).map((sample) => sample.targetKbps)) >= 300);
  });
  over('1 Mbit/s, queue of 8 packets', { kbps: () => 1000, queueBytes: 9600 }, ([samples = []]) => {
    const share = arrivedKbps(samples, 10, 40) / 1000;
    assert.ok(share > 0.5, `${share} of the link`);
    assert.ok(targetKbps(samples, 10, 40) < 1400);
  });
  over('2 Mbit/s, two calls', { kbps: () => 2000, flows: 2, seconds: 60 }, ([one = [], other = []]) => {
    const rates = [arrivedKbps(one, 20, 60), arrivedKbps(other, 20, 60)];
    assert.ok(Math.min(...rates) >= 0.3 * (rates[0] ?? 0) + 0.3 * (rates[1] ?? 0), rates.join(' and '));
  });
});

describe('bandwidth estimate', () => {
  const START = { startKbps: 600, minKbps: 60, maxKbps: 6000 };

  /** 50 packets a second of 1200 bytes (480 kbit/s), and a report on each ten, all well. */
  function wellFor(estimate: BandwidthEstimate, fromMs: number, toMs: number): void {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 20) {
      const sequence = nowMs / 20;
      estimate.sent(sequence & 0xffff, 1200, nowMs);
      if (sequence % 10 !== 9) continue;
      const packets = Array.from({ length: 10 }, (_, index) => ({ sequence: (sequence - 9 + index) & 0xffff, arrivedMs: nowMs - (9 - index) * 20 + 30 }));
      estimate.feedback({ baseSequence: (sequence - 9) & 0xffff, feedbackCount: 0, packets }, nowMs, 60);
    }
  }

  it('a source that sends little does not make it grow without end', () => {
    const estimate = createBandwidthEstimate({ ...START, startKbps: 300 });
    wellFor(estimate, 0, 60_000);
    assert.equal(Math.round(estimate.acknowledgedKbps() ?? 0), 480);
    assert.ok(estimate.targetKbps(60_000) <= 1.5 * 480 + 1);
    assert.ok(estimate.targetKbps(60_000) > 600);
  });

  it('silence lowers it step by step, never below the least; without anything sent it stays', () => {
    const estimate = createBandwidthEstimate(START);
    wellFor(estimate, 0, 10_000);
    const before = estimate.targetKbps(10_000);
    assert.equal(estimate.targetKbps(20_000), before);
    estimate.sent(500, 1200, 20_000);
    assert.equal(estimate.targetKbps(20_400), before);
    const steps = [20_600, 21_100, 21_600].map((nowMs) => estimate.targetKbps(nowMs));
    assert.ok(steps.every((kbps, index) => kbps < (steps[index - 1] ?? before)));
    assert.equal(estimate.targetKbps(60_000), START.minKbps);
  });

  it('a probe ends with the report about its last packet, which may be lost or told of by a report that was', () => {
    for (const lose of ['the last', 'what was said of it'] as const) {
      const estimate = createBandwidthEstimate(START);
      const probe = estimate.probeDue(0, START.maxKbps);
      assert.equal(probe?.kbps, 3 * START.startKbps);
      for (let sequence = 0; sequence < 13; sequence++) estimate.sent(sequence, 500, Math.floor((sequence * 500 * 8) / 1800));
      const tell = (from: number, to: number, lost: number | null) =>
        estimate.feedback(
          {
            baseSequence: from,
            feedbackCount: 0,
            packets: Array.from({ length: to - from }, (_, index) => ({
              sequence: from + index,
              arrivedMs: from + index === lost ? null : 50 + Math.floor(((from + index) * 500 * 8) / 1800)
            }))
          },
          150,
          50
        );
      if (lose === 'the last') tell(0, 13, 11);
      else {
        tell(0, 10, null);
        assert.equal(estimate.targetKbps(150), START.startKbps);
        tell(12, 13, null);
      }
      assert.ok(estimate.targetKbps(150) > 2 * START.startKbps, `${lose}: ${estimate.targetKbps(150)}`);
    }
  });

  it("a peer's REMB is followed where there is nothing else, and is a ceiling beside feedback", () => {
    const alone = createBandwidthEstimate(START);
    alone.remoteEstimate(1700, 0);
    assert.equal(alone.targetKbps(0), 1700);
    alone.remoteEstimate(10, 100);
    assert.equal(alone.targetKbps(100), START.minKbps);
    const beside = createBandwidthEstimate(START);
    wellFor(beside, 0, 10_000);
    beside.remoteEstimate(250, 10_000);
    assert.equal(beside.targetKbps(10_000), 250);
    beside.remoteEstimate(5000, 10_100);
    assert.ok(beside.targetKbps(10_100) < 800);
    beside.remoteEstimate(Number.NaN, 10_200);
    assert.ok(beside.targetKbps(10_200) > 250);
  });

  it('receiver reports alone: loss for congestion lowers it, loss that stays does not, and calm raises it', () => {
    const estimate = createBandwidthEstimate(START);
    let nowMs = 0;
    const report = (fractionLost: number): number => {
      for (let count = 0; count < 100; count++) {
        nowMs += 10;
        estimate.sent((nowMs / 10) & 0xffff, (estimate.targetKbps(nowMs) * 10) / 8, nowMs);
      }
      estimate.lossReport(fractionLost, nowMs);
      return estimate.targetKbps(nowMs);
    };
    for (let count = 0; count < 10; count++) report(0);
    const calm = report(0);
    assert.ok(calm > 600);
    assert.ok(report(0.3) < 0.8 * calm); // cut
    report(0);
    assert.ok(report(0) < calm); // it was for congestion
    for (let count = 0; count < 30; count++) assert.ok(report(0.2) >= 300);
    assert.ok(report(0.2) > 500); // it stayed
  });

  it('reports about what never left cost nothing and do not count, however many there are', () => {
    const estimate = createBandwidthEstimate(START);
    for (let sequence = 0; sequence < 100; sequence++) estimate.sent(sequence, 1200, sequence * 10);
    estimate.feedback({ baseSequence: 0, feedbackCount: 0, packets: [{ sequence: 0, arrivedMs: null }] }, 1000, 50);
    const far = { baseSequence: 32_000, feedbackCount: 0, packets: [{ sequence: 32_000, arrivedMs: 5 }] };
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 50; count++) estimate.feedback(far, 1000, 50);
    assert.ok(process.memoryUsage().heapUsed - before < 20e6);
    estimate.feedback({ baseSequence: 1, feedbackCount: 0, packets: [1, 50].map((sequence) => ({ sequence, arrivedMs: sequence * 10 })) }, 1100, 50);
    for (let count = 0; count < 50; count++) estimate.feedback(far, 1200, 50);
    assert.ok((estimate.acknowledgedKbps() ?? 0) < 5000, String(estimate.acknowledgedKbps()));
  });

  it('goes on when the clock of the other side jumps back', () => {
    const estimate = createBandwidthEstimate(START);
    const run = (from: number, to: number, bytes: number, shiftMs: number): void => {
      for (let sequence = from; sequence < to; sequence += 5) {
        const packets = [0, 1, 2, 3, 4].map((each) => ({ sequence: sequence + each, arrivedMs: (sequence + each) * 10 + shiftMs }));
        for (const packet of packets) estimate.sent(packet.sequence, bytes, packet.sequence * 10);
        estimate.feedback({ baseSequence: sequence, feedbackCount: 0, packets }, (sequence + 5) * 10, 50);
      }
    };
    run(0, 500, 300, 100_000);
    assert.ok(Math.abs((estimate.acknowledgedKbps() ?? 0) - 240) < 50);
    run(500, 1000, 1200, 0);
    assert.ok(Math.abs((estimate.acknowledgedKbps() ?? 0) - 960) < 100, String(estimate.acknowledgedKbps()));
  });

  it('bad reports change nothing', () => {
    const estimate = createBandwidthEstimate(START);
    estimate.lossReport(Number.NaN, 0);
    estimate.lossReport(7, 0);
    estimate.feedback({ baseSequence: 0, feedbackCount: 0, packets: [{ sequence: 3, arrivedMs: 1 }] }, 0, null);
    estimate.sent(0, 1200, 0);
    estimate.feedback({ baseSequence: 900, feedbackCount: 0, packets: [{ sequence: 900, arrivedMs: 1 }] }, 10, null);
    assert.equal(estimate.targetKbps(10), 600);
    assert.equal(estimate.acknowledgedKbps(), null);
  });
});
