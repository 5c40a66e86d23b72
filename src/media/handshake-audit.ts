// Proves after the fact that a DTLS 1.2 handshake authenticated the peer, because the stack below checks neither signature nor Finished. Pure.
// Everything is derived again from the transcript: both signatures' input, the shared secret, the master secret, both Finished, the SRTP keys. Nothing
// that the stack concluded is believed; what it holds is only compared. A failure is CL_SECURITY_HANDSHAKE, of the pinned thumbprint CL_SECURITY_FINGERPRINT.
import { createECDH, createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { CloisterError } from '../kernel/errors.ts';
import { err, ok, type Result } from '../kernel/result.ts';

type Side = 'client' | 'server';

/** A handshake message as it was reassembled: header fields of RFC 6347 section 4.2.2 and the body. */
export type HandshakeMessage = {
  readonly type: number;
  readonly sequence: number;
  readonly body: Uint8Array;
};

export type HandshakeTranscript = {
  /** Our role. */
  readonly role: Side;
  /** Every message that arrived, decrypted, in order of arrival, with retransmissions. */
  readonly received: readonly HandshakeMessage[];
  /** Every message of ours. */
  readonly sent: readonly HandshakeMessage[];
  /** Our private share of the key exchange, 32 bytes. */
  readonly privateShare: Uint8Array;
  /** The master secret that the stack used, 48 bytes. */
  readonly masterSecret: Uint8Array;
};

export type HandshakeExpectation = {
  /** SHA-256 of the only certificate that the peer may present, as signaled: 32 bytes. */
  readonly remoteThumbprint: Uint8Array;
  readonly localThumbprint: Uint8Array;
  /** P-256 and AES-GCM only (R10). */
  readonly fips: boolean;
};

type SrtpProfile = 'AEAD_AES_128_GCM' | 'AES128_CM_HMAC_SHA1_80';

export type AuditedHandshake = {
  /** SHA-256 of the certificate that the peer proved to hold the key of: 32 bytes. */
  readonly remoteThumbprint: Uint8Array;
  readonly suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';
  readonly srtpProfile: SrtpProfile;
  /** RFC 5764 section 4.2. Secret. */
  readonly srtpKeys: { readonly localKey: Buffer; readonly localSalt: Buffer; readonly remoteKey: Buffer; readonly remoteSalt: Buffer };
};

// RFC 5246 section 7.4, RFC 6347 section 4.3.2.
const HELLO_REQUEST = 0;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const HELLO_VERIFY_REQUEST = 3;
const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;
const CERTIFICATE_VERIFY = 15;
const CLIENT_KEY_EXCHANGE = 16;
const FINISHED = 20;

const SERVER_FLIGHT = [SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE] as const;
const CLIENT_FLIGHT = [CERTIFICATE, CLIENT_KEY_EXCHANGE, CERTIFICATE_VERIFY] as const;

const SUPPORTED_GROUPS = 10;
const USE_SRTP = 14;
const EXTENDED_MASTER_SECRET = 23;
const RENEGOTIATION_INFO = 0xff01;
const RENEGOTIATION_SIGNAL_SUITE = 0x00ff;

const DTLS_1_2 = 0xfefd;
const ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xc02b;
const ECDSA_SHA256 = 0x0403;
const NAMED_CURVE = 3;
const P256 = 23;
const X25519 = 29;

const SRTP_PROFILES: Readonly<Record<number, { readonly name: SrtpProfile; readonly keyBytes: number; readonly saltBytes: number; readonly fips: boolean }>> = {
  7: { name: 'AEAD_AES_128_GCM', keyBytes: 16, saltBytes: 12, fips: true },
  1: { name: 'AES128_CM_HMAC_SHA1_80', keyBytes: 16, saltBytes: 14, fips: false }
};

/** Points of small order of Curve25519 and its twist, with their non-canonical encodings, top bit cleared (RFC 7748 section 6.1, "May the Fourth Be With You"). */
const X25519_LOW_ORDER: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'
];

class Refused extends Error {}
class WrongCertificate extends Error {}

/**
 * Checks a completed handshake.
 * @returns what was proven, or the first thing that is wrong; never throws
 */
export function auditHandshake(transcript: HandshakeTranscript, expected: HandshakeExpectation): Result<AuditedHandshake, CloisterError> {
  try {
    return ok(audit(transcript, expected));
  } catch (error) {
    if (error instanceof WrongCertificate) return err(new CloisterError('CL_SECURITY_FINGERPRINT', error.message));
    if (error instanceof Refused) return err(new CloisterError('CL_SECURITY_HANDSHAKE', error.message));
    // A parser ran over the end of a message, or the cryptographic library refused a value.
    return err(new CloisterError('CL_SECURITY_HANDSHAKE', 'a handshake message is malformed', { cause: error }));
  }
}

