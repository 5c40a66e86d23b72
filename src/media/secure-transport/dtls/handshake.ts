// The handshake as (state, message or timer) → (state, flight), for both roles (RFC 6347 section 4.2.4 and figure 1). No socket, no clock: pure but for the
// fresh random values and key shares that it is handed. Mutual authentication always; nothing is concluded before the signature and the Finished that prove it.
import { createHash, type KeyObject, sign, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { CloisterError } from '../../../kernel/errors.ts';
import { cookieFor, cookieHolds } from './cookie.ts';
import { type HandshakeMessage, wholeMessage } from './fragments.ts';
import type { KeyShare } from './key-exchange.ts';
import { exported, extendedMasterSecret, finishedOf, type TrafficKeys, trafficKeys } from './key-schedule.ts';
import {
  asksForEcdsa,
  type ClientHello,
  type Extensions,
  readCertificate,
  readCertificateVerify,
  readClientHello,
  readClientKeyExchange,
  readExternalId,
  readHelloVerifyRequest,
  readList,
  readServerHello,
  readServerKeyExchange,
  readUseSrtp,
  takesUncompressed,
  writeCertificate,
  writeCertificateRequest,
  writeClientHello,
  writeClientKeyExchange,
  writeHelloVerifyRequest,
  writeParameters,
  writeServerHello,
  writeSigned
} from './messages.ts';
import {
  type AlertName,
  type CipherSuite,
  DTLS_1_2,
  ECDSA_SHA256,
  EXTENSION,
  type Group,
  MESSAGE,
  type Policy,
  RENEGOTIATION_SIGNAL_SUITE,
  type SrtpProfile
} from './registry.ts';
import { Refusal } from './wire.ts';

/** What each side says of itself, and expects of the other, in external_id_hash (RFC 8844): 32 bytes each. */
export type Bindings = { readonly local: Uint8Array; readonly remote: Uint8Array };

export type HandshakeConfig = {
  readonly certificateDer: Uint8Array;
  /** Of P-256. */
  readonly privateKey: KeyObject;
  /** SHA-256 of the one certificate that the other side may present: 32 bytes. */
  readonly remoteThumbprint: Uint8Array;
  /** Nothing where nobody has said who the two are: a peer that is no room. */
  readonly bindings?: Bindings | null;
  readonly policy: Policy;
  /** Wall clock, for the dates in the other side's certificate; milliseconds since 1970. */
  readonly nowMs: number;
  /** The first timer of each flight, at most MAX_WAIT_MS. */
  readonly firstWaitMs: number;
  /** 32 fresh bytes. */
  random(): Buffer;
  createKeyShare(group: Group): KeyShare;
  /** What the server's cookies are made with. */
  readonly cookieSecret: KeyObject;
};

/** What is sent together, in this order, and repeated together. */
export type Flight = readonly FlightPart[];
export type FlightPart = { readonly epoch: 0 | 1; readonly message: HandshakeMessage } | 'change-cipher-spec';

/** What both sides have agreed on in their hellos. */
type Agreed = { readonly suite: CipherSuite; readonly srtpProfile: SrtpProfile; readonly clientRandom: Buffer; readonly serverRandom: Buffer };
type Keyed = Agreed & { readonly group: Group; readonly remoteKey: KeyObject; readonly master: KeyObject; readonly keys: TrafficKeys };

/** The messages so far, each in one piece (RFC 6347 section 4.2.6): ClientHello without cookie and HelloVerifyRequest are not among them. */
type Transcript = readonly Buffer[];

type Phase =
  // As client.
  | { readonly phase: 'server-hello'; readonly random: Buffer; readonly cookies: number }
  | { readonly phase: 'server-certificate'; readonly agreed: Agreed }
  | { readonly phase: 'server-key-exchange'; readonly agreed: Agreed; readonly remoteKey: KeyObject }
  | {
      readonly phase: 'certificate-request' | 'server-hello-done';
      readonly agreed: Agreed;
      readonly remoteKey: KeyObject;
      readonly group: Group;
      readonly share: Buffer;
    }
  | { readonly phase: 'server-finished'; readonly keyed: Keyed }
  // As server.
  | { readonly phase: 'client-hello' }
  | { readonly phase: 'client-certificate'; readonly agreed: Agreed; readonly keyShare: KeyShare }
  | { readonly phase: 'client-key-exchange'; readonly agreed: Agreed; readonly keyShare: KeyShare; readonly remoteKey: KeyObject }
  | { readonly phase: 'certificate-verify' | 'client-finished'; readonly keyed: Keyed }
  // As either.
  | { readonly phase: 'connected'; readonly keyed: Keyed }
  | { readonly phase: 'failed' };

/** What every phase has; all else that a phase has is forgotten with it. */
type Common = {
  readonly transcript: Transcript;
  /** The number of our next message. */
  readonly nextSend: number;
  /** Sent last, and again when the timer runs out or the other side asks. */
  readonly flight: Flight;
  /** How long to wait for an answer to it; null where none is due. */
  readonly waitMs: number | null;
  /** How often it was repeated because nothing came. */
  readonly timeouts: number;
};

export type HandshakeState = Phase & Common;

export type Proven = { readonly suite: CipherSuite; readonly group: Group; readonly srtpProfile: SrtpProfile };

export type Step = {
  readonly state: HandshakeState;
  /** To be sent now. */
  readonly flight?: Flight;
  /** A HelloVerifyRequest: sent once, remembered by nobody. */
  readonly reply?: HandshakeMessage;
  /** From now on both directions have these keys in epoch 1. */
  readonly keys?: { readonly suite: CipherSuite; readonly keys: TrafficKeys };
  readonly failed?: { readonly alert: AlertName; readonly error: CloisterError };
};

/** RFC 6347 section 4.2.4.1 would let the timer grow to 60 s: docs/adr/0015. */
export const MAX_WAIT_MS = 1_000;
const MIN_LONGEST_WAIT_MS = 400;
/** What the timer grows to: four times the first, but at least 400 ms and at most 1 s. */
const longestWaitMs = (firstWaitMs: number): number => Math.min(Math.max(4 * firstWaitMs, MIN_LONGEST_WAIT_MS), MAX_WAIT_MS);
const MAX_COOKIES = 4;
const MAX_HELLO_SEQUENCE = 7;
/** Versions of DTLS count down from 0xfeff. */
const OLDEST_NUMBER = 0xfe00;
/** Some stacks' certificates begin with the second they were made in, by a clock that is not ours. */
const NOT_YET_TOLERANCE_MS = 3_600_000;

const UNSENT: Common = { transcript: [], nextSend: 0, flight: [], waitMs: null, timeouts: 0 };

/** RFC 6347 figure 1, flight 1. */
export const beginClient = (config: HandshakeConfig): Step => clientHello(0, config.random(), Buffer.alloc(0), 0, config);

/** Where nothing is kept any more. */
export const FORGOTTEN: HandshakeState = { ...UNSENT, phase: 'failed' };

export const beginServer = (): HandshakeState => ({ ...UNSENT, phase: 'client-hello' });

/**
 * Takes the message whose turn it is.
 * @param from the sender's address, which the cookie is bound to
 */
export function receive(state: HandshakeState, message: HandshakeMessage, from: string, config: HandshakeConfig): Step {
  try {
    return handle(state, message, from, config);
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal('internal_error', 'a handshake message could not be handled');
    const failure = new CloisterError(refusal.code, refusal.message, refusal === error ? {} : { cause: error });
    return { state: FORGOTTEN, failed: { alert: refusal.alert, error: failure } };
  }
}

/** Nothing came in time: the whole flight again, and twice the patience (RFC 6347 section 4.2.4.1). */
export function timeout(state: HandshakeState, { firstWaitMs }: HandshakeConfig): Step {
  if (state.waitMs === null) return { state };
  return { state: { ...state, waitMs: Math.min(2 * state.waitMs, longestWaitMs(firstWaitMs)), timeouts: state.timeouts + 1 }, flight: state.flight };
}

/** The other side said again what it said before our last flight: that was lost (RFC 6347 section 4.2.4, figure 3). */
export const repeated = (state: HandshakeState): Step => (state.flight.length === 0 ? { state } : { state, flight: state.flight });

/** Whether only Finished may come as something new: it is never in plain text, so nothing plain can be it. */
export const awaitsFinished = ({ phase }: HandshakeState): boolean => phase === 'server-finished' || phase === 'client-finished';

/** Whether an old message is the end of the flight that our last one answers. */
export function asksAgain(state: HandshakeState, type: number): boolean {
  if (state.phase === 'server-finished') return type === MESSAGE.serverHelloDone;
  if (state.phase === 'client-certificate') return type === MESSAGE.clientHello;
  return state.phase === 'connected' && type === MESSAGE.finished;
}

/** @returns what was proven; null before */
export const proven = (state: HandshakeState): Proven | null => (state.phase === 'connected' ? state.keyed : null);

/** RFC 5705, without context. Only of a proven handshake. */
export function exportKeyingMaterial(state: HandshakeState, label: string, lengthBytes: number): Buffer {
  if (state.phase !== 'connected') throw new CloisterError('CL_INTERNAL', 'the handshake has proven nothing yet');
  const { suite, master, clientRandom, serverRandom } = state.keyed;
  return exported(suite, master, label, clientRandom, serverRandom, lengthBytes);
}

/** A line of an NSS key log. For tests: docs/secure-transport.md. */
export const keyLogLine = ({ keyed }: { readonly keyed: Keyed }): string =>
  `CLIENT_RANDOM ${keyed.clientRandom.toString('hex')} ${keyed.master.export().toString('hex')}`;

function handle(state: HandshakeState, message: HandshakeMessage, from: string, config: HandshakeConfig): Step {
  const { type, body } = message;
  switch (state.phase) {
    case 'server-hello':
      return type === MESSAGE.helloVerifyRequest ? takeCookie(state, body, config) : takeServerHello(state, expect(message, MESSAGE.serverHello), config);
    case 'server-certificate': {
      const remoteKey = pinnedKey(expect(message, MESSAGE.certificate).body, config);
      return { state: { ...after(state, message), phase: 'server-key-exchange', agreed: state.agreed, remoteKey } };
    }
    case 'server-key-exchange':
      return takeServerKeyExchange(state, expect(message, MESSAGE.serverKeyExchange), config);
    case 'certificate-request':
      // Mutual authentication: a server that does not ask for our certificate is none of ours.
      if (!asksForEcdsa(expect(message, MESSAGE.certificateRequest).body))
        throw new Refusal('handshake_failure', 'the server asks for no certificate that this side has');
      return {
        state: {
          ...after(state, message),
          phase: 'server-hello-done',
          agreed: state.agreed,
          remoteKey: state.remoteKey,
          group: state.group,
          share: state.share
        }
      };
    case 'server-hello-done':
      if (expect(message, MESSAGE.serverHelloDone).body.length > 0) throw new Refusal('decode_error', 'ServerHelloDone is not empty');
      return answerServer(state, message, config);
    case 'server-finished':
      checkFinished(state, expect(message, MESSAGE.finished), 'server');
      return { state: { ...after(state, message), phase: 'connected', keyed: state.keyed, flight: [], waitMs: null } };

    case 'client-hello':
      return takeClientHello(state, message, from, config);
    case 'client-certificate': {
      const remoteKey = pinnedKey(expect(message, MESSAGE.certificate).body, config);
      return { state: { ...after(state, message), phase: 'client-key-exchange', agreed: state.agreed, keyShare: state.keyShare, remoteKey } };
    }
    case 'client-key-exchange':
      return takeClientKeyExchange(state, expect(message, MESSAGE.clientKeyExchange));
    case 'certificate-verify': {
      // RFC 5246 section 7.4.8: over all messages before it, as they were sent and received.
      checkSignature(readCertificateVerify(expect(message, MESSAGE.certificateVerify).body), Buffer.concat(state.transcript), state.keyed.remoteKey, 'client');
      return { state: { ...after(state, message), phase: 'client-finished', keyed: state.keyed } };
    }
    case 'client-finished': {
      checkFinished(state, expect(message, MESSAGE.finished), 'client');
      const before = after(state, message);
      const finished = {
        type: MESSAGE.finished,
        sequence: state.nextSend,
        body: finishedOf(state.keyed.suite, state.keyed.master, 'server', before.transcript)
      };
      const flight: Flight = ['change-cipher-spec', { epoch: 1, message: finished }];
      // The last flight has no timer; it goes out again when the client's Finished comes again.
      return {
        state: { ...before, phase: 'connected', keyed: state.keyed, nextSend: state.nextSend + 1, flight, waitMs: null, timeouts: 0 },
        flight
      };
    }

    case 'connected':
    case 'failed':
      return { state };
  }
}

/** @throws Refusal unexpected_message (RFC 5246 section 7.4: the order is fixed) */
function expect(message: HandshakeMessage, type: number): HandshakeMessage {
  if (message.type !== type) throw new Refusal('unexpected_message', `the handshake’s messages are not in order: ${message.type} in place of ${type}`);
  return message;
}

const after = ({ transcript, nextSend, flight, waitMs, timeouts }: Common, message: HandshakeMessage): Common => ({
  transcript: [...transcript, wholeMessage(message)],
  nextSend,
  flight,
  waitMs,
  timeouts
});

/** Our messages, numbered, into the transcript and a flight. */
function say(state: Common, bodies: readonly (readonly [type: number, body: Buffer])[]): Common {
  const messages = bodies.map(([type, body], index) => ({ type, body, sequence: state.nextSend + index }));
  return {
    ...state,
    transcript: [...state.transcript, ...messages.map(wholeMessage)],
    nextSend: state.nextSend + messages.length,
    flight: [...state.flight, ...messages.map((message) => ({ epoch: message.type === MESSAGE.finished ? 1 : 0, message }) as const)]
  };
}

const awaiting = (state: Common, config: HandshakeConfig): Common => ({ ...state, waitMs: config.firstWaitMs, timeouts: 0 });

// The client.

function clientHello(sent: number, random: Buffer, cookie: Buffer, cookies: number, config: HandshakeConfig): Step {
  const said = say({ ...UNSENT, nextSend: sent }, [[MESSAGE.clientHello, writeClientHello(random, cookie, config.policy, config.bindings?.local ?? null)]]);
  return { state: { ...awaiting(said, config), phase: 'server-hello', random, cookies }, flight: said.flight };
}

function takeCookie(state: HandshakeState & { readonly phase: 'server-hello' }, body: Buffer, config: HandshakeConfig): Step {
  if (state.cookies >= MAX_COOKIES) throw new Refusal('unexpected_message', 'the server asks for cookies without end');
  return clientHello(state.nextSend, state.random, readHelloVerifyRequest(body), state.cookies + 1, config);
}

function takeServerHello(state: HandshakeState & { readonly phase: 'server-hello' }, message: HandshakeMessage, { policy, bindings }: HandshakeConfig): Step {
  const hello = readServerHello(message.body);
  if (hello.version !== DTLS_1_2) throw new Refusal('protocol_version', 'the server speaks another version');
  const suite = policy.suites.find(({ id }) => id === hello.suite);
  if (suite === undefined) throw new Refusal('illegal_parameter', 'the server chose a cipher suite that was not offered');
  for (const type of hello.extensions.keys()) {
    if (!OFFERED.includes(type) && !(type === EXTENSION.externalIdHash && bindings))
      throw new Refusal('unsupported_extension', 'the server answered an extension that was not offered');
  }
  requireBinding(hello.extensions, false);
  requireEndpoint(hello.extensions, bindings);
  if (!takesUncompressed(hello.extensions.get(EXTENSION.pointFormats))) throw new Refusal('illegal_parameter', 'the server takes no uncompressed points');
  const { profiles, mki } = readUseSrtp(hello.extensions.get(EXTENSION.useSrtp));
  const srtpProfile = policy.srtpProfiles.find(({ id }) => id === profiles[0]);
  // RFC 5764 section 4.1.1: one profile, and the MKI of the client, which was none.
  if (srtpProfile === undefined || profiles.length !== 1 || mki.length > 0)
    throw new Refusal('illegal_parameter', 'the server did not choose one of the SRTP profiles');
  const agreed = { suite, srtpProfile, clientRandom: state.random, serverRandom: hello.random };
  return { state: { ...after(state, message), phase: 'server-certificate', agreed } };
}

/** What may come back of writeClientHello's extensions. */
const OFFERED: readonly number[] = [EXTENSION.pointFormats, EXTENSION.useSrtp, EXTENSION.extendedMasterSecret, EXTENSION.renegotiationInfo];

/**
 * RFC 7627 section 5.2 and RFC 5746 sections 3.4 and 3.6: the master secret is bound to this handshake, and it is a first one.
 * @param signaled whether the pseudo suite said so in place of the extension
 */
function requireBinding(extensions: Extensions, signaled: boolean): void {
  if (extensions.get(EXTENSION.extendedMasterSecret)?.length !== 0)
    throw new Refusal('handshake_failure', 'the other side does not use the extended master secret');
  const renegotiation = extensions.get(EXTENSION.renegotiationInfo);
  const first = renegotiation === undefined ? signaled : renegotiation.length === 1 && renegotiation[0] === 0;
  if (!first) throw new Refusal('handshake_failure', 'the other side does not signal secure renegotiation as in a first handshake');
}

/**
 * RFC 8844 section 3.2: whom the call is with, as signaling has said it, is whom this connection is with. Who does not say it is a peer that does not know the
 * extension; between two that do nobody can take it out, since both Finished cover it.
 */
function requireEndpoint(extensions: Extensions, bindings: Bindings | null | undefined): void {
  const named = readExternalId(extensions.get(EXTENSION.externalIdHash));
  if (bindings && named !== null && !named.equals(bindings.remote))
    throw new Refusal('illegal_parameter', 'the connection is with another endpoint than the call');
}

function takeServerKeyExchange(
  state: HandshakeState & { readonly phase: 'server-key-exchange' },
  message: HandshakeMessage,
  { policy }: HandshakeConfig
): Step {
  const { agreed, remoteKey } = state;
  const exchange = readServerKeyExchange(message.body);
  const group = policy.groups.find(({ id }) => id === exchange.group);
  if (group === undefined) throw new Refusal('illegal_parameter', 'the server chose a group that was not offered');
  // RFC 8422 section 5.4: over both randoms and the parameters.
  checkSignature(exchange, Buffer.concat([agreed.clientRandom, agreed.serverRandom, exchange.parameters]), remoteKey, 'server');
  return { state: { ...after(state, message), phase: 'certificate-request', agreed, remoteKey, group, share: exchange.share } };
}

/** Flight 5. */
function answerServer(
  state: HandshakeState & { readonly phase: 'certificate-request' | 'server-hello-done' },
  done: HandshakeMessage,
  config: HandshakeConfig
): Step {
  const { agreed, remoteKey, group, share } = state;
  const keyShare = config.createKeyShare(group);
  const exchanged = say({ ...after(state, done), flight: [] }, [
    [MESSAGE.certificate, writeCertificate(config.certificateDer)],
    [MESSAGE.clientKeyExchange, writeClientKeyExchange(keyShare.share)]
  ]);
  const keyed = keysOf(agreed, group, remoteKey, keyShare.agree(share), exchanged.transcript);
  const signed = say(exchanged, [[MESSAGE.certificateVerify, signedBy(config, Buffer.concat(exchanged.transcript))]]);
  const changed = { ...signed, flight: [...signed.flight, 'change-cipher-spec' as const] };
  const finished = say(changed, [[MESSAGE.finished, finishedOf(agreed.suite, keyed.master, 'client', signed.transcript)]]);
  return {
    state: { ...awaiting(finished, config), phase: 'server-finished', keyed },
    flight: finished.flight,
    keys: { suite: agreed.suite, keys: keyed.keys }
  };
}

// The server.

function takeClientHello(state: HandshakeState, message: HandshakeMessage, from: string, config: HandshakeConfig): Step {
  // Before the cookie holds nothing is kept and nothing is refused: anybody can send this.
  if (message.type !== MESSAGE.clientHello || message.sequence > MAX_HELLO_SEQUENCE) return { state };
  const hello = helloOf(message.body);
  if (hello === null) return { state };
  if (!cookieHolds(config.cookieSecret, from, hello)) {
    const body = writeHelloVerifyRequest(cookieFor(config.cookieSecret, from, hello));
    return { state, reply: { type: MESSAGE.helloVerifyRequest, sequence: message.sequence, body } };
  }
  const { policy } = config;
  // A later version would be 0xfefc and below, and is offered in an extension if at all (RFC 9147 section 5.3).
  if (hello.version > DTLS_1_2 || hello.version < OLDEST_NUMBER) throw new Refusal('protocol_version', 'the client does not speak this version');
  requireBinding(hello.extensions, hello.suites.includes(RENEGOTIATION_SIGNAL_SUITE));
  requireEndpoint(hello.extensions, config.bindings);
  const suite = policy.suites.find(({ id }) => hello.suites.includes(id));
  if (suite === undefined) throw new Refusal('handshake_failure', 'the client offers no cipher suite that is allowed');
  const groups = readList(hello.extensions.get(EXTENSION.supportedGroups));
  const group = policy.groups.find(({ id }) => groups.includes(id));
  if (group === undefined) throw new Refusal('handshake_failure', 'the client offers no group that is allowed');
  if (!readList(hello.extensions.get(EXTENSION.signatureAlgorithms)).includes(ECDSA_SHA256))
    throw new Refusal('handshake_failure', 'the client does not take ECDSA with SHA-256');
  const pointFormats = hello.extensions.get(EXTENSION.pointFormats);
  if (!takesUncompressed(pointFormats)) throw new Refusal('illegal_parameter', 'the client takes no uncompressed points');
  const { profiles } = readUseSrtp(hello.extensions.get(EXTENSION.useSrtp));
  const srtpProfile = policy.srtpProfiles.find(({ id }) => profiles.includes(id));
  if (srtpProfile === undefined) throw new Refusal('handshake_failure', 'the client offers no SRTP profile that is allowed');

  // Only what was offered may be answered.
  const binding = hello.extensions.has(EXTENSION.externalIdHash) ? (config.bindings?.local ?? null) : null;
  const agreed = { suite, srtpProfile, clientRandom: hello.random, serverRandom: config.random() };
  const keyShare = config.createKeyShare(group);
  const parameters = writeParameters(group.id, keyShare.share);
  const answered = say({ ...after(state, message), nextSend: message.sequence }, [
    [MESSAGE.serverHello, writeServerHello(agreed.serverRandom, suite.id, srtpProfile.id, pointFormats !== undefined, binding)],
    [MESSAGE.certificate, writeCertificate(config.certificateDer)],
    [MESSAGE.serverKeyExchange, Buffer.concat([parameters, signedBy(config, Buffer.concat([agreed.clientRandom, agreed.serverRandom, parameters]))])],
    [MESSAGE.certificateRequest, writeCertificateRequest()],
    [MESSAGE.serverHelloDone, Buffer.alloc(0)]
  ]);
  return { state: { ...awaiting(answered, config), phase: 'client-certificate', agreed, keyShare }, flight: answered.flight };
}

function helloOf(body: Buffer): ClientHello | null {
  try {
    return readClientHello(body);
  } catch {
    return null;
  }
}

function takeClientKeyExchange(state: HandshakeState & { readonly phase: 'client-key-exchange' }, message: HandshakeMessage): Step {
  const { agreed, keyShare, remoteKey } = state;
  const before = after(state, message);
  const keyed = keysOf(agreed, keyShare.group, remoteKey, keyShare.agree(readClientKeyExchange(message.body)), before.transcript);
  return { state: { ...before, phase: 'certificate-verify', keyed }, keys: { suite: agreed.suite, keys: keyed.keys } };
}

// Both.

/** RFC 7627 section 4: the transcript ends with ClientKeyExchange. */
function keysOf(agreed: Agreed, group: Group, remoteKey: KeyObject, preMasterSecret: Buffer, transcript: Transcript): Keyed {
  const master = extendedMasterSecret(agreed.suite, preMasterSecret, transcript);
  return { ...agreed, group, remoteKey, master, keys: trafficKeys(agreed.suite, master, agreed.clientRandom, agreed.serverRandom) };
}

/** The key of the pinned certificate. Before the thumbprint is right no parser of certificates sees it. */
function pinnedKey(body: Buffer, { remoteThumbprint, nowMs }: HandshakeConfig): KeyObject {
  const der = readCertificate(body);
  const thumbprint = createHash('sha256').update(der).digest();
  if (remoteThumbprint.length !== thumbprint.length || !timingSafeEqual(thumbprint, remoteThumbprint))
    throw new Refusal('bad_certificate', 'the peer presented another certificate than the one that was announced', 'CL_SECURITY_FINGERPRINT');
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    throw new Refusal('bad_certificate', 'the peer’s certificate cannot be read');
  }
  const { publicKey } = certificate;
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Refusal('bad_certificate', 'the peer’s certificate is not a P-256 one');
  if (!(certificate.validFromDate.getTime() - NOT_YET_TOLERANCE_MS <= nowMs && nowMs <= certificate.validToDate.getTime()))
    throw new Refusal('certificate_expired', 'the peer’s certificate is expired or not yet valid');
  return publicKey;
}

const signedBy = ({ privateKey }: HandshakeConfig, data: Buffer): Buffer => writeSigned(sign('sha256', data, privateKey));

function checkSignature(given: { readonly algorithm: number; readonly signature: Buffer }, signed: Buffer, key: KeyObject, side: 'client' | 'server'): void {
  if (given.algorithm !== ECDSA_SHA256) throw new Refusal('illegal_parameter', `the ${side}’s signature is not ECDSA with SHA-256`);
  if (!verify('sha256', signed, key, given.signature)) throw new Refusal('decrypt_error', `the ${side} does not hold the key of its certificate`);
}

function checkFinished({ keyed, transcript }: HandshakeState & { readonly keyed: Keyed }, { body }: HandshakeMessage, side: 'client' | 'server'): void {
  const expected = finishedOf(keyed.suite, keyed.master, side, transcript);
  if (body.length !== expected.length || !timingSafeEqual(body, expected))
    throw new Refusal('decrypt_error', `the ${side}’s Finished does not fit the handshake`);
}
