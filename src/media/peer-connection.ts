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
import { createPeerMedia, noStatistics, type PeerMedia } from './peer-media.ts';
import { createPeerTransport, type PeerTransport } from './peer-transport.ts';
import type { MediaFailure, MediaSettings } from './port.ts';
import {
  answeredSections,
  type Description,
  type MediaSection,
  negotiatedFeatures,
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
import type { MediaKind, PeerConnection, PeerConnectionEvents, PictureKind, VideoCodec } from './streams.ts';

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
const TICK_MS = 20;

type Remote = { readonly fingerprint: Uint8Array; readonly iceUfrag: string; readonly icePassword: string };

/** Does nothing before createOffer or acceptOffer. Methods reject with a CloisterError; what goes wrong later is told once by `failed`. */
export function createPeerConnection(options: PeerConnectionOptions): PeerConnection {
  const { certificate, clock, log } = options;
  const scope = new Scope();
  const events = createEvents<PeerConnectionEvents>((error, event) => log.error('a listener of the peer connection failed', { event, error: String(error) }));
  const cname = randomBytes(12).toString('base64url');
  const sessionId = randomBytes(6).readUIntBE(0, 6).toString();
  // From ranges of their own, so that no two are the same.
  const [audio = 0, video = 0, screen = 0, videoRepairs = 0, screenRepairs = 0] = [1, 2, 3, 4, 5].map((range) =>
    randomInt(range * 2 ** 29, (range + 1) * 2 ** 29)
  );
  const ssrc: Record<MediaKind, number> = { audio, video, screen };
  const repairSsrc: Record<PictureKind, number> = { video: videoRepairs, screen: screenRepairs };
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
  let media: PeerMedia | null = null;
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
      ssrc,
      repairSsrc
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
    agreed: readonly MediaSection[],
    bindings: Bindings | null
  ): Promise<void> => {
    scope.schedule(clock, CONNECT_LIMIT_MS, () => {
      if (media === null) fail({ code: 'CL_MEDIA_CONNECT', detectedBy: 'connection', text: 'no connection was made in time' });
    });
    try {
      const { remoteThumbprint, suite, group, srtpProfile } = await opened.connect(role, fingerprint, bindings);
      if (isOver()) return;
      const negotiated = negotiatedOf(agreed);
      const started = createPeerMedia({
        transport: opened,
        negotiated,
        features: negotiatedFeatures(agreed),
        sendable: sendableKinds(sections),
        ssrc,
        repairSsrc,
        cname,
        clock,
        emit: events.emit,
        isOver
      });
      media = started;
      scope.own(started.close);
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
        void connect(opened, setup === 'active' ? 'client' : 'server', offer, sections, bindings);
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
      const agreed = unwrap(settle(offered, answer));
      if (options.fips && answer.setup !== 'passive') throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the answer does not take the DTLS role that was left');
      pin(answer);
      reachOut(transport, answer);
      void connect(transport, answer.setup === 'active' ? 'server' : 'client', answer, agreed, bindings);
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
    discard: (kind) => media?.discard(kind),
    setRedundancy: (packets) => media?.setRedundancy(packets),
    setSenderClock: (kind, senderClock) => media?.setSenderClock(kind, senderClock),
    requestKeyframe: (kind) => media?.requestKeyframe(kind),
    end: (kind) => media?.end(kind),
    statistics: () => media?.statistics() ?? noStatistics,

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
