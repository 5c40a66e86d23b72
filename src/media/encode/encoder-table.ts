// The video encoders by name: of each codec the one in software, and what hardware may have, by platform. Pure.
// Software is always last and always there; of hardware only what the probe has seen encode is used (hardware-probe.ts).
import type { VideoCodec } from '../streams.ts';
import type { VideoTarget } from './video-target.ts';

type Hardware = 'vaapi' | 'qsv' | 'nvenc' | 'mf';

export type EncoderChoice = {
  /** FFmpeg's name of it. */
  readonly name: string;
  readonly codec: VideoCodec;
  readonly hardware: Hardware | null;
  /** Takes another bit rate while it runs. */
  readonly rateInPlace: boolean;
  /** How long a stretch its rate holds over. A keyframe fits into it, and into a receive buffer of 208 kB. */
  readonly bufferMs: number;
  options(target: VideoTarget): Readonly<Record<string, string>>;
  /** A picture may cost what it costs down to this quality. Only for what paces itself by what pictures become (share-pace.ts). */
  readonly worstQuantizer?: number;
  /** From here on libvpx may save up what a still picture leaves over and spend it on a single one. Nowhere, unless given. */
  readonly constantBelowKbps?: number;
};

/** A keyframe of libvpx may be so long a part of the rate: max-intra-rate counts in hundredths of an ordinary frame. */
const KEYFRAME_MS = 300;
const maxIntraRate = ({ fps }: VideoTarget): string => String(Math.max(200, Math.round((KEYFRAME_MS * fps) / 10)));

const LIBVPX = { deadline: 'realtime', 'lag-in-frames': '0', 'auto-alt-ref': '0' } as const;

const SOFTWARE: Readonly<Record<VideoCodec, EncoderChoice>> = {
  H264: {
    name: 'libx264',
    codec: 'H264',
    hardware: null,
    rateInPlace: true,
    bufferMs: 250,
    options: () => ({
      preset: 'ultrafast',
      tune: 'zerolatency',
      profile: 'baseline', // x264 makes it constrained baseline, 42 c0 xx
      'forced-idr': '1',
      'x264-params': 'annexb=1:repeat-headers=1:scenecut=0:keyint=infinite'
    })
  },
  // libvpx takes no other rate while it runs (traps.md "Encoders"). Positive values of cpu-used adapt to CPU time (devices.md "Traps of node-av").
  VP8: {
    name: 'libvpx',
    codec: 'VP8',
    hardware: null,
    rateInPlace: false,
    bufferMs: 600,
    options: (target) => ({ ...LIBVPX, 'cpu-used': '-12', 'static-thresh': '100', 'max-intra-rate': maxIntraRate(target), 'drop-threshold': '30' })
  },
  VP9: {
    name: 'libvpx-vp9',
    codec: 'VP9',
    hardware: null,
    rateInPlace: false,
    bufferMs: 600,
    options: (target) => ({ ...LIBVPX, 'cpu-used': '8', 'aq-mode': '3', 'max-intra-rate': maxIntraRate(target), 'drop-threshold': '30' })
  }
};

/** From `constantBelowKbps` on a page is as sharp as soon as it can be; below, what would be saved up for one picture would hold up the next for seconds. */
const TEXT_RATE = { bufferMs: 1_000, constantBelowKbps: 1_000 } as const;

/**
 * For text, in software alone: a picture is never coarser than can be read, and the share's pace leaves frames out instead. Rate control that holds
 * every frame to its part of a second makes a page of text grey for seconds (docs/adr/0020-shared-screen.md).
 */
const TEXT: Readonly<Record<VideoCodec, EncoderChoice>> = {
  H264: {
    ...SOFTWARE.H264,
    bufferMs: 1_000,
    constantBelowKbps: 0,
    worstQuantizer: 36,
    options: (target) => {
      const options = SOFTWARE.H264.options(target);
      return { ...options, preset: 'superfast', 'x264-params': `${options['x264-params']}:aq-mode=0` };
    }
  },
  VP8: { ...SOFTWARE.VP8, ...TEXT_RATE, worstQuantizer: 50, options: () => ({ ...LIBVPX, 'cpu-used': '-12', 'static-thresh': '0' }) },
  VP9: { ...SOFTWARE.VP9, ...TEXT_RATE, worstQuantizer: 48, options: () => ({ ...LIBVPX, 'cpu-used': '8', 'tune-content': 'screen' }) }
};

type HardwareEncoder = EncoderChoice & { readonly platforms: readonly NodeJS.Platform[] };

const hardware = (codec: VideoCodec, kind: Hardware, platforms: readonly NodeJS.Platform[], options: Readonly<Record<string, string>>): HardwareEncoder => ({
  name: `${codec.toLowerCase()}_${kind}`,
  codec,
  hardware: kind,
  platforms,
  rateInPlace: false,
  bufferMs: 500,
  options: () => options
});

const EVERYWHERE = ['linux', 'win32'] as const;

/** In the order of preference: what the system offers for its own graphics first, the makers' own ways after it. None of these was run by us. */
const HARDWARE: readonly HardwareEncoder[] = [
  hardware('H264', 'vaapi', ['linux'], { profile: 'constrained_baseline', rc_mode: 'CBR', async_depth: '1', low_power: '0' }),
  hardware('H264', 'nvenc', EVERYWHERE, { profile: 'baseline', preset: 'p2', tune: 'ull', rc: 'cbr', 'forced-idr': '1', delay: '0', zerolatency: '1' }),
  hardware('H264', 'qsv', EVERYWHERE, { profile: 'baseline', preset: 'veryfast', async_depth: '1', look_ahead: '0', forced_idr: '1' }),
  hardware('H264', 'mf', ['win32'], { hw_encoding: '1', scenario: 'video_conference', rate_control: 'cbr' }),
  hardware('VP8', 'vaapi', ['linux'], { rc_mode: 'CBR', async_depth: '1' }),
  hardware('VP9', 'vaapi', ['linux'], { rc_mode: 'CBR', async_depth: '1' }),
  hardware('VP9', 'qsv', EVERYWHERE, { preset: 'veryfast', async_depth: '1' })
];

const LINUX_DEVICES: Readonly<Record<Hardware, RegExp>> = {
  vaapi: /^\/dev\/dri\/renderD\d+$/,
  qsv: /^\/dev\/dri\/renderD\d+$/,
  nvenc: /^\/dev\/nvidia\d+$/,
  mf: /^$/
};

/**
 * What is worth a probe here.
 * @param devices paths under /dev; on Linux an encoder without its device is not tried
 */
export function encodersToProbe(platform: NodeJS.Platform, devices: readonly string[], codecs: readonly VideoCodec[]): EncoderChoice[] {
  return HARDWARE.filter(({ codec, platforms, hardware: kind }) => {
    if (!codecs.includes(codec) || !platforms.includes(platform)) return false;
    return platform !== 'linux' || (kind !== null && devices.some((path) => LINUX_DEVICES[kind].test(path)));
  });
}

/**
 * @param usable names of the hardware encoders that the probe has seen work
 * @param content moving pictures unless it says text
 */
export function encodersFor(codec: VideoCodec, usable: readonly string[], content?: 'text'): EncoderChoice[] {
  if (content === 'text') return [TEXT[codec]];
  return [...HARDWARE.filter((choice) => choice.codec === codec && usable.includes(choice.name)), SOFTWARE[codec]];
}

export const hardwareEncoder = (name: string): EncoderChoice | null => HARDWARE.find((choice) => choice.name === name) ?? null;
