// The adapter over a way within the process, against a camera that moves with the test's clock.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createViscaCamera } from '../../../../src/devices/cameras/visca-camera.ts';
import type { OpenViscaWire } from '../../../../src/devices/cameras/visca-wire.ts';
import { asCloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakeViscaCamera, type Impairment, impairedRoad, NO_IMPAIRMENT, wireTo } from '../../../fakes/visca-camera.ts';

function world(traits: Parameters<typeof createFakeViscaCamera>[1] = {}, random: () => number = () => 1) {
  const clock = createFakeClock();
  const camera = createFakeViscaCamera(clock, traits);
  const network = { there: true, impairment: NO_IMPAIRMENT as Impairment };
  const open = wireTo(
    camera,
    impairedRoad(() => network.impairment, random, clock),
    () => network.there
  );
  const control = createViscaCamera({ open, clock, log: silentLog });
  /** Lets the clock run until the work is done, however often it has to wait. */
  const run = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    work.then(mark, mark);
    for (let step = 0; step < 2_000 && !settled; step++) await clock.advanceAsync(20);
    return work;
  };
  const fails = async (work: Promise<unknown>): Promise<string> => {
    try {
      await run(work);
    } catch (error) {
      return asCloisterError(error).code;
    }
    return 'nothing';
  };
  return { clock, camera, network, control, run, fails };
}

