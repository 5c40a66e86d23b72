// The room's camera and microphone over devices that come and go when the test says so; the away picture is the real one.
import assert from 'node:assert/strict';
import { Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createDeviceOrder } from '../../../../src/media/device-order.ts';
import type { MediaDevice, MediaDevices } from '../../../../src/media/port.ts';
import { openRoomCamera } from '../../../../src/media/source/room-camera.ts';
import { openRoomMicrophone } from '../../../../src/media/source/room-microphone.ts';
import type { AudioSink, VideoSink } from '../../../../src/media/source/source.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

const PROFILE = { width: 160, height: 90, fps: 30, maxKbps: 100 };
const GONE = new CloisterError('CL_MEDIA_SOURCE', 'it is gone');
const device = (path: string): MediaDevice => ({ path, name: `Device ${path}`, cancelsEcho: path === 'b' });
const order = (...paths: string[]): MediaDevices => ({ camera: paths.map(device), content: [], microphone: paths.map(device), speaker: [] });

/** A frame of one luma value. */
function frameOf(value: number): Frame {
  const frame = new Frame();
  frame.alloc();
  Object.assign(frame, { format: 0, width: PROFILE.width, height: PROFILE.height });
  frame.getBuffer();
  frame.data?.[0]?.fill(value);
  return frame;
}

type FakeDevice<Sink> = { readonly path: string; sink: Sink | null; closes: number };

/** @param listed what the agent says there is; null: it does not */
function createWorld<Sink>(listed: MediaDevices | null, choice: string) {
  const clock = createFakeClock();
  const devices = createDeviceOrder(listed, silentLog);
  const plugged = new Set<string>();
  const opened: FakeDevice<Sink>[] = [];
  const problems: (string | null)[] = [];
  const changes: (string | null)[] = [];
  const heard: string[] = [];
  const open = async ({ path, name }: MediaDevice) => {
    if (!plugged.has(path)) throw new CloisterError('CL_MEDIA_SOURCE', `${name} cannot be opened`);
    const fake: FakeDevice<Sink> = { path, sink: null, closes: 0 };
    opened.push(fake);
    return {
      view: { kind: 'device' as const, name },
      start(sink: Sink) {
        fake.sink = sink;
      },
      async close() {
        fake.closes++;
      }
    };
  };
  const options = {
    choice,
    devices,
    clock,
    onChange: (to: MediaDevice | null) => {
      changes.push(to?.path ?? null);
      heard.push(`change ${to?.path ?? null}`);
    },
    onProblem: (failure: { readonly code: string; readonly text: string } | null) => problems.push(failure?.code ?? null),
    open,
    find: async () => [...plugged].map(device)
  };
  const sinkOf = (path: string): Sink => {
    const sink = opened.findLast((each) => each.path === path)?.sink;
    assert.ok(sink, `${path} was started`);
    return sink;
  };
  return { clock, devices, plugged, opened, problems, changes, heard, options, sinkOf };
}

async function openCamera(listed: MediaDevices | null, plugged: readonly string[], choice = 'auto') {
  const world = createWorld<VideoSink>(listed, choice);
  for (const path of plugged) world.plugged.add(path);
  const camera = await openRoomCamera({ ...world.options, profile: PROFILE, roomName: 'Room' });
  const pictures: { readonly luma: number; readonly atMs: number }[] = [];
  const busy: { until: Promise<void> } = { until: Promise.resolve() };
  const start = (): void =>
    camera.start({
      async frame(frame, atMs) {
        pictures.push({ luma: frame.data?.[0]?.[0] ?? -1, atMs });
        world.heard.push('frame');
        await busy.until;
      },
      lost: () => assert.fail('a room’s camera is never lost')
    });
  const give = async (path: string, value: number): Promise<void> => {
    world.clock.advance(1);
    const frame = frameOf(value);
    await world.sinkOf(path).frame(frame, world.clock.monotonicMs());
    frame.free();
  };
  const finish = async (): Promise<void> => {
    await camera.close();
    const count = pictures.length;
    for (const { sink } of world.opened) void sink?.frame(frameOf(1), 1e9);
    await world.clock.advanceAsync(5_000);
    assert.equal(pictures.length, count, 'no frame after close()');
    assert.deepEqual(
      world.opened.map(({ closes }) => closes),
      world.opened.map(() => 1)
    );
    assert.equal(world.clock.pending, 0);
  };
  return Object.assign(world, { camera, pictures, busy, start, give, finish });
}

/** The background of the away picture. */
const AWAY = 60;