function audit(transcript: HandshakeTranscript, expected: HandshakeExpectation): AuditedHandshake {
  const { role } = transcript;
  const received = withoutRetransmissions(transcript.received);
  const sent = withoutRetransmissions(transcript.sent);
  const [client, server] = role === 'client' ? [sent, received] : [received, sent];
  const clientHelloMessage = theClientHello(client);
  const serverFlight = inSequence(without(server, HELLO_VERIFY_REQUEST), [...SERVER_FLIGHT, FINISHED], 'server');
  const clientFlight = inSequence(without(client, CLIENT_HELLO), [...CLIENT_FLIGHT, FINISHED], 'client');
  const [serverHelloMessage, serverCertificate, serverKeyExchange, , , serverFinished] = serverFlight;
  const [clientCertificate, clientKeyExchange, certificateVerify, clientFinished] = clientFlight;
  if (!serverHelloMessage || !serverCertificate || !serverKeyExchange || !serverFinished) throw new Refused('the server’s messages are not complete');
  if (!clientCertificate || !clientKeyExchange || !certificateVerify || !clientFinished) throw new Refused('the client’s messages are not complete');
  if (clientFlight[0]?.sequence !== clientHelloMessage.sequence + 1) throw new Refused('a message of the client is missing');

  const clientHello = parseClientHello(clientHelloMessage.body);
  const serverHello = parseServerHello(serverHelloMessage.body);
  requireHellos(clientHello, serverHello);
  const profile = chosenSrtpProfile(clientHello, serverHello);
  if (expected.fips && !profile.fips) throw new Refused('the SRTP profile is not an approved one');

  const [localCertificate, remoteCertificate] = role === 'client' ? [clientCertificate, serverCertificate] : [serverCertificate, clientCertificate];
  if (!same(sha256(onlyCertificate(localCertificate.body)), expected.localThumbprint))
    throw new Refused('this side presented another certificate than its own');
  const remoteDer = onlyCertificate(remoteCertificate.body);
  const remoteThumbprint = sha256(remoteDer);
  if (!same(remoteThumbprint, expected.remoteThumbprint)) throw new WrongCertificate('the peer presented another certificate than the one that was announced');
  const remoteKey = p256KeyOf(remoteDer);

  const exchange = parseServerKeyExchange(serverKeyExchange.body);
  if (expected.fips && exchange.curve !== P256) throw new Refused('the key exchange does not use P-256');
  if (!clientHello.groups.includes(exchange.curve)) throw new Refused('the server chose a group that was not offered');
  const clientShare = parseClientKeyExchange(clientKeyExchange.body);

  const beforeClientFlight = [clientHelloMessage, ...serverFlight.slice(0, SERVER_FLIGHT.length)];
  if (role === 'client') {
    // RFC 8422 section 5.4: the signature covers both randoms and the parameters.
    const signed = Buffer.concat([clientHello.random, serverHello.random, exchange.parameters]);
    if (exchange.algorithm !== ECDSA_SHA256) throw new Refused('the server’s signature is not ECDSA with SHA-256');
    if (!verify('sha256', signed, remoteKey, exchange.signature)) throw new Refused('the server does not hold the key of its certificate');
  } else {
    // RFC 5246 section 7.4.8: the signature covers all messages before it.
    const { algorithm, signature } = parseCertificateVerify(certificateVerify.body);
    const signed = transcriptBytes([...beforeClientFlight, clientCertificate, clientKeyExchange]);
    if (algorithm !== ECDSA_SHA256) throw new Refused('the client’s signature is not ECDSA with SHA-256');
    if (!verify('sha256', signed, remoteKey, signature)) throw new Refused('the client does not hold the key of its certificate');
  }

  const [localShare, remoteShare] = role === 'client' ? [clientShare, exchange.share] : [exchange.share, clientShare];
  const preMasterSecret = sharedSecret(exchange.curve, transcript.privateShare, localShare, remoteShare);
  // RFC 7627 section 4: bound to the transcript up to and including ClientKeyExchange.
  const sessionHash = sha256(transcriptBytes([...beforeClientFlight, clientCertificate, clientKeyExchange]));
  const masterSecret = prf(preMasterSecret, 'extended master secret', sessionHash, 48);
  if (!same(masterSecret, transcript.masterSecret)) throw new Refused('the master secret in use is not the one of this handshake');

  const beforeClientFinished = [...beforeClientFlight, ...clientFlight.slice(0, CLIENT_FLIGHT.length)];
  const beforeServerFinished = [...beforeClientFinished, clientFinished];
  const finishedOf = (label: string, before: readonly HandshakeMessage[]) => prf(masterSecret, label, sha256(transcriptBytes(before)), 12);
  if (!same(clientFinished.body, finishedOf('client finished', beforeClientFinished))) throw new Refused('the client’s Finished does not fit the handshake');
  if (!same(serverFinished.body, finishedOf('server finished', beforeServerFinished))) throw new Refused('the server’s Finished does not fit the handshake');

  return {
    remoteThumbprint: new Uint8Array(remoteThumbprint),
    suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    srtpProfile: profile.name,
    srtpKeys: srtpKeys(role, masterSecret, clientHello.random, serverHello.random, profile)
  };
}

