// Which devices `auto` tries. There are none here: the list is the test's, and whatever is opened fails.
import assert from 'node:assert/strict';
import { AV_PIX_FMT_YUV420P, DeviceAPI, Frame } from 'node-av';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createDeviceOrder } from '../../../../src/media/device-order.ts';
import { openCamera as openDevice } from '../../../../src/media/source/device-source.ts';
import { examined } from '../../../../src/media/source/examined-picture.ts';
import { openScreenSource } from '../../../../src/media/source/open-source.ts';
import { openRoomCamera } from '../../../../src/media/source/room-camera.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakeVideoSource } from '../encode/fakes.ts';

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

describe('a capture input that is shared', () => {
  const { openCamera, openScreen } = DeviceAPI;
  const { DISPLAY } = process.env;
  afterEach(() => {
    Object.assign(DeviceAPI, { openCamera, openScreen });
    if (DISPLAY === undefined) delete process.env['DISPLAY'];
    else process.env['DISPLAY'] = DISPLAY;
  });

  it('is the first of the order that opens, the machine’s screen where none does, and nothing else where it is named', async () => {
    delete process.env['DISPLAY'];
    const tried = new Set<unknown>();
    Object.assign(DeviceAPI, {
      async openCamera({ videoDevice }: { readonly videoDevice: string }) {
        tried.add(videoDevice);
        throw new Error('in use');
      },
      async openScreen() {
        tried.add('screen');
        throw new Error('no screen');
      }
    });
    const profile = { width: 640, height: 360, fps: 10, maxKbps: 500 };
    const inputs = ['/dev/video4', '/dev/video2'].map((path) => ({ path, name: `Input ${path}`, cancelsEcho: false }));
    const open = (choice: string): Promise<unknown> => openScreenSource(choice, profile, createFakeClock(), { inputs, onFault: () => {} });
    if (process.platform !== 'win32') await assert.rejects(open('auto'), { code: 'CL_MEDIA_SCREEN_NONE' });
    process.env['DISPLAY'] = ':0';
    await assert.rejects(open('auto'), { code: 'CL_MEDIA_SCREEN_SOURCE' });
    assert.deepEqual([...tried], ['/dev/video4', '/dev/video2', 'screen']);
    tried.clear();
    await assert.rejects(open('Input /dev/video2'), { code: 'CL_MEDIA_SCREEN_SOURCE', message: /Input \/dev\/video2 cannot be opened: in use$/ });
    assert.deepEqual([...tried], ['/dev/video2']);
  });

  it('that is black is told once, one that stands still is not, and what is closed is well', async () => {
    const clock = createFakeClock();
    const faults: (string | null)[] = [];
    const source = createFakeVideoSource();
    const shared = examined(source, clock, (fault) => faults.push(fault));
    let taken = 0;
    shared.start({
      async frame() {
        taken++;
      },
      lost: () => assert.fail()
    });
    const frame = new Frame();
    frame.alloc();
    Object.assign(frame, { format: AV_PIX_FMT_YUV420P, width: 64, height: 36 });
    frame.getBuffer();
    const seconds = async (count: number, value: number): Promise<void> => {
      frame.data?.[0]?.fill(value);
      for (let step = 0; step < 5 * count; step++) {
        await source.sink?.frame(frame, clock.monotonicMs());
        clock.advance(200);
      }
    };
    await seconds(60, 90);
    assert.deepEqual(faults, []);
    await seconds(10, 16);
    assert.deepEqual(faults, ['black']);
    await seconds(2, 90);
    await seconds(10, 16);
    await shared.close();
    assert.deepEqual([faults, taken, source.closed], [['black', null, 'black', null], 5 * 82, true]);
    frame.free();
  });
});
