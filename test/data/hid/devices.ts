// Report descriptors of devices that do not exist, with what real ones have been seen to do: one report or five, lamps as bits, arrays and indicators,
// constant flags on real controls, page changes between a usage and its main item, mirrors on vendor pages. Pages: 08 LED, 09 Button, 0B Telephony, 0C Consumer.
import {
  APPLICATION,
  application,
  cells,
  collection,
  descriptor,
  extendedUsage,
  feature,
  input,
  LOGICAL,
  logicalRange,
  output,
  padding,
  pop,
  push,
  reportCount,
  reportId,
  usage,
  usagePage,
  usageRange,
  usages
} from './descriptor-builder.ts';

/** Data, variable, absolute, no preferred state: a switch; and relative: a button that toggles; and a button that springs back. */
const SWITCH = 0x22;
const ONE_SHOT = 0x06;
const BUTTON = 0x02;
const ARRAY = 0x00;
const NULLABLE_ARRAY = 0x40;
const LAMP = 0x22;

/** The usual speakerphone: keys and lamps under one id, a keypad array, a reject key, a ringer, and all of it again on a vendor page. */
export const SPEAKERPHONE = descriptor(
  application(
    0x0b,
    0x05,
    reportId(2),
    logicalRange(0, 1),
    usages(0x20, 0x97),
    cells(2, 1),
    input(SWITCH),
    usages(0x2f, 0x21, 0x24, 0x50),
    cells(4, 1),
    input(ONE_SHOT),
    usage(0x07),
    usagePage(0x09),
    cells(1, 1),
    input(BUTTON),
    usagePage(0x0b),
    collection(LOGICAL, 0x06, usageRange(0xb0, 0xbb), logicalRange(0, 11), cells(1, 4), input(NULLABLE_ARRAY)),
    padding(input, 5),
    usagePage(0x08),
    logicalRange(0, 1),
    usages(0x17, 0x09, 0x18, 0x20, 0x21),
    cells(5, 1),
    output(LAMP),
    usagePage(0x0b),
    usage(0x9e),
    reportCount(1),
    output(LAMP),
    padding(output, 10)
  ),
  application(
    0xff00,
    0x05,
    reportId(4),
    usagePage(0xff30),
    usages(0x20, 0x2f),
    cells(2, 1),
    input(SWITCH),
    usagePage(0x0b),
    usages(0x20, 0x2f),
    input(SWITCH),
    usagePage(0x09),
    usage(0x07),
    reportCount(1),
    input(BUTTON),
    padding(input, 3),
    usagePage(0x08),
    usages(0x17, 0x09),
    cells(2, 1),
    output(LAMP),
    padding(output, 6)
  ),
  application(0x0c, 0x01, reportId(1), logicalRange(0, 1), usages(0xea, 0xe9, 0xe2), cells(3, 1), input(BUTTON), padding(input, 13))
);

/** Each lamp in a report of its own, and keys in another. */
export const FIVE_REPORTS = descriptor(
  application(
    0x0b,
    0x05,
    reportId(8),
    logicalRange(0, 1),
    usages(0x2f),
    cells(1, 1),
    input(ONE_SHOT),
    usages(0x20, 0x21),
    reportCount(2),
    input(SWITCH),
    padding(input, 5),
    usagePage(0x08),
    ...[0x09, 0x17, 0x18, 0x20, 0x2a].flatMap((lamp) => [reportId(lamp), usage(lamp), cells(1, 1), output(LAMP), padding(output, 7)])
  )
);

/** All controls flagged constant, and no reject key. */
export const CONSTANT_FLAGS = descriptor(
  application(
    0x0b,
    0x05,
    reportId(2),
    logicalRange(0, 1),
    usages(0x20, 0x97),
    cells(2, 1),
    input(SWITCH | 1),
    usages(0x2f, 0x21),
    input(ONE_SHOT | 1),
    padding(input, 4),
    usagePage(0x08),
    usages(0x17, 0x09, 0x18, 0x20, 0x21),
    cells(5, 1),
    output(LAMP),
    cells(3, 1),
    output(0x03)
  )
);

