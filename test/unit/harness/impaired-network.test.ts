import assert from 'node:assert/strict';
import { createFakeClock } from '../../fakes/clock.ts';
import { bothWays, createFates, createImpairedPipe, type Fate, type ImpairedPipe, type Impairment, SIDES, schedule } from '../../harness/impaired-network.ts';

const DATAGRAMS = 10_000;
const BAD: Impairment = { lossRate: 0.2, delayMs: 20, reorderRate: 0.1, reorderMs: 15, duplicateRate: 0.05 };

function fatesOf(seed: number, impairment: Impairment, side: 'offerer' | 'answerer' = 'offerer', count = DATAGRAMS): Fate[] {
  const next = createFates(seed, side, () => impairment);
  return Array.from({ length: count }, next);
}
const share = (fates: readonly Fate[], is: (fate: Fate) => boolean): number => fates.filter(is).length / fates.length;
const isLost = (fate: Fate): boolean => fate.length === 0;

/** Five standard deviations of a share that comes from so many draws. */
function assertRate(found: number, asked: number, draws: number, text: string): void {
  const tolerance = 5 * Math.sqrt((asked * (1 - asked)) / draws);
  assert.ok(Math.abs(found - asked) <= tolerance, `${text}: ${found} instead of ${asked}`);
}

