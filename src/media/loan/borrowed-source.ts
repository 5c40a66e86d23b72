// Camera, microphone and shared screen of a media process that borrows them: what the lender gives, and where it is gone or gives nothing, this process's own.
// Invariants: never both at once: the own one is opened when the lender has none, and closed before the lender opens its one; nothing of the own one passes
// once the lender's is used, and the other way round; where no own one can be opened either the sender hears of it, as of any source.
import type { Frame } from 'node-av';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { asCloisterError, type CloisterError } from '../../kernel/errors.ts';
import type { SourceView } from '../../room/state.ts';
import { allocateFrame, copyPicture, packedPlanes, planesOf } from '../source/frame-memory.ts';
import type { AudioSink, AudioSource, VideoSink, VideoSource } from '../source/source.ts';
import type { LentFrame, LentItems, LoanLine } from './borrower.ts';

export type BorrowedOptions<S, Take> = {
  readonly clock: Clock;
  readonly line: LoanLine<Take>;
  /** What is wanted of a share: where the lender shares another thing its pictures are not this one's. Empty of other kinds. */
  readonly choice: string;
  openOwn(): Promise<S>;
  /** From now on it is the lender's, or the own one: another picture or sound than before, and `view` may be another. */
  onUse(of: 'lender' | 'own'): void;
};

/** A lender that gives nothing for so long is taken for one that has nothing to give. */
const SILENCE_MS = 2_000;
const LOOK_MS = 250;
/** What goes on and off in two calls at once does so one after the other: a device is not opened for the moment between. */
const GRACE_MS = 300;

type Own = { readonly view: SourceView; close(): Promise<void> };
type Switch<S> = {
  readonly view: () => SourceView;
  /** Whether it may pass. */
  lent(): boolean;
  own(source: S): boolean;
  start(startOwn: (own: S) => void, lost: (error: CloisterError) => void): void;
  close(): Promise<void>;
};

async function createSwitch<S extends Own, Take>({ clock, line, choice, openOwn, onUse }: BorrowedOptions<S, Take>): Promise<Switch<S>> {
  let own: S | null = null;
  let letGo: (() => void) | null = null;
  let startOwn: ((own: S) => void) | null = null;
  let lose: ((error: CloisterError) => void) | null = null;
  let closed = false;
  let silent = false;
  let askedMs = clock.monotonicMs();
  let closedMs = clock.monotonicMs();
  let wasLent = false;
  let used: 'lender' | 'own' | null = null;
  let view: SourceView = { kind: 'away', name: '' };
  let steering: Promise<void> | null = null;
  let looking: Timer | null = null;

  const offered = (): boolean => {
    const told = line.now();
    return !told.gone && told.state !== 'closed' && told.choice === choice;
  };
  const usesLender = (): boolean => offered() && !silent;
  const mayOpenOwn = (): boolean => silent || line.now().gone || clock.monotonicMs() - closedMs >= GRACE_MS;

  function use(next: 'lender' | 'own'): void {
    if (used === next) return;
    used = next;
    onUse(next);
  }

  async function dropOwn(): Promise<void> {
    const dropped = own;
    own = null;
    if (used === 'own') used = null;
    await dropped?.close().catch(() => {});
    letGo?.();
    letGo = null;
  }

  async function takeOwn(): Promise<void> {
    letGo ??= line.hold();
    try {
      own = await openOwn();
    } catch (error) {
      await dropOwn();
      throw error;
    }
    if (closed || usesLender()) return;
    use('own');
    startOwn?.(own);
  }

  async function run(): Promise<void> {
    while (!closed) {
      if (usesLender()) {
        if (own === null) return;
        await dropOwn();
      } else if (own !== null || !mayOpenOwn()) return;
      else await takeOwn();
    }
    await dropOwn();
  }

  /** One change after the other. @throws what opening the own one throws */
  function steer(): Promise<void> {
    const before = steering;
    const steered = (before ?? Promise.resolve()).catch(() => {}).then(run);
    steering = steered;
    return steered;
  }

  function steerOn(): void {
    steer().catch((error: unknown) => {
      if (!closed) lose?.(asCloisterError(error, 'CL_MEDIA_SOURCE'));
    });
  }

  function onChange(): void {
    const lent = offered();
    const nowMs = clock.monotonicMs();
    const told = line.now();
    if (told.state === 'opening' || lent !== wasLent) [silent, askedMs] = [false, nowMs];
    if (!lent && wasLent) closedMs = nowMs;
    wasLent = lent;
    const changed = told.view !== null && lent && own === null && (told.view.kind !== view.kind || told.view.name !== view.name);
    if (lent && told.view !== null) view = told.view;
    if (changed && used === 'lender') onUse('lender');
    steerOn();
  }

  function look(): void {
    looking = clock.schedule(LOOK_MS, look);
    if (offered() && !silent && clock.monotonicMs() - askedMs >= SILENCE_MS) [silent, askedMs] = [true, clock.monotonicMs()];
    if (usesLender() ? own !== null : own === null) steerOn();
  }

  const stopListening = line.onChange(onChange);

  async function close(): Promise<void> {
    closed = true;
    looking?.cancel();
    stopListening();
    await steer().catch(() => {});
  }

  const first = line.now();
  wasLent = offered();
  if (first.view !== null && wasLent) view = first.view;
  try {
    while (!offered() && !mayOpenOwn()) await changeOrGrace(line, clock);
    await steer();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    view: () => own?.view ?? view,
    lent() {
      if (closed || !offered()) return false;
      const nowMs = clock.monotonicMs();
      // What comes again after a silence is believed when the own one had its time: it would go to and fro else.
      if (silent && nowMs - askedMs < SILENCE_MS) return false;
      askedMs = nowMs;
      if (silent) {
        silent = false;
        steerOn();
      }
      if (own !== null || letGo !== null) return false;
      use('lender');
      return true;
    },
    own: (source) => !closed && own === source && !usesLender(),
    start(begin, lost) {
      if (closed) return;
      [startOwn, lose, askedMs] = [begin, lost, clock.monotonicMs()];
      looking = clock.schedule(LOOK_MS, look);
      if (own !== null && !usesLender()) begin(own);
    },
    close
  };
}

