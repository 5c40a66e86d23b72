import assert from 'node:assert/strict';
import { createAdaptation } from '../../../src/media/adaptation.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { createMediaPair, createModelPicture, createModelSound, soundNumbers } from '../../fakes/media-pair.ts';
import type { Impairment } from '../../harness/impaired-network.ts';

const CAMERA = { width: 1280, height: 720, fps: 30, maxKbps: 2_500 };
const SCREEN = { width: 1920, height: 1080, fps: 30, maxKbps: 3_000 };

const ROUND_TRIP_MS = 50;
/** Half a second of the rate may wait. */
const pathOf = (rateKbps: number, lossRate = 0): Impairment => ({
  delayMs: ROUND_TRIP_MS / 2,
  lossRate,
  rateKbps,
  queueBytes: Math.round((rateKbps * 500) / 8)
});

/** A call in one direction over a path that a test changes; models in place of encoders. */
function call(path: Impairment, options: { readonly screen?: boolean } = {}) {
  const clock = createFakeClock();
  const { left, right, pipe, close } = createMediaPair(clock, { path });
  // The way back carries feedback alone, and what is being tested is the other one.
  const change = (next: Impairment) => pipe.change({ offerer: next, answerer: { delayMs: next.delayMs, lossRate: next.lossRate } });
  change(path);
  const sound = createModelSound(clock, left.media);
  const camera = createModelPicture(clock, left.media, 'video', CAMERA);
  let cameraOn = true;
  const screen = options.screen === true ? createModelPicture(clock, left.media, 'screen', SCREEN) : null;
  const adaptation = createAdaptation({ clock, peer: left.media, audio: sound, picture: (kind) => (kind === 'screen' ? screen : cameraOn ? camera : null) });
  adaptation.start();
  const measure = (ms: number) => {
    const before = { sent: sound.sent(), bytes: right.media.statistics().video.bytesReceived, figures: pipe.figures().offerer };
    clock.advance(ms);
    const [sent, bytes] = [sound.sent(), right.media.statistics().video.bytesReceived];
    const after = pipe.figures().offerer;
    // What is on its way arrives.
    clock.advance(700);
    const arrived = soundNumbers(right.received.audio).filter((number) => number >= before.sent && number < sent).length;
    return {
      /** Of the blocks of sound that were sent, how many arrived, once each. */
      soundShare: arrived / (sent - before.sent),
      targetKbps: left.media.statistics().send.targetKbps,
      videoKbps: ((bytes - before.bytes) * 8) / ms,
      lostShare: (after.lost + after.overflowed - before.figures.lost - before.figures.overflowed) / (after.sent - before.figures.sent),
      height: camera.target()?.height ?? 0,
      screen: screen?.target() ?? null
    };
  };
  const end = async () => {
    close();
    sound.stop();
    camera.stop();
    screen?.stop();
    await adaptation[Symbol.asyncDispose]();
  };
  const setCamera = (on: boolean) => {
    cameraOn = on;
    if (on) return;
    camera.setTarget(null);
    left.media.discard('video');
  };
  return { left, change, measure, adaptation, setCamera, mute: sound.stop, end };
}

const print = (text: string, figures: ReturnType<ReturnType<typeof call>['measure']>) =>
  console.log(
    `        ${text}: sound ${(100 * figures.soundShare).toFixed(1)} %, target ${figures.targetKbps.toFixed(0)}, picture ${figures.videoKbps.toFixed(0)} kbit/s in ${figures.height} lines${figures.screen === null ? '' : `, screen ${figures.screen.height} lines, ${figures.screen.fps} fps, ${figures.screen.kbps} kbit/s`}, ${(100 * figures.lostShare).toFixed(1)} % lost`
  );

