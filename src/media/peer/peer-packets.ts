// RTP and RTCP on the wire (RFC 3550, RFC 4585, RFC 5104), as far as a call of one sound and one picture needs them. Pure.
// What is read here was authenticated by SRTP, yet a malformed packet is only dropped: readers return null or skip, and never throw.

export type RtpHeader = {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker: boolean;
};
export type RtpPacket = RtpHeader & { readonly payload: Uint8Array };

export type ReportBlock = {
  readonly ssrc: number;
  /** Of 256, since the report before. */
  readonly fractionLost: number;
  readonly packetsLost: number;
  /** With rollovers in the upper half. */
  readonly highestSequence: number;
  /** In units of the media clock. */
  readonly jitter: number;
  /** The middle 32 bits of the last sender report's NTP timestamp; 0 where there was none. */
  readonly lastSenderReport: number;
  /** In 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
};
export type SenderInfo = { readonly ntpMs: number; readonly rtpTimestamp: number; readonly packets: number; readonly octets: number };

export type RtcpMessage =
  | {
      readonly type: 'sender-report';
      readonly ssrc: number;
      readonly sender: SenderInfo & { readonly compactNtp: number };
      readonly blocks: readonly ReportBlock[];
    }
  | { readonly type: 'receiver-report'; readonly ssrc: number; readonly blocks: readonly ReportBlock[] }
  | { readonly type: 'nack'; readonly mediaSsrc: number; readonly sequenceNumbers: readonly number[] }
  | { readonly type: 'keyframe-request'; readonly mediaSsrc: number }
  /** What is behind the two sources; congestion/transport-feedback.ts reads it. */
  | { readonly type: 'transport-feedback'; readonly fci: Buffer }
  | { readonly type: 'receiver-estimate'; readonly fci: Buffer }
  | { readonly type: 'goodbye'; readonly ssrcs: readonly number[] };

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const GENERIC_NACK = 1;
const PICTURE_LOSS = 1;
const FULL_INTRA_REQUEST = 4;
/** draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1, and RFC 4585 section 6.4 for what an application says of its own. */
const TRANSPORT_WIDE = 15;
const APPLICATION_LAYER = 15;

const NTP_UNIX_OFFSET_S = 2_208_988_800;
const MAX_NACKS = 512;

/** The length of a packet's header, contributing sources and extension included (RFC 3550 section 5.1); null for what is not an RTP packet. */
export function rtpHeaderBytes(packet: Buffer): number | null {
  if (packet.length < 12 || packet.readUInt8(0) >> 6 !== 2) return null;
  const flags = packet.readUInt8(0);
  let bytes = 12 + 4 * (flags & 0x0f);
  if ((flags & 0x10) !== 0) {
    if (packet.length < bytes + 4) return null;
    bytes += 4 + 4 * packet.readUInt16BE(bytes + 2);
  }
  return bytes > packet.length ? null : bytes;
}

/** @returns null for what is not an RTP packet */
export function readRtp(packet: Buffer): RtpPacket | null {
  const start = rtpHeaderBytes(packet);
  if (start === null) return null;
  const flags = packet.readUInt8(0);
  const padding = (flags & 0x20) !== 0 ? (packet.at(-1) ?? 0) : 0;
  if (start + padding > packet.length || ((flags & 0x20) !== 0 && padding === 0)) return null;
  return {
    payloadType: packet.readUInt8(1) & 0x7f,
    marker: (packet.readUInt8(1) & 0x80) !== 0,
    sequenceNumber: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(start, packet.length - padding)
  };
}

const NO_EXTENSION = Buffer.alloc(0);

/**
 * Without contributing sources (RFC 3550 section 5.1).
 * @param extension with its own header
 * @param paddingBytes at most 255
 */
export function writeRtp(header: RtpHeader, payload: Uint8Array, extension: Buffer = NO_EXTENSION, paddingBytes = 0): Buffer {
  const start = 12 + extension.length;
  const packet = Buffer.alloc(start + payload.length + paddingBytes);
  packet.writeUInt8(0x80 | (extension.length > 0 ? 0x10 : 0) | (paddingBytes > 0 ? 0x20 : 0), 0);
  packet.writeUInt8((header.marker ? 0x80 : 0) | header.payloadType, 1);
  packet.writeUInt16BE(header.sequenceNumber, 2);
  packet.writeUInt32BE(header.timestamp, 4);
  packet.writeUInt32BE(header.ssrc, 8);
  packet.set(extension, 12);
  packet.set(payload, start);
  if (paddingBytes > 0) packet.writeUInt8(paddingBytes, packet.length - 1);
  return packet;
}

/** The messages of a compound packet that Cloister acts on; reading stops at the first part that is not well formed. */
export function readRtcp(compound: Buffer): RtcpMessage[] {
  const messages: RtcpMessage[] = [];
  for (let offset = 0; offset + 8 <= compound.length; ) {
    const lengthBytes = 4 * (compound.readUInt16BE(offset + 2) + 1);
    if (compound.readUInt8(offset) >> 6 !== 2 || offset + lengthBytes > compound.length) break;
    messages.push(...readMessage(compound.subarray(offset, offset + lengthBytes)));
    offset += lengthBytes;
  }
  return messages;
}

function readMessage(packet: Buffer): RtcpMessage[] {
  if (packet.length < 8) return [];
  const count = packet.readUInt8(0) & 0x1f;
  const type = packet.readUInt8(1);
  const ssrc = packet.readUInt32BE(4);
  if (type === RECEIVER_REPORT) return [{ type: 'receiver-report', ssrc, blocks: readBlocks(packet.subarray(8), count) }];
  if (type === SENDER_REPORT && packet.length >= 28) {
    const [seconds, fraction] = [packet.readUInt32BE(8), packet.readUInt32BE(12)];
    const sender = {
      ntpMs: (seconds - NTP_UNIX_OFFSET_S) * 1000 + (fraction / 2 ** 32) * 1000,
      compactNtp: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0,
      rtpTimestamp: packet.readUInt32BE(16),
      packets: packet.readUInt32BE(20),
      octets: packet.readUInt32BE(24)
    };
    return [{ type: 'sender-report', ssrc, sender, blocks: readBlocks(packet.subarray(28), count) }];
  }
  if (type === GOODBYE) {
    const named = Math.min(count, packet.length / 4 - 1);
    return [{ type: 'goodbye', ssrcs: Array.from({ length: named }, (_, index) => packet.readUInt32BE(4 + 4 * index)) }];
  }
  if (packet.length < 12) return [];
  const mediaSsrc = packet.readUInt32BE(8);
  if (type === TRANSPORT_FEEDBACK && count === GENERIC_NACK) return [{ type: 'nack', mediaSsrc, sequenceNumbers: readNacks(packet.subarray(12)) }];
  if (type === TRANSPORT_FEEDBACK && count === TRANSPORT_WIDE) return [{ type: 'transport-feedback', fci: packet.subarray(12) }];
  if (type === PAYLOAD_FEEDBACK && count === APPLICATION_LAYER) return [{ type: 'receiver-estimate', fci: packet.subarray(12) }];
  if (type === PAYLOAD_FEEDBACK && count === PICTURE_LOSS) return [{ type: 'keyframe-request', mediaSsrc }];
  // FIR names its sources in its entries (RFC 5104 section 4.3.1.1).
  if (type === PAYLOAD_FEEDBACK && count === FULL_INTRA_REQUEST && packet.length >= 20)
    return [{ type: 'keyframe-request', mediaSsrc: packet.readUInt32BE(12) }];
  return [];
}

function readBlocks(data: Buffer, count: number): ReportBlock[] {
  return Array.from({ length: Math.min(count, Math.floor(data.length / 24)) }, (_, index) => {
    const block = data.subarray(24 * index, 24 * index + 24);
    return {
      ssrc: block.readUInt32BE(0),
      fractionLost: block.readUInt8(4),
      packetsLost: block.readIntBE(5, 3),
      highestSequence: block.readUInt32BE(8),
      jitter: block.readUInt32BE(12),
      lastSenderReport: block.readUInt32BE(16),
      delaySinceLastSenderReport: block.readUInt32BE(20)
    };
  });
}

/** RFC 4585 section 6.2.1: a number and a bit mask of the sixteen after it. */
function readNacks(data: Buffer): number[] {
  const sequenceNumbers: number[] = [];
  for (let offset = 0; offset + 4 <= data.length && sequenceNumbers.length < MAX_NACKS; offset += 4) {
    const first = data.readUInt16BE(offset);
    const mask = data.readUInt16BE(offset + 2);
    sequenceNumbers.push(first);
    for (let bit = 0; bit < 16; bit += 1) if ((mask & (1 << bit)) !== 0) sequenceNumbers.push((first + bit + 1) & 0xffff);
  }
  return sequenceNumbers;
}

/** The NTP timestamp of a time, in milliseconds since 1970, and its middle 32 bits by which a receiver names the report (RFC 3550 section 4). */
function ntpOf(atMs: number): { readonly seconds: number; readonly fraction: number; readonly compact: number } {
  const whole = Math.floor(atMs / 1000);
  const seconds = (whole + NTP_UNIX_OFFSET_S) % 2 ** 32;
  const fraction = Math.min(2 ** 32 - 1, Math.floor(((atMs - whole * 1000) / 1000) * 2 ** 32));
  return { seconds, fraction, compact: (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0 };
}

const rtcpPacket = (count: number, type: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(4);
  header.writeUInt8(0x80 | count, 0);
  header.writeUInt8(type, 1);
  header.writeUInt16BE(body.length / 4, 2);
  return Buffer.concat([header, body]);
};

const words = (...values: readonly number[]): Buffer => {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    buffer.writeUInt32BE(value >>> 0, 4 * index);
  });
  return buffer;
};

