// What an encoder is asked for while it runs, and what a change of it costs. Pure: the caller gives the time.
import type { VideoProfile } from '../port.ts';

export type VideoTarget = { readonly width: number; readonly height: number; readonly fps: number; readonly kbps: number };

const MIN_SIDE = 16;
const MIN_KBPS = 50;
/** Opening an encoder again costs a keyframe, once it has been used: not more often than this … */
const REOPEN_MS = 1_000;
/** … and not for a rate that differs by less than this. */
const SMALL_STEP = 0.15;

export const targetOf = ({ width, height, fps, maxKbps }: VideoProfile): VideoTarget => ({ width, height, fps, kbps: maxKbps });

/** Within the profile; even sides, as 4:2:0 needs them. */
export function fitTarget(wanted: VideoTarget, profile: VideoProfile): VideoTarget {
  const side = (value: number, most: number): number => Math.min(most, Math.max(MIN_SIDE, 2 * Math.round(value / 2)));
  return {
    width: side(wanted.width, profile.width),
    height: side(wanted.height, profile.height),
    fps: Math.min(profile.fps, Math.max(1, wanted.fps)),
    kbps: Math.round(Math.min(profile.maxKbps, Math.max(MIN_KBPS, wanted.kbps)))
  };
}

/** An encoder shares its rate out among the frames of a second that it was opened for; with fewer of them each may be larger. */
export const rateAsOpened = (opened: VideoTarget, wanted: VideoTarget): number => Math.round((wanted.kbps * opened.fps) / wanted.fps);

/**
 * @param rate what the encoder was last told, in the terms of rateAsOpened
 * @param rateInPlace whether it takes another rate while it runs
 */
export function changeFor(
  opened: { readonly target: VideoTarget; readonly atMs: number; readonly rate: number; readonly used: boolean },
  wanted: VideoTarget,
  nowMs: number,
  rateInPlace: boolean
): 'none' | 'rate' | 'reopen' {
  const { target, atMs, rate, used } = opened;
  const wantedRate = rateAsOpened(target, wanted);
  const sizeDiffers = wanted.width !== target.width || wanted.height !== target.height;
  const rateDiffers = rateInPlace ? wantedRate !== rate : Math.abs(wantedRate - rate) >= rate * SMALL_STEP;
  if ((sizeDiffers || (rateDiffers && !rateInPlace)) && (!used || nowMs - atMs >= REOPEN_MS)) return 'reopen';
  return rateDiffers && rateInPlace ? 'rate' : 'none';
}

/** Leaves frames out evenly, so that of `sourceFps` frames a second `fps` remain. */
export function createThinner(sourceFps: number): { takes(captureMs: number, fps: number): boolean } {
  let dueMs: number | null = null;
  return {
    takes(captureMs, fps) {
      if (fps >= sourceFps) {
        dueMs = null;
        return true;
      }
      const intervalMs = 1000 / fps;
      // Frames jitter: one that comes up to half a source interval early is nearer than the next.
      if (dueMs !== null && captureMs < dueMs - 500 / sourceFps && captureMs > dueMs - 2 * intervalMs) return false;
      // After a hole, or a jump back, the count begins anew.
      const late = dueMs === null || Math.abs(captureMs - dueMs) > 2 * intervalMs;
      dueMs = (late || dueMs === null ? captureMs : dueMs) + intervalMs;
      return true;
    }
  };
}
