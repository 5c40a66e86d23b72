// A process of its own that plays one of the room's tones on a loudspeaker, until the tone is over, it is killed, or the agent is gone.
// Arguments: PATH SOUND PERCENT. Prints `playing` once it is heard; ends with 1 where the loudspeaker cannot be opened or is lost, and says why.
import { systemClock } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { gainOfPercent } from '../kernel/volume.ts';
import type { SoundName } from '../room/state.ts';
import { openAlsaSpeaker } from './playout/alsa-speaker.ts';
import type { Speaker } from './playout/speaker.ts';
import { delay } from './source/pacer.ts';
import { AUDIO_BLOCK_MS, AUDIO_BLOCK_SAMPLES, AUDIO_SAMPLE_RATE } from './source/source.ts';
import { fillTone, TONES, toneSamples } from './tones/tones.ts';

const QUEUED_MS = 60;
/** A media process that ends lets the loudspeaker go a moment after the call has ended. */
const OPEN_LIMIT_MS = 1_500;
const OPEN_AGAIN_MS = 100;

const { signal } = new AbortController();
/** Without waiting for the pool's threads, which a driver may hold. */
const endWith = (text: string): void => void process.stdout.write(`${text}\n`, () => process.kill(process.pid, 'SIGKILL'));
const isSound = (name: string): name is SoundName => Object.hasOwn(TONES, name);

async function open(path: string): Promise<Speaker> {
  for (const startMs = performance.now(); ; ) {
    try {
      return await openAlsaSpeaker(path);
    } catch (error) {
      if (performance.now() - startMs >= OPEN_LIMIT_MS) throw error;
      await delay(systemClock, OPEN_AGAIN_MS, signal);
    }
  }
}

async function play(path: string, name: SoundName, percent: number): Promise<void> {
  const tone = TONES[name];
  const length = tone.repeats ? Number.POSITIVE_INFINITY : toneSamples(tone, AUDIO_SAMPLE_RATE);
  const speaker = await open(path);
  process.stdout.write('playing\n');
  const values = new Float32Array(AUDIO_BLOCK_SAMPLES);
  const played = async (): Promise<void> => {
    for (let at = 0; at < length; at += AUDIO_BLOCK_SAMPLES) {
      while (speaker.queuedMs() >= QUEUED_MS) await delay(systemClock, AUDIO_BLOCK_MS, signal);
      fillTone(tone, AUDIO_SAMPLE_RATE, at, values, gainOfPercent(percent));
      speaker.write(Int16Array.from(values, (value) => Math.round(value * 32_767)));
    }
    await speaker.close(); // which plays the rest
  };
  await Promise.race([played(), speaker.lost]);
}

const [path = '', name = '', percent = ''] = process.argv.slice(2);
// The agent holds the other end, and says nothing: it ends with the agent, however that ended. And it keeps this process waiting.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
try {
  if (!isSound(name)) throw new CloisterError('CL_USAGE', 'there is no such sound');
  await play(path, name, Number(percent));
  endWith('over');
} catch (error) {
  endWith(`failed ${asCloisterError(error, 'CL_MEDIA_SPEAKER').message}`);
}
