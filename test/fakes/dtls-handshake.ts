// Complete DTLS 1.2 handshakes with any one thing wrong in them, and everything after it computed as an attacker would who knows all secrets.
import {
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign
} from 'node:crypto';
import { type CallCertificate, createCallCertificate } from '../../src/encryption/call-certificate.ts';
import type { HandshakeExpectation, HandshakeMessage, HandshakeTranscript } from '../../src/media/handshake-audit.ts';

export const P256 = 23;
export const X25519 = 29;

export type HandshakeOptions = {
  /** The role of the side whose view the transcript is. */
  readonly role: 'client' | 'server';
  readonly curve: number;
  readonly clientCertificate: CallCertificate;
  readonly serverCertificate: CallCertificate;
  /** What the sides really sign with. */
  readonly clientKey: KeyObject;
  readonly serverKey: KeyObject;
  readonly hash: 'sha256' | 'sha1';
  /** As written in the messages. */
  readonly signatureAlgorithm: number;
  readonly suite: number;
  readonly version: number;
  readonly groups: readonly number[];
  readonly clientProfiles: readonly number[];
  readonly serverProfiles: readonly number[];
  readonly clientExtendedMasterSecret: boolean;
  readonly serverExtendedMasterSecret: boolean;
  readonly renegotiationInfo: { readonly client: Buffer | null; readonly server: Buffer | null };
  readonly serverExtraExtensions: readonly (readonly [number, Buffer])[];
  readonly clientCertificates: readonly Uint8Array[] | null;
  readonly serverCertificates: readonly Uint8Array[] | null;
  /** In place of the shares that the sides drew; the shared secret is then all zero. */
  readonly forcedShare: { readonly of: 'client' | 'server'; readonly share: Buffer } | null;
  readonly clientFinished: Buffer | null;
  readonly serverFinished: Buffer | null;
  readonly helloVerify: boolean;
  readonly withCertificateRequest: boolean;
};

const defaults = (): Omit<HandshakeOptions, 'role'> => {
  const clientCertificate = createCallCertificate(Date.now());
  const serverCertificate = createCallCertificate(Date.now());
  return {
    curve: X25519,
    clientCertificate,
    serverCertificate,
    clientKey: createPrivateKey(clientCertificate.keyPem),
    serverKey: createPrivateKey(serverCertificate.keyPem),
    hash: 'sha256',
    signatureAlgorithm: 0x0403,
    suite: 0xc02b,
    version: 0xfefd,
    groups: [X25519, P256],
    clientProfiles: [7, 1],
    serverProfiles: [7],
    clientExtendedMasterSecret: true,
    serverExtendedMasterSecret: true,
    renegotiationInfo: { client: Buffer.from([0]), server: Buffer.from([0]) },
    serverExtraExtensions: [],
    clientCertificates: null,
    serverCertificates: null,
    forcedShare: null,
    clientFinished: null,
    serverFinished: null,
    helloVerify: true,
    withCertificateRequest: true
  };
};

const uint = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};
const vector = (lengthBytes: number, ...data: readonly Uint8Array[]) => {
  const body = Buffer.concat(data);
  return Buffer.concat([uint(body.length, lengthBytes), body]);
};
const uint16s = (...values: readonly number[]) => Buffer.concat(values.map((value) => uint(value, 2)));
const extension = (type: number, data: Uint8Array) => Buffer.concat([uint(type, 2), vector(2, data)]);
const srtpExtension = (profiles: readonly number[]) => extension(14, Buffer.concat([vector(2, uint16s(...profiles)), Buffer.from([0])]));

export const prf = (secret: Uint8Array, label: string, seed: Uint8Array, length: number) => {
  const input = Buffer.concat([Buffer.from(label), seed]);
  const hmac = (data: Uint8Array) => createHmac('sha256', secret).update(data).digest();
  let a: Buffer = input;
  const out: Buffer[] = [];
  for (let made = 0; made < length; made += 32) {
    a = hmac(a);
    out.push(hmac(Buffer.concat([a, input])));
  }
  return Buffer.concat(out, length);
};

const bytesOf = (messages: readonly HandshakeMessage[]) =>
  Buffer.concat(
    messages.flatMap(({ type, sequence, body }) => [uint(type, 1), uint(body.length, 3), uint(sequence, 2), uint(0, 3), uint(body.length, 3), body])
  );
const digest = (data: Uint8Array) => createHash('sha256').update(data).digest();

function keyShare(curve: number): { readonly share: Buffer; readonly privateShare: Buffer; secretWith(remote: Buffer): Buffer } {
  if (curve === X25519) {
    const { publicKey, privateKey } = generateKeyPairSync('x25519');
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    return {
      share: spki.subarray(-32),
      privateShare: privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32),
      secretWith: (remote) =>
        diffieHellman({ privateKey, publicKey: createPublicKey({ key: Buffer.concat([spki.subarray(0, -32), remote]), format: 'der', type: 'spki' }) })
    };
  }
  const ecdh = createECDH('prime256v1');
  const share = ecdh.generateKeys();
  const privateShare = Buffer.alloc(32);
  const raw = ecdh.getPrivateKey();
  raw.copy(privateShare, 32 - raw.length);
  return { share, privateShare, secretWith: (remote) => ecdh.computeSecret(remote) };
}

