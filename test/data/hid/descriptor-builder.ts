// Writes HID report descriptors item by item (HID 1.11 section 6.2.2), apart from the sources, so that a fault of theirs is not also the tests'.
// What is written may break any rule.

export type Part = readonly number[];

/** @param bytes of the data; the fewest that hold it where left out, as a signed number where it is negative */
function item(prefix: number, value: number, bytes = fewest(value)): Part {
  const data = Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
  return [prefix | (bytes === 4 ? 3 : bytes), ...data];
}

function fewest(value: number): number {
  if (value < 0) return value >= -0x80 ? 1 : value >= -0x8000 ? 2 : 4;
  return value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
}

export const usagePage = (page: number): Part => item(0x04, page);
export const logicalMinimum = (value: number, bytes?: number): Part => item(0x14, value, bytes);
export const logicalMaximum = (value: number, bytes?: number): Part => item(0x24, value, bytes);
export const reportSize = (bits: number): Part => item(0x74, bits);
export const reportId = (id: number): Part => item(0x84, id);
export const reportCount = (count: number, bytes?: number): Part => item(0x94, count, bytes);
export const push: Part = [0xa4];
export const pop: Part = [0xb4];
export const usage = (id: number): Part => item(0x08, id);
/** With its page. */
export const extendedUsage = (page: number, id: number): Part => item(0x08, page * 0x1_0000 + id, 4);
export const usageMinimum = (id: number, bytes?: number): Part => item(0x18, id, bytes);
export const usageMaximum = (id: number, bytes?: number): Part => item(0x28, id, bytes);
export const openDelimiter: Part = item(0xa8, 1);
export const closeDelimiter: Part = item(0xa8, 0);
export const longItem = (...data: readonly number[]): Part => [0xfe, data.length, 0x42, ...data];
export const collectionBegin = (type: number): Part => item(0xa0, type);
export const collectionEnd: Part = [0xc0];

export const FLAG = { constant: 0x01, variable: 0x02, relative: 0x04, noPreferred: 0x20, nullState: 0x40 } as const;
export const input = (flags: number): Part => item(0x80, flags);
export const output = (flags: number): Part => item(0x90, flags);
export const feature = (flags: number): Part => item(0xb0, flags);

/** Integers as they are written in most real descriptors: a minimum, a maximum that may need a byte more for its sign. */
export const logicalRange = (minimum: number, maximum: number): Part => [
  ...logicalMinimum(minimum),
  ...logicalMaximum(maximum, maximum > 0x7fff ? 4 : maximum > 0x7f ? 2 : undefined)
];
export const usages = (...ids: readonly number[]): Part => ids.flatMap(usage);
export const usageRange = (first: number, last: number): Part => [...usageMinimum(first), ...usageMaximum(last)];
/** So many of so many bits. */
export const cells = (count: number, bits: number): Part => [...reportSize(bits), ...reportCount(count)];
export const padding = (kind: (flags: number) => Part, bits: number): Part => [...cells(1, bits), ...kind(FLAG.constant)];

export const APPLICATION = 1;
export const LOGICAL = 2;
export const collection = (type: number, id: number, ...parts: readonly Part[]): Part => [
  ...usage(id),
  ...collectionBegin(type),
  ...parts.flat(),
  ...collectionEnd
];
/** A top-level collection. */
export const application = (page: number, id: number, ...parts: readonly Part[]): Part => [...usagePage(page), ...collection(APPLICATION, id, ...parts)];
export const descriptor = (...parts: readonly Part[]): Uint8Array => Uint8Array.from(parts.flat());
