import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createEarlySources } from '../../../src/media/early-sources.ts';
import type { VideoCodec } from '../../../src/media/streams.ts';
import { createFakeAudioSource, createFakeVideoEncoder, createFakeVideoSource } from './encode/fakes.ts';

function createWorld() {
  const cameras: ReturnType<typeof createFakeVideoSource>[] = [];
  const microphones: ReturnType<typeof createFakeAudioSource>[] = [];
  const encoders: ReturnType<typeof createFakeVideoEncoder>[] = [];
  const waits: { camera: Promise<void> } = { camera: Promise.resolve() };
  const kept = <T>(list: T[], one: T): T => {
    list.push(one);
    return one;
  };
  const early = createEarlySources({
    async openCamera() {
      const camera = kept(cameras, createFakeVideoSource());
      await waits.camera;
      return camera;
    },
    openMicrophone: async () => kept(microphones, createFakeAudioSource()),
    makeEncoder: (codec: VideoCodec) => kept(encoders, createFakeVideoEncoder(codec)),
    preferred: 'H264'
  });
  return { early, cameras, microphones, encoders, waits };
}

describe('sources that are opened early', () => {
  it('are opened once and taken once; who comes then has another', async () => {
    const { early, cameras, microphones, encoders } = createWorld();
    early.open(true);
    early.open(true);
    assert.deepEqual([cameras.length, microphones.length, encoders.length, encoders[0]?.opened], [1, 1, 1, true]);
    assert.equal(await early.takeCamera(), cameras[0]);
    assert.equal(await early.takeMicrophone(), microphones[0]);
    assert.equal(early.takeEncoder('H264'), encoders[0]);
    assert.equal(await early.takeCamera(), cameras[1]);
    assert.equal(await early.takeMicrophone(), microphones[1]);
    assert.equal(early.takeEncoder('H264'), encoders[1]);
    await early.close();
    assert.ok(
      [...cameras, ...microphones, ...encoders].every(({ closed }) => !closed),
      'what was taken is its taker’s'
    );
  });

  it('are neither camera nor encoder where no camera is wanted', () => {
    const { early, cameras, microphones, encoders } = createWorld();
    early.open(false);
    assert.deepEqual([cameras.length, microphones.length, encoders.length], [0, 1, 0]);
  });

  it('give no encoder of a codec that was not agreed: it is closed', () => {
    const { early, encoders } = createWorld();
    early.open(true);
    assert.equal(early.takeEncoder('VP8').codec, 'VP8');
    assert.deepEqual([encoders[0]?.codec, encoders[0]?.closed, encoders[1]?.closed], ['H264', true, false]);
  });

  it('are closed where nobody took them, also a camera that opens only later', async () => {
    const { early, cameras, microphones, encoders, waits } = createWorld();
    const opened = Promise.withResolvers<void>();
    waits.camera = opened.promise;
    early.open(true);
    const closing = early.close();
    opened.resolve();
    await closing;
    assert.deepEqual([cameras[0]?.closed, microphones[0]?.closed, encoders[0]?.closed], [true, true, true]);
  });

  it('leave a camera alone that is not wanted any more, and open another when it is', async () => {
    const { early, cameras, microphones } = createWorld();
    early.open(true);
    await early.dropCamera();
    assert.deepEqual([cameras[0]?.closed, microphones[0]?.closed], [true, false]);
    early.open(true);
    assert.equal(await early.takeCamera(), cameras[1]);
  });

  for (const [picture, sound] of [
    [true, false],
    [false, true]
  ] as const) {
    it(`are released where a call has no ${picture ? 'sound' : 'picture'}, and what it has is still there to be taken`, async () => {
      const { early, cameras, microphones, encoders } = createWorld();
      early.open(true);
      await early.agreed({ picture, sound });
      early.open(true);
      assert.deepEqual([cameras.length, microphones.length, encoders.length], [1, 1, 1]);
      assert.deepEqual([cameras[0]?.closed, encoders[0]?.closed, microphones[0]?.closed], [!picture, !picture, !sound]);
      assert.equal(picture ? await early.takeCamera() : await early.takeMicrophone(), picture ? cameras[0] : microphones[0]);
    });
  }

  it('are not opened any more after close()', async () => {
    const { early, cameras, microphones, encoders } = createWorld();
    await early.close();
    early.open(true);
    assert.deepEqual([cameras.length, microphones.length, encoders.length], [0, 0, 0]);
  });

  it('tell a failure to who takes them, and to nobody else', async () => {
    const { early, waits } = createWorld();
    let unhandled = 0;
    const count = (): void => {
      unhandled += 1;
    };
    process.on('unhandledRejection', count);
    waits.camera = Promise.reject(new Error('no camera'));
    early.open(true);
    await nextTurn();
    await assert.rejects(early.takeCamera(), /no camera/);
    early.open(true);
    await early.dropCamera();
    early.open(true);
    await early.close();
    await nextTurn();
    process.off('unhandledRejection', count);
    // One would end the process, and the call with it.
    assert.equal(unhandled, 0);
  });
});
