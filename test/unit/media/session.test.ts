// Two sessions over a path in memory: handshake, protection, sound and the display's feed are the real ones, the clock is moved by hand.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { type CallCertificate, createCallCertificate } from '../../../src/encryption/call-certificate.ts';
import { endpointBinding } from '../../../src/encryption/endpoint-binding.ts';
import { commitment, commitmentHolds, securityCode } from '../../../src/encryption/security-code.ts';
import { makeSealingPair, sealFor } from '../../../src/identity/sealing.ts';
import type { CloisterError } from '../../../src/kernel/errors.ts';
import { decodeFeedFrame, type FeedFrame } from '../../../src/media/display-feed/protocol.ts';
import type { SessionEvents } from '../../../src/media/ipc.ts';
import { createMemoryPaths } from '../../../src/media/path/memory-path.ts';
import type { MediaSettings, MediaStatistics } from '../../../src/media/port.ts';
import { readSealedKey } from '../../../src/media/recording/sealed-recording.ts';
import { createSession, type SessionOptions } from '../../../src/media/session.ts';
import { createFakeClock, type FakeClock } from '../../fakes/clock.ts';
import { createFakePath } from '../../fakes/path.ts';
import { decodePictures } from '../../harness/decode.ts';

type Role = 'caller' | 'callee';
type CreatePath = NonNullable<SessionOptions['createPath']>;

