// Fire at what reads HID devices: anybody can plug one in. Each descriptor is answered, in a time and with a memory that do not run away with what it claims;
// a report is read or refused; what is built has the length that the descriptor says, worked out here a second time.
import assert from 'node:assert/strict';
import { buildReport, readReport } from '../../src/devices/hid/report-codec.ts';
import { parseReportDescriptor } from '../../src/devices/hid/report-descriptor.ts';
import type { ReportModel, TelephonyLamp } from '../../src/devices/hid/report-model.ts';
import { controlValues, lampReport, type TelephonyMap, telephonyMap } from '../../src/devices/hid/telephony-map.ts';
import { DEVICES } from '../data/hid/devices.ts';
import { firedInHalves, quickestMs, type Range } from './fire.ts';
import { mutateDescriptor } from './mutate-descriptor.ts';
import type { Random } from './random.ts';

/** A descriptor of a real headset takes a quarter of a millisecond with all that is done to it here; one that claims the most that is kept, about ten. */
const SLOW_MS = 200;
const REPORTS = 4;
const LAMPS: readonly TelephonyLamp[] = ['offHook', 'mute', 'ring', 'hold', 'onLine', 'speaker', 'microphone', 'line', 'ringer'];
const CORPUS = Object.values(DEVICES).map((bytes) => Buffer.from(bytes));

/** Bytes of each report by kind and id: a second reading, of sizes and counts alone (HID 1.11 sections 6.2.2.4 and 6.2.2.7). */
function lengthsOf(descriptor: Buffer): Map<string, number> {
  const bits = new Map<string, number>();
  let globals = { size: 0, count: 0, id: 0 };
  const pushed: (typeof globals)[] = [];
  for (let at = 0; at < descriptor.length; ) {
    const prefix = descriptor.readUInt8(at);
    const size = prefix === 0xfe ? 2 + (descriptor[at + 1] ?? 0) : ([0, 1, 2, 4][prefix & 3] ?? 0);
    const data = descriptor.subarray(at + 1, at + 1 + size);
    at += 1 + size;
    if (data.length < size) break;
    const value = prefix === 0xfe || size === 0 ? 0 : data.readUIntLE(0, size);
    const kind = new Map([
      [0x80, 'input'],
      [0x90, 'output'],
      [0xb0, 'feature']
    ]).get(prefix === 0xfe ? 0 : prefix & 0xfc);
    if (kind !== undefined) bits.set(`${kind} ${globals.id}`, (bits.get(`${kind} ${globals.id}`) ?? 0) + globals.size * globals.count);
    else if (prefix !== 0xfe) {
      if ((prefix & 0xfc) === 0x74) globals = { ...globals, size: value };
      if ((prefix & 0xfc) === 0x84) globals = { ...globals, id: value };
      if ((prefix & 0xfc) === 0x94) globals = { ...globals, count: value };
      if ((prefix & 0xfc) === 0xa4) pushed.push(globals);
      if ((prefix & 0xfc) === 0xb4) globals = pushed.pop() ?? globals;
    }
  }
  return new Map([...bits].map(([key, length]) => [key, Math.ceil(length / 8)]));
}

function fireReports(random: Random, model: ReportModel, map: TelephonyMap, count: (outcome: string) => void): void {
  const ids = [...model.byteLengths.input];
  for (let shots = REPORTS; shots > 0; shots -= 1) {
    const [id, length] = random.once(4) || ids.length === 0 ? [random.below(256), random.below(80)] : random.pick(ids);
    const report = Buffer.concat([Buffer.from([id]), random.bytes(Math.max(0, Math.min(length, 2_000) + (random.once(4) ? random.below(5) - 2 : 0)))]);
    const read = readReport(model, random.once(8) ? report.subarray(0, random.below(3)) : report);
    if (!read.ok) assert.equal(read.error.code, 'CL_DEVICE_REPORT');
    else for (const { field, value } of read.value) assert.ok(field.array ? value === 1 : value >= field.logicalMinimum && value <= field.logicalMaximum);
    for (const { value } of controlValues(map, report)) assert.ok(Number.isInteger(value));
    count(read.ok ? 'a report is read' : 'a report is refused');
  }
}

/** @returns how many were built */
function buildAll(random: Random, model: ReportModel, map: TelephonyMap, lengths: ReadonlyMap<string, number>): number {
  let reports = 0;
  for (const kind of ['output', 'feature'] as const)
    for (const id of model.byteLengths[kind].keys()) {
      const fields = model.fields.filter((field) => field.kind === kind && field.reportId === id).slice(0, 8);
      const values = new Map(
        fields.map(({ array, usages, logicalMinimum, logicalMaximum }) => [
          usages[0] ?? 0,
          array || random.once(2) ? random.below(2) : random.pick([logicalMinimum, logicalMaximum])
        ])
      );
      const lit = new Set(LAMPS.filter(() => random.once(2)));
      for (const built of [buildReport(model, kind, id, values), ...(kind === 'output' ? [lampReport(map, id, lit)] : [])]) {
        if (!built.ok) {
          assert.equal(built.error.code, 'CL_DEVICE_REPORT');
          continue;
        }
        assert.equal(built.value.length, 1 + (lengths.get(`${kind} ${id}`) ?? Number.NaN), `a report of another length: ${kind} ${id}`);
        assert.ok(built.value[0] === id && readReport(model, built.value, kind).ok);
        reports += 1;
      }
    }
  return reports;
}

export function besiegeHid(range: Range, count: number): void {
  const { random } = range;
  firedInHalves(range, count, () => {
    const { datagram, how } = mutateDescriptor(random, CORPUS);
    range.aim(datagram, how);
    const model = parseReportDescriptor(datagram);
    const tookMs = quickestMs(SLOW_MS, () => parseReportDescriptor(datagram).ok && model.ok && telephonyMap(model.value));
    assert.ok(tookMs < SLOW_MS, `${datagram.length} bytes took ${tookMs.toFixed(0)} ms`);
    if (!model.ok) {
      assert.equal(model.error.code, 'CL_DEVICE_DESCRIPTOR');
      range.count('a descriptor is refused');
      return;
    }
    const map = telephonyMap(model.value);
    range.count(map.controls.length + map.lamps.length > 0 ? 'a telephone' : 'no telephone');
    fireReports(random, model.value, map, range.count);
    for (let built = buildAll(random, model.value, map, lengthsOf(datagram)); built > 0; built -= 1) range.count('a report is built');
  });
}
