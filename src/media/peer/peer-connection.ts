// The secure connection of one call: one bundle of sound and picture, sent and received only after the handshake has proven the other side.
// Invariants: one fingerprint is pinned by the first remote description and never changes; before `secured` nothing is sent and what arrives waits,
// bounded and unread; after `failed` nothing is sent, delivered or said.
import { randomBytes, randomInt } from 'node:crypto';
import type { CallCertificate } from '../../encryption/call-certificate.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { IceCandidate } from '../../signaling/messages.ts';
import { createIcePath, type Path, type PathOptions } from '../path/ice-path.ts';
import { createPathSwitch, type PathSwitch, type PathTerms } from '../path/path-switch.ts';
import type { MediaFailure, MediaSettings } from '../port.ts';
import type { DtlsRole } from '../secure-transport/dtls/connection.ts';
import type { Bindings } from '../secure-transport/dtls/handshake.ts';
import type { MediaKind, PeerConnection, PeerConnectionEvents, PictureKind, VideoCodec } from '../streams.ts';
import { answeredSections, negotiatedFeatures, negotiatedOf, offeredSections, sendableKinds, settle } from './negotiation.ts';
import { createPeerMedia, noStatistics, type PeerMedia } from './peer-media.ts';
import { createPeerTransport, type PeerTransport } from './peer-transport.ts';
import { type Description, type MediaSection, parseDescription, parseUpdate, type SetupRole } from './sdp.ts';
import { writeDescription } from './write-sdp.ts';

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
/** Before it is known what they are for. */
const MAX_EARLY_CANDIDATES = 64;
const MAX_HELD_PACKETS = 512;
/** More than any path carries in one piece. */
const MAX_HELD_PACKET_BYTES = 2_048;
const TICK_MS = 20;

