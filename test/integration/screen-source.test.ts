// The machine's own screen as what is shared: a real X server, captured by FFmpeg.
import assert from 'node:assert/strict';
import { systemClock } from '../../src/kernel/clock.ts';
import type { CloisterError } from '../../src/kernel/errors.ts';
import { openScreenSource } from '../../src/media/source/open-source.ts';
import type { VideoSource } from '../../src/media/source/source.ts';
import { createTestPage } from '../../src/media/source/test-page.ts';
import { startXDisplay, type XDisplay } from '../harness/x-display.ts';

const SIZE = { width: 1280, height: 720 };
const PROFILE = { ...SIZE, fps: 10, maxKbps: 1000 };

/** The test page as luminance of full range, as a program draws it on a screen. */
function page(second: number): Uint8Array {
  const luma = new Uint8Array(SIZE.width * SIZE.height);
  const chroma = new Uint8Array((SIZE.width * SIZE.height) / 4);
  const picture = createTestPage(SIZE.width, SIZE.height);
  const planes = { ...SIZE, data: [luma, chroma, chroma.slice()], strides: [SIZE.width, SIZE.width / 2, SIZE.width / 2] } as const;
  picture.drawBackground(planes);
  picture.drawChanges(planes, second * 1000, new Date(0));
  return luma.map((light) => Math.round((light - 16) * (255 / 219)));
}

/** Calls `look` with each frame's luminance until it returns true. */
function watch(source: VideoSource, look: (pixel: (x: number, y: number) => number) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    source.start({
      async frame(frame) {
        assert.deepEqual([frame.width, frame.height], [PROFILE.width, PROFILE.height]);
        const [luma] = frame.data ?? [];
        const [stride = 0] = frame.linesize;
        if (look((x, y) => luma?.[y * stride + x] ?? 0)) resolve();
      },
      lost: reject
    });
  });
}

describe('the machine’s screen as a source', function () {
  this.timeout(60_000);
  let display: XDisplay;
  let keepAlive: NodeJS.Timeout;

  before(async () => {
    keepAlive = setInterval(() => {}, 1000);
    display = await startXDisplay(SIZE.width, SIZE.height);
  });
  after(async () => {
    clearInterval(keepAlive);
    await display?.[Symbol.asyncDispose]();
  });

  it('shows what is on the screen, sharp, and what changes on it', async () => {
    const source = await openScreenSource(`screen:${display.name}`, PROFILE, systemClock);
    try {
      assert.deepEqual(source.view, { kind: 'device', name: `screen ${display.name}` });
      const wanted = [page(0), page(25)];
      await display.paint(wanted[0] ?? new Uint8Array());
      const seen: number[] = [];
      await watch(source, (pixel) => {
        const match = wanted.findIndex((shown) => {
          let sum = 0;
          for (let at = 0; at < shown.length; at += 7) {
            const [x, y] = [at % SIZE.width, Math.floor(at / SIZE.width)];
            sum += ((shown[at] ?? 0) * (219 / 255) + 16 - pixel(x, y)) ** 2;
          }
          return sum / (shown.length / 7) < 40; // the pointer lies on it; a blurred or another page is in the thousands
        });
        if (match >= 0 && seen.at(-1) !== match) seen.push(match);
        if (match === 0) void display.paint(wanted[1] ?? new Uint8Array());
        return match === 1;
      });
      assert.deepEqual(seen, [0, 1]);
    } finally {
      await source.close();
    }
  });

  it('is scaled to the profile where the screen has another size', async () => {
    const source = await openScreenSource(`screen:${display.name}`, { ...PROFILE, width: 640, height: 480 }, systemClock);
    try {
      await new Promise<void>((resolve, reject) => {
        source.start({
          async frame(frame) {
            const [luma] = frame.data ?? [];
            const [stride = 0] = frame.linesize;
            assert.deepEqual([frame.width, frame.height], [640, 480]);
            // 16:9 in 4:3: bars above and below.
            if (luma?.[10 * stride + 320] === 16 && (luma[70 * stride + 4] ?? 0) > 200) resolve();
          },
          lost: reject
        });
      });
    } finally {
      await source.close();
    }
  });

  it('says which screen cannot be opened, and that there is none', async () => {
    await assert.rejects(openScreenSource('screen::4711', PROFILE, systemClock), (error: CloisterError) => {
      assert.equal(error.code, 'CL_MEDIA_SCREEN_SOURCE');
      assert.match(error.message, /screen :4711/);
      return true;
    });
    const { DISPLAY } = process.env;
    delete process.env['DISPLAY'];
    try {
      await assert.rejects(openScreenSource('auto', PROFILE, systemClock), { code: 'CL_MEDIA_SCREEN_NONE' });
      await assert.rejects(openScreenSource('none', PROFILE, systemClock), { code: 'CL_MEDIA_SCREEN_NONE' });
      process.env['DISPLAY'] = display.name;
      const found = await openScreenSource('auto', PROFILE, systemClock);
      assert.deepEqual(found.view, { kind: 'device', name: 'screen' });
      await found.close();
    } finally {
      if (DISPLAY === undefined) delete process.env['DISPLAY'];
      else process.env['DISPLAY'] = DISPLAY;
    }
  });

  it('is lost, and told so, when the X server is gone', async () => {
    const source = await openScreenSource(`screen:${display.name}`, PROFILE, systemClock);
    try {
      const lost = new Promise<CloisterError>((resolve) => source.start({ frame: async () => void display.kill(), lost: resolve }));
      assert.equal((await lost).code, 'CL_MEDIA_SOURCE');
    } finally {
      await source.close();
    }
  });
});
