// Presence sensors where Linux has taken them from HID: hid-sensor-prox makes an IIO device named `prox` of each (drivers/iio/light/hid-sensor-prox.c).
// Reading one asks the sensor itself, which may take seconds: one reading at a time, once a second at most.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { Scope } from '../../kernel/scope.ts';

export type PresenceSource = AsyncDisposable & {
  start(onChanged: () => void): void;
  /** A device came or went, or it is the first look. */
  look(): Promise<void>;
  /** null where no sensor tells. */
  presence(): boolean | null;
};

const READ_EVERY_MS = 1000;
const MAX_SENSORS = 8;
const CHANNEL = /^in_proximity[0-9]*_raw$/;

/** @param sysfs /sys, but in tests */
export function createIioPresence({ sysfs, clock }: { readonly sysfs: string; readonly clock: Clock }): PresenceSource {
  const folder = join(sysfs, 'bus/iio/devices');
  const scope = new Scope();
  let channels: readonly string[] = [];
  let somebody: boolean | null = null;
  let changed = (): void => {};
  let reading = false;
  let next: Timer | null = null;

  async function find(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const name of (await readdir(folder).catch(() => [])).filter((entry) => entry.startsWith('iio:device')).slice(0, MAX_SENSORS)) {
      const label = await readFile(join(folder, name, 'name'), 'utf8').catch(() => '');
      if (label.trim() !== 'prox') continue;
      for (const file of await readdir(join(folder, name)).catch(() => [])) if (CHANNEL.test(file)) found.push(join(folder, name, file));
    }
    return found.slice(0, MAX_SENSORS);
  }

  async function read(): Promise<void> {
    if (reading) return;
    reading = true;
    let now: boolean | null = null;
    for (const channel of channels) {
      const text = await readFile(channel, 'utf8').catch(() => '');
      if (/^-?[0-9]+\s*$/.test(text)) now = (now ?? false) || Number(text) !== 0;
    }
    reading = false;
    if (scope.closed) return;
    if (now !== somebody) {
      somebody = now;
      changed();
    }
    next?.cancel();
    next = channels.length > 0 ? scope.schedule(clock, READ_EVERY_MS, () => void read()) : null;
  }

  async function look(): Promise<void> {
    channels = await find();
    await read();
  }

  return {
    start(onChanged) {
      changed = onChanged;
    },
    look,
    presence: () => somebody,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
