// What people set at the panel, over what the configuration says: what is kept, what is shown of it at a moment, and what each change makes. Pure.
// Invariants: what nobody changed follows the configuration; the visitors' language and do-not-disturb end by themselves, also over a restart;
// the account's own switch moves only where the organisation's policy leaves it to people.
import { CloisterError } from '../kernel/errors.ts';
import type { Language, Layout, TextSize, ThemeName } from '../kernel/panel-choices.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import type { SettingsView } from '../room/state.ts';
import type { SettingsChange } from '../ui-server/port.ts';

/** How long the visitors' language stays without a call. */
export const VISITORS_MS = 10 * 60_000;

/** Only what somebody changed. Instants are milliseconds since 1970. */
export type KeptSettings = {
  readonly visitors?: { readonly language: Language; readonly chosenAtMs: number };
  readonly roomLanguage?: Language;
  readonly theme?: ThemeName;
  readonly textSize?: TextSize;
  readonly ringerPercent?: number;
  /** `untilMs` null: until somebody turns it off. */
  readonly doNotDisturb?: { readonly untilMs: number | null };
  readonly autoAnswer?: SettingsView['autoAnswer'];
  readonly layout?: Layout;
  readonly selfView?: boolean;
  readonly wipeDailyAt?: string | null;
  readonly encryption?: boolean;
  /** When the room was last wiped: a time of wiping after it is still to be kept. */
  readonly wipedAtMs?: number;
};

/** The configuration's word where people have said nothing. */
export type SettingsDefaults = Pick<SettingsView, 'roomLanguage' | 'theme' | 'textSize' | 'ringerPercent' | 'autoAnswer' | 'wipeDailyAt'> & {
  readonly encryption: boolean;
};

export type Policy = 'Disabled' | 'DisabledUserOverride' | 'Required';

export function settingsView(kept: KeptSettings, defaults: SettingsDefaults, nowMs: number): SettingsView {
  const roomLanguage = kept.roomLanguage ?? defaults.roomLanguage;
  const { doNotDisturb } = kept;
  return {
    language: kept.visitors?.language ?? roomLanguage,
    roomLanguage,
    theme: kept.theme ?? defaults.theme,
    textSize: kept.textSize ?? defaults.textSize,
    ringerPercent: kept.ringerPercent ?? defaults.ringerPercent,
    doNotDisturb:
      doNotDisturb === undefined || isOver(doNotDisturb, nowMs)
        ? null
        : { until: doNotDisturb.untilMs === null ? null : new Date(doNotDisturb.untilMs).toISOString() },
    autoAnswer: kept.autoAnswer ?? defaults.autoAnswer,
    layout: kept.layout ?? 'content',
    selfView: kept.selfView ?? false,
    wipeDailyAt: kept.wipeDailyAt === undefined ? defaults.wipeDailyAt : kept.wipeDailyAt
  };
}

export function changeSettings(kept: KeptSettings, change: SettingsChange, policy: Policy, nowMs: number): Result<KeptSettings> {
  if (change.encryption !== undefined && policy !== 'DisabledUserOverride') {
    return err(new CloisterError('CL_SETTING_LOCKED', 'The organisation’s policy decides whether calls are end-to-end encrypted.'));
  }
  const { language, doNotDisturb, ...plain } = change;
  const set: { -readonly [K in keyof KeptSettings]: KeptSettings[K] } = { ...kept, ...withoutUndefined(plain) };
  // The room's own language is what the visitors' falls back to: chosen as such it is none of theirs.
  if (change.roomLanguage !== undefined && language === undefined) delete set.visitors;
  if (language !== undefined) set.visitors = { language, chosenAtMs: nowMs };
  if (doNotDisturb === null) delete set.doNotDisturb;
  else if (doNotDisturb !== undefined) set.doNotDisturb = { untilMs: doNotDisturb.minutes === null ? null : nowMs + doNotDisturb.minutes * 60_000 };
  // A time that is set now is kept from now on: nothing is made up for.
  if (change.wipeDailyAt !== undefined) set.wipedAtMs = nowMs;
  return ok(set);
}

/** What has ended by itself goes; the settings themselves where nothing has. */
export function lapse(kept: KeptSettings, idle: boolean, nowMs: number): KeptSettings {
  const { visitors, doNotDisturb, ...rest } = kept;
  const gone = {
    visitors: visitors !== undefined && idle && Math.abs(nowMs - visitors.chosenAtMs) >= VISITORS_MS,
    doNotDisturb: doNotDisturb !== undefined && isOver(doNotDisturb, nowMs)
  };
  if (!gone.visitors && !gone.doNotDisturb) return kept;
  return {
    ...rest,
    ...(visitors === undefined || gone.visitors ? {} : { visitors }),
    ...(doNotDisturb === undefined || gone.doNotDisturb ? {} : { doNotDisturb })
  };
}

/** The people who were here are gone: their language with them. */
export function visitorsLeft(kept: KeptSettings): KeptSettings {
  if (kept.visitors === undefined) return kept;
  const { visitors: _visitors, ...rest } = kept;
  return rest;
}

/**
 * What visitors left goes; what the room's own people set stays.
 * @param wipedAtMs null where something else that they left could not be removed: the room is then not wiped yet
 */
export function wipeSettings(kept: KeptSettings, wipedAtMs: number | null): KeptSettings {
  const { visitors: _visitors, doNotDisturb: _doNotDisturb, ...rest } = kept;
  return wipedAtMs === null ? rest : { ...rest, wipedAtMs };
}

/** Milliseconds until something ends by itself; null where nothing will. */
export function lapsesInMs(kept: KeptSettings, idle: boolean, nowMs: number): number | null {
  const ends: number[] = [];
  if (kept.visitors !== undefined && idle) ends.push(kept.visitors.chosenAtMs + VISITORS_MS - nowMs);
  if (kept.doNotDisturb !== undefined && kept.doNotDisturb.untilMs !== null) ends.push(kept.doNotDisturb.untilMs - nowMs);
  return ends.length === 0 ? null : Math.max(0, Math.min(...ends));
}

const isOver = ({ untilMs }: { readonly untilMs: number | null }, nowMs: number): boolean => untilMs !== null && untilMs <= nowMs;

const withoutUndefined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
