// The bodies of the handshake's messages, read and written. Pure. Strict where this implementation relies on it: what is malformed, doubled or empty
// where it may not be is refused; extensions that nobody here knows are skipped. Whether what was said is acceptable is decided in handshake.ts.
import { DTLS_1_0, DTLS_1_2, ECDSA_SHA256, ECDSA_SIGN, EXTENSION, NAMED_CURVE, type Policy } from './registry.ts';
import { createReader, type Reader, Refusal, uint, uint16List, uint16s, vector } from './wire.ts';

export type Extensions = ReadonlyMap<number, Buffer>;

export type ClientHello = {
  readonly version: number;
  readonly random: Buffer;
  readonly cookie: Buffer;
  readonly suites: readonly number[];
  readonly extensions: Extensions;
  /** What a cookie is bound to (RFC 6347 section 4.2.1): version, random, session id, suites, compression. */
  readonly parameters: Buffer;
};
export type ServerHello = { readonly version: number; readonly random: Buffer; readonly suite: number; readonly extensions: Extensions };
export type Signature = { readonly algorithm: number; readonly signature: Buffer };
export type ServerKeyExchange = Signature & {
  readonly group: number;
  readonly share: Buffer /** What is signed, with both randoms before it. */;
  readonly parameters: Buffer;
};

const NULL_COMPRESSION = 0;
const UNCOMPRESSED = 0;
const MAX_COOKIE_BYTES = 255;

function readExtensions(reader: Reader): Extensions {
  const extensions = new Map<number, Buffer>();
  if (reader.left === 0) return extensions;
  const list = createReader(reader.vector(2));
  reader.end();
  while (list.left > 0) {
    const type = list.uint(2);
    if (extensions.has(type)) throw new Refusal('decode_error', 'a hello has an extension twice');
    extensions.set(type, list.vector(2));
  }
  return extensions;
}

const writeExtensions = (extensions: readonly (readonly [type: number, data: Buffer])[]): Buffer =>
  vector(2, ...extensions.flatMap(([type, data]) => [uint(type, 2), vector(2, data)]));

/** RFC 6347 section 4.2.1. */
export function readClientHello(body: Buffer): ClientHello {
  const reader = createReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  const session = reader.vector(1);
  if (session.length > 32) throw new Refusal('decode_error', 'a session id is too long');
  const beforeCookie = body.length - reader.left;
  const cookie = reader.vector(1);
  const afterCookie = body.length - reader.left;
  const suites = uint16List(reader.vector(2));
  if (!reader.vector(1).includes(NULL_COMPRESSION)) throw new Refusal('illegal_parameter', 'the client insists on compression');
  const parameters = Buffer.concat([body.subarray(0, beforeCookie), body.subarray(afterCookie, body.length - reader.left)]);
  const extensions = readExtensions(reader);
  return { version, random, cookie, suites, extensions, parameters };
}

const srtpExtension = (profiles: readonly number[]): readonly [number, Buffer] => [
  EXTENSION.useSrtp,
  Buffer.concat([vector(2, uint16s(profiles)), Buffer.from([0])])
];
const EXTENDED_MASTER_SECRET: readonly [number, Buffer] = [EXTENSION.extendedMasterSecret, Buffer.alloc(0)];
const FIRST_HANDSHAKE: readonly [number, Buffer] = [EXTENSION.renegotiationInfo, Buffer.from([0])];
const POINT_FORMATS: readonly [number, Buffer] = [EXTENSION.pointFormats, Buffer.from([1, UNCOMPRESSED])];

/** RFC 8844 section 3.2. */
const externalId = (binding: Uint8Array | null): readonly (readonly [number, Buffer])[] =>
  binding === null ? [] : [[EXTENSION.externalIdHash, vector(1, binding)]];

/** @param binding who this side is; null where nobody asks */
export function writeClientHello(random: Buffer, cookie: Buffer, policy: Policy, binding: Uint8Array | null = null): Buffer {
  return Buffer.concat([
    uint(DTLS_1_2, 2),
    random,
    vector(1),
    vector(1, cookie),
    vector(2, uint16s(policy.suites.map(({ id }) => id))),
    Buffer.from([1, NULL_COMPRESSION]),
    writeExtensions([
      EXTENDED_MASTER_SECRET,
      FIRST_HANDSHAKE,
      [EXTENSION.supportedGroups, vector(2, uint16s(policy.groups.map(({ id }) => id)))],
      POINT_FORMATS,
      [EXTENSION.signatureAlgorithms, vector(2, uint16s([ECDSA_SHA256]))],
      srtpExtension(policy.srtpProfiles.map(({ id }) => id)),
      ...externalId(binding)
    ])
  ]);
}

export function readHelloVerifyRequest(body: Buffer): Buffer {
  const reader = createReader(body);
  const version = reader.uint(2);
  if (version !== DTLS_1_0 && version !== DTLS_1_2) throw new Refusal('protocol_version', 'the server speaks another version');
  const cookie = reader.vector(1);
  reader.end();
  return cookie;
}