function writeBlock(block: ReportBlock): Buffer {
  const buffer = Buffer.alloc(24);
  buffer.writeUInt32BE(block.ssrc, 0);
  buffer.writeUInt8(block.fractionLost, 4);
  buffer.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, block.packetsLost)), 5, 3);
  buffer.writeUInt32BE(block.highestSequence >>> 0, 8);
  buffer.writeUInt32BE(block.jitter >>> 0, 12);
  buffer.writeUInt32BE(block.lastSenderReport, 16);
  buffer.writeUInt32BE(block.delaySinceLastSenderReport >>> 0, 20);
  return buffer;
}

/** A sender report where `sender` is given, else a receiver report; `compactNtp` is what the answer will name it by. */
export function writeReport(ssrc: number, sender: SenderInfo | null, blocks: readonly ReportBlock[]): { readonly packet: Buffer; readonly compactNtp: number } {
  const reports = blocks.map(writeBlock);
  if (sender === null) return { packet: rtcpPacket(blocks.length, RECEIVER_REPORT, Buffer.concat([words(ssrc), ...reports])), compactNtp: 0 };
  const ntp = ntpOf(sender.ntpMs);
  const body = words(ssrc, ntp.seconds, ntp.fraction, sender.rtpTimestamp, sender.packets, sender.octets);
  return { packet: rtcpPacket(blocks.length, SENDER_REPORT, Buffer.concat([body, ...reports])), compactNtp: ntp.compact };
}

