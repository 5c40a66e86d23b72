// The test picture, the test page and the test tone as sources, in real time. They need no device and cannot be lost.
import type { Frame } from 'node-av';
import type { Clock } from '../../kernel/clock.ts';
import type { SourceView } from '../../room/state.ts';
import type { VideoProfile } from '../port.ts';
import { allocateFrame } from './frame-memory.ts';
import { type Pacer, startPacer } from './pacer.ts';
import { AUDIO_BLOCK_MS, AUDIO_BLOCK_SAMPLES, type AudioSource, type VideoSource } from './source.ts';
import { TEST_PAGE_VIEW, TEST_PICTURE_VIEW, TEST_TONE_VIEW } from './source-view.ts';
import { createTestPage } from './test-page.ts';
import { createTestPicture, type TestPicture } from './test-picture.ts';
import { fillTestTone } from './test-tone.ts';
import { drawTimeCode } from './time-code.ts';

/** @param timeCode also draws the time, for a machine to read */
export const createTestVideoSource = (profile: VideoProfile, roomName: string, clock: Clock, timeCode = false): VideoSource =>
  createDrawnSource(TEST_PICTURE_VIEW, profile, clock, () => createTestPicture(roomName, profile.width, profile.height), timeCode);

export const createTestPageSource = (profile: VideoProfile, clock: Clock): VideoSource =>
  createDrawnSource(TEST_PAGE_VIEW, profile, clock, () => createTestPage(profile.width, profile.height));

/** Draws a picture of the profile's size in memory of its own, at the profile's rate. */
export function createDrawnSource(view: SourceView, profile: VideoProfile, clock: Clock, create: () => TestPicture, timeCode = false): VideoSource {
  let pacer: Pacer | null = null;
  let closed = false;
  let taking: Promise<void> | null = null;
  let frame: Frame | null = null;
  return {
    view,
    start(sink) {
      if (closed) return;
      const picture = create();
      const memory = allocateFrame(profile.width, profile.height);
      frame = memory.frame;
      picture.drawBackground(memory.planes);
      const intervalMs = 1000 / profile.fps;
      pacer = startPacer(clock, intervalMs, intervalMs, (index, dueMs) => {
        if (taking !== null) return; // the encoder still reads the one buffer
        picture.drawChanges(memory.planes, index * intervalMs, new Date(clock.now()));
        if (timeCode) drawTimeCode(memory.planes, clock.now());
        taking = sink.frame(memory.frame, dueMs).finally(() => {
          taking = null;
        });
      });
    },
    async close() {
      closed = true;
      pacer?.stop();
      await taking;
      frame?.free();
      frame = null;
    }
  };
}

export function createTestAudioSource(clock: Clock): AudioSource {
  let pacer: Pacer | null = null;
  let closed = false;
  return {
    view: TEST_TONE_VIEW,
    start(sink) {
      if (closed) return;
      // Sound is caught up after a pause of the event loop, not left out.
      pacer = startPacer(clock, AUDIO_BLOCK_MS, 200, (index, dueMs) => {
        const samples = new Int16Array(AUDIO_BLOCK_SAMPLES);
        fillTestTone(samples, index * AUDIO_BLOCK_SAMPLES);
        sink.block(samples, dueMs - AUDIO_BLOCK_MS);
      });
    },
    async close() {
      closed = true;
      pacer?.stop();
    }
  };
}
