// What breaks in a call, and what becomes of it: media processes and agents killed, the broker away, many calls in a row.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RoomState } from '../../src/room/state.ts';
import { isRunning, mediaProcessesOf, openFilesOf } from '../harness/processes.ts';
import { bothConnected, bothEnded, startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

const codesOf = (states: readonly RoomState[]): (string | null | undefined)[] => states.map(({ call }) => call?.encryption.securityCode);
const packetsOf = (states: readonly RoomState[]): number[] =>
  states.flatMap(({ call }) => [call?.media.video.packetsReceived ?? 0, call?.media.audio.packetsReceived ?? 0]);
const allGrew = (before: readonly number[], now: readonly number[]): boolean => now.every((count, index) => count > (before[index] ?? 0));

async function callProcess(room: TestRoom): Promise<number> {
  const pid = await room.callProcess();
  assert.ok(pid !== null, `${room.name} has no process for its call`);
  return pid;
}

/** @throws when the condition does not hold in time */
async function eventually(what: string, condition: () => Promise<boolean>, limitMs: number): Promise<number> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > limitMs) throw new Error(`not in ${limitMs} ms: ${what}`);
    await pause(20);
  }
  return performance.now() - startedAt;
}

/** Everything that a room showed, in order, as often as it could be asked. */
function record(room: TestRoom): { readonly shown: RoomState[]; stop(): Promise<void> } {
  const shown: RoomState[] = [];
  let over = false;
  const recording = (async () => {
    while (!over) {
      shown.push(await room.http.state());
      await pause(5);
    }
  })();
  return {
    shown,
    async stop() {
      over = true;
      await recording;
    }
  };
}

/** The call is secured again: same id, another code, the same on both sides, picture and sound both ways. @returns how long it took */
async function securedAgain(pair: TwoRooms, id: string, old: string, kill: () => Promise<void>): Promise<number> {
  const recordings = pair.rooms.map(record);
  await kill();
  const startedAt = performance.now();
  const states = await pair.waitFor('secured again', (now) =>
    now.every(({ call }) => {
      if (call?.phase === 'ended') throw new Error(`the call ended: ${call.ended?.text}`);
      const { securityCode, securingAgain } = call?.encryption ?? {};
      return securityCode != null && securityCode !== old && !securingAgain && (call?.media.video.framesReceived ?? 0) > 0;
    })
  );
  const tookMs = performance.now() - startedAt;
  await Promise.all(recordings.map((recording) => recording.stop()));
  for (const { call } of states) {
    assert.equal(call?.id, id);
    assert.equal(call.phase, 'connected');
    assert.equal(call.encryption.state, 'end-to-end', 'a new code has to be compared again');
    assert.equal(call.encryption.confirmedBy, null);
  }
  const [first, second] = codesOf(states);
  assert.equal(first, second);
  for (const { shown } of recordings) {
    const calls = shown.flatMap(({ call }) => (call === null ? [] : [call]));
    const lost = calls.findIndex(({ encryption }) => encryption.securityCode !== old);
    assert.ok(lost >= 0);
    assert.ok(!calls.slice(lost).some(({ encryption }) => encryption.securityCode === old), 'the old code was shown after it was blanked');
    assert.ok(
      calls.every(({ encryption }) => !encryption.securingAgain || (encryption.securityCode === null && encryption.state === null)),
      'something was promised while nothing was secured'
    );
  }
  const before = packetsOf(states);
  await pair.waitFor('media goes on', (now) => allGrew(before, packetsOf(now)));
  return tookMs;
}

describe('a call whose other side falls silent', function () {
  this.timeout(60_000);

  it('shows it, keeps its code, and goes on when the other side is heard again', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    const [code] = codesOf(await pair.states());
    const silenced = await callProcess(pair.rooms[1]);
    const problemOf = async () => (await pair.rooms[0].http.state()).call?.media.problem?.code ?? null;
    process.kill(silenced, 'SIGSTOP');
    try {
      const tookMs = await eventually('the silence is shown', async () => (await problemOf()) === 'CL_MEDIA_SILENT', 20_000);
      console.log(`      silence shown after ${tookMs.toFixed(0)} ms`);
      const { call } = await pair.rooms[0].http.state();
      assert.deepEqual([call?.phase, call?.encryption.securityCode], ['connected', code]);
    } finally {
      process.kill(silenced, 'SIGCONT');
    }
    await eventually('the silence is over', async () => (await problemOf()) === null, 20_000);
    const before = packetsOf(await pair.states());
    await pair.waitFor('media goes on', (now) => allGrew(before, packetsOf(now)));
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
  });
});

