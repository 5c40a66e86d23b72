// Whole calls between two rooms as they are run, over both brokers, and the command line as people and scripts use it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RoomState } from '../../src/room/state.ts';
import { mosquittoBroker } from '../harness/mosquitto-broker.ts';
import { bothConnected, bothEnded, embeddedBroker, startTwoRooms, type TwoRooms } from '../harness/two-rooms.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const CODE = /^(\d{5} ){3}\d{5}$/;

type Run = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** Runs `cloister` with the arguments to its end. */
async function cloister(...args: string[]): Promise<Run> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, ...output };
}

/** Standard output is exactly one JSON document, on one line. */
function document<T>({ stdout }: Run): T {
  const lines = stdout.split('\n');
  assert.equal(lines.length, 2, stdout);
  assert.equal(lines[1], '');
  return JSON.parse(lines[0] ?? '') as T;
}

/** Both rooms say that they send and receive both; what is measured follows within a second. */
async function mediaFlows(pair: TwoRooms): Promise<void> {
  const states = await pair.waitFor('both send and receive', (now) =>
    now.every(({ call }) => [call?.media.video, call?.media.audio].every((flow) => flow?.sending && flow.receiving))
  );
  for (const { call } of states) {
    assert.deepEqual([call?.media.video.codec, call?.media.audio.codec], ['H264', 'opus']);
  }
}

/** In a standard call, too. */
const NOT_OFFERED = ['captions', 'transcription', 'move-to-another-device', 'recording', 'apps'].map((feature) => ({
  feature,
  reason: 'not-offered-here'
}));

