// What rings and beeps: tones as tables of steps, and their samples at any rate, so that the display's page and the loudspeaker's process play the same.
// Invariants: no step begins or ends with a click (raised-cosine ends), no sample is over full scale, frequencies are exact at every rate. Pure.
import type { SoundName } from '../../room/state.ts';

type Partial = { readonly hz: number; readonly dbfs: number };
/** `partials` none: silence. `decayMs`: it dies away like a bell, to a third in so long. */
export type ToneStep = { readonly partials: readonly Partial[]; readonly ms: number; readonly decayMs?: number };
/** `repeats`: from the first step again, until it is stopped. */
export type Tone = { readonly steps: readonly ToneStep[]; readonly repeats: boolean };

const FADE_MS = 10;

const silence = (ms: number): ToneStep => ({ partials: [], ms });
const beep = (hz: number, ms: number, dbfs: number): ToneStep => ({ partials: [{ hz, dbfs }], ms });
/** A soft bell: the octave above it makes it carry through talk. */
const bell = (hz: number, ms: number): ToneStep => ({
  partials: [
    { hz, dbfs: -14 },
    { hz: 2 * hz, dbfs: -26 }
  ],
  ms,
  decayMs: 260
});

/** The tone of a network that waits, rings or refuses in most of Europe (ITU-T E.180 supplement 2: 425 Hz). */
const CALL_PROGRESS_HZ = 425;
const CALL_PROGRESS_DBFS = -20;
const TEST_NOTE_DBFS = 20 * Math.log10(0.08);

export const TONES: Readonly<Record<SoundName, Tone>> = {
  // G5 and E5, twice, and a rest in which people can talk.
  ringing: { steps: [bell(783.99, 420), bell(659.26, 620), bell(783.99, 420), bell(659.26, 740), silence(1_800)], repeats: true },
  ringback: { steps: [beep(CALL_PROGRESS_HZ, 1_000, CALL_PROGRESS_DBFS), silence(4_000)], repeats: true },
  busy: { steps: [beep(CALL_PROGRESS_HZ, 500, CALL_PROGRESS_DBFS), silence(500)], repeats: true },
  ended: { steps: [beep(523.25, 180, CALL_PROGRESS_DBFS), silence(20), beep(392, 260, CALL_PROGRESS_DBFS)], repeats: false },
  test: { steps: [beep(440, 500, TEST_NOTE_DBFS), beep(554, 500, TEST_NOTE_DBFS)], repeats: true }
};

/** ITU-T Q.23: one of four low and one of four high frequencies for each key. */
const LOW_HZ = [697, 770, 852, 941] as const;
const HIGH_HZ = [1209, 1336, 1477, 1633] as const;
const KEYS = ['123A', '456B', '789C', '*0#D'] as const;
/** ITU-T Q.24 lets the high group be louder by a little, as lines take more of it. */
const LOW_DBFS = -20;
const HIGH_DBFS = -18;

export const DTMF_TONE_MS = 100;
/** Between two keys. */
export const DTMF_GAP_MS = 70;

/** The two frequencies of a key, the low one first; null for what is no key. */
export function dtmfPair(key: string): readonly [number, number] | null {
  for (const [row, keys] of KEYS.entries()) {
    const [low, high] = [LOW_HZ[row], key.length === 1 ? HIGH_HZ[keys.indexOf(key)] : undefined];
    if (low !== undefined && high !== undefined) return [low, high];
  }
  return null;
}

/** One key as it sounds; null for what is no key. */
export function dtmfTone(key: string): Tone | null {
  const pair = dtmfPair(key);
  if (pair === null) return null;
  const [low, high] = pair;
  const partials = [
    { hz: low, dbfs: LOW_DBFS },
    { hz: high, dbfs: HIGH_DBFS }
  ];
  return { steps: [{ partials, ms: DTMF_TONE_MS }], repeats: false };
}

const msOf = ({ steps }: Tone): number => steps.reduce((sum, { ms }) => sum + ms, 0);
const samplesOf = (ms: number, sampleRate: number): number => Math.round((ms * sampleRate) / 1_000);

/** How many samples the whole of it has, once. */
export const toneSamples = (tone: Tone, sampleRate: number): number => samplesOf(msOf(tone), sampleRate);

/**
 * Writes the samples from number `firstSample` on, −1 to 1; zeros after the end of a tone that does not repeat.
 * @param gain 0 to 1
 */
export function fillTone(tone: Tone, sampleRate: number, firstSample: number, samples: Float32Array, gain = 1): void {
  const length = toneSamples(tone, sampleRate);
  const parts = partsOf(tone, sampleRate);
  const fadeSamples = samplesOf(FADE_MS, sampleRate);
  let at = 0;
  for (let index = 0; index < samples.length; index++) {
    const sample = tone.repeats && length > 0 ? (firstSample + index) % length : firstSample + index;
    if (sample < (parts[at]?.start ?? 0)) at = 0; // begins anew
    while (at < parts.length && sample >= (parts[at]?.end ?? 0)) at++;
    const part = parts[at];
    samples[index] = part === undefined ? 0 : gain * valueAt(part, sample, fadeSamples);
  }
}

/** A step as samples: `turn` in radians and `decay` in nepers for each of them. */
type Part = {
  readonly start: number;
  readonly end: number;
  readonly waves: readonly { readonly amplitude: number; readonly turn: number }[];
  readonly decay: number;
};

function partsOf({ steps }: Tone, sampleRate: number): Part[] {
  let ms = 0;
  return steps.map(({ partials, ms: stepMs, decayMs }) => {
    const start = samplesOf(ms, sampleRate);
    ms += stepMs;
    const waves = partials.map(({ hz, dbfs }) => ({ amplitude: 10 ** (dbfs / 20), turn: (2 * Math.PI * hz) / sampleRate }));
    return { start, end: samplesOf(ms, sampleRate), waves, decay: decayMs === undefined ? 0 : (Math.log(3) * 1_000) / (decayMs * sampleRate) };
  });
}

function valueAt({ start, end, waves, decay }: Part, sample: number, fadeSamples: number): number {
  const within = sample - start;
  let value = 0;
  for (const { amplitude, turn } of waves) value += amplitude * Math.sin(turn * within);
  const edge = Math.min(1, within / fadeSamples, (end - sample) / fadeSamples);
  return value * Math.exp(-decay * within) * (0.5 - 0.5 * Math.cos(Math.PI * edge));
}
