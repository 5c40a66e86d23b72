import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { UUID_PATTERN, uuidV7 } from '../../../src/kernel/uuid.ts';

describe('kernel: uuid', () => {
  it('is the example of RFC 9562 appendix A.6', () => {
    // rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F; version and variant are put over the first bits.
    const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
    assert.equal(uuidV7(0x017f22e279b0, random), '017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('property: fits the pattern, holds its time, and sorts by time', () => {
    const time = fc.nat(2 ** 48 - 1);
    const random = fc.uint8Array({ minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(time, time, random, random, (a, b, randomA, randomB) => {
        const [first, second] = [uuidV7(a, randomA), uuidV7(b, randomB)];
        assert.match(first, UUID_PATTERN);
        assert.equal(Number.parseInt(first.replaceAll('-', '').slice(0, 12), 16), a);
        if (a < b) assert.ok(first < second);
      })
    );
  });

  it('differs by its random part', () => {
    const zero = uuidV7(1, new Uint8Array(10));
    for (let byte = 0; byte < 10; byte++) {
      const random = new Uint8Array(10);
      random[byte] = 1;
      assert.notEqual(uuidV7(1, random), zero);
    }
  });

  it('has a pattern that refuses other versions, variants, capitals and neighbours', () => {
    const good = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
    assert.match(good, UUID_PATTERN);
    for (const wrong of [
      good.replace('-7cc3', '-4cc3'),
      good.replace('-98c4', '-c8c4'),
      good.toUpperCase(),
      `${good}\n`,
      ` ${good}`,
      good.slice(1),
      good.replaceAll('-', '')
    ]) {
      assert.doesNotMatch(wrong, UUID_PATTERN);
    }
  });
});
