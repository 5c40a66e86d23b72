// Sources and encoders that a test drives by hand.
import type { Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import type { AudioEncoder } from '../../../../src/media/encode/audio-encoder.ts';
import type { EncodedPicture, VideoEncoder } from '../../../../src/media/encode/video-encoder.ts';
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

export type FakeVideoEncoder = VideoEncoder & Held & { readonly keyframes: boolean[]; kbps: number | null };

export function createFakeVideoEncoder(codec: VideoCodec = 'VP8'): FakeVideoEncoder {
  return {
    codec,
    held: null,
    closed: false,
    opened: false,
    failNext: false,
    keyframes: [],
    kbps: null,
    async open() {
      this.opened = true;
    },
    async encode(_frame: Frame, { keyframe }): Promise<readonly EncodedPicture[]> {
      const first = this.keyframes.length === 0;
      this.keyframes.push(keyframe);
      await this.held?.promise;
      if (this.failNext) throw new CloisterError('CL_MEDIA_ENCODER', 'it broke');
      return [{ data: new Uint8Array(2000).fill(this.keyframes.length), keyframe: keyframe || first }];
    },
    setBitrate(kbps) {
      this.kbps = kbps;
    },
    async close() {
      this.closed = true;
    }
  };
}

/** Encodes a block as its first two samples. Quiet ones (all zero) are DTX. */
export function createFakeAudioEncoder(): AudioEncoder & Held {
  return {
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
    async close() {
      this.closed = true;
    }
  };
}
