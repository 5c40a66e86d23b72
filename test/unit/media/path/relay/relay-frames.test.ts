// TURN messages over a stream, cut anywhere.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createFrameReader, paddedFrame } from '../../../../../src/media/path/relay/relay-frames.ts';

const stun = (attributeBytes: number): Buffer => {
  const message = Buffer.alloc(20 + attributeBytes, 7);
  message.writeUInt16BE(0x0113, 0);
  message.writeUInt16BE(attributeBytes, 2);
  return message;
};
const channelData = (bytes: number): Buffer => {
  const message = Buffer.alloc(4 + bytes, 9);
  message.writeUInt16BE(0x4001, 0);
  message.writeUInt16BE(bytes, 2);
  return message;
};

const anyMessage = fc.oneof(
  fc.nat(20).map((words) => stun(words * 4)),
  fc.nat(1_500).map(channelData)
);

describe('TURN messages over a stream', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }), (messages, cuts) => {
        const stream = Buffer.concat(messages.map(paddedFrame));
        const got: string[] = [];
        const read = createFrameReader(
          (message) => got.push(message.toString('hex')),
          () => assert.fail('broken')
        );
        for (let at = 0, cut = 0; at < stream.length; cut += 1) {
          const length = cuts[cut % cuts.length] ?? 1;
          read(stream.subarray(at, at + length));
          at += length;
        }
        assert.deepEqual(
          got,
          messages.map((message) => message.toString('hex'))
        );
      })
    );
  });

  it('end for good at what is none of them', () => {
    for (const first of [0x50, 0x80, 0xff]) {
      let broken = 0;
      const got: Buffer[] = [];
      const read = createFrameReader(
        (message) => got.push(message),
        () => {
          broken += 1;
        }
      );
      read(Buffer.concat([stun(4), Buffer.from([first, 0, 0, 0])]));
      read(stun(4));
      assert.deepEqual([got.length, broken], [1, 1]);
    }
  });

  it('of any bytes at all throw nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
        const read = createFrameReader(
          () => {},
          () => {}
        );
        for (const chunk of chunks) read(Buffer.from(chunk));
      })
    );
  });
});
