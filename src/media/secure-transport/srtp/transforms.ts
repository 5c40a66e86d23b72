// How one packet is protected under session keys: AES-GCM (RFC 7714) and AES in counter mode with HMAC-SHA1 (RFC 3711 section 4). Which index a packet has, and
// whether it was there before, is decided in srtp.ts: the caller never hands the same source and index to `protect` twice, since both ciphers break then.
import { createCipheriv, createDecipheriv, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

export type PacketKind = 'rtp' | 'rtcp';

export type PacketTransform = {
  /** What protection adds to a packet. */
  readonly addedBytes: number;
  /** SRTCP: where the word with the E flag and the index begins, counted from the end. */
  readonly wordFromEnd: number;
  /** @param headBytes that stay readable, but are authenticated */
  protect(packet: Buffer, headBytes: number, ssrc: number, index: number): Buffer;
  /**
   * @param packet of at least `headBytes` and `addedBytes`
   * @returns null for what does not authenticate
   */
  unprotect(packet: Buffer, headBytes: number, ssrc: number, index: number): Buffer | null;
};

/** The E flag of SRTCP's last word: the packet is encrypted (RFC 3711 section 3.4). */
export const ENCRYPTED_FLAG = 0x8000_0000;
const WORD_BYTES = 4;

/** One buffer for all packets: node:crypto copies it when a cipher is made. */
function createVector(salt: Buffer, lengthBytes: number, ssrcAt: number): (ssrc: number, index: number) => Buffer {
  const vector = Buffer.alloc(lengthBytes);
  vector.set(salt);
  const saltSsrc = vector.readUInt32BE(ssrcAt);
  const saltHigh = vector.readUInt16BE(ssrcAt + 4);
  const saltLow = vector.readUInt32BE(ssrcAt + 6);
  return (ssrc, index) => {
    vector.writeUInt32BE((saltSsrc ^ ssrc) >>> 0, ssrcAt);
    vector.writeUInt16BE(saltHigh ^ Math.floor(index / 2 ** 32), ssrcAt + 4);
    vector.writeUInt32BE((saltLow ^ index) >>> 0, ssrcAt + 6);
    return vector;
  };
}

const AEAD_TAG_BYTES = 16;
const AEAD_OPTIONS = { authTagLength: AEAD_TAG_BYTES } as const;

export function createAead(cipherName: 'aes-128-gcm' | 'aes-256-gcm', key: KeyObject, salt: Buffer, kind: PacketKind): PacketTransform {
  // RFC 7714 sections 8.1 and 9.1: two zeros, SSRC, and the index as 48 bits, which for SRTCP has 31.
  const vectorOf = createVector(salt, 12, 2);
  const wordBytes = kind === 'rtcp' ? WORD_BYTES : 0;
  /** RFC 7714 section 9.2: SRTCP's word stands behind the tag but is authenticated with the head. */
  const associatedData = (head: Buffer, index: number): Buffer => {
    if (kind === 'rtp') return head;
    const data = Buffer.allocUnsafe(head.length + WORD_BYTES);
    data.set(head);
    data.writeUInt32BE(ENCRYPTED_FLAG + index, head.length);
    return data;
  };

  return {
    addedBytes: AEAD_TAG_BYTES + wordBytes,
    wordFromEnd: WORD_BYTES,
    protect(packet, headBytes, ssrc, index) {
      const head = packet.subarray(0, headBytes);
      const cipher = createCipheriv(cipherName, key, vectorOf(ssrc, index), AEAD_OPTIONS);
      cipher.setAAD(associatedData(head, index));
      const body = cipher.update(packet.subarray(headBytes));
      cipher.final();
      const sealed = Buffer.allocUnsafe(packet.length + AEAD_TAG_BYTES + wordBytes);
      sealed.set(head);
      sealed.set(body, headBytes);
      sealed.set(cipher.getAuthTag(), packet.length);
      if (kind === 'rtcp') sealed.writeUInt32BE(ENCRYPTED_FLAG + index, packet.length + AEAD_TAG_BYTES);
      return sealed;
    },
    unprotect(packet, headBytes, ssrc, index) {
      const head = packet.subarray(0, headBytes);
      const bodyEnd = packet.length - AEAD_TAG_BYTES - wordBytes;
      const decipher = createDecipheriv(cipherName, key, vectorOf(ssrc, index), AEAD_OPTIONS);
      decipher.setAAD(associatedData(head, index));
      decipher.setAuthTag(packet.subarray(bodyEnd, bodyEnd + AEAD_TAG_BYTES));
      const body = decipher.update(packet.subarray(headBytes, bodyEnd));
      try {
        decipher.final();
      } catch {
        return null;
      }
      const plain = Buffer.allocUnsafe(bodyEnd);
      plain.set(head);
      plain.set(body, headBytes);
      return plain;
    }
  };
}

const MAC_BYTES = 10;

export function createCounterMode(cipherKey: KeyObject, authenticationKey: KeyObject, salt: Buffer, kind: PacketKind): PacketTransform {
  // RFC 3711 section 4.1.1: salt, SSRC and index are shifted so that the last two bytes count the blocks.
  const vectorOf = createVector(salt, 16, 4);
  const wordBytes = kind === 'rtcp' ? WORD_BYTES : 0;
  const rollover = Buffer.alloc(WORD_BYTES);
  /** RFC 3711 section 4.2: behind the packet comes the count of rollovers, which SRTP does not send; SRTCP's word is part of the packet. */
  const macOf = (authenticated: Buffer, index: number): Buffer => {
    const mac = createHmac('sha1', authenticationKey).update(authenticated);
    if (kind === 'rtp') {
      rollover.writeUInt32BE(Math.floor(index / 2 ** 16), 0);
      mac.update(rollover);
    }
    return mac.digest().subarray(0, MAC_BYTES);
  };

  return {
    addedBytes: wordBytes + MAC_BYTES,
    wordFromEnd: WORD_BYTES + MAC_BYTES,
    protect(packet, headBytes, ssrc, index) {
      const sealed = Buffer.allocUnsafe(packet.length + wordBytes + MAC_BYTES);
      packet.copy(sealed, 0, 0, headBytes);
      const cipher = createCipheriv('aes-128-ctr', cipherKey, vectorOf(ssrc, index));
      sealed.set(cipher.update(packet.subarray(headBytes)), headBytes);
      if (kind === 'rtcp') sealed.writeUInt32BE(ENCRYPTED_FLAG + index, packet.length);
      const macAt = packet.length + wordBytes;
      sealed.set(macOf(sealed.subarray(0, macAt), index), macAt);
      return sealed;
    },
    unprotect(packet, headBytes, ssrc, index) {
      const macAt = packet.length - MAC_BYTES;
      if (!timingSafeEqual(macOf(packet.subarray(0, macAt), index), packet.subarray(macAt))) return null;
      const plain = Buffer.allocUnsafe(macAt - wordBytes);
      packet.copy(plain, 0, 0, headBytes);
      const decipher = createDecipheriv('aes-128-ctr', cipherKey, vectorOf(ssrc, index));
      plain.set(decipher.update(packet.subarray(headBytes, plain.length)), headBytes);
      return plain;
    }
  };
}
