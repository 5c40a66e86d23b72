// The room's people: what is kept of them on disk (people-book.ts) and who is there (directory.ts). Invariants: what a person changed is on the disk
// before it is shown or confirmed, one change after the other; everybody's presence is followed only while somebody looks, favourites' always;
// no account or name is in a log.
import type { KeptFile } from '../config/kept-file.ts';
import { parseAddress } from '../kernel/address.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { asCloisterError } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import { createKeptValue } from '../kernel/kept-value.ts';
import type { Log } from '../kernel/log.ts';
import { ok } from '../kernel/result.ts';
import { Scope } from '../kernel/scope.ts';
import type { PeopleView, PersonView, RecentCall } from '../room/state.ts';
import type { Signaling } from '../signaling/port.ts';
import type { PeoplePort } from '../ui-server/port.ts';
import { createDirectory, type Person } from './directory.ts';
import {
  addFavourite,
  block,
  EMPTY_BOOK,
  lastCalled,
  markSeen,
  meetEndpoint,
  missedUnseen,
  type PeopleBook,
  recordCall,
  removeFavourite,
  removeRecent,
  unblock,
  wipe
} from './people-book.ts';
import { searchPeople, wordsOf } from './search.ts';

const systemCodeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** How long everybody's presence is followed after a search. */
const LOOK_MS = 10 * 60_000;
/** The first search of a look waits so long for what the broker holds; a later one at most so long for what is not proven yet. */
const FIRST_LOOK_MS = 500;
const SEEK_MS = 500;

export type PeopleOptions = {
  readonly self: string;
  readonly file: KeptFile<PeopleBook>;
  /** Removes what a damaged or half written file left behind. */
  readonly removeRemains: () => Promise<void>;
  readonly signaling: Pick<Signaling, 'on' | 'watchPresence' | 'seekPresence'>;
  readonly clock: Clock;
  readonly log: Log;
};

export type People = PeoplePort &
  EventSource<{ changed: readonly [] }> &
  AsyncDisposable & {
    /** Reads what is kept. */
    start(signal: AbortSignal): Promise<void>;
    view(): PeopleView;
    isBlocked(account: string): boolean;
    lastCalled(): string | null;
    /** A call is over, or did not ring. `endpoint`: of the other side, where it was met. */
    record(call: RecentCall, endpoint: string | null): void;
    /** A blocked account called: nothing is kept of it but how often. */
    refused(): void;
    /** What people left goes, from the disk too. */
    wipe(): Promise<void>;
  };

