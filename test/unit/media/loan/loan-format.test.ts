import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  createBorrowerReader,
  createLenderReader,
  type FromBorrower,
  type FromLender,
  type LoanReader,
  MAX_CHOICE_CHARACTERS,
  MAX_OPUS_BYTES,
  PICTURE_OFFSET,
  pictureBytes,
  pictureMemory,
  SOUND_SAMPLES,
  setPictureTimes,
  TICKET_BYTES,
  writeFromBorrower,
  writeFromLender
} from '../../../../src/media/loan/loan-format.ts';

/** Objects as the reader makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> => fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const KINDS = ['camera', 'microphone', 'screen', 'speaker'] as const;
const time = fc.double({ min: 0, max: 1e12, noNaN: true });
const kind = fc.constantFrom(...KINDS);

const fromBorrower: fc.Arbitrary<FromBorrower> = fc.oneof(
  record({ type: fc.constant('hello' as const), ticket: fc.uint8Array({ minLength: TICKET_BYTES, maxLength: TICKET_BYTES }) }),
  record({ type: fc.constant('want' as const), kind, on: fc.boolean() }),
  record({ type: fc.constant('released' as const), kind }),
  record({ type: fc.constant('opus' as const), timestampUs: time, data: fc.uint8Array({ minLength: 1, maxLength: 200 }) }),
  record({ type: fc.constant('key' as const), key: fc.constantFrom(...'0123456789*#ABCD') })
);

const view = fc.option(
  record({ kind: fc.constantFrom('device' as const, 'file' as const, 'test' as const, 'away' as const), name: fc.string({ maxLength: 256 }) })
);
const fromLender: fc.Arbitrary<FromLender> = fc.oneof(
  record({ type: fc.constant('welcome' as const) }),
  record({
    type: fc.constant('state' as const),
    kind,
    state: fc.constantFrom('closed' as const, 'opening' as const, 'open' as const),
    choice: fc.string(),
    view
  }),
  record({
    kind: fc.constantFrom('camera' as const, 'screen' as const),
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 })
  }).chain(({ kind: picture, width, height }) =>
    record({
      type: fc.constant('picture' as const),
      kind: fc.constant(picture),
      width: fc.constant(2 * width),
      height: fc.constant(2 * height),
      captureMs: time,
      sentMs: time,
      planes: fc.uint8Array({ minLength: 6 * width * height, maxLength: 6 * width * height })
    })
  ),
  record({
    type: fc.constant('sound' as const),
    captureMs: time,
    sentMs: time,
    samples: fc.int16Array({ minLength: SOUND_SAMPLES, maxLength: SOUND_SAMPLES })
  })
);

function written(message: FromLender): Buffer {
  if (message.type !== 'picture') return writeFromLender(message);
  const memory = pictureMemory(message.kind, message.width, message.height);
  assert.ok(memory);
  setPictureTimes(memory, message.captureMs, message.sentMs);
  memory.set(message.planes, PICTURE_OFFSET);
  return memory;
}

/** What is the reader's memory is copied, as its taker has to. */
function kept<M extends FromBorrower | FromLender>(message: M): M {
  const copy: Record<string, unknown> = { ...message };
  for (const [name, value] of Object.entries(copy)) if (value instanceof Uint8Array) copy[name] = new Uint8Array(value);
  return copy as M;
}

function readIn<M extends FromBorrower | FromLender>(
  reader: LoanReader<M>,
  bytes: Buffer,
  cuts: readonly number[]
): { readonly read: M[]; readonly error: string | null } {
  const read: M[] = [];
  const places = [0, ...cuts.map((cut) => cut % (bytes.byteLength + 1)).toSorted((a, b) => a - b), bytes.byteLength];
  let error: string | null = null;
  for (let index = 1; index < places.length; index++) {
    const failed = reader.push(bytes.subarray(places[index - 1], places[index]), (message) => read.push(kept(message)));
    error = failed?.code ?? null;
    if (error !== null) break;
  }
  return { read, error };
}

const headOf = (type: number, length: number): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 0);
  head.writeUInt8(type, 4);
  return head;
};

