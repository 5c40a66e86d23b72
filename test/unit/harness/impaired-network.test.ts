import assert from 'node:assert/strict';
import { createFakeClock } from '../../fakes/clock.ts';
import { bothWays, createFates, createImpairedPipe, type Fate, type Impairment } from '../../harness/impaired-network.ts';

const DATAGRAMS = 10_000;
const BAD: Impairment = { lossRate: 0.2, delayMs: 20, reorderRate: 0.1, reorderMs: 15, duplicateRate: 0.05 };

function fatesOf(seed: number, impairment: Impairment, side: 'offerer' | 'answerer' = 'offerer', count = DATAGRAMS): Fate[] {
  const next = createFates({ seed, from: bothWays(impairment) }, side);
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

  it('has rates of its own for each direction', () => {
    const from = { offerer: { lossRate: 1, delayMs: 0 }, answerer: { lossRate: 0, delayMs: 0 } };
    assert.deepEqual([createFates({ seed: 1, from }, 'offerer')(), createFates({ seed: 1, from }, 'answerer')()], [[], [0]]);
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

    it('delivers nothing any more when it is closed', () => {
      const { clock, pipe, arrived } = createWorld({ lossRate: 0, delayMs: 20 });
      pipe.send('offerer', Buffer.from('one'));
      pipe[Symbol.dispose]();
      clock.advance(100);
      assert.deepEqual(arrived, []);
    });
  });
});
