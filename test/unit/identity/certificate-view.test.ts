// What people see of a certificate, and under which names a server with it is asked for.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { issueBroker, issueEndpoint, makeAuthority } from '../../../src/identity/certificate-authority.ts';
import { certificateView, serverNames } from '../../../src/identity/certificate-view.ts';

const NOW = Date.UTC(2026, 5, 1);

describe('a certificate as people see it', () => {
  it('says whose it is, whose word that is, and from when to when', async () => {
    const authority = await makeAuthority('contoso.example', NOW);
    const { certificatePem } = await issueEndpoint(authority, 'boardroom@contoso.example', NOW);
    const node = new X509Certificate(certificatePem);
    const view = certificateView(certificatePem);
    assert.match(view.subject, /^[a-z2-7]{26}$/);
    assert.equal(`CN=${view.subject}`, node.subject);
    assert.equal(view.issuer, 'contoso.example');
    assert.deepEqual([view.notBefore, view.notAfter], [node.validFromDate.toISOString(), node.validToDate.toISOString()]);
    assert.match(view.thumbprint, /^[0-9a-f]{64}$/);
    assert.deepEqual(serverNames(certificatePem), []);
  });

  it('names the hosts of a server as a browser writes them', async () => {
    const authority = await makeAuthority('contoso.example', NOW);
    const { certificatePem } = await issueBroker(authority, ['panel.contoso.example', '192.0.2.7', '2001:db8::7', '::1'], NOW);
    assert.deepEqual(serverNames(certificatePem), ['panel.contoso.example', '192.0.2.7', '[2001:db8::7]', '[::1]']);
  });
});
