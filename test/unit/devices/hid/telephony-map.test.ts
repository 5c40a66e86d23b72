import assert from 'node:assert/strict';
import fc from 'fast-check';
import { driverOf } from '../../../../src/devices/hid/drivers.ts';
import { parseReportDescriptor } from '../../../../src/devices/hid/report-descriptor.ts';
import type { TelephonyLamp } from '../../../../src/devices/hid/report-model.ts';
import { controlValues, lampReport, type TelephonyMap, telephonyMap } from '../../../../src/devices/hid/telephony-map.ts';
import { anyPlan, written } from '../../../data/hid/any-descriptor.ts';
import {
  application,
  cells,
  collection,
  descriptor,
  input,
  LOGICAL,
  logicalMaximum,
  logicalMinimum,
  logicalRange,
  output,
  type Part,
  usage,
  usagePage,
  usageRange,
  usages
} from '../../../data/hid/descriptor-builder.ts';
import * as devices from '../../../data/hid/devices.ts';

function mapOf(bytes: Uint8Array, driver = driverOf(0x1234, 0x0001)): TelephonyMap {
  const model = parseReportDescriptor(bytes);
  assert.ok(model.ok);
  return telephonyMap(model.value, driver);
}
const headset = (...parts: readonly Part[]): TelephonyMap => mapOf(descriptor(application(0x0b, 0x05, ...parts)));
const controls = (map: TelephonyMap): string[] => map.controls.map(({ reportId, control, form }) => `${reportId} ${control} ${form}`);
const lamps = (map: TelephonyMap): string[] => map.lamps.map(({ reportId, lamp }) => `${reportId} ${lamp}`);
const says = (map: TelephonyMap, ...report: number[]): Record<string, number> =>
  Object.fromEntries(controlValues(map, Uint8Array.from(report)).map(({ control, value }) => [control, value]));
function shows(map: TelephonyMap, reportId: number, ...lit: TelephonyLamp[]): number[] {
  const report = lampReport(map, reportId, new Set(lit));
  assert.ok(report.ok);
  return [...report.value];
}

