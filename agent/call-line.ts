// What one call of the room does to the world: carries out the effects of its state machine with signaling, a media process and timers, and
// tells what they say as events of this call. Holds the call's media process and its figures; decides nothing. In a conference one media process of the
// room has the devices, and the other one borrows them before it opens any: never do two open one camera.
import type { CallEffect, CallEvent, JournalEntry, TimerName } from '../src/call/call.ts';
import type { Clock, Timer } from '../src/kernel/clock.ts';
import { asCloisterError } from '../src/kernel/errors.ts';
import type { Unsubscribe } from '../src/kernel/events.ts';
import type { Log } from '../src/kernel/log.ts';
import type { Endpoints, Loan, MediaFailure, MediaProcesses, MediaSession, MediaStatistics } from '../src/media/port.ts';
import type { Party, Signaling } from '../src/signaling/port.ts';

export type CallLineOptions = {
  readonly signaling: Signaling;
  readonly mediaProcesses: MediaProcesses;
  readonly clock: Clock;
  readonly log: Log;
  /** What this call's machine is to hear. @throws as the machine does */
  readonly dispatch: (event: CallEvent) => Promise<void>;
  /** What people see of this call's media is another thing now. */
  readonly changed: () => void;
  readonly recordSecurityEvent: (effect: Extract<CallEffect, { type: 'security-event' }>) => void;
  /** Null: there is nothing of this call to end after a crash. */
  readonly journal: (entry: JournalEntry | null) => void;
  readonly playedPercent: () => number;
  /** The media process of this room that has camera and microphone for this call, too; null where this call opens them itself. */
  readonly lender: () => Lender | null;
};

/** `epoch`: of the media process. */
export type Lender = { readonly epoch: number; readonly media: MediaSession };

type LineFacts = {
  /** Null where no media process runs. */
  readonly session: { readonly epoch: number; readonly media: MediaSession } | null;
  readonly media: MediaStatistics | null;
  readonly problem: { readonly failure: MediaFailure; readonly sinceMs: number } | null;
  /** Of the media process that lends to this call’s; it may be gone. Null where none does. */
  readonly borrowsFrom: number | null;
};

const MAX_TRIES_TO_BORROW = 3;

export type CallLine = Disposable & {
  /** A promise where a person waits for the effect. */
  carryOut(effect: CallEffect): Promise<void> | undefined;
  facts(): LineFacts;
  /** Another call of the conference goes on without this one: this one’s own devices from now on. */
  stopBorrowing(): void;
  /** News that a running call can do without. */
  tellMedia(tell: (media: MediaSession) => Promise<void>): void;
};

