// cloister run: this machine as one room. Where nothing is configured it makes an organisation of its own and is its own broker.
import { access } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type ConfigLayer, parseOverride } from '../../src/config/layers.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { Config } from '../../src/config/schema.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { createLog } from '../../src/logging/create-log.ts';
import { composeBroker, composeRoom } from '../compose.ts';
import { type CommandIo, type ExitStatus, RESTART_STATUS } from '../io.ts';
import { startInOrder, stopSignal } from '../lifecycle.ts';
import { ensureIdentities } from './identity.ts';

const FIRST_ACCOUNT = 'room@cloister.example';

const USAGE = `Usage: cloister run [OPTIONS]

Runs this machine as one room until Ctrl-C. Without a configuration the room is its own broker and makes an organisation
of its own in the data folder; cloister identity issues certificates for further rooms.
  --config FILE         a configuration file (config/default.json shows every key)
  --set KEY=VALUE       one key over the file, such as uiServer.port=8481; may be given several times
  --name NAME           the room's name
  --camera CHOICE       auto, test, none, file:PATH or a device's name or path
  --microphone CHOICE   the same for sound
  --screen CHOICE       what can be shared: auto, screen, screen:DISPLAY, test, none, file:PATH or a device
  --port PORT           the port of panel and display (default 8480)
  --any-port            take a free port where that one is taken
  --json                print one JSON document when the room is ready`;

const OPTIONS = {
  config: { type: 'string' },
  set: { type: 'string', multiple: true },
  name: { type: 'string' },
  camera: { type: 'string' },
  microphone: { type: 'string' },
  screen: { type: 'string' },
  port: { type: 'string' },
  'any-port': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' }
} as const;

type RunOptions = ReturnType<typeof parse>;
const parse = (args: string[]) => parseArgs({ args, options: OPTIONS }).values;

export async function runRoom(args: string[], io: CommandIo): Promise<ExitStatus> {
  let options: RunOptions;
  let layers: ConfigLayer[];
  try {
    options = parse(args);
    layers = overridesOf(options);
  } catch (error) {
    io.stderr(`cloister run: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help === true) {
    io.stdout(USAGE);
    return 0;
  }
  const loaded = await loadConfig({ file: options.config ?? null, overrides: layers });
  if (!loaded.ok) throw loaded.error;
  const stopped = stopSignal();
  const config = loaded.value;
  const log = createLog({ level: config.log.level, directory: config.log.directory, stream: process.stderr });
  const restartAsked = Promise.withResolvers<'restart'>();
  const ended = Promise.race([stopped, restartAsked.promise]);
  const environment = { clock: systemClock, log, logLines: log.recent, restart: () => restartAsked.resolve('restart') };
  const starting = new AbortController();
  stopped.then(() => starting.abort());

  await makeFirstIdentity(config, options.config === undefined, io);
  const { listen, certificateDirectory } = config.broker;
  const broker =
    config.broker.mode === 'embedded'
      ? await composeBroker(
          { ...listen, certificateDirectory, trustedCertificates: config.identity.trustedCertificates, revocationLists: config.identity.revocationLists },
          environment
        )
      : null;
  const stopBroker = broker === null ? async () => {} : await startInOrder([{ name: 'broker', part: broker }], starting.signal, systemClock, log);
  let outcome: string | null = null;
  try {
    const { parts, url } = await startRoomParts(config, broker?.url() ?? config.broker.url ?? '', options['any-port'] === true);
    try {
      if (options.json === true) io.stdout(JSON.stringify({ url: url(), panel: `${url()}/panel/`, display: `${url()}/display/`, room: config.room.name }));
      else io.stdout(`${config.room.name} is ready.\n  panel    ${url()}/panel/\n  display  ${url()}/display/\nPress Ctrl-C to end.`);
      outcome = await ended;
    } finally {
      await parts();
    }
  } finally {
    await stopBroker();
  }
  return outcome === 'restart' ? RESTART_STATUS : 0;

  async function startRoomParts(room: Config, brokerUrl: string, anyPort: boolean): Promise<{ parts: () => Promise<void>; url: () => string }> {
    const composed = await composeRoom(room, brokerUrl, environment);
    try {
      return { parts: await startInOrder(composed.parts, starting.signal, systemClock, log), url: composed.url };
    } catch (error) {
      if (!anyPort || !(error instanceof CloisterError) || error.code !== 'CL_PORT_IN_USE') throw error;
      return startRoomParts({ ...room, uiServer: { ...room.uiServer, port: 0 } }, brokerUrl, false);
    }
  }
}

/** @throws CloisterError CL_CONFIG_INVALID for an override that is not KEY=VALUE */
function overridesOf(options: RunOptions): ConfigLayer[] {
  const layers: ConfigLayer[] = [];
  for (const text of options.set ?? []) {
    const parsed = parseOverride(text);
    if (!parsed.ok) throw parsed.error;
    layers.push(parsed.value);
  }
  if (options.name !== undefined) layers.push({ room: { name: options.name } });
  if (options.camera !== undefined) layers.push({ media: { camera: options.camera } });
  if (options.screen !== undefined) layers.push({ media: { screen: options.screen } });
  if (options.microphone !== undefined) layers.push({ media: { microphone: options.microphone } });
  if (options.port !== undefined) layers.push({ uiServer: { port: /^\d+$/.test(options.port) ? Number(options.port) : options.port } });
  return layers;
}

/** Only a room that nobody configured makes its own organisation: a configured one whose identity is missing must say so. */
async function makeFirstIdentity(config: Config, unconfigured: boolean, io: CommandIo): Promise<void> {
  const there = await access(config.identity.directory).then(
    () => true,
    () => false
  );
  if (there || !unconfigured || config.broker.mode !== 'embedded') return;
  await ensureIdentities({
    authority: `${config.dataDirectory}/ca`,
    broker: config.broker.certificateDirectory,
    rooms: [{ account: FIRST_ACCOUNT, directory: config.identity.directory }]
  });
  io.stderr(`Made a first organisation in ${config.dataDirectory}/ca and the identity of ${FIRST_ACCOUNT}; "cloister identity issue" makes more.`);
}
