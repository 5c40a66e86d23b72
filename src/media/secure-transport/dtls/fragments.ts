// Handshake messages in fragments (RFC 6347 section 4.2.2 and 4.2.3): cut to fit the path, and put together again in whatever order they come.
// Everything is bounded: how large a message may be, how far ahead of its turn, and how much waits in all.
import { MESSAGE } from './registry.ts';
import { uint } from './wire.ts';

/** A complete message. */
export type HandshakeMessage = { readonly type: number; readonly sequence: number; readonly body: Buffer };
export type Fragment = { readonly type: number; readonly length: number; readonly sequence: number; readonly offset: number; readonly data: Buffer };

export const FRAGMENT_HEADER_BYTES = 12;
/** A certificate of 16 kB goes through; nobody needs more. */
export const MAX_MESSAGE_BYTES = 32_768;
/** A flight has five messages. */
const MAX_AHEAD = 8;
const MAX_WAITING_BYTES = 65_536;
/** How often somebody may say that a message has another length: each time costs room to be made. */
const MAX_CHANGES = 256;

/** The fragments of a record; null where it does not consist of whole, sensible ones. */
export function readFragments(content: Buffer): Fragment[] | null {
  const fragments: Fragment[] = [];
  for (let at = 0; at < content.length; ) {
    if (at + FRAGMENT_HEADER_BYTES > content.length) return null;
    const length = content.readUIntBE(at + 1, 3);
    const offset = content.readUIntBE(at + 6, 3);
    const bytes = content.readUIntBE(at + 9, 3);
    const start = at + FRAGMENT_HEADER_BYTES;
    at = start + bytes;
    if (at > content.length || offset + bytes > length || length > MAX_MESSAGE_BYTES) return null;
    // It says nothing.
    if (bytes === 0 && length > 0) continue;
    fragments.push({ type: content.readUInt8(start - 12), length, sequence: content.readUInt16BE(start - 8), offset, data: content.subarray(start, at) });
  }
  return fragments;
}

function fragment({ type, sequence, body }: HandshakeMessage, offset: number, bytes: number): Buffer {
  return Buffer.concat([uint(type, 1), uint(body.length, 3), uint(sequence, 2), uint(offset, 3), uint(bytes, 3), body.subarray(offset, offset + bytes)]);
}

/** As signatures, hashes and the transcript have it: in one piece (RFC 6347 section 4.2.6). */
export const wholeMessage = (message: HandshakeMessage): Buffer => fragment(message, 0, message.body.length);

/** @param limitBytes of a fragment with its header */
export function fragmentsOf(message: HandshakeMessage, limitBytes: number): Buffer[] {
  const room = limitBytes - FRAGMENT_HEADER_BYTES;
  const fragments: Buffer[] = [];
  let offset = 0;
  do {
    const bytes = Math.min(room, message.body.length - offset);
    fragments.push(fragment(message, offset, bytes));
    offset += bytes;
  } while (offset < message.body.length);
  return fragments;
}

const EVERYTHING = new Uint8Array(0);

type Partial = { readonly type: number; readonly data: Buffer; readonly seen: Uint8Array; missing: number };

export type Reassembler = {
  /** Whether the message with this number was delivered before. */
  isPast(sequence: number): boolean;
  isTurn(sequence: number): boolean;
  /** Takes a fragment; what is past, too far ahead or too much is dropped. */
  take(fragment: Fragment): void;
  /** The message whose turn it is, once it is complete. */
  next(): HandshakeMessage | null;
};

/** @param first the number of the message that is to come first; null to deliver any that is complete, as a server does before it knows the client */
export function createReassembler(first: number | null): Reassembler {
  const partials = new Map<number, Partial>();
  let turn = first;
  let waitingBytes = 0;
  let changes = 0;
  const forget = (sequence: number): void => {
    waitingBytes -= partials.get(sequence)?.data.length ?? 0;
    partials.delete(sequence);
  };
  /** A message comes before those ahead of it. */
  const makeRoom = (sequence: number, bytes: number): boolean => {
    for (const ahead of [...partials.keys()].sort((a, b) => b - a)) if (ahead > sequence && waitingBytes + bytes > MAX_WAITING_BYTES) forget(ahead);
    if (waitingBytes + bytes > MAX_WAITING_BYTES) return false;
    waitingBytes += bytes;
    return true;
  };
  return {
    isPast: (sequence) => turn !== null && sequence < turn,
    isTurn: (sequence) => sequence === turn,
    take({ type, length, sequence, offset, data }) {
      const lowest = turn ?? 0;
      if (sequence < lowest || sequence >= lowest + MAX_AHEAD) return;
      const known = partials.get(sequence);
      // A message in one piece stands for itself: pieces that came before, from whomever, do not get mixed into it.
      if (data.length === length) {
        if (known !== undefined && known.missing === 0) return;
        forget(sequence);
        if (makeRoom(sequence, length)) partials.set(sequence, { type, data: Buffer.from(data), seen: EVERYTHING, missing: 0 });
        return;
      }
      // Anybody can say once that a message is something else. The newest word is taken, so that an honest repetition gets through.
      const other = known !== undefined && (known.type !== type || known.data.length !== length);
      if (other && changes >= MAX_CHANGES) return;
      if (other) {
        changes += 1;
        forget(sequence);
      }
      let partial = partials.get(sequence);
      if (partial === undefined) {
        if (!makeRoom(sequence, length)) return;
        partial = { type, data: Buffer.alloc(length), seen: new Uint8Array(length), missing: length };
        partials.set(sequence, partial);
      }
      for (let at = 0; at < data.length; at += 1) {
        if (partial.missing === 0 || partial.seen[offset + at] === 1) continue;
        partial.seen[offset + at] = 1;
        partial.missing -= 1;
        partial.data[offset + at] = data[at] ?? 0;
      }
    },
    next() {
      for (const [sequence, { type, data, missing }] of partials) {
        if (missing > 0 || (turn !== null && sequence !== turn)) continue;
        forget(sequence);
        if (turn !== null) turn += 1;
        return { type, sequence, body: data };
      }
      return null;
    }
  };
}

/** Finished is the one message that is never in plain text, and the only one that is not (RFC 5246 section 7.4.9). */
export const belongsInEpoch = (type: number, epoch: number): boolean => (type === MESSAGE.finished ? epoch === 1 : epoch === 0);
