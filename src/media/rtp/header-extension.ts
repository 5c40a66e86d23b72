// The one header extension that Cloister uses: the transport-wide sequence number, in the form with headers of one byte (RFC 8285 section 4.2). Pure.
// What is read was authenticated by SRTP, yet may be malformed: then there is no number, and nothing throws.

const ONE_BYTE_PROFILE = 0xbede;
/** No element, and the end of them (RFC 8285 section 4.2). */
const PADDING_ID = 0;
const END_ID = 15;

/** The extension with its own header, to stand between a packet's fixed header and its payload. */
export function writeTransportSequence(id: number, sequence: number): Buffer {
  const extension = Buffer.alloc(8);
  extension.writeUInt16BE(ONE_BYTE_PROFILE, 0);
  extension.writeUInt16BE(1, 2);
  extension.writeUInt8((id << 4) | 1, 4);
  extension.writeUInt16BE(sequence, 5);
  return extension;
}

/** @param packet a whole RTP packet, whose header was found to be there */
export function readTransportSequence(packet: Buffer, id: number): number | null {
  const flags = packet[0] ?? 0;
  let offset = 12 + 4 * (flags & 0x0f);
  if ((flags & 0x10) === 0 || offset + 4 > packet.length || packet.readUInt16BE(offset) !== ONE_BYTE_PROFILE) return null;
  const end = Math.min(packet.length, offset + 4 + 4 * packet.readUInt16BE(offset + 2));
  offset += 4;
  while (offset < end) {
    const head = packet.readUInt8(offset);
    const bytes = (head & 0x0f) + 1;
    if (head >> 4 === END_ID) return null;
    if (head >> 4 === id && bytes === 2 && offset + 3 <= end) return packet.readUInt16BE(offset + 1);
    offset += head >> 4 === PADDING_ID ? 1 : 1 + bytes;
  }
  return null;
}
