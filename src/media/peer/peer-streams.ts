// The bookkeeping of one RTP stream in each direction: numbering, reports, loss. Pure but for what it remembers; time is passed in.
// Invariant of the receiver: a packet is taken once, however often it arrives, which is also what stops a replayed packet (RFC 3711 section 3.3.2).

import { unwrapSequence } from '../rtp/sequence.ts';
import type { RtpPayload, SenderClock } from '../streams.ts';
import { createMissingPackets } from './missing-packets.ts';
import type { ReportBlock, RtpHeader, RtpPacket, SenderInfo } from './peer-packets.ts';

const REPLAY_WINDOW_PACKETS = 2048;
const REMEMBERED_REPORTS = 16;
/** A second copy comes right behind the first, which may be lost and with it some before. */
const MOST_AHEAD = 16;

export type RtpSendStream = {
  readonly ssrc: number;
  packetsSent(): number;
  /** Bytes of payload. */
  bytesSent(): number;
  /** The header of the next packet. */
  next(packet: RtpPayload, nowMs: number): RtpHeader;
  /** Leaves a number out, so that the other side sees that something is missing there. */
  skip(): void;
  setClock(clock: SenderClock, nowMs: number): void;
  /** For a sender report at `nowMs`; null before anything was sent. */
  senderInfo(nowMs: number): SenderInfo | null;
  reported(compactNtp: number, nowMs: number): void;
  /** The round trip that a receiver's block about this stream tells, in milliseconds (RFC 3550 section 6.4.1). */
  roundTrip(block: ReportBlock, nowMs: number): number | null;
};

export function createSendStream(options: {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly firstSequence: number;
}): RtpSendStream {
  const { ssrc, payloadType, clockRate } = options;
  const reports: { readonly compactNtp: number; readonly sentAtMs: number }[] = [];
  let sequence = options.firstSequence & 0xffff;
  let packets = 0;
  let bytes = 0;
  let clock: { readonly rtpTimestamp: number; readonly captureMs: number; readonly atMs: number; readonly given: boolean } | null = null;
  return {
    ssrc,
    packetsSent: () => packets,
    bytesSent: () => bytes,
    next(packet, nowMs) {
      const header = { payloadType, sequenceNumber: sequence, timestamp: packet.timestamp >>> 0, ssrc, marker: packet.marker };
      sequence = (sequence + 1) & 0xffff;
      packets += 1;
      bytes += packet.payload.length;
      if (clock?.given !== true) clock = { rtpTimestamp: header.timestamp, captureMs: nowMs, atMs: nowMs, given: false };
      return header;
    },
    skip() {
      if (packets > 0) sequence = (sequence + 1) & 0xffff;
    },
    setClock(given, nowMs) {
      clock = { ...given, atMs: nowMs, given: true };
    },
    senderInfo(nowMs) {
      if (clock === null || packets === 0) return null;
      const passedMs = nowMs - clock.atMs;
      const rtpTimestamp = (clock.rtpTimestamp + Math.round((passedMs * clockRate) / 1000)) >>> 0;
      return { ntpMs: clock.captureMs + passedMs, rtpTimestamp, packets: packets >>> 0, octets: bytes >>> 0 };
    },
    reported(compactNtp, nowMs) {
      reports.push({ compactNtp, sentAtMs: nowMs });
      if (reports.length > REMEMBERED_REPORTS) reports.shift();
    },
    roundTrip(block, nowMs) {
      const report = reports.findLast(({ compactNtp }) => compactNtp === block.lastSenderReport);
      if (report === undefined || block.lastSenderReport === 0) return null;
      const roundTripMs = nowMs - report.sentAtMs - (block.delaySinceLastSenderReport / 65_536) * 1000;
      return roundTripMs >= -2 && roundTripMs < 30_000 ? Math.max(0, roundTripMs) : null;
    }
  };
}

export type RtpReceiveStream = {
  readonly ssrc: number;
  packetsReceived(): number;
  /** Bytes of payload. */
  bytesReceived(): number;
  /** What never came, not even as a repair. */
  packetsLost(): number;
  /** What came as a repair, or with the packet after it. */
  packetsRecovered(): number;
  /** @returns false for a packet that was there before or is too old to tell */
  accept(packet: RtpPacket, arrivedAtMs: number): boolean;
  /**
   * As accept, for what did not come by itself: only what is missing is taken, or what would have come next, and reports leave it out, so that the sender
   * knows what the path loses.
   */
  recover(packet: Pick<RtpPacket, 'sequenceNumber' | 'payload'>, arrivedAtMs: number): boolean;
  /** The numbers to ask for now, in rising order, paced by the round trip. */
  missing(nowMs: number, roundTripMs: number | null): number[];
  senderReport(compactNtp: number, nowMs: number): void;
  /** What to report about the stream; the fraction lost counts from the report before. */
  report(nowMs: number): ReportBlock;
};

