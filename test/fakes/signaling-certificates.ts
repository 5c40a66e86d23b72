// Certificates that no honest authority makes: any part of an endpoint's certificate can be given another value.
import 'reflect-metadata';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type Authority, parseKey } from '../../src/identity/certificate-authority.ts';
import { endpointIdOf } from '../../src/identity/names.ts';

const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export type Oddity = {
  readonly commonNames?: readonly string[];
  readonly names?: x509.JsonGeneralNames;
  readonly usages?: readonly string[];
  readonly isAuthority?: boolean;
  readonly keyUsage?: x509.KeyUsageFlags;
  readonly organisation?: string;
  readonly pathLength?: number;
  readonly more?: readonly x509.Extension[];
  readonly curve?: 'P-256' | 'P-384';
  readonly hash?: 'SHA-256' | 'SHA-1';
  readonly notAfterMs?: number;
};

const spkiOf = (key: KeyObject): Buffer<ArrayBuffer> => Buffer.from(key.export({ type: 'spki', format: 'der' }));

/** A certificate signed by `signer`, an endpoint's of boardroom@contoso.example where `oddity` says nothing else; with its key, to sign further ones. */
export async function oddCertificate(
  signer: { certificatePem: string; keyPem: string },
  nowMs: number,
  oddity: Oddity = {}
): Promise<Authority & { der: Uint8Array; endpointId: string }> {
  const namedCurve = oddity.curve ?? 'P-256';
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const endpointId = endpointIdOf(spkiOf(createPublicKey(privateKey)));
  const signing = await crypto.subtle.importKey(
    'pkcs8',
    Buffer.from(parseKey(signer.keyPem).export({ type: 'pkcs8', format: 'der' })),
    { name: 'ECDSA', namedCurve: 'P-256' },
    false,
    ['sign']
  );
  const subject: x509.JsonName = (oddity.commonNames ?? [endpointId]).map((name) => ({ CN: [name] }));
  if (oddity.organisation !== undefined) subject.push({ O: [oddity.organisation] });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '0123456789',
    subject,
    issuer: new x509.X509Certificate(signer.certificatePem).subjectName,
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(oddity.notAfterMs ?? nowMs + DAY_MS),
    signingAlgorithm: { ...SIGNATURE, hash: oddity.hash ?? 'SHA-256' },
    signingKey: signing,
    publicKey: await crypto.subtle.importKey('spki', spkiOf(publicKey), { name: 'ECDSA', namedCurve }, true, ['verify']),
    extensions: [
      new x509.BasicConstraintsExtension(oddity.isAuthority ?? false, oddity.pathLength, true),
      new x509.KeyUsagesExtension(oddity.keyUsage ?? x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([...(oddity.usages ?? [x509.ExtendedKeyUsage.clientAuth])]),
      new x509.SubjectAlternativeNameExtension([...(oddity.names ?? [{ type: 'email' as const, value: 'boardroom@contoso.example' }])]),
      ...(oddity.more ?? [])
    ]
  });
  return {
    organisation: oddity.organisation ?? 'contoso.example',
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: certificate.toString('pem'),
    der: new Uint8Array(certificate.rawData),
    endpointId
  };
}
