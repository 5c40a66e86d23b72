// What Cloister reads from a certificate, parsed strictly: a field that is missing, doubled or unknown and critical is a refusal,
// so that no two readers of one certificate can see two different names in it (RFC 5280 section 4.2).
// Two libraries read each certificate (OpenSSL for keys and signatures, @peculiar/x509 for names): where they could differ, both must agree.
import 'reflect-metadata';
import { type KeyObject, X509Certificate as NodeCertificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { CloisterError } from '../kernel/errors.ts';
import { err, ok, type Result } from '../kernel/result.ts';

const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_ALT_NAME = '2.5.29.17';
const NAME_CONSTRAINTS = '2.5.29.30';
/** Critical extensions that the verification takes into account; of name constraints the trust store takes one form only. */
const UNDERSTOOD = new Set([BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME, NAME_CONSTRAINTS]);

const SIGNATURE_HASHES = new Set(['SHA-256', 'SHA-384', 'SHA-512']);

/** Of certificates and revocation lists alike. */
export const isAllowedSignature = ({ name, hash }: { readonly name: string; readonly hash?: { readonly name: string } }): boolean =>
  name === 'ECDSA' && hash !== undefined && SIGNATURE_HASHES.has(hash.name);

export type CertificateFields = {
  readonly raw: Uint8Array;
  readonly key: KeyObject;
  readonly spki: Uint8Array;
  /** The verifier of signatures; OpenSSL's view of the same bytes. */
  readonly node: NodeCertificate;
  /** DER of the names, for comparison byte by byte. */
  readonly subjectDer: string;
  readonly issuerDer: string;
  readonly commonNames: readonly string[];
  readonly organisations: readonly string[];
  /** Lower-case hex without leading zeros. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isAuthority: boolean;
  /** DER of the extension's value, in hex; null where there is none. */
  readonly nameConstraints: string | null;
  readonly maySignCertificates: boolean;
  readonly maySignRevocations: boolean;
  readonly maySignMessages: boolean;
  readonly extendedUsages: readonly string[];
  readonly mailNames: readonly string[];
  /** How many alternative names of any kind there are. */
  readonly alternativeNames: number;
};

export const serialOf = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');
const hexOf = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString('hex');
const refuse = (why: string, cause?: unknown): Result<never> => err(new CloisterError('CL_IDENTITY_INVALID', `certificate: ${why}`, { cause }));

/** Reads one DER certificate with a P-256 key; CL_IDENTITY_INVALID where it is not one or is not strictly well formed. */
export function readCertificate(der: Uint8Array): Result<CertificateFields> {
  try {
    const node = new NodeCertificate(der);
    const parsed = new x509.X509Certificate(new Uint8Array(der));
    const { publicKey } = node;
    if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return refuse('the key is not P-256');
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    if (!spki.equals(Buffer.from(parsed.publicKey.rawData))) return refuse('the key has an unusual encoding');
    if (!Buffer.from(der).equals(node.raw) || !node.raw.equals(Buffer.from(parsed.rawData))) return refuse('there are bytes after it');

    if (!isAllowedSignature(parsed.signatureAlgorithm)) return refuse('its signature algorithm is not allowed');

    const types = parsed.extensions.map((extension) => extension.type);
    if (new Set(types).size !== types.length) return refuse('an extension occurs twice');
    if (parsed.extensions.some((extension) => extension.critical && !UNDERSTOOD.has(extension.type)))
      return refuse('it has a critical extension that is not known');

    const constraints = parsed.getExtension(x509.BasicConstraintsExtension);
    const nameConstraints = parsed.getExtension(NAME_CONSTRAINTS);
    const usage = parsed.getExtension(x509.KeyUsagesExtension);
    const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
    const isAuthority = constraints?.ca === true;
    if (isAuthority !== node.ca) return refuse('its basic constraints are unclear');
    const notBeforeMs = parsed.notBefore.getTime();
    const notAfterMs = parsed.notAfter.getTime();
    if (!Number.isFinite(notBeforeMs) || !Number.isFinite(notAfterMs)) return refuse('it has no period of validity');
    const allows = (flag: x509.KeyUsageFlags): boolean => usage === null || (usage.usages & flag) !== 0;
    return ok({
      raw: node.raw,
      key: publicKey,
      spki,
      node,
      subjectDer: hexOf(parsed.subjectName.toArrayBuffer()),
      issuerDer: hexOf(parsed.issuerName.toArrayBuffer()),
      commonNames: parsed.subjectName.getField('CN'),
      organisations: parsed.subjectName.getField('O'),
      serial: serialOf(parsed.serialNumber),
      notBeforeMs,
      notAfterMs,
      isAuthority,
      nameConstraints: nameConstraints === null ? null : hexOf(nameConstraints.value),
      maySignCertificates: allows(x509.KeyUsageFlags.keyCertSign),
      maySignRevocations: allows(x509.KeyUsageFlags.cRLSign),
      maySignMessages: allows(x509.KeyUsageFlags.digitalSignature),
      extendedUsages: (parsed.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? []).map(String),
      mailNames: names.filter((name) => name.type === 'email').map((name) => name.value),
      alternativeNames: names.length
    });
  } catch (cause) {
    return refuse('it cannot be read', cause);
  }
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** The certificates of a PEM text as DER, in order; empty where there is none. */
export function pemCertificates(pem: string): readonly Uint8Array[] {
  return [...pem.matchAll(PEM_BLOCK)].map((match) => new Uint8Array(Buffer.from(match[1] ?? '', 'base64')));
}

/** One DER element with its length (X.690 section 8.1.3). */
export function der(tag: number, content: Uint8Array): Buffer<ArrayBuffer> {
  const { length } = content;
  const header = length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

/** NameConstraints permitting mail names of one host only (RFC 5280 section 4.2.1.10), so that other verifiers too hold a CA to its organisation. */
export function onlyMailOf(organisation: string): x509.Extension {
  const mailHost = der(0x81, Buffer.from(organisation, 'ascii'));
  return new x509.Extension(NAME_CONSTRAINTS, true, der(0x30, der(0xa0, der(0x30, mailHost))));
}
