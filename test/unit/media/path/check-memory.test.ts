// Recorded connectivity checks, and what hangs behind a message's integrity.
import assert from 'node:assert/strict';
import { classes, Message, methods } from 'werift';
import { createCheckMemory, createRepeatMemory, endsWithIntegrity } from '../../../../src/media/path/check-memory.ts';

const PEER = '192.0.2.1:1000';
const STRANGER = '192.0.2.66:6666';

describe('the memory of repeated checks', () => {
  it('says how often the last one from an address was sent again', () => {
    const memory = createRepeatMemory();
    memory.note(PEER, 3);
    memory.note(PEER, 1);
    assert.deepEqual([memory.of(PEER), memory.of(STRANGER)], [1, 0]);
  });

  it('keeps the address that answers again and again, however many others the peer answers from, and not those', () => {
    const memory = createRepeatMemory();
    for (let other = 0; other < 10_000; other += 1) {
      if (other % 20 === 0) memory.note(PEER, 2);
      memory.note(`198.51.100.1:${other}`, 5);
    }
    assert.equal(memory.of(PEER), 2);
    const kept = Array.from({ length: 10_000 }, (_, other) => memory.of(`198.51.100.1:${other}`)).filter((times) => times > 0);
    assert.ok(kept.length <= 64, `${kept.length} are kept`);
  });
});

describe('the memory of connectivity checks', () => {
  it('admits a check again from where it came: its answer may be lost', () => {
    const memory = createCheckMemory();
    for (let times = 0; times < 8; times += 1) assert.equal(memory.admit('a', PEER, false), true);
  });

  it('does not admit it from elsewhere', () => {
    const memory = createCheckMemory();
    assert.equal(memory.admit('a', PEER, true), true);
    assert.equal(memory.admit('a', STRANGER, false), false);
    assert.equal(memory.admit('a', PEER, true), true);
  });

  it('admits it from where signaling says that the other side is, although somebody was quicker', () => {
    const memory = createCheckMemory();
    assert.equal(memory.admit('a', STRANGER, false), true);
    assert.equal(memory.admit('a', PEER, true), true);
    assert.equal(memory.admit('a', STRANGER, false), false);
  });

  it('admits no check without end', () => {
    const memory = createCheckMemory();
    const admitted = Array.from({ length: 1_000 }, () => memory.admit('a', PEER, true)).filter(Boolean);
    assert.equal(admitted.length, 16);
    assert.equal(memory.admit('b', PEER, true), true);
  });

  it('forgets the oldest and nothing else', () => {
    const memory = createCheckMemory();
    for (let number = 0; number < 257; number += 1) assert.equal(memory.admit(`${number}`, PEER, false), true);
    assert.equal(memory.admit('1', STRANGER, false), false);
    assert.equal(memory.admit('256', STRANGER, false), false);
    assert.equal(memory.admit('0', STRANGER, false), true);
  });
});

describe('what may stand behind the integrity', () => {
  const bare = () => new Message(methods.BINDING, classes.REQUEST).setAttribute('USERNAME', 'a:b');
  const signed = () => bare().addMessageIntegrity(Buffer.from('password'));
  /** With an attribute of its own behind, and the length of the whole in the header. */
  const followed = (message: Message, attribute: string): Buffer => {
    const whole = Buffer.concat([message.bytes, Buffer.from(attribute, 'hex')]);
    whole.writeUInt16BE(whole.length - 20, 2);
    return whole;
  };
  for (const [name, message, expected] of [
    ['nothing', signed().bytes, true],
    ['the fingerprint', signed().addFingerprint().bytes, true],
    ['an attribute', followed(signed(), '8029000800000000000000ff'), false],
    ['one of eight bytes that is not the fingerprint', followed(signed(), '0024000400000001'), false],
    ['one behind the fingerprint', followed(signed().addFingerprint(), '8029000800000000000000ff'), false],
    ['one that is there a second time', followed(signed(), '00060003613a6200'), false],
    ['no integrity at all', bare().bytes, false],
    ['no integrity before the fingerprint', bare().addFingerprint().bytes, false],
    ['nothing, since there is no attribute', Buffer.from('000100002112a442000000000000000000000000', 'hex'), false],
    ['nothing, since it is no message', Buffer.alloc(3), false],
    ['an attribute that says it is longer than the message', followed(bare(), '00080014'), false]
  ] as const) {
    it(`${name}: ${expected ? 'yes' : 'no'}`, () => assert.equal(endsWithIntegrity(message), expected));
  }
});
