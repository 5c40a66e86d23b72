// The identity of a node in /dev, out of sysfs (Documentation/ABI of the kernel: sysfs-bus-usb, sysfs-driver-hid, sysfs-class-video). Reads files that everybody may read, opens no device.
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { printableText } from './device-text.ts';
import type { HidRow } from './hid/transport.ts';
import { applianceOf, type DeviceIdentity, deviceId, lookalikes, modelOf, type UsbDevice, uniqueId } from './identity.ts';

type FoundUsb = UsbDevice & { readonly path: string; readonly name: string };

/** The machine as one listing sees it. */
export type LinuxMachine = { readonly sysfs: string; readonly usb: readonly FoundUsb[] };

const SMALL_BYTES = 4096;
const MAX_USB_DEVICES = 256;
/** Bus of a HID device at USB: BUS_USB of linux/input.h. */
const HID_AT_USB = '0003';

/** A small file's text without the space around it; null where there is none. */
export async function smallFile(path: string): Promise<string | null> {
  const bytes = await readFile(path).catch(() => null);
  return bytes === null ? null : bytes.subarray(0, SMALL_BYTES).toString('utf8').trim();
}

const real = (path: string): Promise<string | null> => realpath(path).catch(() => null);
const linkName = async (path: string): Promise<string | null> => {
  const target = await readlink(path).catch(() => null);
  return target === null ? null : basename(target);
};

/** @param sysfs /sys, but in tests */
export async function readMachine(sysfs: string): Promise<LinuxMachine> {
  const root = (await real(sysfs)) ?? sysfs;
  const names = await readdir(join(root, 'bus/usb/devices')).catch(() => []);
  // With a colon it is an interface.
  const devices = names.filter((name) => !name.includes(':')).slice(0, MAX_USB_DEVICES);
  const found = await Promise.all(devices.map((name) => readUsbDevice(join(root, 'bus/usb/devices', name))));
  // The innermost first: what is plugged in at a hub is within the hub's folder.
  return { sysfs: root, usb: found.filter((device) => device !== null).sort((a, b) => b.path.length - a.path.length) };
}

async function readUsbDevice(link: string): Promise<FoundUsb | null> {
  const path = await real(link);
  if (path === null) return null;
  const [vendor, product, serial, manufacturer, name, deviceClass] = await Promise.all(
    ['idVendor', 'idProduct', 'serial', 'manufacturer', 'product', 'bDeviceClass'].map((file) => smallFile(join(path, file)))
  );
  if (vendor == null || product == null || !/^[0-9a-f]{4}$/.test(vendor) || !/^[0-9a-f]{4}$/.test(product)) return null;
  const hubPath = dirname(path);
  return {
    path,
    vendor,
    product,
    serial: textOrNull(serial),
    name: usbName(manufacturer, name) || `${vendor}:${product}`,
    port: await portOf(path),
    hub: isPort(hubPath) ? await portOf(hubPath) : null,
    isHub: deviceClass === '09'
  };
}

const textOrNull = (text: string | null | undefined): string | null => (text == null ? null : printableText(text) || null);

/** The product's name, with the maker's before it where it does not begin so. */
function usbName(manufacturer: string | null | undefined, product: string | null | undefined): string {
  const [maker, name] = [printableText(manufacturer ?? ''), printableText(product ?? '')];
  return printableText(name.toLowerCase().startsWith(maker.toLowerCase()) ? name : `${maker} ${name}`);
}

/** A folder such as 1-2.1: a device that is plugged in somewhere; usb1 is the machine's own hub. */
const isPort = (path: string): boolean => /^[0-9]+-[0-9.]+$/.test(basename(path));

/**
 * The controller, the kind of its bus, and the ports from there on. A bus's number is not in it, since that depends on which controller was found first: udev's ID_PATH
 * is made so, too.
 */
async function portOf(path: string): Promise<string> {
  const [, ports = '0'] = /^[0-9]+-([0-9.]+)$/.exec(basename(path)) ?? [];
  let rootHub = path;
  for (let depth = 0; depth < 8 && isPort(rootHub); depth++) rootHub = dirname(rootHub);
  const version = (await smallFile(join(rootHub, 'version'))) ?? '';
  return `${printableText(basename(dirname(rootHub)))}-usb${version.slice(0, 1)}-${ports}`;
}

type Subsystem = 'hidraw' | 'video4linux' | 'sound';

/**
 * @param name such as hidraw0, video0 or card0
 * @returns null where there is no such node
 */
