// How often credentials are given: to one endpoint, and in all. Pure.
// Invariants: bounded memory; one endpoint alone cannot use up what there is for all; a refusal is told once, then there is silence.

export type Decision = 'give' | 'refuse' | 'ignore';

export type RequestLimits = { readonly burst: number; readonly refillMs: number; readonly totalBurst: number; readonly totalRefillMs: number };

/** A room asks twice an hour; one that restarts again and again still gets some. In all: 20 a second for long, a thousand rooms at once after a power cut. */
const REQUEST_LIMITS: RequestLimits = { burst: 6, refillMs: 60_000, totalBurst: 1_000, totalRefillMs: 50 };

const MAX_ENDPOINTS = 16_384;

type Bucket = { tokens: number; filledMs: number; told: boolean };

/** @returns a function (endpoint, now on a clock that does not go back) → what to do with its request */
export function createRequestLimit(limits: RequestLimits = REQUEST_LIMITS): (endpoint: string, nowMs: number) => Decision {
  const buckets = new Map<string, Bucket>();
  const all: Bucket = { tokens: limits.totalBurst, filledMs: 0, told: false };
  let begun = false;

  const fill = (bucket: Bucket, burst: number, refillMs: number, nowMs: number): void => {
    const more = Math.floor((nowMs - bucket.filledMs) / refillMs);
    bucket.tokens = Math.min(burst, bucket.tokens + more);
    bucket.filledMs = bucket.tokens === burst ? nowMs : bucket.filledMs + more * refillMs;
  };
  /** Full ones are as new ones. */
  const forgetFull = (nowMs: number): void => {
    for (const [endpoint, bucket] of buckets) {
      fill(bucket, limits.burst, limits.refillMs, nowMs);
      if (bucket.tokens === limits.burst) buckets.delete(endpoint);
    }
  };

  return (endpoint, nowMs) => {
    if (!begun) all.filledMs = nowMs;
    begun = true;
    if (buckets.size >= MAX_ENDPOINTS && !buckets.has(endpoint)) forgetFull(nowMs);
    if (buckets.size >= MAX_ENDPOINTS && !buckets.has(endpoint)) return 'ignore';
    const bucket = buckets.get(endpoint) ?? { tokens: limits.burst, filledMs: nowMs, told: false };
    buckets.set(endpoint, bucket);
    fill(bucket, limits.burst, limits.refillMs, nowMs);
    fill(all, limits.totalBurst, limits.totalRefillMs, nowMs);
    if (bucket.tokens > 0 && all.tokens > 0) {
      bucket.tokens -= 1;
      all.tokens -= 1;
      bucket.told = false;
      return 'give';
    }
    if (bucket.told) return 'ignore';
    bucket.told = true;
    return 'refuse';
  };
}
