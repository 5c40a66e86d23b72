import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMissingPackets } from '../../../../src/media/peer/missing-packets.ts';
import { createReceiveStream } from '../../../../src/media/peer/peer-streams.ts';
import { createSentHistory, unwrapRepair, wrapRepair } from '../../../../src/media/peer/repairs.ts';
import { createFates } from '../../../harness/impaired-network.ts';

describe('history of what was sent', () => {
  it('repairs not more often than once per round trip, and four times at most', () => {
    const history = createSentHistory<string>();
    history.remember(3, 'third', 0);
    assert.deepEqual(history.repair([3, 4, 3 + 1024], 1, 50), ['third']);
    assert.deepEqual(history.repair([3], 30, 50), []);
    for (const nowMs of [60, 120, 180]) assert.equal(history.repair([3], nowMs, 50).length, 1);
    assert.deepEqual(history.repair([3], 500, 50), []);
    history.remember(3 + 1024, 'another in its place', 0);
    assert.deepEqual(history.repair([3], 600, 50), []);
  });

  it('wraps a repair with the original’s number, and takes nothing that repairs nothing', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.uint8Array({ minLength: 1, maxLength: 1_200 }), (sequenceNumber, payload) => {
        const read = unwrapRepair(wrapRepair(sequenceNumber, payload));
        assert.deepEqual(read && { ...read, payload: Uint8Array.from(read.payload) }, { sequenceNumber, payload });
      })
    );
    for (const bytes of [0, 1, 2]) assert.equal(unwrapRepair(new Uint8Array(bytes)), null);
  });
});

describe('missing packets', () => {
  it('are asked for after a moment, twice, again when the answer is overdue, and then given up, over the rollover', () => {
    const missing = createMissingPackets();
    missing.leftOut(65_535, 65_538, 0);
    assert.deepEqual(missing.due(1, 50), []);
    assert.deepEqual(missing.due(5, 50), [65_535, 0, 1]);
    assert.deepEqual(missing.due(20, 50), []);
    assert.deepEqual(missing.due(24, 50), [65_535, 0, 1]);
    assert.deepEqual(missing.due(60, 50), []);
    missing.arrived(65_536, 70, true);
    assert.deepEqual(missing.due(90, 50), [65_535, 1]);
    assert.deepEqual(missing.due(700, 50), []);
    assert.deepEqual(missing.due(800, 50), []);
  });

  it('are not asked for where packets overtake each other so far', () => {
    const missing = createMissingPackets();
    missing.leftOut(1, 2, 0);
    assert.deepEqual(missing.due(10, 50), [1]);
    missing.arrived(1, 20, false);
    missing.leftOut(5, 6, 100);
    assert.deepEqual(missing.due(120, 50), []);
    missing.arrived(5, 120, false);
    missing.leftOut(9, 10, 200);
    assert.deepEqual(missing.due(225, 50), [9], 'what stays away longer is asked for still');
  });

  it('are bounded, however long the gap', () => {
    const missing = createMissingPackets();
    missing.leftOut(0, 1_000_000, 0);
    assert.deepEqual(missing.due(10, 50), []);
    for (let from = 0; from < 10_000; from += 100) missing.leftOut(from, from + 100, 0);
    assert.equal(missing.due(10, 50).length, 256);
  });
});

/** A stream with repairs over a path that loses, in steps of a millisecond; questions and repairs get lost as well. */
function simulate(lossRate: number, roundTripMs: number, seed: number) {
  const forward = createFates(seed, 'offerer', () => ({ lossRate, delayMs: roundTripMs / 2, reorderRate: 0.02, reorderMs: 6 }));
  const back = createFates(seed, 'answerer', () => ({ lossRate, delayMs: roundTripMs / 2 }));
  const events = new Map<number, (() => void)[]>();
  const at = (ms: number, run: () => void) => events.set(Math.round(ms), [...(events.get(Math.round(ms)) ?? []), run]);
  const history = createSentHistory<number>();
  const receiver = createReceiveStream({ ssrc: 1, clockRate: 90_000 });
  const payload = new Uint8Array(1);
  const [packets, first] = [10_000, 60_000];
  let [lost, resent, nowMs] = [0, 0, 0];
  const ask = () => {
    const numbers = receiver.missing(nowMs, roundTripMs);
    if (numbers.length === 0) return;
    for (const delay of back()) {
      at(nowMs + delay, () => {
        for (const sequenceNumber of history.repair(numbers, nowMs, roundTripMs)) {
          resent += 1;
          for (const late of forward()) at(nowMs + late, () => receiver.recover({ sequenceNumber, payload }, nowMs));
        }
      });
    }
  };
  for (; nowMs < packets * 2 + 2_000; nowMs += 1) {
    if (nowMs % 2 === 0 && nowMs < packets * 2) {
      const sequenceNumber = (first + nowMs / 2) & 0xffff;
      history.remember(sequenceNumber, sequenceNumber, nowMs);
      const fate = forward();
      if (fate.length === 0) lost += 1;
      for (const delay of fate) {
        at(nowMs + delay, () => {
          receiver.accept({ sequenceNumber, payload, payloadType: 96, marker: false, timestamp: 0, ssrc: 1 }, nowMs);
          ask();
        });
      }
    }
    for (const run of events.get(nowMs) ?? []) run();
    events.delete(nowMs);
    if (nowMs % 20 === 0) ask();
  }
  return { perLoss: resent / lost, unrepaired: receiver.packetsLost() / lost, lost };
}

describe('repairs over a path that loses packets, questions and repairs', () => {
  for (const [lossRate, roundTripMs] of [
    [0.02, 50],
    [0.1, 50],
    [0.2, 50],
    [0.1, 5],
    [0.1, 200]
  ] as const) {
    it(`${lossRate * 100} % lost, ${roundTripMs} ms round trip: at most 1.5 resends for each loss`, () => {
      const { perLoss, unrepaired, lost } = simulate(lossRate, roundTripMs, 4);
      console.log(`        ${lost} lost, ${perLoss.toFixed(2)} resends for each, ${(100 * unrepaired).toFixed(2)} % of them not repaired`);
      assert.ok(lost > 100);
      assert.ok(perLoss >= 1 - unrepaired && perLoss <= 1.5, String(perLoss));
      assert.ok(unrepaired < 0.02, String(unrepaired));
    });
  }
});
