// Whom this endpoint believes: one authority file per organisation, and the authorities' revocation lists.
// Invariants: an authority speaks for the organisation in its own subject and for no other; nothing is accepted for want of an answer
// (a list that is out of date refuses); path building is remembered, time and revocation are looked at each time (RFC 5280 section 6.1).
import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as x509 from '@peculiar/x509';
import { parseAddress } from '../kernel/address.ts';
import type { ErrorCode } from '../kernel/error-codes.ts';
import { CloisterError } from '../kernel/errors.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import { endpointIdOf } from './names.ts';
import type { CertifiedParty, TrustStore } from './port.ts';
import { type CertificateFields, pemCertificates, readCertificate, serialOf } from './x509-fields.ts';

const MAX_PATH = 3;
const CACHE_ENTRIES = 256;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

type Authority = { readonly organisation: string; readonly fields: CertificateFields };
type RevocationList = { readonly thisUpdateMs: number; readonly nextUpdateMs: number; readonly serials: ReadonlySet<string> };
/** Everything that a decision needs; replaced as a whole by a reload. */
type Beliefs = { readonly authorities: readonly Authority[]; readonly lists: ReadonlyMap<Authority, RevocationList> };
type Path = { readonly party: CertifiedParty; readonly certificates: readonly CertificateFields[]; readonly authority: Authority };

export type ReloadableTrustStore = TrustStore & {
  /** Reads the files again. @throws CloisterError CL_IDENTITY_INVALID, CL_IDENTITY_MISSING; what was believed before stays in force. */
  reload(): Promise<void>;
};

const invalid = (message: string, cause?: unknown): CloisterError => new CloisterError('CL_IDENTITY_INVALID', message, { cause });
const refuse = (code: ErrorCode, message: string): Result<never> => err(new CloisterError(code, message));

/** The organisation that an authority speaks for: the one O of its subject, a DNS name in lower case. */
export function organisationOf(fields: CertificateFields): string | null {
  const [organisation, ...more] = fields.organisations;
  if (organisation === undefined || more.length > 0) return null;
  const address = parseAddress(`a@${organisation}`);
  return address.ok && address.value.organisation === organisation ? organisation : null;
}

function readAuthorities(pem: string): readonly Authority[] {
  const authorities = pemCertificates(pem).map((der): Authority => {
    const fields = readCertificate(der);
    if (!fields.ok) throw invalid(`authority: ${fields.error.message}`, fields.error);
    if (!fields.value.isAuthority || !fields.value.maySignCertificates) throw invalid('authority: the certificate is not one of a CA');
    const organisation = organisationOf(fields.value);
    if (organisation === null) throw invalid('authority: its subject names no organisation (O=contoso.example)');
    return { organisation, fields: fields.value };
  });
  if (authorities.length === 0) throw invalid('authority: the file holds no certificate');
  if (new Set(authorities.map((authority) => authority.organisation)).size > 1) throw invalid('authority: one file names several organisations');
  return authorities;
}

async function readRevocationList(pem: string, authorities: readonly Authority[]): Promise<readonly [Authority, RevocationList]> {
  let list: x509.X509Crl;
  try {
    list = new x509.X509Crl(pem);
  } catch (cause) {
    throw invalid('revocation list: it cannot be read', cause);
  }
  const issuer = Buffer.from(list.issuerName.toArrayBuffer()).toString('hex');
  for (const authority of authorities) {
    if (authority.fields.subjectDer !== issuer || !authority.fields.maySignRevocations) continue;
    const signed = await list.verify({ publicKey: new x509.PublicKey(new Uint8Array(authority.fields.spki)) }).catch(() => false);
    if (!signed) continue;
    // RFC 5280 section 5.2: a partial list (delta, distribution point) says so in a critical extension and would be read as complete.
    if (list.extensions.some((extension) => extension.critical)) throw invalid('revocation list: it has a critical extension that is not known');
    if (list.nextUpdate === undefined) throw invalid('revocation list: it does not say when the next one comes');
    const serials = new Set(list.entries.map((entry) => serialOf(entry.serialNumber)));
    return [authority, { thisUpdateMs: list.thisUpdate.getTime(), nextUpdateMs: list.nextUpdate.getTime(), serials }];
  }
  throw invalid('revocation list: no trusted authority signed it');
}

