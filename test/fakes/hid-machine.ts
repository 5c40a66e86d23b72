// A machine with HID devices, in memory: what HidTransport, DescriptorSource and the device watch tell of it, and phones of test/fakes/speakerphone.ts
// that are plugged in and pulled out. Their reports are bytes, by a layout that is written down here and a descriptor that says the same.
import type { HidIdentity } from '../../src/devices/hid/hid-devices.ts';
import type { DescriptorSource, HidRow, HidTransport } from '../../src/devices/hid/transport.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { createEvents, type EventSource } from '../../src/kernel/events.ts';
import { application, cells, descriptor, input, logicalRange, output, type Part, padding, reportId, usage, usagePage } from '../data/hid/descriptor-builder.ts';
import { createFirmware, type Firmware, type Key, type Lamp, ORDINARY, type Traits } from './speakerphone.ts';

/** Keys and lamps in the order of their bits; id 0 where there are no ids. */
export type Layout = {
  readonly inputs: readonly { readonly id: number; readonly keys: readonly Key[] }[];
  readonly outputs: readonly { readonly id: number; readonly lamps: readonly Lamp[] }[];
  /** Consumer keys, in a top-level collection of their own. */
  readonly consumer?: { readonly id: number; readonly keys: readonly Key[] };
};

const TELEPHONY_KEYS: Partial<Record<Key, number>> = { hook: 0x20, mute: 0x2f, flash: 0x21, redial: 0x24, drop: 0x26, reject: 0x07 };
const CONSUMER_KEYS: Partial<Record<Key, number>> = { 'volume-up': 0xe9, 'volume-down': 0xea, 'speaker-mute': 0xe2, 'camera-off': 0x77 };
const LAMPS: Partial<Record<Lamp, number>> = { offHook: 0x17, mute: 0x09, ring: 0x18, hold: 0x20, onLine: 0x2a, speaker: 0x1e, microphone: 0x21 };
const SWITCH = 0x22;
const ONE_SHOT = 0x06;

export const ONE_REPORT: Layout = {
  inputs: [{ id: 2, keys: ['hook', 'mute', 'flash', 'redial', 'drop', 'reject'] }],
  outputs: [{ id: 2, lamps: ['offHook', 'mute', 'ring', 'hold', 'microphone'] }],
  consumer: { id: 1, keys: ['volume-up', 'volume-down', 'speaker-mute'] }
};
export const LAMP_PER_REPORT: Layout = {
  inputs: [{ id: 8, keys: ['mute', 'hook', 'flash'] }],
  outputs: (['mute', 'ring', 'speaker', 'hold', 'onLine', 'offHook'] as const).map((lamp, index) => ({ id: 9 + index, lamps: [lamp] }))
};
/** Each press comes twice, by two reports. */
export const MIRRORED: Layout = {
  inputs: [
    { id: 2, keys: ['hook', 'mute', 'drop'] },
    { id: 5, keys: ['hook', 'mute', 'drop'] }
  ],
  outputs: [{ id: 2, lamps: ['offHook', 'mute', 'ring'] }]
};
export const NO_IDS: Layout = { inputs: [{ id: 0, keys: ['hook', 'mute'] }], outputs: [{ id: 0, lamps: ['ring', 'offHook', 'mute'] }] };
export const HOOK_ALONE: Layout = { inputs: [{ id: 2, keys: ['hook'] }], outputs: [] };

const BITS_OF_A_BYTE = 8;

