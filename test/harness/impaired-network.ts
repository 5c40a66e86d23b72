// A bad network between two peers, in memory or over UDP sockets of the loopback interface. Each direction is, in this order: a link of a rate with a queue that
// drops what does not fit any more; loss, one by one (lossRate) and in bursts (Gilbert-Elliott); a delay, jitter that keeps the order, datagrams held back, and doubles.
// Invariant: loss, holding back, doubling and jitter of the n-th datagram of a direction follow from the seed and the impairment alone, not from the clock, the other direction
// or what is in it; each has random numbers of its own. Only the queue knows time. What is kept is what is on its way.
import { createSocket, type Socket } from 'node:dgram';
import type { Clock, Timer } from '../../src/kernel/clock.ts';
import type { Relay, Side } from '../fakes/dtls-attacker.ts';

/** Of one direction. Rates are from 0 to 1, for each datagram by itself. */
export type Impairment = {
  /** How many never arrive. */
  readonly lossRate: number;
  /** How long every datagram is on its way: half of the round trip. */
  readonly delayMs: number;
  /** Up to so much is added, evenly spread; a datagram never overtakes another by it. */
  readonly jitterMs?: number;
  /** How many are held back by `reorderMs` on top of the delay, so that those sent meanwhile overtake them. */
  readonly reorderRate?: number;
  readonly reorderMs?: number;
  /** How many arrive twice, one right after the other. */
  readonly duplicateRate?: number;
  /** Each datagram may begin a burst, and each within a burst may end it; within one, `lossRate` is lost beside what is lost anyway. */
  readonly bursts?: { readonly beginRate: number; readonly endRate: number; readonly lossRate: number };
  /** What the link carries, with 28 bytes of IPv4 and UDP headers for each datagram; without it, everything at once. */
  readonly rateKbps?: number;
  /** What may wait for the link, headers included. */
  readonly queueBytes?: number;
};

export type Direction<T> = Readonly<Record<Side, T>>;

export type ImpairedNetwork = {
  /** A whole number. */
  readonly seed: number;
  readonly clock: Clock;
  /** What each side's datagrams meet. */
  readonly from: Direction<Impairment>;
};

export const bothWays = (impairment: Impairment): Direction<Impairment> => ({ offerer: impairment, answerer: impairment });

/** Counted since the network was made. */
export type NetworkFigures = {
  readonly sent: number;
  readonly sentBytes: number;
  /** By loss and bursts. */
  readonly lost: number;
  /** Did not fit into the queue. */
  readonly overflowed: number;
  /** Copies included. */
  readonly delivered: number;
  readonly longestQueueMs: number;
};

/** What can be done to a network while it is in use. */
export type NetworkControl = {
  /** What is on its way stays so. */
  change(from: Direction<Impairment>): void;
  figures(): Direction<NetworkFigures>;
};

/** When each copy of a datagram arrives, in milliseconds after it left; none for a lost one. Jitter comes on top. */
export type Fate = readonly number[];

export const SIDES: readonly Side[] = ['offerer', 'answerer'];
const DEFAULT_QUEUE_BYTES = 64 * 1024;
const HEADER_BYTES = 28;
const other = (side: Side): Side => (side === 'offerer' ? 'answerer' : 'offerer');
const seedOf = (seed: number, side: Side): number => 2 * seed + (side === 'offerer' ? 0 : 1);

/** @returns the fates of the datagrams that a side sends, in the order in which it sends them; the impairment is asked for anew for each */
export function createFates(seed: number, side: Side, impairment: () => Impairment): () => Fate {
  const random = createRandom(seedOf(seed, side));
  const burstRandom = createRandom(seedOf(seed, side) ^ 0x5f35_6495);
  let inBurst = false;
  return () => {
    const { lossRate, delayMs, reorderRate = 0, reorderMs = 0, duplicateRate = 0, bursts } = impairment();
    // Always as many draws, so that each rate has its own.
    const [lost, late, twice] = [random() < lossRate, random() < reorderRate, random() < duplicateRate];
    const [turn, lostInBurst] = [burstRandom(), burstRandom() < (bursts?.lossRate ?? 0)];
    inBurst = bursts !== undefined && (inBurst ? turn >= bursts.endRate : turn < bursts.beginRate);
    const arrivesAfterMs = delayMs + (late ? reorderMs : 0);
    return lost || (inBurst && lostInBurst) ? [] : twice ? [arrivesAfterMs, arrivesAfterMs] : [arrivesAfterMs];
  };
}

