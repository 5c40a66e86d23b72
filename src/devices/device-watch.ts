// Tells that a device came or went, without polling where the system tells: on Linux by what happens in /dev (docs/adr/0023-device-identity.md says why no package).
// Only told once things have settled, and only if something is other than it was.
import { watch } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../kernel/clock.ts';
import { hasSystemCode } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';

export type DeviceWatch = EventSource<{ readonly changed: readonly [] }> & AsyncDisposable & { start(signal: AbortSignal): Promise<void> };

export type DeviceWatchOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** What there is, as a text to be compared. */
  readonly look: () => Promise<string>;
  /** The folders in which something happens when a device comes or goes; none: it is looked every two seconds. */
  readonly folders: readonly string[];
  /** Which names in them matter. */
  readonly matters: (name: string) => boolean;
  /** fs.watch, but in tests. @throws where the folder cannot be watched */
  readonly listen?: Listen;
};

/** @param heard of a name in the folder; null where it is not known which */
export type Listen = (folder: string, heard: (name: string | null) => void, lost: (error: unknown) => void) => { close(): void };

/** After the last of a burst: one piece of equipment is several nodes, and udev gives each its group shortly after. */
const SETTLE_MS = 300;
const SETTLE_AT_MOST_MS = 1000;
const POLL_MS = 2000;

const DEVICE_FOLDERS = ['/dev', '/dev/snd'];
const NODE = /^(?:hidraw[0-9]+|video[0-9]+|media[0-9]+|iio:device[0-9]+|snd|controlC[0-9]+|pcmC[0-9]+D[0-9]+[cp])$/;

/** The watch of this Linux machine. */
export const createLinuxDeviceWatch = (options: Pick<DeviceWatchOptions, 'clock' | 'log'>, folders: readonly string[] = DEVICE_FOLDERS): DeviceWatch =>
  createDeviceWatch({ ...options, folders, matters: (name) => NODE.test(name), look: () => nodesOf(folders) });

/** Names, and what changes when a node is made anew under its old name, or may be opened by somebody else. */
async function nodesOf(folders: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    folders.map(async (folder) => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => NODE.test(name)).sort();
      return Promise.all(
        names.map(async (name) => {
          const node = await lstat(join(folder, name)).catch(() => null);
          // A folder changes with what is in it, which is looked at by itself.
          return node === null || node.isDirectory() ? name : [name, node.ino, node.mode, node.uid, node.gid].join(' ');
        })
      );
    })
  );
  return JSON.stringify(lines);
}

const listenByInotify: Listen = (folder, heard, lost) => watch(folder, { persistent: false }, (_event, name) => heard(name)).on('error', lost);

export function createDeviceWatch({ clock, log, look, folders, matters, listen = listenByInotify }: DeviceWatchOptions): DeviceWatch {
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener of the device watch failed', { error: String(error) }));
  const scope = new Scope();
  const watchers = new Map<string, { close(): void }>();
  let seen: string | null = null;
  let settling: { readonly timer: Timer; readonly sinceMs: number } | null = null;
  let looking: Promise<void> | null = null;
  let polling = false;
  let told = false;

  function close(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  /** @returns false where something could happen unheard */
  function watchFolders(): boolean {
    let all = folders.length > 0;
    for (const [index, folder] of folders.entries()) {
      if (watchers.has(folder)) continue;
      try {
        watchers.set(
          folder,
          listen(
            folder,
            (name) => heard(folder, name),
            (error) => lost(folder, error)
          )
        );
      } catch (error) {
        // A folder that is not there is told of by the one around it.
        if (index > 0 && hasSystemCode(error, 'ENOENT')) continue;
        all = false;
        if (!told) log.warn('devices cannot be watched, so they are looked for every two seconds', { folder, error: String(error) });
        told = true;
      }
    }
    return all;
  }

  function heard(folder: string, name: string | null): void {
    if (name !== null && !matters(name)) return;
    // A folder that went and came again is another one, of which its watcher hears nothing.
    if (name !== null) close(join(folder, name));
    settle();
  }

  function lost(folder: string, error: unknown): void {
    log.warn('a folder of devices cannot be watched any more', { folder, error: String(error) });
    close(folder);
    settle();
  }

  function settle(): void {
    const nowMs = clock.monotonicMs();
    const sinceMs = settling?.sinceMs ?? nowMs;
    settling?.timer.cancel();
    const delayMs = Math.max(0, Math.min(SETTLE_MS, sinceMs + SETTLE_AT_MOST_MS - nowMs));
    settling = {
      sinceMs,
      timer: scope.schedule(clock, delayMs, () => {
        settling = null;
        lookAgain();
      })
    };
  }

  function lookAgain(): void {
    if (looking !== null) {
      // What came meanwhile may have been missed.
      if (settling === null) settle();
      return;
    }
    looking = compare().finally(() => {
      looking = null;
    });
  }

  async function compare(): Promise<void> {
    if (scope.closed) return;
    if (!watchFolders()) poll();
    try {
      const now = await look();
      const changed = seen !== null && now !== seen;
      seen = now;
      if (changed && !scope.closed) events.emit('changed');
    } catch (error) {
      log.warn('the devices could not be looked for', { error: String(error) });
    }
  }

  function poll(): void {
    if (polling) return;
    polling = true;
    scope.schedule(clock, POLL_MS, () => {
      polling = false;
      lookAgain();
    });
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      scope.own(() => {
        for (const folder of [...watchers.keys()]) close(folder);
      });
      looking = compare().finally(() => {
        looking = null;
      });
      await looking;
    },
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      await looking;
    }
  };
}
