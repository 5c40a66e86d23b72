// The media path with its real parts: sources, x264, libvpx and libopus, RTP payloads under loss and reordering, frame assembly, and
// FFmpeg's decoders as the judge of what comes out.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AV_CODEC_ID_OPUS,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUYV422,
  Decoder,
  Demuxer,
  Encoder,
  FF_ENCODER_LIBOPUS,
  FF_ENCODER_LIBX264,
  Muxer,
  type Packet
} from 'node-av';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createDeviceOrder } from '../../src/media/device-order.ts';
import { createAudioEncoder } from '../../src/media/encode/audio-encoder.ts';
import { type AudioSender, createAudioSender } from '../../src/media/encode/audio-sender.ts';
import { createVideoEncoder } from '../../src/media/encode/video-encoder.ts';
import { createVideoSender, type VideoSender } from '../../src/media/encode/video-sender.ts';
import type { MediaFailure, VideoProfile } from '../../src/media/port.ts';
import { type AssembledFrame, createFrameAssembler } from '../../src/media/rtp/frame-assembler.ts';
import { openPipeline } from '../../src/media/source/decode-pipeline.ts';
import { listDevices } from '../../src/media/source/device-source.ts';
import { AUDIO_FILTER, samplesOf, scaleFilter } from '../../src/media/source/filters.ts';
import { openAudioSource, openVideoSource } from '../../src/media/source/open-source.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import { openRoomCamera } from '../../src/media/source/room-camera.ts';
import { openRoomMicrophone } from '../../src/media/source/room-microphone.ts';
import { type ReceivedRtp, type RtpPayload, VIDEO_CODECS, type VideoCodec } from '../../src/media/streams.ts';
import { decodeAll, decodePictures, type Image } from '../harness/decode.ts';

const PROFILE: VideoProfile = { width: 640, height: 360, fps: 30, maxKbps: 1200 };

/** Waits until it is so; the media path runs in real time. */
async function until(condition: () => boolean, withinMs = 8000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!condition() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition(), `not within ${withinMs} ms: ${condition}`);
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The darkest and lightest dot between two heights (parts of the whole), and how many dots are light. */
function region({ width, height, luma }: Image, from: number, to: number): { readonly dark: number; readonly light: number; readonly lit: number } {
  let [dark, light, lit] = [255, 0, 0];
  for (const dot of luma.subarray(Math.ceil(height * from) * width, Math.floor(height * to) * width)) {
    dark = Math.min(dark, dot);
    light = Math.max(light, dot);
    if (dot > 180) lit++;
  }
  return { dark, light, lit };
}

function difference(a: Image, b: Image, from: number, to: number): number {
  const [begin, end] = [Math.ceil(a.height * from) * a.width, Math.floor(a.height * to) * a.width];
  let sum = 0;
  for (let i = begin; i < end; i++) if (Math.abs((a.luma[i] ?? 0) - (b.luma[i] ?? 0)) > 60) sum++;
  return sum;
}

const CODEC_STRINGS = { H264: /^avc1\.42c0..$/, VP8: /^vp8$/, VP9: /^vp09\.00\.21\.08$/ } as const;

type SentVideo = { readonly sender: VideoSender; readonly packets: RtpPayload[]; readonly problems: (MediaFailure | null)[] };

function videoSender(choice: string, codec: VideoCodec, profile = PROFILE, clock: Clock = systemClock): SentVideo {
  const packets: RtpPayload[] = [];
  const problems: (MediaFailure | null)[] = [];
  const sender = createVideoSender({
    clock,
    profile,
    openSource: () => openVideoSource(choice, profile, 'Boardroom', clock),
    createEncoder: () => createVideoEncoder({ codec, profile, clock }),
    send: (packet) => packets.push(packet),
    onSenderClock: () => {},
    onProblem: (problem) => problems.push(problem)
  });
  return { sender, packets, problems };
}

