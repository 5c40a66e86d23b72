// The sound's last step, on the audio thread: keeps the SoundBuffer and tells the page what is heard. A module of its own, built to audio-worklet.js.
import { SoundBuffer, type SoundReport } from '../../media/playout/sound-buffer.ts';

/** Page → worklet. */
export type WorkletMessage =
  | { readonly type: 'begin'; readonly channels: number }
  | { readonly type: 'sound'; readonly timestampUs: number; readonly planes: readonly Float32Array[] }
  | { readonly type: 'extra-delay'; readonly extraMs: number }
  | { readonly type: 'end' };

/** Worklet → page: the report, and the audio context's time at which it was so. */
export type WorkletReport = SoundReport & { readonly contextTime: number };

// The types of the worklet's global scope are in no library that the project uses.
declare const currentTime: number;
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: new () => object): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

/** In blocks of 128 frames: 21 ms at 48 kHz. */
const REPORT_EVERY_BLOCKS = 8;

class SoundProcessor extends AudioWorkletProcessor {
  #buffer = new SoundBuffer(1, sampleRate);
  #blocks = 0;
  #ended = false;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<WorkletMessage>) => this.#receive(event.data);
  }

  /** Called by the audio thread for each block, until it returns false. */
  process(_inputs: readonly (readonly Float32Array[])[], outputs: readonly (readonly Float32Array[])[]): boolean {
    this.#buffer.pull(outputs[0] ?? []);
    this.#blocks += 1;
    if (this.#blocks % REPORT_EVERY_BLOCKS === 0) {
      const blockSeconds = (outputs[0]?.[0]?.length ?? 0) / sampleRate;
      const report: WorkletReport = { ...this.#buffer.report(), contextTime: currentTime + blockSeconds };
      this.port.postMessage(report);
    }
    return !this.#ended;
  }

  #receive(message: WorkletMessage): void {
    if (message.type === 'begin') this.#buffer = new SoundBuffer(message.channels, sampleRate);
    else if (message.type === 'sound') this.#buffer.push(message.timestampUs, message.planes);
    else if (message.type === 'extra-delay') this.#buffer.setExtraDelay(message.extraMs);
    else this.#ended = true;
  }
}

registerProcessor('cloister-sound', SoundProcessor);
