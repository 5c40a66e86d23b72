// The composition root: builds a room, or a broker, from configuration and adapters. The only place that knows every part.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localEncryption } from '../src/call/encryption-decision.ts';
import { createKeptFile, removeRemains } from '../src/config/kept-file.ts';
import type { Config } from '../src/config/schema.ts';
import { listWindows, runXTool } from '../src/devices/desktop/x11-desktop.ts';
import type { DeviceRegistry, RoomCameras } from '../src/devices/port.ts';
import { certificateView } from '../src/identity/certificate-view.ts';
import { openEnvelopes } from '../src/identity/envelopes.ts';
import type { EndpointIdentity } from '../src/identity/port.ts';
import { makeSealingPair, openSealed, sealFor } from '../src/identity/sealing.ts';
import { readBrokerCertificate, readIdentity } from '../src/identity/store.ts';
import { loadTrustStore, type ReloadableTrustStore } from '../src/identity/trust-store.ts';
import type { Clock } from '../src/kernel/clock.ts';
import { asCloisterError, CloisterError } from '../src/kernel/errors.ts';
import type { Log } from '../src/kernel/log.ts';
import { Scope } from '../src/kernel/scope.ts';
import { createMediaProcesses } from '../src/media/client.ts';
import { createHardwareProbe } from '../src/media/encode/hardware-probe.ts';
import type { IceServer, MediaDevices, MediaSettings } from '../src/media/port.ts';
import { devicesFor, idleView } from '../src/media/source/chosen-devices.ts';
import { viewOfChoice } from '../src/media/source/source-view.ts';
import { keptPeople } from '../src/people/kept-people.ts';
import { createPeople } from '../src/people/people.ts';
import { EMPTY_BOOK } from '../src/people/people-book.ts';
import { type CredentialsClient, type CredentialsClientOptions, createCredentialsClient } from '../src/relay/credentials-client.ts';
import { createCredentialsService } from '../src/relay/credentials-service.ts';
import { readSharedSecret } from '../src/relay/shared-secret.ts';
import type { RoomFacts } from '../src/room/project.ts';
import { keptSettings } from '../src/settings/kept-settings.ts';
import { createSettings } from '../src/settings/settings.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../src/signaling/embedded-broker.ts';
import type { Signaling } from '../src/signaling/port.ts';
import { createSignaling } from '../src/signaling/signaling.ts';
import { createUiServer } from '../src/ui-server/server.ts';
import { createCallJournal } from './call-journal.ts';
import { createClearing } from './clear-room.ts';
import { composeAdmin, composeRemote, composeReports, composeSilences } from './compose-admin.ts';
import { composeDevices } from './compose-devices.ts';
import type { Part } from './lifecycle.ts';
import { ownAddresses } from './own-addresses.ts';
import { readRecordingRecipient } from './recording-recipient.ts';
import { createRoom } from './room.ts';
import type { RoomDevices } from './room-devices.ts';
import { createRoomSound } from './room-sound.ts';
import { createShareSources, type ShareSources } from './share-sources.ts';
import { createSpeak } from './speak.ts';
import { startTone } from './tone-process.ts';
import { AGENT_VERSION } from './version.ts';

const UI_DIRECTORY = fileURLToPath(new URL('../dist/ui', import.meta.url));
const FORGET_CALL_MS = 60_000;
const TRUST_RELOAD_MS = 60_000;

export type Environment = { readonly clock: Clock; readonly log: Log };
/** `logLines`: the latest, redacted. `restart`: ends the agent so that it is started again. */
export type RoomEnvironment = Environment & { readonly logLines: () => readonly string[]; readonly restart: () => void };

export type ComposedBroker = EmbeddedBroker & { url(): string };

export type BrokerOptions = {
  readonly host: string;
  readonly port: number;
  readonly certificateDirectory: string;
  /** Paths: CAs of other organisations, and revocation lists. */
  readonly trustedCertificates: readonly string[];
  readonly revocationLists: readonly string[];
};