export async function identifyNode(machine: LinuxMachine, subsystem: Subsystem, name: string): Promise<DeviceIdentity | null> {
  const node = await real(join(machine.sysfs, 'class', subsystem, name));
  if (node === null || !node.startsWith(machine.sysfs)) return null;
  const device = await real(join(node, 'device'));
  const hid = subsystem === 'hidraw' && device !== null ? await readHid(device) : null;
  // A Bluetooth device is found below the USB device that is the machine's radio: that is not what it is.
  const usb = device === null || (hid !== null && hid.bus !== HID_AT_USB) ? undefined : machine.usb.find(({ path }) => isWithin(device, path));
  const index = subsystem === 'video4linux' ? ((await smallFile(join(node, 'index'))) ?? '0') : null;
  if (usb !== undefined && device !== null) {
    const [unit = ''] = relative(usb.path, device).split('/');
    const part = [unit.includes(':') ? unit.slice(unit.indexOf(':') + 1) : '', index].filter((text) => text !== null && text !== '');
    return {
      model: `${usb.vendor}:${usb.product}`,
      serial: usb.serial,
      name: usb.name,
      port: usb.port,
      part: part.join('-'),
      appliance: applianceOf(usb, machine.usb)
    };
  }
  if (hid !== null) return hid.identity;
  const label = textOrNull(await smallFile(join(node, subsystem === 'sound' ? 'id' : 'name')));
  if (device === null) {
    // Nothing but its number tells a virtual one from the next.
    return { model: subsystem, serial: null, name: label ?? name, port: null, part: name, appliance: `virtual:${name}` };
  }
  const [driver, bus] = await Promise.all([linkName(join(device, 'driver')), linkName(join(device, 'subsystem'))]);
  const port = printableText(`${bus ?? 'device'}:${basename(device)}`);
  // Several of one driver may be at one platform device, as vivid's are: their names differ.
  const part = [label, index].filter((text) => text !== null).join('-');
  return { model: printableText(driver ?? subsystem), serial: null, name: label ?? name, port, part, appliance: port };
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** HID_ID is bus:vendor:product with 4, 8 and 8 digits (hid_uevent() in the kernel's drivers/hid/hid-core.c). */
async function readHid(device: string): Promise<{ readonly bus: string; readonly identity: DeviceIdentity } | null> {
  const fields = new Map(
    ((await smallFile(join(device, 'uevent'))) ?? '').split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)])
  );
  const [, bus, vendor, product] = /^([0-9A-F]{4}):0000([0-9A-F]{4}):0000([0-9A-F]{4})$/i.exec(fields.get('HID_ID') ?? '') ?? [];
  if (bus === undefined || vendor === undefined || product === undefined) return null;
  const model = `${vendor}:${product}`.toLowerCase();
  const serial = textOrNull(fields.get('HID_UNIQ'));
  // Where it is connected, such as the radio's address or the USB port's name; the last part is the one of several inputs.
  const [at = '', ...inputs] = (textOrNull(fields.get('HID_PHYS')) ?? '').split('/');
  const port = at === '' ? null : at;
  return {
    bus,
    identity: {
      model,
      serial,
      name: textOrNull(fields.get('HID_NAME')) ?? model,
      port,
      part: inputs.join('/'),
      appliance: `hid:${model}:${serial ?? port ?? ''}`
    }
  };
}

/**
 * The identities of devices that node-hid lists, one for one, with ids for the interfaces: on Linux by the node, elsewhere by what the row says.
 * @param rows one of each device
 */
export async function identifyHidRows(rows: readonly HidRow[], sysfs: string): Promise<readonly (DeviceIdentity & { readonly id: string })[]> {
  const machine = await readMachine(sysfs);
  const identities = await Promise.all(rows.map((row) => identifyHidRow(row, machine)));
  const alike = new Set(lookalikes('hid', identities));
  const taken = new Set<string>();
  return identities.map((identity) => ({ ...identity, id: uniqueId(deviceId('hid', identity, alike), taken) }));
}

async function identifyHidRow(row: HidRow, machine: LinuxMachine): Promise<DeviceIdentity> {
  const [, node] = /^\/dev\/(hidraw[0-9]+)$/.exec(row.path ?? '') ?? [];
  const found = node === undefined ? null : await identifyNode(machine, 'hidraw', node);
  if (found !== null) return found;
  const model = modelOf(row);
  const serial = textOrNull(row.serialNumber);
  const part = row.interface === undefined || row.interface < 0 ? '' : String(row.interface);
  return { model, serial, name: usbName(row.manufacturer, row.product) || model, port: null, part, appliance: `hid:${model}:${serial ?? ''}` };
}
