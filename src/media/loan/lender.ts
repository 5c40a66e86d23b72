// Lends what this media process has open to another one of the same room, in a conference (docs/adr/0036): over a local socket that only this user reaches, to
// whoever brings the ticket. Whether it may is the session's to decide, before it asks for a ticket.
// Invariants: one borrower at a time, each with a ticket of its own that serves once and for 10 s; what it does not want is not copied; what it does not take
// in time is dropped; before a device is opened here the borrower has let go of its own, or has had its time.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame } from 'node-av';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { SourceView } from '../../room/state.ts';
import type { Loan } from '../port.ts';
import { copyPicture, packedPlanes, planesOf } from '../source/frame-memory.ts';
import type { AudioSource, VideoSource } from '../source/source.ts';
import {
  createBorrowerReader,
  type FromBorrower,
  type LentKind,
  type LentPicture,
  type LentState,
  PICTURE_OFFSET,
  pictureMemory,
  setPictureTimes,
  TICKET_BYTES,
  writeFromLender
} from './loan-format.ts';

export type LenderOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** Opus that the borrower received, to be heard here. */
  onOpus(packet: { readonly timestampUs: number; readonly data: Uint8Array }): void;
  /** A key that is to be heard here. */
  onKey(key: string): void;
  /** A borrower has come, or the last one is gone. */
  onBorrower(there: boolean): void;
};

export type Lender = AsyncDisposable & {
  /** What it had handed out before and nobody has used is worth nothing any more. @throws CloisterError CL_MEDIA_LOAN */
  lend(): Promise<Loan>;
  /** Somebody borrows now. */
  borrowed(): boolean;
  /** Opens when nobody else has it, and gives the borrower what the source gives from its start to its close. */
  camera(open: () => Promise<VideoSource>): Promise<VideoSource>;
  microphone(open: () => Promise<AudioSource>): Promise<AudioSource>;
  screen(choice: string, open: () => Promise<VideoSource>): Promise<VideoSource>;
  /** Resolves when nobody else plays: this process may. */
  takeSpeaker(): Promise<void>;
  giveSpeaker(): void;
  /** What is open is called otherwise now. */
  changed(): void;
};

const TICKET_MS = 10_000;
const HELLO_MS = 2_000;
/** Strangers, of this user's own programs, at a time. */
const MAX_STRANGERS = 4;
/** A borrower that hangs must not keep this call from its devices; one that has just begun to open a device takes as long as that. */
const RELEASE_MS = 3_000;
const LOOK_MS = 200;
/** Of pictures, sound and words that wait to be taken: one more than is on its way, 200 ms, and more than there is to say. */
const [MAX_PICTURES, MAX_SOUNDS, MAX_WORDS] = [2, 10, 64];

type Use = { readonly view: () => SourceView | null };
type Part = { state: LentState; choice: string; use: Use | null };
type Offer = { readonly ticket: Buffer; readonly server: Server; readonly remove: () => Promise<void>; readonly limit: Timer; readonly strangers: Set<Socket> };
type Leaving = { memory: Buffer; leaving: boolean };
type Borrower = {
  readonly socket: Socket;
  readonly wants: Set<LentKind>;
  readonly told: Map<LentKind, string>;
  readonly releases: Map<LentKind, () => void>;
  /** A picture's memory is used again when it has left. */
  readonly pictures: Readonly<Record<LentPicture, Leaving[]>>;
  sounds: number;
  words: number;
};

