import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseReportDescriptor } from '../../../../src/devices/hid/report-descriptor.ts';
import type { ReportField, ReportModel } from '../../../../src/devices/hid/report-model.ts';
import { anyPlan, expected, written } from '../../../data/hid/any-descriptor.ts';
import {
  application,
  cells,
  closeDelimiter,
  collection,
  collectionBegin,
  collectionEnd,
  descriptor,
  extendedUsage,
  feature,
  input,
  LOGICAL,
  logicalMaximum,
  logicalMinimum,
  logicalRange,
  longItem,
  openDelimiter,
  output,
  type Part,
  padding,
  pop,
  push,
  reportCount,
  reportId,
  reportSize,
  usage,
  usageMaximum,
  usageMinimum,
  usagePage,
  usageRange,
  usages
} from '../../../data/hid/descriptor-builder.ts';
import { DEVICES } from '../../../data/hid/devices.ts';

const SWITCH = 0x22;
const ARRAY = 0x00;

function read(...parts: readonly Part[]): ReportModel {
  const model = parseReportDescriptor(descriptor(...parts));
  assert.ok(model.ok, model.ok ? '' : model.error.message);
  return model.value;
}
const headset = (...parts: readonly Part[]): ReportModel => read(application(0x0b, 0x05, ...parts));
const refusedFor = (bytes: Uint8Array): string => {
  const model = parseReportDescriptor(bytes);
  assert.ok(!model.ok);
  assert.equal(model.error.code, 'CL_DEVICE_DESCRIPTOR');
  return model.error.message;
};
const where = ({ kind, reportId, bitOffset, bitSize }: ReportField): string => `${kind} ${reportId}: ${bitOffset}/${bitSize}`;
const named = (model: ReportModel): string[] => model.fields.map(({ usages }) => usages.map((each) => each.toString(16)).join(' '));
const bit = [...logicalRange(0, 1), ...cells(1, 1)];

