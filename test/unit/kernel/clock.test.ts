import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createFakeClock } from '../../fakes/clock.ts';

describe('kernel: clock', () => {
  it('of the system tells the time, and cancels', async () => {
    assert.ok(Math.abs(systemClock.now() - Date.now()) < 1_000);
    const before = systemClock.monotonicMs();
    assert.ok(before <= systemClock.monotonicMs());
    const cancelled = systemClock.schedule(0, () => assert.fail('ran'));
    cancelled.cancel();
    // Its timers do not keep a process alive: this immediate does until the timer's turn has come.
    let ran = false;
    systemClock.schedule(0, () => {
      ran = true;
    });
    for (let turn = 0; turn < 10_000 && !ran; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(ran);
  });

  it('of the tests stands still until it is moved', () => {
    const clock = createFakeClock(1_000);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [1_000, 0]);
    clock.advance(5);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [1_005, 5]);
    clock.jump(-100);
    assert.deepEqual([clock.now(), clock.monotonicMs()], [905, 5]);
  });

  it('of the tests lets promises settle between timers', async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    clock.schedule(10, () => void Promise.resolve().then(() => clock.schedule(5, () => seen.push(`chained at ${clock.monotonicMs()}`))));
    clock.schedule(20, () => seen.push(`later at ${clock.monotonicMs()}`));
    await clock.advanceAsync(30);
    assert.deepEqual(seen, ['chained at 15', 'later at 20']);
    assert.equal(clock.monotonicMs(), 30);
  });

  it('property: the tests’ timers run at their own time, in order, once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100)), fc.array(fc.nat(60)), (delays, advances) => {
        const clock = createFakeClock();
        const ran: { readonly dueMs: number; readonly order: number }[] = [];
        delays.forEach((dueMs, order) => {
          clock.schedule(dueMs, () => {
            assert.equal(clock.monotonicMs(), dueMs);
            ran.push({ dueMs, order });
          });
        });
        for (const ms of advances) clock.advance(ms);
        clock.advance(100);
        const expected = delays.map((dueMs, order) => ({ dueMs, order })).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
        assert.deepEqual(ran, expected);
        assert.equal(clock.pending, 0);
      })
    );
  });
});
