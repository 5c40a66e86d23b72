// cloister reports: the reports of problems that the room keeps, and one of them as a file. It is how they leave a device whose panel has nowhere to save.
import { open, rm } from 'node:fs/promises';
import { CloisterError, hasSystemCode } from '../../src/kernel/errors.ts';
import type { ReportView } from '../../src/ui-server/port.ts';
import { type CommandResult, runClientCommand } from '../client-command.ts';
import { type Action, commandOf, done, exactly, type Given } from '../command-actions.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister reports [list] [--config FILE] [--url URL] [--json]
       cloister reports get NUMBER [--output FILE] [--config FILE]

Lists the reports of problems that are kept, and writes one to a file. NUMBER is
what the panel said when the report was made, with or without its blanks.
  --output FILE   where to (default: cloister-report-NUMBER.tar.gz in this
                  folder); a file that is there is not overwritten
  --config FILE   the room's configuration: its data folder holds the token by
                  which a program is the administrator
  --url URL       the room's address (default http://127.0.0.1:8480)
  --json          print one JSON document`;

const OWNER_ONLY = 0o600;

const numberOf = ({ id }: ReportView): string => id.slice(-12);
/** As people write it: in groups, or the whole id. */
const asNumber = (words: readonly string[]): string => words.join('').toLowerCase().slice(-12);
const kilobytes = (bytes: number): string => `${Math.max(1, Math.round(bytes / 1000))} kB`;

async function list({ http }: Given): Promise<CommandResult> {
  const reports = await http.reports();
  const lines = reports.map((report) => `${numberOf(report)}  ${report.at}  ${kilobytes(report.bytes).padStart(8)}  ${report.text}`);
  return done({ reports }, ...(lines.length === 0 ? ['No report is kept.'] : lines));
}

async function get(words: readonly string[], { http, options }: Given): Promise<CommandResult> {
  const number = asNumber(words);
  const found = (await http.reports()).filter((report) => numberOf(report) === number);
  const [report] = found;
  if (report === undefined || found.length > 1)
    throw new CloisterError('CL_REPORT_UNKNOWN', `No report has the number ${number}; cloister reports lists them.`);
  const bytes = await http.report(report.id);
  const file = options['output'] ?? `cloister-report-${number}.tar.gz`;
  await write(file, bytes);
  return done({ id: report.id, file, bytes: bytes.length }, `${file} has report ${number}, ${kilobytes(bytes.length)}.`);
}

/** Whole or not at all; what is there already stays. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', OWNER_ONLY).catch((cause) => {
    const why = hasSystemCode(cause, 'EEXIST') ? `${path} is there already; it is not overwritten.` : `${path} cannot be written: ${(cause as Error).message}`;
    throw new CloisterError('CL_USAGE', why, { cause });
  });
  try {
    await file.writeFile(bytes);
    await file.close();
  } catch (cause) {
    await file.close().catch(() => {});
    await rm(path, { force: true });
    throw new CloisterError('CL_USAGE', `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

const ACTIONS: Readonly<Record<string, Action>> = {
  list: {
    check: (words, options) => exactly(0)(words) ?? (options['output'] === undefined ? null : '--output goes with get'),
    run: (_words, given) => list(given)
  },
  get: { check: (words) => (/^[0-9a-f]{12}$/.test(asNumber(words)) ? null : 'get wants a report’s number, 12 digits and letters a to f'), run: get }
};
const COMMAND = commandOf({ name: 'reports', usage: USAGE, options: ['config', 'output'], most: 4 }, ACTIONS);

export const runReportsCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(COMMAND, args, io);
