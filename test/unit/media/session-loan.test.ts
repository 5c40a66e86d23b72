// Two calls of one room in one process, each over a path in memory: sockets, encoders and protection are the real ones, the clock is moved by hand.
// Whose camera it is tells the colour of the test picture, which is of the room's name.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AV_CODEC_ID_VP8 } from 'node-av';
import { WebSocket } from 'ws';
import { createCallCertificate } from '../../../src/encryption/call-certificate.ts';
import { endpointBinding } from '../../../src/encryption/endpoint-binding.ts';
import { commitment, commitmentHolds, securityCode } from '../../../src/encryption/security-code.ts';
import type { CloisterError } from '../../../src/kernel/errors.ts';
import { decodeFeedFrame } from '../../../src/media/display-feed/protocol.ts';
import type { SessionEvents } from '../../../src/media/ipc.ts';
import { createMemoryPaths } from '../../../src/media/path/memory-path.ts';
import type { MediaSettings, MediaStatistics } from '../../../src/media/port.ts';
import { createSession, type Session, type SessionOptions } from '../../../src/media/session.ts';
import { hueOf } from '../../../src/media/source/test-picture.ts';
import { createFakeClock, type FakeClock } from '../../fakes/clock.ts';
import { createFakePath } from '../../fakes/path.ts';
import { decodeAll } from '../../harness/decode.ts';

const ORIGIN = 'http://127.0.0.1:1';
const VIDEO = { width: 160, height: 90, fps: 10, maxKbps: 300 };
const SETTINGS: MediaSettings = {
  roomName: '',
  camera: 'none',
  microphone: 'none',
  devices: null,
  speaker: 'display',
  echoCancellation: 'off',
  screen: 'none',
  video: VIDEO,
  screenVideo: VIDEO,
  codecs: ['VP8'],
  hardwareEncoders: [],
  iceServers: [],
  fips: false,
  displayHost: '127.0.0.1',
  displayOrigins: [ORIGIN]
};
const REAL_LIMIT_MS = 15_000;
const hasCode = (code: CloisterError['code']) => (error: unknown) => (error as CloisterError).code === code;

type CallOptions = Partial<SessionOptions['call']>;
type Side = { readonly session: Session; readonly said: string[]; reported(): MediaStatistics | null };

const chromaOf = (room: string): readonly [number, number] => {
  const hue = (hueOf(room) * Math.PI) / 180;
  return [Math.round(128 + 56 * Math.cos(hue)), Math.round(128 + 56 * Math.sin(hue))];
};

