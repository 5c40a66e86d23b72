// How a log entry looks: one line each, whatever is in it, so that nobody can forge a line. Pure.
import type { LogFields } from '../kernel/log.ts';
import { redactFields, redactText } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogEntry = { readonly atMs: number; readonly level: LogLevel; readonly message: string; readonly fields: LogFields };

const OWN_NAMES = new Set(['time', 'level', 'message']);

const shownFields = (fields: LogFields): [string, string | number | boolean | undefined][] =>
  Object.entries(redactFields(fields)).map(([name, value]) => [OWN_NAMES.has(name) ? `${name}_` : name, value]);

/** One JSON object: `time` (ISO 8601), `level`, `message`, then the fields. */
export function jsonLine({ atMs, level, message, fields }: LogEntry): string {
  return JSON.stringify({ time: new Date(atMs).toISOString(), level, message: redactText(message), ...Object.fromEntries(shownFields(fields)) });
}

/** Short, for people: `12:30:01.250 warn  a message key=value`. */
export function textLine({ atMs, level, message, fields }: LogEntry): string {
  const shown = shownFields(fields).map(([name, value]) => `${name}=${/^[\w.:/@+-]+$/.test(String(value)) ? value : JSON.stringify(value)}`);
  return [new Date(atMs).toISOString().slice(11, 23), level.padEnd(5), printable(redactText(message)), ...shown.map(printable)].join(' ');
}

/** Control characters and line ends could forge a line or steer a terminal. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
