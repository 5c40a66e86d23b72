import 'reflect-metadata';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { issueBroker, issueEndpoint, makeAuthority, nextRevocationList } from '../../../src/identity/certificate-authority.ts';
import { loadTrustStore, trustStoreOf } from '../../../src/identity/trust-store.ts';
import { pemCertificates, readCertificate } from '../../../src/identity/x509-fields.ts';
import { type Oddity, oddCertificate } from '../../fakes/signaling-certificates.ts';

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const CA_USE = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
const contoso = makeAuthority('contoso.example', NOW_MS);
const fabrikam = makeAuthority('fabrikam.example', NOW_MS);

const chainOf = (...pems: string[]): readonly Uint8Array[] => pems.flatMap((pem) => pemCertificates(pem));

async function verdict(chain: readonly Uint8Array[], nowMs = NOW_MS, lists: readonly string[] = []): Promise<string> {
  const trust = await trustStoreOf([(await contoso).certificatePem, (await fabrikam).certificatePem], lists);
  const first = trust.verifyEndpoint(chain, nowMs);
  const again = trust.verifyEndpoint(chain, nowMs);
  // Whether a path is remembered may not change the answer.
  assert.equal(again.ok ? 'ok' : again.error.code, first.ok ? 'ok' : first.error.code);
  return first.ok ? 'ok' : first.error.code;
}

const oddVerdict = async (oddity: Oddity): Promise<string> => verdict([(await oddCertificate(await contoso, NOW_MS, oddity)).der]);

