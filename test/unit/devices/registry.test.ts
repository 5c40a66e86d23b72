import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ChoiceStore, Choices } from '../../../src/devices/choice-store.ts';
import type { DeviceRegistry } from '../../../src/devices/port.ts';
import { createRegistry, type FoundDevice } from '../../../src/devices/registry.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import { createEvents } from '../../../src/kernel/events.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { DeviceKind } from '../../../src/room/state.ts';
import { createFakeClock } from '../../fakes/clock.ts';

type Unit = { readonly kind: DeviceKind; readonly model: string; readonly serial: string | null; readonly port: number };

const found = ({ kind, model, serial, port }: Unit): FoundDevice => ({
  kind,
  identity: { model, serial, name: model, port: `port-${port}`, part: '', appliance: `usb:port-${port}` },
  name: `A ${model}`,
  media: { path: `/dev/${kind}-at-${port}`, cancelsEcho: false },
  can: [],
  problem: null
});

/** Remembers what was written, as text, and how often. */
function createMemoryStore(): ChoiceStore & { file: string; writes: number; failing: boolean } {
  const store = {
    file: '{}',
    writes: 0,
    failing: false,
    read: async (): Promise<Choices> => JSON.parse(store.file),
    async write(choices: Choices) {
      if (store.failing) throw new Error('no space left on device');
      store.file = JSON.stringify(choices);
      store.writes += 1;
    }
  };
  return store;
}

