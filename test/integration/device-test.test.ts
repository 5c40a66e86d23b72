// The process that tries one device, as the agent starts it, on sources that need no device: levels, a picture for this room's pages, faults, and its end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { createDeviceTest, type DeviceTest } from '../../agent/device-test.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { decodeFeedFrame } from '../../src/media/display-feed/protocol.ts';
import { decodePictures } from '../harness/decode.ts';

const ORIGIN = 'http://127.0.0.1:1';

describe('the process that tries a device', function () {
  this.timeout(60_000);
  let test: DeviceTest;
  beforeEach(() => {
    test = createDeviceTest({ pages: () => ({ host: '127.0.0.1', origins: [ORIGIN] }), clock: systemClock, log: silentLog });
  });
  afterEach(() => test[Symbol.asyncDispose]());

  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        off();
        resolve();
      };
      const off = test.on('changed', look);
      look();
    });

  it('measures a microphone many times a second', async () => {
    await test.start('mic', { kind: 'microphone', choice: 'test', name: 'Test' });
    let told = 0;
    test.on('changed', () => {
      if (test.view()?.level !== null) told += 1;
    });
    await until(() => told >= 10);
    const level = test.view()?.level;
    assert.ok(level && level.rmsDbfs > -60 && level.rmsDbfs < -3, JSON.stringify(level));
    await test.stop();
    assert.equal(test.view(), null);
  });

  it('shows a camera’s picture to a page of this room, and to nobody else', async () => {
    await test.start('eye', { kind: 'camera', choice: 'test', name: 'Test' });
    const { url } = await test.ticket();
    const stranger = new WebSocket(url, { origin: 'http://evil.example' });
    await assert.rejects(once(stranger, 'open'), /403/);
    const page = new WebSocket((await test.ticket()).url, { origin: ORIGIN });
    page.binaryType = 'arraybuffer';
    const frames: { data: Uint8Array }[] = [];
    await new Promise<void>((resolve, reject) => {
      page.on('error', reject);
      page.on('message', (data, binary) => {
        const frame = binary ? decodeFeedFrame(data as ArrayBuffer) : null;
        if (frame !== null) frames.push(frame);
        if (frames.length >= 5) resolve();
      });
    });
    const images = await decodePictures('H264', frames);
    assert.deepEqual([images[0]?.width, images[0]?.height], [640, 360]);
    const closed = once(page, 'close');
    await test.stop();
    await closed;
  });

  it('lets go of a camera through which no page looks any more: the panel may have died', async () => {
    await test.start('eye', { kind: 'camera', choice: 'test', name: 'Test' });
    const page = new WebSocket((await test.ticket()).url, { origin: ORIGIN });
    await once(page, 'open');
    // As long as it looks, however long that is.
    await pause(17_000);
    assert.notEqual(test.view(), null);
    page.terminate();
    const leftMs = performance.now();
    await until(() => test.view() === null);
    assert.ok(performance.now() - leftMs > 10_000, 'a page that is loaded anew is waited for');
  });

  it('says why a device cannot be opened, and ends all the same', async () => {
    for (const kind of ['camera', 'microphone', 'speaker'] as const) {
      await test.start(kind, { kind, choice: kind === 'camera' ? '/dev/video-none' : 'hw:77,7', name: 'None' });
      await until(() => test.view()?.problem != null);
      assert.match(test.view()?.problem?.code ?? '', /^CL_MEDIA_(?:SOURCE|SPEAKER)$/);
      await test.stop();
    }
  });
});
