// H.264 (x264) and VP8 (libvpx) for real time: no look-ahead, no B frames, one reference chain that only a requested keyframe renews.
// Calls run one after another on FFmpeg's threads; close() may come at any moment and waits for the running one.
import {
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AVERROR_EAGAIN,
  Codec,
  CodecContext,
  Dictionary,
  FF_ENCODER_LIBVPX_VP8,
  FF_ENCODER_LIBX264,
  FFmpegError,
  type Frame,
  Packet,
  Rational
} from 'node-av';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import type { VideoProfile } from '../port.ts';
import type { VideoCodec } from '../streams.ts';

export type EncodedPicture = { readonly data: Uint8Array; readonly keyframe: boolean };

export type VideoEncoder = {
  readonly codec: VideoCodec;
  /** @throws CloisterError CL_MEDIA_ENCODER */
  open(): Promise<void>;
  /**
   * Encodes a YUV 4:2:0 frame of the profile's size, which has to stay as it is until the promise resolves. The first is a keyframe.
   * @returns one picture, H.264 as Annex B; none where the encoder drops the frame or is closed
   * @throws CloisterError CL_MEDIA_ENCODER
   */
  encode(frame: Frame, options: { readonly keyframe: boolean }): Promise<readonly EncodedPicture[]>;
  /** From the next frame on; more than the profile's maxKbps is not given. VP8 begins anew with a keyframe (traps.md "Encoders"). */
  setBitrate(kbps: number): void;
  close(): Promise<void>;
};

/** How much the encoder may send at once; a keyframe fits into a receive buffer of 208 kB this way. */
const VBV_MS = 250;
const MIN_KBPS = 50;
const NEVER = 2 ** 30;

const OPTIONS: Readonly<Record<VideoCodec, Readonly<Record<string, string>>>> = {
  H264: {
    preset: 'ultrafast',
    tune: 'zerolatency',
    profile: 'baseline', // x264 makes it constrained baseline, 42 c0 xx
    'forced-idr': '1',
    'x264-params': 'annexb=1:repeat-headers=1:scenecut=0:keyint=infinite'
  },
  // Positive values of cpu-used adapt to CPU time (devices.md "Traps of node-av").
  VP8: { deadline: 'realtime', 'cpu-used': '-12', 'lag-in-frames': '0', 'auto-alt-ref': '0', 'static-thresh': '100', 'max-intra-rate': '900' }
};

/**
 * libvpx's threads wait for each other busily: two of them take three times the CPU at 720p and stall when another program wants a core.
 * x264 needs a second one only above 720p.
 */
const threadsFor = (codec: VideoCodec, { width, height }: VideoProfile): number => (codec === 'H264' && width * height > 1280 * 720 ? 2 : 1);

/**
 * For text: a picture may cost what it costs down to a quality at which text can still be read; the share's pace (share-pace.ts) then leaves
 * frames out. Rate control that holds every frame to its part of a second makes a page of text grey for seconds.
 */
const TEXT_OPTIONS: Readonly<Record<VideoCodec, { readonly options: Readonly<Record<string, string>>; readonly worstQuantizer: number }>> = {
  H264: {
    options: { ...OPTIONS.H264, preset: 'superfast', 'x264-params': `${OPTIONS.H264['x264-params']}:aq-mode=0` },
    worstQuantizer: 36
  },
  VP8: { options: { ...OPTIONS.VP8, 'static-thresh': '0', 'max-intra-rate': '0' }, worstQuantizer: 50 }
};
const TEXT_VBV_MS = 1_000;

const NAMES = { H264: FF_ENCODER_LIBX264, VP8: FF_ENCODER_LIBVPX_VP8 } as const;

export type VideoEncoderOptions = {
  readonly codec: VideoCodec;
  readonly profile: VideoProfile;
  /** Moving pictures unless it says text. */
  readonly content?: 'text';
};

export function createVideoEncoder({ codec, profile, content }: VideoEncoderOptions): VideoEncoder {
  let context: CodecContext | null = null;
  let kbps = profile.maxKbps;
  let appliedKbps = 0;
  let count = 0n;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();

  /** Runs `work` after everything that was asked before. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work).catch((error: unknown) => {
      throw asCloisterError(error, 'CL_MEDIA_ENCODER');
    });
    queue = result.catch(() => {});
    return result;
  }

  function applyBitrate(target: CodecContext): void {
    target.bitRate = BigInt(kbps * 1000);
    target.rcMaxRate = BigInt(kbps * 1000);
    target.rcBufferSize = kbps * (content === 'text' ? TEXT_VBV_MS : VBV_MS);
    appliedKbps = kbps;
  }

  function dispose(): void {
    context?.freeContext();
    context = null;
  }

  async function openContext(): Promise<CodecContext> {
    const encoder = Codec.findEncoderByName(NAMES[codec]);
    if (encoder === null) throw new CloisterError('CL_MEDIA_ENCODER', `FFmpeg has no ${NAMES[codec]}`);
    const opened = new CodecContext();
    opened.allocContext3(encoder);
    opened.width = profile.width;
    opened.height = profile.height;
    opened.pixelFormat = AV_PIX_FMT_YUV420P;
    opened.timeBase = new Rational(1, profile.fps);
    opened.framerate = new Rational(profile.fps, 1);
    opened.gopSize = NEVER;
    opened.maxBFrames = 0;
    opened.threadCount = threadsFor(codec, profile);
    applyBitrate(opened);
    if (content === 'text') opened.qMax = TEXT_OPTIONS[codec].worstQuantizer;
    const options = Dictionary.fromObject(content === 'text' ? TEXT_OPTIONS[codec].options : OPTIONS[codec]);
    const code = await opened.open2(encoder, options);
    options.free();
    if (code < 0) opened.freeContext();
    FFmpegError.throwIfError(code, `opening ${NAMES[codec]}`);
    return opened;
  }

  async function encode(frame: Frame, keyframe: boolean): Promise<EncodedPicture[]> {
    if (closed) return [];
    if (context !== null && appliedKbps !== kbps) {
      if (codec === 'H264') applyBitrate(context);
      else dispose();
    }
    context ??= await openContext();
    frame.pts = count++;
    frame.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    FFmpegError.throwIfError(await context.sendFrame(frame), 'encoding');
    const pictures: EncodedPicture[] = [];
    using packet = new Packet();
    packet.alloc();
    for (;;) {
      const code = context.receivePacketSync(packet); // the work was done by sendFrame
      if (code === AVERROR_EAGAIN) return pictures;
      FFmpegError.throwIfError(code, 'encoding');
      if (packet.data !== null) pictures.push({ data: new Uint8Array(packet.data), keyframe: packet.isKeyframe });
      packet.unref();
    }
  }

  return {
    codec,
    open: () =>
      inTurn(async () => {
        if (!closed) context ??= await openContext();
      }),
    encode: (frame, options) => inTurn(() => encode(frame, options.keyframe)),
    setBitrate(wanted) {
      kbps = Math.round(Math.min(profile.maxKbps, Math.max(MIN_KBPS, wanted)));
    },
    async close() {
      closed = true;
      await inTurn(async () => dispose());
    }
  };
}