function descriptorOf({ inputs, outputs, consumer }: Layout, traits: Traits): Uint8Array {
  const idOf = (id: number): Part => (id === 0 ? [] : reportId(id));
  const bit = (page: number, id: number, flags: Part): Part => [...usagePage(page), ...usage(id), ...cells(1, 1), ...flags];
  const rest = (kind: typeof input, bits: number): Part => (bits % BITS_OF_A_BYTE === 0 ? [] : padding(kind, BITS_OF_A_BYTE - (bits % BITS_OF_A_BYTE)));
  const flagsOf = (key: Key): number => ((key === 'hook' && traits.hook === 'switch') || (key === 'mute' && traits.mute === 'switch') ? SWITCH : ONE_SHOT);
  const phone = application(
    0x0b,
    0x05,
    logicalRange(0, 1),
    ...inputs.flatMap(({ id, keys }) => [
      idOf(id),
      ...keys.map((key) => bit(key === 'reject' ? 0x09 : 0x0b, TELEPHONY_KEYS[key] ?? 0, input(flagsOf(key)))),
      rest(input, keys.length)
    ]),
    ...outputs.flatMap(({ id, lamps }) => [idOf(id), ...lamps.map((lamp) => bit(0x08, LAMPS[lamp] ?? 0, output(SWITCH))), rest(output, lamps.length)])
  );
  if (consumer === undefined) return descriptor(phone);
  const keys = consumer.keys.map((key) => bit(0x0c, CONSUMER_KEYS[key] ?? 0, input(0x02)));
  return descriptor(phone, application(0x0c, 0x01, idOf(consumer.id), logicalRange(0, 1), ...keys, rest(input, consumer.keys.length)));
}

export type PlugOptions = {
  readonly layout?: Layout;
  readonly traits?: Partial<Traits>;
  readonly serial?: string;
  readonly appliance?: string;
  /** Other collections than those of a speakerphone: then it has no firmware that does anything. */
  readonly rows?: readonly Pick<HidRow, 'usagePage' | 'usage'>[];
  /** Instead of the layout's; null: nobody can tell. */
  readonly descriptor?: Uint8Array | null;
  /** How long the system lets nobody open it. */
  readonly forbiddenMs?: number;
};

export type Plugged = {
  readonly path: string;
  readonly firmware: Firmware;
  /** What was written, whole. */
  readonly writes: readonly Uint8Array[];
  readonly opened: () => number;
  readonly open: () => boolean;
  /** Each write takes so long from now on. */
  slow(ms: number): void;
  /** So many writes fail. */
  failWrites(count: number): void;
  /** From the device, whatever it is. */
  send(report: readonly number[]): void;
  unplug(): void;
  /** Gone from the list, and nothing else tells. */
  vanish(): void;
};

export type HidMachine = {
  readonly transport: HidTransport;
  readonly descriptors: DescriptorSource;
  readonly watch: EventSource<{ readonly changed: readonly [] }>;
  identify: (rows: readonly HidRow[]) => Promise<readonly HidIdentity[]>;
  plug(options?: PlugOptions): Plugged;
  /** The system says that something came or went. */
  stir(): void;
  readonly connections: () => number;
};

const SETTLE_MS = 300;

