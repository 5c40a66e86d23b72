import assert from 'node:assert/strict';
import { createDeviceWatch, type Listen } from '../../../src/devices/device-watch.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import { createFakeClock } from '../../fakes/clock.ts';

type Heard = { readonly heard: (name: string | null) => void; readonly lost: (error: unknown) => void };

/** A machine with folders that can be listened in, as long as they are there. */
function createWorld(present: readonly string[] = ['/dev', '/dev/snd'], folders: readonly string[] = ['/dev', '/dev/snd']) {
  const clock = createFakeClock();
  const listeners = new Map<string, Heard>();
  const world = { nodes: 'a', looks: 0, failing: false, changes: 0, present: new Set(present), refused: null as string | null };
  const listen: Listen = (folder, heard, lost) => {
    if (!world.present.has(folder)) throw Object.assign(new Error('no such folder'), { code: 'ENOENT' });
    if (world.refused === folder) throw Object.assign(new Error('no watches left'), { code: 'ENOSPC' });
    const mine = { heard, lost };
    listeners.set(folder, mine);
    return { close: () => void (listeners.get(folder) === mine && listeners.delete(folder)) };
  };
  const watch = createDeviceWatch({
    clock,
    log: silentLog,
    folders,
    matters: (name) => /^(?:video|hidraw|snd$|pcm)/.test(name),
    listen,
    async look() {
      world.looks += 1;
      if (world.failing) throw new Error('no');
      return world.nodes;
    }
  });
  watch.on('changed', () => {
    world.changes += 1;
  });
  return {
    clock,
    listeners,
    world,
    watch,
    start: () => watch.start(new AbortController().signal),
    hear: (folder: string, name: string | null) => listeners.get(folder)?.heard(name)
  };
}

describe('the watch for devices', () => {
  it('tells once of a burst, when it has settled', async () => {
    const { clock, world, start, hear, watch } = createWorld();
    await start();
    for (const name of ['video0', 'video1', 'hidraw0']) {
      world.nodes += name;
      hear('/dev', name);
      await clock.advanceAsync(200);
    }
    assert.equal(world.changes, 0);
    await clock.advanceAsync(100);
    assert.equal(world.changes, 1);
    assert.equal(clock.pending, 0);
    await watch[Symbol.asyncDispose]();
  });

  it('tells within a second of a burst that does not end', async () => {
    const { clock, world, start, hear } = createWorld();
    await start();
    for (let passedMs = 0; passedMs < 1000; passedMs += 100) {
      world.nodes += 'x';
      hear('/dev', 'video0');
      await clock.advanceAsync(100);
    }
    assert.equal(world.changes, 1);
  });

  it('tells of nothing where nothing is other than it was, and does not look for what does not matter', async () => {
    const { clock, world, start, hear } = createWorld();
    await start();
    assert.equal(world.looks, 1);
    hear('/dev', 'null');
    hear('/dev', 'ttyS0');
    await clock.advanceAsync(5000);
    assert.equal(world.looks, 1);
    // Something was written to it.
    hear('/dev', 'hidraw0');
    await clock.advanceAsync(5000);
    assert.deepEqual([world.looks, world.changes], [2, 0]);
    // The system does not say which.
    hear('/dev', null);
    await clock.advanceAsync(300);
    assert.equal(world.looks, 3);
  });

  it('listens in a folder that comes, goes and comes again', async () => {
    const { clock, listeners, world, start, hear } = createWorld(['/dev']);
    await start();
    assert.deepEqual([...listeners.keys()], ['/dev']);
    world.present.add('/dev/snd');
    hear('/dev', 'snd');
    await clock.advanceAsync(300);
    const first = listeners.get('/dev/snd');
    assert.notEqual(first, undefined);
    hear('/dev', 'snd');
    await clock.advanceAsync(300);
    assert.notEqual(listeners.get('/dev/snd'), first);
    world.nodes = 'b';
    hear('/dev/snd', 'pcmC0D0p');
    await clock.advanceAsync(300);
    assert.equal(world.changes, 1);
    // Nothing is polled all the while.
    assert.equal(clock.pending, 0);
  });

  it('looks every two seconds where it cannot listen, and listens again when it can', async () => {
    const { clock, world, start, listeners } = createWorld();
    world.refused = '/dev/snd';
    await start();
    world.nodes = 'b';
    await clock.advanceAsync(2000);
    assert.deepEqual([world.looks, world.changes], [2, 1]);
    await clock.advanceAsync(2000);
    assert.deepEqual([world.looks, world.changes], [3, 1]);
    world.refused = null;
    await clock.advanceAsync(2000);
    assert.equal(clock.pending, 0);
    listeners.get('/dev')?.lost(new Error('gone'));
    world.present.delete('/dev');
    world.nodes = 'c';
    await clock.advanceAsync(300);
    assert.equal(world.changes, 2);
    assert.equal(clock.pending, 1);
  });

  it('looks every two seconds where there is nothing to listen in', async () => {
    const { clock, world, start, watch } = createWorld([], []);
    await start();
    await clock.advanceAsync(20_000);
    assert.equal(world.looks, 11);
    await watch[Symbol.asyncDispose]();
    await clock.advanceAsync(20_000);
    assert.deepEqual([world.looks, clock.pending], [11, 0]);
  });

  it('goes on after a look that fails', async () => {
    const { clock, world, start, hear } = createWorld();
    await start();
    world.failing = true;
    hear('/dev', 'video0');
    await clock.advanceAsync(300);
    world.failing = false;
    world.nodes = 'b';
    hear('/dev', 'video0');
    await clock.advanceAsync(300);
    assert.equal(world.changes, 1);
  });

  it('hears and tells nothing once it is closed', async () => {
    const { clock, world, start, hear, listeners, watch } = createWorld();
    await start();
    world.nodes = 'b';
    hear('/dev', 'video0');
    await watch[Symbol.asyncDispose]();
    await clock.advanceAsync(5000);
    assert.deepEqual([world.changes, clock.pending, listeners.size], [0, 0, 0]);
  });
});
