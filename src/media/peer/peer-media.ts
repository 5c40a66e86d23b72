// RTP and RTCP of a secured connection, over a transport that protects them: joins what leaves, what arrives and what each side tells the other about it.
// Invariant: a packet that is not authenticated or was there before is never delivered.
import type { Clock } from '../../kernel/clock.ts';
import { STANDING_QUEUE_MS } from '../congestion/bandwidth.ts';
import { readRemb, readTransportFeedback } from '../congestion/transport-feedback.ts';
import {
  MEDIA_KINDS,
  type MediaKind,
  type NegotiatedMedia,
  ofEachKind,
  type PeerConnection,
  type PeerConnectionEvents,
  type PeerStatistics,
  PICTURE_KINDS,
  type PictureKind
} from '../streams.ts';
import { createLossMeter } from './loss-meter.ts';
import type { NegotiatedFeatures } from './negotiation.ts';
import { createPeerFeedback, KEYFRAME_PAUSE_MS } from './peer-feedback.ts';
import { type ReportBlock, type RtcpMessage, readRtcp } from './peer-packets.ts';
import { createPeerReceiving } from './peer-receiving.ts';
import { createPeerSending } from './peer-sending.ts';
import type { PeerTransport } from './peer-transport.ts';

/** Messages about arrivals: a few bytes can tell of thousands of packets. Others send 20 in a second, and some more after a pause of the machine. */
const ARRIVAL_MESSAGES = { burst: 50, perSecond: 100 };
/** Of each stream: others report once in a second or so, a hostile side fifty times in one packet, and each is weighed against all that was sent. */
const LOSS_REPORT_PAUSE_MS = 100;

/** Over it a keyframe may take so much longer to arrive. */
const MOST_KEYFRAME_WAIT_MS = 1_000;
/** What overflowed is told of, and what was asked for anew has come, so long after the queue is gone. */
const OVERFLOW_MS = 1_000;

/** Of a connection that is not secured yet. */
export const noStatistics: PeerStatistics = {
  send: { targetKbps: 0, acknowledgedKbps: null, lossFraction: 0, bytesResent: 0 },
  ...ofEachKind(() => ({ packetsSent: 0, bytesSent: 0, packetsResent: 0, packetsReceived: 0, bytesReceived: 0, packetsRecovered: 0, lost: 0 }))
};

export type PeerMedia = Pick<
  PeerConnection,
  'send' | 'discard' | 'setWanted' | 'setRedundancy' | 'setSenderClock' | 'requestKeyframe' | 'end' | 'roundTripMs' | 'queuedMs' | 'statistics'
> & {
  takeRtp(datagram: Buffer): void;
  takeRtcp(datagram: Buffer): void;
  /** Every 20 ms: repairs, reports and probes that are due. */
  tick(): void;
  /** What leaves goes over another path now. */
  pathChanged(): void;
  close(): void;
};

export type PeerMediaOptions = {
  readonly transport: Pick<PeerTransport, 'protectRtp' | 'protectRtcp' | 'unprotectRtp' | 'unprotectRtcp' | 'send' | 'roundTripMs'>;
  readonly negotiated: NegotiatedMedia;
  readonly features: NegotiatedFeatures;
  readonly sendable: ReadonlySet<MediaKind>;
  readonly ssrc: Readonly<Record<MediaKind, number>>;
  readonly repairSsrc: Readonly<Record<PictureKind, number>>;
  readonly cname: string;
  readonly clock: Clock;
  readonly emit: <K extends 'rtp' | 'key' | 'senderClock' | 'keyframeRequest' | 'ended'>(event: K, ...values: PeerConnectionEvents[K]) => void;
  readonly isOver: () => boolean;
};

