// Chance with a seed, so that a run of the fuzzer can be had again. Not for keys.
import { createHash } from 'node:crypto';

export type Random = {
  /** An integer from 0, smaller than `limit`. */
  below(limit: number): number;
  /** True once in so many times. */
  once(inTimes: number): boolean;
  pick<T>(items: readonly T[]): T;
  bytes(count: number): Buffer;
};

/** mulberry32. @param words which chance this is: the same words, the same course */
export function createRandom(...words: readonly (string | number)[]): Random {
  let state = createHash('sha256').update(words.join('\n')).digest().readUInt32BE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    once: (inTimes) => below(inTimes) === 0,
    pick<T>(items: readonly T[]): T {
      const index = below(items.length);
      if (index >= items.length) throw new RangeError('there is nothing to pick from');
      return items[index] as T;
    },
    bytes(count) {
      const bytes = Buffer.alloc(count);
      for (let at = 0; at < count; at += 1) bytes[at] = below(256);
      return bytes;
    }
  };
}
