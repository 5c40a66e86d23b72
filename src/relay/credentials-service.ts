// Gives rooms short-lived credentials for the relays: answers requests that passed every check of an envelope.
// Invariants: only a proven identity of an organisation that is served gets any, and not too often; the secret and what is made of it are in no log.
import type { KeyObject } from 'node:crypto';
import type { SealingKey } from '../identity/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { asCloisterError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import type { RelayMessage } from '../signaling/messages.ts';
import type { InboundRelayMessage, Party, Signaling } from '../signaling/port.ts';
import { writeCredentials } from './credentials-form.ts';
import { mintLogin } from './mint.ts';
import { createRequestLimit, type RequestLimits } from './request-limit.ts';

export type CredentialsServiceOptions = {
  readonly signaling: Pick<Signaling, 'on' | 'sendRelay'>;
  readonly secret: KeyObject;
  readonly urls: readonly string[];
  readonly lifetimeMs: number;
  /** Whose rooms get credentials; domain names. */
  readonly organisations: readonly string[];
  readonly sealFor: (key: SealingKey, text: string) => Promise<string | null>;
  readonly limits?: RequestLimits;
  readonly clock: Clock;
  readonly log: Log;
};

const organisationOf = ({ account }: Party): string => account.slice(account.indexOf('@') + 1);

/** Serves until it is disposed. */
export function createCredentialsService(options: CredentialsServiceOptions): AsyncDisposable {
  const { signaling, secret, urls, lifetimeMs, organisations, sealFor, clock, log } = options;
  const scope = new Scope();
  // Whoever is not served, a whole trusted organisation even, uses up nothing of what there is for those who are.
  const decide = { served: createRequestLimit(options.limits), others: createRequestLimit(options.limits) };

  const answer = (to: Party, message: RelayMessage): void => {
    signaling.sendRelay(to, message).catch((error: unknown) => log.warn('an answer could not be sent', { code: asCloisterError(error).code }));
  };

  async function serve({ from, identity, message }: InboundRelayMessage): Promise<void> {
    if (message.type !== 'relay.request') return;
    const { request, key } = message.body;
    const group = identity === 'verified' && organisations.includes(organisationOf(from)) ? 'served' : 'others';
    const decision = decide[group](from.endpoint, clock.monotonicMs());
    if (decision === 'ignore') return;
    const about = { account: from.account, endpoint: from.endpoint };
    const refuse = (reason: 'too-often' | 'not-allowed'): void => {
      log.warn('relay credentials were refused', { ...about, reason });
      answer(from, { type: 'relay.refused', body: { request, reason } });
    };
    if (decision === 'refuse') return refuse('too-often');
    if (group === 'others') return refuse('not-allowed');
    const login = mintLogin(secret, from.endpoint, clock.now() + lifetimeMs);
    const sealed = await sealFor(key, writeCredentials({ urls: [...urls], ...login }));
    if (sealed === null) return refuse('not-allowed');
    log.info('relay credentials were given', { ...about, until: new Date(login.expiresAtMs).toISOString() });
    answer(from, { type: 'relay.credentials', body: { request, sealed } });
  }

  scope.own(
    signaling.on('relay', (inbound) => {
      serve(inbound).catch((error: unknown) => log.error('a request for relay credentials failed', { code: asCloisterError(error).code }));
    })
  );
  return { [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() };
}