export function createCallLine(options: CallLineOptions): CallLine {
  const { signaling, clock, log, changed } = options;
  const timers = new Map<TimerName, Timer>();
  let session: LineFacts['session'] = null;
  let media: MediaStatistics | null = null;
  let problem: LineFacts['problem'] = null;
  let recordings: Promise<void> = Promise.resolve();
  let borrowsFrom: LineFacts['borrowsFrom'] = null;
  let heldWanted = false;
  let triesToBorrow = 0;

  /** For events that no person waits for. */
  function happened(event: CallEvent): void {
    options.dispatch(event).catch((error) => log.error('a call event failed', { event: event.type, error: String(error) }));
  }

  function carryOut(effect: CallEffect): Promise<void> | undefined {
    switch (effect.type) {
      case 'send':
        signaling
          .send(effect.to, effect.call, effect.message, effect.lifetimeSeconds)
          .catch((error) => log.warn('a signaling message could not be sent', { type: effect.message.type, error: asCloisterError(error).code }));
        return;
      case 'media-take':
        return takeSession(effect);
      case 'media-create-offer':
        return ask(effect.epoch, async (m) => happened({ type: 'offer-ready', epoch: effect.epoch, ...(await m.createOffer()) }));
      case 'media-accept-offer':
        return ask(effect.epoch, async (m) =>
          happened({ type: 'answer-ready', epoch: effect.epoch, ...(await m.acceptOffer(effect.sdp, effect.endToEnd, endpointsWith(effect.from))) })
        );
      case 'media-accept-answer':
        return ask(effect.epoch, async (m) =>
          happened({ type: 'reveal-ready', epoch: effect.epoch, ...(await m.acceptAnswer(effect.sdp, effect.endToEnd, endpointsWith(effect.from))) })
        );
      case 'media-open':
        return ask(effect.epoch, (m) => m.open());
      case 'media-reveal':
        return ask(effect.epoch, (m) => m.reveal(effect.nonce));
      case 'media-accept-update':
        return ask(effect.epoch, async (m) => {
          const answer = await m.acceptUpdate(effect.sdp);
          if (answer !== null) happened({ type: 'update-answer-ready', epoch: effect.epoch, ...answer });
        });
      case 'media-accept-update-answer':
        return ask(effect.epoch, (m) => m.acceptUpdateAnswer(effect.sdp, effect.answers));
      case 'media-candidates':
        return ask(effect.epoch, (m) => m.addCandidates(effect.candidates));
      case 'media-microphone':
        return ask(effect.epoch, (m) => m.setMicrophone(effect.on), true);
      case 'media-camera':
        return ask(effect.epoch, (m) => m.setCamera(effect.on), true);
      case 'media-held':
        return ask(effect.epoch, (m) => hold(m, effect.on), true);
      case 'media-screen':
        return shareScreen(effect);
      case 'media-recording':
        return record(effect);
      case 'media-close':
        return closeSession(effect.epoch);
      case 'start-timer':
        timers.get(effect.name)?.cancel();
        timers.set(
          effect.name,
          clock.schedule(effect.delayMs, () => happened({ type: 'timer', name: effect.name }))
        );
        return;
      case 'stop-timer':
        timers.get(effect.name)?.cancel();
        timers.delete(effect.name);
        return;
      case 'security-event':
        options.recordSecurityEvent(effect);
        return;
      case 'journal':
        options.journal(effect.entry);
        return;
      case 'follow-reference':
      case 'place-conference':
      case 'not-rung':
        // The room's business: a call of its own, and one that is none.
        return;
    }
  }

  const endpointsWith = ({ endpoint }: Party): Endpoints => ({ local: signaling.self.endpoint, remote: endpoint });

  function takeSession(effect: Extract<CallEffect, { type: 'media-take' }>): undefined {
    const { epoch } = effect;
    const lender = options.lender();
    const taken = options.mediaProcesses.take(lender === null ? effect.options : { ...effect.options, borrows: true });
    session = { epoch, media: taken };
    borrowsFrom = null;
    triesToBorrow = 0;
    if (lender !== null) void borrow(taken, lender);
    media = null;
    problem = null;
    const current = (): boolean => session?.epoch === epoch;
    taken.on('candidates', (candidates) => happened({ type: 'local-candidates', epoch, candidates }));
    taken.on('update', ({ sdp }) => happened({ type: 'update-ready', epoch, sdp }));
    taken.on('secured', ({ code }) => happened({ type: 'secured', epoch, code }));
    taken.on('failed', (failure) => happened({ type: 'media-failed', epoch, failure }));
    taken.on('key', () => log.debug('the other side pressed a key', { epoch }));
    taken.on('screenEnded', ({ code, text }) => {
      log.warn('sharing has stopped', { code, text });
      happened({ type: 'screen-ended', epoch });
    });
    taken.on('recordingEnded', ({ code, text }) => {
      log.warn('recording has stopped', { code, text });
      happened({ type: 'recording-ended', epoch });
    });
    taken.on('exit', ({ expected }) => {
      if (current() && !expected) media = null;
      if (!expected) happened({ type: 'media-lost', epoch });
    });
    taken.on('statistics', (statistics) => {
      if (!current()) return;
      media = statistics;
      changed();
    });
    tellMedia((each) => each.setVolume(options.playedPercent()));
    taken.on('notice', ({ code, text }) => {
      log.warn('media notice', { code, text });
      const again = code === 'CL_MEDIA_LOAN' && current() && triesToBorrow < MAX_TRIES_TO_BORROW ? options.lender() : null;
      if (again !== null) void borrow(taken, again);
    });
    taken.on('problem', (failure) => {
      if (!current()) return;
      problem = failure === null ? null : { failure, sinceMs: clock.now() };
      if (failure !== null) log.warn('media problem', { code: failure.code, text: failure.text });
      changed();
    });
  }

  /** What was held has no device open: it opens none where another call of the conference has them. */
  async function hold(media: MediaSession, on: boolean): Promise<void> {
    heldWanted = on;
    const lender = on ? null : options.lender();
    if (lender !== null && lender.epoch !== borrowsFrom) await borrow(media, lender);
    // Held again meanwhile: the later word counts.
    if (heldWanted === on) await media.setHeld(on);
  }

  /** Where nothing is lent the call has its own devices: it goes on in any case. */
  async function borrow(media: MediaSession, lender: Lender): Promise<void> {
    const current = (): boolean => session?.media === media;
    borrowsFrom = lender.epoch;
    triesToBorrow += 1;
    // A loan waits for nobody for long, and a process may begin slowly: it is asked for when this one answers.
    const loan = await media
      .setVolume(options.playedPercent())
      .then(() => loanOf(lender.media))
      .catch((error) => {
        log.warn('camera and microphone are not lent', { error: asCloisterError(error).code });
        return null;
      });
    if (!current()) return;
    if (loan === null) borrowsFrom = null;
    await media.borrow(loan).catch((error) => {
      if (current()) borrowsFrom = null;
      log.warn('camera and microphone are not borrowed', { error: asCloisterError(error).code });
    });
  }

  function stopBorrowing(): void {
    if (borrowsFrom === null) return;
    borrowsFrom = null;
    tellMedia((media) => media.borrow(null));
  }

  /**
   * Asks the media process of this epoch. Its failure fails the call, unless the process is gone (its exit says so itself).
   * @param awaited whether a person waits for the result
   */
  function ask(epoch: number, request: (media: MediaSession) => Promise<void>, awaited = false): Promise<void> | undefined {
    if (session?.epoch !== epoch) return;
    const result = request(session.media).catch((cause) => {
      const error = asCloisterError(cause, 'CL_MEDIA_NEGOTIATION');
      if (error.code === 'CL_MEDIA_PROCESS_DIED') return;
      happened({ type: 'media-failed', epoch, failure: { code: error.code, detectedBy: 'media', text: error.message } });
    });
    return awaited ? result : undefined;
  }

  /**
   * A share that cannot begin is told to the person who asked for it, and leaves the call as it is. One that cannot be ended is one of a process
   * that is gone; to call that an end again would go on for ever.
   */
  function shareScreen({ epoch, on, source }: Extract<CallEffect, { type: 'media-screen' }>): Promise<void> | undefined {
    if (session?.epoch !== epoch) return;
    return session.media.setScreen(on, source).catch((cause) => {
      const error = asCloisterError(cause, 'CL_MEDIA_SCREEN_SOURCE');
      if (!on) {
        log.warn('sharing could not be ended', { code: error.code });
        return;
      }
      happened({ type: 'screen-ended', epoch });
      throw error;
    });
  }

  /** One after the other: what was ended before it began does not begin after its end. */
  function record(effect: Extract<CallEffect, { type: 'media-recording' }>): Promise<void> {
    const done = recordings.then(() => switchRecording(effect));
    recordings = done.catch(() => {});
    return done;
  }

  /** Nothing is recorded before the other side was told: where that cannot be done, the recording does not begin. */
  async function switchRecording({ epoch, on, notice }: Extract<CallEffect, { type: 'media-recording' }>): Promise<void> {
    const tell = async (): Promise<void> => {
      if (notice !== null) await signaling.send(notice.to, notice.call, notice.message);
    };
    const current = (): MediaSession | null => (session?.epoch === epoch ? session.media : null);
    try {
      if (on) await tell();
      // The process may have gone meanwhile, and the recording with it: what was told is taken back.
      if (on && current() === null && notice !== null) await signaling.send(notice.to, notice.call, { type: 'call.update', body: { recording: false } });
      try {
        await current()?.setRecording(on);
      } finally {
        if (!on) await tell();
      }
    } catch (cause) {
      const error = asCloisterError(cause, 'CL_CALL_RECORDING');
      log.warn('recording could not be switched', { on, code: error.code });
      if (!on) return;
      happened({ type: 'recording-ended', epoch });
      throw error;
    }
  }

  function closeSession(epoch: number): undefined {
    if (session?.epoch !== epoch) return;
    const closing = session.media;
    session = null;
    media = null;
    problem = null;
    borrowsFrom = null;
    closing.close().catch((error) => log.warn('a media process did not close', { error: String(error) }));
  }

  function tellMedia(tell: (media: MediaSession) => Promise<void>): void {
    if (session !== null) tell(session.media).catch((error) => log.warn('a media process was not told', { error: asCloisterError(error).code }));
  }

  return {
    carryOut,
    facts: () => ({ session, media, problem, borrowsFrom }),
    stopBorrowing,
    tellMedia,
    [Symbol.dispose]() {
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
    }
  };
}

/** A process that is not secured yet, as one that was begun anew, lends when it is. */
async function loanOf(lender: MediaSession): Promise<Loan> {
  const stops: Unsubscribe[] = [];
  const secured = new Promise<void>((resolve) => {
    stops.push(
      lender.on('secured', () => resolve()),
      lender.on('failed', () => resolve()),
      lender.on('exit', () => resolve())
    );
  });
  try {
    return await lender.lend().catch(async (error) => {
      if (asCloisterError(error).code !== 'CL_CALL_WRONG_PHASE') throw error;
      await secured;
      return lender.lend();
    });
  } finally {
    for (const stop of stops) stop();
  }
}
