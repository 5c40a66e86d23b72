// How often a kind of refusal is told: a flood of one kind must neither fill the log nor hide another kind. Pure.

const BURST = 10;
const REFILL_MS = 6_000;

/** @returns a function (kind, now) → how many were kept silent since the last one told, or null where this one is to be kept silent too */
export function createRefusalLimit(): (kind: string, nowMs: number) => number | null {
  const buckets = new Map<string, { tokens: number; filledMs: number; silent: number }>();
  return (kind, nowMs) => {
    const bucket = buckets.get(kind) ?? { tokens: BURST, filledMs: nowMs, silent: 0 };
    buckets.set(kind, bucket);
    const refill = Math.max(0, Math.floor((nowMs - bucket.filledMs) / REFILL_MS));
    bucket.tokens = Math.min(BURST, bucket.tokens + refill);
    bucket.filledMs = bucket.tokens === BURST ? nowMs : bucket.filledMs + refill * REFILL_MS;
    if (bucket.tokens === 0) {
      bucket.silent += 1;
      return null;
    }
    bucket.tokens -= 1;
    const { silent } = bucket;
    bucket.silent = 0;
    return silent;
  };
}
