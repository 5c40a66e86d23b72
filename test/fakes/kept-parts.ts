// The parts of a room that keep something, as they are, over files that are in memory.
import { createClearing } from '../../agent/clear-room.ts';
import type { RoomParts } from '../../agent/room-parts.ts';
import type { KeptFile } from '../../src/config/kept-file.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeople, type People } from '../../src/people/people.ts';
import { EMPTY_BOOK, type PeopleBook } from '../../src/people/people-book.ts';
import type { KeptSettings, Policy, SettingsDefaults } from '../../src/settings/room-settings.ts';
import { createSettings, type Settings } from '../../src/settings/settings.ts';
import type { Signaling } from '../../src/signaling/port.ts';
import { PLAIN_PARTS } from './room-parts.ts';

export type MemoryFile<T> = KeptFile<T> & { kept: T /** What the next write fails with. */; failure: Error | null; writes: number };

export function memoryFile<T>(kept: T): MemoryFile<T> {
  const file: MemoryFile<T> = {
    kept,
    failure: null,
    writes: 0,
    read: async () => file.kept,
    async write(value) {
      // As a disk does: it takes a turn.
      await new Promise((resolve) => setImmediate(resolve));
      const { failure } = file;
      file.failure = null;
      if (failure !== null) throw failure;
      file.writes += 1;
      file.kept = structuredClone(value);
    }
  };
  return file;
}

export const DEFAULTS: SettingsDefaults = {
  roomLanguage: 'en',
  theme: 'dark',
  textSize: 'normal',
  ringerPercent: 60,
  autoAnswer: { on: false, afterSeconds: 5 },
  wipeDailyAt: null,
  encryption: true
};

export type KeptParts = RoomParts & {
  readonly settings: Settings;
  readonly people: People;
  readonly settingsFile: MemoryFile<KeptSettings>;
  readonly peopleFile: MemoryFile<PeopleBook>;
  start(): Promise<void>;
};

export function createKeptParts(options: {
  readonly clock: Clock;
  readonly signaling: Pick<Signaling, 'on' | 'watchPresence' | 'seekPresence'>;
  readonly settings?: KeptSettings;
  readonly people?: PeopleBook;
  readonly policy?: Policy;
}): KeptParts {
  const { clock, signaling } = options;
  const settingsFile = memoryFile<KeptSettings>(options.settings ?? {});
  const peopleFile = memoryFile<PeopleBook>(options.people ?? EMPTY_BOOK);
  const common = { removeRemains: async () => {}, clock, log: silentLog };
  const settings = createSettings({ ...common, file: settingsFile, defaults: DEFAULTS, policy: options.policy ?? 'DisabledUserOverride' });
  const people = createPeople({ ...common, self: 'boardroom@contoso.example', file: peopleFile, signaling });
  return {
    ...PLAIN_PARTS,
    settings,
    people,
    clearing: createClearing({ settings, people, reports: PLAIN_PARTS.reports, inCall: () => false, clock, log: silentLog }),
    unreadableSinceMs: () => null,
    settingsFile,
    peopleFile,
    async start() {
      const { signal } = new AbortController();
      await settings.start(signal);
      await people.start(signal);
    }
  };
}
