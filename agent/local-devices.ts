// The devices as this process sees them, for `cloister devices` where no room runs, and for its trials: nothing is chosen, remembered or kept open.
import { access, constants, readFile } from 'node:fs/promises';
import * as z from 'zod';
import { loadConfig } from '../src/config/load-config.ts';
import { createSignalWatch } from '../src/devices/cameras/content-signal.ts';
import { createV4l2Ctl } from '../src/devices/cameras/v4l2-ctl.ts';
import { consoleVerdict, rememberedConsoles } from '../src/devices/hid/console.ts';
import { lookAtHid, type SeenHid, tryLamps } from '../src/devices/hid/hid-look.ts';
import { createIioPresence } from '../src/devices/hid/iio-presence.ts';
import { nodeHidTransport } from '../src/devices/hid/node-hid.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { asCloisterError, CloisterError } from '../src/kernel/errors.ts';
import { silentLog } from '../src/kernel/log.ts';
import type { HidView } from '../src/room/state.ts';
import { composeDevices, consoleFile, hidDescriptors, identifyHid } from './compose-devices.ts';
import type { LocalDevices } from './device-trials.ts';
import { runMediaTrial } from './media-trial.ts';

/** A trial ends by itself. This is for one whose library crashes or hangs, on a machine that takes its time to load it. */
const PATIENCE_MS = 60_000;
const PICTURE_MS = 20_000;

const pictureSchema = z.object({
  width: z.number(),
  height: z.number(),
  brightness: z.number(),
  fault: z.enum(['black', 'frozen']).nullable()
});
/** JSON has no −∞, which is the level of digital silence. */
const decibels = z
  .number()
  .nullable()
  .transform((value) => value ?? -120);
const levelSchema = z.object({ level: z.object({ rmsDbfs: decibels, peakDbfs: decibels, clipping: z.boolean(), silent: z.boolean() }) });

/**
 * @param log what could not be looked at
 * @throws CloisterError CL_CONFIG_INVALID, CL_CONFIG_UNREADABLE
 */
export async function openLocalDevices(configFile: string | null, log: (line: string) => void): Promise<LocalDevices> {
  const loaded = await loadConfig({ file: configFile, overrides: [] });
  if (!loaded.ok) throw loaded.error;
  const config = loaded.value;
  const { registry } = composeDevices(config, { clock: systemClock, log: silentLog });
  await registry.start(new AbortController().signal);
  const media = registry.list();
  const seen = await lookAtHid({
    transport: nodeHidTransport,
    descriptors: hidDescriptors(config),
    identify: identifyHid,
    mayOpen,
    roomAppliances: new Set(media.flatMap(({ present, appliance }) => (present ? [appliance] : [])))
  }).catch((cause: unknown): readonly SeenHid[] => {
    log(`cloister devices: the HID devices cannot be listed: ${asCloisterError(cause).message}`);
    return [];
  });
  const hid: HidView = {
    devices: seen.map(({ view }) => view),
    presence: await presenceNow(),
    console: consoleVerdict({
      setting: config.devices.console,
      here: seen.filter(({ view }) => view.kinds.includes('console')).map(({ view }) => view.model),
      remembered: rememberedConsoles(await readFile(consoleFile(config), 'utf8').catch(() => null))
    }).console
  };
  const pathOf = (id: string): string => {
    const path = registry.pathOf(id);
    if (path === null) throw new CloisterError('CL_DEVICE_UNKNOWN', `${id} is not here.`);
    return path;
  };
  return {
    media,
    hid,
    trials: {
      picture: async (id) => pictureSchema.parse(await runMediaTrial('picture', [pathOf(id)], PICTURE_MS + PATIENCE_MS)),
      async signalProblem(id) {
        if (process.platform !== 'linux') return null;
        await using signals = createSignalWatch({ ctl: createV4l2Ctl({ device: pathOf(id), clock: systemClock }), clock: systemClock, log: silentLog });
        return (await signals.look()).problem;
      },
      microphone: async (id, ms) => levelSchema.parse(await runMediaTrial('sound', ['microphone', pathOf(id), String(ms)], ms + PATIENCE_MS)).level,
      tone: async (id) => void (await runMediaTrial('sound', ['tone', pathOf(id)], PATIENCE_MS)),
      async lamps(id, { offHook }) {
        const device = seen.find(({ view }) => view.id === id);
        if (device === undefined) throw new CloisterError('CL_DEVICE_UNKNOWN', `${id} is not here.`);
        return tryLamps(nodeHidTransport, device, offHook, systemClock);
      }
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose]()
  };
}

/** On Windows a device's path is no file. */
const mayOpen = (path: string): Promise<boolean> =>
  process.platform !== 'linux'
    ? Promise.resolve(true)
    : access(path, constants.R_OK | constants.W_OK).then(
        () => true,
        () => false
      );

async function presenceNow(): Promise<boolean | null> {
  await using sensors = createIioPresence({ sysfs: '/sys', clock: systemClock });
  await sensors.look();
  return sensors.presence();
}
