// VP9 in RTP (RFC 9628), profile 0. We send one spatial and one temporal layer in non-flexible mode, with a 15-bit PictureID, layer indices
// and, with a keyframe, the scalability structure, without which Chromium shows nothing. Received are all forms of the descriptor; of a
// spatial scalable stream the base layer alone.
import { concatenate, type Depacketizer, type JoinedFrame } from './depacketizer.ts';
import { boundedVp9, type Size, vp9CodecString, vp9KeyframeSize } from './vp9-frame.ts';

const I_BIT = 0x80; // a PictureID follows
const P_BIT = 0x40; // the picture is predicted from others
const L_BIT = 0x20; // layer indices follow
const F_BIT = 0x10; // flexible mode
const B_BIT = 0x08; // start of a frame
const E_BIT = 0x04; // end of a frame
const V_BIT = 0x02; // the scalability structure follows
const DESCRIPTOR_BYTES = 5;
const STRUCTURE_BYTES = 8;

/**
 * Splits one encoded frame into payloads.
 * @param pictureId counts frames; its low 15 bits are the PictureID, its low 8 bits TL0PICIDX (RFC 9628 section 4.2)
 * @param maxPayloadBytes more than 13
 */
export function packetizeVp9(frame: Uint8Array, pictureId: number, maxPayloadBytes: number): Uint8Array[] {
  const key = vp9KeyframeSize(frame);
  const payloads: Uint8Array[] = [];
  for (let offset = 0; offset < frame.byteLength; ) {
    const structure = key !== null && offset === 0 ? key : null;
    const headerBytes = DESCRIPTOR_BYTES + (structure === null ? 0 : STRUCTURE_BYTES);
    const part = frame.subarray(offset, offset + maxPayloadBytes - headerBytes);
    const last = offset + part.byteLength >= frame.byteLength;
    const payload = new Uint8Array(headerBytes + part.byteLength);
    payload[0] = I_BIT | (key === null ? P_BIT : 0) | L_BIT | (offset === 0 ? B_BIT : 0) | (last ? E_BIT : 0) | (structure === null ? 0 : V_BIT);
    payload[1] = 0x80 | ((pictureId >> 8) & 0x7f); // M: 15 bits
    payload[2] = pictureId & 0xff;
    payload[3] = 0; // TID, U, SID, D
    payload[4] = pictureId & 0xff; // TL0PICIDX
    if (structure !== null) payload.set(structureOf(structure), DESCRIPTOR_BYTES);
    payload.set(part, headerBytes);
    payloads.push(payload);
    offset += part.byteLength;
  }
  return payloads;
}

/** One spatial layer of this size (N_S 0, Y), and a group of one picture that is predicted from the one before it (G, N_G 1, R 1, P_DIFF 1). */
const structureOf = ({ width, height }: Size): readonly number[] => [0x18, width >> 8, width & 0xff, height >> 8, height & 0xff, 1, 0x04, 1];

type Descriptor = { readonly start: boolean; readonly end: boolean; readonly predicted: boolean; readonly upperLayer: boolean; readonly headerBytes: number };

/** RFC 9628 section 4.2; null where the descriptor is cut off or nothing follows it. */
function readDescriptor(payload: Uint8Array): Descriptor | null {
  const first = payload[0];
  if (first === undefined) return null;
  let at = 1;
  if (first & I_BIT) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
  let upperLayer = false;
  if (first & L_BIT) {
    upperLayer = ((payload[at] ?? 0) & 0x0e) !== 0; // SID
    at += first & F_BIT ? 1 : 2; // TL0PICIDX is there in non-flexible mode only
  }
  if (first & F_BIT && first & P_BIT) {
    let more = true; // N: another P_DIFF follows, of at most three
    for (let i = 0; i < 3 && more; i++) more = ((payload[at++] ?? 0) & 0x01) !== 0;
    if (more) return null;
  }
  if (first & V_BIT) at = endOfStructure(payload, at);
  if (at >= payload.byteLength) return null;
  return { start: (first & B_BIT) !== 0, end: (first & E_BIT) !== 0, predicted: (first & P_BIT) !== 0, upperLayer, headerBytes: at };
}

function endOfStructure(payload: Uint8Array, begin: number): number {
  const first = payload[begin] ?? 0;
  let at = begin + 1;
  if (first & 0x10) at += 4 * ((first >> 5) + 1); // Y: a size for each of N_S + 1 layers
  if (first & 0x08) {
    const pictures = payload[at++] ?? 0;
    for (let i = 0; i < pictures && at < payload.byteLength; i++) at += 1 + (((payload[at] ?? 0) >> 2) & 0x03); // R references
  }
  return at;
}

function join(payloads: readonly Uint8Array[]): JoinedFrame | null {
  const parts: Uint8Array[] = [];
  let ended = false;
  for (const payload of payloads) {
    const descriptor = readDescriptor(payload);
    if (descriptor === null) return null;
    if (descriptor.upperLayer) continue;
    if (ended || descriptor.start !== (parts.length === 0)) return null;
    parts.push(payload.subarray(descriptor.headerBytes));
    ended = descriptor.end;
  }
  if (!ended) return null;
  const data = boundedVp9(concatenate(parts));
  if (data === null) return null;
  const size = vp9KeyframeSize(data);
  return { data, keyframe: size !== null, config: size === null ? null : { codec: vp9CodecString(size), ...size } };
}

export const vp9Depacketizer: Depacketizer = {
  independent: false,
  startsKeyframe(payload) {
    const descriptor = readDescriptor(payload);
    if (descriptor === null || !descriptor.start || descriptor.predicted || descriptor.upperLayer) return false;
    return vp9KeyframeSize(payload.subarray(descriptor.headerBytes)) !== null;
  },
  join
};
