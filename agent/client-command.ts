// What the commands that talk to a running room have in common: --url, --json, --help, how errors are shown, the exit status.
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/load-config.ts';
import { asCloisterError } from '../src/kernel/errors.ts';
import { readAdminToken } from './admin-files.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import type { CommandIo, ExitStatus } from './io.ts';

const DEFAULT_URL = 'http://127.0.0.1:8480';

export type ClientCommand = {
  readonly name: string;
  /** The whole text of --help. */
  readonly usage: string;
  /** The command's own flags, all without a value. */
  readonly flags: readonly string[];
  /** Its own options that take a value. */
  readonly options?: readonly string[];
  /** How many arguments besides flags it takes, or between how many. */
  readonly positionals: number | readonly [least: number, most: number];
  /** Why what was given makes no sense; null where it does. */
  check?(given: Given): string | null;
  /** What was done: a document for --json, lines for people, and whether it succeeded. Throws a CloisterError where it could not be done. */
  run(
    given: Given & {
      readonly http: HttpClient /** Somebody said which room; nobody: the one of this machine is meant. */;
      readonly named: boolean;
      readonly io: CommandIo;
    }
  ): Promise<CommandResult>;
};

type Given = { readonly flags: ReadonlySet<string>; readonly options: Readonly<Record<string, string>>; readonly positionals: readonly string[] };

export type CommandResult = { readonly document: unknown; readonly lines: readonly string[]; readonly done: boolean };

export async function runClientCommand(command: ClientCommand, args: string[], io: CommandIo): Promise<ExitStatus> {
  const badUsage = (why: string): ExitStatus => {
    io.stderr(`cloister ${command.name}: ${why}\n\n${command.usage}`);
    return 2;
  };
  let parsed: { values: Readonly<Record<string, unknown>>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: withNumbersLast(args),
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
        ...Object.fromEntries(command.flags.map((flag) => [flag, { type: 'boolean' as const }])),
        ...Object.fromEntries((command.options ?? []).map((option) => [option, { type: 'string' as const }]))
      }
    });
  } catch (error) {
    return badUsage((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values['help'] === true) {
    io.stdout(command.usage);
    return 0;
  }
  const [least, most] = typeof command.positionals === 'number' ? [command.positionals, command.positionals] : command.positionals;
  if (positionals.length < least || positionals.length > most) return badUsage(positionals.length > most ? 'too many arguments' : 'an argument is missing');
  const url = String(values['url'] ?? DEFAULT_URL);
  if (!isHttpUrl(url)) return badUsage('--url wants the room’s address, such as http://127.0.0.1:8480');
  const json = values['json'] === true;
  const flags = new Set(command.flags.filter((flag) => values[flag] === true));
  const options = Object.fromEntries((command.options ?? []).flatMap((name) => (typeof values[name] === 'string' ? [[name, values[name]]] : [])));
  const nonsense = command.check?.({ flags, options, positionals }) ?? null;
  if (nonsense !== null) return badUsage(nonsense);
  try {
    const http = createHttpClient(url, () => tokenOf(options['config']));
    const result = await command.run({ flags, options, positionals, http, named: values['url'] !== undefined, io });
    if (json) io.stdout(JSON.stringify(result.document));
    else for (const line of result.lines) io.stdout(printable(line));
    return result.done ? 0 : 1;
  } catch (thrown) {
    const { code, message } = asCloisterError(thrown);
    if (json) io.stdout(JSON.stringify({ error: { code, message } }));
    io.stderr(printable(`cloister ${command.name}: ${message} (${code})`));
    return 1;
  }
}

/** Of the data folder that the configuration names; the default's without one. */
async function tokenOf(configFile: string | undefined): Promise<string | null> {
  const config = await loadConfig({ file: configFile ?? null, overrides: [] });
  return config.ok ? readAdminToken(config.value.dataDirectory) : null;
}

/** A number below zero has the form of an option: behind `--` it is none. No command has an argument after one. */
function withNumbersLast(args: readonly string[]): string[] {
  const isBelowZero = (arg: string): boolean => /^-\d+(?:\.\d+)?$/.test(arg);
  const numbers = args.filter(isBelowZero);
  if (numbers.length === 0 || args.includes('--')) return [...args];
  return [...args.filter((arg) => !isBelowZero(arg)), '--', ...numbers];
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
}

/** Names come from other rooms: no control character of theirs may steer the terminal. */
export const printable = (line: string): string => line.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\u{fffd}');
