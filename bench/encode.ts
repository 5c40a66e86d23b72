// How long one 720p frame takes to encode, and how long the event loop is held meanwhile: the test picture through each encoder.
// node bench/encode.ts [frames]
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../src/kernel/clock.ts';
import { createVideoEncoder } from '../src/media/encode/video-encoder.ts';
import { openVideoSource } from '../src/media/source/open-source.ts';
import type { VideoCodec } from '../src/media/streams.ts';

const PROFILE = { width: 1280, height: 720, fps: 30, maxKbps: 2500 };
const frames = Number(process.argv[2] ?? 150);

async function measure(codec: VideoCodec): Promise<void> {
  const encoder = createVideoEncoder({ codec, profile: PROFILE });
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

const alive = setInterval(() => {}, 1000); // the clock's timers do not keep a process alive
await measure('H264');
await measure('VP8');
clearInterval(alive);
