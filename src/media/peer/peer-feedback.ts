// What this side tells the other about what arrives: reports, questions for what is missing, keyframe requests, arrival times or an estimate.
// Each goes in a compound packet that begins with a report (RFC 3550 section 6.1): the short form is not negotiated.
import { writeRemb } from '../congestion/transport-feedback.ts';
import { MEDIA_KINDS, type MediaKind, type PictureKind } from '../streams.ts';
import type { NegotiatedFeatures } from './negotiation.ts';
import { writeCname, writeGoodbye, writeNack, writePictureLoss, writeReceiverEstimate, writeReport, writeTransportFeedback } from './peer-packets.ts';
import type { PeerReceiving } from './peer-receiving.ts';
import type { RtpSendStream } from './peer-streams.ts';
import type { PeerTransport } from './peer-transport.ts';
import { nextReceiverEstimate } from './receiver-estimate.ts';

export type PeerFeedbackOptions = {
  readonly transport: Pick<PeerTransport, 'protectRtcp' | 'send'>;
  readonly features: NegotiatedFeatures;
  /** In whose name feedback is given. */
  readonly ssrc: number;
  readonly cname: string;
  readonly senders: () => ReadonlyMap<MediaKind, RtpSendStream>;
  readonly receiving: PeerReceiving;
};

export type PeerFeedback = {
  /** The next report leaves with the next tick. */
  reportSoon(): void;
  askForMissing(kind: MediaKind, nowMs: number, roundTripMs: number | null): void;
  /** At most one per kind and KEYFRAME_PAUSE_MS goes out, and again with the next tick; one that is held back goes later. */
  askForKeyframe(kind: PictureKind, nowMs: number): void;
  /** A source of ours sends nothing more. */
  sayGoodbye(source: number): void;
  /** Every 20 ms: what is due. */
  tick(nowMs: number, roundTripMs: number | null): void;
};

/** A keyframe of each kind in this time, asked for or given. */
export const KEYFRAME_PAUSE_MS = 300;
const REPORT_PERIOD_MS = 1_000;
/** Arrivals are told sooner the more there are: 5 % of the rate at most. */
const ARRIVALS_PERIOD_MS = 100;
const ARRIVALS_BUSY_MS = 50;
const BUSY_PACKETS = 12;
/** At once; the rest goes with the next. Numbers with wide gaps between them need a message each, and each of those is as much work as thousands of packets. */
const MOST_ARRIVAL_MESSAGES = 8;
/** Sound is put in order for 60 ms at most (rtp/frame-assembler.ts): over a longer round trip a repair comes too late to be played. */
const SOUND_REPAIR_ROUND_TRIP_MS = 50;

