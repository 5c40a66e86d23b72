// Which of the display's two canvases a call has: a pure choice. A call keeps its own for as long as it lasts, whichever call is in front and whatever
// comes or goes beside it, so that no picture begins anew because of another one.

const SLOTS = 2;
export type Slots = readonly (string | null)[];

export const noSlots: Slots = Array.from({ length: SLOTS }, () => null);

/** @param calls those that are to be shown; more than there are slots are left out */
export function slotsOf(before: Slots, calls: readonly string[]): Slots {
  const kept = before.map((call) => (call !== null && calls.includes(call) ? call : null));
  const waiting = calls.filter((call) => !kept.includes(call));
  return kept.map((call) => call ?? waiting.shift() ?? null);
}

/** Whose shared screen is shown where both others share: the one that began last. */
export function latestScreen(since: readonly (number | null)[]): number | null {
  const times = since.filter((at) => at !== null);
  return times.length === 0 ? null : since.lastIndexOf(Math.max(...times));
}
