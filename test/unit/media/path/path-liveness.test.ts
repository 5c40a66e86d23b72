// A second of silence is noticed, a side that answers is never called silent, and nobody is asked who speaks.
import assert from 'node:assert/strict';
import { createLiveness } from '../../../../src/media/path/path-liveness.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

function watch({ answers = () => false, answerDue = () => false }: { answers?: () => boolean; answerDue?: () => boolean } = {}) {
  const clock = createFakeClock();
  const askedMs: number[] = [];
  const said: string[] = [];
  const liveness = createLiveness({
    clock,
    ask: () => {
      askedMs.push(clock.monotonicMs());
      if (answers()) clock.schedule(40, () => liveness.heard());
    },
    answerDue,
    changed: (silent) => said.push(`${silent ? 'silent' : 'heard'} ${clock.monotonicMs()}`)
  });
  return { clock, askedMs, said, liveness };
}

describe('the liveness of a path', () => {
  it('is lost within a second, is said once, after the other side was asked', () => {
    const { clock, askedMs, said, liveness } = watch();
    liveness.start();
    clock.advance(399);
    assert.deepEqual(askedMs, []);
    clock.advance(550);
    assert.deepEqual(askedMs, [400, 500, 600, 700, 800, 900]);
    assert.deepEqual(said, []);
    clock.advance(51);
    assert.deepEqual(said, ['silent 951']);
    clock.advance(20_000);
    assert.equal(said.length, 1);
    assert.ok(askedMs.length > 100, 'it goes on asking');
  });

  it('comes back with the first thing that is heard, and can be lost again', () => {
    const { clock, said, liveness } = watch();
    liveness.start();
    clock.advance(3_000);
    liveness.heard();
    liveness.heard();
    clock.advance(1_100);
    assert.deepEqual(said, ['silent 951', 'heard 3000', 'silent 3951']);
  });

  it('is that of a side that says nothing and answers', () => {
    const { clock, askedMs, said, liveness } = watch({ answers: () => true });
    liveness.start();
    clock.advance(60_000);
    assert.deepEqual(said, []);
    assert.ok(askedMs.length < 150, `it was asked ${askedMs.length} times in a minute`);
  });

  it('needs no question while the other side is heard', () => {
    const { clock, askedMs, said, liveness } = watch();
    liveness.start();
    for (let ms = 0; ms < 10_000; ms += 20) {
      clock.advance(20);
      liveness.heard();
    }
    assert.deepEqual([askedMs, said], [[], []]);
  });

  it('asks a side that is heard where its answer is due', () => {
    let due = false;
    const { clock, askedMs, liveness } = watch({ answerDue: () => due });
    liveness.start();
    for (let ms = 0; ms < 3_000; ms += 20) {
      due = ms >= 1_000;
      clock.advance(20);
      liveness.heard();
    }
    assert.ok(askedMs.length >= 4 && askedMs.every((ms) => ms >= 1_000), askedMs.join());
  });

  it('is not judged before what came while the process stood still is read', () => {
    const clock = createFakeClock();
    const said: boolean[] = [];
    let stoodStillMs = 0;
    const liveness = createLiveness({
      clock: { ...clock, monotonicMs: () => clock.monotonicMs() + stoodStillMs },
      ask: () => {},
      answerDue: () => false,
      changed: (silent) => said.push(silent)
    });
    liveness.start();
    stoodStillMs = 5_000;
    clock.advance(400);
    // Timers come before sockets when a process goes on.
    liveness.heard();
    clock.advance(900);
    assert.deepEqual(said, []);
    clock.advance(100);
    assert.deepEqual(said, [true]);
  });

  it('leaves no timer behind, and says nothing after the end or before the start', () => {
    const { clock, said, liveness } = watch();
    liveness.heard();
    liveness.start();
    liveness.start();
    assert.equal(clock.pending, 1);
    liveness.stop();
    assert.equal(clock.pending, 0);
    liveness.heard();
    clock.advance(5_000);
    assert.deepEqual(said, []);
  });

  it('ends where the one who is told of the silence ends it', () => {
    const clock = createFakeClock();
    const liveness = createLiveness({ clock, ask: () => {}, answerDue: () => false, changed: () => liveness.stop() });
    liveness.start();
    clock.advance(2_000);
    assert.equal(clock.pending, 0);
  });
});
