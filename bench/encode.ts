// Each video encoder at 720p: how long a frame takes, what it costs in CPU, how long the event loop is held meanwhile; and whether the rate that
// comes out is the one that was asked for, with the test picture and with noise, which is as hard as a picture can be.
// node bench/encode.ts [frames]
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AV_PIX_FMT_YUV420P, Frame } from 'node-av';
import { systemClock } from '../src/kernel/clock.ts';
import { createVideoEncoder } from '../src/media/encode/video-encoder.ts';
import { openVideoSource } from '../src/media/source/open-source.ts';
import { createTestPicture, type Planes } from '../src/media/source/test-picture.ts';
import { VIDEO_CODECS, type VideoCodec } from '../src/media/streams.ts';

const PROFILE = { width: 1280, height: 720, fps: 30, maxKbps: 2500 };
const frames = Number(process.argv[2] ?? 150);

async function measureTime(codec: VideoCodec): Promise<void> {
  const encoder = createVideoEncoder({ codec, profile: PROFILE, clock: systemClock });
  const source = await openVideoSource('test', PROFILE, 'Bench', systemClock);
  const timesMs: number[] = [];
  let bytes = 0;
  const delayMs = monitorEventLoopDelay({ resolution: 1 });
  await encoder.open();
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  delayMs.enable();
  await new Promise<void>((resolve, reject) => {
    source.start({
      async frame(frame) {
        const beganMs = performance.now();
        for (const { data } of await encoder.encode(frame, { keyframe: false })) bytes += data.byteLength;
        timesMs.push(performance.now() - beganMs);
        if (timesMs.length === frames) resolve();
      },
      lost: reject
    });
  });
  delayMs.disable();
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  await source.close();
  await encoder.close();
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
  console.log(
    `${codec} 720p: ${at(0.5)} ms a frame (p95 ${at(0.95)}), ${((frames / elapsedMs) * 1000).toFixed(1)} frames/s, ` +
      `${((bytes * 8) / elapsedMs).toFixed(0)} kbit/s, CPU ${((user + system) / 10 / elapsedMs).toFixed(0)} % of a core; ` +
      `a timer of 1 ms fired after p99 ${(delayMs.percentile(99) / 1e6).toFixed(1)} ms, at most ${(delayMs.max / 1e6).toFixed(1)} ms`
  );
}

/** A picture size that an adaptation would choose for the rate. */
const RATES = [
  { kbps: 150, width: 320, height: 180 },
  { kbps: 300, width: 480, height: 270 },
  { kbps: 600, width: 640, height: 360 },
  { kbps: 1200, width: 960, height: 540 },
  { kbps: 2500, width: 1280, height: 720 }
];

type Drawing = (planes: Planes, index: number) => void;

function drawings(): Readonly<Record<string, () => Drawing>> {
  return {
    'test picture': () => {
      const picture = createTestPicture('Bench', PROFILE.width, PROFILE.height);
      return (planes, index) => {
        if (index === 0) picture.drawBackground(planes);
        picture.drawChanges(planes, (index * 1000) / PROFILE.fps, new Date(1e12 + index * 33));
      };
    },
    // A camera's: a moving gradient with grain of ±8.
    grain: () => {
      let state = 1;
      return ({ data: [y], strides: [stride], width, height }, index) => {
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            state = (state * 1_664_525 + 1_013_904_223) >>> 0;
            y[row * stride + column] = 64 + (((column + index * 4) >> 3) & 63) + ((row >> 4) & 31) + (state >>> 28);
          }
        }
      };
    }
  };
}

async function measureRate(codec: VideoCodec, name: string, draw: Drawing, { kbps, width, height }: (typeof RATES)[number]): Promise<void> {
  const { fps } = PROFILE;
  const encoder = createVideoEncoder({ codec, profile: { ...PROFILE, maxKbps: kbps }, clock: systemClock });
  encoder.setTarget({ width, height, fps, kbps });
  using frame = new Frame();
  frame.alloc();
  frame.format = AV_PIX_FMT_YUV420P;
  frame.width = PROFILE.width;
  frame.height = PROFILE.height;
  if (frame.getBuffer() < 0) throw new Error('no memory');
  const [y = Buffer.alloc(0), u = Buffer.alloc(0), v = Buffer.alloc(0)] = frame.data ?? [];
  const [ys = 0, us = 0, vs = 0] = frame.linesize;
  u.fill(128);
  v.fill(128);
  const planes: Planes = { width: PROFILE.width, height: PROFILE.height, data: [y, u, v], strides: [ys, us, vs] };
  let [bytes, sent, cpuMs] = [0, 0, 0];
  const keyframes: number[] = [];
  for (let index = 0; index < frames; index++) {
    draw(planes, index);
    const before = process.cpuUsage();
    const pictures = await encoder.encode(frame, { keyframe: index === Math.floor(frames / 2) });
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1000;
    for (const { data, keyframe } of pictures) {
      bytes += data.byteLength;
      sent++;
      if (keyframe) keyframes.push(data.byteLength);
    }
  }
  await encoder.close();
  const got = (bytes * 8 * fps) / frames / 1000;
  const longest = (Math.max(...keyframes) * 8) / kbps;
  console.log(
    `${codec} ${name}, ${width}x${height}: asked ${kbps}, got ${got.toFixed(0)} kbit/s (${((100 * got) / kbps).toFixed(0)} %), ` +
      `CPU ${(cpuMs / frames).toFixed(1)} ms a frame, ${sent} of ${frames} frames, keyframes ${keyframes.map((size) => (size / 1000).toFixed(1)).join(' and ')} kB: at most ${longest.toFixed(0)} ms of the rate`
  );
}

const alive = setInterval(() => {}, 1000); // the clock's timers do not keep a process alive
for (const codec of VIDEO_CODECS) await measureTime(codec);
for (const codec of VIDEO_CODECS) {
  for (const [name, make] of Object.entries(drawings())) for (const rate of RATES) await measureRate(codec, name, make(), rate);
}
clearInterval(alive);
