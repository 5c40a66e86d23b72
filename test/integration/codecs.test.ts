// Each codec from sender to decoder under targets that change, loss, and requests for keyframes; time is a fake one, so that it is the same each run.
// And the sound, whose encoder is exchanged while somebody speaks; and the trial of hardware that is not there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { AV_CODEC_ID_OPUS, AV_PIX_FMT_YUV420P, Frame } from 'node-av';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { endpointBinding } from '../../src/encryption/endpoint-binding.ts';
import { commitment, commitmentHolds, securityCode } from '../../src/encryption/security-code.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type AudioTarget, createAudioEncoder } from '../../src/media/encode/audio-encoder.ts';
import { createVideoEncoder } from '../../src/media/encode/video-encoder.ts';
import { createVideoSender } from '../../src/media/encode/video-sender.ts';
import type { VideoTarget } from '../../src/media/encode/video-target.ts';
import type { MediaFailure, MediaStatistics } from '../../src/media/port.ts';
import { rehearse } from '../../src/media/rehearsal.ts';
import { type AssembledFrame, type Assembly, createFrameAssembler } from '../../src/media/rtp/frame-assembler.ts';
import { createSession } from '../../src/media/session.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import type { VideoSink } from '../../src/media/source/source.ts';
import { type RtpPayload, VIDEO_CODECS, type VideoCodec } from '../../src/media/streams.ts';
import { createFakeClock } from '../fakes/clock.ts';
import { decodeAll, decodePictures } from '../harness/decode.ts';

const PROFILE = { width: 640, height: 360, fps: 30, maxKbps: 1000 };
const FRAME_MS = 1000 / 30;

const GRAINS = 6;

/** Pictures of a moving gradient with grain, which come over and over: as hard to encode as a camera's. */
function createGrain(): { next(): Frame; free(): void } {
  let state = 1;
  const pictures = Array.from({ length: GRAINS }, (_, index) => {
    const frame = new Frame();
    frame.alloc();
    Object.assign(frame, { format: AV_PIX_FMT_YUV420P, width: PROFILE.width, height: PROFILE.height });
    assert.ok(frame.getBuffer() >= 0);
    const [luma = Buffer.alloc(0), ...chroma] = frame.data ?? [];
    const [stride = 0] = frame.linesize;
    for (let y = 0; y < frame.height; y++) {
      for (let x = 0; x < frame.width; x++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        luma[y * stride + x] = 64 + (((x + index * 4) >> 3) & 63) + ((y >> 4) & 31) + (state >>> 28);
      }
    }
    for (const plane of chroma) plane.fill(128);
    return frame;
  });
  let index = 0;
  return {
    next: () => pictures[index++ % GRAINS] ?? new Frame(),
    free: () => {
      for (const frame of pictures) frame.free();
    }
  };
}

/** The sender with its real encoder, a source that the test drives, and a network that loses one packet in `lossEvery`. */
async function createWorld(codec: VideoCodec, lossEvery: number) {
  const clock = createFakeClock();
  const assembler = createFrameAssembler(codec, 60);
  const frames: AssembledFrame[] = [];
  const grain = createGrain();
  let sink: VideoSink | null = null;
  let sequence = 65_000;
  const counts = { bytes: 0, lost: 0, requests: 0 };

  function receive(packet: RtpPayload): void {
    counts.bytes += packet.payload.byteLength;
    sequence++;
    if (sequence % lossEvery === 0) {
      counts.lost++;
      return;
    }
    const nowMs = clock.monotonicMs();
    take(assembler.push({ ...packet, sequenceNumber: sequence & 0xffff, arrivedAtMs: nowMs }, nowMs));
  }

  function take({ frames: made, needKeyframe }: Assembly): void {
    frames.push(...made);
    if (needKeyframe) {
      counts.requests++;
      sender.requestKeyframe();
    }
  }

  const sender = createVideoSender({
    clock,
    profile: PROFILE,
    openSource: async () => ({
      view: { kind: 'test', name: 'grain' },
      start: (wanted) => {
        sink = wanted;
      },
      close: async () => {}
    }),
    createEncoder: () => createVideoEncoder({ codec, profile: PROFILE, clock }),
    send: receive,
    onSenderClock: () => {},
    onProblem: (problem) => assert.equal(problem, null)
  });
  await sender.start();

  /** @returns what was sent in the last second of them */
  async function film(target: VideoTarget | null, count: number): Promise<{ readonly kbps: number; readonly sent: number; readonly frames: AssembledFrame[] }> {
    sender.setTarget(target);
    const from = frames.length;
    let [bytes, sent] = [counts.bytes, sender.statistics().framesSent];
    for (let i = 0; i < count; i++) {
      if (i === count - 30) [bytes, sent] = [counts.bytes, sender.statistics().framesSent];
      await sink?.frame(grain.next(), clock.monotonicMs());
      await clock.advanceAsync(FRAME_MS);
      take(assembler.poll(clock.monotonicMs()));
    }
    return { kbps: ((counts.bytes - bytes) * 8) / 1000, sent: sender.statistics().framesSent - sent, frames: frames.slice(from) };
  }
  const stop = async (): Promise<void> => {
    await sender.stop();
    grain.free();
  };
  return { sender, frames, counts, film, stop };
}