/** Resolves with the lender's next word, or when it may be taken for none. */
function changeOrGrace(line: Pick<LoanLine<never>, 'onChange'>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      limit.cancel();
      stop();
      resolve();
    };
    const limit = clock.schedule(GRACE_MS, done);
    const stop = line.onChange(done);
  });
}

/** @throws CloisterError of the own one, where the lender has none */
export async function openBorrowedPicture(options: BorrowedOptions<VideoSource, LentItems['camera']>): Promise<VideoSource> {
  const { line } = options;
  const devices = await createSwitch(options);
  let stopWanting = (): void => {};
  let memory: { readonly frame: Frame; readonly width: number; readonly height: number } | null = null;
  let taking: Promise<void> | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;

  /** The sink has one picture at a time, whoever it is of. */
  function give(sink: VideoSink, frame: Frame, captureMs: number): Promise<void> {
    lastMs = captureMs;
    const taken = sink.frame(frame, captureMs).finally(() => {
      taking = null;
    });
    taking = taken;
    return taken;
  }

  /** The memory is written to only while nobody reads it. */
  function frameOf({ width, height, planes }: LentFrame): Frame {
    if (memory?.width !== width || memory.height !== height) {
      memory?.frame.free();
      memory = null;
      memory = { frame: allocateFrame(width, height).frame, width, height };
    }
    copyPicture(packedPlanes(planes, width, height), planesOf(memory.frame), width, height);
    return memory.frame;
  }

  return {
    get view() {
      return devices.view();
    },
    start(sink) {
      const startOwn = (own: VideoSource): void =>
        own.start({
          async frame(frame, captureMs) {
            if (taking === null && captureMs > lastMs && devices.own(own)) await give(sink, frame, captureMs);
          },
          lost: (error) => {
            if (devices.own(own)) sink.lost(error);
          }
        });
      devices.start(startOwn, (error) => sink.lost(error));
      stopWanting = line.want((lent, captureMs) => {
        if (!devices.lent() || taking !== null || captureMs <= lastMs) return;
        try {
          void give(sink, frameOf(lent), captureMs);
        } catch (cause) {
          sink.lost(asCloisterError(cause, 'CL_MEDIA_SOURCE'));
        }
      });
    },
    async close() {
      stopWanting();
      await devices.close();
      await taking;
      memory?.frame.free();
      memory = null;
    }
  };
}

/** @throws CloisterError of the own one, where the lender has none */
export async function openBorrowedSound(options: BorrowedOptions<AudioSource, LentItems['microphone']>): Promise<AudioSource> {
  const { line } = options;
  const devices = await createSwitch(options);
  let stopWanting = (): void => {};
  return {
    get view() {
      return devices.view();
    },
    start(sink: AudioSink) {
      const startOwn = (own: AudioSource): void =>
        own.start({
          block(samples, captureMs) {
            if (devices.own(own)) sink.block(samples, captureMs);
          },
          lost: (error) => {
            if (devices.own(own)) sink.lost(error);
          }
        });
      devices.start(startOwn, (error) => sink.lost(error));
      stopWanting = line.want((samples, captureMs) => {
        if (devices.lent()) sink.block(samples, captureMs);
      });
    },
    async close() {
      stopWanting();
      await devices.close();
    }
  };
}
