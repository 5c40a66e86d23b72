// All HID devices of the room: found, opened, kept in step with the call, and let go (HidDevices of src/devices/port.ts).
// Invariants: a device is known by its identity, never by its node; what is wrong with one is in its view and keeps no other from working;
// one that is gone is closed, one that is back begins anew; nothing is opened but what is ours (collections.ts).

import { backoffMs } from '../../kernel/backoff.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { type ErrorCode, errorCodes } from '../../kernel/error-codes.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import { createEvents, type EventSource } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { HidDeviceView, HidView } from '../../room/state.ts';
import type { CallOnDevices, DeviceRegistry, HidDevices, HidEvents } from '../port.ts';
import { groupsOf, type HidGroup, type HidKind, kindsOf } from './collections.ts';
import { consoleVerdict, rememberedConsoles } from './console.ts';
import { driverOf } from './drivers.ts';
import { createHidDevice, type HidDeviceSession } from './hid-device.ts';
import type { PresenceSource } from './iio-presence.ts';
import { sensesPresence } from './presence.ts';
import { parseReportDescriptor } from './report-descriptor.ts';
import type { TelephonyControl, TelephonyLamp } from './report-model.ts';
import { type TelephonyMap, telephonyMap } from './telephony-map.ts';
import type { DescriptorSource, HidConnection, HidRow, HidTransport } from './transport.ts';

export type HidIdentity = Pick<HidDeviceView, 'id' | 'name' | 'model' | 'serial' | 'port' | 'appliance'>;

/** A small text that survives a restart: which touch consoles were there. */
export type ConsoleMemory = { read(): Promise<string | null>; write(text: string): Promise<void> };

export type HidDevicesOptions = {
  readonly transport: HidTransport;
  readonly descriptors: DescriptorSource;
  /** One for one. */
  readonly identify: (rows: readonly HidRow[]) => Promise<readonly HidIdentity[]>;
  /** Something under /dev came or went; started by who made it. */
  readonly watch: EventSource<{ readonly changed: readonly [] }>;
  /** What the room sees and hears with: the keys of such an appliance are the room's. */
  readonly registry: Pick<DeviceRegistry, 'on' | 'list'>;
  /** devices.console in the configuration: auto, none, or vendor:product. */
  readonly console: string;
  readonly consoleMemory: ConsoleMemory;
  /** Sensors that the system reads by itself. */
  readonly sensors: PresenceSource;
  readonly clock: Clock;
  readonly log: Log;
};

type Entry = {
  readonly group: HidGroup;
  identity: HidIdentity;
  readonly kinds: readonly HidKind[];
  /** Null where it is not open. */
  session: HidDeviceSession | null;
  map: TelephonyMap | null;
  problem: ErrorCode | null;
  opening: boolean;
  /** It is not in the list any more: whatever still runs for it comes to nothing. */
  dropped: boolean;
  openedAtMs: number;
};

const MAX_DEVICES = 32;
/** udev gives a node its group a moment after the kernel has made it. */
const PERMISSION_PATIENCE_MS = 2000;
const PERMISSION_RETRY_MS = 100;
/** A device that is lost or does not open is looked for again without a word of the system, ever more seldom. */
const AGAIN = { firstMs: 500, maxMs: 30_000 };
const STEADY_MS = 10_000;

