// What a room has besides its call, its devices and its place at the broker: each part says what is so, and when that has changed.
import type { ErrorCode } from '../src/kernel/error-codes.ts';
import type { EventSource } from '../src/kernel/events.ts';
import type { People } from '../src/people/people.ts';
import type { Problem, RoomState } from '../src/room/state.ts';
import type { Settings } from '../src/settings/settings.ts';
import type { AdminPort, ReportsPort } from '../src/ui-server/port.ts';
import type { Clearing } from './clear-room.ts';

type Changing = EventSource<{ changed: readonly [] }>;
/** Who composes the room starts and closes its parts. */
type Running<T> = Omit<T, 'start' | typeof Symbol.asyncDispose>;

export type RoomAdmin = Changing &
  AdminPort & {
    view(): RoomState['admin'];
    /** What ails it, for health; null where nothing does. */
    problem(): { readonly code: ErrorCode; readonly sinceMs: number } | null;
  };

/** Problems that somebody has seen and silenced. */
export type RoomSilences = Changing & { mark(problems: readonly Problem[]): Problem[]; set(code: string, reason: string | null): Promise<void> };

export type RoomParts = {
  readonly settings: Running<Settings>;
  readonly people: Running<People>;
  readonly admin: RoomAdmin;
  readonly reports: ReportsPort;
  readonly silences: RoomSilences;
  readonly clearing: Running<Clearing>;
  /** When a file of the room was set aside because it could not be read, milliseconds since 1970; null where none was. */
  readonly unreadableSinceMs: () => number | null;
};