describe('the keys of a device', () => {
  it('are found by their usages, whatever report and collection they stand in', () => {
    const map = mapOf(devices.SPEAKERPHONE);
    assert.deepEqual(controls(map), [
      '2 hook switch',
      '2 mute one-shot',
      '2 flash one-shot',
      '2 redial one-shot',
      '2 reject one-shot',
      '1 volume-down one-shot',
      '1 volume-up one-shot',
      '1 speaker-mute one-shot'
    ]);
    assert.deepEqual(map.controlReportIds, [1, 2]);
  });

  it('say what a report says of them', () => {
    const map = mapOf(devices.SPEAKERPHONE);
    assert.deepEqual(says(map, 2, 0b0100_0101, 0), { hook: 1, mute: 1, flash: 0, redial: 0, reject: 1 });
    assert.deepEqual(says(map, 1, 0b10, 0), { 'volume-down': 0, 'volume-up': 1, 'speaker-mute': 0 });
  });

  it('say nothing in a report of another length or id, or one without keys', () => {
    const map = mapOf(devices.SPEAKERPHONE);
    for (const report of [[], [2], [2, 1], [2, 1, 0, 0], [4, 1], [9, 1]]) assert.deepEqual(says(map, ...report), {});
  });

  it('count although they are flagged constant', () => {
    assert.deepEqual(controls(mapOf(devices.CONSTANT_FLAGS)), ['2 hook switch', '2 mute one-shot', '2 flash one-shot']);
    assert.deepEqual(controls(mapOf(devices.HOOK_ONLY)), ['2 hook switch']);
  });

  it('may be pairs of buttons', () => {
    const map = mapOf(devices.TWO_BUTTONS);
    assert.deepEqual(controls(map), ['0 hook pair', '0 mute pair', '0 hold pair']);
    assert.deepEqual(says(map, 0, 0b00_11_01), { hook: 1, mute: -1, hold: 0 });
  });

  it('may be named by arrays', () => {
    const map = mapOf(devices.ARRAYS);
    assert.deepEqual(controls(map), [
      '1 hook one-shot',
      '1 mute one-shot',
      '1 flash one-shot',
      '1 drop one-shot',
      '1 volume-up one-shot',
      '1 volume-down one-shot'
    ]);
    assert.deepEqual(says(map, 1, 0x51), { hook: 1, mute: 0, flash: 0, drop: 0, 'volume-up': 1, 'volume-down': 0 });
    assert.deepEqual(says(map, 1, 0), { hook: 0, mute: 0, flash: 0, drop: 0, 'volume-up': 0, 'volume-down': 0 });
    assert.deepEqual(controls(mapOf(devices.KEYBOARD)), [
      '3 camera-on one-shot',
      '3 camera-off one-shot',
      '3 camera-toggle one-shot',
      '3 speaker-mute one-shot',
      '3 volume-up one-shot',
      '3 volume-down one-shot'
    ]);
  });

  it('may be of a room without a telephone', () => {
    assert.deepEqual(controls(mapOf(devices.ROOM_KEYS)), [
      '1 microphone-mute one-shot',
      '2 camera-on one-shot',
      '2 camera-off one-shot',
      '2 camera-toggle one-shot'
    ]);
  });

  it('are those of one report where the device uses no ids', () => {
    const map = mapOf(devices.NO_IDS);
    assert.deepEqual(controls(map), ['0 hook switch', '0 volume-up one-shot', '0 volume-down one-shot', '0 mute one-shot', '0 hook switch']);
    assert.deepEqual(says(map, 0, 0b1_1000), { hook: 1, 'volume-up': 0, 'volume-down': 0, mute: 1 });
  });

  it('are on or off as their flags tell', () => {
    const form = (flags: number, range: Part = logicalRange(0, 1), bits = 1): string[] => controls(headset(usage(0x2f), range, cells(1, bits), input(flags)));
    assert.deepEqual(form(0x22), ['0 mute switch']);
    assert.deepEqual(form(0x06), ['0 mute one-shot']);
    assert.deepEqual(form(0x02), ['0 mute one-shot']);
    assert.deepEqual(form(0x26, logicalRange(-1, 1), 2), ['0 mute pair']);
    assert.deepEqual(form(0x02, logicalRange(0, 9), 4), ['0 mute level']);
    assert.deepEqual(form(0x22, logicalRange(-1, 1), 2), ['0 mute level']);
  });

  it('and lamps are found under the page before, where the one at the main item has none', () => {
    const map = headset(
      logicalRange(0, 1),
      cells(1, 1),
      usage(0x20),
      usagePage(0x09),
      input(0x22),
      usagePage(0x08),
      usage(0x17),
      usagePage(0x0b),
      output(0x22)
    );
    assert.deepEqual([controls(map), lamps(map)], [['0 hook switch'], ['0 offHook']]);
  });

  it('are 1 or 0 as switches and buttons, whatever their range is', () => {
    const mute = (flags: number, range: Part): TelephonyMap => headset(usage(0x2f), range, cells(1, 8), input(flags));
    const values = (map: TelephonyMap): unknown[] => [0, 1, 2, 0xff].map((byte) => says(map, 0, byte)['mute']);
    assert.deepEqual(values(mute(0x06, logicalRange(0, 127))), [0, 1, 1, 1]);
    assert.deepEqual(values(mute(0x22, logicalRange(1, 2))), [0, 0, 1, 1]);
    assert.deepEqual(values(mute(0x26, logicalRange(-1, 1))), [0, 1, 1, -1]);
    const flash = headset(usage(0x21), logicalRange(-1, 1), cells(1, 8), input(0x06));
    assert.deepEqual([says(flash, 0, 0xff), says(flash, 0, 1)], [{ flash: 0 }, { flash: 1 }]);
  });

  it('are presses where nothing else makes sense, whatever their flags', () => {
    assert.deepEqual(controls(mapOf(devices.FIVE_REPORTS)), ['8 mute one-shot', '8 hook switch', '8 flash one-shot']);
  });

  describe('refuse a call', () => {
    const bit = [...logicalRange(0, 1), ...cells(1, 1)];

    it('by Button 7, by Programmable Button, and by one that changes its page between', () => {
      assert.deepEqual(controls(headset(bit, usagePage(0x09), usage(0x07), input(0x02))), ['0 reject one-shot']);
      assert.deepEqual(controls(headset(bit, usage(0x07), input(0x02))), ['0 reject one-shot']);
      assert.deepEqual(controls(headset(bit, usage(0x07), usagePage(0x09), input(0x02))), ['0 reject one-shot']);
      assert.deepEqual(controls(headset(bit, usage(0x07), usagePage(0x09), usage(0x01), input(0x06))), ['0 reject one-shot']);
      assert.deepEqual(controls(headset(bit, collection(LOGICAL, 0x07, usagePage(0x09), usage(0x07), input(0x02)))), ['0 reject one-shot']);
    });

    it('by an array of one bit, pressed by 1 and by 1 alone', () => {
      const map = mapOf(devices.ONE_BIT_ARRAY);
      assert.deepEqual(says(map, 2, 0b1000_0000), { 'volume-down': 0, 'volume-up': 0, hook: 0, flash: 0, redial: 0, mute: 0, drop: 0, reject: 1 });
      assert.equal(says(map, 2, 0)['reject'], 0);
    });

    it('but not by the seventh button of anything else', () => {
      assert.deepEqual(controls(mapOf(descriptor(application(0x01, 0x05, bit, usagePage(0x09), usage(0x07), input(0x02))))), []);
    });
  });

  it('are not those on a vendor page, nor those in a vendor’s collection', () => {
    const bit = [...logicalRange(0, 1), ...cells(1, 1)];
    const vendor = application(0xff00, 0x05, bit, usagePage(0x0b), usage(0x20), input(0x22), usagePage(0xff30), usage(0x2f), input(0x06));
    assert.deepEqual(controls(mapOf(descriptor(vendor))), []);
    const within = application(
      0x0b,
      0x05,
      bit,
      usage(0x2f),
      input(0x06),
      usagePage(0xff99),
      collection(LOGICAL, 0x01, usagePage(0x0b), usage(0x20), input(0x22))
    );
    assert.deepEqual(controls(mapOf(descriptor(within))), ['0 mute one-shot']);
  });

  it('speak each for themselves where two fields are one control', () => {
    const twice = headset(logicalRange(0, 1), usages(0x20, 0x20), cells(2, 1), input(0x22));
    const said = controlValues(twice, Uint8Array.of(0, 0b10));
    assert.deepEqual(said, [
      { control: 'hook', form: 'switch', value: 0 },
      { control: 'hook', form: 'switch', value: 1 }
    ]);
  });
});

