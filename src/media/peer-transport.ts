// ICE, DTLS and SRTP of one connection: the only file that knows werift. What it reports of a handshake is a claim, which handshake-audit.ts must check.
// A gate stands between the sockets and the stack: connectivity checks without integrity, datagrams from addresses that no check has proven, and,
// once the handshake is over, every DTLS record are dropped, since the stack would let any of them reset the connection.
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import {
  Candidate,
  CandidatePairState,
  Connection,
  DtlsClient,
  DtlsServer,
  type DtlsSocket,
  HashAlgorithm,
  parseIceServers,
  parseMessage,
  SignatureAlgorithm,
  SrtcpSession,
  SrtpSession,
  StunOverTurnProtocol,
  StunProtocol,
  RtpHeader as WireHeader
} from 'werift';
import type { CallCertificate } from '../encryption/call-certificate.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import type { AuditedHandshake, HandshakeMessage, HandshakeTranscript } from './handshake-audit.ts';
import type { RtpHeader } from './peer-packets.ts';
import type { MediaSettings } from './port.ts';
import { createReplayList, packetIndex, rollovers } from './replay-list.ts';
import { parseCandidate } from './sdp.ts';

export type TransportEvents = {
  /** A candidate of ours, `candidate:…`; null ends them. */
  candidate: readonly [string | null];
  /** An SRTP or SRTCP datagram, still protected. */
  media: readonly [Buffer];
  /** No consent of the other side any more (RFC 7675). */
  lost: readonly [];
};

export type DtlsRole = 'client' | 'server';

export type PeerTransport = EventSource<TransportEvents> & {
  readonly iceUfrag: string;
  readonly icePassword: string;
  /** Opens the sockets; resolves when there are no more candidates to come. */
  gather(): Promise<void>;
  setRemote(iceUfrag: string, icePassword: string): void;
  /** Ignores what cannot be used. */
  addCandidate(text: string): Promise<void>;
  endOfCandidates(): Promise<void>;
  /** Finds a path and does the handshake. Nothing is proven yet: the transcript has to be audited. @throws CloisterError CL_MEDIA_CONNECT */
  connect(role: DtlsRole): Promise<HandshakeTranscript>;
  /** Takes the keys of an audited handshake. Before it nothing can be protected or read. */
  openMedia(audited: AuditedHandshake): void;
  protectRtp(header: RtpHeader, payload: Uint8Array): Buffer;
  protectRtcp(compound: Buffer): Buffer;
  /** @returns null for what does not authenticate or was there before */
  unprotectRtp(datagram: Buffer): Buffer | null;
  unprotectRtcp(datagram: Buffer): Buffer | null;
  send(datagram: Buffer): void;
  /** Of the last connectivity check. */
  roundTripMs(): number | null;
  close(): Promise<void>;
};

export type PeerTransportOptions = {
  /** The offerer is (RFC 8445 section 6.1.1). */
  readonly controlling: boolean;
  readonly certificate: CallCertificate;
  readonly iceServers: MediaSettings['iceServers'];
  readonly fips: boolean;
  readonly clock: Clock;
  readonly log: Log;
};

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const NOMINATION_POLL_MS = 2;
const MAX_HELD_DATAGRAMS = 32;
const MAX_HANDSHAKE_MESSAGES = 64;
const MAX_HANDSHAKE_MESSAGE_BYTES = 16_384;
/** With all repetitions. The stack keeps every fragment of a message that is never completed. */
const MAX_HANDSHAKE_BYTES = 262_144;
const MAX_ANSWERED_REPETITIONS = 8;
const REPETITION_PAUSE_MS = 100;
const SRTP_WINDOW = 2048;
const SRTCP_WINDOW = 256;
/** A call has two; a few more for one that changes its numbers. */
const MAX_SOURCES = 32;

const AEAD_AES_128_GCM = 7;
const AES128_CM_HMAC_SHA1_80 = 1;
const SUPPORTED_GROUPS = 10;
/** A list of one: secp256r1. */
const ONLY_P256 = Buffer.from([0, 2, 0, 23]);

