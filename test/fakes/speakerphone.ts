// The firmware of a speakerphone, in memory: what it does when keys are pressed and lamps are written, as far as devices.md "HID telephony" tells it
// of real ones.
import type { Clock, Timer } from '../../src/kernel/clock.ts';

export type Key = 'hook' | 'mute' | 'flash' | 'redial' | 'drop' | 'reject' | 'volume-up' | 'volume-down' | 'speaker-mute' | 'microphone-mute' | 'camera-off';
export type Lamp = 'offHook' | 'mute' | 'ring' | 'hold' | 'onLine' | 'line' | 'speaker' | 'microphone';

export type Traits = {
  readonly hook: 'switch' | 'one-shot';
  readonly mute: 'switch' | 'one-shot';
  /** Its hook goes with the Off-hook lamp: and says so, or without a word; or it goes with its own key alone. */
  readonly follows: 'telling' | 'quietly' | 'not';
  /** Between a key and the host, and between the host and a lamp. */
  readonly latencyMs: number;
};
export const ORDINARY: Traits = { hook: 'switch', mute: 'one-shot', follows: 'telling', latencyMs: 5 };

/** How long a press waits for the Off-hook lamp before the firmware takes it back. */
const TAKE_BACK_MS = 2000;
const KEY_DOWN_MS = 20;
const REFUSAL_MS = 100;

export type Firmware = {
  press(key: Key): void;
  /** Down and still down: what is sent while a key is held is the caller's business. */
  hold(key: Key): void;
  release(key: Key): void;
  /** Swings the microphone's arm up: it mutes, and no unmute is taken. */
  boom(up: boolean): void;
  /** From the host. */
  light(lamps: Partial<Record<Lamp, boolean>>): void;
  readonly lamps: Readonly<Record<Lamp, boolean>>;
  readonly hook: boolean;
  readonly muted: boolean;
  /** Takes its timers with it. */
  unplug(): void;
};

/** @param send what the keys are now: the state of the switches, and which others are down; `changed` is why. */
export function createFirmware(traits: Traits, clock: Clock, send: (keys: Readonly<Record<Key, boolean>>, changed: Key) => void): Firmware {
  let hook = false;
  let muted = false;
  let boomUp = false;
  let takeBack: Timer | null = null;
  let gone = false;
  const down = new Set<Key>();
  const lamps: Record<Lamp, boolean> = { offHook: false, mute: false, ring: false, hold: false, onLine: false, line: false, speaker: false, microphone: false };

  const tell = (changed: Key): void => {
    const keys: Record<Key, boolean> = {
      hook: traits.hook === 'switch' ? hook : down.has('hook'),
      mute: traits.mute === 'switch' ? muted : down.has('mute'),
      flash: down.has('flash'),
      redial: down.has('redial'),
      drop: down.has('drop'),
      reject: down.has('reject'),
      'volume-up': down.has('volume-up'),
      'volume-down': down.has('volume-down'),
      'speaker-mute': down.has('speaker-mute'),
      'microphone-mute': down.has('microphone-mute'),
      'camera-off': down.has('camera-off')
    };
    clock.schedule(traits.latencyMs, () => {
      if (!gone) send(keys, changed);
    });
  };
  const tap = (key: Key): void => {
    down.add(key);
    tell(key);
    clock.schedule(KEY_DOWN_MS, () => {
      down.delete(key);
      tell(key);
    });
  };
  const muteKey = (): void => {
    if (traits.mute === 'switch') {
      muted = !muted;
      tell('mute');
    } else tap('mute');
  };

  function light(next: Partial<Record<Lamp, boolean>>): void {
    const before = { ...lamps };
    Object.assign(lamps, next);
    if (before.offHook !== lamps.offHook && hook !== lamps.offHook && traits.hook === 'switch' && traits.follows !== 'not') {
      hook = lamps.offHook;
      if (traits.follows === 'telling') tell('hook');
    }
    if (!lamps.offHook) {
      muted = false;
      return;
    }
    if (before.mute !== lamps.mute && muted !== lamps.mute) {
      muted = lamps.mute;
      if (traits.mute === 'switch' && traits.follows === 'telling') tell('mute');
    }
    if (boomUp && !lamps.mute && (before.mute || !before.offHook)) clock.schedule(REFUSAL_MS, () => !gone && lamps.offHook && !lamps.mute && muteKey());
  }

  return {
    press(key) {
      if (key === 'mute') {
        // Mute works only while off-hook, and against a raised arm there is no unmuting.
        if (lamps.offHook && !(boomUp && lamps.mute)) muteKey();
      } else if (key === 'hook' && traits.hook === 'switch') {
        hook = !hook;
        tell('hook');
        takeBack?.cancel();
        takeBack = clock.schedule(TAKE_BACK_MS, () => {
          if (gone || hook === lamps.offHook || traits.follows === 'not') return;
          hook = lamps.offHook;
          tell('hook');
        });
      } else tap(key);
    },
    hold(key) {
      down.add(key);
      tell(key);
    },
    release(key) {
      down.delete(key);
      tell(key);
    },
    boom(up) {
      boomUp = up;
      if (up && lamps.offHook && !lamps.mute) muteKey();
    },
    light: (next) =>
      void clock.schedule(traits.latencyMs, () => {
        if (!gone) light(next);
      }),
    lamps,
    get hook() {
      return hook;
    },
    get muted() {
      return muted;
    },
    unplug() {
      gone = true;
      takeBack?.cancel();
    }
  };
}
