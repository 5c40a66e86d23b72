import assert from 'node:assert/strict';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { createCallCertificate } from '../../../src/encryption/call-certificate.ts';

const NOW_MS = Date.UTC(2026, 5, 1, 12);

describe('call certificate', () => {
  it('is a P-256 certificate signed with ECDSA and SHA-256 by the key that comes with it', () => {
    const made = createCallCertificate(NOW_MS);
    const certificate = new X509Certificate(made.certificateDer);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(certificate.verify(certificate.publicKey), true);
    assert.deepEqual(createPublicKey(made.privateKey).export({ type: 'spki', format: 'der' }), certificate.publicKey.export({ type: 'spki', format: 'der' }));
    // ecdsa-with-SHA256, 1.2.840.10045.4.3.2
    assert.ok(Buffer.from(made.certificateDer).includes(Buffer.from('06082a8648ce3d040302', 'hex')));
    assert.deepEqual(Buffer.from(made.thumbprint), createHash('sha256').update(made.certificateDer).digest());
  });

  it('is valid from an hour ago to a day ahead', () => {
    const certificate = new X509Certificate(createCallCertificate(NOW_MS).certificateDer);
    assert.equal(Date.parse(certificate.validFrom), NOW_MS - 3_600_000);
    assert.equal(Date.parse(certificate.validTo), NOW_MS + 86_400_000);
  });

  it('writes dates from 2050 on in the form that they need', () => {
    const certificate = new X509Certificate(createCallCertificate(Date.UTC(2051, 0, 1)).certificateDer);
    assert.equal(Date.parse(certificate.validFrom), Date.UTC(2050, 11, 31, 23));
  });

  it('shares nothing with another one: key, serial and subject are drawn each time', () => {
    const [a, b] = [createCallCertificate(NOW_MS), createCallCertificate(NOW_MS)].map((made) => ({
      ...made,
      certificate: new X509Certificate(made.certificateDer)
    }));
    assert.ok(a && b);
    assert.ok(!a.privateKey.equals(b.privateKey));
    assert.notEqual(a.certificate.serialNumber, b.certificate.serialNumber);
    assert.notEqual(a.certificate.subject, b.certificate.subject);
    assert.match(a.certificate.subject, /^CN=[0-9a-f]{32}$/);
    assert.equal(a.certificate.serialNumber.length, 32);
    assert.notDeepEqual(a.thumbprint, b.thumbprint);
  });
});
