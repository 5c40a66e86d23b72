// A spare media process calls itself once, so that a real call finds everything loaded and compiled: without it the first picture comes twice as late.
// Invariant: nothing of it leaves the process or is left over. The path is memory, the source a test picture; keys, nonces and sessions are its own.
import type { Clock } from '../kernel/clock.ts';
import type { SessionEvents } from './ipc.ts';
import { createMemoryPaths } from './path/memory-path.ts';
import type { MediaCallOptions, MediaSettings } from './port.ts';
import type { Session, SessionOptions } from './session.ts';

export type BeginSession = (
  settings: MediaSettings,
  call: MediaCallOptions,
  emit: SessionOptions['emit'],
  createPath?: SessionOptions['createPath']
) => Session;

const LIMIT_MS = 5_000;
const PICTURES = 10;
const SETTINGS: MediaSettings = {
  roomName: '',
  camera: 'test',
  microphone: 'test',
  devices: null,
  speaker: 'none',
  echoCancellation: 'off',
  video: { width: 640, height: 360, fps: 30, maxKbps: 800 },
  screen: 'none',
  screenVideo: { width: 640, height: 360, fps: 15, maxKbps: 800 },
  codecs: ['H264', 'VP8'],
  hardwareEncoders: [],
  iceServers: [],
  fips: false,
  displayHost: '127.0.0.1',
  displayOrigins: []
};
const CALL = { callId: '00000000-0000-7000-8000-000000000000', microphone: true, camera: true, held: false } as const;

/** Resolves when some pictures went each way, or when `signal` aborts because the real call has come; never rejects. */
export async function rehearse(begin: BeginSession, clock: Clock, signal: AbortSignal): Promise<void> {
  const [callerPath, calleePath] = createMemoryPaths();
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const limit = clock.schedule(LIMIT_MS, resolve);
  const ready = new Set<MediaCallOptions['role']>();
  const listenAs =
    (role: MediaCallOptions['role']): SessionOptions['emit'] =>
    (event, ...parameters) => {
      if (event === 'failed') resolve();
      if (event !== 'statistics') return;
      const [{ video }] = parameters as SessionEvents['statistics'];
      if (video.framesReceived >= PICTURES && ready.add(role).size === 2) resolve();
    };
  signal.addEventListener('abort', () => resolve(), { once: true });
  const caller = begin(SETTINGS, { ...CALL, role: 'caller' }, listenAs('caller'), callerPath);
  const callee = begin(SETTINGS, { ...CALL, role: 'callee' }, listenAs('callee'), calleePath);
  const call = async (): Promise<void> => {
    const { sdp: offer, commitment } = await caller.createOffer();
    const { sdp: answer, nonce } = await callee.acceptOffer(offer, { commitment }, { local: 'callee', remote: 'caller' });
    await callee.open();
    const revealed = await caller.acceptAnswer(answer, { nonce }, { local: 'caller', remote: 'callee' });
    await callee.reveal(revealed.nonce);
  };
  call().catch(() => resolve());
  await over;
  limit.cancel();
  await Promise.allSettled([caller.close(), callee.close()]);
}
