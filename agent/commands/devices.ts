// cloister devices: what cameras, microphones, loudspeakers and speakerphones there are, which are used, and whether they work. With the room running it asks
// the room; without it, it looks itself. What acts on a device goes through the room, which alone knows what a call needs.
import { setTimeout as delay } from 'node:timers/promises';
import { asCloisterError, CloisterError } from '../../src/kernel/errors.ts';
import { type CommandResult, printable, runClientCommand } from '../client-command.ts';
import { type Action, commandOf, done, exactly, type Given } from '../command-actions.ts';
import { describeListing, describeTrials, isDeviceKind, KIND_NAMES } from '../device-text.ts';
import { isWanted, type LocalDevices, runTrials } from '../device-trials.ts';
import { devicePath, type HttpClient } from '../http-client.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister devices [--config FILE] [--url URL] [--json]
       cloister devices choose KIND ID|auto
       cloister devices volume PERCENT
       cloister devices camera ID move DIRECTION... [--speed N] [--for SECONDS]
       cloister devices camera ID stop | home | zoom VALUE
       cloister devices camera ID set CONTROL VALUE|auto
       cloister devices camera ID preset list | save|recall|delete NAME
       cloister devices test [KIND|ID]

Lists the devices, says what they can do and what is wrong with them, chooses
which are used, moves cameras, and tries them. KIND is camera, content (a
capture input), microphone or speaker; DIRECTION is left, right, up, down, in,
out, near or far. Choosing and moving need the room to run; listing and testing
do not.
  --config FILE   the room's configuration: where no room runs, and for choose
                  where a PIN is set (its data folder holds a token)
  --url URL       the room's address (default http://127.0.0.1:8480)
  --speed N       of the camera's fastest, above 0 and up to 1 (default 0.5)
  --for SECONDS   how long it moves, up to 10 (default 1)
  --json          print one JSON document

