import assert from 'node:assert/strict';
import type { Frame } from 'node-av';
import { openCamera, openMicrophone } from '../../../../src/media/source/device-source.ts';
import { openAudioSource, openVideoSource } from '../../../../src/media/source/open-source.ts';
import { viewOfChoice } from '../../../../src/media/source/source-view.ts';
import { createTestAudioSource, createTestVideoSource } from '../../../../src/media/source/test-source.ts';
import { fillTestTone } from '../../../../src/media/source/test-tone.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

const PROFILE = { width: 320, height: 180, fps: 25, maxKbps: 500 };

describe('test picture as a source', () => {
  it('gives the first frame at once, then one each interval, from one buffer', async () => {
    const clock = createFakeClock();
    const source = createTestVideoSource(PROFILE, 'Room', clock);
    const frames: { readonly frame: Frame; readonly captureMs: number }[] = [];
    source.start({ frame: async (frame, captureMs) => void frames.push({ frame, captureMs }), lost: assert.fail });
    assert.equal(frames.length, 1);
    await clock.advanceAsync(200);
    assert.deepEqual(
      frames.map(({ captureMs }) => captureMs),
      [0, 40, 80, 120, 160, 200]
    );
    assert.equal(new Set(frames.map(({ frame }) => frame)).size, 1);
    await source.close();
    await clock.advanceAsync(200);
    assert.equal(frames.length, 6);
    assert.equal(clock.pending, 0);
  });

  it('drops frames while the sink is busy, and close() waits for it', async () => {
    const clock = createFakeClock();
    const source = createTestVideoSource(PROFILE, 'Room', clock);
    const { promise, resolve } = Promise.withResolvers<void>();
    let count = 0;
    source.start({
      frame: () => {
        count++;
        return promise;
      },
      lost: assert.fail
    });
    await clock.advanceAsync(400);
    assert.equal(count, 1);
    let closed = false;
    const closing = source.close().then(() => {
      closed = true;
    });
    await clock.advanceAsync(0);
    assert.equal(closed, false);
    resolve();
    await closing;
    assert.equal(closed, true);
  });

  it('may be closed before it was started, and is then silent', async () => {
    const clock = createFakeClock();
    const source = createTestVideoSource(PROFILE, 'Room', clock);
    await source.close();
    source.start({ frame: assert.fail, lost: assert.fail });
    assert.equal(clock.pending, 0);
  });
});

describe('test tone', () => {
  it('is audible everywhere, quiet, and has two notes', () => {
    const samples = new Int16Array(48_000);
    fillTestTone(samples, 0);
    for (let at = 0; at < samples.length; at += 1920) {
      const peak = samples.subarray(at, at + 1920).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      assert.ok(peak > 1000 && peak < 3000, `peak ${peak} at ${at}`);
    }
    const crossings = (part: Int16Array): number =>
      part.reduce((count, sample, index) => count + (sample >= 0 !== (part[index - 1] ?? sample) >= 0 ? 1 : 0), 0);
    assert.ok(Math.abs(crossings(samples.subarray(0, 24_000)) - 440) < 10);
    assert.ok(Math.abs(crossings(samples.subarray(24_000)) - 554) < 10);
  });

  it('comes in blocks of 20 ms that join', async () => {
    const clock = createFakeClock();
    const source = createTestAudioSource(clock);
    const blocks: { readonly samples: Int16Array; readonly captureMs: number }[] = [];
    source.start({ block: (samples, captureMs) => void blocks.push({ samples, captureMs }), lost: assert.fail });
    clock.advance(100);
    await source.close();
    clock.advance(100);
    assert.deepEqual(
      blocks.map(({ captureMs }) => captureMs),
      [-20, 0, 20, 40, 60, 80]
    );
    const whole = new Int16Array(960 * 6);
    fillTestTone(whole, 0);
    blocks.forEach(({ samples }, index) => {
      assert.deepEqual(samples, whole.subarray(index * 960, (index + 1) * 960));
    });
  });
});

describe('choice of a source', () => {
  it('says what it is before it is opened', () => {
    assert.deepEqual(viewOfChoice('test', 'video'), { kind: 'test', name: 'Test picture' });
    assert.deepEqual(viewOfChoice('test', 'audio'), { kind: 'test', name: 'Test tone' });
    assert.deepEqual(viewOfChoice('file:/films/a.mp4', 'video'), { kind: 'file', name: 'a.mp4' });
    assert.deepEqual(viewOfChoice('/dev/video3', 'video'), { kind: 'device', name: '/dev/video3' });
  });

  it('`none` never gives anything', async () => {
    const clock = createFakeClock();
    const video = await openVideoSource('none', PROFILE, 'Room', clock);
    video.start({ frame: assert.fail, lost: assert.fail });
    const audio = await openAudioSource('none', clock);
    audio.start({ block: assert.fail, lost: assert.fail });
    assert.equal(clock.pending, 0);
    await Promise.all([video.close(), audio.close()]);
  });

  it('a file that is missing or no film, and a device that is not there, are CL_MEDIA_SOURCE with a text that names them', async () => {
    const clock = createFakeClock();
    const text = new URL(import.meta.url).pathname;
    for (const [choice, name] of [
      ['file:/nowhere/film.mp4', /film\.mp4 cannot be played as (video|audio)/],
      [`file:${text}`, /test-source\.test\.ts cannot be played as (video|audio)/]
    ] as const) {
      await assert.rejects(openVideoSource(choice, PROFILE, 'Room', clock), { code: 'CL_MEDIA_SOURCE', message: name }, choice);
      await assert.rejects(openAudioSource(choice, clock), { code: 'CL_MEDIA_SOURCE', message: name });
    }
    const camera = { path: '/dev/video97', name: 'Front' };
    await assert.rejects(openCamera(camera, PROFILE, clock), { code: 'CL_MEDIA_SOURCE', message: /^the camera Front cannot be opened/ });
    await assert.rejects(openMicrophone({ path: 'hw:97,0', name: 'Table' }, clock), {
      code: 'CL_MEDIA_SOURCE',
      message: /^the microphone Table cannot be opened/
    });
  });
});
