// Pairs of our own DTLS peers for tests: through the pure functions with a hand between them that may change what they say, and as whole associations over
// a path in fake time that loses, doubles and delays. Hellos are taken apart here by code of its own, so that a fault of the product's is not mirrored.
import { createHash, createSecretKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { type CallCertificate, createCallCertificate } from '../../src/encryption/call-certificate.ts';
import type { CloisterError } from '../../src/kernel/errors.ts';
import { type Log, silentLog } from '../../src/kernel/log.ts';
import { createDtlsConnection, type DtlsConnection, type Established } from '../../src/media/secure-transport/dtls/connection.ts';
import { type HandshakeMessage, readFragments } from '../../src/media/secure-transport/dtls/fragments.ts';
import {
  type Bindings,
  beginClient,
  beginServer,
  type Flight,
  type HandshakeConfig,
  type HandshakeState,
  receive,
  type Step
} from '../../src/media/secure-transport/dtls/handshake.ts';
import { createKeyShare } from '../../src/media/secure-transport/dtls/key-exchange.ts';
import { type TrafficKeys, trafficKeys } from '../../src/media/secure-transport/dtls/key-schedule.ts';
import { type DtlsRecord, plainRecord, protectRecord, readRecords, unprotectRecord } from '../../src/media/secure-transport/dtls/records.ts';
import { type CipherSuite, CONTENT, MESSAGE, STANDARD_POLICY } from '../../src/media/secure-transport/dtls/registry.ts';
import { createFakeClock, type FakeClock } from './clock.ts';

export type Side = 'client' | 'server';
export const other = (side: Side): Side => (side === 'client' ? 'server' : 'client');

/** Where every clock of these tests starts. */
export const NOW_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
export const CLIENT_ADDRESS = '192.0.2.1:5000';
const SERVER_ADDRESS = '192.0.2.2:6000';

// Certificates.

export type Identity = Pick<CallCertificate, 'certificateDer' | 'privateKey' | 'thumbprint'>;
export const createIdentity = (): Identity => createCallCertificate(NOW_MS);

const der = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...content: readonly Uint8Array[]): Buffer => der(0x30, ...content);
const utcTime = (atMs: number): Buffer =>
  der(
    0x17,
    Buffer.from(
      new Date(atMs)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2)
    )
  );

export type CertificateOptions = {
  readonly key?: 'P-256' | 'P-384' | 'RSA';
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Of an extension that nobody knows. */
  readonly paddingBytes?: number;
};

/** A self-signed certificate with anything about it that a call's never has. */
export function createOddIdentity({ key = 'P-256', fromMs = NOW_MS - HOUR_MS, toMs = NOW_MS + HOUR_MS, paddingBytes = 0 }: CertificateOptions): Identity {
  const { publicKey, privateKey } = key === 'RSA' ? generateKeyPairSync('rsa', { modulusLength: 1024 }) : generateKeyPairSync('ec', { namedCurve: key });
  const algorithm = sequence(der(0x06, Buffer.from(key === 'RSA' ? '2a864886f70d01010b' : '2a8648ce3d040302', 'hex')));
  const name = sequence(der(0x31, sequence(der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from('test')))));
  const padding = sequence(der(0x06, Buffer.from('2b06010401868d1f01', 'hex')), der(0x04, Buffer.alloc(paddingBytes, 0x5a)));
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([0x40, 1, 2, 3])),
    algorithm,
    name,
    sequence(utcTime(fromMs), utcTime(toMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(paddingBytes > 0 ? [der(0xa3, sequence(padding))] : [])
  );
  const certificateDer = sequence(toBeSigned, algorithm, der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey)));
  // Fails here, and not as a refusal that some test then takes for its own.
  new X509Certificate(certificateDer);
  return { privateKey, certificateDer: new Uint8Array(certificateDer), thumbprint: new Uint8Array(createHash('sha256').update(certificateDer).digest()) };
}

// Messages, taken apart and put together again.

const number = (value: number, bytes: number): Buffer => Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
export const withLength = (bytes: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([number(body.length, bytes), body]);
};
export const numbers = (values: readonly number[]): Buffer => Buffer.concat(values.map((value) => number(value, 2)));
const pairs = (data: Buffer): number[] => Array.from({ length: data.length / 2 }, (_, index) => data.readUInt16BE(2 * index));

