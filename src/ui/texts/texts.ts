// Every word that the panel and the display show, as one object for a language. An area of texts is one file of this folder and one line of AREAS.
// Sentences are plain: what is so, and what to do. No text promises more than the state says.
import { type ErrorCode, errorCodes } from '../../kernel/error-codes.ts';
import { LANGUAGES, type Language } from '../../kernel/panel-choices.ts';
import type { CallView, EncryptionView, StandardReason } from '../../room/state.ts';
import { administrator } from './administrator.ts';
import { call } from './call.ts';
import { camera } from './camera.ts';
import { codeComparison } from './code-comparison.ts';
import { conference } from './conference.ts';
import { display } from './display.ts';
import { ended } from './ended.ts';
import { errors } from './errors.ts';
import { everyScreen } from './every-screen.ts';
import { features } from './features.ts';
import { health } from './health.ts';
import { home } from './home.ts';
import { inCall } from './in-call.ts';
import { people } from './people.ts';
import { pictures } from './pictures.ts';
import { reasons } from './reasons.ts';
import { security } from './security.ts';
import { settings } from './settings.ts';
import type { Translations } from './translations.ts';
import { writing } from './writing.ts';

export const AREAS = [
  everyScreen,
  home,
  people,
  call,
  inCall,
  conference,
  features,
  camera,
  pictures,
  security,
  codeComparison,
  display,
  ended,
  reasons,
  settings,
  administrator,
  writing,
  health
] as const;

export type TextKey = (typeof AREAS)[number] extends infer Area ? (Area extends Translations<infer Key> ? Key : never) : never;

type Values = Readonly<Record<string, string | number>>;

/** A problem's sentence in this language, and the room's own words (English) where they say more. */
type ProblemWords = { readonly text: string; readonly technical: string | null };

export type Texts = {
  /** The text of a key, its `{names}` filled in. */
  (key: TextKey, values?: Values): string;
  readonly language: Language;
  readonly direction: 'ltr' | 'rtl';
  /** The sentence about an error that a command met. */
  readonly error: (code: string) => string;
  readonly problem: (problem: { readonly code: ErrorCode; readonly text: string }) => ProblemWords;
  /** Why a call is a standard call, in one sentence. */
  readonly standardReason: (reason: StandardReason | null) => string;
  /** Why the call ended: the reason, and the error's own sentence where a code says more. */
  readonly ended: (ended: NonNullable<CallView['ended']>) => { readonly reason: string; readonly detail: string | null };
  readonly detector: (detectedBy: string) => string;
  readonly feature: (feature: string) => string;
  readonly shield: (encryption: EncryptionView) => string;
  /** Hours and minutes of an instant (milliseconds since 1970) in the room's own zone. */
  readonly clock: (ms: number) => string;
  /** Weekday, day and month of an instant. */
  readonly date: (ms: number) => string;
  /** A duration as `4:05` or `1:02:09`; a negative one (a clock that jumped) is `0:00`. */
  readonly duration: (ms: number) => string;
  readonly number: (value: number, options?: Intl.NumberFormatOptions) => string;
};

/** Latin digits in Arabic too, so that codes, addresses and clocks agree everywhere; the clock has 24 hours everywhere. */
const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE', fr: 'fr-FR', es: 'es-ES', ja: 'ja-JP', ar: 'ar-u-nu-latn' };

const TABLES = Object.fromEntries(LANGUAGES.map((language) => [language, Object.assign({}, ...AREAS.map((area) => area[language]))])) as Readonly<
  Record<Language, Readonly<Record<TextKey, string>>>
>;

/** What stands in a right-to-left sentence, such as an address, keeps its own direction (Unicode UAX #9, FSI and PDI). */
const isolated = (value: string): string => `\u2068${value}\u2069`;

export function textsOf(language: Language): Texts {
  const table = TABLES[language];
  const locale = LOCALES[language];
  const direction = language === 'ar' ? 'rtl' : 'ltr';
  const format = (key: TextKey, values: Values = {}): string =>
    table[key].replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return value === undefined ? whole : direction === 'rtl' ? isolated(String(value)) : String(value);
    });
  const has = (key: string): key is TextKey => Object.hasOwn(table, key);
  const named = (prefix: string, name: string): string => (has(`${prefix}.${name}`) ? format(`${prefix}.${name}` as TextKey) : name);
  const codeText = (code: ErrorCode): string => (language === 'en' ? errorCodes[code].text : errors[language][code]);
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const date = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
  return Object.assign(format, {
    language,
    direction,
    error: (code: string) => (isErrorCode(code) ? codeText(code) : format('error.unknown')),
    problem: ({ code, text }: { readonly code: ErrorCode; readonly text: string }): ProblemWords => {
      const said = text === '' ? errorCodes[code].text : text;
      if (language === 'en') return { text: said, technical: null };
      return { text: codeText(code), technical: said === errorCodes[code].text ? null : said };
    },
    standardReason: (reason: StandardReason | null) => format(`reason.standard.${reason ?? 'none'}`),
    ended: ({ reason, by, code }: NonNullable<CallView['ended']>) => {
      const words = format(`reason.end.${reason}.${by}`);
      const detail = code === null ? null : codeText(code);
      return { reason: words, detail: detail === words ? null : detail };
    },
    detector: (detectedBy: string) => named('detector', detectedBy),
    feature: (feature: string) => named('feature', feature),
    shield: (encryption: EncryptionView) => {
      if (encryption.securingAgain) return format('shield.again');
      if (encryption.state === null && encryption.expected === 'standard') return format('incoming.standard');
      return format(encryption.state === null ? 'shield.none' : `shield.${encryption.state}`);
    },
    clock: (ms: number) => clock.format(ms),
    date: (ms: number) => date.format(ms),
    duration: durationText,
    number: (value: number, options: Intl.NumberFormatOptions = {}) => new Intl.NumberFormat(locale, options).format(value)
  } as const);
}

/** The language of a page: the room's; while it is not known, the last one known, else the browser's where it is one of ours. */
export function languageOf(room: Language | null, lastKnown: Language | null, browser: readonly string[]): Language {
  const ours = browser.map((tag) => tag.toLowerCase().split('-')[0]).find((tag): tag is Language => (LANGUAGES as readonly string[]).includes(tag ?? ''));
  return room ?? lastKnown ?? ours ?? 'en';
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

function durationText(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const part = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${part(minutes)}:${part(seconds % 60)}` : `${minutes}:${part(seconds % 60)}`;
}
