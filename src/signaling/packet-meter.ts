// Watches the framing of an MQTT byte stream (MQTT 3.1.1 section 2.2) and says no as soon as a packet announces more than is accepted:
// the parsers of both sides would otherwise keep up to 256 MB of one packet.

const MQTT_PACKET_MAX_BYTES = 131_072;

/** @returns a function to be given each chunk in order; false once the stream is not acceptable */
export function createPacketMeter(maxBytes = MQTT_PACKET_MAX_BYTES): (chunk: Uint8Array) => boolean {
  let skip = 0;
  let inLength = false;
  let length = 0;
  let shift = 0;
  let refused = false;
  return (chunk) => {
    for (let at = 0; at < chunk.length && !refused; ) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at);
        skip -= step;
        at += step;
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      if (!inLength) {
        inLength = true;
        length = 0;
        shift = 0;
        continue;
      }
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      const more = (byte & 0x80) !== 0;
      refused = length > maxBytes || (more && shift >= 28);
      if (more) continue;
      inLength = false;
      skip = length;
    }
    return !refused;
  };
}
