// Who stands between two peers: a relay on the path that can change, answer and inject datagrams, and the peers it is tried on, ours and stock ones.
// The stock peer is the WebRTC stack as it comes; attacks that succeed on it are the ones that ours has to refuse.
import { createHmac } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import {
  DtlsClient,
  DtlsServer,
  type DtlsSocket,
  HashAlgorithm,
  MediaStreamTrack,
  useOPUS as opusCodec,
  RTCCertificate,
  RTCPeerConnection,
  RtpHeader,
  RtpPacket,
  SignatureAlgorithm,
  SrtpSession,
  useVP8 as vp8Codec
} from 'werift';
import { type CallCertificate, createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import type { MediaFailure } from '../../src/media/port.ts';
import type { SecuredConnection } from '../../src/media/streams.ts';
import { certificatePemOf, keyPemOf } from './pem.ts';

export type Outcome = { readonly secured: SecuredConnection | null } | { readonly failed: MediaFailure };

export type Party = AsyncDisposable & {
  readonly certificate: CallCertificate;
  offer(): Promise<string>;
  answer(sdp: string): Promise<string>;
  accept(sdp: string): Promise<void>;
  /** Connected, or failed: whichever comes first. */
  readonly outcome: Promise<Outcome>;
  /** Tries to send one video packet. */
  send(): void;
  /** Video packets that the application got. */
  received(): number;
};

const signatureHash = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 };
export const isMediaDatagram = (data: Buffer) => (data[0] ?? 0) >= 128 && (data[0] ?? 0) <= 191;
export const isDtlsDatagram = (data: Buffer) => (data[0] ?? 0) >= 20 && (data[0] ?? 0) <= 63;
export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function until(condition: () => boolean, text: string, limitMs = 5_000): Promise<void> {
  for (const startMs = performance.now(); !condition(); ) {
    if (performance.now() - startMs > limitMs) throw new Error(`not in time: ${text}`);
    await pause(5);
  }
}

/** A peer as a room has it. It tries to send from the start, unless it is told not to. */
export function roomParty({ sends = true } = {}): Party & { readonly peer: ReturnType<typeof createPeerConnection>; failure(): MediaFailure | null } {
  const certificate = createCallCertificate(Date.now());
  const peer = createPeerConnection({ certificate, iceServers: [], fips: false, videoCodecs: ['VP8'], clock: systemClock, log: silentLog });
  let received = 0;
  let timestamp = 0;
  let failure: MediaFailure | null = null;
  peer.on('rtp', () => {
    received += 1;
  });
  const outcome = new Promise<Outcome>((resolve) => {
    peer.on('secured', (secured) => resolve({ secured }));
    peer.on('failed', (failed) => {
      failure = failed;
      resolve({ failed });
    });
  });
  const send = () => {
    timestamp += 3_000;
    peer.send('video', { timestamp, marker: true, payload: Buffer.alloc(100, 1) });
  };
  const sending = sends ? setInterval(send, 10) : undefined;
  return {
    certificate,
    peer,
    outcome,
    failure: () => failure,
    send,
    received: () => received,
    offer: () => peer.createOffer(),
    answer: (sdp) => peer.acceptOffer(sdp),
    accept: (sdp) => peer.acceptAnswer(sdp),
    async [Symbol.asyncDispose]() {
      clearInterval(sending);
      await peer.close();
    }
  };
}