async function readBeliefs(authorityPems: readonly string[], listPems: readonly string[]): Promise<Beliefs> {
  const authorities: Authority[] = [];
  for (const pem of authorityPems) {
    const more = readAuthorities(pem);
    // Two files for one organisation: a partner's file could otherwise make its authority speak for somebody else.
    const organisation = more[0]?.organisation;
    if (authorities.some((authority) => authority.organisation === organisation)) throw invalid(`authority: two files speak for ${organisation}`);
    authorities.push(...more);
  }
  const lists = new Map<Authority, RevocationList>();
  for (const pem of listPems) {
    const [authority, list] = await readRevocationList(pem, authorities);
    const other = lists.get(authority);
    if (other === undefined || other.thisUpdateMs < list.thisUpdateMs) lists.set(authority, list);
  }
  return { authorities, lists };
}

/** Whether `issuer` made `certificate`, by name and by signature. */
function issued(issuer: CertificateFields, certificate: CertificateFields): boolean {
  return issuer.subjectDer === certificate.issuerDer && certificate.node.verify(issuer.key);
}

/** Who the leaf says it is; the leaf's own rules of protocol.md "Names". */
function partyOf(leaf: CertificateFields): Result<CertifiedParty & { readonly organisation: string }> {
  if (leaf.isAuthority) return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate of a CA is not one of an endpoint');
  if (!leaf.maySignMessages || !leaf.extendedUsages.includes(CLIENT_AUTH))
    return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate is not meant for an endpoint');
  const [account, ...more] = leaf.mailNames;
  if (account === undefined || more.length > 0 || leaf.alternativeNames !== 1)
    return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate does not name exactly one account');
  const address = parseAddress(account);
  if (!address.ok || address.value.account !== account) return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate’s account is not in its normal form');
  const endpoint = endpointIdOf(leaf.spki);
  if (leaf.commonNames.length !== 1 || leaf.commonNames[0] !== endpoint) {
    return refuse('CL_ENVELOPE_SENDER_MISMATCH', 'the certificate’s name is not the one of its key');
  }
  return ok({ account, endpoint, key: leaf.key, organisation: address.value.organisation });
}

function findPath(chain: readonly Uint8Array[], beliefs: Beliefs): Result<Path> {
  if (chain.length === 0 || chain.length > MAX_PATH) return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate chain is empty or too long');
  const certificates: CertificateFields[] = [];
  for (const der of chain) {
    const fields = readCertificate(der);
    if (!fields.ok) return err(new CloisterError('CL_ENVELOPE_UNTRUSTED', fields.error.message, { cause: fields.error }));
    certificates.push(fields.value);
  }
  const [leaf] = certificates;
  if (leaf === undefined) return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate chain is empty');
  const party = partyOf(leaf);
  if (!party.ok) return party;
  const authorities = beliefs.authorities.filter((authority) => authority.organisation === party.value.organisation);
  for (const [index, certificate] of certificates.entries()) {
    // `index` certificates of CAs lie between the leaf and the one that would sign here (pathLenConstraint, RFC 5280 section 4.2.1.9).
    const allowedBelow = (issuer: CertificateFields): boolean => issuer.pathLength === null || issuer.pathLength >= index;
    const authority = authorities.find((candidate) => allowedBelow(candidate.fields) && issued(candidate.fields, certificate));
    if (authority !== undefined) {
      const { account, endpoint, key } = party.value;
      return ok({ party: { account, endpoint, key }, certificates: certificates.slice(0, index + 1), authority });
    }
    const next = certificates[index + 1];
    const goesOn = next?.isAuthority && next.maySignCertificates && allowedBelow(next) && index + 2 < MAX_PATH && issued(next, certificate);
    if (!goesOn) break;
  }
  return refuse('CL_ENVELOPE_UNTRUSTED', 'no trusted authority of the account’s organisation issued the certificate');
}

