import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  belongsInEpoch,
  createReassembler,
  FRAGMENT_HEADER_BYTES,
  type Fragment,
  fragmentsOf,
  type HandshakeMessage,
  MAX_MESSAGE_BYTES,
  type Reassembler,
  readFragments,
  wholeMessage
} from '../../../../../src/media/secure-transport/dtls/fragments.ts';
import { MESSAGE } from '../../../../../src/media/secure-transport/dtls/registry.ts';

const filled = (length: number, seed = 0): Buffer => Buffer.from(Uint8Array.from({ length }, (_, index) => (seed + index * 7 + (index >> 8)) & 0xff));
const piece = (message: HandshakeMessage, offset: number, length: number): Fragment => ({
  type: message.type,
  length: message.body.length,
  sequence: message.sequence,
  offset,
  data: message.body.subarray(offset, offset + length)
});
const whole = (message: HandshakeMessage): Fragment => piece(message, 0, message.body.length);
const message = (sequence: number, length: number, type: number = MESSAGE.certificate): HandshakeMessage => ({
  type,
  sequence,
  body: filled(length, sequence)
});

function drain(reassembler: Reassembler): HandshakeMessage[] {
  const messages: HandshakeMessage[] = [];
  for (let next = reassembler.next(); next !== null; next = reassembler.next()) messages.push(next);
  return messages;
}

