// The address behind a server's name. Invariant: nobody waits for the system's resolver longer than the signal says; Node's own call cannot be ended.
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';

/** @param family 4 or 6; 0 for either. @throws what the resolver says, or the signal's reason */
export async function lookupUntil(host: string, family: number, signal: AbortSignal): Promise<LookupAddress> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(signal.reason);
  signal.addEventListener('abort', giveUp);
  try {
    signal.throwIfAborted();
    return await Promise.race([lookup(host, { family }), promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
