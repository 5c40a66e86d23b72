// SRTP and SRTCP of one secured connection (RFC 3711, RFC 7714): keys, indices and replay windows around the transforms. Nothing here is logged.
// Invariants: an index is used once to protect and taken once when received; of a received packet nothing is remembered before it was authenticated;
// there are only so many sources, however many the other side invents; what is malformed is null and never thrown.
import { CloisterError } from '../../../kernel/errors.ts';
import { rtpHeaderBytes } from '../../peer/peer-packets.ts';
import type { SrtpProfile } from '../dtls/registry.ts';
import { createReplayWindow, type ReplayWindow } from '../replay-window.ts';
import { deriveBytes, deriveKey, keyLabels } from './key-derivation.ts';
import { nextRtcpIndex, rtpIndex } from './packet-index.ts';
import { createAead, createCounterMode, ENCRYPTED_FLAG, type PacketKind, type PacketTransform } from './transforms.ts';

/** Lengths of master key and salt for a profile, for the DTLS exporter (RFC 5764 section 4.2, RFC 7714 section 12). */
export const srtpKeyLengths: Readonly<Record<SrtpProfile['name'], { readonly keyBytes: number; readonly saltBytes: number }>> = {
  AEAD_AES_128_GCM: { keyBytes: 16, saltBytes: 12 },
  AEAD_AES_256_GCM: { keyBytes: 32, saltBytes: 12 },
  AES128_CM_HMAC_SHA1_80: { keyBytes: 16, saltBytes: 14 }
};

/** Master keys and salts. They stay the caller's, who wipes them. */
export type SrtpKeys = { readonly localKey: Buffer; readonly localSalt: Buffer; readonly remoteKey: Buffer; readonly remoteSalt: Buffer };

export type MediaProtection = {
  /**
   * @param packet a complete RTP packet (RFC 3550 section 5.1), contributing sources and header extension included
   * @throws CloisterError CL_INTERNAL for what is none, and for a sequence number that was used or is too old to tell
   */
  protectRtp(packet: Buffer): Buffer;
  /** @throws CloisterError CL_INTERNAL for what is no RTCP packet */
  protectRtcp(compound: Buffer): Buffer;
  /** @returns null for what does not authenticate, was there before, or is too old to tell */
  unprotectRtp(packet: Buffer): Buffer | null;
  unprotectRtcp(packet: Buffer): Buffer | null;
};

const RTP_WINDOW = 2048;
const RTCP_WINDOW = 256;
/** A call has two; a few more for one that changes its numbers. */
const MAX_SOURCES = 32;

/** The first header and the sender's SSRC stay readable (RFC 3711 section 3.4). */
const RTCP_HEAD_BYTES = 8;
const ROLLOVER = 2 ** 16;

export function createMediaProtection(profile: SrtpProfile['name'], keys: SrtpKeys): MediaProtection {
  const local = { key: keys.localKey, salt: keys.localSalt };
  const remote = { key: keys.remoteKey, salt: keys.remoteSalt };
  const { protectRtp, protectRtcp } = createSender(createTransform(profile, local, 'rtp'), createTransform(profile, local, 'rtcp'));
  return {
    protectRtp,
    protectRtcp,
    unprotectRtp: createRtpReceiver(createTransform(profile, remote, 'rtp')),
    unprotectRtcp: createRtcpReceiver(createTransform(profile, remote, 'rtcp'))
  };
}

type Master = { readonly key: Buffer; readonly salt: Buffer };

function createTransform(profile: SrtpProfile['name'], { key, salt }: Master, kind: PacketKind): PacketTransform {
  const { keyBytes, saltBytes } = srtpKeyLengths[profile];
  if (key.length !== keyBytes || salt.length !== saltBytes) throw new CloisterError('CL_INTERNAL', 'the media keys do not fit the profile');
  const labels = keyLabels[kind];
  const cipherKey = deriveKey(key, salt, labels.cipherKey, keyBytes);
  const sessionSalt = deriveBytes(key, salt, labels.salt, saltBytes);
  if (profile === 'AEAD_AES_128_GCM') return createAead('aes-128-gcm', cipherKey, sessionSalt, kind);
  if (profile === 'AEAD_AES_256_GCM') return createAead('aes-256-gcm', cipherKey, sessionSalt, kind);
  return createCounterMode(cipherKey, deriveKey(key, salt, labels.authenticationKey, 20), sessionSalt, kind);
}

/** The length of the header; null for what is not an RTP packet with at least `behindBytes` more. */
function rtpHeadBytes(packet: Buffer, behindBytes: number): number | null {
  const bytes = rtpHeaderBytes(packet);
  return bytes === null || packet.length < bytes + behindBytes ? null : bytes;
}