export function writeCname(ssrc: number, cname: string): Buffer {
  const text = Buffer.from(cname, 'ascii');
  const item = Buffer.concat([words(ssrc), Buffer.from([1, text.length]), text]);
  // The chunk ends with at least one zero, on a word (RFC 3550 section 6.5).
  return rtcpPacket(1, SOURCE_DESCRIPTION, Buffer.concat([item, Buffer.alloc(4 - (item.length % 4))]));
}

/** The source sends nothing more (RFC 3550 section 6.6). */
export function writeGoodbye(ssrc: number): Buffer {
  return rtcpPacket(1, GOODBYE, words(ssrc));
}

export function writePictureLoss(ssrc: number, mediaSsrc: number): Buffer {
  return rtcpPacket(PICTURE_LOSS, PAYLOAD_FEEDBACK, words(ssrc, mediaSsrc));
}

/** @param fci of whole words, as congestion/transport-feedback.ts writes it */
export function writeTransportFeedback(ssrc: number, mediaSsrc: number, fci: Buffer): Buffer {
  return rtcpPacket(TRANSPORT_WIDE, TRANSPORT_FEEDBACK, Buffer.concat([words(ssrc, mediaSsrc), fci]));
}

/** draft-alvestrand-rmcat-remb-03 section 2.2: it names its sources itself. */
export function writeReceiverEstimate(ssrc: number, fci: Buffer): Buffer {
  return rtcpPacket(APPLICATION_LAYER, PAYLOAD_FEEDBACK, Buffer.concat([words(ssrc, 0), fci]));
}

/** @param sequenceNumbers in rising order, modulo 2^16 */
export function writeNack(ssrc: number, mediaSsrc: number, sequenceNumbers: readonly number[]): Buffer {
  const entries: { first: number; mask: number }[] = [];
  for (const number of sequenceNumbers) {
    const last = entries.at(-1);
    const distance = last === undefined ? 0 : (number - last.first) & 0xffff;
    if (last !== undefined && distance >= 1 && distance <= 16) last.mask |= 1 << (distance - 1);
    else entries.push({ first: number, mask: 0 });
  }
  return rtcpPacket(GENERIC_NACK, TRANSPORT_FEEDBACK, words(ssrc, mediaSsrc, ...entries.map(({ first, mask }) => ((first << 16) | mask) >>> 0)));
}
