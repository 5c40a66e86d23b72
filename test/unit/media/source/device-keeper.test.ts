// Devices that open, hang, fail and come back when the test says so.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaDevice } from '../../../../src/media/port.ts';
import { createDeviceKeeper, type Held } from '../../../../src/media/source/device-keeper.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

type Fake = { readonly path: string; readonly opened: number; closes: number; readonly closing: PromiseWithResolvers<void> | null; close(): Promise<void> };
const device = (path: string): MediaDevice => ({ path, name: path, cancelsEcho: false });

function createWorld(...first: string[]) {
  const clock = createFakeClock();
  const sources: Fake[] = [];
  const attempts: string[] = [];
  const uses: (string | null)[] = [];
  const world = {
    clock,
    sources,
    attempts,
    uses,
    order: first,
    /** What opening each does; fails where it is not here. */
    plugged: new Map<string, 'works' | PromiseWithResolvers<void>>(),
    /** Carries one device at a time. */
    narrowBus: false,
    /** Closing takes until the test says so. */
    slowClose: false,
    reason: '',
    inUse: null as Held<Fake> | null
  };
  const keeper = createDeviceKeeper<Fake>({
    clock,
    order: async () => world.order.map(device),
    async open({ path }) {
      attempts.push(path);
      const state = world.plugged.get(path);
      if (world.narrowBus && sources.some(({ closes }) => closes === 0)) throw new Error('Failed to open input: No space left on device');
      if (state === undefined) throw new Error(`${path} is busy`);
      if (state !== 'works') await state.promise;
      assert.ok(!sources.some((other) => other.path === path && other.closes === 0), `${path} is opened while it is open`);
      const closing = world.slowClose ? Promise.withResolvers<void>() : null;
      const source: Fake = {
        path,
        opened: sources.length,
        closes: 0,
        closing,
        async close() {
          this.closes++;
          await closing?.promise;
        }
      };
      sources.push(source);
      return source;
    },
    onUse(held, reason) {
      if (held !== null) assert.equal(held.source.closes, 0, 'what is closed is not used');
      world.inUse = held;
      world.reason = reason;
      uses.push(held?.device.path ?? null);
    }
  });
  const open = async (): Promise<void> => {
    const opening = keeper.open();
    await clock.advanceAsync(0);
    await opening;
  };
  const lose = async (): Promise<void> => {
    assert.ok(world.inUse);
    world.plugged.delete(world.inUse.device.path);
    keeper.lost(world.inUse, 'unplugged');
    await clock.advanceAsync(0);
  };
  const setOrder = async (...paths: string[]): Promise<void> => {
    world.order = paths;
    keeper.reconsider();
    await clock.advanceAsync(0);
  };
  /** Everything that was opened is closed once, and nothing is left behind. */
  const finish = async (): Promise<void> => {
    await keeper.close();
    assert.deepEqual(
      sources.map(({ closes }) => closes),
      sources.map(() => 1)
    );
    assert.equal(clock.pending, 0);
  };
  return Object.assign(world, { keeper, open, lose, setOrder, finish });
}

