// Where the controls and lamps of a HID device are, by what Linux understood of its report descriptor (debugfs, hid/*/rdesc). A firmware that is built on it agrees with
// the project's own reader only where that one is right. How long a report is the kernel does not print: that is counted here. Pure.

export type KernelField = {
  readonly kind: 'INPUT' | 'OUTPUT' | 'FEATURE';
  /** 0 where the device uses no ids. */
  readonly reportId: number;
  /** Page of the application collection that it is in. */
  readonly applicationPage: number;
  /** Page in the upper 16 bits. */
  readonly usages: readonly number[];
  readonly logicalMinimum: number;
  readonly bits: number;
  readonly offset: number;
  readonly flags: readonly string[];
};

/** Names of linux/drivers/hid/hid-debug.c for the pages that telephony uses; the others come in hex. */
const PAGES: Readonly<Record<string, number>> = { GenericDesktop: 0x01, LED: 0x08, Button: 0x09, Consumer: 0x0c };

/** @param text of rdesc: the descriptor, then what was made of it, then what became of it in the input layer */
export function readKernelFields(text: string): KernelField[] {
  const fields: KernelField[] = [];
  let report = { kind: 'INPUT' as KernelField['kind'], reportId: 0 };
  let field: { -readonly [Key in keyof KernelField]: KernelField[Key] } | null = null;
  for (const line of text.split('\n')) {
    const ofReport = /^ {2}(INPUT|OUTPUT|FEATURE)(?:\((\d+)\))?\[/.exec(line);
    if (ofReport !== null) report = { kind: ofReport[1] as KernelField['kind'], reportId: Number(ofReport[2] ?? 0) };
    if (/^ {4}Field\(/.test(line)) {
      field = { ...report, applicationPage: 0, usages: [], logicalMinimum: 0, bits: 0, offset: 0, flags: [] };
      fields.push(field);
    }
    if (field === null) continue;
    const application = /^ {6}Application\((.+)\)$/.exec(line)?.[1];
    if (application !== undefined) field.applicationPage = usageNumber(application) >>> 16;
    const used = /^ {8}(\S+\.\S+)$/.exec(line)?.[1];
    if (used !== undefined) field.usages = [...field.usages, usageNumber(used)];
    field.logicalMinimum = numberAfter(line, 'Logical Minimum') ?? field.logicalMinimum;
    field.bits = numberAfter(line, 'Report Size') ?? field.bits;
    field.offset = numberAfter(line, 'Report Offset') ?? field.offset;
    const flags = /^ {6}Flags\((.*)\)$/.exec(line)?.[1];
    if (flags !== undefined) field.flags = flags.trim().split(/\s+/);
  }
  return fields;
}

const numberAfter = (line: string, name: string): number | null => {
  const found = new RegExp(`^ {6}${name}\\((-?\\d+)\\)$`).exec(line)?.[1];
  return found === undefined ? null : Number(found);
};

function usageNumber(text: string): number {
  const [page = '', id = ''] = text.split('.');
  return (PAGES[page] ?? Number.parseInt(page, 16)) * 0x1_0000 + Number.parseInt(id, 16);
}

export type ReportLengths = { readonly usesIds: boolean; bytes(kind: KernelField['kind'], reportId: number): number };

/** Sizes times counts by kind and id (HID 1.11 section 6.2.2.7), for the short items of a descriptor without faults. */
export function reportLengths(descriptor: Uint8Array): ReportLengths {
  const bits = new Map<string, number>();
  let state = { size: 0, count: 0, id: 0 };
  let usesIds = false;
  const pushed: (typeof state)[] = [];
  for (let at = 0; at < descriptor.length; ) {
    const prefix = descriptor[at] ?? 0;
    const length = [0, 1, 2, 4][prefix & 3] ?? 0;
    const value = descriptor.slice(at + 1, at + 1 + length).reduceRight((sum, byte) => sum * 256 + byte, 0);
    at += 1 + length;
    switch (prefix & 0xfc) {
      case 0x74:
        state = { ...state, size: value };
        break;
      case 0x94:
        state = { ...state, count: value };
        break;
      case 0x84:
        state = { ...state, id: value };
        usesIds = true;
        break;
      case 0xa4:
        pushed.push(state);
        break;
      case 0xb4:
        state = pushed.pop() ?? state;
        break;
      case 0x80:
      case 0x90:
      case 0xb0: {
        const key = `${{ 128: 'INPUT', 144: 'OUTPUT', 176: 'FEATURE' }[prefix & 0xfc]}${state.id}`;
        bits.set(key, (bits.get(key) ?? 0) + state.size * state.count);
      }
    }
  }
  return { usesIds, bytes: (kind, reportId) => Math.ceil((bits.get(`${kind}${reportId}`) ?? 0) / 8) };
}
