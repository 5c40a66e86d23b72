// Paired panels without a network: how many there are, and that a pairing which could not be kept is none.
import assert from 'node:assert/strict';
import { createPairedPanels, type KeptPanels, keptPanels, NO_PANELS } from '../../../src/admin/paired-panels.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import { createFakeClock } from '../../fakes/clock.ts';

describe('paired panels', () => {
  function open() {
    const file = {
      kept: NO_PANELS,
      full: false,
      read: async () => file.kept,
      write: async (value: KeptPanels) => {
        if (file.full) throw new Error('ENOSPC');
        file.kept = keptPanels.parse(JSON.parse(JSON.stringify(value)));
      }
    };
    return { file, panels: createPairedPanels({ file, clock: createFakeClock(), log: silentLog }) };
  }

  it('are sixteen at most: the one that was paired longest ago makes room, and is told of', async () => {
    const { file, panels } = open();
    const removed: string[] = [];
    panels.on('removed', (id) => removed.push(id));
    const tokens: string[] = [];
    for (let count = 0; count < 16; count++) tokens.push((await panels.pair(`10.0.0.${count}`)).token);
    const first = panels.idOf(tokens[0] ?? '');
    assert.ok(first !== null);
    const { token } = await panels.pair('10.0.0.16');
    assert.deepEqual([panels.idOf(tokens[0] ?? ''), removed, panels.list().length, file.kept.panels.length], [null, [first], 16, 16]);
    for (const each of [...tokens.slice(1), token]) assert.notEqual(panels.idOf(each), null);
  });

  it('are paired at once by several, and none is lost', async () => {
    const { panels } = open();
    const tokens = await Promise.all(Array.from({ length: 5 }, () => panels.pair('10.0.0.1')));
    assert.equal(new Set(tokens.map(({ token }) => panels.idOf(token))).size, 5);
  });

  it('stay as they are where that cannot be kept', async () => {
    const { file, panels } = open();
    const { token } = await panels.pair('10.0.0.1');
    const id = panels.idOf(token) ?? '';
    file.full = true;
    await assert.rejects(panels.pair('10.0.0.2'));
    await assert.rejects(panels.remove(id));
    assert.deepEqual(
      panels.list().map((each) => each.id),
      [id]
    );
    assert.equal(panels.idOf(token), id);
    file.full = false;
    await panels.remove(id);
    assert.deepEqual([panels.idOf(token), panels.list()], [null, []]);
    await assert.rejects(panels.remove(id), { code: 'CL_NOT_FOUND' });
  });
});