describe('keeper of a device', () => {
  it('uses the first of the order that opens', async () => {
    const world = createWorld('a', 'b', 'c');
    world.plugged.set('b', 'works').set('c', 'works');
    await world.open();
    assert.deepEqual([world.uses, world.attempts], [['b'], ['a', 'b']]);
    await world.finish();
  });

  it('says why there is none, tries every two seconds, also after ten failures, and at once where the order changes', async () => {
    const world = createWorld('a');
    await world.open();
    assert.deepEqual([world.uses, world.reason], [[null], 'a is busy']);
    await world.clock.advanceAsync(20_000);
    assert.deepEqual([world.attempts.length, world.uses.length], [13, 1]); // at 0, 0.25, 0.75 and 1.75 s, and each 2 s from there
    world.plugged.set('a', 'works');
    await world.clock.advanceAsync(1_749);
    assert.equal(world.inUse, null);
    await world.clock.advanceAsync(1);
    assert.deepEqual(world.uses, [null, 'a']);
    await world.lose();
    world.plugged.set('b', 'works');
    await world.setOrder('b');
    assert.deepEqual(world.uses, [null, 'a', null, 'b']);
    await world.finish();
  });

  it('uses what is plugged in within two seconds, though it may not be opened at first', async () => {
    const world = createWorld();
    await world.open();
    await world.clock.advanceAsync(60_000);
    await world.setOrder('a');
    await world.clock.advanceAsync(1_500);
    assert.equal(world.inUse, null);
    world.plugged.set('a', 'works');
    await world.clock.advanceAsync(500);
    assert.deepEqual(world.uses, [null, 'a']);
    await world.finish();
  });

  it('takes the next one at once where one is lost, and the better one again when it is back', async () => {
    const world = createWorld('a', 'b');
    world.plugged.set('a', 'works').set('b', 'works');
    await world.open();
    await world.lose();
    assert.deepEqual([world.uses, world.sources[0]?.closes], [['a', null, 'b'], 1]);
    await world.setOrder('b');
    world.plugged.set('a', 'works');
    await world.setOrder('a', 'b');
    assert.deepEqual([world.uses, world.sources[1]?.closes], [['a', null, 'b', 'a'], 1]);
    await world.finish();
  });

  it('tries a better one that cannot be opened less and less often, and lets the one in use alone', async () => {
    const world = createWorld('a', 'b');
    world.plugged.set('b', 'works');
    await world.open();
    await world.clock.advanceAsync(119_000);
    assert.deepEqual([world.uses, world.attempts.filter((path) => path === 'a').length], [['b'], 10]); // at 0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 61.75 and 91.75 s
    await world.finish();
  });

  it('lets the one in use go for a better one where the bus carries one of them, and once only where that is in vain', async () => {
    const world = createWorld('b');
    world.narrowBus = true;
    world.plugged.set('b', 'works');
    await world.open();
    world.plugged.set('a', 'works');
    await world.setOrder('a', 'b');
    assert.deepEqual(
      [world.uses, world.attempts],
      [
        ['b', null, 'a'],
        ['b', 'a', 'a']
      ]
    );
    await world.setOrder('z', 'a');
    assert.deepEqual(world.uses, ['b', null, 'a', null, 'a'], 'z does not open alone either');
    await world.setOrder('z', 'a', 'b');
    await world.clock.advanceAsync(120_000);
    assert.deepEqual(world.uses.length, 5);
    await world.finish();
  });

  it('does not open again and again what opens and gives nothing', async () => {
    const world = createWorld('a');
    world.plugged.set('a', 'works');
    await world.open();
    for (let round = 0; round < 5; round++) {
      await world.lose();
      world.plugged.set('a', 'works');
      await world.clock.advanceAsync(2_000);
    }
    assert.equal(world.attempts.length, 6);
    await world.finish();
  });

  it('is not held up by one that hangs as it opens, does not open it twice, and takes it when it is there', async () => {
    const world = createWorld('a', 'b');
    const hanging = Promise.withResolvers<void>();
    world.plugged.set('a', hanging).set('b', 'works');
    const opening = world.keeper.open();
    await world.clock.advanceAsync(1_999);
    assert.deepEqual(world.uses, []);
    await world.clock.advanceAsync(1);
    await opening;
    assert.deepEqual(world.uses, ['b']);
    await world.clock.advanceAsync(60_000);
    assert.deepEqual(world.attempts, ['a', 'b']);
    hanging.resolve();
    await world.clock.advanceAsync(0);
    assert.deepEqual(world.uses, ['b', 'a']);
    await world.finish();
  });

  it('closes what opens too late: nobody wants it any more', async () => {
    const world = createWorld('a', 'b');
    const hanging = Promise.withResolvers<void>();
    world.plugged.set('a', hanging).set('b', 'works');
    const opening = world.keeper.open();
    await world.clock.advanceAsync(2_000);
    await opening;
    await world.setOrder('b');
    hanging.resolve();
    await world.clock.advanceAsync(0);
    assert.deepEqual(
      [world.uses, world.sources.map(({ path, closes }) => [path, closes])],
      [
        ['b'],
        [
          ['b', 0],
          ['a', 1]
        ]
      ]
    );
    await world.finish();
  });

  it('closes what opens after close(), and close() waits for it two seconds at most', async () => {
    const world = createWorld('a');
    const hanging = Promise.withResolvers<void>();
    world.plugged.set('a', hanging);
    void world.keeper.open();
    await world.clock.advanceAsync(100);
    let closed = false;
    void world.keeper.close().then(() => {
      closed = true;
    });
    await world.clock.advanceAsync(1_999);
    assert.equal(closed, false);
    await world.clock.advanceAsync(1);
    assert.equal(closed, true);
    hanging.resolve();
    await world.clock.advanceAsync(0);
    assert.deepEqual([world.uses, world.sources.map(({ closes }) => closes), world.clock.pending], [[], [1], 0]);
  });

  it('closes what opens at the very moment of close(), once', async () => {
    for (let turns = 0; turns < 25; turns++) {
      const world = createWorld('a');
      const hanging = Promise.withResolvers<void>();
      world.plugged.set('a', hanging);
      void world.keeper.open();
      await world.clock.advanceAsync(10);
      hanging.resolve();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await world.finish();
    }
  });

  it('a loss that is told twice, or of one that was replaced, is no loss', async () => {
    const world = createWorld('b');
    world.plugged.set('a', 'works').set('b', 'works');
    await world.open();
    const replaced = world.inUse;
    assert.ok(replaced);
    await world.setOrder('a', 'b');
    world.keeper.lost(replaced, 'late');
    await world.clock.advanceAsync(0);
    assert.deepEqual(world.uses, ['b', 'a']);
    const { inUse } = world;
    assert.ok(inUse);
    await world.lose();
    world.keeper.lost(inUse, 'again');
    await world.clock.advanceAsync(0);
    assert.deepEqual(world.uses, ['b', 'a', null, 'b']);
    await world.finish();
  });

  it('waits with close() until what is open, and what opens just now, is released', async () => {
    const world = createWorld('a');
    world.plugged.set('a', 'works');
    world.slowClose = true;
    await world.open();
    let closed = false;
    void world.keeper.close().then(() => {
      closed = true;
    });
    await world.clock.advanceAsync(10_000);
    assert.equal(closed, false);
    world.sources[0]?.closing?.resolve();
    await world.clock.advanceAsync(0);
    assert.equal(closed, true);
  });

  it('opens a device again only when it is closed', async () => {
    const world = createWorld('a');
    world.plugged.set('a', 'works');
    world.slowClose = true;
    await world.open();
    await world.lose();
    world.plugged.set('a', 'works');
    await world.setOrder('a', 'z');
    await world.clock.advanceAsync(10_000);
    assert.deepEqual([world.attempts.filter((path) => path === 'a'), world.inUse], [['a'], null]);
    world.slowClose = false;
    world.sources[0]?.closing?.resolve();
    await world.clock.advanceAsync(0);
    assert.deepEqual(world.uses, ['a', null, 'a']);
    await world.finish();
  });

  it('two changes at once end with the newest order', async () => {
    const world = createWorld('a', 'b', 'c');
    for (const path of ['a', 'b', 'c']) world.plugged.set(path, 'works');
    await world.open();
    world.order = ['b', 'a'];
    world.keeper.reconsider();
    world.order = ['c', 'a'];
    world.keeper.reconsider();
    await world.clock.advanceAsync(0);
    assert.equal(world.inUse?.device.path, 'c');
    await world.finish();
  });

  it('a device that stands still is lost, once somebody wants what it gives', async () => {
    const world = createWorld('a');
    world.plugged.set('a', 'works');
    await world.open();
    await world.clock.advanceAsync(60_000);
    assert.deepEqual(world.uses, ['a']);
    world.keeper.expect();
    for (let second = 0; second < 10; second++) {
      await world.clock.advanceAsync(1_000);
      world.keeper.gave();
    }
    assert.deepEqual(world.uses, ['a']);
    await world.clock.advanceAsync(6_000);
    assert.deepEqual([world.uses[1], world.sources[0]?.closes], [null, 1]);
    await world.finish();
  });

  it('property: whatever comes, goes, hangs and is chosen, one device is in use at a time, each source is closed once, and in peace the best is in use', async () => {
    const PATHS = ['a', 'b', 'c'];
    const path = fc.constantFrom(...PATHS);
    const step = fc.oneof(
      fc.record({ do: fc.constant('plug' as const), path }),
      fc.record({ do: fc.constant('unplug' as const), path }),
      fc.record({ do: fc.constant('hang' as const), path }),
      fc.record({ do: fc.constant('choose' as const), path }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 5_000 }) })
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = createWorld(...PATHS);
        const hanging: PromiseWithResolvers<void>[] = [];
        world.plugged.set('a', 'works');
        void world.keeper.open();
        for (const each of steps) {
          if (each.do === 'wait') await world.clock.advanceAsync(each.ms);
          else if (each.do === 'plug') world.plugged.set(each.path, 'works');
          else if (each.do === 'choose') world.order = [each.path, ...PATHS.filter((other) => other !== each.path)];
          else {
            const hang = Promise.withResolvers<void>();
            if (each.do === 'hang') hanging.push(hang);
            if (each.do === 'hang') world.plugged.set(each.path, hang);
            else world.plugged.delete(each.path);
            if (world.inUse?.device.path === each.path && each.do === 'unplug') world.keeper.lost(world.inUse, 'unplugged');
          }
          if (each.do !== 'wait') world.keeper.reconsider();
          assert.ok(world.sources.filter(({ closes }) => closes === 0).length <= 2, 'the one in use and the one that takes its place');
        }
        for (const path of PATHS) world.plugged.set(path, 'works');
        for (const { resolve } of hanging) resolve();
        await world.clock.advanceAsync(100_000);
        assert.equal(world.inUse?.device.path, world.order[0]);
        await world.finish();
      }),
      { numRuns: 300 }
    );
  });
});