/** A peer of the stack as it comes; with another key it claims a certificate that is not its own. */
export function stockParty(
  certificate = createCallCertificate(Date.now()),
  keyPem = keyPemOf(certificate.privateKey)
): Party & { readonly peer: RTCPeerConnection; mediaDatagrams(): number } {
  const peer = new RTCPeerConnection({
    bundlePolicy: 'max-bundle',
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    certificates: [new RTCCertificate(keyPem, certificatePemOf(certificate), signatureHash)],
    codecs: { audio: [opusCodec()], video: [vp8Codec()] }
  });
  const track = new MediaStreamTrack({ kind: 'video' });
  peer.addTransceiver('audio', { direction: 'sendrecv' });
  peer.addTransceiver(track, { direction: 'sendrecv' });
  let received = 0;
  let mediaDatagrams = 0;
  let sequenceNumber = 0;
  const watch = () => {
    for (const transport of peer.dtlsTransports) {
      // The stack would ask a third party's server.
      delete transport.iceTransport.connection.stunServer;
      transport.onRtp.subscribe(() => {
        received += 1;
      });
      transport.iceTransport.connection.onData.subscribe((data) => {
        if (isMediaDatagram(data)) mediaDatagrams += 1;
      });
    }
  };
  watch();
  const outcome = new Promise<Outcome>((resolve) => {
    peer.connectionStateChange.subscribe((state) => {
      if (state === 'connected') resolve({ secured: null });
      if (state === 'failed') resolve({ failed: { code: 'CL_MEDIA_CONNECT', detectedBy: 'stock', text: 'failed' } });
    });
  });
  return {
    certificate,
    peer,
    outcome,
    mediaDatagrams: () => mediaDatagrams,
    received: () => received,
    send() {
      sequenceNumber += 1;
      track.writeRtp(
        new RtpPacket(new RtpHeader({ payloadType: 96, sequenceNumber, timestamp: sequenceNumber * 3_000, ssrc: 1, marker: true }), Buffer.alloc(100, 2))
      );
    },
    async offer() {
      await peer.setLocalDescription(await peer.createOffer());
      return peer.localDescription?.sdp ?? '';
    },
    async answer(sdp) {
      await peer.setRemoteDescription({ type: 'offer', sdp });
      await peer.setLocalDescription(await peer.createAnswer());
      return peer.localDescription?.sdp ?? '';
    },
    accept: (sdp) => peer.setRemoteDescription({ type: 'answer', sdp }),
    async [Symbol.asyncDispose]() {
      for (const { dtls } of peer.dtlsTransports) if (dtls !== undefined) endFlights(dtls);
      await peer.close();
    }
  };
}

/** The stock stack would go on repeating the last flight of a handshake that failed, for half a minute. */
function endFlights({ dtls }: DtlsSocket): void {
  dtls.flight = Number.POSITIVE_INFINITY;
}

export type Side = 'offerer' | 'answerer';
const other = (side: Side): Side => (side === 'offerer' ? 'answerer' : 'offerer');

export type Relay = AsyncDisposable & {
  /** Everything that came, with who sent it. */
  readonly seen: readonly { readonly from: Side; readonly data: Buffer }[];
  /** What to send on in place of a datagram; unchanged by default. */
  forward(rule: (from: Side, data: Buffer) => readonly Buffer[]): void;
  /** Sends to a peer from the address that it knows as the other's. */
  inject(to: Side, data: Buffer): void;
  /** The address of a peer, as the path showed it. */
  address(of: Side): { readonly address: string; readonly port: number };
  /** The description with no other address than the relay's. */
  rewrite(from: Side, sdp: string): string;
  /** Where a peer sends what is meant for the other. */
  port(of: Side): number;
  /** Where a peer is that has sent nothing yet. */
  place(of: Side, port: number): void;
  /** As a network translation that has forgotten a side: what it sends comes from another port from now on, and what is sent to the old one is lost. */
  rebind(of: Side): Promise<void>;
  /** Run when the relay is closed. */
  whenClosed(run: () => void): void;
};

