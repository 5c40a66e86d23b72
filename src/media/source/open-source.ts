// From a configured choice to an open source, and the devices that this process finds by itself where the agent does not say which there are.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { CAPTURE_INPUT_NAME, type MediaDevice, type SourceChoice, type VideoProfile } from '../port.ts';
import { devicesFor } from './chosen-devices.ts';
import { type CaptureDevice, listDevices, openCamera, openScreen } from './device-source.ts';
import { examined } from './examined-picture.ts';
import { openFileAudioSource, openFileVideoSource } from './file-source.ts';
import type { PictureFault } from './picture-health.ts';
import { quietFfmpeg } from './quiet-ffmpeg.ts';
import type { AudioSource, VideoSource } from './source.ts';
import { FILE_PREFIX, SCREEN_PREFIX, TIME_CODE_CHOICE, viewOfChoice, WINDOW_PREFIX } from './source-view.ts';
import { createTestAudioSource, createTestPageSource, createTestVideoSource } from './test-source.ts';
import { openWindow } from './window-source.ts';

/** The source of `none`: it never gives anything. */
const nothing = (): AudioSource & VideoSource => ({ view: viewOfChoice('none', 'video'), start: () => {}, close: async () => {} });

/**
 * A choice that needs no device; for the others see room-camera.ts.
 * @throws CloisterError CL_MEDIA_SOURCE with a text for people
 */
export async function openVideoSource(choice: SourceChoice, profile: VideoProfile, roomName: string, clock: Clock): Promise<VideoSource> {
  quietFfmpeg();
  if (choice === 'none') return nothing();
  if (choice === 'test') return createTestVideoSource(profile, roomName, clock);
  if (choice === TIME_CODE_CHOICE) return createTestVideoSource(profile, roomName, clock, true);
  if (choice.startsWith(FILE_PREFIX)) return openFileVideoSource(choice.slice(FILE_PREFIX.length), profile, clock);
  throw new CloisterError('CL_MEDIA_SOURCE', `${choice} is a device`);
}

/**
 * A choice that needs no device; for the others see room-microphone.ts.
 * @throws CloisterError CL_MEDIA_SOURCE with a text for people
 */
export async function openAudioSource(choice: SourceChoice, clock: Clock): Promise<AudioSource> {
  quietFfmpeg();
  if (choice === 'none') return nothing();
  if (choice === 'test') return createTestAudioSource(clock);
  if (choice.startsWith(FILE_PREFIX)) return openFileAudioSource(choice.slice(FILE_PREFIX.length), clock);
  throw new CloisterError('CL_MEDIA_SOURCE', `${choice} is a device`);
}

export type ContentOptions = {
  /** The capture inputs, best first; null: this process looks by itself. */
  readonly inputs: readonly MediaDevice[] | null;
  /** What a capture input gives shows nothing; null: it does again. */
  onFault(fault: PictureFault | null): void;
};

/**
 * What a share sends. Unlike a camera it has no stand-in: people would take a test page for what they wanted to show.
 * @throws CloisterError CL_MEDIA_SCREEN_NONE, CL_MEDIA_SCREEN_SOURCE with a text for people
 */
export async function openScreenSource(
  choice: SourceChoice,
  profile: VideoProfile,
  clock: Clock,
  { inputs, onFault }: ContentOptions = { inputs: null, onFault: () => {} }
): Promise<VideoSource> {
  quietFfmpeg();
  if (choice === 'none') throw new CloisterError('CL_MEDIA_SCREEN_NONE', 'The configuration (media.screen) says that nothing can be shared here.');
  if (choice === 'test') return createTestPageSource(profile, clock);
  try {
    if (choice.startsWith(FILE_PREFIX)) return await openFileVideoSource(choice.slice(FILE_PREFIX.length), profile, clock);
    if (choice === 'screen') return await openScreen(null, profile, clock);
    if (choice.startsWith(SCREEN_PREFIX)) return await openScreen(choice.slice(SCREEN_PREFIX.length), profile, clock);
    if (choice.startsWith(WINDOW_PREFIX)) return await openWindow(choice.slice(WINDOW_PREFIX.length), profile, clock);
    const tried = devicesFor(choice, inputs ?? (choice === 'auto' ? await findContent() : []));
    const input = await firstInput(tried, profile, clock, choice !== 'auto');
    return input === null ? await openDesktop(profile, clock) : examined(input, clock, onFault);
  } catch (cause) {
    const error = asCloisterError(cause, 'CL_MEDIA_SCREEN_SOURCE');
    throw error.code === 'CL_MEDIA_SOURCE' ? new CloisterError('CL_MEDIA_SCREEN_SOURCE', error.message, { cause }) : error;
  }
}

/** A capture input is there to be shared; a camera never is, whatever it is called. */
export const isCaptureInput = ({ description }: CaptureDevice): boolean => CAPTURE_INPUT_NAME.test(description);

const deviceOf = ({ name, description }: CaptureDevice): MediaDevice => ({ path: name, name: description || name, cancelsEcho: false });

/** As a camera a capture input would show somebody's laptop, which nobody shared. */
export const findCameras = async (): Promise<readonly MediaDevice[]> => (await listDevices()).cameras.filter((device) => !isCaptureInput(device)).map(deviceOf);

export const findMicrophones = async (): Promise<readonly MediaDevice[]> => (await listDevices()).microphones.map(deviceOf);

const findContent = async (): Promise<readonly MediaDevice[]> => (await listDevices()).cameras.filter(isCaptureInput).map(deviceOf);

/** @param must there is nothing else: its failure is told */
async function firstInput(inputs: readonly MediaDevice[], profile: VideoProfile, clock: Clock, must: boolean): Promise<VideoSource | null> {
  for (const input of inputs) {
    const source = await openCamera(input, profile, clock).catch((error: unknown) => {
      if (must) throw error;
    });
    if (source !== undefined) return source;
  }
  return null;
}

function openDesktop(profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  if (process.platform !== 'win32' && process.env['DISPLAY'] === undefined) throw new CloisterError('CL_MEDIA_SCREEN_NONE');
  return openScreen(null, profile, clock);
}
