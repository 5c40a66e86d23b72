// Source → encoder → RTP payloads, for the picture. Frames that the encoder cannot take in time are dropped before it, never queued;
// so are, evenly, those beyond the target's frame rate. The source stays open at its own size and rate whatever the target is.
// RTP timestamps are the capture time on the monotonic clock, which sound shares.
import { randomInt } from 'node:crypto';
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import type { EncoderView, SourceView } from '../../room/state.ts';
import type { MediaFailure, VideoProfile } from '../port.ts';
import { PACKETIZERS } from '../rtp/packetizer.ts';
import type { VideoSource } from '../source/source.ts';
import type { MediaKind, RtpPayload, SenderClock, VideoCodec } from '../streams.ts';
import type { EncodedPicture } from './native-encoder.ts';
import { aborted, createLifecycle, type Lifecycle, MAX_PAYLOAD_BYTES, SENDER_CLOCK_MS } from './sender.ts';
import type { VideoEncoder } from './video-encoder.ts';
import { createThinner, fitTarget, targetOf, type VideoTarget } from './video-target.ts';

export type SenderOptions = {
  readonly clock: Clock;
  send(packet: RtpPayload): void;
  /** Once with the first frame and then every second. */
  onSenderClock(kind: MediaKind, clock: SenderClock): void;
  /** A source or encoder failed, which is tried again every 2 s; null when it is well again. */
  onProblem(failure: MediaFailure | null): void;
};

export type VideoSenderOptions = SenderOptions & {
  readonly profile: VideoProfile;
  openSource(): Promise<VideoSource>;
  createEncoder(): VideoEncoder;
  /** Each picture that is handed to send(), whole. */
  onPicture?(picture: EncodedPicture, codec: VideoCodec, captureMs: number): void;
};

export type VideoSenderStatistics = {
  readonly framesSent: number;
  readonly keyframesSent: number;
  /** Of the picture that left last. */
  readonly width: number;
  readonly height: number;
  /** Frames that left in the last second. */
  readonly fps: number;
  readonly sending: boolean;
  /** What is open now; null while nothing is. */
  readonly source: SourceView | null;
  readonly encoder: EncoderView | null;
  /** What is asked of the encoder; null while it is asked to pause. */
  readonly target: VideoTarget | null;
};

export type VideoSender = Lifecycle & {
  /** The next frame is a keyframe; at most one in 100 ms. */
  requestKeyframe(): void;
  /** From the next frame on, within the profile; null: nothing is encoded, the source stays. What is sent after a pause begins with a keyframe. */
  setTarget(target: VideoTarget | null): void;
  statistics(): VideoSenderStatistics;
};

const RTP_HZ = 90_000;
const KEYFRAME_MS = 100;

export function createVideoSender(options: VideoSenderOptions): VideoSender {
  const { clock, profile } = options;
  const timestampBase = randomInt(2 ** 32);
  let pictureId = randomInt(2 ** 15);
  let keyframeWanted = false;
  let keyframeAtMs: number | null = null;
  let target: VideoTarget | null = targetOf(profile);
  const thinner = createThinner(profile.fps);
  let size = { width: profile.width, height: profile.height };
  let encoderInUse: VideoEncoder | null = null;
  let sourceInUse: VideoSource | null = null;
  let framesSent = 0;
  let keyframesSent = 0;
  let clockToldMs: number | null = null;
  let sentAtMs: number[] = [];

  function sendPicture(picture: EncodedPicture, codec: VideoCodec, captureMs: number): void {
    const timestamp = (timestampBase + Math.round((captureMs * RTP_HZ) / 1000)) % 2 ** 32;
    const payloads = PACKETIZERS[codec](picture.data, pictureId++, MAX_PAYLOAD_BYTES);
    payloads.forEach((payload, index) => {
      options.send({ timestamp, marker: index === payloads.length - 1, payload });
    });
    options.onPicture?.(picture, codec, captureMs);
    const nowMs = clock.monotonicMs();
    if (clockToldMs === null || nowMs - clockToldMs >= SENDER_CLOCK_MS) {
      clockToldMs = nowMs;
      options.onSenderClock('video', { rtpTimestamp: timestamp, captureMs });
    }
    framesSent++;
    size = { width: picture.width, height: picture.height };
    if (picture.keyframe) {
      keyframesSent++;
      keyframeAtMs = nowMs;
    }
    sentAtMs = sentAtMs.filter((at) => nowMs - at < 1000);
    sentAtMs.push(nowMs);
  }

  async function encodeAndSend(encoder: VideoEncoder, frame: Frame, captureMs: number, signal: AbortSignal): Promise<void> {
    if (target === null || !thinner.takes(captureMs, target.fps)) return;
    const keyframe = keyframeWanted && (keyframeAtMs === null || clock.monotonicMs() - keyframeAtMs >= KEYFRAME_MS);
    if (keyframe) keyframeWanted = false;
    const pictures = await encoder.encode(frame, { keyframe });
    if (signal.aborted) return;
    if (keyframe && pictures.length === 0) keyframeWanted = true; // the encoder dropped it
    for (const picture of pictures) sendPicture(picture, encoder.codec, captureMs);
  }

  async function run(signal: AbortSignal, opened: () => void): Promise<void> {
    const encoder = options.createEncoder();
    let source: VideoSource | null = null;
    try {
      await encoder.open();
      if (signal.aborted) return;
      const open = await options.openSource();
      source = open;
      if (signal.aborted) return;
      encoderInUse = encoder;
      if (target !== null) encoder.setTarget(target);
      sourceInUse = open;
      const { promise: failed, reject } = Promise.withResolvers<never>();
      failed.catch(() => {});
      open.start({
        async frame(frame, captureMs) {
          if (!signal.aborted) await encodeAndSend(encoder, frame, captureMs, signal).catch(reject);
        },
        lost: reject
      });
      opened();
      await Promise.race([aborted(signal), failed]);
    } finally {
      encoderInUse = null;
      sourceInUse = null;
      sentAtMs = [];
      await source?.close();
      await encoder.close();
    }
  }

  return {
    ...createLifecycle(run, clock, 'video-source', options.onProblem),
    requestKeyframe() {
      keyframeWanted = true;
    },
    setTarget(wanted) {
      if (target === null && wanted !== null) keyframeWanted = true; // the other side may have forgotten what went before
      target = wanted === null ? null : fitTarget(wanted, profile);
      if (target !== null) encoderInUse?.setTarget(target);
    },
    statistics() {
      const nowMs = clock.monotonicMs();
      const fps = sentAtMs.filter((at) => nowMs - at < 1000).length;
      const encoder = encoderInUse?.inUse() ?? null;
      return { framesSent, keyframesSent, ...size, fps, sending: fps > 0, source: sourceInUse?.view ?? null, encoder, target };
    }
  };
}
