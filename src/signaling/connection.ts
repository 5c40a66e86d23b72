// The connection to the broker (protocol.md "Transport"): MQTT 3.1.1 over TLS or WebSocket over TLS, mutual TLS, a persistent session.
// Invariants: each attempt is a new client, so nothing of the library's own queues or reconnection is relied on; a message is confirmed to
// the broker only after it was dealt with; one at a time, so a flood waits at the broker and not in our memory.
import { Socket } from 'node:net';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { type BackoffOptions, backoffMs } from '../kernel/backoff.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import { isLoopback } from '../kernel/ip-address.ts';
import type { Log } from '../kernel/log.ts';
import { createOutbox, type OutgoingMessage } from './outbox.ts';
import { createPacketMeter } from './packet-meter.ts';

export type BrokerAddress = {
  /** `mqtts://host:8883` or `wss://host/path`. */
  readonly url: string;
  /** The CA that issued the broker's certificate, PEM. */
  readonly caPem: string;
};

export type ConnectionOptions = {
  readonly broker: BrokerAddress;
  readonly keyPem: string;
  readonly certificatePem: string;
  readonly clientId: string;
  readonly filters: readonly string[];
  /** The last will of the connection about to be made; asked for each time. */
  readonly will: () => { readonly topic: string; readonly payload: Buffer };
  readonly onMessage: (topic: string, payload: Buffer, duplicate: boolean) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
};

export type ConnectionState = 'connected' | 'connecting' | 'offline';

export type Connection = EventSource<{ state: readonly [ConnectionState] }> &
  AsyncDisposable & {
    /** When the present connection was made, milliseconds since 1970; null while there is none. */
    connectedSinceMs(): number | null;
    /** Resolves when first connected or when `signal` aborts. */
    start(signal: AbortSignal): Promise<void>;
    /** Resolves when the broker has it; rejects with CL_BROKER_UNREACHABLE when it expired first. Order is kept. */
    publish(message: OutgoingMessage): Promise<void>;
    /**
     * Subscribes to these besides `filters`, and no longer to those of before; at QoS 0, so that the broker keeps nothing of them for this endpoint while it
     * is away. Those that the broker refuses are told in the log and are no reason to do without the connection.
     */
    watch(filters: readonly string[]): void;
    /** Ends a subscription that an earlier connection left in the session. */
    unsubscribe(filter: string): void;
    /** Makes the connection anew where it is over none of these addresses; tries at once where there is none. */
    networkChanged(addresses: readonly string[]): void;
  };

const RETRY: BackoffOptions = { firstMs: 250, maxMs: 15_000 };
/** A connection shorter than this does not count as success: two devices with one identity would else push each other out without pause. */
const STABLE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** What notices a dead connection while nothing is said; half as much again may pass. */
const KEEPALIVE_S = 10;
const GOODBYE_MS = 1_000;
/** A broker confirms in milliseconds: of messages that wait, one has to be confirmed in this time, or the connection counts as dead. */
const CONFIRM_LIMIT_MS = 3_000;

function mqttOptions(options: ConnectionOptions): IClientOptions {
  const { topic, payload } = options.will();
  return {
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: false,
    clientId: options.clientId,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    will: { topic, payload, qos: 1, retain: true },
    key: options.keyPem,
    cert: options.certificatePem,
    ca: options.broker.caPem,
    rejectUnauthorized: true,
    // For wss the library hands these on to the WebSocket; for mqtts Node's own minimum, TLS 1.2, holds.
    wsOptions: { minVersion: 'TLSv1.2' }
  };
}

