import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { issueEndpoint, makeAuthority } from '../../../src/identity/certificate-authority.ts';
import { type EnvelopeContext, signEnvelope, verifyEnvelope, verifyStatement } from '../../../src/identity/envelope.ts';
import type { EndpointIdentity } from '../../../src/identity/port.ts';
import { createReplayCache } from '../../../src/identity/replay-cache.ts';
import { identityOf } from '../../../src/identity/store.ts';
import { type Envelope, parseEnvelope } from '../../../src/signaling/messages.ts';
import { makeWorld, type World } from '../../fakes/signaling-world.ts';

const NOW_MS = 1_800_000_000_000;
const NOW_S = NOW_MS / 1000;
const ID = '0190f3c2-7d4e-7a31-8c55-000000000001';

let world: World;
let valid: Buffer;

const envelopeOf = (from: EndpointIdentity, to: EndpointIdentity, change: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: ID,
  type: 'call.ringing',
  call: ID,
  from: { account: from.account, endpoint: from.endpointId },
  to: { account: to.account, endpoint: to.endpointId },
  iat: NOW_S,
  exp: NOW_S + 60,
  body: {},
  ...change
});

const contextOf = (change: Partial<EnvelopeContext> = {}): EnvelopeContext => ({
  trust: world.trust,
  nowMs: NOW_MS,
  self: { account: world.bob.account, endpoint: world.bob.endpointId },
  topic: { sender: world.alice.endpointId, inbox: 'endpoint' },
  seen: createReplayCache(),
  form: { maxBytes: 65_536, parse: parseEnvelope },
  mayBeLate: false,
  signatures: 'required',
  ...change
});

