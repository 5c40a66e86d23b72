import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  parseControls,
  parseCurrentInput,
  parseDriver,
  parseDvTimings,
  parseFormats,
  parseInputs,
  parseValues
} from '../../../../src/devices/cameras/v4l2-text.ts';
import { PTZ_CONTROLS, printControls, SPEED_CONTROLS } from '../../../fakes/v4l2-device.ts';

const FORMATS = `ioctl: VIDIOC_ENUM_FMT
	Type: Video Capture

	[0]: 'MJPG' (Motion-JPEG, compressed)
		Size: Discrete 1280x720
			Interval: Discrete 0.017s (60.000 fps)
			Interval: Discrete 0.033s (29.970 fps)
	[1]: 'YUYV' (YUYV 4:2:2)
		Size: Stepwise 16x16 - 1920x1080 with step 2/4
			Interval: Stepwise 0.033s - 1.000s with step 0.033s (1.000-30.000 fps)
		Size: Continuous 32x32 - 640x480
	[2]: 'Y16 -BE' (16-bit Greyscale BE)
		Size: Discrete 640x480
`;

const INPUTS = `ioctl: VIDIOC_ENUMINPUT
	Input       : 0
	Name        : Webcam: Status : 0x2
	Type        : 0x00000002 (Camera)
	Status      : 0x00000000 (ok)
	Capabilities: 0x00000000 (not defined)

	Input       : 1
	Name        : HDMI\u001b[2J 0
	Type        : 0x00000002 (Camera)
	Status      : 0x00000102 (no signal, no hsync lock)
	Capabilities: 0x00000002 (DV timings)
`;

const DRIVER = `Driver Info:
	Driver name      : uvcvideo
	Card type        : Contoso Camera: Wide
	Bus info         : usb-0000:00:14.0-3
	Driver version   : 6.1.90
	Capabilities     : 0x84a00001
		Video Capture
		Metadata Capture
		Streaming
		Device Capabilities
	Device Caps      : 0x04200001
		Video Capture
		Streaming
Media Driver Info:
	Driver name      : other
	Model            : other
`;

const exactly = (value: number): { readonly min: number; readonly max: number; readonly step: number } => ({ min: value, max: value, step: 1 });