describe('the lamps of a device', () => {
  it('are written whole: those that are lit, all others dark', () => {
    const map = mapOf(devices.SPEAKERPHONE);
    assert.deepEqual(lamps(map), ['2 offHook', '2 mute', '2 ring', '2 hold', '2 microphone', '2 ringer']);
    assert.deepEqual(map.lampReportIds, [2]);
    assert.deepEqual(shows(map, 2), [2, 0, 0]);
    assert.deepEqual(shows(map, 2, 'offHook', 'mute'), [2, 0b11, 0]);
    assert.deepEqual(shows(map, 2, 'ring', 'ringer', 'line'), [2, 0b10_0100, 0]);
  });

  it('may have a report each', () => {
    const map = mapOf(devices.FIVE_REPORTS);
    assert.deepEqual(lamps(map), ['9 mute', '23 offHook', '24 ring', '32 hold', '42 onLine']);
    assert.deepEqual(
      [shows(map, 0x17, 'offHook', 'mute'), shows(map, 0x18, 'offHook', 'mute')],
      [
        [0x17, 1],
        [0x18, 0]
      ]
    );
  });

  it('may be named by an array, those that matter most first where it has too few slots', () => {
    const map = mapOf(devices.ARRAYS);
    assert.deepEqual(lamps(map), ['2 offHook', '2 mute', '2 ring', '2 hold', '2 onLine', '2 microphone']);
    assert.deepEqual(shows(map, 2, 'offHook')[1], 0b000_001);
    assert.deepEqual(shows(map, 2, 'offHook', 'mute')[1], 0b001_010);
    assert.deepEqual(shows(map, 2, 'offHook', 'mute', 'hold')[1], 0b010_100);
  });

  it('may be told on and off as indicators', () => {
    const map = mapOf(devices.ARRAYS);
    // On-line: On is 1 and Off 3. Microphone: Off is 0 and On 1.
    assert.deepEqual(shows(map, 2), [2, 0, 0b00_11]);
    assert.deepEqual(shows(map, 2, 'onLine'), [2, 0, 0b00_01]);
    assert.deepEqual(shows(map, 2, 'microphone'), [2, 0, 0b01_11]);
  });

  it('may be two buttons: on, or off', () => {
    assert.deepEqual(shows(mapOf(devices.TWO_BUTTONS), 0, 'offHook'), [0, 0b11_01]);
  });

  it('have 1 for on, where their range has it', () => {
    const lamp = (range: Part): TelephonyMap => headset(usagePage(0x08), usage(0x17), range, cells(1, 8), output(0x22));
    const both = (range: Part): unknown => [shows(lamp(range), 0)[1], shows(lamp(range), 0, 'offHook')[1]];
    assert.deepEqual(both(logicalRange(0, 100)), [0, 1]);
    assert.deepEqual(both(logicalRange(1, 2)), [1, 2]);
    assert.deepEqual(both([...logicalMinimum(-128), ...logicalMaximum(127)]), [0, 1]);
  });

  it('are none where there are none, and refused in a report that is not there', () => {
    const map = mapOf(devices.HOOK_ONLY);
    assert.deepEqual([lamps(map), map.lampReportIds], [[], []]);
    const report = lampReport(map, 2, new Set(['offHook']));
    assert.equal(!report.ok && report.error.code, 'CL_DEVICE_REPORT');
  });

  it('are not those on a vendor page', () => {
    assert.ok(!mapOf(devices.SPEAKERPHONE).lampReportIds.includes(4));
  });

  it('are few however often an array names them: a hostile one would take seconds for each report', () => {
    const names = Array.from({ length: 1000 }, () => usageRange(0x20, 0x2f));
    const keys = headset(logicalRange(0, 0x7fff), cells(4096, 16), ...names, input(0x00));
    assert.deepEqual(new Set(controls(keys)).size, controls(keys).length);
    assert.ok(keys.controls.length > 0 && keys.controls.length < 20, `${keys.controls.length}`);
    const lit = Array.from({ length: 1000 }, () => usageRange(0x17, 0x20));
    const named = headset(usagePage(0x08), logicalRange(0, 0x7fff), cells(4096, 16), ...lit, output(0x00));
    assert.deepEqual(lamps(named), ['0 offHook', '0 ring', '0 speaker', '0 hold']);
  });

  it('make reports of the right length for any descriptor', () => {
    fc.assert(
      fc.property(anyPlan, fc.uniqueArray(fc.constantFrom<TelephonyLamp[]>('offHook', 'mute', 'ring', 'hold', 'onLine', 'microphone')), (plan, lit) => {
        const map = mapOf(written(plan));
        for (const id of map.lampReportIds) assert.equal(shows(map, id, ...lit).length, 1 + (map.model.byteLengths.output.get(id) ?? -1));
      }),
      { numRuns: 100 }
    );
  });
});

describe('what a vendor does otherwise', () => {
  it('is known by the longest beginning of its model', () => {
    assert.equal(driverOf(0x1234, 0x047f), null);
    assert.equal(driverOf(0x047f, 0xda60)?.model, '047f:da60');
    assert.equal(driverOf(0x047f, 0x02ec)?.model, '047f:');
  });

  it('changes what a key is', () => {
    const withDriver = (vendor: number, product: number): string[] => controls(mapOf(devices.SPEAKERPHONE, driverOf(vendor, product))).slice(-2);
    assert.deepEqual(withDriver(0x047f, 0xda60), ['1 volume-up one-shot', '1 microphone-mute one-shot']);
    assert.deepEqual(withDriver(0x047f, 0x02ec), ['1 volume-down one-shot', '1 volume-up one-shot']);
    assert.equal(mapOf(devices.SPEAKERPHONE, driverOf(0x047f, 0x02ec)).doubleKeyMs, 5);
  });
});
