// Camera, microphone, shared screen and loudspeaker as a session has them: this process's own, which it may lend, or those of the process that lends.
// Invariants: where it begins as a borrower nothing is opened before it is said from whom; a loan that fails or ends costs no call, its own devices take over.
import type { Clock } from '../../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { Playout } from '../playout/playout.ts';
import type { Loan } from '../port.ts';
import type { AudioSource, VideoSource } from '../source/source.ts';
import { openBorrowedPicture, openBorrowedSound } from './borrowed-source.ts';
import { type Borrower, createBorrower } from './borrower.ts';
import { createLender } from './lender.ts';

export type SharedDevicesOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** Nothing is opened before borrow() or keepOwn(). */
  readonly borrows: boolean;
  openCamera(): Promise<VideoSource>;
  openMicrophone(): Promise<AudioSource>;
  openScreen(choice: string): Promise<VideoSource>;
  /** The same sound, as it is sent and lent. */
  listen(source: AudioSource): AudioSource;
  readonly playout: Pick<Playout, 'push' | 'key' | 'setBorrowed' | 'setElsewhere'>;
  /** While borrowing: what comes next is the lender's, or the own device's. */
  onUse(kind: 'camera' | 'microphone' | 'screen', of: 'lender' | 'own'): void;
};

export type SharedDevices = AsyncDisposable & {
  /** Whether it is known whose devices are used; before it none may be opened. */
  known(): boolean;
  camera(): Promise<VideoSource>;
  microphone(): Promise<AudioSource>;
  screen(choice: string): Promise<VideoSource>;
  /** May play from now on, or does not; resolves when nobody else does, or when it is told. */
  setPlays(on: boolean): Promise<void>;
  /** @throws CloisterError CL_MEDIA_LOAN */
  lend(): Promise<Loan>;
  lends(): boolean;
  /** It borrows, or did; where that has ended its own devices are used. */
  borrows(): boolean;
  /** The own devices from now on. */
  keepOwn(): Promise<void>;
  /** @param close closes what is open: the loan begins then. Where it does not begin, the own devices are used, and it is told */
  borrow(loan: Loan, close: () => Promise<unknown>): Promise<void>;
  /** Sound and keys of this call, to be heard where the loudspeaker is. */
  received(packet: { readonly timestampUs: number; readonly data: Uint8Array }): void;
  key(key: string): void;
  /** What is open is called otherwise now. */
  changed(): void;
};

/** As that of a borrowed source: hold and resume are told to one call after the other. */
const GRACE_MS = 300;

export function createSharedDevices(options: SharedDevicesOptions): SharedDevices {
  const { clock, log, playout } = options;
  const scope = new Scope();
  let known = !options.borrows;
  let borrower: Borrower | null = null;
  let elsewhere = false;
  let speaking: Promise<void> = Promise.resolve();
  let turn: Promise<void> = Promise.resolve();
  let speakerHold: (() => void) | null = null;

  const lender = createLender({
    clock,
    log,
    onOpus: (packet) => playout.push(packet, 'borrower'),
    onKey: (key) => playout.key(key),
    onBorrower(there) {
      try {
        playout.setBorrowed(there);
      } catch (error) {
        log.warn('the other call of the conference is not heard here', { code: asCloisterError(error, 'CL_MEDIA_SPEAKER').code });
      }
    }
  });

  async function followSpeaker(of: Borrower): Promise<void> {
    const line = of.speaker();
    const { state, gone } = line.now();
    const next = !gone && state !== 'closed';
    if (of !== borrower && next) return;
    elsewhere = next;
    if (!next) speakerHold ??= line.hold();
    await playout.setElsewhere(next);
    if (!next) return;
    speakerHold?.();
    speakerHold = null;
  }

  function listenTo(of: Borrower): void {
    const line = of.speaker();
    const follow = (): void => {
      speaking = speaking.then(() => followSpeaker(of)).catch(() => {});
    };
    line.onChange(() => {
      const { state, gone } = line.now();
      if (state === 'closed' && !gone) scope.schedule(clock, GRACE_MS, follow);
      else follow();
    });
    follow();
  }

  /** One loan after the other. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  }

  function endLoan(): void {
    borrower?.[Symbol.dispose]();
    borrower = null;
  }

  return {
    known: () => known,
    camera: () =>
      lender.camera(async () => {
        const from = borrower?.line('camera');
        if (from === undefined) return options.openCamera();
        return openBorrowedPicture({ clock, line: from, choice: '', openOwn: options.openCamera, onUse: (of) => options.onUse('camera', of) });
      }),
    microphone: () =>
      lender.microphone(async () => {
        const from = borrower?.line('microphone');
        const { openMicrophone: openOwn } = options;
        const onUse = (of: 'lender' | 'own'): void => options.onUse('microphone', of);
        return options.listen(from === undefined ? await openOwn() : await openBorrowedSound({ clock, line: from, choice: '', openOwn, onUse }));
      }),
    screen: (choice) =>
      lender.screen(choice, async () => {
        const from = borrower?.line('screen');
        const openOwn = (): Promise<VideoSource> => options.openScreen(choice);
        return from === undefined ? openOwn() : openBorrowedPicture({ clock, line: from, choice, openOwn, onUse: (of) => options.onUse('screen', of) });
      }),
    async setPlays(on) {
      if (on) await lender.takeSpeaker();
      else lender.giveSpeaker();
    },
    lend: () => lender.lend(),
    lends: () => lender.borrowed(),
    borrows: () => borrower !== null,
    keepOwn: () =>
      inTurn(async () => {
        endLoan();
        known = true;
      }),
    borrow: (loan, close) =>
      inTurn(async () => {
        if (scope.closed) throw new CloisterError('CL_CALL_WRONG_PHASE');
        known = false;
        await close();
        endLoan();
        const next = createBorrower({ clock, log });
        borrower = next;
        try {
          await next.connect(loan);
          listenTo(next);
        } catch (error) {
          const { code, message } = asCloisterError(error, 'CL_MEDIA_LOAN');
          log.warn(`the devices of the other call of the conference cannot be used: ${message}`, { code });
        }
        if (scope.closed) endLoan();
        known = true;
      }),
    received(packet) {
      if (elsewhere) borrower?.opus(packet);
    },
    key(key) {
      if (elsewhere) borrower?.key(key);
    },
    changed: lender.changed,
    async [Symbol.asyncDispose]() {
      endLoan();
      await scope[Symbol.asyncDispose]();
      await lender[Symbol.asyncDispose]();
    }
  };
}
