import assert from 'node:assert/strict';
import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { createCallCertificate } from '../../../src/encryption/call-certificate.ts';
import type { ErrorCode } from '../../../src/kernel/error-codes.ts';
import { auditHandshake, type HandshakeMessage, type HandshakeTranscript } from '../../../src/media/handshake-audit.ts';
import { fakeHandshake, type HandshakeOptions, P256, prf, X25519 } from '../../fakes/dtls-handshake.ts';

const ROLES = ['client', 'server'] as const;
/** openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -subj /CN=a -outform DER */
const P384_CERTIFICATE = Buffer.from(
  'MIIBqTCCATCgAwIBAgIUDaO7l9GW5V7NSBBN1dqfWBILPnYwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBYTAeFw0yNjExMjEwNDMwNDlaFw0zNjExMTgwNDMwNDlaMAwxCjAIBgNVBAMMAWEwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAASh3U//LR7GjbSLh1l0hSJbZzC1db1Pe4ysJhhInDo6bO1vPU0E+iuflXph2zJpRiWF1mw8zFg/vOWjzJNDU8s80NpnjLc7DyRRuGYgYn8yjr6B/vC1CKYRbQj+cJSPPvujUzBRMB0GA1UdDgQWBBS4vh/bt0aOnCEOcqdQ/T8nzXbP3DAfBgNVHSMEGDAWgBS4vh/bt0aOnCEOcqdQ/T8nzXbP3DAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA2cAMGQCMBN/ndypHDgI/3VDu4J/Gg/PQ4KPqvzUmvm0+u0eEThzCfaL660GP6yE9FFITAcncQIwcZyzhZ989AiJtq0A5wS++/m/c/IcEokebgdK62+6GoZ4tGfGc83BUvz3lMX2pGNV',
  'base64'
);
const otherKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

function refused(result: ReturnType<typeof auditHandshake>, code: ErrorCode, text: RegExp): void {
  assert.equal(result.ok, false);
  if (result.ok) return;
  assert.equal(result.error.code, code);
  assert.match(result.error.message, text);
}

function refuses(role: 'client' | 'server', changes: Partial<HandshakeOptions>, text: RegExp, fips = false): void {
  const { transcript, expectation } = fakeHandshake(role, changes);
  refused(auditHandshake(transcript, { ...expectation, fips }), 'CL_SECURITY_HANDSHAKE', text);
}

const replaced = (
  transcript: HandshakeTranscript,
  side: 'received' | 'sent',
  change: (messages: HandshakeMessage[]) => HandshakeMessage[]
): HandshakeTranscript => ({
  ...transcript,
  [side]: change([...transcript[side]])
});

