// The HID devices as somebody sees them who does not run the room: what each has and whether it may be opened, without opening it; and a trial of the
// lamps of one. The room itself keeps its devices open (hid-devices.ts).
import type { Clock } from '../../kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../../kernel/error-codes.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { HidDeviceView } from '../../room/state.ts';
import { groupsOf, kindsOf } from './collections.ts';
import { driverOf } from './drivers.ts';
import { abilitiesOf, type HidIdentity } from './hid-devices.ts';
import { createLampWriter, lampReportsOf } from './lamp-writer.ts';
import { parseReportDescriptor } from './report-descriptor.ts';
import type { TelephonyLamp } from './report-model.ts';
import { detached, type Lamps, lampsOf } from './telephony.ts';
import { lampReport, type TelephonyMap, telephonyMap } from './telephony-map.ts';
import type { DescriptorSource, HidRow, HidTransport } from './transport.ts';

export type HidLook = {
  readonly transport: HidTransport;
  readonly descriptors: DescriptorSource;
  /** One for one. */
  readonly identify: (rows: readonly HidRow[]) => Promise<readonly HidIdentity[]>;
  readonly mayOpen: (path: string) => Promise<boolean>;
  /** Appliances that the room sees or hears with. */
  readonly roomAppliances: ReadonlySet<string>;
};

/** `map` null: its descriptor cannot be read. */
export type SeenHid = { readonly view: HidDeviceView; readonly row: HidRow; readonly map: TelephonyMap | null };

const MAX_DEVICES = 32;

/** @throws whatever keeps the transport from listing */
export async function lookAtHid({ transport, descriptors, identify, mayOpen, roomAppliances }: HidLook): Promise<readonly SeenHid[]> {
  const groups = groupsOf(await transport.list());
  const identities = await identify(groups.map(({ row }) => row));
  const neighbours = new Set(roomAppliances);
  for (const [index, { telephony }] of groups.entries()) if (telephony) neighbours.add(identities[index]?.appliance ?? '');
  const seen = groups.slice(0, MAX_DEVICES).map(async (group, index): Promise<SeenHid | null> => {
    const identity = identities[index];
    const kinds = identity === undefined ? [] : kindsOf(group, neighbours.has(identity.appliance));
    if (identity === undefined || kinds.length === 0) return null;
    const { id, name, model, serial, port, appliance } = identity;
    const opened = kinds.some((kind) => kind !== 'console');
    const bytes = opened ? await descriptors(group.row) : null;
    const read = bytes === null ? null : parseReportDescriptor(bytes);
    const map = read?.ok ? telephonyMap(read.value, driverOf(group.row.vendorId, group.row.productId)) : null;
    const code: ErrorCode | null = !opened
      ? null
      : map === null
        ? 'CL_DEVICE_DESCRIPTOR'
        : (await mayOpen(group.row.path ?? ''))
          ? null
          : 'CL_DEVICE_PERMISSION';
    const problem = code === null ? null : { code, text: errorCodes[code].text };
    const can = map === null ? [] : abilitiesOf(map);
    return { view: { id, name, model, serial, port, appliance, kinds, can, lamps: null, problem }, row: group.row, map };
  });
  return (await Promise.all(seen)).filter((device) => device !== null).sort((one, other) => (one.view.id < other.view.id ? -1 : 1));
}

const TRIED: readonly (readonly [lamp: TelephonyLamp, name: string])[] = [
  ['ring', 'ring'],
  ['hold', 'hold'],
  ['mute', 'mute'],
  ['offHook', 'off-hook']
];
const LIT_MS = 700;

/**
 * Lights the lamps one after the other, and darkens all.
 * @param offHook also the one whose echo looks like a lifted receiver to whoever else has the device open
 * @returns the names of those that were lit
 * @throws CloisterError CL_DEVICE_PERMISSION, CL_DEVICE_OPEN, CL_DEVICE_WRITE
 */
export async function tryLamps(transport: HidTransport, { row, map }: SeenHid, offHook: boolean, clock: Clock): Promise<readonly string[]> {
  if (map === null) throw new CloisterError('CL_DEVICE_DESCRIPTOR');
  const dark = lampsOf(detached({ phase: 'idle', muted: false }));
  const tried = TRIED.filter(([lamp]) => (offHook || lamp !== 'offHook') && map.lamps.some((mapped) => mapped.lamp === lamp));
  const connection = await transport.open(row.path ?? '', map.model.usesReportIds);
  const failures: unknown[] = [];
  connection.onReport(() => {});
  connection.onLost((why) => failures.push(new CloisterError('CL_DEVICE_OPEN', why)));
  const writer = createLampWriter({
    reports: lampReportsOf(map),
    build: (reportId, lit) => lampReport(map, reportId, lit),
    send: (report) => connection.write(report),
    onTold: () => {},
    onFailed: (error) => failures.push(error)
  });
  const show = async (lamps: Lamps): Promise<void> => {
    writer.show(lamps, true);
    await writer.settled();
  };
  try {
    for (const [lamp] of tried) {
      await show({ ...dark, [lamp]: true });
      await new Promise<void>((resolve) => clock.schedule(LIT_MS, resolve));
    }
    await show(dark);
  } finally {
    await connection.close();
  }
  const [failure] = failures;
  if (failure !== undefined) throw failure;
  return tried.map(([, name]) => name);
}
