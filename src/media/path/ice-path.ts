// The path of one connection: ICE from the first candidate to the chosen pair, and whether the other side is still there.
// Invariants: a datagram comes in through the gate (ice-gate.ts) or not at all; the files that know werift are this one, ice-gate.ts,
// relay-candidates.ts and relay/turn-client.ts.
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { Candidate, type CandidatePair, CandidatePairState, Connection, type Message, StunOverTurnProtocol, StunProtocol } from 'werift';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { createEvents, type EventSource } from '../../kernel/events.ts';
import { isLoopback } from '../../kernel/ip-address.ts';
import type { Log } from '../../kernel/log.ts';
import type { MediaSettings } from '../port.ts';
import { parseCandidate } from './candidate.ts';
import { createIceGate } from './ice-gate.ts';
import { checkIceSeam } from './ice-seam.ts';
import { createLiveness } from './path-liveness.ts';
import { LOOPBACK_PRIORITY } from './relay/relay-priority.ts';
import { createRelayCandidates } from './relay-candidates.ts';

export type PathEvents = {
  /** A candidate of ours, `candidate:…`; null ends them. */
  candidate: readonly [string | null];
  /** Not STUN, from a proven address: `host:port`. */
  datagram: readonly [Buffer, string];
  /** Gone for good. */
  lost: readonly [];
  /** The other side has not been heard for a second; or it is heard again. */
  silent: readonly [boolean];
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
  /** When the other side last answered a check on the chosen pair, on the monotonic clock (RFC 7675); null where nobody is asked. */
  consentMs(): number | null;
  /** Whether the chosen pair's own address is not among these any more, or one that this path did not know is: it may be a better one. */
  isOutdated(addresses: readonly string[]): boolean;
  /** The datagram that came last was authenticated: a sign of life, if it came from where this side sends to. */
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

const NOMINATION_POLL_MS = 2;
/** The stack takes the first pair that answers: a direct one whose first check opens a translation needs a repetition and a long round trip. */
const RELAY_HEAD_START_MS = 400;
/** One check each: the pace of RFC 8445 section 14.2 for a handful of streams. */
const RETRY_PACE_MS = 20;
/** An address that signaling has not named and that does not answer is given up, so that it makes room at the gate. */
const MAX_UNSIGNALED_TRIES = 4;
/** Of the stack's own consent checks, one in five seconds, at 30 % loss too few come back to keep a call for long (it ends it after 30 s). */
const CONSENT_RESCUE_MS = 10_000;
const CONSENT_REFRESH_MS = 4_000;
const ANSWER_LIMIT_MS = 1_000;
/** Doubles with each repetition of a check. */
const STACK_FIRST_WAIT_MS = 50;

/** Private in the stack; held against it by ice-seam.ts. */
type Inside = {
  buildRequest(request: { nominate: boolean; remoteUsername: string; localUsername: string; iceControlling: boolean }): Message;
  queryConsent(): void;
};

export function createIcePath(options: PathOptions): Path {
  const { clock, log } = options;
  const events = createEvents<PathEvents>((error) => log.error('a listener of the path failed', { error: String(error) }));
  const connection = createConnection(options);
  const inside = connection as unknown as Inside;
  let over = false;
  let closed = false;
  let headStart: Timer | null = null;
  let relaysMayJoin = false;
  let remoteEnded = false;
  /** The other side's relays, named while only direct ways are tried. */
  const heldCandidates: Candidate[] = [];
  const consent = { responses: 0, atMs: 0 };

  const lose = (why: string): void => {
    if (over || closed) return;
    over = true;
    liveness.stop();
    headStart?.cancel();
    log.warn('the path is lost', { why });
    events.emit('lost');
  };
  let source = '';
  const datagram = (data: Buffer, from: string): void => {
    source = from;
    events.emit('datagram', data, from);
  };
  const gate = createIceGate({ connection, log, datagram, lost: lose });

  const relays = createRelayCandidates({
    connection,
    servers: options.iceServers,
    clock,
    log,
    joined: gate.gateAll,
    lost(protocol, why) {
      if (connection.nominated?.protocol === protocol) lose(why);
    }
  });
  const letRelaysJoin = (): void => {
    relaysMayJoin = true;
    if (connection.nominated !== undefined) return;
    relays.begin();
    Promise.all(heldCandidates.splice(0).map(take))
      .then(endRemote)
      .catch((error: unknown) => log.debug('a relay of the other side was not taken', { error: String(error) }));
  };
  /** The stack gives up when there is nothing left to try: that is not known as long as relays may be to come. */
  const endRemote = async (): Promise<void> => {
    if (remoteEnded && options.iceServers.length === 0 && heldCandidates.length === 0) await connection.addRemoteCandidate(undefined);
  };
  const take = async (candidate: Candidate): Promise<void> => {
    await connection.addRemoteCandidate(candidate);
    gate.forgetSignaled();
  };

  connection.onIceCandidate.subscribe((candidate) => {
    if (candidate.type === 'host' && isLoopback(candidate.host)) candidate.priority = LOOPBACK_PRIORITY;
    gate.gateAll();
    if (gate.failure() === null && !closed) events.emit('candidate', `candidate:${candidate.toSdp()}`);
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
  const consentMs = (): number => {
    const responses = connection.nominated?.responsesReceived ?? 0;
    if (responses !== consent.responses) Object.assign(consent, { responses, atMs: clock.monotonicMs() });
    return consent.atMs;
  };
  const liveness = createLiveness({
    clock,
    ask,
    answerDue: () => clock.monotonicMs() - consentMs() >= CONSENT_RESCUE_MS,
    changed: (silent) => events.emit('silent', silent)
  });

  return {
    on: events.on,
    iceUfrag: connection.localUsername,
    icePassword: connection.localPassword,
    async gather() {
      const relayed = relays.gatherRelays();
      await connection.gatherCandidates();
      await Promise.all([relays.gatherReflexive(), relayed]);
      if (gate.failure() !== null) throw asCloisterError(gate.failure());
      if (!closed) events.emit('candidate', null);
    },
    setRemote: (usernameFragment, password) => connection.setRemoteParams({ iceLite: false, usernameFragment, password }),
    async addCandidate(text) {
      const candidate = parseCandidate(text);
      if (candidate === null || closed) return;
      const { foundation, priority, host, port, type } = candidate;
      const named = new Candidate(foundation, 1, 'udp', priority, host, port, type);
      if (type === 'relay' && !relaysMayJoin) heldCandidates.push(named);
      else await take(named);
    },
    endOfCandidates() {
      remoteEnded = true;
      return endRemote();
    },
    async connect() {
      gate.gateAll();
      if (gate.failure() !== null) throw asCloisterError(gate.failure());
      gate.start();
      headStart ??= clock.schedule(RELAY_HEAD_START_MS, letRelaysJoin);
      await nominated(connection, clock, () => closed);
      relays.settle();
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
      const waitedMs = STACK_FIRST_WAIT_MS * (2 ** gate.checkRepeats(`${host}:${port}`) - 1);
      return Math.max(0, nominated.rtt * 1_000 - waitedMs);
    },
    consentMs,
    isOutdated(addresses) {
      const { nominated, localCandidates } = connection;
      if (nominated === undefined || isLoopback(nominated.localCandidate.host)) return false;
      const known = localCandidates.filter(({ type, host }) => type === 'host' && !isLoopback(host)).map(({ host }) => host);
      if (addresses.some((address) => !known.includes(address))) return true;
      const { type, host } = nominated.localCandidate;
      // Which address leads to the relay is not known.
      return type === 'relay' ? known.some((address) => !addresses.includes(address)) : !addresses.includes(host);
    },
    alive() {
      // A translation that has forgotten the path gives the other side another address: it is heard from there, while all that is sent to the old one is lost.
      const [host, port] = connection.nominated?.remoteAddr ?? [];
      if (source === `${host}:${port}`) liveness.heard();
    },
    async close() {
      if (closed) return;
      closed = true;
      gate.shut();
      liveness.stop();
      headStart?.cancel();
      await Promise.all([connection.close(), relays.close()]);
    }
  };
}

const transportOf = ({ protocol }: CandidatePair): { readonly closed: boolean } => {
  if (protocol instanceof StunOverTurnProtocol) return protocol.turn.transport;
  return protocol instanceof StunProtocol ? protocol.transport : { closed: true };
};

/** None where the system does not tell: a process may open nothing more. The call goes on with what it has. */
function loopbackAddresses(log: Log): readonly string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).filter(({ internal }) => internal).map(({ address }) => address));
  } catch (error) {
    log.warn('the addresses of this machine cannot be read', { error: String(error) });
    return [];
  }
}

function createConnection({ controlling, log }: PathOptions): Connection {
  const connection = new Connection(controlling, {
    additionalHostAddresses: [...loopbackAddresses(log)],
    useIpv4: true,
    useIpv6: true,
    useTcp: false,
    filterCandidatePair: (pair) => isLoopback(pair.localCandidate.host) === isLoopback(pair.remoteCandidate.host)
  });
  checkIceSeam(connection);
  // The stack's own: a third party's. Those that are configured are asked by relay-candidates.ts.
  delete connection.stunServer;
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
