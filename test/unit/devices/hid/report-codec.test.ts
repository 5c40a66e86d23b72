import assert from 'node:assert/strict';
import fc from 'fast-check';
import { buildReport, readReport } from '../../../../src/devices/hid/report-codec.ts';
import { parseReportDescriptor } from '../../../../src/devices/hid/report-descriptor.ts';
import type { ReportField, ReportModel, Usage } from '../../../../src/devices/hid/report-model.ts';
import { anyPlan, type Plan, type PlannedItem, written } from '../../../data/hid/any-descriptor.ts';
import {
  application,
  cells,
  descriptor,
  input,
  logicalMaximum,
  logicalRange,
  output,
  type Part,
  padding,
  reportId,
  usage,
  usagePage,
  usages
} from '../../../data/hid/descriptor-builder.ts';

const VARIABLE = 0x02;
const ARRAY = 0x00;
const NULL_STATE = 0x40;

function modelOf(bytes: Uint8Array): ReportModel {
  const model = parseReportDescriptor(bytes);
  assert.ok(model.ok);
  return model.value;
}
const headset = (...parts: readonly Part[]): ReportModel => modelOf(descriptor(application(0x0b, 0x05, ...parts)));
function values(model: ReportModel, report: readonly number[], kind?: ReportField['kind']): Record<string, number> {
  const read = readReport(model, Uint8Array.from(report), kind);
  assert.ok(read.ok, read.ok ? '' : read.error.message);
  return Object.fromEntries(read.value.map(({ usage, value }) => [usage.toString(16), value]));
}
function refusal(result: ReturnType<typeof buildReport> | ReturnType<typeof readReport>): string {
  assert.ok(!result.ok);
  assert.equal(result.error.code, 'CL_DEVICE_REPORT');
  return result.error.message;
}
function built(model: ReportModel, reportId: number, ...entries: readonly (readonly [Usage, number])[]): number[] {
  const report = buildReport(model, 'output', reportId, new Map(entries));
  assert.ok(report.ok, report.ok ? '' : report.error.message);
  return [...report.value];
}

