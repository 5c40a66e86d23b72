// Sound that carries the packets before it once more (RFC 2198), so that a lost packet comes with the next. Times are RTP timestamps.
// Invariants: the reader answers with at most MAX_BLOCKS blocks, which lie inside the payload; hostile input gives null.

export type RedBlock = { readonly payloadType: number; readonly timestamp: number; readonly payload: Uint8Array };

const MAX_BLOCKS = 4;
const OFFSET_LIMIT = 2 ** 14;
const LENGTH_LIMIT = 2 ** 10;
const HEADER_BYTES = 4;

/** @param before the packets before it, the oldest first; one that is empty, too long or too old for the header is left out */
export function writeRed(primary: RedBlock, before: readonly RedBlock[]): Buffer {
  const offsetOf = (block: RedBlock): number => (primary.timestamp - block.timestamp) >>> 0;
  const redundant = before
    .filter((block) => offsetOf(block) > 0 && offsetOf(block) < OFFSET_LIMIT && block.payload.length > 0 && block.payload.length < LENGTH_LIMIT)
    .slice(1 - MAX_BLOCKS);
  const headers = redundant.map((block) => {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE((0x80000000 | ((block.payloadType & 0x7f) << 24) | (offsetOf(block) << 10) | block.payload.length) >>> 0);
    return header;
  });
  return Buffer.concat([...headers, Uint8Array.of(primary.payloadType & 0x7f), ...redundant.map((block) => block.payload), primary.payload]);
}

/** The blocks of one payload, the primary last; null when it is malformed. @param timestamp of the RTP packet */
export function readRed(payload: Uint8Array, timestamp: number): RedBlock[] | null {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const headers: { readonly payloadType: number; readonly timestamp: number; readonly length: number }[] = [];
  let offset = 0;
  while (offset < payload.length && (view.getUint8(offset) & 0x80) !== 0) {
    if (headers.length === MAX_BLOCKS - 1 || offset + HEADER_BYTES > payload.length) return null;
    const header = view.getUint32(offset);
    headers.push({
      payloadType: (header >>> 24) & 0x7f,
      timestamp: (timestamp - ((header >>> 10) & (OFFSET_LIMIT - 1))) >>> 0,
      length: header & (LENGTH_LIMIT - 1)
    });
    offset += HEADER_BYTES;
  }
  if (offset >= payload.length) return null;
  const payloadType = view.getUint8(offset++);
  const blocks: RedBlock[] = [];
  for (const header of headers) {
    if (offset + header.length > payload.length) return null;
    blocks.push({ payloadType: header.payloadType, timestamp: header.timestamp, payload: payload.subarray(offset, offset + header.length) });
    offset += header.length;
  }
  return [...blocks, { payloadType, timestamp: timestamp >>> 0, payload: payload.subarray(offset) }];
}
