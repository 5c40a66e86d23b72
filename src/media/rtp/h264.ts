// H.264 in RTP (RFC 6184, packetization-mode=1): single NAL units, STAP-A for parameter sets, FU-A for what is too large. Frames are
// Annex B byte streams on our side. A keyframe is an IDR picture with its parameter sets in band.
import { isTooLarge } from '../display-feed/protocol.ts';
import { concatenate, type Depacketizer, type JoinedFrame } from './depacketizer.ts';
import { readSequenceParameterSet } from './h264-sps.ts';

const NAL_IDR = 5;
const NAL_SEI = 6;
const NAL_SPS = 7;
const NAL_PPS = 8;
const STAP_A = 24;
const FU_A = 28;
/** There are no more numbers for them (ITU-T H.264 section 7.4.2.1.1). */
const MAX_PARAMETER_SETS = 32;
/** For each packet of a frame: 1080 lines have 68 rows of macroblocks. Packets full of units of three bytes took a hundred times as long to read as others. */
const MAX_UNITS = 128;
const START_CODE = new Uint8Array([0, 0, 0, 1]);

const typeOf = (nal: Uint8Array): number => (nal[0] ?? 0) & 0x1f;

/** The NAL units of an Annex B byte stream (ITU-T H.264 Annex B), without start codes, as views. Bytes before the first start code are ignored. */
export function splitAnnexB(stream: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength);
  const nals: Uint8Array[] = [];
  let code = bytes.indexOf('\0\0\x01', 0, 'latin1');
  while (code >= 0) {
    const begin = code + 3;
    const next = bytes.indexOf('\0\0\x01', begin, 'latin1');
    let end = next < 0 ? bytes.length : next;
    while (end > begin && bytes[end - 1] === 0) end--; // trailing_zero_8bits; a NAL unit never ends in a zero
    if (end > begin) nals.push(stream.subarray(begin, end));
    code = next;
  }
  return nals;
}

/**
 * Splits one access unit (Annex B) into payloads. Supplemental information is left out: x264 puts its own settings there.
 * @param maxPayloadBytes more than 2
 */
export function packetizeH264(accessUnit: Uint8Array, maxPayloadBytes: number): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let parameterSets: Uint8Array[] = [];
  let aggregateBytes = 1;
  const flush = (): void => {
    const only = parameterSets[0];
    if (parameterSets.length === 1 && only !== undefined) payloads.push(only.slice());
    else if (parameterSets.length > 1) payloads.push(aggregate(parameterSets, aggregateBytes));
    parameterSets = [];
    aggregateBytes = 1;
  };
  for (const nal of splitAnnexB(accessUnit)) {
    const type = typeOf(nal);
    if (type === NAL_SEI) continue;
    const isParameterSet = type === NAL_SPS || type === NAL_PPS;
    if (isParameterSet && 3 + nal.byteLength <= maxPayloadBytes) {
      if (aggregateBytes + 2 + nal.byteLength > maxPayloadBytes) flush();
      parameterSets.push(nal);
      aggregateBytes += 2 + nal.byteLength;
      continue;
    }
    flush();
    if (nal.byteLength <= maxPayloadBytes) payloads.push(nal.slice());
    else fragment(nal, maxPayloadBytes, payloads);
  }
  flush();
  return payloads;
}

/** STAP-A (RFC 6184 section 5.7.1); its NRI is the largest of its parts. */
function aggregate(nals: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const payload = new Uint8Array(sizeBytes);
  let importance = 0;
  let offset = 1;
  for (const nal of nals) {
    importance = Math.max(importance, (nal[0] ?? 0) & 0x60);
    payload[offset] = nal.byteLength >> 8;
    payload[offset + 1] = nal.byteLength & 0xff;
    payload.set(nal, offset + 2);
    offset += 2 + nal.byteLength;
  }
  payload[0] = importance | STAP_A;
  return payload;
}

