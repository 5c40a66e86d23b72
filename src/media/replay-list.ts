// Which packets of a secured stream were taken already (RFC 3711 section 3.3.2), for each source. Pure but for what it remembers.
// Invariants: nothing of a packet is remembered before it was authenticated, so that a forged or repeated one cannot shift the index of the next;
// a packet is taken once; there are only so many sources, however many the other side invents.

const SEQUENCE_NUMBERS = 0x10000;

export type ReplayList = {
  /** The highest index taken; null where there was none. */
  highest(ssrc: number): number | null;
  /** False for an index that was taken, is too old to tell, or is of one source too many. */
  isNew(ssrc: number, index: number): boolean;
  /** @param index of a packet that is new and was authenticated */
  take(ssrc: number, index: number): void;
};

/** @param windowPackets how far behind the highest index a packet may come and still be told from a repeated one */
export function createReplayList(windowPackets: number, maxSources: number): ReplayList {
  const sources = new Map<number, { highest: number; readonly window: Float64Array }>();
  return {
    highest: (ssrc) => sources.get(ssrc)?.highest ?? null,
    isNew(ssrc, index) {
      const source = sources.get(ssrc);
      if (index < 0) return false;
      if (source === undefined) return sources.size < maxSources;
      return index > source.highest - windowPackets && source.window[index % windowPackets] !== index;
    },
    take(ssrc, index) {
      const source = sources.get(ssrc) ?? { highest: index, window: new Float64Array(windowPackets).fill(-1) };
      source.window[index % windowPackets] = index;
      source.highest = Math.max(source.highest, index);
      sources.set(ssrc, source);
    }
  };
}

/** The index of an SRTP packet, rollovers times 2^16 plus its number: the one nearest to the highest taken so far (RFC 3711 section 3.3.1). */
export function packetIndex(highest: number | null, sequenceNumber: number): number {
  if (highest === null) return sequenceNumber;
  const ahead = (sequenceNumber - highest) & (SEQUENCE_NUMBERS - 1);
  return highest + (ahead < SEQUENCE_NUMBERS / 2 ? ahead : ahead - SEQUENCE_NUMBERS);
}

/** How often the sequence number had rolled over at this index. */
export const rollovers = (index: number): number => Math.floor(index / SEQUENCE_NUMBERS);
