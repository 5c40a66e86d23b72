// Three real rooms: standard calls that are handed over, asked about first, parked and retrieved, and an end-to-end encrypted one that is not.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { CallView, RoomState } from '../../src/room/state.ts';
import type { CallAction } from '../../src/ui-server/port.ts';
import { mediaProcessesOf, udpPortsOf } from '../harness/processes.ts';
import { startFurtherRoom, startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

const LIMIT_MS = 60_000;
/** A busy machine starts a media process late: nobody is hurried by it. */
const STANDARD = { encryption: { policy: 'DisabledUserOverride', setting: false }, call: { connectTimeoutMs: 60_000 } };
const LIBRARY = 'library@contoso.example';

const runs = (call: CallView | null): boolean => call !== null && call.phase !== 'ended';
const calls = (state: RoomState): CallView[] => [state.call, ...state.otherCalls].filter((call) => call !== null).filter(runs);
const peerOf = (state: RoomState): string | undefined => (runs(state.call) ? state.call?.peer.account : undefined);
/** Picture and sound of the call in front come from its other side, and go there. */
const flows = ({ call }: RoomState): boolean =>
  call?.phase === 'connected' && call.media.audio.receiving && call.media.audio.sending && call.media.video.receiving && call.media.video.framesReceived > 0;

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
const placeCall = async (from: TestRoom, to: string): Promise<string> => ((await from.http.post('/api/v1/calls', { to })) as { id: string }).id;
const retrieve = async (room: TestRoom, account: string | null, code: string): Promise<string> =>
  ((await room.http.post('/api/v1/calls/retrieve', { account, code })) as { id: string }).id;

async function answered(room: TestRoom, id?: string): Promise<string> {
  const { call } = await eventually(room, 'it rings', (state) => state.call?.phase === 'ringing' && (id === undefined || state.call.id === id));
  await actOn(room, call?.id ?? '', 'answer');
  return call?.id ?? '';
}

/** No media process of a call that is over is left: each open one has a UDP port. */
async function openProcesses(room: TestRoom): Promise<number> {
  let open = 0;
  for (const pid of await mediaProcessesOf(room.agentPid)) if ((await udpPortsOf(pid)).length > 0) open++;
  return open;
}

describe('handing calls over among three rooms', function () {
  this.timeout(240_000);
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
  afterEach(async () => {
    for (const room of [a, b, c]) for (const { id } of calls(await room.http.state())) await actOn(room, id, 'end').catch(() => {});
    for (const room of [a, b, c]) await eventually(room, 'at rest', (state) => calls(state).length === 0);
  });

  it('hands a call over: whom it talked with calls there, and it is out of it', async () => {
    const id = await pair.placeCall();
    await actOn(b, id, 'mute');
    await actOn(a, id, 'transfer', { to: LIBRARY });
    const asked = await eventually(a, 'it asks', ({ call }) => call?.transfer !== null);
    assert.deepEqual([asked.call?.transfer, asked.call?.phase], [{ to: LIBRARY, phase: 'asked' }, 'on-hold']);
    const rings = await eventually(c, 'it rings there', ({ call }) => call?.phase === 'ringing');
    assert.deepEqual([rings.call?.peer.account, rings.call?.referredBy], [b.account, { account: a.account, displayName: a.name }]);
    const there = await b.http.state();
    assert.deepEqual(
      [there.call?.peer.account, there.call?.referredBy?.account, there.otherCalls.map(({ id: other, transfer }) => [other, transfer?.to])],
      [LIBRARY, a.account, [[id, LIBRARY]]]
    );
    await answered(c);
    const ended = await eventually(a, 'it is out of it', ({ call }) => call?.phase === 'ended');
    assert.deepEqual([ended.call?.ended?.reason, ended.call?.ended?.text], ['hangup', `The call was handed over to ${LIBRARY}.`]);
    const talks = await eventually(c, 'picture and sound', ({ call }) => call?.phase === 'connected' && call.media.video.receiving);
    assert.equal(talks.call?.encryption.state, 'standard');
    const handed = await eventually(b, 'one call is left', (state) => calls(state).length === 1 && state.call?.media.audio.receiving === true);
    assert.deepEqual([handed.call?.media.wanted.microphone, handed.call?.media.audio.sending], [false, false], 'who was muted is not heard by somebody else');
    assert.deepEqual([await openProcesses(b), await openProcesses(c)], [1, 1]);
  });

  it('goes on where it was when nobody takes the call', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'transfer', { to: LIBRARY });
    const { call } = await eventually(c, 'it rings there', (state) => state.call?.phase === 'ringing');
    await actOn(c, call?.id ?? '', 'decline');
    const failed = await eventually(a, 'they talk again', (state) => flows(state) && state.call?.transfer?.phase === 'failed');
    assert.deepEqual([failed.call?.id, failed.call?.transfer], [id, { to: LIBRARY, phase: 'failed' }]);
    const there = await eventually(b, 'they talk again', flows);
    assert.deepEqual([there.call?.id, there.call?.heldThere], [id, false]);
    await assert.rejects(actOn(a, id, 'transfer', { to: 'x' }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(actOn(a, id, 'transfer', { to: a.account }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(actOn(a, id, 'transfer', { to: b.account }), { code: 'CL_ADDRESS_INVALID' });
    await assert.rejects(actOn(a, id, 'merge'), { code: 'CL_CALL_WRONG_PHASE' }, 'there is nothing to merge');
  });

  it('asks first, and joins the two without ringing again; or goes back', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'consult-then-transfer', { to: LIBRARY });
    const asking = await eventually(a, 'it asks first', (state) => state.call?.peer.account === LIBRARY);
    assert.deepEqual(
      asking.otherCalls.map(({ id: held, phase, transfer }) => [held, phase, transfer]),
      [[id, 'on-hold', { to: LIBRARY, phase: 'consulting' }]]
    );
    await answered(c);
    const consulting = await eventually(a, 'they talk', flows);
    // Back to whom it talked with first: the other one is held.
    await actOn(a, id, 'resume');
    const back = await eventually(a, 'they talk again', (state) => state.call?.id === id && flows(state));
    assert.deepEqual(
      back.otherCalls.map(({ phase }) => phase),
      ['on-hold']
    );
    await eventually(c, 'it is held', ({ call }) => call?.heldThere === true);
    const second = consulting.call?.id ?? '';
    await actOn(a, second, 'resume');
    await eventually(a, 'they talk again', (state) => state.call?.id === second && flows(state));
    let rang = false;
    const watch = new AbortController();
    const watching = (async () => {
      while (!watch.signal.aborted) {
        rang ||= (await c.http.state()).call?.phase === 'ringing';
        await pause(10);
      }
    })();
    await actOn(a, second, 'complete-transfer');
    await eventually(a, 'it is out of both', (state) => calls(state).length === 0);
    const joined = await eventually(c, 'it talks with the other one', (state) => peerOf(state) === b.account && flows(state));
    watch.abort();
    await watching;
    assert.deepEqual([rang, joined.call?.referredBy], [false, { account: a.account, displayName: a.name }]);
    await eventually(b, 'it talks with the other one', (state) => peerOf(state) === LIBRARY && flows(state) && calls(state).length === 1);
    assert.deepEqual([await openProcesses(b), await openProcesses(c)], [1, 1]);
  });

  it('parks a call, is free meanwhile, and takes it back', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'park');
    const parked = await eventually(a, 'it is parked', (state) => state.otherCalls.some(({ parkCode }) => parkCode !== null));
    assert.deepEqual([parked.call, parked.otherCalls.map((call) => [call.id, call.phase])], [null, [[id, 'on-hold']]]);
    const code = parked.otherCalls[0]?.parkCode ?? '';
    assert.match(code, /^[0-9]{4}$/);
    await eventually(b, 'it is held', ({ call }) => call?.heldThere === true);
    const other = await placeCall(c, a.account);
    await answered(a, other);
    await eventually(a, 'it talks with somebody else', flows);
    await assert.rejects(retrieve(a, null, code === '0000' ? '0001' : '0000'), { code: 'CL_PARK_UNKNOWN' });
    assert.equal(await retrieve(a, null, code), id);
    const back = await eventually(a, 'they talk again', (state) => state.call?.id === id && flows(state));
    assert.deepEqual([back.call?.parkCode, back.otherCalls.map((call) => [call.id, call.phase])], [null, [[other, 'on-hold']]]);
    await eventually(b, 'they talk again', flows);
  });

  it('lets another room retrieve the parked call with its code, and with no other', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'park');
    const parked = await eventually(a, 'it is parked', (state) => state.otherCalls.some(({ parkCode }) => parkCode !== null));
    const code = parked.otherCalls[0]?.parkCode ?? '';
    const wrong = ['0000', '1111', '2222'].find((each) => each !== code) ?? '';
    await assert.rejects(retrieve(c, a.account, wrong), { code: 'CL_PARK_UNKNOWN' });
    await assert.rejects(retrieve(c, b.account, code), { code: 'CL_PARK_UNKNOWN' });
    await assert.rejects(retrieve(c, a.account, 'abcd'), { code: 'CL_PARK_UNKNOWN' });
    const retrieved = await retrieve(c, a.account, code);
    const there = await eventually(c, 'they talk', (state) => state.call?.id === retrieved && flows(state));
    assert.deepEqual([there.call?.peer.account, there.call?.referredBy?.account], [b.account, a.account]);
    await eventually(a, 'nothing is parked', (state) => calls(state).length === 0);
    await eventually(b, 'one call is left', (state) => peerOf(state) === LIBRARY && calls(state).length === 1 && flows(state));
    // Who talks retrieves nothing.
    await assert.rejects(retrieve(c, a.account, code), { code: 'CL_CALL_BUSY' });
  });

  it('tells a room that guesses nothing more after three tries, not even the right code', async () => {
    const id = await pair.placeCall();
    await actOn(a, id, 'park');
    const parked = await eventually(a, 'it is parked', (state) => state.otherCalls.some(({ parkCode }) => parkCode !== null));
    const code = parked.otherCalls[0]?.parkCode ?? '';
    // One of them was keyed in by the test before; nobody counts on that.
    for (const wrong of ['0000', '1111', '2222', '3333'].filter((each) => each !== code).slice(0, 3))
      await assert.rejects(retrieve(c, a.account, wrong), { code: 'CL_PARK_UNKNOWN' });
    await assert.rejects(retrieve(c, a.account, code), { code: 'CL_PARK_UNKNOWN' });
    assert.equal((await a.http.state()).otherCalls[0]?.parkCode, code);
    assert.ok(![a.stderr(), c.stderr()].some((log) => log.includes(`"${code}"`)), 'no code in a log');
  });
});

describe('handing over an end-to-end encrypted call', function () {
  this.timeout(120_000);

  it('is refused here, whatever is asked, and the call goes on', async () => {
    await using pair = await startTwoRooms();
    const [a] = pair.rooms;
    const id = await pair.placeCall();
    for (const [action, body] of [
      ['transfer', { to: LIBRARY }],
      ['consult-then-transfer', { to: LIBRARY }],
      ['complete-transfer', {}],
      ['park', {}],
      ['merge', {}],
      ['add-participant', { to: LIBRARY }],
      ['recording', { on: true }]
    ] as const)
      await assert.rejects(actOn(a, id, action, body), { code: 'CL_CALL_FEATURE_UNAVAILABLE' }, action);
    const state = await eventually(a, 'it goes on', flows);
    assert.deepEqual([state.call?.id, state.call?.encryption.state, state.otherCalls], [id, 'end-to-end-verified', []]);
  });
});