function createWorld(first: readonly Unit[] = [], store = createMemoryStore()) {
  const watch = createEvents<{ changed: readonly [] }>(() => {});
  const world = { there: first.map(found), store, failing: false, lists: 0, changes: 0 };
  const list = async (): Promise<readonly FoundDevice[]> => {
    world.lists += 1;
    if (world.failing) throw new Error('cannot tell');
    return world.there;
  };
  const clock = createFakeClock();
  const registry = createRegistry({ list, watch, choices: store, clock, log: silentLog });
  registry.on('changed', () => {
    world.changes += 1;
  });
  return {
    world,
    clock,
    registry,
    start: () => registry.start(new AbortController().signal),
    async plug(units: readonly Unit[]) {
      world.there = units.map(found);
      watch.emit('changed');
      await settled();
    },
    settle: async () => {
      watch.emit('changed');
      await settled();
    }
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const paths = (registry: DeviceRegistry, kind: DeviceKind = 'camera'): readonly string[] => registry.order()[kind].map(({ path }) => path);
const idAt = (registry: DeviceRegistry, port: number): string =>
  registry.list().find((view) => view.port === `port-${port}`)?.id ?? assert.fail(`nothing at ${port}`);

const A: Unit = { kind: 'camera', model: '046d:0893', serial: 'AAAA0001', port: 1 };
const B: Unit = { kind: 'camera', model: '0b0e:3011', serial: 'BBBB0002', port: 2 };

describe('the devices of a room', () => {
  it('lists what is there, and tells of what is news only', async () => {
    const { registry, start, plug, settle, world } = createWorld([A]);
    await start();
    assert.deepEqual([registry.list().length, world.changes], [1, 1]);
    await settle();
    assert.equal(world.changes, 1);
    await plug([A, B]);
    assert.deepEqual([registry.list().length, world.changes], [2, 2]);
    await registry[Symbol.asyncDispose]();
  });

  it('has the chosen device first, says when it is away, and uses it again when it is back at another port', async () => {
    const { registry, start, plug, world } = createWorld([A, B]);
    await start();
    const [first = '', second = ''] = paths(registry);
    assert.equal(first, '/dev/camera-at-1');
    await registry.choose('camera', idAt(registry, 2));
    assert.deepEqual(paths(registry), [second, first]);
    const file = world.store.file;
    await plug([A]);
    assert.deepEqual(paths(registry), [first]);
    const away = registry.list().find(({ present }) => !present);
    assert.deepEqual([away?.chosen, away?.problem?.code, away?.serial], [true, 'CL_DEVICE_CHOSEN_AWAY', 'BBBB0002']);
    await plug([A, { ...B, port: 7 }]);
    assert.deepEqual(paths(registry), ['/dev/camera-at-7', first]);
    assert.equal(registry.list().filter(({ present }) => !present).length, 0);
    assert.equal(world.store.file, file);
  });

  it('remembers the choice over a restart, also while it is away', async () => {
    const before = createWorld([A, B]);
    await before.start();
    const id = idAt(before.registry, 2);
    await before.registry.choose('camera', id);
    const after = createWorld([A], before.world.store);
    await after.start();
    assert.equal(after.registry.list().find(({ chosen }) => chosen)?.id, id);
    // Somebody may choose again what is away.
    await after.registry.choose('camera', id);
    await after.plug([A, B]);
    assert.equal(paths(after.registry)[0], '/dev/camera-at-2');
  });

  it('forgets the choice when told to, and refuses what is not there or is of another kind', async () => {
    const { registry, start, world } = createWorld([A, { ...B, kind: 'content' }]);
    await start();
    const content = idAt(registry, 2);
    const unknown = (error: unknown): boolean => error instanceof CloisterError && error.code === 'CL_DEVICE_UNKNOWN';
    await assert.rejects(registry.choose('camera', content), unknown);
    await assert.rejects(registry.choose('camera', 'camera-0'), unknown);
    assert.equal(world.store.writes, 0);
    assert.deepEqual(paths(registry), ['/dev/camera-at-1']);
    await registry.choose('content', content);
    await registry.choose('content', null);
    assert.equal(world.store.file, '{}');
    assert.equal(
      registry.list().some(({ chosen }) => chosen),
      false
    );
  });

  it('does not take a twin that came later for what was pulled out', async () => {
    const [one, twin] = [
      { ...A, serial: null },
      { ...A, serial: null, port: 5 }
    ];
    const { registry, start, plug } = createWorld([one]);
    await start();
    await registry.choose('camera', idAt(registry, 1));
    await plug([one, twin]);
    await plug([twin]);
    assert.equal(registry.list().find(({ present }) => present)?.chosen, false);
    await plug([twin, one]);
    assert.deepEqual(paths(registry), ['/dev/camera-at-1', '/dev/camera-at-5']);
  });

  it('keeps what was chosen before where the file cannot be written', async () => {
    const { registry, start, plug, world } = createWorld([A, B]);
    await start();
    await registry.choose('camera', idAt(registry, 2));
    world.store.failing = true;
    await assert.rejects(registry.choose('camera', null), /no space left/);
    await plug([A, B, { ...A, kind: 'microphone' }]);
    assert.equal(paths(registry)[0], '/dev/camera-at-2');
  });

  it('keeps what it listed where the platform cannot tell, and asks again after five seconds', async () => {
    const { registry, start, settle, world, clock } = createWorld([A]);
    await start();
    assert.equal(clock.pending, 0);
    world.failing = true;
    await settle();
    assert.equal(registry.list().length, 1);
    world.failing = false;
    world.there = [];
    await clock.advanceAsync(5_000);
    assert.equal(registry.list().length, 0);
    assert.equal(clock.pending, 0);
  });

  it('asks again where a device did not answer, and does not use it before; and does not ask where it may not be opened', async () => {
    const { registry, start, settle, world, clock } = createWorld([A]);
    const because = (code: 'CL_DEVICE_OPEN' | 'CL_DEVICE_PERMISSION'): FoundDevice => ({ ...found(A), problem: { code, text: '' } });
    world.there = [because('CL_DEVICE_OPEN')];
    await start();
    // It may be what somebody's laptop is connected to.
    assert.deepEqual([registry.list().length, paths(registry)], [1, []]);
    await clock.advanceAsync(5_000);
    assert.equal(world.lists, 2);
    world.there = [because('CL_DEVICE_PERMISSION')];
    await settle();
    await clock.advanceAsync(60_000);
    assert.deepEqual([world.lists, clock.pending], [3, 0]);
  });

  it('tries the others in an order that does not depend on which was plugged in first, a card’s first device before its others', async () => {
    const one = found(A);
    const parts = ['pcm1', 'pcm0'].map((part) => ({ ...one, identity: { ...one.identity, part }, media: { ...one.media, path: part } }));
    const all = [...parts, found(B)];
    for (const there of [all, [...all].reverse()]) {
      const { registry, start, world } = createWorld();
      world.there = there;
      await start();
      assert.deepEqual(paths(registry), ['pcm0', 'pcm1', '/dev/camera-at-2']);
    }
  });

  it('hears and plays with a device that takes its echo out before others, unless people chose another', async () => {
    const { registry, start, world, settle } = createWorld();
    const webcam = found({ kind: 'microphone', model: '046d:0893', serial: 'AAAA0001', port: 1 });
    const speakerphone = found({ kind: 'microphone', model: '0b0e:0412', serial: 'BBBB0002', port: 2 });
    world.there = [webcam, { ...speakerphone, media: { ...speakerphone.media, cancelsEcho: true } }];
    await start();
    assert.deepEqual(paths(registry, 'microphone'), ['/dev/microphone-at-2', '/dev/microphone-at-1']);
    await registry.choose('microphone', idAt(registry, 1));
    await settle();
    assert.deepEqual(paths(registry, 'microphone'), ['/dev/microphone-at-1', '/dev/microphone-at-2']);
    await registry[Symbol.asyncDispose]();
  });

  it('is bounded', async () => {
    const { registry, start } = createWorld(Array.from({ length: 200 }, (_, port) => ({ ...A, serial: `SERIAL${port}`, port })));
    await start();
    assert.equal(registry.list().length, 64);
  });

  it('looks no more once it is closed', async () => {
    const { registry, start, settle, world } = createWorld([A]);
    await start();
    await registry[Symbol.asyncDispose]();
    await settle();
    assert.equal(world.lists, 1);
  });

  it('holds, whatever is plugged, pulled and chosen: the file changes by a choice alone, the chosen device is first where it is there, ids are unique', async () => {
    const unit = fc.record({
      kind: fc.constantFrom<DeviceKind>('camera', 'microphone'),
      model: fc.constantFrom('046d:0893', 'vivid'),
      serial: fc.constantFrom(null, 'AAAA0001', 'BBBB0002', '00000000'),
      port: fc.integer({ min: 1, max: 4 })
    });
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.uniqueArray(unit, { maxLength: 5, selector: ({ kind, port }) => `${kind} ${port}` }).map((units) => ({ units }) as const) },
      { weight: 1, arbitrary: fc.nat(6).map((pick) => ({ pick }) as const) }
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { registry, start, plug, world } = createWorld();
        await start();
        for (const one of steps) {
          const { file, writes } = world.store;
          if ('units' in one) {
            await plug(one.units);
            assert.deepEqual([world.store.file, world.store.writes], [file, writes]);
          } else {
            const view = registry.list()[one.pick];
            if (view !== undefined) await registry.choose(view.kind, view.id);
            if (view !== undefined) assert.equal(registry.list().find(({ kind, chosen }) => kind === view.kind && chosen)?.port, view.port);
          }
          const views = registry.list();
          assert.equal(new Set(views.map(({ id }) => id)).size, views.length);
          for (const kind of ['camera', 'microphone'] as const) {
            const there = views.filter((view) => view.kind === kind && view.present);
            const chosen = views.filter((view) => view.kind === kind && view.chosen);
            assert.ok(chosen.length <= 1);
            assert.equal(paths(registry, kind).length, there.length);
            const [first] = chosen;
            if (first?.present === true) assert.equal(paths(registry, kind)[0], `/dev/${kind}-at-${first.port?.slice('port-'.length)}`);
          }
        }
      }),
      { numRuns: 200 }
    );
  });
});
