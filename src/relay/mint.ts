// Credentials for a TURN relay that shares a secret with this service ("A REST API For Access To TURN Services", draft-uberti-behave-turn-rest-00,
// section 2.2): the user name says until when and for whom, the password is its HMAC. Pure.
import { createHmac, type KeyObject } from 'node:crypto';

export type RelayLogin = { readonly username: string; readonly credential: string; readonly expiresAtMs: number };

/** @param expiresAtMs milliseconds since 1970; the relay counts in whole seconds */
export function mintLogin(secret: KeyObject, endpoint: string, expiresAtMs: number): RelayLogin {
  const expiresAt = Math.floor(expiresAtMs / 1000);
  const username = `${expiresAt}:${endpoint}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64'), expiresAtMs: expiresAt * 1000 };
}
