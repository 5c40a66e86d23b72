// Input reports to values, values to output and feature reports, by the device's own descriptor. Reports come from any device: what does not fit is a
// CL_DEVICE_REPORT, never an exception. A report that is built here has exactly the length of the descriptor, since hidraw sends whatever it is given.
import { CloisterError } from '../../kernel/errors.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import type { ReportField, ReportModel, Usage } from './report-model.ts';

/** What a report says of one usage. A control in its null state says nothing; a slot of an array says 1 of what it names. */
export type FieldValue = { readonly field: ReportField; readonly usage: Usage; readonly value: number };

/** @param report begins with the report id, 0 where the device uses none (transport.ts) */
export function readReport(model: ReportModel, report: Uint8Array, kind: ReportField['kind'] = 'input'): Result<readonly FieldValue[]> {
  const wrong = misfit(model, report, kind);
  if (wrong !== null) return refusal(wrong);
  const values: FieldValue[] = [];
  for (const field of model.fields) {
    if (field.kind !== kind || field.reportId !== report[0]) continue;
    if (field.array) for (const usage of selectedBy(field, report)) values.push({ field, usage, value: 1 });
    else {
      const [usage] = field.usages;
      const value = variableValue(field, report);
      if (usage !== undefined && value !== null) values.push({ field, usage, value });
    }
  }
  return ok(values);
}

/**
 * Why a report is not one of this device; null where it is. Longer by zeros than its own length, up to the longest of its kind, it still is: Windows hands
 * all reports out at that length (hidapi, windows/hid.c, hid_read_timeout).
 */
export function misfit(model: ReportModel, report: Uint8Array, kind: ReportField['kind'] = 'input'): string | null {
  const lengths = model.byteLengths[kind];
  const own = report[0] === undefined ? undefined : lengths.get(report[0]);
  if (own === undefined) return 'it has an unknown id';
  if (report.length < 1 + own) return 'it is too short';
  if (report.length === 1 + own) return null;
  const longest = Math.max(...lengths.values());
  return report.length <= 1 + longest && report.subarray(1 + own).every((byte) => byte === 0) ? null : 'it is too long';
}

/** @returns null in the null state (HID 1.11 sections 5.10 and 6.2.2.5); where the field has none, a value out of range is the nearest one, as Linux has it */
export function variableValue(field: ReportField, report: Uint8Array): number | null {
  const value = rawValue(field, report);
  const within = Math.min(Math.max(value, field.logicalMinimum), field.logicalMaximum);
  return value !== within && field.nullState ? null : within;
}

/** What one slot of an array names: nothing where its value is out of range (HID 1.11 section 6.2.2.5). */
export function selectedBy(field: ReportField, report: Uint8Array): readonly Usage[] {
  const value = rawValue(field, report);
  // One bit cannot name a control and also none. Where such an array is declared, 1 is all that it names, and 0 nothing.
  if (field.bitSize === 1) return value === 0 ? [] : field.usages;
  const usage = field.usages[value - field.logicalMinimum];
  return usage === undefined ? [] : [usage];
}

function rawValue({ bitOffset, bitSize, logicalMinimum }: ReportField, report: Uint8Array): number {
  const first = 1 + Math.floor(bitOffset / 8);
  const last = 1 + Math.floor((bitOffset + bitSize - 1) / 8);
  let bits = 0; // up to five bytes: no bitwise operations
  for (let at = last; at >= first; at -= 1) bits = bits * 0x100 + (report[at] ?? 0);
  const value = Math.floor(bits / 2 ** (bitOffset % 8)) % 2 ** bitSize;
  return logicalMinimum < 0 && value >= 2 ** (bitSize - 1) ? value - 2 ** bitSize : value;
}

/**
 * What is not named is 0, or names nothing where it is an array. Refused, and not put right: a report or a usage that is not there, a value out of its
 * range, more usages than an array has slots. What was not meant is not sent.
 * @returns the report, its id first (transport.ts)
 */
export function buildReport(
  model: ReportModel,
  kind: 'output' | 'feature',
  reportId: number,
  values: ReadonlyMap<Usage, number>
): Result<Uint8Array<ArrayBuffer>> {
  const unknown = new Set(values.keys());
  const variables = new Map<ReportField, number>();
  const named = new Map<readonly Usage[], Usage[]>();
  const slots = new Map<readonly Usage[], number>();
  for (const field of model.fields) {
    if (field.kind !== kind || field.reportId !== reportId) continue;
    const { array, usages, logicalMinimum, logicalMaximum } = field;
    const seen = slots.get(usages) ?? 0;
    slots.set(usages, seen + 1);
    if (seen > 0) continue; // another slot of the same array
    for (const usage of usages) {
      const value = values.get(usage);
      unknown.delete(usage);
      if (value === undefined) continue;
      if (!array) variables.set(field, value);
      else if (value === 1) named.set(usages, [...(named.get(usages) ?? []), usage]);
      const [least, most] = array ? [0, 1] : [logicalMinimum, logicalMaximum];
      if (!Number.isInteger(value) || value < least || value > most) return refusal('a value is out of its range');
    }
  }
  if (unknown.size > 0) return refusal('it has no such usage');
  for (const [usages, list] of named) if (list.length > (slots.get(usages) ?? 0)) return refusal('an array has fewer slots than it is to name usages');
  return writeReport(model, kind, reportId, { variables, named });
}

/** What a report is to hold: the values of variables, and what each array names, known by its usages: what comes first gets a slot first. */
export type ReportContent = { readonly variables: ReadonlyMap<ReportField, number>; readonly named: ReadonlyMap<readonly Usage[], readonly Usage[]> };

export function writeReport(
  model: ReportModel,
  kind: 'output' | 'feature',
  reportId: number,
  { variables, named }: ReportContent
): Result<Uint8Array<ArrayBuffer>> {
  const bytes = model.byteLengths[kind].get(reportId);
  if (bytes === undefined) return refusal('it has an unknown id');
  const report = new Uint8Array(1 + bytes);
  report[0] = reportId;
  const waiting = new Map([...named].map(([usages, list]) => [usages, list.map((usage) => usages.indexOf(usage))]));
  for (const field of model.fields) {
    if (field.kind !== kind || field.reportId !== reportId) continue;
    const index = waiting.get(field.usages)?.shift();
    if (!field.array) writeValue(report, field, variables.get(field) ?? 0);
    else if (field.bitSize === 1) writeValue(report, field, Number(index !== undefined));
    else writeValue(report, field, index === undefined ? nullSlot(field) : field.logicalMinimum + index);
  }
  return ok(report);
}

/** A value that names nothing: 0 where that is out of the range, else the first one after it; 0 where all values are taken. */
function nullSlot({ bitSize, logicalMinimum, logicalMaximum }: ReportField): number {
  if (logicalMinimum > 0 || logicalMaximum < 0) return 0;
  const next = logicalMaximum + 1;
  return next < 2 ** (logicalMinimum < 0 ? bitSize - 1 : bitSize) ? next : 0;
}

function writeValue(report: Uint8Array, { bitOffset, bitSize }: ReportField, value: number): void {
  let left = value < 0 ? value + 2 ** bitSize : value;
  for (let bit = bitOffset; bit < bitOffset + bitSize; bit += 1) {
    const at = 1 + Math.floor(bit / 8);
    if (left % 2 === 1) report[at] = (report[at] ?? 0) | (1 << (bit % 8));
    left = Math.floor(left / 2);
  }
}

const refusal = (why: string): Result<never> => err(new CloisterError('CL_DEVICE_REPORT', `A report does not fit its device: ${why}.`));
