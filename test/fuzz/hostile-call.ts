// A call of a whole media process, without its process: the session, its connection and its display's feed are the real ones. At the other end is a
// peer that is who it says and holds the keys, and sends what it likes. Between them is memory, no network; their clock stands still until it is moved.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { CallCertificate } from '../../src/encryption/call-certificate.ts';
import { endpointBinding } from '../../src/encryption/endpoint-binding.ts';
import { commitment, commitmentHolds, securityCode } from '../../src/encryption/security-code.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import { createMemoryPaths } from '../../src/media/path/memory-path.ts';
import { createPathSwitch } from '../../src/media/path/path-switch.ts';
import { answeredSections, negotiatedOf } from '../../src/media/peer/negotiation.ts';
import { createPeerTransport } from '../../src/media/peer/peer-transport.ts';
import { type Description, type MediaSection, parseDescription } from '../../src/media/peer/sdp.ts';
import { writeDescription } from '../../src/media/peer/write-sdp.ts';
import type { MediaFailure, MediaSettings } from '../../src/media/port.ts';
import { createSession, type Session } from '../../src/media/session.ts';
import type { NegotiatedMedia, VideoCodec } from '../../src/media/streams.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import { plainRtp } from './plain-media.ts';

export type MediaPacket = 'rtp' | 'rtcp';
export type TargetOptions = { readonly certificate: CallCertificate; readonly clock: FakeClock; readonly camera: boolean };
export type Target = { readonly session: Session; readonly failures: MediaFailure[]; close(): Promise<void> };

export type HostileCall = AsyncDisposable & {
  readonly clock: FakeClock;
  readonly session: Session;
  readonly failures: readonly MediaFailure[];
  readonly negotiated: NegotiatedMedia;
  /** The target's description. */
  readonly offer: string;
  /** The peer's. */
  readonly answer: string;
  /** The target's source of the camera's picture. */
  readonly targetSource: number;
  /** Media datagrams that the target has sent. */
  answers(): number;
  /** Protects it with the call's keys and sends it. @returns false where no keys protect such a packet */
  send(kind: MediaPacket, plain: Buffer): boolean;
  /** Lets time pass, and everything arrive. */
  pass(ms: number): Promise<void>;
  /** As the source of the honest sound, whose next packet it is. */
  sendSound(payload: Buffer): boolean;
  /** One more, which may say what it likes. */
  openDisplay(): Promise<WebSocket>;
  /** Another packet of honest sound arrives at the display. */
  requireSound(): Promise<void>;
  /** A frame with these bytes at its end is at the display by now, or will be in a moment. */
  requireFrame(end: Buffer): Promise<void>;
};

const ORIGIN = 'http://127.0.0.1:1';
const ENDPOINTS = { local: 'target', remote: 'peer' };
const CONNECT_TURNS = 400;
const ARRIVAL_LIMIT_MS = 5_000;
const KEPT_FRAMES = 64;
const SOUND_SOURCE = 0x0a0b0c0d;
const VIDEO = { width: 160, height: 90, fps: 5, maxKbps: 100 };

const settings = (camera: boolean): MediaSettings => ({
  roomName: 'Target',
  camera: camera ? 'test' : 'none',
  microphone: 'none',
  devices: null,
  speaker: 'auto',
  echoCancellation: 'off',
  screen: 'none',
  video: VIDEO,
  screenVideo: VIDEO,
  codecs: ['H264', 'VP8', 'VP9'],
  hardwareEncoders: [],
  iceServers: [],
  fips: false,
  displayHost: '127.0.0.1',
  displayOrigins: [ORIGIN]
});

type CreatePath = ReturnType<typeof createMemoryPaths>[number];

/** What an update asks for leads nowhere: the path in memory is the only one there is. */
function firstOnly(createPath: CreatePath): CreatePath {
  let used = false;
  return (options) => {
    if (!used) {
      used = true;
      return createPath(options);
    }
    return {
      on: () => () => {},
      iceUfrag: 'nowhere1',
      icePassword: 'nowherenowherenowherenowhere',
      gather: async () => {},
      setRemote: () => {},
      addCandidate: async () => {},
      endOfCandidates: async () => {},
      connect: () => new Promise(() => {}),
      send: () => {},
      roundTripMs: () => null,
      consentMs: () => null,
      isOutdated: () => false,
      alive: () => {},
      close: async () => {}
    };
  };
}

export function createTarget(role: 'caller' | 'callee', { certificate, clock, camera }: TargetOptions, createPath: CreatePath): Target {
  const failures: MediaFailure[] = [];
  const session = createSession({
    settings: settings(camera),
    call: { callId: '00000000-0000-7000-8000-000000000000', role, microphone: false, camera, held: false },
    certificate,
    encryption: { commitment, commitmentHolds, securityCode, endpointBinding },
    nonce: new Uint8Array(32).fill(7),
    clock,
    emit: (event, ...parameters) => {
      if (event === 'failed') failures.push(parameters[0] as MediaFailure);
    },
    createPath: firstOnly(createPath)
  });
  return { session, failures, close: () => session.close() };
}

export function readDescription(text: string, type: 'offer' | 'answer'): Description {
  const read = parseDescription(text, type);
  assert.ok(read.ok, 'an honest description is not read');
  return read.value;
}

