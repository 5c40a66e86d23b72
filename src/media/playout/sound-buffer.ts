// When received sound is played, by the display and by the room's own loudspeaker: pure, no clock in here, so that traces can be run through it.
// Sound waits as long as its jitter needs and no longer. It also runs in the display's page, so: no Node in here.

/** The quickest way through the network of the last 5 to 10 s: two buckets, so that clock drift moves it. */
const QUICKEST_WINDOW_MS = 5000;
/** How fast a peak of lateness is forgotten that does not come again. */
const PEAK_MEMORY_MS = 2500;
/** One that does is remembered as long as it comes again within so many seconds. */
const REMEMBERED_SECONDS = 8;

/** How late media arrives, compared with the quickest of late. Arrival and media time may have any zero; both in milliseconds. */
export class Lateness {
  #bucketEnds = Number.NEGATIVE_INFINITY;
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #peakMs = 0;
  #jitterMs = 0;
  #lastTransit: number | null = null;
  #lastAt = 0;
  #second = Number.NEGATIVE_INFINITY;
  #worstOfSeconds: number[] = []; // the latest last

  observe(arrivedMs: number, mediaMs: number): void {
    const transit = arrivedMs - mediaMs;
    if (arrivedMs >= this.#bucketEnds) {
      this.#quickestBefore = this.#bucketEnds === Number.NEGATIVE_INFINITY ? transit : this.#quickest;
      this.#quickest = transit;
      this.#bucketEnds = arrivedMs + QUICKEST_WINDOW_MS;
    }
    this.#quickest = Math.min(this.#quickest, transit);
    const late = transit - this.quickestTransitMs;
    this.#peakMs = Math.max(late, this.#lastTransit === null ? 0 : this.#peakMs * Math.exp((this.#lastAt - arrivedMs) / PEAK_MEMORY_MS));
    const second = Math.floor(arrivedMs / 1000);
    const passed = Math.min(REMEMBERED_SECONDS, second - this.#second);
    this.#second = second;
    this.#worstOfSeconds = [...this.#worstOfSeconds, ...new Array<number>(passed).fill(0)].slice(-REMEMBERED_SECONDS);
    this.#worstOfSeconds.push(Math.max(late, this.#worstOfSeconds.pop() ?? 0));
    // RFC 3550 section 6.4.1, interarrival jitter.
    if (this.#lastTransit !== null) this.#jitterMs += (Math.abs(transit - this.#lastTransit) - this.#jitterMs) / 16;
    this.#lastTransit = transit;
    this.#lastAt = arrivedMs;
  }

  /** Arrival time less media time of the quickest. */
  get quickestTransitMs(): number {
    return Math.min(this.#quickest, this.#quickestBefore);
  }

  /** The worst lateness that is to be expected: of late, or again and again. What stood still once does not make everything wait for long. */
  get peakMs(): number {
    const [, again = 0] = this.#worstOfSeconds.toSorted((a, b) => b - a);
    return Math.max(this.#peakMs, again);
  }

  /** The same network, of which only the last second is remembered. */
  sinceLately(): Lateness {
    const fresh = new Lateness();
    fresh.#quickest = this.quickestTransitMs;
    fresh.#bucketEnds = this.#bucketEnds;
    fresh.#quickestBefore = this.#quickestBefore;
    fresh.#jitterMs = this.#jitterMs;
    fresh.#lastTransit = this.#lastTransit;
    fresh.#lastAt = this.#lastAt;
    fresh.#second = this.#second;
    fresh.#worstOfSeconds = this.#worstOfSeconds.slice(-1);
    fresh.#peakMs = fresh.#worstOfSeconds[0] ?? 0;
    return fresh;
  }

  /** The mean change of lateness from one to the next. */
  get jitterMs(): number {
    return this.#jitterMs;
  }
}

const LEAST_SOUND_DELAY_MS = 40;
const MOST_SOUND_DELAY_MS = 600;
const SOUND_MARGIN_MS = 10;
const DELAY_TOLERANCE_MS = 5;
/** A difference in delay is played away within so long, a little faster or slower: 0.5 % is not heard, 3 % is half a semitone. */
const GLIDE_MS = 3000;
/** A step of the extra delay up to this is glided over, not paused. */
const LARGEST_GLIDE_MS = 20;
const GENTLE_RATE = 0.005;
const BRISK_RATE = 0.03;
/** What comes in the first moments says more about a page and its decoders, which are still being made, than about the network. It is forgotten, and what waited for it skipped. */
const SETTLING_MS = 2000;
/** A difference that is not played away but skipped: something stood still. */
const SKIP_MS = 250;
const CAPACITY_MS = 2000;
/** A jump of the media clock that is no silence but another stream. */
const RESTART_MS = 10_000;

export type SoundReport = {
  readonly playedMs: number;
  /** Silence that was played although sound was due. */
  readonly gapMs: number;
  /** How long the quickest packet waits now. */
  readonly delayMs: number;
  /** Media time that is played now, microseconds; null before the first packet. */
  readonly positionUs: number | null;
};

/**
 * A ring of decoded sound on the media's own timeline. Its clock is the number of frames that were pulled: what the sound card plays.
 * A late packet is not thrown away: the timeline is moved back, which costs one gap and makes room for the next late one.
 */
export class SoundBuffer {
  readonly #sampleRate: number;
  readonly #limits: { readonly mostDelayMs: number; readonly skipMs: number };
  readonly #planes: readonly Float32Array[];
  readonly #capacity: number;
  #lateness = new Lateness();
  #clock = 0; // frames pulled
  #end: number | null = null; // media frame after the last one written
  #cursor = 0; // media frame that is played next
  #rate = 1;
  #extraMs = 0;
  #hold = 0; // frames of silence still to be put in
  #settledAt: number | null = null; // in frames pulled; null once it has
  #played = 0;
  #gap = 0;

  /**
   * @param channels 1 or 2; one channel is played on all outputs
   * @param limits `mostDelayMs`: how long the quickest is held for the latest at the most; `skipMs`: what is farther behind than that is skipped
   */
  constructor(channels: number, sampleRate: number, limits = { mostDelayMs: MOST_SOUND_DELAY_MS, skipMs: SKIP_MS }) {
    this.#sampleRate = sampleRate;
    this.#limits = limits;
    this.#capacity = Math.ceil((CAPACITY_MS * sampleRate) / 1000);
    this.#planes = Array.from({ length: channels }, () => new Float32Array(this.#capacity));
  }

  /** Adds one decoded packet: one plane for each channel, all of one length. Packets that are older than what is there are dropped. */
  push(timestampUs: number, planes: readonly Float32Array[]): void {
    const length = planes[0]?.length ?? 0;
    if (length === 0 || length > this.#capacity) return;
    let start = Math.round((timestampUs * this.#sampleRate) / 1e6);
    if (this.#end === null || Math.abs(start - this.#end) > this.#frames(RESTART_MS)) this.#begin(start);
    const end = this.#end ?? start;
    if (Math.abs(start - end) <= 2) start = end; // microseconds do not divide into frames
    if (start < end) return;
    const settles = this.#settledAt !== null && this.#clock >= this.#settledAt;
    if (settles) {
      this.#settledAt = null;
      this.#lateness = this.#lateness.sinceLately();
    }
    this.#lateness.observe(this.#ms(this.#clock), this.#ms(start));
    this.#fillUnknown(end, start);
    this.#write(start, planes, length);
    this.#end = start + length;
    this.#steer(start, end, settles ? LARGEST_GLIDE_MS : this.#limits.skipMs);
  }

  /** Adds what stands in for a lost packet, right after what is there. It says nothing of the network, and is not waited for. */
  conceal(timestampUs: number, planes: readonly Float32Array[]): void {
    const length = planes[0]?.length ?? 0;
    const start = Math.round((timestampUs * this.#sampleRate) / 1e6);
    if (this.#end === null || Math.abs(start - this.#end) > 2 || length === 0 || length > this.#capacity) return;
    this.#write(this.#end, planes, length);
    this.#end += length;
  }

  /** Fills one block of each output, silence where there is nothing, and moves the clock on. */
  pull(outputs: readonly Float32Array[]): void {
    const length = outputs[0]?.length ?? 0;
    const end = this.#end;
    this.#clock += length;
    const held = end !== null && this.#hold > 0;
    if (held) {
      this.#hold -= length;
      this.#gap += length;
    }
    if (end === null || held) {
      for (const output of outputs) output.fill(0);
      return;
    }
    for (let index = 0; index < length; index += 1, this.#cursor += this.#rate) {
      const at = Math.floor(this.#cursor);
      const fraction = this.#cursor - at;
      const here = at < end && at >= end - this.#capacity;
      let sounded = false;
      for (const [channel, output] of outputs.entries()) {
        const plane = this.#planes[Math.min(channel, this.#planes.length - 1)];
        const sample = here && plane !== undefined ? this.#sample(plane, at, fraction, end) : Number.NaN;
        sounded ||= !Number.isNaN(sample);
        output[index] = Number.isNaN(sample) ? 0 : sample;
      }
      if (sounded) this.#played += 1;
    }
  }

  /**
   * Makes sound wait longer, for a picture that is slower than it. Milliseconds, 0 or more. A large step is one pause at once:
   * sound that comes noticeably early would be worse for as long as slower playing takes.
   */
  setExtraDelay(extraMs: number): void {
    const stepMs = extraMs - this.#extraMs;
    if (stepMs > LARGEST_GLIDE_MS && this.#end !== null) this.#hold = this.#frames(stepMs);
    this.#extraMs = extraMs;
  }

  report(): SoundReport {
    const delayMs = this.#end === null ? 0 : this.#ms(this.#clock - this.#cursor) - this.#lateness.quickestTransitMs;
    return {
      playedMs: this.#ms(this.#played),
      gapMs: this.#ms(this.#gap),
      delayMs,
      positionUs: this.#end === null ? null : (this.#cursor / this.#sampleRate) * 1e6
    };
  }

  #begin(start: number): void {
    this.#lateness = new Lateness();
    this.#end = start;
    this.#rate = 1;
    this.#hold = 0;
    this.#cursor = start - this.#frames(LEAST_SOUND_DELAY_MS + this.#extraMs);
    this.#settledAt = this.#clock + this.#frames(SETTLING_MS);
    for (const plane of this.#planes) plane.fill(Number.NaN);
  }

  /** After a packet that begins at `start`, where sound so far went to `previousEnd`: corrects the delay, in the least audible way that will do. */
  #steer(start: number, previousEnd: number, skipMs: number): void {
    const targetMs = Math.min(this.#limits.mostDelayMs, Math.max(LEAST_SOUND_DELAY_MS, this.#lateness.peakMs + SOUND_MARGIN_MS) + this.#extraMs);
    const wanted = this.#clock - this.#frames(this.#lateness.quickestTransitMs + targetMs);
    if (this.#cursor > start) {
      this.#gap += this.#cursor - start; // its time has passed: silence was played instead
      this.#cursor = start;
      this.#hold = Math.max(0, start - wanted); // and a little more, so that the next late one comes in time
      this.#rate = 1;
      return;
    }
    const behind = wanted - this.#cursor;
    const behindMs = this.#ms(behind);
    // Between two spurts of sound the silence may be made longer or shorter: nothing is lost.
    if ((this.#cursor >= previousEnd && wanted <= start) || behindMs > skipMs) {
      // Never back into what was heard, nor beyond what has come: a path that has become slower than sound ever waits would be skipped whole.
      this.#cursor = Math.max(Math.min(wanted, start), Math.min(previousEnd, this.#cursor));
      this.#rate = 1;
    } else if (Math.abs(behindMs) <= DELAY_TOLERANCE_MS) {
      this.#cursor = Math.round(this.#cursor);
      this.#rate = 1;
    } else {
      this.#rate = 1 + Math.sign(behind) * Math.min(BRISK_RATE, Math.max(GENTLE_RATE, Math.abs(behindMs) / GLIDE_MS));
    }
  }

  #sample(plane: Float32Array, at: number, fraction: number, end: number): number {
    const here = plane[this.#index(at)] ?? Number.NaN;
    if (fraction === 0) return here;
    const next = at + 1 < end ? (plane[this.#index(at + 1)] ?? here) : here;
    return Number.isNaN(next) ? here : here + (next - here) * fraction;
  }

  /** What was lost or never sent is marked, so that it is silent and does not count as played. */
  #fillUnknown(from: number, to: number): void {
    for (let at = Math.max(from, to - this.#capacity); at < to; at += 1) {
      for (const plane of this.#planes) plane[this.#index(at)] = Number.NaN;
    }
  }

  #write(start: number, planes: readonly Float32Array[], length: number): void {
    for (const [channel, plane] of this.#planes.entries()) {
      const source = planes[Math.min(channel, planes.length - 1)];
      for (let offset = 0; offset < length; offset += 1) plane[this.#index(start + offset)] = source?.[offset] ?? 0;
    }
  }

  #index(frame: number): number {
    return ((frame % this.#capacity) + this.#capacity) % this.#capacity;
  }

  #frames(durationMs: number): number {
    return Math.round((durationMs * this.#sampleRate) / 1000);
  }

  #ms(frames: number): number {
    return (frames * 1000) / this.#sampleRate;
  }
}
