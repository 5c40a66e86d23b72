import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { V4l2Ctl } from '../../../src/devices/cameras/v4l2-ctl.ts';
import { createLinuxLister } from '../../../src/devices/linux-devices.ts';
import type { LinuxPlaces } from '../../../src/devices/linux-places.ts';
import type { FoundDevice } from '../../../src/devices/registry.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { createFakeMachine, type FakeMachine } from '../../fakes/sysfs.ts';

/** As v4l2-ctl 1.22 prints it. */
const driver = (...caps: string[]): string => `Driver Info:
	Driver name      : uvcvideo
	Card type        : whatever
	Capabilities     : 0x84a00001
		Video Capture
		Metadata Capture
	Device Caps      : 0x04200001
${caps.map((cap) => `\t\t${cap}\n`).join('')}`;
const FORMATS = `ioctl: VIDIOC_ENUM_FMT
	Type: Video Capture

	[0]: 'MJPG' (Motion-JPEG, compressed)
		Size: Discrete 1920x1080
			Interval: Discrete 0.033s (30.000 fps)
		Size: Discrete 1280x720
			Interval: Discrete 0.033s (30.000 fps)
`;
const CONTROLS = `
Camera Controls

                   pan_absolute 0x009a0908 (int)    : min=-36000 max=36000 step=3600 default=0 value=0
                  zoom_absolute 0x009a090d (int)    : min=100 max=500 step=1 default=100 value=100
`;
const input = (name: string, capabilities: string): string => `ioctl: VIDIOC_ENUMINPUT
	Input       : 0
	Name        : ${name}
	Type        : 0x00000002 (Camera)
	Status      : 0x00000000 (ok)
	Capabilities: ${capabilities}
Video input : 0 (${name}: ok)
`;
const CAMERA = driver('Video Capture', 'Streaming') + FORMATS + input('Camera 1', '0x00000000 (not defined)') + CONTROLS;

/** A Jabra-like keypad: one telephony collection with a hook switch (HID Usage Tables 1.5 section 14). */
const TELEPHONY = Uint8Array.of(
  0x05,
  0x0b,
  0x09,
  0x05,
  0xa1,
  0x01,
  0x09,
  0x20,
  0x15,
  0x00,
  0x25,
  0x01,
  0x75,
  0x01,
  0x95,
  0x01,
  0x81,
  0x02,
  0x95,
  0x07,
  0x81,
  0x01,
  0xc0
);
const KEYBOARD = Uint8Array.of(0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x09, 0x04, 0x15, 0x00, 0x25, 0x01, 0x75, 0x08, 0x95, 0x01, 0x81, 0x02, 0xc0);

/** An audio control interface with one terminal (USB Audio 1.0 section 4.3.2). */
const terminal = (type: number): Uint8Array =>
  Uint8Array.of(18, 1, 0, 2, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 4, 0, 0, 0, 1, 1, 0, 0, 12, 0x24, 2, 1, type & 0xff, type >> 8, 0, 1, 0, 0, 0, 0);

const STREAM = `Jabra at usb-0000:00:14.0-2, full speed : USB Audio

Playback:
  Status: Stop
  Interface 2
    Altset 1
    Format: S16_LE
    Channels: 2
    Rates: 48000
Capture:
  Status: Stop
  Interface 3
    Altset 1
    Channels: 1
    Rates: 16000, 48000
    Altset 2
    Channels: 4
    Rates: 8000 - 96000 (continuous)
`;

