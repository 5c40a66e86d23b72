// Which devices `auto` tries. There are none here: the list is the test's, and whatever is opened fails.
import assert from 'node:assert/strict';
import { DeviceAPI } from 'node-av';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createDeviceOrder } from '../../../../src/media/device-order.ts';
import { openCamera as openDevice } from '../../../../src/media/source/device-source.ts';
import { openRoomCamera } from '../../../../src/media/source/room-camera.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

describe('the camera that is found by itself', () => {
  const { list, openCamera } = DeviceAPI;
  afterEach(() => {
    Object.assign(DeviceAPI, { list, openCamera });
  });

  it('is no capture input: what is plugged into it is shown when somebody shares it', async () => {
    const tried = new Set<unknown>();
    Object.assign(DeviceAPI, {
      list: async () =>
        ['USB3.0 HDMI Capture', 'Logitech BRIO', 'Cam Link 4K'].map((description, index) => ({ type: 'video', name: `/dev/video${index}`, description })),
      async openCamera({ videoDevice }: { readonly videoDevice: string }) {
        tried.add(videoDevice);
        throw new Error('in use');
      }
    });
    const source = await openRoomCamera({
      choice: 'auto',
      devices: createDeviceOrder(null, silentLog),
      profile: { width: 640, height: 360, fps: 30, maxKbps: 500 },
      roomName: 'Room',
      clock: createFakeClock(),
      onChange: () => {},
      onProblem: () => assert.fail()
    });
    assert.deepEqual([[...tried], source.view.kind], [['/dev/video1'], 'test']);
    await source.close();
  });

  it('is opened in the format that was found to be its best, and else in others', async () => {
    const tried: unknown[] = [];
    Object.assign(DeviceAPI, {
      async openCamera({ videoDevice: _, ...form }: Record<string, unknown>) {
        tried.push(form);
        throw new Error('in use');
      }
    });
    const device = { path: '/dev/video1', name: 'Front', format: { pixelFormat: 'nv12', width: 1280, height: 720, fps: 29.97 } } as const;
    await assert.rejects(
      openDevice(device, { width: 640, height: 360, fps: 30, maxKbps: 500 }, createFakeClock()),
      /the camera Front cannot be opened: in use$/
    );
    const size = { width: 640, height: 360, frameRate: 30 };
    assert.deepEqual(tried[0], { width: 1280, height: 720, frameRate: 29.97, formatOptions: { input_format: 'nv12' } });
    assert.deepEqual(tried.slice(-2), [size, {}]);
  });
});