export function createReceiveStream(options: {
  readonly ssrc: number;
  readonly clockRate: number /** Of missing-packets.ts. */;
  readonly patience?: number;
}): RtpReceiveStream {
  const { ssrc, clockRate } = options;
  const window = new Float64Array(REPLAY_WINDOW_PACKETS).fill(-1);
  const missing = createMissingPackets(options.patience);
  let first = -1;
  let highest = -1;
  let packets = 0;
  let bytes = 0;
  let recovered = 0;
  let jitter = 0;
  let previous: { readonly arrivedAtMs: number; readonly timestamp: number } | null = null;
  let lastReport = { expected: 0, packets: 0 };
  let senderReport: { readonly compactNtp: number; readonly atMs: number } | null = null;

  /** The number with its rollovers, of which the first packet counts as one, so that what it overtook is no negative number. */
  const extend = (sequenceNumber: number): number => (highest < 0 ? sequenceNumber + 0x10000 : unwrapSequence(sequenceNumber, highest));
  const expected = () => (highest < 0 ? 0 : highest - first + 1);
  /** Whether the number is taken now, for the first time. */
  const take = (number: number): boolean => {
    if (highest >= 0 && number <= highest - REPLAY_WINDOW_PACKETS) return false;
    if (window[number % REPLAY_WINDOW_PACKETS] === number) return false;
    window[number % REPLAY_WINDOW_PACKETS] = number;
    return true;
  };
  const noteJitter = (timestamp: number, arrivedAtMs: number) => {
    if (previous !== null) {
      const apart = ((arrivedAtMs - previous.arrivedAtMs) * clockRate) / 1000 - ((timestamp - previous.timestamp) | 0);
      jitter += (Math.abs(apart) - jitter) / 16;
    }
    previous = { arrivedAtMs, timestamp };
  };

  return {
    ssrc,
    packetsReceived: () => packets,
    bytesReceived: () => bytes,
    packetsLost: () => Math.max(0, expected() - packets - recovered),
    packetsRecovered: () => recovered,
    accept(packet, arrivedAtMs) {
      const number = extend(packet.sequenceNumber);
      if (!take(number)) return false;
      missing.arrived(number, arrivedAtMs, false);
      if (highest < 0) first = number;
      else if (number > highest) missing.leftOut(highest + 1, number, arrivedAtMs);
      first = Math.min(first, number);
      highest = Math.max(highest, number);
      packets += 1;
      bytes += packet.payload.length;
      noteJitter(packet.timestamp, arrivedAtMs);
      return true;
    },
    recover(packet, arrivedAtMs) {
      const number = extend(packet.sequenceNumber);
      if (highest < 0 || number < first || number > highest + MOST_AHEAD || !take(number)) return false;
      if (number > highest) missing.leftOut(highest + 1, number, arrivedAtMs);
      highest = Math.max(highest, number);
      missing.arrived(number, arrivedAtMs, true);
      recovered += 1;
      bytes += packet.payload.length;
      return true;
    },
    missing: missing.due,
    senderReport(compactNtp, nowMs) {
      senderReport = { compactNtp, atMs: nowMs };
    },
    report(nowMs) {
      const expectedSince = expected() - lastReport.expected;
      const lostSince = expectedSince - (packets - lastReport.packets);
      lastReport = { expected: expected(), packets };
      return {
        ssrc,
        fractionLost: expectedSince > 0 && lostSince > 0 ? Math.min(255, Math.floor((lostSince * 256) / expectedSince)) : 0,
        packetsLost: expected() - packets,
        highestSequence: (highest - 0x10000) >>> 0,
        jitter: Math.round(jitter),
        lastSenderReport: senderReport?.compactNtp ?? 0,
        delaySinceLastSenderReport: senderReport === null ? 0 : Math.round(((nowMs - senderReport.atMs) / 1000) * 65_536)
      };
    }
  };
}
