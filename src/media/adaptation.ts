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
  /** Whether a picture that is wanted is smaller, slower or gone because the path carries no more. */
  limited(kind: PictureKind): boolean;
};

const PERIOD_MS = 200;
/** The rest is headers of a picture's packets; sound's are in the allocation. */
const PAYLOAD_SHARE = 0.95;
const REPAIRS_SMOOTHING = 0.2;
/** Repairs grow with what is sent: they shrink a picture, and do not take it away. */
const MOST_REPAIRS = 0.4;
const UNKNOWN_ROUND_TRIP_MS = 100;
/** From here on losses come in pairs often enough to pay for a second packet of the past. */
const MUCH_LOSS = 0.15;

export function createAdaptation({ clock, peer, audio, picture }: AdaptationOptions): Adaptation {
  const scope = new Scope();
  let allocation: Allocation | null = null;
  let resent = { bytes: 0, atMs: clock.monotonicMs() };
  let repairsKbps = 0;

  const adapt = (): void => {
    const { send } = peer.statistics();
    const [screen, camera] = [picture('screen'), picture('video')];
    peer.setWanted({ screen: screen?.profile.maxKbps ?? 0, video: camera?.profile.maxKbps ?? 0 });
    const wants = { screen: screen?.profile ?? null, camera: camera?.profile ?? null };
    const nowMs = clock.monotonicMs();
    const resentKbps = ((send.bytesResent - resent.bytes) * 8) / Math.max(1, nowMs - resent.atMs);
    resent = { bytes: send.bytesResent, atMs: nowMs };
    repairsKbps += (resentKbps - repairsKbps) * REPAIRS_SMOOTHING;
    const path = { lossFraction: send.lossFraction, roundTripMs: peer.roundTripMs() ?? UNKNOWN_ROUND_TRIP_MS };
    const repairing = Math.min(repairsKbps, MOST_REPAIRS * send.targetKbps);
    const next = allocate(send.targetKbps * PAYLOAD_SHARE - repairing, wants, path, allocation, nowMs);
    allocation = next;
    audio.setTarget({ kbps: next.audio.kbps, lossPercent: next.audio.lossPercent });
    peer.setRedundancy(next.audio.redundancy ? (send.lossFraction > MUCH_LOSS ? 2 : 1) : 0);
    screen?.setTarget(next.screen);
    camera?.setTarget(next.camera);
  };

  return {
    start() {
      adapt(); // the first picture is already one that fits
      scope.every(clock, PERIOD_MS, adapt);
    },
    limited(kind) {
      const wanted = picture(kind)?.profile;
      if (wanted === undefined || allocation === null) return false;
      const given = kind === 'screen' ? allocation.screen : allocation.camera;
      return given === null || given.height < wanted.height || given.fps < wanted.fps;
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
