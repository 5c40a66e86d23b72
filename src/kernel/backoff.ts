// Exponential back-off with full jitter, pure.

export type BackoffOptions = { readonly firstMs: number; readonly maxMs: number };

/**
 * The delay before attempt number `attempt` (0 is the first retry), in milliseconds, between half of and the whole step.
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: number): number {
  const step = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(step / 2 + (step / 2) * random);
}
