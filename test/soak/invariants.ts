// What has to hold in every call, and between calls. Each throws where it does not.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { mediaProcessesOf, openFilesOf } from '../harness/processes.ts';
import { bothEnded } from '../harness/two-rooms.ts';
import { CLEAN_PATH, type Probe } from './soak-folder.ts';
import { CALL_LIMITS, callsOf, INDICES, type Index, type States, type World } from './world.ts';

const FLOW_LIMIT_MS = 15_000;
const REST_LIMIT_MS = 45_000;
const SPARE_LIMIT_MS = 20_000;
const SETTLE_LIMIT_MS = 15_000;
/** Beyond a timer's own time: what a busy machine may be late. */
const LATE_MS = 8_000;
const PHASE_LIMITS_MS: Readonly<Record<string, number>> = {
  inviting: 1_000 * CALL_LIMITS.inviteTimeoutSeconds,
  ringing: 1_000 * CALL_LIMITS.inviteTimeoutSeconds,
  connecting: CALL_LIMITS.connectTimeoutMs,
  'securing again': CALL_LIMITS.reconnectTimeoutMs
};
const WATCH_MS = 200;
/** After a room shows that its call is over; at most a second until its process is killed. */
const MEDIA_AFTER_END_MS = 1_000;
/** Connections that the soak itself keeps open to a panel's port, and what a timer is between two of its runs. */
const FILES_MORE = 4;
const RESOURCES_MORE = 4;

