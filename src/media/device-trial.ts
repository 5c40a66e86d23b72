// A process of its own: tries a loudspeaker or a microphone, prints one JSON line, and ends. Arguments: `tone PATH`, or `microphone PATH MILLISECONDS`.
import { systemClock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import type { SoundLevel } from '../room/state.ts';
import { createLevelMeter } from './audio/level-meter.ts';
import { playTestTone } from './playout/play-test-tone.ts';
import { openMicrophone } from './source/device-source.ts';
import { quietFfmpeg } from './source/quiet-ffmpeg.ts';
import { AUDIO_SAMPLE_RATE } from './source/source.ts';
import { answerOnce } from './trial-answer.ts';

/** A device that is open and gives nothing, or takes nothing, for so long beyond its time is broken. */
const PATIENCE_MS = 5_000;
const [LEAST_MS, MOST_MS] = [100, 60_000];

/** @throws CloisterError CL_MEDIA_SPEAKER */
const playOnce = (path: string): Promise<void> =>
  Promise.race([playTestTone(path), tooLong('CL_MEDIA_SPEAKER', 'The loudspeaker takes no sound.', PATIENCE_MS)]);

/** Of all that is heard in so many milliseconds. @throws CloisterError CL_MEDIA_SOURCE */
async function measureMicrophone(path: string, ms: number): Promise<SoundLevel> {
  quietFfmpeg();
  if (!(ms >= LEAST_MS && ms <= MOST_MS)) throw new CloisterError('CL_MEDIA_SOURCE', `A microphone is listened to for ${LEAST_MS} to ${MOST_MS} ms.`);
  const source = await openMicrophone({ path, name: path }, systemClock);
  const meter = createLevelMeter(AUDIO_SAMPLE_RATE, ms);
  const heard = new Promise<SoundLevel>((resolve, reject) => {
    let samplesHeard = 0;
    source.start({
      block(samples) {
        meter.add(samples);
        samplesHeard += samples.length;
        const level = meter.level();
        if (samplesHeard >= (ms * AUDIO_SAMPLE_RATE) / 1_000 && level !== null) resolve(level);
      },
      lost: reject
    });
  });
  return Promise.race([heard, tooLong('CL_MEDIA_SOURCE', 'The microphone gives no sound.', ms + PATIENCE_MS)]);
}

const tooLong = (code: 'CL_MEDIA_SPEAKER' | 'CL_MEDIA_SOURCE', text: string, limitMs: number): Promise<never> =>
  new Promise((_, reject) => {
    // Holds the process, unlike the clock's timers: it has to say so.
    setTimeout(() => reject(new CloisterError(code, text)), limitMs);
  });

const [what, path = '', ms = ''] = process.argv.slice(2);
await answerOnce(async () => {
  if (what === 'microphone') return { level: await measureMicrophone(path, Number(ms)) };
  await playOnce(path);
  return { played: path };
});
