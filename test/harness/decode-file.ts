// A media file as a player sees it: its tracks with their titles, decoded whole by FFmpeg, which rejects what is damaged.
import assert from 'node:assert/strict';
import { AV_PICTURE_TYPE_I, AVERROR_EOF, AVMEDIA_TYPE_VIDEO, Codec, CodecContext, Demuxer, FFmpegError, Frame, Packet } from 'node-av';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';

export type DecodedPicture = {
  readonly atMs: number;
  readonly width: number;
  readonly height: number;
  readonly keyframe: boolean;
  pixel(x: number, y: number): number;
};
export type DecodedSound = { readonly atMs: number; readonly samples: Int16Array | Float32Array };
export type DecodedTrack = { readonly title: string; readonly pictures: DecodedPicture[]; readonly sounds: DecodedSound[] };

export async function decodeFile(path: string): Promise<readonly DecodedTrack[]> {
  quietFfmpeg();
  await using demuxer = await Demuxer.open(path);
  const context = demuxer.getFormatContext();
  const tracks = await Promise.all(
    demuxer.streams.map(async (stream) => {
      const codec = Codec.findDecoder(stream.codecpar.codecId);
      assert.ok(codec);
      const decoder = new CodecContext();
      decoder.allocContext3(codec);
      FFmpegError.throwIfError(decoder.parametersToContext(stream.codecpar), 'parameters');
      decoder.threadCount = 1;
      FFmpegError.throwIfError(await decoder.open2(codec), 'open');
      const title = String(stream.metadata?.get('title') ?? '');
      const isVideo = stream.codecpar.codecType === AVMEDIA_TYPE_VIDEO;
      return { decoder, isVideo, unitMs: (1000 * stream.timeBase.num) / stream.timeBase.den, track: { title, pictures: [], sounds: [] } as DecodedTrack };
    })
  );
  using packet = new Packet();
  packet.alloc();
  using frame = new Frame();
  frame.alloc();
  const take = async ({ decoder, isVideo, unitMs, track }: (typeof tracks)[number], given: Packet | null): Promise<void> => {
    FFmpegError.throwIfError(await decoder.sendPacket(given), 'decode');
    while ((await decoder.receiveFrame(frame)) >= 0) {
      assert.equal(frame.decodeErrorFlags, 0);
      const atMs = Number(frame.pts) * unitMs;
      const [plane = Buffer.alloc(0)] = frame.data ?? [];
      if (isVideo) {
        const { width, height } = frame;
        const stride = frame.linesize[0] ?? width;
        const luma = Uint8Array.from(plane.subarray(0, stride * height));
        const keyframe = frame.pictType === AV_PICTURE_TYPE_I;
        track.pictures.push({ atMs, width, height, keyframe, pixel: (x, y) => luma[Math.round(y) * stride + Math.round(x)] ?? 0 });
      } else {
        const bytes = Uint8Array.from(plane);
        track.sounds.push({ atMs, samples: new Float32Array(bytes.buffer, 0, frame.nbSamples) });
      }
      frame.unref();
    }
  };
  for (;;) {
    const code = await context.readFrame(packet);
    if (code === AVERROR_EOF) break;
    FFmpegError.throwIfError(code, 'read');
    const track = tracks[packet.streamIndex];
    if (track !== undefined) await take(track, packet);
    packet.unref();
  }
  for (const track of tracks) {
    await take(track, null);
    track.decoder.freeContext();
  }
  return tracks.map(({ track }) => track);
}
