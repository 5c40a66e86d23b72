// cloister doctor: says what is wrong with this machine and its configuration, and what to do about it. It changes nothing but the udev rule, and
// that only where it is told to.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type ConfigLayer, parseOverride } from '../../src/config/layers.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { Diagnosis } from '../../src/health/diagnose.ts';
import type { Check } from '../../src/health/diagnosis.ts';
import { changeRule, RULE_PATH, type RuleWish } from '../../src/health/udev-rule.ts';
import { printable } from '../client-command.ts';
import { diagnoseRoom } from '../diagnose-room.ts';
import { createHttpClient } from '../http-client.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister doctor [--config FILE] [--set KEY=VALUE ...] [--json]
       cloister doctor --install-udev-rule | --remove-udev-rule [--dry-run] [--json]

Checks this machine and its configuration, and says what to do. Exit status 1 where something must be done before a room works.
  --config FILE     the configuration file that the room uses
  --set KEY=VALUE   one key over the file, such as uiServer.port=8481
  --json            print one JSON document
Linux, as root: lets the group audio open speakerphones and sensors of presence, by ${RULE_PATH}
  --install-udev-rule, --remove-udev-rule
  --dry-run         only say what would be done`;

const RULE_FILE = fileURLToPath(new URL('../../config/udev/70-cloister.rules', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../main.ts', import.meta.url));
const RULE_LIMIT_MS = 30_000;
const OPTIONS = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
  'install-udev-rule': { type: 'boolean' },
  'remove-udev-rule': { type: 'boolean' },
  'dry-run': { type: 'boolean' }
} as const;

export async function runDoctorCommand(args: string[], io: CommandIo): Promise<ExitStatus> {
  let options: ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
  const overrides: ConfigLayer[] = [];
  try {
    options = parseArgs({ args, options: OPTIONS }).values;
    for (const text of options.set ?? []) {
      const parsed = parseOverride(text);
      if (!parsed.ok) throw parsed.error;
      overrides.push(parsed.value);
    }
    const wishes = [options['install-udev-rule'], options['remove-udev-rule']].filter((wish) => wish === true).length;
    if (wishes > 1) throw new Error('the rule is installed or removed, not both');
    if (options['dry-run'] === true && wishes === 0) throw new Error('--dry-run belongs to --install-udev-rule or --remove-udev-rule');
  } catch (error) {
    io.stderr(`cloister doctor: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help === true) {
    io.stdout(USAGE);
    return 0;
  }
  if (options['install-udev-rule'] === true) return changeUdevRule('install', options['dry-run'] === true, options.json === true, io);
  if (options['remove-udev-rule'] === true) return changeUdevRule('remove', options['dry-run'] === true, options.json === true, io);
  const loaded = await loadConfig({ file: options.config ?? null, overrides });
  const diagnosis: Diagnosis = loaded.ok
    ? await diagnoseRoom(loaded.value, {
        firstRun: options.config === undefined,
        agentRuns: async () => (await createHttpClient(`http://127.0.0.1:${loaded.value.uiServer.port}`).state()) !== undefined
      })
    : {
        result: 'fail',
        checks: [
          { name: 'configuration', result: 'fail', text: loaded.error.message, advice: 'Correct what is named; config/schema.json says what each key takes.' }
        ],
        machine: null
      };
  if (options.json === true) io.stdout(JSON.stringify(diagnosis));
  else for (const line of describe(diagnosis)) io.stdout(printable(line));
  return diagnosis.result === 'fail' ? 1 : 0;
}

async function changeUdevRule(wish: RuleWish, dryRun: boolean, json: boolean, io: CommandIo): Promise<ExitStatus> {
  if (process.platform !== 'linux') {
    io.stderr('cloister doctor: udev rules are of Linux alone; nothing was done.');
    return 1;
  }
  const change = await changeRule({
    root: '/',
    wish,
    rule: await readFile(RULE_FILE, 'utf8'),
    dryRun,
    privileged: process.getuid?.() === 0,
    command: `sudo ${process.execPath} ${PROGRAM} doctor --${wish}-udev-rule`,
    run: async (program, args) => void (await promisify(execFile)(program, [...args], { timeout: RULE_LIMIT_MS }))
  });
  if (json) io.stdout(JSON.stringify(change));
  else for (const line of change.lines) io.stdout(printable(line));
  return change.result === 'refused' || change.result === 'failed' ? 1 : 0;
}

function describe({ result, checks, machine }: Diagnosis): string[] {
  const verdict = { ok: 'Everything is as it should be.', warn: 'The room works; see the warnings.', fail: 'Something must be done before the room works.' }[
    result
  ];
  return [
    ...(machine === null
      ? []
      : [`${machine.operatingSystem}, ${machine.processor}, ${machine.cores} cores, ${machine.memoryMegabytes} MB (${machine.freeMemoryMegabytes} free)`, '']),
    ...checks.flatMap(describeCheck),
    '',
    verdict
  ];
}

const describeCheck = ({ name, result, text, advice }: Check): string[] => [
  `${result.padEnd(5)} ${name.padEnd(14)} ${text}`,
  ...(advice === undefined ? [] : [`${' '.repeat(21)}→ ${advice}`])
];
