// A received picture, the camera's or the shared screen's: VideoDecoder → queue → canvas, one draw for each screen refresh. Every VideoFrame that is made is closed here.
// After an error, or when it cannot keep up, it waits for a keyframe and asks for one; nothing is decoded from the middle of a stream.
import { type FeedFrame, isTooLarge } from '../../media/display-feed/protocol.ts';
import { PictureQueue } from './playout.ts';

/** Encoded frames that may wait in the decoder: half a second at 30 frames. */
const MOST_UNDECODED = 15;
/** Frames whose picture the decoder has not given back. */
const MOST_UNSHOWN = 60;
const ASK_AGAIN_MS = 500;

export type PictureStatistics = {
  readonly framesDecoded: number;
  readonly framesPresented: number;
  readonly framesDropped: number;
  /** Milliseconds since 1970, of the display's clock. */
  readonly firstFrameAt: number | null;
  readonly lastFrameAt: number | null;
  /** Capture time of the picture that is shown, on the sender's clock. */
  readonly lastCaptureMs: number | null;
  /** Of the picture shown last; positive: the picture is later than the sound. */
  readonly avOffsetMs: number | null;
};

type PictureOptions = {
  readonly canvas: () => HTMLCanvasElement | null;
  readonly heardCaptureMs: () => number | null;
  readonly needKeyframe: () => void;
  /** After each picture that was drawn. */
  readonly presented: () => void;
};

type Arrived = { readonly captureMs: number | null; readonly arrivedMs: number };

export class Picture {
  readonly #options: PictureOptions;
  readonly #queue = new PictureQueue<VideoFrame>();
  readonly #arrived = new Map<number, Arrived>(); // by timestamp, while the frame is in the decoder
  #decoder: VideoDecoder | null = null;
  #config: VideoDecoderConfig | null = null;
  #waitsForKeyframe = true;
  #askedAt = Number.NEGATIVE_INFINITY;
  #refresh: number | null = null;
  #closed = false;
  #framesDecoded = 0;
  #framesPresented = 0;
  #framesDropped = 0;
  #firstFrameAt: number | null = null;
  #lastFrameAt: number | null = null;
  #lastCaptureMs: number | null = null;
  #avOffsetMs: number | null = null;

  constructor(options: PictureOptions) {
    this.#options = options;
  }

  /** Prepares the decoder, before the first frame is there. `codec` is a WebCodecs codec string; H.264 comes as Annex B, so there is no description. */
  configure(codec: string, width: number, height: number): void {
    this.#config = { codec, optimizeForLatency: true, ...(width > 0 && height > 0 ? { codedWidth: width, codedHeight: height } : {}) };
    this.#restartDecoder();
  }

