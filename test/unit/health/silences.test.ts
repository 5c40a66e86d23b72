// Silenced problems: which problem is meant, when it counts again, and what is kept.
import assert from 'node:assert/strict';
import type { KeptFile } from '../../../src/config/kept-file.ts';
import { createSilences, type KeptSilences, keptSilences, NO_SILENCES, type Silences } from '../../../src/health/silences.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { Problem } from '../../../src/room/state.ts';
import { createFakeClock, type FakeClock } from '../../fakes/clock.ts';

const AWAY: Problem = { code: 'CL_MEDIA_CAMERA_AWAY', severity: 'warning', since: '2026-01-01T00:00:00.000Z', text: 'The camera A is away.', silenced: null };
const BROKER: Problem = { code: 'CL_BROKER_UNREACHABLE', severity: 'error', since: '2026-01-01T00:00:00.000Z', text: 'No broker.', silenced: null };

function memory(): KeptFile<KeptSilences> & { kept: KeptSilences; full: boolean } {
  const file = {
    kept: NO_SILENCES,
    full: false,
    read: async () => file.kept,
    write: async (value: KeptSilences) => {
      if (file.full) throw new Error('ENOSPC');
      file.kept = keptSilences.parse(JSON.parse(JSON.stringify(value)));
    }
  };
  return file;
}

describe('silenced problems', () => {
  let clock: FakeClock;
  let file: ReturnType<typeof memory>;
  let open: Silences[];

  beforeEach(() => {
    clock = createFakeClock();
    file = memory();
    open = [];
  });
  afterEach(async () => {
    for (const each of open) await each[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  });
  async function start(): Promise<Silences> {
    const silences = createSilences({ file, clock, log: silentLog });
    open.push(silences);
    await silences.start(new AbortController().signal);
    return silences;
  }
  const reasons = (problems: readonly Problem[]): (string | null)[] => problems.map(({ silenced }) => silenced?.reason ?? null);

  it('silences what is there with its reason, and takes it back', async () => {
    const silences = await start();
    silences.mark([AWAY, BROKER]);
    let changes = 0;
    silences.on('changed', () => {
      changes += 1;
    });
    await silences.set('CL_MEDIA_CAMERA_AWAY', 'A new one is ordered.');
    assert.equal(changes, 1);
    assert.deepEqual(silences.mark([AWAY, BROKER])[0]?.silenced, { reason: 'A new one is ordered.', at: new Date(clock.now()).toISOString() });
    assert.deepEqual(reasons(silences.mark([AWAY, BROKER])), ['A new one is ordered.', null]);
    await silences.set('CL_MEDIA_CAMERA_AWAY', null);
    assert.deepEqual(reasons(silences.mark([AWAY, BROKER])), [null, null]);
    assert.deepEqual(file.kept, NO_SILENCES);
  });

  it('refuses one that is not there', async () => {
    const silences = await start();
    silences.mark([AWAY]);
    await assert.rejects(silences.set('CL_BROKER_UNREACHABLE', 'x'), { code: 'CL_NOT_FOUND' });
    await assert.rejects(silences.set('constructor', 'x'), { code: 'CL_NOT_FOUND' });
  });

  it('keeps the latest hundred', async () => {
    const silences = await start();
    const many = Array.from({ length: 101 }, (_, index) => ({ ...AWAY, text: `The camera ${index} is away.` }));
    for (const problem of many) {
      silences.mark([problem]);
      await silences.set(AWAY.code, 'known');
    }
    assert.deepEqual([file.kept.silences.length, reasons(silences.mark(many)).indexOf('known')], [100, 1]);
  });

  it('means that problem alone: another device’s, and one that got worse, count', async () => {
    const silences = await start();
    silences.mark([AWAY]);
    await silences.set(AWAY.code, 'known');
    assert.deepEqual(reasons(silences.mark([AWAY, { ...AWAY, text: 'The camera B is away.' }, { ...AWAY, severity: 'error' }])), ['known', null, null]);
  });

  it('outlives a restart, and a loose plug, but not a minute without the problem', async () => {
    const first = await start();
    first.mark([AWAY]);
    await first.set(AWAY.code, 'known');
    const second = await start();
    // At the start nothing was looked at yet.
    second.mark([]);
    await clock.advanceAsync(40_000);
    assert.deepEqual(reasons(second.mark([AWAY])), ['known']);
    second.mark([]);
    await clock.advanceAsync(40_000);
    assert.deepEqual(reasons(second.mark([AWAY])), ['known']);
    second.mark([]);
    await clock.advanceAsync(80_000);
    assert.deepEqual(reasons(second.mark([AWAY])), [null]);
    assert.deepEqual(file.kept, NO_SILENCES);
  });

  it('loses none of two that are silenced at once, and changes nothing where it cannot be kept', async () => {
    const silences = await start();
    silences.mark([AWAY, BROKER]);
    await Promise.all([silences.set(AWAY.code, 'a'), silences.set(BROKER.code, 'b')]);
    assert.deepEqual(reasons(silences.mark([AWAY, BROKER])), ['a', 'b']);
    file.full = true;
    await assert.rejects(silences.set(AWAY.code, null));
    assert.deepEqual(reasons(silences.mark([AWAY, BROKER])), ['a', 'b']);
  });
});
