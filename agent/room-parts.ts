// What a room has besides its call, its devices and its place at the broker: each part says what is so, and when that has changed.
import type { ErrorCode } from '../src/kernel/error-codes.ts';
import type { EventSource } from '../src/kernel/events.ts';
import type { PeopleView, Problem, RoomState, SettingsView } from '../src/room/state.ts';
import type { AdminPort, PeoplePort, ReportsPort, SettingsChange } from '../src/ui-server/port.ts';

type Changing = EventSource<{ changed: readonly [] }>;

export type RoomSettings = Changing & { view(): SettingsView; change(change: SettingsChange): Promise<void> };
export type RoomPeople = Changing & PeoplePort & { view(): PeopleView };
export type RoomAdmin = Changing &
  AdminPort & {
    view(): RoomState['admin'];
    /** What ails it, for health; null where nothing does. */
    problem(): { readonly code: ErrorCode; readonly sinceMs: number } | null;
  };

/** Problems that somebody has seen and silenced. */
export type RoomSilences = Changing & { mark(problems: readonly Problem[]): Problem[]; set(code: string, reason: string | null): Promise<void> };

export type RoomParts = {
  readonly settings: RoomSettings;
  readonly people: RoomPeople;
  readonly admin: RoomAdmin;
  readonly reports: ReportsPort;
  readonly silences: RoomSilences;
};