/** @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID */
export async function composeBroker(options: BrokerOptions, { clock, log }: Environment): Promise<ComposedBroker> {
  const certificate = await readBrokerCertificate(options.certificateDirectory);
  const authorities = [join(options.certificateDirectory, 'ca.pem'), ...options.trustedCertificates];
  const trust = await loadTrustStore({ authorities, revocationLists: options.revocationLists });
  const scope = new Scope();
  reloadTrust(trust, scope, { clock, log });
  const broker = createEmbeddedBroker({
    host: options.host,
    port: options.port,
    tls: {
      keyPem: certificate.keyPem,
      certificatePem: certificate.certificatePem,
      clientCaPems: await Promise.all(authorities.map((path) => readPem(path)))
    },
    trust,
    clock,
    log: log.child({ part: 'broker' })
  });
  return {
    start: (signal) => broker.start(signal),
    get port() {
      return broker.port;
    },
    url: () => `mqtts://${options.host.includes(':') ? `[${options.host}]` : options.host}:${broker.port}`,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    }
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CloisterError('CL_IDENTITY_MISSING', `${path} cannot be read`, { cause });
  }
}

/** A certificate that is revoked while the room runs must not be believed until the next start. */
function reloadTrust(trust: ReloadableTrustStore, scope: Scope, { clock, log }: Environment): void {
  scope.every(clock, TRUST_RELOAD_MS, () => {
    trust
      .reload()
      .catch((error) => log.warn('the trusted certificates could not be read again; what was read before holds', { error: asCloisterError(error).code }));
  });
}

export type ComposedRoom = { readonly parts: readonly Part[]; readonly url: () => string };

type Endpoint = {
  readonly identity: EndpointIdentity;
  readonly signaling: Signaling;
  /** Closed after the signaling. */
  readonly parts: readonly Part[];
};

/** What a room and a service have in common: an identity, whom it trusts, and its place at the broker. */
async function composeEndpoint(config: Config, brokerUrl: string, name: string, environment: Environment): Promise<Endpoint> {
  const { clock, log } = environment;
  const identity = await readIdentity(config.identity.directory);
  const trust = await loadTrustStore({
    authorities: [join(config.identity.directory, 'ca.pem'), ...config.identity.trustedCertificates],
    revocationLists: config.identity.revocationLists
  });
  const scope = new Scope();
  reloadTrust(trust, scope, environment);
  const envelopes = openEnvelopes({
    identity,
    trust,
    clock,
    log: log.child({ part: 'envelopes' }),
    replayFile: join(config.dataDirectory, 'messages-seen'),
    ...(config.identity.acceptUnsigned ? { acceptUnsigned: true as const } : {})
  });
  const brokerAuthority = config.broker.certificateAuthority;
  const signaling = createSignaling({
    identity,
    envelopes,
    broker: { url: brokerUrl, caPem: brokerAuthority === undefined ? identity.caPem : await readPem(brokerAuthority) },
    room: { name, version: AGENT_VERSION },
    clock,
    log: log.child({ part: 'signaling' })
  });
  const parts = [
    { name: 'trust', part: scope },
    { name: 'envelopes', part: { [Symbol.asyncDispose]: async () => envelopes[Symbol.dispose]() } }
  ];
  return { identity, signaling, parts };
}

export type RelayServiceOptions = {
  readonly secretFile: string;
  readonly urls: readonly string[];
  readonly lifetimeMs: number;
  /** Beside the service's own. */
  readonly organisations: readonly string[];
};

export type ComposedRelayService = { readonly parts: readonly Part[]; readonly account: string; readonly endpoint: string };

/**
 * The service that gives rooms credentials for the relays.
 * @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID, CL_CONFIG_INVALID, CL_RELAY_SECRET
 */
export async function composeRelayService(
  config: Config,
  brokerUrl: string,
  options: RelayServiceOptions,
  environment: Environment
): Promise<ComposedRelayService> {
  const { clock, log } = environment;
  const secret = await readSharedSecret(options.secretFile);
  const { identity, signaling, parts } = await composeEndpoint(config, brokerUrl, 'Relay credentials', environment);
  const service = createCredentialsService({
    signaling,
    secret,
    urls: options.urls,
    lifetimeMs: options.lifetimeMs,
    organisations: [identity.organisation, ...options.organisations],
    sealFor,
    clock,
    log: log.child({ part: 'relay' })
  });
  return {
    parts: [...parts, { name: 'signaling', part: signaling }, { name: 'relay', part: service }],
    account: identity.account,
    endpoint: identity.endpointId
  };
}

/** This room's credentials for the relays; null where no service is configured. */
function composeRelayCredentials(config: Config, signaling: Signaling, { clock, log }: Environment): CredentialsClient | null {
  const { service } = config.media.relay;
  if (service === undefined) return null;
  const makeKey: CredentialsClientOptions['makeKey'] = () => {
    const { publicKey, privateKey } = makeSealingPair();
    return { publicKey, open: (sealed) => openSealed(privateKey, sealed) };
  };
  return createCredentialsClient({ signaling, service, makeKey, clock, log: log.child({ part: 'relay' }) });
}

