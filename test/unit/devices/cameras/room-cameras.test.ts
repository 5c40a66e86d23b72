import assert from 'node:assert/strict';
import type { CameraPresets } from '../../../../src/devices/cameras/presets.ts';
import { createRoomCameras } from '../../../../src/devices/cameras/room-cameras.ts';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { createEvents } from '../../../../src/kernel/events.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import type { DeviceView } from '../../../../src/room/state.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakeV4l2Device, PTZ_CONTROLS } from '../../../fakes/v4l2-device.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof CloisterError && error.code === code;

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const view = (id: string, kind: DeviceView['kind']): DeviceView => ({
  id,
  kind,
  name: id,
  model: '046d:0881',
  serial: null,
  port: null,
  appliance: id,
  present: true,
  chosen: false,
  can: [],
  problem: null
});

const away = async (): Promise<never> => {
  throw new CloisterError('CL_DEVICE_UNREACHABLE');
};

function world() {
  const clock = createFakeClock();
  const events = createEvents<{ changed: readonly [] }>((error) => {
    throw error;
  });
  let listed: readonly { readonly view: DeviceView; readonly path: string | null }[] = [];
  const devices = new Map<string, ReturnType<typeof createFakeV4l2Device>>();
  const deviceAt = (path: string) => {
    const device = devices.get(path) ?? createFakeV4l2Device(PTZ_CONTROLS);
    devices.set(path, device);
    return device;
  };
  const kept = new Map<string, unknown>();
  const presets: CameraPresets = {
    start: async () => {},
    names: (camera) => [...kept.keys()].filter((key) => key.startsWith(`${camera} `)).map((key) => key.slice(camera.length + 1)),
    position: (camera, name) => kept.get(`${camera} ${name}`) as never,
    save: async (camera, name, position) => void kept.set(`${camera} ${name}`, position),
    remove: async (camera, name) => void kept.delete(`${camera} ${name}`)
  };
  const cameras = createRoomCameras({
    registry: {
      on: events.on,
      list: () => listed.map((each) => each.view),
      pathOf: (id) => listed.find((each) => each.view.id === id)?.path ?? null
    },
    ctl: (path) => deviceAt(path).ctl,
    visca: [
      { name: 'Front Camera', open: away },
      { name: 'front-camera', open: away },
      { name: '前', open: away }
    ],
    presets,
    clock,
    log: silentLog
  });
  const plug = (...now: readonly (readonly [string, DeviceView['kind'], string | null])[]): void => {
    listed = now.map(([id, kind, path]) => ({ view: { ...view(id, kind), present: path !== null }, path }));
    events.emit('changed');
  };
  const written = (path: string): readonly string[] => deviceAt(path).runs.filter((run) => run.startsWith('-c '));
  return { clock, cameras, plug, deviceAt, devices, written, kept };
}

describe('the room’s cameras', () => {
  it('speaks to no camera before somebody moves it, or a call wants to know its shutter', async () => {
    const { cameras, plug, devices, deviceAt, clock } = world();
    await cameras.start(new AbortController().signal);
    plug(['camera-a', 'camera', '/dev/video0']);
    await settle();
    assert.equal(devices.size, 0);
    cameras.setInCall(true);
    await settle();
    clock.advance(2_000);
    await settle();
    assert.equal(cameras.facts('camera-a').shutter, 'open');
    deviceAt('/dev/video0').values.set('privacy', 1);
    clock.advance(2_000);
    await settle();
    assert.equal(cameras.facts('camera-a').shutter, 'closed');
    cameras.setInCall(false);
    assert.equal(cameras.facts('camera-a').shutter, null);
    await cameras[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });

  it('moves, sets and remembers positions of the camera that is meant, also after it came back at another node', async () => {
    const { cameras, plug, deviceAt, written, kept } = world();
    await cameras.start(new AbortController().signal);
    plug(['camera-a', 'camera', '/dev/video0'], ['camera-b', 'camera', '/dev/video2']);
    await cameras.of('camera-a').set('zoom', 300);
    await cameras.of('camera-a').savePreset('Whiteboard');
    assert.deepEqual(kept.get('camera-a Whiteboard'), { pan: 0, tilt: 0, zoom: 300 });
    assert.deepEqual([await cameras.of('camera-a').presets(), await cameras.of('camera-b').presets()], [['Whiteboard'], []]);
    plug(['camera-a', 'camera', '/dev/video4'], ['camera-b', 'camera', '/dev/video2']);
    await cameras.of('camera-a').recallPreset('Whiteboard');
    assert.equal(deviceAt('/dev/video4').values.get('zoom_absolute'), 300);
    assert.deepEqual(written('/dev/video2'), []);
    await cameras[Symbol.asyncDispose]();
  });

  it('says what cannot be moved: unknown, away, not a camera, a control that none has', async () => {
    const { cameras, plug } = world();
    await cameras.start(new AbortController().signal);
    plug(['camera-a', 'camera', '/dev/video0'], ['gone', 'camera', null], ['hdmi', 'content', '/dev/video2']);
    assert.throws(() => cameras.of('nobody'), hasCode('CL_DEVICE_UNKNOWN'));
    assert.throws(() => cameras.of('gone'), hasCode('CL_DEVICE_UNREACHABLE'));
    assert.throws(() => cameras.of('hdmi'), hasCode('CL_DEVICE_CONTROL'));
    for (const control of ['warp', 'constructor']) await assert.rejects(cameras.of('camera-a').set(control, 1), hasCode('CL_DEVICE_CONTROL'));
    await assert.rejects(cameras.of('camera-a').set('zoom', 5_000), hasCode('CL_DEVICE_CONTROL'));
    await cameras[Symbol.asyncDispose]();
  });

  it('lists cameras of the network by their names, each with an id of its own, and that they do not answer', async () => {
    const { cameras, clock } = world();
    await cameras.start(new AbortController().signal);
    await settle();
    clock.advance(5_000);
    await settle();
    assert.deepEqual(
      cameras.list().map(({ id, name, present, problem }) => [id, name, present, problem?.code]),
      [
        ['camera-visca-front-camera', 'Front Camera', false, 'CL_DEVICE_UNREACHABLE'],
        ['camera-visca-front-camera-2', 'front-camera', false, 'CL_DEVICE_UNREACHABLE'],
        ['camera-visca-camera', '前', false, 'CL_DEVICE_UNREACHABLE']
      ]
    );
    await cameras[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });
});
