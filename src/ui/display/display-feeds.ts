// The feeds of all calls that the display shows, one for each canvas, and the one audio output on which all of them and the tones are heard. One feed
// that breaks, is slow or begins anew does not touch the other.
import type { Picture as PictureName } from '../../media/display-feed/protocol.ts';
import type { SoundName } from '../../room/state.ts';
import { CallFeed, type DisplayStatistics, type Followed, PICTURE_STALE_MS, type Shown } from './feed.ts';
import { noSlots, type Slots, slotsOf } from './slots.ts';
import { SoundOutput } from './sound.ts';
import { TonePlayer } from './tones.ts';

const REPORT_PERIOD_MS = 1000;

/** By canvas: whose picture it has, and whether it shows it. */
export type SlotView = Shown & { readonly call: string | null };

/** What the page asks of them. */
export type DisplayPictures = {
  /** The calls to show, the one in front first. The same again changes nothing. */
  follow(calls: readonly Followed[]): void;
  /** @param percent 0 to 100 */
  setVolume(percent: number): void;
  /** What rings or beeps besides the call; null: nothing. @param percent 0 to 100 */
  playTone(name: SoundName | null, percent: number): void;
  readonly subscribe: (listener: () => void) => () => void;
  /** The same object until something changes. */
  readonly view: () => readonly SlotView[];
};

type FeedsOptions = {
  readonly ticket: (call: string) => Promise<string | null>;
  readonly canvas: (of: PictureName, slot: number) => HTMLCanvasElement | null;
  /** The page may play sound, from now on. */
  readonly onSoundAllowed: () => void;
};

/** Made once, for the page's whole life. */
export class DisplayFeeds implements DisplayPictures {
  readonly #output: SoundOutput;
  readonly #tones: TonePlayer;
  readonly #feeds: readonly CallFeed[];
  readonly #listeners = new Set<() => void>();
  #slots: Slots = noSlots;
  #front = 0;
  #view: readonly SlotView[];

  constructor({ ticket, canvas, onSoundAllowed }: FeedsOptions) {
    this.#output = new SoundOutput(onSoundAllowed);
    this.#tones = new TonePlayer(this.#output);
    this.#output.resume(); // to learn whether it may
    this.#feeds = noSlots.map(
      (_, slot) =>
        new CallFeed({
          output: this.#output,
          ticket,
          canvas: (of) => canvas(of, slot),
          onKey: (key) => this.#tones.key(key),
          onChange: () => this.#changed()
        })
    );
    this.#view = this.#viewNow();
    window.setInterval(() => this.#each((feed) => feed.report()), REPORT_PERIOD_MS);
    window.setInterval(() => this.#each((feed) => feed.watch()), PICTURE_STALE_MS / 5);
  }

  follow(calls: readonly Followed[]): void {
    this.#slots = slotsOf(
      this.#slots,
      calls.map(({ call }) => call)
    );
    const [front] = calls;
    if (front !== undefined) this.#front = Math.max(0, this.#slots.indexOf(front.call));
    for (const [slot, feed] of this.#feeds.entries()) feed.follow(calls.find(({ call }) => call === this.#slots[slot]) ?? null);
    this.#changed();
  }

  setVolume(percent: number): void {
    this.#output.setVolume(percent);
  }

  playTone(name: SoundName | null, percent: number): void {
    this.#tones.play(name, percent);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): readonly SlotView[] => this.#view;

  /** Of the call in front. */
  statistics(): DisplayStatistics {
    const feed = this.#feeds[this.#front];
    if (feed === undefined) throw new Error('the display has no feed');
    return feed.statistics();
  }

  statisticsOfAll(): readonly DisplayStatistics[] {
    return this.#feeds.map((feed) => feed.statistics());
  }

  #each(act: (feed: CallFeed) => void): void {
    for (const feed of this.#feeds) act(feed);
  }

  #viewNow(): readonly SlotView[] {
    return this.#feeds.map((feed, slot) => ({ call: this.#slots[slot] ?? null, ...feed.shown }));
  }

  #changed(): void {
    const next = this.#viewNow();
    const same = next.every((slot, index) => {
      const before = this.#view[index];
      return slot.call === before?.call && slot.live === before.live && slot.screenSince === before.screenSince;
    });
    if (same) return;
    this.#view = next;
    for (const listener of [...this.#listeners]) listener();
  }
}
