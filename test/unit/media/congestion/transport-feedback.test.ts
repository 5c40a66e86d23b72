import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ARRIVAL_WRAP_MS,
  type ArrivalLog,
  createArrivalLog,
  type FeedbackPacket,
  readRemb,
  readTransportFeedback,
  writeRemb
} from '../../../../src/media/congestion/transport-feedback.ts';

function takeAll(log: ArrivalLog, nowMs: number): Buffer[] {
  const messages: Buffer[] = [];
  for (let fci = log.take(nowMs); fci !== null; fci = log.take(nowMs)) messages.push(fci);
  return messages;
}

function read(fci: Buffer): readonly FeedbackPacket[] {
  const feedback = readTransportFeedback(fci);
  assert.ok(feedback !== null);
  return feedback.packets;
}

const received = (packets: readonly FeedbackPacket[]): FeedbackPacket[] => packets.filter((packet) => packet.arrivedMs !== null);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const quantised = (ms: number): number => Math.floor(ms * 4) / 4;
const wrapped = (ms: number): number => ((ms % ARRIVAL_WRAP_MS) + ARRIVAL_WRAP_MS) % ARRIVAL_WRAP_MS;

describe('transport-wide feedback', () => {
  it('bytes made by hand from the draft: a run of losses, both vectors, small, large and negative deltas', () => {
    // 65534 and 28 packets more; 128 ms; number 5. A run of 7 lost; one bit each: 8th and 21st there; two bits each: 22nd large, 23rd small, 24th large.
    const fci = hex('fffe 001c 000002 05 0007 a001 e600 04 08 0200 0c fffc 0000');
    assert.deepEqual(readTransportFeedback(fci)?.feedbackCount, 5);
    assert.equal(read(fci).length, 28);
    assert.deepEqual(received(read(fci)), [
      { sequence: 5, arrivedMs: 129 },
      { sequence: 18, arrivedMs: 131 },
      { sequence: 19, arrivedMs: 259 },
      { sequence: 20, arrivedMs: 262 },
      { sequence: 21, arrivedMs: 261 }
    ]);
  });

  it('writes the bytes of the draft', () => {
    const log = createArrivalLog();
    log.arrived(65534, 128.25);
    log.arrived(0, 129.25);
    log.arrived(1, 229.25);
    const [fci] = takeAll(log, 300);
    // Two bits each: small, lost, small, large.
    assert.equal(fci?.toString('hex'), 'fffe0004000002 00 d180 01 04 0190'.replaceAll(' ', '').padEnd(32, '0'));
  });

  it('what was written is read back, over losses, duplicates, reordering, long gaps and the wrap of sequence numbers', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.double({ min: 0, max: 1e10, noNaN: true }),
        fc.array(
          fc.record({
            skip: fc.oneof(
              { weight: 8, arbitrary: fc.constant(1) },
              { weight: 2, arbitrary: fc.integer({ min: -20, max: 40 }) },
              { weight: 1, arbitrary: fc.nat(7000) }
            ),
            waitMs: fc.oneof(
              { weight: 8, arbitrary: fc.double({ min: 0, max: 20, noNaN: true }) },
              { weight: 1, arbitrary: fc.double({ min: 0, max: 30_000, noNaN: true }) }
            ),
            take: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) })
          }),
          { maxLength: 300 }
        ),
        (first, startMs, steps) => {
          const log = createArrivalLog();
          const expected = new Map<number, number>();
          const told = new Map<number, number>();
          const takeAndRead = (nowMs: number): void => {
            for (const fci of takeAll(log, nowMs)) {
              assert.equal(fci.length % 4, 0);
              assert.ok(fci.length <= 1104);
              // A copy that comes after its number was forgotten is told again; the sender keeps to what it heard first.
              for (const { sequence, arrivedMs } of received(read(fci))) if (!told.has(sequence)) told.set(sequence, wrapped(arrivedMs ?? 0));
            }
          };
          let sequence = first;
          let nowMs = startMs;
          for (const { skip, waitMs, take } of steps) {
            sequence += skip;
            nowMs += waitMs;
            log.arrived(sequence & 0xffff, nowMs);
            // More than half the numbers in between would make two packets of one number; the sum of the steps stays far below in most runs.
            if (!expected.has(sequence & 0xffff)) expected.set(sequence & 0xffff, wrapped(quantised(nowMs)));
            if (take) takeAndRead(nowMs);
            if (Math.abs(sequence - first) > 30_000) break;
          }
          takeAndRead(nowMs);
          for (const [number, atMs] of told) assert.equal(atMs, expected.get(number));
          assert.equal(told.size, expected.size);
        }
      ),
      { numRuns: 300 }
    );
  });

  it('packets between two messages are told as lost once, and as arrived when they come late', () => {
    const log = createArrivalLog();
    for (const sequence of [10, 11, 14]) log.arrived(sequence, 100);
    assert.deepEqual(
      takeAll(log, 100)
        .flatMap(read)
        .map((packet) => packet.arrivedMs !== null),
      [true, true, false, false, true]
    );
    assert.deepEqual(takeAll(log, 150), []);
    log.arrived(12, 160);
    log.arrived(17, 165);
    assert.deepEqual(
      takeAll(log, 170).flatMap(read),
      [160, null, 100, null, null, 165].map((arrivedMs, index) => ({ sequence: 12 + index, arrivedMs }))
    );
  });

  it('an arrival long after the one before gets a message of its own', () => {
    const log = createArrivalLog();
    log.arrived(1, 0);
    log.arrived(2, 8191);
    log.arrived(3, 20_000);
    const messages = takeAll(log, 20_000);
    assert.equal(messages.length, 2);
    assert.deepEqual(
      messages.map((fci) => readTransportFeedback(fci)?.feedbackCount),
      [0, 1]
    );
    assert.deepEqual(
      messages.flatMap(read).map((packet) => packet.arrivedMs),
      [0, 8191, 20_000]
    );
  });

  it('a sender that counts anew is followed', () => {
    const log = createArrivalLog();
    for (let sequence = 5000; sequence < 5010; sequence++) log.arrived(sequence, 10);
    takeAll(log, 10);
    log.arrived(3, 20);
    assert.deepEqual(takeAll(log, 20).flatMap(read), [{ sequence: 3, arrivedMs: 20 }]);
  });

  it('a jump far ahead is a count begun anew, and asks for no search through what lies between', () => {
    const log = createArrivalLog();
    log.arrived(0, 10);
    log.arrived(30_000, 20);
    assert.deepEqual(takeAll(log, 20).flatMap(read), [{ sequence: 30_000, arrivedMs: 20 }]);
  });

  it('refuses what is malformed', () => {
    const refused = {
      empty: '',
      'no chunk': '0001 0001 000000 00',
      'no packets': '0001 0000 000000 00 2001 0000',
      'too many packets': '0001 ffff 000000 00 1fff 1fff 1fff 1fff 1fff 1fff 1fff 1fff 1fff',
      'a run of nothing': '0001 0001 000000 00 0000 2001 0000',
      'too few chunks': '0001 0020 000000 00 2001 0000',
      'no deltas': '0001 0003 000000 00 2003 0101',
      'half a delta': '0001 0001 000000 00 4001 01',
      'reserved symbol': '0001 0001 000000 00 6001 01010101'
    };
    for (const [name, text] of Object.entries(refused)) assert.equal(readTransportFeedback(hex(text)), null, name);
  });

  it('hostile bytes never throw and stay bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const feedback = readTransportFeedback(Buffer.from(bytes));
        assert.ok(feedback === null || feedback.packets.length <= 8192);
        readRemb(Buffer.from(bytes));
      })
    );
  });
});

describe('REMB', () => {
  it('writes the bytes of the draft', () => {
    // 2,097,144 bit/s are 262143 * 2^3.
    assert.equal(writeRemb(2097.144, [0x01020304]).toString('hex'), '52454d42010fffff01020304');
  });

  it('what was written is read back, with the 18 bits that it holds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e8 }), fc.array(fc.nat(0xffffffff), { maxLength: 10 }), (kbps, ssrcs) => {
        const remb = readRemb(writeRemb(kbps, ssrcs));
        assert.deepEqual(remb?.ssrcs, ssrcs);
        assert.ok(remb.kbps <= kbps && remb.kbps > kbps * 0.9999 - 0.001);
      })
    );
  });

  it('refuses another identifier and missing SSRCs', () => {
    assert.equal(readRemb(hex('52454d4301000000 01020304')), null);
    assert.equal(readRemb(hex('52454d4202000000 01020304')), null);
  });
});
