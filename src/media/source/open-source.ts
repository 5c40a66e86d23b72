// From a configured choice to an open source. `auto` is the first device that opens, else the test source, which says what it is.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { CAPTURE_INPUT_NAME, type SourceChoice, type VideoProfile } from '../port.ts';
import { type CaptureDevice, listDevices, openCamera, openMicrophone, openScreen } from './device-source.ts';
import { openFileAudioSource, openFileVideoSource } from './file-source.ts';
import { quietFfmpeg } from './quiet-ffmpeg.ts';
import type { AudioSource, VideoSource } from './source.ts';
import { FILE_PREFIX, SCREEN_PREFIX, TIME_CODE_CHOICE, viewOfChoice } from './source-view.ts';
import { createTestAudioSource, createTestPageSource, createTestVideoSource } from './test-source.ts';

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
  if (choice === 'auto') return firstWorking(await realCameras(), (name) => openCamera(name, profile, clock), test);
  return openCamera(choice, profile, clock);
}

/**
 * What a share sends. Unlike a camera it has no stand-in: people would take a test page for what they wanted to show.
 * @throws CloisterError CL_MEDIA_SCREEN_NONE, CL_MEDIA_SCREEN_SOURCE with a text for people
 */
export async function openScreenSource(choice: SourceChoice, profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  quietFfmpeg();
  if (choice === 'none') throw new CloisterError('CL_MEDIA_SCREEN_NONE', 'The configuration (media.screen) says that nothing can be shared here.');
  if (choice === 'test') return createTestPageSource(profile, clock);
  try {
    if (choice.startsWith(FILE_PREFIX)) return await openFileVideoSource(choice.slice(FILE_PREFIX.length), profile, clock);
    if (choice === 'screen') return await openScreen(null, profile, clock);
    if (choice.startsWith(SCREEN_PREFIX)) return await openScreen(choice.slice(SCREEN_PREFIX.length), profile, clock);
    if (choice === 'auto') return await firstScreen(profile, clock);
    return await openCamera(choice, profile, clock);
  } catch (cause) {
    const error = asCloisterError(cause, 'CL_MEDIA_SCREEN_SOURCE');
    throw error.code === 'CL_MEDIA_SOURCE' ? new CloisterError('CL_MEDIA_SCREEN_SOURCE', error.message, { cause }) : error;
  }
}

/** A capture input is there to be shared; a camera never is, whatever it is called. */
export const isCaptureInput = ({ description }: CaptureDevice): boolean => CAPTURE_INPUT_NAME.test(description);

/** As a camera a capture input would show somebody's laptop, which nobody shared. */
const realCameras = async (): Promise<readonly CaptureDevice[]> => (await listDevices()).cameras.filter((device) => !isCaptureInput(device));

async function firstScreen(profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  const inputs = (await listDevices()).cameras.filter(isCaptureInput);
  const input = await firstWorking(
    inputs,
    (name) => openCamera(name, profile, clock),
    () => null
  );
  if (input !== null) return input;
  if (process.platform !== 'win32' && process.env['DISPLAY'] === undefined) throw new CloisterError('CL_MEDIA_SCREEN_NONE');
  return openScreen(null, profile, clock);
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
