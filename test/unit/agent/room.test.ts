import assert from 'node:assert/strict';
import { certificateNotYet, partsNotYet } from '../../../agent/not-yet.ts';
import { createRoom, type Room, type RoomOptions } from '../../../agent/room.ts';
import { createRoomSound } from '../../../agent/room-sound.ts';
import { localEncryption } from '../../../src/call/encryption-decision.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import { createEvents } from '../../../src/kernel/events.ts';
import { type Log, silentLog } from '../../../src/kernel/log.ts';
import type { Endpoints, MediaCallOptions, MediaEvents, MediaFailure, MediaSession, MediaStatistics } from '../../../src/media/port.ts';
import { NO_FLOW } from '../../../src/room/project.ts';
import type { RoomState } from '../../../src/room/state.ts';
import type { CallMessage } from '../../../src/signaling/messages.ts';
import type { Party, Signaling, SignalingEvents } from '../../../src/signaling/port.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { createFakeRoomDevices, NO_DEVICES } from '../../fakes/room-devices.ts';

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
};

/** Media processes that answer each request at once, and say and fail what a test makes them. */
function fakeMedia() {
  const sessions: FakeSession[] = [];
  const take = (options: MediaCallOptions): MediaSession => {
    const events = createEvents<MediaEvents>((error) => {
      throw error;
    });
    const session: FakeSession = { options, asked: [], endpoints: null, emit: events.emit, closed: false, fail: null };
    sessions.push(session);
    const request =
      <T>(name: string, result: T) =>
      async (): Promise<T> => {
        session.asked.push(name);
        if (session.fail !== null) throw session.fail;
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
      setHeld: request('setHeld', undefined),
      setScreen: request('setScreen', undefined),
      pressKeys: request('pressKeys', undefined),
      setVolume: async () => {},
      displayTicket: request('displayTicket', { url: 'ws://127.0.0.1:1/?ticket=x' }),
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
  const signaling: Signaling = {
    self: SELF,
    on: events.on,
    start: async () => events.emit('connection', 'connected'),
    async send(to, call, message) {
      sent.push({ to, call, message });
      if (failure !== null) throw failure;
    },
    networkChanged: (addresses) => void told.push(addresses),
    sendRelay: async () => {},
    [Symbol.asyncDispose]: async () => {}
  };
  return {
    signaling,
    told,
    sent,
    emit: events.emit,
    failSending: (error: CloisterError | null) => {
      failure = error;
    },
    receive: (message: CallMessage, from = PEER, call = CALL) =>
      events.emit('message', { id: `m${messages++}`, call, from, identity: 'verified', expiresAt: 0, message })
  };
}

async function start(overrides: Partial<RoomOptions> = {}, journalEntry: { call: string; peer: Party } | null = null) {
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
  const log: Log = { ...silentLog, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error'), child: () => log };
  const room: Room = createRoom({
    agentVersion: '0.1.0',
    room: { name: 'Boardroom', account: SELF.account, organisation: 'contoso.example', endpoint: SELF.endpoint },
    policy: { policy: 'DisabledUserOverride', setting: true },
    localEncryption: localEncryption({ policy: 'DisabledUserOverride', setting: true, complianceRecording: false }),
    sources: () => ({
      camera: { kind: 'test', name: 'Test picture' },
      microphone: { kind: 'test', name: 'Test tone' },
      screen: { kind: 'test', name: 'Test page' }
    }),
    devices,
    parts: partsNotYet,
    certificate: certificateNotYet,
    sound,
    speak: async (code, language) => {
      spoken.push(`${language} ${code}`);
      return Buffer.from('RIFF');
    },
    autoAnswer: false,
    timeouts: { inviteMs: 60_000, connectMs: 15_000, reconnectMs: 3_000, forgetMs: 60_000 },
    signaling: network.signaling,
    addresses: () => ['192.0.2.1'],
    relay: null,
    mediaProcesses: media.processes,
    journal: {
      read: async () => journalEntry,
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
  return { room, devices, clock, network, session, sessions: media.sessions, logged, journal, spoken, tones };
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
    assert.deepEqual(journal, [{ call: CALL, peer: PEER }, null]);
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
        read: async () => null,
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
    assert.deepEqual(journal, [null]);
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
