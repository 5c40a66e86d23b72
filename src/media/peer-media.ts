// RTP and RTCP of a secured connection: numbering, repairs, reports and feedback of each kind of media, over a transport that protects them.
// Invariants: the first source of each kind is the only one; a packet that is not authenticated or was there before is never delivered.
import { randomInt } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { type RtcpMessage, readRtcp, readRtp, writeCname, writeGoodbye, writeNack, writePictureLoss, writeReport, writeRtp } from './peer-packets.ts';
import { createReceiveStream, createSendStream, type RtpReceiveStream, type RtpSendStream } from './peer-streams.ts';
import type { PeerTransport } from './peer-transport.ts';
import {
  CLOCK_RATES,
  MEDIA_KINDS,
  type MediaKind,
  type NegotiatedMedia,
  ofEachKind,
  type PeerConnection,
  type PeerConnectionEvents,
  type PeerStatistics,
  PICTURE_KINDS,
  type PictureKind
} from './streams.ts';

const KEYFRAME_PAUSE_MS = 100;
const REPORT_PERIOD_MS = 1_000;

/** Of a connection that is not secured yet. */
export const noStatistics: PeerStatistics = {
  roundTripMs: null,
  ...ofEachKind(() => ({ packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0, lost: 0 }))
};

export type PeerMedia = {
  takeRtp(datagram: Buffer): void;
  takeRtcp(datagram: Buffer): void;
  send: PeerConnection['send'];
  setSenderClock: PeerConnection['setSenderClock'];
  requestKeyframe: PeerConnection['requestKeyframe'];
  end: PeerConnection['end'];
  statistics(): PeerStatistics;
  /** Every 20 ms: repairs and reports that are due. */
  tick(): void;
};

export type PeerMediaOptions = {
  readonly transport: PeerTransport;
  readonly negotiated: NegotiatedMedia;
  readonly sendable: ReadonlySet<MediaKind>;
  readonly ssrc: Readonly<Record<MediaKind, number>>;
  readonly cname: string;
  readonly clock: Clock;
  readonly emit: <K extends 'rtp' | 'senderClock' | 'keyframeRequest' | 'ended'>(event: K, ...values: PeerConnectionEvents[K]) => void;
  readonly isOver: () => boolean;
};

