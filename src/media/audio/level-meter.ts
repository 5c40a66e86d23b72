// How loud a stream of sound is, what of it is at full scale, and for how long it has been silent. Pure; time is what the samples last.
import type { SoundLevel } from '../../room/state.ts';

export type LevelMeter = {
  /** The next samples, from −32,768 to 32,767. */
  add(samples: Int16Array): void;
  /** Of the window; null before anything was heard. */
  level(): SoundLevel | null;
  /** How long there has been nothing above the threshold of silence. */
  silentMs(): number;
};

/** The last second. */
const WINDOW_MS = 1_000;
/** Peaks above it are sound. A microphone that is switched off at itself gives zeros, or the last bit or two of its converter. */
const SILENCE_DBFS = -80;
const SILENT_AFTER_MS = 5_000;
/** What is no sound at all; JSON has no infinity. */
const FLOOR_DBFS = -120;
const FULL_SCALE = 32_768;
/** Loud sound touches full scale; sound that is cut off stays there. */
const CLIPPED_IN_A_ROW = 3;
const MAX_SAMPLE = 32_767;

const SILENCE_PEAK = FULL_SCALE * 10 ** (SILENCE_DBFS / 20);

/** `sum`: of the squares. */
type Part = { readonly samples: number; readonly sum: number; readonly peak: number; readonly clipping: boolean };

/** To a tenth; adding 0 makes 0 of −0. */
const dbfs = (amplitude: number): number => Math.max(FLOOR_DBFS, Math.round(200 * Math.log10(amplitude / FULL_SCALE)) / 10) + 0;

export function createLevelMeter(sampleRate: number, windowMs = WINDOW_MS): LevelMeter {
  const windowSamples = (sampleRate * windowMs) / 1_000;
  let parts: Part[] = [];
  let inWindow = 0;
  let silentSamples = 0;
  let atFullScale = 0; // samples in a row, over the parts' borders

  function measure(samples: Int16Array): Part {
    let sum = 0;
    let peak = 0;
    let clipping = false;
    for (const sample of samples) {
      const amplitude = Math.abs(sample);
      sum += amplitude * amplitude;
      if (amplitude > peak) peak = amplitude;
      atFullScale = amplitude >= MAX_SAMPLE ? atFullScale + 1 : 0;
      if (atFullScale >= CLIPPED_IN_A_ROW) clipping = true;
    }
    return { samples: samples.length, sum, peak, clipping };
  }

  const silentMs = (): number => (silentSamples * 1_000) / sampleRate;

  return {
    add(samples) {
      if (samples.length === 0) return;
      const part = measure(samples);
      silentSamples = part.peak > SILENCE_PEAK ? 0 : silentSamples + samples.length;
      parts.push(part);
      inWindow += part.samples;
      for (let [oldest] = parts; oldest !== undefined && inWindow - oldest.samples >= windowSamples; [oldest] = parts) {
        inWindow -= oldest.samples;
        parts = parts.slice(1);
      }
    },
    level() {
      if (parts.length === 0) return null;
      const sum = parts.reduce((all, part) => all + part.sum, 0);
      return {
        rmsDbfs: dbfs(Math.sqrt(sum / inWindow)),
        peakDbfs: dbfs(Math.max(...parts.map((part) => part.peak))),
        clipping: parts.some((part) => part.clipping),
        silent: silentMs() >= SILENT_AFTER_MS
      };
    },
    silentMs
  };
}
