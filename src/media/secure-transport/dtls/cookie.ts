// The server's cookie (RFC 6347 section 4.2.1): whoever sends a ClientHello from a made-up address costs one HMAC and no memory.
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { ClientHello } from './messages.ts';

/** Bound to the sender's address and to what the client says of itself; 32 bytes. The rest of the hello is in the transcript. */
export const cookieFor = (secret: KeyObject, from: string, hello: ClientHello): Buffer =>
  createHmac('sha256', secret).update(`${from}\n`).update(hello.parameters).digest();

export function cookieHolds(secret: KeyObject, from: string, hello: ClientHello): boolean {
  const expected = cookieFor(secret, from, hello);
  return hello.cookie.length === expected.length && timingSafeEqual(hello.cookie, expected);
}
