// Whom this endpoint believes: one authority file per organisation, and the authorities' revocation lists.
// Invariants: an authority speaks for the organisation in its own subject and for no other; nothing is accepted for want of an answer
// (a list that is out of date refuses); an authority signs endpoints itself, so that its list says all about them (RFC 5280 section 6.1);
// who signed is remembered, time and revocation are looked at each time.
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
import { type CertificateFields, isAllowedSignature, onlyMailOf, pemCertificates, readCertificate, serialOf } from './x509-fields.ts';

const MAX_CHAIN = 3;
const CLOCK_TOLERANCE_MS = 300_000;
const CACHE_ENTRIES = 256;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

type Authority = { readonly organisation: string; readonly fields: CertificateFields };
type RevocationList = { readonly thisUpdateMs: number; readonly nextUpdateMs: number; readonly serials: ReadonlySet<string> };
/** Everything that a decision needs; replaced as a whole by a reload. */
type Beliefs = { readonly authorities: readonly Authority[]; readonly lists: ReadonlyMap<Authority, readonly RevocationList[]> };
type Path = { readonly party: CertifiedParty; readonly leaf: CertificateFields; readonly authority: Authority };

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
    const { nameConstraints } = fields.value;
    // Limits that are not understood may not be passed over (RFC 5280 section 4.2). This one says what holds here anyway.
    if (nameConstraints !== null && nameConstraints !== Buffer.from(onlyMailOf(organisation).value).toString('hex')) {
      throw invalid('authority: its name constraints are others than to the mail names of its organisation');
    }
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
    if (!isAllowedSignature(list.signatureAlgorithm)) throw invalid('revocation list: its signature algorithm is not allowed');
    // RFC 5280 section 5.2: a partial list (delta, distribution point) says so in a critical extension and would be read as complete.
    const extensions = [...list.extensions, ...list.entries.flatMap((entry) => entry.extensions)];
    if (extensions.some((extension) => extension.critical)) throw invalid('revocation list: it has a critical extension that is not known');
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
  const lists = new Map<Authority, readonly RevocationList[]>();
  for (const pem of listPems) {
    const [authority, list] = await readRevocationList(pem, authorities);
    lists.set(authority, [...(lists.get(authority) ?? []), list]);
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

/** Only the chain's leaf counts: a trusted authority must have issued it itself. What follows it is what the sender's TLS stack sends along. */
function findPath(chain: readonly Uint8Array[], beliefs: Beliefs): Result<Path> {
  const [der] = chain;
  if (der === undefined || chain.length > MAX_CHAIN) return refuse('CL_ENVELOPE_UNTRUSTED', 'the certificate chain is empty or too long');
  const fields = readCertificate(der);
  if (!fields.ok) return err(new CloisterError('CL_ENVELOPE_UNTRUSTED', fields.error.message, { cause: fields.error }));
  const leaf = fields.value;
  const party = partyOf(leaf);
  if (!party.ok) return party;
  const { account, endpoint, key, organisation } = party.value;
  const authority = beliefs.authorities.find((candidate) => candidate.organisation === organisation && issued(candidate.fields, leaf));
  if (authority === undefined) return refuse('CL_ENVELOPE_UNTRUSTED', 'no trusted authority of the account’s organisation issued the certificate');
  return ok({ party: { account, endpoint, key }, leaf, authority });
}

/** The part of the decision that time changes: periods of validity and revocation. */
function checkNow({ party, leaf, authority }: Path, beliefs: Beliefs, nowMs: number): Result<CertifiedParty> {
  for (const { notBeforeMs, notAfterMs } of [leaf, authority.fields]) {
    if (nowMs < notBeforeMs || nowMs > notAfterMs) return refuse('CL_ENVELOPE_CERTIFICATE_EXPIRED', 'a certificate is expired or not yet valid');
  }
  const lists = beliefs.lists.get(authority);
  if (lists === undefined) return ok(party);
  // A list from the future must not displace the present one.
  const begun = lists.filter(({ thisUpdateMs }) => thisUpdateMs <= nowMs + CLOCK_TOLERANCE_MS);
  const newest = begun.reduce<RevocationList | null>((best, list) => (best === null || list.thisUpdateMs > best.thisUpdateMs ? list : best), null);
  if (newest?.serials.has(leaf.serial)) return refuse('CL_ENVELOPE_CERTIFICATE_REVOKED', 'the certificate is revoked');
  if (newest === null || nowMs > newest.nextUpdateMs) return refuse('CL_ENVELOPE_UNTRUSTED', `the revocation list of ${authority.organisation} is out of date`);
  return ok(party);
}

function cacheKey(chain: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const der of chain) hash.update(`${der.byteLength}:`).update(der);
  return hash.digest('base64');
}

const newestOf = (lists: readonly RevocationList[]): number => Math.max(Number.NEGATIVE_INFINITY, ...lists.map(({ thisUpdateMs }) => thisUpdateMs));

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
      for (const [authority, lists] of beliefs.lists) {
        const renewed = [...next.lists].find(([candidate]) => Buffer.from(candidate.fields.raw).equals(authority.fields.raw));
        const stillTrusted = next.authorities.some((candidate) => Buffer.from(candidate.fields.raw).equals(authority.fields.raw));
        if (stillTrusted && newestOf(renewed?.[1] ?? []) < newestOf(lists)) {
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
