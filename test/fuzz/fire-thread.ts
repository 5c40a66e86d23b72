// The thread that fires: state after state, trial after trial, each with a chance of its own. The first thing found ends it, with the shots before it.
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { silentLog } from '../../src/kernel/log.ts';
import { assertFlat, type Range } from './fire.ts';
import { besiegeCameras } from './fire-at-cameras.ts';
import { besiegeConnected, fireInside } from './fire-at-connected.ts';
import { besiege, forge } from './fire-at-handshake.ts';
import { besiegeHid } from './fire-at-hid.ts';
import { besiegeMedia, fireInsideMedia } from './fire-at-media.ts';
import { besiegePath } from './fire-at-path.ts';
import { besiegeReaders } from './fire-at-readers.ts';
import { besiegeWithPayloads, besiegeWithRtcp, besiegeWithRtp, fireDescription, fireRequests } from './fire-at-session.ts';
import { createCertificates, createHonestPair } from './honest-pair.ts';
import { createRandom } from './random.ts';
import { CLIENT_CONNECTED, type FuzzState, STATES } from './states.ts';
import { createWatch, type Finding, type FuzzMessage, type FuzzReport, type FuzzTask, type Watch } from './watched-state.ts';

type Fired = { readonly how: string; readonly datagram: Buffer };

const MAX_SIEGE = 100_000;
const MAX_FORGED = 32;
const MAX_INSIDE = 200;
const MAX_REQUESTS = 2_000;
const BY_TRIALS: readonly FuzzState['kind'][] = ['inside', 'call-requests', 'descriptions'];
const WARM_UP_DATAGRAMS = 400;
/** Of all states together; measured: up to 400 kB. */
const NOISE_BYTES = 1_000_000;
/** And of each state, more than the warming up showed it. Measured: up to 290 kB. */
const STATE_NOISE_BYTES = 400_000;
const ALL_STATES = 'all states together';
const KEPT_SHOTS = 12;
/** So often rejections that nobody handles can come to light. */
const TRIALS_PER_TURN = 32;

/**
 * What a listener of the sources throws is only logged, so that one fault does not stop the others: here it is a finding. The thread ends with it.
 */
function hearErrors(): void {
  silentLog.error = (message, fields) => {
    throwLater(new Error(`${message}: ${JSON.stringify(fields)}`));
  };
}
const throwLater = (error: Error): void =>
  void setImmediate(() => {
    throw error;
  });

/** One trial: returns how many it fired. The numbers of trials say which kind they are: sieges come first. */
function fireOnce(range: Range, state: FuzzState, siege: number): Promise<number> | number {
  const { random } = range;
  switch (state.kind) {
    case 'handshake':
      return siege > 0 ? besiege(range, state, siege).then(() => siege) : forge(range, state, 1 + random.below(MAX_FORGED));
    case 'connected':
      return besiegeConnected(range, state, siege).then(() => siege);
    case 'inside':
      return fireInside(range, state, 1 + random.below(MAX_INSIDE));
    case 'media':
      besiegeMedia(range, state.profile, siege);
      return siege;
    case 'media-inside':
      fireInsideMedia(range, state.profile, siege);
      return siege;
    case 'call-rtp':
      return besiegeWithRtp(range, siege).then(() => siege);
    case 'call-payloads':
      return besiegeWithPayloads(range, state.codec, siege).then(() => siege);
    case 'call-rtcp':
      return besiegeWithRtcp(range, siege).then(() => siege);
    case 'call-requests':
      return fireRequests(range, 1 + random.below(MAX_REQUESTS));
    case 'descriptions':
      return fireDescription(range);
    case 'path':
      return besiegePath(range, state.who, siege).then(() => siege);
    case 'readers':
      besiegeReaders(range, siege);
      return siege;
    case 'cameras':
      besiegeCameras(range, siege);
      return siege;
    case 'hid':
      besiegeHid(range, siege);
      return siege;
  }
}

/** The sieges of a run: half of a handshake's datagrams, none of those inside, all of the others. */
function siegesOf({ kind }: FuzzState, datagrams: number): number[] {
  const inSieges = BY_TRIALS.includes(kind) ? 0 : kind === 'handshake' ? Math.floor(datagrams / 2) : datagrams;
  const count = Math.ceil(inSieges / MAX_SIEGE);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 1) * inSieges) / count) - Math.floor((index * inSieges) / count));
}