describe('handshake audit', () => {
  for (const role of ROLES) {
    describe(`as ${role}`, () => {
      for (const curve of [P256, X25519]) {
        for (const helloVerify of [true, false]) {
          it(`accepts an honest handshake over ${curve === P256 ? 'P-256' : 'X25519'} ${helloVerify ? 'with' : 'without'} cookie`, () => {
            const { transcript, expectation, masterSecret, randoms } = fakeHandshake(role, { curve, helloVerify });
            const result = auditHandshake(transcript, expectation);
            assert.ok(result.ok, result.ok ? '' : result.error.message);
            assert.deepEqual(result.value.remoteThumbprint, expectation.remoteThumbprint);
            assert.equal(result.value.srtpProfile, 'AEAD_AES_128_GCM');
            const material = prf(masterSecret, 'EXTRACTOR-dtls_srtp', randoms, 56);
            const { localKey, remoteKey, localSalt, remoteSalt } = result.value.srtpKeys;
            const inOrder = role === 'client' ? [localKey, remoteKey, localSalt, remoteSalt] : [remoteKey, localKey, remoteSalt, localSalt];
            assert.deepEqual(Buffer.concat(inOrder), material);
          });
        }
      }

      it('refuses a peer that has the right certificate and another key', () => {
        refuses(role, role === 'client' ? { serverKey: otherKey() } : { clientKey: otherKey() }, /does not hold the key/);
      });

      it('refuses a certificate other than the pinned one, with the code for that', () => {
        const { transcript, expectation } = fakeHandshake(role);
        const remoteThumbprint = createCallCertificate(Date.now()).thumbprint;
        refused(auditHandshake(transcript, { ...expectation, remoteThumbprint }), 'CL_SECURITY_FINGERPRINT', /another certificate/);
      });

      it('refuses an own certificate other than the call’s', () => {
        const { transcript, expectation } = fakeHandshake(role);
        refused(auditHandshake(transcript, { ...expectation, localThumbprint: new Uint8Array(32) }), 'CL_SECURITY_HANDSHAKE', /this side presented/);
      });

      it('refuses two certificates, and none', () => {
        const certificate = createCallCertificate(Date.now());
        const key = createPrivateKey(certificate.keyPem);
        const name = role === 'client' ? 'server' : 'client';
        for (const list of [[certificate.certificateDer, certificate.certificateDer], []]) {
          refuses(role, { [`${name}Certificate`]: certificate, [`${name}Key`]: key, [`${name}Certificates`]: list }, /malformed/);
        }
      });

      it('refuses a certificate with a key other than P-256', () => {
        const name = role === 'client' ? 'server' : 'client';
        const { transcript, expectation } = fakeHandshake(role, { [`${name}Certificates`]: [P384_CERTIFICATE] });
        const remoteThumbprint = createHash('sha256').update(P384_CERTIFICATE).digest();
        refused(auditHandshake(transcript, { ...expectation, remoteThumbprint }), 'CL_SECURITY_HANDSHAKE', /not a P-256 one/);
      });

      it('refuses each Finished that does not fit', () => {
        refuses(role, { clientFinished: Buffer.alloc(12) }, /client’s Finished/);
        refuses(role, { serverFinished: Buffer.alloc(12) }, /server’s Finished/);
      });

      it('refuses a handshake without extended master secret in either hello', () => {
        refuses(role, { clientExtendedMasterSecret: false, serverExtendedMasterSecret: false }, /did not offer the extended master secret/);
        refuses(role, { serverExtendedMasterSecret: false }, /did not take the extended master secret/);
      });

      it('refuses every X25519 share of low order', () => {
        const shares = [
          '00'.repeat(32),
          `01${'00'.repeat(31)}`,
          'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
          '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
          `ec${'ff'.repeat(30)}7f`,
          `ed${'ff'.repeat(30)}7f`,
          `ee${'ff'.repeat(30)}7f`,
          `${'00'.repeat(31)}80`
        ];
        for (const share of shares) {
          refuses(role, { forcedShare: { of: role === 'client' ? 'server' : 'client', share: Buffer.from(share, 'hex') } }, /low order/);
        }
      });

      it('refuses a P-256 share that is not a point of the curve', () => {
        const of = role === 'client' ? 'server' : 'client';
        refuses(role, { curve: P256, forcedShare: { of, share: Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]) } }, /malformed/);
        refuses(role, { curve: P256, forcedShare: { of, share: Buffer.from([0]) } }, /not an uncompressed/);
      });

      it('refuses other groups, suites, versions, signature algorithms and SRTP profiles', () => {
        refuses(role, { suite: 0xc02f }, /cipher suite/);
        refuses(role, { suite: 0xc02c }, /cipher suite/);
        refuses(role, { version: 0xfeff }, /DTLS 1.2/);
        refuses(role, { hash: 'sha1', signatureAlgorithm: 0x0203 }, /not ECDSA with SHA-256/);
        refuses(role, { hash: 'sha1' }, /does not hold the key/);
        refuses(role, { groups: [P256] }, /group that was not offered/);
        refuses(role, { serverProfiles: [5], clientProfiles: [5] }, /SRTP profile/);
        refuses(role, { serverProfiles: [1], clientProfiles: [7] }, /SRTP profile/);
        refuses(role, { serverProfiles: [7, 1] }, /SRTP profile/);
        refuses(role, { serverProfiles: [] }, /SRTP profile/);
      });

      it('takes only P-256 and GCM where approved algorithms are asked for', () => {
        refuses(role, { curve: X25519 }, /does not use P-256/, true);
        refuses(role, { curve: P256, serverProfiles: [1] }, /not an approved one/, true);
        const { transcript, expectation } = fakeHandshake(role, { curve: P256 });
        assert.equal(auditHandshake(transcript, { ...expectation, fips: true }).ok, true);
      });

      it('refuses a renegotiation, and extensions that were not asked for', () => {
        for (const bad of [Buffer.concat([Buffer.from([12]), Buffer.alloc(12)]), null]) {
          refuses(role, { renegotiationInfo: { client: bad, server: Buffer.from([0]) } }, /renegotiation/);
          refuses(role, { renegotiationInfo: { client: Buffer.from([0]), server: bad } }, /renegotiation/);
        }
        refuses(role, { serverExtraExtensions: [[16, Buffer.alloc(0)]] }, /not offered/);
        refuses(role, { serverExtraExtensions: [[14, Buffer.alloc(0)]] }, /comes twice/);
      });

      it('refuses a handshake in which this side would not be authenticated', () => {
        refuses(role, { withCertificateRequest: false }, /both certificates/);
      });

      it('refuses a master secret other than the handshake’s', () => {
        const { transcript, expectation } = fakeHandshake(role);
        const masterSecret = Buffer.from(transcript.masterSecret);
        masterSecret.writeUInt8(masterSecret.readUInt8(0) ^ 1, 0);
        refused(auditHandshake({ ...transcript, masterSecret }, expectation), 'CL_SECURITY_HANDSHAKE', /master secret in use/);
      });

      it('accepts retransmissions and any order of arrival', () => {
        const { transcript, expectation } = fakeHandshake(role);
        fc.assert(
          fc.property(fc.shuffledSubarray([...transcript.received, ...transcript.received], { minLength: 2 * transcript.received.length }), (received) => {
            assert.equal(auditHandshake({ ...transcript, received }, expectation).ok, true);
          }),
          { numRuns: 20 }
        );
      });

      it('refuses two different messages under one number, in either order', () => {
        const { transcript, expectation } = fakeHandshake(role);
        for (const [index, message] of transcript.received.entries()) {
          const body = Buffer.from(message.body.length === 0 ? [1] : message.body);
          body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1);
          for (const at of [index, index + 1]) {
            const twice = replaced(transcript, 'received', (messages) => messages.toSpliced(at, 0, { ...message, body }));
            refused(auditHandshake(twice, expectation), 'CL_SECURITY_HANDSHAKE', /have the same number/);
          }
        }
      });

      it('refuses a message that is missing or too many', () => {
        const { transcript, expectation } = fakeHandshake(role);
        for (const side of ['received', 'sent'] as const) {
          for (const [index, message] of transcript[side].entries()) {
            // The hello without cookie and the request for one are no part of what is signed.
            if (message.type === 3 || (message.type === 1 && index === 0)) continue;
            const shorter = replaced(transcript, side, (messages) => messages.toSpliced(index, 1));
            assert.equal(auditHandshake(shorter, expectation).ok, false, `without message ${message.type} ${side}`);
          }
          const longer = replaced(transcript, side, (messages) => [...messages, { type: 20, sequence: 99, body: Buffer.alloc(12) }]);
          assert.equal(auditHandshake(longer, expectation).ok, false);
        }
      });

      it('refuses any single bit that was changed on the way in', () => {
        const { transcript, expectation } = fakeHandshake(role);
        fc.assert(
          fc.property(fc.nat(), fc.nat(), fc.nat(7), (which, where, bit) => {
            const index = which % transcript.received.length;
            const message = transcript.received[index];
            fc.pre(message !== undefined && message.body.length > 0 && message.type !== 3 && !(message.type === 1 && index === 0));
            const body = Buffer.from(message.body);
            const at = where % body.length;
            body.writeUInt8(body.readUInt8(at) ^ (1 << bit), at);
            const changed = replaced(transcript, 'received', (messages) => messages.toSpliced(index, 1, { ...message, body }));
            assert.equal(auditHandshake(changed, expectation).ok, false);
          }),
          { numRuns: 150 }
        );
      });

      it('never throws, whatever the messages are', () => {
        const { transcript, expectation } = fakeHandshake(role);
        const message = fc.record({
          type: fc.constantFrom(0, 1, 2, 3, 11, 12, 13, 14, 15, 16, 20),
          sequence: fc.nat(12),
          body: fc.uint8Array({ maxLength: 80 })
        });
        fc.assert(
          fc.property(fc.array(message), fc.array(message), (received, sent) => {
            assert.equal(auditHandshake({ ...transcript, received, sent }, expectation).ok, false);
          })
        );
      });
    });
  }
});
