// cloister doctor: says what is wrong with this machine and its configuration, and what to do about it. Changes nothing.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ConfigLayer, parseOverride } from '../../src/config/layers.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { Config } from '../../src/config/schema.ts';
import { listHidDevices } from '../../src/devices/hid/list.ts';
import { type Diagnosis, diagnose } from '../../src/health/diagnose.ts';
import type { Check } from '../../src/health/diagnosis.ts';
import { readBrokerCertificate, readIdentity } from '../../src/identity/store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { printable } from '../client-command.ts';
import { createHttpClient } from '../http-client.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister doctor [--config FILE] [--set KEY=VALUE ...] [--json]

Checks this machine and its configuration, and says what to do. Exit status 1 where something must be done before a room works.
  --config FILE     the configuration file that the room uses
  --set KEY=VALUE   one key over the file, such as uiServer.port=8481
  --json            print one JSON document`;

const UI_DIRECTORY = fileURLToPath(new URL('../../dist/ui', import.meta.url));
const OPTIONS = { config: { type: 'string' }, set: { type: 'string', multiple: true }, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;

export async function runDoctorCommand(args: string[], io: CommandIo): Promise<ExitStatus> {
  let options: { config?: string; set?: string[]; json?: boolean; help?: boolean };
  const overrides: ConfigLayer[] = [];
  try {
    options = parseArgs({ args, options: OPTIONS }).values;
    for (const text of options.set ?? []) {
      const parsed = parseOverride(text);
      if (!parsed.ok) throw parsed.error;
      overrides.push(parsed.value);
    }
  } catch (error) {
    io.stderr(`cloister doctor: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help === true) {
    io.stdout(USAGE);
    return 0;
  }
  const loaded = await loadConfig({ file: options.config ?? null, overrides });
  const diagnosis: Diagnosis = loaded.ok
    ? await diagnoseRoom(loaded.value, options.config === undefined)
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

function diagnoseRoom(config: Config, firstRun: boolean): Promise<Diagnosis> {
  return diagnose({
    config,
    firstRun,
    runtimeVersion: process.versions.node,
    uiDirectory: UI_DIRECTORY,
    readIdentity,
    readBrokerCertificate,
    // Loaded here, so that a media library that does not load is a finding and not the end of the doctor.
    listCaptureDevices: async () => (await import('../../src/media/source/device-source.ts')).listDevices(),
    listHidDevices,
    probeServer: async (server) => {
      const { certificateAuthority } = config.media.relay;
      const authority = certificateAuthority === undefined ? {} : { authorityPem: await readFile(certificateAuthority, 'utf8') };
      await (await import('../../src/media/path/relay/probe.ts')).probeServer({ ...server, ...authority }, systemClock);
    },
    agentRuns: async () => (await createHttpClient(`http://127.0.0.1:${config.uiServer.port}`).state()) !== undefined,
    clock: systemClock
  });
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
