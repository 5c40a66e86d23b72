// What arrived when, told to the sender for every packet of the transport: draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1. For peers that
// have not that, the receiver's own estimate: draft-alvestrand-rmcat-remb-03 section 2.2. The part after the two SSRCs is written and read here.
// Pure; times are handed in; no input makes a reader throw or answer with more than MAX_PACKETS.
// Invariant: the log holds at most MAX_PACKETS arrivals; what does not fit into one message comes with the next take.
import { unwrapSequence } from '../rtp/sequence.ts';

export type FeedbackPacket = {
  /** Transport sequence number, 16 bits. */
  readonly sequence: number;
  /** The receiver's clock, from a zero that only it knows, modulo 2^24 times 64 ms; null for a packet that did not arrive. */
  readonly arrivedMs: number | null;
};

export type TransportFeedback = { readonly baseSequence: number; readonly feedbackCount: number; readonly packets: readonly FeedbackPacket[] };

/** A receiver's own estimate. */
export type Remb = { readonly kbps: number; readonly ssrcs: readonly number[] };

export type ArrivalLog = {
  /** @param atMs monotonic */
  arrived(transportSequence: number, atMs: number): void;
  /** One message about what came since the last; null when there is nothing more to tell. Call it until it says null: some arrivals do not fit into one. */
  take(nowMs: number): Buffer | null;
};

/** The reference time is sent in 24 bits of these: the arrival times wrap after 2^24 of them. */
export const ARRIVAL_WRAP_MS = 64 * 2 ** 24;
const TICKS_PER_MS = 4;
const TICKS_PER_REFERENCE = 256;
const HEADER_BYTES = 8;
/** Leaves room for the RTCP header and SRTCP in a packet of 1200 bytes. */
const MAX_BYTES = 1100;
const MAX_PACKETS = 8192;
/** Arrivals already told are kept so long, to be told again beside one that came late: else the message would call them lost. */
const HISTORY_MS = 500;
/** Farther back than this is no late packet, and farther ahead than MAX_PACKETS no loss: the sender began to count anew. */
const MAX_LATE = 2048;

const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const RUN_LIMIT = 2 ** 13 - 1;
const ONE_BIT_SYMBOLS = 14;
const TWO_BIT_SYMBOLS = 7;

const REMB_IDENTIFIER = 0x52454d42; // "REMB"
const REMB_HEADER_BYTES = 8;
const MANTISSA_BITS = 18;

export function createArrivalLog(): ArrivalLog {
  const ticksBySequence = new Map<number, number>(); // unwrapped sequence number
  let highest: number | null = null;
  let next = 0; // the first that no message told of
  let feedbackCount = 0;

  return {
    arrived(transportSequence, atMs) {
      if (!Number.isFinite(atMs)) return;
      let sequence = highest === null ? transportSequence & 0xffff : unwrapSequence(transportSequence, highest);
      if (highest === null || sequence < highest - MAX_LATE || sequence > highest + MAX_PACKETS) {
        ticksBySequence.clear();
        sequence = transportSequence & 0xffff;
        highest = next = sequence;
      }
      if (ticksBySequence.has(sequence)) return; // the first copy counts
      ticksBySequence.set(sequence, Math.floor(atMs * TICKS_PER_MS));
      highest = Math.max(highest, sequence);
      next = Math.min(next, sequence);
      if (ticksBySequence.size > MAX_PACKETS) ticksBySequence.delete(ticksBySequence.keys().next().value ?? 0);
    },
    take(nowMs) {
      if (highest === null || next > highest) return null;
      let arrival = next;
      while (arrival <= highest && !ticksBySequence.has(arrival)) arrival++;
      const from = arrival - next < MAX_PACKETS ? next : arrival; // a longer gap is not told: nobody waits for those any more
      const symbols: number[] = [];
      const deltas: number[] = [];
      let first: number | null = null;
      let last = 0;
      let bytes = HEADER_BYTES;
      let told = 0; // symbols up to the last arrival in this message
      for (let sequence = from; sequence <= highest && symbols.length < MAX_PACKETS; sequence++) {
        const ticks = ticksBySequence.get(sequence);
        if (ticks === undefined) {
          symbols.push(NOT_RECEIVED);
          continue;
        }
        if (first === null) {
          first = ticks;
          last = Math.floor(ticks / TICKS_PER_REFERENCE) * TICKS_PER_REFERENCE;
        }
        const delta = ticks - last;
        const small = delta >= 0 && delta <= 0xff;
        bytes += small ? 1 : 2;
        // A chunk says at least seven symbols, or ends a run of losses at an arrival: the smaller bound holds.
        const chunks = Math.min(Math.ceil((symbols.length + 1) / TWO_BIT_SYMBOLS), 2 * (deltas.length + 1) + 1);
        // A delta that 16 bits do not hold needs a reference time of its own: the next message's.
        if (delta < -0x8000 || delta > 0x7fff || bytes + 2 * chunks > MAX_BYTES) break;
        symbols.push(small ? SMALL_DELTA : LARGE_DELTA);
        deltas.push(delta);
        last = ticks;
        told = symbols.length;
      }
      if (first === null) {
        next = highest + 1;
        return null;
      }
      next = from + told;
      for (const [sequence, ticks] of ticksBySequence) if (sequence < next && ticks < (nowMs - HISTORY_MS) * TICKS_PER_MS) ticksBySequence.delete(sequence);
      const message = write(from, Math.floor(first / TICKS_PER_REFERENCE), feedbackCount, symbols.slice(0, told), deltas);
      feedbackCount = (feedbackCount + 1) & 0xff;
      return message;
    }
  };
}