describe('a call that loses its media process', function () {
  this.timeout(120_000);
  /** How long it takes is printed, not judged: the machine may be a slow one. */
  const patient = { config: () => ({ call: { reconnectTimeoutMs: 30_000 } }) };

  for (const [who, indices] of [
    ['at the caller', [0]],
    ['at the called room', [1]],
    ['on both sides at once', [0, 1]]
  ] as const) {
    it(`${who}: is secured again under the same id, with a new code on both sides`, async () => {
      await using pair = await startTwoRooms(patient);
      const id = await pair.placeCall();
      const [old] = codesOf(await pair.states());
      assert.ok(old);
      // The spare is started after the call's first second; the loss comes in a call that runs.
      await eventually(
        'spares',
        async () => (await Promise.all(pair.rooms.map(({ agentPid }) => mediaProcessesOf(agentPid)))).every((pids) => pids.length === 2),
        20_000
      );
      const pids = await Promise.all(indices.map((index) => callProcess(pair.rooms[index])));
      const tookMs = await securedAgain(pair, id, old, async () => {
        for (const pid of pids) process.kill(pid, 'SIGKILL');
      });
      console.log(`      secured again after ${tookMs.toFixed(0)} ms`);
      await pair.rooms[0].act('end');
      await pair.waitFor('both ended', bothEnded);
    });
  }

  it('twice, on one side and then on the other: each time another code', async () => {
    await using pair = await startTwoRooms(patient);
    const id = await pair.placeCall();
    const codes = new Set(codesOf(await pair.states()));
    for (const index of [1, 0] as const) {
      await eventually('a spare', async () => (await mediaProcessesOf(pair.rooms[index].agentPid)).length === 2, 20_000);
      const [old] = codesOf(await pair.states());
      const pid = await callProcess(pair.rooms[index]);
      await securedAgain(pair, id, old ?? '', async () => void process.kill(pid, 'SIGKILL'));
      codes.add((await pair.rooms[index].call())?.encryption.securityCode);
    }
    assert.equal(codes.size, 3);
  });

  it('while nobody can be told: ends within the time to reconnect, and says why', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    await pair.stopBroker();
    const startedAt = performance.now();
    process.kill(await callProcess(pair.rooms[0]), 'SIGKILL');
    const [caller] = await pair.waitFor('the caller ends', ([state]) => state.call?.phase === 'ended');
    console.log(`      ended after ${(performance.now() - startedAt).toFixed(0)} ms`);
    assert.deepEqual([caller.call?.ended?.reason, caller.call?.ended?.code, caller.call?.encryption.securityCode], ['media-failed', 'CL_MEDIA_LOST', null]);
    assert.ok((caller.call?.ended?.text ?? '').includes('could not be secured again'));
  });
});

describe('a call while the broker is away', function () {
  this.timeout(120_000);

  it('goes on, and signaling with it when the broker is back on the same port', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    await pair.stopBroker();
    const away = await pair.waitFor('both say that the broker is away', (now) => now.every(({ network }) => network.broker !== 'connected'));
    const before = packetsOf(away);
    for (let second = 0; second < 3; second++) {
      const last = packetsOf(await pair.states());
      await pair.waitFor('media goes on', (now) => allGrew(last, packetsOf(now)));
    }
    const shown = await pair.waitFor('the panel says so', (now) =>
      now.every(({ health }) => health.problems.some(({ code }) => code === 'CL_BROKER_UNREACHABLE'))
    );
    for (const { call } of shown) assert.deepEqual([call?.phase, call?.encryption.state], ['connected', 'end-to-end-verified']);
    // Said while nobody can carry it: it waits.
    await pair.rooms[0].act('codes-match');
    await pair.startBroker();
    await pair.waitFor('the word of the one reaches the other', ([, callee]) => callee.call?.encryption.codesMatchThere === true);
    await pair.rooms[1].act('codes-match');
    const back = await pair.waitFor('and the other way', ([caller]) => caller.call?.encryption.codesMatchThere === true);
    assert.ok(allGrew(before, packetsOf(back)));
    await pair.waitFor('no problem is shown', (now) => now.every(({ health, network }) => network.broker === 'connected' && health.problems.length === 0));
    await pair.rooms[1].act('end');
    const [caller] = await pair.waitFor('the hang-up arrives', bothEnded);
    assert.deepEqual([caller.call?.ended?.reason, caller.call?.ended?.by], ['hangup', 'there']);
  });

  it('that is hung up meanwhile ends on the other side when the broker is back', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    await pair.stopBroker();
    await pair.waitFor('both say so', (now) => now.every(({ network }) => network.broker !== 'connected'));
    await pair.rooms[0].act('end');
    assert.equal((await pair.rooms[0].call())?.phase, 'ended');
    await pair.startBroker();
    const [, callee] = await pair.waitFor('the other side ends', ([, state]) => state.call?.phase === 'ended');
    assert.ok(['hangup', 'media-failed'].includes(callee.call?.ended?.reason ?? ''), callee.call?.ended?.text);
  });
});

