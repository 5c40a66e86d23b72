// A process of its own: looks at what a camera gives for some seconds, prints it as one JSON line, and ends. Arguments: the device's path.
import { DeviceAPI } from 'node-av';
import { systemClock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { openPipeline } from './source/decode-pipeline.ts';
import { ownFrames } from './source/filters.ts';
import { createPictureHealth, type PictureFault, sampleLuma } from './source/picture-health.ts';
import { quietFfmpeg } from './source/quiet-ffmpeg.ts';
import { answerOnce } from './trial-answer.ts';

/** So long a picture has to be black to be called so (picture-health.ts). */
const LOOK_MS = 3_500;
/** Black, or the same over and over, is looked at for longer. */
const DOUBT_MS = 12_000;
const FIRST_PICTURE_MS = 8_000;
const DARK = 24;

type Seen = { readonly width: number; readonly height: number; readonly brightness: number; readonly fault: PictureFault | null };

async function look(path: string): Promise<Seen> {
  quietFfmpeg();
  const pipeline = await openPipeline(await DeviceAPI.openCamera({ videoDevice: path }), { kind: 'video', filter: ownFrames('format=yuv420p') });
  const health = createPictureHealth(true);
  const sinceMs = systemClock.monotonicMs();
  let first: Uint8Array | null = null;
  let moved = false;
  for (;;) {
    const frame = await pipeline.next();
    const nowMs = systemClock.monotonicMs();
    const luma = frame?.data?.[0];
    if (frame === null || luma === undefined) throw new CloisterError('CL_MEDIA_SOURCE', 'The camera gives no picture.');
    if (health.due(nowMs)) {
      const sample = sampleLuma(luma, frame.width, frame.height, frame.linesize[0] ?? frame.width);
      const fault = health.look(sample, nowMs);
      const brightness = sample.reduce((sum, value) => sum + value, 0) / sample.length;
      const { width, height } = frame;
      moved ||= first !== null && Buffer.compare(first, sample) !== 0;
      first ??= sample;
      if (fault !== null || nowMs - sinceMs >= (moved && brightness > DARK ? LOOK_MS : DOUBT_MS)) return { width, height, brightness, fault };
    }
    frame.free();
  }
}

const [path = ''] = process.argv.slice(2);
await answerOnce(() => {
  const none = Promise.withResolvers<never>();
  systemClock.schedule(FIRST_PICTURE_MS + DOUBT_MS, () => none.reject(new CloisterError('CL_MEDIA_SOURCE', 'The camera gives no picture.')));
  return Promise.race([look(path), none.promise]);
});