const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/**
 * HelloVerifyRequest, ServerKeyExchange, ClientKeyExchange: the stack takes a repetition for a new message, and then fails, draws another key, or derives
 * another secret. One that differs is in the transcript, and refused by the audit.
 */
const ONCE: readonly number[] = [3, 12, 16];

type Address = readonly [host: string, port: number];

export function createPeerTransport(options: PeerTransportOptions): PeerTransport {
  const { clock, log } = options;
  const events = createEvents<TransportEvents>((error) => log.error('a listener of the transport failed', { error: String(error) }));
  const connection = createConnection(options);
  const gated = new Set<GatedProtocol>();
  const held: (() => void)[] = [];
  let proven: Address | null = null;
  let handshake: Handshake | null = null;
  let session: MediaProtection | null = null;
  let closed = false;

  /** Whether a check of ours to this address succeeded: only the holder of the other side's ICE password can make it so. */
  const isProven = (protocol: GatedProtocol, address: Address): boolean => {
    if (proven !== null && proven[0] === address[0] && proven[1] === address[1]) return true;
    const known = connection.candidatePairs.some(
      (pair) =>
        pair.protocol === protocol &&
        (pair.nominated || pair.state === CandidatePairState.SUCCEEDED) &&
        pair.remoteCandidate.host === address[0] &&
        pair.remoteCandidate.port === address[1]
    );
    if (known) proven = [address[0], address[1]];
    return known;
  };

  /** What a socket or a relay handed over goes on to the stack only if it is an honest check or from the other side. */
  const admitOver =
    (protocol: GatedProtocol, admit: (data: Buffer, address: Address) => void) =>
    (data: Buffer, address: Address): void => {
      const first = data[0] ?? 0xff;
      if (first < 4) {
        if (isHonestCheck(connection, data)) admit(data, address);
      } else if (isProven(protocol, address)) admit(data, address);
      else if (isDtls(first) && handshake?.done !== true && held.length < MAX_HELD_DATAGRAMS) {
        // The handshake's first datagram may overtake the answer to our check.
        held.push(() => {
          if (isProven(protocol, address)) admit(data, address);
        });
      }
    };

  const gate = (protocol: GatedProtocol): void => {
    if (gated.has(protocol)) return;
    gated.add(protocol);
    if (protocol instanceof StunOverTurnProtocol) {
      gateRelay(protocol);
      return;
    }
    const { transport } = protocol;
    try {
      // A keyframe's burst during a pause of ours has to fit. The system may grant less.
      transport.socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (error) {
      log.debug('the receive buffer cannot be made larger', { error: String(error) });
    }
    transport.onData = admitOver(protocol, transport.onData);
  };

  const gateRelay = (protocol: StunOverTurnProtocol): void => {
    const { turn } = protocol;
    const { onData: fromRelay, transport } = turn;
    fromRelay.execute = admitOver(protocol, fromRelay.execute.bind(fromRelay));
    if (transport.type !== 'udp') return;
    // Whoever reaches the socket could else say on behalf of the relay what came from whom: the stack does not look at the source.
    const receive = transport.onData;
    transport.onData = (data, address) => {
      const server = turn.serverEndpoint;
      if (server !== undefined && server[0] === address[0] && server[1] === address[1]) receive(data, address);
    };
  };

  connection.onIceCandidate.subscribe((candidate) => {
    if (isLoopback(candidate.host)) candidate.priority = LOOPBACK_PRIORITY;
    for (const protocol of protocolsOf(connection)) gate(protocol);
    events.emit('candidate', `candidate:${candidate.toSdp()}`);
  });
  connection.stateChanged.subscribe((state) => {
    if (state === 'failed') events.emit('lost');
  });
  connection.onData.subscribe((data) => {
    const first = data[0] ?? 0;
    if (first >= 128 && first <= 191) events.emit('media', data);
    else if (!isDtls(first)) return;
    else if (handshake !== null) handshake.take(data);
    else if (held.length < MAX_HELD_DATAGRAMS) held.push(() => handshake?.take(data));
  });

  const send = (datagram: Buffer): void => {
    connection.send(datagram).catch((error: unknown) => log.debug('a datagram was not sent', { error: String(error) }));
  };

  return {
    on: events.on,
    iceUfrag: connection.localUsername,
    icePassword: connection.localPassword,
    async gather() {
      await connection.gatherCandidates();
      if (!closed) events.emit('candidate', null);
    },
    setRemote: (usernameFragment, password) => connection.setRemoteParams({ iceLite: false, usernameFragment, password }),
    async addCandidate(text) {
      const candidate = parseCandidate(text);
      if (candidate === null || closed) return;
      const { foundation, priority, host, port, type } = candidate;
      await connection.addRemoteCandidate(new Candidate(foundation, 1, 'udp', priority, host, port, type));
    },
    endOfCandidates: () => connection.addRemoteCandidate(undefined),
    async connect(role) {
      await nominated(connection, clock, () => closed);
      const current = createHandshake(role, options, send);
      handshake = current;
      const result = current.run();
      for (const deliver of held.splice(0)) deliver();
      return await result;
    },
    openMedia(audited) {
      session = createMediaProtection(audited);
    },
    protectRtp: (header, payload) => opened(session).protectRtp(header, payload),
    protectRtcp: (compound) => opened(session).protectRtcp(compound),
    unprotectRtp: (datagram) => opened(session).unprotectRtp(datagram),
    unprotectRtcp: (datagram) => opened(session).unprotectRtcp(datagram),
    send,
    roundTripMs: () => {
      const seconds = connection.nominated?.rtt;
      return seconds === undefined ? null : seconds * 1000;
    },
    async close() {
      if (closed) return;
      closed = true;
      handshake?.abandon();
      session = null;
      // What was sent last still leaves: the other side can then judge the handshake itself instead of waiting for the end of it.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await connection.close();
    }
  };
}

export function opened(session: MediaProtection | null): MediaProtection {
  if (session === null) throw new CloisterError('CL_INTERNAL', 'the media keys are not there');
  return session;
}

const isDtls = (first: number) => first >= 20 && first <= 63;
const isLoopback = (host: string) => host.startsWith('127.') || host === '::1';
/** Below every other kind: only of use between two rooms on one machine. */
const LOOPBACK_PRIORITY = 1;

function createConnection({ controlling, iceServers }: PeerTransportOptions): Connection {
  const servers = parseIceServers(iceServers.map((server) => ({ ...server })));
  const loopback = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter(({ internal }) => internal).map(({ address }) => address)
  );
  const connection = new Connection(controlling, {
    ...servers,
    additionalHostAddresses: loopback,
    useIpv4: true,
    useIpv6: true,
    useTcp: false,
    filterCandidatePair: (pair) => isLoopback(pair.localCandidate.host) === isLoopback(pair.remoteCandidate.host)
  });
  // The stack falls back to a third party's STUN server where none is configured.
  if (servers.stunServer === undefined) delete connection.stunServer;
  // Instead of the stack's 4 and 22 characters of its own alphabet: 48 and 192 bits (RFC 8839 section 5.4).
  connection.localUsername = randomBytes(6).toString('base64');
  connection.localPassword = randomBytes(24).toString('base64');
  connection.userHistory = { [connection.localUsername]: connection.localPassword };
  return connection;
}

