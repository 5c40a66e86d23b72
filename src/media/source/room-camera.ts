// The room's camera as a source that is never lost: the first device of the order that works, and while there is none a still picture that says so.
// Invariant: one source gives frames at a time, in the order of their time.
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import type { MediaDevice, VideoProfile } from '../port.ts';
import { createAwayPicture } from './away-picture.ts';
import { isDeviceChoice } from './chosen-devices.ts';
import type { Held } from './device-keeper.ts';
import { openCamera } from './device-source.ts';
import { createExaminer } from './examined-picture.ts';
import { findCameras, openVideoSource } from './open-source.ts';
import type { PictureFault } from './picture-health.ts';
import { openRoomDevice, type RoomDeviceOptions } from './room-device.ts';
import type { VideoSink, VideoSource } from './source.ts';
import { createDrawnSource } from './test-source.ts';

export type RoomCameraOptions = RoomDeviceOptions & {
  readonly profile: VideoProfile;
  readonly roomName: string;
  readonly open?: (device: MediaDevice, profile: VideoProfile, clock: Clock) => Promise<VideoSource>;
  readonly find?: () => Promise<readonly MediaDevice[]>;
};

const AWAY_FPS = 2;
const FAULTS: Readonly<Record<PictureFault, ErrorCode>> = { black: 'CL_MEDIA_CAMERA_BLACK', frozen: 'CL_MEDIA_CAMERA_FROZEN' };

/**
 * Resolves when a device is open, or when each was tried.
 * @throws CloisterError CL_MEDIA_SOURCE for a file alone
 */
export async function openRoomCamera(options: RoomCameraOptions): Promise<VideoSource> {
  const { choice, profile, roomName, clock, open = openCamera, find = findCameras } = options;
  if (!isDeviceChoice(choice)) return openVideoSource(choice, profile, roomName, clock);
  let sink: VideoSink | null = null;
  let away: VideoSource | null = null;
  let awayReleased: Promise<unknown> = Promise.resolve();
  let taking: Promise<void> | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;

  async function give(frame: Frame, captureMs: number): Promise<void> {
    if (taking !== null || sink === null || captureMs <= lastMs) return;
    lastMs = captureMs;
    taking = sink.frame(frame, captureMs).finally(() => {
      taking = null;
    });
    await taking;
  }

  function stopAway(): void {
    awayReleased = Promise.all([awayReleased, away?.close()]);
    away = null;
  }

  function showAway(): void {
    const picture = createDrawnSource({ kind: 'away', name: '' }, { ...profile, fps: AWAY_FPS }, clock, () =>
      createAwayPicture(roomName, profile.width, profile.height)
    );
    away = picture;
    picture.start({
      frame: async (frame, captureMs) => {
        if (away === picture) await give(frame, captureMs);
      },
      lost: () => {}
    });
  }

  function showDevice(held: Held<VideoSource>): void {
    const examine = createExaminer(true, clock, (fault) => camera?.setProblem(fault && FAULTS[fault]));
    held.source.start({
      async frame(frame, captureMs) {
        if (camera?.passes(held) !== true) return;
        examine(frame);
        await give(frame, captureMs);
      },
      lost: (error) => camera?.lost(held, error.message)
    });
  }

  const camera = await openRoomDevice<VideoSource>(options, {
    kind: 'camera',
    away: 'CL_MEDIA_CAMERA_AWAY',
    open: (device) => open(device, profile, clock),
    find,
    show(held) {
      stopAway();
      if (held === null) showAway();
      else showDevice(held);
    }
  });
  if (camera === null) return openVideoSource('test', profile, roomName, clock);
  return {
    get view() {
      return camera.view();
    },
    start(wanted) {
      sink = wanted;
      camera.start();
    },
    async close() {
      stopAway();
      await Promise.all([camera.close(), awayReleased]);
    }
  };
}
