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
/** More than a room has at a time: tries are forgotten with codes that are long past. */
const CODES_KNOWN = 16;

/** Of one length, whatever was keyed in. */
const digest = (digits: string): Buffer => createHash('sha256').update(digits.replaceAll(' ', ''), 'utf8').digest();

export function createCodeComparison(): CodeComparison {
  const wrong = new Map<string, number>();
  return {
    fits(of, code, keyedIn) {
      const before = wrong.get(of) ?? 0;
      if (before >= TRIES) throw new CloisterError('CL_CODE_TRIES');
      const fits = timingSafeEqual(digest(code), digest(keyedIn));
      if (!fits) wrong.set(of, before + 1);
      const [oldest] = wrong.keys();
      if (wrong.size > CODES_KNOWN && oldest !== undefined) wrong.delete(oldest);
      return fits;
    }
  };
}
