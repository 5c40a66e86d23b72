// What takes long to open is opened while the connection is made: camera, microphone, and the encoder of the codec that is preferred, and nearly always agreed.
// Invariants: what was opened is taken once or closed, and gives nothing before it is taken; once agreed() or close() was called nothing is opened early.
import type { VideoEncoder } from './encode/video-encoder.ts';
import type { AudioSource, VideoSource } from './source/source.ts';
import type { VideoCodec } from './streams.ts';

export type EarlySourcesOptions = {
  openCamera(): Promise<VideoSource>;
  openMicrophone(): Promise<AudioSource>;
  makeEncoder(codec: VideoCodec): VideoEncoder;
  readonly preferred: VideoCodec | undefined;
};

export type EarlySources = {
  /** What is open already stays. */
  open(camera: boolean): void;
  /** What was opened early, or is only now. */
  takeCamera(): Promise<VideoSource>;
  takeMicrophone(): Promise<AudioSource>;
  takeEncoder(codec: VideoCodec): VideoEncoder;
  /** The camera is not wanted any more. Resolves when it is released. */
  dropCamera(): Promise<void>;
  /** Another process's devices are used, or others of this one. Resolves when what was open is released; what is opened from now on is of them. */
  drop(): Promise<void>;
  /** What a call has; of the rest what was opened is released. */
  agreed(kinds: { readonly picture: boolean; readonly sound: boolean }): Promise<void>;
  close(): Promise<void>;
};

export function createEarlySources({ openCamera, openMicrophone, makeEncoder, preferred }: EarlySourcesOptions): EarlySources {
  let camera: Promise<VideoSource> | null = null;
  let microphone: Promise<AudioSource> | null = null;
  let encoder: VideoEncoder | null = null;
  let over = false;

  /** One that could not be opened has nothing to release. */
  const release = async (source: Promise<{ close(): Promise<void> }> | null): Promise<void> => (await source?.catch(() => null))?.close();

  async function dropCamera(): Promise<void> {
    const dropped = camera;
    camera = null;
    await release(dropped);
  }

  async function dropMicrophone(): Promise<void> {
    const dropped = microphone;
    microphone = null;
    await release(dropped);
  }

  async function agreed({ picture, sound }: { readonly picture: boolean; readonly sound: boolean }): Promise<void> {
    over = true;
    const unwanted: (Promise<void> | undefined)[] = [];
    if (!picture) {
      unwanted.push(dropCamera(), encoder?.close());
      encoder = null;
    }
    if (!sound) unwanted.push(dropMicrophone());
    await Promise.allSettled(unwanted);
  }

  return {
    open(withCamera) {
      if (over) return;
      if (withCamera) {
        camera ??= openCamera();
        // Whoever takes it hears of its failure.
        camera.catch(() => {});
        if (preferred !== undefined) encoder ??= makeEncoder(preferred);
        encoder?.open().catch(() => {});
      }
      microphone ??= openMicrophone();
      microphone.catch(() => {});
    },
    takeCamera() {
      const taken = camera ?? openCamera();
      camera = null;
      return taken;
    },
    takeMicrophone() {
      const taken = microphone ?? openMicrophone();
      microphone = null;
      return taken;
    },
    takeEncoder(codec) {
      const early = encoder;
      encoder = null;
      if (early?.codec === codec) return early;
      void early?.close();
      return makeEncoder(codec);
    },
    dropCamera,
    drop: async () => void (await Promise.allSettled([dropCamera(), dropMicrophone()])),
    agreed,
    close: () => agreed({ picture: false, sound: false })
  };
}
