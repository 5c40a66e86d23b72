// Received sound where the browser refuses a packet. The browser's decoder is a fake one here; the real one: test/browser/call.test.ts.
import assert from 'node:assert/strict';
import type { FeedFrame } from '../../../src/media/display-feed/protocol.ts';
import { Sound, type SoundOutput } from '../../../src/ui/display/sound.ts';

describe('sound that the browser does not take', () => {
  const decoded: { readonly timestamp: number }[] = [];
  const browser = {
    EncodedAudioChunk: class {
      constructor(init: { readonly timestamp: number }) {
        if (!Number.isSafeInteger(init.timestamp)) throw new TypeError('outside of the range');
        Object.assign(this, init);
      }
    },
    AudioDecoder: class {
      readonly decodeQueueSize = 0;
      state = 'configured';
      configure() {}
      decode(chunk: { readonly timestamp: number }) {
        decoded.push(chunk);
      }
      close() {
        this.state = 'closed';
      }
    }
  };
  before(() => void Object.assign(globalThis, browser));
  after(() => {
    for (const name of Object.keys(browser)) Reflect.deleteProperty(globalThis, name);
  });

  it('is left out, and what comes after it is heard', () => {
    const output = { context: { state: 'running' }, resume() {}, open: async () => null } as unknown as SoundOutput;
    const sound = new Sound(output);
    const packet = (timestampUs: number): FeedFrame => ({ kind: 'audio', timestampUs, captureMs: null, data: new Uint8Array(3) });
    sound.configure(1);
    sound.push(packet(0));
    for (const timestampUs of [2 ** 60, Number.NaN, Number.POSITIVE_INFINITY]) sound.push(packet(timestampUs));
    sound.push(packet(20_000));
    assert.deepEqual(
      decoded.map((chunk) => chunk.timestamp),
      [0, 20_000]
    );
    sound.close();
  });
});
