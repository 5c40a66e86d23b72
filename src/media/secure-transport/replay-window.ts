// Which numbered packets of one sender were taken already (RFC 3711 section 3.3.2, RFC 6347 section 4.1.2.6): indices of up to 48 bits.
// Pure but for what it remembers.
// Invariants: an index is taken once; nothing of a packet may be remembered before it was authenticated, so that a forged one cannot push honest ones out.
import { CloisterError } from '../../kernel/errors.ts';

export type ReplayWindow = {
  /** The highest index taken; null where there was none. */
  highest(): number | null;
  /** False for an index that was taken, or is too old to tell. */
  isNew(index: number): boolean;
  /** @param index of a packet that is new and was authenticated */
  take(index: number): void;
};

/** @param size how far behind the highest index one may come and still be told from a repeated one: a power of two */
export function createReplayWindow(size: number): ReplayWindow {
  const mask = size - 1;
  // The slot of an index must be its remainder, or two of one window would share it and the older could come twice.
  if (!Number.isInteger(size) || size < 1 || size > 2 ** 16 || (size & mask) !== 0)
    throw new CloisterError('CL_INTERNAL', 'the size of a replay window is not a power of two');
  const taken = new Float64Array(size).fill(-1);
  let highest = -1;
  return {
    highest: () => (highest < 0 ? null : highest),
    // A bitwise operation sees the low 32 bits, which are all that the remainder needs.
    isNew: (index) => index >= 0 && index > highest - size && taken[index & mask] !== index,
    take(index) {
      taken[index & mask] = index;
      if (index > highest) highest = index;
    }
  };
}
