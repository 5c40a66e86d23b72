// cloister doctor: every check is tried, one that fails or hangs never keeps the others from being tried. What belongs to other parts
// comes in as a port.
import { X509Certificate } from 'node:crypto';
import { access, constants, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { HidDevice } from '../devices/hid/list.ts';
import type { EndpointIdentity } from '../identity/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { asCloisterError } from '../kernel/errors.ts';
import { judgeAuthority, judgeCaptureDevices, judgeClock, judgeRuntime, judgeValidity } from './checks.ts';
import { type DeviceNode, type DeviceTools, judgeNodes, judgeTools } from './device-nodes.ts';
import { type Check, type CheckOutcome, fail, ok, warn } from './diagnosis.ts';
import { type MachineFacts, readMachineFacts } from './machine.ts';
import { checkBrokerTls, checkPort } from './network-checks.ts';

export type DiagnosisPorts = {
  readonly config: Config;
  /** Nobody configured anything: the first run makes an identity by itself. */
  readonly firstRun: boolean;
  readonly runtimeVersion: string;
  /** The built pages: folders panel and display. */
  readonly uiDirectory: string;
  readonly readIdentity: (directory: string) => Promise<EndpointIdentity>;
  readonly readBrokerCertificate: (directory: string) => Promise<{ readonly certificatePem: string }>;
  /** Loads the media library too. */
  readonly listCaptureDevices: () => Promise<{
    readonly cameras: readonly { readonly name: string }[];
    readonly microphones: readonly { readonly name: string }[];
  }>;
  readonly listHidDevices: () => Promise<readonly HidDevice[]>;
  /** Both of Linux; null for `user` elsewhere, where no node has to be opened. */
  readonly readDeviceNodes: () => Promise<readonly DeviceNode[]>;
  readonly readDeviceTools: () => Promise<DeviceTools>;
  readonly user: string | null;
  /** Rejects with a CloisterError where a STUN or TURN server does not serve this machine. */
  readonly probeServer: (server: Config['media']['iceServers'][number]) => Promise<void>;
  /** Whether this room's agent answers at its local address now. */
  readonly agentRuns: () => Promise<boolean>;
  readonly clock: Clock;
};

export type Diagnosis = { readonly result: 'ok' | 'warn' | 'fail'; readonly checks: readonly Check[]; readonly machine: MachineFacts | null };

const CHECK_LIMIT_MS = 10_000;

export async function diagnose(ports: DiagnosisPorts): Promise<Diagnosis> {
  const { config, clock } = ports;
  const identity = await ports.readIdentity(config.identity.directory).then(
    (value) => ({ value, error: null }),
    (error) => ({ value: null, error: asCloisterError(error, 'CL_IDENTITY_INVALID') })
  );
  const agentRuns = ports.agentRuns().catch(() => false);
  const { remote } = config.uiServer;
  const devices = ports.listCaptureDevices();
  // Both checks that use it look at its failure; until then it is not unhandled.
  devices.catch(() => {});

  const checks: Record<string, () => CheckOutcome | Promise<CheckOutcome>> = {
    runtime: () => judgeRuntime(ports.runtimeVersion),
    clock: () => judgeClock(clock.now(), identity.value === null ? null : new X509Certificate(identity.value.certificatePem).validFromDate.getTime()),
    identity: () => {
      if (identity.value !== null) {
        const { account, notAfter } = identity.value;
        return judgeValidity(`The identity of ${account}`, notAfter.getTime(), clock.now(), 'Issue a new certificate with cloister identity issue.');
      }
      const { code, message } = identity.error;
      if (code === 'CL_IDENTITY_MISSING' && ports.firstRun)
        return warn('There is no identity yet.', 'cloister run makes a first one; cloister identity issues others.');
      return fail(`${message} (${code}).`, 'Issue one with cloister identity issue, or correct identity.directory.');
    },
    signatures: () =>
      config.identity.acceptUnsigned
        ? warn('Signatures of messages are not checked.', 'Set identity.acceptUnsigned to false: it is for tests only.')
        : ok('Signatures of messages are checked.'),
    authorities: async () => {
      const own = identity.value === null ? [] : [judgeAuthority('The organisation’s CA certificate', identity.value.caPem, clock.now())];
      const others = await Promise.all(
        config.identity.trustedCertificates.map(async (file) => judgeAuthority(file, await readFile(file, 'utf8').catch(() => ''), clock.now()))
      );
      return worst([...own, ...others], ok('None to check.'));
    },
    broker: () => checkBroker(ports, identity.value, agentRuns),
    relays: () => checkRelays(ports),
    'panel port': async () => checkPort(config.uiServer.host, config.uiServer.port, 'uiServer.port', await agentRuns),
    ...(remote === undefined ? {} : { 'remote panels': () => checkRemotePanels(ports, remote, agentRuns) }),
    pages: async () => {
      const built = await Promise.all(['panel', 'display'].map((page) => isThere(join(ports.uiDirectory, page, 'index.html'), constants.R_OK)));
      return built.every(Boolean) ? ok('The panel and the display are built.') : fail('The panel and display pages are not built.', 'Run npm run build.');
    },
    folders: async () => {
      const folders = [config.dataDirectory, ...(config.log.directory === null ? [] : [config.log.directory])];
      return worst(await Promise.all(folders.map(checkWritable)), ok('Writable.'));
    },
    'media library': async () => {
      await devices;
      return ok('Loaded.');
    },
    camera: async () => judgeCaptureDevices('camera', namesOf((await devices).cameras), config.media.camera),
    microphone: async () => judgeCaptureDevices('microphone', namesOf((await devices).microphones), config.media.microphone),
    hid: async () => {
      const found = await ports.listHidDevices();
      if (found.length === 0) return ok('No speakerphone, control or sensor is plugged in.');
      return ok(`Found: ${found.map(({ name, model, kinds }) => `${name} (${model}, ${kinds.join(', ')})`).join('; ')}.`);
    },
    ...(ports.user === null
      ? {}
      : {
          permissions: async () => judgeNodes(await ports.readDeviceNodes(), ports.user ?? ''),
          'device tools': async () => judgeTools(await ports.readDeviceTools())
        })
  };
  const judged = await Promise.all(Object.entries(checks).map(async ([name, check]): Promise<Check> => ({ name, ...(await attempt(name, check, clock)) })));
  const machine = await readMachineFacts().catch(() => null);
  return { result: worst(judged, ok('')).result, checks: judged, machine };
}

/** Rooms that find each other directly need none: what is wrong with one is a warning. */
async function checkRelays({ config, probeServer }: DiagnosisPorts): Promise<CheckOutcome> {
  const { iceServers, relay } = config.media;
  const service = relay.service === undefined ? '' : ` Credentials for relays come from ${relay.service}; cloister status says where they do not.`;
  const judged = await Promise.all(
    iceServers.map((server) =>
      probeServer(server).then(
        () => null,
        (cause: unknown) =>
          warn(`${server.urls}: ${asCloisterError(cause).message} (${asCloisterError(cause).code}).`, 'See its log, its address and its credentials.')
      )
    )
  );
  const unwell = judged.filter((outcome) => outcome !== null);
  if (unwell.length > 0) return { ...worst(unwell, ok('')), text: unwell.map(({ text }) => text).join(' ') + service };
  return ok(`${iceServers.length === 0 ? 'No STUN or TURN server is configured.' : `${iceServers.length} STUN or TURN servers answer.`}${service}`);
}

/** A machine without HID is still a room; without the rest it is not. */
const OPTIONAL: ReadonlySet<string> = new Set(['hid', 'camera', 'microphone', 'permissions', 'device tools']);

async function attempt(name: string, check: () => CheckOutcome | Promise<CheckOutcome>, clock: Clock): Promise<CheckOutcome> {
  const unable = (why: string): CheckOutcome => {
    const library = /[\w.+-]+\.so[.\d]*/.exec(why)?.[0];
    const advice = library === undefined ? 'Run npm ci again.' : `Install the system package that holds ${library}.`;
    return OPTIONAL.has(name) ? warn(why, advice) : fail(why, advice);
  };
  const limit = Promise.withResolvers<CheckOutcome>();
  const timer = clock.schedule(CHECK_LIMIT_MS, () => limit.resolve(unable(`This could not be found out within ${CHECK_LIMIT_MS / 1000} s.`)));
  try {
    return await Promise.race([check(), limit.promise]);
  } catch (error) {
    return unable(error instanceof Error ? error.message : String(error));
  } finally {
    timer.cancel();
  }
}

async function checkBroker(ports: DiagnosisPorts, identity: EndpointIdentity | null, agentRuns: Promise<boolean>): Promise<CheckOutcome> {
  const { broker } = ports.config;
  if (broker.mode === 'external') {
    if (identity === null) return fail('The broker cannot be tried without an identity.', 'Issue one with cloister identity issue.');
    return checkBrokerTls(broker.url ?? '', identity, ports.clock);
  }
  const port = await checkPort(broker.listen.host, broker.listen.port, 'broker.listen.port', await agentRuns);
  const missing = ports.firstRun ? warn('The embedded broker has no certificate yet.', 'cloister run makes a first one.') : null;
  const advice = 'Issue one with cloister identity issue-broker, or correct broker.certificateDirectory.';
  return withCertificate(ports, port, { what: 'The embedded broker’s certificate', directory: broker.certificateDirectory, advice, missing });
}

/** Nothing else says that its end keeps every tablet out. */
async function checkRemotePanels(ports: DiagnosisPorts, remote: NonNullable<Config['uiServer']['remote']>, agentRuns: Promise<boolean>): Promise<CheckOutcome> {
  const port = await checkPort(remote.host, remote.port, 'uiServer.remote.port', await agentRuns);
  const advice = 'Issue one with cloister identity issue-broker, or correct uiServer.remote.certificateDirectory.';
  return withCertificate(ports, port, { what: 'The certificate for remote panels', directory: remote.certificateDirectory, advice, missing: null });
}

type ServerCertificate = { readonly what: string; readonly directory: string; readonly advice: string; readonly missing: CheckOutcome | null };

/** @param port how it is with the port of the same server */
async function withCertificate(
  { readBrokerCertificate, clock }: DiagnosisPorts,
  port: CheckOutcome,
  { what, directory, advice, missing }: ServerCertificate
): Promise<CheckOutcome> {
  if (port.result === 'fail') return port;
  try {
    const { certificatePem } = await readBrokerCertificate(directory);
    const validity = judgeValidity(what, new X509Certificate(certificatePem).validToDate.getTime(), clock.now(), advice);
    return { ...validity, text: `${port.text} ${validity.text}` };
  } catch (cause) {
    const { code, message } = asCloisterError(cause, 'CL_IDENTITY_INVALID');
    if (code === 'CL_IDENTITY_MISSING' && missing !== null) return missing;
    return fail(`${message} (${code}).`, advice);
  }
}

const namesOf = (devices: readonly { readonly name: string }[]): readonly string[] => devices.map(({ name }) => name);

function worst(outcomes: readonly CheckOutcome[], otherwise: CheckOutcome): CheckOutcome {
  return outcomes.find(({ result }) => result === 'fail') ?? outcomes.find(({ result }) => result === 'warn') ?? outcomes[0] ?? otherwise;
}

const isThere = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false
  );

/** A folder that is not there yet is made when needed: then its nearest parent must be writable. */
async function checkWritable(folder: string): Promise<CheckOutcome> {
  let nearest = resolve(folder);
  while (!(await isThere(nearest, constants.F_OK)) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  if (await isThere(nearest, constants.W_OK | constants.X_OK)) return ok(`${folder} is writable.`);
  return fail(`${folder} cannot be written.`, 'Give this user the right to write there, or configure another folder.');
}
