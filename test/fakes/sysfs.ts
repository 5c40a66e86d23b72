// A machine's devices as Linux shows them, in a folder of a test: sysfs with its links, /proc/asound, and nodes in dev that are plain files.
// Laid out as on Linux 6.1 with a USB controller at pci0000:00/0000:00:14.0.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

export type FakeUsb = {
  /** Such as 1-2.1: bus 1, port 2 of the machine, port 1 of the hub there. */
  readonly at: string;
  readonly model: string;
  readonly serial?: string;
  readonly maker?: string;
  readonly name?: string;
  readonly hub?: boolean;
  /** USB descriptors, as sysfs has them. */
  readonly descriptors?: Uint8Array;
};

export type FakePcm = { readonly device: number; readonly streams: 'c' | 'p' | 'cp'; readonly name?: string };

export type FakeMachine = AsyncDisposable & {
  readonly root: string;
  readonly sysfs: string;
  readonly dev: string;
  readonly proc: string;
  usb(device: FakeUsb): Promise<void>;
  /** @param at a USB interface such as 1-2:1.3, or another device's folder below devices */
  hidraw(
    node: string,
    at: string,
    uevent: { readonly id: string; readonly name?: string; readonly phys?: string; readonly uniq?: string },
    descriptor?: Uint8Array
  ): Promise<void>;
  video(node: string, at: string | null, facts: { readonly name: string; readonly index?: number; readonly driver?: string }): Promise<void>;
  card(
    number: number,
    at: string,
    facts: { readonly id: string; readonly name?: string; readonly driver?: string; readonly pcms: readonly FakePcm[]; readonly stream?: string }
  ): Promise<void>;
  unplug(usb: string): Promise<void>;
};

export async function createFakeMachine(): Promise<FakeMachine> {
  const root = await mkdtemp(join(tmpdir(), 'cloister-sysfs-'));
  const [sysfs, dev, proc] = [join(root, 'sys'), join(root, 'dev'), join(root, 'proc')];
  const controller = join(sysfs, 'devices/pci0000:00/0000:00:14.0');
  const cards: string[] = [];

  async function put(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  async function link(path: string, target: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await symlink(relative(dirname(path), target), path);
  }
  /** 1-2.1 is plugged in at 1-2, which is at the machine's own hub, usb1. */
  function usbFolder(at: string): string {
    const [bus = '', ports = ''] = at.split('-');
    const steps = ports.split('.').map((_, index, all) => `${bus}-${all.slice(0, index + 1).join('.')}`);
    return join(controller, `usb${bus}`, ...steps);
  }
  function folderOf(at: string): string {
    return /^[0-9]+-[0-9.]+:/.test(at) ? join(usbFolder(at.slice(0, at.indexOf(':'))), at) : join(sysfs, 'devices', at);
  }
  async function driverOf(folder: string, driver: string | undefined): Promise<void> {
    await mkdir(folder, { recursive: true });
    if (driver === undefined) return;
    const bus = folder.includes('/platform/') ? 'platform' : 'pci';
    await link(join(folder, 'driver'), join(sysfs, 'bus', bus, 'drivers', driver)).catch(() => {});
    await link(join(folder, 'subsystem'), join(sysfs, 'bus', bus)).catch(() => {});
  }
  async function node(subsystem: string, name: string, device: string | null, folder: string): Promise<string> {
    const path = join(folder, subsystem, name);
    await mkdir(path, { recursive: true });
    if (device !== null) await link(join(path, 'device'), device);
    await link(join(sysfs, 'class', subsystem, name), path);
    return path;
  }

  for (const [bus, version] of [
    [1, '2.00'],
    [2, '3.00']
  ] as const) {
    const folder = join(controller, `usb${bus}`);
    await put(join(folder, 'idVendor'), '1d6b\n');
    await put(join(folder, 'idProduct'), '0002\n');
    await put(join(folder, 'bDeviceClass'), '09\n');
    await put(join(folder, 'version'), ` ${version}\n`);
    await link(join(sysfs, 'bus/usb/devices', `usb${bus}`), folder);
  }

  return {
    root,
    sysfs,
    dev,
    proc,
    async usb({ at, model, serial, maker, name, hub = false, descriptors }) {
      const folder = usbFolder(at);
      const [vendor = '', product = ''] = model.split(':');
      await put(join(folder, 'idVendor'), `${vendor}\n`);
      await put(join(folder, 'idProduct'), `${product}\n`);
      await put(join(folder, 'bDeviceClass'), hub ? '09\n' : 'ef\n');
      if (serial !== undefined) await put(join(folder, 'serial'), `${serial}\n`);
      if (maker !== undefined) await put(join(folder, 'manufacturer'), `${maker}\n`);
      if (name !== undefined) await put(join(folder, 'product'), `${name}\n`);
      if (descriptors !== undefined) await put(join(folder, 'descriptors'), descriptors);
      await link(join(sysfs, 'bus/usb/devices', at), folder);
    },
    async hidraw(name, at, { id, ...fields }, descriptor) {
      const device = join(folderOf(at), `${id}.0001`);
      const [bus = '', vendor = '', product = ''] = id.split(':');
      const lines = [`HID_ID=${bus}:0000${vendor}:0000${product}`, ...Object.entries(fields).map(([key, value]) => `HID_${key.toUpperCase()}=${value}`)];
      await put(join(device, 'uevent'), `DRIVER=hid-generic\n${lines.join('\n')}\n`);
      if (descriptor !== undefined) await put(join(device, 'report_descriptor'), descriptor);
      await node('hidraw', name, device, device);
      await put(join(dev, name), '');
    },
    async video(name, at, { driver, index = 0, ...facts }) {
      const device = at === null ? null : folderOf(at);
      if (device !== null) await driverOf(device, driver);
      const path = await node('video4linux', name, device, device ?? join(sysfs, 'devices/virtual'));
      await put(join(path, 'name'), `${facts.name}\n`);
      await put(join(path, 'index'), `${index}\n`);
      await put(join(dev, name), '');
    },
    async card(number, at, { id, name = id, driver, pcms, stream }) {
      const device = folderOf(at);
      await driverOf(device, driver);
      const path = await node('sound', `card${number}`, device, device);
      await put(join(path, 'id'), `${id}\n`);
      cards.push(` ${number} [${id.padEnd(15)}]: Driver - ${name}\n                      ${name} somewhere`);
      await put(join(proc, 'asound/cards'), `${cards.join('\n')}\n`);
      if (stream !== undefined) await put(join(proc, `asound/card${number}/stream0`), stream);
      for (const pcm of pcms)
        for (const direction of pcm.streams) {
          const pcmName = `pcmC${number}D${pcm.device}${direction}`;
          await mkdir(join(path, pcmName), { recursive: true });
          await put(
            join(proc, `asound/card${number}/pcm${pcm.device}${direction}/info`),
            `card: ${number}\ndevice: ${pcm.device}\nname: ${pcm.name ?? 'USB Audio'}\n`
          );
          await put(join(dev, 'snd', pcmName), '');
        }
    },
    async unplug(at) {
      // Links in class and bus that lead nowhere are as good as gone.
      await rm(usbFolder(at), { recursive: true, force: true });
      await rm(join(sysfs, 'bus/usb/devices', basename(at)), { force: true });
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true })
  };
}
