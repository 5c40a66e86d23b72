// An endpoint's certificate as people see it. Nothing is decided by it: whether it is good is the trust store's to say.
import { X509Certificate } from 'node:crypto';
import type { CertificateView } from '../room/state.ts';

/** Of the first of these attributes that it has. */
const partOf = (name: string, ...attributes: readonly string[]): string =>
  attributes.map((attribute) => new RegExp(`^${attribute}=(.*)$`, 'm').exec(name)?.[1]).find((part) => part !== undefined) ?? name;

/** @param pem the leaf first */
export function certificateView(pem: string): CertificateView {
  const certificate = new X509Certificate(pem);
  return {
    subject: partOf(certificate.subject, 'CN'),
    issuer: partOf(certificate.issuer, 'O', 'CN'),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    thumbprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  };
}

/** The names and addresses that a server with this certificate may be asked for, lower case; none with a wildcard. */
export function serverNames(pem: string): readonly string[] {
  const names = (new X509Certificate(pem).subjectAltName ?? '').split(', ').flatMap((entry) => {
    const [, kind, name = ''] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? [];
    if (kind === 'IP Address' && name.includes(':')) return [`[${shortened(name)}]`];
    return kind === undefined || name.includes('*') ? [] : [name.toLowerCase()];
  });
  return [...new Set(names)];
}

/** As a browser writes an IPv6 address. */
const shortened = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);
