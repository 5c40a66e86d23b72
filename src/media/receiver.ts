// What the other side sends, from RTP packets to the display's feed: holds packets until the session goes live, assembles frames,
// puts them on the sender's clock and hands them over. Gives nothing away before open().
import type { Clock } from '../kernel/clock.ts';
import { Scope } from '../kernel/scope.ts';
import type { FeedFrame, FeedMessage } from './display-feed/protocol.ts';
import { createClockMap } from './rtp/clock-map.ts';
import { type Assembly, createFrameAssembler, depacketizers, type FrameAssembler } from './rtp/frame-assembler.ts';
import type { MediaKind, NegotiatedMedia, ReceivedRtp, SenderClock } from './streams.ts';

export type ReceiverOptions = {
  readonly clock: Clock;
  readonly feed: { sendFrame(frame: FeedFrame): void; sendMessage(message: FeedMessage): void };
  requestKeyframe(): void;
  /** Picture or sound began or ended to come. */
  onChange(): void;
};

export type ReceiverFigures = { readonly frames: number; readonly receiving: boolean; readonly width: number; readonly height: number; readonly fps: number };

export type Receiver = {
  take(kind: MediaKind, packet: ReceivedRtp): void;
  setSenderClock(kind: MediaKind, senderClock: SenderClock): void;
  /** From now on frames go to the feed, first those of the packets that were held. */
  open(negotiated: NegotiatedMedia): void;
  figures(kind: MediaKind): ReceiverFigures;
  close(): Promise<void>;
};

const POLL_MS = 20;
const HELD_PACKETS = 1_024;
/** Sound comes every 20 ms and at most 400 ms apart (DTX); a picture that is on comes more often still. */
const RECEIVING_MS = 1_000;

type Stream = { readonly assembler: FrameAssembler; readonly clockRate: number };

export function createReceiver(options: ReceiverOptions): Receiver {
  const { clock, feed } = options;
  const scope = new Scope();
  let held: { readonly kind: MediaKind; readonly packet: ReceivedRtp }[] = [];
  let streams: Partial<Record<MediaKind, Stream>> | null = null;
  const clocks = { audio: createClockMap(depacketizers.opus.clockRate), video: createClockMap(depacketizers.H264.clockRate) };
  const figures = {
    audio: { frames: 0, lastMs: null as number | null, width: 0, height: 0 },
    video: { frames: 0, lastMs: null as number | null, width: 0, height: 0 }
  };
  let framesAtMs: number[] = [];
  let told = { audio: false, video: false };
  let sentVideoConfig = '';

  const receiving = (kind: MediaKind): boolean => {
    const { lastMs } = figures[kind];
    return lastMs !== null && clock.monotonicMs() - lastMs < RECEIVING_MS;
  };

  /** Tells the display when picture or sound begins or ends, so that a frozen picture is not taken for a live one. */
  function tellState(): void {
    const now = { audio: receiving('audio'), video: receiving('video') };
    if (now.audio === told.audio && now.video === told.video) return;
    told = now;
    feed.sendMessage({ type: 'state', audioReceiving: now.audio, videoReceiving: now.video });
    options.onChange();
  }

  function handOver(kind: MediaKind, { frames, needKeyframe }: Assembly): void {
    if (needKeyframe && kind === 'video') options.requestKeyframe();
    for (const frame of frames) {
      const nowMs = clock.monotonicMs();
      figures[kind].frames++;
      figures[kind].lastMs = nowMs;
      tellState();
      if (kind === 'video') {
        framesAtMs = framesAtMs.filter((at) => nowMs - at < 1_000);
        framesAtMs.push(nowMs);
        if (frame.config !== null) {
          Object.assign(figures.video, { width: frame.config.width, height: frame.config.height });
          const config = JSON.stringify(frame.config);
          if (config !== sentVideoConfig) feed.sendMessage({ type: 'video-config', ...frame.config });
          sentVideoConfig = config;
        }
      }
      const { timestampUs, captureMs } = clocks[kind].map(frame.timestamp);
      feed.sendFrame({ kind: kind === 'audio' ? 'audio' : frame.keyframe ? 'video-key' : 'video-delta', timestampUs, captureMs, data: frame.data });
    }
  }

  return {
    take(kind, packet) {
      if (streams === null) {
        if (held.length < HELD_PACKETS) held.push({ kind, packet });
        return;
      }
      const stream = streams[kind];
      if (stream !== undefined) handOver(kind, stream.assembler.push(packet, clock.monotonicMs()));
    },
    setSenderClock(kind, senderClock) {
      clocks[kind].onSenderClock(senderClock);
    },
    open(negotiated) {
      streams = {};
      if (negotiated.audio !== null) {
        streams.audio = { assembler: createFrameAssembler('opus'), clockRate: depacketizers.opus.clockRate };
        feed.sendMessage({ type: 'audio-config', codec: 'opus', sampleRate: 48_000, channels: 1 });
      }
      if (negotiated.video !== null)
        streams.video = { assembler: createFrameAssembler(negotiated.video.codec), clockRate: depacketizers[negotiated.video.codec].clockRate };
      const waiting = held;
      held = [];
      for (const { kind, packet } of waiting) this.take(kind, packet);
      scope.every(clock, POLL_MS, () => {
        for (const kind of ['audio', 'video'] as const) {
          const stream = streams?.[kind];
          if (stream !== undefined) handOver(kind, stream.assembler.poll(clock.monotonicMs()));
        }
        tellState();
      });
    },
    figures: (kind) => ({
      frames: figures[kind].frames,
      receiving: receiving(kind),
      width: figures[kind].width,
      height: figures[kind].height,
      fps: kind === 'video' ? framesAtMs.filter((at) => clock.monotonicMs() - at < 1_000).length : 0
    }),
    close: () => scope[Symbol.asyncDispose]()
  };
}
