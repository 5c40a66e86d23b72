// Between a firmware, which knows keys and lamps, and the reports of one descriptor: which bit each of them is, by the kernel's reading. Pure.
import type { Key, Lamp, Traits } from '../fakes/speakerphone.ts';
import type { KernelField, ReportLengths } from './kernel-reading.ts';

/** HID Usage Tables 1.5: pages 0x0B Telephony, 0x0C Consumer, 0x09 Button; Button 7 is what several makes send to reject a call. */
const KEY_USAGES: Readonly<Partial<Record<Key, readonly number[]>>> = {
  hook: [0x0b0020],
  mute: [0x0b002f],
  flash: [0x0b0021],
  redial: [0x0b0024],
  drop: [0x0b0026],
  reject: [0x090007, 0x0b0007],
  'volume-up': [0x0c00e9],
  'volume-down': [0x0c00ea]
};
const LAMP_USAGES: Readonly<Partial<Record<Lamp, number>>> = { offHook: 0x080017, mute: 0x080009, ring: 0x080018, hold: 0x080020, onLine: 0x08002a };
const KEYS = Object.keys(KEY_USAGES) as Key[];
const LAMPS = Object.keys(LAMP_USAGES) as Lamp[];
const TELEPHONY = 0x0b;
const CONSUMER = 0x0c;
/** Pages from here on are the vendors' own. */
const VENDOR_PAGES = 0xff00;

type Place = { readonly field: KernelField; readonly bit: number };

export type Wiring = {
  readonly keys: readonly Key[];
  readonly lamps: readonly Lamp[];
  readonly forms: Pick<Traits, 'hook' | 'mute'>;
  /** What is sent when `changed` is another one: the standard report first, then what mirrors it on a vendor's page. */
  reports(keys: Readonly<Record<Key, boolean>>, changed: Key): Uint8Array[];
  /** What an output report says of the lamps that are in it. */
  lampsIn(report: Uint8Array): Partial<Record<Lamp, boolean>>;
};

export function wiringOf(fields: readonly KernelField[], lengths: ReportLengths): Wiring {
  /** Variables of one bit; an array names its usages by number and is no place of a key here. */
  const places = (kind: KernelField['kind'], usages: readonly number[]): Place[] =>
    fields
      .filter((field) => field.kind === kind && field.flags.includes('Variable') && field.bits === 1)
      .flatMap((field) => field.usages.flatMap((usage, index) => (usages.includes(usage) ? [{ field, bit: field.offset + index }] : [])));
  const isStandard = ({ field }: Place): boolean => field.applicationPage === TELEPHONY || field.applicationPage === CONSUMER;
  const keyPlaces = new Map<Key, Place[]>();
  for (const key of KEYS) {
    const found = places('INPUT', KEY_USAGES[key] ?? []);
    const standard = found.find(isStandard);
    if (standard === undefined) continue;
    keyPlaces.set(key, [standard, ...found.filter(({ field }) => field.applicationPage >= VENDOR_PAGES)]);
  }
  const lampPlaces = new Map<Lamp, Place>();
  for (const lamp of LAMPS) {
    const standard = places('OUTPUT', [LAMP_USAGES[lamp] ?? 0]).find(isStandard);
    if (standard !== undefined) lampPlaces.set(lamp, standard);
  }
  const first = lengths.usesIds ? 1 : 0;
  const form = (key: Key): 'switch' | 'one-shot' => {
    const flags = keyPlaces.get(key)?.[0]?.field.flags ?? [];
    return flags.includes('Absolute') && flags.includes('NoPreferredState') ? 'switch' : 'one-shot';
  };
  return {
    keys: [...keyPlaces.keys()],
    lamps: [...lampPlaces.keys()],
    forms: { hook: form('hook'), mute: form('mute') },
    reports(keys, changed) {
      const ids = new Set((keyPlaces.get(changed) ?? []).map(({ field }) => field.reportId));
      return [...ids].map((id) => {
        const report = new Uint8Array(first + lengths.bytes('INPUT', id));
        if (lengths.usesIds) report[0] = id;
        for (const [key, all] of keyPlaces) {
          if (!keys[key]) continue;
          for (const { field, bit } of all) if (field.reportId === id) setBit(report, first * 8 + bit);
        }
        return report;
      });
    },
    lampsIn(report) {
      const id = lengths.usesIds ? report[0] : 0;
      // uhid hands on what hidraw was given, also the 0 that stands for "no id" there.
      const before = report.length > lengths.bytes('OUTPUT', id ?? 0) ? 1 : 0;
      const lit: Partial<Record<Lamp, boolean>> = {};
      for (const [lamp, { field, bit }] of lampPlaces) if (field.reportId === id) lit[lamp] = bitOf(report, before * 8 + bit);
      return lit;
    }
  };
}

function setBit(report: Uint8Array, bit: number): void {
  const at = bit >> 3;
  report[at] = (report[at] ?? 0) | (1 << (bit & 7));
}

const bitOf = (report: Uint8Array, bit: number): boolean => (((report[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