/** On the path: each peer sees the other at an address of the relay's. Descriptions are untouched but for the addresses. */
export async function createRelay(): Promise<Relay> {
  const open = () =>
    new Promise<Socket>((resolve) => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1', () => resolve(socket));
    });
  // `towards.offerer` is the socket that the offerer talks to.
  const towards: Record<Side, Socket> = { offerer: await open(), answerer: await open() };
  const addresses: Partial<Record<Side, { address: string; port: number }>> = {};
  const seen: { from: Side; data: Buffer }[] = [];
  const atEnd: (() => void)[] = [];
  let closed = false;
  let rule: (from: Side, data: Buffer) => readonly Buffer[] = (_from, data) => [data];
  const address = (of: Side) => {
    const known = addresses[of];
    if (known === undefined) throw new Error(`nothing came from the ${of} yet`);
    return known;
  };
  const inject = (to: Side, data: Buffer) => {
    const known = addresses[to];
    if (known !== undefined && !closed) towards[to].send(data, known.port, known.address);
  };
  const listen = (from: Side): void => {
    towards[from].on('message', (data, info) => {
      addresses[from] = { address: info.address, port: info.port };
      seen.push({ from, data });
      for (const datagram of rule(from, data)) inject(other(from), datagram);
    });
  };
  listen('offerer');
  listen('answerer');
  const place = (of: Side, port: number) => {
    addresses[of] ??= { address: '127.0.0.1', port };
  };
  const port = (of: Side): number => towards[of].address().port;
  // A peer is not heard before it sends; until then the description's own loopback candidate is where it is.
  const learn = (of: Side, sdp: string) => {
    const [, named] = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) /m.exec(sdp) ?? [];
    if (named !== undefined) place(of, Number(named));
  };
  return {
    seen,
    forward(next) {
      rule = next;
    },
    inject,
    address,
    rewrite(from, sdp) {
      learn(from, sdp);
      const lines = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate') && !line.startsWith('a=end-of-candidates'));
      const mid = lines.findIndex((line) => line.startsWith('a=mid:'));
      return lines.toSpliced(mid + 1, 0, `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port(other(from))} typ host`, 'a=end-of-candidates').join('\r\n');
    },
    port,
    place,
    async rebind(of) {
      const forgotten = towards[other(of)];
      towards[other(of)] = await open();
      listen(other(of));
      forgotten.close();
    },
    whenClosed: (run) => void atEnd.push(run),
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const run of atEnd) run();
      await Promise.all([towards.offerer, towards.answerer].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    }
  };
}

/** Two peers with the relay between them. */
export async function callThrough(relay: Relay, offerer: Party, answerer: Party): Promise<void> {
  const answer = await answerer.answer(relay.rewrite('offerer', await offerer.offer()));
  await offerer.accept(relay.rewrite('answerer', answer));
}

type SeenCertificate = Omit<CallCertificate, 'privateKey'>;
type Terminated = { readonly connected: Record<Side, boolean>; readonly keys: Partial<Record<Side, ReturnType<DtlsServer['extractSessionKeys']>>> };

/** Makes the relay end DTLS on both sides itself, with `claims` towards each of them, and one key of its own. The offerer is DTLS server. */
export function terminateDtls(relay: Relay, claims: Record<Side, CallCertificate | SeenCertificate>): Terminated {
  const keyPem = keyPemOf(createCallCertificate(Date.now()).privateKey);
  const result: { connected: Record<Side, boolean>; keys: Terminated['keys'] } = { connected: { offerer: false, answerer: false }, keys: {} };
  const pipes: Partial<Record<Side, { onData(data: Buffer, address: readonly [string, number]): void }>> = {};
  const start = (to: Side, ownKey: string) => {
    const pipe = {
      type: 'relay',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: (_data: Buffer, _address: readonly [string, number]): void => {},
      send: async (data: Buffer): Promise<void> => relay.inject(to, data),
      close: async (): Promise<void> => {}
    };
    pipes[to] = pipe;
    const options = {
      cert: certificatePemOf(claims[to]),
      key: ownKey,
      signatureHash,
      transport: pipe,
      srtpProfiles: [7, 1] as (1 | 7)[],
      extendedMasterSecret: true,
      certificateRequest: true
    };
    const socket = to === 'offerer' ? new DtlsClient(options) : new DtlsServer(options);
    relay.whenClosed(() => endFlights(socket));
    socket.onConnect.once(() => {
      result.connected[to] = true;
      result.keys[to] = socket.extractSessionKeys(16, 12);
    });
    if (socket instanceof DtlsClient) socket.connect().catch(() => {});
  };
  relay.forward((from, data) => {
    if (!isDtlsDatagram(data)) return isMediaDatagram(data) ? [] : [data];
    for (const side of ['offerer', 'answerer'] as const) if (pipes[side] === undefined) start(side, keyOf(claims[side]) ?? keyPem);
    pipes[from]?.onData(data, ['', 0]);
    return [];
  });
  return result;
}

