// What arrived at the other side, by its own clock as transport-wide feedback tells it: from it the rate that was acknowledged.
// Pure but for what it remembers. Invariant: what is older than half a second is forgotten, whatever the other side's clock says.
import { ARRIVAL_WRAP_MS } from './transport-feedback.ts';

export type Arrivals = {
  /** A time as it was told, on one line with those before it. */
  unwrap(arrivedMs: number): number;
  /** Whether any has arrived yet, since its clock last jumped. */
  known(): boolean;
  /** @param atMs unwrapped */
  add(bytes: number, atMs: number): void;
  /** What must have arrived by then, though the report of it was lost. */
  addUntold(bytes: number, atMs: number): void;
  /** Counts what was added; after each report. */
  measure(): void;
  /** As measured last, over half a second; null until there was enough. */
  kbps(): number | null;
};

export const ACKNOWLEDGED_WINDOW_MS = 500;
/** Fewer milliseconds of arrivals say nothing about a rate. */
const ACKNOWLEDGED_LEAST_MS = 120;
/** No packet arrives so much later than one that left after it. */
const CLOCK_JUMP_MS = 3000;

export function createArrivals(): Arrivals {
  let arrived: { readonly bytes: number; readonly atMs: number }[] = [];
  let span: { readonly firstMs: number; readonly lastMs: number } | null = null;
  let acknowledged: number | null = null;
  return {
    unwrap(arrivedMs) {
      if (span === null) return arrivedMs;
      const distance = (((arrivedMs - span.lastMs) % ARRIVAL_WRAP_MS) + ARRIVAL_WRAP_MS) % ARRIVAL_WRAP_MS;
      return span.lastMs + (distance > ARRIVAL_WRAP_MS / 2 ? distance - ARRIVAL_WRAP_MS : distance);
    },
    known: () => span !== null,
    add(bytes, atMs) {
      // The other side's clock jumped back: what comes would count as older than the window until it has caught up.
      if (span !== null && atMs < span.lastMs - CLOCK_JUMP_MS) {
        arrived = [];
        span = null;
      }
      span = { firstMs: span?.firstMs ?? atMs, lastMs: Math.max(span?.lastMs ?? atMs, atMs) };
      arrived.push({ bytes, atMs });
    },
    addUntold: (bytes, atMs) => void arrived.push({ bytes, atMs }),
    measure() {
      if (span === null) return;
      const { firstMs, lastMs } = span;
      arrived = arrived.filter(({ atMs }) => atMs > lastMs - ACKNOWLEDGED_WINDOW_MS && atMs <= lastMs + ACKNOWLEDGED_WINDOW_MS);
      const spanMs = Math.min(ACKNOWLEDGED_WINDOW_MS, lastMs - firstMs);
      if (spanMs >= ACKNOWLEDGED_LEAST_MS) acknowledged = (arrived.reduce((sum, { bytes }) => sum + bytes, 0) * 8) / spanMs;
    },
    kbps: () => acknowledged
  };
}
