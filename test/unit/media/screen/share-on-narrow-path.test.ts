// A shared page of small text when the path becomes narrow: a picture of it takes longer than anything else that is sent, and has to come through whole.
import assert from 'node:assert/strict';
import { type AdaptedPicture, createAdaptation } from '../../../../src/media/adaptation.ts';
import { createReceiver } from '../../../../src/media/receiver.ts';
import { packetizeVp8 } from '../../../../src/media/rtp/vp8.ts';
import { createSharePace, encoderKbps } from '../../../../src/media/screen/share-pace.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createMediaPair, createModelPicture, createModelSound, soundNumbers } from '../../../fakes/media-pair.ts';
import type { Impairment } from '../../../harness/impaired-network.ts';

const PROFILE = { width: 1280, height: 720, fps: 15, maxKbps: 2000 };
const PAGE_MS = 20_000;
/** As libvpx makes them of the test page at 720 lines: measured, and the least that any quantizer makes of it is 201 kB. */
const PAGE_BYTES = 214_000;
const LINE_BYTES = 2_000;
const SAME_BYTES = 100;
const OVERHEAD_BYTES = 60;

/** A frame that a VP8 depacketizer takes for one of its own. */
function vp8Frame(bytes: number, keyframe: boolean): Buffer {
  const data = Buffer.alloc(bytes, 1);
  data[0] = keyframe ? 0x10 : 0x11;
  if (keyframe) {
    Buffer.from('9d012a', 'hex').copy(data, 3);
    data.writeUInt16LE(PROFILE.width, 6);
    data.writeUInt16LE(PROFILE.height, 8);
  }
  return data;
}

/** A room that shares the test page and shows its camera, on a good path that changes to `narrow` after ten seconds. */
function shareOver(narrow: Partial<Impairment>, seconds: number, seed = 1) {
  const clock = createFakeClock();
  const { left, right, pipe, close } = createMediaPair(clock, { seed });
  const pace = createSharePace({ fps: PROFILE.fps, kbps: PROFILE.maxKbps });
  const made = { pages: 0, asked: 0 };
  const shown: number[] = [];
  let rate = PROFILE.maxKbps;
  let opened = { page: 0, second: 0, rate: 0, id: 0 };
  let needsKeyframe = true;
  const screen: AdaptedPicture = {
    profile: PROFILE,
    setTarget(target) {
      pace.setTarget(target);
      if (target !== null) rate = encoderKbps(target.kbps, rate);
    }
  };
  const frame = (): void => {
    clock.schedule(1000 / PROFILE.fps, frame);
    const nowMs = clock.monotonicMs();
    while (made.asked < left.keyframeRequests.length) {
      if (left.keyframeRequests[made.asked++] === 'screen' && pace.refresh(nowMs)) needsKeyframe = true;
    }
    const [page, second] = [Math.floor(nowMs / PAGE_MS), Math.floor(nowMs / 1000)];
    if (left.media.statistics().send.queuedMs === 0) pace.emptied(nowMs);
    if (!pace.admits(nowMs, second !== opened.second)) return;
    const keyframe = needsKeyframe || rate !== opened.rate;
    const whole = keyframe || page !== opened.page;
    const bytes = whole ? PAGE_BYTES : second === opened.second ? SAME_BYTES : LINE_BYTES;
    made.pages += whole ? 1 : 0;
    opened = { page, second, rate, id: opened.id + 1 };
    needsKeyframe = false;
    const payloads = packetizeVp8(vp8Frame(bytes, keyframe), opened.id & 0x7fff, 1_150);
    payloads.forEach((payload, index) => {
      pace.sent(payload.length + OVERHEAD_BYTES, nowMs);
      left.media.send('screen', { timestamp: Math.round(nowMs * 90) >>> 0, marker: index === payloads.length - 1, payload });
    });
  };
  const sound = createModelSound(clock, left.media);
  const camera = createModelPicture(clock, left.media, 'video', { width: 1280, height: 720, fps: 15, maxKbps: 2500 });
  const adaptation = createAdaptation({ clock, peer: left.media, audio: sound, picture: (kind) => (kind === 'screen' ? screen : camera) });
  const receiver = createReceiver({
    clock,
    feed: {
      sendFrame: ({ kind }) => {
        if (kind.startsWith('screen')) shown.push(clock.monotonicMs());
      },
      sendMessage: () => {}
    },
    requestKeyframe: (kind) => right.media.requestKeyframe(kind),
    roundTripMs: right.media.roundTripMs,
    onChange: () => {}
  });
  receiver.open({ audio: null, video: null, screen: { codec: 'VP8', payloadType: 96 } });
  let taken = 0;
  const take = (): void => {
    clock.schedule(5, take);
    for (const packet of right.received.screen.slice(taken)) receiver.take('screen', packet);
    taken = right.received.screen.length;
  };
  adaptation.start();
  frame();
  take();
  clock.advance(10_000);
  pipe.change({ offerer: { lossRate: 0, delayMs: 20, ...narrow }, answerer: { lossRate: 0, delayMs: 20, ...narrow } });
  clock.advance(seconds * 1_000);
  const untilMs = clock.monotonicMs();
  const after = [10_000, ...shown.filter((atMs) => atMs >= 10_000), untilMs];
  const longestMs = Math.max(...after.slice(1).map((atMs, index) => atMs - (after[index] ?? 0)));
  const figures = {
    longestMs,
    pictures: after.length - 2,
    pages: made.pages,
    cameraLines: camera.target()?.height ?? 0,
    sound: new Set(soundNumbers(right.received.audio)).size / sound.sent()
  };
  close();
  return figures;
}

/** What a page takes at the least, over 500 kbit/s beside the sound. */
const PAGE_TAKES_MS = (PAGE_BYTES * 8) / 440;

describe('a shared page on a path that becomes narrow', () => {
  it('stands still no longer than a page takes to come through, moves in between, and leaves sound whole', () => {
    const { longestMs, pictures, pages, cameraLines, sound } = shareOver({ rateKbps: 500, queueBytes: 31_000 }, 60);
    assert.ok(longestMs < 1.5 * PAGE_TAKES_MS, `it stood still for ${longestMs} ms`);
    assert.ok(pictures > 150, `${pictures} pictures in a minute`);
    assert.ok(pages <= 7, `${pages} pages were made: two to begin with, one for the narrow path, three that were turned`);
    assert.deepEqual([cameraLines, sound > 0.99], [0, true]);
  });

  it('comes through with packets lost, too', () => {
    for (const seed of [1, 2, 3]) {
      const { longestMs, pictures, sound } = shareOver({ rateKbps: 500, queueBytes: 31_000, lossRate: 0.02 }, 60, seed);
      assert.ok(longestMs < 3 * PAGE_TAKES_MS, `it stood still for ${longestMs} ms`);
      assert.ok(pictures > 100, `${pictures} pictures in a minute`);
      assert.ok(sound > 0.97, `${sound} of the sound arrived`);
    }
  });
});
