// What leaves: numbering, pacing, repairs and probes of each kind of media, at the rate that the path is estimated to carry.
// Invariants: everything but sound waits for the pacer; a transport-wide number is given when a packet leaves, in that order;
// a packet is encrypted when it leaves, and never twice.
import { randomInt } from 'node:crypto';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { type BandwidthEstimate, createBandwidthEstimate } from '../congestion/bandwidth.ts';
import { createPacer } from '../congestion/pacer.ts';
import { writeTransportSequence } from '../rtp/header-extension.ts';
import { writeRed } from '../rtp/red.ts';
import { CLOCK_RATES, MEDIA_KINDS, type MediaKind, type NegotiatedMedia, ofEachKind, PICTURE_KINDS, type PictureKind, type RtpPayload } from '../streams.ts';
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
  /** From 0 to 1, before repairs. */
  readonly lossFraction: () => number;
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
  /** A keyframe comes in a moment: what was before it is of no use any more, neither what waits nor what could be sent again. */
  beginAnew(kind: PictureKind): void;
  /** The other side asks for these again. Where much is lost, each goes out twice, so that one of them arrives within the round trip. */
  repair(kind: MediaKind, sequenceNumbers: readonly number[], roundTripMs: number | null): void;
  /** Every 20 ms: the rate follows the estimate, and probes that are due begin. */
  tick(): void;
  /** As PeerConnection's. */
  setWanted(kbps: Readonly<Record<PictureKind, number>>): void;
  /** How many packets before it go out with each packet of sound. */
  setRedundancy(packets: 0 | 1 | 2 | 3): void;
  streams(): ReadonlyMap<MediaKind, RtpSendStream>;
  /** Because the other side asked. */
  packetsResent(kind: MediaKind): number;
  /** Of all that went out more than once. */
  bytesResent(): number;
  queuedMs(): number;
  /** What was known of the path's rate is of another path: begins as at the start. */
  pathChanged(): void;
  estimate(): BandwidthEstimate;
  close(): void;
};

/** A small picture fits, on the narrowest path that is promised; probes find out within half a second whether there is more. */
const START_KBPS = 300;
const MIN_KBPS = 50;
const MAX_KBPS = 10_000;
/** IP and UDP, which the path carries too. */
const DATAGRAM_BYTES = 28;
/** Header, extension and authentication of a packet beside. */
const OVERHEAD_BYTES = 36 + DATAGRAM_BYTES;
/**
 * A camera's picture that waits longer would be shown too late; the path has become narrow, and the encoder has yet to follow. A page of text takes
 * seconds over such a path, and one that is never let through is made again for ever: it is dropped only where a newer one has waited so long behind it.
 */
const STALE_MS: Readonly<Record<PictureKind, number>> = { video: 500, screen: 1_500 };
/** A tick that is so late says that nothing of this process ran. */
const STOOD_STILL_MS = 100;
/**
 * Repairs may be as many bytes as what they repair, which is what half of all packets lost takes, and so much at once after a gap. Of each kind by itself:
 * repairs of a page for which sound counted too filled a narrow path for good, and what they lost there was asked for again.
 */
const REPAIR_BURST_BYTES = 256_000;
/** RFC 3550 section 5.1: the count of padding has one byte. */
const PADDING_BYTES = 255;
/** From here on the repair of a repair would come too late too often. */
const REPAIR_TWICE_LOSS = 0.07;
/** And from here on a frame's last packet goes out twice where the path has room: that it is lost is seen a frame later, and then its repair is late. */
const SEND_TWICE_LOSS = 0.02;
/** Times what arrives. */
const SEND_TWICE_ROOM = 2;
/** What pictures take is so much more with headers, repairs and the room that a larger one waits for. */
const MORE_THAN_PICTURES = 1.25;
/** With its headers and all redundancy. */
const SOUND_KBPS = 155;
const NO_EXTENSION = Buffer.alloc(0);

/** `waiting`: how many copies wait for the pacer. */
type Resend = { readonly bytes: number; send(): void; waiting: number; leftAtMs: number };