/** RTP and RTCP of a secured connection. */
export function createPeerMedia({ transport, negotiated, sendable, ssrc, cname, clock, emit, isOver }: PeerMediaOptions): PeerMedia {
  const senders = new Map<MediaKind, RtpSendStream>();
  const receivers = new Map<MediaKind, RtpReceiveStream>();
  for (const kind of MEDIA_KINDS) {
    const codec = negotiated[kind];
    if (codec === null) continue;
    const firstSequence = randomInt(0, 2 ** 15);
    senders.set(kind, createSendStream({ ssrc: ssrc[kind], payloadType: codec.payloadType, clockRate: CLOCK_RATES[kind], firstSequence }));
  }
  // What was ended is not repaired either: nothing of it leaves before it is sent again.
  const ended = new Set<PictureKind>();
  let roundTripMs: number | null = null;
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  const keyframes = {
    video: { wanted: false, requestedAtMs: Number.NEGATIVE_INFINITY, askedAtMs: Number.NEGATIVE_INFINITY },
    screen: { wanted: false, requestedAtMs: Number.NEGATIVE_INFINITY, askedAtMs: Number.NEGATIVE_INFINITY }
  };

  const kindOf = (payloadType: number) => MEDIA_KINDS.find((kind) => negotiated[kind]?.payloadType === payloadType);
  const pictureOf = (mediaSsrc: number) => PICTURE_KINDS.find((kind) => ssrc[kind] === mediaSsrc);
  const currentRoundTripMs = () => roundTripMs ?? transport.roundTripMs();
  /** Feedback goes in a compound packet that begins with a report (RFC 3550 section 6.1): the short form was not negotiated. */
  const sendFeedback = (feedback: Buffer): void => {
    transport.send(transport.protectRtcp(Buffer.concat([writeReport(ssrc.video, null, []).packet, writeCname(ssrc.video, cname), feedback])));
  };

  const report = (nowMs: number): void => {
    reportedAtMs = nowMs;
    for (const [kind, sender] of senders) {
      const receiver = receivers.get(kind);
      const info = sender.senderInfo(nowMs);
      if (info === null && receiver === undefined) continue;
      const { packet, compactNtp } = writeReport(sender.ssrc, info, receiver === undefined ? [] : [receiver.report(nowMs)]);
      if (info !== null) sender.reported(compactNtp, nowMs);
      transport.send(transport.protectRtcp(Buffer.concat([packet, writeCname(sender.ssrc, cname)])));
    }
  };

  const handlers: { [T in RtcpMessage['type']]: (message: Extract<RtcpMessage, { type: T }>, nowMs: number) => void } = {
    'sender-report'(message, nowMs) {
      const kind = MEDIA_KINDS.find((candidate) => receivers.get(candidate)?.ssrc === message.ssrc);
      if (kind !== undefined) {
        receivers.get(kind)?.senderReport(message.sender.compactNtp, nowMs);
        emit('senderClock', kind, { rtpTimestamp: message.sender.rtpTimestamp, captureMs: message.sender.ntpMs });
      }
      takeBlocks(message.blocks, nowMs);
    },
    'receiver-report': (message, nowMs) => takeBlocks(message.blocks, nowMs),
    nack(message, nowMs) {
      const kind = pictureOf(message.mediaSsrc);
      const repairs = kind && !ended.has(kind) && senders.get(kind)?.repair(message.sequenceNumbers, nowMs, currentRoundTripMs());
      for (const datagram of repairs || []) transport.send(datagram);
    },
    'keyframe-request'(message, nowMs) {
      const kind = pictureOf(message.mediaSsrc);
      if (kind === undefined || nowMs - keyframes[kind].requestedAtMs < KEYFRAME_PAUSE_MS) return;
      keyframes[kind].requestedAtMs = nowMs;
      emit('keyframeRequest', kind);
    },
    goodbye({ ssrcs }) {
      for (const kind of PICTURE_KINDS) if (ssrcs.includes(receivers.get(kind)?.ssrc ?? -1)) emit('ended', kind);
    }
  };
  const takeBlocks = (blocks: Extract<RtcpMessage, { type: 'receiver-report' }>['blocks'], nowMs: number): void => {
    for (const block of blocks) {
      for (const sender of senders.values()) if (sender.ssrc === block.ssrc) roundTripMs = sender.roundTrip(block, nowMs) ?? roundTripMs;
    }
  };
  const dispatch = <T extends RtcpMessage['type']>(message: Extract<RtcpMessage, { type: T }>, nowMs: number): void => {
    const handler = handlers[message.type as T];
    handler(message, nowMs);
  };

  const askForKeyframe = (kind: PictureKind, nowMs: number): void => {
    const receiver = receivers.get(kind);
    if (receiver === undefined || nowMs - keyframes[kind].askedAtMs < KEYFRAME_PAUSE_MS) return;
    Object.assign(keyframes[kind], { wanted: false, askedAtMs: nowMs });
    sendFeedback(writePictureLoss(ssrc.video, receiver.ssrc));
  };

  return {
    takeRtp(datagram) {
      const plain = transport.unprotectRtp(datagram);
      const packet = plain === null ? null : readRtp(plain);
      if (packet === null || isOver()) return;
      const kind = kindOf(packet.payloadType);
      if (kind === undefined) return;
      let receiver = receivers.get(kind);
      if (receiver === undefined) {
        // The first source of each kind is the only one; another would have no history against which a replayed packet shows.
        receiver = createReceiveStream({ ssrc: packet.ssrc, clockRate: CLOCK_RATES[kind], repairs: kind !== 'audio' });
        receivers.set(kind, receiver);
      }
      const arrivedAtMs = clock.monotonicMs();
      if (receiver.ssrc !== packet.ssrc || !receiver.accept(packet, arrivedAtMs)) return;
      // Padding alone, as a probe of the path, carries nothing.
      if (packet.payload.length === 0) return;
      emit('rtp', kind, { timestamp: packet.timestamp, marker: packet.marker, payload: packet.payload, sequenceNumber: packet.sequenceNumber, arrivedAtMs });
    },
    takeRtcp(datagram) {
      const plain = transport.unprotectRtcp(datagram);
      if (plain === null) return;
      const nowMs = clock.monotonicMs();
      for (const message of readRtcp(plain)) if (!isOver()) dispatch(message, nowMs);
    },
    send(kind, packet) {
      const sender = senders.get(kind);
      if (sender === undefined || !sendable.has(kind) || isOver()) return;
      if (kind !== 'audio') ended.delete(kind);
      const nowMs = clock.monotonicMs();
      const header = sender.next(packet, nowMs);
      const datagram = transport.protectRtp(writeRtp(header, packet.payload));
      if (kind !== 'audio') sender.remember(header.sequenceNumber, datagram, nowMs);
      transport.send(datagram);
      // The other side cannot put sound and picture together before the first report.
      if (sender.packetsSent() === 1) reportedAtMs = Number.NEGATIVE_INFINITY;
    },
    setSenderClock: (kind, senderClock) => senders.get(kind)?.setClock(senderClock, clock.monotonicMs()),
    requestKeyframe(kind) {
      keyframes[kind].wanted = true;
      askForKeyframe(kind, clock.monotonicMs());
    },
    end(kind) {
      const sender = senders.get(kind);
      if (sender === undefined || sender.packetsSent() === 0 || ended.has(kind) || isOver()) return;
      ended.add(kind);
      sendFeedback(writeGoodbye(sender.ssrc));
    },
    statistics: () => ({
      roundTripMs: currentRoundTripMs(),
      ...ofEachKind((kind) => ({
        packetsSent: senders.get(kind)?.packetsSent() ?? 0,
        bytesSent: senders.get(kind)?.bytesSent() ?? 0,
        packetsReceived: receivers.get(kind)?.packetsReceived() ?? 0,
        bytesReceived: receivers.get(kind)?.bytesReceived() ?? 0,
        lost: receivers.get(kind)?.packetsLost() ?? 0
      }))
    }),
    tick() {
      if (isOver()) return;
      const nowMs = clock.monotonicMs();
      if (nowMs - reportedAtMs >= REPORT_PERIOD_MS) report(nowMs);
      for (const kind of PICTURE_KINDS) {
        const receiver = receivers.get(kind);
        const missing = receiver?.missing(nowMs, currentRoundTripMs()) ?? [];
        if (receiver !== undefined && missing.length > 0) sendFeedback(writeNack(ssrc.video, receiver.ssrc, missing));
        if (keyframes[kind].wanted) askForKeyframe(kind, nowMs);
      }
    }
  };
}
