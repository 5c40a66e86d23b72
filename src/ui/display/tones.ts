// Plays what rings and beeps, where the room says that a display does: the same samples as the loudspeaker's (media/tones/tones.ts), on the page's one audio output.
import { gainOfPercent } from '../../kernel/volume.ts';
import { dtmfTone, fillTone, TONES, type Tone, toneSamples } from '../../media/tones/tones.ts';
import type { SoundName } from '../../room/state.ts';
import type { SoundOutput } from './sound.ts';

/** Short enough to be silence at once, long enough to be no click. */
const STOP_SECONDS = 0.02;

type Playing = { readonly name: SoundName; readonly source: AudioBufferSourceNode; readonly gain: GainNode; readonly release: () => void };

export class TonePlayer {
  readonly #output: SoundOutput;
  #playing: Playing | null = null;

  constructor(output: SoundOutput) {
    this.#output = output;
  }

  /** From now on this tone, or none. The same again changes how loud it is, and nothing else. @param percent 0 to 100 */
  play(name: SoundName | null, percent: number): void {
    const { context } = this.#output;
    if (name !== null && name === this.#playing?.name) {
      this.#playing.gain.gain.setTargetAtTime(gainOfPercent(percent), context.currentTime, STOP_SECONDS);
      return;
    }
    this.#stop();
    if (name === null) return;
    const gain = new GainNode(context, { gain: gainOfPercent(percent) });
    gain.connect(this.#output.master);
    const source = this.#start(TONES[name], gain);
    this.#playing = { name, source, gain, release: this.#output.hold() };
  }

  /** A key that was pressed in the call, once, as loud as the call. */
  key(key: string): void {
    const tone = dtmfTone(key);
    if (tone !== null) this.#start(tone, this.#output.volume);
  }

  #stop(): void {
    if (this.#playing === null) return;
    const { source, gain, release } = this.#playing;
    this.#playing = null;
    const { context } = this.#output;
    gain.gain.setTargetAtTime(0, context.currentTime, STOP_SECONDS / 4);
    source.stop(context.currentTime + STOP_SECONDS);
    source.addEventListener('ended', () => gain.disconnect());
    release();
  }

  #start(tone: Tone, to: AudioNode): AudioBufferSourceNode {
    const { context } = this.#output;
    const samples = new Float32Array(toneSamples(tone, context.sampleRate));
    fillTone(tone, context.sampleRate, 0, samples);
    const buffer = new AudioBuffer({ length: samples.length, numberOfChannels: 1, sampleRate: context.sampleRate });
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer, loop: tone.repeats });
    source.connect(to);
    source.start();
    return source;
  }
}
