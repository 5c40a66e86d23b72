// Drives what is encoded by what the path carries: sound first, then the shared screen, then the camera, which pauses when nothing is left for it.
// Invariant: nothing here starts or stops a source, or sends what nobody wants; a sender that begins is given its target with its first tick.
import type { Clock } from '../kernel/clock.ts';
import { Scope } from '../kernel/scope.ts';
import { type Allocation, allocate } from './congestion/allocation.ts';
import type { VideoTarget } from './encode/video-target.ts';
import type { VideoProfile } from './port.ts';
import type { PeerConnection, PictureKind } from './streams.ts';

/** A picture that is wanted now. */
export type AdaptedPicture = { readonly profile: VideoProfile; setTarget(target: VideoTarget | null): void };

export type AdaptationOptions = {
  readonly clock: Clock;
  readonly peer: Pick<PeerConnection, 'roundTripMs' | 'statistics' | 'setRedundancy' | 'setWanted'>;
  readonly audio: { setTarget(target: { readonly kbps: number; readonly lossPercent: number }): void };
  readonly picture: (kind: PictureKind) => AdaptedPicture | null;
};

export type Adaptation = AsyncDisposable & {
  start(): void;
  /** Now, and not with the next tick: another picture begins. */
  adapt(): void;
  /** Whether a picture that is wanted is smaller, slower or gone because the path carries no more. */
  limited(kind: PictureKind): boolean;
};

const PERIOD_MS = 200;
/** The rest is headers of a picture's packets; sound's are in the allocation. */
const PAYLOAD_SHARE = 0.95;
const REPAIRS_SMOOTHING = 0.2;
/** Each packet once more: what is lost beyond that no repair brings in time. */
const MOST_REPAIRS = 1;
/** Of the smallest picture, in a period: what one that pauses now has cost is forgotten. */
const LEAST_PICTURE_BYTES = 1_500;
const UNKNOWN_ROUND_TRIP_MS = 100;

export function createAdaptation({ clock, peer, audio, picture }: AdaptationOptions): Adaptation {
  const scope = new Scope();
  let allocation: Allocation | null = null;
  let before = { sent: 0, resent: 0 };
  let mean = { sent: 0, resent: 0 };

  const adapt = (): void => {
    const { send, video, screen: page } = peer.statistics();
    const [screen, camera] = [picture('screen'), picture('video')];
    peer.setWanted({ screen: screen?.profile.maxKbps ?? 0, video: camera?.profile.maxKbps ?? 0 });
    const wants = { screen: screen?.profile ?? null, camera: camera?.profile ?? null };
    const nowMs = clock.monotonicMs();
    const now = { sent: video.bytesSent + page.bytesSent, resent: send.bytesResent };
    const smoothed = (of: 'sent' | 'resent'): number => mean[of] + (now[of] - before[of] - mean[of]) * REPAIRS_SMOOTHING;
    mean = { sent: smoothed('sent'), resent: smoothed('resent') };
    before = now;
    const repairShare = Math.min(MOST_REPAIRS, mean.resent / Math.max(LEAST_PICTURE_BYTES, mean.sent));
    const path = { lossFraction: send.lossFraction, roundTripMs: peer.roundTripMs() ?? UNKNOWN_ROUND_TRIP_MS, repairShare };
    const next = allocate(send.targetKbps * PAYLOAD_SHARE, wants, path, allocation, nowMs);
    allocation = next;
    audio.setTarget({ kbps: next.audio.kbps, lossPercent: next.audio.lossPercent });
    peer.setRedundancy(next.audio.redundancy);
    screen?.setTarget(next.screen);
    camera?.setTarget(next.camera);
  };

  return {
    start() {
      adapt(); // the first picture is already one that fits
      scope.every(clock, PERIOD_MS, adapt);
    },
    adapt,
    limited(kind) {
      const wanted = picture(kind)?.profile;
      if (wanted === undefined || allocation === null) return false;
      const given = kind === 'screen' ? allocation.screen : allocation.camera;
      return given === null || given.height < wanted.height || given.fps < wanted.fps;
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
