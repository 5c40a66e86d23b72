// Whether a figure that is taken again and again grows: the line of least squares through the samples, and how sure its slope is. Pure.

export type Sample = { readonly at: number; readonly value: number };
/** `slopeError` is the slope's standard error. */
export type Line = { readonly samples: number; readonly start: number; readonly slope: number; readonly slopeError: number };

/** Null for fewer than three samples, or samples of one moment: no error can be told of their slope. */
export function fitLine(samples: readonly Sample[]): Line | null {
  const count = samples.length;
  if (count < 3) return null;
  const mean = (of: (sample: Sample) => number): number => samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const [atMean, valueMean] = [mean(({ at }) => at), mean(({ value }) => value)];
  const spread = mean(({ at }) => (at - atMean) ** 2) * count;
  if (spread === 0) return null;
  const slope = (mean(({ at, value }) => (at - atMean) * (value - valueMean)) * count) / spread;
  const start = valueMean - slope * atMean;
  const remainder = mean(({ at, value }) => (value - start - slope * at) ** 2) * count;
  return { samples: count, start, slope, slopeError: Math.sqrt(remainder / (count - 2) / spread) };
}

/** Grows beyond what chance explains: even two standard errors below the slope there is more than the limit. */
export const growsBeyond = ({ slope, slopeError }: Line, limit: number): boolean => slope - 2 * slopeError > limit;