export function createHidDevices(options: HidDevicesOptions): HidDevices {
  const { transport, descriptors, identify, watch, registry, consoleMemory, sensors, clock, log } = options;
  const scope = new Scope();
  const events = createEvents<HidEvents>((error) => log.error('a listener of the HID devices failed', { error: String(error) }));
  const entries = new Map<string, Entry>();
  const pending = new Set<Promise<void>>();
  let call: CallOnDevices = { phase: 'idle', muted: false };
  let touchConsole: HidView['console'] = 'none';
  let remembered: readonly string[] = [];
  let view: HidView = { devices: [], presence: null, console: 'none' };
  let shown = JSON.stringify(view);
  let scanning: Promise<void> | null = null;
  let scanAgain = false;
  let listFailed = false;
  let appliances: readonly string[] = [];
  let failures = 0;
  let lookingAgain: Timer | null = null;

  // ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  function scan(): Promise<void> {
    if (scope.closed) return Promise.resolve();
    scanAgain = scanning !== null;
    scanning ??= look().finally(() => {
      scanning = null;
      if (scanAgain) void scan();
    });
    return scanning;
  }

  async function look(): Promise<void> {
    try {
      const groups = groupsOf(await transport.list());
      const identities = await identify(groups.map(({ row }) => row));
      if (scope.closed) return;
      listFailed = false;
      sort(groups, identities);
      await seeConsoles(groups, identities);
      // A sensor may take seconds to answer: what is plugged in meanwhile does not wait for it.
      inBackground(sensors.look());
    } catch (error) {
      if (!listFailed) log.warn('the HID devices cannot be listed', { error: String(error) });
      listFailed = true;
    }
    changed();
  }

  /** Of what is there: a part of a room's appliance may come later than its keys. */
  const appliancesNow = (): readonly string[] => [...new Set(registry.list().flatMap(({ present, appliance }) => (present ? [appliance] : [])))].sort();

  function seeAppliances(): void {
    const now = appliancesNow();
    if (now.join('\n') === appliances.join('\n')) return;
    appliances = now;
    void scan();
  }

  function sort(groups: readonly HidGroup[], identities: readonly HidIdentity[]): void {
    const neighbours = new Set(appliances);
    for (const [index, { telephony }] of groups.entries()) if (telephony) neighbours.add(identities[index]?.appliance ?? '');
    const here = new Map<string, Entry>();
    // What is in use first: it is not pushed out by what comes.
    const inOrder = [...groups.entries()].sort(([, one], [, other]) => Number(entries.has(other.key)) - Number(entries.has(one.key)));
    for (const [index, group] of inOrder) {
      const identity = identities[index];
      if (identity === undefined || here.size === MAX_DEVICES) continue;
      const kinds = kindsOf(group, neighbours.has(identity.appliance));
      if (kinds.length === 0) continue;
      const entry: Entry = { group, identity, kinds, session: null, map: null, problem: null, opening: false, dropped: false, openedAtMs: 0 };
      here.set(group.key, entry);
    }
    for (const [key, entry] of entries) {
      const now = here.get(key);
      if (now === undefined || !isSame(now.identity, entry.identity) || now.kinds.join() !== entry.kinds.join()) drop(key, entry);
      else entry.identity = now.identity;
    }
    for (const [key, found] of here) {
      const entry = entries.get(key) ?? found;
      entries.set(key, entry);
      if (entry.session === null && !entry.opening && entry.kinds.some((kind) => kind !== 'console')) inBackground(open(entry));
    }
  }

  function inBackground(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => log.error('a HID device failed', { error: String(error) }))
      .finally(() => {
        pending.delete(tracked);
        changed();
      });
    pending.add(tracked);
  }

  function drop(key: string, entry: Entry): void {
    entry.dropped = true;
    entries.delete(key);
    if (entry.session !== null) inBackground(entry.session.close());
  }

  async function seeConsoles(groups: readonly HidGroup[], identities: readonly HidIdentity[]): Promise<void> {
    const here = groups.flatMap(({ touchScreen }, index) => (touchScreen ? [identities[index]?.model ?? ''] : []));
    const verdict = consoleVerdict({ setting: options.console, here, remembered });
    touchConsole = verdict.console;
    if (verdict.remember === remembered) return;
    remembered = verdict.remember;
    await consoleMemory
      .write(JSON.stringify(remembered))
      .catch((error: unknown) => log.warn('the touch console cannot be remembered', { error: String(error) }));
  }

  function lookAgain(): void {
    if (lookingAgain !== null) return;
    lookingAgain = scope.schedule(clock, backoffMs(failures, AGAIN, 0), () => {
      lookingAgain = null;
      void scan();
    });
    failures += 1;
  }

  // ── one device ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async function open(entry: Entry): Promise<void> {
    entry.opening = true;
    const { row } = entry.group;
    const told = log.child({ device: entry.identity.id });
    try {
      const bytes = await descriptors(row);
      const model = bytes === null ? null : parseReportDescriptor(bytes);
      if (model === null || !model.ok) {
        entry.problem = 'CL_DEVICE_DESCRIPTOR';
        return;
      }
      entry.map = telephonyMap(model.value, driverOf(row.vendorId, row.productId));
      // It may be a telephone, or a sensor, of which nothing can be used.
      if (entry.map.controls.length === 0 && entry.map.lamps.length === 0 && !sensesPresence(model.value)) {
        entry.problem = null;
        return;
      }
      const connection = await openPatiently(row.path ?? '', model.value.usesReportIds, () => entry.dropped || scope.closed);
      if (entry.dropped || scope.closed) {
        await connection?.close();
        return;
      }
      if (connection === null) return;
      entry.session = createHidDevice({
        connection,
        map: entry.map,
        call,
        clock,
        log: told,
        onCommand: (command) => events.emit('command', command),
        onChanged: changed,
        onLost: (why) => lost(entry, why)
      });
      entry.problem = null;
      entry.openedAtMs = clock.monotonicMs();
      entry.session.attach();
      told.info('a HID device is in use', { name: entry.identity.name, model: entry.identity.model });
    } catch (error) {
      const { code, message } = asCloisterError(error, 'CL_DEVICE_OPEN');
      if (entry.problem !== code) told.warn('a HID device cannot be used', { code, error: message });
      entry.problem = code;
      // The system tells when permissions change, not why a device does not open.
      if (code !== 'CL_DEVICE_PERMISSION' && !entry.dropped) lookAgain();
    } finally {
      entry.opening = false;
    }
  }

  /** @returns null where it is not wanted any more */
  async function openPatiently(path: string, usesReportIds: boolean, over: () => boolean): Promise<HidConnection | null> {
    const untilMs = clock.monotonicMs() + PERMISSION_PATIENCE_MS;
    for (;;) {
      try {
        return over() ? null : await transport.open(path, usesReportIds);
      } catch (error) {
        if (asCloisterError(error).code !== 'CL_DEVICE_PERMISSION' || clock.monotonicMs() >= untilMs) throw error;
      }
      await new Promise<void>((resolve) => {
        const timer = clock.schedule(PERMISSION_RETRY_MS, () => {
          disown();
          resolve();
        });
        const disown = scope.own(() => {
          timer.cancel();
          resolve();
        });
      });
    }
  }

  function lost(entry: Entry, why: string): void {
    log.info('a HID device is gone', { device: entry.identity.id, why });
    if (entry.dropped) return;
    drop(entry.group.key, entry);
    if (clock.monotonicMs() - entry.openedAtMs > STEADY_MS) {
      // It does not wait for the turn of one that never opens.
      failures = 0;
      lookingAgain?.cancel();
      lookingAgain = null;
    }
    lookAgain();
    changed();
  }

  // ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  function changed(): void {
    if (scope.closed) return;
    // A sensor of something else is none of ours.
    const listed = [...entries.values()].filter(
      ({ kinds, map, session, problem }) => kinds.join() !== 'presence' || map === null || session !== null || problem !== null
    );
    const senses = listed.flatMap(({ session }) => session?.presence() ?? []).concat(sensors.presence() ?? []);
    view = {
      devices: listed.map(viewOf).sort((one, other) => (one.id < other.id ? -1 : 1)),
      presence: senses.length === 0 ? null : senses.includes(true),
      console: touchConsole
    };
    const now = JSON.stringify(view);
    if (now === shown) return;
    shown = now;
    events.emit('changed');
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      remembered = rememberedConsoles(await consoleMemory.read().catch(() => null));
      scope.own(watch.on('changed', () => void scan()));
      scope.own(registry.on('changed', seeAppliances));
      appliances = appliancesNow();
      sensors.start(changed);
      await scan();
    },
    show(next) {
      call = next;
      for (const { session } of entries.values()) session?.show(next);
    },
    state: () => view,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      await scanning;
      await sensors[Symbol.asyncDispose]();
      for (const [key, entry] of [...entries]) drop(key, entry);
      await Promise.all(pending);
    }
  };
}

