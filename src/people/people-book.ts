// What a room remembers of people: favourites, recent calls, blocked accounts, and what each change makes of it. Pure.
// Invariants: bounded (a full list refuses, recent calls forget the oldest); an account is in a list once, a call once; the latest call is first;
// an account is in its normal form (address.ts), so that nobody is blocked under one spelling and rings under another.
import { parseAddress } from '../kernel/address.ts';
import { CloisterError } from '../kernel/errors.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import { shownName } from '../kernel/shown-name.ts';
import type { RecentCall } from '../room/state.ts';

export const MAX_RECENTS = 100;
/** Whoever calls over and over does not push everybody else out of the recent calls. */
const MAX_MISSED_OF_ONE = 10;
export const MAX_FAVOURITES = 50;
export const MAX_BLOCKED = 1_000;
/** Devices of one favourite whose presence is followed. */
export const MAX_ENDPOINTS = 8;

/** `displayName` null: the one that the account's own room says. `endpoints`: its devices as far as they were met, the latest first. */
export type Favourite = { readonly account: string; readonly displayName: string | null; readonly endpoints: readonly string[] };
/** `seen`: somebody has looked at it; it counts for missed calls. */
export type KeptCall = RecentCall & { readonly seen: boolean };

export type PeopleBook = {
  /** In the order in which they were added. */
  readonly favourites: readonly Favourite[];
  /** The latest first. */
  readonly recents: readonly KeptCall[];
  readonly blocked: readonly string[];
};

export const EMPTY_BOOK: PeopleBook = { favourites: [], recents: [], blocked: [] };

/** @param endpoints the account's devices that are known, the latest first */
export function addFavourite(book: PeopleBook, address: string, displayName: string | null, endpoints: readonly string[]): Result<PeopleBook> {
  const account = accountOf(address);
  if (!account.ok) return account;
  const name = displayName === null ? null : shownName(displayName);
  const before = book.favourites.find((favourite) => favourite.account === account.value);
  const favourite: Favourite = {
    account: account.value,
    displayName: name === '' ? null : name,
    endpoints: latest(endpoints, before?.endpoints ?? [])
  };
  if (before !== undefined) return ok({ ...book, favourites: book.favourites.map((each) => (each === before ? favourite : each)) });
  if (book.favourites.length >= MAX_FAVOURITES) return err(new CloisterError('CL_PEOPLE_FULL', `There are ${MAX_FAVOURITES} favourites already.`));
  return ok({ ...book, favourites: [...book.favourites, favourite] });
}

export const removeFavourite = (book: PeopleBook, address: string): Result<PeopleBook> =>
  withAccount(address, (account) => ({ ...book, favourites: book.favourites.filter((favourite) => favourite.account !== account) }));

/**
 * A device of a favourite was met. The book itself where that is no news.
 * @param replace it takes the place of the one that was met longest ago, where there is none left
 */
export function meetEndpoint(book: PeopleBook, account: string, endpoint: string, replace: boolean): PeopleBook {
  const favourite = book.favourites.find((each) => each.account === account);
  if (favourite === undefined || favourite.endpoints.includes(endpoint)) return book;
  if (favourite.endpoints.length >= MAX_ENDPOINTS && !replace) return book;
  const met = { ...favourite, endpoints: latest([endpoint], favourite.endpoints) };
  return { ...book, favourites: book.favourites.map((each) => (each === favourite ? met : each)) };
}

/** A call that is known already is the one it was: only its latest word counts. */
export function recordCall(book: PeopleBook, call: RecentCall): PeopleBook {
  const before = book.recents.find(({ id }) => id === call.id);
  const others = book.recents.filter(({ id }) => id !== call.id);
  // Those of the same instant stay in the order in which they were told.
  const place = others.findIndex(({ at }) => Date.parse(at) <= Date.parse(call.at));
  const index = place === -1 ? others.length : place;
  const kept: KeptCall = { ...call, displayName: shownName(call.displayName) || call.account, seen: call.outcome !== 'missed' || before?.seen === true };
  const recents = [...others.slice(0, index), kept, ...others.slice(index)];
  const missedOfOne = recents.filter(({ account, outcome }) => account === call.account && outcome === 'missed');
  const tooMany = new Set(missedOfOne.slice(MAX_MISSED_OF_ONE));
  return { ...book, recents: recents.filter((each) => !tooMany.has(each)).slice(0, MAX_RECENTS) };
}

export const removeRecent = (book: PeopleBook, id: string): PeopleBook => ({ ...book, recents: book.recents.filter((call) => call.id !== id) });

/** The missed calls were looked at. */
export const markSeen = (book: PeopleBook): PeopleBook => ({ ...book, recents: book.recents.map((call) => ({ ...call, seen: true })) });

export const missedUnseen = (book: PeopleBook): number => book.recents.filter(({ outcome, seen }) => outcome === 'missed' && !seen).length;

/** Whom somebody here called last; null where nobody did, or it was forgotten. */
export const lastCalled = (book: PeopleBook): string | null => book.recents.find(({ direction }) => direction === 'outgoing')?.account ?? null;

export function block(book: PeopleBook, address: string): Result<PeopleBook> {
  const account = accountOf(address);
  if (!account.ok) return account;
  if (book.blocked.includes(account.value)) return ok(book);
  if (book.blocked.length >= MAX_BLOCKED) return err(new CloisterError('CL_PEOPLE_FULL', `There are ${MAX_BLOCKED} blocked accounts already.`));
  return ok({ ...book, blocked: [...book.blocked, account.value].sort() });
}

export const unblock = (book: PeopleBook, address: string): Result<PeopleBook> =>
  withAccount(address, (account) => ({ ...book, blocked: book.blocked.filter((each) => each !== account) }));

/** What people left behind goes; what the room's own people arranged stays. */
export const wipe = (book: PeopleBook): PeopleBook => ({ ...book, recents: [] });

const latest = (newer: readonly string[], older: readonly string[]): readonly string[] => [...new Set([...newer, ...older])].slice(0, MAX_ENDPOINTS);

function accountOf(address: string): Result<string> {
  const parsed = parseAddress(address);
  return parsed.ok ? ok(parsed.value.account) : parsed;
}

function withAccount(address: string, change: (account: string) => PeopleBook): Result<PeopleBook> {
  const account = accountOf(address);
  return account.ok ? ok(change(account.value)) : account;
}
