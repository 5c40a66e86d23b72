// What a peer that holds the keys may say: plain RTP of each codec and plain RTCP, honest at first, to be mutated and then protected with the real keys.
// Written here apart from the sources, so that a fault of theirs is not also the judge's (RFC 3550, RFC 4585, RFC 5104, RFC 6184, RFC 7741, RFC 9628).
import type { Random } from './random.ts';

export const PAYLOADS = ['h264', 'vp8', 'vp9', 'opus'] as const;
export type PayloadKind = (typeof PAYLOADS)[number];

/** A parameter set of 1280 x 720, constrained baseline. */
const SPS = Buffer.from('6742c01fda014016e840000003004000000f23c60ca8', 'hex');
const PPS = Buffer.from('68ce3c80', 'hex');
const MAX_PART_BYTES = 60;

const sized = (nal: Buffer): Buffer => Buffer.concat([Buffer.from([nal.length >> 8, nal.length & 0xff]), nal]);
const stapA = (...nals: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from([0x78]), ...nals.map(sized)]);
const fuA = (type: number, flags: number, data: Buffer): Buffer => Buffer.concat([Buffer.from([0x7c, flags | type]), data]);

/** Payloads of one picture, in order. */
function h264Keyframe(data: Buffer): Buffer[] {
  const half = data.length >> 1;
  return [stapA(SPS, PPS), fuA(5, 0x80, data.subarray(0, half)), fuA(5, 0x40, data.subarray(half))];
}

function vp8Keyframe(data: Buffer): Buffer[] {
  const head = Buffer.from([0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
  return [Buffer.concat([Buffer.from([0x90, 0x80, 0x80, 1]), head]), Buffer.concat([Buffer.from([0x80, 0x80, 0x80, 1]), data])];
}

const VP9_HEAD = Buffer.from('824983422027f0167000', 'hex');

/** 640 by 360; the first part with the scalability structure, as Chromium sends it. */
function vp9Keyframe(data: Buffer): Buffer[] {
  const structure = Buffer.from([0x18, 2, 0x80, 1, 0x68, 1, 0x04, 1]);
  return [Buffer.concat([Buffer.from([0xaa, 0x80, 1, 0, 1]), structure, VP9_HEAD]), Buffer.concat([Buffer.from([0xa4, 0x80, 1, 0, 1]), data])];
}

/** The end of a keyframe as a display is given it: VP9 with an index of its one frame (Annex B.2). */
export function keyframeEnd(kind: PayloadKind, data: Buffer): Buffer {
  if (kind !== 'vp9') return data;
  const size = Buffer.alloc(4);
  size.writeUInt32LE(VP9_HEAD.length + data.length);
  return Buffer.concat([data, Buffer.from([0xd8]), size, Buffer.from([0xd8])]);
}

/** Each list is one picture, in order. */
export const KEYFRAMES = { h264: h264Keyframe, vp8: vp8Keyframe, vp9: vp9Keyframe } as const;

export function honestPayloads(random: Random, kind: PayloadKind): Buffer[] {
  const part = (): Buffer => random.bytes(1 + random.below(MAX_PART_BYTES));
  switch (kind) {
    case 'h264':
      return [
        SPS,
        PPS,
        stapA(SPS, PPS),
        stapA(SPS, PPS, part()),
        Buffer.concat([Buffer.from([0x65]), part()]),
        Buffer.concat([Buffer.from([0x41]), part()]),
        fuA(5, 0x80, part()),
        fuA(5, 0, part()),
        fuA(5, 0x40, part()),
        fuA(1, 0xc0, part()),
        Buffer.concat([Buffer.from([0x79]), part()]),
        Buffer.concat([Buffer.from([0x7d, 0x85]), part()])
      ];
    case 'vp8':
      return [
        ...vp8Keyframe(part()),
        Buffer.concat([Buffer.from([0x90, 0xf0, 0x80, 1, 7, 0x20, 0x11]), part()]),
        Buffer.concat([Buffer.from([0x10, 0x11]), part()]),
        Buffer.concat([Buffer.from([0x00]), part()]),
        Buffer.from([0x90, 0x80])
      ];
    case 'vp9': {
      const delta = Buffer.from('86000002', 'hex');
      const shownAgain = Buffer.from([0x88]);
      return [
        ...vp9Keyframe(part()),
        Buffer.concat([Buffer.from([0xec, 0x80, 2, 0, 2]), delta, part()]),
        Buffer.concat([Buffer.from([0xe8, 0x80, 2, 0, 2]), delta]),
        Buffer.concat([Buffer.from([0xfc, 0x82, 0x02, 0x03, 0x02]), delta, part()]),
        Buffer.concat([Buffer.from([0x0c]), delta, part(), Buffer.from([0xc9, 5, 1, 0xc9])]),
        Buffer.concat([Buffer.from([0xec, 0x80, 3, 0x02, 3]), delta, part()]),
        Buffer.concat([Buffer.from([0x0c]), shownAgain, part()])
      ];
    }
    case 'opus':
      return [Buffer.concat([Buffer.from([0x78]), part()]), Buffer.from([0x78]), Buffer.concat([Buffer.from([0x7b, 0x82]), part()])];
  }
}

export type RtpHead = {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker: boolean;
};

/** With a header extension of one-byte elements (RFC 8285) where `extension` is given. */
export function plainRtp({ payloadType, sequence, timestamp, ssrc, marker }: RtpHead, payload: Buffer, extension?: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt8(extension === undefined ? 0x80 : 0x90, 0);
  head.writeUInt8((marker ? 0x80 : 0) | payloadType, 1);
  head.writeUInt16BE(sequence % 2 ** 16, 2);
  head.writeUInt32BE(timestamp % 2 ** 32, 4);
  head.writeUInt32BE(ssrc, 8);
  if (extension === undefined) return Buffer.concat([head, payload]);
  return Buffer.concat([head, Buffer.from([0xbe, 0xde, 0, Math.ceil(extension.length / 4)]), extension, Buffer.alloc(-extension.length & 3), payload]);
}

const words = (...values: readonly number[]): Buffer => {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => {
    buffer.writeUInt32BE(value >>> 0, 4 * at);
  });
  return buffer;
};

function rtcp(count: number, type: number, body: Buffer): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
  return Buffer.concat([Buffer.from([0x80 | count, type, (padded.length / 4) >> 8, (padded.length / 4) & 0xff]), padded]);
}

