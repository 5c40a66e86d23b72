// An organisation's certificate authority: makes itself, endpoint and broker certificates, and the revocation list (protocol.md "Names").
// Pure but for random numbers: PEM in, PEM out, the time is given. Keys are P-256, signatures ECDSA with SHA-256.
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { parseAddress } from '../kernel/address.ts';
import { CloisterError } from '../kernel/errors.ts';
import { endpointIdOf } from './names.ts';
import { organisationOf } from './trust-store.ts';
import { der, onlyMailOf, pemCertificates, readCertificate, serialOf } from './x509-fields.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const AUTHORITY_DAYS = 3_650;
const CERTIFICATE_DAYS = 398;
const LIST_DAYS = 365;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const CRL_NUMBER = '2.5.29.20';
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };

export type Authority = { readonly organisation: string; readonly keyPem: string; readonly certificatePem: string };
export type Issued = { readonly keyPem: string; readonly certificatePem: string };

const newKeyPair = (): { privateKey: KeyObject; publicKey: KeyObject } => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyPemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const spkiOf = (key: KeyObject): Buffer<ArrayBuffer> => Buffer.from(key.export({ type: 'spki', format: 'der' }));
const signingKey = (key: KeyObject): Promise<CryptoKey> =>
  crypto.subtle.importKey('pkcs8', Buffer.from(key.export({ type: 'pkcs8', format: 'der' })), CURVE, false, ['sign']);
const verifyingKey = (key: KeyObject): Promise<CryptoKey> => crypto.subtle.importKey('spki', spkiOf(key), CURVE, true, ['verify']);
const keyIdentifier = (key: KeyObject): string => endpointIdOf(spkiOf(key)).slice(0, 20);

/** RFC 5280 section 4.1.2.2: positive, at most 20 octets; 127 random bits. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** @throws CloisterError CL_ADDRESS_INVALID when `organisation` is not a DNS name in lower case */
export async function makeAuthority(organisation: string, nowMs: number): Promise<Authority & { readonly crlPem: string }> {
  const address = parseAddress(`a@${organisation}`);
  if (!address.ok || address.value.organisation !== organisation) {
    throw new CloisterError('CL_ADDRESS_INVALID', 'the organisation must be a DNS name in lower case, such as contoso.example');
  }
  const { privateKey, publicKey } = newKeyPair();
  const keys = { privateKey: await signingKey(privateKey), publicKey: await verifyingKey(publicKey) };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ O: [organisation] }, { CN: [`Cloister CA ${keyIdentifier(publicKey).slice(0, 8)}`] }],
    notBefore: new Date(nowMs - HOUR_MS),
    notAfter: new Date(nowMs + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      onlyMailOf(organisation),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  });
  const authority = { organisation, keyPem: keyPemOf(privateKey), certificatePem: `${certificate.toString('pem')}\n` };
  return { ...authority, crlPem: await signList(authority, [], nowMs) };
}

/** An authority from its PEM files. @throws CloisterError CL_IDENTITY_INVALID when they are not one authority's */
export function authorityOf(keyPem: string, certificatePem: string): Authority {
  const fields = readCertificate(pemCertificates(certificatePem)[0] ?? new Uint8Array());
  const organisation = fields.ok && fields.value.isAuthority ? organisationOf(fields.value) : null;
  if (!fields.ok || organisation === null) throw new CloisterError('CL_IDENTITY_INVALID', 'the certificate is not one of an organisation’s CA');
  if (!spkiOf(createPublicKey(parseKey(keyPem))).equals(fields.value.spki)) {
    throw new CloisterError('CL_IDENTITY_INVALID', 'the CA’s key does not belong to its certificate');
  }
  return { organisation, keyPem, certificatePem };
}

/** @throws CloisterError CL_IDENTITY_INVALID; its text never holds any of the key */
export function parseKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // OpenSSL's message is left out: it could quote the file.
  }
  throw new CloisterError('CL_IDENTITY_INVALID', 'the key is not a P-256 private key in PEM');
}

