import assert from 'node:assert/strict';
import { createProbes, type Probe, type ProbePacket, type Probes, type ProbeTerms } from '../../../../src/media/congestion/probes.ts';

const TERMS: ProbeTerms = { targetKbps: 1000, maxKbps: 6000, startKbps: 600, calm: true };
const ROUND_TRIP_MS = 50;

/** Sends what a probe asks for in 1,000 bytes each at its rate, and hears that it arrived at `arrivesKbps` but for the packets that are lost. @returns what it found */
function run(
  probes: Probes,
  probe: Probe,
  fromMs: number,
  arrivesKbps: number,
  { lost = (_index: number): boolean => false, targetKbps = TERMS.targetKbps } = {}
): number | null {
  const apartMs = 8_000 / probe.kbps;
  const packets = Array.from({ length: Math.ceil(probe.bytes / 1_000) }, (_, index): ProbePacket => {
    const arrivedMs = lost(index) ? null : 10_000 + index * Math.max(apartMs, 8_000 / arrivesKbps);
    return { number: index, bytes: 1_000, atMs: fromMs + index * apartMs, arrivedMs };
  });
  for (const packet of packets) probes.sent(packet);
  const last = packets.at(-1);
  const nowMs = (last?.atMs ?? 0) + ROUND_TRIP_MS;
  return last?.arrivedMs === null ? probes.overdue(nowMs + 1_001, targetKbps) : probes.heard(nowMs, targetKbps, packets.length - 1);
}

/** When the next one is due, looked for every 10 ms. */
function nextAfter(probes: Probes, fromMs: number, terms = TERMS): { readonly afterMs: number; readonly probe: Probe | null } {
  for (let afterMs = 0; afterMs <= 20_000; afterMs += 10) {
    // Something is sent all the while.
    probes.sent({ number: 1_000 + afterMs, bytes: 100, atMs: fromMs + afterMs, arrivedMs: null });
    const probe = probes.due(fromMs + afterMs, terms);
    if (probe !== null) return { afterMs, probe };
  }
  return { afterMs: Number.POSITIVE_INFINITY, probe: null };
}

describe('probes', () => {
  it('begin with one at three times the rate, at most at the most that is wanted, and never two at once', () => {
    assert.equal(createProbes().due(0, { ...TERMS, targetKbps: 3_000 })?.kbps, 6_000);
    const probes = createProbes();
    assert.deepEqual(probes.due(0, TERMS), { kbps: 3_000, bytes: 7_500 });
    assert.equal(probes.due(10, TERMS), null);
  });

  it('find what the path carried: all that was sent, or a little less than what came through; a clear success is followed at once', () => {
    for (const [arrivesKbps, least, most, next] of [
      [20_000, 2_900, 3_000, 'at once'],
      [1_500, 1_300, 1_360, 'later'],
      [500, 430, 460, 'later']
    ] as const) {
      const probes = createProbes();
      const probe = probes.due(0, TERMS) ?? { kbps: 0, bytes: 0 };
      const found = run(probes, probe, 0, arrivesKbps) ?? 0;
      assert.ok(found >= least && found <= most, `${arrivesKbps}: found ${found}`);
      assert.equal(probes.due(100, TERMS)?.kbps ?? null, next === 'at once' ? 2_000 : null);
    }
  });

  it('wait longer after each that failed, and no longer than eight seconds; after one that passed as at first', () => {
    const probes = createProbes();
    let probe = probes.due(0, TERMS);
    let nowMs = 0;
    const waits: number[] = [];
    for (const arrivesKbps of [500, 500, 500, 20_000]) {
      assert.ok(probe !== null);
      run(probes, probe, nowMs, arrivesKbps, { targetKbps: 5_000 });
      const next = nextAfter(probes, nowMs + 100, { ...TERMS, targetKbps: 5_000 });
      waits.push(next.afterMs);
      probe = next.probe;
      nowMs += 100 + next.afterMs;
    }
    const [first = 0, second = 0, third = 0, afterPassed = 0] = waits;
    assert.ok(first > 4_900 && first <= 5_000 && second > 7_900 && second <= 8_000 && third > 7_900 && third <= 8_000, waits.join());
    assert.ok(afterPassed > 2_400 && afterPassed <= 2_500, waits.join());
  });

  it('say nothing of which hardly anything arrived', () => {
    const probes = createProbes();
    const probe = probes.due(0, TERMS) ?? { kbps: 0, bytes: 0 };
    assert.equal(run(probes, probe, 0, 20_000, { lost: (index) => index > 2 }), null);
  });

  it('end with the report that covers their last packet, which may be lost, or a second after it where none comes', () => {
    const send = (probes: Probes): Probe | null => {
      const probe = probes.due(0, TERMS);
      for (let number = 0; number < 8; number++) probes.sent({ number, bytes: 1_000, atMs: number * 3, arrivedMs: number === 7 ? null : 500 + number * 3 });
      return probe;
    };
    const told = createProbes();
    assert.ok((send(told)?.kbps ?? 0) >= (told.heard(100, TERMS.targetKbps, 7) ?? Number.POSITIVE_INFINITY));
    const probes = createProbes();
    const probe = send(probes);
    assert.equal(probes.heard(100, TERMS.targetKbps, 6), null);
    assert.equal(probes.heard(100, TERMS.targetKbps, null), null);
    assert.equal(probes.overdue(1_000, TERMS.targetKbps), null);
    const found = probes.overdue(1_100, TERMS.targetKbps) ?? 0;
    assert.ok(found > 2_500 && found <= (probe?.kbps ?? 0), `${found}`);
    assert.equal(probes.overdue(1_100, TERMS.targetKbps), null);
  });

  it('stop where the path is full, and wait for their interval; for one that became another path the shortest', () => {
    for (const [anew, intervalMs] of [
      [false, 5_000],
      [true, 2_500]
    ] as const) {
      const probes = createProbes();
      run(probes, probes.due(0, TERMS) ?? { kbps: 0, bytes: 0 }, 0, 500); // it failed
      assert.notEqual(nextAfter(probes, 100).probe, null);
      probes.stop(20_000, anew);
      assert.equal(probes.heard(21_500, TERMS.targetKbps, 1_000_000), null);
      assert.ok(Math.abs(nextAfter(probes, 20_000).afterMs - intervalMs) <= 10);
    }
  });

  it('are not begun while the path is not calm; but where nothing was sent for two seconds below the start', () => {
    const probes = createProbes();
    probes.stop(0, false);
    probes.sent({ number: 0, bytes: 100, atMs: 5_000, arrivedMs: null });
    assert.equal(probes.due(5_000, { ...TERMS, calm: false }), null);
    const unused = { ...TERMS, calm: false, targetKbps: 400 };
    assert.equal(probes.due(6_900, unused), null);
    assert.equal(probes.due(7_100, { ...unused, targetKbps: 700 }), null);
    assert.equal(probes.due(7_100, unused)?.kbps, 800);
  });
});