/** Numbers from 0 to below 1: a Weyl sequence through the finalizer of MurmurHash3, so that neighbouring seeds have nothing in common. */
function createRandom(seed: number): () => number {
  const mixed = (value: number): number => {
    let bits = value;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
    return (bits ^ (bits >>> 16)) >>> 0;
  };
  let state = seed;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    return mixed(state) / 2 ** 32;
  };
}

type OnItsWay = { readonly atMs: number; readonly datagram: Buffer };

/** One direction. `impairment` is read for each datagram. */
function createDirection(
  network: Omit<ImpairedNetwork, 'from'>,
  side: Side,
  impairment: () => Impairment,
  headerBytes: number,
  deliver: (datagram: Buffer) => void
) {
  const { clock, seed } = network;
  const nextFate = createFates(seed, side, impairment);
  const jitter = createRandom(seedOf(seed, side) ^ 0x2545_f491);
  const waiting: OnItsWay[] = []; // by arrival, then as they were sent
  const figures = { sent: 0, sentBytes: 0, lost: 0, overflowed: 0, delivered: 0, longestQueueMs: 0 };
  let linkFreeAtMs = 0;
  let lastInOrderMs = 0;
  let timer: Timer | null = null;

  function deliverDue(): void {
    timer?.cancel();
    timer = null;
    while (waiting[0] !== undefined && waiting[0].atMs <= clock.monotonicMs()) {
      const [next] = waiting.splice(0, 1);
      if (next === undefined) break;
      figures.delivered += 1;
      deliver(next.datagram);
    }
    const [head] = waiting;
    if (head !== undefined) timer ??= clock.schedule(Math.max(0, head.atMs - clock.monotonicMs()), deliverDue);
  }

  /** When the datagram has left the link; null where the queue is full. */
  function throughLink(bytes: number): number | null {
    const { rateKbps, queueBytes = DEFAULT_QUEUE_BYTES } = impairment();
    const nowMs = clock.monotonicMs();
    if (rateKbps === undefined) return nowMs;
    const waitsMs = Math.max(0, linkFreeAtMs - nowMs);
    if ((waitsMs * rateKbps) / 8 + bytes > queueBytes) return null;
    linkFreeAtMs = nowMs + waitsMs + (bytes * 8) / rateKbps;
    figures.longestQueueMs = Math.max(figures.longestQueueMs, waitsMs);
    return linkFreeAtMs;
  }

  return {
    send(datagram: Buffer): void {
      const { delayMs, jitterMs = 0 } = impairment();
      const bytes = datagram.byteLength + headerBytes;
      const fate = nextFate();
      const addedMs = jitter() * jitterMs;
      figures.sent += 1;
      figures.sentBytes += bytes;
      const leftAtMs = throughLink(bytes);
      if (leftAtMs === null) figures.overflowed += 1;
      else if (fate.length === 0) figures.lost += 1;
      if (leftAtMs === null) return;
      for (const afterMs of fate) {
        const heldBack = afterMs > delayMs;
        const atMs = heldBack ? leftAtMs + afterMs + addedMs : Math.max(lastInOrderMs, leftAtMs + afterMs + addedMs);
        if (!heldBack) lastInOrderMs = atMs;
        waiting.splice(waiting.findLastIndex((each) => each.atMs <= atMs) + 1, 0, { atMs, datagram });
      }
      deliverDue();
    },
    figures: (): NetworkFigures => ({ ...figures }),
    close(): void {
      timer?.cancel();
      waiting.length = 0;
    }
  };
}

type Datagrams = NetworkControl & { send(from: Side, datagram: Buffer): void; close(): void };

/** What was not delivered when it is closed never is. @param headerBytes what a datagram takes on the link beside what is given here */
export function createImpairment(network: ImpairedNetwork, deliver: (to: Side, datagram: Buffer) => void, headerBytes = HEADER_BYTES): Datagrams {
  let { from } = network;
  let open = true;
  const direction = (side: Side) =>
    createDirection(
      network,
      side,
      () => from[side],
      headerBytes,
      (datagram) => void (open && deliver(other(side), datagram))
    );
  const directions = { offerer: direction('offerer'), answerer: direction('answerer') };
  return {
    send: (side, datagram) => void (open && directions[side].send(datagram)),
    change(next) {
      from = next;
    },
    figures: () => ({ offerer: directions.offerer.figures(), answerer: directions.answerer.figures() }),
    close() {
      open = false;
      for (const side of SIDES) directions[side].close();
    }
  };
}

