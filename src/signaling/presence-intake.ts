// Presence of others waits here for its proof, so that 5,000 retained documents do not keep an invite waiting: proving takes a millisecond each.
// Invariants: one at a time, what somebody seeks first, then in the order in which they came; bounded in endpoints and bytes; of one endpoint the latest two wait (a document and
// the last will after it), older ones are no longer so. What is not kept is as if the broker had withheld it.

const MAX_ENDPOINTS = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;
const PER_ENDPOINT = 2;

export type PresenceIntake = {
  /** False where there is no room for it. */
  add(endpoint: string, payload: Buffer): boolean;
  /**
   * From now on what `matches` goes before the rest. Nothing is proven of what it looks at: it may say which is of use sooner, and no more.
   * @returns resolves when nothing of that waits any more, or something else is sought
   */
  seek(matches: (payload: Buffer) => boolean): Promise<void>;
};

/** @param prove never rejects; what comes meanwhile waits */
export function createPresenceIntake(prove: (endpoint: string, payload: Buffer) => Promise<void>): PresenceIntake {
  const waiting = new Map<string, Buffer[]>();
  let bytes = 0;
  let working = false;

  let sought: { readonly matches: (payload: Buffer) => boolean; readonly left: Set<string>; readonly found: () => void } | null = null;

  function next(): string | undefined {
    for (const endpoint of sought?.left ?? []) return endpoint;
    for (const endpoint of waiting.keys()) return endpoint;
    return undefined;
  }

  async function work(): Promise<void> {
    working = true;
    for (let endpoint = next(); endpoint !== undefined; endpoint = next()) {
      const payloads = waiting.get(endpoint) ?? [];
      waiting.delete(endpoint);
      sought?.left.delete(endpoint);
      for (const payload of payloads) bytes -= payload.length;
      for (const payload of payloads) await prove(endpoint, payload);
      if (sought?.left.size === 0) sought.found();
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
      if (sought?.matches(payload)) sought.left.add(endpoint);
      if (!working) void work();
      return true;
    },
    seek(matches) {
      sought?.found();
      return new Promise((resolve) => {
        const left = new Set([...waiting].filter(([, payloads]) => payloads.some(matches)).map(([endpoint]) => endpoint));
        sought = { matches, left, found: resolve };
        if (left.size === 0) resolve();
      });
    }
  };
}
