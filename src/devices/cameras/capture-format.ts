// Which of a camera's formats it is opened with: a picture no smaller and no slower than wanted, in the cheapest form that carries it. Pure.
// A device lists an uncompressed format only at rates that its bus carries, so that one which suffices is taken before MJPEG, which has to be decoded.
import type { CaptureFormat } from '../../media/port.ts';

export type Extent = { readonly min: number; readonly max: number; readonly step: number };

/** One row of what a device offers: a size has `min` equal to `max`. `rates` in frames a second; empty where the device does not tell. */
export type OfferedFormat = { readonly fourcc: string; readonly width: Extent; readonly height: Extent; readonly rates: readonly number[] };

export type WantedPicture = { readonly width: number; readonly height: number; readonly fps: number };

/**
 * V4L2's four characters (linux/videodev2.h) to FFmpeg's name, the cheapest first. H.264 and HEVC of a camera are not taken: they would be decoded and encoded again,
 * and their delay is unknown. 16-bit and RGB formats are those of sensors and test devices.
 */
const PIXEL_FORMATS: ReadonlyMap<string, CaptureFormat['pixelFormat']> = new Map([
  ['NV12', 'nv12'],
  ['YU12', 'yuv420p'],
  ['YUYV', 'yuyv422'],
  ['UYVY', 'uyvy422'],
  ['MJPG', 'mjpeg'],
  ['JPEG', 'mjpeg']
]);
const CHEAPEST_FIRST = [...PIXEL_FORMATS.keys()];

/** 29.97 is as good as 30 (SMPTE 170M's rate is 30000/1001). */
const RATE_TOLERANCE = 1.002;

/** @returns null where nothing is offered that can be taken */
export function bestFormat(offered: readonly OfferedFormat[], wanted: WantedPicture): CaptureFormat | null {
  let best: { readonly format: CaptureFormat; readonly cost: readonly number[] } | null = null;
  for (const row of offered) {
    const pixelFormat = PIXEL_FORMATS.get(row.fourcc);
    if (pixelFormat === undefined) continue;
    const format: CaptureFormat = {
      pixelFormat,
      width: nearest(row.width, wanted.width),
      height: nearest(row.height, wanted.height),
      fps: rateOf(row.rates, wanted.fps)
    };
    const cost = costOf(format, CHEAPEST_FIRST.indexOf(row.fourcc), wanted);
    if (best === null || isLess(cost, best.cost)) best = { format, cost };
  }
  return best?.format ?? null;
}

/** Smallest that is not smaller, else the largest. */
function nearest({ min, max, step }: Extent, wanted: number): number {
  if (wanted <= min) return min;
  if (wanted >= max) return max;
  return Math.min(max, min + Math.ceil((wanted - min) / step) * step);
}

/** The slowest that is not slower, else the fastest. */
function rateOf(rates: readonly number[], wanted: number): number {
  if (rates.length === 0) return wanted;
  const enough = rates.filter((rate) => rate * RATE_TOLERANCE >= wanted);
  return enough.length > 0 ? Math.min(...enough) : Math.max(...rates);
}

/** In order of weight: what is missing of size and rate, what of the size is too much, the work that the format makes, what of the rate is too much. */
function costOf({ width, height, fps }: CaptureFormat, work: number, wanted: WantedPicture): readonly number[] {
  const missing = (have: number, want: number): number => Math.max(0, Math.log(want / have));
  const rate = fps * RATE_TOLERANCE >= wanted.fps ? 0 : missing(fps, wanted.fps);
  return [missing(width, wanted.width) + missing(height, wanted.height) + rate, width * height, work, fps];
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}
