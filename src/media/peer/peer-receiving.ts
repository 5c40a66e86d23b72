// What arrives: the packets of each kind of media once and in the order of their arrival, repairs and redundant sound put where they belong.
// Invariants: the first source of each kind is the only one, and so is the first of its repairs: another would have no history against which a replayed
// packet shows. A packet is delivered once, however it came. What is malformed is dropped.
import { createArrivalLog } from '../congestion/transport-feedback.ts';
import { readTransportSequence } from '../rtp/header-extension.ts';
import { readRed } from '../rtp/red.ts';
import { createKeyReader } from '../rtp/telephone-event.ts';
import { CLOCK_RATES, MEDIA_KINDS, type MediaKind, type NegotiatedMedia, PICTURE_KINDS, type ReceivedRtp } from '../streams.ts';
import type { NegotiatedFeatures } from './negotiation.ts';
import { type RtpPacket, readRtp } from './peer-packets.ts';
import { createReceiveStream, type RtpReceiveStream } from './peer-streams.ts';
import { unwrapRepair } from './repairs.ts';

/** A page takes seconds to be sent again: one packet of it is worth a longer wait. */
const PAGE_PATIENCE = 2;

export type PeerReceivingOptions = {
  readonly negotiated: NegotiatedMedia;
  readonly features: NegotiatedFeatures;
  readonly deliver: (kind: MediaKind, packet: ReceivedRtp) => void;
  /** The other side pressed it. */
  readonly pressed: (key: string) => void;
};

export type PeerReceiving = {
  /** @param plain a packet that was authenticated */
  take(plain: Buffer, nowMs: number): void;
  stream(kind: MediaKind): RtpReceiveStream | undefined;
  kindOf(ssrc: number): MediaKind | undefined;
  /** How many packets came whose arrival was not told yet. */
  arrivedSince(): number;
  /** What to tell of them (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). */
  takeArrivals(nowMs: number): Iterable<Buffer>;
  /** Since the call before: what came of everything, repairs and padding included. */
  takeBytes(): number;
  /** Sound came with what was before it, so that nothing needs to be asked for again. */
  soundIsRedundant(): boolean;
};

type Meaning = { readonly kind: MediaKind; readonly as: 'media' | 'repair' | 'redundant' | 'key' };

export function createPeerReceiving({ negotiated, features, deliver, pressed }: PeerReceivingOptions): PeerReceiving {
  const meanings = new Map<number, Meaning>();
  for (const kind of MEDIA_KINDS) if (negotiated[kind] !== null) meanings.set(negotiated[kind].payloadType, { kind, as: 'media' });
  for (const kind of PICTURE_KINDS) if (features.repairs[kind] !== null) meanings.set(features.repairs[kind], { kind, as: 'repair' });
  if (features.redundancy !== null) meanings.set(features.redundancy, { kind: 'audio', as: 'redundant' });
  if (negotiated.audio !== null) for (const payloadType of features.keys) meanings.set(payloadType, { kind: 'audio', as: 'key' });
  const keys = createKeyReader();
  const streams = new Map<MediaKind, RtpReceiveStream>();
  const repairSources = new Map<MediaKind, number>();
  const arrivals = createArrivalLog();
  let bytes = 0;
  let arrived = 0;
  let redundant = false;

  const takeRepair = (kind: MediaKind, packet: RtpPacket, arrivedAtMs: number): void => {
    const original = unwrapRepair(packet.payload);
    const source = repairSources.get(kind) ?? packet.ssrc;
    repairSources.set(kind, source);
    if (original === null || source !== packet.ssrc || streams.get(kind)?.recover(original, arrivedAtMs) !== true) return;
    deliver(kind, { timestamp: packet.timestamp, marker: packet.marker, ...original, arrivedAtMs });
  };

  /** RFC 2198: the blocks before the last are those of the packets before this one, the nearest last. */
  const takeRedundant = (stream: RtpReceiveStream, packet: RtpPacket, arrivedAtMs: number): Uint8Array | null => {
    const blocks = readRed(packet.payload, packet.timestamp);
    const ofOpus = blocks?.every(({ payloadType }) => payloadType === negotiated.audio?.payloadType) === true;
    const primary = blocks?.pop();
    if (blocks === null || !ofOpus || primary === undefined) return null;
    blocks.forEach(({ timestamp, payload }, index) => {
      const sequenceNumber = (packet.sequenceNumber - (blocks.length - index)) & 0xffff;
      if (payload.length === 0 || !stream.recover({ sequenceNumber, payload }, arrivedAtMs)) return;
      deliver('audio', { timestamp, marker: false, sequenceNumber, payload, arrivedAtMs, redundant });
    });
    return primary.payload;
  };

  return {
    take(plain, nowMs) {
      const packet = readRtp(plain);
      const meaning = packet === null ? undefined : meanings.get(packet.payloadType);
      if (packet === null || meaning === undefined) return;
      const { kind, as } = meaning;
      bytes += plain.length;
      const id = features.transportSequence[kind];
      const transportSequence = id === null ? null : readTransportSequence(plain, id);
      if (transportSequence !== null) {
        arrivals.arrived(transportSequence, nowMs);
        arrived += 1;
      }
      if (as === 'repair') {
        takeRepair(kind, packet, nowMs);
        return;
      }
      let stream = streams.get(kind);
      if (stream === undefined) {
        stream = createReceiveStream({ ssrc: packet.ssrc, clockRate: CLOCK_RATES[kind], patience: kind === 'screen' ? PAGE_PATIENCE : 1 });
        streams.set(kind, stream);
      }
      if (stream.ssrc !== packet.ssrc || !stream.accept(packet, nowMs)) return;
      if (as === 'key') {
        const key = keys.take(packet.payload, packet.timestamp, nowMs);
        if (key !== null) pressed(key);
        return;
      }
      if (kind === 'audio') redundant = as === 'redundant';
      const payload = as === 'redundant' ? takeRedundant(stream, packet, nowMs) : packet.payload;
      // Padding alone, as a probe of the path, carries nothing; in a picture it fills a number that would else be missing.
      if (payload === null || (payload.length === 0 && kind === 'audio')) return;
      deliver(kind, {
        timestamp: packet.timestamp,
        marker: packet.marker,
        payload,
        sequenceNumber: packet.sequenceNumber,
        arrivedAtMs: nowMs,
        ...(as === 'redundant' ? { redundant } : {})
      });
    },
    stream: (kind) => streams.get(kind),
    kindOf: (ssrc) => MEDIA_KINDS.find((kind) => streams.get(kind)?.ssrc === ssrc),
    arrivedSince: () => arrived,
    *takeArrivals(nowMs) {
      arrived = 0;
      for (let message = arrivals.take(nowMs); message !== null; message = arrivals.take(nowMs)) yield message;
    },
    takeBytes() {
      const taken = bytes;
      bytes = 0;
      return taken;
    },
    soundIsRedundant: () => redundant
  };
}
