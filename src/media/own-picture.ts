// The own camera's picture for this room's own pages: what is encoded anyway, given out once more. A feed of its own, so that its ticket opens nothing
// of the call: the other side's picture and sound are never handed to it. Nothing listens before somebody asks for a ticket.
import type { Clock } from '../kernel/clock.ts';
import { asCloisterError } from '../kernel/errors.ts';
import { silentLog } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import { createDisplayFeed, type DisplayFeed } from './display-feed/server.ts';
import type { EncodedPicture } from './encode/native-encoder.ts';
import { pictureConfig } from './rtp/picture-config.ts';
import type { VideoCodec } from './streams.ts';

export type OwnPictureOptions = {
  readonly host: string;
  readonly origins: readonly string[];
  readonly clock: Clock;
  /** A page that has just come can show nothing before the next one. */
  requestKeyframe(): void;
};

export type OwnPicture = AsyncDisposable & {
  /** @throws CloisterError CL_PORT_IN_USE, CL_MEDIA_TICKET */
  ticket(): Promise<{ readonly url: string }>;
  push(picture: EncodedPicture, codec: VideoCodec, captureMs: number): void;
  /** Pages that have the picture now. */
  pages(): number;
};

/** Without a picture for so long there is none: the camera is off, or away. */
const SHOWN_MS = 700;
const LOOK_MS = 100;
/** Each costs the other side's picture some of its rate. */
const KEYFRAME_MS = 1_000;

export function createOwnPicture({ host, origins, clock, requestKeyframe }: OwnPictureOptions): OwnPicture {
  const scope = new Scope();
  let feed: DisplayFeed | null = null;
  let started: Promise<void> | null = null;
  let config = '';
  let lastMs: number | null = null;
  let told = false;
  let askedMs = Number.NEGATIVE_INFINITY;
  let waiting = false;

  function askKeyframe(): void {
    const nowMs = clock.monotonicMs();
    if (waiting) return;
    const restMs = askedMs + KEYFRAME_MS - nowMs;
    if (restMs <= 0) {
      askedMs = nowMs;
      requestKeyframe();
      return;
    }
    waiting = true;
    scope.schedule(clock, restMs, () => {
      waiting = false;
      askKeyframe();
    });
  }

  function tell(): void {
    const shown = lastMs !== null && clock.monotonicMs() - lastMs < SHOWN_MS;
    if (shown === told) return;
    told = shown;
    feed?.sendMessage({ type: 'state', receiving: { audio: false, video: shown, screen: false } });
  }

  async function listen(): Promise<DisplayFeed> {
    if (feed === null) {
      const made = createDisplayFeed({ host, origins, clock, log: silentLog, onNeedKeyframe: askKeyframe });
      feed = made;
      tell();
      made.sendMessage({ type: 'state', receiving: { audio: false, video: told, screen: false } });
      scope.every(clock, LOOK_MS, tell);
      started = made.start().then(() => made.open());
      started.catch(() => {});
      scope.own(() => made[Symbol.asyncDispose]());
    }
    await started;
    return feed;
  }

  return {
    async ticket() {
      try {
        const { url } = (await listen()).ticket();
        return { url };
      } catch (cause) {
        throw asCloisterError(cause);
      }
    },
    push({ data, keyframe, width, height }, codec, captureMs) {
      if (scope.closed) return;
      lastMs = clock.monotonicMs();
      tell();
      if (feed === null) return;
      const described = keyframe ? pictureConfig(codec, data, { width, height }) : null;
      if (described !== null && JSON.stringify(described) !== config) {
        config = JSON.stringify(described);
        feed.sendMessage({ type: 'picture-config', of: 'video', ...described });
      }
      feed.sendFrame({ kind: keyframe ? 'video-key' : 'video-delta', timestampUs: Math.round(captureMs * 1000), captureMs, data });
    },
    pages: () => feed?.statistics().displays ?? 0,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
