// Report descriptors that no honest device has, made of honest ones: bytes and bits changed, and items changed, moved, doubled and invented while all
// others stay whole (HID 1.11 section 6.2.2.2).
import { type Mutated, mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

type Way = (random: Random, items: readonly Buffer[], other: readonly Buffer[]) => readonly Buffer[];

const ODD_VALUES = [0, 1, 2, 7, 8, 31, 32, 33, 127, 128, 255, 256, 4_095, 12_288, 16_384, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const PAGES = [0x00, 0x01, 0x08, 0x09, 0x0b, 0x0c, 0x20, 0xff00, 0xff99, 0xffff];
const TELEPHONY_IDS = [0x07, 0x09, 0x17, 0x18, 0x20, 0x21, 0x2a, 0x2f, 0x3d, 0x41, 0x9e, 0xe9];
/** All main, global and local items, without the two bits of their size. */
const PREFIXES = [...[0x80, 0x90, 0xa0, 0xb0, 0xc0], ...Array.from({ length: 12 }, (_, tag) => tag * 16 + 4), ...[0x08, 0x18, 0x28, 0xa8]];

/** Short items alone; what is left at the end is one piece. */
function itemsOf(descriptor: Buffer): Buffer[] {
  const items: Buffer[] = [];
  for (let at = 0; at < descriptor.length; ) {
    const end = at + 1 + ([0, 1, 2, 4][descriptor.readUInt8(at) & 3] ?? 0);
    items.push(descriptor.subarray(at, end));
    at = end;
  }
  return items;
}

function item(random: Random, prefix: number): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(random.pick([() => random.pick(ODD_VALUES), () => random.pick(PAGES), () => random.pick(TELEPHONY_IDS), () => random.below(2 ** 16)])());
  const size = random.below(4);
  return Buffer.concat([Buffer.from([(prefix & ~3) | size]), value.subarray(0, [0, 1, 2, 4][size])]);
}

const WAYS: Readonly<Record<string, Way>> = {
  value: (random, items) => {
    const at = random.below(items.length);
    return items.map((each, index) => (index === at && each.length > 0 ? item(random, each.readUInt8(0)) : each));
  },
  out: (random, items) => items.toSpliced(random.below(items.length + 1), 1 + random.below(4)),
  invented: (random, items) =>
    items.toSpliced(
      random.below(items.length + 1),
      0,
      ...Array.from({ length: 1 + random.below(random.once(20) ? 400 : 6) }, () => item(random, random.pick(PREFIXES)))
    ),
  doubled: (random, items) => {
    const at = random.below(items.length + 1);
    const run = items.slice(at, at + 1 + random.below(12));
    return items.toSpliced(random.below(items.length + 1), 0, ...Array.from({ length: 1 + random.below(random.once(20) ? 200 : 3) }, () => run).flat());
  },
  moved: (random, items) => {
    const at = random.below(items.length + 1);
    const run = items.slice(at, at + 1 + random.below(6));
    return items.toSpliced(at, run.length).toSpliced(random.below(items.length + 1), 0, ...run);
  },
  joined: (random, items, other) => [...items.slice(0, random.below(items.length + 1)), ...other.slice(random.below(other.length + 1))]
};
const NAMES = Object.keys(WAYS);

/** @param corpus honest descriptors, at least one */
export function mutateDescriptor(random: Random, corpus: readonly Buffer[]): Mutated {
  if (random.once(3)) return mutateBytes(random, corpus);
  let items: readonly Buffer[] = itemsOf(random.pick(corpus));
  const names: string[] = [];
  for (let times = random.once(2) ? 1 + random.below(4) : 1; times > 0; times -= 1) {
    const name = random.pick(NAMES);
    items = WAYS[name]?.(random, items, itemsOf(random.pick(corpus))) ?? items;
    names.push(name);
  }
  return { datagram: Buffer.concat(items), how: names.join('+') };
}
