import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createReplayCache } from '../../../src/identity/replay-cache.ts';

describe('replay cache', () => {
  it('admits an id once, and again only after it was forgotten', () => {
    const cache = createReplayCache({ total: 1, perSender: 1 });
    assert.equal(cache.admit('a', '1', 1_000, 0), 'new');
    assert.equal(cache.admit('a', '1', 1_000, 999), 'seen');
    assert.equal(cache.firstSeenMs('a', '1'), 0);
    assert.equal(cache.admit('a', '1', 3_000, 1_000), 'new');
  });

  it('refuses rather than forget what could still pass', () => {
    const cache = createReplayCache({ total: 3, perSender: 2 });
    assert.equal(cache.admit('a', '1', 1_000, 0), 'new');
    assert.equal(cache.admit('a', '2', 1_000, 0), 'new');
    assert.equal(cache.admit('a', '3', 1_000, 0), 'full');
    assert.equal(cache.admit('b', '1', 1_000, 0), 'new');
    assert.equal(cache.admit('c', '1', 1_000, 0), 'full');
    assert.equal(cache.admit('a', '1', 1_000, 0), 'seen');
    assert.equal(cache.admit('c', '1', 2_000, 1_000), 'new');
  });

  it('never admits an id twice within its life, and never holds more than its limit', () => {
    const step = fc.record({
      sender: fc.constantFrom('a', 'b'),
      id: fc.constantFrom('1', '2', '3', '4'),
      life: fc.integer({ min: 1, max: 50 }),
      wait: fc.integer({ min: 0, max: 30 })
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = createReplayCache({ total: 5, perSender: 3 });
        const alive = new Map<string, number>();
        let nowMs = 0;
        for (const { sender, id, life, wait } of steps) {
          nowMs += wait;
          const key = sender + id;
          const stillAlive = (alive.get(key) ?? 0) > nowMs;
          const admission = cache.admit(sender, id, nowMs + life, nowMs);
          if (stillAlive) assert.equal(admission, 'seen');
          if (admission === 'new') alive.set(key, nowMs + life);
          const living = [...alive].filter(([, until]) => until > nowMs);
          assert.ok(living.length <= 5);
          assert.ok(living.filter(([other]) => other.startsWith(sender)).length <= 3);
          if (admission === 'full') assert.ok(living.length === 5 || living.filter(([other]) => other.startsWith(sender)).length === 3);
        }
      })
    );
  });
});
