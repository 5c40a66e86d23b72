// In which form a loudspeaker takes sound. Pure. A USB device says it in /proc/asound/CARD/streamN, and is believed: FFmpeg's ALSA output ends the process
// where neither the rate nor the channels that it asks for are the device's (libavdevice/alsa_enc.c closes what it never opened).

export type SoundForm = { readonly rate: number; readonly channels: 1 | 2 };

const RATES = [48_000, 44_100, 16_000, 32_000] as const;
/** What is no USB device has two channels, whatever its rates are; so one channel comes last. */
const ANY: readonly SoundForm[] = ([2, 1] as const).flatMap((channels) => RATES.map((rate) => ({ rate, channels })));
const MAX_TEXT = 64 * 1024;

/**
 * Those to try, the best first; empty where it takes none that can be given.
 * @param streamText what the kernel says of the device (sound/usb/proc.c); null where it has nothing to say: it is no USB device
 */
export function soundForms(streamText: string | null): readonly SoundForm[] {
  if (streamText === null) return ANY;
  const playback = /^Playback:\n([\s\S]*?)(?=^Capture:|(?![\s\S]))/m.exec(streamText.slice(0, MAX_TEXT))?.[1] ?? '';
  const settings = playback.split(/^ +Altset \d+$/m).slice(1);
  const takes = settings.flatMap((setting) => {
    if (!/^ +Format: .*\bS16_LE\b/m.test(setting)) return [];
    const channels = Number(/^ +Channels: (\d+)$/m.exec(setting)?.[1]);
    const rates = /^ +Rates: (.+)$/m.exec(setting)?.[1] ?? '';
    const [, from, to] = /^(\d+) - (\d+) \(continuous\)/.exec(rates) ?? [];
    const listed = rates.split(',').map(Number);
    const has = (rate: number): boolean => (from === undefined ? listed.includes(rate) : rate >= Number(from) && rate <= Number(to));
    return [{ channels, has }];
  });
  return RATES.flatMap((rate) => ([2, 1] as const).map((channels) => ({ rate, channels }))).filter(({ rate, channels }) =>
    takes.some((setting) => setting.channels === channels && setting.has(rate))
  );
}
