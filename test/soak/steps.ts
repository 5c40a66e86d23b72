// What happens to two rooms in the soak, one step after the other. Each begins with both rooms idle; where it leaves a call behind, the soak ends it.
// A step throws where a call does what it may not under that fault; what holds after every step is in invariants.ts.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { CloisterError } from '../../src/kernel/errors.ts';
import { mediaProcessesOf } from '../harness/processes.ts';
import { bothEnded } from '../harness/two-rooms.ts';
import { requireFlow, requireNewCode } from './invariants.ts';
import { CLEAN_PATH } from './soak-folder.ts';
import { callsOf, INDICES, type Index, type States, type World } from './world.ts';

/** @param codes all codes that were ever shown */
type Step = (world: World, codes: Set<string>) => Promise<void>;

const RING_LIMIT_MS = 25_000;
const CONNECT_LIMIT_MS = 30_000;
const KEYFRAME_STORM = 500;
const other = (index: Index): Index => (index === 0 ? 1 : 0);
const anyRoom = ({ random }: World): Index => (random.once(2) ? 0 : 1);

async function ring(world: World, from: Index): Promise<string> {
  const id = await world.place(from);
  await world.pair.waitFor('it rings', (now) => now[other(from)].call?.id === id && now[other(from)].call?.phase === 'ringing', RING_LIMIT_MS);
  return id;
}

const isConnected = (states: States): boolean =>
  callsOf(states).every((call) => call?.phase === 'connected' && !call.encryption.securingAgain && call.encryption.securityCode !== null);

async function connect(world: World, codes: Set<string>, from = anyRoom(world)): Promise<Index> {
  await ring(world, from);
  await world.act(other(from), 'answer');
  await requireFlow(world);
  await requireNewCode(world, codes);
  return from;
}

/** Both are secured again, or both have ended and say why. @returns whether the call goes on */
async function requireOutcome(world: World): Promise<boolean> {
  const states = await world.pair.waitFor('the call goes on or is over', (now) => isConnected(now) || bothEnded(now), CONNECT_LIMIT_MS);
  for (const call of callsOf(states)) if (call?.phase === 'ended') assert.ok((call.ended?.text ?? '') !== '', 'a call ended and does not say why');
  return isConnected(states);
}

async function serving(world: World, index: Index): Promise<number | null> {
  return world.pair.rooms[index].callProcess();
}

function kill(world: World, pid: number | null, what: string): void {
  if (pid === null) return;
  world.note(`${what} is killed (${pid})`);
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended by itself.
  }
}

/** Waits until a spare is there, as in a call that runs. */
async function awaitSpares(world: World): Promise<void> {
  const deadline = performance.now() + CONNECT_LIMIT_MS;
  while ((await Promise.all(world.pair.rooms.map(({ agentPid }) => mediaProcessesOf(agentPid)))).some((pids) => pids.length < 2)) {
    if (performance.now() > deadline) throw new Error('no spare is made in a call');
    await pause(50);
  }
}

const badPath = ({ random }: World) => ({ lossRate: random.pick([0.02, 0.05, 0.1, 0.2, 0.3]), delayMs: random.below(200), jitterMs: random.below(40) });

