// cloister pin reset: takes the administrator's PIN away. Only who may write in the room's data folder can, and such a person is the room's master anyway.
import { parseArgs } from 'node:util';
import { loadConfig } from '../../src/config/load-config.ts';
import { removeAdminFile } from '../admin-files.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister pin reset [--config FILE] [--json]

Removes the administrator's PIN and its lock from the room's data folder; then
the next person at the panel can set a new one. A room that runs takes note
within ten seconds and ends all sessions.
  --config FILE   the configuration file that the room uses
  --json          print one JSON document`;

const OPTIONS = { config: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;

export async function runPinCommand(args: string[], io: CommandIo): Promise<ExitStatus> {
  let parsed: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    const { values, positionals } = parsed;
    if (values.help !== true && (positionals.length !== 1 || positionals[0] !== 'reset')) throw new Error('it takes one word: reset');
  } catch (error) {
    io.stderr(`cloister pin: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { values } = parsed;
  if (values.help === true) {
    io.stdout(USAGE);
    return 0;
  }
  const config = await loadConfig({ file: values.config ?? null, overrides: [] });
  if (!config.ok) throw config.error;
  const removed = await removeAdminFile(config.value.dataDirectory);
  if (values.json === true) io.stdout(JSON.stringify({ removed }));
  else io.stdout(removed ? 'The PIN is removed. Set a new one at the panel: until then nobody is the administrator.' : 'No PIN was set.');
  return 0;
}
