// Fire at what reads cameras: texts of v4l2-ctl, in which drivers and devices put their own words, and answers at VISCA over IP, which anybody in the room's
// network can send. Each is answered, in a time that does not run away with its length, with numbers that can be counted with and names that can be printed.
import assert from 'node:assert/strict';
import { bestFormat } from '../../src/devices/cameras/capture-format.ts';
import { signalOf } from '../../src/devices/cameras/content-signal.ts';
import { parseControls, parseDriver, parseFormats, parseInputs, parseValues } from '../../src/devices/cameras/v4l2-text.ts';
import { createMessageCutter, readDatagram, readFocusMode, readPanTilt, readPosition, readReply, readVersion } from '../../src/devices/cameras/visca.ts';
import { PTZ_CONTROLS, printControls, SPEED_CONTROLS } from '../fakes/v4l2-device.ts';
import { firedInHalves, quickestMs, type Range } from './fire.ts';
import { mutateBytes } from './mutate.ts';
import { mutateText } from './mutate-text.ts';

/** All of them together take a tenth of a millisecond. */
const SLOW_MS = 200;
const TEXTS = [
  printControls([...PTZ_CONTROLS, ...SPEED_CONTROLS], new Map()),
  "\t[0]: 'MJPG' (Motion-JPEG)\n\t\tSize: Discrete 1280x720\n\t\t\tInterval: Discrete 0.033s (30.000 fps)\n\t\tSize: Stepwise 16x16 - 1920x1080 with step 2/2\n",
  'Video input : 0 (HDMI: ok)\n\tInput       : 0\n\tName        : HDMI\n\tStatus      : 0x00000002 (no signal)\n\tCapabilities: 0x00000002 (DV timings)\n',
  'VIDIOC_QUERY_DV_TIMINGS: failed: No locks available\n\tActive width: 1920\n\tActive height: 1080\n\tPixelclock: 148500000 Hz (60.00 frames per second)\n',
  'Driver Info:\n\tDriver name      : uvcvideo\n\tCard type        : Camera\n\tDevice Caps      : 0x04200001\n\t\tVideo Capture\n',
  'pan_absolute: 3600\ntilt_absolute: -3600\n'
];
const ANSWERS = [
  '9041ff',
  '9051ff',
  '906141ff',
  '9050000102030f0e0d0cff',
  '905002ff',
  '90500020045c010002ff',
  '01110003000000079041ff',
  '020100010000000101',
  '02010002000000070f01',
  '0111000b0000000190500f0f0f0f00000000ff'
].map((hex) => Buffer.from(hex, 'hex'));
const WANTED = { width: 1280, height: 720, fps: 30 };

function readTexts(text: string): string {
  const controls = parseControls(text);
  for (const { name, menu, ...rest } of controls) {
    assert.match(name, /^[a-z0-9_]{1,64}$/);
    for (const value of [rest.min, rest.max, rest.step, rest.default, rest.value, ...menu]) assert.ok(value === null || Number.isSafeInteger(value));
  }
  const format = bestFormat(parseFormats(text), WANTED);
  if (format !== null) assert.ok(format.width > 0 && format.height > 0 && format.fps > 0);
  for (const { name } of parseInputs(text)) assert.match(name, /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{0,64}$/u);
  for (const value of parseValues(text).values()) assert.ok(Number.isSafeInteger(value));
  const known = controls.length > 0 || format !== null || signalOf(text) !== null || parseDriver(text) !== null;
  return known ? 'a text says something' : 'a text says nothing';
}

function readAnswer(answer: Buffer): string {
  const reply = readReply(answer) ?? readDatagram(answer)?.reply ?? null;
  createMessageCutter((message) => assert.ok(message.length <= 16))(answer);
  if (reply === null) return 'an answer is refused';
  if (reply.kind !== 'completion') return 'an answer is taken';
  const place = readPanTilt(reply.data);
  if (place !== null) assert.ok(Math.abs(place.pan) <= 0x80000 && Math.abs(place.tilt) <= 0x8000);
  const position = readPosition(reply.data);
  assert.ok(position === null || (position >= 0 && position <= 0xffff));
  readFocusMode(reply.data);
  readVersion(reply.data);
  return 'an answer is taken';
}

export function besiegeCameras(range: Range, count: number): void {
  const { random } = range;
  firedInHalves(range, count, () => {
    if (random.once(2)) {
      const { datagram, how } = mutateBytes(random, ANSWERS);
      range.aim(datagram, how);
      range.count(readAnswer(datagram));
      return;
    }
    const { text, how } = mutateText(random, TEXTS);
    range.aim(Buffer.from(text), how);
    range.count(readTexts(text));
    const tookMs = quickestMs(SLOW_MS, () => readTexts(text));
    assert.ok(tookMs < SLOW_MS, `${text.length} characters took ${tookMs.toFixed(0)} ms`);
  });
}
