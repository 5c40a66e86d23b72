// What the encoder is given of a screen that changed: all of it, or, where that would take the path too long, a coarse picture of it first and
// then one sharp part after another. Pure: `shown`, what the encoder was given last, is all that is remembered.
// Invariants: of a screen that stands still, all is given in the end as it is, and of one with noise all of its detail; a change that is small is given
// sharp at once, whatever else still is coarse.
import type { Frame } from 'node-av';

/** YUV 4:2:0. The rows alone are read: what lies between them is nobody's. */
export type Pixels = Pick<Frame, 'data' | 'linesize' | 'width' | 'height'>;

/** Of one plane of both pictures. */
type Plane = {
  readonly from: Buffer;
  readonly fromStride: number;
  readonly to: Buffer;
  readonly toStride: number;
  readonly rowBytes: number;
  readonly rows: number;
};
/** Rows of macroblocks: where they begin in each plane, and end. */
type Band = readonly { readonly plane: Plane; readonly top: number; readonly bottom: number }[];

/** In each plane. */
const BAND_ROWS = [16, 8, 8] as const;
/** As wide and high as the squares that the codecs transform: each is one number to them. */
const COARSE_PIXELS = 4;
/** A page that takes longer is shown coarse first … */
const WHOLE_MS = 2_000;
/** … and its sharp parts take so long each. */
const PART_MS = 1_500;
/** From here on a page full of text does not take so long. */
const WHOLE_KBPS = 1_000;
/** What a step of one in brightness between two neighbours costs, measured with small text at the coarsest quantizer that is allowed. */
const STEP_BYTES = 1 / 280;
const GREY = 128;
/** What comes by cable may be dithered by whoever sends it, and is another picture each time: so little is neither detail nor another page. */
const NOISE = 4;

/** Whether there is anything in `frame` that the encoder was not given. */
export const differs = (frame: Pixels, shown: Pixels): boolean => bandsOf(frame, shown).some(bandDiffers);

/** The next picture is for somebody who has nothing of those before. */
export function forget(shown: Pixels): void {
  for (const plane of shown.data ?? []) plane.fill(GREY);
}

/**
 * Makes `shown` what is to be encoded next of `frame`, of the same size.
 * @returns whether it is another page: most of what was there is gone
 */
export function bring(frame: Pixels, shown: Pixels, kbps: number): boolean {
  const bands = bandsOf(frame, shown);
  const changed = bands.filter(bandDiffers);
  if (kbps >= WHOLE_KBPS) {
    changed.forEach(sharpen);
    return changed.length > bands.length / 2;
  }
  const coarse = changed.filter(isCoarse);
  const others = changed.filter((band) => !coarse.includes(band)).map((band) => ({ band, bytes: bytesOf(band) }));
  let bytes = ((coarse.length === 0 ? WHOLE_MS : PART_MS) * kbps) / 8;
  const wanted = others.reduce((sum, other) => sum + other.bytes, 0);
  for (const other of others) {
    if (wanted <= bytes || other.bytes === 0) sharpen(other.band);
    else coarsen(other.band);
  }
  // A part that moves on and on does not keep the rest from becoming sharp.
  bytes -= Math.min(wanted, bytes / 2);
  for (const [index, band] of coarse.entries()) {
    bytes -= bytesOf(band);
    if (bytes < 0 && index > 0) break;
    sharpen(band);
  }
  return others.filter((other) => other.bytes > 0).length > bands.length / 2;
}

function bandsOf(frame: Pixels, shown: Pixels): Band[] {
  const { width, height } = frame;
  const planes = BAND_ROWS.flatMap((_, index): Plane[] => {
    const [from, to] = [frame.data?.[index], shown.data?.[index]];
    const [rowBytes, rows] = index === 0 ? [width, height] : [width / 2, height / 2];
    return from === undefined || to === undefined
      ? []
      : [{ from, fromStride: frame.linesize[index] ?? 0, to, toStride: shown.linesize[index] ?? 0, rowBytes, rows }];
  });
  return Array.from({ length: Math.ceil(height / BAND_ROWS[0]) }, (_, band) =>
    planes.map((plane, index) => {
      const top = band * (BAND_ROWS[index] ?? 0);
      return { plane, top, bottom: Math.min(plane.rows, top + (BAND_ROWS[index] ?? 0)) };
    })
  );
}