/** Signs a certificate for a fresh key; `describe` gets the key, since an endpoint's name comes from it. */
async function issue(
  authority: Authority,
  nowMs: number,
  describe: (publicKey: KeyObject) => { commonName: string; usage: x509.ExtendedKeyUsage; names: x509.JsonGeneralNames }
): Promise<Issued> {
  const { privateKey, publicKey } = newKeyPair();
  const { commonName, usage, names } = describe(publicKey);
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [commonName] }],
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs - HOUR_MS),
    notAfter: new Date(Math.min(nowMs + CERTIFICATE_DAYS * DAY_MS, issuer.notAfter.getTime())),
    signingAlgorithm: SIGNATURE,
    signingKey: await signingKey(parseKey(authority.keyPem)),
    publicKey: await verifyingKey(publicKey),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.AuthorityKeyIdentifierExtension.create(issuer)
    ]
  });
  return { keyPem: keyPemOf(privateKey), certificatePem: `${certificate.toString('pem')}\n` };
}

/** @throws CloisterError CL_ADDRESS_INVALID when `account` is not an account of the authority's organisation */
export function issueEndpoint(authority: Authority, account: string, nowMs: number): Promise<Issued> {
  const address = parseAddress(account);
  if (!address.ok) throw address.error;
  if (address.value.organisation !== authority.organisation) {
    throw new CloisterError('CL_ADDRESS_INVALID', `the account must be one of ${authority.organisation}`);
  }
  return issue(authority, nowMs, (publicKey) => ({
    commonName: endpointIdOf(spkiOf(publicKey)),
    usage: x509.ExtendedKeyUsage.clientAuth,
    names: [{ type: 'email', value: address.value.account }]
  }));
}

const HOST = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** @param hosts DNS names in lower case or IP addresses, at least one. @throws CloisterError CL_USAGE */
export function issueBroker(authority: Authority, hosts: readonly string[], nowMs: number): Promise<Issued> {
  const names = hosts.map((host): x509.JsonGeneralName => {
    if (isIP(host) !== 0) return { type: 'ip', value: host };
    if (HOST.test(host) && host.length <= 253) return { type: 'dns', value: host };
    throw new CloisterError('CL_USAGE', 'a broker’s host must be a DNS name in lower case or an IP address');
  });
  if (names.length === 0) throw new CloisterError('CL_USAGE', 'a broker’s certificate needs at least one host');
  return issue(authority, nowMs, () => ({ commonName: 'cloister broker', usage: x509.ExtendedKeyUsage.serverAuth, names }));
}

async function signList(authority: Authority, entries: readonly x509.X509CrlEntryParams[], nowMs: number): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const number = BigInt(nowMs).toString(16).padStart(12, '0');
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subjectName,
    thisUpdate: new Date(nowMs),
    nextUpdate: new Date(nowMs + LIST_DAYS * DAY_MS),
    entries: [...entries],
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(issuer), new x509.Extension(CRL_NUMBER, false, der(0x02, Buffer.from(number, 'hex')))],
    signingAlgorithm: SIGNATURE,
    signingKey: await signingKey(parseKey(authority.keyPem))
  });
  // The label of RFC 7468 section 6; the library's own is one that OpenSSL does not know.
  return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
}

/**
 * The revocation list that follows `crlPem`, valid for a year from now; with `certificatePem` on it where that is given.
 * @throws CloisterError CL_IDENTITY_INVALID when the list or the certificate is not this authority's
 */
export async function nextRevocationList(authority: Authority, crlPem: string, nowMs: number, certificatePem?: string): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificatePem);
  let list: x509.X509Crl;
  try {
    list = new x509.X509Crl(crlPem);
  } catch (cause) {
    throw new CloisterError('CL_IDENTITY_INVALID', 'the revocation list cannot be read', { cause });
  }
  if (!(await list.verify({ publicKey: issuer }).catch(() => false)))
    throw new CloisterError('CL_IDENTITY_INVALID', 'the revocation list is not this authority’s');
  // Each entry has a reason: without one the library writes an empty list of extensions, which RFC 5280 section 5.1 does not allow.
  const reason = x509.X509CrlReason.privilegeWithdrawn;
  const entries = list.entries.map((entry): x509.X509CrlEntryParams => ({ serialNumber: entry.serialNumber, revocationDate: entry.revocationDate, reason }));
  if (certificatePem !== undefined) {
    const [leaf] = pemCertificates(certificatePem);
    const fields = leaf === undefined ? undefined : readCertificate(leaf);
    if (!fields?.ok || !fields.value.node.verify(new X509Certificate(authority.certificatePem).publicKey)) {
      throw new CloisterError('CL_IDENTITY_INVALID', 'the certificate was not issued by this authority');
    }
    const { serial } = fields.value;
    if (!entries.some((entry) => serialOf(entry.serialNumber) === serial)) entries.push({ serialNumber: serial, revocationDate: new Date(nowMs), reason });
  }
  return signList(authority, entries, nowMs);
}
