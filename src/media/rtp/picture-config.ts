// What a decoder has to be told of a keyframe that was encoded here, and the parameter sets of one: for pages and recordings. Pure and total.
import type { VideoCodec } from '../streams.ts';
import type { VideoConfig } from './depacketizer.ts';
import { splitAnnexB } from './h264.ts';
import { readSequenceParameterSet } from './h264-sps.ts';
import { type Size, vp9CodecString } from './vp9-frame.ts';

const NAL_SPS = 7;
const NAL_PPS = 8;
const typeOf = (nal: Uint8Array): number => (nal[0] ?? 0) & 0x1f;

/** Null where it is no keyframe that can be described. */
export function pictureConfig(codec: VideoCodec, keyframe: Uint8Array, size: Size): VideoConfig | null {
  if (codec === 'VP8') return { codec: 'vp8', width: size.width, height: size.height };
  if (codec === 'VP9') return { codec: vp9CodecString(size), width: size.width, height: size.height };
  const sps = splitAnnexB(keyframe).find((nal) => typeOf(nal) === NAL_SPS);
  return sps === undefined ? null : readSequenceParameterSet(sps);
}

/** The parameter sets of an H.264 keyframe (Annex B); null where it does not bring both kinds. */
export function parameterSets(keyframe: Uint8Array): { readonly sps: Uint8Array; readonly pps: Uint8Array } | null {
  const nals = splitAnnexB(keyframe);
  const [sps, pps] = [NAL_SPS, NAL_PPS].map((type) => nals.find((nal) => typeOf(nal) === type));
  return sps === undefined || pps === undefined ? null : { sps, pps };
}
