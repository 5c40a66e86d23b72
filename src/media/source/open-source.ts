// From a configured choice to an open source. `auto` is the first device that opens, else the test source, which says what it is.
import type { Clock } from '../../kernel/clock.ts';
import type { SourceChoice, VideoProfile } from '../port.ts';
import { type CaptureDevice, listDevices, openCamera, openMicrophone } from './device-source.ts';
import { openFileAudioSource, openFileVideoSource } from './file-source.ts';
import { quietFfmpeg } from './quiet-ffmpeg.ts';
import type { AudioSource, VideoSource } from './source.ts';
import { FILE_PREFIX, TIME_CODE_CHOICE, viewOfChoice } from './source-view.ts';
import { createTestAudioSource, createTestVideoSource } from './test-source.ts';

/** The source of `none`: it never gives anything. */
const nothing = (): AudioSource & VideoSource => ({ view: viewOfChoice('none', 'video'), start: () => {}, close: async () => {} });

async function firstWorking<T>(devices: readonly CaptureDevice[], open: (name: string) => Promise<T>, otherwise: () => T): Promise<T> {
  for (const device of devices) {
    const source = await open(device.name).catch(() => null);
    if (source !== null) return source;
  }
  return otherwise();
}

/** @throws CloisterError CL_MEDIA_SOURCE with a text for people */
export async function openVideoSource(choice: SourceChoice, profile: VideoProfile, roomName: string, clock: Clock): Promise<VideoSource> {
  quietFfmpeg();
  const test = (): VideoSource => createTestVideoSource(profile, roomName, clock);
  if (choice === 'none') return nothing();
  if (choice === 'test') return test();
  if (choice === TIME_CODE_CHOICE) return createTestVideoSource(profile, roomName, clock, true);
  if (choice.startsWith(FILE_PREFIX)) return openFileVideoSource(choice.slice(FILE_PREFIX.length), profile, clock);
  if (choice === 'auto') return firstWorking((await listDevices()).cameras, (name) => openCamera(name, profile, clock), test);
  return openCamera(choice, profile, clock);
}

/** @throws CloisterError CL_MEDIA_SOURCE with a text for people */
export async function openAudioSource(choice: SourceChoice, clock: Clock): Promise<AudioSource> {
  quietFfmpeg();
  const test = (): AudioSource => createTestAudioSource(clock);
  if (choice === 'none') return nothing();
  if (choice === 'test') return test();
  if (choice.startsWith(FILE_PREFIX)) return openFileAudioSource(choice.slice(FILE_PREFIX.length), clock);
  if (choice === 'auto') return firstWorking((await listDevices()).microphones, (name) => openMicrophone(name, clock), test);
  return openMicrophone(choice, clock);
}
