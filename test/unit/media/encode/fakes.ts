// Sources and encoders that a test drives by hand.
import type { Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import type { AudioEncoder, AudioTarget } from '../../../../src/media/encode/audio-encoder.ts';
import type { EncodedPicture } from '../../../../src/media/encode/native-encoder.ts';
import type { VideoEncoder } from '../../../../src/media/encode/video-encoder.ts';
import type { VideoTarget } from '../../../../src/media/encode/video-target.ts';
import type { AudioSink, AudioSource, VideoSink, VideoSource } from '../../../../src/media/source/source.ts';
import type { VideoCodec } from '../../../../src/media/streams.ts';

export type FakeSource<Sink> = { sink: Sink | null; closed: boolean };

export function createFakeVideoSource(): FakeSource<VideoSink> & VideoSource {
  return {
    sink: null,
    closed: false,
    view: { kind: 'device', name: 'camera' },
    start(sink) {
      this.sink = sink;
    },
    async close() {
      this.closed = true;
    }
  };
}

export function createFakeAudioSource(): FakeSource<AudioSink> & AudioSource {
  return {
    sink: null,
    closed: false,
    view: { kind: 'device', name: 'microphone' },
    start(sink) {
      this.sink = sink;
    },
    async close() {
      this.closed = true;
    }
  };
}

/** An encoder whose work ends when the test says so, where `held` is set. */
type Held = { held: PromiseWithResolvers<void> | null; closed: boolean; opened: boolean; failNext: boolean };

export type FakeVideoEncoder = VideoEncoder & Held & { readonly keyframes: boolean[]; target: VideoTarget | null /** As it was. */; lastLuma: Buffer | null };

export function createFakeVideoEncoder(codec: VideoCodec = 'VP8'): FakeVideoEncoder {
  return {
    codec,
    held: null,
    closed: false,
    opened: false,
    failNext: false,
    keyframes: [],
    target: null,
    lastLuma: null,
    async open() {
      this.opened = true;
    },
    async encode(frame: Frame, { keyframe }): Promise<readonly EncodedPicture[]> {
      const first = this.keyframes.length === 0;
      this.keyframes.push(keyframe);
      this.lastLuma = Buffer.from(frame.data?.[0] ?? []);
      await this.held?.promise;
      if (this.failNext) throw new CloisterError('CL_MEDIA_ENCODER', 'it broke');
      const { width = 640, height = 360 } = this.target ?? {};
      return [{ data: new Uint8Array(2000).fill(this.keyframes.length), keyframe: keyframe || first, width, height }];
    },
    setTarget(target) {
      this.target = target;
    },
    inUse: () => ({ name: 'fake', hardware: false }),
    async close() {
      this.closed = true;
    }
  };
}

/** Encodes a block as its first two samples. Quiet ones (all zero) are DTX. */
export function createFakeAudioEncoder(): AudioEncoder & Held & { target: AudioTarget | null } {
  return {
    target: null,
    held: null,
    closed: false,
    opened: false,
    failNext: false,
    async open() {
      this.opened = true;
    },
    async encode(samples) {
      await this.held?.promise;
      if (this.failNext) throw new CloisterError('CL_MEDIA_ENCODER', 'it broke');
      return samples[0] === 0 ? null : Uint8Array.of(samples[0] ?? 0, 1, 2);
    },
    setTarget(target) {
      this.target = target;
    },
    async close() {
      this.closed = true;
    }
  };
}
