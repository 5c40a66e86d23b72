// What STUN and TURN servers give to a path: addresses as others see them, and relays. All servers are asked at the same time; one that refuses,
// or is silent, holds nothing up and is told by its code.
// Invariants: a relay is used only where no direct way is found first; nobody is asked who is not configured.
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import {
  Candidate,
  type Connection,
  candidateFoundation,
  candidatePriority,
  classes,
  Message,
  methods,
  StunOverTurnProtocol,
  StunProtocol,
  type TurnProtocol
} from 'werift';
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import { isLoopback } from '../../kernel/ip-address.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import { parseServerAddress, type ServerAddress } from '../../kernel/server-address.ts';
import type { IceServer } from '../port.ts';
import { openAllocation } from './relay/allocation.ts';
import { lookupUntil } from './relay/lookup.ts';
import { loopbackRelayPriority, relayPriority } from './relay/relay-priority.ts';
import type { RelayAddress, TurnClient } from './relay/turn-client.ts';

export type RelayCandidatesOptions = {
  readonly connection: Connection;
  readonly servers: readonly IceServer[];
  readonly clock: Clock;
  readonly log: Log;
  /** A relay takes part from now on: the gate has to stand in it before anything goes through. */
  readonly joined: () => void;
  /** A relay that took part is gone. */
  readonly lost: (protocol: StunOverTurnProtocol, why: string) => void;
};

export type RelayCandidates = {
  /** Resolves when every relay has answered or was given up. */
  gatherRelays(): Promise<void>;
  /** To be called when the sockets are open; resolves when every STUN server has answered or was given up. */
  gatherReflexive(): Promise<void>;
  /** Direct ways had their time: the relays take part, the best first. */
  begin(): void;
  /** A pair is chosen: relays that take no part are given back. */
  settle(): void;
  /** Those that take part close with the connection. */
  close(): Promise<void>;
};

type Relay = {
  readonly protocol: StunOverTurnProtocol;
  /** Known when it has answered. */
  priority: number;
};

/** Private in the stack; held against it by ice-seam.ts. */
type Inside = {
  protocols: unknown[];
  ensureProtocol(protocol: StunOverTurnProtocol): void;
  appendLocalCandidate(candidate: Candidate): void;
  pairLocalProtocol(protocol: StunOverTurnProtocol): void;
};

/** The next best relay does not overtake a better one whose first check is on its way. */
const NEXT_RELAY_MS = 150;
const STUN_REPEATS = 3;
const STUN_FIRST_WAIT_MS = 250;
const LOOKUP_LIMIT_MS = 5_000;