type GatedProtocol = StunProtocol | StunOverTurnProtocol;

/** The stack keeps its sockets to itself, but a gate has to stand in front of each of them. */
function protocolsOf(connection: Connection): GatedProtocol[] {
  const protocols: unknown = Reflect.get(connection, 'protocols');
  if (!Array.isArray(protocols)) throw new CloisterError('CL_INTERNAL', 'the ICE stack is not the one that was tried');
  return protocols.map((protocol: unknown) => {
    if (protocol instanceof StunProtocol || protocol instanceof StunOverTurnProtocol) return protocol;
    throw new CloisterError('CL_INTERNAL', 'the ICE stack opened a socket of another kind');
  });
}

/** RFC 8445 section 7.3: a request is from who knows our password, and meant for this connection. Answers are matched and checked by the stack. */
function isHonestCheck(connection: Connection, data: Buffer): boolean {
  if (data.length < 20) return false;
  const messageClass = data.readUInt16BE(0) & 0x0110;
  if (messageClass !== 0) return messageClass !== 0x0010;
  const message = parseMessage(data, Buffer.from(connection.localPassword, 'utf8'));
  if (message === undefined) return false;
  const name: unknown = message.attributesKeys.includes('USERNAME') ? message.getAttributeValue('USERNAME') : undefined;
  const expected = connection.remoteUsername === '' ? `${connection.localUsername}:` : `${connection.localUsername}:${connection.remoteUsername}`;
  const named = typeof name === 'string' && (connection.remoteUsername === '' ? name.startsWith(expected) : name === expected);
  // What stands behind the integrity is not covered by it (RFC 8489 section 14.5).
  const behind = message.attributesKeys.slice(message.attributesKeys.indexOf('MESSAGE-INTEGRITY') + 1);
  return named && behind.every((attribute) => attribute === 'FINGERPRINT');
}

