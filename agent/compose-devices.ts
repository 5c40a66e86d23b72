// Builds the room's devices: speakerphones and sensors, the registry of what captures and plays, and the cameras' control, each on its platform's adapter.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../src/config/atomic-file.ts';
import { createKeptFile } from '../src/config/kept-file.ts';
import type { Config } from '../src/config/schema.ts';
import { cameraPresets, createCameraPresets } from '../src/devices/cameras/presets.ts';
import { createRoomCameras } from '../src/devices/cameras/room-cameras.ts';
import { createV4l2Ctl } from '../src/devices/cameras/v4l2-ctl.ts';
import { viscaWireTo } from '../src/devices/cameras/visca-wire.ts';
import { createChoiceStore, keptChoices, NO_CHOICES } from '../src/devices/choice-store.ts';
import { createDeviceWatch, createLinuxDeviceWatch, type DeviceWatch } from '../src/devices/device-watch.ts';
import { createDescriptorSource } from '../src/devices/hid/descriptor-source.ts';
import { createHidDevices, type HidIdentity } from '../src/devices/hid/hid-devices.ts';
import { createIioPresence } from '../src/devices/hid/iio-presence.ts';
import { nodeHidTransport } from '../src/devices/hid/node-hid.ts';
import type { DescriptorSource, HidRow } from '../src/devices/hid/transport.ts';
import { createLinuxLister } from '../src/devices/linux-devices.ts';
import { identifyHidRows } from '../src/devices/linux-identity.ts';
import type { DeviceRegistry, HidDevices, RoomCameras } from '../src/devices/port.ts';
import { createRegistry } from '../src/devices/registry.ts';
import { createWindowsLister, createWindowsLook } from '../src/devices/windows-devices.ts';
import type { Clock } from '../src/kernel/clock.ts';
import type { Log } from '../src/kernel/log.ts';
import { createDeviceTest } from './device-test.ts';
import { runMediaTrial } from './media-trial.ts';
import { createRoomDevices, type RoomDevices } from './room-devices.ts';

type Environment = { readonly clock: Clock; readonly log: Log };

const SYSFS = '/sys';
const LIST_LIMIT_MS = 15_000;

/** Replaces a file whole; its folder may not be there yet. */
async function keep(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, content);
}

export const hidDescriptors = (config: Config): DescriptorSource =>
  createDescriptorSource({ sysfs: SYSFS, captured: join(config.dataDirectory, 'report-descriptors') });

export const identifyHid = (rows: readonly HidRow[]): Promise<readonly HidIdentity[]> => identifyHidRows(rows, SYSFS);

/** Which touch consoles were there, in the room's data folder. */
export const consoleFile = (config: Config): string => join(config.dataDirectory, 'touch-consoles.json');

export type ComposedDevices = {
  readonly watch: DeviceWatch;
  readonly registry: DeviceRegistry;
  readonly hid: HidDevices;
  readonly cameras: RoomCameras;
  readonly devices: RoomDevices;
};

/** Windows has no events for it without a package, and no V4L2 (docs/adr/0027-windows.md). */
function platformOf(config: Config, { clock, log }: Environment) {
  if (process.platform !== 'win32')
    return {
      watch: createLinuxDeviceWatch({ clock, log }),
      list: createLinuxLister({ clock, wanted: { camera: config.media.video, content: config.media.screenVideo } }),
      ctl: (device: string) => createV4l2Ctl({ device, clock })
    };
  const captures = () => runMediaTrial('list', [], LIST_LIMIT_MS);
  const look = createWindowsLook({ hid: nodeHidTransport.list, captures, clock });
  return { watch: createDeviceWatch({ clock, log, look, folders: [], matters: () => true }), list: createWindowsLister(captures), ctl: null };
}

/** @param origins of this room's own pages: they alone get the picture of a camera that is tried */
export function composeDevices(config: Config, { clock, log }: Environment, origins: () => readonly string[] = () => []): ComposedDevices {
  const { watch, list, ctl } = platformOf(config, { clock, log: log.child({ part: 'device watch' }) });
  const registry = createRegistry({
    list,
    watch,
    choices: createChoiceStore(
      createKeptFile({ path: join(config.dataDirectory, 'devices.json'), schema: keptChoices, empty: NO_CHOICES, log: log.child({ part: 'devices' }) })
    ),
    clock,
    log: log.child({ part: 'devices' })
  });
  const consoles = consoleFile(config);
  const hid = createHidDevices({
    transport: nodeHidTransport,
    descriptors: hidDescriptors(config),
    identify: identifyHid,
    watch,
    registry,
    console: config.devices.console,
    consoleMemory: { read: () => readFile(consoles, 'utf8').catch(() => null), write: (text) => keep(consoles, text) },
    sensors: createIioPresence({ sysfs: SYSFS, clock }),
    clock,
    log: log.child({ part: 'hid' })
  });
  const cameras = createRoomCameras({
    registry,
    ctl,
    visca: config.devices.visca.map(({ name, address }) => ({ name, open: viscaWireTo(address, clock) })),
    presets: createCameraPresets(
      createKeptFile({ path: join(config.dataDirectory, 'camera-presets.json'), schema: cameraPresets, empty: [], log: log.child({ part: 'cameras' }) })
    ),
    clock,
    log: log.child({ part: 'cameras' })
  });
  const test = createDeviceTest({ pages: () => ({ host: '127.0.0.1', origins: origins() }), clock, log: log.child({ part: 'device test' }) });
  const devices = createRoomDevices({ hid, registry, cameras, test, volumePercent: config.media.volumePercent, clock, log: log.child({ part: 'devices' }) });
  return { watch, registry, hid, cameras, devices };
}