export type Words = Pick<Description, 'fingerprint' | 'setup' | 'iceUfrag' | 'icePassword'> & { readonly sections: readonly MediaSection[] };
export const describePeer = (words: Words): string =>
  writeDescription({
    ...words,
    sessionId: '1',
    version: 1,
    candidates: [],
    endOfCandidates: true,
    cname: 'peer',
    ssrc: { audio: SOUND_SOURCE, video: SOUND_SOURCE + 1, screen: SOUND_SOURCE + 2 },
    repairSsrc: { video: SOUND_SOURCE + 3, screen: SOUND_SOURCE + 4 }
  });

export const VIDEO_SOURCE = SOUND_SOURCE + 1;

export async function createHostileCall(
  certificates: Readonly<Record<'client' | 'server', CallCertificate>>,
  codec: VideoCodec,
  camera = false
): Promise<HostileCall> {
  const clock = createFakeClock();
  const [targetPath, createPath] = createMemoryPaths();
  const target = createTarget('caller', { certificate: certificates.server, clock, camera }, targetPath);
  const { session, failures } = target;
  const { sdp: offer } = await session.createOffer();
  const offered = readDescription(offer, 'offer');
  const path = createPathSwitch({ controlling: false, iceServers: [], clock, log: silentLog, createPath });
  const peer = createPeerTransport({ certificate: certificates.client, fips: false, clock, log: silentLog, path });
  await path.open();
  const { iceUfrag, icePassword } = path.terms();
  const sections = answeredSections(offered, [codec]);
  assert.ok(sections.ok);
  const answer = describePeer({
    fingerprint: certificates.client.thumbprint,
    setup: 'active',
    iceUfrag,
    icePassword,
    sections: sections.value
  });
  let answers = 0;
  peer.on('media', () => {
    answers += 1;
  });
  await session.acceptAnswer(answer, null, ENDPOINTS);
  let connected = false;
  const bindings = { local: endpointBinding(ENDPOINTS.remote), remote: endpointBinding(ENDPOINTS.local) };
  const connecting = peer.connect('client', offered.fingerprint, bindings).then(() => {
    connected = true;
  });
  connecting.catch(() => {});
  const pass = async (ms: number): Promise<void> => {
    // From the one side to the other, and what it says to that back.
    for (let turn = 0; turn < 2; turn += 1) await nextTurn();
    clock.advance(ms);
    await nextTurn();
  };
  for (let turn = 0; turn < CONNECT_TURNS && !connected; turn += 1) await pass(5);
  await pass(50);
  assert.ok(connected, 'the hostile peer is not connected');

  const openDisplay = async (): Promise<WebSocket> => {
    const { url } = await session.displayTicket();
    const socket = new WebSocket(url, { origin: ORIGIN });
    await once(socket, 'open');
    return socket;
  };
  const display = await openDisplay();
  const frames: Buffer[] = [];
  display.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary) return;
    const frame = decodeFeedFrame(new Uint8Array(data).buffer);
    assert.ok(
      frame !== null && Number.isFinite(frame.timestampUs) && (frame.captureMs === null || Number.isFinite(frame.captureMs)),
      'the feed sends what is no frame'
    );
    frames.push(Buffer.from(frame.data));
    if (frames.length > KEPT_FRAMES) frames.shift();
  });

  const negotiated = negotiatedOf(sections.value);
  let soundNumber = 0;
  const send = (kind: MediaPacket, plain: Buffer): boolean => {
    try {
      peer.send(kind === 'rtp' ? peer.protectRtp(plain) : peer.protectRtcp(plain));
      return true;
    } catch (error) {
      assert.ok(error instanceof CloisterError && error.code === 'CL_INTERNAL', `refused with something else: ${String(error)}`);
      return false;
    }
  };
  const sendSound = (payload: Buffer): boolean => {
    soundNumber += 1;
    const head = { payloadType: negotiated.audio?.payloadType ?? 0, sequence: soundNumber, timestamp: 960 * soundNumber, ssrc: SOUND_SOURCE, marker: false };
    return send('rtp', plainRtp(head, payload));
  };
  const requireFrame = async (end: Buffer): Promise<void> => {
    const deadline = performance.now() + ARRIVAL_LIMIT_MS;
    while (!frames.some((frame) => frame.subarray(-end.length).equals(end))) {
      assert.ok(performance.now() < deadline, 'honest media does not reach the display any more');
      // What was to come before it may be waited for.
      await pass(5);
    }
  };
  return {
    clock,
    session,
    failures,
    negotiated,
    offer,
    answer,
    targetSource: Number(/^a=content:slides|a=ssrc:(\d+)/m.exec(offer.slice(offer.indexOf('m=video')))?.[1] ?? 0),
    answers: () => answers,
    send,
    pass,
    sendSound,
    openDisplay,
    async requireSound() {
      const payload = Buffer.alloc(9, 0x78);
      payload.writeDoubleBE(soundNumber, 1);
      assert.ok(sendSound(payload), 'honest sound cannot be protected any more');
      await requireFrame(payload);
    },
    requireFrame,
    async [Symbol.asyncDispose]() {
      display.terminate();
      await Promise.all([target.close(), peer.close(), pass(1_000)]);
    }
  };
}
