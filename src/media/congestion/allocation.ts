// What the rate of a call is spent on: sound first, then the screen, whose text keeps its size and gives up frames, then the camera. Pure.
// Invariants: sizes are even and keep the source's shape, never larger than the source; better only with 15 % to spare, larger only some seconds after a change,
// worse at once; a picture that is null is off, because nothing worth seeing fits.
import type { VideoTarget } from '../encode/video-target.ts';
import type { VideoProfile } from '../port.ts';

export type Wants = { readonly screen: VideoProfile | null; readonly camera: VideoProfile | null };

export type PathState = {
  /** 0 to 1 */
  readonly lossFraction: number;
  readonly roundTripMs: number;
  /** What repairs cost for each bit of a picture. */
  readonly repairShare: number;
};

export type Allocation = {
  readonly audio: {
    readonly kbps: number;
    /** How many packets before it go out with each. */
    readonly redundancy: 0 | 1 | 2 | 3;
    /** For the codec's own error correction. */
    readonly lossPercent: number;
  };
  readonly screen: VideoTarget | null;
  readonly camera: VideoTarget | null;
  /** For the next allocation: which step of its ladder each picture stands on, and since when. */
  readonly standing: { readonly screen: Standing | null; readonly camera: Standing | null };
};

/** `step` is -1 where the picture is off; `sinceMs` and `fallen` are of its size. */
type Standing = { readonly profile: VideoProfile; readonly step: number; readonly sinceMs: number; readonly fallen: boolean };
type Step = { readonly width: number; readonly height: number; readonly fps: number; readonly leastKbps: number; readonly mostKbps: number };

const AUDIO_KBPS = 32;
const POOR_AUDIO_KBPS = 20;
const POOR_TARGET_KBPS = 100;
/** RTP, SRTP, UDP and IP on 50 packets a second. */
const AUDIO_OVERHEAD_KBPS = 24;
/** Where a resent packet would come too late, redundancy begins with less loss. As many packets that no more than `missing` of the sound is in none that came. */
const REDUNDANCY = { loss: 0.05, slowLoss: 0.02, slowRoundTripMs: 50, offShare: 0.5, missing: 0.01 };
/** So much of the camera's picture may be lost for repairs to keep up: the more is lost, the fewer packets a frame has. */
const CAMERA_LOST_KBPS = 150;
const MORE_TO_SPARE = 1.15;
/**
 * For a larger size after it got worse; after it began, or got better, what a keyframe of the next size costs is all there is to wait for. More frames of
 * the same size cost none and are not waited for.
 */
const PATIENCE_MS = { fallen: 4000, risen: 1000 };

/** By the shorter side; the best first. At the end frames are left out, down to what still looks like moving: fewer of a source that has few would not. */
const CAMERA_LADDER = [
  { side: 1080, fps: Infinity, leastKbps: 2200, mostKbps: 4000 },
  { side: 720, fps: Infinity, leastKbps: 1000, mostKbps: 2500 },
  { side: 540, fps: Infinity, leastKbps: 600, mostKbps: 1500 },
  { side: 360, fps: Infinity, leastKbps: 300, mostKbps: 900 },
  { side: 270, fps: Infinity, leastKbps: 200, mostKbps: 500 },
  { side: 180, fps: Infinity, leastKbps: 150, mostKbps: 300 },
  { side: 180, fps: 15, leastKbps: 100, mostKbps: 150 },
  { side: 180, fps: 10, leastKbps: 60, mostKbps: 100 }
] as const;

/** For a screen of 1920 by 1080; the rates of others are in proportion to SCREEN_EXPONENT of their pixels. */
const SCREEN_LADDER = [
  { fps: 30, leastKbps: 2000 },
  { fps: 15, leastKbps: 1000 },
  { fps: 10, leastKbps: 600 },
  { fps: 5, leastKbps: 50 }
] as const;
const SCREEN_MOST_KBPS = 4000;
const SCREEN_PIXELS = 1920 * 1080;
const SCREEN_EXPONENT = 0.75;

/** @param before the allocation before this one */
export function allocate(targetKbps: number, wants: Wants, state: PathState, before: Allocation | null, nowMs: number): Allocation {
  const audio = allocateAudio(targetKbps, state, before);
  let leftKbps = (targetKbps - audio.kbps * (1 + audio.redundancy) - AUDIO_OVERHEAD_KBPS) / (1 + state.repairShare);
  const screen = allocatePicture(wants.screen, screenSteps, leftKbps, before?.standing.screen ?? null, nowMs);
  leftKbps -= screen.picture?.kbps ?? 0;
  const bearableKbps = state.lossFraction > 0 ? CAMERA_LOST_KBPS / state.lossFraction : Number.POSITIVE_INFINITY;
  const camera = allocatePicture(wants.camera, cameraSteps, Math.min(leftKbps, bearableKbps), before?.standing.camera ?? null, nowMs);
  return { audio, screen: screen.picture, camera: camera.picture, standing: { screen: screen.standing, camera: camera.standing } };
}

