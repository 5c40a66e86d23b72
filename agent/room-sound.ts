// Who plays what is to be heard besides the call: a display whose page can, else the room's loudspeaker by a process of its own.
// Invariants: one of them and never both; what is not wanted any more is silent at once; that nobody can play it is told as long as it is so.
import type { Clock, Timer } from '../src/kernel/clock.ts';
import { createEvents, type EventSource } from '../src/kernel/events.ts';
import type { Log } from '../src/kernel/log.ts';
import type { SourceChoice } from '../src/media/port.ts';
import type { WantedSound } from '../src/room/sound-choice.ts';
import type { RoomState } from '../src/room/state.ts';
import type { DisplayPages } from '../src/ui-server/port.ts';
import type { StartTone, TonePlayer } from './tone-process.ts';

export type RoomSoundOptions = {
  /** As of the configuration: who plays the other side plays this, too. */
  readonly choice: SourceChoice;
  /** The loudspeaker's path; null where there is none. */
  readonly speaker: () => string | null;
  readonly startTone: StartTone;
  readonly clock: Clock;
  readonly log: Log;
};

export type RoomSound = EventSource<{ changed: readonly [] }> &
  AsyncDisposable & {
    want(sound: WantedSound | null): void;
    setDisplays(pages: DisplayPages): void;
    displays(): number;
    view(): RoomState['sound'];
    /** Since when it should ring and nobody can play it; null where that is not so. */
    missingSinceMs(): number | null;
  };

type Running = { readonly path: string; readonly sound: WantedSound; readonly player: TonePlayer };

const same = (a: WantedSound | null, b: WantedSound | null): boolean => a?.name === b?.name && a?.percent === b?.percent && a?.untilMs === b?.untilMs;

export function createRoomSound({ choice, speaker, startTone, clock, log }: RoomSoundOptions): RoomSound {
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener of the sound failed', { error: String(error) }));
  let pages: DisplayPages = { open: 0, sounding: 0 };
  let wanted: WantedSound | null = null;
  let end: Timer | null = null;
  /** Until when the last one was that ended by itself: a clock that is behind the timer does not begin it anew. */
  let overMs: number | null = null;
  let running: Running | null = null;
  /** The loudspeaker that could not play it: another one may, and this one the next sound. */
  let failedPath: string | null = null;
  let missingSinceMs: number | null = null;
  let told = '';
  let closed = false;

  const speakerNow = (): string | null => {
    if (choice === 'none' || choice === 'display') return null;
    const path = speaker();
    return path === failedPath ? null : path;
  };

  function playerNow(): RoomState['sound']['by'] {
    if (pages.sounding > 0 && (choice === 'auto' || choice === 'display')) return 'display';
    return speakerNow() === null ? null : 'speaker';
  }

  const view = (): RoomState['sound'] => ({ playing: wanted?.name ?? null, by: playerNow() });

  function stop(): void {
    running?.player.stop();
    running = null;
  }

  function settle(): void {
    const path = wanted !== null && playerNow() === 'speaker' ? speakerNow() : null;
    if (running !== null && (path !== running.path || !same(running.sound, wanted))) stop();
    if (path !== null && running === null && wanted !== null && !closed) start(path, wanted);
    // A room that was told to play nothing misses nothing; a call that nobody hears is missed; a tone after it, or a ringer that is tried, is not.
    const missing = wanted?.name === 'ringing' && wanted.untilMs === null && choice !== 'none' && playerNow() === null;
    missingSinceMs = missing ? (missingSinceMs ?? clock.now()) : null;
    const now = JSON.stringify([view(), pages.open, missing]);
    if (now === told) return;
    told = now;
    events.emit('changed');
  }

  function start(path: string, sound: WantedSound): void {
    running = {
      path,
      sound,
      player: startTone(path, sound.name, sound.percent, (why) => {
        if (running?.sound !== sound) return;
        log.warn('the loudspeaker cannot play a tone', { sound: sound.name, why });
        running = null;
        failedPath = path;
        settle();
      })
    };
  }

  return {
    on: events.on,
    want(asked) {
      const sound = asked !== null && asked.untilMs !== null && asked.untilMs === overMs ? null : asked;
      if (same(sound, wanted)) {
        settle(); // a loudspeaker may have come or gone
        return;
      }
      if (sound?.name !== wanted?.name) failedPath = null;
      wanted = sound;
      end?.cancel();
      end = null;
      if (sound !== null && sound.untilMs !== null) {
        end = clock.schedule(Math.max(0, sound.untilMs - clock.now()), () => {
          wanted = null;
          failedPath = null;
          overMs = sound.untilMs;
          settle();
        });
      }
      settle();
    },
    setDisplays(now) {
      pages = now;
      settle();
    },
    displays: () => pages.open,
    view,
    missingSinceMs: () => missingSinceMs,
    async [Symbol.asyncDispose]() {
      closed = true;
      end?.cancel();
      stop();
    }
  };
}
