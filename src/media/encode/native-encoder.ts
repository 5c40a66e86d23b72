// One of FFmpeg's video encoders, opened for one size and rate: no look-ahead, no B frames, one reference chain that only a requested
// keyframe renews. Takes frames of any size and scales them. Hardware reads from memory of ours, never from the source's.
import {
  AV_HWDEVICE_TYPE_VAAPI,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_VAAPI,
  AV_PIX_FMT_YUV420P,
  AVERROR_EAGAIN,
  Codec,
  CodecContext,
  Dictionary,
  type FFEncoderCodec,
  FFmpegError,
  Frame,
  HardwareDeviceContext,
  HardwareFramesContext,
  Packet,
  Rational,
  SoftwareScaleContext,
  SWS_BILINEAR
} from 'node-av';
import { CloisterError } from '../../kernel/errors.ts';
import type { EncoderChoice } from './encoder-table.ts';
import type { VideoTarget } from './video-target.ts';

export type EncodedPicture = { readonly data: Uint8Array; readonly keyframe: boolean; readonly width: number; readonly height: number };

export type NativeEncoder = {
  /** The first picture is a keyframe. H.264 comes as Annex B. None where the encoder drops the frame. One call at a time. */
  encode(frame: Frame, keyframe: boolean): Promise<readonly EncodedPicture[]>;
  /** For those with `rateInPlace`. */
  setRate(kbps: number): void;
  /** Not while encode() runs. */
  close(): void;
};

export type OpenEncoder = (choice: EncoderChoice, target: VideoTarget) => Promise<NativeEncoder>;

const NEVER = 2 ** 30;
const SURFACES = 4;

/**
 * libvpx's threads wait for each other busily: two of them take three times the CPU at 720p and stall when another program wants a core.
 * x264 needs a second one only above 720p.
 */
const threadsFor = ({ name }: EncoderChoice, { width, height }: VideoTarget): number => (name === 'libx264' && width * height > 1280 * 720 ? 2 : 1);

/** @throws CloisterError CL_MEDIA_ENCODER, FFmpegError */
export async function openNativeEncoder(choice: EncoderChoice, target: VideoTarget): Promise<NativeEncoder> {
  const codec = Codec.findEncoderByName(choice.name as FFEncoderCodec);
  if (codec === null) throw new CloisterError('CL_MEDIA_ENCODER', `FFmpeg has no ${choice.name}`);
  const context = new CodecContext();
  context.allocContext3(codec);
  const surfaces = choice.hardware === 'vaapi' ? createSurfaces() : null;
  const scaler = createScaler(target, choice.hardware !== null);
  const close = (): void => {
    context.freeContext();
    surfaces?.free();
    scaler.free();
  };
  try {
    context.width = target.width;
    context.height = target.height;
    context.pixelFormat = choice.hardware === null ? AV_PIX_FMT_YUV420P : AV_PIX_FMT_NV12;
    context.timeBase = new Rational(1, Math.round(target.fps));
    context.framerate = new Rational(Math.round(target.fps), 1);
    context.gopSize = NEVER;
    context.maxBFrames = 0;
    context.threadCount = threadsFor(choice, target);
    if (surfaces !== null) surfaces.attach(context, target);
    if (choice.worstQuantizer !== undefined) context.qMax = choice.worstQuantizer;
    setRate(target.kbps);
    const options = Dictionary.fromObject({ ...choice.options(target) });
    const code = await context.open2(codec, options);
    options.free();
    FFmpegError.throwIfError(code, `opening ${choice.name}`);
  } catch (error) {
    close();
    throw error;
  }

  function setRate(kbps: number): void {
    context.bitRate = BigInt(kbps * 1000);
    context.rcMaxRate = BigInt(kbps * 1000);
    if (kbps < (choice.constantBelowKbps ?? Number.POSITIVE_INFINITY)) context.rcMinRate = BigInt(kbps * 1000); // libvpx: all three the same is a constant rate
    context.rcBufferSize = kbps * choice.bufferMs;
  }

  let count = 0n;
  return {
    async encode(frame, keyframe) {
      const fitting = await scaler.fit(frame);
      const input = surfaces === null ? fitting : await surfaces.upload(fitting);
      input.pts = count++;
      input.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
      const sent = await context.sendFrame(input);
      if (input !== fitting) input.free();
      FFmpegError.throwIfError(sent, 'encoding');
      const pictures: EncodedPicture[] = [];
      using packet = new Packet();
      packet.alloc();
      for (;;) {
        const code = context.receivePacketSync(packet); // the work was done by sendFrame
        if (code === AVERROR_EAGAIN) return pictures;
        FFmpegError.throwIfError(code, 'encoding');
        const { width, height } = target;
        if (packet.data !== null) pictures.push({ data: new Uint8Array(packet.data), keyframe: packet.isKeyframe, width, height });
        packet.unref();
      }
    },
    setRate,
    close
  };
}

/** @param copies always gives a frame of its own, as NV12 */
function createScaler({ width, height }: VideoTarget, copies: boolean): { fit(frame: Frame): Promise<Frame>; free(): void } {
  const format = copies ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
  let made: { readonly context: SoftwareScaleContext; readonly frame: Frame; readonly from: string } | null = null;
  const free = (): void => {
    made?.context.freeContext();
    made?.frame.free();
    made = null;
  };
  return {
    async fit(frame) {
      if (!copies && frame.width === width && frame.height === height) return frame;
      const from = `${frame.width}x${frame.height}`;
      if (made?.from !== from) {
        free();
        const output = new Frame();
        output.alloc();
        output.format = format;
        output.width = width;
        output.height = height;
        FFmpegError.throwIfError(output.getBuffer(), 'memory for a frame');
        const context = new SoftwareScaleContext();
        context.getContext(frame.width, frame.height, AV_PIX_FMT_YUV420P, width, height, format, SWS_BILINEAR);
        made = { context, frame: output, from };
      }
      const { context, frame: output } = made;
      FFmpegError.throwIfError(output.makeWritable(), 'scaling'); // an encoder may still hold the one before
      FFmpegError.throwIfError(await context.scaleFrame(output, frame), 'scaling');
      return output;
    },
    free
  };
}

/** VAAPI alone takes no frames from memory: they are uploaded to its surfaces. */
function createSurfaces(): { attach(context: CodecContext, target: VideoTarget): void; upload(frame: Frame): Promise<Frame>; free(): void } {
  const device = new HardwareDeviceContext();
  const frames = new HardwareFramesContext();
  return {
    attach(context, { width, height }) {
      FFmpegError.throwIfError(device.create(AV_HWDEVICE_TYPE_VAAPI), 'VAAPI');
      frames.alloc(device);
      frames.format = AV_PIX_FMT_VAAPI;
      frames.swFormat = AV_PIX_FMT_NV12;
      frames.width = width;
      frames.height = height;
      frames.initialPoolSize = SURFACES;
      FFmpegError.throwIfError(frames.init(), 'VAAPI surfaces');
      context.pixelFormat = AV_PIX_FMT_VAAPI;
      context.hwFramesCtx = frames;
    },
    async upload(frame) {
      const surface = new Frame();
      surface.alloc();
      try {
        FFmpegError.throwIfError(frames.getBuffer(surface), 'VAAPI surface');
        FFmpegError.throwIfError(await frames.transferData(surface, frame), 'VAAPI upload');
      } catch (error) {
        surface.free();
        throw error;
      }
      return surface;
    },
    free() {
      frames.free();
      device.free();
    }
  };
}