describe('the room’s camera', () => {
  it('is the first of the order that opens, and gives its frames once it is started', async () => {
    const world = await openCamera(order('a', 'b'), ['b']);
    assert.deepEqual(world.camera.view, { kind: 'device', name: 'Device b' });
    world.start();
    await world.give('b', 99);
    assert.deepEqual([world.pictures.map(({ luma }) => luma), world.problems], [[99], []]);
    await world.finish();
  });

  it('lost: a still picture says so at once and twice a second, with a problem, until the device is back; each change is told before its first frame', async () => {
    const world = await openCamera(order('a'), ['a']);
    world.start();
    await world.give('a', 99);
    world.plugged.delete('a');
    const lost = world.sinkOf('a');
    world.clock.advance(33);
    lost.lost(GONE);
    assert.deepEqual(world.camera.view, { kind: 'away', name: 'Device a' });
    await world.clock.advanceAsync(2_000);
    assert.deepEqual(
      world.pictures.map(({ luma }) => luma),
      [99, AWAY, AWAY, AWAY, AWAY, AWAY]
    );
    assert.deepEqual([world.problems, world.opened[0]?.closes], [['CL_MEDIA_CAMERA_AWAY'], 1]);
    world.devices.set(order());
    world.plugged.add('a');
    world.devices.set(order('a'));
    await world.clock.advanceAsync(0);
    assert.deepEqual(world.camera.view, { kind: 'device', name: 'Device a' });
    await lost.frame(frameOf(1), 1e9);
    await world.clock.advanceAsync(600);
    assert.equal(world.pictures.length, 6, 'neither the away picture nor the device that was lost');
    await world.give('a', 98);
    assert.deepEqual([world.pictures.at(-1)?.luma, world.problems.at(-1), world.changes], [98, null, ['a', null, 'a']]);
    assert.deepEqual(
      world.heard.filter((what, index) => what !== 'frame' || world.heard[index - 1] !== 'frame'),
      ['change a', 'frame', 'change null', 'frame', 'change a', 'frame']
    );
    assert.ok(world.pictures.every(({ atMs }, index) => index === 0 || atMs > (world.pictures[index - 1]?.atMs ?? 0)));
    await world.finish();
  });

  it('a chosen one that comes back replaces the other: nothing of the other is given any more, and it is closed after', async () => {
    const world = await openCamera(order('b'), ['b']);
    world.start();
    await world.give('b', 50);
    world.plugged.add('a');
    world.devices.set(order('a', 'b'));
    await world.clock.advanceAsync(0);
    await world.give('b', 51);
    await world.give('a', 70);
    assert.deepEqual(
      world.pictures.map(({ luma }) => luma),
      [50, 70]
    );
    assert.deepEqual([world.opened.map(({ closes }) => closes), world.problems], [[1, 0], []]);
    await world.finish();
  });

  it('with none in the list it is away; only where there is no list, and nothing is found, the test picture is sent', async () => {
    const none = await openCamera(order(), ['a']);
    assert.deepEqual([none.camera.view, none.opened.length], [{ kind: 'away', name: 'No camera' }, 0]);
    none.start();
    assert.deepEqual([none.problems, none.pictures.length], [['CL_MEDIA_CAMERA_AWAY'], 1]);
    await none.finish();
    const unlisted = await openCamera(null, []);
    assert.equal(unlisted.camera.view.kind, 'test');
    await unlisted.camera.close();
    const found = await openCamera(null, ['a']);
    found.start();
    found.plugged.clear();
    found.sinkOf('a').lost(GONE);
    await found.clock.advanceAsync(0);
    assert.equal(found.camera.view.kind, 'away');
    found.plugged.add('a');
    await found.clock.advanceAsync(2_000);
    assert.equal(found.camera.view.kind, 'device');
    await found.finish();
  });

  it('a named choice stays one, by its path or its name, listed or not', async () => {
    for (const [choice, listed] of [
      ['Device b', order('a', 'b')],
      ['b', order('a', 'b')],
      ['b', order('a')],
      ['b', null]
    ] as const) {
      const world = await openCamera(listed, ['a', 'b'], choice);
      assert.deepEqual(world.changes, ['b']);
      world.start();
      world.plugged.delete('b');
      world.sinkOf('b').lost(GONE);
      await world.clock.advanceAsync(10_000);
      assert.deepEqual(world.changes, ['b', null]);
      await world.finish();
    }
  });

  it('gives the sink one frame at a time, whichever picture it is of', async () => {
    const world = await openCamera(order('a'), ['a']);
    world.start();
    const slow = Promise.withResolvers<void>();
    world.busy.until = slow.promise;
    const given = world.give('a', 80);
    world.plugged.clear();
    world.sinkOf('a').lost(GONE);
    await world.clock.advanceAsync(400);
    assert.equal(world.pictures.length, 1);
    slow.resolve();
    await given;
    await world.clock.advanceAsync(200);
    assert.equal(world.pictures.length, 2);
    await world.finish();
  });

  it('never gives two frames of one time: on the wire they would be one', async () => {
    const world = await openCamera(order('a'), ['a']);
    world.start();
    await world.give('a', 99);
    world.plugged.clear();
    world.sinkOf('a').lost(GONE);
    await world.clock.advanceAsync(500);
    assert.deepEqual(
      world.pictures.map(({ luma, atMs }) => [luma, atMs]),
      [
        [99, 1],
        [AWAY, 501]
      ]
    );
    await world.finish();
  });

  it('a picture that is black, or stands still, is a problem until it is well again', async () => {
    const world = await openCamera(order('a'), ['a']);
    world.start();
    const seconds = async (count: number, value: (step: number) => number): Promise<void> => {
      for (let step = 0; step < 2 * count; step++) {
        await world.give('a', value(step));
        world.clock.advance(499);
      }
    };
    await seconds(2, (step) => 90 + (step % 2));
    await seconds(4, () => 16);
    assert.deepEqual(world.problems, ['CL_MEDIA_CAMERA_BLACK']);
    await seconds(9, () => 90);
    assert.deepEqual(world.problems, ['CL_MEDIA_CAMERA_BLACK', null]);
    await seconds(2, () => 90);
    assert.deepEqual(world.problems.slice(2), ['CL_MEDIA_CAMERA_FROZEN']);
    await seconds(1, (step) => 91 + step);
    assert.deepEqual(world.problems.slice(3), [null]);
    await world.finish();
  });

  it('closed with a problem it has none', async () => {
    const world = await openCamera(order(), []);
    world.start();
    await world.camera.close();
    assert.deepEqual(world.problems, ['CL_MEDIA_CAMERA_AWAY', null]);
  });
});