export function createPeople(options: PeopleOptions): People {
  const { file, signaling, clock, log } = options;
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener failed', { error: String(error) }));
  const directory = createDirectory();
  let blocked: ReadonlySet<string> = new Set();
  let shown: PeopleView | null = null;
  let refusedCalls = 0;
  let connected = false;
  let look: { readonly sinceMs: number; readonly timer: Timer } | null = null;

  const kept = createKeptValue<PeopleBook>({
    initial: EMPTY_BOOK,
    store: file,
    changed(before) {
      shown = null;
      if (kept.current.blocked !== before.blocked) blocked = new Set(kept.current.blocked);
      if (kept.current.favourites !== before.favourites) follow();
      events.emit('changed');
    }
  });

  /** For what no person waits for. */
  function note(make: (book: PeopleBook) => PeopleBook): void {
    kept
      .change((before) => ok(make(before)), true)
      .catch((error: unknown) => log.warn('people could not be kept', { code: asCloisterError(error).code, reason: systemCodeOf(error) }));
  }

  // ── who is there ────────────────────────────────────────────────────────────────────────────────────────────────────

  const favouriteEndpoints = (): readonly string[] => [...new Set(kept.current.favourites.flatMap(({ endpoints }) => endpoints))];

  function follow(): void {
    signaling.watchPresence({ everybody: look !== null, endpoints: favouriteEndpoints() });
  }

  /** @returns how long ago the look began */
  function lookAround(): number {
    const before = look;
    before?.timer.cancel();
    look = {
      sinceMs: before?.sinceMs ?? clock.monotonicMs(),
      timer: clock.schedule(LOOK_MS, () => {
        look = null;
        const followed = new Set(favouriteEndpoints());
        directory.doubt((endpoint) => followed.has(endpoint));
        follow();
      })
    };
    if (before === null) follow();
    return clock.monotonicMs() - look.sinceMs;
  }

  function listen(): void {
    scope.own(() => look?.timer.cancel());
    scope.own(
      signaling.on('presence', (news) => {
        if (!directory.learn(news)) return;
        if (news.kind === 'said') {
          const met = (before: PeopleBook): PeopleBook => meetEndpoint(before, news.account, news.endpoint, false);
          if (news.state === 'online' && met(kept.current) !== kept.current) note(met);
        }
        if (!kept.current.favourites.some(({ account, endpoints }) => endpoints.includes(news.endpoint) || (news.kind === 'said' && account === news.account)))
          return;
        shown = null;
        events.emit('changed');
      })
    );
    scope.own(
      signaling.on('connection', (state) => {
        if (connected === (state === 'connected')) return;
        connected = state === 'connected';
        // What was heard last may long be past; it is told anew with the next connection.
        if (connected) return;
        directory.doubt();
        shown = null;
        events.emit('changed');
      })
    );
  }

  const pause = (delayMs: number): Promise<void> => new Promise((resolve) => void scope.schedule(clock, delayMs, resolve));

  const personView = (account: string, ownName: string | null, known: Person | null = directory.person(account)): PersonView => ({
    account,
    displayName: ownName ?? (known?.name || account),
    presence: known?.presence ?? 'unknown'
  });

  function everybodyKnown(): Iterable<PersonView> {
    const found = new Map<string, PersonView>();
    for (const { account, displayName } of kept.current.recents) found.set(account, personView(account, displayName));
    for (const known of directory.people()) found.set(known.account, personView(known.account, null, known));
    for (const { account, displayName } of kept.current.favourites) found.set(account, personView(account, displayName));
    found.delete(options.self);
    return found.values();
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      listen();
      await kept.load();
    },
    view() {
      shown ??= {
        favourites: kept.current.favourites.map(({ account, displayName }) => personView(account, displayName)),
        recents: kept.current.recents.map(({ seen: _seen, ...call }) => call),
        missedUnseen: missedUnseen(kept.current)
      };
      return shown;
    },
    async search(query) {
      const sinceMs = lookAround();
      if (connected) {
        const words = wordsOf(query);
        let proven = signaling.seekPresence(words);
        if (sinceMs < FIRST_LOOK_MS) {
          await pause(FIRST_LOOK_MS - sinceMs);
          proven = signaling.seekPresence(words);
        }
        await Promise.race([proven, pause(SEEK_MS)]);
      }
      return searchPeople(everybodyKnown(), query);
    },
    async addFavourite(account, displayName) {
      await kept.change((before) => addFavourite(before, account, displayName, directory.person(account)?.endpoints ?? []));
      // Whose devices nobody knows yet is looked for once: for one that is never there nobody is followed again and again.
      const added = parseAddress(account);
      if (added.ok && kept.current.favourites.some((favourite) => favourite.account === added.value.account && favourite.endpoints.length === 0)) lookAround();
    },
    removeFavourite: (account) => kept.change((before) => removeFavourite(before, account)),
    removeRecent: (id) => kept.change((before) => ok(removeRecent(before, id))),
    seen: () => kept.change((before) => ok(missedUnseen(before) === 0 ? before : markSeen(before))),
    blocked: () => kept.current.blocked,
    block: (account) => kept.change((before) => block(before, account)),
    unblock: (account) => kept.change((before) => unblock(before, account)),
    isBlocked: (account) => blocked.has(account),
    lastCalled: () => lastCalled(kept.current),
    record: (call, endpoint) =>
      note((before) => {
        const met = endpoint === null ? before : meetEndpoint(before, call.account, endpoint, true);
        return recordCall(met, call);
      }),
    refused() {
      refusedCalls += 1;
      // Each tenth of the count's own size: whoever calls without end does not fill the log.
      if (/^[1-9]0*$/.test(String(refusedCalls))) log.info('calls of blocked accounts were refused', { calls: refusedCalls });
    },
    async wipe() {
      await Promise.all([kept.change((before) => ok(wipe(before)), true), kept.between(options.removeRemains)]);
    },
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      // What is on its way to the disk.
      await kept.between(async () => {});
    }
  };
}
