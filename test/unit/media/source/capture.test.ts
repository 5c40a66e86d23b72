import assert from 'node:assert/strict';
import { Frame } from 'node-av';
import type { CloisterError } from '../../../../src/kernel/errors.ts';
import { createCapture } from '../../../../src/media/source/capture.ts';
import type { Pipeline } from '../../../../src/media/source/decode-pipeline.ts';

type Sink = { readonly frames: Frame[]; lost(error: CloisterError): void };

/** A device that gives a frame, its end or an error when the test says so. */
function createDevice() {
  let pending: PromiseWithResolvers<Frame | null> | null = null;
  let closed = false;
  const pipeline: Pipeline = {
    next() {
      if (closed) return Promise.resolve(null);
      pending = Promise.withResolvers();
      return pending.promise;
    },
    async close() {
      closed = true;
      pending?.resolve(null);
    }
  };
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    pipeline,
    isClosed: () => closed,
    async give(frame: Frame | null): Promise<void> {
      pending?.resolve(frame);
      await settle();
    },
    async fail(error: Error): Promise<void> {
      pending?.reject(error);
      await settle();
    }
  };
}

function createWorld() {
  const device = createDevice();
  const dropped: Frame[] = [];
  const losses: CloisterError[] = [];
  const sink: Sink = { frames: [], lost: (error) => losses.push(error) };
  const capture = createCapture<Sink>('camera 1', device.pipeline, (frame, wanted) => (wanted?.frames ?? dropped).push(frame));
  return { device, dropped, losses, sink, capture };
}

describe('capture of a device', () => {
  it('reads from the opening on, so that the first frame that is given is new', async () => {
    const { device, dropped, sink, capture, losses } = createWorld();
    const [old, fresh] = [new Frame(), new Frame()];
    await device.give(old);
    assert.equal(capture.started(), false);
    capture.start(sink);
    await device.give(fresh);
    assert.deepEqual([dropped.length, sink.frames.length, dropped[0] === old, sink.frames[0] === fresh], [1, 1, true, true]);
    await capture.close(() => null);
    assert.deepEqual([device.isClosed(), losses.length], [true, 0]);
  });

  it('the end of the stream is the loss of the device, and so is an error', async () => {
    const ended = createWorld();
    ended.capture.start(ended.sink);
    await ended.device.give(null);
    assert.equal(ended.losses[0]?.code, 'CL_MEDIA_SOURCE');
    assert.match(ended.losses[0]?.message ?? '', /^camera 1 gives nothing any more/);
    await ended.capture.close(() => null);
    const broken = createWorld();
    broken.capture.start(broken.sink);
    await broken.device.fail(new Error('No such device'));
    assert.deepEqual([broken.losses.length, broken.losses[0]?.code], [1, 'CL_MEDIA_SOURCE']);
    await broken.capture.close(() => null);
  });

  it('a device that was lost before it was started says so at the start', async () => {
    const { device, losses, sink, capture } = createWorld();
    await device.give(null);
    assert.equal(losses.length, 0);
    capture.start(sink);
    assert.equal(losses.length, 1);
    await capture.close(() => null);
  });

  it('closes the device only when no frame is in use, gives nothing after close() and is then not lost', async () => {
    const { device, dropped, losses, sink, capture } = createWorld();
    capture.start(sink);
    const inUse = Promise.withResolvers<void>();
    const closing = capture.close(() => inUse.promise);
    await device.give(new Frame());
    assert.deepEqual([dropped.length, sink.frames.length, device.isClosed()], [1, 0, false]);
    inUse.resolve();
    await closing;
    assert.deepEqual([device.isClosed(), losses.length], [true, 0]);
    capture.start(sink);
    assert.equal(losses.length, 0);
  });
});