test takes a picture, listens for two seconds, plays a quiet tone and lights the
lamps of a speakerphone, in no call only. Exit status 1 where one has a fault.`;

const MAX_MOVE_SECONDS = 10;
const DIRECTIONS: Readonly<Record<string, readonly [axis: 'pan' | 'tilt' | 'zoom' | 'focus', sign: -1 | 1]>> = {
  left: ['pan', -1],
  right: ['pan', 1],
  down: ['tilt', -1],
  up: ['tilt', 1],
  out: ['zoom', -1],
  in: ['zoom', 1],
  near: ['focus', -1],
  far: ['focus', 1]
};

export type DevicesPorts = {
  /** @param config the configuration file that was named */
  readonly openLocal: (config: string | null, log: (line: string) => void) => Promise<LocalDevices>;
  readonly wait: (ms: number) => Promise<void>;
};

export const runDevicesCommand = (args: string[], io: CommandIo): Promise<ExitStatus> =>
  devicesCommand({ openLocal: async (config, log) => (await import('../local-devices.ts')).openLocalDevices(config, log), wait: delay })(args, io);

export function devicesCommand(ports: DevicesPorts): (args: string[], io: CommandIo) => Promise<ExitStatus> {
  const actions: Readonly<Record<string, Action>> = {
    list: { check: exactly(0), run: (_words, given) => list(given, ports) },
    choose: {
      check: ([kind = '', id, ...rest]) =>
        !isDeviceKind(kind) ? `choose wants one of ${Object.keys(KIND_NAMES).join(', ')}` : exactly(1)(id === undefined ? [] : [id, ...rest]),
      run: choose
    },
    volume: {
      check: (words) => exactly(1)(words) ?? (/^\d{1,3}$/.test(words[0] ?? '') && Number(words[0]) <= 100 ? null : 'volume wants a whole number from 0 to 100'),
      run: async ([percent], { http }) => {
        await http.post('/api/v1/devices/volume', { percent: Number(percent) });
        return done({ volume: Number(percent) }, `The volume is ${Number(percent)} %.`);
      }
    },
    camera: {
      check: ([id, ...words], options) => (id === undefined ? 'camera wants an id' : checkCamera(words, options)),
      run: (words, given) => actOnCamera(words, given, ports)
    },
    test: { check: (words) => (words.length > 1 ? 'too many arguments' : null), run: ([only], given) => test(only ?? null, given, ports) }
  };
  const command = commandOf({ name: 'devices', usage: USAGE, options: ['config', 'speed', 'for'], most: 9 }, actions);
  return (args, io) => runClientCommand(command, args, io);
}

/** Null where no room runs here; a room that was named has to be there. */
async function askRoom<T>({ http, named }: Given, ask: (http: HttpClient) => Promise<T>): Promise<T | null> {
  try {
    return await ask(http);
  } catch (cause) {
    if (named || asCloisterError(cause).code !== 'CL_AGENT_UNREACHABLE') throw cause;
    return null;
  }
}

async function list(given: Given, ports: DevicesPorts): Promise<CommandResult> {
  const room = await askRoom(given, (http) => http.devices());
  if (room !== null) return done({ source: 'room', ...room }, ...describeListing(room));
  await using local = await ports.openLocal(given.options['config'] ?? null, given.io.stderr);
  const listing = { media: local.media, hid: local.hid, volume: null };
  return done({ source: 'machine', ...listing }, ...describeListing(listing), 'No room runs here: this is what the machine has.');
}

async function choose([kind, id]: readonly string[], { http }: Given): Promise<CommandResult> {
  const choice = { kind, id: id === 'auto' ? null : (id ?? null) };
  await http.post('/api/v1/devices/choose', choice);
  return done(choice, choice.id === null ? `The first ${kind} that works is used.` : `${choice.id} is used, whenever it is there.`);
}

function checkCamera([verb, ...words]: readonly string[], { speed = '0.5', for: seconds = '1' }: Given['options']): string | null {
  const number = (text: string | undefined): boolean => /^-?\d+(\.\d+)?$/.test(text ?? '');
  const inside = (text: string, most: number): boolean => number(text) && Number(text) > 0 && Number(text) <= most;
  if (verb === 'move') {
    if (words.length === 0 || !words.every((word) => Object.hasOwn(DIRECTIONS, word))) return `move wants some of ${Object.keys(DIRECTIONS).join(', ')}`;
    if (!inside(speed, 1)) return '--speed wants a number above 0 and up to 1';
    return inside(seconds, MAX_MOVE_SECONDS) ? null : `--for wants seconds, above 0 and up to ${MAX_MOVE_SECONDS}`;
  }
  if (verb === 'stop' || verb === 'home') return exactly(0)(words);
  if (verb === 'zoom') return exactly(1)(words) ?? (number(words[0]) ? null : 'zoom wants a number');
  if (verb === 'set') return exactly(2)(words) ?? (words[1] === 'auto' || number(words[1]) ? null : 'set wants a number or auto');
  if (verb === 'preset' && words[0] === 'list') return exactly(1)(words);
  if (verb === 'preset' && ['save', 'recall', 'delete'].includes(words[0] ?? '')) return exactly(2)(words);
  return 'camera wants move, stop, home, zoom, set or preset after the id';
}

async function actOnCamera([id = '', verb = '', ...words]: readonly string[], { http, options }: Given, { wait }: DevicesPorts): Promise<CommandResult> {
  const post = (action: string, body: Readonly<Record<string, unknown>>) => http.post(devicePath(id, action), body);
  const value = (text: string | undefined): number | 'auto' => (text === 'auto' ? 'auto' : Number(text));
  if (verb === 'preset') return actOnPreset(words, id, http);
  if (verb === 'zoom') await post('set', { control: 'zoom', value: Number(words[0]) });
  else if (verb === 'set') await post('set', { control: words[0], value: value(words[1]) });
  else if (verb === 'move') {
    const speed = Number(options['speed'] ?? 0.5);
    const forMs = Math.round(Number(options['for'] ?? 1) * 1000);
    const speeds = { pan: 0, tilt: 0, zoom: 0, focus: 0 };
    for (const word of words) {
      const [axis, sign] = DIRECTIONS[word] ?? ['pan', 1];
      speeds[axis] = sign * speed;
    }
    // The camera is stopped by the room then, whatever becomes of this process.
    await post('move', { ...speeds, forMs });
    await wait(forMs);
  } else await post(verb, {});
  return done({ id, done: verb }, { move: 'It has moved.', stop: 'It was stopped.', home: 'It goes to its home position.' }[verb] ?? 'It is set.');
}

async function actOnPreset([verb = '', name = '']: readonly string[], id: string, http: HttpClient): Promise<CommandResult> {
  if (verb === 'list') {
    const presets = await http.presets(id);
    return done({ id, presets }, ...(presets.length === 0 ? ['No position is kept.'] : presets));
  }
  await http.post(devicePath(id, `preset-${verb}`), { name });
  const text = { save: `Kept as “${name}”.`, recall: `It goes to “${name}”.`, delete: `“${name}” is deleted.` }[verb] ?? '';
  return done({ id, done: `preset-${verb}`, name }, text);
}

async function test(only: string | null, given: Given, { openLocal }: DevicesPorts): Promise<CommandResult> {
  const inCall = async (): Promise<boolean | null> => askRoom(given, async (http) => ![null, 'ended'].includes((await http.state()).call?.phase ?? null));
  const mayGoOn = async (): Promise<void> => {
    if ((await inCall()) === true) throw new CloisterError('CL_CALL_BUSY', 'The room is in a call: its devices are not tested now.');
  };
  await mayGoOn();
  await using local = await openLocal(given.options['config'] ?? null, given.io.stderr);
  // Their ids are made of what the devices say of themselves, so that they are the room's, too.
  const room = await askRoom(given, (http) => http.devices());
  const { media, hid } = room ?? local;
  const known = [...media, ...hid.devices.map((device) => ({ ...device, kind: 'hid' as const }))];
  if (only !== null && only !== 'hid' && !isDeviceKind(only) && !known.some((device) => isWanted(only, device)))
    throw new CloisterError('CL_DEVICE_UNKNOWN', `There is no device ${only}; cloister devices lists them.`);
  const progress = (line: string): void => given.io.stderr(printable(line));
  const results = await runTrials({ media, hid, only, trials: local.trials, roomRuns: room !== null, mayGoOn, progress });
  const faults = results.filter(({ outcome }) => outcome === 'fault').length;
  return { document: { results, faults }, lines: describeTrials(results), done: faults === 0 };
}