/** The configured servers and those that the service named. */
function iceServersOf(config: Config, relay: CredentialsClient | null, authorityPem: string | undefined): readonly IceServer[] {
  const given = relay?.current();
  const relays = given == null ? [] : given.urls.map((urls) => ({ urls, username: given.username, credential: given.credential }));
  return [...config.media.iceServers, ...relays].map((server) => (authorityPem === undefined ? server : { ...server, authorityPem }));
}

/**
 * The parts of a room in the order in which they start. With an embedded broker the port it got is known only once it listens, so it is started before.
 * @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID, CL_CONFIG_INVALID
 */
export async function composeRoom(config: Config, brokerUrl: string, environment: RoomEnvironment): Promise<ComposedRoom> {
  const { clock, log } = environment;
  const { identity, signaling, parts } = await composeEndpoint(config, brokerUrl, config.room.name, environment);
  const relayAuthority = config.media.relay.certificateAuthority;
  const relayAuthorityPem = relayAuthority === undefined ? undefined : await readPem(relayAuthority);
  const relay = composeRelayCredentials(config, signaling, environment);
  const recipient = config.recording.recipient === undefined ? null : await readRecordingRecipient(config.recording.recipient);
  const hardware = createHardwareProbe({ mode: config.media.hardwareEncoding, codecs: config.media.codecs, log: log.child({ part: 'hardware' }) });
  const { watch, registry, cameras, devices } = composeDevices(config, environment, () => ui.origins());
  const settings = (): MediaSettings => ({
    roomName: config.room.name,
    camera: config.media.camera,
    microphone: config.media.microphone,
    devices: registry.order(),
    speaker: config.media.speaker,
    echoCancellation: config.media.echoCancellation,
    video: config.media.video,
    screen: config.media.screen,
    screenVideo: config.media.screenVideo,
    codecs: config.media.codecs,
    hardwareEncoders: hardware.usable(),
    iceServers: iceServersOf(config, relay, relayAuthorityPem),
    fips: config.encryption.fips,
    recording: recipient === null ? null : { directory: join(config.dataDirectory, 'recordings'), recipient, maxBytes: config.recording.maxBytes },
    displayHost: '127.0.0.1',
    displayOrigins: ui.origins()
  });
  const mediaProcesses = createMediaProcesses({ settings, clock, log: log.child({ part: 'media' }), onDied: () => hardware.distrust() });
  const admin = composeAdmin(config, environment);
  const silences = composeSilences(config, environment);
  const remote = await composeRemote(config, environment);
  const reports = composeReports(config, environment, {
    state: () => room.state(),
    logLines: environment.logLines,
    identity,
    admin,
    relaySecrets: () => {
      const given = relay?.current();
      return given == null ? [] : [given.username, given.credential];
    }
  });
  const kept = composeKept(config, identity, signaling, environment);
  const clearing = createClearing({
    settings: kept.settings,
    people: kept.people,
    reports,
    inCall: () => (room.state().call?.phase ?? 'ended') !== 'ended',
    clock,
    log: log.child({ part: 'clearing' })
  });
  const { speaker } = config.media;
  const sound = createRoomSound({
    choice: speaker,
    speaker: () => devicesFor(speaker, registry.order().speaker)[0]?.path ?? null,
    startTone,
    clock,
    log: log.child({ part: 'sound' })
  });
  const room = createRoom({
    agentVersion: AGENT_VERSION,
    room: { name: config.room.name, account: identity.account, organisation: identity.organisation, endpoint: identity.endpointId },
    policy: () => ({ policy: config.encryption.policy, setting: kept.settings.encryption() }),
    localEncryption: () => localEncryption({ ...config.encryption, setting: kept.settings.encryption() }),
    sources: () => sourcesOf(config, registry.order()),
    devices,
    records: recipient !== null,
    shareSources: composeShareSources(config, registry, cameras, devices),
    sound,
    speak: createSpeak(),
    parts: { ...kept, admin, reports, silences, clearing },
    certificate: certificateView(identity.certificatePem),
    acceptTransfers: config.call.acceptTransfers,
    timeouts: {
      inviteMs: config.call.inviteTimeoutSeconds * 1000,
      connectMs: config.call.connectTimeoutMs,
      reconnectMs: config.call.reconnectTimeoutMs,
      forgetMs: FORGET_CALL_MS,
      parkMs: config.call.parkTimeoutMinutes * 60_000
    },
    signaling,
    addresses: ownAddresses,
    relay,
    mediaProcesses,
    hardware,
    logLines: environment.logLines,
    restart: environment.restart,
    journal: createCallJournal(join(config.dataDirectory, 'call-journal.json')),
    clock,
    log
  });
  const ui = createUiServer({
    room,
    host: config.uiServer.host,
    port: config.uiServer.port,
    uiDirectory: UI_DIRECTORY,
    allowedHosts: config.uiServer.allowedHosts,
    ...(remote === null ? {} : { remote: remote.options }),
    clock,
    log: log.child({ part: 'ui' })
  });
  return {
    // The panel comes up first, so that it can say what the room is waiting for.
    parts: [
      ...parts,
      // What is kept is read before anything is shown or rings.
      { name: 'settings', part: kept.settings },
      { name: 'people', part: kept.people },
      { name: 'clearing', part: clearing },
      { name: 'administrator', part: admin },
      { name: 'silenced problems', part: silences },
      ...(remote === null ? [] : [{ name: 'remote panels', part: startedOnly(remote.panels) }]),
      { name: 'panel', part: ui },
      { name: 'device watch', part: watch },
      { name: 'devices', part: devices },
      // The room starts these two without waiting for a broker that is away; they are closed after it has hung up.
      { name: 'signaling', part: closedOnly(signaling) },
      ...(relay === null ? [] : [{ name: 'relay', part: relay }]),
      { name: 'media processes', part: closedOnly(mediaProcesses) },
      { name: 'hardware probe', part: hardware },
      { name: 'sound', part: sound },
      { name: 'room', part: room }
    ],
    url: () => ui.url
  };
}

