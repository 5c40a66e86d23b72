// When a certificate's end is a problem, and how bad a one. Pure: of two instants alone, so that what is said does not change from one minute to the next.
import type { Problem } from '../room/state.ts';

const DAY_MS = 24 * 60 * 60_000;
const WARNED_DAYS = 30;
const URGENT_DAYS = 3;

export type Expiry = { readonly severity: Problem['severity']; readonly sinceMs: number; readonly text: string };

/** Null as long as there is time enough. */
export function expiryProblem(notAfterMs: number, nowMs: number): Expiry | null {
  const leftMs = notAfterMs - nowMs;
  if (leftMs > WARNED_DAYS * DAY_MS) return null;
  const end = new Date(notAfterMs).toISOString().slice(0, 10);
  if (leftMs <= 0)
    return {
      severity: 'error',
      sinceMs: notAfterMs,
      text: `This room’s certificate has expired on ${end}: it can place and take no calls until it has a new one.`
    };
  const text = `This room’s certificate ends on ${end}; without a new one it can place and take no calls from then on.`;
  if (leftMs <= URGENT_DAYS * DAY_MS) return { severity: 'error', sinceMs: notAfterMs - URGENT_DAYS * DAY_MS, text };
  return { severity: 'warning', sinceMs: notAfterMs - WARNED_DAYS * DAY_MS, text };
}