export type HelloDraft = {
  version: number;
  random: Buffer;
  session: Buffer;
  /** Null in a ServerHello, which has none. */
  cookie: Buffer | null;
  suites: number[];
  compression: number[];
  extensions: [type: number, data: Buffer][];
};

function cursor(data: Buffer) {
  let at = 0;
  const take = (bytes: number): Buffer => {
    at += bytes;
    return data.subarray(at - bytes, at);
  };
  return { take, more: () => at < data.length, block: (lengthBytes: number): Buffer => take(take(lengthBytes).readUIntBE(0, lengthBytes)) };
}

function draftOf({ type, body }: HandshakeMessage): HelloDraft {
  const from = cursor(body);
  const isClient = type === MESSAGE.clientHello;
  const draft: HelloDraft = {
    version: from.take(2).readUInt16BE(),
    random: from.take(32),
    session: from.block(1),
    cookie: isClient ? from.block(1) : null,
    suites: pairs(isClient ? from.block(2) : from.take(2)),
    compression: [...(isClient ? from.block(1) : from.take(1))],
    extensions: []
  };
  const list = cursor(from.block(2));
  while (list.more()) draft.extensions.push([list.take(2).readUInt16BE(), list.block(2)]);
  return draft;
}

/** The hello of either side with one thing changed in its draft. */
export function alterHello(message: HandshakeMessage, change: (draft: HelloDraft) => void): HandshakeMessage {
  const draft = draftOf(message);
  change(draft);
  const isClient = draft.cookie !== null;
  const body = Buffer.concat([
    number(draft.version, 2),
    draft.random,
    withLength(1, draft.session),
    ...(draft.cookie === null ? [] : [withLength(1, draft.cookie)]),
    isClient ? withLength(2, numbers(draft.suites)) : numbers(draft.suites),
    isClient ? withLength(1, Buffer.from(draft.compression)) : Buffer.from(draft.compression),
    withLength(2, ...draft.extensions.map(([type, data]) => Buffer.concat([number(type, 2), withLength(2, data)])))
  ]);
  return { ...message, body };
}

export type KeyExchangeDraft = { curveType: number; group: number; share: Buffer; algorithm: number; signature: Buffer };

export const parametersOf = ({ curveType, group, share }: KeyExchangeDraft): Buffer =>
  Buffer.concat([number(curveType, 1), number(group, 2), withLength(1, share)]);

export function alterKeyExchange(message: HandshakeMessage, change: (draft: KeyExchangeDraft) => void): HandshakeMessage {
  const from = cursor(message.body);
  const draft: KeyExchangeDraft = {
    curveType: from.take(1).readUInt8(),
    group: from.take(2).readUInt16BE(),
    share: from.block(1),
    algorithm: from.take(2).readUInt16BE(),
    signature: from.block(2)
  };
  change(draft);
  return { ...message, body: Buffer.concat([parametersOf(draft), signedBody(draft.algorithm, draft.signature)]) };
}

/** A digitally-signed struct (RFC 5246 section 4.7): a CertificateVerify's body, a ServerKeyExchange's end. */
export const signedBody = (algorithm: number, signature: Buffer): Buffer => Buffer.concat([number(algorithm, 2), withLength(2, signature)]);

// Two peers through the pure functions.

export function createConfig(own: Identity, remote: Identity, changes: Partial<HandshakeConfig> = {}): HandshakeConfig {
  return {
    certificateDer: own.certificateDer,
    privateKey: own.privateKey,
    remoteThumbprint: remote.thumbprint,
    policy: STANDARD_POLICY,
    nowMs: NOW_MS,
    firstWaitMs: 100,
    random: () => randomBytes(32),
    createKeyShare,
    cookieSecret: createSecretKey(randomBytes(32)),
    ...changes
  };
}

export type Said = { readonly from: Side; readonly message: HandshakeMessage /** The speaker's, after saying it. */; readonly state: HandshakeState };
/** What arrives in place of what was said. */
export type Hand = (said: Said) => readonly HandshakeMessage[];

