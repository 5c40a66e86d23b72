import assert from 'node:assert/strict';
import { freezesOf } from '../../harness/freezes.ts';

const even = (count: number, everyMs: number, fromMs = 0): number[] => Array.from({ length: count }, (_, index) => fromMs + index * everyMs);

describe('freezes', () => {
  it('counts none in an even picture, nor where one is a little late', () => {
    assert.deepEqual(freezesOf(even(100, 33), 3300), { count: 0, totalMs: 0 });
    assert.deepEqual(freezesOf([...even(50, 33), ...even(50, 33, 49 * 33 + 180)], 99 * 33 + 180), { count: 0, totalMs: 0 });
  });

  it('counts a picture that stands longer than the mean and 150 ms', () => {
    assert.deepEqual(freezesOf([...even(50, 33), ...even(50, 33, 49 * 33 + 184)], 49 * 33 + 184 + 50 * 33), { count: 1, totalMs: 184 });
  });

  it('measures a slow picture by three times its own pace', () => {
    assert.deepEqual(freezesOf([...even(40, 200), 40 * 200 + 300], 40 * 200 + 500), { count: 0, totalMs: 0 });
    assert.deepEqual(freezesOf([...even(40, 200), 39 * 200 + 601], 39 * 200 + 801), { count: 1, totalMs: 601 });
  });

  it('counts a picture that is still standing at the end', () => {
    assert.deepEqual(freezesOf(even(10, 33), 9 * 33 + 2000), { count: 1, totalMs: 2000 });
  });

  it('counts where no second picture ever comes', () => {
    assert.deepEqual(freezesOf([0], 3000), { count: 1, totalMs: 3000 });
  });

  it('has nothing to say of no picture', () => {
    assert.deepEqual(freezesOf([], 1000), { count: 0, totalMs: 0 });
  });
});