export function createPeerSending(options: PeerSendingOptions): PeerSending {
  const { transport, negotiated, features, toldArrivals, sendable, clock, isOver } = options;
  const pacer = createPacer();
  const beginEstimate = (): BandwidthEstimate => createBandwidthEstimate({ startKbps: START_KBPS, minKbps: MIN_KBPS, maxKbps: MAX_KBPS });
  let estimate = beginEstimate();
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
  const [keysType] = features.keys;
  let transportSequence = randomInt(0, 2 ** 15);
  let timer: Timer | null = null;
  let tickedAtMs = clock.monotonicMs();
  let redundancy: 0 | 1 | 2 | 3 = 0;
  let resentBytes = 0;
  const repairBytes = ofEachKind(() => REPAIR_BURST_BYTES);
  let earlierSound: RtpPayload[] = [];
  /** Kinds of which something has left since they began. */
  const active = new Set<MediaKind>();
  let wantedKbps: Readonly<Record<PictureKind, number>> = { screen: 0, video: 0 };
  /** By their last packets. */
  let pagesWaiting = 0;
  let newerPageSinceMs: number | null = null;

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
    const idle = { waiting: 0, leftAtMs: Number.NEGATIVE_INFINITY };
    if (repairs === undefined) return { bytes, ...idle, send: () => transport.send(datagram) };
    return {
      bytes: bytes + 2,
      ...idle,
      send() {
        const wrapped = wrapRepair(header.sequenceNumber, payload);
        transmit(kind, repairs.next({ timestamp: header.timestamp, marker: header.marker, payload: wrapped }, clock.monotonicMs()), wrapped);
      }
    };
  };

  const leave = (kind: MediaKind, stream: RtpSendStream, packet: RtpPayload): void => {
    const nowMs = clock.monotonicMs();
    active.add(kind);
    const header = { ...stream.next(packet, nowMs), ...payloadTypeOf(kind, packet) };
    const payload = kind !== 'audio' ? packet.payload : packet.event ? keyPayload(packet) : soundPayload(packet);
    const datagram = transmit(kind, header, payload);
    const again = resendOf(kind, header, payload, datagram);
    histories.get(kind)?.remember(header.sequenceNumber, again, nowMs);
    if (packet.marker && repairStreams.has(kind) && sendsTwice(nowMs)) resend(kind, again, 1, nowMs);
    repairBytes[kind] = Math.min(REPAIR_BURST_BYTES, repairBytes[kind] + datagram.length);
    if (stream.packetsSent() === 1) options.onFirst();
  };
  const sendsTwice = (nowMs: number): boolean =>
    options.lossFraction() > SEND_TWICE_LOSS &&
    estimate.calm() &&
    estimate.targetKbps(nowMs) > SEND_TWICE_ROOM * (estimate.acknowledgedKbps() ?? Number.POSITIVE_INFINITY);
  const resend = (kind: MediaKind, packet: Resend, copies: number, nowMs: number): void => {
    const { bytes } = packet;
    const send = (): void => {
      packet.waiting -= 1;
      packet.leftAtMs = clock.monotonicMs();
      packet.send();
    };
    // Dropped with those of another picture it is no longer on its way: it may be asked for again.
    const dropped = (): void => {
      packet.waiting -= 1;
    };
    packet.waiting += copies;
    resentBytes += copies * bytes;
    for (let copy = 0; copy < copies; copy += 1) pacer.push({ kind: kind === 'audio' ? 'audio' : `${kind}-repair`, bytes, send, dropped }, nowMs);
  };
  const withRedundancy = (): boolean => features.redundancy !== null && redundancy > 0;
  const payloadTypeOf = (kind: MediaKind, { event }: RtpPayload): { payloadType?: number } => {
    if (event && keysType !== undefined) return { payloadType: keysType };
    return kind === 'audio' && withRedundancy() ? { payloadType: features.redundancy ?? 0 } : {};
  };
  /** What is redundant takes the numbers right before the packet it is in, which are those of the key now. */
  const keyPayload = ({ payload }: RtpPayload): Uint8Array => {
    earlierSound = [];
    return payload;
  };
  const soundPayload = (packet: RtpPayload): Uint8Array => {
    const earlier = earlierSound.slice(-redundancy);
    earlierSound = [...earlierSound.slice(-2), packet];
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

  const pageWaits = (change: 1 | -1): void => {
    pagesWaiting += change;
    newerPageSinceMs = pagesWaiting > 1 ? (newerPageSinceMs ?? clock.monotonicMs()) : null;
  };
  const waitedMs = (kind: PictureKind, nowMs: number): number => (kind === 'video' ? pacer.queuedMs(nowMs) : nowMs - (newerPageSinceMs ?? nowMs));

  /** @returns whether any of the picture was among it */
  const dropWaiting = (kind: PictureKind): boolean => {
    pacer.drop(`${kind}-repair`);
    const cut = pacer.drop(kind);
    if (cut) streams.get(kind)?.skip();
    return cut;
  };
  const cutStale = (nowMs: number): void => {
    // The camera before the screen, as everywhere.
    for (const kind of PICTURE_KINDS) {
      if (waitedMs(kind, nowMs) > STALE_MS[kind] && dropWaiting(kind)) options.onCut(kind);
    }
  };

  /** Padding in the repairs of a picture that is wanted, though it may pause for want of room: a number more there disturbs nobody. */
  const probe = (nowMs: number): void => {
    const kind = PICTURE_KINDS.find((each) => repairStreams.has(each) && wantedKbps[each] > 0);
    const repairs = kind && repairStreams.get(kind);
    const due = repairs && toldArrivals ? estimate.probeDue(nowMs, MORE_THAN_PICTURES * (wantedKbps.screen + wantedKbps.video) + SOUND_KBPS) : null;
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
      if (stream === undefined || !sendable.has(kind) || isOver() || (packet.event && keysType === undefined)) return;
      const endsPage = kind === 'screen' && packet.marker;
      const gone = (): void => {
        if (endsPage) pageWaits(-1);
      };
      const send = (): void => {
        gone();
        leave(kind, stream, packet);
      };
      if (endsPage) pageWaits(1);
      pacer.push({ kind, bytes: packet.payload.length + OVERHEAD_BYTES, send, dropped: gone }, clock.monotonicMs());
      flush();
    },
    discard(kind) {
      pacer.drop(kind);
      if (kind !== 'audio') for (const other of [`${kind}-repair`, 'padding'] as const) pacer.drop(other);
      if (histories.has(kind)) histories.set(kind, createSentHistory());
      if (kind === 'audio') earlierSound = [];
      else streams.get(kind)?.skip();
      return active.delete(kind);
    },
    beginAnew(kind) {
      dropWaiting(kind);
      histories.set(kind, createSentHistory());
    },
    repair(kind, sequenceNumbers, roundTripMs) {
      const copies = kind !== 'audio' && options.lossFraction() > REPAIR_TWICE_LOSS && estimate.calm() ? 2 : 1;
      const nowMs = clock.monotonicMs();
      // Over a narrow path a repair waits longer than the other side does before it asks again.
      const underway = ({ waiting, leftAtMs }: Resend): boolean => waiting > 0 || nowMs - leftAtMs < (roundTripMs ?? 0);
      for (const packet of histories.get(kind)?.repair(sequenceNumbers, nowMs, roundTripMs, underway) ?? []) {
        if (repairBytes[kind] < copies * packet.bytes) break;
        repairBytes[kind] -= copies * packet.bytes;
        resent.set(kind, (resent.get(kind) ?? 0) + copies);
        resend(kind, packet, copies, nowMs);
      }
      flush();
    },
    tick() {
      const nowMs = clock.monotonicMs();
      if (nowMs - tickedAtMs > STOOD_STILL_MS) estimate.stoodStill(nowMs - tickedAtMs);
      tickedAtMs = nowMs;
      pacer.setRate(estimate.targetKbps(nowMs));
      cutStale(nowMs);
      probe(nowMs);
    },
    setWanted(kbps) {
      wantedKbps = kbps;
    },
    setRedundancy(packets) {
      redundancy = packets;
    },
    streams: () => streams,
    packetsResent: (kind) => resent.get(kind) ?? 0,
    bytesResent: () => resentBytes,
    queuedMs: () => pacer.queuedMs(clock.monotonicMs()),
    pathChanged() {
      estimate = beginEstimate();
    },
    estimate: () => estimate,
    close() {
      timer?.cancel();
      timer = null;
    }
  };
}
