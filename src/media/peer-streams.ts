// The bookkeeping of one RTP stream in each direction: numbering, history for repairs, reports, loss. Pure but for what it remembers; time is passed in.
// Invariant of the receiver: a packet is taken once, however often it arrives, which is also what stops a replayed packet (RFC 3711 section 3.3.2).
import type { ReportBlock, RtpHeader, RtpPacket, SenderInfo } from './peer-packets.ts';
import type { RtpPayload, SenderClock } from './streams.ts';

const HISTORY_PACKETS = 1024;
const MAX_RESENDS = 4;
const REPLAY_WINDOW_PACKETS = 2048;
const MAX_MISSING = 256;
const NACK_GIVE_UP_MS = 600;
const NACK_REORDER_MS = 4;
const NACK_FIRST_REPEAT_MS = 100;
const REMEMBERED_REPORTS = 16;

export type RtpSendStream = {
  readonly ssrc: number;
  packetsSent(): number;
  /** Bytes of payload. */
  bytesSent(): number;
  /** The header of the next packet. */
  next(packet: RtpPayload, nowMs: number): RtpHeader;
  /** Keeps what went out, for repairs: as ciphertext, so that a packet is never encrypted twice. */
  remember(sequenceNumber: number, datagram: Buffer, nowMs: number): void;
  /** What is still there of `sequenceNumbers`, each not more often than once per round trip. */
  repair(sequenceNumbers: readonly number[], nowMs: number, roundTripMs: number | null): Buffer[];
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
  const history: ({ sequenceNumber: number; datagram: Buffer; sentAtMs: number; resends: number } | undefined)[] = new Array(HISTORY_PACKETS);
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
    remember(sequenceNumber, datagram, nowMs) {
      history[sequenceNumber % HISTORY_PACKETS] = { sequenceNumber, datagram, sentAtMs: nowMs, resends: 0 };
    },
    repair(sequenceNumbers, nowMs, roundTripMs) {
      const pauseMs = Math.max(10, roundTripMs ?? 0);
      return sequenceNumbers.flatMap((sequenceNumber) => {
        const sent = history[sequenceNumber % HISTORY_PACKETS];
        if (sent?.sequenceNumber !== sequenceNumber || sent.resends >= MAX_RESENDS) return [];
        if (sent.resends > 0 && nowMs - sent.sentAtMs < pauseMs) return [];
        sent.resends += 1;
        sent.sentAtMs = nowMs;
        return [sent.datagram];
      });
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
  packetsLost(): number;
  /** @returns false for a packet that was there before or is too old to tell */
  accept(packet: RtpPacket, arrivedAtMs: number): boolean;
  /** The numbers to ask for now, in rising order, paced by the round trip. */
  missing(nowMs: number, roundTripMs: number | null): number[];
  senderReport(compactNtp: number, nowMs: number): void;
  /** What to report about the stream; the fraction lost counts from the report before. */
  report(nowMs: number): ReportBlock;
};

export function createReceiveStream(options: { readonly ssrc: number; readonly clockRate: number; readonly repairs: boolean }): RtpReceiveStream {
  const { ssrc, clockRate } = options;
  const window = new Float64Array(REPLAY_WINDOW_PACKETS).fill(-1);
  const missing = new Map<number, { readonly sinceMs: number; askedAtMs: number; asked: number }>();
  let first = -1;
  let highest = -1;
  let packets = 0;
  let bytes = 0;
  let jitter = 0;
  let previous: { readonly arrivedAtMs: number; readonly timestamp: number } | null = null;
  let lastReport = { expected: 0, packets: 0 };
  let senderReport: { readonly compactNtp: number; readonly atMs: number } | null = null;

  /** The number with its rollovers, nearest to the highest one (RFC 3550 appendix A.1). */
  const extend = (sequenceNumber: number): number => {
    if (highest < 0) return sequenceNumber + 0x10000;
    const difference = (sequenceNumber - highest) & 0xffff;
    return highest + (difference < 0x8000 ? difference : difference - 0x10000);
  };
  const expected = () => (highest < 0 ? 0 : highest - first + 1);
  const noteGap = (from: number, to: number, nowMs: number) => {
    if (!options.repairs || to - from > MAX_MISSING) return;
    for (let number = from; number < to && missing.size < MAX_MISSING; number += 1) missing.set(number, { sinceMs: nowMs, askedAtMs: nowMs, asked: 0 });
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
    packetsLost: () => Math.max(0, expected() - packets),
    accept(packet, arrivedAtMs) {
      const number = extend(packet.sequenceNumber);
      if (highest >= 0 && number <= highest - REPLAY_WINDOW_PACKETS) return false;
      if (window[number % REPLAY_WINDOW_PACKETS] === number) return false;
      window[number % REPLAY_WINDOW_PACKETS] = number;
      missing.delete(number);
      if (highest < 0) first = number;
      else if (number > highest) noteGap(highest + 1, number, arrivedAtMs);
      first = Math.min(first, number);
      highest = Math.max(highest, number);
      packets += 1;
      bytes += packet.payload.length;
      noteJitter(packet.timestamp, arrivedAtMs);
      return true;
    },
    missing(nowMs, roundTripMs) {
      const repeatMs = Math.max(20, (roundTripMs ?? NACK_FIRST_REPEAT_MS) * 1.2);
      const due: number[] = [];
      for (const [number, state] of missing) {
        if (nowMs - state.sinceMs > NACK_GIVE_UP_MS) missing.delete(number);
        else if (nowMs - state.askedAtMs >= (state.asked === 0 ? NACK_REORDER_MS : repeatMs)) {
          state.askedAtMs = nowMs;
          state.asked += 1;
          due.push(number);
        }
      }
      return due.sort((a, b) => a - b).map((number) => number & 0xffff);
    },
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