async function eventually(what: string, condition: () => Promise<boolean>, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in ${limitMs} ms: ${what}`);
    await pause(25);
  }
}

/** Looks at both rooms the whole time: no phase but `connected` lasts longer than its limit. */
export function watchPhases(world: World): { stop(): Promise<void> } {
  const since = new Map<Index, { readonly phase: string; readonly sinceMs: number }>();
  let over = false;
  let stuck: Error | null = null;
  const look = async (index: Index): Promise<void> => {
    const call = await world.pair.rooms[index].call().catch(() => null);
    const phase = call === null ? 'idle' : call.encryption.securingAgain ? 'securing again' : call.phase;
    const nowMs = performance.now();
    const before = since.get(index);
    const key = `${call?.id ?? ''} ${phase}`;
    if (before?.phase !== key) {
      since.set(index, { phase: key, sinceMs: nowMs });
      world.note(`room ${index} is ${phase}${call?.ended == null ? '' : `: ${call.ended.reason}, by ${call.ended.by}, ${call.ended.code ?? 'no code'}`}`);
    } else if (nowMs - before.sinceMs > (PHASE_LIMITS_MS[phase] ?? Number.POSITIVE_INFINITY) + LATE_MS) stuck ??= new Error(`room ${index} is stuck: ${phase}`);
  };
  const watching = (async () => {
    while (!over) {
      await Promise.all(INDICES.map(look));
      await pause(WATCH_MS);
    }
  })();
  return {
    async stop() {
      over = true;
      await watching;
      if (stuck !== null) throw stuck;
    }
  };
}

const packetsOf = (states: States): number[] =>
  callsOf(states).flatMap((call) => [call?.media.audio.packetsReceived ?? 0, call?.media.video.packetsReceived ?? 0]);

/** In the order of packetsOf: whether the side that sends it says that the network leaves no room for it. */
const pausedOf = (states: States): boolean[] =>
  callsOf(states)
    .toReversed()
    .flatMap((sender) => [false, sender?.media.video.sending === false && sender.media.video.limited === 'bandwidth']);

/**
 * Both are connected, sound and picture come on both sides, and no problem is shown.
 * @param poor the network is: a camera may pause for it, as long as its room says so
 */
export async function requireFlow(world: World, what = 'media flows both ways', poor = false): Promise<void> {
  const before = packetsOf(await world.pair.states());
  await world.pair.waitFor(
    what,
    (now) => {
      for (const call of callsOf(now)) if (call?.phase === 'ended') throw new Error(`${what}: the call ended, ${call.ended?.text}`);
      const paused = pausedOf(now);
      const grown = packetsOf(now).every((count, at) => count > (before[at] ?? 0) || (poor && paused[at] === true));
      return grown && callsOf(now).every((call) => call?.phase === 'connected' && call.media.problem === null);
    },
    FLOW_LIMIT_MS
  );
}

/** The code is the same on both sides and was never there before. */
export async function requireNewCode(world: World, codes: Set<string>): Promise<void> {
  const states = await world.pair.waitFor('both have a code', (now) => callsOf(now).every((call) => call?.encryption.securityCode != null), FLOW_LIMIT_MS);
  const [here, there] = callsOf(states).map((call) => call?.encryption.securityCode ?? '');
  assert.equal(here, there, 'the rooms show different codes');
  assert.ok(here !== undefined && /^\d{5}( \d{5}){3}$/.test(here), 'the code is none');
  assert.ok(!codes.has(here), 'a code came twice');
  codes.add(here);
}

/** `silenced`: media processes that are known to have sent nothing after the call. */
export type Rested = { readonly silenced: number; readonly probes: Readonly<Record<Index, Probe & { readonly pid: number; readonly files: number }>> };

/** What was in use when the agent was first at rest after it had warmed up. */
export type Baselines = Map<number, { readonly files: number; readonly resources: number }>;

/** Ends what there is, and waits until both rooms are as before a call. */
export async function requireRest(world: World, baselines: Baselines): Promise<Rested> {
  const { pair } = world;
  await world.setPath(CLEAN_PATH);
  await world.giveCamera();
  await world.mendBroker();
  for (const index of INDICES) {
    const call = await pair.rooms[index].call();
    if (call !== null && call.phase !== 'ended') await world.act(index, 'end');
  }
  await pair.waitFor('both rooms are idle', bothEnded, REST_LIMIT_MS);
  const endedAtMs = Date.now();
  const states = await pair.waitFor(
    'both rooms are well',
    (now) => now.every(({ network, health }) => network.broker === 'connected' && health.problems.length === 0),
    REST_LIMIT_MS
  );
  for (const { health, call } of states) {
    assert.deepEqual(health.securityEvents, [], 'something was taken for an attack');
    assert.equal(call?.encryption.securityCode ?? null, null, 'a code is shown after the call');
  }
  await eventually(
    'each room has its spare and no other media process, and none has a UDP port',
    async () => {
      const [processes, serving] = await Promise.all([
        Promise.all(pair.rooms.map(({ agentPid }) => mediaProcessesOf(agentPid))),
        Promise.all(pair.rooms.map((room) => room.callProcess()))
      ]);
      return processes.every((pids) => pids.length === 1) && serving.every((pid) => pid === null);
    },
    SPARE_LIMIT_MS
  );
  const lastMediaMs = await world.takeLastMediaMs();
  for (const lastMs of lastMediaMs) assert.ok(lastMs <= endedAtMs + MEDIA_AFTER_END_MS, `media left ${lastMs - endedAtMs} ms after the call`);
  return { silenced: lastMediaMs.length, probes: { 0: await restedAgent(world, baselines, 0), 1: await restedAgent(world, baselines, 1) } };
}

const total = ({ resources }: Probe): number => Object.values(resources).reduce((sum, count) => sum + count, 0);

async function restedAgent(world: World, baselines: Baselines, index: Index): Promise<Rested['probes'][Index]> {
  const pid = world.pair.rooms[index].agentPid;
  let rested = { ...(await world.probe(index)), pid, files: (await openFilesOf(pid)).length };
  const baseline = baselines.get(pid);
  if (baseline === undefined) return rested;
  const tooMany = (): boolean => rested.files > baseline.files + FILES_MORE || total(rested) > baseline.resources + RESOURCES_MORE;
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  while (tooMany()) {
    if (performance.now() > deadline)
      throw new Error(`agent ${index} has ${rested.files} files open, ${baseline.files} before; in use: ${JSON.stringify(rested.resources)}`);
    await pause(500);
    rested = { ...(await world.probe(index)), pid, files: (await openFilesOf(pid)).length };
  }
  return rested;
}

/** To be called once an agent has served some calls. */
export function setBaseline(baselines: Baselines, { pid, files, ...probe }: Rested['probes'][Index]): void {
  if (!baselines.has(pid)) baselines.set(pid, { files, resources: total(probe) });
}
