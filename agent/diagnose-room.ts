// The doctor's checks with what they need of this machine: for the command, and for a report that the room makes of itself.
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import type { Config } from '../src/config/schema.ts';
import { listHidDevices } from '../src/devices/hid/list.ts';
import { readDeviceNodes, readDeviceTools } from '../src/health/device-nodes.ts';
import { type Diagnosis, type DiagnosisPorts, diagnose } from '../src/health/diagnose.ts';
import { readBrokerCertificate, readIdentity } from '../src/identity/store.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { runMediaTrial } from './media-trial.ts';

const UI_DIRECTORY = fileURLToPath(new URL('../dist/ui', import.meta.url));
/** Below the limit of a check, so that its own reason is told. */
const LIST_LIMIT_MS = 9_000;

/** A container's user may have a number alone. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

const captureSchema = z.object({ devices: z.array(z.object({ kind: z.enum(['camera', 'content', 'microphone']), name: z.string() })) });

/** In a process of its own: a media library that does not load, or crashes, is a finding and not the end of the doctor. */
async function listCaptureDevices() {
  const { devices } = captureSchema.parse(await runMediaTrial('list', [], LIST_LIMIT_MS));
  return { cameras: devices.filter(({ kind }) => kind !== 'microphone'), microphones: devices.filter(({ kind }) => kind === 'microphone') };
}

/** @param firstRun nobody configured anything */
export function diagnoseRoom(config: Config, { firstRun, agentRuns }: Pick<DiagnosisPorts, 'firstRun' | 'agentRuns'>): Promise<Diagnosis> {
  return diagnose({
    config,
    firstRun,
    runtimeVersion: process.versions.node,
    uiDirectory: UI_DIRECTORY,
    readIdentity,
    readBrokerCertificate,
    listCaptureDevices,
    listHidDevices,
    readDeviceNodes: () => readDeviceNodes({ root: '/' }),
    readDeviceTools: () => readDeviceTools({ root: '/' }, process.env['PATH'] ?? ''),
    user: process.platform === 'linux' ? userName() : null,
    probeServer: async (server) => {
      const { certificateAuthority } = config.media.relay;
      const authority = certificateAuthority === undefined ? {} : { authorityPem: await readFile(certificateAuthority, 'utf8') };
      await (await import('../src/media/path/relay/probe.ts')).probeServer({ ...server, ...authority }, systemClock);
    },
    agentRuns,
    clock: systemClock
  });
}
