// How far a meter goes for a level: even steps of decibels, as ears hear them. Pure.

/** Below it a room is silent. */
const QUIETEST_DBFS = -60;

/** @returns 0 to 1 */
export function levelPartOf(dbfs: number): number {
  return Number.isNaN(dbfs) ? 0 : Math.min(1, Math.max(0, (dbfs - QUIETEST_DBFS) / -QUIETEST_DBFS));
}
