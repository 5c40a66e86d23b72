// The speakerphones of the lab: descriptors of our own with what real ones have been seen to do (test/data/hid/devices.ts); and, where CLOISTER_HID_DESCRIPTORS names a folder of
// NAME.hex files, captures of real ones, which are no part of the project.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONSTANT_FLAGS, FIVE_REPORTS, HOOK_ONLY, NO_IDS, ONE_BIT_ARRAY, SPEAKERPHONE } from '../data/hid/devices.ts';
import type { SpeakerphoneModel } from './speakerphones.ts';

/** Numbers for tests, at https://pid.codes: no driver of Linux claims them. */
const VENDOR = 0x1209;

const model = (product: number, name: string, descriptor: Uint8Array, follows: SpeakerphoneModel['follows'] = 'telling'): SpeakerphoneModel => ({
  name,
  vendorId: VENDOR,
  productId: product,
  serial: `LAB${product}`,
  port: `lab/port${product}`,
  descriptor: Buffer.from(descriptor).toString('hex'),
  follows
});

export const OWN_MODELS = {
  usual: model(1, 'Usual', SPEAKERPHONE),
  fiveReports: model(2, 'Five Reports', FIVE_REPORTS),
  constantFlags: model(3, 'Constant Flags', CONSTANT_FLAGS),
  oneBitArray: model(4, 'One Bit Array', ONE_BIT_ARRAY),
  noIds: model(5, 'No Ids', NO_IDS),
  hookOnly: model(6, 'Hook Only', HOOK_ONLY, 'not')
} as const;

/** Linux has a driver for the devices of some vendors, and takes no other for them. */
const VENDORS: readonly (readonly [RegExp, number])[] = [
  [/^jabra/, 0x0b0e],
  [/^(?:plantronics|poly)/, 0x047f]
];

export function modelsToTry(): readonly SpeakerphoneModel[] {
  const folder = process.env['CLOISTER_HID_DESCRIPTORS'];
  if (folder === undefined) return Object.values(OWN_MODELS);
  const names = readdirSync(folder).filter((name) => name.endsWith('.hex'));
  return names.sort().map((file, index): SpeakerphoneModel => {
    const name = file.slice(0, -'.hex'.length);
    return {
      ...model(0x100 + index, name, new Uint8Array()),
      vendorId: VENDORS.find(([pattern]) => pattern.test(name))?.[1] ?? VENDOR,
      descriptor: readFileSync(join(folder, file), 'utf8').replace(/\s+/g, '')
    };
  });
}
