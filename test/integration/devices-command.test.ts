// cloister devices against a real server with a fake room, and without a room.
import assert from 'node:assert/strict';
import { type DevicesPorts, devicesCommand } from '../../agent/commands/devices.ts';
import type { LocalDevices } from '../../agent/device-trials.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { deviceView, hidView } from '../fakes/device-views.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { serveRoom } from '../harness/served-room.ts';

const CAMERA = 'camera-046d-0881-1a2b3c4d';

describe('cloister devices', () => {
  let room: FakeRoom;
  let server: UiServer;
  let waits: number[];
  let opened: (string | null)[];
  let local: LocalDevices;
  let disposed: number;

  beforeEach(async () => {
    room = createFakeRoom();
    server = await serveRoom(room, { uiDirectory: '/nowhere' });
    waits = [];
    opened = [];
    disposed = 0;
    local = {
      media: [deviceView('camera', CAMERA)],
      hid: { devices: [], presence: null, console: 'none' },
      trials: {
        picture: async () => ({ width: 640, height: 360, brightness: 90, fault: null }),
        signalProblem: async () => null,
        microphone: async () => ({ rmsDbfs: -50, peakDbfs: -40, clipping: false, silent: false }),
        tone: async () => {},
        lamps: async () => ['mute']
      },
      [Symbol.asyncDispose]: async () => void disposed++
    };
  });
  afterEach(() => server[Symbol.asyncDispose]());

  async function run(...args: string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const ports: DevicesPorts = {
      openLocal: async (config) => {
        opened.push(config);
        return local;
      },
      wait: async (ms) => void waits.push(ms)
    };
    const status = await devicesCommand(ports)(args, { stdout: (line) => out.push(line), stderr: (line) => err.push(line) });
    return { status, out, err };
  }
  const atRoom = (...args: string[]) => run(...args, '--url', server.url);
  /** An address at which no room answers; the default address may have one. */
  const nowhere = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
  };

  const withDevices = (): void =>
    room.change((state) => ({
      ...state,
      devices: {
        ...state.devices,
        media: [deviceView('camera', CAMERA, { name: '\u001b]0;owned\u0007 Cam\n', chosen: true })],
        hid: { devices: [hidView('hid-x')], presence: false, console: 'present' }
      }
    }));

  it('lists what the room has, as text and as one document', async () => {
    withDevices();
    const text = await atRoom();
    assert.equal(text.status, 0);
    assert.match(text.out.join('\n'), /Cameras\n.* Cam.*\(chosen\)[\s\S]*In the room {5}nobody\nTouch console {3}there\nVolume {10}60 %/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(text.out.join(''), /[\u0000-\u001f]/);
    const json = await atRoom('--json');
    assert.equal(json.out.length, 1);
    const document = JSON.parse(json.out[0] ?? '');
    const { media, hid } = room.state().devices;
    assert.deepEqual(document, { source: 'room', media, hid, volume: 60 });
    assert.deepEqual([opened, json.err], [[], []]);
  });

  it('a room that was named has to be there', async () => {
    const { url } = server;
    await nowhere();
    const { status, err } = await run('--url', url);
    assert.deepEqual([status, opened], [1, []]);
    assert.match(err.join(), /CL_AGENT_UNREACHABLE/);
  });

  it('chooses, sets the volume and moves cameras', async () => {
    await atRoom('choose', 'camera', CAMERA);
    await atRoom('choose', 'microphone', 'auto');
    await atRoom('volume', '35');
    await atRoom('camera', CAMERA, 'move', 'left', 'up', '--speed', '0.25', '--for', '2.5');
    await atRoom('camera', CAMERA, 'stop');
    await atRoom('camera', CAMERA, 'home');
    await atRoom('camera', CAMERA, 'zoom', '300');
    await atRoom('camera', CAMERA, 'set', 'focus', 'auto');
    await atRoom('camera', CAMERA, 'set', 'pan', '-3600', '--json');
    await atRoom('camera', CAMERA, 'preset', 'save', 'White board');
    const presets = await atRoom('camera', CAMERA, 'preset', 'list');
    assert.deepEqual(presets.out, ['Whiteboard']);
    assert.deepEqual(waits, [2500]);
    assert.deepEqual(room.askedOfDevices, [
      ['choose', 'camera', CAMERA],
      ['choose', 'microphone', null],
      ['setVolume', 35],
      ['camera', CAMERA, { type: 'move', pan: -0.25, tilt: 0.25, zoom: 0, focus: 0, forMs: 2500 }],
      ['camera', CAMERA, { type: 'stop' }],
      ['camera', CAMERA, { type: 'home' }],
      ['camera', CAMERA, { type: 'set', control: 'zoom', value: 300 }],
      ['camera', CAMERA, { type: 'set', control: 'focus', value: 'auto' }],
      ['camera', CAMERA, { type: 'set', control: 'pan', value: -3600 }],
      ['camera', CAMERA, { type: 'preset-save', name: 'White board' }],
      ['presets', CAMERA]
    ]);
  });

  it('says what the room refuses, by its code', async () => {
    room.failNext = new CloisterError('CL_DEVICE_UNKNOWN');
    const unknown = await atRoom('choose', 'camera', 'camera-nonsense', '--json');
    assert.deepEqual([unknown.status, JSON.parse(unknown.out[0] ?? '').error.code], [1, 'CL_DEVICE_UNKNOWN']);
    assert.match(unknown.err.join(), /There is no such device\. \(CL_DEVICE_UNKNOWN\)/);
    room.failNext = new CloisterError('CL_DEVICE_CONTROL');
    assert.match((await atRoom('camera', '../../state', 'home')).err.join(), /CL_DEVICE_CONTROL/);
    assert.deepEqual(room.askedOfDevices.at(-1)?.[1] ?? '../../state', '../../state');
  });

  it('bad usage is status 2, and asks nobody', async () => {
    for (const words of [
      ['nonsense'],
      ['list', 'extra'],
      ['choose', 'camera'],
      ['choose', 'printer', 'auto'],
      ['choose', 'camera', 'a', 'b'],
      ['volume'],
      ['volume', '101'],
      ['volume', '-1'],
      ['volume', '1.5'],
      ['camera'],
      ['camera', CAMERA],
      ['camera', CAMERA, 'dance'],
      ['camera', CAMERA, 'move'],
      ['camera', CAMERA, 'move', 'sideways'],
      ['camera', CAMERA, 'move', 'left', '--speed', '2'],
      ['camera', CAMERA, 'move', 'left', '--speed', 'fast'],
      ['camera', CAMERA, 'move', 'left', '--for', '0'],
      ['camera', CAMERA, 'move', 'left', '--for', '11'],
      ['camera', CAMERA, 'home', 'now'],
      ['camera', CAMERA, 'zoom', 'in'],
      ['camera', CAMERA, 'set', 'focus'],
      ['camera', CAMERA, 'preset', 'save'],
      ['camera', CAMERA, 'preset', 'forget', 'x'],
      ['test', 'a', 'b'],
      ['--colour']
    ]) {
      const { status, out, err } = await atRoom(...words);
      assert.deepEqual([status, out], [2, []], words.join(' '));
      assert.match(err.join('\n'), /Usage: cloister devices/);
    }
    assert.deepEqual(room.askedOfDevices, []);
    const help = await run('--help');
    assert.deepEqual([help.status, help.err], [0, []]);
    assert.ok(
      help.out
        .join('\n')
        .split('\n')
        .every((line) => line.length <= 80)
    );
  });

  it('tests what is wanted, with progress beside the result, and ends with 1 where one has a fault', async () => {
    withDevices();
    const well = await atRoom('test', '--json');
    assert.equal(well.status, 0);
    assert.equal(well.out.length, 1);
    const { results, faults } = JSON.parse(well.out[0] ?? '');
    assert.equal(faults, 0);
    assert.deepEqual(
      results.map(({ id, outcome }: { id: string; outcome: string }) => [id, outcome]),
      [
        [CAMERA, 'ok'],
        ['hid-x', 'ok']
      ]
    );
    assert.equal(well.err.length, 2);
    local = { ...local, trials: { ...local.trials, picture: async () => ({ width: 1, height: 1, brightness: 16, fault: 'black' }) } };
    const unwell = await atRoom('test', 'camera');
    assert.equal(unwell.status, 1);
    assert.match(unwell.out.join('\n'), /^fault.*\n.*black[\s\S]*1 of 1 have a fault\.$/);
    assert.equal(disposed, 2);
    const unknown = await atRoom('test', 'camera-nonsense');
    assert.deepEqual([unknown.status, /CL_DEVICE_UNKNOWN/.test(unknown.err.join())], [1, true]);
  });

  it('tests nothing during a call', async () => {
    room.ring();
    const { status, err } = await atRoom('test');
    assert.deepEqual([status, opened], [1, []]);
    assert.match(err.join(), /in a call.*CL_CALL_BUSY/);
  });
});