describe('codecs', function () {
  this.timeout(60_000);
  // The clock's timers do not keep a process alive.
  let alive: NodeJS.Timeout;
  before(() => {
    quietFfmpeg();
    alive = setInterval(() => {}, 1_000);
  });
  after(() => clearInterval(alive));

  for (const codec of VIDEO_CODECS) {
    it(`${codec}: follows its target in size, frames and rate, and what arrives can be decoded`, async () => {
      const { sender, frames, film, stop } = await createWorld(codec, Number.POSITIVE_INFINITY);
      const phases = [
        { width: 640, height: 360, fps: 30, kbps: 1000 },
        { width: 640, height: 360, fps: 30, kbps: 400 },
        { width: 320, height: 180, fps: 15, kbps: 150 },
        { width: 480, height: 270, fps: 30, kbps: 600 }
      ];
      for (const target of phases) {
        const { kbps, sent, frames: shown } = await film(target, 90);
        const told = `${codec} ${target.width}x${target.height} ${target.fps} frames: asked ${target.kbps}, got ${kbps.toFixed(0)} kbit/s, ${sent} frames`;
        assert.ok(kbps <= target.kbps * 1.25 && kbps >= target.kbps * 0.5, told);
        assert.ok(Math.abs(sent - target.fps) <= 2, told);
        const last = shown.findLast(({ keyframe }) => keyframe)?.config ?? frames.findLast(({ keyframe }) => keyframe)?.config;
        assert.deepEqual([last?.width, last?.height], [target.width, target.height]);
        const { width, height } = sender.statistics();
        assert.deepEqual([width, height], [target.width, target.height]);
      }
      const sentBefore = sender.statistics().framesSent;
      await film(null, 30);
      assert.equal(sender.statistics().framesSent, sentBefore);
      const { frames: again } = await film(phases[3] ?? null, 10);
      assert.equal(again[0]?.keyframe, true);
      // Nothing was lost, so each keyframe is for a size, a pause, or, with libvpx, a rate.
      assert.ok(sender.statistics().keyframesSent <= 5 + (codec === 'H264' ? 0 : 1), `${sender.statistics().keyframesSent} keyframes`);
      await stop();
      const images = await decodePictures(codec, frames);
      assert.equal(images.length, frames.length);
      assert.deepEqual([...new Set(images.map(({ width }) => width))], [640, 320, 480]);
    });

    it(`${codec}: under loss keyframes are asked for and come, small enough for the rate, and the picture goes on`, async () => {
      const { frames, counts, film, sender, stop } = await createWorld(codec, 71);
      for (const kbps of [800, 300]) {
        const size = kbps === 800 ? { width: 640, height: 360 } : { width: 320, height: 180 };
        await film({ ...size, fps: 30, kbps }, 120);
        const keyframes = frames.filter(({ keyframe, config }) => keyframe && config?.width === size.width);
        const longestMs = (Math.max(...keyframes.map(({ data }) => data.byteLength)) * 8) / kbps;
        assert.ok(longestMs < 1000, `a keyframe took ${longestMs.toFixed(0)} ms of ${kbps} kbit/s`);
      }
      await stop();
      assert.ok(counts.lost >= 2 && counts.requests >= 2, JSON.stringify(counts));
      assert.ok(sender.statistics().keyframesSent > 2);
      assert.ok(frames.length > 120, `${frames.length} of 240 frames`);
      assert.equal((await decodePictures(codec, frames)).length, frames.length);
    });
  }

  const PARTIALS = [[220, 5000], [660, 3000], [1320, 1500]] as const; // biome-ignore format: one line
  const tone = (block: number): Int16Array =>
    Int16Array.from({ length: 960 }, (_, i) =>
      PARTIALS.reduce((sum, [hertz, peak]) => sum + peak * Math.sin((2 * Math.PI * hertz * (block * 960 + i)) / 48_000), 0)
    );

  async function opus(blocks: readonly Int16Array[], changeAt: number, target: AudioTarget | null): Promise<(Uint8Array | null)[]> {
    const encoder = createAudioEncoder();
    const packets: (Uint8Array | null)[] = [];
    for (const [index, block] of blocks.entries()) {
      if (index === changeAt && target !== null) encoder.setTarget(target);
      packets.push(await encoder.encode(block));
    }
    await encoder.close();
    return packets;
  }

  it('Opus: another encoder takes over in the middle of a tone, and nothing clicks', async () => {
    const blocks = Array.from({ length: 160 }, (_, block) => tone(block));
    const heard = async (target: AudioTarget | null): Promise<{ readonly bytes: number; readonly step: number; readonly quietest: number }> => {
      const packets = (await opus(blocks, 110, target)).map((packet) => packet ?? new Uint8Array());
      const samples: number[] = [];
      await decodeAll(AV_CODEC_ID_OPUS, packets, (frame) => {
        for (let i = 0; i < frame.nbSamples; i++) samples.push((frame.data?.[0]?.readFloatLE(i * 4) ?? 0) * 32_768);
      });
      // A click is a step or a hole.
      const part = samples.slice(105 * 960, 120 * 960);
      let step = 0;
      for (let i = 1; i < part.length; i++) step = Math.max(step, Math.abs((part[i] ?? 0) - (part[i - 1] ?? 0)));
      let quietest = Number.POSITIVE_INFINITY;
      for (let i = 0; i + 240 <= part.length; i += 60) quietest = Math.min(quietest, Math.max(...part.slice(i, i + 240).map(Math.abs)));
      return { bytes: packets.slice(110).reduce((sum, { byteLength }) => sum + byteLength, 0), step, quietest };
    };
    const steady = await heard(null);
    for (const target of [
      { kbps: 48, lossPercent: 10 },
      { kbps: 32, lossPercent: 25 },
      { kbps: 16, lossPercent: 30 }
    ]) {
      const changed = await heard(target);
      const told = JSON.stringify({ target, changed, steady });
      assert.ok(changed.step < steady.step * 1.3 && changed.quietest > steady.quietest * 0.75, told);
      if (target.kbps === 48) assert.ok(changed.bytes > steady.bytes * 1.2, `the rate did not change: ${told}`);
    }
  });

  it('Opus: where the other encoder codes another band it takes over in the next silence', async () => {
    const silent = (block: number): boolean => block >= 130 && block < 170;
    const blocks = Array.from({ length: 200 }, (_, block) => (silent(block) ? new Int16Array(960) : tone(block)));
    const packets = await opus(blocks, 10, { kbps: 16, lossPercent: 25 });
    const wide = (packet: Uint8Array | null | undefined): boolean => (packet?.[0] ?? 0) >> 3 >= 8;
    assert.ok(
      packets.slice(10, 130).every((packet) => wide(packet)),
      'it took over in the middle of the tone'
    );
    assert.ok(
      packets.slice(175).every((packet) => packet !== null && !wide(packet)),
      'it did not take over in the silence'
    );
  });

  it('a trial of a hardware encoder that is not there, or not known, fails and takes nothing with it', async () => {
    const trial = join(import.meta.dirname, '..', '..', 'src', 'media', 'encode', 'hardware-trial.ts');
    for (const name of ['h264_nvenc', 'h264_mf', 'nonsense']) {
      // Without somebody at the other end of the channel it would end itself.
      const child = spawn(process.execPath, ['--no-warnings', trial, name], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], timeout: 20_000 });
      assert.deepEqual(await once(child, 'exit'), [1, null], name);
    }
  });

  it('a call whose hardware encoder cannot be opened goes on in software, says which, and tells it as a problem', async () => {
    // The rehearsal is a whole call in memory; h264_nvenc is in FFmpeg, and its device is not in this machine.
    const seen: { readonly event: string; readonly parameters: readonly unknown[] }[] = [];
    await rehearse(
      (settings, call, emit, createPath) =>
        createSession({
          settings: { ...settings, hardwareEncoders: call.role === 'caller' ? ['h264_nvenc'] : [] },
          call,
          certificate: createCallCertificate(Date.now()),
          encryption: { commitment, commitmentHolds, securityCode, endpointBinding },
          nonce: crypto.getRandomValues(new Uint8Array(32)),
          clock: systemClock,
          emit: (event, ...parameters) => {
            if (call.role === 'caller') seen.push({ event, parameters });
            emit(event, ...parameters);
          },
          createPath
        }),
      systemClock,
      new AbortController().signal
    );
    const problems = seen.filter(({ event }) => event === 'problem').map(({ parameters }) => parameters[0] as MediaFailure | null);
    assert.deepEqual([...new Set(problems.map((problem) => problem?.code))], ['CL_MEDIA_HARDWARE']);
    assert.match(problems[0]?.text ?? '', /^The hardware encoder h264_nvenc failed, libx264 takes its place: /);
    assert.equal(seen.filter(({ event }) => event === 'failed').length, 0);
    const last = seen.findLast(({ event, parameters }) => event === 'statistics' && (parameters[0] as MediaStatistics).video.sending);
    assert.ok(last, 'no picture was sent');
    const { audio, video } = last.parameters[0] as MediaStatistics;
    assert.deepEqual([video.encoder, video.codec], [{ name: 'libx264', hardware: false }, 'H264']);
    assert.deepEqual(audio.encoder, { name: 'libopus', hardware: false });
  });
});
