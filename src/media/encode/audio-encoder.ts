// Opus for speech: 48 kHz mono, 20 ms, in-band FEC, DTX (media.md "Path"; RFC 6716, RFC 7587). FFmpeg's libopus takes no other rate or loss
// while it runs: for a large step another encoder takes over between two blocks, after it has heard the blocks before, so that nothing clicks.
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
   * Encodes AUDIO_BLOCK_SAMPLES samples, which have to stay as they are.
   * @returns one Opus packet; none in a silence that DTX leaves out, or when closed
   * @throws CloisterError CL_MEDIA_ENCODER
   */
  encode(samples: Int16Array): Promise<Uint8Array | null>;
  /** A small step is left out; a large one is taken in a silence, or 2 s after the one before. */
  setTarget(target: AudioTarget): void;
  close(): Promise<void>;
};

export type AudioTarget = {
  readonly kbps: number;
  /** Loss that the in-band FEC is to be made for. */
  readonly lossPercent: number;
};

const DEFAULT_TARGET: AudioTarget = { kbps: 32, lossPercent: 10 };
const [MIN_KBPS, MAX_KBPS] = [8, 128];
/** Opus packets this short are DTX: they need not be sent (libopus, opus_encode). */
const DTX_BYTES = 2;
const SMALL_STEP = 0.2;
/** So many blocks of one encoder come before another may take over, 2 s, unless in a silence. */
const REOPEN_BLOCKS = 100;
/** For so long, 10 s, a silence is waited for where the other one codes another band, which clicks. */
const PATIENCE_BLOCKS = 500;
/** Longer than what libopus remembers of the signal. */
const PRIMING_BLOCKS = 5;
/** What the FEC is made for; libopus spends more on it from step to step. */
const LOSS_STEPS = [0, 5, 10, 20, 30];

const lossStep = (percent: number): number => LOSS_STEPS.find((step) => percent <= step) ?? 30;

function fitAudioTarget({ kbps, lossPercent }: AudioTarget): AudioTarget {
  return { kbps: Math.round(Math.min(MAX_KBPS, Math.max(MIN_KBPS, kbps))), lossPercent: lossStep(lossPercent) };
}

/**
 * What a decoder's part for speech runs at: narrow, medium or wide band, or not at all (RFC 6716 section 3.1). An encoder goes from one to another
 * with care; from one encoder to another it is a step in the sound.
 */
function bandOf(packet: Uint8Array | null): number | null {
  const configuration = (packet?.[0] ?? 0) >> 3;
  return packet === null ? null : Math.min(Math.floor(configuration / 4), configuration < 16 ? 2 : 3);
}

const isLargeStep = (from: AudioTarget, to: AudioTarget): boolean =>
  from.lossPercent !== to.lossPercent || Math.abs(to.kbps - from.kbps) >= from.kbps * SMALL_STEP;

export function createAudioEncoder(): AudioEncoder {
  let context: CodecContext | null = null;
  let target = DEFAULT_TARGET;
  let openedFor = DEFAULT_TARGET;
  let blocks = 0; // since it was opened
  let triedAt = 0; // the block at which another was tried
  let inSilence = false;
  let lastBand: number | null = null;
  let before: Int16Array[] = []; // the latest blocks
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
    opened.bitRate = BigInt(target.kbps * 1000);
    const { lossPercent } = target;
    const options = Dictionary.fromObject({
      application: 'voip',
      frame_duration: '20',
      fec: '1',
      packet_loss: String(lossPercent),
      dtx: '1',
      vbr: 'on'
    });
    const code = await opened.open2(encoder, options);
    options.free();
    if (code < 0) opened.freeContext();
    FFmpegError.throwIfError(code, 'opening libopus');
    return opened;
  }

  async function openFirst(): Promise<CodecContext> {
    openedFor = target;
    return openContext();
  }

  /** Another encoder for the target, which has heard what was said before, in place of `old`; or `old`, where the change would click. */
  async function takeOver(old: CodecContext): Promise<CodecContext> {
    const opened = await openContext();
    let band: number | null = null;
    for (const samples of before) band = bandOf(await encodeWith(opened, samples));
    const clicks = !inSilence && band !== lastBand && blocks < PATIENCE_BLOCKS;
    triedAt = blocks;
    if (clicks) {
      opened.freeContext();
      return old;
    }
    old.freeContext();
    openedFor = target;
    blocks = 0;
    triedAt = 0;
    return opened;
  }

  async function encodeWith(encoder: CodecContext, samples: Int16Array): Promise<Uint8Array | null> {
    using frame = Frame.fromAudioBuffer(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength), {
      nbSamples: samples.length,
      format: AV_SAMPLE_FMT_S16,
      sampleRate: AUDIO_SAMPLE_RATE,
      channelLayout: AV_CHANNEL_LAYOUT_MONO
    });
    frame.pts = position;
    position += BigInt(samples.length);
    FFmpegError.throwIfError(await encoder.sendFrame(frame), 'encoding');
    using packet = new Packet();
    packet.alloc();
    const code = encoder.receivePacketSync(packet);
    if (code === AVERROR_EAGAIN) return null;
    FFmpegError.throwIfError(code, 'encoding');
    return packet.data !== null && packet.size > DTX_BYTES ? new Uint8Array(packet.data) : null;
  }

  async function encode(samples: Int16Array): Promise<Uint8Array | null> {
    if (closed) return null;
    context ??= await openFirst();
    if (isLargeStep(openedFor, target) && (inSilence || blocks - triedAt >= REOPEN_BLOCKS)) context = await takeOver(context);
    const packet = await encodeWith(context, samples);
    blocks++;
    inSilence = packet === null;
    lastBand = bandOf(packet);
    before = [...before.slice(1 - PRIMING_BLOCKS), samples];
    return packet;
  }

  return {
    open: () =>
      inTurn(async () => {
        if (!closed) context ??= await openFirst();
      }),
    encode: (samples) => inTurn(() => encode(samples)),
    setTarget(wanted) {
      target = fitAudioTarget(wanted);
    },
    async close() {
      closed = true;
      await inTurn(async () => {
        context?.freeContext();
        context = null;
      });
    }
  };
}
