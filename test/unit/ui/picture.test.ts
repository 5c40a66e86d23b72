// A received picture that is larger than any screen once it is decoded, whatever was said of it before. The browser is a fake one here; the real one: test/browser.
import assert from 'node:assert/strict';
import type { FeedFrame } from '../../../src/media/display-feed/protocol.ts';
import { Picture } from '../../../src/ui/display/picture.ts';

type Output = (frame: object) => void;

describe('a picture that is too large', () => {
  let output: Output = () => {};
  let refresh: (() => void) | null = null;
  let decoders = 0;
  let closedDecoders = 0;
  const browser = {
    EncodedVideoChunk: class {
      constructor(init: object) {
        Object.assign(this, init);
      }
    },
    VideoDecoder: class {
      readonly decodeQueueSize = 0;
      state = 'configured';
      constructor(init: { readonly output: Output }) {
        decoders += 1;
        output = init.output;
      }
      configure() {}
      decode() {}
      close() {
        closedDecoders += 1;
        this.state = 'closed';
      }
    },
    requestAnimationFrame: (run: () => void) => {
      refresh = run;
      return 1;
    }
  };
  before(() => void Object.assign(globalThis, browser));
  after(() => {
    for (const name of Object.keys(browser)) Reflect.deleteProperty(globalThis, name);
  });

  for (const [what, display, coded] of [
    ['to be shown', [60_000, 360], [640, 360]],
    ['to be kept', [640, 360], [16_384, 16_384]]
  ] as const) {
    it(`${what} is not drawn: the canvas stays as it is, the decoder is given up, and a keyframe is asked for`, () => {
      let asked = 0;
      let closedFrames = 0;
      const canvas = { width: 1, height: 1, getContext: () => ({ drawImage() {} }) };
      const picture = new Picture({
        canvas: () => canvas as unknown as HTMLCanvasElement,
        heardCaptureMs: () => null,
        needKeyframe: () => {
          asked += 1;
        },
        presented: () => {}
      });
      const arrive = (
        kind: FeedFrame['kind'],
        timestamp: number,
        [displayWidth, displayHeight]: readonly [number, number],
        [codedWidth, codedHeight] = [0, 0]
      ) => {
        picture.push({ kind, timestampUs: timestamp, captureMs: null, data: new Uint8Array(3) });
        const close = (): void => {
          closedFrames += 1;
        };
        output({ timestamp, displayWidth, displayHeight, codedWidth, codedHeight, close });
        refresh?.();
        refresh = null;
      };
      picture.configure('vp09.00.21.08', 640, 360);
      arrive('video-key', 0, [640, 360], [640, 360]);
      arrive('video-delta', 1_000, [320, 180], [320, 180]);
      assert.deepEqual([canvas.width, canvas.height, picture.statistics().framesPresented, asked], [320, 180, 2, 0]);
      const [made, closed] = [decoders, closedDecoders];
      arrive('video-delta', 2_000, [...display], [...coded]);
      assert.deepEqual([canvas.width, canvas.height, picture.statistics().framesPresented], [320, 180, 2]);
      assert.deepEqual([decoders - made, closedDecoders - closed, closedFrames, asked], [1, 1, 3, 1]);
      picture.close();
    });
  }
});