/** The part of the decision that time changes: periods of validity and revocation. */
function checkNow(path: Path, beliefs: Beliefs, nowMs: number): Result<CertifiedParty> {
  for (const { notBeforeMs, notAfterMs } of [...path.certificates, path.authority.fields]) {
    if (nowMs < notBeforeMs || nowMs > notAfterMs) return refuse('CL_ENVELOPE_CERTIFICATE_EXPIRED', 'a certificate is expired or not yet valid');
  }
  const list = beliefs.lists.get(path.authority);
  const top = path.certificates.at(-1);
  if (list !== undefined && top !== undefined) {
    if (list.serials.has(top.serial)) return refuse('CL_ENVELOPE_CERTIFICATE_REVOKED', 'the certificate is revoked');
    if (nowMs > list.nextUpdateMs) return refuse('CL_ENVELOPE_UNTRUSTED', `the revocation list of ${path.authority.organisation} is out of date`);
  }
  return ok(path.party);
}

function cacheKey(chain: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const der of chain) hash.update(`${der.byteLength}:`).update(der);
  return hash.digest('base64');
}

/** @param read gives the PEM texts: authorities (one organisation per text) and revocation lists. */
async function createTrustStore(
  read: () => Promise<{ readonly authorities: readonly string[]; readonly lists: readonly string[] }>
): Promise<ReloadableTrustStore> {
  const load = async (): Promise<Beliefs> => {
    const { authorities, lists } = await read();
    return readBeliefs(authorities, lists);
  };
  let beliefs = await load();
  const paths = new Map<string, Path>();
  return {
    verifyEndpoint(chain, nowMs) {
      const key = cacheKey(chain);
      const known = paths.get(key);
      if (known !== undefined) return checkNow(known, beliefs, nowMs);
      const path = findPath(chain, beliefs);
      if (!path.ok) return path;
      // Only chains that a trusted authority signed are remembered, so a stranger cannot push the others out.
      const oldest = paths.keys().next();
      if (paths.size >= CACHE_ENTRIES && !oldest.done) paths.delete(oldest.value);
      paths.set(key, path.value);
      return checkNow(path.value, beliefs, nowMs);
    },
    async reload() {
      const next = await load();
      for (const [authority, list] of beliefs.lists) {
        const renewed = [...next.lists].find(([candidate]) => Buffer.from(candidate.fields.raw).equals(authority.fields.raw));
        const stillTrusted = next.authorities.some((candidate) => Buffer.from(candidate.fields.raw).equals(authority.fields.raw));
        if (stillTrusted && (renewed?.[1].thisUpdateMs ?? Number.NEGATIVE_INFINITY) < list.thisUpdateMs) {
          throw invalid(`revocation list of ${authority.organisation}: the new one is older than the one in force`);
        }
      }
      beliefs = next;
      paths.clear();
    }
  };
}

/**
 * A trust store over PEM files.
 * @param files paths; each authority file holds the certificates of one organisation's authority, each list file one revocation list
 * @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID
 */
export function loadTrustStore(files: { readonly authorities: readonly string[]; readonly revocationLists: readonly string[] }): Promise<ReloadableTrustStore> {
  const readAll = (paths: readonly string[]): Promise<readonly string[]> =>
    Promise.all(
      paths.map(async (path) => {
        try {
          return await readFile(path, 'utf8');
        } catch (cause) {
          throw new CloisterError('CL_IDENTITY_MISSING', `${path} cannot be read`, { cause });
        }
      })
    );
  return createTrustStore(async () => ({ authorities: await readAll(files.authorities), lists: await readAll(files.revocationLists) }));
}

/** A trust store over PEM texts, for what holds them already; `reload` changes nothing. */
export function trustStoreOf(authorities: readonly string[], revocationLists: readonly string[] = []): Promise<TrustStore> {
  return createTrustStore(async () => ({ authorities, lists: revocationLists }));
}
