// The administrators' sessions: in memory alone, so that a restart ends them, and hashed, so that a picture of the memory holds no token that still works.
// Invariants: at most 16, the one that was used longest ago goes; five minutes without a use end one; time is counted by a clock that never jumps.
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';

export const SESSION_IDLE_MS = 5 * 60_000;
const MOST_SESSIONS = 16;
const TOKEN_BYTES = 32;

export type Sessions = {
  /** @returns the token, which is nowhere else */
  begin(): string;
  /** Whether it holds; if it does, it holds for five minutes more. */
  use(token: string): boolean;
  /** How long it holds; null where it does not. It is not kept by asking. */
  remainingMs(token: string): number | null;
  end(token: string): void;
  endAll(): void;
};

/** A token has 256 bits of chance, so that its plain hash cannot be searched, and looking it up by its hash tells nothing of it by time. */
export const hashOfToken = (token: string): string => createHash('sha256').update(token, 'utf8').digest('base64');

export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

export function createSessions(clock: Pick<Clock, 'monotonicMs'>): Sessions {
  /** By hash of the token, in the order of their last use. */
  const usedAtMs = new Map<string, number>();

  const isOver = (at: number): boolean => clock.monotonicMs() - at >= SESSION_IDLE_MS;
  function sweep(): void {
    for (const [hash, at] of usedAtMs) if (isOver(at)) usedAtMs.delete(hash);
  }
  function keep(hash: string): void {
    usedAtMs.delete(hash);
    usedAtMs.set(hash, clock.monotonicMs());
  }

  return {
    begin() {
      sweep();
      const [oldest] = usedAtMs.keys();
      if (usedAtMs.size >= MOST_SESSIONS && oldest !== undefined) usedAtMs.delete(oldest);
      const token = newToken();
      keep(hashOfToken(token));
      return token;
    },
    use(token) {
      sweep();
      const hash = hashOfToken(token);
      if (!usedAtMs.has(hash)) return false;
      keep(hash);
      return true;
    },
    remainingMs(token) {
      const at = usedAtMs.get(hashOfToken(token));
      return at === undefined || isOver(at) ? null : SESSION_IDLE_MS - (clock.monotonicMs() - at);
    },
    end(token) {
      usedAtMs.delete(hashOfToken(token));
    },
    endAll() {
      usedAtMs.clear();
    }
  };
}