describe('on a Linux machine', () => {
  let machine: FakeMachine;
  beforeEach(async () => {
    machine = await createFakeMachine();
  });
  afterEach(() => machine[Symbol.asyncDispose]());

  function createWorld() {
    const world = { runs: [] as string[], says: new Map<string, string | CloisterError>(), denied: new Set<string>() };
    const ctl =
      (device: string): V4l2Ctl =>
      async () => {
        world.runs.push(device.slice(machine.dev.length + 1));
        const said = world.says.get(device.slice(machine.dev.length + 1)) ?? '';
        if (said instanceof CloisterError) throw said;
        return { stdout: said, stderr: '', status: 0 };
      };
    const places: LinuxPlaces = {
      sysfs: machine.sysfs,
      proc: machine.proc,
      dev: machine.dev,
      async mayOpen(path) {
        if (world.denied.has(path.slice(machine.dev.length + 1))) throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
      }
    };
    const picture = { width: 1280, height: 720, fps: 30 };
    return { world, list: createLinuxLister({ clock: createFakeClock(), wanted: { camera: picture, content: picture }, ctl }, places) };
  }

  const brief = (devices: readonly FoundDevice[]): readonly string[] =>
    devices.map(({ kind, name, media }) => `${kind} ${name} ${media.path.split('/').at(-1)}`).sort();

  describe('the cameras', () => {
    beforeEach(async () => {
      await machine.usb({ at: '1-1', model: '046d:0893', serial: 'C0FFEE01', name: 'StreamCam' });
      await machine.video('video0', '1-1:1.0', { name: 'StreamCam', index: 0 });
      await machine.video('video1', '1-1:1.0', { name: 'StreamCam', index: 1 });
    });

    it('asks one again that offers no form of picture yet', async () => {
      const { world, list } = createWorld();
      world.says.set('video0', driver('Video Capture', 'Streaming'));
      assert.deepEqual(
        (await list()).map(({ kind, problem }) => [kind, problem?.code]),
        [['camera', 'CL_DEVICE_OPEN']]
      );
      world.says.set('video0', CAMERA);
      assert.deepEqual(
        (await list()).map(({ kind, problem }) => [kind, problem]),
        [['camera', null]]
      );
    });

    it('are the nodes that give pictures, opened in the best form, and what they can do', async () => {
      await machine.video('video2', 'platform/codec.0', { name: 'codec', driver: 'codec' });
      await machine.video('video3', 'platform/output.0', { name: 'out', driver: 'out' });
      const { world, list } = createWorld();
      world.says.set('video0', CAMERA);
      world.says.set('video1', driver('Metadata Capture', 'Streaming'));
      world.says.set('video2', driver('Video Memory-to-Memory', 'Streaming') + FORMATS);
      world.says.set('video3', driver('Video Output', 'Streaming') + FORMATS);
      const devices = await list();
      assert.deepEqual(brief(devices), ['camera StreamCam video0']);
      assert.deepEqual(devices[0]?.media.format, { pixelFormat: 'mjpeg', width: 1280, height: 720, fps: 30 });
      assert.deepEqual(devices[0]?.can, ['1920×1080 at 30 (MJPG)', '1280×720 at 30 (MJPG)', 'pan', 'zoom']);
      assert.equal(devices[0]?.problem, null);
    });

    it('are asked once, also when they come back under another name, and so is another device in their place', async () => {
      const { world, list } = createWorld();
      world.says.set('video0', CAMERA);
      const [before] = await list();
      await list();
      assert.deepEqual(world.runs, ['video0', 'video1']);
      await machine.unplug('1-1');
      assert.deepEqual(await list(), []);
      await machine.usb({ at: '1-1', model: '046d:0893', serial: 'C0FFEE01', name: 'StreamCam' });
      await machine.video('video6', '1-1:1.0', { name: 'StreamCam', index: 0 });
      const [after] = await list();
      assert.deepEqual(after, { ...before, media: { ...before?.media, path: join(machine.dev, 'video6') } });
      assert.deepEqual(world.runs, ['video0', 'video1']);
      await machine.unplug('1-1');
      await machine.usb({ at: '1-1', model: '0b0e:3011', name: 'PanaCast' });
      await machine.video('video7', '1-1:1.0', { name: 'PanaCast' });
      world.says.set('video7', CAMERA);
      assert.deepEqual(brief(await list()), ['camera PanaCast video7']);
      assert.deepEqual(world.runs, ['video0', 'video1', 'video7']);
    });

    it('are no content inputs, which are known by their timings or their name', async () => {
      await machine.video('video4', 'pci0000:00/0000:03:00.0', { name: 'card', driver: 'card' });
      await machine.usb({ at: '1-2', model: '534d:2109', name: 'USB3.0 HDMI Capture' });
      await machine.video('video5', '1-2:1.0', { name: 'USB Video' });
      const { world, list } = createWorld();
      world.says.set('video0', CAMERA);
      world.says.set('video4', driver('Video Capture', 'Streaming') + FORMATS + input('Input 3', '0x00000002 (DV timings)'));
      world.says.set('video5', CAMERA);
      const devices = await list();
      assert.deepEqual(brief(devices), ['camera StreamCam video0', 'content USB3.0 HDMI Capture video5', 'content card: Input 3 video4']);
      // What the cable brings may change.
      assert.equal(devices.find(({ media }) => media.path.endsWith('video4'))?.media.format, undefined);
      assert.notEqual(devices.find(({ media }) => media.path.endsWith('video5'))?.media.format, undefined);
    });

    it('are told with what is wrong with them, and asked again', async () => {
      const { world, list } = createWorld();
      world.denied.add('video0').add('video1');
      assert.deepEqual(
        (await list()).map(({ kind, problem }) => [kind, problem?.code]),
        [['camera', 'CL_DEVICE_PERMISSION']]
      );
      assert.deepEqual(world.runs, []);
      world.denied.clear();
      world.says.set('video0', new CloisterError('CL_TOOL_MISSING'));
      world.says.set('video1', new CloisterError('CL_TOOL_MISSING'));
      assert.deepEqual(
        (await list()).map(({ kind, problem }) => [kind, problem?.code]),
        [['camera', 'CL_TOOL_MISSING']]
      );
      world.says.set('video0', CAMERA);
      world.says.set('video1', '');
      assert.deepEqual(
        (await list()).map(({ problem }) => problem),
        [null]
      );
      // What it can do is still known when it may not be opened any more.
      world.denied.add('video0');
      const [denied] = await list();
      assert.deepEqual([denied?.problem?.code, denied?.can.length], ['CL_DEVICE_PERMISSION', 4]);
    });
  });

  describe('the microphones and loudspeakers', () => {
    const both = [{ device: 0, streams: 'cp' }] as const;
    const cancelling = async (): Promise<boolean[]> => (await createWorld().list()).map(({ media }) => media.cancelsEcho);

    it('are ALSA’s PCM devices, by the name of their card', async () => {
      await machine.usb({ at: '1-1', model: '0b0e:0412', serial: 'X1Y2Z3', name: 'Jabra SPEAK' });
      await machine.card(1, '1-1:1.0', { id: 'SPEAK', pcms: both, stream: STREAM });
      await machine.card(0, 'pci0000:00/0000:00:1f.3', {
        id: 'PCH',
        name: 'HDA Intel PCH',
        driver: 'snd_hda_intel',
        pcms: [
          { device: 0, streams: 'cp', name: 'ALC257 Analog' },
          { device: 3, streams: 'p', name: 'HDMI 0' }
        ]
      });
      const devices = await createWorld().list();
      assert.deepEqual(brief(devices), [
        'microphone HDA Intel PCH hw:PCH,0',
        'microphone Jabra SPEAK hw:SPEAK,0',
        'speaker HDA Intel PCH: ALC257 Analog hw:PCH,0',
        'speaker HDA Intel PCH: HDMI 0 hw:PCH,3',
        'speaker Jabra SPEAK hw:SPEAK,0'
      ]);
      const jabra = devices.filter(({ name }) => name === 'Jabra SPEAK');
      assert.deepEqual(
        jabra.map(({ kind, can }) => [kind, can]),
        [
          ['microphone', ['16, 48 kHz mono', '8 to 96 kHz 4 channels']],
          ['speaker', ['48 kHz stereo']]
        ]
      );
      const [one, other] = devices.filter(({ kind, name }) => kind === 'speaker' && name.startsWith('HDA'));
      assert.notEqual(one?.identity.part, other?.identity.part);
    });

    it('take the echo out where they have a telephone’s keys, both directions, and say nothing else', async () => {
      await machine.usb({ at: '1-1', model: '0b0e:0412', name: 'Speak' });
      await machine.card(1, '1-1:1.0', { id: 'SPEAK', pcms: both });
      assert.deepEqual(await cancelling(), [false, false]);
      await machine.hidraw('hidraw0', '1-1:1.3', { id: '0003:0B0E:0412' }, KEYBOARD);
      assert.deepEqual(await cancelling(), [false, false]);
      await machine.hidraw('hidraw1', '1-1:1.4', { id: '0003:0B0E:0413' }, TELEPHONY);
      assert.deepEqual(await cancelling(), [true, true]);
      assert.deepEqual(
        (await createWorld().list()).map(({ kind, can }) => [kind, can]),
        [
          ['microphone', ['echo cancellation']],
          ['speaker', []]
        ]
      );
    });

    it('do not where only a microphone is at the keys, or the keys are at another device', async () => {
      await machine.usb({ at: '1-1', model: '0b0e:0412' });
      await machine.card(1, '1-1:1.0', { id: 'MIC', pcms: [{ device: 0, streams: 'c' }] });
      await machine.hidraw('hidraw0', '1-1:1.3', { id: '0003:0B0E:0412' }, TELEPHONY);
      await machine.usb({ at: '1-2', model: '1234:0412' });
      await machine.card(2, '1-2:1.0', { id: 'OTHER', pcms: both });
      assert.deepEqual(await cancelling(), [false, false, false]);
    });

    it('are believed where their terminals say it', async () => {
      await machine.usb({ at: '1-1', model: '0b0e:0001', descriptors: terminal(0x0405) });
      await machine.card(1, '1-1:1.0', { id: 'CANCELS', pcms: [{ device: 0, streams: 'c' }] });
      await machine.usb({ at: '1-2', model: '0b0e:0002', descriptors: terminal(0x0403) });
      await machine.card(2, '1-2:1.0', { id: 'NOT', pcms: both });
      await machine.hidraw('hidraw0', '1-2:1.3', { id: '0003:0B0E:0002' }, TELEPHONY);
      const told = new Map((await createWorld().list()).map(({ media }) => [media.path, media.cancelsEcho]));
      assert.deepEqual([...told].sort(), [
        ['hw:CANCELS,0', true],
        ['hw:NOT,0', false]
      ]);
    });

    it('are told with what is wrong with them', async () => {
      await machine.card(0, 'platform/snd_aloop.0', { id: 'Loopback', driver: 'snd_aloop', pcms: both });
      const { world, list } = createWorld();
      world.denied.add('snd/pcmC0D0c');
      assert.deepEqual(
        (await list()).map(({ kind, problem }) => [kind, problem?.code]),
        [
          ['microphone', 'CL_DEVICE_PERMISSION'],
          ['speaker', undefined]
        ]
      );
    });

    it('are none whose card has a name that ALSA does not give', async () => {
      await machine.card(0, 'platform/a.0', { id: 'a,b/../c', driver: 'a', pcms: both });
      assert.deepEqual(await createWorld().list(), []);
    });
  });

  it('without devices there are none', async () => {
    assert.deepEqual(await createWorld().list(), []);
  });
});
