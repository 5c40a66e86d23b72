// When a room is to be wiped: every day at a time of this machine's own zone, and afterwards where it was off at that time. Pure.

/** The latest instant, up to now, at which it was that time of day. A time that a change of the clocks leaves out is the hour after. */
export function lastDueMs(timeOfDay: string, nowMs: number): number {
  const [hours = 0, minutes = 0] = timeOfDay.split(':').map(Number);
  const now = new Date(nowMs);
  const on = (daysAgo: number): number => new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo, hours, minutes).getTime();
  return on(0) <= nowMs ? on(0) : on(1);
}

/** @param wipedAtMs when it was last wiped; one in the future is of a clock that was wrong, and counts for nothing */
export const isWipeDue = (timeOfDay: string | null, wipedAtMs: number | undefined, nowMs: number): boolean =>
  timeOfDay !== null && (wipedAtMs === undefined || wipedAtMs > nowMs || wipedAtMs < lastDueMs(timeOfDay, nowMs));
