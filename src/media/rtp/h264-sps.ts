// Reads as much of an H.264 sequence parameter set as a decoder has to be told (ITU-T H.264 section 7.3.2.1.1). Pure and total.
import type { VideoConfig } from './depacketizer.ts';

const MAX_SIDE = 8192;
const MAX_SPS_BYTES = 512;
/** Profiles with the chroma fields (section 7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128]);

/** A reader of bits, most significant first; beyond the end it gives zeros and `overrun`. */
type BitReader = { bits(count: number): number; exponentialGolomb(): number; overrun(): boolean };

function bitReader(bytes: readonly number[]): BitReader {
  let position = 0;
  const bit = (): number => {
    const value = ((bytes[position >> 3] ?? 0) >> (7 - (position & 7))) & 1;
    position++;
    return value;
  };
  const bits = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + bit();
    return value;
  };
  return {
    bits,
    exponentialGolomb() {
      let zeros = 0;
      while (zeros < 32 && bit() === 0) zeros++;
      return 2 ** zeros - 1 + bits(zeros);
    },
    overrun: () => position > bytes.length * 8
  };
}

/** Removes emulation prevention bytes (section 7.3.1): 00 00 03 stands for 00 00. */
function rawBytes(nal: Uint8Array): number[] {
  const raw: number[] = [];
  let zeros = 0;
  for (const byte of nal.subarray(1)) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    raw.push(byte);
  }
  return raw;
}

/** @returns null where it is not a parameter set that we understand; scaling matrices are among what we do not */
export function readSequenceParameterSet(nal: Uint8Array): VideoConfig | null {
  if (nal.byteLength < 5 || nal.byteLength > MAX_SPS_BYTES) return null;
  const reader = bitReader(rawBytes(nal));
  const ue = reader.exponentialGolomb;
  const [profile, constraints, level] = [reader.bits(8), reader.bits(8), reader.bits(8)];
  ue(); // seq_parameter_set_id
  if (HIGH_PROFILES.has(profile)) {
    if (ue() !== 1) return null; // chroma_format_idc: 4:2:0 only
    ue();
    ue(); // bit depths
    if (reader.bits(2) & 1) return null; // seq_scaling_matrix_present_flag
  }
  ue(); // log2_max_frame_num_minus4
  const orderType = ue();
  if (orderType === 0) ue();
  else if (orderType === 1) {
    reader.bits(1);
    ue();
    ue();
    const cycle = ue();
    if (cycle > 255) return null;
    for (let i = 0; i < cycle; i++) ue();
  } else if (orderType !== 2) return null;
  ue(); // max_num_ref_frames
  reader.bits(1); // gaps_in_frame_num_value_allowed_flag
  const widthInBlocks = ue() + 1;
  const heightInUnits = ue() + 1;
  const framesOnly = reader.bits(1);
  if (framesOnly === 0) reader.bits(1); // mb_adaptive_frame_field_flag
  reader.bits(1); // direct_8x8_inference_flag
  const fields = 2 - framesOnly;
  const crop = reader.bits(1) === 1 ? [ue(), ue(), ue(), ue()] : [];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const width = widthInBlocks * 16 - 2 * (left + right);
  const height = fields * (heightInUnits * 16 - 2 * (top + bottom));
  if (reader.overrun() || width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) return null;
  const codec = [profile, constraints, level].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { codec: `avc1.${codec}`, width, height };
}
