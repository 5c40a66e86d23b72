// Descriptors by chance, with what they have to be read as: worked out from the same plan, not from the bytes.
import fc from 'fast-check';
import type { ReportField } from '../../../src/devices/hid/report-model.ts';
import {
  application,
  descriptor,
  extendedUsage,
  FLAG,
  feature,
  input,
  logicalMaximum,
  logicalMinimum,
  output,
  type Part,
  pop,
  push,
  reportCount,
  reportId,
  reportSize,
  usage,
  usageMaximum,
  usageMinimum,
  usagePage
} from './descriptor-builder.ts';

export type PlannedItem = {
  readonly kind: ReportField['kind'];
  readonly id: number;
  readonly bits: number;
  readonly count: number;
  readonly page: number;
  /** None: padding. */
  readonly usages: number;
  readonly style: 'one by one' | 'range' | 'extended' | 'mixed';
  readonly flags: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Its global items between Push and Pop. */
  readonly pushed: boolean;
};
export type Plan = { readonly ids: boolean; readonly items: readonly PlannedItem[] };

const MAIN: Readonly<Record<ReportField['kind'], (flags: number) => Part>> = { input, output, feature };

const plannedItem = fc
  .record({
    kind: fc.constantFrom<ReportField['kind'][]>('input', 'output', 'feature'),
    id: fc.integer({ min: 1, max: 3 }),
    bits: fc.oneof(fc.constantFrom(1, 8, 16, 32), fc.integer({ min: 1, max: 32 })),
    count: fc.integer({ min: 1, max: 6 }),
    page: fc.constantFrom(0x08, 0x09, 0x0b, 0x0c, 0xff00, 0xffff),
    usages: fc.integer({ min: 0, max: 8 }),
    style: fc.constantFrom<PlannedItem['style'][]>('one by one', 'range', 'extended', 'mixed'),
    flags: fc.integer({ min: 0, max: 0x7f }).map((flags) => flags & ~0x18),
    signed: fc.boolean(),
    span: fc.double({ min: 0, max: 1, noNaN: true }),
    pushed: fc.boolean()
  })
  .map(({ signed, span, ...item }): PlannedItem => {
    // All that fits, or a part of it from the minimum on; never 0 to 0, which is no range.
    const negative = signed && item.bits > 1;
    const minimum = negative ? -Math.floor(2 ** (item.bits - 1)) : 0;
    const largest = negative ? 2 ** (item.bits - 1) - 1 : 2 ** item.bits - 1;
    return { ...item, minimum, maximum: Math.max(minimum + 1, Math.min(largest, Math.floor(minimum + span * 2 ** item.bits))) };
  });

export const anyPlan: fc.Arbitrary<Plan> = fc.record({ ids: fc.boolean(), items: fc.array(plannedItem, { minLength: 1, maxLength: 12 }) });

/** Each item has usages of its own. */
const firstUsage = (index: number): number => 0x10 + index * 0x10;
const usagesOf = ({ page, usages }: PlannedItem, index: number): number[] =>
  Array.from({ length: usages }, (_, number) => page * 0x1_0000 + firstUsage(index) + number);

function writeUsages({ page, usages, style }: PlannedItem, index: number): Part {
  const [first, last] = [firstUsage(index), firstUsage(index) + usages - 1];
  if (usages === 0) return [];
  const each = (from: number): Part => Array.from({ length: last - from + 1 }, (_, number) => from + number).flatMap(usage);
  const asRange = (from: number): Part => (from > last ? [] : [...usageMaximum(last), ...usageMinimum(from)]);
  switch (style) {
    case 'one by one':
      return each(first);
    case 'range':
      return asRange(first);
    case 'extended':
      return usagesOf({ page, usages } as PlannedItem, index).flatMap((id) => extendedUsage(page, id % 0x1_0000));
    case 'mixed':
      return [...usage(first), ...asRange(first + 1)];
  }
}

export function written({ ids, items }: Plan): Uint8Array {
  const parts = items.map((item, index): Part => {
    const globals = [
      ...usagePage(item.page),
      ...logicalMaximum(item.maximum, 4),
      ...logicalMinimum(item.minimum, 4),
      ...reportCount(item.count),
      ...reportSize(item.bits),
      ...(ids ? reportId(item.id) : [])
    ];
    const main = MAIN[item.kind](item.flags);
    const usages = writeUsages(item, index);
    // Local items and global ones may stand in any order before the main item (HID 1.11 section 6.2.2.8): the page that holds there counts.
    return item.pushed ? [...push, ...usages, ...globals, ...main, ...pop] : [...globals, ...usages, ...main];
  });
  return descriptor(application(0x0b, 0x05, ...parts));
}

type Expected = Pick<
  ReportField,
  | 'kind'
  | 'reportId'
  | 'bitOffset'
  | 'bitSize'
  | 'usages'
  | 'logicalMinimum'
  | 'logicalMaximum'
  | 'array'
  | 'relative'
  | 'noPreferred'
  | 'nullState'
  | 'constant'
>;

export function expected({ ids, items }: Plan): { readonly fields: readonly Expected[]; readonly bits: ReadonlyMap<string, number> } {
  const bits = new Map<string, number>();
  const fields: Expected[] = [];
  for (const [index, item] of items.entries()) {
    const { kind, flags, minimum, maximum, count, bits: bitSize } = item;
    const report = ids ? item.id : 0;
    const key = `${kind} ${report}`;
    const start = bits.get(key) ?? 0;
    bits.set(key, start + count * bitSize);
    const all = usagesOf(item, index);
    const [array, constant] = [(flags & FLAG.variable) === 0, (flags & FLAG.constant) !== 0];
    for (let slot = 0; slot < count; slot += 1) {
      if (all.length === 0 || (!array && constant && slot >= all.length)) continue;
      fields.push({
        kind,
        reportId: report,
        bitOffset: start + slot * bitSize,
        bitSize,
        usages: array ? all.slice(0, Math.min(maximum - minimum + 1, 2 ** bitSize)) : all.slice(Math.min(slot, all.length - 1)).slice(0, 1),
        logicalMinimum: minimum,
        logicalMaximum: maximum,
        array,
        relative: (flags & FLAG.relative) !== 0,
        noPreferred: (flags & FLAG.noPreferred) !== 0,
        nullState: (flags & FLAG.nullState) !== 0,
        constant
      });
    }
  }
  return { fields, bits };
}
