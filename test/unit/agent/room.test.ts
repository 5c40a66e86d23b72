import assert from 'node:assert/strict';
import { createRoom, type Room, type RoomOptions } from '../../../agent/room.ts';
import type { RoomParts } from '../../../agent/room-parts.ts';
import { createRoomSound } from '../../../agent/room-sound.ts';
import { localEncryption } from '../../../src/call/encryption-decision.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import { createEvents } from '../../../src/kernel/events.ts';
import { type Log, silentLog } from '../../../src/kernel/log.ts';
import type { Endpoints, MediaCallOptions, MediaEvents, MediaFailure, MediaSession, MediaStatistics } from '../../../src/media/port.ts';
import { EMPTY_BOOK } from '../../../src/people/people-book.ts';
import { NO_FLOW } from '../../../src/room/project.ts';
import type { RoomState } from '../../../src/room/state.ts';
import type { CallMessage } from '../../../src/signaling/messages.ts';
import type { Party, Signaling, SignalingEvents } from '../../../src/signaling/port.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { createKeptParts } from '../../fakes/kept-parts.ts';
import { createFakeRoomDevices, NO_DEVICES } from '../../fakes/room-devices.ts';
import { PLAIN_PARTS } from '../../fakes/room-parts.ts';
import { UNTOUCHED } from '../../fakes/room-state.ts';

const SELF: Party = { account: 'boardroom@contoso.example', endpoint: 'a'.repeat(26) };
const PEER: Party = { account: 'studio@contoso.example', endpoint: 'b'.repeat(26) };
const CALL = '0190f3c2-7d4e-7a31-8c55-000000000001';
const CODE = '50239 47533 26749 97493';
const HASH = 'ab'.repeat(32);
const INVITE: CallMessage = {
  type: 'call.invite',
  body: { sdp: 'v=0', encryption: { offered: true, commitment: HASH }, media: { audio: true, video: true }, displayName: 'Studio' }
};
const STATISTICS: MediaStatistics = {
  audio: { ...NO_FLOW, sending: true },
  video: { ...NO_FLOW, framesReceived: 7 },
  screen: NO_FLOW,
  roundTripMs: 5,
  bandwidth: null,
  displays: 1,
  camera: { kind: 'test', name: 'Test picture' },
  microphone: { kind: 'test', name: 'Test tone' },
  screenSource: null,
  levels: { microphone: null, speaker: null },
  echo: 'none'
};

/** Let every promise and the room's next turn happen. */
const turn = async (): Promise<void> => {
  for (let times = 0; times < 3; times++) await new Promise((resolve) => setImmediate(resolve));
};

type Emit = <K extends keyof MediaEvents>(event: K, ...values: MediaEvents[K]) => void;
type FakeSession = {
  readonly options: MediaCallOptions;
  readonly asked: string[];
  readonly emit: Emit;
  endpoints: Endpoints | null;
  closed: boolean;
  fail: CloisterError | null;
  /** Each request waits for it. */
  gate: Promise<void>;
  /** It lends nothing, and says why. */
  lendsNot: CloisterError | null;
  readonly borrowed: (string | null)[];
  readonly held: boolean[];
};

/** Media processes that answer each request at once, and say and fail what a test makes them. */
function fakeMedia() {
  const sessions: FakeSession[] = [];
  const take = (options: MediaCallOptions): MediaSession => {
    const events = createEvents<MediaEvents>((error) => {
      throw error;
    });
    const session: FakeSession = {
      options,
      asked: [],
      endpoints: null,
      emit: events.emit,
      closed: false,
      fail: null,
      gate: Promise.resolve(),
      lendsNot: null,
      borrowed: [],
      held: []
    };
    sessions.push(session);
    const request =
      <T>(name: string, result: T) =>
      async (): Promise<T> => {
        session.asked.push(name);
        if (session.fail !== null) throw session.fail;
        await session.gate;
        return result;
      };
    return {
      on: events.on,
      createOffer: request('createOffer', { sdp: 'v=0', commitment: HASH }),
      async acceptAnswer(_sdp, _endToEnd, endpoints) {
        session.endpoints = endpoints;
        return await request('acceptAnswer', { nonce: HASH })();
      },
      async acceptOffer(_sdp, _endToEnd, endpoints) {
        session.endpoints = endpoints;
        return await request('acceptOffer', { sdp: 'v=0', nonce: HASH })();
      },
      open: request('open', undefined),
      reveal: request('reveal', undefined),
      acceptUpdate: request('acceptUpdate', { sdp: 'v=0', answers: 'ufrag' }),
      acceptUpdateAnswer: request('acceptUpdateAnswer', undefined),
      networkChanged: request('networkChanged', undefined),
      iceServersChanged: request('iceServersChanged', undefined),
      addCandidates: request('addCandidates', undefined),
      setDevices: request('setDevices', undefined),
      setMicrophone: request('setMicrophone', undefined),
      setCamera: request('setCamera', undefined),
      async setHeld(on) {
        session.held.push(on);
        await request('setHeld', undefined)();
      },
      setScreen: request('setScreen', undefined),
      setRecording: request('setRecording', undefined),
      pressKeys: request('pressKeys', undefined),
      setVolume: async () => {},
      async lend() {
        if (session.lendsNot !== null) throw session.lendsNot;
        return request('lend', { path: `/loan/${sessions.indexOf(session)}`, ticket: 'x' })();
      },
      async borrow(loan) {
        session.borrowed.push(loan?.path ?? null);
        await request('borrow', undefined)();
      },
      displayTicket: request('displayTicket', { url: 'ws://127.0.0.1:1/?ticket=x' }),
      ownPictureTicket: request('ownPictureTicket', { url: 'ws://127.0.0.1:1/?ticket=own' }),
      async close() {
        session.closed = true;
        events.emit('exit', { expected: true });
      }
    };
  };
  return { sessions, processes: { start: async () => {}, take, [Symbol.asyncDispose]: async () => {} } };
}

function fakeSignaling() {
  const events = createEvents<SignalingEvents>((error) => {
    throw error;
  });
  const sent: { readonly to: { readonly account: string; readonly endpoint?: string }; readonly call: string; readonly message: CallMessage }[] = [];
  const told: (readonly string[])[] = [];
  let failure: CloisterError | null = null;
  let messages = 0;
  let slow: Promise<void> | undefined;
  const signaling: Signaling = {
    self: SELF,
    on: events.on,
    start: async () => events.emit('connection', 'connected'),
    async send(to, call, message) {
      sent.push({ to, call, message });
      await slow;
      if (failure !== null) throw failure;
    },
    networkChanged: (addresses) => void told.push(addresses),
    watchPresence: () => {},
    seekPresence: async () => {},
    sendRelay: async () => {},
    [Symbol.asyncDispose]: async () => {}
  };
  return {
    signaling,
    told,
    sent,
    emit: events.emit,
    /** Nothing is confirmed until the returned function is called. */
    holdSending: () => {
      const held = Promise.withResolvers<void>();
      slow = held.promise;
      return held.resolve;
    },
    failSending: (error: CloisterError | null) => {
      failure = error;
    },
    receive: (message: CallMessage, from = PEER, call = CALL) =>
      events.emit('message', { id: `m${messages++}`, call, from, identity: 'verified', expiresAt: 0, message })
  };
}

type Kept = Pick<Parameters<typeof createKeptParts>[0], 'settings' | 'people'> & { readonly parts?: Partial<RoomParts> };