const ORIGIN = 'http://127.0.0.1:1';
const VIDEO = { width: 160, height: 90, fps: 5, maxKbps: 100 };
const SETTINGS: MediaSettings = {
  roomName: '',
  camera: 'none',
  microphone: 'test',
  devices: null,
  speaker: 'auto',
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
const ENDPOINTS = { caller: { local: 'caller', remote: 'callee' }, callee: { local: 'callee', remote: 'caller' } };
const REAL_LIMIT_MS = 10_000;
const TICK_MS = 10;

/** RFC 7983 section 7, RFC 5761 section 4. */
const isRtp = ([first = 0, second = 0]: Buffer): boolean => first >= 128 && first <= 191 && (second < 192 || second > 223);
/** Of a record of a handshake that is protected: Finished (RFC 6347 section 4.1). Several may be in one datagram. */
function hasFinished(datagram: Buffer): boolean {
  for (let at = 0; at + 13 <= datagram.length; at += 13 + datagram.readUInt16BE(at + 11))
    if (datagram[at] === 22 && datagram.readUInt16BE(at + 3) > 0) return true;
  return false;
}
const hasCode = (code: CloisterError['code']) => (error: unknown) => (error as CloisterError).code === code;
/** Servers of this process. */
const listeners = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
const nonceOf = (role: Role): Uint8Array => new Uint8Array(32).fill(role === 'caller' ? 1 : 2);

function createSide(
  role: Role,
  clock: FakeClock,
  certificate: CallCertificate,
  memory: CreatePath,
  passes: (datagram: Buffer) => boolean,
  settings: Partial<MediaSettings>,
  sealRecordingKey: SessionOptions['sealRecordingKey'] = sealFor
) {
  const said: string[] = [];
  const figures = { datagrams: 0, rtp: 0, words: 0, closedPaths: 0, reports: 0, keys: 0 };
  const problems: (string | null)[] = [];
  let statistics = null as MediaStatistics | null;
  let pathUsed = false;
  const session = createSession({
    settings: { ...SETTINGS, ...settings },
    call: { callId: '00000000-0000-7000-8000-000000000000', role, microphone: true, camera: settings.camera !== undefined, held: false },
    certificate,
    encryption: { commitment, commitmentHolds, securityCode, endpointBinding },
    sealRecordingKey,
    nonce: nonceOf(role),
    clock,
    emit(event, ...parameters) {
      figures.words += 1;
      if (event === 'secured') said.push(`secured ${(parameters as unknown as SessionEvents['secured'])[0].code}`);
      if (event === 'failed') said.push(`failed ${(parameters as unknown as SessionEvents['failed'])[0].code}`);
      if (event === 'statistics') {
        figures.reports += 1;
        statistics = (parameters as unknown as SessionEvents['statistics'])[0];
      }
      if (event === 'key') figures.keys += 1;
      if (event === 'problem') problems.push((parameters as unknown as SessionEvents['problem'])[0]?.code ?? null);
    },
    createPath(options) {
      // The one in memory is for one use: a change of it would lead nowhere.
      const path = pathUsed ? createFakePath('nowhere') : memory(options);
      pathUsed = true;
      return {
        ...path,
        // No socket is opened, not even for practice.
        gather: async () => {},
        send(datagram) {
          figures.datagrams += 1;
          if (isRtp(datagram)) figures.rtp += 1;
          if (passes(datagram)) path.send(datagram);
        },
        async close() {
          figures.closedPaths += 1;
          await path.close();
        }
      };
    }
  });
  return {
    session,
    said,
    figures,
    problems,
    reported: () => statistics,
    received: () => ({ packets: statistics?.audio.packetsReceived ?? 0, frames: statistics?.audio.framesReceived ?? 0 })
  };
}

describe('session', function () {
  this.timeout(2 * REAL_LIMIT_MS);
  const nowMs = createFakeClock().now();
  const certificates = { caller: createCallCertificate(nowMs), callee: createCallCertificate(nowMs) };
  let close: () => Promise<void> = async () => {};
  // The clock's timers do not keep a process alive.
  let alive: NodeJS.Timeout;
  before(() => {
    alive = setInterval(() => {}, 1_000);
  });
  afterEach(() => close());
  after(() => clearInterval(alive));

  /** @param passes which datagrams of either side get to the other @param settings of the callee's, whose camera is on where there is one */
  function createWorld(
    passes: (datagram: Buffer) => boolean = () => true,
    settings: Partial<MediaSettings> = {},
    sealRecordingKey?: SessionOptions['sealRecordingKey']
  ) {
    const clock = createFakeClock();
    const [callerPath, calleePath] = createMemoryPaths();
    const caller = createSide('caller', clock, certificates.caller, callerPath, passes, {});
    const callee = createSide('callee', clock, certificates.callee, calleePath, passes, settings, sealRecordingKey);
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += TICK_MS) {
        for (let turn = 0; turn < 3; turn++) await nextTurn();
        clock.advance(TICK_MS);
      }
      await nextTurn();
    };
    /** Handshake and encoders take the time that they take. */
    const until = async (what: string, condition: () => boolean): Promise<void> => {
      const deadline = performance.now() + REAL_LIMIT_MS;
      while (!condition()) {
        assert.ok(performance.now() < deadline, `in vain: ${what}`);
        await pass(TICK_MS);
      }
    };
    close = async () => void (await Promise.all([caller.session.close(), callee.session.close()]));
    return { clock, caller, callee, pass, until };
  }
  type World = ReturnType<typeof createWorld>;

  /** Descriptions are exchanged; neither is the callee open nor is the caller's nonce revealed. @returns that nonce */
  async function exchange({ caller, callee }: World, endToEnd = true): Promise<string> {
    const offer = await caller.session.createOffer();
    const answer = await callee.session.acceptOffer(offer.sdp, endToEnd ? { commitment: offer.commitment } : null, ENDPOINTS.callee);
    return (await caller.session.acceptAnswer(answer.sdp, endToEnd ? { nonce: answer.nonce } : null, ENDPOINTS.caller)).nonce;
  }

  it('sends nothing and shows nothing while the nonce is not revealed, though the handshake is done and the call answered; then all at once, with one code', async () => {
    const world = createWorld();
    const { caller, callee, pass, until } = world;
    const nonce = await exchange(world);
    const shown: unknown[] = [];
    const { url } = await callee.session.displayTicket();
    const display = new WebSocket(url, { origin: ORIGIN });
    display.on('message', (data) => shown.push(data));
    await once(display, 'open');
    await callee.session.open();
    // The caller knows all that it needs, and so it sends.
    await until('sound arrives at the callee', () => callee.received().packets > 10);
    await pass(500);
    assert.deepEqual([callee.said, callee.figures.rtp, callee.received().frames, shown.length], [[], 0, 0, 0]);
    await callee.session.reveal(nonce);
    await until('sound arrives at both', () => callee.received().frames > 10 && caller.received().frames > 10);
    await until('the display has it', () => shown.length > 10);
    assert.match(callee.said[0] ?? '', /^secured \d{5} \d{5} \d{5} \d{5}$/);
    assert.deepEqual([callee.said.length, caller.said], [1, callee.said]);
    // A message may come twice.
    await callee.session.reveal(nonce);
    assert.equal(callee.said.length, 1);
    display.terminate();
  });

  it('gives the own picture, as it is sent, to this room’s pages: nothing before the call is live, nothing of the other side, and nothing while the camera is off', async () => {
    const world = createWorld(() => true, { camera: 'test' });
    const { callee, pass, until } = world;
    const nonce = await exchange(world);
    await assert.rejects(once(new WebSocket((await callee.session.displayTicket()).url.replace(/[^/]+$/, 'guess'), { origin: ORIGIN }), 'open'));
    const { url } = await callee.session.ownPictureTicket();
    assert.notEqual(new URL(url).port, new URL((await callee.session.displayTicket()).url).port);
    const frames: FeedFrame[] = [];
    const words: string[] = [];
    const page = new WebSocket(url, { origin: ORIGIN });
    page.binaryType = 'arraybuffer';
    page.on('message', (data, binary) => {
      const frame = binary ? decodeFeedFrame(data as ArrayBuffer) : null;
      if (frame !== null) frames.push(frame);
      else words.push(String(data instanceof ArrayBuffer ? Buffer.from(data) : data));
    });
    await once(page, 'open');
    await callee.session.open();
    await pass(500);
    assert.equal(frames.length, 0);
    await callee.session.reveal(nonce);
    await until('pictures come', () => frames.length > 5);
    assert.deepEqual([...new Set(frames.map(({ kind }) => kind))], ['video-key', 'video-delta']);
    assert.equal(frames[0]?.kind, 'video-key');
    assert.ok(words.some((word) => word.includes('"picture-config"') && word.includes(`"width":${VIDEO.width}`)));
    assert.deepEqual(
      words.filter((word) => word.includes('audio-config')),
      []
    );
    assert.equal(callee.reported()?.displays, 0, 'a self-view is no display that plays the sound');
    const [image] = await decodePictures('VP8', frames);
    assert.deepEqual([image?.width, image?.height], [VIDEO.width, VIDEO.height]);
    await callee.session.setCamera(false);
    await pass(1_000);
    assert.match(words.at(-1) ?? '', /"video":false/);
    const before = frames.length;
    await pass(1_000);
    assert.equal(frames.length, before);
    page.terminate();
  });

  it('records a standard call for its recipient alone, and no other call at all, whatever it is asked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cloister-session-'));
    const { publicKey } = makeSealingPair();
    const files = (): Promise<string[]> => readdir(join(directory, 'recordings')).catch(() => []);
    const recording = { directory: join(directory, 'recordings'), recipient: publicKey, maxBytes: 10_000_000 };
    try {
      const secret = createWorld(() => true, { recording });
      await assert.rejects(secret.callee.session.setRecording(true), hasCode('CL_CALL_WRONG_PHASE'));
      const nonce = await exchange(secret);
      await secret.callee.session.open();
      await assert.rejects(secret.callee.session.setRecording(true), (error) =>
        ['CL_CALL_WRONG_PHASE', 'CL_CALL_FEATURE_UNAVAILABLE'].includes((error as CloisterError).code)
      );
      await secret.callee.session.reveal(nonce);
      await secret.until('it is live', () => secret.callee.said.length === 1);
      await assert.rejects(secret.callee.session.setRecording(true), hasCode('CL_CALL_FEATURE_UNAVAILABLE'));
      await secret.callee.session.setRecording(false);
      assert.deepEqual(await files(), []);
      await close();

      const standard = createWorld(() => true, { recording });
      await exchange(standard, false);
      await standard.callee.session.open();
      await standard.until('both are live', () => standard.callee.said.length + standard.caller.said.length === 2);
      await assert.rejects(standard.caller.session.setRecording(true), hasCode('CL_CALL_FEATURE_MISSING'));
      await standard.callee.session.setRecording(true);
      await standard.callee.session.setRecording(true);
      assert.equal((await files()).length, 1);
      await standard.pass(3_000);
      await standard.callee.session.close();
      const [name = ''] = await files();
      const bytes = await readFile(join(directory, 'recordings', name));
      assert.ok(readSealedKey(bytes) !== null && bytes.length > 1_000);
    } finally {
      await close();
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('sends nothing more once it is to end, however long the disk takes for what is left of a recording', async () => {
    const gate = Promise.withResolvers<null>();
    const recording = { directory: join(tmpdir(), 'cloister-never-made'), recipient: makeSealingPair().publicKey, maxBytes: 10_000_000 };
    let asked = false;
    const world = createWorld(
      () => true,
      { recording, camera: 'test' },
      () => {
        asked = true;
        return gate.promise;
      }
    );
    const { callee, caller, pass, until } = world;
    await exchange(world, false);
    await callee.session.open();
    await until('sound arrives', () => caller.received().frames > 3);
    const recorded = assert.rejects(callee.session.setRecording(true), hasCode('CL_CALL_RECORDING'));
    await until('the recording begins', () => asked);
    const closed = callee.session.close();
    await pass(100);
    const { rtp } = callee.figures;
    await pass(1_000);
    assert.deepEqual([callee.figures.rtp - rtp, callee.figures.closedPaths], [0, 1]);
    gate.resolve(null);
    await Promise.all([closed, recorded]);
  });

  it('sends no datagram at all from the callee before the call is answered, though everything else is there', async () => {
    const world = createWorld();
    const { caller, callee, pass, until } = world;
    await callee.session.reveal(await exchange(world));
    await pass(3_000);
    assert.deepEqual([callee.figures.datagrams, callee.said, caller.said, caller.figures.rtp], [0, [], [], 0]);
    await callee.session.open();
    await until('both are live', () => callee.said.length + caller.said.length === 2);
  });

  it('sends no media while the handshake is not done, and fails when it never is', async () => {
    const world = createWorld((datagram) => !hasFinished(datagram));
    const { caller, callee, pass, until } = world;
    const nonce = await exchange(world);
    await callee.session.open();
    await callee.session.reveal(nonce);
    await pass(5_000);
    assert.deepEqual([caller.said, callee.said, caller.figures.rtp, callee.figures.rtp], [[], [], 0, 0]);
    await until('both have given up', () => callee.said.length + caller.said.length === 2);
    assert.deepEqual([caller.said, callee.said], [['failed CL_MEDIA_CONNECT'], ['failed CL_MEDIA_CONNECT']]);
    assert.deepEqual([caller.figures.rtp, callee.figures.rtp], [0, 0]);
  });

  it('fails on a nonce that does not fit its commitment, says so once, and is not healed by the right one', async () => {
    const world = createWorld();
    const { callee, pass, until } = world;
    const nonce = await exchange(world);
    await callee.session.open();
    await until('sound arrives at the callee', () => callee.received().packets > 3);
    await callee.session.reveal('0'.repeat(64));
    await callee.session.reveal('1'.repeat(64));
    await callee.session.reveal(nonce);
    const { datagrams } = callee.figures;
    await pass(2_000);
    assert.deepEqual(callee.said, ['failed CL_SECURITY_COMMITMENT']);
    assert.deepEqual([callee.figures.rtp, callee.received().frames, callee.figures.closedPaths], [0, 0, 1]);
    assert.ok(callee.figures.datagrams - datagrams <= 1, 'but for the word that it is over, something left');
    await assert.rejects(callee.session.setScreen(true), hasCode('CL_CALL_WRONG_PHASE'));
  });

  it('fails so before the handshake, too: then no datagram ever leaves', async () => {
    const world = createWorld();
    const { callee, pass } = world;
    const nonce = await exchange(world);
    await callee.session.reveal('0'.repeat(64));
    await callee.session.reveal(nonce);
    await callee.session.open();
    await pass(2_000);
    assert.deepEqual([callee.said, callee.figures.datagrams], [['failed CL_SECURITY_COMMITMENT'], 0]);
  });

  it('refuses a nonce that nobody waits for: without an offer, in a standard call, as the caller', async () => {
    const world = createWorld();
    const { caller, callee } = world;
    const refused = hasCode('CL_SECURITY_COMMITMENT');
    await assert.rejects(callee.session.reveal('1'.repeat(64)), refused);
    await exchange(world);
    await assert.rejects(caller.session.reveal('1'.repeat(64)), refused);
    await close();
    const standard = createWorld();
    await assert.rejects(standard.callee.session.reveal(await exchange(standard, false)), refused);
    assert.deepEqual([caller.said, callee.said, standard.callee.said], [[], [], []]);
  });

  it('takes one offer, and one answer', async () => {
    const world = createWorld();
    const { caller, callee, until } = world;
    const offer = await caller.session.createOffer();
    const answer = await callee.session.acceptOffer(offer.sdp, { commitment: offer.commitment }, ENDPOINTS.callee);
    const refused = hasCode('CL_MEDIA_NEGOTIATION');
    // With a commitment of its own or without, a second offer would be a way around the first.
    await assert.rejects(callee.session.acceptOffer(offer.sdp, { commitment: 'ff'.repeat(32) }, ENDPOINTS.callee), refused);
    await assert.rejects(callee.session.acceptOffer(offer.sdp, null, ENDPOINTS.callee), refused);
    await assert.rejects(caller.session.createOffer(), refused);
    const { nonce } = await caller.session.acceptAnswer(answer.sdp, { nonce: answer.nonce }, ENDPOINTS.caller);
    await assert.rejects(caller.session.acceptAnswer(answer.sdp, null, ENDPOINTS.caller), refused);
    await callee.session.open();
    await callee.session.reveal(nonce);
    await until('both are live', () => callee.said.length + caller.said.length === 2);
    assert.match(callee.said[0] ?? '', /^secured \d/);
    assert.deepEqual(caller.said, callee.said);
  });

  it('is a standard call where the offer says so: it has no code, and waits for none', async () => {
    const world = createWorld();
    const { caller, callee, until } = world;
    await exchange(world, false);
    await callee.session.open();
    await until('sound arrives at both', () => callee.received().frames > 3 && caller.received().frames > 3);
    assert.deepEqual([caller.said, callee.said], [['secured null'], ['secured null']]);
  });

  it('holds no camera open in a call that has no picture, and opens none there', async () => {
    if (process.platform !== 'linux') return; // what is open is seen in /proc
    const folder = await mkdtemp(join(tmpdir(), 'session-'));
    const film = join(folder, 'film.y4m');
    await writeFile(film, Buffer.concat([Buffer.from('YUV4MPEG2 W16 H16 F5:1 Ip A1:1 C420jpeg\nFRAME\n'), Buffer.alloc((16 * 16 * 3) / 2)]));
    const isOpen = async (): Promise<boolean> =>
      (await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))).includes(film);
    const whenOpenIs = async (wanted: boolean): Promise<void> => {
      const deadline = performance.now() + REAL_LIMIT_MS;
      while ((await isOpen()) !== wanted) assert.ok(performance.now() < deadline, `the camera is ${wanted ? 'not ' : ''}open`);
    };
    const world = createWorld(() => true, { camera: `file:${film}`, codecs: ['H264'] });
    const { callee, until } = world;
    const nonce = await exchange(world);
    await callee.session.open();
    await whenOpenIs(true);
    await callee.session.reveal(nonce);
    await until('the callee is live', () => callee.said.length === 1);
    await whenOpenIs(false);
    await callee.session.setCamera(false);
    await callee.session.setCamera(true);
    await callee.session.open();
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.equal(await isOpen(), false);
    await rm(folder, { recursive: true, force: true });
  });

  it('tells at once what is sent and what is not, and nothing between but once a second', async () => {
    const world = createWorld(() => true, { camera: 'test' });
    const { callee, pass, until } = world;
    const nonce = await exchange(world);
    await callee.session.open();
    await callee.session.reveal(nonce);
    const sending = (): (boolean | undefined)[] => [callee.reported()?.audio.sending, callee.reported()?.video.sending];
    await until('sound and picture leave', () => sending().every((each) => each === true));
    for (let round = 0; round < 3; round++) {
      await callee.session.setMicrophone(false);
      assert.deepEqual(sending(), [false, true]);
      await callee.session.setCamera(false);
      assert.deepEqual(sending(), [false, false]);
      const { rtp } = callee.figures;
      await pass(300);
      assert.equal(callee.figures.rtp, rtp, 'no packet leaves');
      await callee.session.setMicrophone(true);
      await until('sound leaves', () => callee.figures.rtp > rtp);
      // The encoder takes real time, the look at what is sent does not.
      await pass(60);
      assert.deepEqual(sending(), [true, false]);
      const on = callee.session.setCamera(true);
      await until('the picture is told', () => sending()[1] === true);
      await on;
    }
    const { reports } = callee.figures;
    await pass(5_000);
    // Looked at a hundred times. Where the machine is busy, time that is moved by hand outruns the encoders, and a flow may be still for a moment.
    assert.ok(callee.figures.reports - reports < 20, `${callee.figures.reports - reports} reports in five seconds of peace`);
  });

  it('goes on without a camera and a microphone: a picture says so, nothing is said to be heard, and both are told', async () => {
    const none = { camera: [], content: [], microphone: [], speaker: [] };
    const world = createWorld(() => true, { camera: 'auto', microphone: 'auto', devices: none });
    const { callee, caller, until } = world;
    const nonce = await exchange(world);
    await callee.session.open();
    await callee.session.reveal(nonce);
    await until('pictures arrive', () => (caller.reported()?.video.framesReceived ?? 0) > 5);
    const { audio, video, camera, microphone } = callee.reported() ?? assert.fail();
    assert.deepEqual(
      [audio.sending, video.sending, camera, microphone],
      [false, true, { kind: 'away', name: 'No camera' }, { kind: 'away', name: 'No microphone' }]
    );
    assert.equal(callee.problems.at(-1), 'CL_MEDIA_CAMERA_AWAY');
    // One that is listed and cannot be opened is away, too, by its name.
    await callee.session.setDevices({ ...none, camera: [{ path: '/nowhere/video9', name: 'Front', cancelsEcho: false }] });
    await until('it is called by its name', () => callee.reported()?.camera.name === 'Front');
    assert.equal(callee.reported()?.camera.kind, 'away');
    await callee.session.setCamera(false);
    assert.deepEqual(callee.reported()?.camera, { kind: 'device', name: 'Front' }, 'it is what would be tried');
    await callee.session.setMicrophone(false);
    assert.equal(callee.problems.at(-1), 'CL_MEDIA_MICROPHONE_AWAY');
  });

  it('shows two codes where the nonces that the sides know are not the same', async () => {
    const world = createWorld();
    const { caller, callee, until } = world;
    const offer = await caller.session.createOffer();
    const answer = await callee.session.acceptOffer(offer.sdp, { commitment: offer.commitment }, ENDPOINTS.callee);
    const { nonce } = await caller.session.acceptAnswer(answer.sdp, { nonce: '3'.repeat(64) }, ENDPOINTS.caller);
    await callee.session.open();
    await callee.session.reveal(nonce);
    await until('both are live', () => callee.said.length + caller.said.length === 2);
    assert.notDeepEqual(caller.said, callee.said);
  });

  it('sends nothing and shows nothing on hold, and both again after it', async () => {
    const world = createWorld();
    const { caller, callee, pass, until } = world;
    const nonce = await exchange(world);
    const shown: unknown[] = [];
    const { url } = await callee.session.displayTicket();
    const display = new WebSocket(url, { origin: ORIGIN });
    display.on('message', (data, binary) => binary && shown.push(data));
    await once(display, 'open');
    /** The answer to a ping comes behind all that was sent before. */
    const arrived = async (): Promise<void> => {
      const pong = once(display, 'pong');
      display.ping();
      await pong;
    };
    await callee.session.open();
    await callee.session.reveal(nonce);
    await until('sound arrives at both', () => callee.received().frames > 10 && caller.received().frames > 10);
    await until('the display has it', () => shown.length > 10);
    assert.ok(callee.reported()?.levels.microphone, 'the microphone is measured');
    await callee.session.setHeld(true);
    await pass(1_100); // until the figures of what came before are told
    await arrived();
    const before = { sent: caller.received().packets, heard: callee.received().packets, shown: shown.length };
    await callee.session.setMicrophone(true);
    await pass(1_000);
    await arrived();
    assert.deepEqual([caller.received().packets, shown.length], [before.sent, before.shown], 'nothing of this room leaves, nothing of the other is shown');
    assert.ok(callee.received().packets > before.heard, 'the connection itself goes on');
    assert.equal(callee.reported()?.levels.microphone, null, 'another call may have the microphone');
    await callee.session.setHeld(false);
    await until('sound goes on both ways', () => caller.received().packets > before.sent + 10 && shown.length > before.shown + 10);
    display.terminate();
  });

  it('carries keys both ways in an end-to-end encrypted call, heard at both displays, and none on hold or before it is live', async () => {
    const world = createWorld();
    const { caller, callee, pass, until } = world;
    const heard = { caller: [] as string[], callee: [] as string[] };
    const displays: WebSocket[] = [];
    for (const [role, side] of [
      ['caller', caller],
      ['callee', callee]
    ] as const) {
      const { url } = await side.session.displayTicket();
      const display = new WebSocket(url, { origin: ORIGIN });
      display.on('message', (data, binary) => {
        const message = binary ? null : (JSON.parse(String(data)) as { type: string; key?: string });
        if (message?.type === 'key') heard[role].push(message.key ?? '');
      });
      await once(display, 'open');
      displays.push(display);
    }
    await assert.rejects(caller.session.pressKeys('1'), hasCode('CL_CALL_WRONG_PHASE'));
    const nonce = await exchange(world);
    await callee.session.open();
    await callee.session.reveal(nonce);
    await until('sound arrives at both', () => callee.received().frames > 10 && caller.received().frames > 10);
    const [code] = caller.said;
    await caller.session.pressKeys('12#');
    await callee.session.pressKeys('D');
    await until('the keys are heard', () => callee.figures.keys === 3 && caller.figures.keys === 1 && heard.caller.length === 4 && heard.callee.length === 4);
    assert.deepEqual(
      [heard.caller.toSorted(), heard.callee.toSorted()],
      [
        ['#', '1', '2', 'D'],
        ['#', '1', '2', 'D']
      ]
    );
    // Sound goes on after them, and nothing else has changed.
    const { frames } = callee.received();
    await until('sound goes on', () => callee.received().frames > frames + 20);
    assert.deepEqual([caller.said, callee.said], [[code], [code]]);
    await caller.session.setHeld(true);
    await assert.rejects(caller.session.pressKeys('1'), hasCode('CL_CALL_WRONG_PHASE'));
    await caller.session.setHeld(false);
    await caller.session.pressKeys('99999');
    await caller.session.setHeld(true);
    await pass(2_000);
    assert.ok(callee.figures.keys <= 4, 'keys were sent on hold');
    for (const display of displays) display.terminate();
  });

  it('shares no screen before it is live, and says then what is missing', async () => {
    const world = createWorld();
    const { caller, callee, until } = world;
    const early = hasCode('CL_CALL_WRONG_PHASE');
    await assert.rejects(caller.session.setScreen(true), early);
    const nonce = await exchange(world);
    await callee.session.open();
    await until('the caller is live', () => caller.said.length === 1);
    await assert.rejects(callee.session.setScreen(true), early);
    await callee.session.setScreen(false);
    await callee.session.reveal(nonce);
    await assert.rejects(callee.session.setScreen(true), hasCode('CL_MEDIA_SCREEN_NONE'));
  });

  for (const [when, begin] of [
    ['before anything', async () => {}],
    ['after its offer', async (world: World) => void (await world.caller.session.createOffer())],
    [
      'in the handshake',
      async (world: World) => {
        await exchange(world);
        await world.callee.session.open();
        await world.pass(2 * TICK_MS);
      }
    ],
    [
      'in the call',
      async (world: World) => {
        const nonce = await exchange(world);
        await world.callee.session.open();
        await world.callee.session.reveal(nonce);
        await world.until('sound arrives at both', () => world.callee.received().frames > 3 && world.caller.received().frames > 3);
      }
    ]
  ] as const) {
    it(`leaves nothing behind when it is closed ${when}: no timer, no path, no feed, no word`, async () => {
      const listening = listeners();
      const world = createWorld();
      const { clock, caller, callee, pass } = world;
      await begin(world);
      await Promise.all([caller, callee].map(({ session }) => session.displayTicket()));
      assert.equal(listeners(), listening + 2);
      await close();
      const before = [caller, callee].map(({ figures }) => ({ ...figures }));
      assert.equal(clock.pending, 0);
      await pass(3_000);
      assert.equal(clock.pending, 0);
      assert.deepEqual(
        [caller, callee].map(({ figures }) => figures),
        before
      );
      assert.equal(listeners(), listening);
      await assert.rejects(caller.session.displayTicket(), hasCode('CL_MEDIA_TICKET'));
    });
  }
});