/** In the version of DTLS 1.0, whatever is negotiated (RFC 6347 section 4.2.1). */
export const writeHelloVerifyRequest = (cookie: Buffer): Buffer => {
  if (cookie.length > MAX_COOKIE_BYTES) throw new RangeError('the cookie is too long');
  return Buffer.concat([uint(DTLS_1_0, 2), vector(1, cookie)]);
};

export function readServerHello(body: Buffer): ServerHello {
  const reader = createReader(body);
  const version = reader.uint(2);
  const random = reader.take(32);
  if (reader.vector(1).length > 32) throw new Refusal('decode_error', 'a session id is too long');
  const suite = reader.uint(2);
  if (reader.uint(1) !== NULL_COMPRESSION) throw new Refusal('illegal_parameter', 'the server insists on compression');
  return { version, random, suite, extensions: readExtensions(reader) };
}

/** @param answerFormats whether the client sent ec_point_formats, which then is answered (RFC 8422 section 5.2) */
export function writeServerHello(random: Buffer, suite: number, srtpProfile: number, answerFormats: boolean, binding: Uint8Array | null = null): Buffer {
  return Buffer.concat([
    uint(DTLS_1_2, 2),
    random,
    vector(1),
    uint(suite, 2),
    Buffer.from([NULL_COMPRESSION]),
    writeExtensions([EXTENDED_MASTER_SECRET, FIRST_HANDSHAKE, ...(answerFormats ? [POINT_FORMATS] : []), srtpExtension([srtpProfile]), ...externalId(binding)])
  ]);
}

/** Of an extension that is a list with its length in front: supported_groups, signature_algorithms. */
export function readList(data: Buffer | undefined): readonly number[] {
  if (data === undefined) return [];
  const reader = createReader(data);
  const list = uint16List(reader.vector(2));
  reader.end();
  return list;
}

/** RFC 8422 section 5.1.2: absent, only the uncompressed format is meant. */
export function takesUncompressed(data: Buffer | undefined): boolean {
  if (data === undefined) return true;
  const reader = createReader(data);
  const formats = reader.vector(1);
  reader.end();
  return formats.includes(UNCOMPRESSED);
}

/** RFC 8844 section 3.2. @returns null where it is not there */
export function readExternalId(data: Buffer | undefined): Buffer | null {
  if (data === undefined) return null;
  const reader = createReader(data);
  const binding = reader.vector(1);
  reader.end();
  return binding;
}

/** RFC 5764 section 4.1.1. */
export function readUseSrtp(data: Buffer | undefined): { readonly profiles: readonly number[]; readonly mki: Buffer } {
  if (data === undefined) return { profiles: [], mki: Buffer.alloc(0) };
  const reader = createReader(data);
  const profiles = uint16List(reader.vector(2));
  const mki = reader.vector(1);
  reader.end();
  return { profiles, mki };
}

/** Exactly one certificate: the pinned one. Others beside it would prove nothing (RFC 5246 section 7.4.2). */
export function readCertificate(body: Buffer): Buffer {
  const reader = createReader(body);
  const list = createReader(reader.vector(3));
  reader.end();
  if (list.left === 0) throw new Refusal('handshake_failure', 'the other side presented no certificate');
  const certificate = list.vector(3);
  if (list.left > 0) throw new Refusal('bad_certificate', 'the other side presented more than one certificate');
  return certificate;
}

export const writeCertificate = (der: Uint8Array): Buffer => vector(3, vector(3, der));

/** RFC 8422 section 5.4. */
export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  const reader = createReader(body);
  if (reader.uint(1) !== NAMED_CURVE) throw new Refusal('illegal_parameter', 'the key exchange does not name its group');
  const group = reader.uint(2);
  const share = reader.vector(1);
  const parameters = body.subarray(0, body.length - reader.left);
  return { group, share, parameters, ...readSignature(reader) };
}

export const writeParameters = (group: number, share: Buffer): Buffer => Buffer.concat([uint(NAMED_CURVE, 1), uint(group, 2), vector(1, share)]);
export const writeSigned = (signature: Buffer): Buffer => Buffer.concat([uint(ECDSA_SHA256, 2), vector(2, signature)]);

function readSignature(reader: Reader): Signature {
  const algorithm = reader.uint(2);
  const signature = reader.vector(2);
  reader.end();
  return { algorithm, signature };
}

export const readCertificateVerify = (body: Buffer): Signature => readSignature(createReader(body));

/** RFC 5246 section 7.4.4. @returns whether a P-256 certificate with our signature is asked for */
export function asksForEcdsa(body: Buffer): boolean {
  const reader = createReader(body);
  const types = reader.vector(1);
  const algorithms = uint16List(reader.vector(2));
  reader.vector(2);
  reader.end();
  return types.includes(ECDSA_SIGN) && algorithms.includes(ECDSA_SHA256);
}

export const writeCertificateRequest = (): Buffer => Buffer.concat([vector(1, Buffer.from([ECDSA_SIGN])), vector(2, uint16s([ECDSA_SHA256])), vector(2)]);

/** RFC 8422 section 5.7. */
export function readClientKeyExchange(body: Buffer): Buffer {
  const reader = createReader(body);
  const share = reader.vector(1);
  reader.end();
  return share;
}

export const writeClientKeyExchange = (share: Buffer): Buffer => vector(1, share);
