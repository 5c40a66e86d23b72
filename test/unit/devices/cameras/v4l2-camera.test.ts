import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CAMERA_CONTROLS } from '../../../../src/devices/cameras/camera-control.ts';
import { createV4l2Camera } from '../../../../src/devices/cameras/v4l2-camera.ts';
import { asCloisterError, CloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakeV4l2Device, type FakeControl, PTZ_CONTROLS, SPEED_CONTROLS } from '../../../fakes/v4l2-device.ts';

function world(controls: readonly FakeControl[] = [...PTZ_CONTROLS, ...SPEED_CONTROLS]) {
  const clock = createFakeClock();
  const device = createFakeV4l2Device(controls);
  const camera = createV4l2Camera({ ctl: device.ctl, clock, log: silentLog });
  const value = (name: string): number | undefined => device.values.get(name);
  /** What was written, in order. */
  const written = (): readonly string[] => device.runs.filter((run) => run.startsWith('-c ')).map((run) => run.slice(3));
  const fails = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      return asCloisterError(error).code;
    }
    return 'nothing';
  };
  return { clock, device, camera, value, written, fails };
}

const without = (...names: readonly string[]): readonly FakeControl[] => PTZ_CONTROLS.filter(({ name }) => !names.includes(name));

describe('a camera at V4L2', () => {
  it('tells what it has, with ranges and units', async () => {
    const { camera } = world();
    assert.deepEqual(await camera.capabilities(), {
      controls: {
        pan: { range: { min: -468000, max: 468000, step: 3600, unit: 'arc-seconds' }, auto: false },
        tilt: { range: { min: -324000, max: 108000, step: 3600, unit: 'arc-seconds' }, auto: false },
        zoom: { range: { min: 100, max: 1000, step: 1, unit: 'device' }, auto: false },
        focus: { range: { min: 0, max: 255, step: 5, unit: 'device' }, auto: true },
        exposure: { range: { min: 3, max: 2047, step: 1, unit: '100 µs' }, auto: true },
        'white-balance': { range: { min: 2800, max: 6500, step: 10, unit: 'kelvin' }, auto: true },
        backlight: { range: { min: 0, max: 2, step: 1, unit: 'device' }, auto: false }
      },
      moves: ['pan', 'tilt', 'zoom', 'focus'],
      home: true,
      privacy: true
    });
    assert.deepEqual(await world([]).camera.capabilities(), { controls: {}, moves: [], home: false, privacy: false });
  });

  it('finds controls by their number, whatever the kernel names them', async () => {
    const { camera, value } = world([{ name: 'focus_auto', id: 0x009a090c, type: 'bool', min: 0, max: 1, default: 1 }]);
    await camera.set('focus', 'auto');
    assert.deepEqual([(await camera.capabilities()).controls.focus, value('focus_auto')], [{ range: null, auto: true }, 1]);
  });

  it('goes to a position, pan and tilt in one, and leaves autofocus only for a focus', async () => {
    const { camera, value, written } = world();
    await camera.moveTo({ pan: 36000, tilt: -7200, zoom: 200 });
    assert.deepEqual(written(), ['pan_absolute=36000,tilt_absolute=-7200,zoom_absolute=200']);
    assert.deepEqual([await camera.position(), value('focus_automatic_continuous')], [{ pan: 36000, tilt: -7200, zoom: 200 }, 1]);
    await camera.moveTo({ focus: 100 });
    assert.deepEqual(await camera.position(), { pan: 36000, tilt: -7200, zoom: 200, focus: 100 });
    await camera.home();
    assert.deepEqual(await camera.position(), { pan: 0, tilt: 0, zoom: 100, focus: 100 });
  });

  it('sets a value after it has taken it from the camera, and gives it back', async () => {
    const { camera, written } = world();
    await camera.set('exposure', 100);
    await camera.set('white-balance', 5000);
    await camera.set('backlight', 2);
    await camera.set('exposure', 'auto');
    await camera.set('white-balance', 'auto');
    assert.deepEqual(written(), [
      'auto_exposure=1',
      'exposure_time_absolute=100',
      'white_balance_automatic=0',
      'white_balance_temperature=5000',
      'backlight_compensation=2',
      'auto_exposure=3',
      'white_balance_automatic=1'
    ]);
  });

  it('moves by speeds where it has them, and stops after ten seconds, at a word, and when who wanted it is gone', async () => {
    const { camera, value, clock, written } = world();
    await camera.move({ pan: -0.5, tilt: 1, zoom: 0.01 });
    assert.deepEqual(written(), ['pan_speed=-12,tilt_speed=20,zoom_continuous=1']);
    await clock.advanceAsync(9_999);
    assert.equal(value('pan_speed'), -12);
    await clock.advanceAsync(1);
    assert.deepEqual([value('pan_speed'), value('tilt_speed'), value('zoom_continuous')], [0, 0, 0]);
    await camera.move({ pan: 1 }, { forMs: 1_500 });
    await clock.advanceAsync(1_500);
    assert.equal(value('pan_speed'), 0);
    await camera.move({ pan: 1 });
    await camera.stop();
    assert.equal(value('pan_speed'), 0);
    const gone = new AbortController();
    await camera.move({ pan: 1 }, { signal: gone.signal });
    gone.abort();
    await clock.advanceAsync(0);
    assert.equal(value('pan_speed'), 0);
    await camera.move({ pan: 1 }, { signal: gone.signal });
    assert.deepEqual([value('pan_speed'), clock.pending], [0, 0]);
  });

  it('moves by steps where it has positions only, and not beyond its ends', async () => {
    const { camera, value, clock } = world(PTZ_CONTROLS);
    await camera.move({ pan: 1, zoom: 0.5 });
    await clock.advanceAsync(1_000);
    assert.deepEqual([value('pan_absolute'), value('zoom_absolute')], [154800, 175]);
    await camera.stop();
    await clock.advanceAsync(5_000);
    assert.deepEqual([value('pan_absolute'), clock.pending], [154800, 0]);
    await camera.move({ pan: 1, tilt: -1 });
    await clock.advanceAsync(9_900);
    assert.deepEqual([value('pan_absolute'), value('tilt_absolute')], [468000, -324000]);
    await clock.advanceAsync(200);
    assert.equal(clock.pending, 0);
    await camera.move({ focus: -1 });
    await clock.advanceAsync(600);
    assert.deepEqual([value('focus_automatic_continuous'), value('focus_absolute')], [0, 25]);
    await camera.stop();
  });

  it('moves by steps where the kernel gives a speed for one way alone, unless there are no positions', async () => {
    const lopsided = SPEED_CONTROLS.map((control) => ({ ...control, min: control.name === 'zoom_continuous' ? 1 : -1 }));
    const both = world([...PTZ_CONTROLS, ...lopsided]);
    await both.camera.move({ pan: -1, zoom: 1 });
    await both.clock.advanceAsync(1_000);
    assert.deepEqual([both.value('pan_speed'), both.value('pan_absolute'), both.value('zoom_continuous'), both.value('zoom_absolute')], [0, -154800, 0, 250]);
    await both.camera.stop();
    const { camera, value, fails } = world(lopsided);
    await camera.move({ pan: -1 });
    assert.equal(value('pan_speed'), -1);
    await camera.stop();
    assert.deepEqual([value('pan_speed'), await fails(camera.move({ zoom: 1 }))], [0, 'CL_DEVICE_CONTROL']);
  });

  it('takes the steps of one movement at a time', async () => {
    const { camera, value, clock } = world(PTZ_CONTROLS);
    await camera.move({ pan: 1 });
    await clock.advanceAsync(400);
    await camera.move({ pan: -1 });
    await clock.advanceAsync(400);
    assert.equal(value('pan_absolute'), 0);
    await camera.moveTo({ pan: 36000 });
    await clock.advanceAsync(5_000);
    assert.deepEqual([value('pan_absolute'), clock.pending], [36000, 0]);
  });

  it('refuses what it does not have and what is out of range, and never tells the device', async () => {
    const { camera, written, fails } = world(without('backlight_compensation', 'white_balance_automatic'));
    const refusedThings = [
      camera.set('backlight', 1),
      camera.set('white-balance', 'auto'),
      camera.set('white-balance', 2799),
      camera.set('exposure', 2048),
      camera.set('exposure', 10.5),
      camera.moveTo({ pan: 468001 }),
      camera.moveTo({ pan: Number.NaN }),
      camera.moveTo({ tilt: 0, focus: -1 }),
      camera.move({ pan: 2 }),
      camera.move({ tilt: Number.NaN })
    ];
    for (const work of refusedThings) assert.equal(await fails(work), 'CL_DEVICE_CONTROL');
    assert.deepEqual(written(), []);
    assert.equal(await fails(world([]).camera.home()), 'CL_DEVICE_CONTROL');
    assert.equal(await fails(world([]).camera.move({ zoom: 1 })), 'CL_DEVICE_CONTROL');
  });

  it('says so where the driver does not take a value', async () => {
    const { camera, fails, device } = world();
    const refusing = createV4l2Camera({
      ctl: async (args) => (args[0] === '-c' ? { stdout: '', stderr: 'VIDIOC_S_EXT_CTRLS: failed: Input/output error\n', status: 255 } : device.ctl(args)),
      clock: createFakeClock(),
      log: silentLog
    });
    assert.equal(await fails(refusing.moveTo({ pan: 0 })), 'CL_DEVICE_CONTROL');
    assert.equal(refusing.state().problem, null);
    assert.equal(await fails(camera.moveTo({ pan: 0 })), 'nothing');
  });

  it('looks at its shutter every two seconds in a call, and not outside of one', async () => {
    const { camera, device, clock } = world();
    const told: unknown[] = [];
    camera.on('changed', () => told.push(camera.state().shutter));
    await camera.start(new AbortController().signal);
    await clock.advanceAsync(10_000);
    const looks = (): number => device.runs.filter((run) => run === '-C privacy').length;
    assert.deepEqual([looks(), camera.state().shutter], [0, null]);
    camera.setInCall(true);
    await clock.advanceAsync(9_000);
    device.values.set('privacy', 1);
    await clock.advanceAsync(2_000);
    assert.deepEqual([looks() <= 7, told], [true, ['open', 'closed']]);
    camera.setInCall(false);
    const before = looks();
    await clock.advanceAsync(10_000);
    assert.deepEqual([looks(), told], [before, ['open', 'closed', null]]);
    await camera[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });

  it('tells what is wrong with the device, and that it is well again', async () => {
    const { camera, device, fails } = world();
    device.fault = new CloisterError('CL_TOOL_MISSING', 'v4l2-ctl is not installed (package v4l-utils)');
    await camera.start(new AbortController().signal);
    assert.deepEqual(camera.state().problem, { code: 'CL_TOOL_MISSING', text: 'v4l2-ctl is not installed (package v4l-utils)' });
    assert.equal(await fails(camera.move({ pan: 1 })), 'CL_TOOL_MISSING');
    device.fault = null;
    await camera.home();
    assert.equal(camera.state().problem, null);
    await camera[Symbol.asyncDispose]();
  });

  it('tells a camera to stop until it took it, and when the room ends', async () => {
    const { camera, device, value, clock } = world();
    await camera.move({ pan: 1 }, { forMs: 1_000 });
    device.fault = new CloisterError('CL_DEVICE_OPEN');
    await clock.advanceAsync(5_000);
    device.fault = null;
    await clock.advanceAsync(500);
    assert.equal(value('pan_speed'), 0);
    await camera.move({ pan: 1 });
    await camera[Symbol.asyncDispose]();
    assert.deepEqual([value('pan_speed'), clock.pending], [0, 0]);
  });

  it('never tells the device a value out of its range, whatever it is told', async () => {
    const number = fc.oneof(fc.integer({ min: -500_000, max: 500_000 }), fc.integer({ min: -300, max: 3_000 }), fc.double());
    const position = fc.record({ pan: number, tilt: number, zoom: number, focus: number }, { requiredKeys: [] });
    const speeds = fc.record(
      { pan: fc.double({ min: -1.2, max: 1.2 }), zoom: fc.double({ min: -1.2, max: 1.2 }), focus: fc.double({ min: -1, max: 1 }) },
      { requiredKeys: [] }
    );
    const step = fc.oneof(
      position.map((to) => ({ to })),
      speeds.map((along) => ({ along })),
      fc.tuple(fc.constantFrom(...CAMERA_CONTROLS), fc.oneof(number, fc.constant('auto' as const))).map((set) => ({ set }))
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), fc.boolean(), async (steps, hasSpeeds) => {
        const controls = hasSpeeds ? [...PTZ_CONTROLS, ...SPEED_CONTROLS] : PTZ_CONTROLS;
        const { camera, clock, written, fails } = world(controls);
        for (const one of steps) {
          const work = 'to' in one ? camera.moveTo(one.to) : 'along' in one ? camera.move(one.along) : camera.set(...one.set);
          assert.ok(['nothing', 'CL_DEVICE_CONTROL'].includes(await fails(work)));
          await clock.advanceAsync(450);
        }
        await camera[Symbol.asyncDispose]();
        for (const [name = '', text = ''] of written().flatMap((run) => run.split(',').map((part) => part.split('=')))) {
          const control = controls.find((known) => known.name === name);
          assert.match(text, /^-?\d+$/);
          assert.ok(control !== undefined && Number(text) >= control.min && Number(text) <= control.max, `${name}=${text}`);
        }
        assert.equal(clock.pending, 0);
      }),
      { numRuns: 60 }
    );
  });

  it('a position that it cannot take leaves a movement its end', async () => {
    const { clock, camera, device, fails } = world();
    await camera.move({ pan: 1 }, { forMs: 1000 });
    assert.equal(await fails(camera.moveTo({ pan: 468_001 })), 'CL_DEVICE_CONTROL');
    await clock.advanceAsync(1500);
    assert.equal(device.values.get('pan_speed'), 0);
  });

  /** As createV4l2Ctl: one run after the other, and each takes its time. */
  function slowWorld() {
    const clock = createFakeClock();
    const device = createFakeV4l2Device([...PTZ_CONTROLS, ...SPEED_CONTROLS]);
    let last: Promise<unknown> = Promise.resolve();
    const ctl: typeof device.ctl = (args) => {
      const run = last.then(async () => {
        await new Promise<void>((resolve) => void clock.schedule(50, resolve));
        return device.ctl(args);
      });
      last = run.catch(() => {});
      return run;
    };
    return { clock, device, camera: createV4l2Camera({ ctl, clock, log: silentLog }), writes: () => device.runs.filter((run) => run.startsWith('-c ')).length };
  }

  it('stops at once whatever it was told before, and is told no movement that was replaced before its turn', async () => {
    const { clock, device, camera, writes } = slowWorld();
    const told: Promise<unknown>[] = [];
    for (let count = 0; count < 500; count++)
      told.push(camera.move({ pan: count % 2 === 0 ? 1 : -1 }), camera.moveTo({ pan: 3600 * (count % 100), zoom: 200 }));
    told.push(camera.stop());
    await clock.advanceAsync(500);
    assert.equal(device.values.get('pan_speed'), 0);
    await Promise.all(told);
    assert.ok(writes() <= 4, `${writes()} writes`);
  });

  it('a control that is set faster than the camera takes it gets the newest value', async () => {
    const { clock, device, camera, writes } = slowWorld();
    const told = Array.from({ length: 500 }, (_, count) => camera.set('zoom', 100 + count));
    await clock.advanceAsync(500);
    await Promise.all(told);
    assert.equal(device.values.get('zoom_absolute'), 599);
    assert.ok(writes() <= 4, `${writes()} writes`);
  });
});