/** @throws CloisterError CL_CONFIG_INVALID when the broker's URL is not one of mqtts: or wss: */
export function createConnection(options: ConnectionOptions): Connection {
  const { clock, log } = options;
  const scheme = URL.canParse(options.broker.url) ? new URL(options.broker.url).protocol : '';
  if (scheme !== 'mqtts:' && scheme !== 'wss:') throw new CloisterError('CL_CONFIG_INVALID', 'the broker’s URL must begin with mqtts:// or wss://');

  const events = createEvents<{ state: readonly [ConnectionState] }>((error) => log.error('a listener failed', { error: String(error) }));
  const outbox = createOutbox();
  let state: ConnectionState = 'offline';
  let closed = false;
  let client: MqttClient | null = null;
  let connectedAtMs: number | null = null;
  let connectedAtMonotonicMs = 0;
  let failures = 0;
  let lastFailure = '';
  let retryTimer: Timer | null = null;
  let expiryTimer: Timer | null = null;
  let confirmTimer: Timer | null = null;
  let unconfirmed = 0;
  let watched: readonly string[] = [];
  let finishStart = (): void => {};

  function become(next: ConnectionState): void {
    if (state === next) return;
    state = next;
    events.emit('state', next);
  }

  function fail(error: Error): void {
    // One line for each kind of failure, not one for each attempt.
    if (error.message === lastFailure) return;
    lastFailure = error.message;
    log.warn('the broker cannot be reached', { error: error.message });
  }

  function watchExpiry(): void {
    expiryTimer?.cancel();
    expiryTimer = null;
    const nextMs = outbox.expire(clock.now());
    if (nextMs !== Number.POSITIVE_INFINITY) expiryTimer = clock.schedule(Math.max(1, nextMs - clock.now()), watchExpiry);
  }

  function flush(): void {
    const current = client;
    if (current === null || connectedAtMs === null) {
      watchExpiry();
      return;
    }
    outbox.flush(clock.now(), (message, confirmed) => {
      unconfirmed += 1;
      confirmTimer ??= clock.schedule(CONFIRM_LIMIT_MS, dead);
      current.publish(message.topic, message.payload, { qos: 1, retain: message.retain }, (error) => {
        // An error here is the connection's end, after which the message waits for the next one.
        if (error || client !== current) return;
        unconfirmed -= 1;
        confirmTimer?.cancel();
        confirmTimer = unconfirmed > 0 ? clock.schedule(CONFIRM_LIMIT_MS, dead) : null;
        confirmed();
      });
    });
  }

  /** A connection whose way is gone takes what it is given and says nothing: TCP would notice after minutes. */
  function dead(): void {
    confirmTimer = null;
    if (client === null) return;
    log.warn('the connection to the broker is dead: nothing is confirmed');
    lost(client);
  }

  function attempt(): void {
    if (closed) return;
    retryTimer = null;
    const current = connect(options.broker.url, mqttOptions(options));
    client = current;
    const acceptable = createPacketMeter();
    current.stream.on('data', (chunk: Buffer) => {
      if (acceptable(chunk)) return;
      log.warn('the broker sent a packet that is too large');
      current.stream.destroy();
    });
    if (current.stream instanceof Socket) current.stream.setNoDelay(true);
    current.handleMessage = (packet, done) => {
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      options.onMessage(packet.topic, payload, packet.dup).then(
        () => done(),
        (error: unknown) => {
          log.error('a signaling message could not be dealt with', { error: String(error) });
          done();
        }
      );
    };
    current.on('error', fail);
    current.on('connect', () => subscribe(current));
    current.once('close', () => lost(current));
  }

  /** One topic per call: a denied one would else fail them all. The connection counts only when all are granted. */
  function subscribe(current: MqttClient): void {
    let missing = options.filters.length;
    for (const filter of options.filters) {
      current.subscribe(filter, { qos: 1 }, (error, granted) => {
        if (client !== current || closed) return;
        if (error || granted?.some((grant) => grant.qos === 128)) {
          fail(new CloisterError('CL_BROKER_REFUSED', `the broker refused to deliver ${filter}`));
          current.end(true);
          return;
        }
        missing -= 1;
        if (missing === 0) ready();
      });
    }
  }

  function subscribeWatched(filters: readonly string[]): void {
    const current = client;
    if (current === null || connectedAtMs === null) return;
    for (const filter of filters) {
      current.subscribe(filter, { qos: 0 }, (error, granted) => {
        if (client !== current || closed || error || !granted?.some((grant) => grant.qos === 128)) return;
        log.warn('the broker does not let this be read', { filter });
      });
    }
  }

  function unsubscribe(filter: string): void {
    if (client !== null && connectedAtMs !== null) client.unsubscribe(filter, () => {});
  }

  function ready(): void {
    connectedAtMs = clock.now();
    connectedAtMonotonicMs = clock.monotonicMs();
    lastFailure = '';
    log.info('connected to the broker');
    become('connected');
    subscribeWatched(watched);
    finishStart();
    flush();
  }

  function lost(current: MqttClient): void {
    if (client !== current) return;
    client = null;
    current.end(true);
    confirmTimer?.cancel();
    confirmTimer = null;
    unconfirmed = 0;
    const wasConnected = connectedAtMs !== null;
    const wasStable = wasConnected && clock.monotonicMs() - connectedAtMonotonicMs >= STABLE_MS;
    connectedAtMs = null;
    outbox.connectionLost();
    if (closed) return;
    watchExpiry();
    failures = wasStable ? 0 : failures + 1;
    become(wasConnected ? 'connecting' : 'offline');
    retryTimer = clock.schedule(backoffMs(Math.max(0, failures - 1), RETRY, Math.random()), attempt);
  }

  async function sayGoodbye(current: MqttClient): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(GOODBYE_MS, () => current.end(true, () => resolve()));
      current.end(false, () => {
        timer.cancel();
        resolve();
      });
    });
  }

  return {
    on: events.on,
    connectedSinceMs: () => connectedAtMs,
    start(signal) {
      become('connecting');
      return new Promise((resolve) => {
        finishStart = () => {
          signal.removeEventListener('abort', finishStart);
          resolve();
        };
        signal.addEventListener('abort', finishStart);
        if (signal.aborted) finishStart();
        else attempt();
      });
    },
    watch(filters) {
      const before = watched;
      watched = filters;
      // What is still wanted is asked for first: a filter of everybody's may end with one's own among it.
      subscribeWatched(filters.filter((filter) => !before.includes(filter)));
      for (const filter of before) if (!filters.includes(filter)) unsubscribe(filter);
    },
    unsubscribe(filter) {
      if (!watched.includes(filter) && !options.filters.includes(filter)) unsubscribe(filter);
    },
    networkChanged(addresses) {
      if (closed) return;
      if (client !== null) {
        // Through a WebSocket the address is not seen: rather once too often than over a dead one.
        const local = client.stream instanceof Socket ? client.stream.localAddress : undefined;
        if (connectedAtMs !== null && local !== undefined && (isLoopback(local) || addresses.includes(local))) return;
        log.info('the connection to the broker is made anew: the network has changed');
        lost(client);
      }
      failures = 0;
      retryTimer?.cancel();
      attempt();
    },
    publish(message) {
      const confirmed = outbox.add(message);
      flush();
      return confirmed;
    },
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      retryTimer?.cancel();
      expiryTimer?.cancel();
      confirmTimer?.cancel();
      const current = client;
      if (current !== null && connectedAtMs !== null) await sayGoodbye(current);
      else current?.end(true);
      outbox.close();
      finishStart();
      become('offline');
    }
  };
}
