// Opus for speech: 48 kHz mono, 20 ms, in-band FEC, DTX (media.md "Path"; RFC 6716, RFC 7587).
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_SAMPLE_FMT_S16,
  AVERROR_EAGAIN,
  Codec,
  CodecContext,
  Dictionary,
  FF_ENCODER_LIBOPUS,
  FFmpegError,
  Frame,
  Packet,
  Rational
} from 'node-av';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { AUDIO_SAMPLE_RATE } from '../source/source.ts';

export type AudioEncoder = {
  /** @throws CloisterError CL_MEDIA_ENCODER */
  open(): Promise<void>;
  /**
   * Encodes AUDIO_BLOCK_SAMPLES samples.
   * @returns one Opus packet; none in a silence that DTX leaves out, or when closed
   * @throws CloisterError CL_MEDIA_ENCODER
   */
  encode(samples: Int16Array): Promise<Uint8Array | null>;
  close(): Promise<void>;
};

const BITRATE_KBPS = 32;
/** Opus packets this short are DTX: they need not be sent (libopus, opus_encode). */
const DTX_BYTES = 2;
const OPTIONS = { application: 'voip', frame_duration: '20', fec: '1', packet_loss: '10', dtx: '1', vbr: 'on' } as const;

export function createAudioEncoder(): AudioEncoder {
  let context: CodecContext | null = null;
  let position = 0n;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work).catch((error: unknown) => {
      throw asCloisterError(error, 'CL_MEDIA_ENCODER');
    });
    queue = result.catch(() => {});
    return result;
  }

  async function openContext(): Promise<CodecContext> {
    const encoder = Codec.findEncoderByName(FF_ENCODER_LIBOPUS);
    if (encoder === null) throw new CloisterError('CL_MEDIA_ENCODER', 'FFmpeg has no libopus');
    const opened = new CodecContext();
    opened.allocContext3(encoder);
    opened.sampleRate = AUDIO_SAMPLE_RATE;
    opened.sampleFormat = AV_SAMPLE_FMT_S16;
    opened.channelLayout = AV_CHANNEL_LAYOUT_MONO;
    opened.timeBase = new Rational(1, AUDIO_SAMPLE_RATE);
    opened.bitRate = BigInt(BITRATE_KBPS * 1000);
    const options = Dictionary.fromObject(OPTIONS);
    const code = await opened.open2(encoder, options);
    options.free();
    if (code < 0) opened.freeContext();
    FFmpegError.throwIfError(code, 'opening libopus');
    return opened;
  }

  async function encode(samples: Int16Array): Promise<Uint8Array | null> {
    if (closed) return null;
    context ??= await openContext();
    using frame = Frame.fromAudioBuffer(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength), {
      nbSamples: samples.length,
      format: AV_SAMPLE_FMT_S16,
      sampleRate: AUDIO_SAMPLE_RATE,
      channelLayout: AV_CHANNEL_LAYOUT_MONO
    });
    frame.pts = position;
    position += BigInt(samples.length);
    FFmpegError.throwIfError(await context.sendFrame(frame), 'encoding');
    using packet = new Packet();
    packet.alloc();
    const code = context.receivePacketSync(packet);
    if (code === AVERROR_EAGAIN) return null;
    FFmpegError.throwIfError(code, 'encoding');
    return packet.data !== null && packet.size > DTX_BYTES ? new Uint8Array(packet.data) : null;
  }

  return {
    open: () =>
      inTurn(async () => {
        if (!closed) context ??= await openContext();
      }),
    encode: (samples) => inTurn(() => encode(samples)),
    async close() {
      closed = true;
      await inTurn(async () => {
        context?.freeContext();
        context = null;
      });
    }
  };
}
