// VP8 in RTP (RFC 7741). We send one partition stream per frame with a 15-bit PictureID and no layers; received are all forms of the
// payload descriptor.
import { concatenate, type Depacketizer, type JoinedFrame } from './depacketizer.ts';

const X_BIT = 0x80;
const S_BIT = 0x10;
const DESCRIPTOR_BYTES = 4;

/**
 * Splits one encoded frame into payloads.
 * @param pictureId counts frames, its low 15 bits are used (RFC 7741 section 4.2)
 * @param maxPayloadBytes more than 4
 */
export function packetizeVp8(frame: Uint8Array, pictureId: number, maxPayloadBytes: number): Uint8Array[] {
  const room = maxPayloadBytes - DESCRIPTOR_BYTES;
  const payloads: Uint8Array[] = [];
  for (let offset = 0; offset < frame.byteLength; offset += room) {
    const part = frame.subarray(offset, offset + room);
    const payload = new Uint8Array(DESCRIPTOR_BYTES + part.byteLength);
    payload[0] = X_BIT | (offset === 0 ? S_BIT : 0);
    payload[1] = 0x80; // I: a PictureID follows
    payload[2] = 0x80 | ((pictureId >> 8) & 0x7f); // M: of 15 bits
    payload[3] = pictureId & 0xff;
    payload.set(part, DESCRIPTOR_BYTES);
    payloads.push(payload);
  }
  return payloads;
}

type Descriptor = { readonly start: boolean; readonly headerBytes: number };

/** RFC 7741 section 4.2; null where the descriptor is cut off or nothing follows it. */
function readDescriptor(payload: Uint8Array): Descriptor | null {
  const first = payload[0];
  if (first === undefined) return null;
  let headerBytes = 1;
  if (first & X_BIT) {
    const extension = payload[1] ?? 0;
    headerBytes = 2;
    if (extension & 0x80) headerBytes += (payload[headerBytes] ?? 0) & 0x80 ? 2 : 1; // I
    if (extension & 0x40) headerBytes += 1; // L
    if (extension & 0x30) headerBytes += 1; // T or K
  }
  if (headerBytes >= payload.byteLength) return null;
  return { start: (first & S_BIT) !== 0 && (first & 0x07) === 0, headerBytes };
}

/** The size in the frame header of a keyframe (RFC 6386 section 9.1). */
function keyframeSize(data: Uint8Array): { readonly width: number; readonly height: number } | null {
  if (data.byteLength < 10 || data[3] !== 0x9d || data[4] !== 0x01 || data[5] !== 0x2a) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = view.getUint16(6, true) & 0x3fff;
  const height = view.getUint16(8, true) & 0x3fff;
  return width > 0 && height > 0 ? { width, height } : null;
}

function join(payloads: readonly Uint8Array[]): JoinedFrame | null {
  const parts: Uint8Array[] = [];
  for (const payload of payloads) {
    const descriptor = readDescriptor(payload);
    if (descriptor === null || descriptor.start !== (parts.length === 0)) return null;
    parts.push(payload.subarray(descriptor.headerBytes));
  }
  const data = concatenate(parts);
  const first = data[0];
  if (first === undefined) return null;
  if (first & 0x01) return { data, keyframe: false, config: null };
  const size = keyframeSize(data);
  return size === null ? null : { data, keyframe: true, config: { codec: 'vp8', ...size } };
}

export const vp8Depacketizer: Depacketizer = {
  independent: false,
  startsKeyframe(payload) {
    const descriptor = readDescriptor(payload);
    return descriptor?.start === true && ((payload[descriptor.headerBytes] ?? 1) & 0x01) === 0;
  },
  join
};
