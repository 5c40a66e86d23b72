// Two rooms as real processes (cloister run) and a broker between them, each test with folders and ports of its own.
// The rooms are used as a person or a script uses them: through their local HTTP interface. Disposing ends every process and removes the folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureIdentities, type IdentityFolders } from '../../agent/commands/identity.ts';
import { composeBroker } from '../../agent/compose.ts';
import { createHttpClient, type HttpClient } from '../../agent/http-client.ts';
import { type ConfigLayer, mergeLayers } from '../../src/config/layers.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import type { CallAction } from '../../src/ui-server/port.ts';
import { mediaProcessesOf, udpPortsOf } from './processes.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const STOP_LIMIT_MS = 8_000;
const LIMIT_MS = 60_000;
const POLL_MS = 20;

export type TestBroker = AsyncDisposable & { readonly url: string };
/** Makes the broker that the rooms use. `port` 0 is any free one. */
export type MakeBroker = (folders: IdentityFolders, port: number) => Promise<TestBroker>;

export type TwoRoomsOptions = {
  /** Configuration over the harness's own, for the room of that index (0 places calls, 1 is called). */
  readonly config?: (index: 0 | 1) => ConfigLayer;
  readonly makeBroker?: MakeBroker;
  /** Options for Node itself, in front of the program. */
  readonly nodeFlags?: readonly string[];
  /** Over this process’s own environment, for the room of that index. */
  readonly env?: (index: 0 | 1) => Readonly<Record<string, string>>;
  readonly network?: RoomNetwork;
  /** What a room's start may take, and a wait that says nothing else. */
  readonly limitMs?: number;
};

/** Where the rooms are, if not in the test's own network. */
export type RoomNetwork = {
  /** What stands in front of the command line of the room's agent. */
  prefix(index: 0 | 1): readonly string[];
  /** Makes the room's own loopback address, which the agent says, reachable from here. */
  reach(index: 0 | 1, url: string): Promise<void>;
};

export type TestRoom = {
  readonly name: string;
  readonly account: string;
  readonly url: string;
  readonly http: HttpClient;
  /** Holds everything of this room: identity/, data/, logs/, room.json. */
  readonly folder: string;
  readonly configFile: string;
  /** The agent's process; another one after start(). */
  readonly agent: ChildProcess;
  readonly agentPid: number;
  /** What the agent wrote to standard error, of every start. */
  stderr(): string;
  /** Asks the call that is there now. */
  act(action: CallAction, body?: Readonly<Record<string, unknown>>): Promise<void>;
  call(): Promise<CallView | null>;
  /** The process that serves the call (it is the one with a UDP port); null where none does. */
  callProcess(): Promise<number | null>;
  /** Resolves when the agent is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the agent again, on the same port, with the same folders. */
  start(): Promise<void>;
};

type States = readonly [RoomState, RoomState];

export type TwoRooms = AsyncDisposable & {
  readonly rooms: readonly [TestRoom, TestRoom];
  readonly folder: string;
  readonly identities: IdentityFolders;
  readonly broker: TestBroker;
  stopBroker(): Promise<void>;
  /** A broker on the same port again. */
  startBroker(): Promise<void>;
  /**
   * Room 0 calls room 1; by default it is answered, and there is picture and sound on both sides when this resolves.
   * @returns the call's id
   */
  placeCall(options?: { readonly answer?: boolean; readonly video?: boolean }): Promise<string>;
  states(): Promise<States>;
  /** Asks again and again until the predicate holds. @throws with both states in the text when it does not in time */
  waitFor(what: string, predicate: (states: States) => boolean, limitMs?: number): Promise<States>;
};

export const bothConnected = (states: States): boolean =>
  states.every(({ call }) => call?.phase === 'connected' && call.media.video.framesReceived > 0 && call.media.audio.packetsReceived > 0);

export const bothEnded = (states: States): boolean => states.every(({ call }) => call === null || call.phase === 'ended');

