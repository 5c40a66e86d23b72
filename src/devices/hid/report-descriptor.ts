// Reads a HID report descriptor (HID 1.11 section 6.2.2). Descriptors come from any device that somebody plugs in: each answer is a model or a
// CL_DEVICE_DESCRIPTOR, never an exception, and work and memory are bounded by the limits here, whatever sizes and counts an item claims.
// What can be read although it is not right is read, with a warning.
import { CloisterError } from '../../kernel/errors.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import type { ReportField, ReportModel, Usage } from './report-model.ts';
import { usageOf } from './usages.ts';

/** wDescriptorLength is of 16 bits (section 6.2.1). */
const MAX_DESCRIPTOR_BYTES = 65_535;
/** HID_MAX_BUFFER_SIZE of Linux, include/linux/hid.h: a longer report could not be sent. */
const MAX_REPORT_BYTES = 16_384;
/** Of all reports together. Real headsets with long vendor reports have up to 2,200. */
const MAX_FIELDS = 8_192;
/** What the arrays of a descriptor name, together; one array of all of a usage page is within it. */
const MAX_USAGES = 65_536;
/** Of collections, and of Push. */
const MAX_DEPTH = 64;
const MAX_WARNINGS = 16;
const MAX_FIELD_BITS = 32;

/** Item types, and the tags of each (sections 6.2.2.4, 6.2.2.7, 6.2.2.8). */
const MAIN = 0;
const GLOBAL = 1;
const LOCAL = 2;
const LONG_ITEM = 0xfe;
const TAG = {
  input: 8,
  output: 9,
  collection: 10,
  feature: 11,
  endCollection: 12,
  usagePage: 0,
  logicalMinimum: 1,
  logicalMaximum: 2,
  reportSize: 7,
  reportId: 8,
  reportCount: 9,
  push: 10,
  pop: 11,
  usage: 0,
  usageMinimum: 1,
  usageMaximum: 2,
  delimiter: 10
} as const;
const KINDS: ReadonlyMap<number, ReportField['kind']> = new Map([
  [TAG.input, 'input'],
  [TAG.output, 'output'],
  [TAG.feature, 'feature']
]);
/** Bits of Input, Output and Feature (section 6.2.2.5). */
const FLAG = { constant: 0x01, variable: 0x02, relative: 0x04, noPreferred: 0x20, nullState: 0x40 } as const;

type Item = { readonly type: number; readonly tag: number; readonly bytes: number; readonly unsigned: number; readonly signed: number };
type Globals = {
  readonly page: number;
  readonly logicalMinimum: number;
  /** Both readings of its bytes: which one holds is known with the minimum. */
  readonly logicalMaximum: Pick<Item, 'signed' | 'unsigned'>;
  readonly reportSize: number;
  readonly reportCount: number;
  /** 0 until an item gave one. */
  readonly reportId: number;
};
/** One usage, or all from `first` to `last`. `page` is its own where it is an extended one, else null; `pageThen` the one that held at its item. */
type UsageRange = { readonly first: number; readonly last: number; readonly page: number | null; readonly pageThen: number };
type Edge = Pick<UsageRange, 'page' | 'pageThen'> & { readonly id: number };
type Named = { readonly usage: Usage; readonly alternate: Usage };

const NOTHING: Globals = { page: 0, logicalMinimum: 0, logicalMaximum: { signed: 0, unsigned: 0 }, reportSize: 0, reportCount: 0, reportId: 0 };

/** A descriptor that is cut short is read as far as it goes. */
export function parseReportDescriptor(bytes: Uint8Array): Result<ReportModel> {
  const warnings: string[] = [];
  const warn = (text: string): void => {
    if (warnings.length < MAX_WARNINGS && !warnings.includes(text)) warnings.push(text);
  };
  if (bytes.length > MAX_DESCRIPTOR_BYTES) return refusal('it is longer than a descriptor can be');

  let globals = NOTHING;
  const pushed: Globals[] = [];
  let local = createLocalState();
  const collections: (readonly Usage[])[] = [];
  const reports = createReports(warn);

  for (const item of itemsOf(bytes, warn)) {
    if (item.type === GLOBAL) {
      if (item.tag === TAG.push) {
        if (pushed.push(globals) > MAX_DEPTH) return refusal('it pushes too often');
      } else if (item.tag === TAG.pop) {
        const before = pushed.pop();
        if (before === undefined) warn('a Pop without its Push');
        globals = before ?? globals;
      } else if (item.tag === TAG.reportId && (item.unsigned === 0 || item.unsigned > 0xff)) {
        return refusal(`it gives a report the id ${item.unsigned}`); // section 6.2.2.7: 1 to 255
      } else globals = withGlobal(globals, item);
    } else if (item.type === LOCAL) {
      local.take(item, globals.page, warn);
    } else if (item.type === MAIN) {
      const around = collections.at(-1) ?? [];
      const kind = KINDS.get(item.tag);
      if (kind !== undefined) {
        const why = reports.add(kind, item.unsigned, globals, local.ranges, around);
        if (why !== null) return refusal(why);
      } else if (item.tag === TAG.collection) {
        const [named] = namedBy(local.ranges, globals.page, 1);
        if (collections.push([...around, named?.usage ?? 0]) > MAX_DEPTH) return refusal('its collections are nested too deeply');
      } else if (item.tag === TAG.endCollection) {
        if (collections.pop() === undefined) warn('an End Collection without its Collection');
      } else warn('a main item of an unknown kind');
      local = createLocalState();
    } else warn('an item of a reserved type');
  }
  if (collections.length > 0) warn('a Collection without its end');
  if (pushed.length > 0) warn('a Push without its Pop');
  const read = reports.end();
  return read === null ? refusal('it has no report') : ok({ ...read, warnings });
}

