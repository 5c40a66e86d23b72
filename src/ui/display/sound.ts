// Received sound: Opus → AudioDecoder → the worklet's buffer. Knows which moment of the other room is heard right now.
// Nothing piles up while the browser does not let sound run (no gesture yet): packets are dropped until it does.
import { gainOfPercent } from '../../kernel/volume.ts';
import type { FeedFrame } from '../../media/display-feed/protocol.ts';
import type { WorkletMessage, WorkletReport } from './audio-worklet.ts';

const SAMPLE_RATE = 48_000;
const REST_AFTER_MS = 200;
/** Opus packets that may wait in the decoder; more is a decoder that stands still. */
const MOST_UNDECODED = 50;
/** Sound that came longer ago than this does not lead the picture any more: it has stopped. */
const SOUND_STALE_MS = 2000;

/** One audio output for the whole life of the page; each connection puts its own sound on it. */
export class SoundOutput {
  readonly context = new AudioContext({ sampleRate: SAMPLE_RATE, latencyHint: 'interactive' });
  readonly #ready: Promise<void>;
  /** All that is heard goes through here. */
  readonly master: GainNode;
  /** What is connected here is as loud as the call. */
  readonly volume: GainNode;
  /** Who wants it to run: it takes power while it does. */
  readonly #holders = new Set<object>();
  #allowed = false;