const isRtcp = (packet: Buffer, behindBytes: number): boolean => packet.length >= RTCP_HEAD_BYTES + behindBytes && packet.readUInt8(0) >> 6 === 2;

function createSender(rtp: PacketTransform, rtcp: PacketTransform): Pick<MediaProtection, 'protectRtp' | 'protectRtcp'> {
  const packets = new Map<number, ReplayWindow>();
  const lastReports = new Map<number, number>();
  return {
    protectRtp(packet) {
      const headBytes = rtpHeadBytes(packet, 0);
      if (headBytes === null) throw new CloisterError('CL_INTERNAL', 'this is not an RTP packet');
      const ssrc = packet.readUInt32BE(8);
      const window = packets.get(ssrc) ?? newSource(packets, ssrc);
      const index = rtpIndex(window.highest(), packet.readUInt16BE(2));
      // With an index that was used, GCM would give its authentication key away, and counter mode the difference of both packets.
      if (index === null || !window.isNew(index)) throw new CloisterError('CL_INTERNAL', 'an RTP sequence number was used twice or is too old to tell');
      window.take(index);
      return rtp.protect(packet, headBytes, ssrc, index);
    },
    protectRtcp(compound) {
      if (!isRtcp(compound, 0)) throw new CloisterError('CL_INTERNAL', 'this is not an RTCP packet');
      const ssrc = compound.readUInt32BE(4);
      const last = lastReports.get(ssrc) ?? null;
      if (last === null && lastReports.size >= MAX_SOURCES) throw new CloisterError('CL_INTERNAL', 'there are too many sources');
      const index = nextRtcpIndex(last);
      lastReports.set(ssrc, index);
      return rtcp.protect(compound, RTCP_HEAD_BYTES, ssrc, index);
    }
  };
}

function newSource(sources: Map<number, ReplayWindow>, ssrc: number): ReplayWindow {
  if (sources.size >= MAX_SOURCES) throw new CloisterError('CL_INTERNAL', 'there are too many sources');
  const window = createReplayWindow(RTP_WINDOW);
  sources.set(ssrc, window);
  return window;
}

function createRtpReceiver(rtp: PacketTransform): MediaProtection['unprotectRtp'] {
  const windows = new Map<number, ReplayWindow>();

  /**
   * Of a source that was not heard before. Its sender should begin below 2^15 (RFC 3711 section 3.3.1), but may begin anywhere and roll over before a packet
   * arrives: so a low number is also tried with one rollover. Who joins later than that cannot know the count, and reads nothing.
   */
  const openFirst = (packet: Buffer, headBytes: number, ssrc: number): Buffer | null => {
    if (windows.size >= MAX_SOURCES) return null;
    const sequenceNumber = packet.readUInt16BE(2);
    const tried = sequenceNumber < ROLLOVER / 2 ? [sequenceNumber, sequenceNumber + ROLLOVER] : [sequenceNumber];
    for (const index of tried) {
      const plain = rtp.unprotect(packet, headBytes, ssrc, index);
      if (plain === null) continue;
      const window = createReplayWindow(RTP_WINDOW);
      window.take(index);
      windows.set(ssrc, window);
      return plain;
    }
    return null;
  };

  return (packet) => {
    const headBytes = rtpHeadBytes(packet, rtp.addedBytes);
    if (headBytes === null) return null;
    const ssrc = packet.readUInt32BE(8);
    const window = windows.get(ssrc);
    if (window === undefined) return openFirst(packet, headBytes, ssrc);
    const index = rtpIndex(window.highest(), packet.readUInt16BE(2));
    if (index === null || !window.isNew(index)) return null;
    const plain = rtp.unprotect(packet, headBytes, ssrc, index);
    if (plain !== null) window.take(index);
    return plain;
  };
}

function createRtcpReceiver(rtcp: PacketTransform): MediaProtection['unprotectRtcp'] {
  const windows = new Map<number, ReplayWindow>();
  return (packet) => {
    if (!isRtcp(packet, rtcp.addedBytes)) return null;
    const word = packet.readUInt32BE(packet.length - rtcp.wordFromEnd);
    // Without the flag a packet is authenticated only, and RFC 3711 section 3.4 lets it pass. No peer of ours sends such, and nothing unencrypted is taken.
    if (word < ENCRYPTED_FLAG) return null;
    const index = word - ENCRYPTED_FLAG;
    const ssrc = packet.readUInt32BE(4);
    const window = windows.get(ssrc);
    if (window === undefined ? windows.size >= MAX_SOURCES : !window.isNew(index)) return null;
    const plain = rtcp.unprotect(packet, RTCP_HEAD_BYTES, ssrc, index);
    if (plain === null) return null;
    const taken = window ?? createReplayWindow(RTCP_WINDOW);
    taken.take(index);
    windows.set(ssrc, taken);
    return plain;
  };
}
