// The composition root: builds a room, or a broker, from configuration and adapters. The only place that knows every part.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localEncryption } from '../src/call/encryption-decision.ts';
import type { Config } from '../src/config/schema.ts';
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
import { devicesFor } from '../src/media/source/chosen-devices.ts';
import { viewOfChoice } from '../src/media/source/source-view.ts';
import { type CredentialsClient, type CredentialsClientOptions, createCredentialsClient } from '../src/relay/credentials-client.ts';
import { createCredentialsService } from '../src/relay/credentials-service.ts';
import { readSharedSecret } from '../src/relay/shared-secret.ts';
import type { RoomFacts } from '../src/room/project.ts';
import type { SourceView } from '../src/room/state.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../src/signaling/embedded-broker.ts';
import type { Signaling } from '../src/signaling/port.ts';
import { createSignaling } from '../src/signaling/signaling.ts';
import { createUiServer } from '../src/ui-server/server.ts';
import { createCallJournal } from './call-journal.ts';
import { composeDevices } from './compose-devices.ts';
import type { Part } from './lifecycle.ts';
import { certificateNotYet, partsNotYet } from './not-yet.ts';
import { ownAddresses } from './own-addresses.ts';
import { createRoom } from './room.ts';
import { createRoomSound } from './room-sound.ts';
import { createSpeak } from './speak.ts';
import { startTone } from './tone-process.ts';
import { AGENT_VERSION } from './version.ts';

const UI_DIRECTORY = fileURLToPath(new URL('../dist/ui', import.meta.url));
const FORGET_CALL_MS = 60_000;
const TRUST_RELOAD_MS = 60_000;

export type Environment = { readonly clock: Clock; readonly log: Log };

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
export async function composeRoom(config: Config, brokerUrl: string, environment: Environment): Promise<ComposedRoom> {
  const { clock, log } = environment;
  const { identity, signaling, parts } = await composeEndpoint(config, brokerUrl, config.room.name, environment);
  const relayAuthority = config.media.relay.certificateAuthority;
  const relayAuthorityPem = relayAuthority === undefined ? undefined : await readPem(relayAuthority);
  const relay = composeRelayCredentials(config, signaling, environment);
  const hardware = createHardwareProbe({ mode: config.media.hardwareEncoding, codecs: config.media.codecs, log: log.child({ part: 'hardware' }) });
  const { watch, registry, devices } = composeDevices(config, environment);
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
    displayHost: '127.0.0.1',
    displayOrigins: ui.origins()
  });
  const mediaProcesses = createMediaProcesses({ settings, clock, log: log.child({ part: 'media' }), onDied: () => hardware.distrust() });
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
    policy: { policy: config.encryption.policy, setting: config.encryption.setting },
    localEncryption: localEncryption(config.encryption),
    sources: () => sourcesOf(config, registry.order()),
    devices,
    parts: partsNotYet,
    sound,
    speak: createSpeak(),
    certificate: certificateNotYet,
    autoAnswer: config.call.autoAnswer,
    timeouts: {
      inviteMs: config.call.inviteTimeoutSeconds * 1000,
      connectMs: config.call.connectTimeoutMs,
      reconnectMs: config.call.reconnectTimeoutMs,
      forgetMs: FORGET_CALL_MS
    },
    signaling,
    addresses: ownAddresses,
    relay,
    mediaProcesses,
    hardware,
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
    clock,
    log: log.child({ part: 'ui' })
  });
  return {
    // The panel comes up first, so that it can say what the room is waiting for.
    parts: [
      ...parts,
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

/** What would be used now, before anything was opened. */
function sourcesOf({ media }: Config, order: MediaDevices): RoomFacts['sources'] {
  const first = (kind: 'camera' | 'microphone', none: string): SourceView => {
    const [device] = order[kind];
    return device === undefined ? { kind: 'away', name: none } : { kind: 'device', name: device.name };
  };
  return {
    camera: media.camera === 'auto' ? first('camera', 'No camera') : viewOfChoice(media.camera, 'video'),
    microphone: media.microphone === 'auto' ? first('microphone', 'No microphone') : viewOfChoice(media.microphone, 'audio'),
    screen: media.screen === 'none' ? null : viewOfChoice(media.screen, 'screen')
  };
}

const closedOnly = (part: AsyncDisposable): AsyncDisposable => ({ [Symbol.asyncDispose]: () => part[Symbol.asyncDispose]() });
