// Call certificates as other people's programs want them. The product has no use for a key in text.
import type { KeyObject } from 'node:crypto';

export const keyPemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

export function certificatePemOf({ certificateDer }: { readonly certificateDer: Uint8Array }): string {
  const lines = Buffer.from(certificateDer)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
