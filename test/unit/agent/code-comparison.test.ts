import assert from 'node:assert/strict';
import { createCodeComparison } from '../../../agent/code-comparison.ts';

const CODE = '50239 47533 26749 97493';
const DIGITS = CODE.replaceAll(' ', '');

describe('the comparison of codes', () => {
  it('counts the tries of each code, whichever other one is tried between', () => {
    const comparison = createCodeComparison();
    for (let times = 0; times < 5; times++) for (const name of ['a 1', 'b 2']) assert.equal(comparison.fits(name, CODE, '0'.repeat(20)), false);
    for (const name of ['a 1', 'b 2']) assert.throws(() => comparison.fits(name, CODE, DIGITS), { code: 'CL_CODE_TRIES' });
    assert.equal(comparison.fits('a 3', CODE, DIGITS), true, 'a new code has its own');
  });

  it('does not count what fits, and takes digits alone for the whole', () => {
    const comparison = createCodeComparison();
    for (let times = 0; times < 20; times++) assert.equal(comparison.fits('a 1', CODE, DIGITS), true);
    for (const keyed of [DIGITS.slice(1), `${DIGITS}0`, '']) assert.equal(comparison.fits('a 1', CODE, keyed), false);
  });
});
