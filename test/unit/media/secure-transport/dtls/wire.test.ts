import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createReader, Refusal, uint, uint16List, uint16s, vector } from '../../../../../src/media/secure-transport/dtls/wire.ts';

const cutShort = (error: unknown): boolean => error instanceof Refusal && error.alert === 'decode_error' && error.code === 'CL_SECURITY_HANDSHAKE';

describe('the presentation language', () => {
  it('RFC 5246 4.3: a vector comes out as it went in, and leaves what follows it', () => {
    fc.assert(
      fc.property(fc.constantFrom<1 | 2 | 3>(1, 2, 3), fc.uint8Array({ maxLength: 255 }), fc.uint8Array({ maxLength: 20 }), (lengthBytes, body, rest) => {
        const reader = createReader(Buffer.concat([vector(lengthBytes, body), rest]));
        assert.deepEqual([...reader.vector(lengthBytes)], [...body]);
        assert.equal(reader.left, rest.length);
        assert.deepEqual([...reader.take(rest.length)], [...rest]);
        reader.end();
      })
    );
  });

  it('RFC 5246 4.4: numbers are written with the highest byte first', () => {
    assert.equal(uint(0x010203, 3).toString('hex'), '010203');
    assert.equal(uint16s([0x1234, 0xff01]).toString('hex'), '1234ff01');
    assert.deepEqual(uint16List(Buffer.from('1234ff01', 'hex')), [0x1234, 0xff01]);
    assert.equal(createReader(Buffer.from('fffefd', 'hex')).uint(3), 0xfffefd);
  });

  it('RFC 5246 7.2.2: whatever is read of whatever bytes, a reader goes over no end, and refuses with decode_error', () => {
    const step = fc.oneof(
      fc.record({ take: fc.nat(40) }),
      fc.record({ uint: fc.constantFrom<1 | 2 | 3>(1, 2, 3) }),
      fc.record({ vector: fc.constantFrom<1 | 2 | 3>(1, 2, 3) })
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(step, { maxLength: 10 }), (bytes, steps) => {
        const reader = createReader(Buffer.from(bytes));
        try {
          for (const one of steps) {
            const before = reader.left;
            if ('take' in one) assert.equal(reader.take(one.take).length, one.take);
            else if ('uint' in one) assert.ok(reader.uint(one.uint) < 256 ** one.uint);
            else reader.vector(one.vector);
            assert.ok(reader.left >= 0 && reader.left <= before);
          }
        } catch (error) {
          assert.ok(cutShort(error), String(error));
        }
      })
    );
  });

  it('RFC 5246 7.2.2: what is left over is refused', () => {
    const reader = createReader(Buffer.from([1, 2]));
    reader.take(1);
    assert.throws(() => reader.end(), cutShort);
    reader.take(1);
    reader.end();
  });

  it('RFC 5246 4.3: a list of two-byte numbers that is empty or ends in half a number is refused', () => {
    for (const hex of ['', '01', '010203']) assert.throws(() => uint16List(Buffer.from(hex, 'hex')), cutShort, hex);
  });
});