export function createRelayCandidates(options: RelayCandidatesOptions): RelayCandidates {
  const { connection, servers, clock, log, joined } = options;
  const inside = connection as unknown as Inside;
  const scope = new Scope();
  /** Ready, and not taking part yet. */
  const waiting = new Set<Relay>();
  /** Asked, and not answered yet. */
  const opening = new Set<Promise<void>>();
  let begun = false;
  let settled = false;
  let nextJoinMs = 0;

  const giveBack = (relay: Relay): Promise<void> => {
    waiting.delete(relay);
    return relay.protocol.close();
  };

  /** The best that waits; the next one a little later. */
  function join(): void {
    const [best] = [...waiting].sort((a, b) => b.priority - a.priority);
    const nowMs = clock.monotonicMs();
    if (!begun || settled || scope.closed || best === undefined) return;
    // Comes back by the timer of the one before.
    if (nowMs < nextJoinMs) return;
    nextJoinMs = nowMs + NEXT_RELAY_MS;
    waiting.delete(best);
    inside.protocols.push(best.protocol);
    joined();
    inside.ensureProtocol(best.protocol);
    inside.pairLocalProtocol(best.protocol);
    scope.schedule(clock, NEXT_RELAY_MS, join);
  }

  async function openRelay(server: IceServer, address: ServerAddress): Promise<void> {
    const made: { relay?: Relay } = {};
    const gone = (why: string): void => {
      if (made.relay === undefined) return;
      void made.relay.protocol.close();
      if (waiting.delete(made.relay)) log.warn('a relay is gone', { server: server.urls, code: 'CL_RELAY_UNREACHABLE', why });
      else options.lost(made.relay.protocol, why);
    };
    const deliver = (data: Buffer, peer: RelayAddress): void => made.relay?.protocol.turn.onData.execute(data, peer);
    const { relayed, client, link } = await openAllocation({ server, address, clock, signal: scope.signal, received: deliver, lost: gone });
    const protocol = protocolOver(client, link);
    const relay: Relay = { protocol, priority: 0 };
    made.relay = relay;
    const [host, port] = relayed;
    if (scope.closed || settled || link.closed) return protocol.close();
    const priority = isLoopback(host) ? loopbackRelayPriority(address.transport) : relayPriority(address.transport);
    const foundation = candidateFoundation('relay', address.transport, `${address.host} ${host}`);
    // The other side has no use for the address that this side has at the relay and need not be told (RFC 8839 section 5.1).
    const candidate = new Candidate(foundation, 1, 'udp', priority, host, port, 'relay', isIP(host) === 6 ? '::' : '0.0.0.0', 9);
    candidate.generation = connection.generation;
    candidate.ufrag = connection.localUsername;
    protocol.localCandidate = candidate;
    relay.priority = priority;
    waiting.add(relay);
    log.debug('a relay answered', { server: server.urls });
    inside.appendLocalCandidate(candidate);
    join();
  }

  async function lookupInTime(host: string, family: number): Promise<LookupAddress> {
    const limit = new AbortController();
    const timer = scope.schedule(clock, LOOKUP_LIMIT_MS, () => limit.abort());
    try {
      return await lookupUntil(host, family, AbortSignal.any([scope.signal, limit.signal]));
    } finally {
      timer.cancel();
    }
  }

  async function askStun(protocol: StunProtocol, { host, port }: ServerAddress): Promise<void> {
    const own = protocol.localCandidate;
    if (own === undefined) return;
    const { address } = await lookupInTime(host, isIP(own.host));
    const request = new Message(methods.BINDING, classes.REQUEST);
    const [response] = await protocol.request(request, [address, port], undefined, { retransmissions: STUN_REPEATS, responseTimeout: STUN_FIRST_WAIT_MS });
    const mapped: unknown = response.getAttributeValue('XOR-MAPPED-ADDRESS');
    if (!Array.isArray(mapped) || scope.closed) return;
    const [seenHost, seenPort]: readonly unknown[] = mapped;
    if (typeof seenHost !== 'string' || isIP(seenHost) === 0 || typeof seenPort !== 'number') return;
    // Behind no translation it is the address that is known already; two servers mostly see the same (RFC 8445 section 5.1.3).
    const known = connection.localCandidates.some((candidate) => candidate.host === seenHost && candidate.port === seenPort);
    if (known) return;
    const foundation = candidateFoundation('srflx', 'udp', `${host} ${own.host}`);
    const priority = candidatePriority('srflx', { transport: 'udp' });
    inside.appendLocalCandidate(new Candidate(foundation, 1, 'udp', priority, seenHost, seenPort, 'srflx', own.host, own.port));
  }

  const addressesOf = (kind: ServerAddress['kind']): readonly { readonly server: IceServer; readonly address: ServerAddress }[] =>
    servers.flatMap((server) => {
      const address = parseServerAddress(server.urls);
      return address?.kind === kind ? [{ server, address }] : [];
    });

  return {
    async gatherRelays() {
      await Promise.all(
        addressesOf('turn').map(({ server, address }) => {
          const opened = openRelay(server, address)
            .catch((error: unknown) => {
              const { code, message } = asCloisterError(error);
              if (!scope.closed) log.warn('a relay cannot be used', { server: server.urls, code, reason: message });
            })
            .finally(() => opening.delete(opened));
          opening.add(opened);
          return opened;
        })
      );
    },
    async gatherReflexive() {
      const isAskable = (protocol: unknown): protocol is StunProtocol =>
        protocol instanceof StunProtocol && protocol.localCandidate !== undefined && !isLoopback(protocol.localCandidate.host);
      const sockets = inside.protocols.filter(isAskable);
      await Promise.all(
        addressesOf('stun').map(async ({ server, address }) => {
          const asked = await Promise.allSettled(sockets.map((socket) => askStun(socket, address)));
          const failed = asked.length > 0 && asked.every(({ status }) => status === 'rejected');
          if (failed && !scope.closed) log.warn('a STUN server does not answer', { server: server.urls, code: 'CL_RELAY_UNREACHABLE' });
        })
      );
    },
    begin() {
      begun = true;
      join();
    },
    settle() {
      settled = true;
      for (const relay of [...waiting]) void giveBack(relay);
    },
    async close() {
      // All at once: each may take as long as an answer may.
      await Promise.all([scope[Symbol.asyncDispose](), ...[...waiting].map(giveBack), ...opening]);
    }
  };
}

/** Our client where the stack expects its own: of that the stack's STUN over TURN uses what is here and no more. */
function protocolOver(client: TurnClient, link: { readonly closed: boolean; close(): void }): StunOverTurnProtocol {
  let listener: (data: Buffer, peer: RelayAddress) => void = () => {};
  const onData = {
    execute: (data: Buffer, peer: RelayAddress): void => listener(data, peer),
    subscribe(next: typeof listener) {
      listener = next;
      return { disposer: () => {} };
    }
  };
  const turn = {
    transactions: {},
    onData,
    transport: link,
    sendData: async (data: Buffer, peer: RelayAddress): Promise<void> => client.send(data, peer),
    async close() {
      await client.close();
      link.close();
    }
  };
  return new StunOverTurnProtocol(turn as unknown as TurnProtocol);
}