/** Changes the network after so many milliseconds each; disposing stops what has not come to pass. */
export function schedule(
  clock: Clock,
  network: NetworkControl,
  steps: readonly { readonly afterMs: number; readonly from: Direction<Impairment> }[]
): Disposable {
  const timers = steps.map(({ afterMs, from }) => clock.schedule(afterMs, () => network.change(from)));
  return {
    [Symbol.dispose]() {
      for (const timer of timers) timer.cancel();
    }
  };
}

export type ImpairedPipe = Disposable &
  NetworkControl & {
    send(from: Side, datagram: Buffer): void;
    /** What comes before somebody listens is lost. */
    onDatagram(to: Side, take: (datagram: Buffer) => void): void;
  };

export function createImpairedPipe(network: ImpairedNetwork): ImpairedPipe {
  const listeners: Partial<Record<Side, (datagram: Buffer) => void>> = {};
  const impairment = createImpairment(network, (to, datagram) => listeners[to]?.(datagram));
  return {
    send: impairment.send,
    change: impairment.change,
    figures: impairment.figures,
    onDatagram(to, take) {
      listeners[to] = take;
    },
    [Symbol.dispose]: impairment.close
  };
}

export type ImpairedRelay = AsyncDisposable &
  NetworkControl &
  Pick<Relay, 'rewrite'> & {
    /** The relay's own in place of a candidate that `from` trickles; null for one that is left out (TCP, IPv6, a server's). */
    rewriteCandidate(from: Side, candidate: string): string | null;
  };

const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export async function openLocalSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

/** Over real sockets: `rewrite` gives each side's description the relay's address, so that everything the peers send goes through it. */
export async function createImpairedRelay(network: ImpairedNetwork): Promise<ImpairedRelay> {
  // `towards.offerer` is the socket that the offerer talks to.
  const towards: Direction<Socket> = { offerer: await openLocalSocket(), answerer: await openLocalSocket() };
  const addresses: Partial<Record<Side, { readonly address: string; readonly port: number }>> = {};
  let open = true;
  const impairment = createImpairment(network, (to, datagram) => {
    const known = addresses[to];
    if (known !== undefined && open) towards[to].send(datagram, known.port, known.address);
  });
  for (const from of SIDES) {
    towards[from].on('message', (datagram, { address, port }) => {
      addresses[from] = { address, port };
      impairment.send(from, datagram);
    });
  }
  // A peer is not heard before it sends; until then it is where its own candidate says.
  const rewriteCandidate = (from: Side, candidate: string): string | null => {
    const [, address, port] = /^(?:a=)?candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/i.exec(candidate) ?? [];
    if (address === undefined) return null;
    addresses[from] ??= { address, port: Number(port) };
    return `candidate:1 1 udp 2130706431 127.0.0.1 ${towards[other(from)].address().port} typ host`;
  };
  return {
    rewriteCandidate,
    rewrite(from, sdp) {
      const lines = sdp.split('\r\n');
      const own = lines.filter((line) => line.startsWith('a=candidate'));
      // Without a route to the world the loopback interface's is the only one that leads somewhere.
      const [candidate] = own
        .toSorted((a, b) => Number(b.includes(' 127.0.0.1 ')) - Number(a.includes(' 127.0.0.1 ')))
        .flatMap((line) => rewriteCandidate(from, line) ?? []);
      const rest = lines.filter((line) => !line.startsWith('a=candidate') && !line.startsWith('a=end-of-candidates'));
      const mid = rest.findIndex((line) => line.startsWith('a=mid:'));
      const relayed = candidate ?? `candidate:1 1 udp 2130706431 127.0.0.1 ${towards[other(from)].address().port} typ host`;
      return rest.toSpliced(mid + 1, 0, `a=${relayed}`, 'a=end-of-candidates').join('\r\n');
    },
    change: impairment.change,
    figures: impairment.figures,
    async [Symbol.asyncDispose]() {
      open = false;
      impairment.close();
      await Promise.all(SIDES.map((side) => new Promise<void>((resolve) => towards[side].close(() => resolve()))));
    }
  };
}
