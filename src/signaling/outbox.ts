// What is to be published and not yet confirmed. Pure but for the promises it settles: order is kept, each message has its own expiry,
// what a lost connection left unconfirmed is sent again before anything newer (at least once; receivers drop what they have seen).
import { CloisterError } from '../kernel/errors.ts';

export type OutgoingMessage = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
};

type Entry = { readonly message: OutgoingMessage; readonly resolve: () => void; readonly reject: (error: CloisterError) => void; inFlight: boolean };

export type Outbox = {
  /** Resolves when confirmed; rejects with CL_BROKER_UNREACHABLE when it expired, was pushed out or the outbox closed. */
  add(message: OutgoingMessage): Promise<void>;
  /** Hands over everything that is not in flight, oldest first, and drops what has expired. */
  flush(nowMs: number, publish: (message: OutgoingMessage, confirmed: () => void) => void): void;
  /** The connection is gone: what was in flight waits again, in its old place. */
  connectionLost(): void;
  /** Drops what has expired; @returns when the next one expires, infinity where nothing waits. */
  expire(nowMs: number): number;
  close(): void;
};

const unreachable = (why: string): CloisterError => new CloisterError('CL_BROKER_UNREACHABLE', `a signaling message was not sent: ${why}`);

/** @param capacity how many messages wait at most; one more is refused at once */
export function createOutbox(capacity = 1_024): Outbox {
  const entries = new Set<Entry>();
  let closed = false;

  function expire(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      if (entry.inFlight) continue;
      if (entry.message.expiresAtMs > nowMs) {
        next = Math.min(next, entry.message.expiresAtMs);
        continue;
      }
      entries.delete(entry);
      entry.reject(unreachable('the broker could not be reached before it expired'));
    }
    return next;
  }

  return {
    add(message) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(unreachable('signaling has ended'));
        if (entries.size >= capacity) return reject(unreachable('too many wait for the broker'));
        entries.add({ message, resolve, reject, inFlight: false });
      });
    },
    flush(nowMs, publish) {
      expire(nowMs);
      for (const entry of entries) {
        if (entry.inFlight) continue;
        entry.inFlight = true;
        publish(entry.message, () => {
          if (entries.delete(entry)) entry.resolve();
        });
      }
    },
    connectionLost() {
      for (const entry of entries) entry.inFlight = false;
    },
    expire,
    close() {
      closed = true;
      for (const entry of entries) entry.reject(unreachable('signaling has ended'));
      entries.clear();
    }
  };
}
