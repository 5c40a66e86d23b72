import assert from 'node:assert/strict';
import { createClearing } from '../../../agent/clear-room.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { SettingsView } from '../../../src/room/state.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { UNTOUCHED } from '../../fakes/room-state.ts';

const NOON = new Date('2026-03-05T12:00:00').getTime();
const HOUR = 3_600_000;

async function start(options: { readonly wipedAtMs?: number; readonly wipeDailyAt?: SettingsView['wipeDailyAt'] } = {}) {
  const { wipeDailyAt = '03:00' } = options;
  const clock = createFakeClock(NOON);
  const done: string[] = [];
  const room = { wipedAtMs: options.wipedAtMs, inCall: false, failReports: false, failPeople: false };
  const clearing = createClearing({
    settings: {
      view: () => ({ ...UNTOUCHED.settings, wipeDailyAt }),
      wipedAtMs: () => room.wipedAtMs,
      async wipe(all) {
        done.push(`settings ${all ? 'all' : 'not all'}`);
        if (all) room.wipedAtMs = clock.now();
      }
    },
    people: {
      async wipe() {
        if (room.failPeople) throw new Error('disk full');
        done.push('people');
      }
    },
    reports: {
      async wipe() {
        if (room.failReports) throw new Error('disk full');
        done.push('reports');
      }
    },
    inCall: () => room.inCall,
    clock,
    log: silentLog
  });
  let cleared = 0;
  clearing.on('cleared', () => cleared++);
  const begin = async (): Promise<void> => {
    await clearing.start(new AbortController().signal);
    await clock.advanceAsync(0);
  };
  return { clearing, clock, done, room, begin, cleared: () => cleared };
}
const ALL = ['people', 'reports', 'settings all'];

describe('clearing the room', () => {
  it('removes what people left, and keeps last that it did', async () => {
    const { clearing, done, cleared } = await start();
    await clearing.clear();
    assert.deepEqual([done, cleared()], [ALL, 1]);
  });

  it('removes the rest where something cannot be removed, says so, and is not done', async () => {
    const { clearing, done, room } = await start();
    room.failPeople = true;
    await assert.rejects(clearing.clear(), /disk full/);
    assert.deepEqual(done, ['reports', 'settings not all']);
  });

  it('is done daily at its time, once', async () => {
    const { clock, done, begin } = await start({ wipedAtMs: NOON - HOUR });
    await begin();
    await clock.advanceAsync(15 * HOUR - 30_000);
    assert.deepEqual(done, []);
    await clock.advanceAsync(60_000);
    assert.deepEqual(done, ALL);
    await clock.advanceAsync(23 * HOUR);
    assert.deepEqual(done, ALL);
    await clock.advanceAsync(HOUR);
    assert.deepEqual(done, [...ALL, ...ALL]);
  });

  it('is made up for at the start where the room was off at its time', async () => {
    const { done, begin } = await start({ wipedAtMs: NOON - 24 * HOUR });
    await begin();
    assert.deepEqual(done, ALL);
  });

  it('waits for the end of a call', async () => {
    const { clock, done, room, begin } = await start({ wipedAtMs: NOON - 24 * HOUR });
    room.inCall = true;
    await begin();
    await clock.advanceAsync(HOUR);
    assert.deepEqual(done, []);
    room.inCall = false;
    await clock.advanceAsync(30_000);
    assert.deepEqual(done, ALL);
  });

  it('is tried again after a while where it failed, and not every moment', async () => {
    const { clock, done, room, begin } = await start({ wipedAtMs: NOON - 24 * HOUR });
    room.failReports = true;
    await begin();
    await clock.advanceAsync(9 * 60_000);
    assert.deepEqual(done, ['people', 'settings not all']);
    room.failReports = false;
    await clock.advanceAsync(2 * 60_000);
    assert.deepEqual(done.slice(2), ALL);
  });

  it('is never done by itself where no time is set, and ends with the room', async () => {
    const { clearing, clock, done, begin } = await start({ wipeDailyAt: null });
    await begin();
    await clock.advanceAsync(48 * HOUR);
    assert.deepEqual(done, []);
    await clearing[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });
});