export function createLender(options: LenderOptions): Lender {
  const { clock } = options;
  const scope = new Scope();
  const emptyPart = (): Part => ({ state: 'closed', choice: '', use: null });
  const parts: Readonly<Record<LentKind, Part>> = { camera: emptyPart(), microphone: emptyPart(), screen: emptyPart(), speaker: emptyPart() };
  const kinds = Object.keys(parts) as LentKind[];
  let offer: Offer | null = null;
  let offering: Promise<unknown> = Promise.resolve();
  let borrower: Borrower | null = null;
  let looking = false;

  function tell(kind: LentKind): void {
    if (borrower === null || borrower.words >= MAX_WORDS) return;
    const to = borrower;
    const { state, choice, use } = parts[kind];
    const written = writeFromLender({ type: 'state', kind, state, choice, view: state === 'open' ? (use?.view() ?? null) : null });
    const text = written.toString('latin1');
    if (to.told.get(kind) === text) return;
    to.told.set(kind, text);
    say(to, written);
  }

  function say(to: Borrower, written: Buffer): void {
    to.words++;
    to.socket.write(written, () => {
      to.words--;
    });
  }

  const changed = (): void => kinds.forEach(tell);

  function set(kind: LentKind, state: LentState, use: Use | null, choice = ''): void {
    Object.assign(parts[kind], { state, use, choice });
    tell(kind);
  }

  /** Resolves when the borrower has none of its own open. */
  async function acquire(kind: LentKind, choice: string): Promise<void> {
    set(kind, 'opening', null, choice);
    const from = borrower;
    if (from === null) return;
    from.releases.get(kind)?.();
    const { promise: released, resolve } = Promise.withResolvers<void>();
    from.releases.set(kind, resolve);
    const limit = clock.schedule(RELEASE_MS, resolve);
    await released;
    limit.cancel();
    from.releases.delete(kind);
  }

  /** One source of a kind after the other, or beside it: what was closed is closed only where nothing was opened since. */
  async function open<S extends { readonly view: SourceView; close(): Promise<void> }>(
    kind: LentKind,
    choice: string,
    openSource: () => Promise<S>,
    tapped: (source: S, begin: () => void) => Pick<S, Exclude<keyof S, 'view' | 'close'>>
  ): Promise<Pick<S, Exclude<keyof S, 'view' | 'close'>> & { readonly view: SourceView; close(): Promise<void> }> {
    let source: S | null = null;
    const use: Use = { view: () => source?.view ?? null };
    const end = (): void => {
      if (parts[kind].use === use) set(kind, 'closed', null);
    };
    await acquire(kind, choice);
    parts[kind].use = use;
    try {
      source = await openSource();
    } catch (error) {
      end();
      throw error;
    }
    const opened = source;
    const begin = (): void => {
      if (parts[kind].use === use) set(kind, 'open', use, choice);
    };
    const rest = tapped(opened, begin);
    return {
      ...rest,
      get view() {
        return opened.view;
      },
      async close() {
        await opened.close();
        end();
      }
    };
  }

  const openVideo = (kind: LentPicture, choice: string, openSource: () => Promise<VideoSource>): Promise<VideoSource> =>
    open<VideoSource>(kind, choice, openSource, (source, begin) => ({
      start(sink) {
        begin();
        source.start({
          frame(frame, captureMs) {
            givePicture(kind, frame, captureMs);
            return sink.frame(frame, captureMs);
          },
          lost: (error) => sink.lost(error)
        });
      }
    }));

  function givePicture(kind: LentPicture, frame: Frame, captureMs: number): void {
    if (borrower?.wants.has(kind) !== true || borrower.socket.destroyed) return;
    const { width, height } = frame;
    const pictures = borrower.pictures[kind];
    const free = pictures.find(({ leaving }) => !leaving);
    if (free === undefined && pictures.length >= MAX_PICTURES) return;
    const memory = pictureMemory(kind, width, height, free?.memory);
    if (memory === null) return;
    const picture = free ?? { memory, leaving: false };
    if (free === undefined) pictures.push(picture);
    picture.memory = memory;
    copyPicture(planesOf(frame), packedPlanes(memory.subarray(PICTURE_OFFSET), width, height), width, height);
    setPictureTimes(memory, captureMs, clock.monotonicMs());
    picture.leaving = true;
    borrower.socket.write(memory, () => {
      picture.leaving = false;
    });
  }

  function giveSound(samples: Int16Array, captureMs: number): void {
    const to = borrower;
    if (to?.wants.has('microphone') !== true || to.sounds >= MAX_SOUNDS || to.socket.destroyed) return;
    to.sounds++;
    to.socket.write(writeFromLender({ type: 'sound', captureMs, sentMs: clock.monotonicMs(), samples }), () => {
      to.sounds--;
    });
  }

  function heed(from: Borrower, message: FromBorrower): void {
    if (message.type === 'want') {
      if (message.on) from.wants.add(message.kind);
      else from.wants.delete(message.kind);
    } else if (message.type === 'released') from.releases.get(message.kind)?.();
    else if (message.type === 'opus') options.onOpus(message);
    else if (message.type === 'key') options.onKey(message.key);
  }

  function leave(from: Borrower): void {
    from.socket.destroy();
    for (const release of from.releases.values()) release();
    if (borrower !== from) return;
    borrower = null;
    options.onBorrower(false);
  }

  function receive(of: Offer, socket: Socket): void {
    if (of.strangers.size >= MAX_STRANGERS || of !== offer) {
      socket.destroy();
      return;
    }
    of.strangers.add(socket);
    const reader = createBorrowerReader();
    const late = scope.schedule(clock, HELLO_MS, () => socket.destroy());
    let admitted: Borrower | null = null;
    const take = (message: FromBorrower): void => {
      if (socket.destroyed) return;
      if (admitted !== null) {
        if (message.type === 'hello') leave(admitted);
        else if (borrower === admitted) heed(admitted, message);
        return;
      }
      if (message.type !== 'hello' || of !== offer || !timingSafeEqual(message.ticket, of.ticket)) {
        options.log.warn('somebody without a ticket asked for the camera and the microphone', { code: 'CL_MEDIA_LOAN' });
        socket.destroy();
        return;
      }
      late.cancel();
      of.strangers.delete(socket);
      admitted = admit(socket);
    };
    socket.on('data', (chunk: Buffer) => {
      const error = reader.push(chunk, take);
      if (error === null || socket.destroyed) return;
      options.log.warn(`the borrower of the camera and the microphone is not understood: ${error.message}`, { code: error.code });
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      late.cancel();
      of.strangers.delete(socket);
      if (admitted !== null) leave(admitted);
    });
  }

  function admit(socket: Socket): Borrower {
    // The one before hangs, or is not known to be gone: the agent asked for this one later.
    if (borrower !== null) leave(borrower);
    void withdraw();
    const admitted: Borrower = { socket, wants: new Set(), told: new Map(), releases: new Map(), pictures: { camera: [], screen: [] }, sounds: 0, words: 0 };
    borrower = admitted;
    say(admitted, writeFromLender({ type: 'welcome' }));
    changed();
    options.onBorrower(true);
    if (!looking) scope.every(clock, LOOK_MS, changed);
    looking = true;
    return admitted;
  }

  async function withdraw(): Promise<void> {
    const ending = offer;
    offer = null;
    if (ending === null) return;
    ending.limit.cancel();
    for (const stranger of ending.strangers) stranger.destroy();
    ending.server.close();
    await ending.remove();
  }

  async function makeOffer(): Promise<Loan> {
    await withdraw();
    if (scope.closed) throw new CloisterError('CL_CALL_WRONG_PHASE');
    const ticket = randomBytes(TICKET_BYTES);
    const { path, remove } = await makePlace();
    const server = createServer();
    try {
      await listen(server, path);
    } catch (cause) {
      await remove();
      throw asCloisterError(cause, 'CL_MEDIA_LOAN');
    }
    const made: Offer = { ticket, server, remove, limit: clock.schedule(TICKET_MS, () => void withdraw()), strangers: new Set() };
    server.on('connection', (socket) => receive(made, socket));
    server.on('error', () => {});
    offer = made;
    if (!scope.closed) return { path, ticket: ticket.toString('hex') };
    await withdraw();
    throw new CloisterError('CL_CALL_WRONG_PHASE');
  }

  scope.own(async () => {
    if (borrower !== null) leave(borrower);
    await offering.catch(() => {});
    await withdraw();
  });

  return {
    lend() {
      const made = offering.then(makeOffer);
      offering = made.catch(() => {});
      return made;
    },
    borrowed: () => borrower !== null,
    camera: (openSource) => openVideo('camera', '', openSource),
    screen: (choice, openSource) => openVideo('screen', choice, openSource),
    microphone: (openSource) =>
      open<AudioSource>('microphone', '', openSource, (source, begin) => ({
        start(sink) {
          begin();
          source.start({
            block(samples, captureMs) {
              giveSound(samples, captureMs);
              sink.block(samples, captureMs);
            },
            lost: (error) => sink.lost(error)
          });
        }
      })),
    async takeSpeaker() {
      const is = (state: LentState): boolean => parts.speaker.state === state;
      if (!is('closed')) return;
      await acquire('speaker', '');
      if (is('opening')) set('speaker', 'open', null);
    },
    giveSpeaker: () => set('speaker', 'closed', null),
    changed,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}

/** A folder that no other user can look into, or on Windows a name that nobody guesses. @throws CloisterError CL_MEDIA_LOAN */
async function makePlace(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  if (process.platform === 'win32') return { path: `\\\\.\\pipe\\cloister-loan-${randomBytes(16).toString('hex')}`, remove: async () => {} };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-loan-'));
    return { path: join(folder, 'loan'), remove: () => rm(folder, { recursive: true, force: true }).catch(() => {}) };
  } catch (cause) {
    throw asCloisterError(cause, 'CL_MEDIA_LOAN');
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
