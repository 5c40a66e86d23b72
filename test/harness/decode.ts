// FFmpeg's decoders as the judge of what our encoders, payload formats and frame assembly made.
import assert from 'node:assert/strict';
import { AV_CODEC_ID_H264, AV_CODEC_ID_OPUS, AV_CODEC_ID_VP8, AV_CODEC_ID_VP9, type AVCodecID, Codec, CodecContext, FFmpegError, Frame, Packet } from 'node-av';
import type { VideoCodec } from '../../src/media/streams.ts';

const CODEC_IDS = { H264: AV_CODEC_ID_H264, VP8: AV_CODEC_ID_VP8, VP9: AV_CODEC_ID_VP9 } as const;

export type Image = { readonly width: number; readonly height: number; readonly luma: Uint8Array };

/** Decodes whole frames with FFmpeg, which rejects what is damaged. */
export async function decodeAll(id: AVCodecID, frames: readonly Uint8Array[], take: (frame: Frame) => void): Promise<void> {
  const codec = Codec.findDecoder(id);
  assert.ok(codec);
  using decoder = new CodecContext();
  decoder.allocContext3(codec);
  if (id === AV_CODEC_ID_OPUS) decoder.sampleRate = 48_000;
  decoder.threadCount = 1;
  FFmpegError.throwIfError(await decoder.open2(codec), 'open');
  using frame = new Frame();
  frame.alloc();
  for (const data of [...frames, null]) {
    using packet = new Packet();
    packet.alloc();
    if (data !== null) packet.data = Buffer.from(data);
    FFmpegError.throwIfError(await decoder.sendPacket(data === null ? null : packet), 'decode');
    while ((await decoder.receiveFrame(frame)) >= 0) {
      assert.equal(frame.decodeErrorFlags, 0);
      take(frame);
      frame.unref();
    }
  }
}

export async function decodePictures(codec: VideoCodec, frames: readonly { readonly data: Uint8Array }[]): Promise<Image[]> {
  const images: Image[] = [];
  await decodeAll(
    CODEC_IDS[codec],
    frames.map(({ data }) => data),
    (frame) => {
      const [plane] = frame.data ?? [];
      const [stride = 0] = frame.linesize;
      const luma = new Uint8Array(frame.width * frame.height);
      for (let y = 0; y < frame.height; y++) luma.set(plane?.subarray(y * stride, y * stride + frame.width) ?? [], y * frame.width);
      images.push({ width: frame.width, height: frame.height, luma });
    }
  );
  return images;
}
