// The shared screen of one exchange. It begins when a person asks and ends when they ask, when its source is lost, or with the call; it never
// begins by itself, not even again. Once stop() was called no packet of it is handed to the connection.
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import type { VideoEncoder } from '../encode/video-encoder.ts';
import { createVideoSender, type VideoSender, type VideoSenderStatistics } from '../encode/video-sender.ts';
import { targetOf, type VideoTarget } from '../encode/video-target.ts';
import type { MediaFailure, VideoProfile } from '../port.ts';
import type { VideoSource } from '../source/source.ts';
import type { RtpPayload, SenderClock } from '../streams.ts';
import { createShareFrames, type ShareFrames } from './share-frames.ts';
import { createSharePace, encoderKbps, type SharePace } from './share-pace.ts';

export type ShareOptions = {
  readonly clock: Clock;
  readonly profile: VideoProfile;
  openSource(): Promise<VideoSource>;
  createEncoder(): VideoEncoder;
  send(packet: RtpPayload): void;
  /** Whether anything that was sent still waits to leave. */
  waits(): boolean;
  onSenderClock(clock: SenderClock): void;
  /** The source is open, nothing of it was encoded yet: from now on setTarget() tells what may be sent, and has to at once. */
  onBegin(): void;
  /** The source or the encoder is lost; the share has stopped. Not called for one that start() already rejected. */
  onLost(failure: MediaFailure): void;
};

export type Share = {
  /** Resolves when the source is open, or when stop() was called meanwhile. @throws CloisterError where it cannot be opened */
  start(): Promise<void>;
  /** Resolves when the source is released. */
  stop(): Promise<void>;
  /** @param why somebody asks, or what waited to leave was dropped */
  requestKeyframe(why: 'asked' | 'dropped'): void;
  /** What may be sent; null pauses it. */
  setTarget(target: VideoTarget | null): void;
  /** Null while nothing is shared. */
  statistics(): VideoSenderStatistics | null;
};

/** IP, UDP, RTP and SRTP around each payload. */
const PACKET_OVERHEAD_BYTES = 60;
/** A first page may take its second or more to leave, and nothing is sent beside it. */
const SENDING_MS = 4_000;

type Running = {
  readonly started: Promise<void>;
  stopped: boolean;
  sender: VideoSender | null;
  pace: SharePace | null;
  frames: ShareFrames | null;
  sentMs: number;
  failure: MediaFailure | null;
};

