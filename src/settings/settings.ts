// The room's settings as they are now: read from the disk, changed there first, and ended by themselves when their time is over (room-settings.ts).
import type { KeptFile } from '../config/kept-file.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import { createKeptValue } from '../kernel/kept-value.ts';
import type { Log } from '../kernel/log.ts';
import { ok } from '../kernel/result.ts';
import type { SettingsView } from '../room/state.ts';
import type { SettingsChange } from '../ui-server/port.ts';
import {
  changeSettings,
  type KeptSettings,
  lapse,
  lapsesInMs,
  type Policy,
  type SettingsDefaults,
  settingsView,
  visitorsLeft,
  wipeSettings
} from './room-settings.ts';

/** The clock may jump: it is looked at this often while something is to end. */
const LOOK_MS = 30_000;

export type SettingsOptions = {
  readonly file: KeptFile<KeptSettings>;
  /** Removes what a damaged or half written file left behind. */
  readonly removeRemains: () => Promise<void>;
  readonly defaults: SettingsDefaults;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Log;
};

export type Settings = EventSource<{ changed: readonly [] }> &
  AsyncDisposable & {
    /** Reads what is kept. */
    start(signal: AbortSignal): Promise<void>;
    view(): SettingsView;
    /** The account's own switch. */
    encryption(): boolean;
    /** @throws CloisterError CL_SETTING_LOCKED */
    change(change: SettingsChange): Promise<void>;
    /** Whether the room is in a call: the visitors' language ends with it. */
    inCall(running: boolean): void;
    /** When the room was last wiped, milliseconds since 1970. */
    wipedAtMs(): number | undefined;
    /** What visitors chose goes. @param all the rest of what they left is gone, too: that the room was wiped is kept */
    wipe(all: boolean): Promise<void>;
  };

export function createSettings(options: SettingsOptions): Settings {
  const { defaults, policy, clock, log } = options;
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  let running = false;
  let timer: Timer | null = null;
  let closed = false;

  const kept = createKeptValue<KeptSettings>({
    initial: {},
    store: options.file,
    changed() {
      watch();
      events.emit('changed');
    }
  });

  function watch(): void {
    timer?.cancel();
    const inMs = closed ? null : lapsesInMs(kept.current, !running, clock.now());
    timer = inMs === null ? null : clock.schedule(Math.min(inMs, LOOK_MS), end);
  }

  function end(): void {
    const lapsed = (before: KeptSettings): KeptSettings => lapse(before, !running, clock.now());
    if (lapsed(kept.current) === kept.current) watch();
    else note(lapsed);
  }

  /** For what no person waits for. */
  function note(make: (before: KeptSettings) => KeptSettings): void {
    kept.change((before) => ok(make(before)), true).catch((error: unknown) => log.warn('the settings could not be kept', { error: String(error) }));
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      await kept.load();
      note((before) => lapse(before, true, clock.now()));
    },
    view: () => settingsView(kept.current, defaults, clock.now()),
    encryption: () => kept.current.encryption ?? defaults.encryption,
    change: (change) => kept.change((before) => changeSettings(before, change, policy, clock.now())),
    inCall(now) {
      if (now === running) return;
      running = now;
      if (running) watch();
      else note(visitorsLeft);
    },
    wipedAtMs: () => kept.current.wipedAtMs,
    async wipe(all) {
      await Promise.all([kept.change((before) => ok(wipeSettings(before, all ? clock.now() : null)), true), kept.between(options.removeRemains)]);
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      timer?.cancel();
      // What is on its way to the disk.
      await kept.between(async () => {});
    }
  };
}
