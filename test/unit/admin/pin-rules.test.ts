// Which PINs are taken, and how the waits grow.
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { FREE_TRIES, waitAfter, weaknessOf } from '../../../src/admin/pin-rules.ts';

describe('the administrator’s PIN', () => {
  it('has six to twelve digits', () => {
    for (const pin of ['', '1', '39471', '3947150283671', '39471a', '３９４７１５', '394715 ', '-394715', '394 715', '٣٩٤٧١٥'])
      assert.notEqual(weaknessOf(pin), null, pin);
    for (const pin of ['394715', '3947150', '394715028367']) assert.equal(weaknessOf(pin), null, pin);
  });

  it('is no run, no repetition, and not made of two digits', () => {
    const weak = [
      '000000',
      '999999999',
      '123456',
      '654321',
      '012345',
      '456789012',
      '890123',
      '210987',
      '135791',
      '246802',
      '864208',
      '121212',
      '123123',
      '12341234',
      '1231231',
      '112112',
      '111222',
      '110011'
    ];
    for (const pin of weak) assert.notEqual(weaknessOf(pin), null, pin);
  });

  it('says nothing of the digits when it refuses', () => {
    fc.assert(fc.property(fc.stringMatching(/^[0-9]{1,14}$/), (pin) => !(weaknessOf(pin) ?? '').includes(pin.slice(0, 3)) || pin.length < 3));
  });

  it('can be tried four times at once, then each wrong one doubles the wait, up to an hour', () => {
    assert.equal(FREE_TRIES, 5);
    assert.deepEqual([0, 1, 4].map(waitAfter), [0, 0, 0]);
    assert.deepEqual(
      [5, 6, 7, 8, 9, 10, 11].map((tries) => waitAfter(tries) / 1000),
      [30, 60, 120, 240, 480, 960, 1920]
    );
    assert.deepEqual(
      [12, 13, 100, 100_000, 1_000_000].map((tries) => waitAfter(tries) / 60_000),
      [60, 60, 60, 60, 60]
    );
  });
});
