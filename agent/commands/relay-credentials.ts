// cloister relay-credentials: the service that gives rooms short-lived credentials for the TURN relays. Runs beside a relay until Ctrl-C.
// Invariant: the secret comes from a file, never from an argument or the environment, which others on the machine can read.
import { parseArgs } from 'node:util';
import { type ConfigLayer, parseOverride } from '../../src/config/layers.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { isAccount } from '../../src/kernel/address.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../src/kernel/errors.ts';
import { parseServerAddress } from '../../src/kernel/server-address.ts';
import { createLog } from '../../src/logging/create-log.ts';
import { composeRelayService, type RelayServiceOptions } from '../compose.ts';
import type { CommandIo, ExitStatus } from '../io.ts';
import { startInOrder, stopSignal } from '../lifecycle.ts';

const USAGE = `Usage: cloister relay-credentials --config FILE --secret-file FILE --url URL [--url URL ...] [OPTIONS]

Gives the rooms of this organisation short-lived credentials for TURN relays, on request over the broker, until Ctrl-C.
  --config FILE         identity, external broker and data folder, as for a room; the identity is one of the service's own
  --set KEY=VALUE       one key over the file; may be given several times
  --secret-file FILE    holds the secret that is the relay's too (coturn: static-auth-secret); readable by its owner only
  --url URL             a relay, such as turn:turn.contoso.example:3478?transport=udp; may be given several times
  --lifetime SECONDS    how long credentials hold, 120 to 86400 (default 3600); rooms ask anew at half of it
  --organisation NAME   another organisation whose rooms get some, such as fabrikam.example; may be given several times
  --json                print one JSON document when the service is connected, and errors as JSON`;

const OPTIONS = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  'secret-file': { type: 'string' },
  url: { type: 'string', multiple: true },
  lifetime: { type: 'string' },
  organisation: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean' }
} as const;
const [MIN_LIFETIME_S, MAX_LIFETIME_S, DEFAULT_LIFETIME_S] = [120, 86_400, 3_600];

type Given = { readonly config: string; readonly overrides: readonly ConfigLayer[]; readonly service: RelayServiceOptions };

const usage = (message: string): CloisterError => new CloisterError('CL_USAGE', message);

/** @throws CloisterError CL_USAGE, CL_CONFIG_INVALID */
function read(options: ReturnType<typeof parse>): Given {
  const { config, 'secret-file': secretFile, url: urls = [], lifetime = String(DEFAULT_LIFETIME_S), organisation: organisations = [] } = options;
  if (config === undefined) throw usage('--config is missing');
  if (secretFile === undefined) throw usage('--secret-file is missing');
  if (urls.length === 0 || urls.length > 8) throw usage('one to eight relays are named with --url');
  const wrong = urls.find((url) => parseServerAddress(url)?.kind !== 'turn');
  if (wrong !== undefined) throw usage(`${JSON.stringify(wrong)} is not the address of a relay, such as turns:turn.contoso.example:443?transport=tcp`);
  const lifetimeS = /^\d{1,6}$/.test(lifetime) ? Number(lifetime) : 0;
  if (lifetimeS < MIN_LIFETIME_S || lifetimeS > MAX_LIFETIME_S) throw usage(`--lifetime takes ${MIN_LIFETIME_S} to ${MAX_LIFETIME_S} seconds`);
  const noName = organisations.find((name) => !isAccount(`room@${name}`));
  if (noName !== undefined) throw usage(`${JSON.stringify(noName)} is not the name of an organisation, such as fabrikam.example`);
  const overrides = (options.set ?? []).map((text) => {
    const parsed = parseOverride(text);
    if (!parsed.ok) throw parsed.error;
    return parsed.value;
  });
  return { config, overrides, service: { secretFile, urls, lifetimeMs: lifetimeS * 1_000, organisations } };
}

const parse = (args: string[]) => parseArgs({ args, options: OPTIONS }).values;

export async function runRelayCredentials(args: string[], io: CommandIo): Promise<ExitStatus> {
  let given: Given;
  let json = false;
  try {
    const options = parse(args);
    if (options.help === true) {
      io.stdout(USAGE);
      return 0;
    }
    json = options.json === true;
    given = read(options);
  } catch (error) {
    io.stderr(`cloister relay-credentials: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  try {
    await serve(given, io, json);
    return 0;
  } catch (cause) {
    const { code, message } = asCloisterError(cause);
    if (json) io.stdout(JSON.stringify({ error: { code, message } }));
    io.stderr(`cloister relay-credentials: ${message} (${code})`);
    return 1;
  }
}

async function serve({ config: file, overrides, service }: Given, io: CommandIo, json: boolean): Promise<void> {
  const loaded = await loadConfig({ file, overrides: [...overrides] });
  if (!loaded.ok) throw loaded.error;
  const config = loaded.value;
  const { url: brokerUrl } = config.broker;
  if (config.broker.mode !== 'external' || brokerUrl === undefined)
    throw new CloisterError('CL_CONFIG_INVALID', 'the service needs the rooms’ broker: set broker.mode to external, and broker.url');
  if (config.identity.acceptUnsigned)
    throw new CloisterError('CL_CONFIG_INVALID', 'the service gives nothing to whom it cannot verify: set identity.acceptUnsigned to false');
  const stopped = stopSignal();
  const starting = new AbortController();
  stopped.then(() => starting.abort());
  const log = createLog({ level: config.log.level, directory: config.log.directory, stream: process.stderr });
  const { parts, account, endpoint } = await composeRelayService(config, brokerUrl, service, { clock: systemClock, log });
  // The last part listens before the signaling connects: nothing that waited at the broker is missed.
  const stop = await startInOrder(parts, starting.signal, systemClock, log);
  try {
    const lifetimeSeconds = service.lifetimeMs / 1_000;
    if (json) io.stdout(JSON.stringify({ account, endpoint, relays: service.urls, lifetimeSeconds }));
    else io.stdout(`${account} gives credentials for ${service.urls.join(', ')}, each for ${lifetimeSeconds} s.\nPress Ctrl-C to end.`);
    await stopped;
  } finally {
    await stop();
  }
}
