// A broker inside the agent, for rooms without any server (requirement R26): MQTT 3.1.1 over mutual TLS only.
// Invariants: a client is who its certificate says, and its client id too; it writes and reads what topics.ts allows, its last will
// included; nothing that a client sends can grow without bound or end the process. Sessions and retained messages live in memory.
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Aedes, type AedesPublishPacket, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import type { CertifiedParty, TrustStore } from '../identity/port.ts';
import { names } from '../identity/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { createPacketMeter } from './packet-meter.ts';
import { createQueueBounds } from './queue-bounds.ts';
import { isRetained, mayPublish, mayRead, maySubscribe, parseTopic } from './topics.ts';

export type EmbeddedBrokerOptions = {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly tls: {
    readonly keyPem: string;
    readonly certificatePem: string;
    /** The CAs whose endpoints may connect, PEM. */
    readonly clientCaPems: readonly string[];
  };
  readonly trust: TrustStore;
  readonly clock: Clock;
  readonly log: Log;
};

export type EmbeddedBroker = AsyncDisposable & {
  /** Resolves when it listens. @throws CloisterError CL_PORT_IN_USE, CL_CONFIG_INVALID */
  start(signal: AbortSignal): Promise<void>;
  /** The port it listens on; 0 before it does. */
  readonly port: number;
};

/** A connected client's certificate, looked at again for each message: it may be revoked meanwhile. */
type Peer = { readonly chain: readonly Uint8Array[]; readonly party: CertifiedParty; readonly accountId: string };

const MAX_CONNECTIONS = 1_024;
const HANDSHAKE_MS = 10_000;
/** After a start, endpoints come back within their back-off; what is sent to one that is not back yet is kept for it for so long. */
const RETURN_MS = 60_000;
const KEPT_MESSAGES = 256;

function chainOf(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < 3) {
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

export function createEmbeddedBroker(options: EmbeddedBrokerOptions): EmbeddedBroker {
  const { trust, clock, log } = options;
  const peers = new WeakMap<object, Peer>();
  const sockets = new Set<TLSSocket>();
  /** Inbox messages since the start, and who subscribed to which inbox already: see RETURN_MS. */
  const kept: PublishPacket[] = [];
  const returned = new Set<string>();
  let keepUntilMs = 0;
  let port = 0;
  let server: Server | null = null;
  let aedes: Aedes | null = null;

  const peerOf = (client: Client | null): Peer | undefined => (client === null ? undefined : peers.get(client.conn));
  const inboxOf = (topic: string): string => topic.slice(0, topic.lastIndexOf('/'));

  function accept(socket: TLSSocket): void {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const chain = chainOf(socket);
    const party = trust.verifyEndpoint(chain, clock.now());
    if (!party.ok) {
      log.warn('the broker refused a certificate', { code: party.error.code, reason: party.error.message });
      socket.destroy();
      return;
    }
    peers.set(socket, { chain, party: party.value, accountId: names.accountIdOf(party.value.account) });
    const acceptable = createPacketMeter();
    socket.on('data', (chunk: Buffer) => {
      if (!acceptable(chunk)) socket.destroy(new Error('an MQTT packet is too large'));
    });
    aedes?.handle(socket);
  }

  /** Why a client may not connect; null where it may. */
  function connectRefusal(client: Client, packet: ConnectPacket): string | null {
    const peer = peerOf(client);
    if (peer === undefined) return 'it has no certificate';
    // protocolVersion 4 is MQTT 3.1.1.
    if (packet.protocolVersion !== 4) return 'it does not speak MQTT 3.1.1';
    if (packet.clientId !== peer.party.endpoint) return 'its client id is not the endpoint of its certificate';
    const will = 'will' in packet ? packet.will : undefined;
    if (will !== undefined && !mayPublish(peer.party.endpoint, peer.accountId, will.topic)) return 'its last will is for a topic that is not its own';
    return null;
  }

  function keep(packet: PublishPacket): void {
    if (clock.now() >= keepUntilMs) {
      kept.length = 0;
    } else {
      kept.push({ cmd: 'publish', topic: packet.topic, payload: packet.payload, qos: 1, retain: false, dup: false });
      if (kept.length > KEPT_MESSAGES) kept.shift();
    }
  }

  function handOver(filters: readonly string[], client: Client): void {
    for (const filter of filters) {
      const key = `${client.id} ${filter}`;
      if (!filter.endsWith('/inbox/+') || returned.has(key) || clock.now() >= keepUntilMs) continue;
      returned.add(key);
      for (const packet of kept) if (inboxOf(packet.topic) === inboxOf(filter)) client.publish(packet, () => {});
    }
  }

  function createAedes(): Aedes {
    const broker = new Aedes({
      concurrency: 100,
      connectTimeout: HANDSHAKE_MS,
      keepaliveLimit: 120,
      preConnect(client, packet, done) {
        const refusal = connectRefusal(client, packet);
        if (refusal !== null) log.warn('the broker refused a client', { reason: refusal });
        done(refusal === null ? null : new Error(refusal), refusal === null);
      },
      authenticate: (_client, _user, _password, done) => done(null, true),
      authorizePublish(client, packet, done) {
        const peer = peerOf(client);
        const topic = parseTopic(packet.topic);
        if (peer === undefined || topic === null || !mayPublish(peer.party.endpoint, peer.accountId, packet.topic)) {
          log.warn('the broker refused a message', { endpoint: peer?.party.endpoint, reason: 'the topic is not its sender’s to write' });
          return done(new Error('the topic is not the sender’s to write'));
        }
        if (!trust.verifyEndpoint(peer.chain, clock.now()).ok) return done(new Error('the sender’s certificate is no longer valid'));
        if (!isRetained(topic)) {
          packet.retain = false;
          keep(packet);
        }
        done(null);
      },
      authorizeSubscribe(client, subscription, done) {
        const peer = peerOf(client);
        const allowed = peer !== undefined && maySubscribe(peer.party.endpoint, peer.accountId, subscription.topic);
        done(null, allowed ? subscription : null);
      },
      // A denied filter stays in the session when it came with an allowed one: so what is handed over is looked at too.
      authorizeForward(client, packet: AedesPublishPacket) {
        const peer = peerOf(client);
        return peer !== undefined && mayRead(peer.party.endpoint, peer.accountId, packet.topic) ? packet : null;
      }
    });
    broker.on('subscribe', (subscriptions, client) =>
      handOver(
        subscriptions.filter((subscription) => Number(subscription.qos) !== 128).map((subscription) => subscription.topic),
        client
      )
    );
    broker.on('clientError', (client, error) => log.debug('a client’s connection failed', { endpoint: client.id, reason: error.message }));
    broker.on('connectionError', (_client, error) => log.debug('a connection failed', { reason: error.message }));
    // The library emits errors of its own housekeeping; without a listener they would end the process. Its types leave the event out.
    (broker as NodeJS.EventEmitter).on('error', (error: unknown) => log.error('the embedded broker failed', { error: String(error) }));
    return broker;
  }

  return {
    get port() {
      return port;
    },
    async start(signal) {
      if (signal.aborted) return;
      const { tls } = options;
      aedes = createAedes();
      await aedes.listen();
      boundQueues(aedes, log);
      keepUntilMs = clock.now() + RETURN_MS;
      let listening: Server;
      try {
        listening = createServer({
          key: tls.keyPem,
          cert: tls.certificatePem,
          ca: [...tls.clientCaPems],
          requestCert: true,
          rejectUnauthorized: true,
          minVersion: 'TLSv1.2',
          handshakeTimeout: HANDSHAKE_MS,
          noDelay: true
        });
      } catch (cause) {
        throw new CloisterError('CL_CONFIG_INVALID', 'the broker’s key or certificate cannot be used', { cause });
      }
      server = listening;
      listening.maxConnections = MAX_CONNECTIONS;
      listening.on('secureConnection', accept);
      listening.on('tlsClientError', (error) => log.debug('a TLS connection failed', { reason: error.message }));
      const opened = new Promise<void>((resolve, reject) => {
        listening.once('error', (cause: NodeJS.ErrnoException) => {
          const taken = cause.code === 'EADDRINUSE';
          reject(new CloisterError(taken ? 'CL_PORT_IN_USE' : 'CL_CONFIG_INVALID', `the broker cannot listen on port ${options.port}`, { cause }));
        });
        listening.listen(options.port, options.host, resolve);
      });
      try {
        await opened;
      } catch (error) {
        await this[Symbol.asyncDispose]();
        throw error;
      }
      listening.on('error', (error) => log.error('the embedded broker’s listener failed', { error: error.message }));
      const address = listening.address();
      port = typeof address === 'object' && address !== null ? address.port : 0;
      log.info('the embedded broker listens', { port });
    },
    async [Symbol.asyncDispose]() {
      const [listening, broker] = [server, aedes];
      server = null;
      aedes = null;
      const stopped = new Promise<void>((resolve) => (listening?.listening ? listening.close(() => resolve()) : resolve()));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => (broker === null ? resolve() : broker.close(() => resolve())));
      await stopped;
    }
  };
}

