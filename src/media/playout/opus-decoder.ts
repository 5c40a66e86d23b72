// Opus packets to 48 kHz mono sound, through FFmpeg's libopus. What is no Opus gives nothing and does no harm. What is lost is concealed by libopus
// itself: it takes a packet of a table of contents and nothing else for one that never came (RFC 6716 sections 3.2.1 and 4.4).
import { AV_CHANNEL_LAYOUT_MONO, AVERROR_EAGAIN, Codec, CodecContext, FF_DECODER_LIBOPUS, FFmpegError, Frame, Packet } from 'node-av';
import { CloisterError } from '../../kernel/errors.ts';
import { quietFfmpeg } from '../source/quiet-ffmpeg.ts';
import { AUDIO_SAMPLE_RATE } from '../source/source.ts';

export type OpusDecoder = {
  /** The sound of one packet; null where it cannot be decoded. */
  decode(packet: Uint8Array): Float32Array | null;
  /** What may have been in the packet after the last one, which is lost; null before the first. As long as that was. */
  conceal(): Float32Array | null;
  close(): void;
};

/** @throws CloisterError CL_MEDIA_SPEAKER */
export function openOpusDecoder(): OpusDecoder {
  quietFfmpeg();
  const codec = Codec.findDecoderByName(FF_DECODER_LIBOPUS);
  if (codec === null) throw new CloisterError('CL_MEDIA_SPEAKER', 'FFmpeg has no libopus');
  const context = new CodecContext();
  context.allocContext3(codec);
  context.sampleRate = AUDIO_SAMPLE_RATE;
  context.channelLayout = AV_CHANNEL_LAYOUT_MONO;
  const code = context.open2Sync(codec);
  if (code < 0) context.freeContext();
  FFmpegError.throwIfError(code, 'opening libopus');
  const packet = new Packet();
  packet.alloc();
  const frame = new Frame();
  frame.alloc();
  let contents: number | null = null; // of the last packet, with one frame in it
  let closed = false;

  function decodeBytes(bytes: Uint8Array): Float32Array | null {
    packet.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const sent = context.sendPacketSync(packet);
    packet.unref();
    if (sent < 0) return null;
    const received = context.receiveFrameSync(frame);
    if (received === AVERROR_EAGAIN || received < 0) return null;
    const plane = frame.data?.[0];
    const samples = plane === undefined ? null : toFloats(plane, frame.nbSamples);
    frame.unref();
    return samples;
  }

  return {
    decode(bytes) {
      const [first] = bytes;
      if (closed || first === undefined) return null;
      const samples = decodeBytes(bytes);
      if (samples !== null) contents = first & 0xfc;
      return samples;
    },
    conceal: () => (closed || contents === null ? null : decodeBytes(Uint8Array.of(contents))),
    close() {
      if (closed) return;
      closed = true;
      frame.free();
      packet.free();
      context.freeContext();
    }
  };
}

/** libopus gives signed 16 bits, unless asked otherwise. */
function toFloats(plane: Buffer, count: number): Float32Array {
  const samples = new Int16Array(plane.buffer, plane.byteOffset, count);
  const floats = new Float32Array(count);
  for (let index = 0; index < count; index++) floats[index] = (samples[index] ?? 0) / 32_768;
  return floats;
}