const refusal = (why: string): Result<never> => err(new CloisterError('CL_DEVICE_DESCRIPTOR', `A report descriptor cannot be read: ${why}.`));

/** Short items one after the other (section 6.2.2.2); long ones are skipped (6.2.2.3: none is defined). */
function* itemsOf(bytes: Uint8Array, warn: (text: string) => void): Iterable<Item> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const prefix = view.getUint8(at);
    const isLong = prefix === LONG_ITEM;
    const head = isLong ? 3 : 1;
    const data = at + head;
    const size = isLong ? (bytes[at + 1] ?? 0) : ([0, 1, 2, 4][prefix & 3] ?? 0);
    at = data + size;
    if (at > bytes.length) {
      warn('it is cut short');
      return;
    }
    if (isLong) {
      warn('a long item');
      continue;
    }
    const [unsigned, signed] =
      size === 0
        ? [0, 0]
        : size === 1
          ? [view.getUint8(data), view.getInt8(data)]
          : size === 2
            ? [view.getUint16(data, true), view.getInt16(data, true)]
            : [view.getUint32(data, true), view.getInt32(data, true)];
    yield { type: (prefix >> 2) & 3, tag: prefix >> 4, bytes: size, unsigned, signed };
  }
}

function withGlobal(globals: Globals, item: Item): Globals {
  switch (item.tag) {
    case TAG.usagePage:
      return { ...globals, page: item.unsigned & 0xffff };
    case TAG.logicalMinimum:
      return { ...globals, logicalMinimum: item.signed };
    case TAG.logicalMaximum:
      return { ...globals, logicalMaximum: { signed: item.signed, unsigned: item.unsigned } };
    case TAG.reportSize:
      return { ...globals, reportSize: item.unsigned };
    case TAG.reportId:
      return { ...globals, reportId: item.unsigned };
    case TAG.reportCount:
      return { ...globals, reportCount: item.unsigned };
    default:
      return globals; // Physical extent and unit change nothing for a switch or a lamp.
  }
}

/** The local items since the last main item (section 6.2.2.8). */
function createLocalState(): { readonly ranges: readonly UsageRange[]; take(item: Item, page: number, warn: (text: string) => void): void } {
  const ranges: UsageRange[] = [];
  let minimum: Edge | null = null;
  let maximum: Edge | null = null;
  /** Within delimiters stand names of one control, the best first: that one is taken. */
  let inSet = false;
  let setHasOne = false;

  const add = (range: UsageRange): void => {
    if (inSet && setHasOne) return;
    setHasOne = true;
    ranges.push(range);
  };
  return {
    ranges,
    take(item, pageThen, warn) {
      // Four bytes bring their own page, even where its number is small.
      const edge: Edge = { id: item.unsigned & 0xffff, page: item.bytes === 4 ? item.unsigned >>> 16 : null, pageThen };
      if (item.tag === TAG.usage) add({ first: edge.id, last: edge.id, page: edge.page, pageThen });
      else if (item.tag === TAG.usageMinimum) minimum = edge;
      else if (item.tag === TAG.usageMaximum) maximum = edge;
      else if (item.tag === TAG.delimiter) {
        if (inSet === (item.unsigned === 1)) warn('a Delimiter without its other one');
        inSet = item.unsigned === 1;
        setHasOne = false;
      }
      if (minimum === null || maximum === null) return;
      const page = maximum.page ?? minimum.page;
      if (minimum.id > maximum.id || (minimum.page ?? page) !== page) warn('a range of usages that ends before it begins');
      else add({ first: minimum.id, last: maximum.id, page, pageThen: minimum.pageThen });
      minimum = null;
      maximum = null;
    }
  };
}

/**
 * The usages of a main item, at most so many. A short one is of the page that holds at the main item (section 6.2.2.8); since vendors change the page in
 * between and mean the one before, that reading is kept beside it.
 */
function namedBy(ranges: readonly UsageRange[], page: number, most: number): Named[] {
  const named: Named[] = [];
  for (const range of ranges)
    for (let id = range.first; id <= range.last; id += 1) {
      if (named.length >= most) return named;
      named.push({ usage: usageOf(range.page ?? page, id), alternate: usageOf(range.page ?? range.pageThen, id) });
    }
  return named;
}

