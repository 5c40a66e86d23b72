import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createReplayWindow } from '../../../../src/media/secure-transport/replay-window.ts';

describe('replay window', () => {
  it('takes each index once, and none that is behind the window, in any order', () => {
    const from = fc.constantFrom(0, 1, 2 ** 31 - 50, 2 ** 32 - 50, 2 ** 48 - 1_000);
    fc.assert(
      fc.property(from, fc.constantFrom(1, 2, 64, 256), fc.array(fc.nat(900), { maxLength: 300 }), (start, size, offsets) => {
        const window = createReplayWindow(size);
        const taken = new Set<number>();
        for (const index of offsets.map((offset) => start + offset)) {
          const isNew = !taken.has(index) && index > Math.max(-1, ...taken) - size;
          assert.equal(window.isNew(index), isNew, `${index} of ${[...taken].join()}`);
          if (!isNew) continue;
          window.take(index);
          taken.add(index);
          assert.equal(window.highest(), Math.max(...taken));
        }
      })
    );
  });

  it('has no highest index before one was taken, and no index below 0', () => {
    const window = createReplayWindow(64);
    assert.equal(window.highest(), null);
    for (const index of [-1, -2, -64]) assert.equal(window.isNew(index), false);
    assert.equal(window.isNew(0), true);
    assert.equal(window.highest(), null);
  });

  it('refuses a size with which two indices of one window would share a slot', () => {
    for (const size of [0, -64, 3, 100, 64.5, Number.NaN, 2 ** 32]) assert.throws(() => createReplayWindow(size), { code: 'CL_INTERNAL' }, String(size));
  });
});