describe('an agent that is killed in a call', function () {
  this.timeout(120_000);

  it('leaves no media process, and ends the call on the other side when it is started again', async () => {
    await using pair = await startTwoRooms();
    const id = await pair.placeCall();
    const [killed, other] = pair.rooms;
    const orphans = await mediaProcessesOf(killed.agentPid);
    assert.ok(orphans.length > 0);
    await killed.stop('SIGKILL');
    await eventually('its media processes are gone', async () => !(await Promise.all(orphans.map(isRunning))).includes(true), 3_000);
    assert.match(await readFile(join(killed.folder, 'data', 'call-journal.json'), 'utf8'), new RegExp(id));
    await killed.start();
    const [mine, theirs] = await pair.waitFor('the other side ends', ([, state]) => state.call?.phase === 'ended');
    assert.equal(mine.call, null);
    assert.deepEqual(theirs.call?.ended, { reason: 'device-failed', by: 'there', code: null, text: 'The other side’s device failed.' });
    await eventually('the journal is empty', async () => !(await readdir(join(killed.folder, 'data'))).includes('call-journal.json'), 5_000);
    await pair.waitFor('the room is back', ([state]) => state.network.broker === 'connected');
    await pair.placeCall();
    await other.act('end');
    await pair.waitFor('both ended', bothEnded);
  });

  it('ends the call on the other side also when it does not come back', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    await pair.rooms[1].stop('SIGKILL');
    const startedAt = performance.now();
    let call = await pair.rooms[0].call();
    while (call?.phase !== 'ended' && performance.now() - startedAt < 60_000) {
      await pause(50);
      call = await pair.rooms[0].call();
    }
    console.log(`      ended after ${(performance.now() - startedAt).toFixed(0)} ms: ${call?.ended?.text}`);
    assert.deepEqual([call?.phase, call?.ended?.reason, call?.encryption.securityCode], ['ended', 'media-failed', null]);
  });

  it('starts with a journal that is no journal', async () => {
    await using pair = await startTwoRooms();
    await pair.rooms[0].stop();
    await writeFile(join(pair.rooms[0].folder, 'data', 'call-journal.json'), '{"call": 1');
    await pair.rooms[0].start();
    await pair.waitFor('the room is back', ([state]) => state.network.broker === 'connected');
    await pair.placeCall();
  });
});

describe('after the call', function () {
  this.timeout(180_000);

  it('the media processes of the call are gone within a second and a half, and with them what they had open', async () => {
    await using pair = await startTwoRooms();
    await pair.placeCall();
    const pids = await Promise.all(pair.rooms.map(callProcess));
    const startedAt = performance.now();
    await pair.rooms[0].act('end');
    const tookMs = await eventually('they are gone', async () => !(await Promise.all(pids.map(isRunning))).includes(true), 1_500);
    console.log(`      gone after ${tookMs.toFixed(0)} ms`);
    assert.ok(performance.now() - startedAt < 1_600);
    for (const room of pair.rooms) {
      assert.equal(await room.callProcess(), null);
      const state = await room.http.state();
      assert.deepEqual([state.call?.media.video.sending, state.call?.media.audio.sending, state.devices.displays], [false, false, 0]);
    }
  });

  it('twenty calls in a row leave nothing behind', async () => {
    await using pair = await startTwoRooms({ config: () => ({ media: { video: { width: 320, height: 180, fps: 10 } } }) });
    const counts = async (): Promise<number[][]> =>
      Promise.all(pair.rooms.map(async ({ agentPid }) => [(await mediaProcessesOf(agentPid)).length, (await openFilesOf(agentPid)).length]));
    /** One media process, the spare, and no other thing of a call. */
    const rested = () => eventually('one spare each', async () => (await counts()).every(([processes]) => processes === 1), 20_000);
    let after: number[][] = [];
    const ids = new Set<string>();
    const codes = new Set<string>();
    for (let call = 0; call < 20; call++) {
      ids.add(await pair.placeCall());
      const [code] = codesOf(await pair.states());
      codes.add(code ?? '');
      await pair.rooms[call % 2 === 0 ? 0 : 1].act('end');
      await pair.waitFor('both ended', bothEnded);
      // The first calls open what is kept open.
      if (call === 4) {
        await rested();
        after = await counts();
      }
    }
    await rested();
    await eventually(
      'as many open files as after five calls',
      async () => (await counts()).every(([, files], index) => (files ?? 0) <= (after[index]?.[1] ?? 0) + 2),
      10_000
    );
    assert.deepEqual([ids.size, codes.size], [20, 20]);
    const states = await pair.states();
    for (const { call, health } of states) {
      assert.equal(call?.phase, 'ended');
      assert.deepEqual(health.problems, []);
      assert.deepEqual(health.securityEvents, []);
    }
    await pair.placeCall();
    assert.ok(bothConnected(await pair.states()));
  });
});
