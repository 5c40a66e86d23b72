// Memory of a picture that this program writes itself: FFmpeg's frame, and its planes as JavaScript sees them.
import { AV_PIX_FMT_YUV420P, Frame } from 'node-av';
import { CloisterError } from '../../kernel/errors.ts';
import type { Planes } from './test-picture.ts';

/** Both are the same bytes; frame.free() ends both. @throws CloisterError CL_MEDIA_SOURCE */
export function allocateFrame(width: number, height: number): { readonly frame: Frame; readonly planes: Planes } {
  const frame = new Frame();
  frame.alloc();
  frame.format = AV_PIX_FMT_YUV420P;
  frame.width = width;
  frame.height = height;
  const [y, u, v] = frame.getBuffer() < 0 ? [] : (frame.data ?? []);
  const [yStride = 0, uStride = 0, vStride = 0] = frame.linesize;
  if (y === undefined || u === undefined || v === undefined) throw new CloisterError('CL_MEDIA_SOURCE', 'no memory for a picture');
  return { frame, planes: { width, height, data: [y, u, v], strides: [yStride, uStride, vStride] } };
}

type Plane = { readonly bytes: Uint8Array; readonly stride: number };

/** Copies `rows` lines of `width` bytes. */
function copyPlane(from: Plane, to: Plane, width: number, rows: number): void {
  if (from.stride === width && to.stride === width) {
    to.bytes.set(from.bytes.subarray(0, width * rows));
    return;
  }
  for (let row = 0; row < rows; row++) to.bytes.set(from.bytes.subarray(row * from.stride, row * from.stride + width), row * to.stride);
}

/** The planes one after the other, without gaps, as `packed` has them or is to have them. */
export function packedPlanes(packed: Uint8Array, width: number, height: number): readonly Plane[] {
  const [luma, chroma] = [width * height, (width * height) / 4];
  return [
    { bytes: packed.subarray(0, luma), stride: width },
    { bytes: packed.subarray(luma, luma + chroma), stride: width / 2 },
    { bytes: packed.subarray(luma + chroma, luma + 2 * chroma), stride: width / 2 }
  ];
}

export const planesOf = (frame: Frame): readonly Plane[] => (frame.data ?? []).map((bytes, index) => ({ bytes, stride: frame.linesize[index] ?? 0 }));

/** Of one picture of YUV 4:2:0 into another of the same size. */
export function copyPicture(from: readonly Plane[], to: readonly Plane[], width: number, height: number): void {
  for (const [index, target] of to.entries()) {
    const source = from[index];
    if (source !== undefined) copyPlane(source, target, index === 0 ? width : width / 2, index === 0 ? height : height / 2);
  }
}
