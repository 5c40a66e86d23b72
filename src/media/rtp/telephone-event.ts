// Keys that are pressed in a call, as RTP payloads (RFC 4733): written as a sequence of packets, read as one key for each event. Pure; hostile payloads never throw.
// Invariants of the reader: an event is told once, however often and in whatever order its packets come; more keys than a hand can press are not told.
import { DTMF_GAP_MS, DTMF_TONE_MS } from '../tones/tones.ts';

/** RFC 4733 section 3.2: the events 0 to 15, in this order. */
const KEYS = '0123456789*#ABCD';
/** In units of 1 dB below full scale: where a PSTN gateway makes the tone anew, this is its power (RFC 4733 section 2.3.3). */
const VOLUME = 10;
const PACKET_MS = 20;
/** RFC 4733 section 2.5.1.4: the end is told three times. */
const ENDS = 3;
const PAYLOAD_BYTES = 4;
/** A key and its gap take longer than this where a machine dials, too. */
const LEAST_APART_MS = 40;

/** One packet of an event; `atMs` after the key was pressed. */
export type EventPacket = { readonly atMs: number; readonly marker: boolean; readonly payload: Buffer };

/** Until the next key may begin. */
export const KEY_MS = DTMF_TONE_MS + DTMF_GAP_MS;

/** @param rate of the payload type, in which durations are told @returns none for what is no key */
export function writeKey(key: string, rate: number): EventPacket[] {
  const event = key.length === 1 ? KEYS.indexOf(key) : -1;
  if (event < 0) return [];
  const steps = DTMF_TONE_MS / PACKET_MS;
  return Array.from({ length: steps + ENDS - 1 }, (_, index) => {
    const heardMs = Math.min(DTMF_TONE_MS, (index + 1) * PACKET_MS);
    const payload = Buffer.alloc(PAYLOAD_BYTES);
    payload.writeUInt8(event, 0);
    payload.writeUInt8((heardMs === DTMF_TONE_MS ? 0x80 : 0) | VOLUME, 1);
    payload.writeUInt16BE(Math.round((heardMs * rate) / 1_000), 2);
    return { atMs: index * PACKET_MS, marker: index === 0, payload };
  });
}

export type KeyReader = {
  /** @param timestamp of the RTP packet: the same for all of one event @returns the key, where it begins with this packet */
  take(payload: Uint8Array, timestamp: number, nowMs: number): string | null;
};

export function createKeyReader(): KeyReader {
  let last: { readonly timestamp: number; readonly atMs: number } | null = null;
  return {
    take(payload, timestamp, nowMs) {
      const key = payload.length >= PAYLOAD_BYTES ? KEYS[payload[0] ?? KEYS.length] : undefined;
      // The difference of two timestamps as a signed one: what is not after the last event is of it, or of one before.
      const after = last === null || ((timestamp - last.timestamp) | 0) > 0;
      if (key === undefined || !after || (last !== null && nowMs - last.atMs < LEAST_APART_MS)) return null;
      last = { timestamp, atMs: nowMs };
      return key;
    }
  };
}
