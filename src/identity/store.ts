// Identities and authorities as PEM files in a folder. Invariants: nothing that is there is ever overwritten but a revocation list
// (written whole, then renamed); a private key is readable by its owner only; what is read fits together or is refused.
import { createPublicKey } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CloisterError, hasSystemCode } from '../kernel/errors.ts';
import { type Authority, authorityOf, type Issued, parseKey } from './certificate-authority.ts';
import type { EndpointIdentity } from './port.ts';
import { trustStoreOf } from './trust-store.ts';
import { pemCertificates, readCertificate } from './x509-fields.ts';

const OWNER_ONLY = 0o600;
const AUTHORITY_KEY = 'ca-key.pem';
const AUTHORITY_CERTIFICATE = 'ca.pem';
const REVOCATION_LIST = 'crl.pem';
const KEY = 'key.pem';
const CERTIFICATE = 'certificate.pem';

type NewFile = { readonly name: string; readonly text: string; readonly secret?: true };

async function readText(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CloisterError(hasSystemCode(cause, 'ENOENT') ? 'CL_IDENTITY_MISSING' : 'CL_IDENTITY_INVALID', `${path} cannot be read`, { cause });
  }
}

/** Reads a private key's file, which nobody but its owner may be able to read. Windows has no such bits; its folders are protected by their ACL. */
async function readSecret(directory: string, name: string): Promise<string> {
  const text = await readText(directory, name);
  const { mode } = await stat(join(directory, name));
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new CloisterError('CL_IDENTITY_INVALID', `${join(directory, name)} can be read by others than its owner; set its mode to 600`);
  }
  return text;
}

/** Writes all of `files` or none. */
async function writeNew(directory: string, files: readonly NewFile[]): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  try {
    for (const file of files) {
      const path = join(directory, file.name);
      await writeFile(path, file.text, { flag: 'wx', flush: true, mode: file.secret ? OWNER_ONLY : 0o644 });
      written.push(path);
    }
  } catch (cause) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    if (hasSystemCode(cause, 'EEXIST')) throw new CloisterError('CL_IDENTITY_EXISTS', `${directory} holds an identity already`, { cause });
    throw new CloisterError('CL_IDENTITY_INVALID', `${directory} cannot be written`, { cause });
  }
}

/** @throws CloisterError CL_IDENTITY_EXISTS, CL_IDENTITY_INVALID */
export function writeAuthority(directory: string, authority: Authority & { readonly crlPem: string }): Promise<void> {
  return writeNew(directory, [
    { name: AUTHORITY_KEY, text: authority.keyPem, secret: true },
    { name: AUTHORITY_CERTIFICATE, text: authority.certificatePem },
    { name: REVOCATION_LIST, text: authority.crlPem }
  ]);
}

/** @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID */
export async function readAuthority(directory: string): Promise<Authority & { readonly crlPem: string }> {
  const [keyPem, certificatePem, crlPem] = await Promise.all([
    readSecret(directory, AUTHORITY_KEY),
    readText(directory, AUTHORITY_CERTIFICATE),
    readText(directory, REVOCATION_LIST)
  ]);
  return { ...authorityOf(keyPem, certificatePem), crlPem };
}

/** Replaces an authority's revocation list; a reader sees the old one or the new one, whole. */
export async function writeRevocationList(directory: string, crlPem: string): Promise<void> {
  const path = join(directory, REVOCATION_LIST);
  try {
    await writeFile(`${path}.new`, crlPem, { flush: true });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new CloisterError('CL_IDENTITY_INVALID', `${path} cannot be written`, { cause });
  }
}

/** A key with its certificate, an endpoint's or a broker's, and the CA's certificate beside it. @throws CloisterError CL_IDENTITY_EXISTS, CL_IDENTITY_INVALID */
export function writeIssued(directory: string, issued: Issued, caPem: string): Promise<void> {
  return writeNew(directory, [
    { name: KEY, text: issued.keyPem, secret: true },
    { name: CERTIFICATE, text: issued.certificatePem },
    { name: AUTHORITY_CERTIFICATE, text: caPem }
  ]);
}

/** A broker's key and certificate. @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID */
export async function readBrokerCertificate(directory: string): Promise<Issued & { readonly caPem: string }> {
  const [keyPem, certificatePem, caPem] = await Promise.all([
    readSecret(directory, KEY),
    readText(directory, CERTIFICATE),
    readText(directory, AUTHORITY_CERTIFICATE)
  ]);
  const fields = readCertificate(pemCertificates(certificatePem)[0] ?? new Uint8Array());
  if (!fields.ok) throw fields.error;
  requireSameKey(keyPem, fields.value.spki);
  return { keyPem, certificatePem, caPem };
}

function requireSameKey(keyPem: string, spki: Uint8Array): void {
  const own = createPublicKey(parseKey(keyPem)).export({ type: 'spki', format: 'der' });
  if (!own.equals(spki)) throw new CloisterError('CL_IDENTITY_INVALID', 'the key does not belong to the certificate');
}

/**
 * An endpoint's identity. Whether its certificate is expired now is not decided here: `notAfter` tells.
 * @throws CloisterError CL_IDENTITY_MISSING, CL_IDENTITY_INVALID (garbled, of another key, not issued by the CA beside it)
 */
export async function readIdentity(directory: string): Promise<EndpointIdentity> {
  const [keyPem, certificatePem, caPem] = await Promise.all([
    readSecret(directory, KEY),
    readText(directory, CERTIFICATE),
    readText(directory, AUTHORITY_CERTIFICATE)
  ]);
  return identityOf({ keyPem, certificatePem }, caPem);
}

/** The identity that a key and its certificate are. @throws CloisterError CL_IDENTITY_INVALID */
export async function identityOf({ keyPem, certificatePem }: Issued, caPem: string): Promise<EndpointIdentity> {
  const chain = pemCertificates(certificatePem);
  const leaf = readCertificate(chain[0] ?? new Uint8Array());
  if (!leaf.ok) throw leaf.error;
  requireSameKey(keyPem, leaf.value.spki);
  const party = (await trustStoreOf([caPem])).verifyEndpoint(chain, leaf.value.notBeforeMs);
  if (!party.ok) throw new CloisterError('CL_IDENTITY_INVALID', `the certificate cannot be used: ${party.error.message}`, { cause: party.error });
  const { account, endpoint } = party.value;
  return {
    account,
    organisation: account.slice(account.indexOf('@') + 1),
    endpointId: endpoint,
    key: parseKey(keyPem),
    certificatePem,
    keyPem,
    chain: chain.map((der) => Buffer.from(der).toString('base64')),
    caPem,
    notAfter: new Date(leaf.value.notAfterMs)
  };
}
