// All cameras, content inputs, microphones and loudspeakers of a Linux machine, by sysfs, /proc/asound and v4l2-ctl: nothing native is loaded for it.
import { createLinuxCameras, type LinuxCamerasOptions } from './linux-cameras.ts';
import { readMachine } from './linux-identity.ts';
import { type LinuxPlaces, linuxPlaces } from './linux-places.ts';
import { listSound } from './linux-sound.ts';
import type { FoundDevice } from './registry.ts';

export function createLinuxLister(options: LinuxCamerasOptions, places: LinuxPlaces = linuxPlaces): () => Promise<readonly FoundDevice[]> {
  const listCameras = createLinuxCameras(options);
  return async () => {
    const machine = await readMachine(places.sysfs);
    const [cameras, sound] = await Promise.all([listCameras(places, machine), listSound(places, machine)]);
    return [...cameras, ...sound];
  };
}
