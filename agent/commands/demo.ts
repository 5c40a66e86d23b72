// cloister demo: an embedded broker, two rooms as processes of their own, and an end-to-end encrypted call between them.
// It uses the rooms only as a person would: through their local HTTP interface.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { Scope } from '../../src/kernel/scope.ts';
import type { CallView, MediaFlow, RoomState } from '../../src/room/state.ts';
import { composeBroker } from '../compose.ts';
import { createHttpClient, type HttpClient } from '../http-client.ts';
import type { CommandIo, ExitStatus } from '../io.ts';
import { stopSignal } from '../lifecycle.ts';
import { ensureIdentities } from './identity.ts';

const ORGANISATION = 'demo.example';
const ROOMS = [
  { name: 'Boardroom', account: `boardroom@${ORGANISATION}`, port: 8480 },
  { name: 'Studio', account: `studio@${ORGANISATION}`, port: 8481 }
] as const;
const START_LIMIT_MS = 60_000;
const CALL_LIMIT_MS = 30_000;
const POLL_MS = 15;
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

const USAGE = `Usage: cloister demo [--for SECONDS] [--json] [--camera CHOICE] [--microphone CHOICE] [--standard]

Starts two rooms and an embedded broker on this machine and places an end-to-end encrypted call between them.
  --for SECONDS       end by itself after SECONDS of call
  --json              print one JSON document at the end; progress goes to standard error
  --camera CHOICE     auto, test, none, file:PATH or a device (default: test)
  --microphone CHOICE the same for sound (default: test)
  --standard          one side has end-to-end encryption off: shows a standard call`;

type RunningRoom = { readonly name: string; readonly url: string; readonly http: HttpClient };

