// Three real rooms in one conference: standard calls alone, each pair with a call and a media process of its own.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { issueEndpoint } from '../../src/identity/certificate-authority.ts';
import { identityOf, readAuthority } from '../../src/identity/store.ts';
import { loadTrustStore } from '../../src/identity/trust-store.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import type { CallBody, CallMessage } from '../../src/signaling/messages.ts';
import type { CallAction } from '../../src/ui-server/port.ts';
import { openRoom, until } from '../fakes/signaling-world.ts';
import { mediaProcessesOf, udpPortsOf } from '../harness/processes.ts';
import { startFurtherRoom, startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

const LIMIT_MS = 90_000;
/** A busy machine starts a media process late: nobody is hurried by it. */
const STANDARD = { encryption: { policy: 'DisabledUserOverride', setting: false }, call: { connectTimeoutMs: 60_000, reconnectTimeoutMs: 60_000 } };
const LIBRARY = 'library@contoso.example';
const STRANGE = '0190f3c2-7d4e-7a31-8c55-000000000001';

const calls = (state: RoomState): CallView[] => [state.call, ...state.otherCalls].filter((call) => call !== null).filter((call) => call.phase !== 'ended');
const callWith = (state: RoomState, account: string): CallView | undefined => calls(state).find(({ peer }) => peer.account === account);
const flows = ({ phase, media: { audio, video } }: CallView): boolean =>
  phase === 'connected' && audio.sending && audio.receiving && video.sending && video.receiving && video.framesReceived > 0;
const joined = (state: RoomState): boolean => calls(state).length === 2 && calls(state).every((call) => call.conference?.phase === 'joined' && flows(call));
const alone = (state: RoomState): boolean => calls(state).length === 1 && calls(state).every((call) => call.conference === null && flows(call));

async function eventually(room: TestRoom, what: string, holds: (state: RoomState) => boolean): Promise<RoomState> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const state = await room.http.state();
    if (holds(state)) return state;
    if (performance.now() > deadline) {
      const { call, otherCalls, health } = state;
      throw new Error(`${room.name}: not in time: ${what}\n${JSON.stringify({ call, otherCalls, health })}\n${room.stderr().slice(-3_000)}`);
    }
    await pause(50);
  }
}

const actOn = (room: TestRoom, id: string, action: CallAction, body: Readonly<Record<string, unknown>> = {}) =>
  room.http.post(`/api/v1/calls/${id}/${action}`, body);

/** What a call has brought in so far. */
const brought = ({ media: { audio, video } }: CallView): readonly [number, number] => [audio.packetsReceived, video.framesReceived];

/** Picture and sound of each call of each room go on growing: six flows where three take part. */
async function grow(rooms: readonly TestRoom[]): Promise<void> {
  for (const room of rooms) {
    const before = new Map(calls(await room.http.state()).map((call) => [call.id, brought(call)]));
    await eventually(room, 'all flows grow', (state) =>
      calls(state).every((call) => {
        const [audio = 0, video = 0] = before.get(call.id) ?? [];
        const [audioNow, videoNow] = brought(call);
        return audioNow > audio + 10 && videoNow > video + 5;
      })
    );
  }
}

async function openProcesses(room: TestRoom): Promise<number> {
  let open = 0;
  for (const pid of await mediaProcessesOf(room.agentPid)) if ((await udpPortsOf(pid)).length > 0) open++;
  return open;
}