const bandDiffers = (band: Band): boolean =>
  band.some(({ plane, top, bottom }) => {
    const { from, fromStride, to, toStride, rowBytes } = plane;
    // Nothing lies between the rows: all at once, which is what most of the time is spent on.
    if (fromStride === rowBytes && toStride === rowBytes) return from.compare(to, top * rowBytes, bottom * rowBytes, top * rowBytes, bottom * rowBytes) !== 0;
    for (let row = top; row < bottom; row++) if (rowDiffers(plane, row)) return true;
    return false;
  });

const rowDiffers = ({ from, fromStride, to, toStride, rowBytes }: Plane, row: number): boolean =>
  from.compare(to, row * toStride, row * toStride + rowBytes, row * fromStride, row * fromStride + rowBytes) !== 0;

function sharpen(band: Band): void {
  for (const { plane, top, bottom } of band) {
    const { from, fromStride, to, toStride, rowBytes } = plane;
    for (let row = top; row < bottom; row++) from.copy(to, row * toStride, row * fromStride, row * fromStride + rowBytes);
  }
}

/** What the picture still lacks, as a codec sees it: a surface that only became brighter costs next to nothing. */
function bytesOf(band: Band): number {
  const [luma] = band;
  if (luma === undefined) return 0;
  const { from, fromStride, to, toStride, rowBytes } = luma.plane;
  let steps = 0;
  for (let row = luma.top; row < luma.bottom; row++) {
    if (!rowDiffers(luma.plane, row)) continue;
    const [fromAt, toAt] = [row * fromStride, row * toStride];
    let before = 0;
    for (let x = 0; x < rowBytes; x++) {
      const difference = (from[fromAt + x] ?? 0) - (to[toAt + x] ?? 0);
      const lacking = Math.abs(difference) > NOISE ? difference : 0;
      steps += Math.abs(lacking - before);
      before = lacking;
    }
  }
  return steps * STEP_BYTES;
}

function coarsen(band: Band): void {
  eachCoarseRow(band, ({ to, toStride, rowBytes }, coarse, top, bottom) => {
    for (let row = top; row < bottom; row++) coarse.copy(to, row * toStride, 0, rowBytes);
    return true;
  });
}

const isCoarse = (band: Band): boolean =>
  eachCoarseRow(band, ({ to, toStride, rowBytes }, coarse, top, bottom) => {
    for (let at = top * toStride; at < bottom * toStride; at += toStride) {
      if (coarse.compare(to, at, at + rowBytes) === 0) continue;
      for (let x = 0; x < rowBytes; x++) if (Math.abs((coarse[x] ?? 0) - (to[at + x] ?? 0)) > NOISE) return false;
    }
    return true;
  });

/** @param goesOn called with one row of the coarse picture, and the rows that look like it; false ends it */
function eachCoarseRow(band: Band, goesOn: (plane: Plane, coarse: Buffer, top: number, bottom: number) => boolean): boolean {
  return band.every(({ plane, top, bottom }) => {
    const coarse = Buffer.allocUnsafe(plane.rowBytes);
    for (let row = top; row < bottom; row += COARSE_PIXELS) {
      const end = Math.min(bottom, row + COARSE_PIXELS);
      average(plane, row, end, coarse);
      if (!goesOn(plane, coarse, row, end)) return false;
    }
    return true;
  });
}

function average({ from, fromStride, rowBytes }: Plane, top: number, bottom: number, into: Buffer): void {
  for (let left = 0; left < rowBytes; left += COARSE_PIXELS) {
    const right = Math.min(rowBytes, left + COARSE_PIXELS);
    let sum = 0;
    for (let row = top; row < bottom; row++) for (let x = left; x < right; x++) sum += from[row * fromStride + x] ?? 0;
    const mean = Math.round(sum / ((right - left) * (bottom - top)));
    for (let x = left; x < right; x++) into[x] = mean;
  }
}
