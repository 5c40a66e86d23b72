import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import * as fc from 'fast-check';
import {
  CHUNK_OVERHEAD_BYTES,
  createChunkSealer,
  createRecordingReader,
  readSealedKey,
  recordingHeader
} from '../../../../src/media/recording/sealed-recording.ts';

const KEY = createSecretKey(Buffer.alloc(32, 7));
const SEALED_KEY = 'aaa..bbb.ccc.ddd';
const HEADER = recordingHeader(SEALED_KEY);
const parts = (chunks: readonly string[], ended = true): Buffer[] => {
  const seal = createChunkSealer(KEY, HEADER);
  return chunks.map((text, index) => seal(Buffer.from(text), ended && index === chunks.length - 1));
};

/** @param step how many bytes come at a time */
function read(bytes: Buffer, step = bytes.length, key = KEY): { text: string; end: string } {
  const reader = createRecordingReader((sealed) => (sealed === SEALED_KEY ? key : null));
  let text = '';
  for (let at = 0; at < bytes.length; at += Math.max(1, step)) {
    const found = reader.push(bytes.subarray(at, at + Math.max(1, step)));
    if (typeof found === 'string') return { text, end: found };
    text += found.map((plain) => Buffer.from(plain).toString()).join('');
  }
  return { text, end: reader.end() };
}

describe('the file of a recording', () => {
  it('gives back what was sealed, however its bytes come', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 40 }), (chunks, step) => {
        assert.deepEqual(read(Buffer.concat([HEADER, ...parts(chunks)]), step), {
          text: Buffer.from(chunks.map((c) => Buffer.from(c).toString()).join('')).toString(),
          end: 'whole'
        });
      })
    );
    assert.equal(readSealedKey(Buffer.concat([HEADER, Buffer.from('rest')])), SEALED_KEY);
    assert.equal(readSealedKey(HEADER.subarray(0, -1)), null);
  });

  it('holds nothing in the clear, and never the same bytes twice', () => {
    const [first = Buffer.alloc(0), second] = parts(['the same words', 'the same words']);
    assert.equal(first.includes('same'), false);
    assert.notDeepEqual(first, second);
    assert.equal(first.length, 'the same words'.length + CHUNK_OVERHEAD_BYTES);
  });

  it('is readable up to its last whole chunk where it was cut off, and says so', () => {
    const chunks = parts(['one ', 'two ', 'three']);
    const whole = Buffer.concat([HEADER, ...chunks]);
    const [one = Buffer.alloc(0), two = Buffer.alloc(0)] = chunks;
    for (let size = 0; size < whole.length; size++) {
      const { text, end } = read(whole.subarray(0, size));
      const least = size < HEADER.length ? 'foreign' : 'cut-off';
      assert.equal(end, least, `${size}`);
      const expected = size >= HEADER.length + one.length + two.length ? 'one two ' : size >= HEADER.length + one.length ? 'one ' : '';
      assert.equal(text, expected);
    }
    assert.equal(read(Buffer.concat([HEADER, ...parts(['one', 'two'], false)])).end, 'cut-off');
  });

  it('notices chunks that were moved, left out, repeated, joined, or made the last', () => {
    const chunks = parts(['one', 'two', 'three']);
    const [one = Buffer.alloc(0), two = Buffer.alloc(0), three = Buffer.alloc(0)] = chunks;
    const relabelled = Buffer.from(one);
    relabelled[0] = 0x80;
    const other = recordingHeader(`${SEALED_KEY}e`);
    for (const [what, bytes] of Object.entries({
      moved: [HEADER, two, one, three],
      'left out': [HEADER, one, three],
      repeated: [HEADER, one, one, two, three],
      joined: [HEADER, ...chunks, HEADER, ...chunks],
      appended: [HEADER, ...chunks, Buffer.from([0])],
      'made the last': [HEADER, relabelled],
      'of another recording': [HEADER, createChunkSealer(KEY, other)(Buffer.from('one'), true)]
    }))
      assert.equal(read(Buffer.concat(bytes)).end, 'refused', what);
  });

  it('notices every changed byte, and another key', () => {
    const whole = Buffer.concat([HEADER, ...parts(['one', 'two'])]);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.notEqual(read(changed).end, 'whole', `byte ${at}`);
    }
    assert.equal(read(whole, whole.length, createSecretKey(Buffer.alloc(32, 8))).end, 'refused');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(Buffer.from(bytes), 7)));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(Buffer.concat([HEADER, bytes]), 13)));
  });
});