describe("v4l2-ctl's output", () => {
  it('tells the controls with ranges, values, flags and menus', () => {
    const controls = [...PTZ_CONTROLS, ...SPEED_CONTROLS];
    const read = parseControls(printControls(controls, new Map([['pan_absolute', -7200]])));
    assert.deepEqual(
      read.map(({ name, id }) => [name, id]),
      controls.map(({ name, id }) => [name, id])
    );
    assert.deepEqual(read[5], {
      id: 0x009a0908,
      name: 'pan_absolute',
      type: 'int',
      min: -468000,
      max: 468000,
      step: 3600,
      default: 0,
      value: -7200,
      flags: [],
      menu: []
    });
    assert.deepEqual(read[3]?.menu, [1, 3]);
    assert.deepEqual([read[1]?.flags, read[10]?.flags, read[0]?.max], [['inactive'], ['read-only'], 1]);
  });

  it('keeps to numbers that a number can hold, and to forms that it knows', () => {
    const text = `
                integer_64_bits 0x0098f903 (int64)  : min=-9223372036854775808 max=9223372036854775807 step=1 default=0 value=0
                         string 0x0098f905 (str)    : min=2 max=4 step=1 value='  ' flags=has-payload
                           gain 0x00980913 (int)    : min=0 max=255 step=1 default=100 value=24 flags=inactive, volatile
                 u8_pixel_array 0x0098f90e (u8)     : min=0 max=255 step=1 default=128 dims=[23][40] flags=has-payload, 0x00000800
                       ; rm -rf 0x0098f90f (int)    : min=0 max=255 step=1 default=128 value=1`;
    const read = parseControls(text);
    assert.deepEqual(
      read.map(({ name, type, min, max }) => [name, type, min, max]),
      [
        ['integer_64_bits', 'int', null, null],
        ['string', 'other', 2, 4],
        ['gain', 'int', 0, 255],
        ['u8_pixel_array', 'other', 0, 255]
      ]
    );
    assert.deepEqual(read[2]?.flags, ['inactive', 'volatile']);
    assert.deepEqual(
      [...parseValues("brightness: -383\nmenu: 3 (Menu Item 3)\nstring: ' '\nunknown control 'x'\n")],
      [
        ['brightness', -383],
        ['menu', 3]
      ]
    );
  });

  it('tells sizes and rates of each format, and leaves out those whose four characters are more', () => {
    assert.deepEqual(parseFormats(FORMATS), [
      { fourcc: 'MJPG', width: exactly(1280), height: exactly(720), rates: [60, 29.97] },
      { fourcc: 'YUYV', width: { min: 16, max: 1920, step: 2 }, height: { min: 16, max: 1080, step: 4 }, rates: [1, 30] },
      { fourcc: 'YUYV', width: { min: 32, max: 640, step: 1 }, height: { min: 32, max: 480, step: 1 }, rates: [] }
    ]);
  });

  it('tells inputs by their bits and not by their names, which are made printable', () => {
    assert.deepEqual(parseInputs(INPUTS), [
      { number: 0, name: 'Webcam: Status : 0x2', status: 0, hasDvTimings: false },
      { number: 1, name: 'HDMI[2J 0', status: 0x102, hasDvTimings: true }
    ]);
    assert.deepEqual([parseCurrentInput('Video input : 1 (HDMI 0: no signal)\n'), parseCurrentInput('nothing')], [1, null]);
  });

  it('tells what the node can do, and not what its card or its media device can', () => {
    assert.deepEqual(parseDriver(DRIVER), {
      driver: 'uvcvideo',
      card: 'Contoso Camera: Wide',
      bus: 'usb-0000:00:14.0-3',
      capabilities: ['Video Capture', 'Streaming']
    });
    assert.equal(parseDriver('Cannot open device /dev/video9, exiting.'), null);
  });

  it('tells the timings of a signal, or why there are none', () => {
    const timings = '\tActive width: 1920\n\tActive height: 1080\n\tFrame format: interlaced\n\tPixelclock: 74250000 Hz (30.00 frames per second)\n';
    assert.deepEqual(parseDvTimings(timings), { width: 1920, height: 1080, interlaced: true, fps: 30 });
    assert.deepEqual(parseDvTimings(`VIDIOC_QUERY_DV_TIMINGS: failed: Link has been severed\n\tActive width: 0\n`), { failed: 'Link has been severed' });
    assert.equal(parseDvTimings('Video input : 0 (Webcam 0: ok)'), null);
  });

  it('reads whatever it is given, within bounds', () => {
    const sources = [FORMATS, INPUTS, DRIVER, printControls(PTZ_CONTROLS, new Map())];
    const bits = ['', '\n', ' : ', '=', '0x', "'", '(', ')', '9'.repeat(600), '\u0000', '\u202e', '\ud800', 'Size: ', ' fps)', '\u001b[2J'];
    const change = fc.record({ at: fc.nat(4_000), cut: fc.nat(20), put: fc.constantFrom(...bits) });
    const text = fc.tuple(fc.constantFrom(...sources), fc.array(change, { minLength: 1, maxLength: 12 })).map(([source, changes]) =>
      changes.reduce((so, { at, cut, put }) => {
        const place = at % (so.length + 1);
        return so.slice(0, place) + put + so.slice(place + cut);
      }, source)
    );
    fc.assert(
      fc.property(text, (hostile) => {
        for (const { name, min, max, menu } of parseControls(hostile)) {
          assert.match(name, /^[a-z0-9_]{1,64}$/);
          for (const number of [min, max, ...menu]) assert.ok(number === null || Number.isSafeInteger(number));
        }
        for (const { width, height, rates } of parseFormats(hostile)) {
          assert.ok(width.min > 0 && width.max >= width.min && width.step > 0 && height.min > 0 && height.max >= height.min && height.step > 0);
          assert.ok(rates.length <= 64 && rates.every((rate) => rate > 0 && rate < 10_000));
        }
        for (const { name } of parseInputs(hostile)) assert.match(name, /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{0,64}$/u);
        parseDriver(hostile);
        parseDvTimings(hostile);
        parseCurrentInput(hostile);
        parseValues(hostile);
      })
    );
  });

  it('ends with lists that have no end', () => {
    const many = (line: string): string => `${line}\n`.repeat(20_000);
    assert.equal(parseControls(many('pan 0x009a0908 (int) : min=0 max=1 step=1 default=0 value=0')).length, 256);
    assert.equal(parseControls(`menu 0x009a0901 (menu) : min=0 max=3 default=0 value=0\n${many('1: item')}`)[0]?.menu.length, 256);
    assert.equal(parseFormats(`[0]: 'MJPG' (Motion-JPEG)\n${many('Size: Discrete 640x480')}`).length, 1_024);
    assert.equal(parseFormats(`[0]: 'MJPG' (Motion-JPEG)\nSize: Discrete 640x480\n${many('Interval: Discrete 0.033s (30.000 fps)')}`)[0]?.rates.length, 64);
    assert.equal(parseInputs(many('Input       : 0')).length, 32);
  });
});