/** X windows on Linux; on Windows the desktop as a whole. */
function composeShareSources(config: Config, registry: DeviceRegistry, cameras: RoomCameras, devices: RoomDevices): ShareSources {
  const display = process.env['DISPLAY'] ?? null;
  const desktop = process.platform === 'win32' ? 'windows' : display;
  return createShareSources({
    choice: config.media.screen,
    desktop,
    windows: async () => (desktop === null || desktop === 'windows' ? [] : listWindows(runXTool(desktop))),
    inputs: async () => {
      await cameras.lookAtSignals();
      return devices.facts().media;
    },
    pathOf: registry.pathOf
  });
}

/** What people set and left in this room, in the data folder. */
function composeKept(config: Config, { account }: EndpointIdentity, signaling: Signaling, { clock, log }: Environment) {
  let sinceMs: number | null = null;
  const onDamaged = (): void => {
    sinceMs ??= clock.now();
  };
  const at = (name: string): string => join(config.dataDirectory, name);
  const settingsPath = at('settings.json');
  const peoplePath = at('people.json');
  const { language: roomLanguage, ...panel } = config.panel;
  const settingsLog = log.child({ part: 'settings' });
  const peopleLog = log.child({ part: 'people' });
  return {
    settings: createSettings({
      file: createKeptFile({ path: settingsPath, schema: keptSettings, empty: {}, log: settingsLog, onDamaged }),
      removeRemains: () => removeRemains(settingsPath),
      defaults: {
        ...panel,
        roomLanguage,
        autoAnswer: { on: config.call.autoAnswer, afterSeconds: config.call.autoAnswerAfterSeconds },
        encryption: config.encryption.setting
      },
      policy: config.encryption.policy,
      clock,
      log: settingsLog
    }),
    people: createPeople({
      self: account,
      file: createKeptFile({ path: peoplePath, schema: keptPeople, empty: EMPTY_BOOK, log: peopleLog, onDamaged }),
      removeRemains: () => removeRemains(peoplePath),
      signaling,
      clock,
      log: peopleLog
    }),
    unreadableSinceMs: () => sinceMs
  };
}

/** What would be used now, before anything was opened. */
function sourcesOf({ media }: Config, order: MediaDevices): RoomFacts['sources'] {
  return {
    camera: idleView('camera', media.camera, order.camera),
    microphone: idleView('microphone', media.microphone, order.microphone),
    screen: media.screen === 'none' ? null : viewOfChoice(media.screen, 'screen')
  };
}

const startedOnly = (part: { start(signal: AbortSignal): Promise<void> }): Part['part'] => ({
  start: (signal) => part.start(signal),
  [Symbol.asyncDispose]: async () => {}
});
const closedOnly = (part: AsyncDisposable): AsyncDisposable => ({ [Symbol.asyncDispose]: () => part[Symbol.asyncDispose]() });
