// Short probes: a burst of padding at more than the rate that is sent, to learn whether the path carries more. When one is due, what it found, and how long
// to wait for the next. Pure but for what it remembers; times are handed in.
// Invariants: one at a time; what a probe found is no more than was sent in it; after one that failed the next comes later, up to a limit.

export type Probe = { readonly kbps: number; readonly bytes: number };

/** A packet that left, by its unwrapped number. `arrivedMs` is set by its owner when the other side tells, on the other side's clock. */
export type ProbePacket = { readonly number: number; readonly bytes: number; readonly atMs: number; readonly arrivedMs: number | null };

export type ProbeTerms = {
  readonly targetKbps: number;
  readonly maxKbps: number;
  readonly startKbps: number;
  /** Nothing on the path speaks against sending more. */
  readonly calm: boolean;
};

export type Probes = {
  /** Each packet in the order of leaving, padding or not. */
  sent(packet: ProbePacket): void;
  /** After each report of arrivals. @param reported the highest number that one covered @returns the rate that a probe found which has ended with it, else null */
  heard(nowMs: number, targetKbps: number, reported: number | null): number | null;
  /** Whatever was heard. @returns the rate that a probe found of which nothing more will be heard, else null */
  overdue(nowMs: number, targetKbps: number): number | null;
  /** One to begin now; null for none. */
  due(nowMs: number, terms: ProbeTerms): Probe | null;
  /** What grows on the path now may be a probe's doing, which is over soon. */
  disturbs(nowMs: number): boolean;
  /** The path is full: what runs says nothing any more, and the next one waits. @param anew it may have become another path: it is sounded out soon */
  stop(nowMs: number, anew: boolean): void;
};

type RunningProbe = Probe & { readonly startedMs: number; readonly packets: ProbePacket[]; leftBytes: number };

const PROBE_MS = 20;
const LEAST_BYTES = 6000;
const LEAST_PACKETS = 4;
const TIMEOUT_MS = 1000;
const INTERVAL_MS = 2500;
const LONGEST_INTERVAL_MS = 8000;
const FACTOR = 2;
const FIRST_FACTOR = 3;
/** A rate at the receiver of this share of the sender's: the path carried the probe. */
const PASSED = 0.85;
/** Of what came through where it did not: it stood in a queue. */
const FOUND_OF_QUEUED = 0.9;
/** A little more than before is what waiting would have brought, too: only a clear success is followed at once. */
const CLEAR_SUCCESS = 1.3;
/** What a probe left standing in a queue is gone after so long, and the trend that it made. */
const DRAIN_MS = 500;
/** What nothing was sent over for so long may have become another path: what is known of it no longer speaks against a probe. */
const UNUSED_MS = 2000;

export function createProbes(): Probes {
  let running: RunningProbe | null = null;
  let nextAtMs = Number.NEGATIVE_INFINITY;
  let endedAtMs = Number.NEGATIVE_INFINITY;
  let leftAtMs = Number.NEGATIVE_INFINITY; // the last packet
  let intervalMs = INTERVAL_MS;
  let factor: number | null = FIRST_FACTOR; // null for the periodic ones

  function finish(done: RunningProbe, nowMs: number, targetKbps: number): number | null {
    running = null;
    factor = null;
    endedAtMs = nowMs;
    const there = done.packets.filter((packet) => packet.arrivedMs !== null);
    const [first, last] = [there[0], there.at(-1)];
    if (first === undefined || last === undefined || there.length < LEAST_PACKETS) {
      nextAtMs = nowMs + intervalMs;
      return null;
    }
    const bits = 8 * there.slice(1).reduce((sum, packet) => sum + packet.bytes, 0);
    const sentKbps = bits / Math.max(1, last.atMs - first.atMs);
    const arrivedKbps = bits / Math.max(1, (last.arrivedMs ?? 0) - (first.arrivedMs ?? 0));
    const passed = arrivedKbps >= PASSED * sentKbps;
    const found = Math.min(done.kbps, sentKbps, arrivedKbps) * (passed ? 1 : FOUND_OF_QUEUED);
    if (passed && found > targetKbps * CLEAR_SUCCESS) factor = FACTOR;
    intervalMs = passed ? INTERVAL_MS : Math.min(LONGEST_INTERVAL_MS, intervalMs * 2);
    nextAtMs = factor === null ? nowMs + intervalMs : nowMs;
    return found;
  }

  return {
    sent(packet) {
      leftAtMs = packet.atMs;
      if (running === null || running.leftBytes <= 0) return;
      running.packets.push(packet);
      running.leftBytes -= packet.bytes;
    },
    heard(nowMs, targetKbps, reported) {
      if (running === null) return null;
      // Its last packet was told of: that one, or what was said about it, may be lost.
      const complete = running.leftBytes <= 0 && reported !== null && reported >= (running.packets.at(-1)?.number ?? 0);
      return complete || nowMs - running.startedMs > TIMEOUT_MS ? finish(running, nowMs, targetKbps) : null;
    },
    overdue(nowMs, targetKbps) {
      // What was said about it is all that there will be: its end was lost, or dropped with everything else.
      const over = running !== null && nowMs - Math.max(running.startedMs, leftAtMs) > TIMEOUT_MS;
      return running !== null && over ? finish(running, nowMs, targetKbps) : null;
    },
    due(nowMs, { targetKbps, maxKbps, startKbps, calm }) {
      if (running !== null || nowMs < nextAtMs) return null;
      // Where sound is muted and pictures pause for want of room nothing is sent, and so nothing would ever be learned again.
      const unused = nowMs - leftAtMs > UNUSED_MS && targetKbps < startKbps;
      if (!calm && !unused) return null;
      const kbps = Math.min(maxKbps, targetKbps * (factor ?? FACTOR));
      const bytes = Math.max(LEAST_BYTES, Math.round((kbps * PROBE_MS) / 8));
      running = { kbps, bytes, startedMs: nowMs, packets: [], leftBytes: bytes };
      return { kbps, bytes };
    },
    disturbs: (nowMs) => running !== null || nowMs - endedAtMs < DRAIN_MS,
    stop(nowMs, anew) {
      if (anew) intervalMs = INTERVAL_MS;
      running = null;
      factor = null;
      nextAtMs = nowMs + intervalMs;
    }
  };
}