function audioSender(choice: string, on = true): { readonly sender: AudioSender; readonly packets: RtpPayload[]; readonly problems: (MediaFailure | null)[] } {
  const packets: RtpPayload[] = [];
  const problems: (MediaFailure | null)[] = [];
  const sender = createAudioSender({
    clock: systemClock,
    on,
    openSource: () => openAudioSource(choice, systemClock),
    createEncoder: createAudioEncoder,
    send: (packet) => packets.push(packet),
    onSenderClock: () => {},
    onProblem: (problem) => problems.push(problem)
  });
  return { sender, packets, problems };
}

const number = (packets: readonly RtpPayload[]): ReceivedRtp[] =>
  packets.map((packet, index) => ({ ...packet, sequenceNumber: (65_500 + index) & 0xffff, arrivedAtMs: 0 }));

/** A network that swaps neighbours, doubles some packets, and loses those for which `lost` is true. */
function network(packets: readonly RtpPayload[], lost: (index: number) => boolean): ReceivedRtp[] {
  return number(packets)
    .map((packet, index) => ({ packet, index, place: index === 0 ? -1 : index + ((index * 7) % 4) }))
    .filter(({ index }) => !lost(index))
    .sort((a, b) => a.place - b.place)
    .flatMap(({ packet, index }) => (index % 9 === 0 ? [packet, packet] : [packet]));
}

function assemble(codec: VideoCodec, packets: readonly ReceivedRtp[]): { readonly frames: AssembledFrame[]; readonly keyframeAsked: boolean } {
  const assembler = createFrameAssembler(codec, 60);
  const frames: AssembledFrame[] = [];
  let keyframeAsked = false;
  packets.forEach((packet, index) => {
    const assembly = assembler.push({ ...packet, arrivedAtMs: index * 10 }, index * 10);
    frames.push(...assembly.frames);
    keyframeAsked ||= assembly.needKeyframe;
  });
  return { frames, keyframeAsked };
}

/** Paths that this process holds open. */
async function openFiles(): Promise<string[]> {
  const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return links.filter((link) => link.startsWith('/'));
}

/** A film of one second in blue and white stripes, 4:3, with a 1 kHz tone. */
async function makeFilm(path: string): Promise<void> {
  await using picture = await Demuxer.open('testsrc2=size=320x240:rate=25:duration=1', { format: 'lavfi' });
  await using sound = await Demuxer.open('sine=frequency=1000:sample_rate=48000:duration=1', { format: 'lavfi' });
  const [videoStream, audioStream] = [picture.video(), sound.audio()];
  assert.ok(videoStream && audioStream);
  using videoDecoder = await Decoder.create(videoStream);
  using audioDecoder = await Decoder.create(audioStream);
  using video = await Encoder.create(FF_ENCODER_LIBX264, { decoder: videoDecoder, options: { preset: 'ultrafast' } });
  using audio = await Encoder.create(FF_ENCODER_LIBOPUS, { decoder: audioDecoder });
  await using out = await Muxer.open(path);
  const [videoIndex, audioIndex] = [out.addStream(video), out.addStream(audio)];
  const write = async (packets: AsyncIterable<Packet | null>, index: number): Promise<void> => {
    for await (const packet of packets) if (packet !== null) await out.writePacket(packet, index);
  };
  await Promise.all([
    write(video.packets(videoDecoder.frames(picture.packets(videoStream.index))), videoIndex),
    write(audio.packets(audioDecoder.frames(sound.packets(audioStream.index))), audioIndex)
  ]);
}