export function createShare(options: ShareOptions): Share {
  const { clock, profile } = options;
  let target: VideoTarget | null = targetOf(profile);
  let encoderRate = profile.maxKbps;
  // The pace leaves frames out, and holds the rate: for either the encoder would have to begin anew.
  const encoderTarget = (): VideoTarget | null => target && { ...target, fps: profile.fps, kbps: encoderRate };
  let running: Running | null = null;
  let released: Promise<unknown> = Promise.resolve();

  async function stop(ending: Running | null): Promise<void> {
    if (ending !== null && ending === running) {
      running = null;
      ending.stopped = true;
      released = Promise.allSettled([released, ending.started.catch(() => {}).then(() => ending.sender?.stop())]);
      // The sender is closed at once where it runs; what start() has not come to yet sees that it was stopped.
      void ending.sender?.stop();
    }
    await released;
  }

  async function begin(share: Running): Promise<void> {
    await released;
    if (share.stopped) return;
    const source = await options.openSource();
    if (share.stopped) return source.close();
    const pace = createSharePace(target ?? targetOf(profile));
    pace.setTarget(target);
    const frames = createShareFrames(pace);
    /** What setTarget() leaves for a page that begins. */
    const takeLowerRate = (): void => {
      if (target !== null) encoderRate = encoderKbps(target.kbps, encoderRate);
      sender.setTarget(encoderTarget());
    };
    const next = (frame: Frame): Frame | null => {
      const nowMs = clock.monotonicMs();
      if (!options.waits()) pace.emptied(nowMs);
      const chosen = target && frames.next(frame, nowMs, target.kbps);
      if (chosen?.turned === true) takeLowerRate();
      return chosen?.frame ?? null;
    };
    let opening = true;
    let taken = false;
    const sender = createVideoSender({
      clock,
      profile,
      createEncoder: options.createEncoder,
      openSource: async () => {
        if (taken) throw new CloisterError('CL_MEDIA_SCREEN_LOST'); // a sender tries again; a share does not
        taken = true;
        return withFrames(source, next, frames.free);
      },
      send: (packet) => {
        if (share.stopped) return;
        share.sentMs = clock.monotonicMs();
        pace.sent(packet.payload.byteLength + PACKET_OVERHEAD_BYTES, clock.monotonicMs());
        options.send(packet);
      },
      onSenderClock: (_kind, senderClock) => options.onSenderClock(senderClock),
      onProblem: (failure) => {
        if (failure === null || share.stopped) return;
        share.failure ??= failure;
        if (opening) return;
        void stop(share);
        options.onLost({ code: 'CL_MEDIA_SCREEN_LOST', detectedBy: 'screen-source', text: `Sharing has stopped: ${failure.text}` });
      }
    });
    share.sender = sender;
    share.pace = pace;
    share.frames = frames;
    options.onBegin();
    takeLowerRate();
    await sender.start();
    opening = false;
    if (!taken) await source.close();
    if (share.failure !== null) throw new CloisterError('CL_MEDIA_SCREEN_SOURCE', share.failure.text);
  }

  return {
    async start() {
      if (running === null) {
        const { promise: started, resolve, reject } = Promise.withResolvers<void>();
        started.catch(() => {});
        const share: Running = { started, stopped: false, sender: null, pace: null, frames: null, sentMs: Number.NEGATIVE_INFINITY, failure: null };
        running = share;
        begin(share).then(resolve, reject);
      }
      const share = running;
      try {
        await share.started;
      } catch (cause) {
        const stopped = share.stopped;
        await stop(share);
        if (!stopped) throw asCloisterError(cause, 'CL_MEDIA_SCREEN_SOURCE');
      }
    },
    stop: () => stop(running),
    requestKeyframe(why) {
      if (why === 'dropped') running?.pace?.emptied(clock.monotonicMs());
      if (running?.pace?.refresh(clock.monotonicMs()) !== true) return;
      running.frames?.restart();
      running.sender?.requestKeyframe();
    },
    setTarget(wanted) {
      if (target === null) running?.frames?.restart(); // the other side may have forgotten what went before
      target = wanted;
      running?.pace?.setTarget(wanted);
      // A lower rate waits for another page: the encoder begins anew for it, and of the one that is there all would be sent again.
      if (wanted !== null) encoderRate = Math.max(encoderRate, encoderKbps(wanted.kbps, encoderRate));
      running?.sender?.setTarget(encoderTarget());
    },
    statistics() {
      const figures = running?.sender?.statistics();
      if (running === null || figures === undefined) return null;
      return { ...figures, sending: clock.monotonicMs() - running.sentMs < SENDING_MS };
    }
  };
}

/** The source, with what `next` makes of its frames. */
function withFrames(source: VideoSource, next: (frame: Frame) => Frame | null, free: () => void): VideoSource {
  let taking: Promise<void> = Promise.resolve();
  return {
    // That of a lent source changes with whose it is.
    get view() {
      return source.view;
    },
    start(sink) {
      source.start({
        async frame(frame, captureMs) {
          try {
            const chosen = next(frame);
            if (chosen !== null) taking = sink.frame(chosen, captureMs);
          } catch (cause) {
            sink.lost(asCloisterError(cause, 'CL_MEDIA_SCREEN_SOURCE'));
          }
          await taking;
        },
        lost: (error) => sink.lost(error)
      });
    },
    async close() {
      await source.close();
      await taking;
      free();
    }
  };
}
