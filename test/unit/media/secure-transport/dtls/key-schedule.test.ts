import assert from 'node:assert/strict';
import { createHash, createHmac, createSecretKey } from 'node:crypto';
import { exported, extendedMasterSecret, finishedOf, prf, trafficKeys } from '../../../../../src/media/secure-transport/dtls/key-schedule.ts';
import { type CipherSuite, STANDARD_POLICY } from '../../../../../src/media/secure-transport/dtls/registry.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const suiteOf = (hash: 'sha256' | 'sha384'): CipherSuite => {
  const suite = STANDARD_POLICY.suites.find((known) => known.hash === hash);
  assert.ok(suite);
  return suite;
};
const SUITES = [suiteOf('sha256'), suiteOf('sha384')] as const;

/** The vectors that went over the TLS working group's list (msg03416), which every stack is checked with. */
const PRF_VECTORS = [
  {
    hash: 'sha256',
    secret: '9bbe436ba940f017b17652849a71db35',
    seed: 'a0ba9f936cda311827a6f796ffd5198c',
    output:
      'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab' +
      '4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66'
  },
  {
    hash: 'sha384',
    secret: 'b80b733d6ceefcdc71566ea48e5567df',
    seed: 'cd665cf6a8447dd6ff8b27555edb7465',
    output:
      '7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd' +
      '8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6' +
      '91c8f3a26854308d5eaa3be85e0990703d73e56f'
  }
] as const;

/** RFC 5246 section 5 written once more, by its formulas. */
function pHash(hash: string, secret: Uint8Array, seed: Uint8Array, lengthBytes: number): Buffer {
  const hmac = (data: Uint8Array): Buffer => createHmac(hash, secret).update(data).digest();
  let a: Uint8Array = seed;
  let output = Buffer.alloc(0);
  while (output.length < lengthBytes) {
    a = hmac(a);
    output = Buffer.concat([output, hmac(Buffer.concat([a, seed]))]);
  }
  return output.subarray(0, lengthBytes);
}
const labelled = (label: string, ...parts: readonly Uint8Array[]): Buffer => Buffer.concat([Buffer.from(label), ...parts]);

const SECRET = Buffer.alloc(48, 3);
const MASTER = createSecretKey(SECRET);
const CLIENT_RANDOM = Buffer.alloc(32, 1);
const SERVER_RANDOM = Buffer.alloc(32, 2);
const TRANSCRIPT = [Buffer.from('one'), Buffer.from('two'), Buffer.from('three')];

describe('the key schedule', () => {
  for (const { hash, secret, seed, output } of PRF_VECTORS) {
    it(`RFC 5246 5: the PRF with ${hash} gives the known vector, of any length up to its own`, () => {
      const expected = bytes(output);
      for (const length of [0, 1, 12, 31, 32, 33, 47, 48, 49, 64, 96, 97, expected.length])
        assert.deepEqual(prf(suiteOf(hash), createSecretKey(bytes(secret)), 'test label', bytes(seed), length), expected.subarray(0, length), String(length));
    });
  }

  for (const suite of SUITES) {
    it(`RFC 7627 4: the master secret is bound to the hash of all messages, and the pre-master secret is wiped (${suite.hash})`, () => {
      const preMaster = Buffer.alloc(32, 5);
      const expected = pHash(suite.hash, Buffer.alloc(32, 5), labelled('extended master secret', createHash(suite.hash).update('onetwothree').digest()), 48);
      assert.deepEqual(extendedMasterSecret(suite, preMaster, TRANSCRIPT).export(), expected);
      assert.deepEqual(preMaster, Buffer.alloc(32));
      const otherTranscript = [...TRANSCRIPT.slice(0, -1), Buffer.from('thref')];
      assert.notDeepEqual(extendedMasterSecret(suite, Buffer.alloc(32, 5), otherTranscript).export(), expected);
    });

    it(`RFC 5246 7.4.9: verify_data has 12 bytes and says whose it is (${suite.hash})`, () => {
      const digest = createHash(suite.hash).update('onetwothree').digest();
      for (const side of ['client', 'server'] as const)
        assert.deepEqual(finishedOf(suite, MASTER, side, TRANSCRIPT), pHash(suite.hash, SECRET, labelled(`${side} finished`, digest), 12));
    });

    it(`RFC 5246 6.3, RFC 5288 3: the key block is client key, server key, client salt, server salt, of server random before client random (${suite.hash})`, () => {
      const size = suite.keyBytes;
      assert.equal(size, suite.hash === 'sha256' ? 16 : 32);
      const block = pHash(suite.hash, SECRET, labelled('key expansion', SERVER_RANDOM, CLIENT_RANDOM), 2 * size + 8);
      const { client, server } = trafficKeys(suite, MASTER, CLIENT_RANDOM, SERVER_RANDOM);
      assert.deepEqual(client.key.export(), block.subarray(0, size));
      assert.deepEqual(server.key.export(), block.subarray(size, 2 * size));
      assert.deepEqual(client.salt, block.subarray(2 * size, 2 * size + 4));
      assert.deepEqual(server.salt, block.subarray(2 * size + 4));
    });

    it(`RFC 5705 4: exported keying material has the randoms in the other order and no context (${suite.hash})`, () => {
      const label = 'EXTRACTOR-dtls_srtp';
      const expected = pHash(suite.hash, SECRET, labelled(label, CLIENT_RANDOM, SERVER_RANDOM), 88);
      assert.deepEqual(exported(suite, MASTER, label, CLIENT_RANDOM, SERVER_RANDOM, 88), expected);
      assert.notDeepEqual(exported(suite, MASTER, 'EXPERIMENTAL-other', CLIENT_RANDOM, SERVER_RANDOM, 88), expected);
    });
  }
});
