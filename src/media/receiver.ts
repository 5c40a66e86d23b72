// What the other side sends, from RTP packets to the display's feed: holds packets until the session goes live, assembles frames,
// puts them on the sender's clock and hands them over. Gives nothing away before open().
import type { Clock } from '../kernel/clock.ts';
import { Scope } from '../kernel/scope.ts';
import type { FeedFrame, FeedMessage } from './display-feed/protocol.ts';
import { createClockMap } from './rtp/clock-map.ts';
import { type Assembly, createFrameAssembler, type FrameAssembler, REORDER_MS } from './rtp/frame-assembler.ts';
import {
  CLOCK_RATES,
  MEDIA_KINDS,
  type MediaKind,
  type NegotiatedMedia,
  ofEachKind,
  PICTURE_KINDS,
  type PictureKind,
  type ReceivedRtp,
  type SenderClock
} from './streams.ts';

export type ReceiverOptions = {
  readonly clock: Clock;
  readonly feed: { sendFrame(frame: FeedFrame): void; sendMessage(message: FeedMessage): void };
  requestKeyframe(kind: PictureKind): void;
  /** To the other side and back: what is missing is asked for again. */
  roundTripMs(): number | null;
  /** Picture or sound began or ended to come. */
  onChange(): void;
};

export type ReceiverFigures = { readonly frames: number; readonly receiving: boolean; readonly width: number; readonly height: number; readonly fps: number };

export type Receiver = {
  take(kind: MediaKind, packet: ReceivedRtp): void;
  setSenderClock(kind: MediaKind, senderClock: SenderClock): void;
  /** The other side ended this picture: the display drops it at once, and what was still on its way is not shown. */
  end(kind: PictureKind): void;
  /** From now on frames go to the feed, first those of the packets that were held. */
  open(negotiated: NegotiatedMedia): void;
  figures(kind: MediaKind): ReceiverFigures;
  close(): Promise<void>;
};

const POLL_MS = 20;
/** Who ends a picture and begins it again with each packet would else make work for the display and for the agent each time. */
const STATE_PAUSE_MS = 100;
/** In a second. A display begins a decoder anew for each configuration: what has another one is not shown then, and asked for again. */
const MAX_CONFIGS = 10;
const HELD_PACKETS = 1_024;
/** Questions are asked again after 1.3 round trips and 15 ms (missing-packets.ts), at the earliest with the next packet or tick. */
const REPAIR_MS = 100;
/** A page takes seconds to be sent again, and the round trip that is known is the one before the path's queue filled. */
const PAGE_REPAIR_MS = 600;
/** Sound that came with what was before it is hardly waited for: only what overtook others by more than they hold can still come. */
const REDUNDANT_SOUND_MS = 10;
/** Beyond it a keyframe helps sooner. */
const REPAIR_LIMIT_MS: Readonly<Record<PictureKind, number>> = { video: 600, screen: 2_000 };
const REPAIR_ROUND_TRIPS = 4;
/** Sound comes every 20 ms and at most 400 ms apart (DTX), a camera's picture more often still. A shared page at a low rate takes its time. */
const RECEIVING_MS: Readonly<Record<MediaKind, number>> = { audio: 1_000, video: 1_000, screen: 4_000 };