export function createPeerFeedback(options: PeerFeedbackOptions): PeerFeedback {
  const { transport, features, ssrc, cname, senders, receiving } = options;
  const notAsked = { wanted: false, askedAtMs: Number.NEGATIVE_INFINITY, again: false };
  const keyframes = { video: notAsked, screen: notAsked };
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  let arrivalsToldAtMs = Number.NEGATIVE_INFINITY;
  let estimateKbps: number | null = null;

  const send = (...packets: Buffer[]): void => transport.send(transport.protectRtcp(Buffer.concat(packets)));
  const sendFeedback = (feedback: Buffer): void => send(writeReport(ssrc, null, []).packet, writeCname(ssrc, cname), feedback);

  const report = (nowMs: number): void => {
    const passedMs = nowMs - reportedAtMs;
    reportedAtMs = nowMs;
    let lossFraction = 0;
    for (const [kind, sender] of senders()) {
      const receiver = receiving.stream(kind);
      const info = sender.senderInfo(nowMs);
      if (info === null && receiver === undefined) continue;
      const block = receiver?.report(nowMs);
      lossFraction = Math.max(lossFraction, (block?.fractionLost ?? 0) / 256);
      const { packet, compactNtp } = writeReport(sender.ssrc, info, block === undefined ? [] : [block]);
      if (info !== null) sender.reported(compactNtp, nowMs);
      send(packet, writeCname(sender.ssrc, cname));
    }
    if (features.remb && passedMs < 2 * REPORT_PERIOD_MS) estimate((receiving.takeBytes() * 8) / passedMs, lossFraction);
  };

  const estimate = (receivedKbps: number, lossFraction: number): void => {
    const sources = MEDIA_KINDS.flatMap((kind) => receiving.stream(kind)?.ssrc ?? []);
    if (sources.length === 0) return;
    estimateKbps = nextReceiverEstimate(estimateKbps, receivedKbps, lossFraction);
    sendFeedback(writeReceiverEstimate(ssrc, writeRemb(estimateKbps, sources)));
  };

  const tellArrivals = (nowMs: number): void => {
    const waiting = receiving.arrivedSince();
    if (waiting === 0 || nowMs - arrivalsToldAtMs < (waiting >= BUSY_PACKETS ? ARRIVALS_BUSY_MS : ARRIVALS_PERIOD_MS)) return;
    arrivalsToldAtMs = nowMs;
    // The other side finds by it which of its senders is meant.
    const [source] = MEDIA_KINDS.flatMap((kind) => receiving.stream(kind)?.ssrc ?? []);
    let messages = 0;
    for (const fci of receiving.takeArrivals(nowMs)) {
      if (source !== undefined) sendFeedback(writeTransportFeedback(ssrc, source, fci));
      messages += 1;
      if (messages === MOST_ARRIVAL_MESSAGES) break;
    }
  };

  const askForKeyframe = (kind: PictureKind, nowMs: number): void => {
    const receiver = receiving.stream(kind);
    keyframes[kind] = { ...keyframes[kind], wanted: true };
    if (receiver === undefined || nowMs - keyframes[kind].askedAtMs < KEYFRAME_PAUSE_MS) return;
    keyframes[kind] = { wanted: false, askedAtMs: nowMs, again: true };
    sendFeedback(writePictureLoss(ssrc, receiver.ssrc));
  };

  /** The request may be lost; the other side makes one keyframe of two requests that come so soon after another. */
  const repeatKeyframe = (kind: PictureKind): void => {
    const receiver = receiving.stream(kind);
    keyframes[kind] = { ...keyframes[kind], again: false };
    if (receiver !== undefined) sendFeedback(writePictureLoss(ssrc, receiver.ssrc));
  };

  const askForMissing = (kind: MediaKind, nowMs: number, roundTripMs: number | null): void => {
    const receiver = receiving.stream(kind);
    if (kind === 'audio') {
      const inTime = features.repairsSound && roundTripMs !== null && roundTripMs < SOUND_REPAIR_ROUND_TRIP_MS;
      if (!inTime || receiving.soundIsRedundant()) return;
    }
    const numbers = receiver?.missing(nowMs, roundTripMs) ?? [];
    if (receiver !== undefined && numbers.length > 0) sendFeedback(writeNack(ssrc, receiver.ssrc, numbers));
  };

  return {
    reportSoon() {
      reportedAtMs = Number.NEGATIVE_INFINITY;
    },
    askForMissing,
    askForKeyframe,
    sayGoodbye: (source) => sendFeedback(writeGoodbye(source)),
    tick(nowMs, roundTripMs) {
      if (nowMs - reportedAtMs >= REPORT_PERIOD_MS) report(nowMs);
      tellArrivals(nowMs);
      for (const kind of MEDIA_KINDS) {
        askForMissing(kind, nowMs, roundTripMs);
        if (kind === 'audio') continue;
        if (keyframes[kind].again && nowMs > keyframes[kind].askedAtMs) repeatKeyframe(kind);
        if (keyframes[kind].wanted) askForKeyframe(kind, nowMs);
      }
    }
  };
}