type Remote = Pick<Description, 'fingerprint' | 'iceUfrag' | 'icePassword'>;
type Link = { readonly paths: PathSwitch; readonly transport: PeerTransport };

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
  const batch: IceCandidate[] = [];
  const early: string[] = [];
  const heldMedia: { readonly rtp: Buffer[]; readonly rtcp: Buffer[] } = { rtp: [], rtcp: [] };
  let link: Link | null = null;
  let offered: readonly MediaSection[] | null = null;
  let answered: { readonly sections: readonly MediaSection[]; readonly setup: SetupRole } | null = null;
  let remote: Remote | null = null;
  let role: DtlsRole | null = null;
  let batchTimer: Timer | null = null;
  let version = 0;
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
  const tellCandidate = (candidate: string | null, ufrag: string): void => {
    if (candidate === null) {
      flushCandidates();
      events.emit('candidates', []);
      return;
    }
    batch.push({ candidate: `${candidate} ufrag ${ufrag}`, sdpMid: firstMid(), sdpMLineIndex: 0 });
    batchTimer ??= clock.schedule(CANDIDATE_BATCH_MS, flushCandidates);
  };
  const firstMid = (): string | null => (answered?.sections ?? offered)?.find((section) => section.accepted)?.mid ?? null;

  /** Opens the sockets. Without servers this takes a few milliseconds, and the description then holds all candidates; with some nobody waits for them. */
  const open = async (controlling: boolean): Promise<Link> => {
    const { iceServers, createPath = createIcePath } = options;
    const paths = createPathSwitch({ controlling, iceServers, clock, log, createPath });
    const transport = createPeerTransport({ certificate, fips: options.fips, path: paths, clock, log });
    link = { paths, transport };
    scope.own(() => transport.close());
    scope.own(() => batchTimer?.cancel());
    scope.own(paths.on('candidate', tellCandidate));
    scope.own(paths.on('restart', (terms) => void (isOver() || events.emit('update', describe(terms, 'actpass')))));
    scope.own(transport.on('media', takeDatagram));
    scope.own(
      paths.on('lost', () =>
        fail({ code: media === null ? 'CL_MEDIA_CONNECT' : 'CL_MEDIA_LOST', detectedBy: 'connection', text: 'the other side cannot be reached any more' })
      )
    );
    scope.own(paths.on('moved', () => media?.pathChanged()));
    scope.own(paths.on('silent', (silent) => events.emit('silent', silent)));
    scope.own(transport.on('closed', hungUp));
    for (const candidate of early.splice(0)) paths.addCandidate(candidate);
    await paths.open();
    requireAlive();
    return link;
  };

  /** Nobody is there to hear any more: nothing is sent from now on. */
  const hungUp = (): void => {
    closedByPeer = true;
    scope.schedule(clock, CLOSED_GRACE_MS, () => fail({ code: 'CL_MEDIA_LOST', detectedBy: 'connection', text: 'the other side closed the connection' }));
  };

  const describe = (terms: PathTerms, setup: SetupRole): string => {
    version += 1;
    return writeDescription({
      sessionId,
      version,
      fingerprint: certificate.thumbprint,
      setup,
      ...terms,
      sections: answered?.sections ?? offered ?? [],
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
  const connect = async (
    { transport }: Link,
    as: DtlsRole,
    { fingerprint, sections }: Description,
    agreed: readonly MediaSection[],
    bindings: Bindings | null
  ): Promise<void> => {
    role = as;
    scope.schedule(clock, CONNECT_LIMIT_MS, () => {
      if (media === null) fail({ code: 'CL_MEDIA_CONNECT', detectedBy: 'connection', text: 'no connection was made in time' });
    });
    try {
      const { remoteThumbprint, suite, group, srtpProfile } = await transport.connect(as, fingerprint, bindings);
      if (isOver()) return;
      const negotiated = negotiatedOf(agreed);
      const started = createPeerMedia({
        transport,
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
      log.info('the peer connection is secured', { role: as, suite, group, srtpProfile });
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

  /** A later description. @throws CloisterError where it does not fit; another certificate has failed the connection then */
  const readLater = (sdp: string, type: 'offer' | 'answer', known: Remote): Description => {
    const later = parseUpdate(sdp, type, known.fingerprint);
    if (later.ok) return later.value;
    if (later.error.code === 'CL_SECURITY_RENEGOTIATION') failWith(later.error);
    throw later.error;
  };
  /** One that may only say again what holds. */
  const readAgain = (sdp: string, type: 'offer' | 'answer', known: Remote): void => {
    const { iceUfrag, icePassword } = readLater(sdp, type, known);
    if (iceUfrag !== known.iceUfrag || icePassword !== known.icePassword) {
      throw new CloisterError('CL_MEDIA_NEGOTIATION', 'a path is changed by an update alone');
    }
  };
  /** What the other side says of a new path; null for what does not fit or comes too late: it changes nothing. */
  const readUpdate = (sdp: string, type: 'offer' | 'answer'): Description | null => {
    if (isOver() || remote === null) return null;
    try {
      return readLater(sdp, type, remote);
    } catch (error) {
      log.warn('a later description was not taken', { code: asCloisterError(error).code });
      return null;
    }
  };

  return {
    on: events.on,

    async createOffer() {
      requireAlive();
      if (link !== null) throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the connection has an offer already');
      offered = offeredSections(options.videoCodecs);
      const { paths } = await open(true);
      // As DTLS client this side names the groups, and only so the key exchange is sure to be an approved one.
      return describe(paths.terms(), options.fips ? 'active' : 'actpass');
    },

    async acceptOffer(sdp, wanted = Promise.resolve(), bindings = null) {
      requireAlive();
      if (remote !== null && answered !== null && link !== null) {
        readAgain(sdp, 'offer', remote);
        return describe(link.paths.terms(), answered.setup);
      }
      if (link !== null) throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the connection has an offer of its own');
      const offer = unwrap(parseDescription(sdp, 'offer'));
      const sections = unwrap(answeredSections(offer, options.videoCodecs));
      const setup = offer.setup === 'active' ? 'passive' : 'active';
      pin(offer);
      answered = { sections, setup };
      const opened = await open(false);
      void wanted.then(() => {
        if (over) return;
        opened.paths.meet(offer);
        void connect(opened, setup === 'active' ? 'client' : 'server', offer, sections, bindings);
      });
      return describe(opened.paths.terms(), setup);
    },

    async acceptAnswer(sdp, bindings = null) {
      requireAlive();
      if (link === null || offered === null) throw new CloisterError('CL_MEDIA_NEGOTIATION', 'there is no offer that could be answered');
      if (remote !== null) {
        readAgain(sdp, 'answer', remote);
        throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the offer was answered already');
      }
      const answer = unwrap(parseDescription(sdp, 'answer'));
      const agreed = unwrap(settle(offered, answer));
      if (options.fips && answer.setup !== 'passive') throw new CloisterError('CL_MEDIA_NEGOTIATION', 'the answer does not take the DTLS role that was left');
      pin(answer);
      link.paths.meet(answer);
      void connect(link, answer.setup === 'active' ? 'server' : 'client', answer, agreed, bindings);
    },

    async acceptUpdate(sdp) {
      const update = readUpdate(sdp, 'offer');
      const terms = update === null ? null : await link?.paths.acceptRestart(update);
      if (update === null || terms == null || isOver()) return null;
      return { sdp: describe(terms, role === 'client' ? 'active' : 'passive'), answers: update.iceUfrag };
    },

    async acceptUpdateAnswer(sdp, answers) {
      const update = readUpdate(sdp, 'answer');
      if (update !== null) link?.paths.settleRestart(answers, update);
    },

    networkChanged: (addresses) => link?.paths.networkChanged(addresses),
    iceServersChanged: (servers) => link?.paths.iceServersChanged(servers),

    async addCandidates(candidates) {
      // An empty list ends them, and so does an empty candidate.
      const list = candidates.length === 0 ? [''] : candidates.map(({ candidate }) => candidate);
      for (const candidate of list) {
        if (link !== null) link.paths.addCandidate(candidate);
        else if (early.length <= MAX_EARLY_CANDIDATES) early.push(candidate);
      }
    },

    send: (kind, packet) => media?.send(kind, packet),
    discard: (kind) => media?.discard(kind),
    setWanted: (kbps) => media?.setWanted(kbps),
    setRedundancy: (packets) => media?.setRedundancy(packets),
    setSenderClock: (kind, senderClock) => media?.setSenderClock(kind, senderClock),
    requestKeyframe: (kind) => media?.requestKeyframe(kind),
    end: (kind) => media?.end(kind),
    roundTripMs: () => media?.roundTripMs() ?? null,
    queuedMs: () => media?.queuedMs() ?? 0,
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
