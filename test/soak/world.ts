// Two whole rooms, their broker, and all that the soak can do to them: a bad path, processes that are killed, a camera that goes, displays that come.
// Room 1's picture comes from a file, so that it can be taken away; room 1's agent is never killed, so that its memory is watched over the whole run.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { CloisterError } from '../../src/kernel/errors.ts';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import type { CallAction } from '../../src/ui-server/port.ts';
import type { Random } from '../fuzz/random.ts';
import { startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';
import { CLEAN_PATH, MEDIA_FILE, PATH_FILE, type PathFault, PROBE_FILE, type Probe, SOAK_FOLDER, SOAK_SEED } from './soak-folder.ts';

export type Index = 0 | 1;
export const INDICES: readonly Index[] = [0, 1];
export type States = readonly [RoomState, RoomState];

export type World = AsyncDisposable & {
  readonly pair: TwoRooms;
  readonly random: Random;
  /** Into the step's history. */
  note(what: string): void;
  /** The history since it was asked last. */
  takeNotes(): string[];
  place(from: Index): Promise<string>;
  /** @returns false where the room had nothing to act on any more */
  act(index: Index, action: CallAction): Promise<boolean>;
  setPath(fault: PathFault): Promise<void>;
  breakBroker(): Promise<void>;
  mendBroker(): Promise<void>;
  takeCamera(): Promise<void>;
  giveCamera(): Promise<void>;
  openDisplay(index: Index): Promise<Display>;
  probe(index: Index): Promise<Probe>;
  /** When the last media packet left, of each media process that has ended in good order since it was asked last. */
  takeLastMediaMs(): Promise<number[]>;
};

export type Display = AsyncDisposable & {
  /** Of sound and picture. */
  frames(): number;
  needKeyframe(): void;
};

const VIDEO = { width: 320, height: 180, fps: 10, maxKbps: 300 };
/** Short, so that a step that waits for one of them does not take all of the time. */
export const CALL_LIMITS = { inviteTimeoutSeconds: 20, connectTimeoutMs: 10_000, reconnectTimeoutMs: 10_000 };
const PROBE_LIMIT_MS = 10_000;
const BROKER_TRIES = 20;
/** What a person's touch is refused with when the call is not, or not any more, what the person saw. */
const TOO_LATE: readonly string[] = ['CL_CALL_NONE', 'CL_CALL_WRONG_PHASE', 'CL_CALL_BUSY'];

export async function createWorld(random: Random, seed: number): Promise<World> {
  const folder = join(tmpdir(), `cloister-soak-${process.pid}`);
  await mkdir(folder);
  const camera = join(folder, 'camera.y4m');
  await writeFile(camera, movingGrey(random));
  await writeFile(join(folder, PATH_FILE), JSON.stringify(CLEAN_PATH));
  let pair: TwoRooms;
  try {
    pair = await startTwoRooms({
      nodeFlags: ['--expose-gc', '--import', new URL('./agent-probe.ts', import.meta.url).href],
      env: () => ({ [SOAK_FOLDER]: folder, [SOAK_SEED]: String(seed) }),
      config: (index) => ({ call: CALL_LIMITS, media: { video: VIDEO, ...(index === 1 ? { camera: `file:${camera}` } : {}) } })
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const startedMs = performance.now();
  let brokerThere = true;
  let notes: string[] = [];
  const note = (what: string): void => void notes.push(`${((performance.now() - startedMs) / 1_000).toFixed(2)} s  ${what}`);
  const asked = new Map<number, number>();

  return {
    pair,
    random,
    note,
    takeNotes() {
      const taken = notes;
      notes = [];
      return taken;
    },
    async place(from) {
      const [caller, callee] = [pair.rooms[from], pair.rooms[1 - from] as TestRoom];
      const { id } = (await caller.http.post('/api/v1/calls', { to: callee.account, media: { audio: true, video: true } })) as { id: string };
      note(`room ${from} places call ${id}`);
      return id;
    },
    async act(index, action) {
      try {
        await pair.rooms[index].act(action);
        note(`room ${index}: ${action}`);
        return true;
      } catch (error) {
        if (!(error instanceof CloisterError) || !TOO_LATE.includes(error.code)) throw error;
        note(`room ${index}: ${action} is refused, ${error.code}`);
        return false;
      }
    },
    async setPath(fault) {
      await writeFile(join(folder, 'path.new'), JSON.stringify(fault));
      await rename(join(folder, 'path.new'), join(folder, PATH_FILE));
      note(`path: ${JSON.stringify(fault)}`);
    },
    async breakBroker() {
      brokerThere = false;
      await pair.stopBroker();
      note('the broker is gone');
    },
    async mendBroker() {
      if (brokerThere) return;
      for (let tries = 1; !brokerThere; tries += 1) {
        try {
          await pair.startBroker();
          brokerThere = true;
        } catch (error) {
          if (tries === BROKER_TRIES) throw error;
          await pause(100);
        }
      }
      note('the broker is back');
    },
    async takeCamera() {
      await rename(camera, `${camera}.away`);
      note('room 1’s camera is gone');
    },
    async giveCamera() {
      await rename(`${camera}.away`, camera).catch(() => {});
      note('room 1’s camera is there');
    },
    openDisplay: (index) => openDisplay(pair.rooms[index]),
    async probe(index) {
      const { agentPid } = pair.rooms[index];
      const question = (asked.get(agentPid) ?? 0) + 1;
      asked.set(agentPid, question);
      process.kill(agentPid, 'SIGUSR2');
      const deadline = performance.now() + PROBE_LIMIT_MS;
      for (;;) {
        const text = await readFile(join(folder, `${PROBE_FILE}${agentPid}`), 'utf8').catch(() => '');
        const probe = text === '' ? null : (JSON.parse(text) as Probe);
        if (probe?.question === question) return probe;
        if (performance.now() > deadline) throw new Error(`the agent of room ${index} does not say what it has in use`);
        await pause(10);
      }
    },
    async takeLastMediaMs() {
      const files = (await readdir(folder)).filter((name) => name.startsWith(MEDIA_FILE)).map((name) => join(folder, name));
      const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
      await Promise.all(files.map((file) => rm(file, { force: true })));
      return texts.map(Number);
    },
    async [Symbol.asyncDispose]() {
      await pair[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  };
}

/** As a display page connects to the feed, without decoding. */
async function openDisplay(room: TestRoom): Promise<Display> {
  const { url } = (await room.http.post('/api/v1/display/ticket', {})) as { url: string };
  const socket = new WebSocket(url, { origin: room.url });
  let frames = 0;
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary) return;
    const message = new Uint8Array(data).buffer;
    if (decodeFeedFrame(message) === null) throw new Error('the feed sends what is no frame');
    frames += 1;
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('open', resolve);
    socket.once('close', () => resolve());
  });
  return {
    frames: () => frames,
    needKeyframe() {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'need-keyframe', of: 'video' }));
    },
    async [Symbol.asyncDispose]() {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.close();
      await closed;
    }
  };
}

/** A second of noise that moves, as YUV4MPEG2: a picture that no encoder can leave out. */
function movingGrey(random: Random): Buffer {
  const { width, height, fps } = VIDEO;
  const noise = random.bytes(width);
  const frames = Array.from({ length: fps }, (_, at) => {
    const luma = Buffer.alloc(width * height, Buffer.concat([noise.subarray(7 * at), noise.subarray(0, 7 * at)]));
    return Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((width * height) / 2, 128)]);
  });
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`), ...frames]);
}

export const callsOf = (states: States): (CallView | null)[] => states.map(({ call }) => call);
