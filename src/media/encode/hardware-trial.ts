// A process that tries one hardware encoder, named as its argument, on a grey picture, and ends: with status 0 where a keyframe came out that our
// payload format takes and a receiver would understand. Drivers crash and hang, so this is done in no process that matters, and in a thread beside
// the one that notices that the agent is gone: opening a device holds the thread that does it.
import { isMainThread, Worker } from 'node:worker_threads';
import { AV_PIX_FMT_YUV420P, FFmpegError, Frame } from 'node-av';
import { createFrameAssembler } from '../rtp/frame-assembler.ts';
import { PACKETIZERS } from '../rtp/packetizer.ts';
import { quietFfmpeg } from '../source/quiet-ffmpeg.ts';
import { hardwareEncoder } from './encoder-table.ts';
import { openNativeEncoder } from './native-encoder.ts';
import { MAX_PAYLOAD_BYTES } from './sender.ts';

const SIZE = { width: 640, height: 360 };
/** Some give the first picture only when they have the third. */
const FRAMES = 4;

async function attempt(name: string): Promise<boolean> {
  const choice = hardwareEncoder(name);
  if (choice === null) return false;
  const encoder = await openNativeEncoder(choice, { ...SIZE, fps: 30, kbps: 800 });
  const frame = new Frame();
  frame.alloc();
  Object.assign(frame, { format: AV_PIX_FMT_YUV420P, ...SIZE });
  FFmpegError.throwIfError(frame.getBuffer(), 'memory for a frame');
  for (const plane of frame.data ?? []) plane.fill(128);
  for (let index = 0; index < FRAMES; index++) {
    const [picture] = await encoder.encode(frame, index === 0);
    if (picture === undefined) continue;
    const payloads = PACKETIZERS[choice.codec](picture.data, 0, MAX_PAYLOAD_BYTES);
    const assembler = createFrameAssembler(choice.codec);
    const frames = payloads.flatMap(
      (payload, at) => assembler.push({ payload, marker: at === payloads.length - 1, timestamp: 0, sequenceNumber: at, arrivedAtMs: 0 }, 0).frames
    );
    const config = frames[0]?.config ?? null;
    // What was agreed is constrained baseline (sdp.ts).
    return config !== null && (choice.codec !== 'H264' || config.codec.startsWith('avc1.42'));
  }
  return false;
}

function tryHere(name: string): void {
  quietFfmpeg();
  attempt(name).then(
    (works) => process.exit(works ? 0 : 1),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    }
  );
}

function watch(name: string): void {
  // The agent's own limit is gone with the agent; and an exit would wait for a driver that hangs.
  const endNow = (): void => void process.kill(process.pid, 'SIGKILL');
  process.on('disconnect', endNow);
  if (!process.connected) endNow();
  const trial = new Worker(new URL(import.meta.url), { argv: [name] });
  trial.on('error', () => process.exit(1));
  trial.on('exit', (code) => process.exit(code));
}

(isMainThread ? watch : tryHere)(process.argv[2] ?? '');
