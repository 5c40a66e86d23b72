// Medians, spreads and tables for the benches. Pure.

export type Series = readonly number[];

const sorted = (values: Series): number[] => values.toSorted((a, b) => a - b);

/** NaN for an empty series. */
export function median(values: Series): number {
  const ordered = sorted(values);
  const middle = ordered.length / 2;
  const upper = ordered[Math.floor(middle)] ?? Number.NaN;
  return ordered.length % 2 === 1 ? upper : (upper + (ordered[middle - 1] ?? Number.NaN)) / 2;
}

/** The smallest value that so many are not above; NaN for an empty series. @param part from 0 to 1 */
export const percentile = (values: Series, part: number): number => sorted(values)[Math.max(0, Math.ceil(values.length * part) - 1)] ?? Number.NaN;

export type Spread = { readonly runs: number; readonly min: number; readonly median: number; readonly max: number };

export const spread = (values: Series): Spread => ({
  runs: values.length,
  min: sorted(values)[0] ?? Number.NaN,
  median: median(values),
  max: sorted(values).at(-1) ?? Number.NaN
});

/** Columns as wide as they need to be; the first is text, the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    head.map((_, column) => (column === 0 ? (row[column] ?? '').padEnd(widths[column] ?? 0) : (row[column] ?? '').padStart(widths[column] ?? 0))).join('  ');
  return all.map(line).join('\n');
}
