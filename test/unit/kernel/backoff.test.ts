import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { backoffMs } from '../../../src/kernel/backoff.ts';

describe('kernel: back-off', () => {
  const options = { firstMs: 200, maxMs: 5_000 };

  it('doubles, up to the longest step', () => {
    const steps = [0, 1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, options, 1 - Number.EPSILON));
    assert.deepEqual(steps, [200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('draws between half of the step and the whole', () => {
    assert.equal(backoffMs(0, options, 0), 100);
    assert.equal(backoffMs(1, options, 0.5), 300);
  });

  it('property: stays within its bounds for any attempt, and never is 0', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 10_000 }),
        fc.nat(100_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, firstMs, more, random) => {
          const maxMs = firstMs + more;
          const delayMs = backoffMs(attempt, { firstMs, maxMs }, random);
          assert.ok(Number.isInteger(delayMs));
          assert.ok(delayMs >= Math.floor(firstMs / 2) && delayMs >= 1 && delayMs <= maxMs, `${delayMs}`);
        }
      )
    );
  });
});
