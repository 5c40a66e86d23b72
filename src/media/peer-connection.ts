// The secure connection of one call: one bundle of sound and picture, sent and received only after the handshake has proven the other side.
// Invariants: one fingerprint is pinned by the first remote description and never changes; before `secured` nothing is sent and what arrives waits,
// bounded and unread; after `failed` nothing is sent, delivered or said.
import { randomBytes, randomInt } from 'node:crypto';
import type { CallCertificate } from '../encryption/call-certificate.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { createEvents } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import type { IceCandidate } from '../signaling/messages.ts';
import { createIcePath, type Path, type PathOptions } from './ice-path.ts';
import { type RtcpMessage, readRtcp, readRtp, writeCname, writeNack, writePictureLoss, writeReport, writeRtp } from './peer-packets.ts';
import { createReceiveStream, createSendStream, type RtpReceiveStream, type RtpSendStream } from './peer-streams.ts';
import { createPeerTransport, type PeerTransport } from './peer-transport.ts';
import type { MediaFailure, MediaSettings } from './port.ts';
import {
  answeredSections,
  type Description,
  type MediaSection,
  negotiatedOf,
  offeredSections,
  parseDescription,
  parseUpdate,
  type SetupRole,
  sendableKinds,
  settle,
  writeDescription
} from './sdp.ts';
import type { DtlsRole } from './secure-transport/dtls/connection.ts';
import type { Bindings } from './secure-transport/dtls/handshake.ts';
import type { MediaKind, NegotiatedMedia, PeerConnection, PeerConnectionEvents, PeerStatistics, VideoCodec } from './streams.ts';

export type PeerConnectionOptions = {
  readonly certificate: CallCertificate;
  /** None: nobody but the other side is asked anything. */
  readonly iceServers: MediaSettings['iceServers'];
  readonly fips: boolean;
  /** In order of preference. */
  readonly videoCodecs: readonly VideoCodec[];
  readonly clock: Clock;
  readonly log: Log;
  /** Over the network, unless another is given. */
  readonly createPath?: ((options: PathOptions) => Path) | undefined;
};

const CONNECT_LIMIT_MS = 30_000;
/** The other side closes its connection when it hangs up; its message that says so is given this long to arrive first. */
const CLOSED_GRACE_MS = 1_000;
const CANDIDATE_BATCH_MS = 50;
const MAX_REMOTE_CANDIDATES = 64;
const MAX_HELD_PACKETS = 512;
/** More than any path carries in one piece. */
const MAX_HELD_PACKET_BYTES = 2_048;
const KEYFRAME_PAUSE_MS = 100;
const TICK_MS = 20;
const REPORT_PERIOD_MS = 1_000;
const CLOCK_RATES: Readonly<Record<MediaKind, number>> = { audio: 48_000, video: 90_000 };
const KINDS: readonly MediaKind[] = ['audio', 'video'];

type Remote = { readonly fingerprint: Uint8Array; readonly iceUfrag: string; readonly icePassword: string };

