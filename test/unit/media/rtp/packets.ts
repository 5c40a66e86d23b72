// Makes RTP packets and frames for the specs of this folder.
import fc from 'fast-check';
import type { ReceivedRtp } from '../../../../src/media/streams.ts';

export const SPS_720 = Buffer.from('6742c01fda014016e840000003004000000f23c60ca8', 'hex');
export const SPS_1080 = Buffer.from('6742c028da01e0089f9610000003001000000303c8f1832a', 'hex');
export const PPS = Buffer.from('68ce3c80', 'hex');

export const annexB = (...nals: readonly Uint8Array[]): Uint8Array => Buffer.concat(nals.flatMap((nal) => [Buffer.from([0, 0, 0, 1]), nal]));

/** A slice without start codes or zeros at its end in it. */
export function slice(type: 1 | 5, bytes: Uint8Array): Uint8Array {
  return Buffer.from([type === 5 ? 0x65 : 0x41, ...bytes.map((byte) => byte | 0x80)]);
}

export const h264Frame = (keyframe: boolean, bytes: Uint8Array): Uint8Array => (keyframe ? annexB(SPS_720, PPS, slice(5, bytes)) : annexB(slice(1, bytes)));

export function vp8Frame(keyframe: boolean, bytes: Uint8Array): Uint8Array {
  return keyframe ? Buffer.from([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, ...bytes]) : Buffer.from([0x11, ...bytes]);
}

/** The uncompressed header of a keyframe of the size: marker, profile 0, key, shown; sync code; BT.601, 16 to 235; sides less one. */
export function vp9Header(width: number, height: number): Uint8Array {
  const sides = (((width - 1) << 16) | (height - 1)) >>> 0;
  return Buffer.from(`824983422${sides.toString(16).padStart(8, '0')}0`, 'hex');
}

/** With the index of one frame (Annex B.2), as the display is given it. */
export function withVp9Index(frame: Uint8Array): Uint8Array {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(frame.byteLength);
  return Buffer.concat([frame, Buffer.from([0xd8]), size, Buffer.from([0xd8])]);
}

/** No keyframe is of the size of its first reference. */
export function vp9Frame(keyframe: boolean, bytes: Uint8Array): Uint8Array {
  return withVp9Index(Buffer.concat([keyframe ? Buffer.concat([vp9Header(640, 360), Buffer.from([0])]) : Buffer.from('86000002', 'hex'), bytes]));
}

/** Numbers the payloads of frames as one stream. */
export function toPackets(frames: readonly (readonly Uint8Array[])[], firstSequence: number, firstTimestamp = 0xffff_f000): ReceivedRtp[] {
  let sequence = firstSequence;
  return frames.flatMap((payloads, index) =>
    payloads.map((payload, position) => ({
      payload,
      marker: position === payloads.length - 1,
      timestamp: (firstTimestamp + index * 3000) % 2 ** 32,
      sequenceNumber: sequence++ & 0xffff,
      arrivedAtMs: 0
    }))
  );
}

/** A stream of frames, the first of them a keyframe: whether each is a keyframe, and its bytes. */
export const streamOfFrames: fc.Arbitrary<readonly { readonly keyframe: boolean; readonly bytes: Uint8Array }[]> = fc
  .array(fc.record({ keyframe: fc.boolean(), bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }), { minLength: 1, maxLength: 12 })
  .map((frames) => frames.map((frame, index) => (index === 0 ? { ...frame, keyframe: true } : frame)));
