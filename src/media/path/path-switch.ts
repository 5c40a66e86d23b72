// The paths of one connection as one. An ICE restart (RFC 8445 section 9) is a second path beside the first: sending moves to it when it has nominated a pair,
// what comes is taken from both, and the first is closed shortly after the other side was heard on the second.
// Invariants: whatever is signaled, there are at most three paths; the proof of who the other side is does not depend on the path, and is not made anew.
import type { Clock, Timer } from '../../kernel/clock.ts';
import { createEvents, type EventSource } from '../../kernel/events.ts';
import { Scope } from '../../kernel/scope.ts';
import { candidateUfrag } from './candidate.ts';
import type { Path, PathOptions } from './ice-path.ts';

/** What one side tells the other of a path. */
export type PathTerms = {
  readonly iceUfrag: string;
  readonly icePassword: string;
  readonly candidates: readonly string[];
  readonly endOfCandidates: boolean;
};

export type PathSwitchEvents = {
  /** A candidate of ours that came after the terms of its path were told, and that path's user fragment; null ends those of the first path. */
  candidate: readonly [string | null, string];
  /** Not STUN, from a proven address: `host:port`. */
  datagram: readonly [Buffer, string];
  /** A new path is wanted: the other side is to be told, and its answer given to settleRestart(). */
  restart: readonly [PathTerms];
  /** Gone for good: no consent of the other side for 30 s (RFC 7675). */
  lost: readonly [];
  silent: readonly [boolean];
  /** What is sent goes another way from now on. */
  moved: readonly [];
};

export type PathSwitch = EventSource<PathSwitchEvents> &
  Pick<Path, 'connect' | 'send' | 'roundTripMs' | 'alive' | 'close'> & {
    /** Opens the sockets of the first path. */
    open(): Promise<void>;
    /** Of the first path; what is gathered later comes as `candidate`. */
    terms(): PathTerms;
    /** From here on packets of the first path leave for the addresses that the other side named. */
    meet(terms: PathTerms): void;
    /** Of the path that its `ufrag` names (RFC 8839 section 5.1), else of the newest. Empty text ends those of the first path. */
    addCandidate(text: string): void;
    /** The other side wants a new path. @returns our terms of it; null where it is not taken */
    acceptRestart(terms: PathTerms): Promise<PathTerms | null>;
    /** Ignored unless `offered` is the user fragment of the restart that waits for it; a peer that does not say means that one. */
    settleRestart(offered: string | undefined, terms: PathTerms): void;
    /** @param addresses all of this machine's, but for loopback and link-local ones */
    networkChanged(addresses: readonly string[]): void;
    /** Of the paths from now on: a relay's login may hold shorter than the call. */
    iceServersChanged(servers: PathOptions['iceServers']): void;
  };

type Slot = {
  readonly path: Path;
  readonly candidates: string[];
  ended: boolean;
  /** Its terms were given out: what comes later trickles. */
  told: boolean;
  remoteUfrag: string | null;
  remoteCandidates: number;
  connecting: boolean;
};
type Attempt = { readonly slot: Slot; readonly begunHere: boolean; answered: boolean; readonly timer: Timer };

const MAX_REMOTE_CANDIDATES = 64;
/** RFC 7675 section 5.1: 30 s, less what a look at it may be late. */
const CONSENT_LIMIT_MS = 29_000;
const CONSENT_LOOK_MS = 500;
/** Host addresses are there in a few milliseconds; nobody waits for a server. */
const GATHER_WAIT_MS = 100;
/** Doubles with each attempt that came to nothing, twice. */
const PATIENCE_MS = 3_000;
/** A path that is heard carries the call: after so many attempts for a better one, the next only after a rest. A peer may never answer. */
const ATTEMPTS_BEFORE_REST = 3;
const REST_MS = 60_000;
/** Longer than the other side's first patience: it is for who began to begin again. */
const GUEST_PATIENCE_MS = 6_000;
/** What was sent on the old path is still on its way. */
const LINGER_MS = 1_000;
const LINGER_UNHEARD_MS = 10_000;
/** How many restarts of the other side are taken at once, and how fast more of them. */
const MAX_RESTARTS = 4;
const RESTART_PERIOD_MS = 1_000;

export type PathSwitchOptions = PathOptions & { readonly createPath: (options: PathOptions) => Path };