export type Talk = {
  readonly client: HandshakeState;
  readonly server: HandshakeState;
  readonly keys: Readonly<Partial<Record<Side, { readonly suite: CipherSuite; readonly keys: TrafficKeys }>>>;
  /** The first step that failed: nothing was delivered after it. */
  readonly failure: { readonly side: Side; readonly step: Step & { readonly failed: NonNullable<Step['failed']> } } | null;
  /** Every state that either side was in. */
  readonly states: readonly HandshakeState[];
  readonly said: readonly Said[];
};

const messagesOf = (flight: Flight): HandshakeMessage[] => flight.flatMap((part) => (part === 'change-cipher-spec' ? [] : [part.message]));

/** Lets them talk until neither has anything left to say, or one refuses. */
export function talk(configs: Readonly<Record<Side, HandshakeConfig>>, hand: Hand = ({ message }) => [message]): Talk {
  const now: Record<Side, HandshakeState> = { client: beginServer(), server: beginServer() };
  const keys: Partial<Record<Side, NonNullable<Step['keys']>>> = {};
  const states: HandshakeState[] = [];
  const said: Said[] = [];
  const queue: { readonly to: Side; readonly message: HandshakeMessage }[] = [];
  let failure: Talk['failure'] = null;
  const apply = (side: Side, step: Step): void => {
    now[side] = step.state;
    states.push(step.state);
    if (step.keys !== undefined) keys[side] = step.keys;
    if (step.failed !== undefined) failure = { side, step: { ...step, failed: step.failed } };
    for (const message of [...(step.reply === undefined ? [] : [step.reply]), ...messagesOf(step.flight ?? [])]) {
      const utterance = { from: side, message, state: step.state };
      said.push(utterance);
      for (const heard of hand(utterance)) queue.push({ to: other(side), message: heard });
    }
  };
  apply('client', beginClient(configs.client));
  for (let next = queue.shift(); next !== undefined && failure === null; next = queue.shift()) {
    const from = next.to === 'server' ? CLIENT_ADDRESS : SERVER_ADDRESS;
    apply(next.to, receive(now[next.to], next.message, from, configs[next.to]));
  }
  return { ...now, keys, failure, states, said };
}

// Two associations over a path.

/** When the copies of a datagram arrive, in milliseconds from now: none, one or several. */
export type Fate = (from: Side, index: number, datagram: Buffer) => readonly number[];

export type PathOptions = {
  readonly fate?: Fate;
  readonly identities?: Readonly<Record<Side, Identity>>;
  /** Pinned in place of the other's thumbprint. */
  readonly pinned?: Partial<Readonly<Record<Side, Uint8Array>>>;
  readonly roundTripMs?: number | null;
  readonly fips?: Partial<Readonly<Record<Side, boolean>>>;
  readonly log?: Log;
  readonly bindings?: Partial<Readonly<Record<Side, Bindings>>>;
};

export type Sent = { readonly from: Side; readonly atMs: number; readonly datagram: Buffer };
export type Outcome = { readonly established?: Established; readonly error?: unknown; readonly atMs?: number };

export type Path = {
  readonly clock: FakeClock;
  readonly connections: Readonly<Record<Side, DtlsConnection>>;
  readonly sent: readonly Sent[];
  readonly outcomes: Readonly<Record<Side, Outcome>>;
  readonly closed: Readonly<Record<Side, readonly CloisterError[]>>;
  readonly heard: Readonly<Record<Side, number>>;
  readonly keyLog: readonly string[];
  /** Both run. */
  begin(sides?: readonly Side[]): void;
  /** Lets time pass, and what was promised come true. */
  pass(ms: number): Promise<void>;
  /** A datagram from nobody in particular. */
  inject(to: Side, ...datagrams: readonly Buffer[]): void;
  sentBy(side: Side): readonly Sent[];
};

/** One way, where a test names no other fate. */
export const DELAY_MS = 20;
const ROUND_TRIP_MS = 2 * DELAY_MS;
/** What a flight waits for first, at that round trip. */
export const FIRST_WAIT_MS = 2 * ROUND_TRIP_MS;
export const arrives = [DELAY_MS] as const;

