// The first seconds of a call over a bad path, both ways, from encoders' targets to what a display gets: everything but the encoders and the sockets is the product's own.
import assert from 'node:assert/strict';
import { createAdaptation } from '../../../src/media/adaptation.ts';
import { changeFor, createThinner, rateAsOpened, type VideoTarget } from '../../../src/media/encode/video-target.ts';
import { SoundBuffer } from '../../../src/media/playout/sound-buffer.ts';
import { createReceiver } from '../../../src/media/receiver.ts';
import { packetizeVp8 } from '../../../src/media/rtp/vp8.ts';
import type { PictureKind } from '../../../src/media/streams.ts';
import { createFakeClock, type FakeClock } from '../../fakes/clock.ts';
import { createMediaPair, createModelSound, type MediaEnd } from '../../fakes/media-pair.ts';
import { bothWays, type Impairment } from '../../harness/impaired-network.ts';

const PROFILES = [
  { width: 1280, height: 720, fps: 30, maxKbps: 2_500 },
  { width: 640, height: 360, fps: 15, maxKbps: 800 }
] as const;
const SEEDS = [1, 2, 3];
const SOUND_MS = 20;
const PULL_MS = 4;
/** Frames of sound for each millisecond are enough here. */
const SOUND_HZ = 1_000;
const MAX_PAYLOAD_BYTES = 1_150;
/** A keyframe may be so long a part of the rate; an encoder that owes more than that leaves frames out. */
const KEYFRAME_MS = 300;

/** An encoder that takes another rate at once and makes a keyframe for another size; what it writes is no picture but has the header of one. */
function createModelCamera(clock: FakeClock, media: MediaEnd['media'], profile: (typeof PROFILES)[number]) {
  const thinner = createThinner(profile.fps);
  let target: VideoTarget | null = null;
  let opened: { readonly target: VideoTarget; readonly atMs: number; readonly rate: number; readonly used: boolean } | null = null;
  let keyframeWanted = false;
  let owedBits = 0;
  let atMs = 0;
  let pictureId = 0;
  const frame = (): void => {
    clock.schedule(1_000 / profile.fps, frame);
    const nowMs = clock.monotonicMs();
    if (target === null || !thinner.takes(nowMs, target.fps)) return;
    const begins = opened === null || changeFor(opened, target, nowMs, true) === 'reopen';
    if (opened === null || begins) opened = { target, atMs: nowMs, rate: target.kbps, used: true };
    const kbps = rateAsOpened(opened.target, target);
    owedBits = begins ? 0 : Math.max(0, owedBits - kbps * (nowMs - atMs));
    atMs = nowMs;
    const keyframe = begins || keyframeWanted;
    if (!keyframe && owedBits > kbps * KEYFRAME_MS) return;
    keyframeWanted = false;
    const { width, height, fps } = opened.target;
    const data = new Uint8Array(Math.round(keyframe ? Math.min((kbps * KEYFRAME_MS) / 8, 0.06 * width * height) : (0.85 * kbps * 1_000) / fps / 8));
    data.set(keyframe ? [0, 0, 0, 0x9d, 0x01, 0x2a, width & 0xff, width >> 8, height & 0xff, height >> 8] : [1]);
    owedBits += 8 * data.length;
    const payloads = packetizeVp8(data, pictureId++, MAX_PAYLOAD_BYTES);
    for (const [index, payload] of payloads.entries())
      media.send('video', { timestamp: Math.round(nowMs * 90), marker: index === payloads.length - 1, payload });
  };
  return {
    profile,
    start: frame,
    setTarget: (next: VideoTarget | null): void => {
      target = next;
    },
    requestKeyframe: (): void => {
      keyframeWanted = true;
    }
  };
}

/** What the other side's display gets, and how much of the time it has no sound to play once there was some. */
function createModelDisplay(clock: FakeClock, media: MediaEnd['media']) {
  const picturesAtMs: number[] = [];
  const sound = new SoundBuffer(1, SOUND_HZ);
  const heard = new Float32Array(SOUND_MS).fill(0.5);
  const output = [new Float32Array(PULL_MS)];
  let begun = false;
  let pulledMs = 0;
  const receiver = createReceiver({
    clock,
    feed: {
      sendFrame({ kind, timestampUs }) {
        if (kind !== 'audio') picturesAtMs.push(clock.monotonicMs());
        else {
          begun = true;
          sound.push(timestampUs, [heard]);
        }
      },
      sendMessage() {}
    },
    requestKeyframe: (kind) => media.requestKeyframe(kind),
    roundTripMs: () => media.roundTripMs(),
    onChange() {}
  });
  receiver.open({ audio: { codec: 'opus', payloadType: 111 }, video: { codec: 'VP8', payloadType: 96 }, screen: null, keys: null });
  const pull = (): void => {
    clock.schedule(PULL_MS, pull);
    if (!begun) return;
    sound.pull(output);
    pulledMs += PULL_MS;
  };
  pull();
  return { receiver, picturesAtMs, silentMs: () => pulledMs - sound.report().playedMs, soundDelayMs: () => sound.report().delayMs };
}

