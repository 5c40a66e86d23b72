// Cameras, microphones and screens of the machine as sources, through FFmpeg's devices: V4L2, ALSA and X11 on Linux, DirectShow and GDI on Windows.
import { AV_CODEC_ID_RAWVIDEO, type Demuxer, DeviceAPI } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { MediaDevice, VideoProfile } from '../port.ts';
import { createCapture } from './capture.ts';
import { openPipeline, type Pipeline } from './decode-pipeline.ts';
import { AUDIO_FILTER, ownFrames, samplesOf, scaleFilter } from './filters.ts';
import { quietFfmpeg } from './quiet-ffmpeg.ts';
import { AUDIO_BLOCK_MS, AUDIO_SAMPLE_RATE, type AudioSink, type AudioSource, type VideoSink, type VideoSource } from './source.ts';

export type CaptureDevice = { readonly name: string; readonly description: string };

/** The capture devices of this machine; empty lists where the platform cannot tell. */
export async function listDevices(): Promise<{ readonly cameras: readonly CaptureDevice[]; readonly microphones: readonly CaptureDevice[] }> {
  quietFfmpeg();
  const devices = await DeviceAPI.list().catch(() => []);
  const pick = (type: 'video' | 'audio'): CaptureDevice[] =>
    devices.filter((device) => device.type === type).map(({ name, description }) => ({ name, description }));
  return { cameras: pick('video'), microphones: pick('audio') };
}

/** Tries ways of opening a device in order. @throws CloisterError CL_MEDIA_SOURCE with the first way's reason */
export async function openFirst(what: string, attempts: readonly (() => Promise<Pipeline>)[]): Promise<Pipeline> {
  quietFfmpeg();
  const failures: unknown[] = [];
  for (const attempt of attempts) {
    try {
      return await attempt();
    } catch (error) {
      failures.push(error);
    }
  }
  const [reason] = failures.slice(-1);
  const why = reason instanceof Error ? reason.message : String(reason);
  throw new CloisterError('CL_MEDIA_SOURCE', `the ${what} cannot be opened: ${why}`, { cause: new AggregateError(failures) });
}

/**
 * @param device its path is one such as /dev/video0, or a DirectShow name
 * @throws CloisterError CL_MEDIA_SOURCE
 */
export function openCamera(device: Pick<MediaDevice, 'path' | 'name' | 'format'>, profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  const { path, name, format } = device;
  const { width, height, fps } = profile;
  const wanted = { width, height, frameRate: fps };
  const forms = [
    ...(format === undefined
      ? []
      : [{ width: format.width, height: format.height, frameRate: format.fps, formatOptions: { input_format: format.pixelFormat } }]),
    // USB 2 has no room for 720p30 uncompressed: a camera that can compress is asked to.
    ...(DeviceAPI.getVideoFormat() === 'v4l2' ? [{ ...wanted, formatOptions: { input_format: 'mjpeg' } }] : []),
    wanted,
    {}
  ];
  const open = async (form: (typeof forms)[number], skip: () => boolean): Promise<Pipeline> => {
    const demuxer = await DeviceAPI.openCamera({ videoDevice: path, ...form });
    const inItsMemory = demuxer.video()?.codecpar.codecId === AV_CODEC_ID_RAWVIDEO;
    return openPipeline(demuxer, { kind: 'video', filter: inItsMemory ? ownFrames(scaleFilter(profile)) : scaleFilter(profile), skip });
  };
  const openAny = (skip: () => boolean): Promise<Pipeline> =>
    openFirst(
      `camera ${name}`,
      forms.map((form) => () => open(form, skip))
    );
  return openVideoDevice(name, profile, clock, openAny);
}

/**
 * @param display of X11, such as `:0`; null for the one that the process runs on. Windows has one desktop and takes no name.
 * @throws CloisterError CL_MEDIA_SOURCE
 */
export function openScreen(display: string | null, profile: VideoProfile, clock: Clock): Promise<VideoSource> {
  const name = display === null ? 'screen' : `screen ${display}`;
  const options = { frameRate: profile.fps, drawMouse: true, ...(display === null ? {} : { x11grab: { display } }) };
  return openVideoDevice(name, profile, clock, (skip) =>
    openFirst(name, [async () => openPipeline(await DeviceAPI.openScreen(options), { kind: 'video', filter: scaleFilter(profile, 'bicubic'), skip })])
  );
}

/** A device gives frames when it likes; the sink gets them at the profile's rate, and none while it is still busy with one. */
export async function openVideoDevice(
  name: string,
  profile: VideoProfile,
  clock: Clock,
  open: (skip: () => boolean) => Promise<Pipeline>
): Promise<VideoSource> {
  const intervalMs = 1000 / profile.fps;
  let dueMs = 0;
  let taking: Promise<void> | null = null;
  let started = (): boolean => false;
  const skip = (): boolean => !started() || taking !== null || clock.monotonicMs() < dueMs - intervalMs / 2;
  const pipeline = await open(skip);
  const capture = createCapture<VideoSink>(name, pipeline, (frame, sink) => {
    if (sink === null || skip()) {
      frame.free();
      return;
    }
    const nowMs = clock.monotonicMs();
    dueMs = Math.max(dueMs + intervalMs, nowMs);
    taking = sink.frame(frame, nowMs).finally(() => {
      frame.free();
      taking = null;
    });
  });
  started = capture.started;
  return {
    view: { kind: 'device', name },
    start: (sink) => capture.start(sink),
    close: () => capture.close(() => taking) // the frame lies in the device's memory
  };
}

/**
 * @param device its path is an ALSA name such as hw:1,0, or a DirectShow name
 * @throws CloisterError CL_MEDIA_SOURCE
 */
export async function openMicrophone({ path, name }: Pick<MediaDevice, 'path' | 'name'>, clock: Clock): Promise<AudioSource> {
  const decode = async (demuxer: Promise<Demuxer>): Promise<Pipeline> => openPipeline(await demuxer, { kind: 'audio', filter: AUDIO_FILTER });
  // FFmpeg's ALSA here has no conversion: the rate and the channels have to be the device's own.
  const forms = [AUDIO_SAMPLE_RATE, 44_100, 16_000, 32_000, 96_000].flatMap((sampleRate) => [1, 2, 4].map((channels) => ({ sampleRate, channels })));
  const attempts = [...forms, {}].map((form) => () => decode(DeviceAPI.openMicrophone({ audioDevice: path, ...form })));
  const pipeline = await openFirst(`microphone ${name}`, attempts);
  const capture = createCapture<AudioSink>(name, pipeline, (frame, sink) => {
    const samples = sink === null ? null : samplesOf(frame);
    frame.free();
    if (samples !== null) sink?.block(samples, clock.monotonicMs() - AUDIO_BLOCK_MS);
  });
  return { view: { kind: 'device', name }, start: (sink) => capture.start(sink), close: () => capture.close(() => null) };
}