function write(base: number, reference: number, feedbackCount: number, symbols: readonly number[], deltas: readonly number[]): Buffer {
  const chunks = toChunks(symbols);
  const bytes = HEADER_BYTES + 2 * chunks.length + deltas.reduce((sum, delta) => sum + (delta >= 0 && delta <= 0xff ? 1 : 2), 0);
  const fci = Buffer.alloc(Math.ceil(bytes / 4) * 4); // zero padding
  fci.writeUInt16BE(base & 0xffff, 0);
  fci.writeUInt16BE(symbols.length, 2);
  fci.writeUIntBE(reference & 0xffffff, 4, 3);
  fci.writeUInt8(feedbackCount, 7);
  let offset = HEADER_BYTES;
  for (const chunk of chunks) offset = fci.writeUInt16BE(chunk, offset);
  for (const delta of deltas) offset = delta >= 0 && delta <= 0xff ? fci.writeUInt8(delta, offset) : fci.writeInt16BE(delta, offset);
  return fci;
}

/** Sections 3.1.3 and 3.1.4: a run where it says more than a vector would, else a vector of one bit or of two bits for each symbol. */
function toChunks(symbols: readonly number[]): number[] {
  const chunks: number[] = [];
  let at = 0;
  while (at < symbols.length) {
    const symbol = symbols[at] ?? NOT_RECEIVED;
    let run = 1;
    while (run < RUN_LIMIT && symbols[at + run] === symbol) run++;
    const oneBit = symbols.slice(at, at + ONE_BIT_SYMBOLS);
    const fitsOneBit = !oneBit.includes(LARGE_DELTA);
    const vectorLength = fitsOneBit ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS;
    if (run >= vectorLength || at + run === symbols.length) {
      chunks.push((symbol << 13) | run);
      at += run;
    } else if (fitsOneBit) {
      chunks.push(oneBit.reduce((bits, received, index) => bits | (received << (13 - index)), 0x8000));
      at += ONE_BIT_SYMBOLS;
    } else {
      const twoBit = symbols.slice(at, at + TWO_BIT_SYMBOLS);
      chunks.push(twoBit.reduce((bits, status, index) => bits | (status << (12 - 2 * index)), 0xc000));
      at += TWO_BIT_SYMBOLS;
    }
  }
  return chunks;
}

/** Reads a message's part after the SSRCs, with RTCP padding or zeros behind it; null when it is malformed. */
export function readTransportFeedback(fci: Buffer): TransportFeedback | null {
  if (fci.length < HEADER_BYTES + 2) return null;
  const baseSequence = fci.readUInt16BE(0);
  const count = fci.readUInt16BE(2);
  if (count === 0 || count > MAX_PACKETS) return null;
  const symbols: number[] = [];
  let offset = HEADER_BYTES;
  while (symbols.length < count) {
    if (offset + 2 > fci.length) return null;
    const chunk = fci.readUInt16BE(offset);
    offset += 2;
    if ((chunk & 0x8000) === 0) {
      const run = chunk & 0x1fff;
      if (run === 0) return null;
      for (let left = Math.min(run, count - symbols.length); left > 0; left--) symbols.push((chunk >> 13) & 3);
    } else {
      const width = (chunk & 0x4000) === 0 ? 1 : 2;
      for (let shift = 14 - width; shift >= 0 && symbols.length < count; shift -= width) symbols.push((chunk >> shift) & (width === 1 ? 1 : 3));
    }
  }
  const packets: FeedbackPacket[] = [];
  let ticks = fci.readIntBE(4, 3) * TICKS_PER_REFERENCE;
  for (const [index, symbol] of symbols.entries()) {
    const sequence = (baseSequence + index) & 0xffff;
    if (symbol === NOT_RECEIVED) {
      packets.push({ sequence, arrivedMs: null });
      continue;
    }
    if (symbol > LARGE_DELTA || offset + symbol > fci.length) return null; // a delta has as many bytes as its symbol's number
    ticks += symbol === SMALL_DELTA ? fci.readUInt8(offset) : fci.readInt16BE(offset);
    offset += symbol;
    packets.push({ sequence, arrivedMs: ticks / TICKS_PER_MS });
  }
  return { baseSequence, feedbackCount: fci.readUInt8(7), packets };
}

/** @param ssrcs the streams that the estimate is for */
export function writeRemb(kbps: number, ssrcs: readonly number[]): Buffer {
  const told = ssrcs.slice(0, 0xff);
  let mantissa = Math.max(0, Math.round(kbps * 1000));
  let exponent = 0;
  while (mantissa >= 2 ** MANTISSA_BITS) {
    mantissa = Math.floor(mantissa / 2);
    exponent++;
  }
  const fci = Buffer.alloc(REMB_HEADER_BYTES + 4 * told.length);
  fci.writeUInt32BE(REMB_IDENTIFIER, 0);
  fci.writeUInt8(told.length, 4);
  fci.writeUIntBE((exponent << MANTISSA_BITS) | mantissa, 5, 3);
  for (const [index, ssrc] of told.entries()) fci.writeUInt32BE(ssrc >>> 0, REMB_HEADER_BYTES + 4 * index);
  return fci;
}

export function readRemb(fci: Buffer): Remb | null {
  if (fci.length < REMB_HEADER_BYTES || fci.readUInt32BE(0) !== REMB_IDENTIFIER) return null;
  const count = fci.readUInt8(4);
  if (fci.length < REMB_HEADER_BYTES + 4 * count) return null;
  const packed = fci.readUIntBE(5, 3);
  const kbps = ((packed & (2 ** MANTISSA_BITS - 1)) * 2 ** (packed >> MANTISSA_BITS)) / 1000;
  return { kbps, ssrcs: Array.from({ length: count }, (_, index) => fci.readUInt32BE(REMB_HEADER_BYTES + 4 * index)) };
}
