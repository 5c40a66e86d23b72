// A room's credentials for the relays: asked for as soon as there is a broker, and again when half of their time is over. In memory alone.
// Invariants: an answer counts only from the configured account, to the request that is open, sealed for the key of that request; a room without
// credentials calls without a relay, and says so.
import { randomBytes } from 'node:crypto';
import type { SealingKey } from '../identity/port.ts';
import { type BackoffOptions, backoffMs } from '../kernel/backoff.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { asCloisterError } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import { uuidV7 } from '../kernel/uuid.ts';
import type { InboundRelayMessage, Signaling } from '../signaling/port.ts';
import { type RelayCredentials, readCredentials } from './credentials-form.ts';

export type CredentialsClientOptions = {
  readonly signaling: Pick<Signaling, 'on' | 'sendRelay'>;
  /** The account of the service. */
  readonly service: string;
  /** A fresh key, and what opens what is sealed for it. */
  readonly makeKey: () => { readonly publicKey: SealingKey; readonly open: (sealed: string) => Promise<string | null> };
  readonly clock: Clock;
  readonly log: Log;
};

export type CredentialsClient = EventSource<{ changed: readonly [] }> &
  AsyncDisposable & {
    /** Null where there are none that still hold. */
    current(): RelayCredentials | null;
    /** Since when there have been none, milliseconds since 1970; null where there are some, or nothing is known yet. */
    missingSinceMs(): number | null;
  };

/** Who was refused waits for longer than it takes the service to allow one more (request-limit.ts). */
const REFUSED_MS = 60_000;
const ANSWER_LIMIT_MS = 5_000;
const REQUEST_LIFETIME_S = 30;
const RETRY: BackoffOptions = { firstMs: 2_000, maxMs: 300_000 };
/** A relay is logged in to within seconds of the call's beginning. */
const MARGIN_MS = 30_000;
/** Whatever a service says: no shorter, or its answer would be a flood of requests. */
const MIN_RENEWAL_MS = 10_000;
const MAX_RENEWAL_MS = 12 * 60 * 60 * 1_000;
/** Timers stand still while the machine sleeps; credentials run out by the clock on the wall. */
const LOOK_MS = 10_000;

type OpenRequest = { readonly id: string; readonly open: (sealed: string) => Promise<string | null>; readonly limit: Timer };

export function createCredentialsClient({ signaling, service, makeKey, clock, log }: CredentialsClientOptions): CredentialsClient {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  let credentials: RelayCredentials | null = null;
  let missingSinceMs: number | null = null;
  let asked: OpenRequest | null = null;
  let next: Timer | null = null;
  /** On the clock that does not go back: when there is to be asked next, whether the broker is there by then or not. */
  let dueMs = 0;
  let failures = 0;
  let connected = false;

  const askAfter = (delayMs: number): void => {
    next?.cancel();
    dueMs = clock.monotonicMs() + delayMs;
    next = scope.schedule(clock, delayMs, ask);
  };
  const settleRequest = (): void => {
    asked?.limit.cancel();
    asked = null;
  };

  function ask(): void {
    if (!connected || scope.closed) return;
    settleRequest();
    next?.cancel();
    const { publicKey, open } = makeKey();
    const id = uuidV7(clock.now(), randomBytes(10));
    asked = { id, open, limit: scope.schedule(clock, ANSWER_LIMIT_MS, () => failed('no answer')) };
    signaling
      .sendRelay({ account: service }, { type: 'relay.request', body: { request: id, key: publicKey } }, REQUEST_LIFETIME_S)
      .catch((error: unknown) => log.debug('relay credentials could not be asked for', { code: asCloisterError(error).code }));
  }

  function failed(reason: string, refused = false): void {
    settleRequest();
    log.warn('no relay credentials', { service, reason, code: 'CL_RELAY_CREDENTIALS' });
    const delayMs = backoffMs(failures, RETRY, Math.random());
    askAfter(refused ? Math.max(REFUSED_MS, delayMs) : delayMs);
    failures += 1;
    noteMissing();
  }

  function noteMissing(): void {
    if (current() !== null || missingSinceMs !== null) return;
    missingSinceMs = clock.now();
    events.emit('changed');
  }

  async function take({ from, identity, message }: InboundRelayMessage): Promise<void> {
    const request = asked;
    if (request === null || message.type === 'relay.request' || message.body.request !== request.id) return;
    if (from.account !== service || identity !== 'verified') {
      log.warn('somebody else answers in place of the relay service', { from: from.account });
      return;
    }
    if (message.type === 'relay.refused') return failed(message.body.reason, true);
    const text = await request.open(message.body.sealed);
    // Another answer, or the time limit, may have come first.
    if (asked !== request) return;
    const given = text === null ? null : readCredentials(text);
    const leftMs = given === null ? 0 : given.expiresAtMs - clock.now();
    if (given === null || leftMs <= MARGIN_MS)
      return failed(given === null ? 'the answer cannot be read' : 'the credentials are over already, or a clock is wrong');
    settleRequest();
    credentials = given;
    failures = 0;
    missingSinceMs = null;
    log.info('relay credentials', { relays: given.urls.join(' '), until: new Date(given.expiresAtMs).toISOString() });
    askAfter(Math.min(MAX_RENEWAL_MS, Math.max(MIN_RENEWAL_MS, leftMs / 2)));
    events.emit('changed');
  }

  function current(): RelayCredentials | null {
    return credentials !== null && credentials.expiresAtMs - clock.now() > MARGIN_MS ? credentials : null;
  }

  scope.every(clock, LOOK_MS, () => {
    if (credentials === null || current() !== null) return;
    noteMissing();
    if (failures === 0 && asked === null) ask();
  });
  scope.own(
    signaling.on('connection', (state) => {
      connected = state === 'connected';
      if (connected && asked === null && clock.monotonicMs() >= dueMs) ask();
    })
  );
  scope.own(
    signaling.on('relay', (inbound) => {
      take(inbound).catch((error: unknown) => log.error('an answer of the relay service failed', { code: asCloisterError(error).code }));
    })
  );
  return {
    on: events.on,
    current,
    missingSinceMs: () => missingSinceMs,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      credentials = null;
    }
  };
}
