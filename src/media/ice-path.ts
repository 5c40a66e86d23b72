// The path of one connection: ICE, the sockets under it and the gate in front of it. The only file that knows werift.
// Invariants: only honest checks and awaited answers reach the stack; all other datagrams go past it, and only those from an address from which an honest
// check came, or from which a check of ours was answered.
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import {
  Candidate,
  type CandidatePair,
  CandidatePairState,
  Connection,
  classes,
  Message,
  methods,
  parseIceServers,
  parseMessage,
  StunOverTurnProtocol,
  StunProtocol
} from 'werift';
import type { Clock, Timer } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { createCheckMemory, endsWithIntegrity } from './check-memory.ts';
import { checkIceSeam, checkRelaySeam, checkSocketSeam } from './ice-seam.ts';
import { createLiveness } from './path-liveness.ts';
import type { MediaSettings } from './port.ts';
import { parseCandidate } from './sdp.ts';

export type PathEvents = {
  /** A candidate of ours, `candidate:…`; null ends them. */
  candidate: readonly [string | null];
  /** Not STUN, from a proven address: `host:port`. */
  datagram: readonly [Buffer, string];
  /** Gone for good. */
  lost: readonly [];
  /** The other side has not been heard for a second. */
  silent: readonly [];
  /** It is heard again. */
  heard: readonly [];
};

export type Path = EventSource<PathEvents> & {
  readonly iceUfrag: string;
  readonly icePassword: string;
  /** Opens the sockets; resolves when there are no more candidates to come. */
  gather(): Promise<void>;
  setRemote(iceUfrag: string, icePassword: string): void;
  /** Ignores what cannot be used. */
  addCandidate(text: string): Promise<void>;
  endOfCandidates(): Promise<void>;
  /** Resolves when a pair is nominated and may carry data. @throws CloisterError CL_MEDIA_CONNECT */
  connect(): Promise<void>;
  send(datagram: Buffer): void;
  /** Of the last connectivity check. */
  roundTripMs(): number | null;
  /** Something authenticated came: a sign of life. */
  alive(): void;
  close(): Promise<void>;
};

export type PathOptions = {
  /** The offerer is (RFC 8445 section 6.1.1). */
  readonly controlling: boolean;
  readonly iceServers: MediaSettings['iceServers'];
  readonly clock: Clock;
  readonly log: Log;
};

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const NOMINATION_POLL_MS = 2;
/** One check each: the pace of RFC 8445 section 14.2 for a handful of streams. */
const RETRY_PACE_MS = 20;
/** Remote addresses without a word of them in the signaling: the other side behind a network translation has one or two. */
const MAX_UNSIGNALED = 8;
/** An address of that kind that does not answer is given up, so that it makes room. */
const MAX_UNSIGNALED_TRIES = 4;
/** The stack keeps the checks that come before connect(). */
const MAX_EARLY_CHECKS = 256;
/** The stack remembers each check of a pair for good. */
const MAX_CHECKS_OF_PAIR = 512;
/** Of the stack's own consent checks, one in five seconds, at 30 % loss too few come back to keep a call for long (it ends it after 30 s). */
const CONSENT_RESCUE_MS = 10_000;
const CONSENT_REFRESH_MS = 4_000;
const ANSWER_LIMIT_MS = 1_000;
/** Doubles with each repetition of a check. */
const STACK_FIRST_WAIT_MS = 50;

type Address = readonly [host: string, port: number];
type GatedProtocol = StunProtocol | StunOverTurnProtocol;
type Source = { readonly protocol: GatedProtocol; readonly host: string; readonly port: number; readonly from: string };
/** Private in the stack; held against it by ice-seam.ts. */
type Inside = {
  readonly protocols: unknown[];
  buildRequest(request: { nominate: boolean; remoteUsername: string; localUsername: string; iceControlling: boolean }): Message;
  queryConsent(): void;
};