export async function demo(args: string[], io: CommandIo): Promise<ExitStatus> {
  let options: { for?: string; json?: boolean; help?: boolean; standard?: boolean; camera: string; microphone: string };
  try {
    options = parseArgs({
      args,
      options: {
        for: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
        standard: { type: 'boolean' },
        camera: { type: 'string', default: 'test' },
        microphone: { type: 'string', default: 'test' }
      }
    }).values;
  } catch (error) {
    io.stderr(`cloister demo: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help === true) {
    io.stdout(USAGE);
    return 0;
  }
  const seconds = options.for === undefined ? null : Number(options.for);
  if (seconds !== null && !(Number.isFinite(seconds) && seconds > 0)) {
    io.stderr(`cloister demo: --for wants a number of seconds above zero, not ${JSON.stringify(options.for)}`);
    return 2;
  }
  const say = options.json === true ? io.stderr : io.stdout;
  await using scope = new Scope();
  const interrupted = stopSignal();
  const end = interrupted.then(() => 'interrupted' as const);

  const done = await Promise.race([runDemo({ ...options, seconds, say, scope, interrupted }), end.then(() => null)]);
  if (done === null) {
    say('Stopped.');
    return seconds === null ? 0 : 1;
  }
  if (options.json === true) io.stdout(JSON.stringify(done));
  return done.ok ? 0 : 1;
}

type DemoOptions = {
  readonly camera: string;
  readonly microphone: string;
  readonly standard?: boolean;
  readonly seconds: number | null;
  readonly say: (line: string) => void;
  readonly scope: Scope;
  readonly interrupted: Promise<unknown>;
};

async function runDemo(options: DemoOptions) {
  const { say, scope, seconds } = options;
  const startedAt = performance.now();
  const step = (text: string): void => say(`${((performance.now() - startedAt) / 1000).toFixed(2).padStart(7)} s  ${text}`);

  const folder = await mkdtemp(join(tmpdir(), 'cloister-demo-'));
  scope.own(() => rm(folder, { recursive: true, force: true }));
  const identities = {
    authority: join(folder, 'ca'),
    broker: join(folder, 'broker'),
    rooms: ROOMS.map(({ account }, index) => ({ account, directory: join(folder, `identity-${index}`) }))
  };
  await ensureIdentities(identities);
  step(`made the organisation ${ORGANISATION}, its certificate authority and two identities (in a temporary folder)`);

  const broker = await composeBroker(
    { host: '127.0.0.1', port: 0, certificateDirectory: identities.broker, trustedCertificates: [], revocationLists: [] },
    { clock: systemClock, log: silentLog }
  );
  scope.own(() => broker[Symbol.asyncDispose]());
  await broker.start(scope.signal);
  step(`broker listens at ${broker.url()} (mutual TLS)`);

  const [caller, callee] = await Promise.all(
    ROOMS.map(async (room, index) => {
      const file = join(folder, `room-${index}.json`);
      await mkdir(join(folder, `data-${index}`));
      const setting = !(options.standard === true && index === 1);
      await writeFile(
        file,
        JSON.stringify({
          room: { name: room.name },
          identity: { directory: identities.rooms[index]?.directory },
          broker: { mode: 'external', url: broker.url() },
          encryption: { policy: 'DisabledUserOverride', setting },
          media: { camera: options.camera, microphone: options.microphone, screen: 'test' },
          call: { autoAnswer: index === 1 },
          uiServer: { port: room.port },
          log: { level: 'warn' },
          dataDirectory: join(folder, `data-${index}`)
        })
      );
      return startRoom(room.name, file, scope);
    })
  );
  if (caller === undefined || callee === undefined) throw new CloisterError('CL_INTERNAL');
  const rooms = [caller, callee];
  for (const { name, url } of rooms) step(`${name}: panel ${url}/panel/  display ${url}/display/`);

  await until(rooms, START_LIMIT_MS, (states) => states.every(({ network }) => network.broker === 'connected'));
  step('both rooms are connected to the broker');

  const placedAt = performance.now();
  await caller.http.post('/api/v1/calls', { to: ROOMS[1].account, media: { audio: true, video: true } });
  step(`${caller.name} calls ${ROOMS[1].account}`);
  let phase = '';
  await until(rooms, CALL_LIMIT_MS, (states) => {
    const calls = states.map(({ call }) => call);
    const now = calls[0]?.phase ?? '';
    if (now !== phase) step(`call is ${now}`);
    phase = now;
    const over = calls.find((call) => call?.phase === 'ended');
    if (over?.ended != null) throw new CloisterError(over.ended.code ?? 'CL_MEDIA_CONNECT', over.ended.text);
    return calls.every((call) => call?.phase === 'connected' && call.media.video.framesReceived > 0 && call.media.audio.packetsReceived > 0);
  });
  const setupMs = Math.round(performance.now() - placedAt);
  step(`picture and sound on both sides, ${setupMs} ms after the call was placed`);

  const codes = await callsOf(rooms);
  for (const [index, { name }] of rooms.entries()) {
    const encryption = codes[index]?.encryption;
    say(
      `           ${name.padEnd(10)} ${encryption?.securityCode ?? '(no code)'}   ${encryption?.state}${encryption?.reason == null ? '' : ` (${encryption.reason})`}`
    );
  }
  const same = codes[0]?.encryption.securityCode === codes[1]?.encryption.securityCode;
  if (codes[0]?.encryption.securityCode != null) say(same ? '           The two codes are the same.' : '           THE CODES DIFFER: somebody is in between.');
  if (seconds === null) say('           Press Ctrl-C to end.');

  const endsAtMs = seconds === null ? Number.POSITIVE_INFINITY : performance.now() + seconds * 1000;
  let last = codes;
  while (performance.now() < endsAtMs) {
    await pause(Math.min(1000, endsAtMs - performance.now()));
    last = await callsOf(rooms);
    for (const [index, { name }] of rooms.entries()) {
      const call = last[index];
      if (call != null) say(liveLine(name, call));
    }
    if (last.some((call) => call?.phase !== 'connected')) break;
  }
  const ok = same && last.every((call) => call?.phase === 'connected' && call.media.video.framesReceived > 0 && call.media.audio.packetsReceived > 0);
  const id = last[0]?.id;
  if (id !== undefined) await caller.http.post(`/api/v1/calls/${id}/end`, {}).catch(() => {});
  return {
    ok,
    setupMs,
    rooms: rooms.map(({ name, url }, index) => {
      const call = last[index];
      return {
        name,
        panel: `${url}/panel/`,
        display: `${url}/display/`,
        code: call?.encryption.securityCode ?? null,
        encryption: call?.encryption.state ?? null,
        video: summary(call?.media.video),
        audio: summary(call?.media.audio)
      };
    })
  };
}

const summary = (flow: MediaFlow | undefined) => ({
  codec: flow?.codec ?? null,
  packetsReceived: flow?.packetsReceived ?? 0,
  framesReceived: flow?.framesReceived ?? 0,
  bitrateKbps: flow?.bitrateKbps ?? 0,
  lost: flow?.lost ?? 0
});

function liveLine(name: string, call: CallView): string {
  const { video, audio, roundTripMs } = call.media;
  const rtt = roundTripMs === null ? '-' : `${roundTripMs.toFixed(1)} ms`;
  return `           ${name.padEnd(10)} ${video.codec ?? '-'} ${video.width}x${video.height} ${video.fps.toFixed(0)} fps  ${video.bitrateKbps} kbit/s  frames ${video.framesReceived}  lost ${video.lost}   ${audio.codec ?? '-'} ${audio.bitrateKbps} kbit/s  lost ${audio.lost}   round trip ${rtt}`;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

const statesOf = (rooms: readonly RunningRoom[]): Promise<RoomState[]> => Promise.all(rooms.map(({ http }) => http.state()));
const callsOf = async (rooms: readonly RunningRoom[]): Promise<(CallView | null)[]> => (await statesOf(rooms)).map(({ call }) => call);

async function until(rooms: readonly RunningRoom[], limitMs: number, reached: (states: RoomState[]) => boolean): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!reached(await statesOf(rooms))) {
    if (performance.now() > deadline) throw new CloisterError('CL_CALL_TIMEOUT', 'The call was not set up in time.');
    await pause(POLL_MS);
  }
}

/** Starts `cloister run` and resolves when it says where it is. */
async function startRoom(name: string, configFile: string, scope: Scope): Promise<RunningRoom> {
  const child = spawn(process.execPath, [MAIN, 'run', '--config', configFile, '--any-port', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  scope.own(() => stopChild(child));
  const url = await new Promise<string>((resolve, reject) => {
    const limit = setTimeout(() => reject(new CloisterError('CL_INTERNAL', `${name} did not start in time`)), START_LIMIT_MS);
    child.once('exit', (status) => reject(new CloisterError('CL_INTERNAL', `${name} ended with status ${status}`)));
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(limit);
      resolve((JSON.parse(line) as { url: string }).url);
    });
  });
  return { name, url, http: createHttpClient(url) };
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), 6_000);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
