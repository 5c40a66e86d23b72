import assert from 'node:assert/strict';
import { type ContentSignal, createSignalWatch, signalOf } from '../../../../src/devices/cameras/content-signal.ts';
import type { V4l2Ctl } from '../../../../src/devices/cameras/v4l2-ctl.ts';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

/** As v4l2-ctl prints it: the input that is on is the second. */
function told(status: number, timings: string, hasDvTimings = true): string {
  const input = (number: number, bits: number): string =>
    `\tInput       : ${number}\n\tName        : HDMI ${number}\n\tStatus      : 0x${bits.toString(16).padStart(8, '0')} (…)\n\tCapabilities: 0x0000000${hasDvTimings ? 2 : 0} (…)\n`;
  return `Video input : 1 (HDMI 1: …)\n${timings}\nioctl: VIDIOC_ENUMINPUT\n${input(0, 0x00000002)}\n${input(1, status)}`;
}

const failed = (why: string): string => `VIDIOC_QUERY_DV_TIMINGS: failed: ${why}\n\tActive width: 0\n\tActive height: 0`;
const GOOD = '\tActive width: 1920\n\tActive height: 1080\n\tPixelclock: 148500000 Hz (60.00 frames per second)';

const CASES: readonly (readonly [what: string, text: string, signal: ContentSignal | null])[] = [
  ['a signal', told(0, GOOD), 'ok'],
  ['no signal, by the input', told(0x2, failed('Link has been severed')), 'no-signal'],
  ['no signal, by the timings alone', told(0, failed('Link has been severed')), 'no-signal'],
  ['a picture of nothing', told(0, GOOD.replace('1920', '0')), 'no-signal'],
  ['no lock, by the input', told(0x100, failed('No locks available')), 'no-lock'],
  ['a signal out of range', told(0, failed('Numerical result out of range')), 'no-lock'],
  ['no sync', told(0x10000, failed('Device or resource busy')), 'no-lock'],
  ['no power before no signal', told(0x3, failed('Link has been severed')), 'no-power'],
  ['Macrovision', told(0x01000000, GOOD), 'protected'],
  ['no access, whatever else is missing', told(0x02000103, failed('Link has been severed')), 'protected'],
  ['a driver that tells no timings while it streams', told(0, failed('Device or resource busy')), 'ok'],
  ['a USB adapter, which tells nothing', told(0, failed('Inappropriate ioctl for device'), false), null],
  ['nothing that can be read', 'Cannot open device', null]
];

describe('the signal of a capture input', () => {
  for (const [what, text, signal] of CASES) it(`is ${signal} at ${what}`, () => assert.equal(signalOf(text), signal));

  function world() {
    const clock = createFakeClock();
    let runs = 0;
    const device: { answer: string | CloisterError } = { answer: told(0, GOOD) };
    const ctl: V4l2Ctl = async () => {
      runs += 1;
      if (device.answer instanceof CloisterError) throw device.answer;
      return { stdout: device.answer, stderr: '', status: 0 };
    };
    const watch = createSignalWatch({ ctl, clock, log: silentLog });
    return { clock, device, watch, runs: () => runs };
  }

  it('is looked at every two seconds while it is watched, and told when it changes', async () => {
    const { clock, device, watch, runs } = world();
    const seen: unknown[] = [];
    watch.on('changed', () => seen.push([watch.state().signal, watch.state().problem?.code ?? null]));
    await watch.start(new AbortController().signal);
    await clock.advanceAsync(20_000);
    assert.equal(runs(), 0);
    watch.setWatched(true);
    await clock.advanceAsync(8_000);
    device.answer = told(0x2, failed('Link has been severed'));
    await clock.advanceAsync(4_000);
    device.answer = told(0x02000000, GOOD);
    await clock.advanceAsync(4_000);
    device.answer = new CloisterError('CL_DEVICE_OPEN', 'gone');
    await clock.advanceAsync(4_000);
    device.answer = told(0, GOOD);
    await clock.advanceAsync(4_000);
    assert.deepEqual(seen, [
      ['ok', null],
      ['no-signal', 'CL_DEVICE_NO_SIGNAL'],
      ['protected', 'CL_DEVICE_PROTECTED'],
      [null, 'CL_DEVICE_OPEN'],
      ['ok', null]
    ]);
    assert.ok(runs() <= 13, `${runs()} in 24 s`);
    watch.setWatched(false);
    const before = runs();
    await clock.advanceAsync(20_000);
    assert.equal(runs(), before);
    await watch[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });

  it('is not asked for twice within two seconds, however often somebody looks', async () => {
    const { clock, watch, runs } = world();
    const looks = await Promise.all([watch.look(), watch.look(), watch.look()]);
    assert.deepEqual([looks.map(({ signal }) => signal), runs()], [['ok', 'ok', 'ok'], 1]);
    await clock.advanceAsync(1_999);
    await watch.look();
    assert.equal(runs(), 1);
    await clock.advanceAsync(1);
    await watch.look();
    assert.equal(runs(), 2);
  });
});