/** The logical range that holds (section 6.2.2.7), as Linux reads it: the maximum is signed where the minimum is negative, so that 15 00 25 FF ends at 255. */
function logicalRange({ logicalMinimum, logicalMaximum, reportSize }: Globals, array: boolean): { minimum: number; maximum: number; odd: boolean } {
  const maximum = logicalMinimum < 0 ? logicalMaximum.signed : logicalMaximum.unsigned;
  const unset = logicalMinimum === 0 && maximum === 0 && !array;
  if (maximum >= logicalMinimum && !unset) return { minimum: logicalMinimum, maximum, odd: false };
  // None was given, or one that holds nothing: all that fits into the bits.
  return { minimum: 0, maximum: 2 ** reportSize - 1, odd: true };
}

type Reports = {
  /** @returns why the descriptor cannot be understood; null where it can */
  add(kind: ReportField['kind'], flags: number, globals: Globals, ranges: readonly UsageRange[], collections: readonly Usage[]): string | null;
  end(): Omit<ReportModel, 'warnings'> | null;
};

/** What the main items add up to: those of one kind and id continue where the last one ended, whatever stood in between. */
function createReports(warn: (text: string) => void): Reports {
  const fields: ReportField[] = [];
  const bits = { input: new Map<number, number>(), output: new Map<number, number>(), feature: new Map<number, number>() };
  let usagesLeft = MAX_USAGES;

  function addFields(first: Omit<ReportField, 'usages' | 'alternateUsages'>, count: number, ranges: readonly UsageRange[], page: number): void {
    const room = MAX_FIELDS - fields.length;
    // What an array cannot say is not kept of its usages.
    const sayable = Math.min(first.logicalMaximum - first.logicalMinimum + 1, 2 ** first.bitSize);
    const named = namedBy(ranges, page, first.array ? Math.min(sayable, usagesLeft) : Math.min(count, room));
    const last = named.at(-1);
    if (last === undefined) {
      warn('more fields than are kept');
      return;
    }
    // A constant control that was given one usage and many bits has the rest for padding; others repeat the last usage (section 6.2.2.8).
    const wanted = first.constant && !first.array ? named.length : count;
    const slots = Math.min(wanted, room);
    if (slots < wanted) warn('more fields than are kept');
    usagesLeft -= first.array ? named.length : 0;
    const shared = first.array ? readings(named) : null;
    for (let slot = 0; slot < slots; slot += 1)
      fields.push({ ...first, ...(shared ?? readings([named[slot] ?? last])), bitOffset: first.bitOffset + slot * first.bitSize });
  }

  return {
    add(kind, flags, globals, ranges, collections) {
      const { reportId, reportSize, reportCount, page } = globals;
      const bitOffset = bits[kind].get(reportId) ?? 0;
      const end = bitOffset + reportSize * reportCount;
      if (end > MAX_REPORT_BYTES * 8) return 'one of its reports is too long';
      bits[kind].set(reportId, end);
      if (ranges.length === 0 || reportCount === 0 || reportSize === 0) return null;
      if (reportSize > MAX_FIELD_BITS) {
        warn('a field of more than 32 bits');
        return null;
      }
      const array = (flags & FLAG.variable) === 0;
      const { minimum, maximum, odd } = logicalRange(globals, array);
      if (odd) warn('a field without a logical range');
      const first = {
        kind,
        reportId,
        bitOffset,
        bitSize: reportSize,
        collections,
        logicalMinimum: minimum,
        logicalMaximum: maximum,
        array,
        relative: (flags & FLAG.relative) !== 0,
        noPreferred: (flags & FLAG.noPreferred) !== 0,
        nullState: (flags & FLAG.nullState) !== 0,
        constant: (flags & FLAG.constant) !== 0
      };
      addFields(first, reportCount, ranges, page);
      return null;
    },
    end() {
      const ids = [bits.input, bits.output, bits.feature].flatMap((lengths) => [...lengths.keys()]);
      if (ids.length === 0) return null;
      const usesReportIds = ids.some((id) => id !== 0);
      if (usesReportIds && ids.includes(0)) warn('a report without an id beside reports with one');
      const bytes = (lengths: ReadonlyMap<number, number>): ReadonlyMap<number, number> =>
        new Map([...lengths].map(([id, length]) => [id, Math.ceil(length / 8)]));
      return { fields, usesReportIds, byteLengths: { input: bytes(bits.input), output: bytes(bits.output), feature: bytes(bits.feature) } };
    }
  };
}

function readings(named: readonly Named[]): Pick<ReportField, 'usages' | 'alternateUsages'> {
  const differ = named.some(({ usage, alternate }) => usage !== alternate);
  return { usages: named.map(({ usage }) => usage), alternateUsages: differ ? named.map(({ alternate }) => alternate) : [] };
}