/** A compact JWS with any header and payload, signed by the identity's key. */
function forge(header: unknown, payload: unknown, identity: EndpointIdentity = world.alice): Buffer {
  const text = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const input = `${text(header)}.${text(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key: identity.key, dsaEncoding: 'ieee-p1363' });
  return Buffer.from(`${input}.${signature.toString('base64url')}`);
}

const headerOf = (identity: EndpointIdentity): { alg: string; typ: string; x5c: readonly string[] } => ({
  alg: 'ES256',
  typ: 'cloister+jws',
  x5c: identity.chain
});

async function codeOf(bytes: Uint8Array, context = contextOf()): Promise<string> {
  const result = await verifyEnvelope(bytes, context);
  return result.ok ? 'ok' : result.error.error.code;
}

describe('envelope', () => {
  before(async () => {
    world = await makeWorld(NOW_MS);
    valid = await signEnvelope(world.alice, envelopeOf(world.alice, world.bob));
  });

  it('brings a message from one endpoint to another', async () => {
    const result = await verifyEnvelope(valid, contextOf());
    assert.ok(result.ok);
    assert.deepEqual(result.value, envelopeOf(world.alice, world.bob));
    assert.deepEqual(JSON.parse(Buffer.from(valid.toString().split('.')[0] ?? '', 'base64url').toString()), headerOf(world.alice));
  });

  it('accepts what it forged honestly, so that the forgeries below fail for their own reason', async () => {
    assert.equal(await codeOf(forge(headerOf(world.alice), envelopeOf(world.alice, world.bob))), 'ok');
    assert.equal(
      await codeOf(forge(`{ "x5c": ${JSON.stringify(world.alice.chain)}, "typ":"cloister+jws","alg":"ES256"}`, envelopeOf(world.alice, world.bob))),
      'ok'
    );
  });

  describe('step 1 and 2: size, form, signature', () => {
    const header = (change: object): Buffer => forge({ ...headerOf(world.alice), ...change }, envelopeOf(world.alice, world.bob));

    it('refuses what is too large', async () => {
      assert.equal(await codeOf(Buffer.alloc(65_537, 'a')), 'CL_ENVELOPE_TOO_LARGE');
      assert.equal(await codeOf(Buffer.alloc(65_536, 'a')), 'CL_ENVELOPE_MALFORMED');
    });

    it('refuses any other header field, type or algorithm', async () => {
      for (const change of [
        { crit: ['b64'], b64: false },
        { b64: false },
        { jwk: {} },
        { kid: 'x' },
        { typ: 'JWT' },
        { typ: 'CLOISTER+JWS' },
        { x5c: [] },
        { x5c: 'x' },
        { x5c: [1] }
      ]) {
        assert.equal(await codeOf(header(change)), 'CL_ENVELOPE_MALFORMED', JSON.stringify(change));
      }
      for (const alg of ['none', 'HS256', 'ES384', 'es256', 'RS256', '']) assert.equal(await codeOf(header({ alg })), 'CL_ENVELOPE_SIGNATURE', alg);
    });

    it('refuses no signature, a MAC with the public key, and a signature of another key', async () => {
      const [head = '', body = '', signature = ''] = valid.toString().split('.');
      assert.equal(await codeOf(Buffer.from(`${head}.${body}.`)), 'CL_ENVELOPE_MALFORMED');
      const macHeader = Buffer.from(JSON.stringify({ ...headerOf(world.alice), alg: 'HS256' })).toString('base64url');
      const mac = createHmac('sha256', Buffer.from(world.alice.chain[0] ?? '', 'base64'))
        .update(`${macHeader}.${body}`)
        .digest('base64url');
      assert.equal(await codeOf(Buffer.from(`${macHeader}.${body}.${mac}`)), 'CL_ENVELOPE_SIGNATURE');
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      assert.equal(
        await codeOf(forge(headerOf(world.alice), envelopeOf(world.alice, world.bob), { ...world.alice, key: privateKey })),
        'CL_ENVELOPE_SIGNATURE'
      );
      assert.equal(await codeOf(Buffer.from(`${valid.toString()}.${signature}`)), 'CL_ENVELOPE_MALFORMED');
      assert.equal(await codeOf(Buffer.from(JSON.stringify({ payload: body, signatures: [{ protected: head, signature }] }))), 'CL_ENVELOPE_MALFORMED');
    });

    it('refuses a doubled or disguised header field', async () => {
      const x5c = JSON.stringify(world.alice.chain);
      for (const text of [
        `{"alg":"none","alg":"ES256","typ":"cloister+jws","x5c":${x5c}}`,
        `{"alg":"ES256","typ":"cloister+jws","x5c":[],"x5c":${x5c}}`,
        `{"\\u0061lg":"ES256","typ":"cloister+jws","x5c":${x5c}}`,
        `{"__proto__":{"alg":"ES256"},"typ":"cloister+jws","x5c":${x5c}}`,
        `[${x5c}]`,
        'null'
      ]) {
        assert.equal(await codeOf(forge(text, envelopeOf(world.alice, world.bob))), 'CL_ENVELOPE_MALFORMED', text.slice(0, 40));
      }
    });

    it('refuses an exchanged certificate', async () => {
      assert.equal(await codeOf(header({ x5c: world.bob.chain })), 'CL_ENVELOPE_SIGNATURE');
      assert.equal(await codeOf(header({ x5c: [Buffer.from('not a certificate').toString('base64')] })), 'CL_ENVELOPE_MALFORMED');
    });

    it('refuses a payload that is no envelope, and drops fields it does not know', async () => {
      const envelope = envelopeOf(world.alice, world.bob);
      for (const payload of [
        '',
        'null',
        '[]',
        '{}',
        '\uffff',
        { ...envelope, v: 2 },
        { ...envelope, id: 'x' },
        { ...envelope, body: [] },
        { ...envelope, iat: '1' },
        { ...envelope, call: ID.toUpperCase() }
      ]) {
        assert.equal(await codeOf(forge(headerOf(world.alice), payload)), 'CL_ENVELOPE_MALFORMED', JSON.stringify(payload));
      }
      const odd = JSON.stringify({ ...envelope, body: 'BODY' })
        .replace('"BODY"', '{"__proto__":{"sdp":"x"}}')
        .replace('{', '{"__proto__":{"admin":true},"constructor":1,');
      const result = await verifyEnvelope(forge(headerOf(world.alice), odd), contextOf());
      assert.ok(result.ok);
      assert.deepEqual(result.value, envelope);
      assert.equal(Object.getPrototypeOf(result.value), Object.prototype);
      assert.equal('sdp' in result.value.body, false);
    });
  });

  describe('step 3 to 5: whose certificate it is', () => {
    it('refuses a CA that nobody trusts, also one of the same name', async () => {
      const context = contextOf({ topic: { sender: world.eve.endpointId, inbox: 'endpoint' } });
      assert.equal(await codeOf(await signEnvelope(world.eve, envelopeOf(world.eve, world.bob)), context), 'CL_ENVELOPE_UNTRUSTED');
      const fake = await makeAuthority('contoso.example', NOW_MS);
      const mallory = await identityOf(await issueEndpoint(fake, world.alice.account, NOW_MS), fake.certificatePem);
      const own = contextOf({ topic: { sender: mallory.endpointId, inbox: 'endpoint' } });
      assert.equal(await codeOf(await signEnvelope(mallory, envelopeOf(mallory, world.bob)), own), 'CL_ENVELOPE_UNTRUSTED');
      const withCa = { ...mallory, chain: [...mallory.chain, Buffer.from(pemBody(fake.certificatePem), 'base64').toString('base64')] };
      assert.equal(await codeOf(await signEnvelope(withCa, envelopeOf(mallory, world.bob)), own), 'CL_ENVELOPE_UNTRUSTED');
    });

    it('refuses a sender that the certificate or the topic does not name', async () => {
      const { alice, bob, contoso } = world;
      const other = await world.room(contoso, 'other@contoso.example');
      const sent = (from: Envelope['from'], topicSender: string): Promise<string> =>
        signEnvelope(alice, envelopeOf(alice, bob, { from })).then((bytes) => codeOf(bytes, contextOf({ topic: { sender: topicSender, inbox: 'endpoint' } })));
      const own = { account: alice.account, endpoint: alice.endpointId };
      assert.equal(await sent(own, alice.endpointId), 'ok');
      assert.equal(await sent(own, other.endpointId), 'CL_ENVELOPE_SENDER_MISMATCH');
      assert.equal(await sent({ ...own, endpoint: other.endpointId }, other.endpointId), 'CL_ENVELOPE_SENDER_MISMATCH');
      assert.equal(await sent({ ...own, account: other.account }, alice.endpointId), 'CL_ENVELOPE_SENDER_MISMATCH');
      assert.equal(await sent({ ...own, account: alice.account.toUpperCase() }, alice.endpointId), 'CL_ENVELOPE_SENDER_MISMATCH');
    });

    it('refuses a certificate that is expired or not yet valid', async () => {
      const years = 3 * 365 * 24 * 3_600;
      for (const shift of [years, -years]) {
        const late = await signEnvelope(world.alice, envelopeOf(world.alice, world.bob, { iat: NOW_S + shift, exp: NOW_S + shift + 60 }));
        assert.equal(await codeOf(late, contextOf({ nowMs: NOW_MS + shift * 1000 })), 'CL_ENVELOPE_CERTIFICATE_EXPIRED');
      }
    });
  });

  describe('step 6 to 9: for whom, when, how often', () => {
    const sent = async (change: Partial<Envelope>, context: Partial<EnvelopeContext> = {}): Promise<string> =>
      codeOf(await signEnvelope(world.alice, envelopeOf(world.alice, world.bob, change)), contextOf(context));

    it('refuses what is for somebody else', async () => {
      const account = world.bob.account;
      const toAccount = { topic: { sender: world.alice.endpointId, inbox: 'account' as const } };
      assert.equal(await sent({ to: { account, endpoint: world.alice.endpointId } }), 'CL_ENVELOPE_WRONG_RECIPIENT');
      assert.equal(await sent({ to: { account: world.alice.account, endpoint: world.bob.endpointId } }), 'CL_ENVELOPE_WRONG_RECIPIENT');
      assert.equal(await sent({ to: { account } }), 'CL_ENVELOPE_WRONG_RECIPIENT');
      assert.equal(await sent({ to: { account } }, toAccount), 'ok');
      assert.equal(await sent({ to: { account: world.alice.account } }, toAccount), 'CL_ENVELOPE_WRONG_RECIPIENT');
    });

    it('refuses what is expired, lives too long or tells of a wrong clock', async () => {
      assert.equal(await sent({ iat: NOW_S - 60, exp: NOW_S }), 'CL_ENVELOPE_EXPIRED');
      assert.equal(await sent({ iat: NOW_S - 60, exp: NOW_S + 1 }), 'ok');
      assert.equal(await sent({ iat: NOW_S, exp: NOW_S + 121 }), 'CL_ENVELOPE_EXPIRED');
      assert.equal(await sent({ iat: NOW_S, exp: NOW_S + 120 }), 'ok');
      assert.equal(await sent({ iat: NOW_S + 60, exp: NOW_S + 30 }), 'CL_ENVELOPE_EXPIRED');
      assert.equal(await sent({ iat: NOW_S + 300, exp: NOW_S + 360 }), 'ok');
      assert.equal(await sent({ iat: NOW_S + 301, exp: NOW_S + 360 }), 'CL_CLOCK_WRONG');
      assert.equal(await sent({ iat: NOW_S - 301, exp: NOW_S - 241 }), 'CL_CLOCK_WRONG');
      assert.equal(await sent({ iat: NOW_S - 301, exp: NOW_S - 241 }, { mayBeLate: true }), 'CL_ENVELOPE_EXPIRED');
    });

    it('refuses a replay, also when the clock was set back, and says so when it cannot take more', async () => {
      const context = contextOf();
      assert.equal(await codeOf(valid, context), 'ok');
      assert.equal(await codeOf(valid, context), 'CL_ENVELOPE_REPLAYED');
      assert.equal(await codeOf(valid, { ...context, nowMs: NOW_MS - 200_000 }), 'CL_ENVELOPE_REPLAYED');
      assert.equal(await codeOf(valid, contextOf({ seen: createReplayCache({ total: 0, perSender: 0 }) })), 'CL_ENVELOPE_THROTTLED');
    });

    it('says what a refused message claims, and nothing that could do harm', async () => {
      const result = await verifyEnvelope(
        forge(headerOf(world.alice), { type: 'a\nb', call: ID, from: { account: world.alice.account, endpoint: '<b>' } }),
        contextOf()
      );
      assert.ok(!result.ok);
      assert.deepEqual(result.error.claims, { from: world.alice.account, endpoint: null, id: null, call: ID, type: null });
    });
  });

  it('with signatures skipped checks everything else', async () => {
    const context = (): EnvelopeContext => contextOf({ signatures: 'skipped' });
    const [head = '', , signature = ''] = valid.toString().split('.');
    const rewritten = (change: Partial<Envelope>): Buffer =>
      Buffer.from(`${head}.${Buffer.from(JSON.stringify(envelopeOf(world.alice, world.bob, change))).toString('base64url')}.${signature}`);
    assert.equal(await codeOf(rewritten({ body: { sdp: 'other' } }), context()), 'ok');
    assert.equal(await codeOf(rewritten({ body: { sdp: 'other' } })), 'CL_ENVELOPE_SIGNATURE');
    assert.equal(await codeOf(rewritten({ to: { account: world.alice.account } }), context()), 'CL_ENVELOPE_WRONG_RECIPIENT');
    assert.equal(await codeOf(rewritten({ from: { account: 'A@b.example', endpoint: world.alice.endpointId } }), context()), 'CL_ENVELOPE_SENDER_MISMATCH');
    assert.equal(await codeOf(rewritten({ exp: NOW_S - 1 }), context()), 'CL_ENVELOPE_EXPIRED');
    assert.equal(await codeOf(Buffer.from('a.b.c'), context()), 'CL_ENVELOPE_MALFORMED');
  });

  it('accepts no change of a valid message, and never throws', async () => {
    const change = fc.oneof(
      fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }).map(({ at, byte }) => (bytes: Buffer) => {
        const copy = Buffer.from(bytes);
        copy[at % copy.length] = byte;
        return copy;
      }),
      fc.nat().map((length) => (bytes: Buffer) => bytes.subarray(0, length % bytes.length)),
      fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 })).map(
        ([at, more]) =>
          (bytes: Buffer) =>
            Buffer.concat([bytes.subarray(0, at % bytes.length), more, bytes.subarray(at % bytes.length)])
      ),
      fc.uint8Array({ maxLength: 300 }).map((any) => () => Buffer.from(any))
    );
    const original = JSON.stringify(envelopeOf(world.alice, world.bob));
    await fc.assert(
      fc.asyncProperty(change, async (mutate) => {
        const result = await verifyEnvelope(mutate(valid), contextOf());
        // Unused low bits of base64 can differ without changing a byte of what is signed; then it is the same message.
        if (result.ok) assert.equal(JSON.stringify(result.value), original);
        else assert.match(result.error.error.code, /^CL_ENVELOPE_/);
      }),
      { numRuns: 400 }
    );
  });

  it('accepts no value whatever in place of a payload or a header, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (header, payload) => {
        assert.notEqual(await codeOf(forge(header ?? 'null', payload ?? 'null')), 'ok');
        assert.notEqual(await codeOf(forge(headerOf(world.alice), payload ?? 'null')), 'ok');
      }),
      { numRuns: 200 }
    );
    assert.equal(await codeOf(forge('['.repeat(20_000) + ']'.repeat(20_000), {})), 'CL_ENVELOPE_MALFORMED');
    assert.equal(await codeOf(forge(headerOf(world.alice), '['.repeat(20_000) + ']'.repeat(20_000))), 'CL_ENVELOPE_MALFORMED');
  });

  describe('statements: what an endpoint says to whoever asks', () => {
    const said = (change: Partial<Envelope> = {}, from = world.alice): Promise<Buffer> => {
      const { call: _call, ...envelope } = envelopeOf(from, from, { type: 'presence', to: { account: from.account }, ...change });
      return signEnvelope(from, envelope);
    };
    const statementCode = async (bytes: Uint8Array, change: { sender?: string; nowMs?: number } = {}): Promise<string> => {
      const result = await verifyStatement(bytes, {
        nowMs: NOW_MS,
        sender: world.alice.endpointId,
        form: { maxBytes: 16_384, parse: parseEnvelope },
        trust: world.trust,
        signatures: 'required',
        ...change
      });
      return result.ok ? 'ok' : result.error.error.code;
    };

    it('are proven, however old and however often they come', async () => {
      const bytes = await said();
      assert.equal(await statementCode(bytes), 'ok');
      assert.equal(await statementCode(bytes), 'ok');
      assert.equal(await statementCode(bytes, { nowMs: NOW_MS + 5 * 86_400_000 }), 'ok');
    });

    it('are refused in another’s name, of a stranger, changed, unsigned, of the future, and with a certificate that is past', async () => {
      const bytes = await said();
      assert.equal(await statementCode(bytes, { sender: world.bob.endpointId }), 'CL_ENVELOPE_SENDER_MISMATCH');
      const inBobsName = await said({ from: { account: world.bob.account, endpoint: world.alice.endpointId } });
      assert.equal(await statementCode(inBobsName), 'CL_ENVELOPE_SENDER_MISMATCH');
      assert.equal(await statementCode(await said({}, world.eve), { sender: world.eve.endpointId }), 'CL_ENVELOPE_UNTRUSTED');
      const [head = '', , signature = ''] = bytes.toString().split('.');
      const other = Buffer.from(JSON.stringify({ ...envelopeOf(world.alice, world.alice), body: { name: 'x' } })).toString('base64url');
      assert.equal(await statementCode(Buffer.from(`${head}.${other}.${signature}`)), 'CL_ENVELOPE_SIGNATURE');
      assert.equal(await statementCode(Buffer.from(JSON.stringify({ state: 'online' }))), 'CL_ENVELOPE_MALFORMED');
      assert.equal(await statementCode(await said({ iat: NOW_S + 301, exp: NOW_S + 400 })), 'CL_CLOCK_WRONG');
      assert.equal(await statementCode(await said({ exp: NOW_S + 1000 })), 'CL_ENVELOPE_EXPIRED');
      assert.equal(await statementCode(bytes, { nowMs: NOW_MS + 20 * 365 * 86_400_000 }), 'CL_ENVELOPE_CERTIFICATE_EXPIRED');
      assert.equal(await statementCode(Buffer.alloc(16_385, 'a')), 'CL_ENVELOPE_TOO_LARGE');
    });

    it('are not taken of what was meant for somebody', async () => {
      assert.equal(await statementCode(valid), 'CL_ENVELOPE_WRONG_RECIPIENT');
      assert.equal(await statementCode(await said({ to: { account: world.bob.account } })), 'CL_ENVELOPE_WRONG_RECIPIENT');
    });
  });
});

const pemBody = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s/g, '');
