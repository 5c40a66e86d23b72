// Report descriptors as Linux has them. hidraw's node names the entry in sysfs; a row's path comes from the system, and is taken for a name and nothing else.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DescriptorSource } from './transport.ts';

/** HID_MAX_DESCRIPTOR_SIZE of linux/hid.h. */
const MAX_BYTES = 4096;

/** @param sysfs /sys, but in tests. Where there is none, as on Windows, nobody can tell: node-hid does not hand the descriptor out. */
export function createSysfsDescriptors(sysfs: string): DescriptorSource {
  return async ({ path }) => {
    const [, node] = /^\/dev\/(hidraw[0-9]+)$/.exec(path ?? '') ?? [];
    if (node === undefined) return null;
    const bytes = await readFile(join(sysfs, 'class/hidraw', node, 'device/report_descriptor')).catch(() => null);
    return bytes === null || bytes.length === 0 || bytes.length > MAX_BYTES ? null : bytes;
  };
}