/** Does nothing before createOffer or acceptOffer. Methods reject with a CloisterError; what goes wrong later is told once by `failed`. */
export function createPeerConnection(options: PeerConnectionOptions): PeerConnection {
  const { certificate, clock, log } = options;
  const scope = new Scope();
  const events = createEvents<PeerConnectionEvents>((error, event) => log.error('a listener of the peer connection failed', { event, error: String(error) }));
  const cname = randomBytes(12).toString('base64url');
  const sessionId = randomBytes(6).readUIntBE(0, 6).toString();
  const ssrc: Record<MediaKind, number> = { audio: randomInt(1, 2 ** 31), video: randomInt(2 ** 31, 2 ** 32) };
  const localCandidates: string[] = [];
  const batch: IceCandidate[] = [];
  const pendingCandidates: IceCandidate[] = [];
  const heldMedia: { readonly rtp: Buffer[]; readonly rtcp: Buffer[] } = { rtp: [], rtcp: [] };
  let transport: PeerTransport | null = null;
  let offered: readonly MediaSection[] | null = null;
  let answered: { readonly sections: readonly MediaSection[]; readonly setup: SetupRole } | null = null;
  let remote: Remote | null = null;
  let reachable = false;
  let gathered = false;
  let described = false;
  let batchTimer: Timer | null = null;
  let version = 0;
  let remoteCandidates = 0;
  let media: Media | null = null;
  let closedByPeer = false;
  let over = false;

  /** Nothing is sent or taken any more. */
  const isOver = (): boolean => over || closedByPeer;
  const fail = (failure: MediaFailure): void => {
    if (over) return;
    over = true;
    log.warn('the peer connection failed', { code: failure.code, detectedBy: failure.detectedBy, text: failure.text });
    void dispose();
    events.emit('failed', failure);
  };
  const failWith = (error: CloisterError): void => {
    const detectors: Partial<Record<typeof error.code, string>> = {
      CL_SECURITY_HANDSHAKE: 'handshake',
      CL_SECURITY_FINGERPRINT: 'fingerprint',
      CL_SECURITY_RENEGOTIATION: 'fingerprint'
    };
    fail({ code: error.code, detectedBy: detectors[error.code] ?? 'connection', text: error.message });
  };
  const dispose = async (): Promise<void> => {
    heldMedia.rtp.length = 0;
    heldMedia.rtcp.length = 0;
    media = null;
    try {
      await scope[Symbol.asyncDispose]();
    } catch (error) {
      log.warn('the peer connection did not close cleanly', { error: String(error) });
    }
  };
  const requireAlive = (): void => {
    if (over) throw new CloisterError('CL_MEDIA_LOST', 'the connection is closed');
  };

  const flushCandidates = (): void => {
    batchTimer?.cancel();
    batchTimer = null;
    if (batch.length > 0 && !over) events.emit('candidates', batch.splice(0));
  };
  const takeCandidate = (candidate: string | null): void => {
    if (candidate !== null) localCandidates.push(candidate);
    else gathered = true;
    // What came before the description was written is in it.
    if (!described) return;
    if (candidate === null) {
      flushCandidates();
      events.emit('candidates', []);
      return;
    }
    batch.push({ candidate, sdpMid: firstMid(), sdpMLineIndex: 0 });
    batchTimer ??= clock.schedule(CANDIDATE_BATCH_MS, flushCandidates);
  };
  const firstMid = (): string | null => (answered?.sections ?? offered)?.find((section) => section.accepted)?.mid ?? null;

  /** Opens the sockets. Without servers this takes a few milliseconds, and the description then holds all candidates; with some nobody waits for them. */
  const open = async (controlling: boolean): Promise<PeerTransport> => {
    const opened = createPeerTransport({ ...options, controlling }, options.createPath ?? createIcePath);
    transport = opened;
    scope.own(() => opened.close());
    scope.own(() => batchTimer?.cancel());
    scope.own(opened.on('candidate', takeCandidate));
    scope.own(opened.on('media', takeDatagram));
    scope.own(
      opened.on('lost', () =>
        fail({ code: media === null ? 'CL_MEDIA_CONNECT' : 'CL_MEDIA_LOST', detectedBy: 'connection', text: 'the other side cannot be reached any more' })
      )
    );
    scope.own(opened.on('silent', (silent) => events.emit('silent', silent)));
    scope.own(opened.on('closed', hungUp));
    const gathering = opened.gather().catch((error: unknown) => log.warn('candidates could not be gathered', { error: String(error) }));
    if (options.iceServers.length === 0) await gathering;
    requireAlive();
    return opened;
  };

  /** Nobody is there to hear any more: nothing is sent from now on. */
  const hungUp = (): void => {
    closedByPeer = true;
    scope.schedule(clock, CLOSED_GRACE_MS, () => fail({ code: 'CL_MEDIA_LOST', detectedBy: 'connection', text: 'the other side closed the connection' }));
  };

  const describe = (opened: PeerTransport, sections: readonly MediaSection[], setup: SetupRole): string => {
    described = true;
    version += 1;
    return writeDescription({
      sessionId,
      version,
      fingerprint: certificate.thumbprint,
      setup,
      iceUfrag: opened.iceUfrag,
      icePassword: opened.icePassword,
      sections,
      candidates: localCandidates,
      endOfCandidates: gathered,
      cname,
      ssrc
    });
  };

  const pin = ({ fingerprint, iceUfrag, icePassword }: Description): void => {
    if (Buffer.compare(fingerprint, certificate.thumbprint) === 0) {
      throw new CloisterError('CL_SECURITY_FINGERPRINT', 'the other side names the certificate of this side as its own');
    }
    remote = { fingerprint, iceUfrag, icePassword };
  };
  /** From here on packets leave for the addresses that the other side named. */
  const reachOut = (opened: PeerTransport, description: Description): void => {
    reachable = true;
    opened.setRemote(description.iceUfrag, description.icePassword);
    for (const candidate of description.candidates) applyCandidate(opened, candidate);
    for (const { candidate } of pendingCandidates.splice(0)) applyCandidate(opened, candidate);
    if (description.endOfCandidates) applyCandidate(opened, '');
  };
  const applyCandidate = (opened: PeerTransport, candidate: string): void => {
    if (candidate !== '' && remoteCandidates >= MAX_REMOTE_CANDIDATES) return;
    if (candidate !== '') remoteCandidates += 1;
    // Not awaited: a browser's candidate has to be looked up first, and may never be found.
    const applied = candidate === '' ? opened.endOfCandidates() : opened.addCandidate(candidate);
    applied.catch((error: unknown) => log.debug('a candidate was not taken', { error: String(error) }));
  };

  const connect = async (
    opened: PeerTransport,
    role: DtlsRole,
    { fingerprint, sections }: Description,
    negotiated: NegotiatedMedia,
    bindings: Bindings | null
  ): Promise<void> => {
    scope.schedule(clock, CONNECT_LIMIT_MS, () => {
      if (media === null) fail({ code: 'CL_MEDIA_CONNECT', detectedBy: 'connection', text: 'no connection was made in time' });
    });
    try {
      const { remoteThumbprint, suite, group, srtpProfile } = await opened.connect(role, fingerprint, bindings);
      if (isOver()) return;
      const started = createMedia({
        transport: opened,
        negotiated,
        sendable: sendableKinds(sections),
        ssrc,
        cname,
        clock,
        emit: events.emit,
        isOver
      });
      media = started;
      scope.every(clock, TICK_MS, started.tick);
      log.info('the peer connection is secured', { role, suite, group, srtpProfile });
      events.emit('secured', { localThumbprint: certificate.thumbprint, remoteThumbprint, negotiated });
      for (const datagram of heldMedia.rtcp.splice(0)) started.takeRtcp(datagram);
      for (const datagram of heldMedia.rtp.splice(0)) started.takeRtp(datagram);
    } catch (error) {
      failWith(asCloisterError(error, 'CL_MEDIA_CONNECT'));
    }
  };
  const takeDatagram = (datagram: Buffer): void => {
    // 192 to 223 in the second byte are RTCP (RFC 5761 section 4).
    const second = datagram[1] ?? 0;
    const rtcp = second >= 192 && second <= 223;
    if (isOver()) return;
    const held = rtcp ? heldMedia.rtcp : heldMedia.rtp;
    if (media === null) {
      if (held.length < MAX_HELD_PACKETS && datagram.length <= MAX_HELD_PACKET_BYTES) held.push(datagram);
    } else if (rtcp) media.takeRtcp(datagram);
    else media.takeRtp(datagram);
  };

  /** A later description: it may only say again what holds. */
  const acceptUpdate = (sdp: string, type: 'offer' | 'answer', known: Remote): Description => {
    const update = parseUpdate(sdp, type, known.fingerprint);
    if (!update.ok) {
      if (update.error.code === 'CL_SECURITY_RENEGOTIATION') failWith(update.error);
      throw update.error;
    }
    if (update.value.iceUfrag !== known.iceUfrag || update.value.icePassword !== known.icePassword) {
      throw new CloisterError('CL_MEDIA_NEGOTIATION', 'a path cannot be changed within a connection');
    }
    return update.value;
  };

  return {
    on: events.on,

    async createOffer() {
      requireAlive();
      if (transport !== null) throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the connection has an offer already');
      const sections = offeredSections(options.videoCodecs);
      offered = sections;
      const opened = await open(true);
      // As DTLS client this side names the groups, and only so the key exchange is sure to be an approved one.
      return describe(opened, sections, options.fips ? 'active' : 'actpass');
    },

    async acceptOffer(sdp, wanted = Promise.resolve(), bindings = null) {
      requireAlive();
      if (remote !== null && answered !== null && transport !== null) {
        acceptUpdate(sdp, 'offer', remote);
        return describe(transport, answered.sections, answered.setup);
      }
      if (transport !== null) throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the connection has an offer of its own');
      const offer = unwrap(parseDescription(sdp, 'offer'));
      const sections = unwrap(answeredSections(offer, options.videoCodecs));
      const setup = offer.setup === 'active' ? 'passive' : 'active';
      pin(offer);
      answered = { sections, setup };
      const opened = await open(false);
      void wanted.then(() => {
        if (over) return;
        reachOut(opened, offer);
        void connect(opened, setup === 'active' ? 'client' : 'server', offer, negotiatedOf(sections), bindings);
      });
      return describe(opened, sections, setup);
    },

    async acceptAnswer(sdp, bindings = null) {
      requireAlive();
      if (transport === null || offered === null) throw new CloisterError('CL_MEDIA_NEGOTIATION', 'there is no offer that could be answered');
      if (remote !== null) {
        acceptUpdate(sdp, 'answer', remote);
        throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the offer was answered already');
      }
      const answer = unwrap(parseDescription(sdp, 'answer'));
      const negotiated = unwrap(settle(offered, answer));
      if (options.fips && answer.setup !== 'passive') throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the answer does not take the DTLS role that was left');
      pin(answer);
      reachOut(transport, answer);
      void connect(transport, answer.setup === 'active' ? 'server' : 'client', answer, negotiated, bindings);
    },

    async checkUpdate(sdp) {
      if (over || remote === null) return;
      try {
        acceptUpdate(sdp, 'offer', remote);
      } catch (error) {
        // Another certificate has failed the connection already; anything else that does not fit changes nothing.
        log.warn('a later description was not taken', { code: asCloisterError(error).code });
      }
    },

    async addCandidates(candidates) {
      if (over) return;
      // An empty list ends them, and so does an empty candidate.
      const list = candidates.length === 0 ? [{ candidate: '', sdpMid: null, sdpMLineIndex: null }] : candidates;
      for (const candidate of list) {
        if (transport !== null && reachable) applyCandidate(transport, candidate.candidate);
        else if (pendingCandidates.length <= MAX_REMOTE_CANDIDATES) pendingCandidates.push(candidate);
      }
    },

    send: (kind, packet) => media?.send(kind, packet),
    setSenderClock: (kind, senderClock) => media?.setSenderClock(kind, senderClock),
    requestKeyframe: () => media?.requestKeyframe(),
    statistics: () => media?.statistics() ?? { roundTripMs: null, audio: NOTHING, video: NOTHING },

    async close() {
      over = true;
      await dispose();
    }
  };
}

