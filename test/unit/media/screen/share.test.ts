import assert from 'node:assert/strict';
import { AV_PIX_FMT_YUV420P, Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { createAdaptation } from '../../../../src/media/adaptation.ts';
import type { VideoTarget } from '../../../../src/media/encode/video-target.ts';
import { noStatistics } from '../../../../src/media/peer/peer-media.ts';
import type { MediaFailure } from '../../../../src/media/port.ts';
import { createShare } from '../../../../src/media/screen/share.ts';
import type { RtpPayload } from '../../../../src/media/streams.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakeVideoEncoder, createFakeVideoSource, type FakeVideoEncoder } from '../encode/fakes.ts';

const PROFILE = { width: 640, height: 360, fps: 10, maxKbps: 1000 };

/** A frame of the profile's size. */
function createFrame(lumaAt: (index: number) => number): Frame {
  const frame = new Frame();
  frame.alloc();
  Object.assign(frame, { format: AV_PIX_FMT_YUV420P, width: PROFILE.width, height: PROFILE.height });
  frame.getBuffer();
  for (const plane of frame.data ?? []) plane.fill(128);
  frame.data?.[0]?.forEach((_, index, luma) => {
    luma[index] = lumaAt(index);
  });
  return frame;
}

/** Enough turns for what the fakes do at once. */
const turn = async (): Promise<void> => {
  for (let times = 0; times < 10; times++) await new Promise((resolve) => setImmediate(resolve));
};

function createWorld(picture: Frame) {
  const clock = createFakeClock();
  const world = {
    clock,
    sources: [] as ReturnType<typeof createFakeVideoSource>[],
    encoders: [] as FakeVideoEncoder[],
    packets: [] as RtpPayload[],
    lost: [] as MediaFailure[],
    opening: async (): Promise<void> => {},
    begins: (): void => {},
    /** The source gives a frame. */
    async frame(shown = picture): Promise<void> {
      clock.advance(100);
      await world.sources.at(-1)?.sink?.frame(shown, clock.monotonicMs());
    }
  };
  const share = createShare({
    clock,
    profile: PROFILE,
    async openSource() {
      await world.opening();
      const source = createFakeVideoSource();
      world.sources.push(source);
      return source;
    },
    createEncoder() {
      const encoder = createFakeVideoEncoder();
      world.encoders.push(encoder);
      return encoder;
    },
    send: (packet) => world.packets.push(packet),
    waits: () => true,
    onSenderClock: () => {},
    onBegin: () => world.begins(),
    onLost: (failure) => world.lost.push(failure)
  });
  return { ...world, world, share };
}

describe('a share', () => {
  const picture = createFrame(() => 128);
  const text = createFrame((index) => ((index * 2_654_435_761) % 5 < 2 ? 16 : 235));
  after(() => {
    picture.free();
    text.free();
  });

  it('opens nothing before it is started, sends then, and nothing once stop() was called', async () => {
    const { world, share } = createWorld(picture);
    assert.deepEqual([world.sources.length, world.encoders.length, share.statistics()], [0, 0, null]);
    await share.start();
    await world.frame();
    assert.ok(world.packets.length > 0);
    assert.equal(share.statistics()?.sending, true);
    // A large first page holds the next frame up: it is still a share.
    world.clock.advance(3_900);
    assert.equal(share.statistics()?.sending, true);
    const [source, encoder] = [world.sources[0], world.encoders[0]];
    assert.ok(source !== undefined && encoder !== undefined);
    // One that is being encoded when the person stops.
    encoder.held = Promise.withResolvers<void>();
    const running = world.frame();
    const sent = world.packets.length;
    const stopped = share.stop();
    assert.equal(share.statistics(), null);
    encoder.held.resolve();
    await Promise.all([running, stopped]);
    assert.deepEqual([world.packets.length, source.closed, encoder.closed, world.clock.pending], [sent, true, true, 0]);
    assert.deepEqual(world.lost, []);
  });

  it('begins anew with a source and an encoder of its own, as often as it is asked', async () => {
    const { world, share } = createWorld(picture);
    for (let round = 1; round <= 5; round++) {
      await Promise.all([share.start(), share.start()]);
      await world.frame();
      await share.stop();
      assert.deepEqual([world.sources.length, world.encoders.length], [round, round]);
    }
    assert.ok(world.sources.every(({ closed }) => closed) && world.encoders.every(({ closed }) => closed));
  });

  it('says why it cannot begin, and can be tried again', async () => {
    const { world, share } = createWorld(picture);
    world.opening = () => Promise.reject(new CloisterError('CL_MEDIA_SCREEN_NONE'));
    await assert.rejects(share.start(), { code: 'CL_MEDIA_SCREEN_NONE' });
    assert.deepEqual([share.statistics(), world.clock.pending, world.lost], [null, 0, []]);
    world.opening = async () => {};
    await share.start();
    await world.frame();
    assert.ok(world.packets.length > 0);
    await share.stop();
  });

  it('is not opened any more when it was stopped while it was opening', async () => {
    const { world, share } = createWorld(picture);
    const opened = Promise.withResolvers<void>();
    world.opening = () => opened.promise;
    const started = share.start();
    await turn();
    const stopped = share.stop();
    opened.resolve();
    await Promise.all([started, stopped]);
    await world.frame();
    assert.deepEqual([world.sources.map(({ closed }) => closed), world.packets, share.statistics()], [[true], [], null]);
  });

  it('stops for good when its source is lost, and tells so once', async () => {
    const { world, share } = createWorld(picture);
    await share.start();
    await world.frame();
    world.sources[0]?.sink?.lost(new CloisterError('CL_MEDIA_SOURCE', 'the cable was pulled'));
    await turn();
    assert.deepEqual(
      world.lost.map(({ code }) => code),
      ['CL_MEDIA_SCREEN_LOST']
    );
    assert.match(world.lost[0]?.text ?? '', /the cable was pulled/);
    await world.clock.advanceAsync(60_000);
    assert.deepEqual([world.sources.length, world.sources[0]?.closed, share.statistics(), world.clock.pending], [1, true, null, 0]);
  });

  it('stops when the encoder breaks', async () => {
    const { world, share } = createWorld(picture);
    await share.start();
    const [encoder] = world.encoders;
    assert.ok(encoder);
    encoder.failNext = true;
    await world.frame();
    await turn();
    assert.equal(world.lost.length, 1);
    assert.equal(world.sources[0]?.closed, true);
  });

  it('gives a keyframe of a still screen to whoever asks', async () => {
    const { world, share } = createWorld(picture);
    await share.start();
    for (let index = 0; index < 40; index++) await world.frame();
    share.requestKeyframe('asked');
    await world.frame();
    assert.equal(world.encoders[0]?.keyframes.at(-1), true);
    await share.stop();
  });

  it('begins with what the path carries, and not at the full rate until the next tick: its first page would take all the longer', async () => {
    const { world, share } = createWorld(text);
    const adaptation = createAdaptation({
      clock: world.clock,
      peer: {
        statistics: () => ({ ...noStatistics, send: { ...noStatistics.send, targetKbps: 200 } }),
        roundTripMs: () => null,
        setRedundancy() {},
        setWanted() {}
      },
      audio: { setTarget() {} },
      picture: (kind) => (kind === 'screen' && share.statistics() !== null ? { profile: PROFILE, setTarget: share.setTarget } : null)
    });
    adaptation.start();
    world.begins = adaptation.adapt;
    for (let round = 0; round < 2; round++) {
      await share.start();
      await world.frame();
      const encoder = world.encoders[round];
      assert.equal(encoder?.target?.kbps, 250);
      assert.equal(encoder.lastLuma?.equals(Buffer.from(text.data?.[0] ?? [])), false);
      await share.stop();
      share.setTarget({ width: 640, height: 360, fps: 10, kbps: 1_000 });
    }
    await adaptation[Symbol.asyncDispose]();
  });

  it('leaves frames out for a lower rate, which the encoder hears of with another page, and of a higher one at once', async () => {
    const { world, share } = createWorld(picture);
    await share.start();
    await world.frame();
    const told = (): VideoTarget | null | undefined => world.encoders[0]?.target;
    share.setTarget({ width: 640, height: 360, fps: 5, kbps: 300 });
    for (let index = 0; index < 40; index++) await world.frame();
    assert.deepEqual(told(), { width: 640, height: 360, fps: 10, kbps: 1000 });
    await world.frame(text);
    assert.deepEqual(told(), { width: 640, height: 360, fps: 10, kbps: 300 });
    share.setTarget({ width: 640, height: 360, fps: 5, kbps: 900 });
    assert.deepEqual(told(), { width: 640, height: 360, fps: 10, kbps: 900 });
    share.setTarget(null);
    const sent = world.packets.length;
    await world.frame();
    assert.equal(world.packets.length, sent);
    await share.stop();
  });

  it('gives whoever asks over a narrow path a coarse picture first, and then all of it', async () => {
    const { world, share } = createWorld(text);
    share.setTarget({ width: 640, height: 360, fps: 5, kbps: 4_000 });
    await share.start();
    const whole = Buffer.from(text.data?.[0] ?? []);
    const isWhole = (): boolean => world.encoders[0]?.lastLuma?.equals(whole) === true;
    await world.frame();
    assert.ok(isWhole());
    share.setTarget({ width: 640, height: 360, fps: 5, kbps: 60 });
    for (let index = 0; index < 40; index++) await world.frame();
    assert.ok(isWhole(), 'a narrower path takes nothing from what is there');
    share.requestKeyframe('asked');
    const encoded = world.encoders[0]?.keyframes.length ?? 0;
    for (let index = 0; world.encoders[0]?.keyframes.length === encoded && index < 40; index++) await world.frame();
    assert.deepEqual([world.encoders[0]?.keyframes.at(-1), isWhole()], [true, false]);
    for (let index = 0; !isWhole() && index < 2_000; index++) await world.frame();
    assert.ok(isWhole());
    assert.equal(world.encoders[0]?.keyframes.filter(Boolean).length, 1);
    await share.stop();
  });
});