describe('media path', function () {
  this.timeout(30_000);
  let folder: string;
  let film: string;

  before(async () => {
    quietFfmpeg();
    folder = await mkdtemp(join(tmpdir(), 'media-path-'));
    film = join(folder, 'film.mkv');
    // node-av's muxer does not let go of the file it wrote; what is tested is ours.
    await makeFilm(join(folder, 'made.mkv'));
    await copyFile(join(folder, 'made.mkv'), film);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  for (const codec of VIDEO_CODECS) {
    it(`${codec}: the test picture arrives over a network that reorders and doubles, and its clock runs`, async () => {
      const { sender, packets, problems } = videoSender('test', codec);
      await sender.start();
      await until(() => sender.statistics().framesSent >= 40);
      const { fps } = sender.statistics();
      await sender.stop();
      assert.ok(fps >= 5 && fps <= 32, `${fps} frames a second`);
      assert.ok(packets.every(({ payload }) => payload.byteLength <= 1150));
      const { frames, keyframeAsked } = assemble(
        codec,
        network(packets, () => false)
      );
      assert.equal(frames.length, sender.statistics().framesSent);
      assert.equal(keyframeAsked, false);
      assert.deepEqual([...new Set(frames.map(({ keyframe }) => keyframe))], [true, false]);
      assert.equal(frames.filter(({ keyframe }) => keyframe).length, 1);
      assert.deepEqual([frames[0]?.config?.width, frames[0]?.config?.height], [640, 360]);
      assert.match(frames[0]?.config?.codec ?? '', CODEC_STRINGS[codec]);
      const images = await decodePictures(codec, frames);
      assert.equal(images.length, frames.length);
      const [first, last] = [images[0], images.at(-1)];
      assert.ok(first && last);
      const title = region(last, 0.14, 0.3);
      assert.ok(title.light - title.dark > 120 && title.lit > 1000, JSON.stringify(title));
      assert.ok(difference(first, last, 0.58, 0.76) > 20, 'the clock stands still');
      assert.ok(difference(first, last, 0.14, 0.56) < 20, 'the title moves');
      assert.deepEqual(problems, []);
    });

    it(`${codec}: after a loss a keyframe is asked for, and with it the picture is whole again`, async () => {
      const { sender, packets } = videoSender('test', codec);
      await sender.start();
      await until(() => sender.statistics().framesSent >= 10);
      const lostAt = packets.length;
      await until(() => sender.statistics().framesSent >= 20);
      sender.requestKeyframe();
      await until(() => sender.statistics().keyframesSent >= 2);
      await until(() => sender.statistics().framesSent >= 30);
      await sender.stop();
      const { frames, keyframeAsked } = assemble(
        codec,
        network(packets, (index) => index === lostAt)
      );
      assert.equal(keyframeAsked, true);
      assert.ok(frames.length < sender.statistics().framesSent && frames.length > 15, `${frames.length} frames`);
      assert.equal(frames.filter(({ keyframe }) => keyframe).length, 2);
      assert.equal((await decodePictures(codec, frames)).length, frames.length);
    });
  }

  it('H264: the bitrate changes on the fly; VP8 begins anew with a keyframe', async () => {
    for (const codec of ['H264', 'VP8'] as const) {
      // The test picture is easy to encode; a film is not.
      const { sender, packets } = videoSender(`file:${film}`, codec);
      const sizes = async (): Promise<number> => {
        const [from, frames] = [packets.length, sender.statistics().framesSent];
        await until(() => sender.statistics().framesSent >= frames + 45);
        return packets.slice(from).reduce((sum, { payload }) => sum + payload.byteLength, 0);
      };
      await sender.start();
      await until(() => sender.statistics().framesSent >= 10);
      const before = await sizes();
      sender.setTarget({ ...PROFILE, kbps: 150 });
      await until(() => (codec === 'H264' ? true : sender.statistics().keyframesSent >= 2));
      const after = await sizes();
      assert.ok(after < before * 0.7, `${codec}: ${before} then ${after} bytes`);
      assert.equal(sender.statistics().keyframesSent, codec === 'H264' ? 1 : 2);
      await sender.stop();
      const { frames } = assemble(codec, number(packets));
      assert.equal((await decodePictures(codec, frames)).length, frames.length);
    }
  });

  it('a film is looped in real time, scaled with bars at its sides, and its sound with it', async () => {
    const { sender, packets, problems } = videoSender(`file:${film}`, 'H264');
    const sound = audioSender(`file:${film}`);
    await Promise.all([sender.start(), sound.sender.start()]);
    const startMs = performance.now();
    assert.ok((await openFiles()).includes(film));
    assert.deepEqual(sender.statistics().source, { kind: 'file', name: 'film.mkv' });
    await until(() => sender.statistics().framesSent >= 75);
    const elapsedMs = performance.now() - startMs;
    await Promise.all([sender.stop(), sound.sender.stop()]);
    assert.ok(!(await openFiles()).includes(film), 'the film is still open');
    assert.ok(elapsedMs > 2300 && elapsedMs < 4000, `${elapsedMs} ms for 75 frames`);
    const images = await decodePictures('H264', assemble('H264', number(packets)).frames);
    const last = images.at(-1);
    assert.ok(last);
    // 4:3 in 16:9: 80 dots of black on each side.
    const row = last.luma.subarray(180 * 640, 181 * 640);
    assert.ok(row.subarray(0, 70).every((dot) => dot < 40) && row.subarray(570).every((dot) => dot < 40), 'no bars');
    assert.ok(
      row.subarray(90, 550).some((dot) => dot > 100),
      'nothing between the bars'
    );
    assert.deepEqual([problems, sound.problems], [[], []]);
    assert.ok(sound.packets.length > 90, `${sound.packets.length} packets of sound`);
    const { peak } = await loudness(sound.packets);
    assert.ok(peak > 1000, `peak ${peak}`);
  });

  async function loudness(packets: readonly RtpPayload[]): Promise<{ readonly peak: number; readonly samples: number }> {
    let [peak, samples] = [0, 0];
    await decodeAll(
      AV_CODEC_ID_OPUS,
      packets.map(({ payload }) => payload),
      (frame) => {
        const bytes = frame.data?.[0] ?? Buffer.alloc(0);
        samples += frame.nbSamples;
        // Opus decodes to 32-bit float planes.
        for (let i = 0; i < frame.nbSamples; i++) peak = Math.max(peak, Math.abs(bytes.readFloatLE(i * 4)) * 32_768);
      }
    );
    return { peak, samples };
  }

  it('the test tone can be heard, and mute lets no packet out from the moment it was asked', async () => {
    const { sender, packets } = audioSender('test');
    await sender.start();
    await until(() => packets.length >= 40);
    sender.setOn(false);
    const sent = packets.length;
    await wait(300);
    assert.equal(packets.length, sent);
    assert.equal(sender.statistics().sending, false);
    sender.setOn(true);
    await until(() => packets.length >= sent + 20);
    await sender.stop();
    const stopped = packets.length;
    const { peak, samples } = await loudness(packets);
    assert.ok(peak > 1000 && peak < 5000, `peak ${peak}`);
    assert.ok(Math.abs(samples - packets.length * 960) <= 960);
    // The time that was muted is in the RTP clock.
    const gap = ((packets[sent]?.timestamp ?? 0) - (packets[sent - 1]?.timestamp ?? 0)) >>> 0;
    assert.ok(gap >= 14 * 960 && gap % 960 === 0, `gap ${gap}`);
    await wait(100);
    assert.equal(packets.length, stopped);
  });

  it('silence is left out but for a few packets (DTX)', async () => {
    const encoder = createAudioEncoder();
    await encoder.open();
    let packets = 0;
    for (let i = 0; i < 150; i++) if ((await encoder.encode(new Int16Array(960))) !== null) packets++;
    await encoder.close();
    assert.ok(packets > 0 && packets < 60, `${packets} of 150`);
    assert.equal(await encoder.encode(new Int16Array(960)), null);
  });

  it('may be stopped at any moment: while opening, while encoding, again and again', async () => {
    for (const choice of ['test', `file:${film}`]) {
      for (let round = 0; round < 8; round++) {
        const video = videoSender(choice, round % 2 === 0 ? 'H264' : 'VP8');
        const audio = audioSender(choice);
        const starting = [video.sender.start(), audio.sender.start()];
        if (round > 3) await Promise.all(starting);
        await wait(round * 7);
        const sent = (): number => video.packets.length + audio.packets.length;
        await Promise.all([video.sender.stop(), audio.sender.stop(), ...starting]);
        const stopped = sent();
        await wait(40);
        assert.equal(sent(), stopped);
        assert.deepEqual([...video.problems, ...audio.problems], []);
      }
    }
    assert.ok(!(await openFiles()).includes(film));
  });

  it('an encoder that is slower than the source makes frames be dropped, not queued', async () => {
    const profile = { ...PROFILE, width: 1920, height: 1080, fps: 240 };
    const { sender, packets } = videoSender('test', 'VP8', profile);
    await sender.start();
    await until(() => sender.statistics().framesSent >= 20);
    const stopMs = performance.now();
    await sender.stop();
    assert.ok(performance.now() - stopMs < 1000);
    const timestamps = [...new Set(packets.map(({ timestamp }) => timestamp))];
    const elapsed = (((timestamps.at(-1) ?? 0) - (timestamps[0] ?? 0)) >>> 0) / 90;
    // As many frames as fit into the time, though 240 a second were offered.
    assert.ok(elapsed > (timestamps.length * 1000) / 240 + 20, `${timestamps.length} frames in ${elapsed} ms`);
  });

  it('a file that disappears while it is looped is reported, and nothing crashes', async () => {
    const path = join(folder, 'short-lived.mkv');
    await copyFile(film, path);
    const { sender, problems } = videoSender(`file:${path}`, 'H264');
    await sender.start();
    await until(() => sender.statistics().framesSent >= 5);
    await rm(path);
    await until(() => problems.length > 0);
    assert.equal(problems[0]?.code, 'CL_MEDIA_SOURCE');
    assert.match(problems[0]?.text ?? '', /short-lived\.mkv cannot be played as video/);
    await copyFile(film, path);
    await until(() => problems.length > 1);
    assert.equal(problems[1], null);
    await sender.stop();
  });

  it('what a device gives is brought into form, packets that nobody wants are not decoded, and a read ends with close()', async () => {
    // Raw pictures as an uncompressed camera gives them, and sound of 44.1 kHz stereo.
    const pictures = { type: 'video', input: Buffer.alloc(322 * 242 * 2 * 40, 90), width: 322, height: 242, pixelFormat: AV_PIX_FMT_YUYV422 } as const;
    let skip = true;
    let asked = 0;
    const camera = await openPipeline(await Demuxer.open({ ...pictures, frameRate: { num: 60, den: 1 } }), {
      kind: 'video',
      filter: scaleFilter(PROFILE),
      skip: () => {
        if (++asked > 30) skip = false;
        return skip;
      }
    });
    const frame = await camera.next();
    assert.ok(frame !== null && asked === 31);
    assert.deepEqual([frame.width, frame.height, frame.format, frame.pts], [640, 360, AV_PIX_FMT_YUV420P, 30n]);
    frame.free();
    const reading = camera.next();
    const closing = camera.close();
    (await reading)?.free();
    await closing;
    assert.equal(await camera.next(), null);

    const source = 'sine=frequency=1000:sample_rate=44100:duration=0.5,aformat=channel_layouts=stereo';
    const microphone = await openPipeline(await Demuxer.open(source, { format: 'lavfi' }), { kind: 'audio', filter: AUDIO_FILTER });
    const blocks: (Int16Array | null)[] = [];
    for (let block = await microphone.next(); block !== null; block = await microphone.next()) {
      blocks.push(samplesOf(block));
      block.free();
    }
    await microphone.close();
    assert.ok(blocks.length >= 24 && blocks.length <= 26, `${blocks.length} blocks`);
    assert.ok(blocks.slice(0, 24).every((samples) => samples?.length === 960 && samples.some((sample) => Math.abs(sample) > 1000)));
  });

  it('`auto` is the test source on a machine without devices', async () => {
    const { cameras, microphones } = await listDevices();
    const common = { choice: 'auto', devices: createDeviceOrder(null, silentLog), clock: systemClock, onChange: () => {}, onProblem: () => assert.fail() };
    const video = await openRoomCamera({ ...common, profile: PROFILE, roomName: 'Room' });
    const audio = await openRoomMicrophone(common);
    if (cameras.length === 0) assert.equal(video.view.kind, 'test');
    if (microphones.length === 0) assert.equal(audio.view.kind, 'test');
    await Promise.all([video.close(), audio.close()]);
  });
});