/** Of another call, with other keys and certificates. */
function foreignDatagrams(): Buffer[] {
  const pair = createHonestPair('client', createCertificates());
  pair.deliver(CLIENT_CONNECTED);
  const datagrams = pair.corpus();
  pair.target.connection.close();
  pair.peer.connection.close();
  return datagrams;
}

function heapBytes(): number {
  assert.ok(globalThis.gc !== undefined, 'node has to be started with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  // Not `external`: Node's own compiler of types is in it, and goes when it likes.
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Where time may pass: what native objects held is given back a turn after they were collected. */
async function settledHeapBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    heapBytes();
    await nextTurn();
  }
  return heapBytes();
}

type Bench = Pick<Range, 'certificates' | 'foreign' | 'heapBytes'> &
  Pick<FuzzTask, 'seed' | 'datagrams' | 'trial'> & { readonly watch: Watch; readonly shots: Fired[] };

async function fireAt(name: string, bench: Bench): Promise<FuzzReport> {
  const { seed, watch, shots } = bench;
  const state = STATES[name];
  assert.ok(state !== undefined, `there is no state ${name}`);
  const sieges = siegesOf(state, bench.datagrams);
  const outcomes: Record<string, number> = {};
  const startedAt = performance.now();
  let trial = bench.trial ?? 0;
  let datagrams = 0;
  let grownBytes = 0;
  const range = (): Range => ({
    ...bench,
    random: createRandom(seed, name, trial),
    aim(datagram, how) {
      watch.note(trial, datagram);
      shots.push({ how, datagram });
      if (shots.length > KEPT_SHOTS) shots.shift();
    },
    count: (outcome) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    },
    grew: (bytes) => {
      grownBytes = Math.max(grownBytes, bytes);
    }
  });
  while (datagrams < bench.datagrams) {
    datagrams += await fireOnce(range(), state, sieges[trial] ?? 0);
    if (bench.trial !== null) break;
    trial += 1;
    if (trial % TRIALS_PER_TURN === 0) await nextTurn();
  }
  await nextTurn();
  return { datagrams, trials: trial, seconds: (performance.now() - startedAt) / 1_000, outcomes, grownBytes };
}

async function fireAll(task: FuzzTask, tell: (message: FuzzMessage) => void): Promise<void> {
  const certificates = createCertificates();
  const bench: Bench = { ...task, certificates, foreign: foreignDatagrams(), heapBytes, watch: createWatch(task.shared), shots: [] };
  let current: Pick<Finding, 'state' | 'datagrams'> = { state: '', datagrams: 0 };
  const fire = (name: string, changed: Partial<Bench>): Promise<FuzzReport> => {
    const all = { ...bench, ...changed };
    current = { state: name, datagrams: all.datagrams };
    return fireAt(name, all);
  };
  try {
    // What V8 learns of the code at first is not to count as growth.
    const warmUp = { datagrams: Math.min(task.datagrams, WARM_UP_DATAGRAMS), trial: null, heapBytes: () => 0 };
    for (const name of task.states) await fire(name, warmUp);
    const before = await settledHeapBytes();
    let total = 0;
    for (const name of task.states) {
      tell({ begun: name });
      const report = await fire(name, {});
      total += report.datagrams;
      tell({ state: name, report });
    }
    // Nothing is alive any more: whatever is left was kept outside the associations.
    current = { state: ALL_STATES, datagrams: task.datagrams };
    const grownBytes = (await settledHeapBytes()) - before;
    assertFlat(grownBytes, total, NOISE_BYTES + task.states.length * STATE_NOISE_BYTES);
    tell({ grownBytes });
  } catch (error) {
    const lastShots = bench.shots.map(({ how, datagram }) => ({ how, hex: datagram.toString('hex') }));
    const finding = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell({ finding, ...current, trial: current.state === ALL_STATES ? null : bench.watch.trial(), lastShots });
  }
}

const task: FuzzTask = workerData;
hearErrors();
await fireAll(task, (message) => parentPort?.postMessage(message));