describe('adaptation', function () {
  this.timeout(20_000);

  it('fills a good path within seconds, and says nothing of limits', async () => {
    const { measure, adaptation, end } = call(pathOf(20_000));
    measure(3_000);
    const after = measure(2_000);
    print('20 Mbit/s, from second 3 to 5', after);
    assert.equal(after.height, 720);
    assert.ok(after.videoKbps > 1_800);
    assert.equal(adaptation.limited('video'), false);
    assert.equal(after.soundShare, 1);
    await end();
  });

  it('keeps sound whole and the picture small at 300 kbit/s, larger at 1 Mbit/s, and both when the path changes in the call', async () => {
    const { change, measure, adaptation, end } = call(pathOf(300));
    measure(10_000);
    const narrow = measure(20_000);
    print('300 kbit/s', narrow);
    assert.ok(narrow.soundShare > 0.99 && narrow.height <= 270 && narrow.videoKbps > 60, JSON.stringify(narrow));
    assert.equal(adaptation.limited('video'), true);
    change(pathOf(1_000));
    measure(20_000);
    const wider = measure(10_000);
    print('1 Mbit/s', wider);
    assert.ok(wider.soundShare > 0.99 && wider.height > narrow.height && wider.videoKbps > 450, JSON.stringify(wider));
    change(pathOf(300));
    measure(5_000);
    const again = measure(10_000);
    print('300 kbit/s again', again);
    assert.ok(again.soundShare > 0.98 && again.height <= 360 && again.lostShare < 0.1, JSON.stringify(again));
    await end();
  });

  it('gives the screen what there is before the camera, which pauses', async () => {
    const { change, measure, end } = call(pathOf(350), { screen: true });
    measure(10_000);
    const narrow = measure(10_000);
    print('350 kbit/s', narrow);
    assert.ok(narrow.soundShare > 0.99 && (narrow.screen?.height ?? 0) >= 720 && narrow.height === 0, JSON.stringify(narrow));
    change(pathOf(5_000));
    measure(25_000);
    const wide = measure(5_000);
    print('5 Mbit/s', wide);
    assert.ok(wide.screen?.height === 1_080 && wide.height >= 270, JSON.stringify(wide));
    await end();
  });

  for (const lossRate of [0.1, 0.3]) {
    it(`lives with ${lossRate * 100} % random loss: sound by redundancy, a picture by repairs`, async () => {
      const { measure, left, end } = call(pathOf(2_000, lossRate));
      measure(10_000);
      const lossy = measure(20_000);
      print(`2 Mbit/s, ${lossRate * 100} % lost at random`, lossy);
      assert.ok(lossy.soundShare > (lossRate > 0.2 ? 0.94 : 0.985) && lossy.height >= 180 && lossy.videoKbps > 150, JSON.stringify(lossy));
      assert.ok(left.media.statistics().send.lossFraction > lossRate / 2);
      await end();
    });
  }

  it('forgets what the repairs of a picture cost that pauses now', async () => {
    const clock = createFakeClock();
    const { left, close } = createMediaPair(clock);
    const peer = { targetKbps: 600, bytesSent: 0, bytesResent: 0 };
    const sends = (bytes: number) => {
      peer.bytesSent += bytes;
      peer.bytesResent += bytes;
      clock.advance(200);
    };
    let height: number | null = null;
    const adaptation = createAdaptation({
      clock,
      peer: {
        ...left.media,
        statistics() {
          const statistics = left.media.statistics();
          const send = { ...statistics.send, targetKbps: peer.targetKbps, bytesResent: peer.bytesResent };
          return { ...statistics, send, video: { ...statistics.video, bytesSent: peer.bytesSent } };
        }
      },
      audio: { setTarget() {} },
      picture: (kind) => (kind === 'video' ? { profile: CAMERA, setTarget: (target) => (height = target?.height ?? null) } : null)
    });
    adaptation.start();
    for (let count = 0; count < 20; count++) sends(8_000);
    peer.targetKbps = 150;
    sends(8_000);
    assert.equal(height, null, 'as much again for repairs leaves nothing for it');
    for (let count = 0; count < 30; count++) sends(0);
    assert.equal(height, 180);
    close();
    await adaptation[Symbol.asyncDispose]();
  });

  for (const [name, bad] of [
    ['nothing came through', pathOf(1_000, 1)],
    ['hardly anything came through', { ...pathOf(60), queueBytes: 30_000 }],
    ['much was lost', pathOf(200, 0.3)]
  ] as const) {
    it(`brings the picture back with a microphone that is muted, after half a minute in which ${name}`, async () => {
      const { mute, change, measure, end } = call(pathOf(4_000));
      measure(3_000);
      mute();
      change(bad);
      measure(30_000);
      change(pathOf(4_000));
      measure(15_000);
      const after = measure(2_000);
      print(name, after);
      assert.ok(after.videoKbps > 200);
      await end();
    });
  }

  it('brings a camera that was off while the path was bad, beside a muted microphone too', async () => {
    const { mute, setCamera, change, measure, end } = call(pathOf(4_000));
    measure(3_000);
    change(pathOf(60));
    measure(10_000);
    setCamera(false);
    mute();
    change(pathOf(4_000));
    measure(5_000);
    setCamera(true);
    measure(15_000);
    const after = measure(2_000);
    print('the camera is on again', after);
    assert.ok(after.videoKbps > 200);
    await end();
  });
});
