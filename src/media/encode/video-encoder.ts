// One codec's encoder as a sender sees it: follows a target while it runs, and goes from hardware to software where hardware fails.
// Calls run one after another; close() may come at any moment and waits for the running one.
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import type { EncoderView } from '../../room/state.ts';
import type { MediaFailure, VideoProfile } from '../port.ts';
import type { VideoCodec } from '../streams.ts';
import { type EncoderChoice, encodersFor } from './encoder-table.ts';
import { type EncodedPicture, type NativeEncoder, type OpenEncoder, openNativeEncoder } from './native-encoder.ts';
import { changeFor, fitTarget, rateAsOpened, targetOf, type VideoTarget } from './video-target.ts';

export type VideoEncoder = {
  readonly codec: VideoCodec;
  /** @throws CloisterError CL_MEDIA_ENCODER */
  open(): Promise<void>;
  /**
   * Encodes a YUV 4:2:0 frame, which has to stay as it is until the promise resolves. The first is a keyframe, and the first after an encoder was
   * opened again.
   * @returns one picture; none where the encoder drops the frame or is closed
   * @throws CloisterError CL_MEDIA_ENCODER where software fails
   */
  encode(frame: Frame, options: { readonly keyframe: boolean }): Promise<readonly EncodedPicture[]>;
  /** From the next frame on, within the profile. The rate at once where the encoder can; else, and for another size, it is opened again, rarely. */
  setTarget(target: VideoTarget): void;
  /** What encodes now; null while nothing is open. */
  inUse(): EncoderView | null;
  close(): Promise<void>;
};

export type VideoEncoderOptions = {
  readonly codec: VideoCodec;
  readonly profile: VideoProfile;
  readonly clock: Clock;
  /** Moving pictures unless it says text. */
  readonly content?: 'text';
  /** Names of the hardware encoders that work here. */
  readonly hardware?: readonly string[];
  /** A hardware encoder failed, and is not tried again. */
  onHardwareFailure?(failure: MediaFailure, name: string): void;
  readonly openEncoder?: OpenEncoder;
};

/** A driver that hangs must not hold the picture longer. */
const HARDWARE_LIMIT_MS = 1_000;

type Opened = { readonly choice: EncoderChoice; readonly native: NativeEncoder; readonly target: VideoTarget; readonly atMs: number; rate: number };

export function createVideoEncoder(options: VideoEncoderOptions): VideoEncoder {
  const { codec, profile, clock, openEncoder = openNativeEncoder } = options;
  let choices = encodersFor(codec, options.hardware ?? [], options.content);
  let target = targetOf(profile);
  let opened: Opened | null = null;
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

  function dispose(): void {
    opened?.native.close();
    opened = null;
  }

  /** With the first choice that works: what fails in hardware is done again by the next, and in the end by software. */
  async function withEncoder<T>(use: (native: NativeEncoder) => Promise<T>): Promise<T> {
    for (;;) {
      const choice = opened?.choice ?? choices[0];
      if (choice === undefined) throw new CloisterError('CL_MEDIA_ENCODER', `there is no encoder for ${codec}`);
      try {
        const { native } = opened ?? (await open(choice));
        const working = use(native);
        return await inTime(choice, working, () => {
          opened = null;
          working.then(native.close, native.close);
        });
      } catch (error) {
        if (choice.hardware === null) throw error;
        choices = choices.filter(({ name }) => name !== choice.name);
        const text = `The hardware encoder ${choice.name} failed, ${choices[0]?.name} takes its place: ${asCloisterError(error).message}`;
        options.onHardwareFailure?.({ code: 'CL_MEDIA_HARDWARE', detectedBy: 'video-encoder', text }, choice.name);
      }
    }
  }

  async function open(choice: EncoderChoice): Promise<Opened> {
    const wanted = target;
    const opening = openEncoder(choice, wanted);
    const native = await inTime(choice, opening, () => {
      opening.then(
        (late) => late.close(),
        () => {}
      );
    });
    opened = { choice, native, target: wanted, atMs: clock.monotonicMs(), rate: wanted.kbps };
    return opened;
  }

  /** @param failed where it failed, or hardware did not answer: frees what it holds when, and if, it comes back */
  async function inTime<T>(choice: EncoderChoice, work: Promise<T>, failed: () => void): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const limit = choice.hardware === null ? null : clock.schedule(HARDWARE_LIMIT_MS, () => reject(new CloisterError('CL_MEDIA_ENCODER', 'no answer')));
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      failed();
      throw error;
    } finally {
      limit?.cancel();
    }
  }

  function follow(): void {
    if (opened === null) return;
    const change = changeFor(opened, target, clock.monotonicMs(), opened.choice.rateInPlace);
    if (change === 'reopen') dispose();
    else if (change === 'rate') {
      opened.rate = rateAsOpened(opened.target, target);
      opened.native.setRate(opened.rate);
    }
  }

  return {
    codec,
    open: () =>
      inTurn(async () => {
        if (!closed) await withEncoder(async () => {});
      }),
    encode: (frame, { keyframe }) =>
      inTurn(async () => {
        if (closed) return [];
        follow();
        return withEncoder((native) => native.encode(frame, keyframe));
      }),
    setTarget(wanted) {
      target = fitTarget(wanted, profile);
    },
    inUse: () => (opened === null ? null : { name: opened.choice.name, hardware: opened.choice.hardware !== null }),
    async close() {
      closed = true;
      await inTurn(async () => dispose());
    }
  };
}