export function createPath(options: PathOptions = {}): Path {
  const { fate = () => arrives, roundTripMs = ROUND_TRIP_MS, log = silentLog, fips = {}, pinned = {}, bindings = {} } = options;
  const identities = options.identities ?? { client: createIdentity(), server: createIdentity() };
  const clock = createFakeClock(NOW_MS);
  const sent: Sent[] = [];
  const counts = { client: 0, server: 0 };
  const outcomes: Record<Side, Outcome> = { client: {}, server: {} };
  const closed: Record<Side, CloisterError[]> = { client: [], server: [] };
  const heard: Record<Side, number> = { client: 0, server: 0 };
  const keyLog: string[] = [];
  const addresses = { client: CLIENT_ADDRESS, server: SERVER_ADDRESS };
  const make = (side: Side): DtlsConnection =>
    createDtlsConnection({
      role: side,
      certificate: identities[side],
      remoteThumbprint: pinned[side] ?? identities[other(side)].thumbprint,
      fips: fips[side] ?? false,
      bindings: bindings[side] ?? null,
      roundTripMs,
      clock,
      log,
      send(datagram) {
        sent.push({ from: side, atMs: clock.monotonicMs(), datagram });
        const index = counts[side];
        counts[side] += 1;
        for (const delayMs of fate(side, index, datagram)) clock.schedule(delayMs, () => connections[other(side)].receive(datagram, addresses[side]));
      },
      closed: (error) => closed[side].push(error),
      heard() {
        heard[side] += 1;
      },
      keyLog: (line) => keyLog.push(line)
    });
  const connections: Record<Side, DtlsConnection> = { client: make('client'), server: make('server') };
  return {
    clock,
    connections,
    sent,
    outcomes,
    closed,
    heard,
    keyLog,
    begin(sides = ['server', 'client']) {
      for (const side of sides) {
        connections[side].run().then(
          (established) => {
            outcomes[side] = { established };
          },
          (error: unknown) => {
            outcomes[side] = { error };
          }
        );
      }
    },
    async pass(ms) {
      clock.advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
    },
    inject(to, ...datagrams) {
      for (const datagram of datagrams) connections[to].receive(datagram, addresses[other(to)]);
    },
    sentBy: (side) => sent.filter(({ from }) => from === side)
  };
}

/** A path on which both are connected, with nothing under way any more. */
export async function connectedPath(options: PathOptions = {}): Promise<Path> {
  const path = createPath(options);
  path.begin();
  await path.pass(2_000);
  for (const { established, error } of Object.values(path.outcomes)) if (established === undefined) throw new Error('not connected', { cause: error });
  return path;
}

/** The fragments of the plain handshake records of a datagram. */
export const fragmentsIn = (datagram: Buffer) =>
  readRecords(datagram).flatMap(({ type, epoch, body }) => (type === CONTENT.handshake && epoch === 0 ? (readFragments(body) ?? []) : []));

export type Insider = {
  /** A record as `from` itself would have protected it. */
  record(from: Side, type: number, content: Uint8Array, sequence: number, epoch?: number): Buffer;
  open(from: Side, record: DtlsRecord): Buffer | null;
};

/** Somebody who knows all the keys of a pair, from the key log and what went over the path. */
export function createInsider(path: Path): Insider {
  const [, clientRandom = '', secret = ''] = path.keyLog[0]?.split(' ') ?? [];
  const said = path.sentBy('server').flatMap(({ datagram }) => fragmentsIn(datagram));
  const serverHello = said.find(({ type }) => type === MESSAGE.serverHello);
  if (serverHello === undefined) throw new Error('there was no ServerHello');
  const random = serverHello.data.subarray(2, 34);
  const chosen = serverHello.data.readUInt16BE(35 + serverHello.data.readUInt8(34));
  const suite = STANDARD_POLICY.suites.find(({ id }) => id === chosen);
  if (suite === undefined || secret === '') throw new Error('neither side has keys yet');
  const master = createSecretKey(Buffer.from(secret, 'hex'));
  const keys = trafficKeys(suite, master, Buffer.from(clientRandom, 'hex'), random);
  return {
    record: (from, type, content, number, epoch = 1) => protectRecord(suite, keys[from], type, epoch, number, content),
    open: (from, record) => unprotectRecord(suite, keys[from], record)
  };
}

export const plainHandshake = (message: Buffer, recordSequence = 0): Buffer => plainRecord(CONTENT.handshake, recordSequence, message);
