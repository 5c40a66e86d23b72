// Which of the machine's HID devices are a room's business, by their top-level collections alone: nothing is opened to find out, since every opener gets
// every report, and a keyboard's are nobody's business. Pure.
import type { HidDeviceView } from '../../room/state.ts';
import type { HidRow } from './transport.ts';

export type HidKind = HidDeviceView['kinds'][number];

/** The rows of one device that is opened as one. */
export type HidGroup = {
  readonly key: string;
  /** What is opened. */
  readonly row: HidRow;
  readonly telephony: boolean;
  readonly consumer: boolean;
  readonly sensor: boolean;
  readonly touchScreen: boolean;
  /** A keyboard, a mouse or a pointer. */
  readonly personal: boolean;
};

const TELEPHONY = 0x0b;
const CONSUMER = 0x0c;
const SENSOR = 0x20;

const is =
  (page: number, ...usages: readonly number[]) =>
  (row: HidRow) =>
    (row.usagePage ?? 0) === page && (usages.length === 0 || usages.includes(row.usage ?? 0));
const isTelephony = is(TELEPHONY);
const isSensor = is(SENSOR);
const isTouchScreen = is(0x0d, 0x04);
const isSystemControl = is(0x01, 0x80);
const isPersonal = is(0x01, 0x01, 0x02, 0x06);
const isConsumer = is(CONSUMER);

/** On Linux all collections of a device have one path; on Windows each has its own, and only the one of telephony can be opened for its reports. */
export function groupsOf(rows: readonly HidRow[]): readonly HidGroup[] {
  const groups = new Map<string, HidRow[]>();
  for (const row of rows) {
    if (row.path === undefined) continue;
    const key = row.path.startsWith('\\\\') ? [row.vendorId, row.productId, row.serialNumber ?? '', row.interface ?? ''].join(' ') : row.path;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups].flatMap(([key, all]) => {
    const row = all.find(isTelephony) ?? all.find(isSensor) ?? all.find(isConsumer) ?? all[0];
    if (row === undefined) return [];
    return [
      {
        key,
        row,
        telephony: all.some(isTelephony),
        consumer: all.some((one) => isConsumer(one) || isSystemControl(one)),
        sensor: all.some(isSensor),
        touchScreen: all.some(isTouchScreen),
        personal: all.some(isPersonal)
      }
    ];
  });
}

/**
 * What a room has of a device. Its consumer keys are ours where it is a telephone, or a part of an appliance that is one or that the room sees or hears
 * with, and never a keyboard's or a mouse's.
 * @param neighbours that appliance has telephony, a camera, or sound
 */
export function kindsOf({ telephony, consumer, sensor, touchScreen, personal }: HidGroup, neighbours: boolean): readonly HidKind[] {
  const kinds: HidKind[] = [];
  if (telephony) kinds.push('telephony');
  if (consumer && (telephony || (neighbours && !personal))) kinds.push('consumer');
  if (sensor && (telephony || !personal)) kinds.push('presence');
  if (touchScreen) kinds.push('console');
  return kinds;
}
