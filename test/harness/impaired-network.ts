// A bad network between two peers: it loses, delays, reorders and doubles their datagrams, in memory or over UDP sockets of the loopback interface.
// Invariant: what happens to the n-th datagram of a direction follows from the seed and the impairment alone, and not from the clock, the other direction or
// what is in it. A rate that changes leaves what the other rates decided as it was.
import type { Clock } from '../../src/kernel/clock.ts';
import { createRelay, type Relay, type Side } from '../fakes/dtls-attacker.ts';

/** Of one direction. Rates are from 0 to 1, for each datagram by itself. */
export type Impairment = {
  /** How many never arrive. */
  readonly lossRate: number;
  /** How long every datagram is on its way: half of the round trip. */
  readonly delayMs: number;
  /** How many are held back by `reorderMs` on top of the delay, so that those sent meanwhile overtake them. */
  readonly reorderRate?: number;
  readonly reorderMs?: number;
  /** How many arrive twice, one right after the other. */
  readonly duplicateRate?: number;
};

export type ImpairedNetwork = {
  /** A whole number. */
  readonly seed: number;
  readonly clock: Clock;
  /** What each side's datagrams meet. */
  readonly from: Readonly<Record<Side, Impairment>>;
};

export const bothWays = (impairment: Impairment): ImpairedNetwork['from'] => ({ offerer: impairment, answerer: impairment });

/** When each copy of a datagram arrives, in milliseconds after it was sent; none for a lost one. */
export type Fate = readonly number[];

/** @returns the fates of the datagrams that a side sends, in the order in which it sends them */
export function createFates({ seed, from }: Pick<ImpairedNetwork, 'seed' | 'from'>, side: Side): () => Fate {
  const { lossRate, delayMs, reorderRate = 0, reorderMs = 0, duplicateRate = 0 } = from[side];
  const random = createRandom(2 * seed + (side === 'offerer' ? 0 : 1));
  return () => {
    // Always three draws, so that each rate has its own.
    const [lost, late, twice] = [random() < lossRate, random() < reorderRate, random() < duplicateRate];
    const arrivesAfterMs = delayMs + (late ? reorderMs : 0);
    return lost ? [] : twice ? [arrivesAfterMs, arrivesAfterMs] : [arrivesAfterMs];
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

type Datagrams = { send(from: Side, datagram: Buffer): void; close(): void };

/** What was not delivered when it is closed never is. */
function createImpairment(network: ImpairedNetwork, deliver: (to: Side, datagram: Buffer) => void): Datagrams {
  const fates = { offerer: createFates(network, 'offerer'), answerer: createFates(network, 'answerer') };
  let open = true;
  return {
    send(from, datagram) {
      const to = from === 'offerer' ? 'answerer' : 'offerer';
      for (const afterMs of fates[from]()) network.clock.schedule(afterMs, () => void (open && deliver(to, datagram)));
    },
    close() {
      open = false;
    }
  };
}

export type ImpairedPipe = Disposable & {
  send(from: Side, datagram: Buffer): void;
  /** What comes before somebody listens is lost. */
  onDatagram(to: Side, take: (datagram: Buffer) => void): void;
};

export function createImpairedPipe(network: ImpairedNetwork): ImpairedPipe {
  const listeners: Partial<Record<Side, (datagram: Buffer) => void>> = {};
  const impairment = createImpairment(network, (to, datagram) => listeners[to]?.(datagram));
  return {
    send: impairment.send,
    onDatagram(to, take) {
      listeners[to] = take;
    },
    [Symbol.dispose]: impairment.close
  };
}

export type ImpairedRelay = AsyncDisposable & Pick<Relay, 'rewrite'>;

/** Over real sockets: `rewrite` gives each side's description the relay's address, so that everything the peers send goes through it. */
export async function createImpairedRelay(network: ImpairedNetwork): Promise<ImpairedRelay> {
  const relay = await createRelay();
  const impairment = createImpairment(network, relay.inject);
  relay.forward((from, datagram) => {
    impairment.send(from, datagram);
    return [];
  });
  return {
    rewrite: relay.rewrite,
    async [Symbol.asyncDispose]() {
      impairment.close();
      await relay[Symbol.asyncDispose]();
    }
  };
}