/** Each kind of feedback that there is, those that nobody reads, too. @param ours the peer's source @param theirs the target's */
export function honestRtcp(random: Random, ours: number, theirs: number): Buffer[] {
  const any = (): number => random.below(2 ** 32);
  const block = (): Buffer => words(theirs, any(), any(), any(), any(), any());
  const report = rtcp(0, 201, words(ours));
  return [
    rtcp(0, 200, words(ours, any(), any(), any(), any(), any())),
    rtcp(1, 200, Buffer.concat([words(ours, any(), any(), any(), any(), any()), block()])),
    rtcp(2, 201, Buffer.concat([words(ours), block(), block()])),
    Buffer.concat([report, rtcp(1, 202, Buffer.concat([words(ours), Buffer.from([1, 4]), Buffer.from('name')]))]),
    Buffer.concat([report, rtcp(1, 203, words(ours))]),
    Buffer.concat([report, rtcp(1, 204, Buffer.concat([words(ours), Buffer.from('fuzz'), random.bytes(8)]))]),
    Buffer.concat([report, rtcp(1, 205, words(ours, theirs, ...Array.from({ length: 1 + random.below(30) }, any)))]),
    Buffer.concat([report, rtcp(15, 205, Buffer.concat([words(ours, theirs), random.bytes(8), Buffer.from([0x20, 4, 0xd0, 0]), random.bytes(12)]))]),
    Buffer.concat([report, rtcp(1, 206, words(ours, theirs))]),
    Buffer.concat([report, rtcp(4, 206, words(ours, 0, theirs, any()))]),
    Buffer.concat([report, rtcp(15, 206, Buffer.concat([words(ours, 0), Buffer.from('REMB'), words(0x0102_0304, theirs)]))])
  ];
}
