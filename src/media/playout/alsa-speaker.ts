// A loudspeaker of the machine, through FFmpeg's ALSA output: `hw:` devices alone, at their own rate and channels, and held by nobody else.
// A write waits for the device, so it is done by the pool's threads, one after the other. FFmpeg asks for the largest buffer there is, up to 1.4 s:
// who writes keeps it nearly empty, by what the kernel says is still to be played (/proc/asound).
import { readdirSync, readFileSync } from 'node:fs';
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_ID_PCM_S16LE,
  AV_SAMPLE_FMT_S16,
  AVMEDIA_TYPE_AUDIO,
  FFmpegError,
  FormatContext,
  Packet,
  SoftwareResampleContext
} from 'node-av';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { quietFfmpeg } from '../source/quiet-ffmpeg.ts';
import { AUDIO_SAMPLE_RATE } from '../source/source.ts';
import { type SoundForm, soundForms } from './alsa-forms.ts';
import type { Speaker } from './speaker.ts';

/** @param path of ALSA, such as hw:1,0 or hw:CARD=Speaker,DEV=0 @throws CloisterError CL_MEDIA_SPEAKER */
export async function openAlsaSpeaker(path: string): Promise<Speaker> {
  quietFfmpeg();
  const place = placeOf(path);
  if (place === null) throw new CloisterError('CL_MEDIA_SPEAKER', `${path} is no ALSA device that can be opened: hw:CARD,DEVICE is expected`);
  let reason: unknown = null;
  for (const form of soundForms(streamTextOf(place))) {
    try {
      return await openAs(path, place, form);
    } catch (error) {
      reason ??= error;
    }
  }
  const why = reason instanceof Error ? reason.message : 'it takes no sound of 16 bits with one or two channels';
  throw new CloisterError('CL_MEDIA_SPEAKER', `the loudspeaker ${path} cannot be opened: ${why}`, { cause: reason });
}

type Place = { readonly card: string; readonly device: string; readonly subdevice: string | null };

function placeOf(path: string): Place | null {
  const match = /^hw:(?:CARD=)?([A-Za-z0-9_-]{1,32})(?:,(?:DEV=)?(\d{1,3}))?(?:,(?:SUBDEV=)?(\d{1,3}))?$/.exec(path);
  const [, card, device = '0', subdevice = null] = match ?? [];
  return card === undefined ? null : { card: /^\d+$/.test(card) ? `card${card}` : card, device, subdevice };
}

function streamTextOf({ card, device }: Place): string | null {
  try {
    return readFileSync(`/proc/asound/${card}/stream${device}`, 'utf8');
  } catch {
    return null;
  }
}

/** The kernel's own word on the stream that this process has open; ALSA chose the subdevice where the path names none. */
function statusFileOf({ card, device, subdevice }: Place): string {
  const folder = `/proc/asound/${card}/pcm${device}p`;
  const threads = new Set(readdirSync('/proc/self/task'));
  const ours = readdirSync(folder)
    .filter((name) => (subdevice === null ? name.startsWith('sub') : name === `sub${subdevice}`))
    .map((name) => `${folder}/${name}/status`)
    .find((file) => threads.has(/^owner_pid\s*: (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? ''));
  if (ours === undefined) throw new CloisterError('CL_MEDIA_SPEAKER', 'the system does not say what of its sound was played (/proc/asound)');
  return ours;
}

async function openAs(path: string, place: Place, { rate, channels }: SoundForm): Promise<Speaker> {
  const context = new FormatContext();
  FFmpegError.throwIfError(context.allocOutputContext2(null, 'alsa', path), 'ALSA output');
  const layout = channels === 2 ? AV_CHANNEL_LAYOUT_STEREO : AV_CHANNEL_LAYOUT_MONO;
  let resampler: SoftwareResampleContext | null = null;
  let status: string;
  try {
    const parameters = context.newStream(null).codecpar;
    Object.assign(parameters, {
      codecType: AVMEDIA_TYPE_AUDIO,
      codecId: AV_CODEC_ID_PCM_S16LE,
      sampleRate: rate,
      format: AV_SAMPLE_FMT_S16,
      channelLayout: layout
    });
    FFmpegError.throwIfError(await context.writeHeader(null), `opening at ${rate} Hz with ${channels} channels`);
    try {
      status = statusFileOf(place);
      if (rate !== AUDIO_SAMPLE_RATE) {
        resampler = new SoftwareResampleContext();
        FFmpegError.throwIfError(
          resampler.allocSetOpts2(AV_CHANNEL_LAYOUT_MONO, AV_SAMPLE_FMT_S16, rate, AV_CHANNEL_LAYOUT_MONO, AV_SAMPLE_FMT_S16, AUDIO_SAMPLE_RATE),
          'resampler'
        );
        FFmpegError.throwIfError(resampler.init(), 'resampler');
      }
    } catch (error) {
      resampler?.free();
      await context.writeTrailer();
      throw error;
    }
  } catch (error) {
    context.freeContext();
    throw asCloisterError(error, 'CL_MEDIA_SPEAKER');
  }

  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => {});
  let handed = 0; // samples of each channel
  let written = 0;
  let failed = false;
  let closed = false;
  let queue: Promise<void> = Promise.resolve();

  function atRate(samples: Int16Array): Int16Array {
    if (resampler === null) return samples;
    const room = resampler.getOutSamples(samples.length);
    const output = Buffer.alloc(2 * room);
    const count = resampler.convertSync([output], room, [Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)], samples.length);
    FFmpegError.throwIfError(count, 'resampling');
    return new Int16Array(output.buffer, output.byteOffset, count);
  }

  function bytesOf(samples: Int16Array): Buffer {
    const output = new Int16Array(samples.length * channels);
    for (let index = 0; index < output.length; index++) output[index] = samples[Math.floor(index / channels)] ?? 0;
    return Buffer.from(output.buffer);
  }

  async function put(bytes: Buffer, from: number, count: number): Promise<void> {
    if (failed || closed) return;
    using packet = new Packet();
    packet.alloc();
    packet.data = bytes;
    packet.streamIndex = 0;
    packet.pts = BigInt(from);
    packet.dts = packet.pts;
    packet.duration = BigInt(count);
    const code = await context.writeFrame(packet);
    written += count;
    if (code >= 0) return;
    failed = true;
    reject(new CloisterError('CL_MEDIA_SPEAKER', `the loudspeaker ${path} takes no more sound; it may have been unplugged`));
  }

  /** Samples that the device has and did not play. */
  function atDevice(): number {
    try {
      const text = readFileSync(status, 'utf8');
      return /^state: (?:RUNNING|DRAINING|PREPARED)$/m.test(text) ? Math.max(0, Number(/^delay\s*: (-?\d+)$/m.exec(text)?.[1] ?? 0)) : 0;
    } catch {
      return 0; // the device is gone: the next write says so
    }
  }

  return {
    path,
    lost,
    write(samples) {
      const bytes = bytesOf(atRate(samples));
      const count = bytes.byteLength / (2 * channels);
      const from = handed;
      handed += count;
      queue = queue.then(() => put(bytes, from, count));
    },
    queuedMs: () => ((handed - written + atDevice()) * 1_000) / rate,
    async close() {
      if (closed) return;
      closed = true;
      await queue;
      await context.writeTrailer(); // plays what is there, and lets the device go
      context.freeContext();
      resampler?.free();
    }
  };
}