/** The agent's own embedded broker, in the test's process. */
export const embeddedBroker: MakeBroker = async (folders, port) => {
  const broker = await composeBroker(
    { host: '127.0.0.1', port, certificateDirectory: folders.broker, trustedCertificates: [], revocationLists: [] },
    { clock: systemClock, log: silentLog }
  );
  await broker.start(new AbortController().signal);
  return { url: broker.url(), [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
};

/** Small pictures, so that two cores carry two rooms and whatever watches them. */
const VIDEO = { width: 640, height: 360, fps: 15, maxKbps: 800 };
const ROOMS = [
  { name: 'Boardroom', account: 'boardroom@contoso.example' },
  { name: 'Studio', account: 'studio@contoso.example' }
] as const;

export async function startTwoRooms(options: TwoRoomsOptions = {}): Promise<TwoRooms> {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-rooms-'));
  const identities: IdentityFolders = {
    authority: join(folder, 'ca'),
    broker: join(folder, 'broker'),
    rooms: ROOMS.map(({ account, name }) => ({ account, directory: join(folder, name, 'identity') }))
  };
  const makeBroker = options.makeBroker ?? embeddedBroker;
  const limit = options.limitMs ?? LIMIT_MS;
  const made: AsyncDisposable[] = [];
  const dispose = async (): Promise<void> => {
    for (const part of made.splice(0).reverse()) await part[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await ensureIdentities(identities);
    let broker = await makeBroker(identities, 0);
    const { url: brokerUrl } = broker;
    made.push({ [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() });
    const makeRoom = async (index: 0 | 1): Promise<TestRoom> => {
      const { name, account } = ROOMS[index];
      const { nodeFlags = [], network } = options;
      const reach = async (url: string) => network?.reach(index, url);
      const room = createTestRoom({
        name,
        account,
        folder: join(folder, name),
        nodeFlags,
        env: options.env?.(index) ?? {},
        prefix: network?.prefix(index) ?? [],
        reach,
        startLimitMs: limit
      });
      made.push({ [Symbol.asyncDispose]: () => room.stop('SIGTERM') });
      await writeRoomConfig(room, brokerUrl, options.config?.(index) ?? {});
      await room.start();
      return room;
    };
    const rooms = await Promise.all([makeRoom(0), makeRoom(1)]);
    const states = async (): Promise<States> => Promise.all([rooms[0].http.state(), rooms[1].http.state()]);
    const waitFor: TwoRooms['waitFor'] = async (what, predicate, limitMs = limit) => {
      const deadline = performance.now() + limitMs;
      for (;;) {
        const now = await states();
        if (predicate(now)) return now;
        if (performance.now() > deadline) throw new Error(`not in ${limitMs} ms: ${what}\n${describe(now)}`);
        await pause(POLL_MS);
      }
    };
    await waitFor('both rooms are connected to the broker', (now) => now.every(({ network }) => network.broker === 'connected'));
    return {
      rooms,
      folder,
      identities,
      get broker() {
        return broker;
      },
      async stopBroker() {
        await broker[Symbol.asyncDispose]();
      },
      async startBroker() {
        broker = await makeBroker(identities, Number(new URL(brokerUrl).port));
      },
      async placeCall({ answer = true, video = true } = {}) {
        const { id } = (await rooms[0].http.post('/api/v1/calls', { to: rooms[1].account, media: { audio: true, video } })) as { id: string };
        if (!answer) return id;
        await waitFor('the call rings', ([, callee]) => callee.call?.id === id && callee.call.phase !== 'inviting');
        if ((await rooms[1].call())?.phase === 'ringing') await rooms[1].act('answer');
        await waitFor('picture and sound on both sides', (now) => {
          const over = now.find(({ call }) => call?.phase === 'ended')?.call;
          if (over != null) throw new Error(`the call ended: ${over.ended?.text}\n${describe(now)}`);
          return video ? bothConnected(now) : now.every(({ call }) => call?.phase === 'connected' && call.media.audio.packetsReceived > 0);
        });
        return id;
      },
      states,
      waitFor,
      [Symbol.asyncDispose]: dispose
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The harness’s own configuration of a room, and what a test wants otherwise. */
async function writeRoomConfig({ name, folder, configFile }: TestRoom, brokerUrl: string, config: ConfigLayer): Promise<void> {
  const base: ConfigLayer = {
    room: { name },
    identity: { directory: join(folder, 'identity') },
    broker: { mode: 'external', url: brokerUrl },
    encryption: { policy: 'DisabledUserOverride', setting: true },
    media: { camera: 'test', microphone: 'test', video: VIDEO },
    uiServer: { port: 0 },
    log: { level: 'info', directory: join(folder, 'logs') },
    dataDirectory: join(folder, 'data')
  };
  await mkdir(join(folder, 'data'), { recursive: true });
  await writeFile(configFile, JSON.stringify(mergeLayers(base, config)));
}

/** A further room beside two that run: the test stops it (stop) before it disposes of them. */
export async function startFurtherRoom(pair: TwoRooms, name: string, account: string, config: ConfigLayer = {}): Promise<TestRoom> {
  const folder = join(pair.folder, name);
  await ensureIdentities({ ...pair.identities, rooms: [{ account, directory: join(folder, 'identity') }] });
  const room = createTestRoom({ name, account, folder, nodeFlags: [], env: {}, prefix: [], reach: async () => {}, startLimitMs: LIMIT_MS });
  await writeRoomConfig(room, pair.broker.url, config);
  await room.start();
  return room;
}

const describe = (states: States): string =>
  states.map(({ room, call, network, health }) => JSON.stringify({ room: room.name, call, broker: network.broker, health })).join('\n');

type TestRoomOptions = Pick<TestRoom, 'name' | 'account' | 'folder'> &
  Required<Pick<TwoRoomsOptions, 'nodeFlags'>> & {
    readonly env: Readonly<Record<string, string>>;
    readonly prefix: readonly string[];
    readonly startLimitMs: number;
    reach(url: string): Promise<void>;
  };

function createTestRoom({ name, account, folder, nodeFlags, env, prefix, reach, startLimitMs }: TestRoomOptions): TestRoom {
  const configFile = join(folder, 'room.json');
  const errors: string[] = [];
  let running: { readonly child: ChildProcess; readonly url: string; readonly http: HttpClient } | null = null;
  let port: string | null = null;
  const started = () => {
    if (running === null) throw new Error(`${name} was not started`);
    return running;
  };
  return {
    name,
    account,
    folder,
    configFile,
    get url() {
      return started().url;
    },
    get http() {
      return started().http;
    },
    get agent() {
      return started().child;
    },
    get agentPid() {
      return started().child.pid ?? 0;
    },
    stderr: () => errors.join(''),
    async act(action, body = {}) {
      const { call } = await started().http.state();
      await started().http.post(`/api/v1/calls/${call?.id}/${action}`, body);
    },
    call: async () => (await started().http.state()).call,
    async callProcess() {
      for (const pid of await mediaProcessesOf(started().child.pid ?? 0)) if ((await udpPortsOf(pid)).length > 0) return pid;
      return null;
    },
    async stop(signal = 'SIGTERM') {
      if (running !== null) await endChild(running.child, signal);
    },
    async start() {
      const [command = '', ...args] = [
        ...prefix,
        process.execPath,
        ...nodeFlags,
        MAIN,
        'run',
        '--config',
        configFile,
        '--json',
        ...(port === null ? [] : ['--port', port])
      ];
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
      child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
      try {
        const url = await readyAt(child, name, startLimitMs, () => errors.join(''));
        port = new URL(url).port;
        await reach(url);
        running = { child, url, http: createHttpClient(url) };
      } catch (error) {
        await endChild(child, 'SIGKILL');
        throw error;
      }
    }
  };
}

/** Resolves with the room's address when its agent says so on standard output. */
function readyAt(child: ChildProcess, name: string, limitMs: number, errors: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${name} did not start in time\n${errors()}`)), limitMs);
    child.once('exit', (status, signal) => {
      clearTimeout(limit);
      reject(new Error(`${name} ended with ${signal ?? `status ${status}`}\n${errors()}`));
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(limit);
      resolve((JSON.parse(line) as { url: string }).url);
    });
  });
}

function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    // One that was stopped takes no other signal before it goes on.
    child.kill('SIGCONT');
    child.kill(signal);
  });
}
