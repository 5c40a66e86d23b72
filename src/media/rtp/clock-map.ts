// RTP timestamps of one stream as times: unwrapped, and on the sender's clock once an RTCP sender report told it (RFC 3550 section 6.4.1).
import type { SenderClock } from '../streams.ts';

export type MappedTime = {
  /**
   * Microseconds, a safe integer; consecutive frames differ by their true distance, also across a wrap of the RTP timestamp. Only who jumps half a wrap with
   * each packet gets beyond what is safe, and from there begins anew.
   */
  readonly timestampUs: number;
  /** Milliseconds of the sender's clock; null until it is known. */
  readonly captureMs: number | null;
};

export type ClockMap = {
  onSenderClock(clock: SenderClock): void;
  /** @param timestamp RTP timestamp, unsigned 32 bits; within half a wrap of the one before */
  map(timestamp: number): MappedTime;
};

/** @param clockRate Hz of the RTP timestamps */
export function createClockMap(clockRate: number): ClockMap {
  let last: number | null = null; // unwrapped
  let report: SenderClock | null = null;
  // Whole, since WebCodecs' timestamps are.
  const microseconds = (ticks: number): number => Math.round((ticks / clockRate) * 1_000_000);
  return {
    onSenderClock(clock) {
      if (Number.isFinite(clock.captureMs)) report = clock;
    },
    map(timestamp) {
      // `| 0` is the signed distance modulo 2^32.
      last = last === null ? timestamp : last + ((timestamp - last) | 0);
      // A larger one is refused by the display's decoder (Web IDL, [EnforceRange]).
      if (!Number.isSafeInteger(microseconds(last))) last = timestamp;
      const captureMs = report === null ? null : report.captureMs + (((timestamp - report.rtpTimestamp) | 0) / clockRate) * 1000;
      return { timestampUs: microseconds(last), captureMs };
    }
  };
}