export const STEPS: Readonly<Record<string, Step>> = {
  async talk(world, codes) {
    await connect(world, codes);
    await pause(world.random.below(3_000));
    await requireFlow(world);
    await world.act(anyRoom(world), 'end');
  },

  async 'mute and camera'(world, codes) {
    await connect(world, codes);
    for (let toggle = 0; toggle < 8; toggle += 1) {
      await world.act(anyRoom(world), world.random.pick(['mute', 'unmute', 'camera-on', 'camera-off']));
      await pause(world.random.below(200));
    }
    for (const index of INDICES) {
      await world.act(index, 'unmute');
      await world.act(index, 'camera-on');
    }
    await requireFlow(world, 'media flows again');
  },

  async decline(world) {
    const from = anyRoom(world);
    await ring(world, from);
    await world.act(other(from), 'decline');
  },

  async 'hang up while it rings'(world) {
    const from = anyRoom(world);
    await world.place(from);
    await pause(world.random.below(300));
    await world.act(from, 'end');
  },

  async 'hang up while it is secured'(world) {
    const from = anyRoom(world);
    await ring(world, from);
    await world.act(other(from), 'answer');
    await pause(world.random.below(250));
    await world.act(anyRoom(world), 'end');
  },

  async 'hang up both at once'(world, codes) {
    await connect(world, codes);
    await Promise.all(INDICES.map((index) => world.act(index, 'end')));
  },

  async 'call each other at once'(world) {
    await Promise.allSettled(INDICES.map((index) => world.place(index)));
    await pause(500 + world.random.below(500));
    for (const index of INDICES) if ((await world.pair.rooms[index].call())?.phase === 'ringing') await world.act(index, 'answer');
    await requireOutcome(world);
  },

  async 'call while in a call'(world, codes) {
    await connect(world, codes);
    for (const index of INDICES)
      await assert.rejects(world.place(index), (error) => error instanceof CloisterError && error.code === 'CL_CALL_BUSY', 'a second call is placed');
    await requireFlow(world);
  },

  async 'answer twice'(world, codes) {
    const from = anyRoom(world);
    await ring(world, from);
    await Promise.all([world.act(other(from), 'answer'), world.act(other(from), 'answer')]);
    await requireFlow(world);
    await requireNewCode(world, codes);
  },

  async 'answer and hang up at once'(world) {
    const from = anyRoom(world);
    await ring(world, from);
    await Promise.all([world.act(other(from), 'answer'), world.act(from, 'end')]);
  },

  async 'bad path'(world, codes) {
    await world.setPath(badPath(world));
    const from = anyRoom(world);
    await ring(world, from);
    await world.act(other(from), 'answer');
    if (!(await requireOutcome(world))) return;
    await requireNewCode(world, codes);
    await requireFlow(world, 'media gets through', true);
    await world.setPath(badPath(world));
    await pause(world.random.below(2_000));
    await requireFlow(world, 'media gets through still', true);
  },

  async 'path gone for a while'(world, codes) {
    await connect(world, codes);
    await world.setPath({ ...CLEAN_PATH, lossRate: 1 });
    const shown = (now: States): boolean => callsOf(now).every((call) => call?.media.problem?.code === 'CL_MEDIA_SILENT');
    await world.pair.waitFor('the silence is shown', shown, RING_LIMIT_MS);
    await pause(world.random.below(4_000));
    await world.setPath(CLEAN_PATH);
    await requireFlow(world, 'media is back');
  },

  async 'media process killed'(world, codes) {
    await connect(world, codes);
    await awaitSpares(world);
    const which = world.random.pick<readonly Index[]>([[0], [1], [0, 1]]);
    for (const index of which) kill(world, await serving(world, index), `room ${index}’s media process`);
    const another = (now: States): boolean => isConnected(now) && callsOf(now).every((call) => !codes.has(call?.encryption.securityCode ?? ''));
    const states = await world.pair.waitFor('the call is secured again or is over', (now) => another(now) || bothEnded(now), CONNECT_LIMIT_MS);
    assert.ok(!bothEnded(states), 'a call was not secured again although all else is well');
    await requireNewCode(world, codes);
    await requireFlow(world, 'media flows again');
  },

  async 'media process killed at set-up'(world) {
    const from = anyRoom(world);
    await ring(world, from);
    if (world.random.once(2)) await world.act(other(from), 'answer');
    await pause(world.random.below(150));
    const index = anyRoom(world);
    for (const pid of await mediaProcessesOf(world.pair.rooms[index].agentPid)) kill(world, pid, `a media process of room ${index}`);
    await pause(300);
    if ((await world.pair.rooms[other(from)].call())?.phase === 'ringing') await world.act(other(from), 'answer');
    await requireOutcome(world);
  },

  async 'media process stands still'(world, codes) {
    await connect(world, codes);
    const pid = await serving(world, anyRoom(world));
    if (pid === null) throw new Error('a call has no process');
    process.kill(pid, 'SIGSTOP');
    world.note(`a media process stands still (${pid})`);
    await pause(200 + world.random.below(2_500));
    process.kill(pid, 'SIGCONT');
    world.note('it goes on');
    await requireFlow(world, 'media flows again');
  },

  async 'spare killed'(world, codes) {
    const index = anyRoom(world);
    for (const pid of await mediaProcessesOf(world.pair.rooms[index].agentPid)) kill(world, pid, `the spare of room ${index}`);
    await pause(world.random.below(200));
    await connect(world, codes);
  },

  async 'agent killed'(world, codes) {
    const from = anyRoom(world);
    await ring(world, from);
    if (world.random.below(3) > 0) {
      await world.act(other(from), 'answer');
      if (world.random.once(2)) {
        await requireFlow(world);
        await requireNewCode(world, codes);
      }
    }
    await world.pair.rooms[0].stop('SIGKILL');
    world.note('room 0’s agent is killed');
    await pause(world.random.below(2_000));
    await world.pair.rooms[0].start();
    world.note('room 0’s agent is started');
    await world.pair.waitFor('the other room’s call is over', ([, { call }]) => call === null || call.phase === 'ended', CONNECT_LIMIT_MS);
  },

  async 'broker gone in a call'(world, codes) {
    await connect(world, codes);
    await world.breakBroker();
    await pause(world.random.below(3_000));
    await requireFlow(world, 'media goes on without a broker');
    if (world.random.once(2)) await world.act(anyRoom(world), 'end');
    await pause(world.random.below(500));
    await world.mendBroker();
  },

  async 'broker gone at set-up'(world) {
    const from = anyRoom(world);
    await ring(world, from);
    await world.breakBroker();
    if (world.random.once(2)) await world.act(other(from), 'answer');
    await pause(world.random.below(3_000));
    await world.mendBroker();
    if ((await world.pair.rooms[other(from)].call())?.phase === 'ringing') await world.act(other(from), 'answer');
    await requireOutcome(world);
  },

  async 'camera gone'(world, codes) {
    await connect(world, codes);
    await world.takeCamera();
    await world.pair.waitFor('it is said that the camera is gone', ([, now]) => now.call?.media.problem?.code === 'CL_MEDIA_SOURCE', CONNECT_LIMIT_MS);
    const sound = callsOf(await world.pair.states()).map((call) => call?.media.audio.packetsReceived ?? 0);
    await world.pair.waitFor(
      'sound goes on',
      (now) => callsOf(now).every((call, at) => (call?.media.audio.packetsReceived ?? 0) > (sound[at] ?? 0)),
      RING_LIMIT_MS
    );
    if (world.random.once(3)) return;
    await world.giveCamera();
    await world.pair.waitFor('the camera is well again', ([, now]) => now.call?.media.problem === null, CONNECT_LIMIT_MS);
    await requireFlow(world, 'the picture is back');
  },

  async displays(world, codes) {
    await connect(world, codes);
    const index = anyRoom(world);
    for (let times = 0; times < 3; times += 1) {
      await using display = await world.openDisplay(index);
      await world.pair.waitFor('the display gets frames', () => display.frames() > 5, RING_LIMIT_MS);
    }
  },

  async 'keyframe storm'(world, codes) {
    await connect(world, codes);
    await using display = await world.openDisplay(anyRoom(world));
    for (let times = 0; times < KEYFRAME_STORM; times += 1) {
      display.needKeyframe();
      if (times % 50 === 0) await pause(20);
    }
    const before = display.frames();
    await world.pair.waitFor('the display gets frames', () => display.frames() > before + 5, RING_LIMIT_MS);
    await requireFlow(world);
  }
};
