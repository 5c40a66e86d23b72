// Signaling as the agent sees it (port.ts): what comes out of here passed every step of protocol.md "Envelope"; what goes in is sealed and
// kept in order. Presence is retained and asserted again when the broker holds anything else, such as an old session's last will.
import { createHash, randomBytes } from 'node:crypto';
import { type EndpointIdentity, type EnvelopeRefusal, type Envelopes, names } from '../identity/port.ts';
import { parseAddress } from '../kernel/address.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { createEvents } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import { UUID_PATTERN, uuidV7 } from '../kernel/uuid.ts';
import { type BrokerAddress, createConnection } from './connection.ts';
import {
  type CallMessage,
  ENVELOPE_MAX_BYTES,
  type Envelope,
  isCallMessageType,
  isRelayMessageType,
  type Presence,
  parseCallMessage,
  parseEnvelope,
  parseRelayMessage,
  presenceSchema,
  type RelayMessage
} from './messages.ts';
import type { Party, PresenceNews, Signaling, SignalingEvents } from './port.ts';
import { createPresenceIntake } from './presence-intake.ts';
import { createRefusalLimit } from './refusal-limit.ts';
import { EVERYBODY, ownFilters, parseTopic, presenceFilters, topics } from './topics.ts';

const DEFAULT_LIFETIME_S = 60;
const MAX_LIFETIME_S = 120;
const PRESENCE_LIFETIME_S = 120;
/** For so long after connecting the broker may be handing over what waited for us. */
const LATE_MS = 10_000;
const REASSERT_MS = 1_000;
const OFFLINE_NOTICE_MS = 500;
const UNSUPPORTED_CALLS_REMEMBERED = 256;
const ENDPOINT_ID = /^[a-z2-7]{26}$/;
/** A certificate chain and some words. */
const PRESENCE_MAX_BYTES = 16_384;
const PRESENCE_FORM = { maxBytes: PRESENCE_MAX_BYTES, parse: parseEnvelope };
const FORM = { maxBytes: ENVELOPE_MAX_BYTES, parse: parseEnvelope };

export type SignalingOptions = {
  readonly identity: EndpointIdentity;
  readonly envelopes: Envelopes;
  readonly broker: BrokerAddress;
  /** What presence tells of this room. */
  readonly room: { readonly name: string; readonly version: string };
  readonly clock: Clock;
  readonly log: Log;
};

/** A certificate that was revoked meanwhile is noticed after so long. */
const PROVEN_MS = 30 * 60_000;
const PROVEN_REMEMBERED = 10_000;
const OPENING_BRACE = 0x7b;
/** What nobody gets by being old, late or a stranger. */
const FORGERIES: ReadonlySet<string> = new Set(['CL_ENVELOPE_SIGNATURE', 'CL_ENVELOPE_SENDER_MISMATCH']);

/** What a connection leaves to be said when it is gone: unsigned, so that it is worth no more than the broker's word. Null where it says nothing of it. */
function lastWill(endpoint: string, payload: Buffer): PresenceNews | null {
  // Emptied by whoever looks after the broker: the endpoint is gone for good.
  if (payload.length === 0) return { kind: 'gone', endpoint, bootId: '\u{10ffff}', counter: 0 };
  let said: unknown;
  try {
    said = JSON.parse(payload.toString('utf8'));
  } catch {
    return null;
  }
  const parsed = presenceSchema.safeParse(said);
  if (!parsed.success || parsed.data.state !== 'offline') return null;
  const { bootId, counter } = parsed.data;
  return { kind: 'gone', endpoint, bootId, counter };
}

