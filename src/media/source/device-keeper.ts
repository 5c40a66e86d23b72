// Keeps the first device of an order open that works, for as long as a call wants it: the next one where it is lost, a better one when it comes back.
// Invariants: what was opened is used or closed, and closed once; a device is not opened while it is still opening or closing; after close() nothing is
// opened, and what opens too late is closed. A device that hangs holds up nobody: the others are tried meanwhile.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import { Scope } from '../../kernel/scope.ts';
import type { MediaDevice } from '../port.ts';
import { delay } from './pacer.ts';

export type Held<S> = { readonly device: MediaDevice; readonly source: S };

export type DeviceKeeperOptions<S> = {
  readonly clock: Clock;
  /** What is tried, best first; asked anew each time. */
  order(): Promise<readonly MediaDevice[]>;
  open(device: MediaDevice): Promise<S>;
  /** From now on this one is in use, and the one before is closed; null: none is, for this reason. */
  onUse(held: Held<S> | null, reason: string): void;
};

export type DeviceKeeper<S> = {
  /** Resolves when a device is in use, or when each was tried once. */
  open(): Promise<void>;
  /** The order may be another one: it is tried at once. */
  reconsider(): void;
  /** From now on silence is a loss. */
  expect(): void;
  /** The device in use gave something. */
  gave(): void;
  lost(held: Held<S>, reason: string): void;
  /** Resolves when all devices are released, but for one that hangs as it is opened. */
  close(): Promise<void>;
};

const RETRY_MS = 2_000;
/** After news first: a device that was plugged in is there some time before this user may open it. */
const SOON_MS = 250;
/** A better device that cannot be opened is tried less and less often: it is in somebody else's hands, and one that works is in use. */
const MAX_RETRY_MS = 30_000;
/** Then the next one is tried beside it; it is still taken when it opens. */
const OPEN_LIMIT_MS = 2_000;
/** ENOSPC: what the driver says where the bus has no room for two cameras at once (Linux, Documentation/driver-api/usb/error-codes.rst). */
const NO_ROOM = /no space left on device/i;
/** A device whose driver or firmware stands still ends nothing and tells nothing. */
const SILENCE_MS = 5_000;
const SILENCE_CHECK_MS = 1_000;

/** Why the order is looked through again. */
type Why = 'told' | 'lost' | 'released' | 'opened' | 'time';

type Opening<S> = { readonly device: MediaDevice; settled: Promise<void>; source: S | null; wanted: boolean; late: boolean };

