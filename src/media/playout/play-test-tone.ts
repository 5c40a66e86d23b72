// Plays the test tone once on one loudspeaker, for whoever tries it.
import { systemClock } from '../../kernel/clock.ts';
import { delay } from '../source/pacer.ts';
import { AUDIO_BLOCK_MS, AUDIO_BLOCK_SAMPLES } from '../source/source.ts';
import { fillTestTone } from '../source/test-tone.ts';
import { openAlsaSpeaker } from './alsa-speaker.ts';

const TONE_BLOCKS = 1_000 / AUDIO_BLOCK_MS;
const QUEUED_MS = 100;

/** Resolves when it was played. @throws CloisterError CL_MEDIA_SPEAKER */
export async function playTestTone(path: string): Promise<void> {
  const speaker = await openAlsaSpeaker(path);
  const played = async (): Promise<void> => {
    const { signal } = new AbortController();
    for (let block = 0; block < TONE_BLOCKS; block++) {
      while (speaker.queuedMs() >= QUEUED_MS) await delay(systemClock, AUDIO_BLOCK_MS, signal);
      const samples = new Int16Array(AUDIO_BLOCK_SAMPLES);
      fillTestTone(samples, block * AUDIO_BLOCK_SAMPLES);
      speaker.write(samples);
    }
    await speaker.close(); // which plays the rest
  };
  await Promise.race([played(), speaker.lost]);
}