export function createIcePath(options: PathOptions): Path {
  const { clock, log } = options;
  const events = createEvents<PathEvents>((error) => log.error('a listener of the path failed', { error: String(error) }));
  const connection = createConnection(options);
  const inside = connection as unknown as Inside;
  const checks = createCheckMemory();
  /** Where honest checks came from, by the socket that they reached. */
  const gated = new Map<GatedProtocol, Set<string>>();
  const unsignaled = new Set<string>();
  /** How often the check that was answered last had been sent again, by address. */
  const repeated = new Map<string, number>();
  let latest: Source | null = null;
  let earlyChecks = 0;
  let started = false;
  let over = false;
  let closed = false;
  let broken: unknown = null;
  const consent = { responses: 0, atMs: 0 };

  const lose = (why: string): void => {
    if (over || closed) return;
    over = true;
    liveness.stop();
    log.warn('the path is lost', { why });
    events.emit('lost');
  };
  const isSignaled = ({ host, port }: Source): boolean => connection.remoteCandidates.some((known) => known.type !== 'prflx' && isAt(known, host, port));
  const pairsAt = ({ host, port }: Source): CandidatePair[] => connection.candidatePairs.filter(({ remoteCandidate }) => isAt(remoteCandidate, host, port));

  /** An address that signaling has not named is let in while there is room; those that never answered make room. */
  const mayJoin = (source: Source): boolean => {
    if (unsignaled.has(source.from)) return true;
    if (unsignaled.size >= MAX_UNSIGNALED && started) forgetFailed();
    if (unsignaled.size >= MAX_UNSIGNALED) return false;
    unsignaled.add(source.from);
    return true;
  };
  const forgetFailed = (): void => {
    for (const from of [...unsignaled]) {
      const pairs = connection.candidatePairs.filter(({ remoteCandidate: { host, port } }) => `${host}:${port}` === from);
      if (pairs.some(({ state }) => state !== CandidatePairState.FAILED)) continue;
      unsignaled.delete(from);
      for (const heardFrom of gated.values()) heardFrom.delete(from);
      for (const pair of pairs) {
        remove(connection.candidatePairs, pair);
        remove(connection.remoteCandidates, pair.remoteCandidate);
      }
      latest = null;
    }
  };

  /** RFC 8445 section 7.3: a request is from who knows our password, and meant for this connection. */
  const isHonestCheck = (source: Source, data: Buffer): boolean => {
    const { localUsername, localPassword, remoteUsername } = connection;
    if (!endsWithIntegrity(data)) return false;
    const message = parseMessage(data, Buffer.from(localPassword, 'utf8'));
    if (message === undefined || message.messageMethod !== methods.BINDING || !message.attributesKeys.includes('USERNAME')) return false;
    const name: unknown = message.getAttributeValue('USERNAME');
    const expected = `${localUsername}:${remoteUsername}`;
    if (typeof name !== 'string' || !(remoteUsername === '' ? name.startsWith(expected) : name === expected)) return false;
    if (!started && earlyChecks >= MAX_EARLY_CHECKS) return false;
    const signaled = isSignaled(source);
    if (!checks.admit(message.transactionIdHex, source.from, signaled) || !(signaled || mayJoin(source))) return false;
    if (!started) earlyChecks += 1;
    return true;
  };

  /**
   * An answer is to a question of ours, by who knows the other side's password; a STUN server's own has no password.
   * The stack lets it end only the question that went to where it came from.
   */
  const isAwaitedAnswer = ({ protocol, from }: Source, data: Buffer): boolean => {
    const { transactions } = protocol instanceof StunOverTurnProtocol ? protocol.turn : protocol;
    const question = transactions[data.toString('hex', 8, 20)];
    if (question === undefined || !('integrityKey' in question)) return false;
    if (question.integrityKey === undefined) return protocol instanceof StunProtocol;
    if (!endsWithIntegrity(data) || parseMessage(data, question.integrityKey) === undefined) return false;
    const tries: unknown = Reflect.get(question, 'tries');
    repeated.set(from, typeof tries === 'number' ? tries : 0);
    return true;
  };

  const mayReachStack = (source: Source, data: Buffer): boolean => {
    if (data.length < 20) return false;
    const messageClass = data.readUInt16BE(0) & 0x0110;
    if (messageClass === classes.INDICATION) return false;
    if (messageClass !== classes.REQUEST) return isAwaitedAnswer(source, data);
    if (!isHonestCheck(source, data)) return false;
    gated.get(source.protocol)?.add(source.from);
    for (const pair of pairsAt(source)) {
      const counted: unknown = Reflect.get(pair, 'requestTransactionIds');
      if (counted instanceof Set && counted.size >= MAX_CHECKS_OF_PAIR) counted.clear();
    }
    return true;
  };

  /** Only who knows the ICE passwords can have made an address one of these. */
  const isProven = (source: Source): boolean =>
    gated.get(source.protocol)?.has(source.from) === true ||
    pairsAt(source).some((pair) => pair.protocol === source.protocol && (pair.nominated || pair.state === CandidatePairState.SUCCEEDED));

  /** What a socket or a relay handed over: STUN goes on to the stack if it is honest, all else past it if it comes from the other side. */
  const admitOver =
    (protocol: GatedProtocol, toStack: (data: Buffer, address: Address) => void) =>
    (data: Buffer, address: Address): void => {
      if (closed || data.length === 0) return;
      const [host, port] = address;
      const isLatest = latest !== null && latest.protocol === protocol && isAt(latest, host, port);
      const source = isLatest && latest !== null ? latest : { protocol, host, port, from: `${host}:${port}` };
      // RFC 7983 section 7.
      if ((data[0] ?? 0) < 4) {
        if (mayReachStack(source, data)) toStack(data, address);
      } else if (isLatest || isProven(source)) {
        latest = source;
        events.emit('datagram', data, source.from);
      }
    };

  const gate = (protocol: unknown): void => {
    if (protocol instanceof StunProtocol) {
      if (gated.has(protocol)) return;
      checkSocketSeam(protocol);
      gated.set(protocol, new Set());
      gateSocket(protocol);
    } else if (protocol instanceof StunOverTurnProtocol) {
      if (gated.has(protocol)) return;
      checkRelaySeam(protocol);
      gated.set(protocol, new Set());
      gateRelay(protocol);
    } else throw new CloisterError('CL_INTERNAL', 'the ICE stack opened a socket of another kind');
  };

  const gateSocket = (protocol: StunProtocol): void => {
    const { transport } = protocol;
    const { socket, onData: toStack } = transport;
    try {
      // A keyframe's burst during a pause of ours has to fit. The system may grant less.
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch (error) {
      log.debug('the receive buffer cannot be made larger', { error: String(error) });
    }
    requireReached((reached) => {
      transport.onData = reached;
      socket.emit('message', Buffer.alloc(0), { address: '127.0.0.1', family: 'IPv4', port: 9, size: 0 });
    });
    transport.onData = admitOver(protocol, toStack);
    const gone = (why: string) => () => {
      if (connection.nominated?.protocol === protocol) lose(why);
    };
    socket.on('error', gone('the socket failed'));
    socket.on('close', gone('the socket was closed'));
  };

  const gateRelay = (protocol: StunOverTurnProtocol): void => {
    const { turn } = protocol;
    const { onData: fromRelay, transport } = turn;
    const toStack = fromRelay.execute.bind(fromRelay);
    const receive = transport.onData;
    if (transport.type === 'udp') {
      const probe = new Message(methods.DATA, classes.INDICATION).setAttribute('XOR-PEER-ADDRESS', ['127.0.0.1', 9]).setAttribute('DATA', Buffer.alloc(1));
      requireReached((reached) => {
        fromRelay.execute = reached;
        receive(probe.bytes, turn.serverEndpoint ?? ['', 0]);
      });
      // Whoever reaches the socket could else say on behalf of the relay what came from whom: the stack does not look at the source.
      transport.onData = (data, address) => {
        const server = turn.serverEndpoint;
        if (server !== undefined && server[0] === address[0] && server[1] === address[1]) receive(data, address);
      };
    }
    fromRelay.execute = admitOver(protocol, toStack);
  };

  /** The stack swallows what a listener of it throws, and would go on without the gate. */
  const gateAll = (): void => {
    try {
      for (const protocol of inside.protocols) gate(protocol);
    } catch (error) {
      broken ??= error;
      log.error('the gate cannot be set up', { error: String(error) });
      void connection.close();
    }
  };

  connection.onIceCandidate.subscribe((candidate) => {
    if (isLoopback(candidate.host)) candidate.priority = LOOPBACK_PRIORITY;
    gateAll();
    if (broken === null && !closed) events.emit('candidate', `candidate:${candidate.toSdp()}`);
  });
  connection.stateChanged.subscribe((state) => {
    if (state === 'failed' || state === 'closed') lose(`the ICE stack is ${state}`);
  });
  // All datagrams go past the stack: one that it hands over came round the gate.
  connection.onData.subscribe(() => log.error('the ICE stack has a datagram that did not come through the gate'));

  /** A connectivity check on the chosen pair (RFC 8445 section 7.2.2): its answer shows that the other side is there and consents (RFC 7675). */
  const ask = (): void => {
    const { nominated, remoteUsername, remotePassword, localUsername, iceControlling } = connection;
    if (nominated === undefined) return;
    if (transportOf(nominated).closed) {
      lose('the socket or the connection to the relay is closed');
      return;
    }
    const request = inside.buildRequest({ nominate: false, remoteUsername, localUsername, iceControlling });
    const askedMs = clock.monotonicMs();
    nominated.protocol
      .request(request, nominated.remoteAddr, Buffer.from(remotePassword, 'utf8'), { retransmissions: 0, responseTimeout: ANSWER_LIMIT_MS })
      .then(() => {
        if (closed || over) return;
        const nowMs = clock.monotonicMs();
        nominated.rtt = (nowMs - askedMs) / 1_000;
        // The stack counts its 30 s anew.
        if (nowMs - consent.atMs >= CONSENT_REFRESH_MS) inside.queryConsent();
        consent.atMs = nowMs;
        liveness.heard();
      })
      .catch(() => {});
  };
  const liveness = createLiveness({
    clock,
    ask,
    answerDue: () => {
      const responses = connection.nominated?.responsesReceived ?? 0;
      if (responses !== consent.responses) Object.assign(consent, { responses, atMs: clock.monotonicMs() });
      return clock.monotonicMs() - consent.atMs >= CONSENT_RESCUE_MS;
    },
    changed: (silent) => events.emit(silent ? 'silent' : 'heard')
  });

  return {
    on: events.on,
    iceUfrag: connection.localUsername,
    icePassword: connection.localPassword,
    async gather() {
      await connection.gatherCandidates();
      if (broken !== null) throw asCloisterError(broken);
      if (!closed) events.emit('candidate', null);
    },
    setRemote: (usernameFragment, password) => connection.setRemoteParams({ iceLite: false, usernameFragment, password }),
    async addCandidate(text) {
      const candidate = parseCandidate(text);
      if (candidate === null || closed) return;
      const { foundation, priority, host, port, type } = candidate;
      await connection.addRemoteCandidate(new Candidate(foundation, 1, 'udp', priority, host, port, type));
      for (const known of connection.remoteCandidates) if (known.type !== 'prflx') unsignaled.delete(`${known.host}:${known.port}`);
    },
    endOfCandidates: () => connection.addRemoteCandidate(undefined),
    async connect() {
      gateAll();
      if (broken !== null) throw asCloisterError(broken);
      started = true;
      await nominated(connection, clock, () => closed);
      consent.atMs = clock.monotonicMs();
      liveness.start();
    },
    send: (datagram) => {
      connection.send(datagram).catch((error: unknown) => log.debug('a datagram was not sent', { error: String(error) }));
    },
    roundTripMs: () => {
      const { nominated } = connection;
      if (nominated?.rtt === undefined) return null;
      // The stack counts from the first sending of a check; where that was lost, the last repetition was answered at the latest.
      const [host, port] = nominated.remoteAddr;
      const waitedMs = STACK_FIRST_WAIT_MS * (2 ** (repeated.get(`${host}:${port}`) ?? 0) - 1);
      return Math.max(0, nominated.rtt * 1_000 - waitedMs);
    },
    alive: liveness.heard,
    async close() {
      if (closed) return;
      closed = true;
      liveness.stop();
      await connection.close();
    }
  };
}

const isLoopback = (host: string) => host.startsWith('127.') || host === '::1';
const isAt = (place: { readonly host: string; readonly port: number }, host: string, port: number) => place.host === host && place.port === port;
/** Below every other kind: only of use between two rooms on one machine. */
const LOOPBACK_PRIORITY = 1;

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}

