// How readable a shared page of small text is, and when: the test page, through the share's pace and encoder, decoded and compared with what was
// drawn. Time is counted, not waited for, so that the figures are the same on a busy machine.
import { AV_CODEC_ID_H264, AV_CODEC_ID_VP8, AV_PIX_FMT_YUV420P, Codec, CodecContext, FFmpegError, Frame, Packet } from 'node-av';
import { systemClock } from '../../src/kernel/clock.ts';
import { createVideoEncoder, type VideoEncoderOptions } from '../../src/media/encode/video-encoder.ts';
import { createShareFrames } from '../../src/media/screen/share-frames.ts';
import { createSharePace } from '../../src/media/screen/share-pace.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import { createTestPage } from '../../src/media/source/test-page.ts';
import type { Planes } from '../../src/media/source/test-picture.ts';
import type { VideoCodec } from '../../src/media/streams.ts';

/** As src/media/source/test-page.ts has it. */
export const TEST_PAGE_TURNS_MS = 20_000;

export type ShownPicture = {
  /** When it was taken. */
  readonly drawnMs: number;
  /** When its last bit is through at the rate, from the beginning of the share. */
  readonly atMs: number;
  readonly bytes: number;
  /** Peak signal to noise of the luminance, where it is worst of the places that are looked at. */
  readonly decibels: number;
  /** The same of the whole picture at a quarter of its width and height: whether it can be told which page it is. */
  readonly smallDecibels: number;
  /** Of the ink's difference from the paper, the part that is left in the middle of strokes; 1 as drawn. */
  readonly contrast: number;
};

const PROFILE = { width: 1920, height: 1080, fps: 15, maxKbps: 3000 };
const PACKET_OVERHEAD = 1.05;
const [PAPER, INK] = [235, 16];
/** Of the page, all text: above, and at its end. */
const PLACES = [
  { left: 400, right: 800, top: 300, bottom: 540 },
  { left: 800, right: 1200, top: 820, bottom: 1040 }
] as const;
const SMALL = 4;

/** @param stillMs from when on nothing changes any more; a line does each second until then */
export async function shareTestPage(
  codec: VideoCodec,
  kbps: number,
  seconds: number,
  content: VideoEncoderOptions['content'],
  stillMs = Number.POSITIVE_INFINITY
): Promise<ShownPicture[]> {
  quietFfmpeg();
  const { width, height, fps } = PROFILE;
  const encoder = createVideoEncoder({ codec, profile: PROFILE, clock: systemClock, ...(content === undefined ? {} : { content }) });
  encoder.setTarget({ width, height, fps, kbps });
  const pace = createSharePace({ fps, kbps });
  const frames = createShareFrames(pace);
  const [frame, seen, packet] = [new Frame(), new Frame(), new Packet()];
  for (const each of [frame, seen, packet]) each.alloc();
  Object.assign(frame, { format: AV_PIX_FMT_YUV420P, width, height });
  FFmpegError.throwIfError(frame.getBuffer(), 'a frame');
  const planes = { width, height, data: frame.data, strides: frame.linesize } as unknown as Planes;
  const page = createTestPage(width, height);
  page.drawBackground(planes);
  const decoder = await openDecoder(codec);
  const shown: ShownPicture[] = [];
  let throughMs = 0;
  try {
    for (let index = 0; index < seconds * fps; index++) {
      const nowMs = (index * 1000) / fps;
      page.drawChanges(planes, Math.min(nowMs, stillMs), new Date(0));
      // A camera's encoder is given every frame.
      const given = content === 'text' ? (frames.next(frame, nowMs, kbps)?.frame ?? null) : frame;
      if (given === null) continue;
      for (const { data } of await encoder.encode(given, { keyframe: index === 0 })) {
        const bytes = Math.round(data.byteLength * PACKET_OVERHEAD);
        pace.sent(bytes, nowMs);
        throughMs = Math.max(throughMs, nowMs) + (bytes * 8) / kbps;
        packet.data = Buffer.from(data);
        FFmpegError.throwIfError(await decoder.sendPacket(packet), 'decoding');
        packet.unref();
        FFmpegError.throwIfError(await decoder.receiveFrame(seen), 'decoding');
        shown.push({ drawnMs: nowMs, atMs: throughMs, bytes, ...compare(frame, seen) });
      }
    }
  } finally {
    await encoder.close();
    frames.free();
    decoder.freeContext();
    for (const each of [frame, seen, packet]) each.free();
  }
  return shown;
}

/** What is on the other display at a time; null while nothing is. */
export const pictureAt = (shown: readonly ShownPicture[], atMs: number): ShownPicture | null => shown.findLast((picture) => picture.atMs <= atMs) ?? null;

async function openDecoder(codec: VideoCodec): Promise<CodecContext> {
  const found = Codec.findDecoder(codec === 'H264' ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8);
  if (found === null) throw new Error(`FFmpeg has no decoder for ${codec}`);
  const context = new CodecContext();
  context.allocContext3(found);
  context.threadCount = 1;
  FFmpegError.throwIfError(await context.open2(found), 'decoder');
  return context;
}

function compare(drawn: Frame, seen: Frame): Pick<ShownPicture, 'decibels' | 'smallDecibels' | 'contrast'> {
  const [a, b] = [drawn.data?.[0], seen.data?.[0]];
  const [strideA = 0, strideB = 0] = [drawn.linesize[0], seen.linesize[0]];
  if (a === undefined || b === undefined) throw new Error('a frame has no luminance');
  const places = PLACES.map(({ left, right, top, bottom }) => {
    let noise = 0;
    let [ink, inkSum, paper, paperSum] = [0, 0, 0, 0];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const [wanted, got] = [a[y * strideA + x] ?? 0, b[y * strideB + x] ?? 0];
        noise += (wanted - got) ** 2;
        if (wanted === INK) {
          ink++;
          inkSum += got;
        } else if (wanted === PAPER && (a[y * strideA + x - 2] === INK || a[y * strideA + x + 2] === INK)) {
          paper++; // what lies between strokes
          paperSum += got;
        }
      }
    }
    const contrast = ink === 0 || paper === 0 ? 1 : (paperSum / paper - inkSum / ink) / (PAPER - INK);
    return { decibels: decibelsOf(noise / ((right - left) * (bottom - top))), contrast };
  });
  const { width, height } = drawn;
  let smallNoise = 0;
  for (let top = 0; top < height; top += SMALL) {
    for (let left = 0; left < width; left += SMALL) {
      let sum = 0;
      for (let y = top; y < top + SMALL; y++) for (let x = left; x < left + SMALL; x++) sum += (a[y * strideA + x] ?? 0) - (b[y * strideB + x] ?? 0);
      smallNoise += (sum / SMALL ** 2) ** 2;
    }
  }
  return {
    decibels: Math.min(...places.map(({ decibels }) => decibels)),
    contrast: Math.min(...places.map(({ contrast }) => contrast)),
    smallDecibels: decibelsOf(smallNoise / ((width / SMALL) * (height / SMALL)))
  };
}

const decibelsOf = (meanSquare: number): number => 10 * Math.log10(255 ** 2 / Math.max(1e-3, meanSquare));