/** Drops exact repetitions. Two contents under one number mean that somebody else spoke: the stack uses one of them and remembers the other. */
function withoutRetransmissions(messages: readonly HandshakeMessage[]): HandshakeMessage[] {
  const bySequence = new Map<number, HandshakeMessage>();
  for (const message of messages) {
    const known = bySequence.get(message.sequence);
    if (known === undefined) bySequence.set(message.sequence, message);
    else if (known.type !== message.type || !same(known.body, message.body)) throw new Refused('two different handshake messages have the same number');
  }
  return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
}

const without = (messages: readonly HandshakeMessage[], type: number) => messages.filter((message) => message.type !== type && message.type !== HELLO_REQUEST);

/** The last hello: an earlier one without cookie, and the HelloVerifyRequest, are not part of the transcript (RFC 6347 section 4.2.1). */
function theClientHello(client: readonly HandshakeMessage[]): HandshakeMessage {
  const hellos = client.filter((message) => message.type === CLIENT_HELLO);
  const last = hellos.at(-1);
  if (last === undefined || hellos.length > 2) throw new Refused('there is not one ClientHello');
  const [first] = hellos;
  if (first !== undefined && first !== last) {
    if (parseClientHello(first.body).cookie.length > 0) throw new Refused('there are two ClientHellos with a cookie');
    if (!same(withoutCookie(first.body), withoutCookie(last.body))) throw new Refused('the ClientHello changed with the cookie');
  }
  return last;
}

function inSequence(messages: readonly HandshakeMessage[], types: readonly number[], side: Side): readonly HandshakeMessage[] {
  const fits = messages.length === types.length && messages.every((message, index) => message.type === types[index]);
  if (!fits) throw new Refused(`the ${side}’s messages are not those of a handshake with both certificates`);
  const first = messages[0]?.sequence ?? 0;
  if (messages.some((message, index) => message.sequence !== first + index)) throw new Refused(`the ${side}’s messages are not numbered in order`);
  return messages;
}

type ClientHello = {
  readonly random: Uint8Array;
  readonly cookie: Uint8Array;
  readonly suites: readonly number[];
  readonly extensions: ReadonlyMap<number, Buffer>;
  readonly groups: readonly number[];
};
type ServerHello = { readonly random: Uint8Array; readonly suite: number; readonly extensions: ReadonlyMap<number, Buffer> };

function requireHellos(client: ClientHello, server: ServerHello): void {
  if (server.suite !== ECDHE_ECDSA_AES_128_GCM_SHA256 || !client.suites.includes(server.suite)) throw new Refused('the cipher suite is not an allowed one');
  // RFC 7627 section 5.3. Without it the master secret is not bound to the transcript.
  if (client.extensions.get(EXTENDED_MASTER_SECRET)?.length !== 0) throw new Refused('the client did not offer the extended master secret');
  if (server.extensions.get(EXTENDED_MASTER_SECRET)?.length !== 0) throw new Refused('the server did not take the extended master secret');
  // RFC 5746 sections 3.4 and 3.6: a first handshake has an empty renegotiated_connection.
  const signaled = client.extensions.get(RENEGOTIATION_INFO);
  const clientSafe = signaled === undefined ? client.suites.includes(RENEGOTIATION_SIGNAL_SUITE) : isEmptyVector(signaled);
  const answered = server.extensions.get(RENEGOTIATION_INFO);
  if (!clientSafe || answered === undefined || !isEmptyVector(answered)) throw new Refused('secure renegotiation is not signaled as in a first handshake');
  for (const type of server.extensions.keys()) {
    const unasked = !client.extensions.has(type) && !(type === RENEGOTIATION_INFO && client.suites.includes(RENEGOTIATION_SIGNAL_SUITE));
    if (unasked) throw new Refused('the server answered an extension that was not offered');
  }
}

