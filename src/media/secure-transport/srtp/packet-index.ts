// The index of a packet (RFC 3711 section 3.3.1), which both ciphers' nonces are made of: it is never given twice and never starts over. Pure.
import { CloisterError } from '../../../kernel/errors.ts';

const SEQUENCE_NUMBERS = 2 ** 16;
const RTP_INDICES = 2 ** 48;
const RTCP_INDICES = 2 ** 31;

/**
 * The index of an RTP packet, rollovers times 2^16 plus its number: the one nearest to the highest so far, as RFC 3711 appendix A has it.
 * @param highest null for the first packet of a source, which has not rolled over
 * @returns null where no such index exists: before the first or behind the last
 */
export function rtpIndex(highest: number | null, sequenceNumber: number): number | null {
  if (highest === null) return sequenceNumber;
  const ahead = (sequenceNumber - highest) & (SEQUENCE_NUMBERS - 1);
  const index = highest + (ahead < SEQUENCE_NUMBERS / 2 ? ahead : ahead - SEQUENCE_NUMBERS);
  return index >= 0 && index < RTP_INDICES ? index : null;
}

/**
 * The index of a source's next SRTCP packet, from 0 (RFC 3711 section 3.2.1).
 * @throws CloisterError CL_INTERNAL when they are used up (section 9.2)
 */
export function nextRtcpIndex(last: number | null): number {
  const index = last === null ? 0 : last + 1;
  if (index >= RTCP_INDICES) throw new CloisterError('CL_INTERNAL', 'the SRTCP indices of this key are used up');
  return index;
}