describe('sessions of one room', function () {
  this.timeout(2 * REAL_LIMIT_MS);
  const certificates = [1, 2, 3, 4].map(() => createCallCertificate(createFakeClock().now()));
  let clock: FakeClock;
  let sessions: Session[] = [];
  let displays: WebSocket[] = [];
  let alive: NodeJS.Timeout;
  before(() => {
    alive = setInterval(() => {}, 1_000);
  });
  after(() => clearInterval(alive));
  beforeEach(() => {
    clock = createFakeClock();
  });
  afterEach(async () => {
    for (const display of displays) display.terminate();
    await Promise.all(sessions.map((session) => session.close()));
    [sessions, displays] = [[], []];
    assert.equal(clock.pending, 0, 'a timer is left');
  });

  function createSide(role: 'caller' | 'callee', path: NonNullable<SessionOptions['createPath']>, settings: Partial<MediaSettings>, call: CallOptions): Side {
    const said: string[] = [];
    let statistics: MediaStatistics | null = null;
    let used = false;
    const certificate = certificates[sessions.length % 4];
    assert.ok(certificate);
    const session = createSession({
      settings: { ...SETTINGS, ...settings },
      call: { callId: '00000000-0000-7000-8000-000000000000', role, microphone: true, camera: settings.camera !== undefined, held: false, ...call },
      certificate,
      encryption: { commitment, commitmentHolds, securityCode, endpointBinding },
      nonce: new Uint8Array(32).fill(role === 'caller' ? 1 : 2),
      clock,
      emit(event, ...parameters) {
        if (event === 'secured') said.push('secured');
        if (event === 'failed') said.push(`failed ${(parameters as unknown as SessionEvents['failed'])[0].code}`);
        if (event === 'notice') said.push(`notice ${(parameters as unknown as SessionEvents['notice'])[0].code}`);
        if (event === 'statistics') statistics = (parameters as unknown as SessionEvents['statistics'])[0];
      },
      createPath(options) {
        const made = used ? createFakePath('nowhere') : path(options);
        used = true;
        return { ...made, gather: async () => {} };
      }
    });
    sessions.push(session);
    return { session, said, reported: () => statistics };
  }

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      for (let turn = 0; turn < 4; turn++) await nextTurn();
      clock.advance(10);
    }
    await nextTurn();
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + REAL_LIMIT_MS;
    while (!(await condition())) {
      assert.ok(performance.now() < deadline, `in vain: ${what}`);
      await pass(10);
    }
  }

  /** A call whose callee is this room's, called `room`; the caller is somebody else. */
  function createCall(room: string, settings: Partial<MediaSettings> = {}, call: CallOptions = {}) {
    const [callerPath, calleePath] = createMemoryPaths();
    const far = createSide('caller', callerPath, {}, { camera: false });
    const near = createSide('callee', calleePath, { roomName: room, ...settings }, call);
    return { far, near };
  }
  type Call = ReturnType<typeof createCall>;

  async function connect({ far, near }: Call, endToEnd = false): Promise<void> {
    const offer = await far.session.createOffer();
    const answer = await near.session.acceptOffer(offer.sdp, endToEnd ? { commitment: offer.commitment } : null, { local: 'callee', remote: 'caller' });
    await near.session.open();
    const { nonce } = await far.session.acceptAnswer(answer.sdp, endToEnd ? { nonce: answer.nonce } : null, { local: 'caller', remote: 'callee' });
    if (endToEnd) await near.session.reveal(nonce);
  }

  const isLive = ({ near, far }: Call) => until('both are live', () => near.said.includes('secured') && far.said.includes('secured'));

  /** What the far side's display shows. */
  async function watch({ far }: Call) {
    const { url } = await far.session.displayTicket();
    const display = new WebSocket(url, { origin: ORIGIN });
    displays.push(display);
    display.binaryType = 'arraybuffer';
    let pictures: Uint8Array[] = [];
    let all = 0;
    let sounds = 0;
    display.on('message', (data, binary) => {
      const frame = binary ? decodeFeedFrame(data as ArrayBuffer) : null;
      if (frame?.kind === 'audio') sounds++;
      else if (frame !== null) {
        if (frame.kind === 'video-key') pictures = [];
        pictures.push(frame.data);
        all++;
      }
    });
    await once(display, 'open');
    return {
      sounds: () => sounds,
      pictures: () => all,
      /** Whether the latest picture is of this room's camera. */
      async shows(room: string): Promise<boolean> {
        const chroma: (readonly [number, number])[] = [];
        if (pictures.length === 0) return false;
        await decodeAll(AV_CODEC_ID_VP8, [...pictures], ({ data }) => void chroma.push([data?.[1]?.[5] ?? 0, data?.[2]?.[5] ?? 0]));
        const last = chroma.at(-1);
        return last !== undefined && chromaOf(room).every((wanted, index) => Math.abs(wanted - (last[index] ?? 0)) <= 12);
      }
    };
  }

  /** A standard call that is live and has a camera and a tone. */
  async function createLender(settings: Partial<MediaSettings> = {}): Promise<Call> {
    const call = createCall('Lender', { camera: 'test', microphone: 'test', ...settings });
    await connect(call);
    await isLive(call);
    await until('it sends', () => call.near.reported()?.video.sending === true && call.near.reported()?.audio.sending === true);
    return call;
  }

  it('borrow camera and microphone from the beginning, send nothing before they are told from whom, and go on with their own when the lender ends', async () => {
    const lender = await createLender();
    const borrower = createCall('Borrower', { camera: 'test', microphone: 'none' }, { borrows: true });
    const screen = await watch(borrower);
    await connect(borrower);
    await isLive(borrower);
    await pass(1_000);
    assert.deepEqual([screen.pictures(), screen.sounds()], [0, 0]);
    const { video, audio } = borrower.near.reported() ?? assert.fail();
    assert.deepEqual([video.sending, audio.sending], [false, false]);
    await borrower.near.session.borrow(await lender.near.session.lend());
    await until('the lender’s picture and tone', async () => screen.sounds() > 10 && (await screen.shows('Lender')));
    assert.ok(!(await screen.shows('Borrower')), 'control: the colours differ');
    // The lender's mute is its own.
    await lender.near.session.setMicrophone(false);
    await pass(200);
    const before = screen.sounds();
    await pass(500);
    assert.equal(lender.near.reported()?.audio.sending, false);
    assert.ok(screen.sounds() > before + 10, 'the lender’s mute silences the borrower');
    await borrower.near.session.setMicrophone(false);
    await pass(200);
    const muted = screen.sounds();
    await pass(500);
    assert.equal(screen.sounds(), muted);
    await lender.near.session.close();
    await until('its own picture', () => screen.shows('Borrower'));
    assert.deepEqual(borrower.near.said, ['secured']);
  });

  it('open their own where they are told to, and may be closed, held and stopped before', async () => {
    const borrower = createCall('Borrower', { camera: 'test', microphone: 'test' }, { borrows: true });
    const screen = await watch(borrower);
    await connect(borrower);
    await isLive(borrower);
    await borrower.near.session.setCamera(false);
    await borrower.near.session.setHeld(true);
    await borrower.near.session.setHeld(false);
    await borrower.near.session.setCamera(true);
    await pass(500);
    assert.deepEqual([screen.pictures(), screen.sounds()], [0, 0]);
    await borrower.near.session.borrow(null);
    await until('its own', async () => screen.sounds() > 10 && (await screen.shows('Borrower')));
    const waiting = createCall('Borrower', { camera: 'test', microphone: 'test' }, { borrows: true });
    await connect(waiting);
    await isLive(waiting);
    await waiting.near.session.close();
  });

  it('change from their own to the lender’s while they run, and on hold, and back', async () => {
    const lender = await createLender();
    const borrower = createCall('Borrower', { camera: 'test', microphone: 'test' });
    const screen = await watch(borrower);
    await connect(borrower);
    await isLive(borrower);
    await until('its own picture', () => screen.shows('Borrower'));
    await borrower.near.session.borrow(await lender.near.session.lend());
    await until('the lender’s', () => screen.shows('Lender'));
    await assert.rejects(lender.near.session.borrow(await borrower.near.session.lend()), hasCode('CL_CALL_WRONG_PHASE'));
    await borrower.near.session.borrow(null);
    await until('its own again', () => screen.shows('Borrower'));
    await borrower.near.session.setHeld(true);
    await borrower.near.session.borrow(await lender.near.session.lend());
    await pass(300);
    const before = screen.pictures();
    await pass(500);
    assert.equal(screen.pictures(), before, 'on hold nothing is sent, whoever it is of');
    await borrower.near.session.setHeld(false);
    await until('the lender’s after hold', () => screen.shows('Lender'));
    // A lender on hold lets go of its devices.
    await lender.near.session.setHeld(true);
    await until('its own while the lender is on hold', () => screen.shows('Borrower'));
    await lender.near.session.setHeld(false);
    await until('the lender’s when that goes on', () => screen.shows('Lender'));
    // With the camera off here, and on again.
    await borrower.near.session.setCamera(false);
    await pass(300);
    const off = screen.pictures();
    await pass(500);
    assert.equal(screen.pictures(), off);
    await borrower.near.session.setCamera(true);
    await until('the lender’s once more', async () => screen.pictures() > off + 3 && (await screen.shows('Lender')));
  });

  it('share the screen that the lender shares, and go on by themselves when it stops', async () => {
    const lender = await createLender();
    const borrower = createCall('Borrower', { camera: 'test', microphone: 'test' }, { borrows: true });
    await connect(borrower);
    await isLive(borrower);
    await borrower.near.session.borrow(await lender.near.session.lend());
    await lender.near.session.setScreen(true, 'test');
    const sharing = borrower.near.session.setScreen(true, 'test');
    const received = (): number => borrower.far.reported()?.screen.framesReceived ?? 0;
    await until('it arrives', () => received() > 2);
    await sharing;
    await lender.near.session.setScreen(false);
    const before = received();
    await until('it goes on', () => received() > before + 3);
    assert.deepEqual(borrower.near.reported()?.screenSource, { kind: 'test', name: 'Test page' });
    // As without a loan: what is none is refused.
    const refused = assert.rejects(borrower.near.session.setScreen(true, 'none'), hasCode('CL_MEDIA_SCREEN_NONE'));
    await pass(500);
    await refused;
    assert.deepEqual([borrower.near.said, lender.near.said], [['secured'], ['secured']]);
  });

  it('use their own, and tell it, where the loan is worth nothing', async () => {
    const borrower = createCall('Borrower', { camera: 'test', microphone: 'test' }, { borrows: true });
    const screen = await watch(borrower);
    await connect(borrower);
    await isLive(borrower);
    await borrower.near.session.borrow({ path: `${tmpdir()}/cloister-loan-of-nobody/loan`, ticket: 'ab'.repeat(32) });
    await until('its own', async () => screen.sounds() > 10 && (await screen.shows('Borrower')));
    assert.deepEqual(borrower.near.said, ['secured', 'notice CL_MEDIA_LOAN']);
  });

  it('neither lend nor borrow in an end-to-end encrypted call, nor before it is secured, whatever they are asked', async () => {
    const lender = await createLender();
    const secret = createCall('Secret', { camera: 'test', microphone: 'test' });
    await assert.rejects(secret.near.session.lend(), hasCode('CL_CALL_WRONG_PHASE'));
    await connect(secret, true);
    await assert.rejects(secret.near.session.borrow(await lender.near.session.lend()), hasCode('CL_CALL_FEATURE_UNAVAILABLE'));
    await isLive(secret);
    await assert.rejects(secret.near.session.lend(), hasCode('CL_CALL_FEATURE_UNAVAILABLE'));
    await assert.rejects(secret.near.session.borrow(await lender.near.session.lend()), hasCode('CL_CALL_FEATURE_UNAVAILABLE'));
    assert.deepEqual(secret.near.said, ['secured'], 'the call goes on');
  });

  for (const [when, call, borrowsBefore] of [
    ['was begun as a borrower', { borrows: true }, false],
    ['borrows already', {}, true]
  ] as const) {
    it(`fail before they are live where the call of one that ${when} becomes end-to-end encrypted: nothing is sent`, async () => {
      const lender = await createLender();
      const borrower = createCall('Borrower', { camera: 'test', microphone: 'test' }, call);
      const screen = await watch(borrower);
      if (borrowsBefore) await borrower.near.session.borrow(await lender.near.session.lend());
      await connect(borrower, true);
      await until('it fails', () => borrower.near.said.length > 0);
      await pass(1_000);
      assert.deepEqual(borrower.near.said, ['failed CL_CALL_FEATURE_UNAVAILABLE']);
      assert.deepEqual([screen.pictures(), screen.sounds()], [0, 0]);
      await assert.rejects(borrower.near.session.borrow(null), hasCode('CL_CALL_WRONG_PHASE'));
      assert.deepEqual(lender.near.said, ['secured'], 'the lender’s call goes on');
    });
  }
});
