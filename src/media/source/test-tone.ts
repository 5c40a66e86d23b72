// The test tone: two quiet notes by turns, half a second each, faded at their ends. Pure.
import { AUDIO_SAMPLE_RATE } from './source.ts';

const NOTE_SAMPLES = AUDIO_SAMPLE_RATE / 2;
const FADE_SAMPLES = AUDIO_SAMPLE_RATE / 100;
const NOTES_HZ = [440, 554] as const;
const AMPLITUDE = 0.08 * 32_767; // about -22 dBFS

/** Writes the tone's samples from number `firstSample` on. */
export function fillTestTone(samples: Int16Array, firstSample: number): void {
  for (let i = 0; i < samples.length; i++) {
    const sample = firstSample + i;
    const within = sample % NOTE_SAMPLES;
    const hz = Math.floor(sample / NOTE_SAMPLES) % 2 === 0 ? NOTES_HZ[0] : NOTES_HZ[1];
    const fade = Math.min(1, within / FADE_SAMPLES, (NOTE_SAMPLES - within) / FADE_SAMPLES);
    samples[i] = Math.round(AMPLITUDE * fade * Math.sin((2 * Math.PI * hz * within) / AUDIO_SAMPLE_RATE));
  }
}
