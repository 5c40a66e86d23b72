// What a source of picture or sound is to the senders. A source gives frames to one sink from start() until close() or `lost`.
import type { Frame } from 'node-av';
import type { CloisterError } from '../../kernel/errors.ts';
import type { SourceView } from '../../room/state.ts';

export type VideoSink = {
  /**
   * Takes a YUV 4:2:0 frame of the profile's size. The frame belongs to the source again once the promise resolves (it never rejects);
   * frames that fall due before are dropped, not queued.
   * @param captureMs monotonic milliseconds
   */
  frame(frame: Frame, captureMs: number): Promise<void>;
  /** The source is lost and gives nothing more; it still has to be closed. */
  lost(error: CloisterError): void;
};

export type AudioSink = {
  /** Takes 20 ms of sound, AUDIO_BLOCK_SAMPLES samples of 48 kHz mono; they are the sink's to keep. `captureMs`: monotonic, of the first sample. */
  block(samples: Int16Array, captureMs: number): void;
  lost(error: CloisterError): void;
};

type Source<Sink> = {
  /** May change while it gives: a room's device goes away and comes back. */
  readonly view: SourceView;
  /** At most once. */
  start(sink: Sink): void;
  /** Resolves when the device or file is released. The sink hears nothing after it was called. */
  close(): Promise<void>;
};

export type VideoSource = Source<VideoSink>;
export type AudioSource = Source<AudioSink>;

export const AUDIO_SAMPLE_RATE = 48_000;
export const AUDIO_BLOCK_MS = 20;
export const AUDIO_BLOCK_SAMPLES = 960;
