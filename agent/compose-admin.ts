// The administrator, silenced problems and reports of a room, put together. What a report may not hold is collected here, since this is who knows it all.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdminFile } from '../src/admin/admin-file.ts';
import { createPairedPanels, keptPanels, NO_PANELS, type PairedPanels } from '../src/admin/paired-panels.ts';
import { HASH_COST, type HashCost, hashPin, verifyPin } from '../src/admin/pin-hash.ts';
import { createRoomAdmin, type RoomAdministrator } from '../src/admin/room-admin.ts';
import { writeFileAtomically } from '../src/config/atomic-file.ts';
import { createKeptFile } from '../src/config/kept-file.ts';
import type { Config } from '../src/config/schema.ts';
import { createReports } from '../src/health/reports.ts';
import { createSilences, keptSilences, NO_SILENCES, type Silences } from '../src/health/silences.ts';
import { serverNames } from '../src/identity/certificate-view.ts';
import type { EndpointIdentity } from '../src/identity/port.ts';
import { readBrokerCertificate } from '../src/identity/store.ts';
import type { Clock } from '../src/kernel/clock.ts';
import { CloisterError } from '../src/kernel/errors.ts';
import type { Log } from '../src/kernel/log.ts';
import { isSecretName, redactDocument, redactText } from '../src/logging/redact.ts';
import type { RoomState } from '../src/room/state.ts';
import type { ReportsPort } from '../src/ui-server/port.ts';
import type { RemoteOptions } from '../src/ui-server/server.ts';
import { adminFilePath, adminTokenPath } from './admin-files.ts';
import { diagnoseRoom } from './diagnose-room.ts';

type Environment = { readonly clock: Clock; readonly log: Log };

const OWNER_ONLY = 0o600;
const MEGABYTE = 1024 * 1024;

/** @param cost of a PIN's hash; a test that makes dozens of them takes a cheaper one */
export function composeAdmin(config: Config, { clock, log }: Environment, cost: HashCost = HASH_COST): RoomAdministrator {
  return createRoomAdmin({
    file: createAdminFile({ path: adminFilePath(config.dataDirectory), writeFile: writeFileAtomically }),
    hash: { hashPin: (pin) => hashPin(pin, cost), verifyPin },
    writeToken: async (token) => {
      await mkdir(config.dataDirectory, { recursive: true });
      await writeFileAtomically(adminTokenPath(config.dataDirectory), `${token}\n`, OWNER_ONLY);
    },
    clock,
    log: log.child({ part: 'administrator' })
  });
}

export type Remote = { readonly options: RemoteOptions; readonly panels: PairedPanels };

/**
 * What panels elsewhere need; null where they are not configured.
 * @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID
 */
export async function composeRemote(config: Config, { clock, log }: Environment): Promise<Remote | null> {
  const { remote } = config.uiServer;
  if (remote === undefined) return null;
  const { keyPem, certificatePem } = await readBrokerCertificate(remote.certificateDirectory);
  const names = serverNames(certificatePem);
  if (names.length === 0) throw new CloisterError('CL_IDENTITY_INVALID', 'The certificate for remote panels names no host.');
  const own = log.child({ part: 'administrator' });
  const file = createKeptFile({ path: join(config.dataDirectory, 'remote-panels.json'), schema: keptPanels, empty: NO_PANELS, log: own });
  const panels = createPairedPanels({ file, clock, log: own });
  return { panels, options: { host: remote.host, port: remote.port, keyPem, certificatePem, names, panels } };
}

export function composeSilences(config: Config, { clock, log }: Environment): Silences {
  const own = log.child({ part: 'health' });
  const file = createKeptFile({ path: join(config.dataDirectory, 'silenced-problems.json'), schema: keptSilences, empty: NO_SILENCES, log: own });
  return createSilences({ file, clock, log: own });
}

export type ReportsFacts = {
  readonly state: () => RoomState;
  readonly logLines: () => readonly string[];
  readonly identity: EndpointIdentity;
  readonly admin: Pick<RoomAdministrator, 'secrets'>;
  /** Credentials that came from a service. */
  readonly relaySecrets: () => readonly string[];
};

export function composeReports(config: Config, { clock, log }: Environment, { state, logLines, identity, admin, relaySecrets }: ReportsFacts): ReportsPort {
  const processFacts = (): Readonly<Record<string, string | number>> => {
    const { rss, heapUsed } = process.memoryUsage();
    return {
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      upSeconds: Math.round(process.uptime()),
      memoryMegabytes: Math.round(rss / MEGABYTE),
      heapMegabytes: Math.round(heapUsed / MEGABYTE)
    };
  };
  return createReports({
    directory: join(config.dataDirectory, 'reports'),
    maxBytes: config.reports.maxBytes,
    sources: {
      state,
      config,
      // The room itself runs and holds its ports.
      diagnosis: () => diagnoseRoom(config, { firstRun: false, agentRuns: async () => true }),
      logLines,
      process: processFacts,
      secrets: () => [...admin.secrets(), ...relaySecrets(), ...secretsOf(config), ...keyLines(identity.keyPem), ...secretsOfEnvironment(process.env)],
      redact: { text: redactText, document: redactDocument }
    },
    writeFile: writeFileAtomically,
    clock,
    log: log.child({ part: 'reports' })
  });
}

const secretsOf = (config: Config): readonly string[] =>
  config.media.iceServers.flatMap(({ username, credential }) => [username, credential]).filter((secret) => secret !== undefined);

/** A line of it is enough to be recognised, and to be too much. */
const keyLines = (pem: string): readonly string[] => pem.split(/\r?\n/).filter((line) => line.length > 16 && !line.startsWith('-----'));

const secretsOfEnvironment = (environment: Readonly<Record<string, string | undefined>>): readonly string[] =>
  Object.entries(environment).flatMap(([name, value]) => (isSecretName(name) && value !== undefined ? [value] : []));
