import assert from 'node:assert/strict';
import { Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { createVideoSender, type VideoSender } from '../../../../src/media/encode/video-sender.ts';
import type { MediaFailure } from '../../../../src/media/port.ts';
import type { VideoSink } from '../../../../src/media/source/source.ts';
import type { RtpPayload, SenderClock } from '../../../../src/media/streams.ts';
import { createFakeClock, type FakeClock } from '../../../fakes/clock.ts';
import { createFakeVideoEncoder, createFakeVideoSource, type FakeVideoEncoder } from './fakes.ts';

const PROFILE = { width: 640, height: 360, fps: 30, maxKbps: 1000 };
const FRAME = new Frame();

type World = {
  readonly clock: FakeClock;
  readonly sources: ReturnType<typeof createFakeVideoSource>[];
  readonly encoders: FakeVideoEncoder[];
  readonly packets: RtpPayload[];
  readonly clocks: SenderClock[];
  readonly problems: (MediaFailure | null)[];
  readonly sender: VideoSender;
  /** Answers the next opening of a source. */
  opening: () => Promise<void>;
  sink(): VideoSink;
};

function createWorld(): World {
  const clock = createFakeClock();
  const world: Omit<World, 'sender'> = {
    clock,
    sources: [],
    encoders: [],
    packets: [],
    clocks: [],
    problems: [],
    opening: async () => {},
    sink() {
      const sink = this.sources.at(-1)?.sink;
      assert.ok(sink);
      return sink;
    }
  };
  const sender = createVideoSender({
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
    onSenderClock: (kind, value) => {
      assert.equal(kind, 'video');
      world.clocks.push(value);
    },
    onProblem: (problem) => world.problems.push(problem)
  });
  return Object.assign(world, { sender });
}

describe('video sender', () => {
  it('sends each frame in packets of at most 1,150 bytes, the last one marked, on a 90 kHz clock of the capture time', async () => {
    const { clock, clocks, packets, sender, ...world } = createWorld();
    await sender.start();
    for (let i = 0; i < 3; i++) {
      await world.sink().frame(FRAME, clock.monotonicMs());
      clock.advance(40);
    }
    assert.deepEqual(
      packets.map(({ marker }) => marker),
      [false, true, false, true, false, true]
    );
    assert.ok(packets.every(({ payload }) => payload.byteLength <= 1150));
    const [first, , second, , third] = packets.map(({ timestamp }) => timestamp);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    assert.deepEqual([(second - first) >>> 0, (third - second) >>> 0], [3600, 3600]);
    assert.deepEqual(clocks, [{ rtpTimestamp: first, captureMs: 0 }]);
    assert.deepEqual(sender.statistics(), {
      framesSent: 3,
      keyframesSent: 1,
      width: 640,
      height: 360,
      fps: 3,
      sending: true,
      source: { kind: 'device', name: 'camera' },
      encoder: { name: 'fake', hardware: false },
      target: { width: 640, height: 360, fps: 30, kbps: 1000 }
    });
    clock.advance(1000);
    await world.sink().frame(FRAME, clock.monotonicMs());
    assert.equal(clocks.length, 2);
    assert.equal(sender.statistics().fps, 1);
    await sender.stop();
    assert.deepEqual([sender.statistics().sending, sender.statistics().source], [false, null]);
  });

  it('asks the encoder for a keyframe once per request, at most one in 100 ms', async () => {
    const { clock, encoders, sender, ...world } = createWorld();
    await sender.start();
    for (const request of [false, true, true, true, false, false]) {
      if (request) sender.requestKeyframe();
      await world.sink().frame(FRAME, 0);
      clock.advance(50);
    }
    // The first is one anyway. A keyframe leaves 100 ms after the one before at the earliest.
    assert.deepEqual(encoders[0]?.keyframes, [false, false, true, false, true, false]);
    await sender.stop();
  });

  it('passes the target on within the profile, also to the next encoder', async () => {
    const { encoders, sender } = createWorld();
    await sender.start();
    sender.setTarget({ width: 321, height: 180, fps: 60, kbps: 300 });
    const target = { width: 322, height: 180, fps: 30, kbps: 300 };
    assert.deepEqual([encoders[0]?.target, sender.statistics().target], [target, target]);
    await sender.stop();
    await sender.start();
    assert.deepEqual(encoders[1]?.target, target);
    await sender.stop();
  });

  it('leaves frames out evenly where fewer are wanted, before they are encoded', async () => {
    const { clock, encoders, packets, sender, ...world } = createWorld();
    await sender.start();
    sender.setTarget({ ...PROFILE, fps: 10, kbps: 300 });
    const sent: number[] = [];
    for (let i = 0; i < 30; i++) {
      const before = packets.length;
      await world.sink().frame(FRAME, i * 33.3 + (i % 3)); // jitters by 2 ms
      if (packets.length > before) sent.push(i);
    }
    assert.deepEqual(sent, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    assert.equal(encoders[0]?.keyframes.length, 10);
    await sender.stop();
  });

  it('encodes nothing while paused, keeps the source, and goes on with a keyframe', async () => {
    const world = createWorld();
    const { encoders, packets, sources, sender } = world;
    await sender.start();
    await world.sink().frame(FRAME, 0);
    sender.setTarget(null);
    const sent = packets.length;
    for (let i = 1; i < 10; i++) await world.sink().frame(FRAME, i * 33);
    assert.deepEqual([packets.length, encoders[0]?.keyframes.length, sources[0]?.closed, sender.statistics().target], [sent, 1, false, null]);
    world.clock.advance(1000);
    sender.setTarget({ ...PROFILE, kbps: 200 });
    await world.sink().frame(FRAME, 400);
    assert.deepEqual(encoders[0]?.keyframes, [false, true]);
    await sender.stop();
  });

  it('stop() in the middle of encoding closes the source and sends nothing more', async () => {
    for (const encodedFirst of [false, true]) {
      const world = createWorld();
      const { encoders, packets, sources, sender } = world;
      await sender.start();
      const [encoder] = encoders;
      assert.ok(encoder);
      encoder.held = Promise.withResolvers();
      const taking = world.sink().frame(FRAME, 0);
      if (encodedFirst) encoder.held.resolve();
      const stopping = sender.stop();
      encoder.held.resolve();
      await Promise.all([taking, stopping]);
      assert.deepEqual([packets.length, sources[0]?.closed, encoder.closed], [0, true, true]);
      await world.sink().frame(FRAME, 0); // a frame that was under way
      assert.equal(packets.length, 0);
    }
  });

  it('stop() while the source is being opened closes it as soon as it is there', async () => {
    const world = createWorld();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.opening = () => promise;
    const starting = world.sender.start();
    const stopping = world.sender.stop();
    const again = world.sender.start(); // switched on again at once
    resolve();
    await Promise.all([starting, stopping]);
    assert.ok(world.sources.every(({ closed }) => closed));
    await again;
    assert.deepEqual([world.sources.at(-1)?.closed, world.sources.at(-1)?.sink !== null], [false, true]);
    assert.deepEqual(world.problems, []);
    await world.sender.stop();
    assert.equal(world.sources.at(-1)?.closed, true);
    assert.equal(world.clock.pending, 0);
  });

  it('reports a source that cannot be opened once, keeps trying, and says when it is well', async () => {
    const world = createWorld();
    world.opening = async () => {
      throw new CloisterError('CL_MEDIA_SOURCE', 'no camera');
    };
    await world.sender.start();
    await world.clock.advanceAsync(5000);
    assert.deepEqual(world.problems, [{ code: 'CL_MEDIA_SOURCE', detectedBy: 'video-source', text: 'no camera' }]);
    world.opening = async () => {};
    await world.clock.advanceAsync(2000);
    assert.deepEqual(world.problems.slice(1), [null]);
    await world.sender.stop();
    assert.equal(world.clock.pending, 0);
    assert.ok(world.encoders.every(({ closed }) => closed));
  });

  it('a lost device and a failing encoder are reported, closed and opened again', async () => {
    const world = createWorld();
    await world.sender.start();
    world.sink().lost(new CloisterError('CL_MEDIA_SOURCE', 'unplugged'));
    await world.clock.advanceAsync(1000);
    assert.deepEqual([world.sources[0]?.closed, world.problems.at(-1)?.text], [true, 'unplugged']);
    await world.clock.advanceAsync(1500);
    assert.equal(world.problems.at(-1), null);
    const encoder = world.encoders.at(-1);
    assert.ok(encoder);
    encoder.failNext = true;
    await world.sink().frame(FRAME, 0);
    await world.clock.advanceAsync(0);
    assert.deepEqual([world.problems.at(-1)?.code, world.sources[1]?.closed], ['CL_MEDIA_ENCODER', true]);
    await world.clock.advanceAsync(2000);
    assert.equal(world.problems.at(-1), null);
    await world.sink().frame(FRAME, 0);
    assert.equal(world.sender.statistics().framesSent, 1);
    await world.sender.stop();
  });
});