/** Somebody's certificate, as anybody has it who saw it once: without the key. */
export const seenCertificate = ({ certificateDer, thumbprint }: CallCertificate): SeenCertificate => ({ certificateDer, thumbprint });

const keyOf = (claim: CallCertificate | SeenCertificate): string | null => ('privateKey' in claim ? keyPemOf(claim.privateKey) : null);

export function decrypts(keys: ReturnType<DtlsServer['extractSessionKeys']>, datagram: Buffer): boolean {
  const session = new SrtpSession({
    keys: { localMasterKey: keys.localKey, localMasterSalt: keys.localSalt, remoteMasterKey: keys.remoteKey, remoteMasterSalt: keys.remoteSalt },
    profile: 7
  });
  try {
    return session.decrypt(datagram).length > 12;
  } catch {
    return false;
  }
}

/** Calls `change` with each unencrypted handshake message of a datagram, and puts what it returns in its place. */
export function rewriteHandshake(datagram: Buffer, change: (type: number, body: Buffer) => Buffer): Buffer {
  const records: Buffer[] = [];
  for (let offset = 0; offset + 13 <= datagram.length; ) {
    const end = offset + 13 + datagram.readUInt16BE(offset + 11);
    const record = datagram.subarray(offset, end);
    offset = end;
    if (record.readUInt8(0) !== 22 || record.readUInt16BE(3) !== 0) {
      records.push(record);
      continue;
    }
    const body = change(record.readUInt8(13), record.subarray(25));
    const rewritten = Buffer.concat([record.subarray(0, 25), body]);
    rewritten.writeUInt16BE(body.length + 12, 11);
    rewritten.writeUIntBE(body.length, 14, 3);
    rewritten.writeUIntBE(body.length, 22, 3);
    records.push(rewritten);
  }
  return Buffer.concat(records);
}

function withoutExtension(body: Buffer, listOffset: number, unwanted: number): Buffer {
  const kept: Buffer[] = [];
  for (let offset = listOffset + 2; offset < body.length; ) {
    const end = offset + 4 + body.readUInt16BE(offset + 2);
    if (body.readUInt16BE(offset) !== unwanted) kept.push(body.subarray(offset, end));
    offset = end;
  }
  const list = Buffer.concat(kept);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(list.length);
  return Buffer.concat([body.subarray(0, listOffset), length, list]);
}

/** Where the extensions of a hello begin. */
function extensionsOf(type: number, body: Buffer): number {
  let offset = 34;
  offset += 1 + body.readUInt8(offset);
  if (type === 2) return offset + 3;
  offset += 1 + body.readUInt8(offset);
  offset += 2 + body.readUInt16BE(offset);
  return offset + 1 + body.readUInt8(offset);
}

/** P_hash of RFC 5246 section 5 with SHA-256. */
const prf = (secret: Uint8Array, label: string, seed: Uint8Array, length: number) => {
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

/** Strips the extended master secret and makes both X25519 shares zero. @returns the keys that the relay then knows without holding any */
export function weakenKeyExchange(relay: Relay): { clientKeys(): { readonly key: Buffer; readonly salt: Buffer } } {
  const randoms: { client: Buffer; server: Buffer } = { client: Buffer.alloc(32), server: Buffer.alloc(32) };
  const change = (type: number, body: Buffer): Buffer => {
    if (type === 1 || type === 2) {
      randoms[type === 1 ? 'client' : 'server'] = Buffer.from(body.subarray(2, 34));
      return withoutExtension(body, extensionsOf(type, body), 23);
    }
    const zeroed = Buffer.from(body);
    if (type === 12) zeroed.fill(0, 4, 36);
    if (type === 16) zeroed.fill(0, 1, 33);
    return zeroed;
  };
  relay.forward((_from, data) => [isDtlsDatagram(data) ? rewriteHandshake(data, change) : data]);
  return {
    clientKeys() {
      const both = Buffer.concat([randoms.client, randoms.server]);
      const material = prf(prf(Buffer.alloc(32), 'master secret', both, 48), 'EXTRACTOR-dtls_srtp', both, 56);
      return { key: material.subarray(0, 16), salt: material.subarray(32, 44) };
    }
  };
}
