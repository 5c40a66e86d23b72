// cloister settings: what people set at the panel, read and changed by a program. Several changes are one: all of them are made, or none.
import { LANGUAGES, LAYOUTS, TEXT_SIZES, THEMES } from '../../src/kernel/panel-choices.ts';
import type { SettingsChange } from '../../src/ui-server/port.ts';
import { type CommandResult, printable, runClientCommand } from '../client-command.ts';
import { type Action, commandOf, done, exactly, type Given } from '../command-actions.ts';
import type { SettingsDocument } from '../http-client.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister settings [list] [--url URL] [--json]
       cloister settings get NAME
       cloister settings set NAME VALUE [NAME VALUE]... [--config FILE]

Says and changes what is set in the panel's settings. All changes of one call are
made, or none.
  language        ${LANGUAGES.join(', ')}: of the people who are here; ends with their call
  theme           ${THEMES.join(', ')}
  text-size       ${TEXT_SIZES.join(', ')}
  ringer          0 to 100; 0 is silent
  do-not-disturb  on, off, or for how many minutes
  layout          ${LAYOUTS.join(', ')}
  self-view       on or off
The administrator's:
  room-language   ${LANGUAGES.join(', ')}
  auto-answer     off, or after how many seconds (0 to 60)
  wipe-daily-at   HH:MM or off
  encryption      on or off: this account's switch for end-to-end encryption

  --config FILE   the room's configuration: its data folder holds the token by
                  which a program is the administrator
  --url URL       the room's address (default http://127.0.0.1:8480)
  --json          print one JSON document; its names are those of the HTTP interface`;

type Setting = {
  /** What is sent for what was written; null where it makes no sense. @param now null: it is only looked whether it makes sense */
  readonly change: (value: string, now: SettingsDocument | null) => SettingsChange | null;
  readonly wants: string;
  readonly show: (settings: SettingsDocument) => string;
};

const onOff = (on: boolean): string => (on ? 'on' : 'off');
const whole = (value: string, least: number, most: number): number | null =>
  /^\d{1,5}$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : null;

function choice<N extends 'language' | 'roomLanguage' | 'theme' | 'textSize' | 'layout'>(name: N, offered: readonly NonNullable<SettingsChange[N]>[]): Setting {
  return {
    change: (value) => (offered.some((each) => each === value) ? { [name]: value } : null),
    wants: `one of ${offered.join(', ')}`,
    show: (settings) => settings[name]
  };
}

function toggle(name: 'selfView' | 'encryption'): Setting {
  return {
    change: (value) => (value === 'on' || value === 'off' ? { [name]: value === 'on' } : null),
    wants: 'on or off',
    show: (settings) => onOff(settings[name])
  };
}

/** A week, as over HTTP. */
const MOST_MINUTES = 7 * 24 * 60;

const SETTINGS: Readonly<Record<string, Setting>> = {
  language: choice('language', LANGUAGES),
  theme: choice('theme', THEMES),
  'text-size': choice('textSize', TEXT_SIZES),
  ringer: {
    change(value) {
      const ringerPercent = whole(value, 0, 100);
      return ringerPercent === null ? null : { ringerPercent };
    },
    wants: 'a whole number from 0 to 100',
    show: ({ ringerPercent }) => `${ringerPercent} %`
  },
  'do-not-disturb': {
    change(value) {
      if (value === 'off') return { doNotDisturb: null };
      const minutes = value === 'on' ? null : whole(value, 1, MOST_MINUTES);
      return minutes === null && value !== 'on' ? null : { doNotDisturb: { minutes } };
    },
    wants: `on, off, or minutes (1 to ${MOST_MINUTES})`,
    show: ({ doNotDisturb }) => (doNotDisturb === null ? 'off' : doNotDisturb.until === null ? 'on' : `on until ${doNotDisturb.until}`)
  },
  layout: choice('layout', LAYOUTS),
  'self-view': toggle('selfView'),
  'room-language': choice('roomLanguage', LANGUAGES),
  'auto-answer': {
    change(value, now) {
      // How long stays, as it does at the panel.
      if (value === 'off') return { autoAnswer: { on: false, afterSeconds: now?.autoAnswer.afterSeconds ?? 0 } };
      const afterSeconds = whole(value, 0, 60);
      return afterSeconds === null ? null : { autoAnswer: { on: true, afterSeconds } };
    },
    wants: 'off, or seconds (0 to 60)',
    show: ({ autoAnswer: { on, afterSeconds } }) => (on ? `after ${afterSeconds} s` : 'off')
  },
  'wipe-daily-at': {
    change: (value) => (value === 'off' ? { wipeDailyAt: null } : /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(value) ? { wipeDailyAt: value } : null),
    wants: 'HH:MM or off',
    show: ({ wipeDailyAt }) => wipeDailyAt ?? 'off'
  },
  encryption: toggle('encryption')
};

const settingOf = (name: string): Setting | null => (Object.hasOwn(SETTINGS, name) ? (SETTINGS[name] ?? null) : null);
const unknown = (name: string): string => `there is no setting ${JSON.stringify(printable(name))}; ${Object.keys(SETTINGS).join(', ')}`;

type Pair = readonly [name: string, value: string];
const pairsOf = (words: readonly string[]): readonly Pair[] =>
  words.flatMap((name, index): Pair[] => (index % 2 === 0 ? [[name, words[index + 1] ?? '']] : []));

function checkPairs(words: readonly string[]): string | null {
  if (words.length === 0 || words.length % 2 === 1) return 'set wants a name and a value, or several of both';
  const names = new Set<string>();
  for (const [name, value] of pairsOf(words)) {
    const setting = settingOf(name);
    if (setting === null) return unknown(name);
    if (names.has(name)) return `${name} is set twice`;
    names.add(name);
    if (setting.change(value, null) === null) return `${name} wants ${setting.wants}`;
  }
  return null;
}

const line = (name: string, settings: SettingsDocument): string => `${name.padEnd(16)}${settingOf(name)?.show(settings) ?? ''}`;

async function list({ http }: Given): Promise<CommandResult> {
  const settings = await http.settings();
  return done(settings, ...Object.keys(SETTINGS).map((name) => line(name, settings)));
}

async function get([name = '']: readonly string[], { http }: Given): Promise<CommandResult> {
  const settings = await http.settings();
  const value = settingOf(name)?.show(settings) ?? '';
  return done({ [name]: value }, value);
}

async function set(words: readonly string[], { http }: Given): Promise<CommandResult> {
  const pairs = pairsOf(words);
  const now = await http.settings();
  const change: SettingsChange = Object.assign({}, ...pairs.map(([name, value]) => settingOf(name)?.change(value, now) ?? {}));
  await http.patch('/api/v1/settings', change);
  // As the room has it now, which is what counts.
  const settings = await http.settings();
  return done(settings, ...pairs.map(([name]) => line(name, settings)));
}

const ACTIONS: Readonly<Record<string, Action>> = {
  list: { check: exactly(0), run: (_words, given) => list(given) },
  get: { check: (words) => exactly(1)(words) ?? (settingOf(words[0] ?? '') === null ? unknown(words[0] ?? '') : null), run: get },
  set: { check: checkPairs, run: set }
};
const COMMAND = commandOf({ name: 'settings', usage: USAGE, options: ['config'], most: 1 + 2 * Object.keys(SETTINGS).length }, ACTIONS);

export const runSettingsCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(COMMAND, args, io);