const isEmptyVector = (data: Buffer) => data.length === 1 && data[0] === 0;

/** RFC 5764 section 4.1.1. */
function chosenSrtpProfile(client: ClientHello, server: ServerHello): (typeof SRTP_PROFILES)[number] & object {
  const offered = parseUseSrtp(client.extensions.get(USE_SRTP));
  const [chosen, ...more] = parseUseSrtp(server.extensions.get(USE_SRTP));
  const profile = chosen === undefined ? undefined : SRTP_PROFILES[chosen];
  if (chosen === undefined || profile === undefined || more.length > 0 || !offered.includes(chosen))
    throw new Refused('the SRTP profile is not an allowed one');
  return profile;
}

function p256KeyOf(certificateDer: Uint8Array) {
  const certificate = new X509Certificate(certificateDer);
  const { publicKey } = certificate;
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Refused('the peer’s certificate is not a P-256 one');
  return publicKey;
}

/** The key exchange once more, refusing shares that would make the secret known to others (RFC 7748 section 6.1, RFC 8422 section 5.11). */
function sharedSecret(curve: number, privateShare: Uint8Array, localShare: Uint8Array, remoteShare: Uint8Array): Buffer {
  if (curve === P256) {
    if (remoteShare.length !== 65 || remoteShare[0] !== 4) throw new Refused('the peer’s share is not an uncompressed P-256 point');
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(privateShare);
    if (!same(ecdh.getPublicKey(), localShare)) throw new Refused('the share that was sent is not ours');
    // Throws for a point that is not on the curve.
    return ecdh.computeSecret(remoteShare);
  }
  if (curve !== X25519 || remoteShare.length !== 32 || privateShare.length !== 32) throw new Refused('the key exchange is neither P-256 nor X25519');
  const masked = Buffer.from(remoteShare);
  masked.writeUInt8(masked.readUInt8(31) & 0x7f, 31);
  if (X25519_LOW_ORDER.includes(masked.toString('hex'))) throw new Refused('the peer’s share is a point of low order');
  const privateKey = createPrivateKey({ key: Buffer.concat([X25519_PKCS8, privateShare]), format: 'der', type: 'pkcs8' });
  const ours = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32);
  if (!same(ours, localShare)) throw new Refused('the share that was sent is not ours');
  const publicKey = createPublicKey({ key: Buffer.concat([X25519_SPKI, remoteShare]), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey, publicKey });
  if (secret.every((byte) => byte === 0)) throw new Refused('the shared secret is zero');
  return secret;
}

/** RFC 8410 sections 4 and 7: the encodings around the 32 raw bytes. */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');

function srtpKeys(role: Side, masterSecret: Buffer, clientRandom: Uint8Array, serverRandom: Uint8Array, profile: { keyBytes: number; saltBytes: number }) {
  const { keyBytes, saltBytes } = profile;
  const material = new Reader(prf(masterSecret, 'EXTRACTOR-dtls_srtp', Buffer.concat([clientRandom, serverRandom]), 2 * (keyBytes + saltBytes)));
  const clientKey = material.take(keyBytes);
  const serverKey = material.take(keyBytes);
  const clientSalt = material.take(saltBytes);
  const serverSalt = material.take(saltBytes);
  return role === 'client'
    ? { localKey: clientKey, localSalt: clientSalt, remoteKey: serverKey, remoteSalt: serverSalt }
    : { localKey: serverKey, localSalt: serverSalt, remoteKey: clientKey, remoteSalt: clientSalt };
}

/** P_SHA256 of RFC 5246 section 5. */
function prf(secret: Uint8Array, label: string, seed: Uint8Array, lengthBytes: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, 'ascii'), seed]);
  const hmac = (data: Uint8Array) => createHmac('sha256', secret).update(data).digest();
  const blocks: Buffer[] = [];
  for (let a = hmac(labelled); blocks.length * 32 < lengthBytes; a = hmac(a)) blocks.push(hmac(Buffer.concat([a, labelled])));
  return Buffer.concat(blocks, lengthBytes);
}