/** FU-A (RFC 6184 section 5.8). */
function fragment(nal: Uint8Array, maxPayloadBytes: number, payloads: Uint8Array[]): void {
  const header = nal[0] ?? 0;
  const room = maxPayloadBytes - 2;
  for (let offset = 1; offset < nal.byteLength; offset += room) {
    const part = nal.subarray(offset, offset + room);
    const payload = new Uint8Array(2 + part.byteLength);
    payload[0] = (header & 0xe0) | FU_A;
    payload[1] = (header & 0x1f) | (offset === 1 ? 0x80 : 0) | (offset + room >= nal.byteLength ? 0x40 : 0);
    payload.set(part, 2);
    payloads.push(payload);
  }
}

/** The NAL units in a STAP-A; null where its lengths do not fit, or where there are more than anybody has use for. */
function splitAggregate(payload: Uint8Array): Uint8Array[] | null {
  const nals: Uint8Array[] = [];
  let offset = 1;
  while (offset < payload.byteLength) {
    const size = ((payload[offset] ?? 0) << 8) | (payload[offset + 1] ?? 0);
    const nal = payload.subarray(offset + 2, offset + 2 + size);
    if (size === 0 || nal.byteLength !== size || nals.length === MAX_UNITS) return null;
    nals.push(nal);
    offset += 2 + size;
  }
  return nals.length > 0 ? nals : null;
}

function startsKeyframe(payload: Uint8Array): boolean {
  const type = typeOf(payload);
  if (type === NAL_SPS) return true;
  return type === STAP_A && (splitAggregate(payload)?.some((nal) => typeOf(nal) === NAL_SPS) ?? false);
}

function join(payloads: readonly Uint8Array[]): JoinedFrame | null {
  const parts: Uint8Array[] = [];
  let sps: Uint8Array | null = null;
  let idr = false;
  let fragmentType: number | null = null; // of the NAL unit whose fragments are being read
  for (const payload of payloads) {
    const type = typeOf(payload);
    if (type === FU_A) {
      const indicator = payload[0] ?? 0;
      const header = payload[1] ?? 0;
      const begins = (header & 0x80) !== 0;
      if (payload.byteLength < 3 || begins !== (fragmentType === null)) return null;
      if (!begins && (header & 0x1f) !== fragmentType) return null;
      fragmentType = (header & 0x40) !== 0 ? null : header & 0x1f;
      if (begins) parts.push(START_CODE, new Uint8Array([(indicator & 0xe0) | (header & 0x1f)]));
      parts.push(payload.subarray(2));
      idr ||= (header & 0x1f) === NAL_IDR;
      continue;
    }
    const nals = type === STAP_A ? splitAggregate(payload) : type >= 1 && type <= 23 ? [payload] : null;
    if (nals === null || fragmentType !== null) return null;
    for (const nal of nals) {
      parts.push(START_CODE, nal);
      if (typeOf(nal) === NAL_SPS) sps = nal;
      idr ||= typeOf(nal) === NAL_IDR;
    }
  }
  if (fragmentType !== null || parts.length === 0) return null;
  const data = concatenate(parts);
  if (!parameterSetsFit(data, MAX_UNITS * payloads.length)) return null;
  const config = idr && sps !== null ? readSequenceParameterSet(sps) : null;
  return { data, keyframe: config !== null, config };
}

/** A decoder takes a size from wherever it stands: in a frame that is no keyframe, beside the one that counts, behind a start code inside of a payload. */
function parameterSetsFit(stream: Uint8Array, maxUnits: number): boolean {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength);
  let left = MAX_PARAMETER_SETS;
  let unitsLeft = maxUnits;
  let code = bytes.indexOf('\0\0\x01', 0, 'latin1');
  while (code >= 0) {
    if (unitsLeft-- === 0) return false;
    const next = bytes.indexOf('\0\0\x01', code + 3, 'latin1');
    if (((bytes[code + 3] ?? 0) & 0x1f) === NAL_SPS) {
      const size = left-- > 0 ? readSequenceParameterSet(bytes.subarray(code + 3, next < 0 ? bytes.length : next)) : null;
      if (size === null || isTooLarge(size.width, size.height)) return false;
    }
    code = next;
  }
  return true;
}

export const h264Depacketizer: Depacketizer = { independent: false, startsKeyframe, join };