/** Resolves as soon as a pair is chosen and may carry data, up to 20 ms before the stack's own connect() does. */
async function nominated(connection: Connection, clock: Clock, isClosed: () => boolean): Promise<void> {
  const usable = () => connection.nominated !== undefined && (connection.state === 'completed' || connection.state === 'connected');
  const pending: { timer?: Timer } = {};
  const seen = new Promise<void>((resolve, reject) => {
    const poll = () => {
      if (usable()) resolve();
      else if (isClosed()) reject(new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed'));
      else pending.timer = clock.schedule(NOMINATION_POLL_MS, poll);
    };
    poll();
  });
  const chosen = connection.connect();
  // It goes on after the pair is chosen; a failure then shows in the connection's state.
  chosen.catch(() => {});
  try {
    await Promise.race([chosen, seen]);
  } catch (error) {
    throw asCloisterError(error, 'CL_MEDIA_CONNECT');
  } finally {
    pending.timer?.cancel();
    seen.catch(() => {});
  }
  if (isClosed()) throw new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed');
}

export type Handshake = {
  readonly done: boolean;
  run(): Promise<HandshakeTranscript>;
  take(datagram: Buffer): void;
  abandon(): void;
};

export function createHandshake(role: DtlsRole, options: PeerTransportOptions, send: (datagram: Buffer) => void): Handshake {
  const { certificate, fips, clock, log } = options;
  const received: HandshakeMessage[] = [];
  const pipe = {
    type: 'ice',
    address: { address: '', family: '', port: 0 },
    closed: false,
    onData: (_data: Buffer, _address: Address): void => {},
    send: async (data: Buffer): Promise<void> => send(data),
    close: async (): Promise<void> => {}
  };
  const stackOptions = {
    cert: certificate.certificatePem,
    key: certificate.keyPem,
    signatureHash: { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 },
    transport: pipe,
    srtpProfiles: fips ? [AEAD_AES_128_GCM] : [AEAD_AES_128_GCM, AES128_CM_HMAC_SHA1_80],
    extendedMasterSecret: true,
    certificateRequest: true
  } satisfies ConstructorParameters<typeof DtlsServer>[0];
  let done = false;
  let lastFlight: readonly Buffer[] = [];
  let repetitions = 0;
  let takenBytes = 0;
  let repeatedAtMs = Number.NEGATIVE_INFINITY;
  let settle: { resolve(transcript: HandshakeTranscript): void; reject(error: CloisterError): void } | null = null;

  const fail = (text: string, cause?: unknown): void => {
    if (done) return;
    done = true;
    settle?.reject(new CloisterError('CL_MEDIA_CONNECT', text, { cause }));
  };

  /** The other side repeats its last flight when ours was lost (RFC 6347 section 4.2.4). Ours is sent again as it was; the stack sees nothing of it. */
  const repeatLastFlight = (datagram: Buffer): void => {
    const nowMs = clock.monotonicMs();
    const asksAgain = recordsOf(datagram)?.some((record) => record.type === HANDSHAKE && record.epoch === 1) === true;
    if (!asksAgain || repetitions >= MAX_ANSWERED_REPETITIONS || nowMs - repeatedAtMs < REPETITION_PAUSE_MS) return;
    repetitions += 1;
    repeatedAtMs = nowMs;
    for (const flight of lastFlight) send(flight);
  };

  return {
    get done() {
      return done;
    },
    run: () =>
      new Promise<HandshakeTranscript>((resolve, reject) => {
        settle = { resolve, reject };
        const socket = role === 'client' ? new DtlsClient(stackOptions) : new DtlsServer(stackOptions);
        if (fips) {
          for (const extension of socket.extensions) if (extension.type === SUPPORTED_GROUPS) extension.data = ONLY_P256;
        }
        const handle = socket.onHandleHandshakes;
        const handled = new Set<number>();
        socket.onHandleHandshakes = async (messages) => {
          // In an encrypted record it could not be seen before.
          if (messages.some(({ fragment }) => fragment.length > MAX_HANDSHAKE_MESSAGE_BYTES)) return fail('a handshake message is too large');
          for (const { msg_type, message_seq, fragment } of messages) received.push({ type: msg_type, sequence: message_seq, body: Buffer.from(fragment) });
          if (received.length > MAX_HANDSHAKE_MESSAGES) return fail('the handshake has too many messages');
          const fresh = messages.filter(
            ({ msg_type }) => !(ONCE.includes(msg_type) && handled.has(msg_type)) && !(msg_type === CLIENT_HELLO && socket.dtls.flight >= 4)
          );
          for (const { msg_type } of fresh) handled.add(msg_type);
          if (fresh.length < messages.length && messages.some(({ msg_type }) => msg_type === CLIENT_HELLO))
            for (const flight of socket.dtls.lastMessage) send(flight);
          if (fresh.length > 0) await handle(fresh);
        };
        socket.onConnect.once(() => {
          if (done) return;
          done = true;
          if (role === 'server') lastFlight = [...socket.dtls.lastMessage];
          try {
            resolve({
              role,
              received,
              sent: sentMessages(socket, role),
              privateShare: socket.cipher.localKeyPair.privateKey,
              masterSecret: socket.cipher.masterSecret
            });
          } catch (error) {
            reject(asCloisterError(error, 'CL_MEDIA_CONNECT'));
          }
        });
        socket.onError.once((error) => fail('the handshake failed', error));
        if (socket instanceof DtlsClient) socket.connect().catch((error: unknown) => fail('the handshake was not answered', error));
      }),
    take(datagram) {
      if (done) return repeatLastFlight(datagram);
      const records = recordsOf(datagram);
      if (records === null) return;
      if (records.some((record) => record.type === ALERT)) return fail('the other side refused the handshake');
      if (!records.every((record) => record.type === CHANGE_CIPHER_SPEC || (record.type === HANDSHAKE && record.messageBytes <= MAX_HANDSHAKE_MESSAGE_BYTES)))
        return;
      takenBytes += datagram.length;
      if (takenBytes > MAX_HANDSHAKE_BYTES) return fail('the handshake is too large');
      try {
        pipe.onData(datagram, ['', 0]);
      } catch (error) {
        log.debug('a handshake datagram was not understood', { error: String(error) });
      }
    },
    abandon: () => fail('the connection was closed')
  };
}

/** Our messages, from the stack's memory of each flight (RFC 6347 figure 1); the flight that answers a ClientHello begins with it. */
function sentMessages(socket: DtlsSocket, role: DtlsRole): HandshakeMessage[] {
  const flights = role === 'client' ? [1, 3, 5] : [4, 6];
  return flights
    .flatMap((flight) => socket.dtls.handshakeCache[flight]?.data ?? [])
    .filter((message) => role === 'client' || message.msg_type !== CLIENT_HELLO)
    .map((message) => {
      if (message.fragment_offset !== 0 || message.fragment_length !== message.length)
        throw new CloisterError('CL_MEDIA_CONNECT', 'a handshake message is too large');
      return { type: message.msg_type, sequence: message.message_seq, body: Buffer.from(message.fragment) };
    });
}

type DtlsRecord = { readonly type: number; readonly epoch: number; readonly messageBytes: number };

/** The most bytes that a handshake message in a record says it has when complete (RFC 6347 section 4.2.2): the stack makes room for all of them. */
function largestMessage(content: Buffer): number {
  let largest = 0;
  for (let offset = 0; offset + 12 <= content.length; offset += 12 + content.readUIntBE(offset + 9, 3)) {
    largest = Math.max(largest, content.readUIntBE(offset + 1, 3));
  }
  return largest;
}

/** The records of a datagram (RFC 6347 section 4.1); null where it does not consist of whole ones. */
function recordsOf(datagram: Buffer): DtlsRecord[] | null {
  const records: DtlsRecord[] = [];
  for (let offset = 0; offset < datagram.length; ) {
    if (offset + 13 > datagram.length) return null;
    const end = offset + 13 + datagram.readUInt16BE(offset + 11);
    if (end > datagram.length) return null;
    const type = datagram.readUInt8(offset);
    const epoch = datagram.readUInt16BE(offset + 3);
    records.push({ type, epoch, messageBytes: type === HANDSHAKE && epoch === 0 ? largestMessage(datagram.subarray(offset + 13, end)) : 0 });
    offset = end;
  }
  return records;
}

export type MediaProtection = Pick<PeerTransport, 'protectRtp' | 'protectRtcp' | 'unprotectRtp' | 'unprotectRtcp'>;

export function createMediaProtection({ srtpKeys, srtpProfile }: AuditedHandshake): MediaProtection {
  const gcm = srtpProfile === 'AEAD_AES_128_GCM';
  const config = {
    keys: {
      localMasterKey: srtpKeys.localKey,
      localMasterSalt: srtpKeys.localSalt,
      remoteMasterKey: srtpKeys.remoteKey,
      remoteMasterSalt: srtpKeys.remoteSalt
    },
    profile: gcm ? AEAD_AES_128_GCM : AES128_CM_HMAC_SHA1_80
  };
  const srtp = new SrtpSession(config);
  const srtcp = new SrtcpSession(config);
  const packets = createReplayList(SRTP_WINDOW, MAX_SOURCES);
  const reports = createReplayList(SRTCP_WINDOW, MAX_SOURCES);

  return {
    protectRtp(header, payload) {
      const plain = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      return srtp.encrypt(plain, new WireHeader({ ...header, payloadOffset: 12 }));
    },
    protectRtcp: (compound) => srtcp.encrypt(compound),
    unprotectRtp(datagram) {
      try {
        const ssrc = datagram.readUInt32BE(8);
        // Not the stack's own count of rollovers: it loses the stream for good where more than 100 packets around one are lost, or an old one comes late.
        const index = packetIndex(packets.highest(ssrc), datagram.readUInt16BE(2));
        if (!packets.isNew(ssrc, index)) return null;
        const [plain] = srtp.remoteContext.cipher.decryptRtp(datagram, rollovers(index));
        packets.take(ssrc, index);
        return plain;
      } catch {
        return null;
      }
    },
    unprotectRtcp(datagram) {
      try {
        const ssrc = datagram.readUInt32BE(4);
        // The index is in the packet, in front of the tag or, with GCM, behind it (RFC 3711 section 3.4, RFC 7714 section 9.2).
        const index = datagram.readUInt32BE(datagram.length - (gcm ? 4 : 14)) & 0x7fffffff;
        if (!reports.isNew(ssrc, index)) return null;
        const plain = srtcp.decrypt(datagram);
        reports.take(ssrc, index);
        return plain;
      } catch {
        return null;
      }
    }
  };
}