type Queued = { readonly topic: string; readonly payload: Buffer | string };
type Persistence = {
  outgoingEnqueue(subscription: { readonly clientId: string }, packet: Queued): Promise<void>;
  outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: Queued): Promise<void>;
  /** Rejects where the packet is not in the store. */
  outgoingUpdate(client: { readonly id: string }, packet: unknown): Promise<void>;
  /** The packet that was confirmed; undefined where there was none. */
  outgoingClearMessageId(client: { readonly id: string }, packet: unknown): Promise<Queued | undefined>;
};

/** The library's store keeps every message until it is confirmed, without a limit: these are its only ways in and out. */
function boundQueues(broker: Aedes, log: Log): void {
  const persistence = Reflect.get(broker, 'persistence') as Persistence;
  const bounds = createQueueBounds();
  const senderOf = ({ topic }: Queued): string => topic.slice(topic.lastIndexOf('/') + 1);
  const admit = (clientId: string, packet: Queued): boolean => {
    const admitted = bounds.admit(clientId, senderOf(packet), packet.payload.length);
    if (!admitted) log.warn('the broker keeps no more for an endpoint', { endpoint: clientId, sender: senderOf(packet) });
    return admitted;
  };
  const enqueue = persistence.outgoingEnqueue.bind(persistence);
  const enqueueAll = persistence.outgoingEnqueueCombi.bind(persistence);
  const update = persistence.outgoingUpdate.bind(persistence);
  const clear = persistence.outgoingClearMessageId.bind(persistence);
  persistence.outgoingEnqueue = async (subscription, packet) => {
    if (admit(subscription.clientId, packet)) await enqueue(subscription, packet);
  };
  persistence.outgoingEnqueueCombi = (subscriptions, packet) =>
    enqueueAll(
      subscriptions.filter(({ clientId }) => admit(clientId, packet)),
      packet
    );
  // What was not kept still goes to a recipient that is there; the library would else end its connection.
  persistence.outgoingUpdate = (client, packet) => update(client, packet).catch(() => {});
  persistence.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    if (cleared !== undefined) bounds.release(client.id, senderOf(cleared), cleared.payload.length);
    return cleared;
  };
}