type FakeHandshake = {
  readonly transcript: HandshakeTranscript;
  readonly expectation: HandshakeExpectation;
  readonly masterSecret: Buffer;
  readonly randoms: Buffer;
};

export function fakeHandshake(role: 'client' | 'server', changes: Partial<HandshakeOptions> = {}): FakeHandshake {
  const options: HandshakeOptions = { role, ...defaults(), ...changes };
  const clientRandom = randomBytes(32);
  const serverRandom = randomBytes(32);
  const { renegotiationInfo } = options;
  const clientExtensions = [
    srtpExtension(options.clientProfiles),
    extension(10, vector(2, uint16s(...options.groups))),
    ...(options.clientExtendedMasterSecret ? [extension(23, Buffer.alloc(0))] : []),
    ...(renegotiationInfo.client === null ? [] : [extension(0xff01, renegotiationInfo.client)])
  ];
  const clientHello = (cookie: Buffer) =>
    Buffer.concat([
      uint(options.version, 2),
      clientRandom,
      vector(1),
      vector(1, cookie),
      vector(2, uint16s(0xc02b, 0xc02f)),
      vector(1, Buffer.from([0])),
      vector(2, ...clientExtensions)
    ]);
  const serverHello = Buffer.concat([
    uint(options.version, 2),
    serverRandom,
    vector(1),
    uint(options.suite, 2),
    Buffer.from([0]),
    vector(
      2,
      srtpExtension(options.serverProfiles),
      ...(options.serverExtendedMasterSecret ? [extension(23, Buffer.alloc(0))] : []),
      ...(renegotiationInfo.server === null ? [] : [extension(0xff01, renegotiationInfo.server)]),
      ...options.serverExtraExtensions.map(([type, data]) => extension(type, data))
    )
  ]);
  const certificates = (list: readonly Uint8Array[]) => vector(3, ...list.map((der) => vector(3, der)));
  const client = keyShare(options.curve);
  const server = keyShare(options.curve);
  const shareOf = (side: 'client' | 'server') =>
    options.forcedShare?.of === side ? options.forcedShare.share : side === 'client' ? client.share : server.share;
  const parameters = Buffer.concat([Buffer.from([3]), uint(options.curve, 2), vector(1, shareOf('server'))]);
  const signed = (data: Uint8Array, key: KeyObject) => Buffer.concat([uint(options.signatureAlgorithm, 2), vector(2, sign(options.hash, data, key))]);

  let clientSequence = 0;
  let serverSequence = 0;
  const fromClient: HandshakeMessage[] = [];
  const fromServer: HandshakeMessage[] = [];
  const ofClient = (type: number, body: Uint8Array) => {
    const message = { type, sequence: clientSequence++, body };
    fromClient.push(message);
    return message;
  };
  const ofServer = (type: number, body: Uint8Array) => {
    const message = { type, sequence: serverSequence++, body };
    fromServer.push(message);
    return message;
  };
  const cookie = randomBytes(20);
  if (options.helloVerify) {
    ofClient(1, clientHello(Buffer.alloc(0)));
    ofServer(3, Buffer.concat([uint(0xfefd, 2), vector(1, cookie)]));
  }
  const before = [
    ofClient(1, clientHello(options.helloVerify ? cookie : Buffer.alloc(0))),
    ofServer(2, serverHello),
    ofServer(11, certificates(options.serverCertificates ?? [options.serverCertificate.certificateDer])),
    ofServer(12, Buffer.concat([parameters, signed(Buffer.concat([clientRandom, serverRandom, parameters]), options.serverKey)])),
    ...(options.withCertificateRequest ? [ofServer(13, Buffer.concat([vector(1, Buffer.from([64])), vector(2, uint16s(0x0403)), vector(2)]))] : []),
    ofServer(14, Buffer.alloc(0)),
    ofClient(11, certificates(options.clientCertificates ?? [options.clientCertificate.certificateDer])),
    ofClient(16, vector(1, shareOf('client')))
  ];
  const preMasterSecret = options.forcedShare === null ? client.secretWith(server.share) : Buffer.alloc(32);
  const masterSecret =
    options.clientExtendedMasterSecret && options.serverExtendedMasterSecret
      ? prf(preMasterSecret, 'extended master secret', digest(bytesOf(before)), 48)
      : prf(preMasterSecret, 'master secret', Buffer.concat([clientRandom, serverRandom]), 48);
  before.push(ofClient(15, signed(bytesOf(before), options.clientKey)));
  before.push(ofClient(20, options.clientFinished ?? prf(masterSecret, 'client finished', digest(bytesOf(before)), 12)));
  ofServer(20, options.serverFinished ?? prf(masterSecret, 'server finished', digest(bytesOf(before)), 12));

  const [ownCertificate, peerCertificate] =
    role === 'client' ? [options.clientCertificate, options.serverCertificate] : [options.serverCertificate, options.clientCertificate];
  return {
    transcript: {
      role,
      received: role === 'client' ? fromServer : fromClient,
      sent: role === 'client' ? fromClient : fromServer.filter((message) => message.type !== 3),
      privateShare: role === 'client' ? client.privateShare : server.privateShare,
      masterSecret
    },
    expectation: { remoteThumbprint: peerCertificate.thumbprint, localThumbprint: ownCertificate.thumbprint, fips: false },
    masterSecret,
    randoms: Buffer.concat([clientRandom, serverRandom])
  };
}
