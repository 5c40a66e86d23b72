import assert from 'node:assert/strict';
import { Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import type { NativeEncoder } from '../../../../src/media/encode/native-encoder.ts';
import { createVideoEncoder } from '../../../../src/media/encode/video-encoder.ts';
import type { VideoTarget } from '../../../../src/media/encode/video-target.ts';
import type { VideoCodec } from '../../../../src/media/streams.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

const PROFILE = { width: 1280, height: 720, fps: 30, maxKbps: 2500 };
const FRAME = new Frame();

type Behaviour = 'works' | 'does not open' | 'opens never' | { readonly failsAt: number } | { readonly hangsAt: number };

/** Encoders that do what the test says of them; the first picture of each is a keyframe. */
function createWorld(codec: VideoCodec, behaviours: Readonly<Record<string, Behaviour>> = {}) {
  const clock = createFakeClock();
  const opened: string[] = [];
  const closed: string[] = [];
  const targets: VideoTarget[] = [];
  const rates: number[] = [];
  const failures: string[] = [];
  const hanging: PromiseWithResolvers<never>[] = [];
  const hang = (): Promise<never> => {
    const held = Promise.withResolvers<never>();
    hanging.push(held);
    return held.promise;
  };
  const encoder = createVideoEncoder({
    codec,
    profile: PROFILE,
    clock,
    hardware: Object.keys(behaviours),
    onHardwareFailure: ({ code, text }, name) => failures.push(`${code} ${name}: ${text}`),
    async openEncoder({ name }, target): Promise<NativeEncoder> {
      const behaviour = behaviours[name] ?? 'works';
      opened.push(name);
      targets.push(target);
      if (behaviour === 'does not open') throw new CloisterError('CL_MEDIA_ENCODER', 'no such device');
      if (behaviour === 'opens never') return hang();
      let frames = 0;
      return {
        async encode(_frame, keyframe) {
          const frame = frames++;
          if (typeof behaviour === 'object' && 'failsAt' in behaviour && frame === behaviour.failsAt) throw new CloisterError('CL_MEDIA_ENCODER', 'lost');
          if (typeof behaviour === 'object' && 'hangsAt' in behaviour && frame === behaviour.hangsAt) return hang();
          return [{ data: Uint8Array.of(1), keyframe: keyframe || frame === 0, width: target.width, height: target.height }];
        },
        setRate: (kbps) => rates.push(kbps),
        close: () => closed.push(name)
      };
    }
  });
  const keyframes = async (count: number): Promise<boolean[]> => {
    const seen: boolean[] = [];
    for (let i = 0; i < count; i++) for (const { keyframe } of await encoder.encode(FRAME, { keyframe: false })) seen.push(keyframe);
    return seen;
  };
  return { clock, encoder, opened, closed, targets, rates, failures, hanging, keyframes };
}

describe('video encoder', () => {
  it('x264 takes rate and frame rate while it runs; for another size it is opened again, with a keyframe', async () => {
    const { clock, encoder, opened, targets, rates, keyframes } = createWorld('H264');
    assert.deepEqual(await keyframes(2), [true, false]);
    encoder.setTarget({ ...PROFILE, kbps: 600 });
    encoder.setTarget({ ...PROFILE, kbps: 500 });
    assert.deepEqual(await keyframes(2), [false, false]);
    encoder.setTarget({ ...PROFILE, fps: 15, kbps: 500 });
    assert.deepEqual(await keyframes(1), [false]);
    assert.deepEqual(rates, [500, 1000]);
    clock.advance(1000);
    const small = { width: 640, height: 360, fps: 15, kbps: 500 };
    encoder.setTarget(small);
    assert.deepEqual(await keyframes(2), [true, false]);
    assert.deepEqual([opened, targets.at(-1)], [['libx264', 'libx264'], small]);
    await encoder.close();
  });

  it('what encoded nothing yet is opened again at once for another size: the first picture already fits', async () => {
    const { encoder, targets, keyframes } = createWorld('H264');
    await encoder.open();
    encoder.setTarget({ width: 640, height: 360, fps: 30, kbps: 300 });
    assert.deepEqual(await keyframes(1), [true]);
    encoder.setTarget({ width: 320, height: 180, fps: 30, kbps: 200 });
    assert.deepEqual(await keyframes(1), [false]);
    assert.deepEqual(
      targets.map(({ height }) => height),
      [720, 360]
    );
    await encoder.close();
  });

  it('VP8 and VP9 are opened again for a large step only, at most once a second', async () => {
    for (const codec of ['VP8', 'VP9'] as const) {
      const { clock, encoder, opened, closed, targets, keyframes } = createWorld(codec);
      await encoder.open();
      clock.advance(5000);
      encoder.setTarget({ ...PROFILE, kbps: 2200 });
      assert.deepEqual(await keyframes(2), [true, false]);
      for (let kbps = 2000; kbps > 400; kbps -= 40) {
        encoder.setTarget({ ...PROFILE, kbps });
        await keyframes(1);
        clock.advance(50);
      }
      assert.deepEqual([opened.length, closed.length], [3, 2]); // 2,000 to 400 kbit/s took 2 s
      clock.advance(1000);
      await keyframes(1);
      assert.equal(targets.at(-1)?.kbps, 440);
      await encoder.close();
      assert.equal(closed.length, opened.length);
    }
  });

  it('says what encodes', async () => {
    const { encoder } = createWorld('H264', { h264_nvenc: 'works' });
    assert.equal(encoder.inUse(), null);
    await encoder.open();
    assert.deepEqual(encoder.inUse(), { name: 'h264_nvenc', hardware: true });
    await encoder.close();
    assert.equal(encoder.inUse(), null);
  });

  it('hardware that does not open is told, and the next or software takes its place', async () => {
    const world = createWorld('H264', { h264_vaapi: 'does not open', h264_qsv: 'works' });
    await world.encoder.open();
    assert.deepEqual(world.encoder.inUse(), { name: 'h264_qsv', hardware: true });
    assert.equal(world.failures[0], 'CL_MEDIA_HARDWARE h264_vaapi: The hardware encoder h264_vaapi failed, h264_qsv takes its place: no such device');
    const other = createWorld('H264', { h264_vaapi: 'does not open' });
    assert.deepEqual(await other.keyframes(2), [true, false]);
    assert.deepEqual([other.opened, other.failures.length], [['h264_vaapi', 'libx264'], 1]);
    await Promise.all([world.encoder.close(), other.encoder.close()]);
    assert.deepEqual([world.closed, other.closed], [['h264_qsv'], ['libx264']]);
  });

  it('hardware that fails in the middle of a call loses no frame: software encodes the same one, as a keyframe', async () => {
    const { encoder, opened, closed, failures, keyframes } = createWorld('H264', { h264_vaapi: { failsAt: 5 } });
    assert.deepEqual(await keyframes(8), [true, false, false, false, false, true, false, false]);
    assert.deepEqual([opened, closed, failures.length], [['h264_vaapi', 'libx264'], ['h264_vaapi'], 1]);
    assert.deepEqual(encoder.inUse(), { name: 'libx264', hardware: false });
    await encoder.close();
  });

  it('hardware that hangs, opening or encoding, is given up after a second, and freed when it comes back', async () => {
    for (const behaviour of ['opens never', { hangsAt: 2 }] as const) {
      const world = createWorld('VP8', { vp8_vaapi: behaviour });
      const frames = world.keyframes(4);
      await world.clock.advanceAsync(999);
      assert.equal(world.failures.length, 0);
      await world.clock.advanceAsync(1);
      assert.deepEqual(await frames, behaviour === 'opens never' ? [true, false, false, false] : [true, false, true, false]);
      assert.deepEqual([world.opened, world.closed], [['vp8_vaapi', 'libvpx'], []]);
      for (const { reject } of world.hanging) reject(new Error('too late'));
      await world.clock.advanceAsync(0);
      assert.deepEqual(world.closed, behaviour === 'opens never' ? [] : ['vp8_vaapi']);
      await world.encoder.close();
      assert.equal(world.clock.pending, 0);
    }
  });

  it('software that fails is the sender’s to deal with', async () => {
    const clock = createFakeClock();
    const openEncoder = async (): Promise<NativeEncoder> => {
      throw new Error('no memory');
    };
    const encoder = createVideoEncoder({ codec: 'H264', profile: PROFILE, clock, openEncoder });
    await assert.rejects(encoder.open(), (error) => error instanceof CloisterError && error.code === 'CL_MEDIA_ENCODER');
    await encoder.close();
    assert.deepEqual(await encoder.encode(FRAME, { keyframe: false }), []);
  });
});