describe('the room’s microphone', () => {
  async function openMicrophone(listed: MediaDevices | null, plugged: readonly string[]) {
    const world = createWorld<AudioSink>(listed, 'auto');
    for (const path of plugged) world.plugged.add(path);
    const microphone = await openRoomMicrophone(world.options);
    const blocks: { readonly sample: number | undefined; readonly atMs: number }[] = [];
    microphone.start({ block: ([sample], atMs) => blocks.push({ sample, atMs }), lost: () => assert.fail('never lost') });
    const give = (path: string, sample: number): void => world.sinkOf(path).block(new Int16Array(960).fill(sample), world.clock.monotonicMs() - 20);
    return Object.assign(world, { microphone, blocks, give });
  }

  it('gives zeros at the pace of sound while it is away, and what it hears when it is back', async () => {
    const world = await openMicrophone(order('a', 'b'), ['a']);
    for (let block = 0; block < 5; block++) {
      world.clock.advance(20);
      world.give('a', 7);
    }
    world.plugged.delete('a');
    world.sinkOf('a').lost(GONE);
    await world.clock.advanceAsync(990);
    assert.deepEqual([world.microphone.view, world.problems], [{ kind: 'away', name: 'Device a' }, ['CL_MEDIA_MICROPHONE_AWAY']]);
    const zeros = world.blocks.slice(5);
    assert.equal(zeros.length, 50);
    assert.ok(zeros.every(({ sample }) => sample === 0));
    assert.ok(zeros.every(({ atMs }, index) => index === 0 || atMs - (zeros[index - 1]?.atMs ?? 0) === 20));
    world.plugged.add('b');
    world.devices.set(order('b'));
    await world.clock.advanceAsync(100);
    assert.equal(world.blocks.length, 55, 'no zeros beside the device');
    world.give('b', 8);
    assert.deepEqual([world.blocks.at(-1)?.sample, world.problems.at(-1), world.changes], [8, null, ['a', null, 'b']]);
    await world.microphone.close();
    world.give('b', 9);
    assert.deepEqual([world.blocks.at(-1)?.sample, world.opened.map(({ closes }) => closes), world.clock.pending], [8, [1, 1], 0]);
  });

  it('is the test tone only where there is no list, and nothing is found', async () => {
    const none = await openMicrophone(order(), []);
    assert.deepEqual(none.microphone.view, { kind: 'away', name: 'No microphone' });
    await none.microphone.close();
    assert.equal(none.clock.pending, 0);
    const unlisted = await openMicrophone(null, []);
    assert.equal(unlisted.microphone.view.kind, 'test');
    await unlisted.microphone.close();
  });
});