function allocateAudio(targetKbps: number, { lossFraction, roundTripMs }: PathState, before: Allocation | null): Allocation['audio'] {
  const begins = roundTripMs >= REDUNDANCY.slowRoundTripMs ? REDUNDANCY.slowLoss : REDUNDANCY.loss;
  const some = lossFraction >= begins * (before !== null && before.audio.redundancy > 0 ? REDUNDANCY.offShare : 1);
  const enough = ([1, 2] as const).find((packets) => lossFraction ** (packets + 1) <= REDUNDANCY.missing) ?? 3;
  return {
    kbps: targetKbps < POOR_TARGET_KBPS ? POOR_AUDIO_KBPS : AUDIO_KBPS,
    redundancy: some ? enough : 0,
    lossPercent: Math.min(100, Math.max(0, Math.round(lossFraction * 100)))
  };
}

function allocatePicture(
  profile: VideoProfile | null,
  stepsOf: (profile: VideoProfile) => readonly Step[],
  leftKbps: number,
  before: Standing | null,
  nowMs: number
): { readonly picture: VideoTarget | null; readonly standing: Standing | null } {
  if (profile === null) return { picture: null, standing: null };
  const steps = stepsOf(profile);
  const known = before !== null && sameProfile(before.profile, profile) ? before : null;
  const step = chooseStep(steps, leftKbps, known, nowMs);
  const same = known !== null && sizeOf(steps, known.step) === sizeOf(steps, step) ? known : null;
  const standing = { profile, step, sinceMs: same?.sinceMs ?? nowMs, fallen: same?.fallen ?? (known !== null && rank(steps, step) > rank(steps, known.step)) };
  const chosen = steps[step];
  if (chosen === undefined) return { picture: null, standing };
  const { width, height, fps, mostKbps } = chosen;
  return { picture: { width, height, fps, kbps: Math.floor(Math.min(leftKbps, mostKbps, profile.maxKbps)) }, standing };
}

const rank = (steps: readonly Step[], step: number): number => (step === -1 ? steps.length : step);
const sizeOf = (steps: readonly Step[], step: number): number => steps[step]?.height ?? 0;

/** The index of the best step that fits; -1 for none. */
function chooseStep(steps: readonly Step[], leftKbps: number, before: Standing | null, nowMs: number): number {
  const fits = steps.findIndex((step) => step.leastKbps <= leftKbps);
  if (before === null || fits === -1) return fits;
  if (fits >= rank(steps, before.step)) return fits;
  const spare = steps.findIndex((step) => step.leastKbps * MORE_TO_SPARE <= leftKbps);
  const better = spare !== -1 && spare < rank(steps, before.step) ? spare : before.step;
  if (nowMs - before.sinceMs >= (before.fallen ? PATIENCE_MS.fallen : PATIENCE_MS.risen)) return better;
  return before.step === -1 ? -1 : steps.findIndex((_, index) => index >= better && sizeOf(steps, index) === sizeOf(steps, before.step));
}

function cameraSteps(profile: VideoProfile): readonly Step[] {
  const side = Math.min(profile.width, profile.height);
  return CAMERA_LADDER.filter((rung, index) => rung.side <= side || (CAMERA_LADDER[index + 1]?.side ?? 0) < side || index === CAMERA_LADDER.length - 1)
    .filter((rung) => rung.leastKbps <= profile.maxKbps)
    .map((rung) => ({
      ...scaled(profile, Math.min(1, rung.side / side)),
      fps: Math.min(profile.fps, rung.fps),
      leastKbps: rung.leastKbps,
      mostKbps: rung.mostKbps
    }));
}

function screenSteps(profile: VideoProfile): readonly Step[] {
  const cost = ((profile.width * profile.height) / SCREEN_PIXELS) ** SCREEN_EXPONENT;
  return SCREEN_LADDER.filter((rung, index, all) => rung.fps <= profile.fps || index === all.length - 1)
    .map((rung) => ({
      ...scaled(profile, 1),
      fps: Math.min(profile.fps, rung.fps),
      leastKbps: rung.leastKbps * cost,
      mostKbps: SCREEN_MOST_KBPS * cost
    }))
    .filter((step, index, all) => step.leastKbps <= profile.maxKbps || index === all.length - 1);
}

function scaled({ width, height }: VideoProfile, scale: number): { readonly width: number; readonly height: number } {
  const even = (size: number): number => Math.max(2, 2 * Math.floor((size * scale) / 2 + 0.25));
  return { width: even(width), height: even(height) };
}

function sameProfile(one: VideoProfile, other: VideoProfile): boolean {
  return one.width === other.width && one.height === other.height && one.fps === other.fps && one.maxKbps === other.maxKbps;
}