describe('a report', () => {
  const bits = headset(
    reportId(2),
    logicalRange(0, 1),
    usages(0x20, 0x2f),
    cells(2, 1),
    input(VARIABLE),
    padding(input, 6),
    reportId(3),
    usage(0x21),
    cells(1, 24),
    input(VARIABLE)
  );

  it('is read by its id, bit by bit', () => {
    assert.deepEqual(values(bits, [2, 0b01]), { b0020: 1, b002f: 0 });
    assert.deepEqual(values(bits, [2, 0b1111_1110]), { b0020: 0, b002f: 1 });
    assert.deepEqual(values(headset(logicalRange(0, 1), usage(0x20), cells(1, 1), input(VARIABLE)), [0, 1]), { b0020: 1 });
  });

  it('has values across bytes, up to 32 bits, with their sign', () => {
    const wide = headset(
      padding(input, 3),
      usage(1),
      logicalRange(-(2 ** 30), 2 ** 30),
      cells(1, 32),
      input(VARIABLE),
      usage(2),
      logicalRange(-4, 3),
      cells(1, 3),
      input(VARIABLE)
    );
    assert.deepEqual(values(wide, [0, 0xf8, 0xff, 0xff, 0xff, 0b0011_1111]), { b0001: -1, b0002: -1 });
    assert.deepEqual(values(wide, [0, 0b0010_1111, 0, 0, 0, 0b0010_0000]), { b0001: 5, b0002: -4 });
    const unsigned = headset(usage(1), logicalRange(0, 1), logicalMaximum(2 ** 32 - 1, 4), cells(1, 32), input(VARIABLE));
    assert.deepEqual(values(unsigned, [0, 0xff, 0xff, 0xff, 0xff]), { b0001: 2 ** 32 - 1 });
  });

  it('says nothing of a control in its null state, and the nearest value where there is none', () => {
    const dial = (flags: number): ReportModel => headset(usage(1), logicalRange(0, 9), cells(1, 4), input(VARIABLE | flags), padding(input, 4));
    assert.deepEqual(values(dial(NULL_STATE), [0, 9]), { b0001: 9 });
    assert.deepEqual(values(dial(NULL_STATE), [0, 15]), {});
    assert.deepEqual(values(dial(0), [0, 15]), { b0001: 9 });
  });

  it('has what the slots of an array name', () => {
    const keys = headset(usages(0x20, 0x2f, 0x21), logicalRange(1, 3), cells(2, 4), input(ARRAY));
    assert.deepEqual(values(keys, [0, 0x31]), { b0020: 1, b0021: 1 });
    assert.deepEqual(values(keys, [0, 0x02]), { b002f: 1 });
    assert.deepEqual(values(keys, [0, 0xf0]), {});
    const fromZero = headset(usages(0x20, 0x2f), logicalRange(0, 1), cells(1, 8), input(ARRAY));
    assert.deepEqual([values(fromZero, [0, 0]), values(fromZero, [0, 1]), values(fromZero, [0, 2])], [{ b0020: 1 }, { b002f: 1 }, {}]);
  });

  it('of an array of one bit has all that it names, or nothing', () => {
    const reject = headset(usages(0x07, 0x01), logicalRange(0, 1), cells(1, 1), input(ARRAY | NULL_STATE), padding(input, 7));
    assert.deepEqual([values(reject, [0, 0]), values(reject, [0, 1])], [{}, { b0007: 1, b0001: 1 }]);
  });

  it('is refused where it is not of this device', () => {
    const read = (...bytes: number[]): string => refusal(readReport(bits, Uint8Array.from(bytes)));
    assert.match(read(), /unknown id/);
    assert.match(read(4, 0), /unknown id/);
    assert.match(read(2), /too short/);
    assert.match(read(2, 0, 1), /too long/);
    assert.match(read(2, 0, 0, 0, 0), /too long/);
    assert.match(read(3, 0, 0), /too short/);
    assert.match(refusal(readReport(bits, Uint8Array.from([2, 0]), 'output')), /unknown id/);
  });

  it('may be as long as the longest one where it ends with zeros', () => {
    assert.deepEqual(values(bits, [2, 0b10, 0, 0]), { b0020: 0, b002f: 1 });
  });

  it('is read from any bytes', () => {
    fc.assert(
      fc.property(anyPlan, fc.uint8Array({ maxLength: 40 }), (plan, report) => {
        const model = modelOf(written(plan));
        const read = readReport(model, report);
        if (!read.ok) return assert.equal(read.error.code, 'CL_DEVICE_REPORT');
        for (const { field, usage, value } of read.value) {
          assert.ok(field.usages.includes(usage));
          assert.ok(field.array ? value === 1 : value >= field.logicalMinimum && value <= field.logicalMaximum);
        }
      }),
      { numRuns: 200 }
    );
  });
});

