// Keys that somebody presses in a call, one after the other as telephone events (RFC 4733) in the place of sound: 100 ms each, with a pause between.
// Invariants: while an event is under way no sound leaves; after stop() nothing of a key leaves. Digits may be secret: they are in no log and no error.
import type { Clock, Timer } from '../../kernel/clock.ts';
import { KEY_MS, writeKey } from '../rtp/telephone-event.ts';
import type { RtpPayload } from '../streams.ts';

export type KeySenderOptions = {
  readonly clock: Clock;
  /** Of the payload type; null where the other side takes no events. */
  rate(): number | null;
  /** Of the sound's stream, now. */
  timestamp(): number;
  send(packet: RtpPayload): void;
  /** Sound is held back from now on, or may leave again. */
  interrupt(on: boolean): void;
  /** A key begins. */
  onKey(key: string): void;
};

export type KeySender = {
  /** @returns false where more wait than anybody presses: none of them is taken */
  press(keys: string): boolean;
  stop(): void;
};

const MOST_WAITING = 64;

export function createKeySender(options: KeySenderOptions): KeySender {
  const { clock } = options;
  const timers = new Set<Timer>();
  let waiting = '';
  let busy = false;

  function later(delayMs: number, run: () => void): void {
    const timer = clock.schedule(delayMs, () => {
      timers.delete(timer);
      run();
    });
    timers.add(timer);
  }

  function next(): void {
    const [key] = waiting;
    const rate = options.rate();
    if (key === undefined || rate === null) {
      waiting = '';
      busy = false;
      options.interrupt(false);
      return;
    }
    waiting = waiting.slice(1);
    const timestamp = options.timestamp();
    options.onKey(key);
    for (const { atMs, marker, payload } of writeKey(key, rate)) {
      const send = (): void => options.send({ timestamp, marker, payload, event: true });
      if (atMs === 0) send();
      else later(atMs, send);
    }
    later(KEY_MS, next);
  }

  return {
    press(keys) {
      if (waiting.length + keys.length > MOST_WAITING) return false;
      waiting += keys;
      if (busy || waiting === '') return true;
      busy = true;
      options.interrupt(true);
      next();
      return true;
    },
    stop() {
      for (const timer of timers) timer.cancel();
      timers.clear();
      waiting = '';
      if (busy) options.interrupt(false);
      busy = false;
    }
  };
}
