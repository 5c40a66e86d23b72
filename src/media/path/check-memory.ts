// Remembers the connectivity checks that were answered, so that one that somebody recorded is of no use from another address,
// and how often those of ours were sent before their answer came.
// Invariant: bounded, whatever is sent.

export type CheckMemory = {
  /**
   * @param id the transaction, as text
   * @param from where the check came from
   * @param expected whether the other side has named this address in its signaling
   * @returns whether it is to be answered
   */
  admit(id: string, from: string, expected: boolean): boolean;
};

const MAX_REMEMBERED = 256;
/** A request is sent again until its answer comes, at most 7 times (RFC 8489 section 6.2.1). */
const MAX_REPEATS = 16;

export function createCheckMemory(): CheckMemory {
  const remembered = new Map<string, { from: string; times: number }>();
  return {
    admit(id, from, expected) {
      const known = remembered.get(id);
      if (known === undefined) {
        const [oldest] = remembered.keys();
        if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
        remembered.set(id, { from, times: 1 });
        return true;
      }
      // Whoever is quicker than the other side with a copy of its check must not shut it out.
      if (known.from !== from && !expected) return false;
      known.from = from;
      known.times += 1;
      return known.times <= MAX_REPEATS;
    }
  };
}

export type RepeatMemory = {
  /** @param times how often the check that was answered from there had been sent again */
  note(from: string, times: number): void;
  /** Of the last one from there; 0 where none is known any more. */
  of(from: string): number;
};

/** The other side may answer from as many addresses as it likes; of interest is the one of the chosen pair, which answers again and again. */
const MAX_ANSWERING = 64;

export function createRepeatMemory(): RepeatMemory {
  const answered = new Map<string, number>();
  return {
    note(from, times) {
      answered.delete(from);
      const [oldest] = answered.keys();
      if (answered.size >= MAX_ANSWERING && oldest !== undefined) answered.delete(oldest);
      answered.set(from, times);
    },
    of: (from) => answered.get(from) ?? 0
  };
}

const MESSAGE_INTEGRITY = 0x0008;
const FINGERPRINT = 0x8028;

/** What stands behind the integrity is not covered by it, and nothing but the fingerprint may (RFC 8489 section 14.5). */
export function endsWithIntegrity(stun: Buffer): boolean {
  for (let offset = 20; offset + 4 <= stun.length; ) {
    const end = offset + 4 + Math.ceil(stun.readUInt16BE(offset + 2) / 4) * 4;
    if (end > stun.length) return false;
    if (stun.readUInt16BE(offset) === MESSAGE_INTEGRITY) {
      const behind = stun.subarray(end);
      return behind.length === 0 || (behind.length === 8 && behind.readUInt16BE(0) === FINGERPRINT);
    }
    offset = end;
  }
  return false;
}
