// What leaves: numbering, pacing, repairs and probes of each kind of media, at the rate that the path is estimated to carry.
// Invariants: everything but sound waits for the pacer; a transport-wide number is given when a packet leaves, in that order;
// a packet is encrypted when it leaves, and never twice.
import { randomInt } from 'node:crypto';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { createBandwidthEstimate } from '../congestion/bandwidth.ts';
import { createPacer } from '../congestion/pacer.ts';
import { writeTransportSequence } from '../rtp/header-extension.ts';
import { writeRed } from '../rtp/red.ts';
import { CLOCK_RATES, MEDIA_KINDS, type MediaKind, type NegotiatedMedia, PICTURE_KINDS, type PictureKind, type RtpPayload } from '../streams.ts';
import type { NegotiatedFeatures } from './negotiation.ts';
import type { RtpHeader } from './peer-packets.ts';
import { writeRtp } from './peer-packets.ts';
import { createSendStream, type RtpSendStream } from './peer-streams.ts';
import type { PeerTransport } from './peer-transport.ts';
import { createSentHistory, type SentHistory, wrapRepair } from './repairs.ts';

export type PeerSendingOptions = {
  readonly transport: Pick<PeerTransport, 'protectRtp' | 'send'>;
  readonly negotiated: NegotiatedMedia;
  readonly features: NegotiatedFeatures;
  /** The other side tells which packets arrived, and when. */
  readonly toldArrivals: boolean;
  readonly sendable: ReadonlySet<MediaKind>;
  readonly ssrc: Readonly<Record<MediaKind, number>>;
  readonly repairSsrc: Readonly<Record<PictureKind, number>>;
  readonly clock: Clock;
  readonly isOver: () => boolean;
  /** The first packet of a kind has left. */
  readonly onFirst: () => void;
  /** Of a picture what waited was dropped: it has to begin anew. */
  readonly onCut: (kind: PictureKind) => void;
};

export type PeerSending = {
  send(kind: MediaKind, packet: RtpPayload): void;
  /**
   * What waits of a kind does not leave any more, and what left is not sent again.
   * @returns whether anything of it had left since the last time
   */
  discard(kind: MediaKind): boolean;
  /** The other side asks for these again. */
  repair(kind: MediaKind, sequenceNumbers: readonly number[], roundTripMs: number | null): void;
  /** Every 20 ms: the rate follows the estimate, and probes that are due begin. */
  tick(): void;
  /** Pictures that are to be sent as soon as there is room: the path is probed for them. */
  setWanted(pictures: readonly PictureKind[]): void;
  /** How many packets before it go out with each packet of sound. */
  setRedundancy(packets: 0 | 1 | 2): void;
  streams(): ReadonlyMap<MediaKind, RtpSendStream>;
  packetsResent(kind: MediaKind): number;
  bytesResent(): number;
  queuedMs(): number;
  readonly estimate: ReturnType<typeof createBandwidthEstimate>;
  close(): void;
};

/** A picture of 720 lines fits. */
const START_KBPS = 1_100;
const MIN_KBPS = 50;
const MAX_KBPS = 10_000;
/** IP and UDP, which the path carries too. */
const DATAGRAM_BYTES = 28;
/** Header, extension and authentication of a packet beside. */
const OVERHEAD_BYTES = 36 + DATAGRAM_BYTES;
/** What waits longer would be shown too late; the path has become narrow, and the encoder has yet to follow. */
const STALE_MS = 1_500;
/** Repairs may be as many bytes as what they repair, which is what half of all packets lost takes, and so much at once after a gap. */
const REPAIR_BURST_BYTES = 256_000;
/** RFC 3550 section 5.1: the count of padding has one byte. */
const PADDING_BYTES = 255;
const NO_EXTENSION = Buffer.alloc(0);

type Resend = { readonly bytes: number; send(): void };