/** @param falls the path becomes another one @returns for each direction what was seen and missing between two times */
async function begin(
  path: Impairment,
  profile: (typeof PROFILES)[number],
  seed: number,
  [fromMs, toMs]: readonly [number, number],
  falls?: { readonly atMs: number; readonly to: Impairment }
) {
  const clock = createFakeClock();
  const { left, right, pipe, close } = createMediaPair(clock, { path, seed });
  if (falls !== undefined) clock.schedule(falls.atMs, () => pipe.change(bothWays(falls.to)));
  const ends = [left, right].map((end) => {
    const { media } = end;
    const [camera, sound, display] = [createModelCamera(clock, media, profile), createModelSound(clock, media), createModelDisplay(clock, media)];
    end.onRtp = display.receiver.take;
    end.onKeyframeRequest = (kind: PictureKind) => kind === 'video' && camera.requestKeyframe();
    const adaptation = createAdaptation({ clock, peer: media, audio: sound, picture: (kind) => (kind === 'video' ? camera : null) });
    adaptation.start();
    camera.start();
    return { display, close: () => Promise.all([display.receiver.close(), adaptation[Symbol.asyncDispose]()]) };
  });
  clock.advance(fromMs);
  const before = ends.map(({ display }) => display.silentMs());
  clock.advance(toMs - fromMs);
  const seconds = (toMs - fromMs) / 1_000;
  const results = ends.map(({ display }, index) => ({
    longestStandMs: longest([fromMs, ...display.picturesAtMs.filter((atMs) => atMs > fromMs), toMs]),
    picturesPerSecond: display.picturesAtMs.filter((atMs) => atMs > fromMs).length / seconds,
    soundDelayMs: display.soundDelayMs(),
    silentSecondsAMinute: (display.silentMs() - (before[index] ?? 0)) / 1_000 / (seconds / 60)
  }));
  close();
  await Promise.all(ends.map((end) => end.close()));
  return results;
}

const longest = (times: readonly number[]): number => Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0)));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the beginning of a call over a bad path', function () {
  this.timeout(20_000);

  for (const profile of PROFILES) {
    it(`has a moving picture from the third second on where 30 % is lost both ways, and its sound: ${profile.height} lines, ${profile.fps} frames`, async () => {
      const results = (await Promise.all(SEEDS.map((seed) => begin({ lossRate: 0.3, delayMs: 20 }, profile, seed, [2_500, 9_000])))).flat();
      const [slowest, silent] = [Math.min(...results.map((each) => each.picturesPerSecond)), mean(results.map((each) => each.silentSecondsAMinute))];
      const delayMs = mean(results.map((each) => each.soundDelayMs));
      console.log(
        `        ${slowest.toFixed(1)} pictures/s at least, ${silent.toFixed(2)} s of missing sound a minute, which waits for ${delayMs.toFixed(0)} ms`
      );
      assert.ok(slowest >= 8, `${slowest} pictures/s`);
      assert.ok(silent < 1, `${silent} s of missing sound a minute`);
      assert.ok(delayMs < 110, `${delayMs} ms`);
    });

    it(`has a moving picture from the third second on over 300 kbit/s: ${profile.height} lines, ${profile.fps} frames`, async () => {
      const path = { lossRate: 0, delayMs: 20, rateKbps: 300, queueBytes: 11_250 };
      const results = await begin(path, profile, 1, [2_000, 8_000]);
      const slowest = Math.min(...results.map((each) => each.picturesPerSecond));
      console.log(`        ${slowest.toFixed(1)} pictures/s at least`);
      assert.ok(slowest >= 8, `${slowest} pictures/s`);
    });

    it(`has its picture back within three seconds where the path falls to 300 kbit/s in its middle, and all its sound: ${profile.height} lines, ${profile.fps} frames`, async () => {
      const to = { lossRate: 0, delayMs: 20, rateKbps: 300, queueBytes: 11_250 };
      const results = await begin({ lossRate: 0, delayMs: 20 }, profile, 1, [10_000, 22_000], { atMs: 10_000, to });
      const [standMs, slowest] = [Math.max(...results.map((each) => each.longestStandMs)), Math.min(...results.map((each) => each.picturesPerSecond))];
      console.log(`        stood for ${standMs.toFixed(0)} ms, ${slowest.toFixed(1)} pictures/s at least`);
      assert.ok(standMs < 3_000, `${standMs} ms`);
      assert.ok(slowest >= 8, `${slowest} pictures/s`);
    });
  }
});
