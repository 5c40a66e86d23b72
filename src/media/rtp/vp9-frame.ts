// Reads as much of a VP9 frame of profile 0 as a decoder has to be told, and as keeps one from being told of another (VP9 bitstream specification, section 6.2
// and Annex B). Pure and total.
import { isTooLarge } from '../display-feed/protocol.ts';

const MAX_SIDE = 8192;
const SYNC_CODE = 0x498342;

export type Size = { readonly width: number; readonly height: number };

/** The size in the uncompressed header of a keyframe; `null` for any other frame and for other profiles. */
export function vp9KeyframeSize(data: Uint8Array): Size | null {
  // frame_marker 10, profile 00, show_existing_frame 0, frame_type 0 (key); then show_frame and error_resilient_mode
  const first = data[0] ?? 0;
  if (data.byteLength < 10 || (first & 0xfc) !== 0x80 || data[1] !== 0x49 || data[2] !== 0x83 || data[3] !== 0x42) return null;
  // color_space has 3 bits; but for sRGB, which profile 0 has not, color_range follows; then 16 bits of each side less one.
  const colorSpace = (data[4] ?? 0) >> 5;
  if (colorSpace === 7) return null;
  const sixteen = (at: number): number => (((data[at] ?? 0) & 0x0f) << 12) | ((data[at + 1] ?? 0) << 4) | ((data[at + 2] ?? 0) >> 4);
  const size = { width: sixteen(4) + 1, height: sixteen(6) + 1 };
  return size.width <= MAX_SIDE && size.height <= MAX_SIDE ? size : null;
}

/** The lowest level that holds pictures of this size at 30 frames (VP9 levels, picture sizes in luma samples). */
const LEVELS: readonly (readonly [level: number, samples: number])[] = [
  [10, 36_864],
  [11, 73_728],
  [20, 122_880],
  [21, 245_760],
  [30, 552_960],
  [31, 983_040],
  [40, 2_228_224],
  [50, 8_912_896]
];

/** As WebCodecs wants it: vp09.PROFILE.LEVEL.DEPTH. */
export function vp9CodecString({ width, height }: Size): string {
  const [level] = LEVELS.find(([, samples]) => width * height <= samples) ?? [60];
  return `vp09.00.${level}.08`;
}

/**
 * A received frame as a decoder may have it: with an index that says where it ends. Without one a decoder takes what is left over behind a frame for another,
 * of which nobody has read the header.
 * @returns null where a frame in it is of another profile, or too large; any frame may state a size of its own, not only a keyframe
 */
export function boundedVp9(data: Uint8Array): Uint8Array | null {
  const last = data.at(-1) ?? 0;
  if ((last & 0xe0) !== 0xc0) return fits(data) ? withIndex(data) : null;
  const frames = indexedFrames(data, last);
  return frames?.every(fits) === true ? data : null;
}

/** The frames of a superframe (Annex B.2); null where its index does not fit. */
function indexedFrames(data: Uint8Array, marker: number): Uint8Array[] | null {
  const sizeBytes = ((marker >> 3) & 3) + 1;
  const end = data.byteLength - (2 + sizeBytes * ((marker & 7) + 1));
  if (end < 0 || data[end] !== marker) return null;
  const frames: Uint8Array[] = [];
  let offset = 0;
  for (let at = end + 1; at < data.byteLength - 1; at += sizeBytes) {
    let size = 0;
    for (let i = sizeBytes - 1; i >= 0; i--) size = size * 256 + (data[at + i] ?? 0);
    if (size === 0 || offset + size > end) return null;
    frames.push(data.subarray(offset, offset + size));
    offset += size;
  }
  return frames;
}

/** Of one frame: a marker, its size in four bytes, the marker again. */
function withIndex(data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(data.byteLength + 6);
  whole.set(data);
  whole[data.byteLength] = whole[data.byteLength + 5] = 0xd8;
  new DataView(whole.buffer).setUint32(data.byteLength + 1, data.byteLength, true);
  return whole;
}

/** Whether the size that a frame states is one to make room for; that of one it refers to was such a one itself. */
function fits(frame: Uint8Array): boolean {
  let position = 0;
  const bits = (count: number): number => {
    let value = 0;
    for (const end = position + count; position < end; position++) value = value * 2 + (((frame[position >> 3] ?? 0) >> (7 - (position & 7))) & 1);
    return value;
  };
  if (bits(4) !== 0b1000) return false; // frame_marker, profile 0
  if (bits(1) === 1) return true; // show_existing_frame
  if (bits(1) === 0) {
    const key = vp9KeyframeSize(frame);
    return key !== null && !isTooLarge(key.width, key.height);
  }
  const [shown, resilient] = [bits(1), bits(1)];
  const intraOnly = shown === 0 && bits(1) === 1;
  if (resilient === 0) bits(2); // reset_frame_context
  if (intraOnly) {
    if (bits(24) !== SYNC_CODE) return false;
    bits(8); // refresh_frame_flags
  } else {
    bits(8 + 3 * 4); // and three references with their sign
    for (let reference = 0; reference < 3; reference++) if (bits(1) === 1) return true; // found_ref
  }
  const [width, height] = [bits(16) + 1, bits(16) + 1];
  return position <= 8 * frame.byteLength && !isTooLarge(width, height);
}