const transportOf = ({ protocol }: CandidatePair): { readonly closed: boolean } => {
  if (protocol instanceof StunOverTurnProtocol) return protocol.turn.transport;
  return protocol instanceof StunProtocol ? protocol.transport : { closed: true };
};

/** A datagram that is put in where the stack's begin has to come out where the gate stands. */
function requireReached(put: (reached: () => void) => void): void {
  let reached = false;
  put(() => {
    reached = true;
  });
  if (!reached) throw new CloisterError('CL_INTERNAL', 'the ICE stack takes its datagrams past the gate');
}

function createConnection({ controlling, iceServers }: PathOptions): Connection {
  const servers = parseIceServers(iceServers.map((server) => ({ ...server })));
  const loopback = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter(({ internal }) => internal).map(({ address }) => address)
  );
  const connection = new Connection(controlling, {
    ...servers,
    additionalHostAddresses: loopback,
    useIpv4: true,
    useIpv6: true,
    useTcp: false,
    filterCandidatePair: (pair) => isLoopback(pair.localCandidate.host) === isLoopback(pair.remoteCandidate.host)
  });
  checkIceSeam(connection);
  // The stack falls back to a third party's STUN server where none is configured.
  if (servers.stunServer === undefined) delete connection.stunServer;
  // Instead of the stack's 4 and 22 characters of its own alphabet: 48 and 192 bits (RFC 8839 section 5.4).
  connection.localUsername = randomBytes(6).toString('base64');
  connection.localPassword = randomBytes(24).toString('base64');
  connection.userHistory = { [connection.localUsername]: connection.localPassword };
  return connection;
}

