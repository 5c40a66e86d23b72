// What vendors do otherwise than the HID Usage Tables say; each row has its public source. A device that follows the tables needs no row.
import { modelOf } from '../identity.ts';
import type { TelephonyControl, Usage } from './report-model.ts';
import { CONTROL_USAGE } from './usages.ts';

export type HidDriver = {
  /** The beginning of vendor:product in hex; the first row that fits is taken. */
  readonly model: string;
  readonly source: string;
  /** What a usage is on this device; null: nothing. */
  readonly controls: ReadonlyMap<Usage, TelephonyControl | null>;
  /** The same key again within this time is the same press; 0 where that does not happen. */
  readonly doubleKeyMs: number;
};

const PLANTRONICS = 'Linux, drivers/hid/hid-plantronics.c, commit 9821709af892 ("Add mic mute mapping and generalize quirks")';

const DRIVERS: readonly HidDriver[] = [
  { model: '047f:da60', source: PLANTRONICS, controls: new Map([[CONTROL_USAGE.mute, 'microphone-mute']]), doubleKeyMs: 5 },
  // Linux leaves the consumer page’s mute of all others of this maker unused, and takes Phone Mute.
  { model: '047f:', source: PLANTRONICS, controls: new Map([[CONTROL_USAGE.mute, null]]), doubleKeyMs: 5 }
];

export function driverOf(vendorId: number, productId: number): HidDriver | null {
  const model = modelOf({ vendorId, productId });
  return DRIVERS.find((driver) => model.startsWith(driver.model)) ?? null;
}