describe('a call between two rooms', function () {
  this.timeout(90_000);

  for (const [name, makeBroker] of [
    ['the embedded broker', embeddedBroker],
    ['Mosquitto as config/examples has it', mosquittoBroker]
  ] as const) {
    it(`over ${name}: end-to-end encrypted and verified, the same code on both panels, picture and sound both ways`, async () => {
      await using pair = await startTwoRooms({ makeBroker });
      const id = await pair.placeCall();
      const states = await pair.waitFor('more than a first picture', (now) => now.every(({ call }) => (call?.media.video.framesReceived ?? 0) > 20));
      const [caller, callee] = states;
      await mediaFlows(pair);
      assert.deepEqual([caller.call?.id, callee.call?.id], [id, id]);
      for (const { call } of states)
        assert.deepEqual([call?.encryption.state, call?.encryption.confirmedBy, call?.peer.identity], ['end-to-end-verified', 'certificates', 'verified']);
      assert.match(caller.call?.encryption.securityCode ?? '', CODE);
      assert.equal(caller.call?.encryption.securityCode, callee.call?.encryption.securityCode);
      assert.deepEqual([caller.call?.direction, callee.call?.direction], ['outgoing', 'incoming']);
      assert.equal(callee.call?.peer.displayName, 'Boardroom');
      // R6: each of these is unavailable, with its reason, and asking for it says the same.
      const features = [
        'captions',
        'transcription',
        'transfer',
        'consult-then-transfer',
        'merge',
        'park',
        'move-to-another-device',
        'add-participant',
        'recording',
        'apps'
      ];
      assert.deepEqual(
        caller.call?.unavailable,
        features.map((feature) => ({ feature, reason: 'end-to-end-encryption' }))
      );
      await assert.rejects(pair.rooms[0].http.post(`/api/v1/calls/${id}/recording`, {}), { code: 'CL_CALL_FEATURE_UNAVAILABLE' });
      await pair.rooms[1].act('end');
      const [ended, endedThere] = await pair.waitFor('both ended', bothEnded);
      assert.deepEqual([ended.call?.ended?.by, endedThere.call?.ended?.by, ended.call?.ended?.reason], ['there', 'here', 'hangup']);
      assert.deepEqual([ended.call?.encryption.securityCode, endedThere.call?.encryption.securityCode], [null, null]);
    });
  }

  it('is a standard call where one side has it off: said before it is answered, no code, media both ways', async () => {
    await using pair = await startTwoRooms({ config: (index) => ({ encryption: { setting: index === 0 } }) });
    await pair.placeCall({ answer: false });
    const [, ringing] = await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    assert.deepEqual([ringing.call?.encryption.expected, ringing.call?.encryption.reason, ringing.call?.encryption.state], ['standard', 'setting-here', null]);
    await pair.rooms[1].act('answer');
    const states = await pair.waitFor('connected', bothConnected);
    await mediaFlows(pair);
    assert.deepEqual(
      states.map(({ call }) => [call?.encryption.state, call?.encryption.reason, call?.encryption.securityCode, call?.unavailable]),
      [
        ['standard', 'setting-there', null, NOT_OFFERED],
        ['standard', 'setting-here', null, NOT_OFFERED]
      ]
    );
    await assert.rejects(pair.rooms[0].act('codes-match'), { code: 'CL_CALL_WRONG_PHASE' });
  });

  for (const [who, policies, reason] of [
    ['the called room', ['Disabled', 'Required'], { reason: 'policy', by: 'there' }],
    ['the caller', ['Required', 'Disabled'], { reason: 'policy', by: 'here' }]
  ] as const) {
    it(`is no call where ${who} requires it and the other side has none`, async () => {
      await using pair = await startTwoRooms({ config: (index) => ({ encryption: { policy: policies[index] } }) });
      await pair.placeCall({ answer: false });
      if (who === 'the caller') {
        await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
        await pair.rooms[1].act('answer');
      }
      const [caller, callee] = await pair.waitFor('the caller is told', ([state]) => state.call?.phase === 'ended');
      assert.deepEqual([caller.call?.ended?.reason, caller.call?.ended?.by], [reason.reason, reason.by]);
      assert.match(caller.call?.ended?.text ?? '', who === 'the caller' ? /Only end-to-end encrypted calls are allowed here/ : /policy does not allow/);
      assert.equal(caller.call?.encryption.state, null);
      if (who === 'the called room') assert.equal(callee.call, null);
    });
  }

  it('sends what people ask for: microphone and camera off and on are facts on both sides', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    const [caller] = pair.rooms;
    await caller.act('mute');
    const [muted] = await pair.waitFor('muted', ([state]) => state.call?.media.audio.sending === false);
    assert.equal(muted.call?.media.wanted.microphone, false);
    await pair.waitFor('no sound arrives', ([, state]) => state.call?.media.audio.receiving === false);
    await caller.act('unmute');
    await pair.waitFor('sound again', ([here, there]) => here.call?.media.audio.sending === true && there.call?.media.audio.receiving === true);
    await caller.act('camera-off');
    await pair.waitFor('no picture', ([here, there]) => here.call?.media.video.sending === false && there.call?.media.video.receiving === false);
    await caller.act('camera-on');
    await pair.waitFor('a picture again', ([here, there]) => here.call?.media.video.sending === true && there.call?.media.video.receiving === true);
  });

  it('to an address that nobody has ends with “nobody answered”', async () => {
    await using pair = await startTwoRooms({ config: () => ({ call: { inviteTimeoutSeconds: 5 } }) });
    const [room] = pair.rooms;
    await room.http.post('/api/v1/calls', { to: 'nobody@contoso.example', media: {} });
    const [state] = await pair.waitFor('it ends', ([now]) => now.call?.phase === 'ended');
    assert.deepEqual(state.call?.ended, { reason: 'timeout', by: 'here', code: 'CL_CALL_TIMEOUT', text: 'Nobody answered.' });
    await assert.rejects(room.http.post('/api/v1/calls', { to: 'not an address', media: {} }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(room.http.post('/api/v1/calls', { to: room.account, media: {} }), { code: 'CL_ADDRESS_INVALID' });
  });
});

describe('the command line against two running rooms', function () {
  this.timeout(90_000);
  let pair: TwoRooms;
  before(async () => {
    pair = await startTwoRooms({ config: () => ({ call: { inviteTimeoutSeconds: 20 } }) });
  });
  after(async () => {
    await pair?.[Symbol.asyncDispose]();
  });
  const at = (index: 0 | 1): string[] => ['--url', pair.rooms[index].url];

  it('places, answers, shows and ends a call, one JSON document each', async () => {
    const idle = await cloister('status', ...at(0), '--json');
    assert.equal(idle.status, 0);
    assert.equal(document<RoomState>(idle).room.name, 'Boardroom');
    const placed = cloister('call', pair.rooms[1].account, '--wait', ...at(0), '--json');
    await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    const answered = await cloister('answer', ...at(1), '--json');
    assert.equal(answered.status, 0, answered.stderr);
    const { status, ...output } = await placed;
    assert.equal(status, 0, output.stderr);
    const call = document<{ id: string; phase: string; encryption: { state: string; securityCode: string } }>({ status, ...output });
    assert.deepEqual([call.phase, call.encryption.state, document<{ id: string }>(answered).id], ['connected', 'end-to-end-verified', call.id]);
    const shown = await cloister('status', ...at(1));
    assert.match(shown.stdout, new RegExp(`Code +${call.encryption.securityCode}`));
    assert.match(shown.stdout, /end-to-end-verified/);
    const ended = await cloister('hangup', ...at(1), '--json');
    assert.deepEqual([ended.status, document<{ id: string }>(ended).id], [0, call.id]);
    const [caller] = await pair.waitFor('both ended', bothEnded);
    assert.equal(caller.call?.ended?.reason, 'hangup');
  });

  it('a call that is declined is a failure for whoever waits for it', async () => {
    const placed = cloister('call', pair.rooms[1].account, '--wait', ...at(0));
    await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    assert.equal((await cloister('hangup', ...at(1))).status, 0);
    const { status, stdout } = await placed;
    assert.equal(status, 1);
    assert.match(stdout, /declined/);
  });

  it('what cannot be done is status 1, with the code in the document and the text on standard error', async () => {
    for (const [args, code] of [
      [['answer', ...at(0)], 'CL_CALL_NONE'],
      [['hangup', ...at(0)], 'CL_CALL_NONE'],
      [['call', 'no address', ...at(0)], 'CL_ADDRESS_INVALID'],
      [['status', '--url', 'http://127.0.0.1:9'], 'CL_AGENT_UNREACHABLE']
    ] as const) {
      const ran = await cloister(...args, '--json');
      assert.equal(ran.status, 1, args.join(' '));
      assert.equal(document<{ error: { code: string } }>(ran).error.code, code);
      assert.ok(ran.stderr.includes(code), ran.stderr);
    }
  });

  it('bad usage is status 2, says what was wrong, and prints nothing on standard output', async () => {
    const runs = await Promise.all(
      [
        [],
        ['nonsense'],
        ['call'],
        ['call', 'a@b.example', 'c@d.example'],
        ['status', '--nonsense'],
        ['status', '--url', 'nowhere'],
        ['answer', 'this'],
        ['demo', '--for', '0'],
        ['demo', '--what'],
        ['run', '--set', 'nonsense'],
        ['run', '--what'],
        ['identity', 'nonsense']
      ].map(async (args) => ({ args, ran: await cloister(...args) }))
    );
    for (const { args, ran } of runs) {
      assert.equal(ran.status, 2, `${args.join(' ')}: ${ran.stderr}`);
      assert.equal(ran.stdout, '', args.join(' '));
      assert.match(ran.stderr, /usage|there is no command|wants/i, args.join(' '));
    }
  });
});

describe('cloister demo', function () {
  this.timeout(120_000);
  type Flow = { codec: string; packetsReceived: number; framesReceived: number; bitrateKbps: number; lost: number };
  type Summary = {
    ok: boolean;
    setupMs: number;
    rooms: { name: string; panel: string; display: string; code: string | null; encryption: string; video: Flow; audio: Flow }[];
  };

  it('--for 5 --json prints one document of the documented shape, and ends well', async () => {
    const ran = await cloister('demo', '--for', '5', '--json');
    assert.equal(ran.status, 0, ran.stderr);
    const summary = document<Summary>(ran);
    assert.deepEqual(Object.keys(summary), ['ok', 'setupMs', 'rooms']);
    assert.equal(summary.ok, true);
    assert.ok(summary.setupMs > 0);
    assert.deepEqual(
      summary.rooms.map(({ name, encryption }) => [name, encryption]),
      [
        ['Boardroom', 'end-to-end-verified'],
        ['Studio', 'end-to-end-verified']
      ]
    );
    const [first, second] = summary.rooms;
    assert.match(first?.code ?? '', CODE);
    assert.equal(first?.code, second?.code);
    for (const room of summary.rooms) {
      assert.deepEqual(Object.keys(room), ['name', 'panel', 'display', 'code', 'encryption', 'video', 'audio']);
      assert.match(room.panel, /^http:\/\/127\.0\.0\.1:\d+\/panel\/$/);
      assert.match(room.display, /^http:\/\/127\.0\.0\.1:\d+\/display\/$/);
      for (const flow of [room.video, room.audio]) {
        assert.deepEqual(Object.keys(flow), ['codec', 'packetsReceived', 'framesReceived', 'bitrateKbps', 'lost']);
        assert.ok(flow.packetsReceived > 10 && flow.framesReceived > 10, JSON.stringify(flow));
      }
    }
  });

  it('--standard shows a standard call without a code', async () => {
    const ran = await cloister('demo', '--for', '1', '--json', '--standard');
    assert.equal(ran.status, 0, ran.stderr);
    assert.deepEqual(
      document<Summary>(ran).rooms.map(({ code, encryption }) => [code, encryption]),
      [
        [null, 'standard'],
        [null, 'standard']
      ]
    );
  });
});