export function createHidMachine(clock: Clock): HidMachine {
  type Device = {
    readonly rows: readonly HidRow[];
    readonly descriptor: Uint8Array | null;
    readonly appliance: string;
    readonly allowedAtMs: number;
    readonly take: (report: Uint8Array) => Promise<void>;
    readonly opened: (connection: Connection) => void;
  };
  type Connection = { hear: (report: Uint8Array) => void; lose: (why: string) => void; closed: boolean };
  const devices = new Map<string, Device>();
  const events = createEvents<{ changed: readonly [] }>((error) => {
    throw error;
  });
  const connections = new Set<Connection>();
  let node = 0;
  const stir = (): void => void clock.schedule(SETTLE_MS, () => events.emit('changed'));

  function plug(options: PlugOptions = {}): Plugged {
    const { layout = ONE_REPORT, serial = 'S1', appliance = `usb:${serial}`, forbiddenMs = 0 } = options;
    const traits = { ...ORDINARY, ...options.traits };
    const path = `/dev/hidraw${node++}`;
    const collections = options.rows ?? [
      { usagePage: 0x0b, usage: 0x05 },
      ...(layout.consumer === undefined ? [] : [{ usagePage: 0x0c, usage: 0x01 }]),
      { usagePage: 0xff00, usage: 0x01 }
    ];
    const rows = collections.map((row): HidRow => ({ vendorId: 0x1234, productId: 0xab, path, serialNumber: serial, product: 'Speak', ...row }));
    const writes: Uint8Array[] = [];
    const mine = new Set<Connection>();
    let opened = 0;
    let slowMs = 0;
    let failing = 0;
    let gone = false;

    const send = (report: readonly number[]): void => {
      for (const connection of mine) if (!connection.closed) connection.hear(Uint8Array.from(report));
    };
    const firmware = createFirmware(traits, clock, (keys, changed) => {
      for (const { id, keys: order } of [...layout.inputs, ...(layout.consumer === undefined ? [] : [layout.consumer])])
        if (order.includes(changed)) send([id, order.reduce((bits, key, index) => bits + (keys[key] ? 2 ** index : 0), 0)]);
    });

    devices.set(path, {
      rows,
      descriptor: options.descriptor === undefined ? descriptorOf(layout, traits) : options.descriptor,
      appliance,
      allowedAtMs: clock.monotonicMs() + forbiddenMs,
      async take(report) {
        if (slowMs > 0) await new Promise<void>((resolve) => void clock.schedule(slowMs, resolve));
        if (gone) throw new CloisterError('CL_DEVICE_WRITE', 'unplugged');
        if (failing > 0) {
          failing -= 1;
          throw new CloisterError('CL_DEVICE_WRITE', 'failed');
        }
        writes.push(report);
        const own = layout.outputs.find(({ id }) => id === report[0]);
        if (own === undefined || report.length !== 2) throw new Error(`a report that the device does not have: ${Buffer.from(report).toString('hex')}`);
        firmware.light(Object.fromEntries(own.lamps.map((lamp, index) => [lamp, Math.floor((report[1] ?? 0) / 2 ** index) % 2 === 1])));
      },
      opened(connection) {
        opened += 1;
        mine.add(connection);
      }
    });
    stir();
    return {
      path,
      firmware,
      writes,
      opened: () => opened,
      open: () => [...mine].some(({ closed }) => !closed),
      slow: (ms) => {
        slowMs = ms;
      },
      failWrites: (count) => {
        failing = count;
      },
      send,
      vanish() {
        devices.delete(path);
        stir();
      },
      unplug() {
        gone = true;
        firmware.unplug();
        devices.delete(path);
        for (const connection of mine) if (!connection.closed) connection.lose('could not read from HID device');
        stir();
      }
    };
  }

  return {
    transport: {
      list: async () => [...devices.values()].flatMap(({ rows }) => rows),
      async open(path) {
        const device = devices.get(path);
        if (device === undefined) throw new CloisterError('CL_DEVICE_OPEN', 'it is not there');
        if (clock.monotonicMs() < device.allowedAtMs) throw new CloisterError('CL_DEVICE_PERMISSION');
        const connection: Connection = { hear: () => {}, lose: () => {}, closed: false };
        connections.add(connection);
        device.opened(connection);
        return {
          write: (report) => device.take(report),
          onReport: (listener) => {
            connection.hear = listener;
          },
          onLost: (listener) => {
            connection.lose = listener;
          },
          close: async () => {
            connection.closed = true;
            connections.delete(connection);
          }
        };
      }
    },
    descriptors: async ({ path }) => devices.get(path ?? '')?.descriptor ?? null,
    watch: events,
    identify: async (rows) =>
      rows.map(({ path = '', serialNumber = '', product = '' }) => ({
        id: `hid-${serialNumber}-${devices.get(path)?.appliance}`,
        name: product,
        model: '1234:00ab',
        serial: serialNumber,
        port: null,
        appliance: devices.get(path)?.appliance ?? ''
      })),
    plug,
    stir,
    connections: () => connections.size
  };
}
