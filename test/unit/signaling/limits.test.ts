import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CallMessage, parseCallMessage, parseRelayMessage } from '../../../src/signaling/messages.ts';
import { createPacketMeter } from '../../../src/signaling/packet-meter.ts';
import { createRefusalLimit } from '../../../src/signaling/refusal-limit.ts';
import { everyMessage } from '../../fakes/signaling-world.ts';

/** An MQTT packet of the given length, header and remaining length as MQTT 3.1.1 section 2.2 has them. */
function packet(length: number): Buffer {
  const header = [0x30];
  let rest = length;
  do {
    header.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)]);
}

describe('packet meter', () => {
  it('accepts packets up to the limit, however they are cut, and refuses one byte more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
        fc.boolean(),
        (lengths, cuts, tooLarge) => {
          const meter = createPacketMeter(1_000);
          const stream = Buffer.concat([...lengths.map(packet), ...(tooLarge ? [packet(1_001)] : [])]);
          let verdict = true;
          for (let at = 0, cut = 0; at < stream.length; cut += 1) {
            const size = cuts[cut % cuts.length] ?? 1;
            verdict = meter(stream.subarray(at, at + size));
            at += size;
          }
          assert.equal(verdict, !tooLarge);
        }
      )
    );
  });

  it('refuses an announcement before its content comes, and a length that does not end', () => {
    assert.equal(createPacketMeter()(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01])), false);
    assert.equal(createPacketMeter(2 ** 30)(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80])), false);
    assert.equal(createPacketMeter()(Buffer.from([0x30, 0x80, 0x80, 0x08])), true);
  });
});

describe('refusal limit', () => {
  it('tells ten at once, then one in six seconds, and how many it kept silent; each kind by itself', () => {
    const tell = createRefusalLimit();
    const told = Array.from({ length: 30 }, () => tell('a', 0)).filter((silent) => silent !== null);
    assert.equal(told.length, 10);
    assert.equal(tell('b', 0), 0);
    assert.equal(tell('a', 5_999), null);
    assert.equal(tell('a', 6_000), 21);
    assert.equal(tell('a', 6_001), null);
    assert.equal(tell('a', -100_000), null);
  });
});

describe('message bodies', () => {
  it('accepts one of each and drops what it does not know', () => {
    for (const { type, body } of everyMessage) assert.deepEqual(parseCallMessage(type, { ...body, more: 1 }), { type, body });
  });

  it('of relay credentials are known by their own types, with a public key of P-256 and nothing of a private one', () => {
    const request = '01890000-0000-7000-8000-000000000000';
    const key = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'B'.repeat(43) };
    const known = [
      ['relay.request', { request, key }],
      ['relay.credentials', { request, sealed: 'a.b.c.d.e' }],
      ['relay.refused', { request, reason: 'too-often' }]
    ] as const;
    for (const [type, body] of known) {
      assert.deepEqual(parseRelayMessage(type, { ...body, more: 1 }), { type, body });
      assert.equal(parseCallMessage(type, body), null);
    }
    const parsed = parseRelayMessage('relay.request', { request, key: { ...key, d: 'C'.repeat(43) } });
    assert.deepEqual(parsed?.body, { request, key });
    const refused: readonly (readonly [string, unknown])[] = [
      ['relay.request', { request: 'x', key }],
      ['relay.request', { request, key: { ...key, crv: 'P-384' } }],
      ['relay.request', { request, key: { ...key, x: 'A' } }],
      ['relay.credentials', { request, sealed: 'x'.repeat(8_193) }],
      ['relay.refused', { request, reason: 'because' }],
      ['call.end', { reason: 'hangup' }],
      ['__proto__', {}]
    ];
    for (const [type, body] of refused) assert.equal(parseRelayMessage(type, body), null, type);
  });

  it('takes stripped encryption fields for a standard call', () => {
    const [invite] = everyMessage;
    const { encryption: _, ...stripped } = (invite as Extract<CallMessage, { type: 'call.invite' }>).body;
    const parsed = parseCallMessage('call.invite', stripped);
    assert.deepEqual(parsed?.type === 'call.invite' && parsed.body.encryption, { offered: false });
  });

  it('refuses types that are not of the protocol and bodies that do not fit, and never throws', () => {
    for (const type of ['', '__proto__', 'constructor', 'toString', 'call.x', 'presence']) assert.equal(parseCallMessage(type, {}), null, type);
    const refused: readonly (readonly [string, unknown])[] = [
      ['call.reveal', { nonce: 'AB'.repeat(32) }],
      ['call.reveal', { nonce: 'ab'.repeat(31) }],
      ['call.end', { reason: 'other' }],
      ['call.update', { sdp: '' }],
      ['call.update', { sdp: 'x'.repeat(32_769) }],
      ['call.candidate', { candidates: Array(65).fill({ candidate: '', sdpMid: null, sdpMLineIndex: null }) }],
      ['call.verdict', { codesMatch: 'true' }]
    ];
    for (const [type, body] of refused) assert.equal(parseCallMessage(type, body), null, type);
    fc.assert(fc.property(fc.constantFrom(...everyMessage.map((message) => message.type)), fc.anything(), (type, body) => void parseCallMessage(type, body)));
  });
});
