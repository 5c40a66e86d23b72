// Presence of others waits here for its proof, so that 5,000 retained documents do not keep an invite waiting: proving takes a millisecond each.
// Invariants: one at a time, in the order in which they came; bounded in endpoints and bytes; of one endpoint the latest two wait (a document and
// the last will after it), older ones are no longer so. What is not kept is as if the broker had withheld it.

const MAX_ENDPOINTS = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;
const PER_ENDPOINT = 2;

export type PresenceIntake = {
  /** False where there is no room for it. */
  add(endpoint: string, payload: Buffer): boolean;
  /** Forgets what waits. */
  clear(): void;
};

/** @param prove never rejects; what comes meanwhile waits */
export function createPresenceIntake(prove: (endpoint: string, payload: Buffer) => Promise<void>): PresenceIntake {
  const waiting = new Map<string, Buffer[]>();
  let bytes = 0;
  let working = false;

  async function work(): Promise<void> {
    working = true;
    for (let first = waiting.entries().next(); !first.done; first = waiting.entries().next()) {
      const [endpoint, payloads] = first.value;
      waiting.delete(endpoint);
      for (const payload of payloads) bytes -= payload.length;
      for (const payload of payloads) await prove(endpoint, payload);
    }
    working = false;
  }

  return {
    add(endpoint, payload) {
      const before = waiting.get(endpoint) ?? [];
      const kept = before.slice(before.length < PER_ENDPOINT ? 0 : 1);
      const freed = before.length === kept.length ? 0 : (before[0]?.length ?? 0);
      if (bytes - freed + payload.length > MAX_BYTES || (before.length === 0 && waiting.size >= MAX_ENDPOINTS)) return false;
      bytes += payload.length - freed;
      // A copy: the library's buffer may be a part of a larger one.
      waiting.set(endpoint, [...kept, Buffer.from(payload)]);
      if (!working) void work();
      return true;
    },
    clear() {
      waiting.clear();
      bytes = 0;
    }
  };
}