/**
 * Resolves as soon as a pair is chosen and may carry data, up to 20 ms before the stack's own connect() does.
 * The stack gives a pair up after five requests in 1.5 s, for good: with 30 % of the datagrams lost both ways that is every thirtieth pair. Here it is tried again
 * until the caller closes.
 */
async function nominated(connection: Connection, clock: Clock, isClosed: () => boolean): Promise<void> {
  const usable = () => connection.nominated !== undefined && (connection.state === 'completed' || connection.state === 'connected');
  const pending: { timer?: Timer } = {};
  let retriedMs = clock.monotonicMs();
  const retry = (): void => {
    const nowMs = clock.monotonicMs();
    if (connection.nominated !== undefined || nowMs - retriedMs < RETRY_PACE_MS) return;
    retriedMs = nowMs;
    const [next] = connection.candidatePairs
      .filter(
        ({ state, remoteCandidate, requestsSent }) =>
          state === CandidatePairState.FAILED && (remoteCandidate.type !== 'prflx' || requestsSent < MAX_UNSIGNALED_TRIES)
      )
      .sort((a, b) => a.requestsSent - b.requestsSent);
    if (next !== undefined) next.handle = connection.checkStart(next);
  };
  const seen = new Promise<void>((resolve, reject) => {
    const poll = () => {
      if (usable()) return resolve();
      if (isClosed()) return reject(new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed'));
      retry();
      pending.timer = clock.schedule(NOMINATION_POLL_MS, poll);
    };
    poll();
  });
  const chosen = connection.connect();
  // It goes on after the pair is chosen; a failure then shows in the connection's state.
  chosen.catch(() => {});
  try {
    await Promise.race([chosen, seen]);
  } catch (error) {
    throw asCloisterError(error, 'CL_MEDIA_CONNECT');
  } finally {
    pending.timer?.cancel();
    seen.catch(() => {});
  }
  if (isClosed()) throw new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed');
}