describe('impaired network', () => {
  it('decides the same for the same seed, and something else for another seed and for the other direction', () => {
    assert.deepEqual(fatesOf(7, BAD), fatesOf(7, BAD));
    const others = [fatesOf(8, BAD), fatesOf(7, BAD, 'answerer')];
    for (const other of others) {
      const equal = fatesOf(7, BAD).filter((fate, index) => isLost(fate) && isLost(other[index] ?? [])).length / DATAGRAMS;
      assertRate(equal, BAD.lossRate ** 2, DATAGRAMS, 'lost in both');
    }
  });

  for (const lossRate of [0, 0.1, 0.2, 0.3, 1]) {
    it(`loses ${lossRate * 100} % of 10,000 datagrams where that was asked for`, () => {
      for (let seed = 0; seed < 10; seed += 1) {
        const lost = share(fatesOf(seed, { lossRate, delayMs: 20 }), isLost);
        assertRate(lost, lossRate, DATAGRAMS, `seed ${seed}`);
      }
    });
  }

  it('loses the first datagram of a seed as often as any other', () => {
    const firsts = Array.from({ length: DATAGRAMS }, (_, seed) => fatesOf(seed, { lossRate: 0.3, delayMs: 0 }, 'offerer', 1)[0] ?? []);
    assertRate(share(firsts, isLost), 0.3, DATAGRAMS, 'firsts');
  });

  it('loses a datagram whatever became of the one before', () => {
    const fates = fatesOf(3, { lossRate: 0.3, delayMs: 0 });
    const afterLost = fates.filter((_, index) => index > 0 && isLost(fates[index - 1] ?? [0]));
    assertRate(share(afterLost, isLost), 0.3, afterLost.length, 'after a lost one');
  });

  it('holds back and doubles as many as was asked for', () => {
    const arrived = fatesOf(5, BAD).filter((fate) => !isLost(fate));
    const late = share(arrived, ([firstMs]) => firstMs === 35);
    assertRate(late, 0.1, arrived.length, 'held back');
    assertRate(
      1 - late,
      share(arrived, ([firstMs]) => firstMs === 20),
      arrived.length,
      'in time'
    );
    assertRate(
      share(arrived, (fate) => fate.length === 2 && fate[0] === fate[1]),
      0.05,
      arrived.length,
      'doubled'
    );
  });

  it('leaves what one rate decided as it was when another one changes', () => {
    const lostAt = (fates: readonly Fate[]) => fates.map(isLost);
    assert.deepEqual(lostAt(fatesOf(9, BAD)), lostAt(fatesOf(9, { ...BAD, delayMs: 200, reorderRate: 0.9, duplicateRate: 0 })));
  });

  it('loses in bursts as long and as often as was asked for, and leaves the other losses as they were', () => {
    const bursts = { beginRate: 0.01, endRate: 0.2, lossRate: 1 };
    const lost = fatesOf(11, { lossRate: 0, delayMs: 0, bursts }, 'offerer', 100_000).map(isLost);
    const begins = lost.filter((is, index) => is && lost[index - 1] !== true).length;
    const length = lost.filter(Boolean).length / begins;
    assert.ok(length > 4.5 && length < 5.5, `${length} in a burst instead of 5`);
    const share = lost.filter(Boolean).length / lost.length; // 0.01 / (0.01 + 0.2)
    assert.ok(share > 0.043 && share < 0.053, `${share} instead of 0.048`);
    const [withBursts, without] = [fatesOf(9, { ...BAD, bursts }), fatesOf(9, BAD)];
    assert.ok(withBursts.every((fate, index) => isLost(fate) || JSON.stringify(fate) === JSON.stringify(without[index])));
    assert.ok(without.every((fate, index) => !isLost(fate) || isLost(withBursts[index] ?? [])));
  });

  it('has rates of its own for each direction', () => {
    const clock = createFakeClock();
    using pipe = createImpairedPipe({ seed: 1, clock, from: { offerer: { lossRate: 1, delayMs: 0 }, answerer: { lossRate: 0, delayMs: 0 } } });
    const arrived: string[] = [];
    for (const side of SIDES) pipe.onDatagram(side, () => arrived.push(side));
    for (const side of SIDES) pipe.send(side, Buffer.from('one'));
    assert.deepEqual(arrived, ['offerer']);
  });

  describe('in memory', () => {
    const createWorld = (impairment: Impairment) => {
      const clock = createFakeClock();
      const pipe = createImpairedPipe({ seed: 1, clock, from: bothWays(impairment) });
      const arrived: string[] = [];
      for (const side of ['offerer', 'answerer'] as const) pipe.onDatagram(side, (datagram) => arrived.push(`${clock.monotonicMs()} ${side} ${datagram}`));
      return { clock, pipe, arrived };
    };

    it('brings what a side sends to the other side, after the delay and in order', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20 });
      pipe.send('offerer', Buffer.from('one'));
      pipe.send('offerer', Buffer.from('two'));
      clock.advance(5);
      pipe.send('answerer', Buffer.from('three'));
      clock.advance(14);
      assert.deepEqual(arrived, []);
      clock.advance(6);
      assert.deepEqual(arrived, ['20 answerer one', '20 answerer two', '25 offerer three']);
      assert.equal(clock.pending, 0);
    });

    it('lets later datagrams overtake one that is held back', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20, reorderRate: 0.5, reorderMs: 10 });
      const sent = Array.from({ length: 20 }, (_, index) => String(index));
      for (const text of sent) pipe.send('offerer', Buffer.from(text));
      clock.advance(30);
      const order = arrived.map((line) => line.split(' ')[2]);
      assert.deepEqual(order.toSorted(), sent.toSorted());
      assert.notDeepEqual(order, sent);
    });

    const sendAll = (pipe: ImpairedPipe, count: number, bytes = 972): void => {
      for (let index = 0; index < count; index += 1) pipe.send('offerer', Buffer.alloc(bytes, String(index % 10)));
    };

    it('adds jitter up to what was asked for and keeps the order', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20, jitterMs: 30 });
      const times: number[] = [];
      const order: string[] = [];
      pipe.onDatagram('answerer', (datagram) => {
        times.push(clock.monotonicMs());
        order.push(datagram.toString());
      });
      for (let index = 0; index < 200; index += 1) {
        pipe.send('offerer', Buffer.from(String(index)));
        clock.advance(10);
      }
      clock.advance(100);
      assert.deepEqual(
        order,
        Array.from({ length: 200 }, (_, index) => String(index))
      );
      const waits = times.map((at, index) => at - index * 10);
      assert.ok(Math.min(...waits) >= 20 && Math.max(...waits) <= 50, `${Math.min(...waits)} to ${Math.max(...waits)}`);
      assert.ok(Math.max(...waits) - Math.min(...waits) > 20, 'it varies');
      assert.deepEqual(arrived, []);
    });

    it('carries no more than its rate, headers included, and lets the rest wait', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20, rateKbps: 800, queueBytes: 100_000 });
      sendAll(pipe, 50); // 1,000 bytes each on the link: 10 ms
      clock.advance(19 + 10 * 25);
      assert.equal(arrived.length, 24);
      clock.advance(1000);
      assert.equal(arrived.length, 50);
      assert.equal(arrived[0]?.split(' ')[0], '30');
      assert.equal(arrived.at(-1)?.split(' ')[0], '520');
      assert.equal(pipe.figures().offerer.longestQueueMs, 490);
    });

    it('drops what does not fit into the queue, and takes more when there is room again', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 0, rateKbps: 800, queueBytes: 10_000 });
      sendAll(pipe, 50);
      assert.equal(pipe.figures().offerer.overflowed, 40);
      clock.advance(50);
      sendAll(pipe, 50);
      clock.advance(1000);
      assert.equal(arrived.length, 15);
      const { sent, sentBytes, delivered, lost } = pipe.figures().offerer;
      assert.deepEqual({ sent, sentBytes, delivered, lost }, { sent: 100, sentBytes: 100_000, delivered: 15, lost: 0 });
    });

    it('changes when it is told to, and on a schedule; what is on its way stays so', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20 });
      using _schedule = schedule(clock, pipe, [
        { afterMs: 10, from: bothWays({ lossRate: 1, delayMs: 20 }) },
        { afterMs: 30, from: bothWays({ lossRate: 0, delayMs: 5 }) }
      ]);
      for (let index = 0; index < 4; index += 1) {
        pipe.send('offerer', Buffer.from(String(index)));
        clock.advance(10);
      }
      clock.advance(100);
      assert.deepEqual(arrived, ['20 answerer 0', '35 answerer 3']);
      assert.equal(pipe.figures().offerer.lost, 2);
    });

    it('keeps nothing of what has gone through', () => {
      const { clock, pipe } = createWorld({ lossRate: 0.1, delayMs: 20, jitterMs: 5, duplicateRate: 0.1, rateKbps: 8000 });
      for (let round = 0; round < 1000; round += 1) {
        sendAll(pipe, 5);
        clock.advance(10);
      }
      clock.advance(200);
      const { sent, lost, overflowed, delivered } = pipe.figures().offerer;
      assert.equal(sent, 5000);
      assert.ok(delivered > sent - lost - overflowed, 'doubles are counted');
      assert.equal(clock.pending, 0);
    });

    it('delivers nothing any more when it is closed', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20 });
      pipe.send('offerer', Buffer.from('one'));
      pipe[Symbol.dispose]();
      clock.advance(100);
      assert.deepEqual(arrived, []);
    });
  });
});