export function createDeviceKeeper<S extends { close(): Promise<void> }>(options: DeviceKeeperOptions<S>): DeviceKeeper<S> {
  const { clock } = options;
  const scope = new Scope();
  const openings = new Map<string, Opening<S>>();
  const closings = new Map<string, Promise<void>>();
  /** What was lost is not tried again before, unless there is news. */
  const restUntilMs = new Map<string, number>();
  /** Cannot be opened beside another one; and those for which the other one made room once, in vain or not. */
  const crowdedOut = new Set<string>();
  const hadRoom = new Set<string>();
  let current: Held<S> | null = null;
  let reason = 'there is none';
  let told = false;
  let news = Promise.withResolvers<Why>();
  let gaveMs: number | null = null;

  const wake = (why: Why): void => news.resolve(why);

  function release({ device, source }: Held<S>): void {
    const done = source
      .close()
      .catch(() => {})
      .then(() => {
        if (closings.get(device.path) === done) closings.delete(device.path);
        wake('released');
      });
    closings.set(device.path, done);
  }

  /** What has opened, for whoever asks first. */
  function taken(opening: Opening<S>): S | null {
    const { source } = opening;
    opening.source = null;
    if (source !== null) openings.delete(opening.device.path);
    return source;
  }

  function use(held: Held<S>): void {
    const before = current;
    current = held;
    told = true;
    if (gaveMs !== null) gaveMs = clock.monotonicMs();
    restUntilMs.delete(held.device.path);
    crowdedOut.delete(held.device.path);
    hadRoom.delete(held.device.path);
    options.onUse(held, '');
    if (before !== null) release(before);
  }

  function begin(device: MediaDevice): Opening<S> {
    const opening: Opening<S> = { device, settled: Promise.resolve(), source: null, wanted: true, late: false };
    const settle = async (): Promise<void> => {
      try {
        const source = await options.open(device);
        if (opening.wanted && !scope.closed) opening.source = source;
        else release({ device, source });
      } catch (error) {
        reason = asCloisterError(error, 'CL_MEDIA_SOURCE').message;
        if (NO_ROOM.test(reason)) crowdedOut.add(device.path);
      }
      if (opening.source === null) openings.delete(device.path);
      else if (opening.late) wake('opened');
    };
    openings.set(device.path, opening);
    opening.settled = settle();
    return opening;
  }

  /** Waits for what may hang. */
  async function inTime(work: Promise<unknown> | undefined): Promise<void> {
    const limit = new AbortController();
    await Promise.race([work, delay(clock, OPEN_LIMIT_MS, AbortSignal.any([limit.signal, scope.signal]))]);
    limit.abort();
  }

  async function tryToOpen(device: MediaDevice): Promise<S | null> {
    const { path } = device;
    if (scope.closed || closings.has(path) || clock.monotonicMs() < (restUntilMs.get(path) ?? 0)) return null;
    const opening = openings.get(path) ?? begin(device);
    opening.wanted = true;
    if (opening.source === null && !opening.late) await inTime(opening.settled);
    const source = taken(opening);
    if (source === null) {
      if (openings.has(path) && !scope.closed) {
        opening.late = true;
        reason = `${device.name} does not answer`;
      }
      return null;
    }
    if (!scope.closed) return source;
    release({ device, source });
    return null;
  }

  /** Lets the one in use go for a better one, once: where that fails nevertheless, the one that worked stays the next time. */
  async function tryAlone(device: MediaDevice): Promise<S | null> {
    const before = current;
    if (before === null || !crowdedOut.has(device.path) || hadRoom.has(device.path)) return null;
    hadRoom.add(device.path);
    current = null;
    options.onUse(null, `the bus has no room for ${device.name} beside it`);
    release(before);
    await inTime(closings.get(before.device.path));
    return tryToOpen(device);
  }

  /** @returns whether the best one is in use */
  async function lookForBetter(): Promise<boolean> {
    const order = await options.order().catch((): MediaDevice[] => []);
    const at = order.findIndex(({ path }) => path === current?.device.path);
    const better = at < 0 ? order : order.slice(0, at);
    for (const opening of openings.values()) {
      opening.wanted = better.some(({ path }) => path === opening.device.path);
      const source = opening.wanted ? null : taken(opening);
      if (source !== null) release({ device: opening.device, source });
    }
    for (const device of better) {
      if (scope.closed) return true;
      const source = (await tryToOpen(device)) ?? (await tryAlone(device));
      if (source === null) continue;
      use({ device, source });
      return device === order[0];
    }
    return at === 0;
  }

  async function run(tried: () => void): Promise<void> {
    let waitMs = SOON_MS;
    while (!scope.closed) {
      news = Promise.withResolvers();
      const best = await lookForBetter();
      if (scope.closed) break;
      if (!told) {
        told = true;
        options.onUse(null, reason);
      }
      tried();
      if (current === null) waitMs = Math.min(waitMs, RETRY_MS);
      const retry = best && current !== null ? null : clock.schedule(waitMs, () => wake('time'));
      const why = await news.promise;
      retry?.cancel();
      if (why === 'told') waitMs = SOON_MS;
      else if (why === 'lost') waitMs = RETRY_MS;
      else if (why === 'time') waitMs = Math.min(MAX_RETRY_MS, 2 * waitMs);
    }
    tried();
  }

  function lose(held: Held<S>, why: string): void {
    if (held !== current || scope.closed) return;
    current = null;
    restUntilMs.set(held.device.path, clock.monotonicMs() + RETRY_MS);
    options.onUse(null, why);
    release(held);
    wake('lost');
  }

  return {
    open() {
      const { promise: tried, resolve } = Promise.withResolvers<void>();
      scope.own(() => wake('told'));
      scope.every(clock, SILENCE_CHECK_MS, () => {
        if (current !== null && gaveMs !== null && clock.monotonicMs() - gaveMs >= SILENCE_MS) lose(current, `${current.device.name} stands still`);
      });
      void run(resolve);
      return tried;
    },
    reconsider() {
      restUntilMs.clear();
      wake('told');
    },
    expect() {
      gaveMs = clock.monotonicMs();
    },
    gave() {
      gaveMs = clock.monotonicMs();
    },
    lost: lose,
    async close() {
      await scope[Symbol.asyncDispose]();
      if (current !== null) release(current);
      current = null;
      const late = [...openings.values()].map((opening) => {
        const source = taken(opening);
        if (source !== null) release({ device: opening.device, source });
        return opening.settled;
      });
      const limit = new AbortController();
      await Promise.race([Promise.all(late), delay(clock, OPEN_LIMIT_MS, limit.signal)]);
      limit.abort();
      await Promise.all(closings.values());
    }
  };
}
