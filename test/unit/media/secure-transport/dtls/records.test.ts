import assert from 'node:assert/strict';
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { DirectionKeys } from '../../../../../src/media/secure-transport/dtls/key-schedule.ts';
import {
  type DtlsRecord,
  PROTECTION_BYTES,
  plainRecord,
  protectRecord,
  RECORD_HEADER_BYTES,
  readRecords,
  unprotectRecord
} from '../../../../../src/media/secure-transport/dtls/records.ts';
import { type CipherSuite, CONTENT, STANDARD_POLICY } from '../../../../../src/media/secure-transport/dtls/registry.ts';

const keysFor = ({ keyBytes }: CipherSuite): DirectionKeys => ({ key: createSecretKey(randomBytes(keyBytes)), salt: randomBytes(4) });
const MAX_SEQUENCE = 2 ** 48 - 1;
const CONTENT_BYTES = Buffer.from('what is said');

function only(datagram: Buffer): DtlsRecord {
  const [record, ...more] = readRecords(datagram);
  assert.ok(record);
  assert.equal(more.length, 0);
  return record;
}
function flipped(data: Buffer, bit: number): Buffer {
  const copy = Buffer.from(data);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

describe('records', () => {
  it('RFC 6347 4.1: a plain record has type, version, epoch 0, its number and its length', () => {
    const datagram = plainRecord(CONTENT.handshake, 0x010203040506, Buffer.from('abc'));
    assert.equal(datagram.toString('hex'), '16fefd00000102030405060003616263');
    assert.deepEqual(only(datagram), { type: 22, epoch: 0, sequence: 0x010203040506, body: Buffer.from('abc') });
  });

  for (const suite of STANDARD_POLICY.suites) {
    const keys = keysFor(suite);

    it(`RFC 5288 3: what was protected comes back, of any type, number and length (${suite.cipher})`, () => {
      fc.assert(
        fc.property(fc.nat(255), fc.maxSafeNat(), fc.uint8Array({ maxLength: 1_300 }), (type, number, content) => {
          const sequence = number % (MAX_SEQUENCE + 1);
          const datagram = protectRecord(suite, keys, type, 1, sequence, content);
          assert.equal(datagram.length, RECORD_HEADER_BYTES + content.length + PROTECTION_BYTES);
          const record = only(datagram);
          assert.deepEqual([record.type, record.epoch, record.sequence], [type, 1, sequence]);
          assert.deepEqual(unprotectRecord(suite, keys, record), Buffer.from(content));
        })
      );
    });

    it(`RFC 5246 6.2.3.3, RFC 5288 3: nonce and additional data are what the RFCs say (${suite.cipher})`, () => {
      const explicit = Buffer.from('0001000000000007', 'hex');
      const cipher = createCipheriv(suite.cipher, keys.key, Buffer.concat([keys.salt, explicit]), { authTagLength: 16 });
      cipher.setAAD(Buffer.concat([explicit, Buffer.from('17fefd', 'hex'), Buffer.from([0, CONTENT_BYTES.length])]));
      const expected = Buffer.concat([explicit, cipher.update(CONTENT_BYTES), cipher.final(), cipher.getAuthTag()]);
      assert.deepEqual(only(protectRecord(suite, keys, 23, 1, 7, CONTENT_BYTES)).body, expected);
    });

    it(`RFC 6347 4.1.2.7: each bit flipped anywhere in a protected record, it is not taken (${suite.cipher})`, () => {
      const datagram = protectRecord(suite, keys, CONTENT.handshake, 1, 5, CONTENT_BYTES);
      assert.deepEqual(unprotectRecord(suite, keys, only(datagram)), CONTENT_BYTES);
      for (let bit = 0; bit < 8 * datagram.length; bit += 1)
        for (const record of readRecords(flipped(datagram, bit))) assert.equal(unprotectRecord(suite, keys, record), null, `bit ${bit}`);
    });

    it(`RFC 5246 6.2.3.3: with another key or salt it is not taken, nor when it is too short to be one (${suite.cipher})`, () => {
      const record = only(protectRecord(suite, keys, CONTENT.handshake, 1, 5, CONTENT_BYTES));
      assert.equal(unprotectRecord(suite, keysFor(suite), record), null);
      assert.equal(unprotectRecord(suite, { ...keys, salt: randomBytes(4) }, record), null);
      for (let length = 0; length < record.body.length; length += 1)
        assert.equal(unprotectRecord(suite, keys, { ...record, body: record.body.subarray(0, length) }), null, String(length));
    });
  }

  it('RFC 5288 3: the nonces of an epoch never repeat, since they are its record numbers', () => {
    const [suite] = STANDARD_POLICY.suites;
    assert.ok(suite);
    const keys = keysFor(suite);
    const nonces = [0, 1, 2 ** 32, MAX_SEQUENCE].map((sequence) =>
      only(protectRecord(suite, keys, 22, 1, sequence, CONTENT_BYTES))
        .body.subarray(0, 8)
        .toString('hex')
    );
    assert.deepEqual(nonces, ['0001000000000000', '0001000000000001', '0001000100000000', '0001ffffffffffff']);
  });

  it('RFC 6347 4.1: record numbers end with 48 bits, and no number comes twice', () => {
    const [suite] = STANDARD_POLICY.suites;
    assert.ok(suite);
    const keys = keysFor(suite);
    plainRecord(22, MAX_SEQUENCE, CONTENT_BYTES);
    assert.throws(() => plainRecord(22, MAX_SEQUENCE + 1, CONTENT_BYTES), RangeError);
    assert.throws(() => protectRecord(suite, keys, 22, 1, MAX_SEQUENCE + 1, CONTENT_BYTES), RangeError);
  });

  it('RFC 6347 4.1.1: several records of a datagram are read in order, also those of length zero', () => {
    const datagram = Buffer.concat([plainRecord(22, 1, Buffer.from('a')), plainRecord(20, 2, Buffer.alloc(0)), plainRecord(21, 3, Buffer.from('bc'))]);
    assert.deepEqual(
      readRecords(datagram).map(({ type, sequence, body }) => [type, sequence, body.toString()]),
      [
        [22, 1, 'a'],
        [20, 2, ''],
        [21, 3, 'bc']
      ]
    );
  });

  it('RFC 6347 4.1.2.7: a record whose length goes over the end is dropped, and what came before it is read', () => {
    const first = plainRecord(22, 1, Buffer.from('a'));
    const second = plainRecord(22, 2, Buffer.from('bc'));
    for (let cut = 1; cut < second.length; cut += 1)
      assert.deepEqual(
        readRecords(Buffer.concat([first, second.subarray(0, -cut)])).map(({ sequence }) => sequence),
        [1],
        `cut by ${cut}`
      );
    assert.deepEqual(readRecords(Buffer.alloc(0)), []);
  });

  it('RFC 6347 4.1: a record of another version is skipped and the next one read; DTLS 1.0 stands in plain records only', () => {
    const next = plainRecord(22, 9, Buffer.from('next'));
    const of = (version: number, epoch: number): Buffer => {
      const record = plainRecord(22, 1, Buffer.from('a'));
      record.writeUInt16BE(version, 1);
      record.writeUInt16BE(epoch, 3);
      return record;
    };
    const taken = (version: number, epoch: number) => readRecords(Buffer.concat([of(version, epoch), next])).map(({ sequence }) => sequence);
    assert.deepEqual(taken(0xfefd, 0), [1, 9]);
    assert.deepEqual(taken(0xfefd, 1), [1, 9]);
    assert.deepEqual(taken(0xfeff, 0), [1, 9]);
    assert.deepEqual(taken(0xfeff, 1), [9]);
    for (const version of [0x0000, 0x0303, 0xfefe, 0xfefc, 0x0100]) assert.deepEqual(taken(version, 0), [9], version.toString(16));
  });

  it('RFC 5246 6.2.1 and 6.2.3: a record that is longer than may be is skipped', () => {
    const lengthsOf = (epoch: number, length: number): number[] => {
      const record = plainRecord(22, 1, Buffer.alloc(length));
      record.writeUInt16BE(epoch, 3);
      return readRecords(record).map(({ body }) => body.length);
    };
    assert.deepEqual(lengthsOf(0, 2 ** 14), [2 ** 14]);
    assert.deepEqual(lengthsOf(0, 2 ** 14 + 1), []);
    assert.deepEqual(lengthsOf(1, 2 ** 14 + PROTECTION_BYTES), [2 ** 14 + PROTECTION_BYTES]);
    assert.deepEqual(lengthsOf(1, 2 ** 14 + PROTECTION_BYTES + 1), []);
  });

  it('whatever bytes come, reading never throws and goes over no end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        for (const { body, type, epoch, sequence } of readRecords(Buffer.from(bytes))) {
          assert.ok(body.length <= bytes.length - RECORD_HEADER_BYTES && type <= 255 && epoch <= 0xffff && sequence <= MAX_SEQUENCE);
          for (const suite of STANDARD_POLICY.suites) assert.equal(unprotectRecord(suite, keysFor(suite), { body, type, epoch, sequence }), null);
        }
      })
    );
  });
});
