// The HID devices of this machine, as far as a room is interested in them, out of their rows alone: nothing is opened for it.
import { modelOf } from '../identity.ts';
import { nodeHidTransport } from './node-hid.ts';
import type { HidRow } from './transport.ts';

export type HidDevice = {
  readonly name: string;
  /** vendor:product in hex, as udev rules name it. */
  readonly model: string;
  readonly kinds: readonly HidKind[];
};
export type HidKind = 'telephony' | 'consumer' | 'presence';

/** Usage pages of HID Usage Tables 1.5, section 3. */
const KINDS: ReadonlyMap<number, HidKind> = new Map([
  [0x0b, 'telephony'],
  [0x0c, 'consumer'],
  [0x20, 'presence']
]);

/** Rows joined to devices, in the order in which they came; those with none of the kinds are left out. */
export function hidDevicesOf(rows: readonly HidRow[]): readonly HidDevice[] {
  const devices = new Map<string, HidDevice>();
  for (const row of rows) {
    const kind = KINDS.get(row.usagePage ?? 0);
    if (kind === undefined) continue;
    const model = modelOf(row);
    // Paths differ by collection on Windows, so that they do not tell devices apart there.
    const identity = `${model} ${row.serialNumber ?? ''}`;
    const kinds = devices.get(identity)?.kinds ?? [];
    const name = [row.manufacturer, row.product].filter((part) => part !== undefined && part !== '').join(' ') || model;
    devices.set(identity, { name, model, kinds: kinds.includes(kind) ? kinds : [...kinds, kind] });
  }
  return [...devices.values()];
}

/** @throws whatever keeps node-hid from being loaded or from listing */
export async function listHidDevices(): Promise<readonly HidDevice[]> {
  return hidDevicesOf(await nodeHidTransport.list());
}
