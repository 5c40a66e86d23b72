import assert from 'node:assert/strict';
import { delay, startPacer } from '../../../../src/media/source/pacer.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

describe('pacer', () => {
  it('ticks at multiples of the interval from the start, however late each tick ran', () => {
    const clock = createFakeClock();
    clock.advance(500);
    const ticks: number[][] = [];
    // A timer of whole milliseconds, which is late by up to one.
    const coarse = { ...clock, schedule: (delayMs: number, run: () => void) => clock.schedule(Math.ceil(delayMs), run) };
    const pacer = startPacer(coarse, 100 / 3, 1000, (index, dueMs) => {
      ticks.push([index, Math.round(dueMs), Math.round(clock.monotonicMs())]);
    });
    clock.advance(10_000);
    pacer.stop();
    const [index = 0, dueMs, ranAtMs = 0] = ticks.at(-1) ?? [];
    assert.equal(ticks.length, index + 1);
    assert.ok(index >= 300 && index <= 302);
    assert.equal(dueMs, Math.round(500 + (index * 100) / 3));
    assert.ok(ranAtMs - (dueMs ?? 0) <= 2);
    assert.equal(clock.pending, 0);
  });

  it('leaves out ticks that were missed', () => {
    const clock = createFakeClock();
    let heldMs = 0;
    const ticks: number[] = [];
    const pacer = startPacer({ ...clock, monotonicMs: () => clock.monotonicMs() + heldMs }, 20, 100, (index) => {
      ticks.push(index);
      if (index === 2) heldMs = 210; // the event loop was held
    });
    clock.advance(80);
    pacer.stop();
    assert.deepEqual(ticks.slice(0, 5), [0, 1, 2, 12, 13]);
  });

  it('does not tick after stop(), also from within a tick', () => {
    const clock = createFakeClock();
    let count = 0;
    const pacer = startPacer(clock, 20, 100, () => {
      count++;
      if (count === 2) pacer.stop();
    });
    clock.advance(1000);
    assert.equal(count, 2);
    assert.equal(clock.pending, 0);
  });

  it('delay ends with its signal and leaves no timer', async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const waiting = delay(clock, 1000, abort.signal);
    assert.equal(clock.pending, 1);
    abort.abort();
    await waiting;
    assert.equal(clock.pending, 0);
    await delay(clock, 1000, abort.signal);
  });
});
