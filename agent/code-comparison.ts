// Compares the code that people keyed in with the one that is current: in constant time, and only so often for each code, since it is a short one.
// Digits are in no log and no error.
import { createHash, timingSafeEqual } from 'node:crypto';
import { CloisterError } from '../src/kernel/errors.ts';

export type CodeComparison = {
  /**
   * @param of what the code belongs to: another one has tries of its own
   * @throws CloisterError CL_CODE_TRIES once it was wrong five times, whatever comes then
   */
  fits(of: string, code: string, keyedIn: string): boolean;
};

const TRIES = 5;

/** Of one length, whatever was keyed in. */
const digest = (digits: string): Buffer => createHash('sha256').update(digits.replaceAll(' ', ''), 'utf8').digest();

export function createCodeComparison(): CodeComparison {
  let tried = { of: '', wrong: 0 };
  return {
    fits(of, code, keyedIn) {
      if (tried.of !== of) tried = { of, wrong: 0 };
      if (tried.wrong >= TRIES) throw new CloisterError('CL_CODE_TRIES');
      const fits = timingSafeEqual(digest(code), digest(keyedIn));
      if (!fits) tried = { of, wrong: tried.wrong + 1 };
      return fits;
    }
  };
}