describe('handshake messages in fragments', () => {
  it('RFC 6347 4.2.3: each fragment repeats type, length and number, says its place, and is no longer than the limit', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.integer({ min: FRAGMENT_HEADER_BYTES + 1, max: 1_500 }), fc.nat(65_535), (length, limit, sequence) => {
        const sent = message(sequence, length);
        const records = fragmentsOf(sent, limit);
        let expectedOffset = 0;
        for (const record of records) {
          assert.ok(record.length <= limit);
          const [fragment, ...more] = readFragments(record) ?? [];
          assert.ok(fragment);
          assert.equal(more.length, 0);
          assert.deepEqual([fragment.type, fragment.length, fragment.sequence, fragment.offset], [sent.type, length, sequence, expectedOffset]);
          expectedOffset += fragment.data.length;
        }
        assert.equal(expectedOffset, length);
        assert.equal(records.length, Math.max(1, Math.ceil(length / (limit - FRAGMENT_HEADER_BYTES))));
      })
    );
  });

  it('RFC 6347 4.2.6: a message in one piece is one fragment of all', () => {
    assert.equal(wholeMessage({ type: 11, sequence: 0x0102, body: Buffer.from('abc') }).toString('hex'), '0b0000030102000000000003616263');
    assert.deepEqual(fragmentsOf(message(3, 40), 1_000), [wholeMessage(message(3, 40))]);
  });

  it('RFC 6347 4.2.3: any cut of any messages, in any order, doubled and overlapping, gives the messages back in their order', () => {
    const cuts = fc.array(fc.tuple(fc.nat(999), fc.integer({ min: 1, max: 400 })), { maxLength: 12 });
    const sizes = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        sizes,
        cuts,
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.nat(1_000_000), { maxLength: 200 }),
        fc.nat(9),
        (lengths, extra, step, moves, first) => {
          const sent = lengths.map((length, index) => message(first + index, length));
          const pieces = sent.flatMap((one) => {
            const { length } = one.body;
            if (length === 0) return [whole(one), whole(one)];
            const covering = Array.from({ length: Math.ceil(length / step) }, (_, index) => piece(one, index * step, step));
            return [...covering, ...extra.filter(([at]) => at < length).map(([at, bytes]) => piece(one, at, bytes))];
          });
          const shuffled = pieces.map((one, index) => ({ one, place: moves[index % moves.length] ?? index })).sort((a, b) => a.place - b.place);
          const reassembler = createReassembler(first);
          const got = shuffled.flatMap(({ one }) => {
            reassembler.take(one);
            return drain(reassembler);
          });
          assert.deepEqual(got, sent);
        }
      ),
      { numRuns: 60 }
    );
  });

  it('RFC 6347 4.2.2: a message that was delivered is told from a new one, and comes once', () => {
    const reassembler = createReassembler(4);
    assert.deepEqual([3, 4, 5].map(reassembler.isPast), [true, false, false]);
    assert.deepEqual([3, 4, 5].map(reassembler.isTurn), [false, true, false]);
    for (const sequence of [3, 4]) reassembler.take(whole(message(sequence, 10)));
    assert.equal(drain(reassembler).length, 1);
    assert.deepEqual([3, 4, 5].map(reassembler.isPast), [true, true, false]);
    reassembler.take(whole(message(4, 10)));
    assert.deepEqual(drain(reassembler), []);
    reassembler.take(whole(message(5, 0)));
    assert.deepEqual(drain(reassembler), [message(5, 0)]);
  });

  it('RFC 6347 4.2.2: a message ahead of its turn waits for it', () => {
    const reassembler = createReassembler(0);
    for (const sequence of [2, 1]) reassembler.take(whole(message(sequence, 5)));
    assert.deepEqual(drain(reassembler), []);
    reassembler.take(whole(message(0, 5)));
    assert.deepEqual(drain(reassembler), [message(0, 5), message(1, 5), message(2, 5)]);
  });

  it('RFC 6347 4.2.3: of two fragments that differ in length or type the newer is believed, and nothing of the older stays', () => {
    const honest = message(0, 100);
    for (const forged of [message(0, 101), message(0, 99), message(0, 100, MESSAGE.serverHello)]) {
      const reassembler = createReassembler(0);
      reassembler.take(piece(forged, 0, 60));
      reassembler.take(piece(honest, 60, 40));
      assert.deepEqual(drain(reassembler), []);
      reassembler.take(piece(honest, 0, 60));
      assert.deepEqual(drain(reassembler), [honest]);
    }
  });

  it('RFC 6347 4.2.3: a message in one piece stands for itself: what came of it before is not mixed into it', () => {
    const honest = message(0, 100);
    const forged = { ...honest, body: Buffer.alloc(100, 0xee) };
    const reassembler = createReassembler(0);
    reassembler.take(piece(forged, 5, 1));
    reassembler.take(whole(honest));
    assert.deepEqual(drain(reassembler), [honest]);
    const ahead = createReassembler(0);
    ahead.take(whole(message(1, 100)));
    ahead.take(piece({ ...forged, sequence: 1 }, 0, 60));
    ahead.take(whole({ ...forged, sequence: 1 }));
    ahead.take(whole(honest));
    assert.deepEqual(drain(ahead), [honest, message(1, 100)]);
  });

  it('how often a message may change its length is bounded, and one in one piece gets through after that', () => {
    const reassembler = createReassembler(0);
    for (let time = 0; time < 1_000; time += 1) reassembler.take(piece(message(0, 200 + (time % 7)), 0, 1));
    const late = message(0, 90);
    reassembler.take(piece(late, 0, 45));
    reassembler.take(piece(late, 45, 45));
    assert.deepEqual(drain(reassembler), []);
    reassembler.take(whole(late));
    assert.deepEqual(drain(reassembler), [late]);
  });

  it('RFC 6347 4.2.3: a record whose fragments are cut, too long for their message, or over 32 kB gives nothing at all', () => {
    const raw = (length: number, offset: number, bytes: number, data: number): Buffer => {
      const header = Buffer.alloc(FRAGMENT_HEADER_BYTES);
      header.writeUInt8(11, 0);
      header.writeUIntBE(length, 1, 3);
      header.writeUIntBE(offset, 6, 3);
      header.writeUIntBE(bytes, 9, 3);
      return Buffer.concat([header, Buffer.alloc(data)]);
    };
    const good = raw(10, 0, 10, 10);
    assert.equal(readFragments(good)?.length, 1);
    assert.equal(readFragments(Buffer.concat([good, raw(20, 5, 15, 15), raw(0, 0, 0, 0)]))?.length, 3);
    assert.equal(readFragments(raw(MAX_MESSAGE_BYTES, 0, 100, 100))?.length, 1);
    const bad: readonly (readonly [text: string, content: Buffer])[] = [
      ['half a header', good.subarray(0, 11)],
      ['cut', good.subarray(0, -1)],
      ['over the end of its message', raw(10, 1, 10, 10)],
      ['beside its message', raw(10, 11, 0, 0)],
      ['32 kB and one', raw(MAX_MESSAGE_BYTES + 1, 0, 100, 100)],
      ['16 MB', raw(0xffffff, 0xfffff0, 15, 15)]
    ];
    for (const [text, content] of bad) {
      assert.equal(readFragments(content), null, text);
      assert.equal(readFragments(Buffer.concat([good, content])), null, `${text}, after a good one`);
    }
    assert.deepEqual(readFragments(Buffer.alloc(0)), []);
    assert.equal(readFragments(Buffer.concat([raw(10, 3, 0, 0), good]))?.length, 1, 'an empty piece says nothing, and what is beside it counts');
  });

  it('whatever bytes come, reading fragments never throws, and what it reads lies within its message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        for (const { length, offset, data } of readFragments(Buffer.from(bytes)) ?? [])
          assert.ok(offset + data.length <= length && length <= MAX_MESSAGE_BYTES);
      })
    );
  });

  it('what is more than seven ahead of its turn is not kept', () => {
    const reassembler = createReassembler(2);
    reassembler.take(whole(message(10, 5)));
    for (const sequence of [9, 8, 7, 6, 5, 4, 3, 2]) reassembler.take(whole(message(sequence, 5)));
    assert.deepEqual(
      drain(reassembler).map(({ sequence }) => sequence),
      [2, 3, 4, 5, 6, 7, 8, 9]
    );
    assert.equal(reassembler.next(), null);
  });

  it('at most 64 kB wait; the message whose turn it is has room whatever waits, and pushes out the farthest ahead first', () => {
    const reassembler = createReassembler(0);
    const large = [1, 2, 3].map((sequence) => message(sequence, MAX_MESSAGE_BYTES));
    for (const one of large) reassembler.take(piece(one, 0, 100));
    // The third found no room. Now the first of all takes the second's.
    const turn = message(0, MAX_MESSAGE_BYTES);
    reassembler.take(whole(turn));
    assert.deepEqual(drain(reassembler), [turn]);
    for (const one of large) reassembler.take(piece(one, 100, MAX_MESSAGE_BYTES));
    assert.deepEqual(
      drain(reassembler).map(({ sequence }) => sequence),
      [1],
      'of the second the beginning, and of the third everything was forgotten'
    );
    for (const one of large.slice(1)) reassembler.take(whole(one));
    assert.deepEqual(drain(reassembler), large.slice(1));
  });

  it('what is ahead finds no room where those before it have it all, and a message that is past takes none', () => {
    const reassembler = createReassembler(4);
    for (const sequence of [2, 3]) {
      reassembler.take(whole(message(sequence, MAX_MESSAGE_BYTES)));
      reassembler.take(piece(message(sequence, MAX_MESSAGE_BYTES), 0, 100));
    }
    const sent = [message(4, 10), message(5, MAX_MESSAGE_BYTES), message(6, MAX_MESSAGE_BYTES - 10), message(7, 20)];
    for (const one of sent) reassembler.take(piece(one, 0, 9));
    for (const one of sent) reassembler.take(piece(one, 9, MAX_MESSAGE_BYTES));
    assert.deepEqual(
      drain(reassembler).map(({ sequence }) => sequence),
      [4, 5, 6]
    );
  });

  it('room is given back: a hundred messages of 32 kB go through one after the other', () => {
    const reassembler = createReassembler(0);
    for (let sequence = 0; sequence < 100; sequence += 1) {
      const one = { type: 11, sequence, body: Buffer.alloc(MAX_MESSAGE_BYTES, sequence) };
      reassembler.take({ ...whole(one), data: one.body.subarray(0, 1) });
      reassembler.take(whole({ ...one, type: 12 }));
      assert.equal(drain(reassembler).length, 1);
    }
  });

  it('RFC 6347 4.2.1: a server that does not know the client yet takes the complete message whatever its number', () => {
    const reassembler = createReassembler(null);
    reassembler.take(piece(message(0, 50), 0, 20));
    reassembler.take(whole(message(1, 50)));
    assert.deepEqual(drain(reassembler), [message(1, 50)]);
    reassembler.take(whole(message(1, 50)));
    assert.deepEqual(drain(reassembler), [message(1, 50)], 'and again, since it forgets it');
    assert.equal(reassembler.isPast(0), false);
    reassembler.take(whole(message(8, 50)));
    assert.deepEqual(drain(reassembler), []);
  });

  it('RFC 5246 7.4.9: Finished is protected, and nothing else of the handshake is', () => {
    for (const type of Object.values(MESSAGE)) {
      assert.equal(belongsInEpoch(type, 1), type === MESSAGE.finished);
      assert.equal(belongsInEpoch(type, 0), type !== MESSAGE.finished);
    }
  });
});