/** Its id may become another one when a second one like it is plugged in. */
const isSame = (one: HidIdentity, other: HidIdentity): boolean => one.model === other.model && one.serial === other.serial && one.port === other.port;

const LAMP_NAMES: readonly (readonly [TelephonyLamp, string])[] = [
  ['offHook', 'lamp off-hook'],
  ['mute', 'lamp mute'],
  ['ring', 'lamp ring'],
  ['hold', 'lamp hold']
];
const nameOf = (control: TelephonyControl): string => (control === 'volume-up' || control === 'volume-down' ? 'volume' : control);

/** In the words of HidDeviceView. */
export function abilitiesOf({ controls, lamps }: TelephonyMap): readonly string[] {
  const lampNames = LAMP_NAMES.filter(([lamp]) => lamps.some((mapped) => mapped.lamp === lamp)).map(([, name]) => name);
  return [...new Set(controls.map(({ control }) => nameOf(control))), ...lampNames];
}

function viewOf({ identity, kinds, map, session, problem }: Entry): HidDeviceView {
  const { id, name, model, serial, port, appliance } = identity;
  const code: ErrorCode | null = problem ?? (session?.writeFailed() === true ? 'CL_DEVICE_WRITE' : null);
  return {
    id,
    name,
    model,
    serial,
    port,
    appliance,
    kinds,
    can: map === null ? [] : abilitiesOf(map),
    lamps: session?.lamps() ?? null,
    problem: code === null ? null : { code, text: errorCodes[code].text }
  };
}