export function createReceiver(options: ReceiverOptions): Receiver {
  const { clock, feed } = options;
  const scope = new Scope();
  let held: { readonly kind: MediaKind; readonly packet: ReceivedRtp }[] = [];
  let streams: Partial<Record<MediaKind, FrameAssembler>> | null = null;
  const clocks = ofEachKind((kind) => createClockMap(CLOCK_RATES[kind]));
  const figures = ofEachKind(() => ({
    frames: 0,
    lastMs: null as number | null,
    width: 0,
    height: 0,
    atMs: [] as number[],
    sentConfig: '',
    configAtMs: [] as number[],
    over: false,
    refused: false
  }));
  let told = ofEachKind(() => false);
  let toldAtMs = Number.NEGATIVE_INFINITY;

  /** Long enough for a repair, and for two more where questions or answers got lost. */
  const repairWindowMs = (kind: PictureKind): number =>
    Math.min(REPAIR_LIMIT_MS[kind], (kind === 'screen' ? PAGE_REPAIR_MS : REPAIR_MS) + REPAIR_ROUND_TRIPS * (options.roundTripMs() ?? 0));

  const receiving = (kind: MediaKind): boolean => {
    const { lastMs } = figures[kind];
    return lastMs !== null && clock.monotonicMs() - lastMs < RECEIVING_MS[kind];
  };

  /** Tells the display when picture or sound begins or ends, so that a frozen picture is not taken for a live one. What comes too soon, a later tick tells. */
  function tellState(): void {
    const now = ofEachKind(receiving);
    if (MEDIA_KINDS.every((kind) => now[kind] === told[kind])) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - toldAtMs < STATE_PAUSE_MS) return;
    toldAtMs = nowMs;
    told = now;
    feed.sendMessage({ type: 'state', receiving: now });
    options.onChange();
  }

  function handOver(kind: MediaKind, { frames, needKeyframe }: Assembly): void {
    if (needKeyframe && kind !== 'audio') options.requestKeyframe(kind);
    const figure = figures[kind];
    for (const frame of frames) {
      const nowMs = clock.monotonicMs();
      const config = frame.config === null ? figure.sentConfig : JSON.stringify(frame.config);
      const renewed = config !== figure.sentConfig;
      if (renewed) {
        figure.configAtMs = figure.configAtMs.filter((at) => nowMs - at < 1_000);
        figure.refused = figure.configAtMs.length >= MAX_CONFIGS;
      } else if (frame.keyframe) figure.refused = false;
      if (figure.refused && kind !== 'audio') options.requestKeyframe(kind);
      if (figure.refused || (figure.over && !frame.keyframe)) continue;
      figure.over = false;
      figure.frames++;
      figure.lastMs = nowMs;
      tellState();
      if (kind !== 'audio') {
        figure.atMs = figure.atMs.filter((at) => nowMs - at < 1_000);
        figure.atMs.push(nowMs);
        if (frame.config !== null) {
          const { width, height } = frame.config;
          Object.assign(figure, { width, height });
          if (renewed) {
            feed.sendMessage({ type: 'picture-config', of: kind, ...frame.config });
            figure.configAtMs.push(nowMs);
            figure.sentConfig = config;
          }
        }
      }
      const { timestampUs, captureMs } = clocks[kind].map(frame.timestamp);
      feed.sendFrame({ kind: kind === 'audio' ? 'audio' : `${kind}-${frame.keyframe ? 'key' : 'delta'}`, timestampUs, captureMs, data: frame.data });
    }
  }

  return {
    take(kind, packet) {
      if (streams === null) {
        if (held.length < HELD_PACKETS) held.push({ kind, packet });
        return;
      }
      const stream = streams[kind];
      if (kind === 'audio') stream?.setWindow(packet.redundant === true ? REDUNDANT_SOUND_MS : REORDER_MS);
      if (stream !== undefined) handOver(kind, stream.push(packet, clock.monotonicMs()));
    },
    setSenderClock(kind, senderClock) {
      clocks[kind].onSenderClock(senderClock);
    },
    end(kind) {
      Object.assign(figures[kind], { lastMs: null, over: true, refused: false });
      if (streams !== null) tellState();
    },
    open(negotiated) {
      streams = {};
      if (negotiated.audio !== null) {
        streams.audio = createFrameAssembler('opus');
        feed.sendMessage({ type: 'audio-config', codec: 'opus', sampleRate: 48_000, channels: 1 });
      }
      for (const kind of PICTURE_KINDS) {
        const picture = negotiated[kind];
        if (picture !== null) streams[kind] = createFrameAssembler(picture.codec);
      }
      const waiting = held;
      held = [];
      for (const { kind, packet } of waiting) this.take(kind, packet);
      scope.every(clock, POLL_MS, () => {
        for (const kind of MEDIA_KINDS) {
          const stream = streams?.[kind];
          if (stream === undefined) continue;
          if (kind !== 'audio') stream.setWindow(repairWindowMs(kind));
          handOver(kind, stream.poll(clock.monotonicMs()));
        }
        tellState();
      });
    },
    figures: (kind) => ({
      frames: figures[kind].frames,
      receiving: receiving(kind),
      width: figures[kind].width,
      height: figures[kind].height,
      fps: figures[kind].atMs.filter((at) => clock.monotonicMs() - at < 1_000).length
    }),
    close: () => scope[Symbol.asyncDispose]()
  };
}
