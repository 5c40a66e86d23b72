// How often an endpoint gets credentials.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRequestLimit, type Decision, type RequestLimits } from '../../../src/relay/request-limit.ts';

const LIMITS: RequestLimits = { burst: 3, refillMs: 60_000, totalBurst: 10, totalRefillMs: 1_000 };
const times = (n: number, decide: () => Decision): Decision[] => Array.from({ length: n }, decide);

describe('the rate limit of requests for credentials', () => {
  it('gives a few at once, tells the first refusal, then is silent until there is one again', () => {
    const limit = createRequestLimit(LIMITS);
    assert.deepEqual(
      times(6, () => limit('a', 5)),
      ['give', 'give', 'give', 'refuse', 'ignore', 'ignore']
    );
    assert.equal(limit('a', 60_004), 'ignore');
    assert.deepEqual(
      times(3, () => limit('a', 60_005)),
      ['give', 'refuse', 'ignore']
    );
  });

  it('lets no endpoint use up what another one may have', () => {
    const limit = createRequestLimit(LIMITS);
    times(1_000, () => limit('greedy', 0));
    assert.equal(limit('modest', 0), 'give');
  });

  it('holds in all', () => {
    const limit = createRequestLimit(LIMITS);
    let endpoint = 0;
    const given = times(50, () => limit(`e${endpoint++}`, 0)).filter((decision) => decision === 'give').length;
    assert.equal(given, LIMITS.totalBurst);
    assert.deepEqual(
      times(4, () => limit(`e${endpoint++}`, 3_000)),
      ['give', 'give', 'give', 'refuse']
    );
  });

  it('remembers a bounded number of endpoints, and forgets those that may have all again', () => {
    const limit = createRequestLimit({ ...LIMITS, totalBurst: 1_000_000 });
    for (let n = 0; n < 16_384; n += 1) limit(`e${n}`, 0);
    assert.equal(limit('one too many', 0), 'ignore');
    assert.equal(limit('one too many', 180_000), 'give');
  });

  it('never gives more than its bounds, whoever asks when', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 20_000 })), { maxLength: 200 }), (requests) => {
        const limit = createRequestLimit(LIMITS);
        const given = [0, 0, 0, 0, 0];
        let nowMs = 0;
        for (const [endpoint, pauseMs] of requests) {
          nowMs += pauseMs;
          if (limit(String(endpoint), nowMs) === 'give') given[endpoint] = (given[endpoint] ?? 0) + 1;
        }
        for (const count of given) assert.ok(count <= LIMITS.burst + Math.floor(nowMs / LIMITS.refillMs));
        assert.ok(given.reduce((sum, count) => sum + count, 0) <= LIMITS.totalBurst + Math.floor(nowMs / LIMITS.totalRefillMs));
      })
    );
  });
});
