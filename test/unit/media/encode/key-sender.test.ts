import assert from 'node:assert/strict';
import { createKeySender } from '../../../../src/media/encode/key-sender.ts';
import { createKeyReader, KEY_MS } from '../../../../src/media/rtp/telephone-event.ts';
import type { RtpPayload } from '../../../../src/media/streams.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

function createWorld() {
  const clock = createFakeClock();
  const sent: (RtpPayload & { readonly atMs: number })[] = [];
  const said: string[] = [];
  const world = { clock, sent, said, rate: 48_000 as number | null };
  const keys = createKeySender({
    clock,
    rate: () => world.rate,
    timestamp: () => (2 ** 32 - 5_000 + Math.round(clock.monotonicMs() * 48)) % 2 ** 32,
    send: (packet) => sent.push({ ...packet, atMs: clock.monotonicMs() }),
    interrupt: (on) => said.push(on ? 'no sound' : 'sound'),
    onKey: (key) => said.push(key)
  });
  return { clock, sent, said, keys, world };
}

describe('key sender', () => {
  it('sends one key after the other, each with its own beginning, and sound leaves again after the last', () => {
    const { clock, sent, said, keys } = createWorld();
    assert.equal(keys.press('1#'), true);
    assert.deepEqual(said, ['no sound', '1']);
    clock.advance(KEY_MS - 1);
    assert.equal(sent.length, 7);
    assert.equal(new Set(sent.map(({ timestamp }) => timestamp)).size, 1);
    clock.advance(1 + KEY_MS);
    assert.deepEqual(said, ['no sound', '1', '#', 'sound']);
    assert.equal(sent.length, 14);
    // Over the end of the counter, as any timestamp.
    assert.equal(((sent[7]?.timestamp ?? 0) - (sent[0]?.timestamp ?? 0)) >>> 0, KEY_MS * 48);
    assert.ok(sent.every(({ event }) => event === true));
    const reader = createKeyReader();
    assert.deepEqual(
      sent.flatMap(({ payload, timestamp, atMs }) => reader.take(payload, timestamp, atMs) ?? []),
      ['1', '#']
    );
  });

  it('adds what is pressed meanwhile, and takes nothing of what is too much', () => {
    const { clock, said, keys } = createWorld();
    keys.press('12');
    assert.equal(keys.press('3'.repeat(32)), true);
    assert.equal(keys.press('4'.repeat(32)), false);
    clock.advance(34 * KEY_MS);
    assert.deepEqual(said, ['no sound', '1', '2', ...Array.from({ length: 32 }, () => '3'), 'sound']);
  });

  it('stops at once: nothing leaves any more, and sound may', () => {
    const { clock, sent, said, keys } = createWorld();
    keys.press('123');
    clock.advance(50);
    keys.stop();
    const before = sent.length;
    assert.deepEqual(said, ['no sound', '1', 'sound']);
    clock.advance(5_000);
    assert.equal(sent.length, before);
    keys.press('4');
    clock.advance(KEY_MS);
    assert.deepEqual(said.slice(3), ['no sound', '4', 'sound']);
  });

  it('sends nothing where the other side takes none', () => {
    const { world, sent, said, keys } = createWorld();
    world.rate = null;
    keys.press('1');
    assert.deepEqual([sent.length, said], [0, ['no sound', 'sound']]);
  });
});