describe('trust store', () => {
  it('knows an endpoint of a trusted organisation', async () => {
    const { certificatePem } = await issueEndpoint(await contoso, 'Boardroom@contoso.example', NOW_MS);
    const trust = await trustStoreOf([(await contoso).certificatePem]);
    const party = trust.verifyEndpoint(chainOf(certificatePem), NOW_MS);
    assert.ok(party.ok);
    assert.equal(party.value.account, 'boardroom@contoso.example');
    assert.equal(new x509.X509Certificate(certificatePem).subjectName.getField('CN')[0], party.value.endpoint);
    assert.equal(await verdict(chainOf(certificatePem, (await contoso).certificatePem)), 'ok');
    assert.equal(await oddVerdict({}), 'ok');
  });

  it('refuses each fault of a leaf', async () => {
    const mail = (value: string): x509.JsonGeneralName => ({ type: 'email', value });
    const cases: readonly (readonly [string, Oddity])[] = [
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('boardroom@contoso.example'), mail('other@contoso.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('boardroom@contoso.example'), { type: 'dns', value: 'contoso.example' }] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('Boardroom@contoso.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('boardroom@CONTOSO.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail(' boardroom@contoso.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('boardroom@contoso.example\0.fabrikam.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [{ type: 'dns', value: 'contoso.example' }] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('studio@fabrikam.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { names: [mail('boardroom@sub.contoso.example')] }],
      ['CL_ENVELOPE_UNTRUSTED', { usages: [x509.ExtendedKeyUsage.serverAuth] }],
      ['CL_ENVELOPE_UNTRUSTED', { usages: ['2.5.29.37.0'] }],
      ['CL_ENVELOPE_UNTRUSTED', { keyUsage: x509.KeyUsageFlags.keyAgreement }],
      ['CL_ENVELOPE_UNTRUSTED', { isAuthority: true, keyUsage: CA_USE | x509.KeyUsageFlags.digitalSignature }],
      ['CL_ENVELOPE_UNTRUSTED', { curve: 'P-384' }],
      ['CL_ENVELOPE_UNTRUSTED', { hash: 'SHA-1' }],
      ['CL_ENVELOPE_UNTRUSTED', { more: [new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))] }],
      ['CL_ENVELOPE_UNTRUSTED', { more: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])] }],
      ['CL_ENVELOPE_SENDER_MISMATCH', { commonNames: ['aaaaaaaaaaaaaaaaaaaaaaaaaa'] }],
      ['CL_ENVELOPE_SENDER_MISMATCH', { commonNames: [] }],
      ['CL_ENVELOPE_CERTIFICATE_EXPIRED', { notAfterMs: NOW_MS - 1_000 }]
    ];
    for (const [code, oddity] of cases) assert.equal(await oddVerdict(oddity), code, JSON.stringify(oddity));
  });

  it('refuses the CN of another endpoint beside its own', async () => {
    const other = await oddCertificate(await contoso, NOW_MS);
    assert.equal(await oddVerdict({ commonNames: [other.endpointId, other.endpointId] }), 'CL_ENVELOPE_SENDER_MISMATCH');
  });

  it('holds a CA to its own organisation, also one that says it is another’s', async () => {
    const forged = await oddCertificate(await fabrikam, NOW_MS);
    assert.equal(await verdict([forged.der]), 'CL_ENVELOPE_UNTRUSTED');
    const pretender = await makeAuthority('contoso.example', NOW_MS);
    assert.equal(await verdict([(await oddCertificate(pretender, NOW_MS)).der]), 'CL_ENVELOPE_UNTRUSTED');
    assert.equal(await verdict([(await oddCertificate(pretender, NOW_MS)).der, ...chainOf(pretender.certificatePem)]), 'CL_ENVELOPE_UNTRUSTED');
    await assert.rejects(trustStoreOf([(await contoso).certificatePem, pretender.certificatePem]), { code: 'CL_IDENTITY_INVALID' });
    await assert.rejects(trustStoreOf([(await contoso).certificatePem + (await fabrikam).certificatePem]), { code: 'CL_IDENTITY_INVALID' });
  });

  it('refuses an endpoint’s certificate used as a CA, and a CA below one that may have none', async () => {
    const leaf = await oddCertificate(await contoso, NOW_MS);
    const below = await oddCertificate(leaf, NOW_MS);
    assert.equal(await verdict([below.der, leaf.der]), 'CL_ENVELOPE_UNTRUSTED');
    const middle = await oddCertificate(await contoso, NOW_MS, { isAuthority: true, keyUsage: CA_USE });
    assert.equal(await verdict([(await oddCertificate(middle, NOW_MS)).der, middle.der]), 'CL_ENVELOPE_UNTRUSTED');
  });

  it('believes only whom a trusted authority certified itself, since its list says nothing of others', async () => {
    const self = await makeAuthority('wide.example', NOW_MS);
    const ca = { isAuthority: true, keyUsage: CA_USE, organisation: 'wide.example' };
    const wide = await oddCertificate(self, NOW_MS, ca);
    const middle = await oddCertificate(wide, NOW_MS, { ...ca, commonNames: ['middle'] });
    const account = { names: [{ type: 'email' as const, value: 'a@wide.example' }] };
    const leaf = await oddCertificate(middle, NOW_MS, account);
    const code = async (authority: string, chain: readonly Uint8Array[]): Promise<string> => {
      const result = (await trustStoreOf([authority])).verifyEndpoint(chain, NOW_MS);
      return result.ok ? 'ok' : result.error.code;
    };
    assert.equal(await code(wide.certificatePem, [leaf.der, middle.der]), 'CL_ENVELOPE_UNTRUSTED');
    // An organisation whose endpoints come from an intermediate names the intermediate.
    assert.equal(await code(middle.certificatePem, [leaf.der]), 'ok');
    assert.equal(await code(middle.certificatePem, [leaf.der, middle.der, wide.der]), 'ok');
    assert.equal(await code(middle.certificatePem, [leaf.der, middle.der, wide.der, wide.der]), 'CL_ENVELOPE_UNTRUSTED');
  });

  it('takes no authority whose name constraints it does not understand (RFC 5280 section 4.2)', async () => {
    const self = await makeAuthority('wide.example', NOW_MS);
    const constrained = (mailHost: string, tag: 0xa0 | 0xa1) => {
      const subtree = Buffer.concat([Buffer.from([0x30, mailHost.length + 2, 0x81, mailHost.length]), Buffer.from(mailHost)]);
      const value = Buffer.concat([Buffer.from([0x30, subtree.length + 2, tag, subtree.length]), subtree]);
      const more = [new x509.Extension('2.5.29.30', true, value)];
      return oddCertificate(self, NOW_MS, { isAuthority: true, keyUsage: CA_USE, organisation: 'wide.example', more });
    };
    await trustStoreOf([(await constrained('wide.example', 0xa0)).certificatePem]);
    for (const [host, tag] of [['b@wide.example', 0xa0] as const, ['wide.example', 0xa1] as const, ['x.wide.example', 0xa0] as const]) {
      await assert.rejects(async () => trustStoreOf([(await constrained(host, tag)).certificatePem]), { code: 'CL_IDENTITY_INVALID' });
    }
  });

  it('lets no list from the future displace the present one', async () => {
    const { certificatePem } = await issueEndpoint(await contoso, 'boardroom@contoso.example', NOW_MS);
    const revoked = await nextRevocationList(await contoso, (await contoso).crlPem, NOW_MS, certificatePem);
    const future = await nextRevocationList(await contoso, (await contoso).crlPem, NOW_MS + 10 * DAY_MS);
    const chain = chainOf(certificatePem);
    for (const lists of [
      [revoked, future],
      [future, revoked]
    ])
      assert.equal(await verdict(chain, NOW_MS, lists), 'CL_ENVELOPE_CERTIFICATE_REVOKED');
    assert.equal(await verdict(chain, NOW_MS, [future]), 'CL_ENVELOPE_UNTRUSTED');
  });

  it('looks at time and revocation each time, remembered or not', async () => {
    const { certificatePem } = await issueEndpoint(await contoso, 'boardroom@contoso.example', NOW_MS);
    const chain = chainOf(certificatePem);
    const { crlPem } = await contoso;
    const trust = await trustStoreOf([(await contoso).certificatePem], [crlPem]);
    const code = (nowMs: number): string => {
      const result = trust.verifyEndpoint(chain, nowMs);
      return result.ok ? 'ok' : result.error.code;
    };
    assert.equal(code(NOW_MS), 'ok');
    assert.equal(code(NOW_MS + 399 * DAY_MS), 'CL_ENVELOPE_CERTIFICATE_EXPIRED');
    assert.equal(code(NOW_MS - 2 * 3_600_000), 'CL_ENVELOPE_CERTIFICATE_EXPIRED');
    // A list that should have been followed by another one says nothing any more.
    assert.equal(code(NOW_MS + 366 * DAY_MS), 'CL_ENVELOPE_UNTRUSTED');
    const list = await nextRevocationList(await contoso, crlPem, NOW_MS, certificatePem);
    assert.equal(await verdict(chain, NOW_MS, [list]), 'CL_ENVELOPE_CERTIFICATE_REVOKED');
    const kept = await nextRevocationList(await contoso, list, NOW_MS);
    assert.equal(await verdict(chain, NOW_MS, [kept, list, crlPem]), 'CL_ENVELOPE_CERTIFICATE_REVOKED');
  });

  it('refuses lists and authorities that cannot be relied on', async () => {
    const stranger = await makeAuthority('stranger.example', NOW_MS);
    const pretender = await makeAuthority('contoso.example', NOW_MS);
    const { certificatePem } = await contoso;
    const broker = await issueBroker(await contoso, ['broker.contoso.example'], NOW_MS);
    for (const list of [stranger.crlPem, pretender.crlPem, 'x', '']) {
      await assert.rejects(trustStoreOf([certificatePem], [list]), { code: 'CL_IDENTITY_INVALID' });
    }
    for (const pem of ['', 'x', broker.certificatePem]) await assert.rejects(trustStoreOf([pem]), { code: 'CL_IDENTITY_INVALID' });
    assert.equal(await verdict(chainOf(broker.certificatePem)), 'CL_ENVELOPE_UNTRUSTED');
    assert.equal(await verdict([]), 'CL_ENVELOPE_UNTRUSTED');
  });

  it('reads its files again, and keeps what it had when they are worse', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cloister-trust-'));
    try {
      const { certificatePem, crlPem } = await contoso;
      const leaf = await issueEndpoint(await contoso, 'boardroom@contoso.example', NOW_MS);
      const [ca, crl] = [join(directory, 'ca.pem'), join(directory, 'crl.pem')];
      await writeFile(ca, certificatePem);
      await writeFile(crl, crlPem);
      const trust = await loadTrustStore({ authorities: [ca], revocationLists: [crl] });
      const code = (): string => {
        const result = trust.verifyEndpoint(chainOf(leaf.certificatePem), NOW_MS + 10_000);
        return result.ok ? 'ok' : result.error.code;
      };
      assert.equal(code(), 'ok');
      await writeFile(crl, await nextRevocationList(await contoso, crlPem, NOW_MS + 5_000, leaf.certificatePem));
      await trust.reload();
      assert.equal(code(), 'CL_ENVELOPE_CERTIFICATE_REVOKED');
      for (const worse of [crlPem, 'garbled']) {
        await writeFile(crl, worse);
        await assert.rejects(trust.reload(), { code: 'CL_IDENTITY_INVALID' });
        assert.equal(code(), 'CL_ENVELOPE_CERTIFICATE_REVOKED');
      }
      await rm(crl);
      await assert.rejects(trust.reload(), { code: 'CL_IDENTITY_MISSING' });
      assert.equal(code(), 'CL_ENVELOPE_CERTIFICATE_REVOKED');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('never throws at bytes, and accepts no changed certificate', async () => {
    const { der } = await oddCertificate(await contoso, NOW_MS);
    const trust = await trustStoreOf([(await contoso).certificatePem]);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.uint8Array({ maxLength: 40 }), (at, xor, any) => {
        const copy = Uint8Array.from(der);
        copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ xor;
        assert.equal(trust.verifyEndpoint([copy], NOW_MS).ok, false);
        assert.equal(trust.verifyEndpoint([any], NOW_MS).ok, false);
        assert.equal(trust.verifyEndpoint([new Uint8Array([...der, ...any, 0])], NOW_MS).ok, false);
      }),
      { numRuns: 200 }
    );
    assert.ok(readCertificate(der).ok);
  });
});