describe('a third participant', function () {
  this.timeout(300_000);
  let pair: TwoRooms;
  let a: TestRoom;
  let b: TestRoom;
  let c: TestRoom;

  before(async () => {
    pair = await startTwoRooms({ config: () => STANDARD });
    [a, b] = pair.rooms;
    c = await startFurtherRoom(pair, 'Library', LIBRARY, STANDARD);
    await eventually(c, 'connected to the broker', ({ network }) => network.broker === 'connected');
  });
  after(async () => {
    await c?.stop();
    await pair?.[Symbol.asyncDispose]();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') for (const room of [a, b, c]) console.error(`${room.name}\n${room.stderr().slice(-6_000)}`);
    for (const room of [a, b, c]) for (const { id } of calls(await room.http.state())) await actOn(room, id, 'end').catch(() => {});
    for (const room of [a, b, c]) await eventually(room, 'at rest', (state) => calls(state).length === 0);
  });

  async function answered(room: TestRoom, check: (call: CallView) => void = () => {}): Promise<void> {
    const { call } = await eventually(room, 'it rings', (state) => state.call?.phase === 'ringing');
    if (call !== null) check(call);
    await actOn(room, call?.id ?? '', 'answer');
  }

  /** A adds C to its call with B. @returns the id of that call */
  async function conference(): Promise<string> {
    const id = await pair.placeCall();
    await actOn(a, id, 'add-participant', { to: LIBRARY });
    await answered(c);
    for (const room of [a, b, c]) await eventually(room, 'all three talk', joined);
    return id;
  }

  it('is rung, answers, and all three see and hear each other; what is muted is so for both; who leaves, leaves the others talking', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'add-participant', { to: LIBRARY });
    const added = await eventually(a, 'it rings there', ({ call }) => call?.conference?.phase === 'ringing');
    assert.deepEqual([added.call?.id, added.call?.conference?.third.account, added.call?.conference?.host], [id, LIBRARY, true]);
    const waiting = await eventually(b, 'it is told', ({ call }) => call?.conference !== null);
    assert.deepEqual([waiting.call?.conference?.third.account, waiting.call?.conference?.host, waiting.call?.phase], [LIBRARY, false, 'connected']);
    await answered(c, (call) => {
      assert.deepEqual([call.peer.account, call.conference?.third.account], [a.account, b.account]);
      assert.deepEqual([call.encryption.expected, call.encryption.reason], ['standard', 'conference-there']);
    });
    const [there, ...others] = [
      await eventually(a, 'all three talk', joined),
      await eventually(b, 'all three talk', joined),
      await eventually(c, 'all three talk', joined)
    ] as const;
    assert.equal(there.call?.id, id, 'what people look at stays where it is');
    const ids = new Set([there, ...others].flatMap((state) => calls(state).map((call) => call.conference?.id)));
    assert.equal(ids.size, 1);
    for (const state of [there, ...others]) {
      assert.ok(calls(state).every((call) => call.encryption.state === 'standard' && call.encryption.securityCode === null));
      assert.ok(state.call?.unavailable.some(({ feature, reason }) => feature === 'add-participant' && reason === 'conference'));
    }
    await grow([a, b, c]);
    const feeds: { url: string; mediaEpoch: number }[] = [];
    for (const { id: call } of calls(there)) feeds.push((await a.http.post('/api/v1/display/ticket', { call })) as { url: string; mediaEpoch: number });
    assert.deepEqual(
      [new Set(feeds.map(({ url }) => new URL(url).port)).size, feeds.map(({ mediaEpoch }) => mediaEpoch)],
      [2, calls(there).map(({ mediaEpoch }) => mediaEpoch)]
    );
    await assert.rejects(a.http.post('/api/v1/display/ticket', { call: STRANGE }), { code: 'CL_CALL_NONE' });
    for (const [action, body] of [
      ['transfer', { to: 'd@contoso.example' }],
      ['park', {}],
      ['recording', { on: true }],
      ['merge', {}],
      ['add-participant', { to: 'd@contoso.example' }]
    ] as const)
      await assert.rejects(actOn(a, id, action, body), { code: 'CL_CALL_CONFERENCE' }, action);

    await actOn(a, id, 'mute');
    await eventually(a, 'nothing is heard of it by either', (state) =>
      calls(state).every((call) => !call.media.audio.sending && !call.media.wanted.microphone)
    );
    for (const room of [b, c]) await eventually(room, 'nothing is heard of it', (state) => callWith(state, a.account)?.media.audio.receiving === false);
    await actOn(a, callWith(there, LIBRARY)?.id ?? '', 'unmute');
    for (const room of [a, b, c]) await eventually(room, 'all three are heard again', joined);
    await actOn(a, id, 'hold');
    await eventually(a, 'both are held', (state) => calls(state).every(({ phase }) => phase === 'on-hold'));
    for (const room of [b, c]) await eventually(room, 'it is told', (state) => callWith(state, a.account)?.heldThere === true);
    await actOn(a, id, 'resume');
    for (const room of [a, b, c]) await eventually(room, 'all three talk again', joined);
    await grow([b]);

    const { call: left } = await c.http.state();
    await actOn(c, left?.id ?? '', 'end');
    await eventually(c, 'it is out of both', (state) => calls(state).length === 0);
    for (const room of [a, b]) await eventually(room, 'they talk on', alone);
    assert.deepEqual([(await a.http.state()).call?.id, (await b.http.state()).call?.id], [id, id]);
    await grow([a, b]);
    assert.deepEqual([await openProcesses(a), await openProcesses(b), await openProcesses(c)], [1, 1, 0]);
  });

  it('may be added again by who was brought in, when who brought them together has left', async () => {
    const id = await conference();
    await actOn(a, id, 'end');
    for (const room of [b, c]) await eventually(room, 'they talk on', alone);
    await grow([b, c]);
    const { call } = await c.http.state();
    await actOn(c, call?.id ?? '', 'add-participant', { to: a.account });
    await answered(a);
    for (const room of [a, b, c]) await eventually(room, 'all three talk', joined);
  });

  it('is joined to the other call after it was asked first', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'consult-then-transfer', { to: LIBRARY });
    await answered(c);
    const asked = await eventually(a, 'they talk', ({ call }) => call !== null && call.peer.account === LIBRARY && flows(call));
    await actOn(a, asked.call?.id ?? '', 'mute');
    await actOn(a, asked.call?.id ?? '', 'merge');
    await eventually(a, 'all three are together', (state) => calls(state).length === 2 && calls(state).every((call) => call.conference?.phase === 'joined'));
    const together = await a.http.state();
    assert.deepEqual([together.call?.id, calls(together).map(({ media }) => media.wanted.microphone)], [asked.call?.id, [false, false]]);
    await actOn(a, id, 'unmute');
    for (const room of [a, b, c]) await eventually(room, 'all three talk', joined);
    await grow([a, b, c]);
    // Who was talked to last leaves: the one that had been held is an ordinary call.
    await actOn(c, (await c.http.state()).call?.id ?? '', 'end');
    for (const room of [a, b]) await eventually(room, 'they talk on', alone);
  });

  it('declines, or the other side refuses: the call goes on as it was, and people are told', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'add-participant', { to: LIBRARY });
    const { call } = await eventually(c, 'it rings', (state) => state.call?.phase === 'ringing');
    await actOn(c, call?.id ?? '', 'decline');
    for (const room of [a, b]) {
      const state = await eventually(room, 'it is told', (now) => now.call?.notAdded !== null && alone(now));
      assert.deepEqual([state.call?.id, state.call?.notAdded?.account], [id, LIBRARY]);
    }
    await grow([a, b]);
    await assert.rejects(actOn(a, id, 'add-participant', { to: 'x' }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(actOn(a, id, 'add-participant', { to: b.account }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(actOn(a, id, 'merge'), { code: 'CL_CALL_WRONG_PHASE' });
  });

  it('is nobody who only knows of it: neither a certified stranger nor another device of the account that is awaited', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'add-participant', { to: LIBRARY });
    await eventually(c, 'it rings', ({ call }) => call?.phase === 'ringing');
    const { call: waiting } = await eventually(b, 'it waits', ({ call }) => call?.conference !== null);
    const { room: roomB } = await b.http.state();
    const authority = await readAuthority(pair.identities.authority);
    const trust = await loadTrustStore({ authorities: [join(pair.identities.authority, 'ca.pem')], revocationLists: [] });
    for (const account of ['intruder@contoso.example', LIBRARY]) {
      const identity = await identityOf(await issueEndpoint(authority, account, Date.now()), authority.certificatePem);
      await using stranger = openRoom(identity, trust, { url: pair.broker.url, caPem: identity.caPem });
      await stranger.started;
      const invite = async (conference?: CallBody<'call.invite'>['conference']): Promise<string> => {
        const call = uuidV7(Date.now(), randomBytes(10));
        const body = { sdp: 'v=0', encryption: { offered: false }, media: { audio: true, video: true }, displayName: 'Library' };
        const sent: CallMessage = { type: 'call.invite', body: conference === undefined ? body : { ...body, conference } };
        await stranger.signaling.send({ account: b.account, endpoint: roomB.endpoint }, call, sent);
        return call;
      };
      const others = [{ account: a.account, displayName: a.name }];
      const tried = await invite({ id: waiting?.conference?.id ?? '', others, token: randomBytes(16).toString('hex') });
      const plain = await invite();
      await until(() => stranger.received.some(({ call }) => call === plain), 'an answer to an invite of its own');
      assert.deepEqual([stranger.received.filter(({ call }) => call === tried), calls(await b.http.state()).length], [[], 1]);
    }
    await answered(c);
    for (const room of [a, b, c]) await eventually(room, 'all three talk: whom it was meant for comes', joined);
  });

  it('is not needed: who brought them together is gone, and the two others talk on', async () => {
    await conference();
    const process = a.agentPid;
    await a.stop('SIGKILL');
    assert.ok(process > 0);
    for (const room of [b, c]) await eventually(room, 'they talk on', alone);
    await grow([b, c]);
    await a.start();
    await eventually(a, 'it is back', ({ network }) => network.broker === 'connected');
  });

  it('has a media process that dies: its call is secured anew, and all three go on', async () => {
    const id = await conference();
    const epochs = calls(await a.http.state()).map(({ mediaEpoch }) => mediaEpoch);
    const [first] = await mediaProcessesOf(a.agentPid);
    assert.ok(first !== undefined);
    const open: number[] = [];
    for (const pid of await mediaProcessesOf(a.agentPid)) if ((await udpPortsOf(pid)).length > 0) open.push(pid);
    process.kill(Math.min(...open), 'SIGKILL');
    await eventually(
      a,
      'another process serves it',
      (state) => calls(state).length === 2 && calls(state).some(({ mediaEpoch }) => !epochs.includes(mediaEpoch))
    );
    for (const room of [a, b, c]) await eventually(room, 'all three talk again', joined);
    await grow([a, b, c]);
    assert.equal((await a.http.state()).call?.id, id);
  });
});