/** What a document says of itself, whether or not it is true. */
function seemsToHold(payload: Buffer, words: readonly string[]): boolean {
  const [, body = ''] = payload.toString('latin1').split('.', 2);
  const text = Buffer.from(body, 'base64url')
    .toString('utf8')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

type Recipient = { readonly account: string; readonly endpoint?: string };

/** Only these are of use to every endpoint of an account. */
const forAccounts = (type: string): boolean => type === 'call.invite' || type === 'call.end' || type === 'call.retrieve' || type === 'relay.request';

/** @throws CloisterError CL_CONFIG_INVALID when the broker's URL is not one of mqtts: or wss: */
export function createSignaling(options: SignalingOptions): Signaling {
  const { identity, envelopes, clock, log } = options;
  const self: Party = { account: identity.account, endpoint: identity.endpointId };
  const accountId = names.accountIdOf(self.account);
  const presenceTopic = topics.presence(self.endpoint);
  const bootId = uuidV7(clock.now(), randomBytes(10));
  const scope = new Scope();
  const events = createEvents<SignalingEvents>((error, event) => log.error('a listener failed', { event, error: String(error) }));
  const tell = createRefusalLimit();
  const unsupported = new Set<string>();
  const intake = createPresenceIntake(provePresence);
  let watching: { readonly everybody: boolean; readonly endpoints: ReadonlySet<string> } = { everybody: false, endpoints: new Set() };
  const proven = new Map<string, { readonly digest: string; readonly atMs: number; readonly news: PresenceNews }>();
  let connections = 0;
  /** The presence that the broker is to hold now; null until it was published on this connection. */
  let asserted: Buffer | null = null;
  let reassertTimer: Timer | null = null;
  /** The tail of the queue of messages being sealed: sealing takes differing time, the order must not. */
  let sealed: Promise<unknown> = Promise.resolve();

  const presence = (state: Presence['state']): Presence => ({
    state,
    account: self.account,
    name: options.room.name,
    version: options.room.version,
    bootId,
    counter: connections
  });

  const connection = createConnection({
    broker: options.broker,
    keyPem: identity.keyPem,
    certificatePem: identity.certificatePem,
    clientId: self.endpoint,
    filters: ownFilters(self.endpoint, accountId),
    will() {
      connections += 1;
      asserted = null;
      return { topic: presenceTopic, payload: Buffer.from(JSON.stringify(presence('offline'))) };
    },
    onMessage: receive,
    clock,
    log
  });

  /** Seals now, publishes after everything that was given before. */
  function post(
    topic: string,
    retain: boolean,
    content: Pick<Envelope, 'type' | 'to' | 'body' | 'call'>,
    lifetimeS: number
  ): { bytes: Promise<Buffer>; done: Promise<void> } {
    const nowMs = clock.now();
    const iat = Math.floor(nowMs / 1000);
    const exp = iat + lifetimeS;
    const sealing = envelopes.seal({ v: 1, id: uuidV7(nowMs, randomBytes(10)), from: { ...self }, iat, exp, ...content }).then((bytes) => {
      if (bytes.byteLength > ENVELOPE_MAX_BYTES) throw new CloisterError('CL_ENVELOPE_TOO_LARGE');
      return bytes;
    });
    const before = sealed;
    const handed = Promise.all([sealing, before]).then(([payload]) => ({ confirmed: connection.publish({ topic, payload, retain, expiresAtMs: exp * 1000 }) }));
    sealed = handed.catch(() => {});
    const done = handed.then(({ confirmed }) => confirmed);
    // A caller that does not wait for the confirmation must not bring the process down.
    done.catch(() => {});
    return { bytes: sealing, done };
  }

  async function publishPresence(state: Presence['state']): Promise<void> {
    const { bytes, done } = post(presenceTopic, true, { type: 'presence', to: { account: self.account }, body: presence(state) }, PRESENCE_LIFETIME_S);
    asserted = await bytes;
    await done;
  }

  function assertPresence(): void {
    publishPresence('online').catch((error: unknown) => log.debug('presence was not published', { error: String(error) }));
  }

  /** The broker holds a presence of ours that is not the one we gave: say it again, but at most once a second. */
  function checkPresence(payload: Buffer): void {
    if (asserted === null || payload.equals(asserted) || reassertTimer !== null || scope.closed) return;
    reassertTimer = clock.schedule(REASSERT_MS, () => {
      reassertTimer = null;
      if (connection.connectedSinceMs() !== null) assertPresence();
    });
  }

  function refuse({ error, claims }: EnvelopeRefusal): void {
    const silent = tell(error.code, clock.now());
    if (silent === null) return;
    log.warn('a message was refused', { code: error.code, reason: error.message, from: claims.from ?? '', type: claims.type ?? '', alsoRefused: silent });
    events.emit('refused', { code: error.code, from: claims.from, call: claims.call, type: claims.type, text: error.message });
  }

  function answerUnsupported(envelope: Envelope, call: string): void {
    const key = `${envelope.from.endpoint}/${call}`;
    if (unsupported.has(key)) return;
    const oldest = unsupported.values().next();
    if (unsupported.size >= UNSUPPORTED_CALLS_REMEMBERED && !oldest.done) unsupported.delete(oldest.value);
    unsupported.add(key);
    void send(envelope.from, call, { type: 'call.end', body: { reason: 'unsupported' } });
  }

  /** Whether a replay is what QoS 1 does of itself: a message delivered again because its confirmation was lost with a connection. */
  function isRedelivery(claims: EnvelopeRefusal['claims'], duplicate: boolean): boolean {
    const first = envelopes.firstSeenMs(claims);
    const since = connection.connectedSinceMs();
    return duplicate || (first !== undefined && (since === null || first < since));
  }

  async function receive(topicName: string, payload: Buffer, duplicate: boolean): Promise<void> {
    if (topicName === presenceTopic) return checkPresence(payload);
    const topic = parseTopic(topicName);
    if (topic?.kind === 'presence') return receivePresence(topic.endpoint, payload);
    if (topic?.kind !== 'account-inbox' && topic?.kind !== 'endpoint-inbox') return;
    const nowMs = clock.now();
    const since = connection.connectedSinceMs();
    const opened = await envelopes.open(payload, {
      nowMs,
      topic: { sender: topic.sender, inbox: topic.kind === 'account-inbox' ? 'account' : 'endpoint' },
      form: FORM,
      mayBeLate: since === null || nowMs - since < LATE_MS
    });
    if (!opened.ok) {
      const { error, claims } = opened.error;
      if (error.code === 'CL_ENVELOPE_REPLAYED' && isRedelivery(claims, duplicate)) log.debug('a message was delivered twice', { type: claims.type ?? '' });
      else refuse(opened.error);
      return;
    }
    const envelope = opened.value;
    if (isRelayMessageType(envelope.type)) receiveRelay(envelope, topic.kind);
    else receiveCall(envelope, topic.kind);
  }

  // ── the presence of others ────────────────────────────────────────────────────────────────────────────────────────────

  function receivePresence(endpoint: string, payload: Buffer): void {
    if (!watching.everybody && !watching.endpoints.has(endpoint)) {
      // A subscription that an earlier run left in the session at the broker.
      connection.unsubscribe(EVERYBODY);
      connection.unsubscribe(topics.presence(endpoint));
      return;
    }
    if (payload.length > PRESENCE_MAX_BYTES || !intake.add(endpoint, payload)) log.debug('a presence was not looked at', { bytes: payload.length });
  }

  async function provePresence(endpoint: string, payload: Buffer): Promise<void> {
    try {
      const news = payload[0] === OPENING_BRACE || payload.length === 0 ? lastWill(endpoint, payload) : await presenceSaid(endpoint, payload);
      if (news !== null && !scope.closed) events.emit('presence', news);
    } catch (error) {
      log.error('a presence could not be dealt with', { error: String(error) });
    }
  }

  /** A document that was proven a while ago is told again without: to prove thousands costs as many times some milliseconds. */
  async function presenceSaid(endpoint: string, payload: Buffer): Promise<PresenceNews | null> {
    const digest = createHash('sha256').update(payload).digest('base64');
    const before = proven.get(endpoint);
    if (before?.digest === digest && clock.monotonicMs() - before.atMs < PROVEN_MS) return before.news;
    const news = await provePresenceSaid(endpoint, payload);
    proven.delete(endpoint);
    const oldest = proven.keys().next();
    if (proven.size >= PROVEN_REMEMBERED && !oldest.done) proven.delete(oldest.value);
    if (news !== null) proven.set(endpoint, { digest, atMs: clock.monotonicMs(), news });
    return news;
  }

  async function provePresenceSaid(endpoint: string, payload: Buffer): Promise<PresenceNews | null> {
    const opened = await envelopes.openStatement(payload, { nowMs: clock.now(), sender: endpoint, form: PRESENCE_FORM });
    if (!opened.ok) {
      // A broker may serve organisations that are not trusted here, and keeps what was said with a certificate that is past: neither is an attack.
      if (FORGERIES.has(opened.error.error.code)) refuse(opened.error);
      else log.debug('a presence was refused', { code: opened.error.error.code });
      return null;
    }
    const { type, from, body, iat } = opened.value;
    const parsed = presenceSchema.safeParse(body);
    if (type !== 'presence' || !parsed.success || parsed.data.account !== from.account) return null;
    const { name, state, bootId, counter } = parsed.data;
    return { kind: 'said', endpoint, account: from.account, name, state, bootId, counter, saidAtS: iat };
  }

  const identityOf = (): 'verified' | 'unverified' => (envelopes.signatures === 'required' ? 'verified' : 'unverified');
  const refuseBody = ({ from, id, call, type }: Envelope): void =>
    refuse({ error: new CloisterError('CL_ENVELOPE_BODY'), claims: { from: from.account, endpoint: from.endpoint, id, call: call ?? null, type } });

  function receiveRelay(envelope: Envelope, inbox: 'account-inbox' | 'endpoint-inbox'): void {
    const message = parseRelayMessage(envelope.type, envelope.body);
    if (message === null || (inbox === 'account-inbox' && !forAccounts(message.type))) refuseBody(envelope);
    else events.emit('relay', { from: envelope.from, identity: identityOf(), message });
  }

  function receiveCall(envelope: Envelope, inbox: 'account-inbox' | 'endpoint-inbox'): void {
    const { id, call, type, from, exp } = envelope;
    // Step 10 of protocol.md "Envelope": the body.
    const message = parseCallMessage(type, envelope.body);
    const unfit = isCallMessageType(type) && (message === null || (inbox === 'account-inbox' && !forAccounts(type)));
    if (call === undefined || unfit) {
      refuseBody(envelope);
    } else if (message === null) {
      answerUnsupported(envelope, call);
    } else {
      events.emit('message', { id, call, from, identity: identityOf(), expiresAt: exp, message });
    }
  }

  function checkOutgoing(to: Recipient, call: string | null, message: CallMessage | RelayMessage, lifetimeSeconds: number): CloisterError | null {
    const address = parseAddress(to.account);
    if (!address.ok) return address.error;
    const wrong = (what: string): CloisterError => new CloisterError('CL_REQUEST_INVALID', `a signaling message cannot be sent: ${what}`);
    if (address.value.account !== to.account) return wrong('the account is not in its normal form');
    if (to.endpoint !== undefined && !ENDPOINT_ID.test(to.endpoint)) return wrong('the endpoint is not an endpoint id');
    if (to.endpoint === undefined && !forAccounts(message.type)) return wrong(`${message.type} goes to one endpoint, not to an account`);
    if (call !== null && !UUID_PATTERN.test(call)) return wrong('the call id is not a UUID');
    if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > MAX_LIFETIME_S) return wrong('its lifetime is not 1 to 120 s');
    if (parseCallMessage(message.type, message.body) === null && parseRelayMessage(message.type, message.body) === null)
      return wrong('its body does not fit its type');
    return null;
  }

  const send: Signaling['send'] = (to, call, message, lifetimeSeconds = DEFAULT_LIFETIME_S) => sendAny(to, call, message, lifetimeSeconds);

  function sendAny(to: Recipient, call: string | null, message: CallMessage | RelayMessage, lifetimeSeconds: number): Promise<void> {
    const problem = checkOutgoing(to, call, message, lifetimeSeconds);
    if (problem !== null) {
      const refused = Promise.reject(problem);
      refused.catch(() => {});
      return refused;
    }
    const topic =
      to.endpoint === undefined ? topics.accountInbox(names.accountIdOf(to.account), self.endpoint) : topics.endpointInbox(to.endpoint, self.endpoint);
    return post(topic, false, { type: message.type, ...(call === null ? {} : { call }), to, body: message.body }, lifetimeSeconds).done;
  }

  return {
    self,
    on: events.on,
    send,
    networkChanged: connection.networkChanged,
    watchPresence({ everybody, endpoints }) {
      watching = { everybody, endpoints: new Set(endpoints) };
      connection.watch(presenceFilters({ everybody, endpoints }));
    },
    seekPresence: (words) => intake.seek((payload) => seemsToHold(payload, words)),
    sendRelay: (to, message, lifetimeSeconds = DEFAULT_LIFETIME_S) => sendAny(to, null, message, lifetimeSeconds),
    async start(signal) {
      scope.own(() => reassertTimer?.cancel());
      scope.own(
        connection.on('state', (state) => {
          if (state === 'connected') assertPresence();
          events.emit('connection', state);
        })
      );
      await connection.start(signal);
    },
    async [Symbol.asyncDispose]() {
      if (scope.closed) return;
      await scope[Symbol.asyncDispose]();
      if (connection.connectedSinceMs() !== null) {
        // A clean end of the connection sends no last will: say it ourselves, if the broker still listens.
        await new Promise<void>((resolve) => {
          const timer = clock.schedule(OFFLINE_NOTICE_MS, resolve);
          publishPresence('offline')
            .catch(() => {})
            .finally(() => {
              timer.cancel();
              resolve();
            });
        });
      }
      await connection[Symbol.asyncDispose]();
      events.emit('connection', 'offline');
    }
  };
}