describe('what lender and borrower say', () => {
  it('is read as it was said, whatever pieces it comes in', () => {
    fc.assert(
      fc.property(fc.array(fromBorrower, { maxLength: 8 }), fc.array(fc.nat(4_000), { maxLength: 12 }), (said, cuts) => {
        assert.deepEqual(readIn(createBorrowerReader(), Buffer.concat(said.map(writeFromBorrower)), cuts), { read: said, error: null });
      })
    );
    fc.assert(
      fc.property(fc.array(fromLender, { maxLength: 5 }), fc.array(fc.nat(20_000), { maxLength: 12 }), (said, cuts) => {
        assert.deepEqual(readIn(createLenderReader(), Buffer.concat(said.map(written)), cuts), { read: said, error: null });
      })
    );
  });

  it('is nothing or a message of the known forms where it was changed, and one error ends it', () => {
    fc.assert(
      fc.property(
        fc.array(fromLender, { minLength: 1, maxLength: 4 }),
        fc.array(record({ at: fc.nat(6_000), to: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(6_000), { maxLength: 4 }),
        (said, changes, cuts) => {
          const bytes = Buffer.concat(said.map(written));
          for (const { at, to } of changes) bytes.writeUInt8(to, at % bytes.byteLength);
          const reader = createLenderReader();
          const { read, error } = readIn(reader, bytes, cuts);
          for (const message of read) {
            if (message.type === 'picture') assert.equal(message.planes.byteLength, pictureBytes(message.width, message.height));
            if (message.type === 'sound') assert.equal(message.samples.length, SOUND_SAMPLES);
            if ('captureMs' in message) assert.ok(Number.isFinite(message.captureMs) && Number.isFinite(message.sentMs));
          }
          if (error === null) return;
          assert.equal(error, 'CL_MEDIA_LOAN');
          assert.equal(reader.push(writeFromLender({ type: 'welcome' }), () => assert.fail('it reads on'))?.code, 'CL_MEDIA_LOAN');
        }
      )
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        for (const message of readIn(createBorrowerReader(), Buffer.from(bytes), []).read) {
          if (message.type === 'opus')
            assert.ok(Number.isFinite(message.timestampUs) && message.data.byteLength > 0 && message.data.byteLength <= MAX_OPUS_BYTES);
          if (message.type === 'key') assert.match(message.key, /^[0-9*#A-D]$/);
        }
      })
    );
  });

  it('is refused by its length alone, before a byte of it is kept', () => {
    for (const [type, length] of [
      [1, 31],
      [1, 33],
      [4, 8],
      [4, 9 + MAX_OPUS_BYTES],
      [5, 2],
      [0, 0],
      [16, 0],
      [255, 4],
      [4, 0xffff_ffff]
    ] as const)
      assert.equal(createBorrowerReader().push(headOf(type, length), () => {})?.code, 'CL_MEDIA_LOAN', `${type} of ${length} bytes`);
    for (const [type, length] of [
      [1, 32],
      [16, 1],
      [17, 8_193],
      [18, 20],
      [18, 30_000_000],
      [19, 1_935],
      [19, 1_937]
    ] as const)
      assert.equal(createLenderReader().push(headOf(type, length), () => {})?.code, 'CL_MEDIA_LOAN', `${type} of ${length} bytes`);
  });

  it('is refused where a picture is not as large as it says, has odd sides, or times are no times', () => {
    const good = (): Buffer => {
      const memory = pictureMemory('camera', 4, 2);
      assert.ok(memory);
      setPictureTimes(memory, 1, 2);
      return memory;
    };
    const codeOf = (change: (memory: Buffer) => void): string | null => {
      const memory = good();
      change(memory);
      return createLenderReader().push(memory, () => {})?.code ?? null;
    };
    assert.equal(
      codeOf(() => {}),
      null
    );
    for (const [width, height] of [
      [4, 4],
      [3, 2],
      [0, 2],
      [8, 1],
      [0xffff, 0xfffe]
    ] as const) {
      const code = codeOf((memory) => {
        memory.writeUInt16BE(width, 6);
        memory.writeUInt16BE(height, 8);
      });
      assert.equal(code, 'CL_MEDIA_LOAN', `${width}x${height}`);
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
      assert.equal(
        codeOf((memory) => void memory.writeDoubleBE(value, 10)),
        'CL_MEDIA_LOAN'
      );
      assert.equal(
        codeOf((memory) => void memory.writeDoubleBE(value, 18)),
        'CL_MEDIA_LOAN'
      );
      assert.equal(
        createBorrowerReader().push(writeFromBorrower({ type: 'opus', timestampUs: value, data: Uint8Array.of(1) }), () => {})?.code,
        'CL_MEDIA_LOAN'
      );
    }
    assert.equal(
      codeOf((memory) => void memory.writeUInt8(1, 5)),
      'CL_MEDIA_LOAN',
      'a picture of the microphone'
    );
    assert.deepEqual([pictureMemory('camera', 3, 2), pictureMemory('camera', 8_192, 8_192), pictureMemory('camera', 0, 0)], [null, null, null]);
  });

  it('has the longest names and choices that anybody may write', () => {
    const long = '\u0000'.repeat(2 * MAX_CHOICE_CHARACTERS);
    const bytes = writeFromLender({ type: 'state', kind: 'screen', state: 'open', choice: long, view: { kind: 'file', name: long } });
    const { read, error } = readIn(createLenderReader(), bytes, []);
    assert.equal(error, null);
    assert.deepEqual(read, [
      { type: 'state', kind: 'screen', state: 'open', choice: long.slice(0, MAX_CHOICE_CHARACTERS), view: { kind: 'file', name: long.slice(0, 256) } }
    ]);
  });

  it('uses the memory of a picture again, for pictures of its size', () => {
    const first = pictureMemory('camera', 4, 2);
    assert.ok(first);
    assert.equal(pictureMemory('camera', 4, 2, first), first);
    const second = pictureMemory('camera', 2, 4, first);
    assert.notEqual(second, first);
    assert.ok(second);
    setPictureTimes(second, 0, 0);
    assert.equal(readIn(createLenderReader(), second, []).read.length, 1);
  });
});