function unwrap<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: CloisterError }): T {
  if (!result.ok) throw result.error;
  return result.value;
}

const NOTHING: PeerStatistics['audio'] = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0, lost: 0 };

type Media = {
  takeRtp(datagram: Buffer): void;
  takeRtcp(datagram: Buffer): void;
  send: PeerConnection['send'];
  setSenderClock: PeerConnection['setSenderClock'];
  requestKeyframe(): void;
  statistics(): PeerStatistics;
  /** Every 20 ms: repairs and reports that are due. */
  tick(): void;
};

type MediaOptions = {
  readonly transport: PeerTransport;
  readonly negotiated: NegotiatedMedia;
  readonly sendable: ReadonlySet<MediaKind>;
  readonly ssrc: Readonly<Record<MediaKind, number>>;
  readonly cname: string;
  readonly clock: Clock;
  readonly emit: <K extends 'rtp' | 'senderClock' | 'keyframeRequest'>(event: K, ...values: PeerConnectionEvents[K]) => void;
  readonly isOver: () => boolean;
};

/** RTP and RTCP of a secured connection. */
function createMedia({ transport, negotiated, sendable, ssrc, cname, clock, emit, isOver }: MediaOptions): Media {
  const senders = new Map<MediaKind, RtpSendStream>();
  const receivers = new Map<MediaKind, RtpReceiveStream>();
  for (const kind of KINDS) {
    const codec = negotiated[kind];
    if (codec === null) continue;
    const firstSequence = randomInt(0, 2 ** 15);
    senders.set(kind, createSendStream({ ssrc: ssrc[kind], payloadType: codec.payloadType, clockRate: CLOCK_RATES[kind], firstSequence }));
  }
  let roundTripMs: number | null = null;
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  let keyframeWanted = false;
  let keyframeRequestedAtMs = Number.NEGATIVE_INFINITY;
  let keyframeAskedAtMs = Number.NEGATIVE_INFINITY;

  const kindOf = (payloadType: number) => KINDS.find((kind) => negotiated[kind]?.payloadType === payloadType);
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
      const kind = KINDS.find((candidate) => receivers.get(candidate)?.ssrc === message.ssrc);
      if (kind !== undefined) {
        receivers.get(kind)?.senderReport(message.sender.compactNtp, nowMs);
        emit('senderClock', kind, { rtpTimestamp: message.sender.rtpTimestamp, captureMs: message.sender.ntpMs });
      }
      takeBlocks(message.blocks, nowMs);
    },
    'receiver-report': (message, nowMs) => takeBlocks(message.blocks, nowMs),
    nack(message, nowMs) {
      if (message.mediaSsrc !== ssrc.video) return;
      for (const datagram of senders.get('video')?.repair(message.sequenceNumbers, nowMs, currentRoundTripMs()) ?? []) transport.send(datagram);
    },
    'keyframe-request'(message, nowMs) {
      if (message.mediaSsrc !== ssrc.video || nowMs - keyframeRequestedAtMs < KEYFRAME_PAUSE_MS) return;
      keyframeRequestedAtMs = nowMs;
      emit('keyframeRequest');
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

  const askForKeyframe = (nowMs: number): void => {
    const receiver = receivers.get('video');
    if (receiver === undefined || nowMs - keyframeAskedAtMs < KEYFRAME_PAUSE_MS) return;
    keyframeWanted = false;
    keyframeAskedAtMs = nowMs;
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
        receiver = createReceiveStream({ ssrc: packet.ssrc, clockRate: CLOCK_RATES[kind], repairs: kind === 'video' });
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
      const nowMs = clock.monotonicMs();
      const header = sender.next(packet, nowMs);
      const datagram = transport.protectRtp(writeRtp(header, packet.payload));
      if (kind === 'video') sender.remember(header.sequenceNumber, datagram, nowMs);
      transport.send(datagram);
      // The other side cannot put sound and picture together before the first report.
      if (sender.packetsSent() === 1) reportedAtMs = Number.NEGATIVE_INFINITY;
    },
    setSenderClock: (kind, senderClock) => senders.get(kind)?.setClock(senderClock, clock.monotonicMs()),
    requestKeyframe() {
      keyframeWanted = true;
      askForKeyframe(clock.monotonicMs());
    },
    statistics() {
      const of = (kind: MediaKind): PeerStatistics['audio'] => ({
        packetsSent: senders.get(kind)?.packetsSent() ?? 0,
        bytesSent: senders.get(kind)?.bytesSent() ?? 0,
        packetsReceived: receivers.get(kind)?.packetsReceived() ?? 0,
        bytesReceived: receivers.get(kind)?.bytesReceived() ?? 0,
        lost: receivers.get(kind)?.packetsLost() ?? 0
      });
      return { roundTripMs: currentRoundTripMs(), audio: of('audio'), video: of('video') };
    },
    tick() {
      if (isOver()) return;
      const nowMs = clock.monotonicMs();
      if (nowMs - reportedAtMs >= REPORT_PERIOD_MS) report(nowMs);
      const receiver = receivers.get('video');
      const missing = receiver?.missing(nowMs, currentRoundTripMs()) ?? [];
      if (receiver !== undefined && missing.length > 0) sendFeedback(writeNack(ssrc.video, receiver.ssrc, missing));
      if (keyframeWanted) askForKeyframe(nowMs);
    }
  };
}