/** The reject key is an array of one bit that names two buttons, volume is among the telephony keys, an application lies within another. */
export const ONE_BIT_ARRAY = descriptor(
  application(
    0x0b,
    0x05,
    reportId(2),
    cells(1, 1),
    logicalRange(0, 1),
    usagePage(0x0c),
    usages(0xea, 0xe9),
    reportCount(2),
    input(BUTTON),
    usagePage(0x0b),
    usage(0x20),
    reportCount(1),
    input(SWITCH),
    usages(0x21, 0x24, 0x2f, 0x26),
    reportCount(4),
    input(ONE_SHOT),
    usage(0x07),
    usagePage(0x09),
    usage(0x01),
    reportCount(1),
    input(NULLABLE_ARRAY),
    reportId(3),
    usagePage(0x0b),
    usage(0x9e),
    output(LAMP),
    usagePage(0x08),
    usages(0x17, 0x21, 0x18, 0x09, 0x2a, 0x20),
    reportCount(6),
    output(LAMP),
    padding(output, 1),
    [0xa1, APPLICATION],
    reportId(0x40),
    usagePage(0xff40),
    usage(0x07),
    cells(4, 16),
    feature(BUTTON),
    [0xc0]
  )
);

/** A hook and nothing else: no lamp. */
export const HOOK_ONLY = descriptor(application(0x0b, 0x05, reportId(2), usage(0x20), logicalRange(0, 1), cells(1, 1), input(SWITCH | 1), padding(input, 7)));

/** On and off as two buttons each. */
export const TWO_BUTTONS = descriptor(
  application(
    0x0b,
    0x01,
    logicalRange(-1, 1),
    usages(0x20, 0x2f, 0x23),
    cells(3, 2),
    input(0x26),
    padding(input, 2),
    usagePage(0x08),
    usages(0x17, 0x09),
    cells(2, 2),
    output(0x26),
    padding(output, 4)
  )
);

/** Keys as an array of two slots; lamps as an array of two, and one that has an indicator of its own. */
export const ARRAYS = descriptor(
  application(
    0x0b,
    0x01,
    reportId(1),
    usages(0x20, 0x2f, 0x21, 0x26),
    extendedUsage(0x0c, 0xe9),
    extendedUsage(0x0c, 0xea),
    logicalRange(1, 6),
    cells(2, 4),
    input(ARRAY),
    reportId(2),
    usagePage(0x08),
    usages(0x17, 0x09, 0x18, 0x20),
    logicalRange(1, 4),
    cells(2, 3),
    output(ARRAY),
    padding(output, 2),
    collection(LOGICAL, 0x2a, usages(0x3d, 0x3e, 0x41), logicalRange(1, 3), cells(1, 2), output(ARRAY)),
    collection(LOGICAL, 0x21, usages(0x41, 0x3d), logicalRange(0, 1), cells(1, 2), output(ARRAY)),
    padding(output, 4)
  )
);

/** No report ids, two collections that share one report, volume between Push and Pop. */
export const NO_IDS = descriptor(
  application(
    0x0b,
    0x04,
    logicalRange(0, 1),
    cells(1, 1),
    usage(0x20),
    input(SWITCH),
    push,
    usagePage(0x0c),
    usages(0xe9, 0xea),
    reportCount(2),
    input(BUTTON),
    pop,
    usage(0x2f),
    input(ONE_SHOT),
    usagePage(0x08),
    usages(0x17, 0x09),
    reportCount(2),
    output(LAMP),
    padding(output, 6)
  ),
  application(0x0b, 0x02, usages(0x20), cells(1, 1), input(SWITCH), padding(input, 3))
);

/** Keys of a room that are not telephony's. */
export const ROOM_KEYS = descriptor(
  application(0x01, 0x80, reportId(1), logicalRange(0, 1), usage(0xa9), cells(1, 1), input(ONE_SHOT), padding(input, 7)),
  application(0x0c, 0x01, reportId(2), logicalRange(0, 1), usages(0x76, 0x77, 0x78), cells(3, 1), input(ONE_SHOT), padding(input, 5))
);

/** A keyboard with buttons: nothing for a room but its volume keys, in an array that could name all of a page. */
export const KEYBOARD = descriptor(
  application(0x01, 0x06, reportId(1), usagePage(0x07), usageRange(0xe0, 0xe7), logicalRange(0, 1), cells(8, 1), input(BUTTON)),
  application(0x01, 0x05, reportId(2), usagePage(0x09), usageRange(1, 8), logicalRange(0, 1), cells(8, 1), input(BUTTON)),
  application(0x0c, 0x01, reportId(3), usageRange(0, 0x3ff), logicalRange(0, 0x3ff), cells(2, 16), input(ARRAY))
);

export const DEVICES: Readonly<Record<string, Uint8Array>> = {
  SPEAKERPHONE,
  FIVE_REPORTS,
  CONSTANT_FLAGS,
  ONE_BIT_ARRAY,
  HOOK_ONLY,
  TWO_BUTTONS,
  ARRAYS,
  NO_IDS,
  ROOM_KEYS,
  KEYBOARD
};
