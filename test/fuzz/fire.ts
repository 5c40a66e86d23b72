// What every part of the fuzzer fires with. A part throws where it finds something wrong; whoever runs it tells what was fired last.
import assert from 'node:assert/strict';
import type { Certificates } from './honest-pair.ts';
import type { Random } from './random.ts';

export type Range = {
  readonly random: Random;
  readonly certificates: Certificates;
  /** Of other associations: what an attacker has collected. */
  readonly foreign: readonly Buffer[];
  /** Told before each datagram. @param how it was made */
  aim(datagram: Buffer, how: string): void;
  count(outcome: string): void;
  /** What is in use after everything unused was collected. */
  heapBytes(): number;
  /** Kept for the report. */
  grew(bytes: number): void;
};

/** Fires `count` times, and holds what is in use after the first half against the end: a state may fill what is bounded, and then no more. */
export function firedInHalves(range: Range, count: number, once: (shot: number) => void): void {
  const half = Math.floor(count / 2);
  for (let shot = 0; shot < half; shot += 1) once(shot);
  const before = range.heapBytes();
  for (let shot = half; shot < count; shot += 1) once(shot);
  const grownBytes = range.heapBytes() - before;
  range.grew(grownBytes);
  assertFlat(grownBytes, count - half, SIEGE_NOISE_BYTES);
}

/** As firedInHalves, volley after volley, with `rest` after each: for states with sockets and native objects, which a siege keeps busy, too. */
export async function firedInVolleys(range: Range, count: number, volley: number, once: () => void, rest: () => Promise<void>): Promise<void> {
  let before = 0;
  let halved = false;
  for (let shot = 0; shot < count; ) {
    for (let left = Math.min(volley, count - shot); left > 0; left -= 1, shot += 1) once();
    await rest();
    if (halved || shot < count / 2) continue;
    halved = true;
    before = range.heapBytes();
  }
  const grownBytes = range.heapBytes() - before;
  range.grew(grownBytes);
  assertFlat(grownBytes, Math.ceil(count / 2), VOLLEYS_NOISE_BYTES);
}

/** Measured: up to 500 kB. */
const VOLLEYS_NOISE_BYTES = 1_500_000;
/** V8 itself keeps a little more after a while: code, and what it has learnt of types. Measured: up to 110 kB in a siege. */
const SIEGE_NOISE_BYTES = 400_000;
const BYTES_PER_DATAGRAM = 2;

/**
 * @param grownBytes more than were in use so many datagrams ago
 * @param noiseBytes what V8 may have kept for itself
 */
export function assertFlat(grownBytes: number, datagrams: number, noiseBytes: number): void {
  const limit = noiseBytes + BYTES_PER_DATAGRAM * datagrams;
  assert.ok(grownBytes <= limit, `${grownBytes} bytes more are in use after ${datagrams} datagrams; up to ${limit} could be noise`);
}

const TRIES = 5;

/** A busy machine may hold one up, but hardly each of some: done again while it takes `slowMs` or longer. */
export function quickestMs(slowMs: number, answer: () => unknown): number {
  let quickest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && quickest >= slowMs; tries += 1) {
    const startedMs = performance.now();
    answer();
    quickest = Math.min(quickest, performance.now() - startedMs);
  }
  return quickest;
}