export function createPeerSending(options: PeerSendingOptions): PeerSending {
  const { transport, negotiated, features, toldArrivals, sendable, clock, isOver } = options;
  const pacer = createPacer();
  const estimate = createBandwidthEstimate({ startKbps: START_KBPS, minKbps: MIN_KBPS, maxKbps: MAX_KBPS });
  const streams = new Map<MediaKind, RtpSendStream>();
  const repairStreams = new Map<MediaKind, RtpSendStream>();
  const histories = new Map<MediaKind, SentHistory<Resend>>();
  const resent = new Map<MediaKind, number>();
  for (const kind of MEDIA_KINDS) {
    const codec = negotiated[kind];
    if (codec === null) continue;
    const make = (ssrc: number, payloadType: number) =>
      createSendStream({ ssrc, payloadType, clockRate: CLOCK_RATES[kind], firstSequence: randomInt(0, 2 ** 15) });
    streams.set(kind, make(options.ssrc[kind], codec.payloadType));
    if (kind !== 'audio' || features.repairsSound) histories.set(kind, createSentHistory());
    const repairType = kind === 'audio' ? null : features.repairs[kind];
    if (kind !== 'audio' && repairType !== null) repairStreams.set(kind, make(options.repairSsrc[kind], repairType));
  }
  let transportSequence = randomInt(0, 2 ** 15);
  let timer: Timer | null = null;
  let redundancy: 0 | 1 | 2 = 0;
  let resentBytes = 0;
  let repairBytes = REPAIR_BURST_BYTES;
  let earlierSound: RtpPayload[] = [];
  /** Kinds of which something has left since they began. */
  const active = new Set<MediaKind>();
  let wanted: readonly PictureKind[] = [];

  const transmit = (kind: MediaKind, header: RtpHeader, payload: Uint8Array, paddingBytes = 0): Buffer => {
    const id = features.transportSequence[kind];
    const extension = id === null ? NO_EXTENSION : writeTransportSequence(id, transportSequence);
    const datagram = transport.protectRtp(writeRtp(header, payload, extension, paddingBytes));
    // A peer that tells no arrivals knows nothing of the number; the estimate counts by it what was sent.
    if (id !== null || !toldArrivals) {
      estimate.sent(transportSequence, datagram.length + DATAGRAM_BYTES, clock.monotonicMs());
      transportSequence = (transportSequence + 1) & 0xffff;
    }
    transport.send(datagram);
    return datagram;
  };

  /** As a stream of its own where the other side takes that: its replay window may refuse the original when it is late. */
  const resendOf = (kind: MediaKind, header: RtpHeader, payload: Uint8Array, datagram: Buffer): Resend => {
    const repairs = repairStreams.get(kind);
    const bytes = datagram.length + DATAGRAM_BYTES;
    if (repairs === undefined) return { bytes, send: () => transport.send(datagram) };
    return {
      bytes: bytes + 2,
      send() {
        const wrapped = wrapRepair(header.sequenceNumber, payload);
        transmit(kind, repairs.next({ timestamp: header.timestamp, marker: header.marker, payload: wrapped }, clock.monotonicMs()), wrapped);
      }
    };
  };

  const leave = (kind: MediaKind, stream: RtpSendStream, packet: RtpPayload): void => {
    const nowMs = clock.monotonicMs();
    active.add(kind);
    const header = { ...stream.next(packet, nowMs), ...(kind === 'audio' && withRedundancy() ? { payloadType: features.redundancy ?? 0 } : {}) };
    const payload = kind === 'audio' ? soundPayload(packet) : packet.payload;
    const datagram = transmit(kind, header, payload);
    repairBytes = Math.min(REPAIR_BURST_BYTES, repairBytes + datagram.length);
    histories.get(kind)?.remember(header.sequenceNumber, resendOf(kind, header, payload, datagram), nowMs);
    if (stream.packetsSent() === 1) options.onFirst();
  };
  const withRedundancy = (): boolean => features.redundancy !== null && redundancy > 0;
  const soundPayload = (packet: RtpPayload): Uint8Array => {
    const earlier = earlierSound.slice(-redundancy);
    earlierSound = [...earlierSound.slice(-1), packet];
    if (!withRedundancy()) return packet.payload;
    const payloadType = negotiated.audio?.payloadType ?? 0;
    return writeRed(
      { payloadType, timestamp: packet.timestamp, payload: packet.payload },
      earlier.map(({ timestamp, payload }) => ({ payloadType, timestamp, payload }))
    );
  };

  const flush = (): void => {
    timer?.cancel();
    timer = null;
    if (isOver()) return;
    const nextMs = pacer.due(clock.monotonicMs());
    if (Number.isFinite(nextMs)) timer = clock.schedule(nextMs, flush);
  };

  const cutStale = (nowMs: number): void => {
    // The camera before the screen, as everywhere.
    for (const kind of PICTURE_KINDS) {
      if (pacer.queuedMs(nowMs) <= STALE_MS || !active.has(kind)) continue;
      pacer.drop('repair');
      pacer.drop(kind);
      streams.get(kind)?.skip();
      options.onCut(kind);
    }
  };

  /** Padding in the repairs of a picture that is wanted, though it may pause for want of room: a number more there disturbs nobody. */
  const probe = (nowMs: number): void => {
    const kind = PICTURE_KINDS.find((each) => repairStreams.has(each) && (wanted.includes(each) || active.has(each)));
    const repairs = kind && repairStreams.get(kind);
    const due = repairs && toldArrivals ? estimate.probeDue(nowMs) : null;
    if (kind === undefined || repairs === undefined || !due) return;
    pacer.probe(due.kbps, due.bytes);
    const bytes = PADDING_BYTES + OVERHEAD_BYTES;
    const padding = { timestamp: 0, marker: false, payload: NO_EXTENSION };
    for (let left = due.bytes; left > 0; left -= bytes)
      pacer.push({ kind: 'padding', bytes, send: () => void transmit(kind, repairs.next(padding, clock.monotonicMs()), NO_EXTENSION, PADDING_BYTES) }, nowMs);
    flush();
  };

  return {
    send(kind, packet) {
      const stream = streams.get(kind);
      if (stream === undefined || !sendable.has(kind) || isOver()) return;
      pacer.push({ kind, bytes: packet.payload.length + OVERHEAD_BYTES, send: () => leave(kind, stream, packet) }, clock.monotonicMs());
      flush();
    },
    discard(kind) {
      pacer.drop(kind);
      // Of whichever picture they are: what is still missing of another one is asked for again.
      if (kind !== 'audio') for (const other of ['repair', 'padding'] as const) pacer.drop(other);
      if (histories.has(kind)) histories.set(kind, createSentHistory());
      if (kind === 'audio') earlierSound = [];
      else streams.get(kind)?.skip();
      return active.delete(kind);
    },
    repair(kind, sequenceNumbers, roundTripMs) {
      const nowMs = clock.monotonicMs();
      for (const { bytes, send } of histories.get(kind)?.repair(sequenceNumbers, nowMs, roundTripMs) ?? []) {
        if (repairBytes < bytes) break;
        repairBytes -= bytes;
        resent.set(kind, (resent.get(kind) ?? 0) + 1);
        resentBytes += bytes;
        pacer.push({ kind: kind === 'audio' ? 'audio' : 'repair', bytes, send }, nowMs);
      }
      flush();
    },
    tick() {
      const nowMs = clock.monotonicMs();
      pacer.setRate(estimate.targetKbps(nowMs));
      cutStale(nowMs);
      probe(nowMs);
    },
    setWanted(pictures) {
      wanted = pictures;
    },
    setRedundancy(packets) {
      redundancy = packets;
    },
    streams: () => streams,
    packetsResent: (kind) => resent.get(kind) ?? 0,
    bytesResent: () => resentBytes,
    queuedMs: () => pacer.queuedMs(clock.monotonicMs()),
    estimate,
    close() {
      timer?.cancel();
      timer = null;
    }
  };
}