describe('a report that is built', () => {
  const lamps = headset(
    reportId(2),
    usagePage(0x08),
    ...[
      logicalRange(0, 1),
      usages(0x17, 0x09),
      cells(2, 1),
      output(VARIABLE),
      padding(output, 10),
      usage(0x50),
      logicalRange(-8, 7),
      cells(1, 4),
      output(VARIABLE)
    ]
  );

  it('has the length of the descriptor, its id first, and 0 for what is not named', () => {
    assert.deepEqual(built(lamps, 2), [2, 0, 0]);
    assert.deepEqual(built(lamps, 2, [0x08_0009, 1]), [2, 0b10, 0]);
    assert.deepEqual(built(lamps, 2, [0x08_0017, 1], [0x08_0009, 0], [0x08_0050, -2]), [2, 0b01, 0b1110_0000]);
  });

  it('begins with 0 where the device uses no ids', () => {
    assert.deepEqual(built(headset(usage(0x9e), logicalRange(0, 1), cells(1, 1), output(VARIABLE)), 0, [0x0b_009e, 1]), [0, 1]);
  });

  it('names in an array what is not 0, and nothing in the slots that are left', () => {
    const array = (minimum: number, maximum: number, bitsEach: number): ReportModel =>
      headset(usages(0x17, 0x09, 0x18), logicalRange(minimum, maximum), cells(2, bitsEach), output(ARRAY));
    assert.deepEqual(built(array(1, 3, 4), 0, [0x0b_0018, 1], [0x0b_0017, 0]), [0, 0x03]);
    assert.deepEqual(built(array(1, 3, 4), 0, [0x0b_0018, 1], [0x0b_0017, 1]), [0, 0x31]);
    assert.deepEqual(built(array(1, 3, 4), 0), [0, 0]);
    assert.deepEqual(built(array(0, 2, 4), 0, [0x0b_0017, 1]), [0, 0x30]);
    assert.match(refusal(buildReport(array(1, 3, 4), 'output', 0, new Map([0x17, 0x09, 0x18].map((id) => [0x0b_0000 + id, 1])))), /fewer slots/);
  });

  it('is refused rather than other than it was meant', () => {
    const build = (reportId: number, usage: Usage, value: number): string => refusal(buildReport(lamps, 'output', reportId, new Map([[usage, value]])));
    assert.match(build(3, 0x08_0017, 1), /no such usage/);
    assert.match(refusal(buildReport(lamps, 'output', 3, new Map())), /unknown id/);
    assert.match(refusal(buildReport(lamps, 'feature', 2, new Map())), /unknown id/);
    assert.match(build(2, 0x08_0018, 1), /no such usage/);
    assert.match(build(2, 0x08_0017, 2), /out of its range/);
    assert.match(build(2, 0x08_0050, -9), /out of its range/);
    assert.match(build(2, 0x08_0050, 0.5), /out of its range/);
    assert.match(build(2, 0x08_0050, Number.NaN), /out of its range/);
  });

  it('is read as what was built, and is never of another length', () => {
    fc.assert(
      fc.property(anyPlan.map(sayable), fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })), (plan, chances) => {
        const model = modelOf(written(plan));
        const below = (limit: number): number => Math.floor(chances.next().value * limit);
        for (const kind of ['output', 'feature'] as const)
          for (const [id, length] of model.byteLengths[kind]) {
            const wanted = new Map<Usage, number>();
            const slots = new Map<Usage, number>();
            for (const { kind: own, reportId: ownId, array, usages: names, logicalMinimum, logicalMaximum } of model.fields) {
              const [first] = names;
              if (own !== kind || ownId !== id || first === undefined) continue;
              const slot = slots.get(first) ?? 0;
              slots.set(first, slot + 1);
              const usageOfSlot = array ? names[slot] : first;
              if (usageOfSlot !== undefined && (!array || below(2) === 1))
                wanted.set(usageOfSlot, array ? 1 : logicalMinimum + below(logicalMaximum - logicalMinimum + 1));
            }
            const report = buildReport(model, kind, id, wanted);
            assert.ok(report.ok);
            assert.equal(report.value.length, 1 + length);
            const read = readReport(model, report.value, kind);
            assert.ok(read.ok);
            assert.deepEqual(new Map(read.value.map(({ usage: of, value }) => [of, value] as const).sort()), new Map([...wanted].sort()));
          }
      }),
      { numRuns: 200 }
    );
  });
});

/** Without arrays that cannot be told from variables (one bit), or whose slots cannot be empty. */
function sayable(plan: Plan): Plan {
  const isSayable = ({ bits, minimum, maximum }: PlannedItem): boolean => bits > 1 && maximum + 1 < 2 ** (minimum < 0 ? bits - 1 : bits);
  return { ...plan, items: plan.items.map((item) => (isSayable(item) ? item : { ...item, flags: item.flags | VARIABLE })) };
}