async function start(overrides: Partial<RoomOptions> = {}, journalEntry: { call: string; peer: Party } | null = null, kept: Kept = {}) {
  const clock = createFakeClock();
  const media = fakeMedia();
  const devices = createFakeRoomDevices();
  const network = fakeSignaling();
  const logged: { level: string; message: string }[] = [];
  const journal: (unknown | null)[] = [];
  const spoken: string[] = [];
  const tones: string[] = [];
  const sound = createRoomSound({
    choice: 'auto',
    speaker: () => 'hw:1,0',
    startTone(_path, name) {
      tones.push(name);
      return { stop: () => void tones.push('silence') };
    },
    clock,
    log: silentLog
  });
  const note =
    (level: string) =>
    (message: string): void =>
      void logged.push({ level, message });
  const own = createKeptParts({ clock, signaling: network.signaling, ...kept });
  const parts = { ...own, ...kept.parts };
  await own.start();
  const log: Log = { ...silentLog, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error'), child: () => log };
  const room: Room = createRoom({
    agentVersion: '0.1.0',
    room: { name: 'Boardroom', account: SELF.account, organisation: 'contoso.example', endpoint: SELF.endpoint },
    policy: () => ({ policy: 'DisabledUserOverride', setting: parts.settings.encryption() }),
    localEncryption: () => localEncryption({ policy: 'DisabledUserOverride', setting: parts.settings.encryption(), complianceRecording: false }),
    sources: () => ({
      camera: { kind: 'test', name: 'Test picture' },
      microphone: { kind: 'test', name: 'Test tone' },
      screen: { kind: 'test', name: 'Test page' }
    }),
    devices,
    records: true,
    shareSources: { list: async () => [], choiceOf: async () => 'screen' },
    parts,
    sound,
    speak: async (code, language) => {
      spoken.push(`${language} ${code}`);
      return Buffer.from('RIFF');
    },
    certificate: UNTOUCHED.certificate,
    logLines: () => ['a line'],
    restart: null,
    acceptTransfers: true,
    timeouts: { inviteMs: 60_000, connectMs: 15_000, reconnectMs: 3_000, forgetMs: 60_000, parkMs: 300_000 },
    signaling: network.signaling,
    addresses: () => ['192.0.2.1'],
    relay: null,
    mediaProcesses: media.processes,
    journal: {
      read: async () => (journalEntry === null ? [] : [journalEntry]),
      write: async (entry) => void journal.push(entry)
    },
    clock,
    log,
    ...overrides
  });
  await room.start(new AbortController().signal);
  const session = (index: number): FakeSession => {
    const found = media.sessions[index];
    assert.ok(found, `there is no media process ${index}`);
    return found;
  };
  return { room, parts, devices, clock, network, session, sessions: media.sessions, logged, journal, spoken, tones };
}

/** A call that came in and was answered, and whose media is secured. */
async function inCall(overrides: Partial<RoomOptions> = {}) {
  const started = await start(overrides);
  started.network.receive(INVITE);
  await turn();
  await started.room.callAction(CALL, 'answer');
  started.session(0).emit('secured', { code: CODE });
  await turn();
  assert.equal(started.room.state().call?.phase, 'connected');
  return started;
}

describe('the room and its devices', () => {
  const muted = (on: boolean): MediaStatistics => ({ ...STATISTICS, audio: { ...STATISTICS.audio, sending: !on, packetsSent: 5 } });

  it('shows a call to the lamps as the panel shows it, and each change once', async () => {
    const { room, devices, network, session } = await start();
    network.receive(INVITE);
    await turn();
    await room.callAction(CALL, 'answer');
    session(0).emit('secured', { code: CODE });
    session(0).emit('statistics', muted(true));
    session(0).emit('statistics', muted(false));
    await room.callAction(CALL, 'mute');
    assert.equal(devices.shown.at(-1)?.muted, false, 'pressed, and not so yet');
    session(0).emit('statistics', muted(true));
    session(0).emit('statistics', muted(true));
    await room.callAction(CALL, 'hold');
    await room.callAction(CALL, 'resume');
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    assert.deepEqual(devices.shown, [
      { phase: 'ringing', muted: false },
      { phase: 'in-call', muted: false },
      { phase: 'in-call', muted: true },
      { phase: 'on-hold', muted: true },
      { phase: 'in-call', muted: true },
      { phase: 'idle', muted: false }
    ]);
  });

  it('does what is pressed at a device: answer, mute, hold, hang up; redial calls who was called last', async () => {
    const { room, devices, network, session, sessions } = await start();
    devices.press('redial');
    devices.press('answer');
    network.receive(INVITE);
    await turn();
    devices.press('answer');
    session(0).emit('secured', { code: CODE });
    for (const command of ['mute', 'unmute', 'camera-off', 'toggle-camera', 'toggle-camera', 'hold', 'resume'] as const) devices.press(command);
    await turn();
    assert.deepEqual(
      session(0).asked.filter((asked) => asked.startsWith('set')),
      ['setMicrophone', 'setMicrophone', 'setCamera', 'setCamera', 'setCamera', 'setHeld', 'setHeld']
    );
    assert.deepEqual(room.state().call?.media.wanted, { microphone: true, camera: false, screen: false });
    devices.press('hang-up');
    await turn();
    assert.deepEqual([room.state().call?.ended?.reason, sessions.length], ['hangup', 1]);
    devices.press('redial');
    await turn();
    assert.equal(sessions.length, 1, 'nobody was called from here yet');
    await room.placeCall('studio@contoso.example', { audio: true, video: true });
    devices.press('hang-up');
    await turn();
    devices.press('redial');
    await turn();
    assert.deepEqual([room.state().call?.peer.account, room.state().call?.phase, sessions.length], ['studio@contoso.example', 'inviting', 3]);
    devices.press('redial');
    devices.press('decline');
    await turn();
    assert.equal(room.state().call?.phase, 'inviting', 'what cannot be done now does nothing');
  });

  it('calls nobody over and over for a device gone wild', async () => {
    const { room, devices, sessions, clock } = await start();
    await room.placeCall('studio@contoso.example', { audio: true, video: true });
    for (let count = 0; count < 100; count++) {
      devices.press('redial');
      devices.press('hang-up');
      await clock.advanceAsync(50);
    }
    assert.equal(sessions.length, 3);
  });

  it('tells the media process of a call which devices there are now', async () => {
    const { devices, session } = await inCall();
    devices.plug({ ...NO_DEVICES, camera: [{ path: '/dev/video0', name: 'Front camera', cancelsEcho: false }] });
    await turn();
    assert.deepEqual(session(0).asked.at(-1), 'setDevices');
  });

  it('declines from a device what rings', async () => {
    const { room, devices, network } = await start();
    network.receive(INVITE);
    await turn();
    devices.press('decline');
    await turn();
    assert.equal(room.state().call?.ended?.reason, 'declined');
  });

  it('has devices, presence and their troubles in its state', async () => {
    const { room, devices, clock } = await start();
    const sinceMs = clock.now();
    devices.change({ hid: { devices: [], presence: true, console: 'away' }, liftedAtMs: sinceMs }, [{ code: 'CL_DEVICE_CONSOLE_AWAY', text: 'away', sinceMs }]);
    const { devices: shown, health } = room.state();
    assert.deepEqual([shown.hid.presence, shown.hid.console, shown.liftedAt, shown.volumePercent], [true, 'away', new Date(sinceMs).toISOString(), 60]);
    assert.deepEqual(
      health.problems.map(({ code, since, text }) => [code, since, text]),
      [['CL_DEVICE_CONSOLE_AWAY', new Date(sinceMs).toISOString(), 'away']]
    );
  });
});

describe('the room and its sounds', () => {
  it('rings until it is answered, in the same turn, and plays nothing into the call', async () => {
    const { room, network, tones, session } = await start();
    network.receive(INVITE);
    await turn();
    assert.deepEqual([tones, room.state().sound], [['ringing'], { playing: 'ringing', by: 'speaker' }]);
    const answered = room.callAction(CALL, 'answer');
    assert.deepEqual(tones, ['ringing', 'silence']);
    await answered;
    session(0).emit('secured', { code: CODE });
    await turn();
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    assert.deepEqual([tones.slice(2), room.state().sound.playing], [['ended'], 'ended']);
  });

  it('rings for two seconds for who tries the ringer, and in no call', async () => {
    const { room, network, tones, clock, session } = await start();
    await room.tryRinger();
    assert.deepEqual([tones, room.state().sound], [['ringing'], { playing: 'ringing', by: 'speaker' }]);
    clock.advance(1_999);
    assert.equal(room.state().sound.playing, 'ringing');
    clock.advance(1);
    assert.deepEqual([tones, room.state().sound.playing], [['ringing', 'silence'], null]);
    await room.changeSettings({ ringerPercent: 0 });
    await assert.rejects(room.tryRinger(), { code: 'CL_RINGER_SILENT' });
    await room.changeSettings({ ringerPercent: 60 });

    // A call ends it, and it does not begin anew behind the call.
    await room.tryRinger();
    const { id } = await room.placeCall('studio@contoso.example', { audio: true, video: true });
    assert.equal(room.state().sound.playing, null);
    await assert.rejects(room.tryRinger(), { code: 'CL_CALL_BUSY' });
    await room.callAction(id, 'end');
    assert.equal(room.state().sound.playing, null);
    network.receive(INVITE);
    await turn();
    await assert.rejects(room.tryRinger(), { code: 'CL_CALL_BUSY' });
    await room.callAction(CALL, 'answer');
    session(1).emit('secured', { code: CODE });
    await assert.rejects(room.tryRinger(), { code: 'CL_CALL_BUSY' });
  });

  it('says that nobody can ring where there is neither a display that may play nor a loudspeaker', async () => {
    const sound = createRoomSound({ choice: 'auto', speaker: () => null, startTone: () => ({ stop() {} }), clock: createFakeClock(), log: silentLog });
    const { room } = await start({ sound });
    await assert.rejects(room.tryRinger(), { code: 'CL_SOUND' });
    assert.equal(room.state().sound.playing, null);
    room.setDisplays({ open: 1, sounding: 1 });
    await room.tryRinger();
    assert.deepEqual(room.state().sound, { playing: 'ringing', by: 'display' });
  });

  it('says as displays the pages that are open, in a call or not', async () => {
    const { room, session } = await inCall();
    assert.equal(room.state().devices.displays, 0);
    room.setDisplays({ open: 2, sounding: 1 });
    assert.deepEqual([room.state().devices.displays, room.state().sound.by], [2, 'display']);
    room.setDisplays({ open: 0, sounding: 0 });
    session(0).emit('statistics', STATISTICS);
    assert.equal(room.state().devices.displays, 1);
  });

  it('sends keys in a connected call alone, and logs none', async () => {
    const { room, network, session, logged } = await inCall();
    await room.callAction(CALL, 'dtmf', { digits: '4711' });
    assert.equal(session(0).asked.at(-1), 'pressKeys');
    session(0).emit('key');
    await turn();
    assert.ok(!JSON.stringify(logged).includes('4711'));
    const asked = session(0).asked.filter((name) => name === 'pressKeys').length;
    await room.callAction(CALL, 'hold');
    await assert.rejects(room.callAction(CALL, 'dtmf', { digits: '1' }), { code: 'CL_CALL_WRONG_PHASE' });
    await room.callAction(CALL, 'resume');
    session(0).fail = new CloisterError('CL_CALL_FEATURE_MISSING');
    await assert.rejects(room.callAction(CALL, 'dtmf', { digits: '1' }), { code: 'CL_CALL_FEATURE_MISSING' });
    session(0).fail = null;
    assert.equal(room.state().call?.phase, 'connected', 'the call ends because the other side takes no keys');
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    await assert.rejects(room.callAction(CALL, 'dtmf', { digits: '1' }), { code: 'CL_CALL_WRONG_PHASE' });
    assert.equal(session(0).asked.filter((name) => name === 'pressKeys').length, asked + 1);
  });

  it('takes a code that was keyed in right as said to match, tells a wrong one only, and stops after five wrong ones', async () => {
    const { room, logged } = await inCall();
    const epoch = room.state().call?.mediaEpoch ?? 0;
    const digits = CODE.replaceAll(' ', '');
    const matching = () => room.state().call?.encryption.codesMatchHere;
    await assert.rejects(room.compareCode(CALL, digits, epoch + 1), { code: 'CL_CALL_WRONG_PHASE' });
    await assert.rejects(room.compareCode('another', digits, epoch), { code: 'CL_CALL_NONE' });
    assert.deepEqual(await room.compareCode(CALL, `${digits.slice(1)}0`, epoch), { matches: false });
    assert.equal(matching(), null, 'who keyed in wrong is asked once more');
    assert.deepEqual(await room.compareCode(CALL, digits, epoch), { matches: true });
    assert.equal(matching(), true);
    for (let times = 0; times < 4; times++) assert.deepEqual(await room.compareCode(CALL, '0'.repeat(20), epoch), { matches: false });
    for (const last of [digits, '1'.repeat(20)]) await assert.rejects(room.compareCode(CALL, last, epoch), { code: 'CL_CODE_TRIES' });
    assert.ok(!JSON.stringify(logged).includes(digits.slice(0, 5)));
  });

  it('has the code read out while it is current, and hands out nothing of one that is not any more', async () => {
    let finish = (): void => {};
    const speak = () =>
      new Promise<Uint8Array>((resolve) => {
        finish = () => resolve(Buffer.from('RIFF'));
      });
    const { room, network } = await inCall({ speak });
    const first = room.speakCode(CALL, 'ja');
    finish();
    assert.equal(Buffer.from(await first).toString(), 'RIFF');
    const second = room.speakCode(CALL, 'ja');
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    finish();
    await assert.rejects(second, { code: 'CL_CALL_WRONG_PHASE' });
    await assert.rejects(room.speakCode(CALL, 'ja'), { code: 'CL_CALL_WRONG_PHASE' });
    await assert.rejects(room.speakCode('another', 'ja'), { code: 'CL_CALL_NONE' });
    const { room: other, spoken } = await inCall();
    await other.speakCode(CALL, 'ar');
    assert.deepEqual(spoken, [`ar ${CODE}`]);
  });
});

describe('the room', () => {
  it('restarts when it was asked to, a moment after the answer, and not in a call', async () => {
    let ended = 0;
    const end = (): void => {
      ended += 1;
    };
    const { room, clock } = await start({ restart: end });
    await room.restart();
    assert.equal(ended, 0);
    await clock.advanceAsync(500);
    assert.equal(ended, 1);
    await room[Symbol.asyncDispose]();

    const busy = await inCall({ restart: end });
    await assert.rejects(busy.room.restart(), { code: 'CL_CALL_BUSY' });
    await busy.room.callAction(CALL, 'end');
    await busy.room.restart();
    busy.network.receive(INVITE, PEER, '0190f3c2-7d4e-7a31-8c55-000000000002');
    await turn();
    await busy.clock.advanceAsync(1_000);
    assert.equal(ended, 1);
    await busy.room[Symbol.asyncDispose]();

    const alone = await start();
    await assert.rejects(alone.room.restart(), { code: 'CL_NOT_IMPLEMENTED' });
    await alone.room[Symbol.asyncDispose]();
  });

  it('tells of its certificate’s end by itself, as the days go by', async () => {
    const notAfter = new Date(Date.UTC(2026, 0, 1) + 30 * 86_400_000 + 90 * 60_000).toISOString();
    const { room, clock } = await start({ certificate: { ...UNTOUCHED.certificate, notAfter } });
    const told: string[][] = [];
    room.subscribe(({ health }) => told.push(health.problems.map(({ code, severity }) => `${code} ${severity}`)));
    assert.deepEqual(room.state().health.problems, []);
    assert.equal(room.state().certificate.notAfter, notAfter);
    clock.advance(2 * 3_600_000);
    await turn();
    assert.deepEqual(told.at(-1), ['CL_CERTIFICATE_EXPIRES warning']);
    clock.jump(27 * 86_400_000);
    clock.advance(3_600_000);
    await turn();
    assert.deepEqual(told.at(-1), ['CL_CERTIFICATE_EXPIRES error']);
    await room[Symbol.asyncDispose]();
  });

  it('shows what ails its administrator, and silences what it is told to', async () => {
    const asked: unknown[] = [];
    const { room } = await start({}, null, {
      parts: {
        admin: { ...PLAIN_PARTS.admin, problem: () => ({ code: 'CL_PIN_UNREADABLE', sinceMs: 0 }) },
        silences: {
          on: () => () => {},
          mark: (problems) => problems.map((problem) => ({ ...problem, silenced: { reason: 'known', at: problem.since } })),
          set: async (...given) => void asked.push(given)
        }
      }
    });
    assert.deepEqual(
      room.state().health.problems.map(({ code, silenced }) => [code, silenced?.reason]),
      [['CL_PIN_UNREADABLE', 'known']]
    );
    // What somebody has seen is no longer what ails the room.
    assert.equal(room.state().health.status, 'ready');
    await room.silence('CL_PIN_UNREADABLE', null);
    assert.deepEqual(asked, [['CL_PIN_UNREADABLE', null]]);
    assert.deepEqual(room.logs(), ['a line']);
    await room[Symbol.asyncDispose]();
  });

  it('tells what the trial of hardware encoders found as a problem of health', async () => {
    let problem: MediaFailure | null = null;
    let settled = (): void => {};
    const { room, clock } = await start({
      hardware: {
        problem: () => problem,
        on: (_event, listener) => {
          settled = listener;
          return () => {};
        }
      }
    });
    assert.deepEqual(room.state().health.problems, []);
    clock.advance(1_000);
    problem = { code: 'CL_MEDIA_HARDWARE', detectedBy: 'hardware-probe', text: 'none works' };
    settled();
    await turn();
    assert.deepEqual(room.state().health, {
      ...room.state().health,
      status: 'degraded',
      problems: [{ code: 'CL_MEDIA_HARDWARE', severity: 'warning', since: new Date(clock.now()).toISOString(), text: 'none works', silenced: null }]
    });
    await room[Symbol.asyncDispose]();
  });

  it('carries a call from invite to end', async () => {
    const { room, network, session, journal } = await inCall();
    assert.deepEqual(session(0).asked, ['acceptOffer', 'open']);
    // Whoever signed the invite is whom the handshake has to be with (RFC 8844).
    assert.deepEqual(session(0).endpoints, { local: SELF.endpoint, remote: PEER.endpoint });
    assert.equal(room.state().call?.encryption.securityCode, CODE);
    assert.equal(room.state().call?.encryption.state, 'end-to-end-verified');
    await room.callAction(CALL, 'end');
    await turn();
    assert.ok(session(0).closed);
    assert.equal(room.state().call?.encryption.securityCode, null);
    assert.deepEqual(
      network.sent.map(({ message }) => message.type),
      ['call.ringing', 'call.answer', 'call.end']
    );
    assert.deepEqual(journal, [[{ call: CALL, peer: PEER }], []]);
  });

  it('goes on where the system does not tell the addresses, and looks again', async () => {
    let look = (): readonly string[] => ['192.0.2.1'];
    const { room, clock, network, logged } = await inCall({ addresses: () => look() });
    look = () => {
      throw new Error('EMFILE');
    };
    await clock.advanceAsync(10_000);
    const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.deepEqual([room.state().call?.phase, network.told, warnings], ['connected', [], ['the addresses of this machine cannot be read']]);
    look = () => ['192.0.2.7'];
    await clock.advanceAsync(1_000);
    assert.deepEqual(network.told, [['192.0.2.7']]);
  });

  it('tells media and signaling when the machine has other addresses, once for each change', async () => {
    let addresses = ['192.0.2.1'];
    const { room, clock, network, session } = await inCall({ addresses: () => addresses });
    await clock.advanceAsync(5_000);
    assert.deepEqual(network.told, []);
    addresses = ['192.0.2.7', 'fd00::7'];
    await clock.advanceAsync(5_000);
    assert.deepEqual(network.told, [['192.0.2.7', 'fd00::7']]);
    assert.equal(session(0).asked.filter((name) => name === 'networkChanged').length, 1);
    await room.callAction(CALL, 'end');
    addresses = ['192.0.2.1'];
    await clock.advanceAsync(5_000);
    assert.equal(network.told.length, 2);
    assert.equal(session(0).asked.filter((name) => name === 'networkChanged').length, 1);
  });

  it('carries the updates of a media process to the other side, and its own back', async () => {
    const { network, session } = await inCall();
    const before = network.sent.length;
    session(0).emit('update', { sdp: 'v=0 ours' });
    network.receive({ type: 'call.update', body: { sdp: 'v=0 theirs' } });
    network.receive({ type: 'call.update-answer', body: { sdp: 'v=0', answers: 'ufrag' } });
    await turn();
    assert.deepEqual(
      network.sent.slice(before).map(({ to, message }) => [to.endpoint, message]),
      [
        [PEER.endpoint, { type: 'call.update', body: { sdp: 'v=0 ours' } }],
        [PEER.endpoint, { type: 'call.update-answer', body: { sdp: 'v=0', answers: 'ufrag' } }]
      ]
    );
    assert.deepEqual(session(0).asked.slice(-2), ['acceptUpdate', 'acceptUpdateAnswer']);
  });

  it('goes on when a message cannot be sent, and says so in the log', async () => {
    const { room, network, logged } = await inCall();
    network.failSending(new CloisterError('CL_BROKER_UNREACHABLE'));
    await room.callAction(CALL, 'codes-match');
    await turn();
    assert.equal(room.state().call?.encryption.confirmedBy, 'people');
    assert.ok(logged.some(({ level, message }) => level === 'warn' && message.includes('could not be sent')));
    await room.callAction(CALL, 'end');
    await turn();
    assert.equal(room.state().call?.phase, 'ended', 'a hang-up works without a broker');
  });

  it('goes on when the journal cannot be written', async () => {
    const { room, network } = await start({
      journal: {
        read: async () => [],
        write: async () => {
          throw new Error('the disk is full');
        }
      }
    });
    network.receive(INVITE);
    await turn();
    assert.equal(room.state().call?.phase, 'ringing');
  });

  it('does not hear a media process that is no longer the call’s', async () => {
    const { room, session, network } = await inCall();
    const old = session(0);
    old.emit('exit', { expected: false });
    await turn();
    const fresh = session(1);
    assert.deepEqual([fresh.options.role, fresh.options.callId], ['caller', CALL]);
    assert.ok(network.sent.some(({ message }) => message.type === 'call.reconnect'));
    const { call } = room.state();
    assert.deepEqual([call?.encryption.securityCode, call?.encryption.state, call?.encryption.securingAgain], [null, null, true]);
    const sentBefore = network.sent.length;
    old.emit('secured', { code: CODE });
    old.emit('statistics', STATISTICS);
    old.emit('problem', { code: 'CL_MEDIA_SOURCE', detectedBy: 'source', text: 'the camera is gone' });
    old.emit('candidates', [{ candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 }]);
    old.emit('failed', { code: 'CL_SECURITY_HANDSHAKE', detectedBy: 'handshake', text: 'x' });
    old.emit('exit', { expected: false });
    await turn();
    const after = room.state();
    assert.deepEqual([after.call?.phase, after.call?.encryption.securityCode, after.call?.media.video.framesReceived], ['connected', null, 0]);
    assert.deepEqual([after.health.problems, after.health.securityEvents, network.sent.length], [[], [], sentBefore]);
    fresh.emit('statistics', STATISTICS);
    await turn();
    assert.equal(room.state().call?.media.video.framesReceived, 7);
  });

  it('ends the call when its media process refuses a request, as what the refusal says', async () => {
    for (const [error, reason, events] of [
      [new CloisterError('CL_MEDIA_NEGOTIATION', 'no common codec'), 'media-failed', 0],
      [new CloisterError('CL_SECURITY_COMMITMENT', 'nobody had committed to it'), 'security-check-failed', 1],
      [new Error('anything else'), 'media-failed', 0]
    ] as const) {
      const { room, network, session } = await inCall();
      session(0).fail = error as CloisterError;
      network.receive({ type: 'call.reveal', body: { nonce: HASH } });
      await turn();
      const { call, health } = room.state();
      assert.deepEqual([call?.phase, call?.ended?.reason, health.securityEvents.length], ['ended', reason, events]);
    }
  });

  it('leaves it to the process’s exit to say that the process is gone', async () => {
    const { room, network, session } = await inCall();
    session(0).fail = new CloisterError('CL_MEDIA_PROCESS_DIED');
    network.receive({ type: 'call.update', body: { sdp: 'v=0' } });
    await turn();
    assert.equal(room.state().call?.phase, 'connected');
  });

  it('tells a person when the microphone could not be switched in a process that is gone, and keeps the wish', async () => {
    const { room, session } = await inCall();
    session(0).fail = new CloisterError('CL_MEDIA_PROCESS_DIED');
    await room.callAction(CALL, 'mute');
    assert.equal(room.state().call?.media.wanted.microphone, false);
    session(0).emit('exit', { expected: false });
    await turn();
    assert.equal(session(1).options.microphone, false, 'the next process begins muted');
  });

  it('tells a person why nothing can be shared, takes the wish back and leaves the call as it is', async () => {
    const { room, session } = await inCall();
    assert.deepEqual([room.state().devices.screen, room.state().call?.media.screen], [{ kind: 'test', name: 'Test page' }, NO_FLOW]);
    session(0).fail = new CloisterError('CL_MEDIA_SCREEN_NONE');
    await assert.rejects(room.callAction(CALL, 'share'), { code: 'CL_MEDIA_SCREEN_NONE' });
    await turn();
    assert.deepEqual([room.state().call?.media.wanted.screen, room.state().call?.phase], [false, 'connected']);
    session(0).fail = null;
    await room.callAction(CALL, 'share');
    assert.equal(room.state().call?.media.wanted.screen, true);
    session(0).emit('screenEnded', { code: 'CL_MEDIA_SCREEN_LOST', detectedBy: 'screen-source', text: 'the cable was pulled' });
    await turn();
    assert.deepEqual([room.state().call?.media.wanted.screen, room.state().call?.phase], [false, 'connected']);
  });

  it('shares what a person chose of what is offered, and nothing else', async () => {
    const { room, session } = await inCall({
      shareSources: {
        list: async () => [{ id: 'window:0x1', kind: 'window', name: 'Slides' }],
        choiceOf: async (id) => {
          if (id !== 'window:0x1') throw new CloisterError('CL_DEVICE_UNKNOWN');
          return 'window:0x1';
        }
      }
    });
    assert.deepEqual(await room.shareSources(), [{ id: 'window:0x1', kind: 'window', name: 'Slides' }]);
    await assert.rejects(room.callAction(CALL, 'share', { source: 'file:/etc/passwd' }), { code: 'CL_DEVICE_UNKNOWN' });
    assert.equal(room.state().call?.media.wanted.screen, false);
    await room.callAction(CALL, 'share', { source: 'window:0x1' });
    assert.equal(room.state().call?.media.wanted.screen, true);
    assert.deepEqual(
      session(0).asked.filter((asked) => asked === 'setScreen'),
      ['setScreen']
    );
  });

  it('shows the code on the display as long as it is that code, and none where there is none', async () => {
    const { room, session, network } = await inCall();
    await room.showCode(true);
    assert.equal(room.state().display.showsCode, true);
    session(0).emit('exit', { expected: false });
    await turn();
    assert.equal(room.state().display.showsCode, false, 'the code is blanked');
    network.receive({ type: 'call.answer', body: { sdp: 'v=0', encryption: { accepted: true, nonce: HASH } } });
    await turn();
    session(1).emit('secured', { code: '00000 11111 22222 33333' });
    await turn();
    assert.deepEqual(
      [room.state().call?.encryption.securityCode, room.state().display.showsCode],
      ['00000 11111 22222 33333', false],
      'another one was not asked for'
    );
    await room.showCode(true);
    assert.equal(room.state().display.showsCode, true);
    await room.showCode(false);
    assert.equal(room.state().display.showsCode, false);
    await room.showCode(true);
    await room.callAction(CALL, 'end');
    assert.equal(room.state().display.showsCode, false);
    await assert.rejects(room.showCode(true), { code: 'CL_CALL_WRONG_PHASE' });
  });

  it('gives a page a ticket for the own picture of the process that runs, and none without', async () => {
    const idle = await start();
    await assert.rejects(idle.room.selfViewTicket(), { code: 'CL_CALL_NONE' });
    const { room } = await inCall();
    assert.deepEqual(await room.selfViewTicket(), { url: 'ws://127.0.0.1:1/?ticket=own' });
  });

  /** As inCall(), but a standard call. */
  async function inStandardCall(overrides: Partial<RoomOptions> = {}) {
    const started = await start(overrides);
    started.network.receive({ ...INVITE, body: { ...INVITE.body, encryption: { offered: false } } } as CallMessage);
    await turn();
    await started.room.callAction(CALL, 'answer');
    started.session(0).emit('secured', { code: null });
    await turn();
    assert.equal(started.room.state().call?.encryption.state, 'standard');
    return started;
  }
  const notices = (sent: readonly { readonly message: CallMessage }[]): unknown[] =>
    sent.flatMap(({ message }) => (message.type === 'call.update' ? [message.body] : []));

  it('records nothing where the other side could not be told', async () => {
    const { room, session, network } = await inStandardCall();
    network.failSending(new CloisterError('CL_BROKER_UNREACHABLE'));
    await assert.rejects(room.callAction(CALL, 'recording', { on: true }), { code: 'CL_BROKER_UNREACHABLE' });
    await turn();
    assert.equal(room.state().call?.recording.here, false);
    assert.equal(session(0).asked.filter((asked) => asked === 'setRecording').length, 1, 'only its end was asked for');
    network.failSending(null);
    await room.callAction(CALL, 'recording', { on: true });
    assert.deepEqual([room.state().call?.recording, notices(network.sent).at(-1)], [{ here: true, there: false }, { recording: true }]);
    session(0).emit('recordingEnded', { code: 'CL_CALL_RECORDING', detectedBy: 'recording', text: 'full' });
    await turn();
    assert.deepEqual([room.state().call?.recording.here, notices(network.sent).at(-1), room.state().call?.phase], [false, { recording: false }, 'connected']);
  });

  it('takes the word back where the media process is gone before the recording could begin', async () => {
    const { room, session, network } = await inStandardCall();
    const open = network.holdSending();
    const asked = room.callAction(CALL, 'recording', { on: true });
    await turn();
    session(0).emit('exit', { expected: false });
    await turn();
    open();
    await asked;
    assert.deepEqual([room.state().call?.recording.here, notices(network.sent)], [false, [{ recording: true }, { recording: false }]]);
    assert.equal(session(0).asked.includes('setRecording'), false);
  });

  it('takes a recording back that could not begin, and tells the other side', async () => {
    const { room, session, network } = await inStandardCall();
    session(0).fail = new CloisterError('CL_CALL_RECORDING');
    await assert.rejects(room.callAction(CALL, 'recording', { on: true }), { code: 'CL_CALL_RECORDING' });
    await turn();
    assert.deepEqual([room.state().call?.recording.here, room.state().call?.phase], [false, 'connected']);
    assert.deepEqual(notices(network.sent), [{ recording: true }, { recording: false }]);
    network.receive({ type: 'call.update', body: { recording: true } });
    await turn();
    assert.equal(room.state().call?.recording.there, true);
  });

  it('says that nothing is recorded here where nobody may play it, but why in an end-to-end encrypted call', async () => {
    const standard = await inStandardCall({ records: false });
    await assert.rejects(standard.room.callAction(CALL, 'recording', { on: true }), { code: 'CL_CALL_FEATURE_MISSING' });
    assert.deepEqual(
      standard.room.state().call?.unavailable.find(({ feature }) => feature === 'recording'),
      { feature: 'recording', reason: 'not-offered-here' }
    );
    const secret = await inCall({ records: false });
    await assert.rejects(secret.room.callAction(CALL, 'recording', { on: true }), { code: 'CL_CALL_FEATURE_UNAVAILABLE' });
    assert.deepEqual(notices(secret.network.sent), []);
  });

  it('refuses actions on a call that is not there, and in the wrong phase', async () => {
    const { room } = await inCall();
    await assert.rejects(room.callAction('0190f3c2-7d4e-7a31-8c55-000000000002', 'end'), { code: 'CL_CALL_NONE' });
    await assert.rejects(room.callAction(CALL, 'answer'), { code: 'CL_CALL_WRONG_PHASE' });
    await assert.rejects(room.placeCall(PEER.account, { audio: true, video: true }), { code: 'CL_CALL_BUSY' });
    await assert.rejects(room.placeCall('nobody', { audio: true, video: true }), { code: 'CL_ADDRESS_INVALID' });
  });

  it('gives a display a ticket of the process that runs, and none without', async () => {
    const idle = await start();
    await assert.rejects(idle.room.displayTicket(), { code: 'CL_CALL_NONE' });
    const { room } = await inCall();
    assert.deepEqual(await room.displayTicket(), { url: 'ws://127.0.0.1:1/?ticket=x', mediaEpoch: 1 });
    await room.callAction(CALL, 'end');
    await assert.rejects(room.displayTicket(), { code: 'CL_CALL_WRONG_PHASE' });
  });

  it('places a muted call where sound is not wanted', async () => {
    const { room, session } = await start();
    await room.placeCall(PEER.account, { audio: false, video: false });
    assert.ok(session(0).asked.includes('setMicrophone'));
    assert.deepEqual(room.state().call?.media.wanted, { microphone: false, camera: false, screen: false });
  });

  it('shows a broker that is away after two seconds, not before, and takes it back', async () => {
    const { room, clock, network } = await start();
    const shown: RoomState[] = [];
    room.subscribe((state) => shown.push(state));
    const problems = (): string[] => room.state().health.problems.map(({ code }) => code);
    network.emit('connection', 'connecting');
    await clock.advanceAsync(1_999);
    assert.deepEqual([problems(), room.state().network.broker], [[], 'connecting']);
    network.emit('connection', 'offline');
    await clock.advanceAsync(1);
    await turn();
    assert.deepEqual(problems(), ['CL_BROKER_UNREACHABLE']);
    assert.equal(shown.at(-1)?.health.status, 'degraded', 'the listeners are told without being asked');
    network.emit('connection', 'connected');
    assert.deepEqual(problems(), []);
  });

  it('shows since when there are no credentials for relays, and takes it back', async () => {
    let missingSinceMs: number | null = null;
    const events = createEvents<{ changed: readonly [] }>((error) => {
      throw error;
    });
    const { room, clock } = await start({ relay: { on: events.on, missingSinceMs: () => missingSinceMs } });
    const shown: RoomState[] = [];
    room.subscribe((state) => shown.push(state));
    assert.deepEqual(room.state().health.problems, []);
    missingSinceMs = clock.now();
    events.emit('changed');
    await turn();
    const [problem] = shown.at(-1)?.health.problems ?? [];
    assert.deepEqual([problem?.code, problem?.severity, problem?.since], ['CL_RELAY_CREDENTIALS', 'warning', new Date(clock.now()).toISOString()]);
    missingSinceMs = null;
    events.emit('changed');
    await turn();
    assert.deepEqual(shown.at(-1)?.health.problems, []);
  });

  it('hands credentials that come in a call on to it: the next path would be refused with those of its beginning', async () => {
    const events = createEvents<{ changed: readonly [] }>((error) => {
      throw error;
    });
    const { session } = await inCall({ relay: { on: events.on, missingSinceMs: () => null } });
    assert.ok(!session(0).asked.includes('iceServersChanged'));
    events.emit('changed');
    assert.ok(session(0).asked.includes('iceServersChanged'));
  });

  it('shows a wrong clock until a message passes', async () => {
    const { room, network } = await start();
    network.emit('refused', { code: 'CL_CLOCK_WRONG', from: null, call: null, type: null, text: 'x' });
    assert.deepEqual([room.state().network.clock, room.state().health.problems[0]?.code], ['wrong', 'CL_CLOCK_WRONG']);
    assert.deepEqual(room.state().health.securityEvents, []);
    network.receive(INVITE);
    await turn();
    assert.equal(room.state().network.clock, 'ok');
  });

  it('records refused messages that are a matter of security, the latest twenty of them', async () => {
    const { room, network } = await start();
    network.emit('refused', { code: 'CL_ENVELOPE_EXPIRED', from: PEER.account, call: null, type: null, text: 'late' });
    assert.deepEqual(room.state().health.securityEvents, []);
    for (let count = 0; count < 25; count++)
      network.emit('refused', { code: 'CL_ENVELOPE_SIGNATURE', from: PEER.account, call: CALL, type: 'call.invite', text: `number ${count}` });
    const { securityEvents } = room.state().health;
    assert.equal(securityEvents.length, 20);
    assert.deepEqual([securityEvents[0]?.text, securityEvents.at(-1)?.text], ['number 5', 'number 24']);
    assert.deepEqual([securityEvents[0]?.detectedBy, securityEvents[0]?.call], ['envelope', CALL]);
  });

  it('goes on when a listener fails, and tells the others', async () => {
    const { room, network, logged } = await start();
    let told = 0;
    room.subscribe(() => {
      throw new Error('a page with a fault');
    });
    const stop = room.subscribe(() => {
      told += 1;
    });
    network.receive(INVITE);
    await turn();
    assert.ok(told > 0);
    assert.ok(logged.some(({ level }) => level === 'error'));
    stop();
    const before = told;
    await room.callAction(CALL, 'decline');
    await turn();
    assert.equal(told, before);
  });

  it('ends the call that the last run left, and forgets it', async () => {
    const { network, journal } = await start({}, { call: CALL, peer: PEER });
    assert.deepEqual(network.sent, [{ to: PEER, call: CALL, message: { type: 'call.end', body: { reason: 'device-failed' } } }]);
    assert.deepEqual(journal, [[]]);
  });

  it('ends the call when it is closed, and leaves no timer', async () => {
    const { room, clock, network, session } = await inCall();
    await room[Symbol.asyncDispose]();
    await turn();
    assert.ok(session(0).closed);
    assert.equal(network.sent.at(-1)?.message.type, 'call.end');
    assert.equal(room.healthy(), false);
    assert.equal(clock.pending, 0);
    network.receive(INVITE, PEER, '0190f3c2-7d4e-7a31-8c55-000000000003');
    await turn();
    assert.equal(room.state().call?.id, CALL, 'a closed room takes no call');
  });
});

describe('the room’s several calls', () => {
  const LIBRARY: Party = { account: 'library@contoso.example', endpoint: 'c'.repeat(26) };
  const STUDIO_STANDARD: CallMessage = { ...INVITE, body: { ...INVITE.body, encryption: { offered: false, reason: 'setting' } } } as CallMessage;
  const ANSWER: CallMessage = { type: 'call.answer', body: { sdp: 'v=0', encryption: { accepted: false } } };
  const TOKEN = 'ab'.repeat(16);

  async function talking(overrides: Partial<RoomOptions> = {}) {
    const started = await start(overrides);
    started.network.receive(STUDIO_STANDARD);
    await turn();
    await started.room.callAction(CALL, 'answer');
    started.session(0).emit('secured', { code: null });
    await turn();
    assert.deepEqual([started.room.state().call?.phase, started.room.state().call?.encryption.state], ['connected', 'standard']);
    const sentTo = (account: string) => started.network.sent.filter(({ to }) => to.account === account).map(({ message }) => message);
    /** The call that was placed last is answered by the library. */
    const libraryAnswers = async (index: number): Promise<string> => {
      const id = started.network.sent.findLast(({ message }) => message.type === 'call.invite')?.call ?? '';
      started.network.receive(ANSWER, LIBRARY, id);
      await turn();
      started.session(index).emit('secured', { code: null });
      await turn();
      return id;
    };
    return { ...started, sentTo, libraryAnswers };
  }
  const gate = () => {
    let open = (): void => {};
    const closed = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { closed, open };
  };

  it('calls whom the other side hands it over to, once camera and microphone of the first call are let go of', async () => {
    const { room, network, session, sessions, sentTo, libraryAnswers, journal } = await talking();
    await room.callAction(CALL, 'mute');
    const held = gate();
    session(0).gate = held.closed;
    network.receive({ type: 'call.refer', body: { to: LIBRARY.account } });
    await turn();
    assert.deepEqual([session(0).asked.at(-1), sessions.length], ['setHeld', 1], 'it still has them');
    held.open();
    await turn();
    assert.deepEqual([sessions.length, session(1).options.microphone, session(1).options.camera], [2, false, true]);
    const { call, otherCalls } = room.state();
    assert.deepEqual([call?.peer.account, call?.referredBy], [LIBRARY.account, { account: PEER.account, displayName: 'Studio' }]);
    assert.deepEqual(
      otherCalls.map(({ id, phase, transfer }) => [id, phase, transfer]),
      [[CALL, 'on-hold', { to: LIBRARY.account, phase: 'asked' }]]
    );
    const invite = sentTo(LIBRARY.account)[0];
    assert.deepEqual(invite?.type === 'call.invite' && invite.body.referredBy, { account: PEER.account, displayName: 'Studio' });
    const second = await libraryAnswers(1);
    assert.deepEqual(
      sentTo(PEER.account)
        .filter(({ type }) => type === 'call.refer-answer')
        .map(({ body }) => body),
      [{ state: 'accepted' }, { state: 'answered' }]
    );
    assert.deepEqual(journal.at(-1), [
      { call: CALL, peer: PEER },
      { call: second, peer: LIBRARY }
    ]);
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    assert.deepEqual([room.state().call?.id, session(0).closed, session(1).closed], [second, true, false]);
    assert.deepEqual(journal.at(-1), [{ call: second, peer: LIBRARY }]);
  });

  it('refuses to be handed over where its configuration says so', async () => {
    const { room, network, sentTo, sessions } = await talking({ acceptTransfers: false });
    network.receive({ type: 'call.refer', body: { to: LIBRARY.account } });
    await turn();
    assert.deepEqual(sentTo(PEER.account).at(-1), { type: 'call.refer-answer', body: { state: 'refused', reason: 'policy' } });
    assert.deepEqual([sessions.length, room.state().call?.phase], [1, 'connected']);
  });

  it('asks first and joins the two: with a secret that only they have, said to both', async () => {
    const { room, network, session, sentTo, libraryAnswers } = await talking();
    await assert.rejects(room.callAction(CALL, 'complete-transfer'), { code: 'CL_CALL_WRONG_PHASE' });
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    assert.ok(session(0).asked.includes('setHeld'));
    assert.deepEqual(room.state().otherCalls[0]?.transfer, { to: LIBRARY.account, phase: 'consulting' });
    await assert.rejects(room.callAction(CALL, 'complete-transfer'), { code: 'CL_CALL_WRONG_PHASE' }, 'nobody has answered');
    const second = await libraryAnswers(1);
    await room.callAction(CALL, 'complete-transfer');
    const offer = sentTo(LIBRARY.account).at(-1);
    assert.ok(offer?.type === 'call.replace' && offer.body.by === PEER.account && /^[0-9a-f]{32}$/.test(offer.body.token));
    network.receive({ type: 'call.replace-answer', body: { accepted: true } }, LIBRARY, second);
    await turn();
    assert.deepEqual(sentTo(PEER.account).at(-1), {
      type: 'call.refer',
      body: { to: LIBRARY.account, replaces: { call: second, token: offer.body.token } }
    });
    network.receive({ type: 'call.refer-answer', body: { state: 'accepted' } });
    network.receive({ type: 'call.refer-answer', body: { state: 'answered' } });
    await turn();
    assert.deepEqual([session(0).closed, session(1).closed, room.state().call?.phase], [true, true, 'ended']);
  });

  it('goes back to the first call when the second is resumed from: one is held before the other is heard', async () => {
    const { room, session, libraryAnswers } = await talking();
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    const second = await libraryAnswers(1);
    const held = gate();
    session(1).gate = held.closed;
    const resumed = room.callAction(CALL, 'resume');
    await turn();
    assert.equal(session(0).asked.filter((name) => name === 'setHeld').length, 1, 'still held');
    held.open();
    await resumed;
    assert.equal(session(0).asked.filter((name) => name === 'setHeld').length, 2);
    const { call, otherCalls } = room.state();
    assert.deepEqual([call?.id, call?.phase, otherCalls.map(({ id, phase }) => [id, phase])], [CALL, 'connected', [[second, 'on-hold']]]);
    await room[Symbol.asyncDispose]();
    assert.deepEqual([session(0).closed, session(1).closed], [true, true]);
  });

  it('takes nobody out of the call in which people talk for one that cannot be resumed', async () => {
    const { room, network, session, libraryAnswers, sentTo } = await talking();
    await room.callAction(CALL, 'transfer', { to: LIBRARY.account });
    await room.placeCall(LIBRARY.account, { audio: true, video: true });
    await turn();
    await assert.rejects(room.callAction(CALL, 'resume'), { code: 'CL_CALL_WRONG_PHASE' });
    assert.deepEqual([room.state().call?.phase, session(1).closed], ['inviting', false], 'nor is one ended that is being placed');
    const second = await libraryAnswers(1);
    await assert.rejects(room.callAction(CALL, 'resume'), { code: 'CL_CALL_WRONG_PHASE' });
    assert.deepEqual([room.state().call?.id, room.state().call?.phase], [second, 'connected']);
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    await assert.rejects(room.callAction(CALL, 'resume'), { code: 'CL_CALL_WRONG_PHASE' });
    assert.deepEqual([room.state().call?.id, room.state().call?.phase, sentTo(LIBRARY.account).length], [second, 'connected', 1], 'nobody was told of a hold');
  });

  it('does not wait for a device that hangs for longer than people would', async () => {
    const { room, session, clock, libraryAnswers } = await talking();
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    await libraryAnswers(1);
    session(1).gate = new Promise(() => {});
    const resumed = room.callAction(CALL, 'resume');
    await clock.advanceAsync(2_000);
    await resumed;
    assert.deepEqual([room.state().call?.id, room.state().call?.phase], [CALL, 'connected']);
  });

  it('ends a consultation that nobody has answered when the first call is resumed, and talks on where it cannot be placed', async () => {
    const { room, session, sentTo } = await talking();
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    await room.callAction(CALL, 'resume');
    assert.deepEqual([room.state().call?.id, session(1).closed, sentTo(LIBRARY.account).map(({ type }) => type)], [CALL, true, ['call.invite']]);
    await assert.rejects(room.callAction(CALL, 'consult-then-transfer', { to: PEER.account }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(room.callAction(CALL, 'consult-then-transfer', { to: 'nobody' }), { code: 'CL_ADDRESS_INVALID' });
    assert.equal(room.state().call?.phase, 'connected');
  });

  it('parks a call, and says that it is here again when nobody has retrieved it', async () => {
    const { room, network, clock, logged } = await talking();
    await room.callAction(CALL, 'park');
    const { call, otherCalls } = room.state();
    const code = otherCalls[0]?.parkCode ?? '';
    assert.deepEqual([call, otherCalls.length, /^[0-9]{4}$/.test(code)], [null, 1, true]);
    await assert.rejects(room.displayTicket(), { code: 'CL_CALL_NONE' });
    await clock.advanceAsync(300_000);
    const back = room.state();
    assert.deepEqual([back.call?.id, back.call?.phase, back.call?.parkCode], [CALL, 'on-hold', null]);
    assert.deepEqual(
      back.health.problems.map((problem) => problem.code),
      ['CL_PARK_RETURNED']
    );
    await assert.rejects(room.retrieve(null, code), { code: 'CL_PARK_UNKNOWN' });
    await room.callAction(CALL, 'resume');
    assert.deepEqual([room.state().health.problems, room.state().call?.phase], [[], 'connected']);
    assert.ok(!JSON.stringify(logged).includes(code));
    assert.deepEqual(network.sent.at(-1)?.message, { type: 'call.update', body: { held: false } });
  });

  it('hands a parked call to the room of the organisation that has its code', async () => {
    const { room, network, sentTo } = await talking();
    await room.callAction(CALL, 'park');
    const code = room.state().otherCalls[0]?.parkCode ?? '';
    const asked = '0190f3c2-7d4e-7a31-8c55-0000000000aa';
    network.receive({ type: 'call.retrieve', body: { code, token: TOKEN } }, { ...LIBRARY, account: 'library@fabrikam.example' }, asked);
    network.receive({ type: 'call.retrieve', body: { code: code === '0000' ? '0001' : '0000', token: TOKEN } }, LIBRARY, asked);
    await turn();
    assert.ok(
      sentTo(LIBRARY.account)
        .concat(sentTo('library@fabrikam.example'))
        .every(({ body }) => 'accepted' in body && !body.accepted)
    );
    network.receive({ type: 'call.retrieve', body: { code, token: TOKEN } }, LIBRARY, asked);
    await turn();
    assert.deepEqual(sentTo(LIBRARY.account).at(-1), { type: 'call.retrieve-answer', body: { accepted: true, account: PEER.account } });
    assert.deepEqual(sentTo(PEER.account).at(-1), { type: 'call.refer', body: { to: LIBRARY.account, replaces: { call: asked, token: TOKEN } } });
  });

  it('retrieves a call from another room without ringing, and says within seconds when there is none', async () => {
    const { room, network, clock, session } = await start();
    const retrieved = room.retrieve(LIBRARY.account, '0427');
    await turn();
    const ask = network.sent.at(-1);
    assert.ok(ask?.message.type === 'call.retrieve' && ask.to.endpoint === undefined);
    const { token } = ask.message.body;
    network.receive({ type: 'call.retrieve-answer', body: { accepted: false } }, { ...LIBRARY, endpoint: 'd'.repeat(26) }, ask.call);
    network.receive({ type: 'call.retrieve-answer', body: { accepted: true, account: PEER.account } }, LIBRARY, ask.call);
    await clock.advanceAsync(2_000);
    const invite = (secret: string): CallMessage =>
      ({ ...STUDIO_STANDARD, body: { ...STUDIO_STANDARD.body, replaces: { call: ask.call, token: secret } } }) as CallMessage;
    network.receive(invite('cd'.repeat(16)));
    await turn();
    assert.equal(room.state().call, null, 'nobody else comes in with it');
    network.receive(invite(token));
    assert.deepEqual(await retrieved, { id: CALL });
    await turn();
    assert.deepEqual([room.state().call?.phase, session(0).asked], ['connecting', ['acceptOffer', 'open']]);
    await room.callAction(CALL, 'end');
    for (const refused of [true, false]) {
      const none = room.retrieve(LIBRARY.account, '0427');
      const told = assert.rejects(none, { code: 'CL_PARK_UNKNOWN' });
      await turn();
      if (refused) network.receive({ type: 'call.retrieve-answer', body: { accepted: false } }, LIBRARY, network.sent.at(-1)?.call);
      await clock.advanceAsync(refused ? 500 : 15_000);
      await told;
    }
    await room.placeCall(PEER.account, { audio: true, video: true });
    await assert.rejects(room.retrieve(LIBRARY.account, '0427'), { code: 'CL_CALL_BUSY' });
  });

  it('answers whoever asked first for a parked call when somebody touches it twice', async () => {
    const { room, clock } = await start();
    const first = assert.rejects(room.retrieve(LIBRARY.account, '0427'), { code: 'CL_PARK_UNKNOWN' });
    await turn();
    await assert.rejects(room.retrieve(LIBRARY.account, '0427'), { code: 'CL_CALL_BUSY' });
    await clock.advanceAsync(15_000);
    await first;
  });

  // ── a third participant (docs/adr/0036) ───────────────────────────────────────────────────────────────────────────────

  const agree = (state: 'accepted' | 'joined' | 'failed', id: string): CallMessage => ({ type: 'call.conference-answer', body: { id, state } });

  /** Studio agrees, and the library is called. */
  async function adding() {
    const started = await talking();
    await started.room.callAction(CALL, 'add-participant', { to: LIBRARY.account });
    const asked = started.sentTo(PEER.account).at(-1);
    assert.ok(asked?.type === 'call.conference' && asked.body.role === 'wait');
    const { id, token } = asked.body;
    assert.match(token, /^[0-9a-f]{32}$/);
    started.network.receive(agree('accepted', id));
    await turn();
    return { ...started, id, token };
  }
  async function joined() {
    const started = await adding();
    const second = await started.libraryAnswers(1);
    for (const state of ['accepted', 'joined'] as const) started.network.receive(agree(state, started.id), LIBRARY, second);
    started.network.receive(agree('joined', started.id));
    await turn();
    assert.deepEqual([started.room.state().call?.conference?.phase, started.room.state().otherCalls[0]?.conference?.phase], ['joined', 'joined']);
    return { ...started, second };
  }

  it('adds a third participant: its call borrows camera and microphone before it opens any, and both others are told of each other', async () => {
    const { room, session, sessions, network, sentTo, libraryAnswers, id, token, logged } = await adding();
    assert.deepEqual([session(0).options.borrows, session(1).options.borrows, session(1).borrowed, session(0).borrowed], [undefined, true, ['/loan/0'], []]);
    const [invite] = sentTo(LIBRARY.account);
    assert.ok(invite?.type === 'call.invite');
    assert.deepEqual(invite.body.conference, { id, others: [{ account: PEER.account, displayName: 'Studio' }] });
    assert.deepEqual(invite.body.encryption, { offered: false, reason: 'conference' });
    const { call, otherCalls } = room.state();
    assert.deepEqual(
      [call?.id, call?.conference, otherCalls[0]?.conference?.phase],
      [CALL, { id, phase: 'ringing', third: { account: LIBRARY.account, displayName: LIBRARY.account }, host: true }, 'ringing']
    );
    assert.ok(
      ['transfer', 'recording', 'add-participant'].every((feature) =>
        call?.unavailable.some((each) => each.feature === feature && each.reason === 'conference')
      )
    );
    await assert.rejects(room.callAction(CALL, 'park'), { code: 'CL_CALL_CONFERENCE' });
    const second = await libraryAnswers(1);
    assert.deepEqual(sentTo(LIBRARY.account).at(-1), {
      type: 'call.conference',
      body: { id, token, peer: { account: PEER.account, displayName: 'Studio' }, role: 'call' }
    });
    for (const state of ['accepted', 'joined'] as const) network.receive(agree(state, id), LIBRARY, second);
    network.receive(agree('joined', id));
    await turn();
    assert.equal(room.state().call?.conference?.phase, 'joined');
    await room.callAction(second, 'mute');
    assert.ok(sessions.every(({ asked }) => asked.includes('setMicrophone')));
    assert.ok(!JSON.stringify([room.state(), logged]).includes(token), 'the secret is in messages alone');
    assert.equal((await room.displayTicket(second)).mediaEpoch, session(1).options.callId === second ? 2 : 0);
    await room[Symbol.asyncDispose]();
    assert.deepEqual([session(0).closed, session(1).closed], [true, true]);
  });

  it('waits with borrowing until who lends is secured again, and has its own devices where nothing is lent', async () => {
    const { room, session, second } = await joined();
    // The lender’s process is lost: the new one borrows from the other call, which has the devices by then.
    session(0).emit('exit', { expected: false });
    await turn();
    assert.deepEqual([session(2).options.borrows, session(2).borrowed], [true, ['/loan/1']]);
    session(2).emit('secured', { code: null });
    await turn();
    // Then that one is lost, while the other is not ready to lend yet.
    session(2).lendsNot = new CloisterError('CL_CALL_WRONG_PHASE');
    session(1).emit('exit', { expected: false });
    await turn();
    assert.deepEqual([session(3).options.borrows, session(3).borrowed], [true, []], 'it opens nothing meanwhile');
    session(2).lendsNot = null;
    session(2).emit('secured', { code: null });
    await turn();
    assert.deepEqual(session(3).borrowed, ['/loan/2']);
    session(3).emit('secured', { code: null });
    await turn();
    session(2).lendsNot = new CloisterError('CL_MEDIA_PROCESS_DIED');
    session(3).emit('exit', { expected: false });
    await turn();
    assert.deepEqual([session(4).options.borrows, session(4).borrowed], [true, [null]], 'its own');
    assert.deepEqual([room.state().call?.id, room.state().otherCalls[0]?.id], [CALL, second]);
  });

  it('asks for another loan where the first came too late, a few times, and not of a call that is over', async () => {
    const { session, network, second } = await joined();
    const late = { code: 'CL_MEDIA_LOAN', text: 'whoever lends does not know this ticket' } as const;
    for (let times = 0; times < 5; times++) {
      session(1).emit('notice', late);
      await turn();
    }
    assert.deepEqual(session(1).borrowed, ['/loan/0', '/loan/0', '/loan/0']);
    session(1).emit('notice', { code: 'CL_MEDIA_LOST', text: 'x' });
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    session(1).emit('notice', late);
    await turn();
    assert.equal(session(1).borrowed.length, 3, second);
    const another = await joined();
    another.network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    another.session(1).emit('notice', late);
    await turn();
    assert.deepEqual(another.session(1).borrowed, ['/loan/0'], 'nobody is left to borrow from');
  });

  it('merges two calls: what was held borrows before it is resumed, and has its own devices again when it is alone', async () => {
    const { room, session, network, libraryAnswers, sentTo } = await talking();
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    const second = await libraryAnswers(1);
    await room.callAction(second, 'merge');
    const asked = sentTo(PEER.account).at(-1);
    assert.ok(asked?.type === 'call.conference' && asked.body.role === 'wait' && asked.body.peer.account === LIBRARY.account);
    const { id } = asked.body;
    network.receive(agree('accepted', id));
    await turn();
    for (const state of ['accepted', 'joined'] as const) network.receive(agree(state, id), LIBRARY, second);
    const lending = gate();
    session(1).gate = lending.closed;
    network.receive(agree('joined', id));
    await turn();
    assert.equal(session(0).asked.filter((name) => name === 'setHeld').length, 1, 'still held: nothing is lent yet');
    lending.open();
    await turn();
    assert.deepEqual(session(0).asked.slice(-2), ['borrow', 'setHeld']);
    assert.deepEqual([session(0).borrowed, session(1).borrowed, session(1).asked.includes('lend')], [['/loan/1'], [], true]);
    assert.deepEqual([room.state().call?.id, room.state().otherCalls[0]?.phase], [second, 'connected']);
    // The two others lose each other: one call is held again, and no process uses the devices of another.
    network.receive(agree('failed', id));
    await turn();
    network.receive({ type: 'call.update', body: { held: false } });
    assert.equal(room.state().otherCalls[0]?.phase, 'connected', 'for a while: one of them may be gone');
  });

  it('has its own devices again when the two others lost each other', async () => {
    const { room, session, network, libraryAnswers, sentTo, clock } = await talking();
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    const second = await libraryAnswers(1);
    await room.callAction(CALL, 'merge');
    const asked = sentTo(PEER.account).at(-1);
    const id = asked?.type === 'call.conference' ? asked.body.id : '';
    network.receive(agree('accepted', id));
    await turn();
    for (const state of ['accepted', 'joined'] as const) network.receive(agree(state, id), LIBRARY, second);
    network.receive(agree('joined', id));
    await turn();
    network.receive(agree('failed', id));
    await turn();
    clock.advance(11_000);
    await turn();
    const { call, otherCalls } = room.state();
    assert.deepEqual(
      [call?.id, call?.conference, otherCalls.map(({ id: other, phase, conference }) => [other, phase, conference])],
      [second, null, [[CALL, 'on-hold', null]]]
    );
    assert.deepEqual(session(0).borrowed, ['/loan/1', null]);
  });

  it('does not resume what was held again while it waited for a loan', async () => {
    const { room, session, network, libraryAnswers, sentTo } = await talking();
    await room.callAction(CALL, 'consult-then-transfer', { to: LIBRARY.account });
    await turn();
    const second = await libraryAnswers(1);
    await room.callAction(CALL, 'merge');
    const asked = sentTo(PEER.account).at(-1);
    const id = asked?.type === 'call.conference' ? asked.body.id : '';
    network.receive(agree('accepted', id));
    await turn();
    for (const state of ['accepted', 'joined'] as const) network.receive(agree(state, id), LIBRARY, second);
    const lending = gate();
    session(1).gate = lending.closed;
    network.receive(agree('joined', id));
    await turn();
    const held = room.callAction(second, 'hold');
    await turn();
    lending.open();
    await held;
    await turn();
    assert.deepEqual([session(0).held, session(1).held, session(0).borrowed], [[true, true], [true], ['/loan/1']]);
    await room.callAction(second, 'resume');
    assert.deepEqual([session(0).held.at(-1), session(1).held.at(-1), session(0).borrowed.length], [false, false, 1], 'the loan still holds');
  });

  it('does none of it in an end-to-end encrypted call', async () => {
    const { room, network, sessions } = await inCall();
    for (const [action, options] of [
      ['transfer', { to: LIBRARY.account }],
      ['consult-then-transfer', { to: LIBRARY.account }],
      ['complete-transfer', {}],
      ['park', {}],
      ['merge', {}],
      ['add-participant', { to: LIBRARY.account }]
    ] as const)
      await assert.rejects(room.callAction(CALL, action, options), { code: 'CL_CALL_FEATURE_UNAVAILABLE' }, action);
    network.receive({ type: 'call.refer', body: { to: LIBRARY.account } });
    await turn();
    assert.deepEqual(network.sent.at(-1)?.message, { type: 'call.refer-answer', body: { state: 'refused', reason: 'encryption' } });
    assert.deepEqual(
      room.state().health.securityEvents.map(({ code }) => code),
      ['CL_SECURITY_REFERRAL']
    );
    assert.deepEqual([sessions.length, room.state().call?.phase, room.state().otherCalls], [1, 'connected', []]);
  });

  it('ends each of its calls that was running when the agent stopped', async () => {
    const entries = [
      { call: CALL, peer: PEER },
      { call: '0190f3c2-7d4e-7a31-8c55-000000000002', peer: LIBRARY }
    ];
    const { network } = await start({ journal: { read: async () => entries, write: async () => {} } });
    assert.deepEqual(
      network.sent.map(({ to, call, message }) => [to.account, call, message.body]),
      entries.map(({ call, peer }) => [peer.account, call, { reason: 'device-failed' }])
    );
  });
});

describe('the room and its people', () => {
  const EVE: Party = { account: 'eve@fabrikam.example', endpoint: 'e'.repeat(26) };
  const LATER = '0190f3c2-7d4e-7a31-8c55-000000000002';
  const recents = (room: Room) => room.state().people.recents.map(({ account, outcome, encryption }) => [account, outcome, encryption]);

  it('rings for nobody who is blocked, and keeps nothing of the call', async () => {
    const { room, network, sessions, parts, journal, logged } = await start({}, null, { people: { ...EMPTY_BOOK, blocked: [EVE.account] } });
    network.receive(INVITE, EVE);
    await turn();
    assert.deepEqual(network.sent, [{ to: EVE, call: CALL, message: { type: 'call.end', body: { reason: 'blocked' } } }]);
    assert.deepEqual([room.state().call, sessions.length, parts.peopleFile.writes, journal], [null, 0, 0, []]);
    assert.ok(!JSON.stringify(logged).includes(EVE.account));
    assert.deepEqual(room.state().people, { favourites: [], recents: [], missedUnseen: 0 });
  });

  it('blocks whom somebody declined so, from then on, and is told if it cannot', async () => {
    const { room, network, parts } = await start();
    network.receive(INVITE, EVE);
    await turn();
    await room.callAction(CALL, 'decline', { block: true });
    assert.deepEqual([room.people.blocked(), parts.peopleFile.kept.blocked], [[EVE.account], [EVE.account]]);
    assert.equal(room.state().call?.ended?.reason, 'declined');
    network.receive(INVITE, EVE, LATER);
    await turn();
    assert.deepEqual(network.sent.at(-1)?.message.body, { reason: 'blocked' });
    const full = await start({}, null, { people: { ...EMPTY_BOOK, blocked: Array.from({ length: 1_000 }, (_, n) => `e${n}@x.example`) } });
    full.network.receive(INVITE, EVE);
    await turn();
    await assert.rejects(full.room.callAction(CALL, 'decline', { block: true }), { code: 'CL_PEOPLE_FULL' });
    assert.equal(full.room.state().call?.phase, 'ended', 'it does not go on ringing for that');
    const connected = await inCall();
    await assert.rejects(connected.room.callAction(CALL, 'decline', { block: true }), { code: 'CL_CALL_WRONG_PHASE' });
    assert.deepEqual(connected.room.people.blocked(), [], 'what could not be declined is not blocked');
  });

  it('does not ring while nobody wants to be disturbed, and shows who called', async () => {
    const { room, network, sessions } = await start();
    await room.changeSettings({ doNotDisturb: { minutes: null } });
    network.receive(INVITE);
    await turn();
    assert.deepEqual([network.sent.at(-1)?.message.body, room.state().call, sessions.length], [{ reason: 'busy' }, null, 0]);
    assert.deepEqual([recents(room), room.state().people.missedUnseen], [[[PEER.account, 'missed', null]], 1]);
    await room.people.seen();
    assert.equal(room.state().people.missedUnseen, 0);
  });

  it('remembers each call with what it was, once', async () => {
    const { room, network, parts } = await inCall();
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    assert.deepEqual(recents(room), [[PEER.account, 'talked', 'end-to-end-verified']]);
    const { id } = await room.placeCall('attic@contoso.example', { audio: true, video: true });
    await room.callAction(id, 'end');
    await turn();
    assert.deepEqual(recents(room), [
      ['attic@contoso.example', 'not-answered', null],
      [PEER.account, 'talked', 'end-to-end-verified']
    ]);
    assert.equal(parts.peopleFile.kept.recents.length, 2);
  });

  it('answers by itself after the time that was set, and not where somebody is here', async () => {
    const { room, network, clock } = await start({}, null, { settings: { autoAnswer: { on: true, afterSeconds: 10 } } });
    network.receive(INVITE);
    await turn();
    assert.equal(room.state().call?.autoAnswerAt, new Date(clock.now() + 10_000).toISOString());
    await clock.advanceAsync(9_999);
    assert.equal(room.state().call?.phase, 'ringing');
    await clock.advanceAsync(1);
    assert.equal(room.state().call?.phase, 'connecting');
    const touched = await start({}, null, { settings: { autoAnswer: { on: true, afterSeconds: 10 } } });
    touched.network.receive(INVITE);
    await turn();
    await touched.room.changeSettings({ ringerPercent: 10 });
    assert.equal(touched.room.state().call?.autoAnswerAt, null);
    await touched.clock.advanceAsync(20_000);
    assert.equal(touched.room.state().call?.phase, 'ringing');
  });

  it('goes by the account’s own switch from the next call on, and shows it at once', async () => {
    const { room, network } = await start();
    network.receive(INVITE);
    await turn();
    await room.changeSettings({ encryption: false });
    assert.deepEqual(room.state().policy.encryption, { policy: 'DisabledUserOverride', setting: false, available: false, reason: 'setting-here' });
    assert.equal(room.state().call?.encryption.expected, 'end-to-end', 'this call goes on as it began');
    await room.callAction(CALL, 'decline');
    network.receive(INVITE, PEER, LATER);
    await turn();
    assert.deepEqual([room.state().call?.encryption.expected, room.state().call?.encryption.reason], ['standard', 'setting-here']);
  });

  it('speaks the visitors’ language until their call is over', async () => {
    const { room, network } = await inCall();
    await room.changeSettings({ language: 'ja' });
    assert.equal(room.state().settings.language, 'ja');
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await turn();
    assert.equal(room.state().settings.language, 'en');
  });

  it('is cleared of what people left, the call that is over with it', async () => {
    const { room, network, devices, sessions } = await inCall();
    network.receive({ type: 'call.end', body: { reason: 'hangup' } });
    await room.changeSettings({ language: 'ja', doNotDisturb: { minutes: 5 } });
    await room.people.addFavourite(PEER.account, null);
    await room.clearRoom();
    await turn();
    const { call, people, settings } = room.state();
    assert.deepEqual([call, people.recents, people.favourites.length, settings.language, settings.doNotDisturb], [null, [], 1, 'en', null]);
    devices.press('redial');
    await turn();
    assert.equal(sessions.length, 1, 'nobody is called who was forgotten');
  });

  it('tells that a file was set aside', async () => {
    const { room } = await start({}, null, { parts: { unreadableSinceMs: () => 5 } });
    assert.deepEqual(
      room.state().health.problems.map(({ code, since }) => [code, since]),
      [['CL_STORE_UNREADABLE', '1970-01-01T00:00:00.005Z']]
    );
  });
});