/** RFC 6347 section 4.2.6: hashed as if each message had been one fragment. */
function transcriptBytes(messages: readonly HandshakeMessage[]): Buffer {
  return Buffer.concat(
    messages.flatMap(({ type, sequence, body }) => {
      const header = Buffer.alloc(12);
      header.writeUInt8(type, 0);
      header.writeUIntBE(body.length, 1, 3);
      header.writeUInt16BE(sequence, 4);
      header.writeUIntBE(body.length, 9, 3);
      return [header, body];
    })
  );
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();
const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && timingSafeEqual(a, b);

/** Reads big-endian fields; over the end is a RangeError. */
class Reader {
  readonly #data: Buffer;
  #offset = 0;

  constructor(data: Uint8Array) {
    this.#data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  uint(bytes: 1 | 2 | 3): number {
    const value = this.#data.readUIntBE(this.#offset, bytes);
    this.#offset += bytes;
    return value;
  }

  take(bytes: number): Buffer {
    if (this.#offset + bytes > this.#data.length) throw new RangeError('over the end');
    this.#offset += bytes;
    return this.#data.subarray(this.#offset - bytes, this.#offset);
  }

  vector(lengthBytes: 1 | 2 | 3): Buffer {
    return this.take(this.uint(lengthBytes));
  }

  end(): void {
    if (this.#offset !== this.#data.length) throw new RangeError('bytes are left over');
  }
}

function uint16List(data: Buffer): number[] {
  if (data.length % 2 !== 0) throw new RangeError('half an element');
  return Array.from({ length: data.length / 2 }, (_, index) => data.readUInt16BE(index * 2));
}

function parseExtensions(reader: Reader): Map<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  const data = reader.vector(2);
  const list = new Reader(data);
  while (list.offset < data.length) {
    const type = list.uint(2);
    if (extensions.has(type)) throw new Refused('an extension comes twice');
    extensions.set(type, list.vector(2));
  }
  return extensions;
}

function parseClientHello(body: Uint8Array): ClientHello {
  const reader = new Reader(body);
  if (reader.uint(2) !== DTLS_1_2) throw new Refused('the client does not speak DTLS 1.2');
  const random = reader.take(32);
  reader.vector(1);
  const cookie = reader.vector(1);
  const suites = uint16List(reader.vector(2));
  if (!reader.vector(1).includes(0)) throw new Refused('the client does not offer to go without compression');
  const extensions = parseExtensions(reader);
  reader.end();
  const supported = extensions.get(SUPPORTED_GROUPS);
  return { random, cookie, suites, extensions, groups: supported === undefined ? [] : uint16List(new Reader(supported).vector(2)) };
}

function withoutCookie(body: Uint8Array): Buffer {
  const reader = new Reader(body);
  reader.take(34);
  reader.vector(1);
  const before = reader.offset;
  reader.vector(1);
  return Buffer.concat([body.subarray(0, before), body.subarray(reader.offset)]);
}

function parseServerHello(body: Uint8Array): ServerHello {
  const reader = new Reader(body);
  if (reader.uint(2) !== DTLS_1_2) throw new Refused('the server does not speak DTLS 1.2');
  const random = reader.take(32);
  reader.vector(1);
  const suite = reader.uint(2);
  if (reader.uint(1) !== 0) throw new Refused('the server chose compression');
  const extensions = parseExtensions(reader);
  reader.end();
  return { random, suite, extensions };
}

function parseUseSrtp(data: Buffer | undefined): number[] {
  if (data === undefined) throw new Refused('SRTP is not negotiated');
  const reader = new Reader(data);
  const profiles = uint16List(reader.vector(2));
  if (reader.vector(1).length > 0) throw new Refused('a master key identifier is negotiated');
  reader.end();
  return profiles;
}

function onlyCertificate(body: Uint8Array): Buffer {
  const reader = new Reader(body);
  const list = new Reader(reader.vector(3));
  reader.end();
  const certificate = list.vector(3);
  list.end();
  return certificate;
}

function parseServerKeyExchange(body: Uint8Array) {
  const reader = new Reader(body);
  const curveType = reader.uint(1);
  const curve = reader.uint(2);
  const share = reader.vector(1);
  if (curveType !== NAMED_CURVE || (curve !== P256 && curve !== X25519)) throw new Refused('the key exchange is neither P-256 nor X25519');
  const parameters = body.subarray(0, reader.offset);
  const algorithm = reader.uint(2);
  const signature = reader.vector(2);
  reader.end();
  return { curve, share, parameters, algorithm, signature };
}

function parseClientKeyExchange(body: Uint8Array): Buffer {
  const reader = new Reader(body);
  const share = reader.vector(1);
  reader.end();
  return share;
}

function parseCertificateVerify(body: Uint8Array) {
  const reader = new Reader(body);
  const algorithm = reader.uint(2);
  const signature = reader.vector(2);
  reader.end();
  return { algorithm, signature };
}