export function createPathSwitch(options: PathSwitchOptions): PathSwitch {
  const { clock, log, controlling } = options;
  const scope = new Scope();
  const events = createEvents<PathSwitchEvents>((error) => log.error('a listener of the paths failed', { error: String(error) }));
  const admit = createAllowance(clock);
  /** Candidates of a path that is not described yet. */
  const early: string[] = [];
  let earlyEnd = false;
  let iceServers = options.iceServers;
  let arriving: Slot | null = null;
  let next: Attempt | null = null;
  let old: { readonly slot: Slot; timer: Timer; heard: boolean } | null = null;
  let connected = false;
  let closed = false;
  let silent = false;
  let dead = false;
  let outdated = false;
  let fruitless = 0;
  let rest: Timer | null = null;
  let passOver = (): void => {};
  let current = createSlot();

  function createSlot(): Slot {
    const slot: Slot = {
      path: options.createPath({ ...options, iceServers }),
      candidates: [],
      ended: false,
      told: false,
      remoteUfrag: null,
      remoteCandidates: 0,
      connecting: false
    };
    const { path } = slot;
    path.on('candidate', (candidate) => {
      if (candidate === null) slot.ended = true;
      else slot.candidates.push(candidate);
      if (slot.told && (candidate !== null || !connected)) events.emit('candidate', candidate, path.iceUfrag);
    });
    path.on('datagram', (datagram, from) => {
      arriving = slot;
      events.emit('datagram', datagram, from);
      arriving = null;
    });
    path.on('silent', (unheard) => {
      if (slot === current) setSilent(unheard);
    });
    path.on('lost', () => {
      if (slot !== current) return;
      dead = true;
      if (connected) setSilent(true);
      else lose();
    });
    return slot;
  }

  const setSilent = (unheard: boolean): void => {
    if (silent === unheard || closed) return;
    silent = unheard;
    events.emit('silent', unheard);
    if (unheard && next === null) begin();
    if (!unheard) fruitless = 0;
  };
  const lose = (): void => {
    if (closed) return;
    void close();
    events.emit('lost');
  };
  const watchConsent = (): void => {
    const consentMs = current.path.consentMs();
    if (consentMs !== null && clock.monotonicMs() - consentMs >= CONSENT_LIMIT_MS) lose();
  };

  const closeSlot = ({ path }: Slot): void => {
    path.close().catch((error: unknown) => log.debug('a path did not close cleanly', { error: String(error) }));
  };
  const dropNext = (): void => {
    next?.timer.cancel();
    if (next !== null) closeSlot(next.slot);
    next = null;
  };
  const dropOld = (): void => {
    old?.timer.cancel();
    if (old !== null) closeSlot(old.slot);
    old = null;
  };
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    passOver();
    dropNext();
    dropOld();
    await Promise.all([scope[Symbol.asyncDispose](), current.path.close()]);
  };

  const gather = async (slot: Slot): Promise<void> => {
    const gathering = slot.path.gather().catch((error: unknown) => log.warn('candidates could not be gathered', { error: String(error) }));
    // Without servers this takes a few milliseconds, and the terms then hold all candidates.
    if (iceServers.length === 0) await gathering;
    else if (connected) await Promise.race([gathering, new Promise<void>((resolve) => scope.schedule(clock, GATHER_WAIT_MS, resolve))]);
  };
  const termsOf = (slot: Slot): PathTerms => {
    slot.told = true;
    const { iceUfrag, icePassword } = slot.path;
    return { iceUfrag, icePassword, candidates: [...slot.candidates], endOfCandidates: slot.ended };
  };
  const apply = (slot: Slot, candidate: string): void => {
    if (slot.remoteCandidates >= MAX_REMOTE_CANDIDATES) return;
    slot.remoteCandidates += 1;
    // Not awaited: a browser's candidate has to be looked up first, and may never be found.
    slot.path.addCandidate(candidate).catch((error: unknown) => log.debug('a candidate was not taken', { error: String(error) }));
    nominate(slot);
  };
  const end = (slot: Slot): void => {
    slot.path.endOfCandidates().catch((error: unknown) => log.debug('the candidates were not ended', { error: String(error) }));
  };
  const meet = (slot: Slot, terms: PathTerms): void => {
    slot.remoteUfrag = terms.iceUfrag;
    slot.path.setRemote(terms.iceUfrag, terms.icePassword);
    const waiting = early.splice(0).filter((candidate) => [terms.iceUfrag, null].includes(candidateUfrag(candidate)));
    for (const candidate of [...terms.candidates, ...waiting]) apply(slot, candidate);
    if (slot === current && (terms.endOfCandidates || earlyEnd)) end(slot);
  };

  const attempt = (begunHere: boolean): Attempt => {
    dropNext();
    rest?.cancel();
    const patienceMs = begunHere ? PATIENCE_MS * 2 ** Math.min(fruitless, 2) : GUEST_PATIENCE_MS;
    const timer = scope.schedule(clock, patienceMs, () => {
      dropNext();
      fruitless += 1;
      if (silent || dead || (outdated && fruitless < ATTEMPTS_BEFORE_REST)) begin();
      else if (outdated)
        rest = scope.schedule(clock, REST_MS, () => {
          if (outdated) begin();
        });
    });
    next = { slot: createSlot(), begunHere, answered: !begunHere, timer };
    return next;
  };
  const begin = (): void => {
    if (closed || !connected) return;
    const begun = attempt(true);
    log.info('a new path is looked for', { silent, dead, outdated });
    void gather(begun.slot).then(() => {
      if (next === begun) events.emit('restart', termsOf(begun.slot));
    });
  };
  /** The stack gives up at once where it has nothing to try. */
  const nominate = (slot: Slot): void => {
    if (next?.slot !== slot || !next.answered || slot.connecting || slot.remoteCandidates === 0) return;
    slot.connecting = true;
    slot.path.connect().then(
      () => moveTo(slot),
      (error: unknown) => log.info('no new path was found', { error: String(error) })
    );
  };
  const moveTo = (slot: Slot): void => {
    if (next?.slot !== slot || closed) return;
    next.timer.cancel();
    next = null;
    dropOld();
    old = { slot: current, timer: scope.schedule(clock, LINGER_UNHEARD_MS, dropOld), heard: false };
    current = slot;
    dead = false;
    outdated = false;
    fruitless = 0;
    log.info('the call has moved to a new path');
    events.emit('moved');
    setSilent(false);
  };
  const isKnown = (iceUfrag: string): boolean => [current, next?.slot, old?.slot].some((slot) => slot?.remoteUfrag === iceUfrag);
  // Both began at once: the one that made the first offer goes on, the other gives way.
  const mayJoin = ({ iceUfrag }: PathTerms): boolean =>
    !closed && connected && !isKnown(iceUfrag) && !(next?.begunHere === true && !next.answered && controlling);
  /** The latest that asks waits for its turn: a broker that was away hands over outdated restarts first. Those before it have none. */
  const turn = (): Promise<boolean> => {
    passOver();
    if (admit()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = scope.schedule(clock, RESTART_PERIOD_MS, () => resolve(admit()));
      passOver = () => {
        timer.cancel();
        resolve(false);
      };
    });
  };

  return {
    on: events.on,
    open: () => gather(current),
    terms: () => termsOf(current),
    meet: (terms) => meet(current, terms),
    addCandidate(text) {
      if (closed) return;
      const ufrag = candidateUfrag(text);
      const newest = next !== null && next.slot.remoteUfrag !== null ? next.slot : current;
      const slot = ufrag === null ? newest : [current, next?.slot].find((known) => known?.remoteUfrag === ufrag);
      if (text === '') {
        if (connected) return;
        if (current.remoteUfrag === null) earlyEnd = true;
        else end(current);
      } else if (slot != null && slot.remoteUfrag !== null) apply(slot, text);
      else if (early.length < MAX_REMOTE_CANDIDATES) early.push(text);
    },
    async connect() {
      await current.path.connect();
      if (closed) return;
      connected = true;
      scope.every(clock, CONSENT_LOOK_MS, watchConsent);
    },
    async acceptRestart(terms) {
      if (!mayJoin(terms) || !(await turn()) || !mayJoin(terms)) return null;
      const joined = attempt(false);
      await gather(joined.slot);
      if (next !== joined) return null;
      const ours = termsOf(joined.slot);
      meet(joined.slot, terms);
      return ours;
    },
    settleRestart(offered, terms) {
      if (next === null || next.answered || (offered ?? next.slot.path.iceUfrag) !== next.slot.path.iceUfrag) return;
      next.answered = true;
      meet(next.slot, terms);
    },
    networkChanged(addresses) {
      if (closed || !connected) return;
      outdated = current.path.isOutdated(addresses);
      if (outdated || silent) begin();
    },
    iceServersChanged(servers) {
      iceServers = servers;
    },
    send: (datagram) => current.path.send(datagram),
    roundTripMs: () => current.path.roundTripMs(),
    alive() {
      const heardOn = arriving ?? current;
      heardOn.path.alive();
      if (heardOn !== current || old === null || old.heard) return;
      old.timer.cancel();
      old = { ...old, heard: true, timer: scope.schedule(clock, LINGER_MS, dropOld) };
    },
    close
  };
}

/** Whoever asks more often has to wait: a new path costs sockets. */
function createAllowance(clock: Clock): () => boolean {
  let left = MAX_RESTARTS;
  let countedMs = clock.monotonicMs();
  return () => {
    const earned = Math.floor((clock.monotonicMs() - countedMs) / RESTART_PERIOD_MS);
    countedMs += earned * RESTART_PERIOD_MS;
    left = Math.min(MAX_RESTARTS, left + earned);
    if (left === 0) return false;
    left -= 1;
    return true;
  };
}
