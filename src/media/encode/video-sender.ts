// Source → encoder → RTP payloads, for the picture. Frames that the encoder cannot take in time are dropped before it, never queued.
// RTP timestamps are the capture time on the monotonic clock, which sound shares.
import { randomInt } from 'node:crypto';
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import type { SourceView } from '../../room/state.ts';
import type { MediaFailure, VideoProfile } from '../port.ts';
import { packetizeH264 } from '../rtp/h264.ts';
import { packetizeVp8 } from '../rtp/vp8.ts';
import type { VideoSource } from '../source/source.ts';
import type { MediaKind, RtpPayload, SenderClock } from '../streams.ts';
import { aborted, createLifecycle, type Lifecycle, MAX_PAYLOAD_BYTES, SENDER_CLOCK_MS } from './sender.ts';
import type { EncodedPicture, VideoEncoder } from './video-encoder.ts';

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
};

export type VideoSenderStatistics = {
  readonly framesSent: number;
  readonly keyframesSent: number;
  readonly width: number;
  readonly height: number;
  /** Frames that left in the last second. */
  readonly fps: number;
  readonly sending: boolean;
  /** What is open now; null while nothing is. */
  readonly source: SourceView | null;
};

export type VideoSender = Lifecycle & {
  requestKeyframe(): void;
  setBitrate(kbps: number): void;
  statistics(): VideoSenderStatistics;
};

const RTP_HZ = 90_000;

export function createVideoSender(options: VideoSenderOptions): VideoSender {
  const { clock, profile } = options;
  const timestampBase = randomInt(2 ** 32);
  let pictureId = randomInt(2 ** 15);
  let keyframeWanted = false;
  let kbps: number | null = null;
  let encoderInUse: VideoEncoder | null = null;
  let view: SourceView | null = null;
  let framesSent = 0;
  let keyframesSent = 0;
  let clockToldMs: number | null = null;
  let sentAtMs: number[] = [];

  function sendPicture(picture: EncodedPicture, captureMs: number): void {
    const timestamp = (timestampBase + Math.round((captureMs * RTP_HZ) / 1000)) % 2 ** 32;
    const payloads =
      encoderInUse?.codec === 'VP8' ? packetizeVp8(picture.data, pictureId++, MAX_PAYLOAD_BYTES) : packetizeH264(picture.data, MAX_PAYLOAD_BYTES);
    payloads.forEach((payload, index) => {
      options.send({ timestamp, marker: index === payloads.length - 1, payload });
    });
    const nowMs = clock.monotonicMs();
    if (clockToldMs === null || nowMs - clockToldMs >= SENDER_CLOCK_MS) {
      clockToldMs = nowMs;
      options.onSenderClock('video', { rtpTimestamp: timestamp, captureMs });
    }
    framesSent++;
    if (picture.keyframe) keyframesSent++;
    sentAtMs = sentAtMs.filter((at) => nowMs - at < 1000);
    sentAtMs.push(nowMs);
  }

  async function encodeAndSend(encoder: VideoEncoder, frame: Frame, captureMs: number, signal: AbortSignal): Promise<void> {
    const keyframe = keyframeWanted;
    keyframeWanted = false;
    const pictures = await encoder.encode(frame, { keyframe });
    if (signal.aborted) return;
    if (keyframe && pictures.length === 0) keyframeWanted = true; // the encoder dropped it
    for (const picture of pictures) sendPicture(picture, captureMs);
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
      view = open.view;
      if (kbps !== null) encoder.setBitrate(kbps);
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
      view = null;
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
    setBitrate(wanted) {
      kbps = wanted;
      encoderInUse?.setBitrate(wanted);
    },
    statistics() {
      const nowMs = clock.monotonicMs();
      const fps = sentAtMs.filter((at) => nowMs - at < 1000).length;
      return { framesSent, keyframesSent, width: profile.width, height: profile.height, fps, sending: fps > 0, source: view };
    }
  };
}