describe('whom nobody adds', function () {
  this.timeout(300_000);

  it('is an end-to-end encrypted call, with the reason', async () => {
    await using pair = await startTwoRooms();
    const [a] = pair.rooms;
    const id = await pair.placeCall();
    const before = (await a.http.state()).call?.encryption.state;
    const response = await fetch(new URL(`/api/v1/calls/${id}/add-participant`, a.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to: LIBRARY })
    });
    assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [409, 'CL_CALL_FEATURE_UNAVAILABLE']);
    await assert.rejects(actOn(a, id, 'merge'), { code: 'CL_CALL_FEATURE_UNAVAILABLE' });
    const after = (await a.http.state()).call;
    assert.deepEqual([after?.id, after?.phase, after?.encryption.state, after?.conference], [id, 'connected', before, null]);
  });

  it('is a call whose other side does not let itself be handed over', async () => {
    await using pair = await startTwoRooms({
      config: (index) => (index === 1 ? { ...STANDARD, call: { ...STANDARD.call, acceptTransfers: false } } : STANDARD)
    });
    const [a, b] = pair.rooms;
    const id = await pair.placeCall();
    await actOn(a, id, 'add-participant', { to: LIBRARY });
    const state = await eventually(a, 'it is told', ({ call }) => call?.notAdded !== null);
    assert.deepEqual([state.call?.id, state.call?.notAdded?.account, calls(state).length], [id, LIBRARY, 1]);
    assert.equal((await b.http.state()).call?.conference, null);
  });
});
