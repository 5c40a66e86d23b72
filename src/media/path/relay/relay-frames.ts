// TURN messages over a stream (RFC 8656 section 12.5): STUN messages and ChannelData, one behind the other. Pure.
// Invariants: no more than one message is kept; what is neither ends the reading for good.

const HEADER_BYTES = 4;
const STUN_HEADER_BYTES = 20;

/** Four bytes are a unit over a stream; the length field counts without the padding. */
export const paddedFrame = (message: Buffer): Buffer => (message.length % 4 === 0 ? message : Buffer.concat([message, Buffer.alloc(4 - (message.length % 4))]));

/** The message's own length; null where it begins like none. */
function messageLength(header: Buffer): number | null {
  const first = header.readUInt8(0);
  const length = header.readUInt16BE(2);
  if (first < 0x40) return length % 4 === 0 ? STUN_HEADER_BYTES + length : null;
  return first < 0x50 ? HEADER_BYTES + length : null;
}

/** @returns takes what comes from the stream, in pieces of any size */
export function createFrameReader(received: (message: Buffer) => void, broken: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let over = false;
  return (chunk) => {
    if (over) return;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES) {
      const length = messageLength(rest);
      if (length === null) {
        over = true;
        rest = Buffer.alloc(0);
        broken();
        return;
      }
      const frameLength = Math.ceil(length / 4) * 4;
      if (rest.length < frameLength) return;
      const message = rest.subarray(0, length);
      rest = rest.subarray(frameLength);
      received(message);
    }
  };
}
