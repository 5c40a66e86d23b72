// Which device is which, by what it says of itself and where it is plugged in; a node's number (hidraw0, video0, card0) names nothing. Pure.
// docs/adr/0023-device-identity.md has the rules and their reasons.
import { createHash } from 'node:crypto';
import type { DeviceKind } from '../room/state.ts';

export type DeviceIdentity = {
  /** `vendor:product` in hex where the device has one, the driver's name else. */
  readonly model: string;
  readonly serial: string | null;
  readonly name: string;
  /** Where it is plugged in, the same after a restart of the machine; null where nobody can tell. */
  readonly port: string | null;
  /** Which of a device's functions, such as its USB interface: a camera may have two pictures. */
  readonly part: string;
  /** What the parts of one piece of equipment have in common, now. */
  readonly appliance: string;
};

/** `vendor:product` as USB writes it. */
export const modelOf = ({ vendorId, productId }: { readonly vendorId: number; readonly productId: number }): string => `${hex(vendorId)}:${hex(productId)}`;

const hex = (id: number): string => id.toString(16).padStart(4, '0');

/** A device as it is remembered. */
export type KnownDevice = Pick<DeviceIdentity, 'model' | 'serial' | 'name' | 'port' | 'part'> & {
  /** Another one that only the port tells apart was there beside it. */
  readonly portDecides: boolean;
};

/** Of one machine's USB devices, what joins those of one appliance. */
export type UsbDevice = {
  readonly vendor: string;
  readonly product: string;
  readonly serial: string | null;
  readonly port: string;
  /** The port of the hub that it is plugged in at; null at the machine itself. */
  readonly hub: string | null;
  readonly isHub: boolean;
};

/** Makers who write no serial number of their own leave such ones. */
const EMPTY_SERIALS: readonly RegExp[] = [
  /^(.)\1*$/, // 00000000
  /^0?123456[0-9a-f]*$/i,
  /^(?:sn|s\/n)?[-_ ]?0*1$/i,
  /^[0-9]{1,2}(?:\.[0-9]{1,2}){1,2}$/, // a version
  /^20[0-9]{2}[01][0-9][0-3][0-9]0{0,3}1?$/, // a day
  /^(?:none|null|unknown|default|n\/a|serial[ _-]?(?:number|no)?)$/i,
  /^to be filled/i
];
const MIN_SERIAL_LENGTH = 4;

export const isTellingSerial = (serial: string | null): serial is string =>
  serial !== null && serial.length >= MIN_SERIAL_LENGTH && !EMPTY_SERIALS.some((pattern) => pattern.test(serial));

/** What two devices have in common that nothing but the port tells apart. */
const likeness = (kind: DeviceKind | 'hid', { model, serial, part }: Pick<DeviceIdentity, 'model' | 'serial' | 'part'>): string =>
  JSON.stringify([kind, model, serial, part]);

/** The likenesses of which several are there at once: their serial number, if any, tells nothing. */
export function lookalikes(kind: DeviceKind | 'hid', devices: readonly DeviceIdentity[]): readonly string[] {
  const seen = new Set<string>();
  const several = new Set<string>();
  for (const device of devices) {
    const like = likeness(kind, device);
    (seen.has(like) ? several : seen).add(like);
  }
  return [...several];
}

/**
 * For the interfaces: stable while the device keeps its serial number, or, without one, its port.
 * @param alike every likeness of which several were seen at once
 */
export function deviceId(kind: DeviceKind | 'hid', device: DeviceIdentity, alike: ReadonlySet<string> = new Set()): string {
  const bySerial = isTellingSerial(device.serial) && !alike.has(likeness(kind, device));
  const what = [kind, device.model, device.part, ...(bySerial ? ['serial', device.serial] : ['port', device.port])];
  const hash = createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 8);
  const model = device.model
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24);
  return `${kind}-${model}-${hash}`;
}

/** Devices that nothing at all tells apart are counted. */
export function uniqueId(id: string, taken: Set<string>): string {
  let free = id;
  for (let count = 2; taken.has(free); count++) free = `${id}-${count}`;
  taken.add(free);
  return free;
}

export function known(kind: DeviceKind, device: DeviceIdentity, alike: ReadonlySet<string>): KnownDevice {
  const { model, serial, name, port, part } = device;
  return { model, serial, name, port, part, portDecides: alike.has(likeness(kind, device)) };
}

/**
 * The one of `there` that is `device`, come back: with the same serial number, whatever the port; without one at the same port, else the only one of its model.
 * Where several share a serial number, or were seen to, the port decides.
 * @returns null where it is away, or nobody can tell
 */
export function findKnown<T extends DeviceIdentity>(kind: DeviceKind, device: KnownDevice, there: readonly T[], alike: ReadonlySet<string>): T | null {
  const like = there.filter((one) => one.model === device.model && one.part === device.part && one.serial === device.serial);
  const samePort = like.find(({ port }) => port === device.port) ?? null;
  if (samePort !== null || like.length !== 1 || device.portDecides) return samePort;
  const [only] = like;
  return only === undefined || alike.has(likeness(kind, only)) ? null : only;
}

/**
 * The appliance that a USB device is of, named by its port. Parts that are devices of their own are joined by their maker's own hub, or by one serial number: those of one
 * vendor that have the same, and are all of different products. Two that are alike are two appliances.
 */
export function applianceOf(device: UsbDevice, all: readonly UsbDevice[]): string {
  const family = isTellingSerial(device.serial)
    ? all.filter((other) => !other.isHub && other.vendor === device.vendor && other.serial === device.serial)
    : [device];
  for (const parts of [family, family.filter(({ hub }) => hub !== null && hub === device.hub)]) {
    const products = new Set(parts.map(({ product }) => product));
    if (parts.length > 1 && products.size === parts.length) {
      const [first = device] = [...parts].sort((a, b) => (a.port < b.port ? -1 : 1));
      return makersHub(first, all);
    }
  }
  return makersHub(device, all);
}

/** Up through the hubs of the same vendor. */
function makersHub(device: UsbDevice, all: readonly UsbDevice[]): string {
  let top = device;
  for (let depth = 0; depth < 8; depth++) {
    const hub = all.find(({ port, isHub }) => isHub && port === top.hub);
    if (hub === undefined || hub.vendor !== device.vendor) break;
    top = hub;
  }
  return `usb:${top.port}`;
}
