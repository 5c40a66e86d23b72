// Report descriptors: as Linux has them, and where the system hands none out (Windows: node-hid does not either), as somebody captured them of that model
// and left them in a folder. A row's path and ids come from the system, and are taken for names and nothing else.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelOf } from '../identity.ts';
import type { DescriptorSource, HidRow } from './transport.ts';

/** HID_MAX_DESCRIPTOR_SIZE of linux/hid.h. */
const MAX_BYTES = 4096;

export type DescriptorPlaces = {
  /** /sys, but in tests. */
  readonly sysfs: string;
  /** Of files such as 0b0e-2456.hex: vendor and product, and within it the bytes in hex. */
  readonly captured: string;
};

export function createDescriptorSource({ sysfs, captured }: DescriptorPlaces): DescriptorSource {
  return async (row) => {
    const [, node] = /^\/dev\/(hidraw[0-9]+)$/.exec(row.path ?? '') ?? [];
    const bytes =
      node === undefined ? await readCaptured(captured, row) : await readFile(join(sysfs, 'class/hidraw', node, 'device/report_descriptor')).catch(() => null);
    return bytes === null || bytes.length === 0 || bytes.length > MAX_BYTES ? null : bytes;
  };
}

async function readCaptured(folder: string, row: HidRow): Promise<Uint8Array | null> {
  const name = modelOf(row).replace(':', '-');
  const text = await readFile(join(folder, `${name}.hex`), 'utf8').catch(() => '');
  const digits = text.replace(/\s+/g, '');
  return /^(?:[0-9a-f]{2})+$/i.test(digits) ? Buffer.from(digits, 'hex') : null;
}