/** The same draws for the same seed (Numerical Recipes' linear congruential generator). */
function drawsOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a camera at VISCA over IP', () => {
  it('tells what it has, by asking', async () => {
    const { control, run } = world();
    const { controls, moves, home, privacy } = await run(control.capabilities());
    assert.deepEqual(
      [Object.keys(controls).sort(), moves, home, privacy],
      [['backlight', 'exposure', 'focus', 'pan', 'tilt', 'white-balance', 'zoom'], ['pan', 'tilt', 'zoom', 'focus'], true, false]
    );
    const box = world({ zoomOnly: true });
    const small = await box.run(box.control.capabilities());
    assert.deepEqual([Object.keys(small.controls).includes('pan'), small.moves, small.home], [false, ['zoom', 'focus'], false]);
    assert.equal(await box.fails(box.control.move({ pan: 1 })), 'CL_DEVICE_CONTROL');
    assert.equal(await box.fails(box.control.home()), 'CL_DEVICE_CONTROL');
  });

  for (const digits of [4, 5] as const)
    it(`goes where it is told, tells where it is, and comes home (${digits} digits)`, async () => {
      const { control, camera, run, clock } = world({ digits });
      await run(control.moveTo({ pan: -1200, tilt: 300, zoom: 0x1234, focus: 0x2000 }));
      await clock.advanceAsync(5_000);
      assert.deepEqual(await run(control.position()), { pan: -1200, tilt: 300, zoom: 0x1234, focus: 0x2000 });
      await run(control.moveTo({ tilt: -100 }));
      await clock.advanceAsync(5_000);
      assert.deepEqual([camera.pan, camera.tilt], [-1200, -100]);
      await run(control.home());
      await clock.advanceAsync(5_000);
      assert.deepEqual([camera.pan, camera.tilt, camera.zoom], [0, 0, 0]);
    });

  it('leaves the focus out of its position while it focuses by itself', async () => {
    const { control, run } = world();
    assert.deepEqual(Object.keys(await run(control.position())), ['pan', 'tilt', 'zoom']);
    await run(control.set('focus', 0x3000));
    assert.equal((await run(control.position())).focus !== undefined, true);
    await run(control.set('focus', 'auto'));
    assert.deepEqual(Object.keys(await run(control.position())), ['pan', 'tilt', 'zoom']);
  });

  it('moves while it is wanted, and stops at a word', async () => {
    const { control, camera, run, clock } = world();
    await run(control.move({ pan: 1, zoom: -0.5 }));
    assert.equal(camera.driven, true);
    await clock.advanceAsync(1_000);
    await run(control.stop());
    const at = camera.pan;
    assert.ok(at > 500 && !camera.driven);
    await clock.advanceAsync(20_000);
    assert.deepEqual([camera.pan, clock.pending], [at, 0]);
  });

  it('stops after ten seconds without a word, after less where less was said, and when who wanted it is gone', async () => {
    const { control, camera, run, clock } = world();
    await run(control.move({ pan: 0.1 }));
    await clock.advanceAsync(9_500);
    assert.equal(camera.driven, true);
    await clock.advanceAsync(700);
    assert.equal(camera.driven, false);
    await run(control.move({ tilt: 0.1 }, { forMs: 1_500 }));
    await clock.advanceAsync(1_700);
    assert.equal(camera.driven, false);
    const gone = new AbortController();
    await run(control.move({ pan: -0.1 }, { signal: gone.signal }));
    assert.equal(camera.driven, true);
    gone.abort();
    await clock.advanceAsync(200);
    assert.equal(camera.driven, false);
    await run(control.move({ pan: -0.1 }, { signal: gone.signal }));
    await clock.advanceAsync(200);
    assert.equal(camera.driven, false, 'whoever is gone already moves nothing');
  });

  it('goes on for as long as somebody says so again', async () => {
    const { control, camera, run, clock } = world();
    for (let turn = 0; turn < 30; turn++) {
      await run(control.move({ pan: 0.05 }, { forMs: 1_500 }));
      await clock.advanceAsync(480);
      assert.equal(camera.driven, true);
    }
    await clock.advanceAsync(1_600);
    assert.equal(camera.driven, false);
  });

  it('stops one axis where the next movement does not have it', async () => {
    const { control, camera, run, clock } = world();
    await run(control.move({ zoom: 1 }));
    await run(control.move({ pan: 0.2 }));
    const zoom = camera.zoom;
    await clock.advanceAsync(2_000);
    assert.deepEqual([camera.zoom, camera.driven], [zoom, true]);
  });

  it('stops on its way to a position', async () => {
    const { control, camera, run, clock } = world();
    await run(control.moveTo({ pan: 2000, zoom: 0x4000 }));
    await clock.advanceAsync(300);
    await run(control.stop());
    const at = [camera.pan, camera.zoom];
    assert.ok((at[0] ?? 0) < 600, 'although it carried out two commands and took no third');
    await clock.advanceAsync(5_000);
    assert.deepEqual([camera.pan, camera.zoom], at);
  });

  it('waits where the camera carries out two commands already, and does not tell what is not wanted any more', async () => {
    const { control, camera, run, clock } = world();
    await run(control.moveTo({ pan: 2000 }));
    await run(control.moveTo({ pan: -2000, zoom: 0x4000, focus: 0x1800 }));
    await clock.advanceAsync(10_000);
    assert.deepEqual([camera.pan, camera.zoom, camera.focus], [-2000, 0x4000, 0x1800]);
    const first = control.moveTo({ pan: 2000, zoom: 0, focus: 0xf000 });
    const second = control.moveTo({ pan: 100 });
    await Promise.all([run(first), run(second)]);
    await clock.advanceAsync(10_000);
    assert.deepEqual([camera.pan, camera.focus], [100, 0x1800]);
  });

  it('sets what it can set, within its range', async () => {
    const { control, camera, run, fails } = world();
    await run(control.set('exposure', -3));
    assert.equal(camera.compensation, -3);
    await run(control.set('exposure', 'auto'));
    assert.equal(camera.compensation, null);
    await run(control.set('backlight', 1));
    assert.equal(camera.backlight, true);
    await run(control.set('white-balance', 'auto'));
    for (const [name, value] of [
      ['exposure', 8],
      ['exposure', 0.5],
      ['exposure', Number.NaN],
      ['backlight', 'auto'],
      ['white-balance', 5000],
      ['zoom', -1]
    ] as const)
      assert.equal(await fails(control.set(name, value)), 'CL_DEVICE_CONTROL', `${name} ${value}`);
    for (const speeds of [{ pan: 1.1 }, { tilt: Number.NaN }, { zoom: -Infinity }]) assert.equal(await fails(control.move(speeds)), 'CL_DEVICE_CONTROL');
    assert.equal(await fails(control.moveTo({ pan: 5000 })), 'CL_DEVICE_CONTROL', 'beyond where the camera itself can go');
    assert.equal(control.state().problem, null);
  });

  it('tells that it is away within three seconds, and comes back by itself', async () => {
    const { control, network, run, fails, clock } = world();
    const told: (string | null)[] = [];
    control.on('changed', () => told.push(control.state().problem?.code ?? null));
    await control.start(new AbortController().signal);
    await clock.advanceAsync(100);
    network.there = false;
    const sinceMs = clock.monotonicMs();
    assert.equal(await fails(control.home()), 'CL_DEVICE_UNREACHABLE');
    assert.ok(clock.monotonicMs() - sinceMs < 6_000);
    assert.equal(control.state().problem?.code, 'CL_DEVICE_UNREACHABLE');
    await clock.advanceAsync(4_000);
    network.there = true;
    await clock.advanceAsync(8_000);
    assert.deepEqual([control.state().problem, told], [null, ['CL_DEVICE_UNREACHABLE', null]]);
    await run(control.home());
    await control[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });

  it('tells a camera to stop again and again, until it hears it', async () => {
    const { control, camera, network, run, clock } = world();
    await run(control.move({ pan: 0.02 }));
    network.there = false;
    await clock.advanceAsync(14_000);
    assert.equal(camera.driven, true);
    network.there = true;
    await clock.advanceAsync(6_000);
    assert.equal(camera.driven, false);
  });

  it('stops a camera that moves when the room ends', async () => {
    const { control, camera, run, clock } = world();
    await run(control.move({ pan: 0.1 }));
    await run(Promise.resolve(control[Symbol.asyncDispose]()));
    assert.deepEqual([camera.driven, clock.pending], [false, 0]);
  });

  it('counts anew with a camera that was off', async () => {
    const { control, camera, run, clock } = world();
    await run(control.moveTo({ pan: 500 }));
    await clock.advanceAsync(2_000);
    camera.restart();
    await run(control.moveTo({ pan: 700 }));
    await clock.advanceAsync(2_000);
    assert.equal(camera.pan, 700);
  });

  it('speaks with a camera that does not know RESET', async () => {
    const { control, run } = world({ knowsReset: false });
    assert.equal((await run(control.position())).pan, 0);
  });

  it('does each thing once on a bad network, and tells the truth about where it is', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { control, camera, network, run, clock } = world({}, drawsOf(seed));
      await run(control.capabilities());
      network.impairment = { loss: 0.15, double: 0.2, late: 0.2, lateMs: 250 };
      const before = camera.taken.length;
      const pan = seed * 97 - 900;
      await run(control.moveTo({ pan }));
      await clock.advanceAsync(6_000);
      assert.equal(camera.pan, pan);
      assert.equal((await run(control.position())).pan, pan);
      assert.equal(camera.taken.length - before, 1, `seed ${seed}`);
    }
  });

  it('takes no harm from whatever comes instead of an answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 }), { minLength: 1, maxLength: 8 }), async (hostile) => {
        const clock = createFakeClock();
        const camera = createFakeViscaCamera(clock);
        const honest = wireTo(camera, (deliver) => deliver());
        const open: OpenViscaWire = async (listener, signal) => {
          const wire = await honest(listener, signal);
          return {
            ...wire,
            send(bytes) {
              for (const datagram of hostile) listener.received(datagram);
              wire.send(bytes);
              for (const datagram of hostile) listener.received(datagram);
            }
          };
        };
        const control = createViscaCamera({ open, clock, log: silentLog });
        const position = control.position();
        await clock.advanceAsync(500);
        assert.equal((await position).pan, 0);
      }),
      { numRuns: 30 }
    );
  });
});