describe('a report descriptor', () => {
  it('tells where each field is, and what it is', () => {
    const model = headset(
      reportId(2),
      logicalRange(0, 1),
      usages(0x20, 0x97),
      cells(2, 1),
      input(SWITCH),
      padding(input, 6),
      usagePage(8),
      usage(0x17),
      output(SWITCH)
    );
    assert.deepEqual(model.fields.map(where), ['input 2: 0/1', 'input 2: 1/1', 'output 2: 0/6']);
    assert.deepEqual(named(model), ['b0020', 'b0097', '80017']);
    assert.deepEqual(
      [...model.byteLengths.input, ...model.byteLengths.output, ...model.byteLengths.feature],
      [
        [2, 1],
        [2, 1]
      ]
    );
    assert.equal(model.usesReportIds, true);
    assert.deepEqual(model.warnings, []);
    const [field] = model.fields;
    assert.deepEqual(field, {
      kind: 'input',
      reportId: 2,
      bitOffset: 0,
      bitSize: 1,
      usages: [0x0b_0020],
      alternateUsages: [],
      collections: [0x0b_0005],
      logicalMinimum: 0,
      logicalMaximum: 1,
      array: false,
      relative: false,
      noPreferred: true,
      nullState: false,
      constant: false
    });
  });

  it('goes on where the last field of one kind and id ended, whatever stood in between', () => {
    const model = headset(
      ...[bit, reportId(1), usage(0x20), input(SWITCH), reportId(2), usage(0x2f), input(SWITCH), output(SWITCH), reportId(1)],
      ...[usage(0x21), input(SWITCH), usage(0x17), output(SWITCH)]
    );
    assert.deepEqual(model.fields.map(where), ['input 1: 0/1', 'input 2: 0/1', 'input 1: 1/1', 'output 1: 0/1']);
    assert.deepEqual(
      [...model.byteLengths.output],
      [
        [2, 1],
        [1, 1]
      ]
    );
  });

  it('uses no report ids where none is given', () => {
    const model = headset(bit, usage(0x20), input(SWITCH));
    assert.deepEqual([model.usesReportIds, model.fields[0]?.reportId], [false, 0]);
  });

  it('has fields of several collections, each with what is around it', () => {
    const model = read(
      application(0x0b, 0x05, bit, usage(0x20), input(SWITCH), collection(LOGICAL, 0x06, usageRange(0xb0, 0xbb), input(ARRAY))),
      application(0x0c, 0x01, usage(0xe9), input(SWITCH))
    );
    assert.deepEqual(
      model.fields.map(({ collections }) => collections),
      [[0x0b_0005], [0x0b_0005, 0x0b_0006], [0x0c_0001]]
    );
  });

  it('keeps global items over Push and Pop, the report id among them', () => {
    const model = headset(reportId(1), bit, push, usagePage(0x0c), reportId(2), reportSize(4), usage(0xe9), input(SWITCH), pop, usage(0x20), input(SWITCH));
    assert.deepEqual(model.fields.map(where), ['input 2: 0/4', 'input 1: 0/1']);
    assert.deepEqual(named(model), ['c00e9', 'b0020']);
  });

  it('forgets usages after each main item', () => {
    assert.deepEqual(named(headset(bit, usage(0x20), input(SWITCH), input(SWITCH), usage(0x2f), collectionBegin(LOGICAL), input(SWITCH))), ['b0020']);
  });

  describe('names its fields', () => {
    it('one after the other, the last one for all that are left', () => {
      assert.deepEqual(named(headset(logicalRange(0, 1), usages(0x20, 0x21), cells(4, 1), input(SWITCH))), ['b0020', 'b0021', 'b0021', 'b0021']);
      assert.deepEqual(named(headset(logicalRange(0, 1), usages(0x20, 0x21, 0x23), cells(2, 1), input(SWITCH))), ['b0020', 'b0021']);
    });

    it('by ranges, among single ones, in either order', () => {
      const model = headset(logicalRange(0, 1), usage(0x50), usageRange(0x20, 0x22), usageMaximum(0x31), usageMinimum(0x30), cells(6, 1), input(SWITCH));
      assert.deepEqual(named(model), ['b0050', 'b0020', 'b0021', 'b0022', 'b0030', 'b0031']);
    });

    it('by extended usages, whatever the page is', () => {
      const model = headset(
        ...[logicalRange(0, 1), extendedUsage(0x0c, 0xe9), usageMinimum(0xff00_0001, 4), usageMaximum(0xff00_0002, 4), usage(0x20)],
        ...[cells(4, 1), input(SWITCH)]
      );
      assert.deepEqual(named(model), ['c00e9', 'ff000001', 'ff000002', 'b0020']);
      assert.deepEqual(model.fields[0]?.alternateUsages, []);
      assert.deepEqual(named(headset(bit, extendedUsage(0, 0x20), input(SWITCH))), ['20']);
    });

    it('by the page at the main item, with the one before as the other reading', () => {
      const model = headset(bit, usage(0x07), usagePage(0x09), input(SWITCH));
      assert.deepEqual([model.fields[0]?.usages, model.fields[0]?.alternateUsages], [[0x09_0007], [0x0b_0007]]);
      const both = headset(bit, usage(0x07), usagePage(0x09), usage(0x01), input(0x40));
      assert.deepEqual(
        [both.fields[0]?.usages, both.fields[0]?.alternateUsages],
        [
          [0x09_0007, 0x09_0001],
          [0x0b_0007, 0x09_0001]
        ]
      );
    });

    it('by the first of each set of aliases', () => {
      const set = (...ids: readonly number[]): Part => [...openDelimiter, ...usages(...ids), ...closeDelimiter];
      const model = headset(logicalRange(0, 1), set(0x20, 0x2b), usage(0x50), set(0x2f, 0x30), cells(3, 1), input(SWITCH));
      assert.deepEqual(named(model), ['b0020', 'b0050', 'b002f']);
      assert.deepEqual(model.warnings, []);
    });

    it('and an array by all that a slot can say, in each slot', () => {
      const model = headset(usages(0x20, 0x21, 0x23), logicalRange(1, 3), cells(2, 4), input(ARRAY));
      assert.deepEqual(model.fields.map(where), ['input 0: 0/4', 'input 0: 4/4']);
      assert.deepEqual(named(model), ['b0020 b0021 b0023', 'b0020 b0021 b0023']);
      assert.equal(model.fields[0]?.usages, model.fields[1]?.usages);
      assert.deepEqual(named(headset(usageRange(0x01, 0x3f), logicalRange(0, 1), cells(1, 1), input(ARRAY))), ['b0001 b0002']);
    });
  });

  describe('has padding', () => {
    it('where there is no usage', () => {
      const model = headset(padding(input, 3), bit, usage(0x20), input(SWITCH), padding(input, 4));
      assert.deepEqual(model.fields.map(where), ['input 0: 3/1']);
      assert.equal(model.byteLengths.input.get(0), 1);
    });

    it('but not where a control is flagged constant', () => {
      assert.deepEqual(headset(bit, usage(0x20), input(SWITCH | 1)).fields.map(where), ['input 0: 0/1']);
    });

    it('in what a constant control has beyond its usages', () => {
      assert.deepEqual(headset(logicalRange(0, 1), usage(0x20), cells(8, 1), input(SWITCH | 1)).fields.map(where), ['input 0: 0/1']);
    });
  });

  describe('has logical ranges', () => {
    const range = (model: ReportModel): unknown => [model.fields[0]?.logicalMinimum, model.fields[0]?.logicalMaximum];

    it('with signs', () => {
      assert.deepEqual(range(headset(usage(0x20), logicalRange(-127, 127), cells(1, 8), input(0x06))), [-127, 127]);
      assert.deepEqual(range(headset(usage(0x20), logicalMinimum(-32_768), logicalMaximum(-1), cells(1, 16), input(0x06))), [-32_768, -1]);
      assert.deepEqual(range(headset(usage(0x20), logicalMinimum(-(2 ** 31)), logicalMaximum(2 ** 31 - 1), cells(1, 32), input(0x06))), [
        -(2 ** 31),
        2 ** 31 - 1
      ]);
    });

    it('with a maximum that has no room for its sign', () => {
      assert.deepEqual(range(headset(usage(0x20), logicalMinimum(0), logicalMaximum(0xff, 1), cells(1, 16), input(SWITCH))), [0, 255]);
      assert.deepEqual(range(headset(usage(0x20), logicalMinimum(0), logicalMaximum(0xffff_ffff, 4), cells(1, 32), input(SWITCH))), [0, 2 ** 32 - 1]);
    });

    it('whichever end is given first', () => {
      assert.deepEqual(range(headset(usage(0x20), logicalMaximum(0xff, 1), logicalMinimum(-2), cells(1, 8), input(SWITCH))), [-2, -1]);
    });

    it('and of all its bits where none is given, or none that holds anything', () => {
      const none = headset(usage(0x20), cells(1, 3), input(SWITCH));
      assert.deepEqual([range(none), none.warnings], [[0, 7], ['a field without a logical range']]);
      const wrong = headset(usage(0x20), logicalMinimum(5), logicalMaximum(3), cells(1, 8), input(SWITCH));
      assert.deepEqual([range(wrong), wrong.warnings], [[0, 255], ['a field without a logical range']]);
    });
  });

  describe('that is not right', () => {
    const fine = [...bit, ...usage(0x20), ...input(SWITCH)];

    it('is read as far as it goes where it is cut short', () => {
      const whole = descriptor(application(0x0b, 0x05, fine, reportId(0x17), usagePage(0xff00)));
      for (let length = 0; length < whole.length; length += 1) {
        const model = parseReportDescriptor(whole.subarray(0, length));
        if (model.ok) assert.deepEqual(named(model.value), ['b0020']);
      }
      const cut = parseReportDescriptor(whole.subarray(0, whole.length - 2));
      assert.deepEqual(cut.ok && cut.value.warnings, ['it is cut short', 'a Collection without its end']);
    });

    it('is read with a warning', () => {
      const cases: readonly (readonly [ReportModel, string])[] = [
        [headset(pop, fine), 'a Pop without its Push'],
        [headset(push, fine), 'a Push without its Pop'],
        [headset(fine, collectionEnd), 'an End Collection without its Collection'],
        [headset(longItem(1, 2, 3), fine), 'a long item'],
        [headset([0x0d, 0x01], fine), 'an item of a reserved type'],
        [headset([0xd1, 0x01], fine), 'a main item of an unknown kind'],
        [headset(usageRange(9, 3), fine), 'a range of usages that ends before it begins'],
        [headset(openDelimiter, openDelimiter, fine, closeDelimiter), 'a Delimiter without its other one'],
        [headset(logicalRange(0, 1), usage(0x50), cells(1, 64), input(SWITCH), fine), 'a field of more than 32 bits'],
        [headset(fine, reportId(1), fine), 'a report without an id beside reports with one']
      ];
      for (const [model, warning] of cases) {
        assert.deepEqual(model.warnings, [warning]);
        assert.equal(named(model)[0], 'b0020');
      }
    });

    it('is refused where its reports cannot be known', () => {
      assert.match(refusedFor(new Uint8Array()), /it has no report/);
      assert.match(refusedFor(descriptor(application(0x0b, 0x05))), /it has no report/);
      assert.match(refusedFor(descriptor(application(0x0b, 0x05, reportId(0), fine))), /the id 0/);
      assert.match(refusedFor(descriptor(application(0x0b, 0x05, reportId(256), fine))), /the id 256/);
      assert.match(refusedFor(descriptor(fine, ...Array.from({ length: 65 }, () => collectionBegin(LOGICAL)))), /nested too deeply/);
      assert.match(refusedFor(descriptor(fine, ...Array.from({ length: 65 }, () => push))), /pushes too often/);
      assert.match(refusedFor(new Uint8Array(65_536)), /longer than a descriptor can be/);
    });

    it('is refused where a report is longer than one can be, without counting it out', () => {
      for (const [bits, count] of [
        [1, 0xffff_ffff],
        [0xffff_ffff, 0xffff_ffff],
        [8, 16_385]
      ] as const)
        assert.match(refusedFor(descriptor(application(0x0b, 0x05, reportSize(bits), reportCount(count, 4), usage(1), input(SWITCH)))), /too long/);
      headset(reportSize(0), reportCount(0xffff_ffff, 4), usage(1), input(SWITCH));
    });
  });

  it('keeps so much of a huge one and no more', () => {
    const greedy = Array.from({ length: 200 }, (_, index) => [
      ...reportId(index + 1),
      ...usageRange(0, 0xffff),
      ...input(ARRAY),
      ...usage(1),
      ...feature(SWITCH)
    ]);
    const model = headset(logicalRange(0, 0xffff), cells(1_000, 16), ...greedy);
    assert.ok(model.fields.length <= 8_192);
    assert.ok(new Set(model.fields.map(({ usages }) => usages)).size <= 8_192);
    const kept = [...new Set(model.fields.map(({ usages }) => usages))].reduce((sum, { length }) => sum + length, 0);
    assert.ok(kept <= 65_536 + 8_192, `${kept} usages are kept`);
    assert.deepEqual([model.byteLengths.input.get(200), model.warnings], [2_000, ['more fields than are kept']]);
  });

  it('is read for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const model = parseReportDescriptor(bytes);
        if (!model.ok) return assert.equal(model.error.code, 'CL_DEVICE_DESCRIPTOR');
        for (const field of model.value.fields) {
          const bytesOf = model.value.byteLengths[field.kind].get(field.reportId) ?? 0;
          assert.ok(field.bitSize >= 1 && field.bitSize <= 32 && field.bitOffset + field.bitSize <= bytesOf * 8);
          assert.ok(field.usages.length > 0 && field.logicalMinimum <= field.logicalMaximum);
        }
      }),
      { numRuns: 2_000 }
    );
  });

  it('is read as what was written', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const model = parseReportDescriptor(written(plan));
        assert.ok(model.ok);
        const { fields, bits } = expected(plan);
        assert.deepEqual(
          model.value.fields.map(({ alternateUsages: _, collections, ...field }) => {
            assert.deepEqual(collections, [0x0b_0005]);
            return field;
          }),
          fields
        );
        const lengths = Object.entries(model.value.byteLengths).flatMap(([kind, byId]) => [...byId].map(([id, length]) => [`${kind} ${id}`, length] as const));
        assert.deepEqual(new Map(lengths), new Map([...bits].map(([key, length]) => [key, Math.ceil(length / 8)])));
        assert.equal(model.value.usesReportIds, plan.ids);
      }),
      { numRuns: 500 }
    );
  });

  it('of each device made up here is read without a warning', () => {
    for (const [name, bytes] of Object.entries(DEVICES)) {
      const model = parseReportDescriptor(bytes);
      assert.ok(model.ok, name);
      assert.deepEqual(model.value.warnings, [], name);
    }
  });
});
