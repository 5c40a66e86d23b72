// The FFmpeg filter descriptions that bring any picture and any sound into the one form that the encoders take.
import type { Frame } from 'node-av';
import type { VideoProfile } from '../port.ts';
import { AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE } from './source.ts';

/**
 * Scaled to the profile's size with the aspect kept (bars at the sides), square pixels, YUV 4:2:0.
 * @param flags of FFmpeg's scaler: text needs a better one than a face
 */
export const scaleFilter = ({ width, height }: VideoProfile, flags: 'fast_bilinear' | 'bicubic' = 'fast_bilinear'): string =>
  `scale=w='trunc(min(${width},${height}*dar)/2)*2':h='trunc(min(${height},${width}/dar)/2)*2':flags=${flags}:out_range=tv,` +
  `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p`;

/**
 * After this a frame lies in memory of its own. One of a camera that gives what is wanted as it is would go through all filters as it is, in the demuxer's
 * memory, and an encoder may hold it longer than the camera is open.
 */
export const ownFrames = (filter: string): string => `${filter},copy`;

export const AUDIO_FILTER = `aresample=${AUDIO_SAMPLE_RATE},aformat=sample_fmts=s16:sample_rates=${AUDIO_SAMPLE_RATE}:channel_layouts=mono,asetnsamples=n=${AUDIO_BLOCK_SAMPLES}:p=0`;

/** A copy of the samples of a frame that AUDIO_FILTER made; null for the short one at the end of a stream. */
export function samplesOf(frame: Frame): Int16Array | null {
  const bytes = frame.data?.[0];
  if (bytes === undefined || frame.nbSamples !== AUDIO_BLOCK_SAMPLES) return null;
  const samples = new Int16Array(AUDIO_BLOCK_SAMPLES);
  new Uint8Array(samples.buffer).set(bytes.subarray(0, samples.byteLength)); // the plane may be longer: FFmpeg aligns it
  return samples;
}