/** RTP and RTCP of a secured connection. */
export function createPeerMedia(options: PeerMediaOptions): PeerMedia {
  const { transport, negotiated, features, ssrc, cname, clock, emit, isOver } = options;
  const toldArrivals = MEDIA_KINDS.some((kind) => features.transportSequence[kind] !== null);
  let losses = createLossMeter();
  const receiving = createPeerReceiving({ negotiated, features, deliver: (kind, packet) => emit('rtp', kind, packet), pressed: (key) => emit('key', key) });
  const sending = createPeerSending({
    ...options,
    toldArrivals,
    lossFraction: () => losses.current(),
    onFirst: () => feedback.reportSoon(),
    onCut: (kind) => emit('keyframeRequest', kind, 'dropped')
  });
  const feedback = createPeerFeedback({ transport, features, ssrc: ssrc.video, cname, senders: sending.streams, receiving });
  const lossReportedAtMs = new Map<number, number>(); // by our own sources
  const keyframeAgainAtMs = { video: Number.NEGATIVE_INFINITY, screen: Number.NEGATIVE_INFINITY };
  let reportedRoundTripMs: number | null = null;
  let overflowsUntilMs = Number.NEGATIVE_INFINITY;
  let arrivalMessages = { left: ARRIVAL_MESSAGES.burst, atMs: clock.monotonicMs() };

  const roundTripMs = () => reportedRoundTripMs ?? transport.roundTripMs();

  const takeBlocks = (blocks: readonly ReportBlock[], nowMs: number): void => {
    for (const block of blocks) {
      for (const stream of sending.streams().values()) {
        if (stream.ssrc !== block.ssrc) continue;
        reportedRoundTripMs = stream.roundTrip(block, nowMs) ?? reportedRoundTripMs;
        if (toldArrivals || nowMs - (lossReportedAtMs.get(stream.ssrc) ?? Number.NEGATIVE_INFINITY) < LOSS_REPORT_PAUSE_MS) continue;
        lossReportedAtMs.set(stream.ssrc, nowMs);
        losses.fraction(block.fractionLost / 256);
        sending.estimate().lossReport(block.fractionLost / 256, nowMs);
      }
    }
  };
  const handlers: { [T in RtcpMessage['type']]: (message: Extract<RtcpMessage, { type: T }>, nowMs: number) => void } = {
    'sender-report'(message, nowMs) {
      const kind = receiving.kindOf(message.ssrc);
      if (kind !== undefined) {
        receiving.stream(kind)?.senderReport(message.sender.compactNtp, nowMs);
        emit('senderClock', kind, { rtpTimestamp: message.sender.rtpTimestamp, captureMs: message.sender.ntpMs });
      }
      takeBlocks(message.blocks, nowMs);
    },
    'receiver-report': (message, nowMs) => takeBlocks(message.blocks, nowMs),
    nack(message) {
      const kind = MEDIA_KINDS.find((each) => ssrc[each] === message.mediaSsrc);
      if (kind !== undefined) sending.repair(kind, message.sequenceNumbers, roundTripMs());
    },
    'keyframe-request'(message, nowMs) {
      const kind = PICTURE_KINDS.find((each) => ssrc[each] === message.mediaSsrc);
      if (kind === undefined || nowMs < keyframeAgainAtMs[kind]) return;
      // One that waits in a queue on the way is asked for again before it arrives.
      keyframeAgainAtMs[kind] = nowMs + KEYFRAME_PAUSE_MS + Math.min(MOST_KEYFRAME_WAIT_MS, (roundTripMs() ?? 0) + sending.estimate().queueMs());
      if (kind === 'video') sending.beginAnew(kind); // a page is begun anew by the share alone
      emit('keyframeRequest', kind, 'asked');
    },
    'transport-feedback'({ fci }, nowMs) {
      const left = Math.min(ARRIVAL_MESSAGES.burst, arrivalMessages.left + ((nowMs - arrivalMessages.atMs) * ARRIVAL_MESSAGES.perSecond) / 1_000);
      arrivalMessages = { left: Math.max(0, left - 1), atMs: nowMs };
      const told = toldArrivals && left >= 1 ? readTransportFeedback(fci) : null;
      if (told === null) return;
      sending.estimate().feedback(told, nowMs, roundTripMs());
      // What is lost while a queue stands is lost because we send too much: to send more for it would be more of the same.
      if (sending.estimate().queueMs() > STANDING_QUEUE_MS) overflowsUntilMs = nowMs + OVERFLOW_MS;
      if (nowMs < overflowsUntilMs) losses.forgetNewest();
      else losses.arrivals(told.packets.length, told.packets.filter(({ arrivedMs }) => arrivedMs === null).length);
    },
    'receiver-estimate'({ fci }, nowMs) {
      const estimate = toldArrivals ? null : readRemb(fci);
      if (estimate !== null) sending.estimate().remoteEstimate(estimate.kbps, nowMs);
    },
    goodbye({ ssrcs }) {
      for (const kind of PICTURE_KINDS) if (ssrcs.includes(receiving.stream(kind)?.ssrc ?? -1)) emit('ended', kind);
    }
  };
  const dispatch = <T extends RtcpMessage['type']>(message: Extract<RtcpMessage, { type: T }>, nowMs: number): void => {
    const handler = handlers[message.type as T];
    handler(message, nowMs);
  };

  return {
    takeRtp(datagram) {
      const plain = transport.unprotectRtp(datagram);
      if (plain === null || isOver()) return;
      const nowMs = clock.monotonicMs();
      receiving.take(plain, nowMs);
      // At once rather than with the next tick: a repair is waited for.
      for (const kind of MEDIA_KINDS) feedback.askForMissing(kind, nowMs, roundTripMs());
    },
    takeRtcp(datagram) {
      const plain = transport.unprotectRtcp(datagram);
      if (plain === null) return;
      const nowMs = clock.monotonicMs();
      for (const message of readRtcp(plain)) if (!isOver()) dispatch(message, nowMs);
    },
    send: sending.send,
    discard: (kind) => void sending.discard(kind),
    end(kind) {
      if (sending.discard(kind) && !isOver()) feedback.sayGoodbye(ssrc[kind]);
    },
    setWanted: sending.setWanted,
    setRedundancy: sending.setRedundancy,
    setSenderClock: (kind, senderClock) => sending.streams().get(kind)?.setClock(senderClock, clock.monotonicMs()),
    requestKeyframe: (kind) => feedback.askForKeyframe(kind, clock.monotonicMs()),
    roundTripMs,
    queuedMs: sending.queuedMs,
    statistics() {
      const nowMs = clock.monotonicMs();
      return {
        send: {
          targetKbps: sending.estimate().targetKbps(nowMs),
          acknowledgedKbps: sending.estimate().acknowledgedKbps(),
          lossFraction: losses.current(),
          bytesResent: sending.bytesResent()
        },
        ...ofEachKind((kind) => {
          const [sent, received] = [sending.streams().get(kind), receiving.stream(kind)];
          return {
            packetsSent: sent?.packetsSent() ?? 0,
            bytesSent: sent?.bytesSent() ?? 0,
            packetsResent: sending.packetsResent(kind),
            packetsReceived: received?.packetsReceived() ?? 0,
            bytesReceived: received?.bytesReceived() ?? 0,
            packetsRecovered: received?.packetsRecovered() ?? 0,
            lost: received?.packetsLost() ?? 0
          };
        })
      };
    },
    tick() {
      if (isOver()) return;
      feedback.tick(clock.monotonicMs(), roundTripMs());
      sending.tick();
    },
    pathChanged() {
      sending.pathChanged();
      losses = createLossMeter();
      reportedRoundTripMs = null;
    },
    close: sending.close
  };
}