  push(frame: FeedFrame): void {
    if (this.#config === null || this.#closed) return;
    const key = frame.kind.endsWith('-key');
    // Keyframes too, and what the decoder took but never showed: neither may pile up.
    const behind = (this.#decoder?.decodeQueueSize ?? 0) > MOST_UNDECODED || this.#arrived.size > MOST_UNSHOWN;
    if (behind && !this.#waitsForKeyframe) this.#restartDecoder();
    if (!key && this.#waitsForKeyframe) {
      this.#framesDropped += 1;
      this.#askForKeyframe();
      return;
    }
    this.#waitsForKeyframe = false;
    this.#arrived.set(frame.timestampUs, { captureMs: frame.captureMs, arrivedMs: performance.now() });
    try {
      this.#decoder ??= this.#createDecoder(this.#config);
      this.#decoder.decode(new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp: frame.timestampUs, data: frame.data }));
    } catch {
      this.#fail();
    }
  }

  statistics(): PictureStatistics {
    return {
      framesDecoded: this.#framesDecoded,
      framesPresented: this.#framesPresented,
      framesDropped: this.#framesDropped,
      firstFrameAt: this.#firstFrameAt,
      lastFrameAt: this.#lastFrameAt,
      lastCaptureMs: this.#lastCaptureMs,
      avOffsetMs: this.#avOffsetMs
    };
  }

  /** The other side sends it no more: nothing that is still in the decoder is shown, and the canvas is blank. */
  end(): void {
    this.#restartDecoder();
    this.#drop(this.#queue.clear());
    this.#lastFrameAt = null;
    blank(this.#options.canvas());
  }

  close(): void {
    this.#closed = true;
    this.#closeDecoder();
    if (this.#refresh !== null) cancelAnimationFrame(this.#refresh);
    for (const picture of this.#queue.clear()) picture.close();
  }

  #createDecoder(config: VideoDecoderConfig): VideoDecoder {
    const decoder: VideoDecoder = new VideoDecoder({
      output: (picture) => (this.#decoder === decoder ? this.#decoded(picture) : picture.close()),
      error: () => {
        if (this.#decoder === decoder) this.#fail();
      }
    });
    decoder.configure(config);
    return decoder;
  }

  #decoded(picture: VideoFrame): void {
    // Some codecs change their size without a keyframe, and a pixel need not be square: what the media process read says little of what comes out.
    if (isTooLarge(picture.displayWidth, picture.displayHeight) || isTooLarge(picture.codedWidth, picture.codedHeight)) {
      picture.close();
      this.#fail();
      return;
    }
    this.#framesDecoded += 1;
    const timestampUs = picture.timestamp;
    const arrived = this.#arrived.get(timestampUs) ?? { captureMs: null, arrivedMs: performance.now() };
    for (const earlier of this.#arrived.keys()) if (earlier <= timestampUs) this.#arrived.delete(earlier);
    this.#drop(this.#queue.add({ picture, timestampUs, ...arrived }));
    this.#refresh ??= requestAnimationFrame(() => this.#present());
  }

  #present(): void {
    this.#refresh = null;
    const heardCaptureMs = this.#options.heardCaptureMs();
    const { show, skipped } = this.#queue.take(performance.now(), heardCaptureMs);
    this.#drop(skipped);
    if (show !== null) {
      this.#draw(show.picture);
      show.picture.close();
      this.#lastCaptureMs = show.captureMs;
      this.#avOffsetMs = heardCaptureMs === null || show.captureMs === null ? null : heardCaptureMs - show.captureMs;
    }
    if (this.#queue.length > 0) this.#refresh = requestAnimationFrame(() => this.#present());
  }

  #draw(picture: VideoFrame): void {
    const canvas = this.#options.canvas();
    const context = canvas?.getContext('2d', { alpha: false, desynchronized: true });
    if (canvas === null || !context) return;
    if (canvas.width !== picture.displayWidth || canvas.height !== picture.displayHeight) {
      canvas.width = picture.displayWidth;
      canvas.height = picture.displayHeight;
    }
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    this.#framesPresented += 1;
    this.#lastFrameAt = performance.timeOrigin + performance.now();
    this.#firstFrameAt ??= this.#lastFrameAt;
    this.#options.presented();
  }

  #drop(pictures: readonly VideoFrame[]): void {
    for (const picture of pictures) picture.close();
    this.#framesDropped += pictures.length;
  }

  #fail(): void {
    this.#restartDecoder();
    this.#askForKeyframe();
  }

  #restartDecoder(): void {
    this.#closeDecoder();
    this.#waitsForKeyframe = true;
    if (this.#config === null || this.#closed) return;
    try {
      this.#decoder = this.#createDecoder(this.#config);
    } catch {
      this.#config = null; // a codec string that is not one: nothing can be shown until there is another
    }
  }

  #closeDecoder(): void {
    const decoder = this.#decoder;
    this.#decoder = null;
    if (decoder !== null && decoder.state !== 'closed') decoder.close();
    this.#framesDropped += this.#arrived.size;
    this.#arrived.clear();
  }

  #askForKeyframe(): void {
    const now = performance.now();
    if (now - this.#askedAt < ASK_AGAIN_MS) return;
    this.#askedAt = now;
    this.#options.needKeyframe();
  }
}

/** Nothing of a picture that is over stays on the screen, nor in the canvas. */
export function blank(canvas: HTMLCanvasElement | null): void {
  if (canvas === null) return;
  canvas.width = 1;
  canvas.height = 1;
}
