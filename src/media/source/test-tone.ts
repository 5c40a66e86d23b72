// The test tone as the sources and the loudspeaker's test take it: two quiet notes by turns (tones/tones.ts), in samples of 16 bits. Pure.
import { fillTone, TONES } from '../tones/tones.ts';
import { AUDIO_SAMPLE_RATE } from './source.ts';

/** Writes the tone's samples from number `firstSample` on. */
export function fillTestTone(samples: Int16Array, firstSample: number): void {
  const values = new Float32Array(samples.length);
  fillTone(TONES.test, AUDIO_SAMPLE_RATE, firstSample, values);
  for (let index = 0; index < samples.length; index++) samples[index] = Math.round((values[index] ?? 0) * 32_767);
}
