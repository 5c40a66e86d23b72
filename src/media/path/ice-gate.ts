// The gate in front of ICE and DTLS: which datagrams reach the ICE stack, and which go past it to the transport. Stands in the stack's own sockets and relays.
// Invariants: only honest checks and awaited answers reach the stack; all other datagrams go past it, and only those from an address from which an honest
// check came, or from which a check of ours was answered.
import { type CandidatePair, CandidatePairState, type Connection, classes, methods, parseMessage, StunOverTurnProtocol, StunProtocol } from 'werift';
import { CloisterError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { createCheckMemory, createRepeatMemory, endsWithIntegrity } from './check-memory.ts';
import { checkRelaySeam, checkSocketSeam } from './ice-seam.ts';

export type IceGateOptions = {
  readonly connection: Connection;
  readonly log: Log;
  /** Not STUN, from a proven address: `host:port`. */
  readonly datagram: (data: Buffer, from: string) => void;
  /** The socket of the chosen pair is gone. */
  readonly lost: (why: string) => void;
};

export type IceGate = {
  /** Stands in every socket and relay that the stack has by now. Where it cannot, the connection is closed, and `failure` says why. */
  gateAll(): void;
  /** Null as long as it stands everywhere. */
  failure(): unknown;
  /** The stack connects from now on: it does not keep checks for later any more. */
  start(): void;
  /** To be called when signaling has named an address: it takes no room of those that were not named. */
  forgetSignaled(): void;
  /** How often the check that was answered last from there had been sent again. */
  checkRepeats(from: string): number;
  /** Lets nothing through any more. */
  shut(): void;
};

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** Remote addresses without a word of them in the signaling: the other side behind a network translation has one or two. */
const MAX_UNSIGNALED = 8;
/** The stack keeps the checks that come before connect(). */
const MAX_EARLY_CHECKS = 256;
/** The stack remembers each check of a pair for good. */
const MAX_CHECKS_OF_PAIR = 512;

type Address = readonly [host: string, port: number];
type GatedProtocol = StunProtocol | StunOverTurnProtocol;
type Source = { readonly protocol: GatedProtocol; readonly host: string; readonly port: number; readonly from: string };

export function createIceGate({ connection, log, datagram, lost }: IceGateOptions): IceGate {
  const checks = createCheckMemory();
  /** Where honest checks came from, by the socket that they reached. */
  const gated = new Map<GatedProtocol, Set<string>>();
  const unsignaled = new Set<string>();
  const repeated = createRepeatMemory();
  let latest: Source | null = null;
  let earlyChecks = 0;
  let started = false;
  let shut = false;
  let broken: unknown = null;

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
    repeated.note(from, typeof tries === 'number' ? tries : 0);
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
      if (shut || data.length === 0) return;
      const [host, port] = address;
      const isLatest = latest !== null && latest.protocol === protocol && isAt(latest, host, port);
      const source = isLatest && latest !== null ? latest : { protocol, host, port, from: `${host}:${port}` };
      // RFC 7983 section 7.
      if ((data[0] ?? 0) < 4) {
        if (mayReachStack(source, data)) toStack(data, address);
      } else if (isLatest || isProven(source)) {
        latest = source;
        datagram(data, source.from);
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
      if (connection.nominated?.protocol === protocol) lost(why);
    };
    socket.on('error', gone('the socket failed'));
    socket.on('close', gone('the socket was closed'));
  };

  /** Whether a relay is the one that it should be is seen to by its link (relay/relay-link.ts). */
  const gateRelay = (protocol: StunOverTurnProtocol): void => {
    const { onData } = protocol.turn;
    const toStack = onData.execute.bind(onData);
    onData.execute = admitOver(protocol, toStack);
  };

  /** The stack swallows what a listener of it throws, and would go on without the gate. */
  const gateAll = (): void => {
    try {
      for (const protocol of protocolsOf(connection)) gate(protocol);
    } catch (error) {
      broken ??= error;
      log.error('the gate cannot be set up', { error: String(error) });
      void connection.close();
    }
  };

  return {
    gateAll,
    failure: () => broken,
    start() {
      started = true;
    },
    forgetSignaled() {
      for (const known of connection.remoteCandidates) if (known.type !== 'prflx') unsignaled.delete(`${known.host}:${known.port}`);
    },
    checkRepeats: repeated.of,
    shut() {
      shut = true;
    }
  };
}

const isAt = (place: { readonly host: string; readonly port: number }, host: string, port: number) => place.host === host && place.port === port;
/** Private in the stack; held against it by ice-seam.ts. */
const protocolsOf = (connection: Connection): readonly unknown[] => (connection as unknown as { readonly protocols: unknown[] }).protocols;

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}

/** A datagram that is put in where the stack's begin has to come out where the gate stands. */
function requireReached(put: (reached: () => void) => void): void {
  let reached = false;
  put(() => {
    reached = true;
  });
  if (!reached) throw new CloisterError('CL_INTERNAL', 'the ICE stack takes its datagrams past the gate');
}
