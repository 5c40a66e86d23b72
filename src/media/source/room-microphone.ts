// The room's microphone as a source that is never lost: the first device of the order that works, and while there is none digital zero, so that the
// stream and its clock go on. Its view says which it is.
import type { Clock } from '../../kernel/clock.ts';
import type { MediaDevice } from '../port.ts';
import { isDeviceChoice } from './chosen-devices.ts';
import type { Held } from './device-keeper.ts';
import { openMicrophone } from './device-source.ts';
import { findMicrophones, openAudioSource } from './open-source.ts';
import { type Pacer, startPacer } from './pacer.ts';
import { openRoomDevice, type RoomDeviceOptions } from './room-device.ts';
import { AUDIO_BLOCK_MS, AUDIO_BLOCK_SAMPLES, type AudioSink, type AudioSource } from './source.ts';

export type RoomMicrophoneOptions = RoomDeviceOptions & {
  readonly open?: (device: MediaDevice, clock: Clock) => Promise<AudioSource>;
  readonly find?: () => Promise<readonly MediaDevice[]>;
};

/** Zeros that a pause of the event loop held up are caught up, as far as this. */
const MAX_LATE_MS = 200;

/**
 * Resolves when a device is open, or when each was tried.
 * @throws CloisterError CL_MEDIA_SOURCE for a file alone
 */
export async function openRoomMicrophone(options: RoomMicrophoneOptions): Promise<AudioSource> {
  const { choice, clock, open = openMicrophone, find = findMicrophones } = options;
  if (!isDeviceChoice(choice)) return openAudioSource(choice, clock);
  let sink: AudioSink | null = null;
  let zeros: Pacer | null = null;

  function showDevice(held: Held<AudioSource>): void {
    held.source.start({
      block(samples, captureMs) {
        if (microphone?.passes(held) === true) sink?.block(samples, captureMs);
      },
      lost: (error) => microphone?.lost(held, error.message)
    });
  }

  const microphone = await openRoomDevice<AudioSource>(options, {
    kind: 'microphone',
    away: 'CL_MEDIA_MICROPHONE_AWAY',
    open: (device) => open(device, clock),
    find,
    show(held) {
      zeros?.stop();
      zeros = null;
      if (held !== null) showDevice(held);
      else zeros = startPacer(clock, AUDIO_BLOCK_MS, MAX_LATE_MS, (_, dueMs) => sink?.block(new Int16Array(AUDIO_BLOCK_SAMPLES), dueMs - AUDIO_BLOCK_MS));
    }
  });
  if (microphone === null) return openAudioSource('test', clock);
  return {
    get view() {
      return microphone.view();
    },
    start(wanted) {
      sink = wanted;
      microphone.start();
    },
    async close() {
      zeros?.stop();
      await microphone.close();
    }
  };
}
