// When a security code may be shown at all.
import type { EncryptionView } from '../../room/state.ts';

/** The code that holds now; null while a new one is being made, and in any call that is not end-to-end encrypted. */
export function currentCodeOf(encryption: EncryptionView): string | null {
  const endToEnd = encryption.state === 'end-to-end' || encryption.state === 'end-to-end-verified';
  return endToEnd && !encryption.securingAgain ? encryption.securityCode : null;
}