  /** @param onAllowed is called once, when the browser has let it run: it will again, whatever comes */
  constructor(onAllowed: () => void = () => undefined) {
    this.context.addEventListener('statechange', () => {
      if (this.context.state !== 'running' || this.#allowed) return;
      this.#allowed = true;
      onAllowed();
      this.#rest();
    });
    // Whoever touches the page lets it play, where the browser waits for that.
    for (const gesture of ['pointerdown', 'keydown']) document.addEventListener(gesture, () => this.#allowed || this.resume());
    this.#ready = this.context.audioWorklet.addModule(new URL('audio-worklet.js', document.baseURI).href);
    this.master = new GainNode(this.context);
    this.master.connect(this.context.destination);
    this.volume = new GainNode(this.context);
    this.volume.connect(this.master);
    this.#ready.catch(() => undefined); // whoever opens a node hears of it
  }

  /** A node that plays; null where this browser gives no sound. */
  async open(): Promise<AudioWorkletNode | null> {
    try {
      await this.#ready;
      const node = new AudioWorkletNode(this.context, 'cloister-sound', { numberOfInputs: 0, outputChannelCount: [2] });
      node.connect(this.volume);
      return node;
    } catch {
      return null;
    }
  }

  /** @param percent 0 to 100. Follows within 20 ms, so that no step is heard as a click. */
  setVolume(percent: number): void {
    this.volume.gain.setTargetAtTime(gainOfPercent(percent), this.context.currentTime, 0.02);
  }

  /** Lets sound run, where the browser allows it. Never waits: without a gesture the promise may stay open for good. */
  resume(): void {
    if (this.context.state !== 'running') void this.context.resume().catch(() => undefined);
  }

  /** It runs, where it may, until what this returns is called. */
  hold(): () => void {
    const holder = {};
    this.#holders.add(holder);
    // Whatever it says it is: a rest that was asked for may still be on its way.
    void this.context.resume().catch(() => undefined);
    return () => {
      // What is fading out is heard to its end.
      window.setTimeout(() => {
        if (this.#holders.delete(holder)) this.#rest();
      }, REST_AFTER_MS);
    };
  }

  #rest(): void {
    if (this.#holders.size === 0) void this.context.suspend().catch(() => undefined);
  }
}

export class Sound {
  readonly #output: SoundOutput;
  #decoder: AudioDecoder | null = null; // made when first needed, and anew after an error, which closes it
  // Media times of the packets in the decoder. Chromium's counts its output's samples on from the first packet, so that after a silence
  // or a loss its own timestamps are too early by all that was missing.
  #timestamps: number[] = [];
  #node: AudioWorkletNode | null = null;
  #config: AudioDecoderConfig | null = null;
  #report: WorkletReport | null = null;
  #captureLessMediaMs: number | null = null;
  #lastPacketAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(output: SoundOutput) {
    this.#output = output;
  }

  async start(): Promise<void> {
    this.#output.resume();
    const node = await this.#output.open();
    if (this.#closed) {
      node?.disconnect();
      return;
    }
    this.#node = node;
    if (node === null) return;
    node.port.onmessage = (event: MessageEvent<WorkletReport>) => {
      this.#report = event.data;
    };
    if (this.#config !== null) this.#send({ type: 'begin', channels: this.#config.numberOfChannels });
  }

  configure(channels: 1 | 2): void {
    this.#config = { codec: 'opus', sampleRate: SAMPLE_RATE, numberOfChannels: channels };
    this.#closeDecoder();
    this.#send({ type: 'begin', channels });
  }

  push(frame: FeedFrame): void {
    this.#lastPacketAt = performance.now();
    if (frame.captureMs !== null) this.#captureLessMediaMs = frame.captureMs - frame.timestampUs / 1000;
    if (this.#config === null || this.#output.context.state !== 'running') return;
    try {
      this.#decoder ??= this.#createDecoder(this.#config);
      if (this.#decoder.decodeQueueSize > MOST_UNDECODED) return;
      this.#decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: frame.timestampUs, data: frame.data }));
      this.#timestamps.push(frame.timestampUs);
    } catch {
      this.#closeDecoder(); // what it does not take is not heard; the next packet has another one
    }
  }

  /** Capture time, on the sender's clock, of what comes out of the loudspeaker now; null where no sound is heard. */
  heardCaptureMs(): number | null {
    const report = this.#report;
    const nowMs = performance.now();
    if (report?.positionUs == null || this.#captureLessMediaMs === null || nowMs - this.#lastPacketAt > SOUND_STALE_MS) return null;
    return report.positionUs / 1000 + (this.#contextTimeHeard(nowMs) - report.contextTime) * 1000 + this.#captureLessMediaMs;
  }

  get report(): WorkletReport | null {
    return this.#report;
  }

  setExtraDelay(extraMs: number): void {
    this.#send({ type: 'extra-delay', extraMs });
  }

  close(): void {
    this.#closed = true;
    this.#closeDecoder();
    this.#send({ type: 'end' });
    this.#node?.disconnect();
    this.#node?.port.close();
  }

  /** Which time of the audio context is at the loudspeaker now. */
  #contextTimeHeard(nowMs: number): number {
    const { contextTime, performanceTime } = this.#output.context.getOutputTimestamp();
    if (contextTime !== undefined && performanceTime !== undefined && contextTime > 0) return contextTime + (nowMs - performanceTime) / 1000;
    return this.#output.context.currentTime - (this.#output.context.outputLatency || 0);
  }

  #createDecoder(config: AudioDecoderConfig): AudioDecoder {
    const decoder: AudioDecoder = new AudioDecoder({
      output: (data) => (this.#decoder === decoder ? this.#decoded(data) : data.close()),
      error: () => {
        if (this.#decoder === decoder) this.#forgetDecoder();
      }
    });
    decoder.configure(config);
    return decoder;
  }

  #closeDecoder(): void {
    if (this.#decoder !== null && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#forgetDecoder();
  }

  #forgetDecoder(): void {
    this.#decoder = null;
    this.#timestamps = [];
  }

  /** One for each packet, in their order. */
  #decoded(data: AudioData): void {
    const timestampUs = this.#timestamps.shift() ?? data.timestamp;
    try {
      const planes = Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
        const plane = new Float32Array(data.numberOfFrames);
        data.copyTo(plane, { planeIndex, format: 'f32-planar' });
        return plane;
      });
      this.#send({ type: 'sound', timestampUs, planes }, planes);
    } finally {
      data.close();
    }
  }

  #send(message: WorkletMessage, planes: readonly Float32Array[] = []): void {
    this.#node?.port.postMessage(
      message,
      planes.map((plane) => plane.buffer)
    );
  }
}
