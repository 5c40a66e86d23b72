// An endpoint's certificate as people see it. Nothing is decided by it: whether it is good is the trust store's to say.
import { X509Certificate } from 'node:crypto';
import type { CertificateView } from '../room/state.ts';

const commonName = (name: string): string => /^CN=(.*)$/m.exec(name)?.[1] ?? name;

/** @param pem the leaf first */
export function certificateView(pem: string): CertificateView {
  const certificate = new X509Certificate(pem);
  return {
    subject: commonName(certificate.subject),
    issuer: commonName(certificate.issuer),
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    thumbprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  };
}
