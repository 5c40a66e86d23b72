// Who is there, made of presence documents that signaling has verified. Pure.
// Invariants: a name and an account come from a document alone; an unsigned last will can show a device that is known as gone, and nothing else;
// an old document changes nothing; bounded. What is not followed at the moment is `unknown`, whatever was last heard of it.
import { shownName } from '../kernel/shown-name.ts';
import type { Presence } from '../room/state.ts';
import type { PresenceNews } from '../signaling/port.ts';

const MAX_DEVICES = 10_000;

type Device = {
  readonly account: string;
  readonly name: string;
  readonly online: boolean;
  readonly bootId: string;
  readonly counter: number;
  readonly saidAtS: number;
  /** Heard since presence was last asked for: else what is known may be long past. */
  readonly fresh: boolean;
};

export type Person = { readonly account: string; readonly name: string; readonly presence: Presence; readonly endpoints: readonly string[] };

export type Directory = {
  /** @returns whether it says something new of its account */
  learn(news: PresenceNews): boolean;
  /** What is known of these devices, of all where left out, is no longer followed. */
  doubt(isFollowed?: (endpoint: string) => boolean): void;
  person(account: string): Person | null;
  people(): Iterable<Person>;
  readonly devices: number;
};

/** @param limit how many devices are known at most; those that were there first stay */
export function createDirectory(limit = MAX_DEVICES): Directory {
  const devices = new Map<string, Device>();
  const accounts = new Map<string, Set<string>>();

  function put(endpoint: string, device: Device): void {
    const before = devices.get(endpoint);
    if (before !== undefined && before.account !== device.account) drop(endpoint, before.account);
    devices.set(endpoint, device);
    const own = accounts.get(device.account) ?? new Set();
    own.add(endpoint);
    accounts.set(device.account, own);
  }

  function drop(endpoint: string, account: string): void {
    const own = accounts.get(account);
    own?.delete(endpoint);
    if (own?.size === 0) accounts.delete(account);
  }

  function person(account: string): Person | null {
    const endpoints = accounts.get(account);
    if (endpoints === undefined) return null;
    const known = [...endpoints].flatMap((endpoint) => {
      const device = devices.get(endpoint);
      return device === undefined ? [] : [{ endpoint, device }];
    });
    known.sort((a, b) => rank(b.device) - rank(a.device) || b.device.saidAtS - a.device.saidAtS);
    const [first] = known;
    if (first === undefined) return null;
    return { account, name: first.device.name, presence: presenceOf(first.device), endpoints: known.map(({ endpoint }) => endpoint) };
  }

  return {
    learn(news) {
      const before = devices.get(news.endpoint);
      if (news.kind === 'gone') {
        if (before === undefined || isStale(news, before)) return false;
        devices.set(news.endpoint, { ...before, online: false, fresh: true });
        return before.online || !before.fresh;
      }
      if (before === undefined ? devices.size >= limit : !isNewer(news, before)) return false;
      const { account, bootId, counter, saidAtS } = news;
      const device: Device = { account, name: shownName(news.name), online: news.state === 'online', bootId, counter, saidAtS, fresh: true };
      put(news.endpoint, device);
      return before === undefined || !before.fresh || before.account !== account || before.name !== device.name || before.online !== device.online;
    },
    doubt(isFollowed = () => false) {
      for (const [endpoint, device] of devices) if (device.fresh && !isFollowed(endpoint)) devices.set(endpoint, { ...device, fresh: false });
    },
    person,
    *people() {
      for (const account of accounts.keys()) {
        const found = person(account);
        if (found !== null) yield found;
      }
    },
    get devices() {
      return devices.size;
    }
  };
}

const presenceOf = ({ fresh, online }: Device): Presence => (!fresh ? 'unknown' : online ? 'online' : 'offline');
const RANK: Record<Presence, number> = { online: 2, offline: 1, unknown: 0 };
const rank = (device: Device): number => RANK[presenceOf(device)];

/**
 * Within one run of an agent its count of connections decides, also where its clock was set back; else when it was said.
 * What was said in the same second came in this order. The same document again is news only of its being there.
 */
function isNewer(news: Extract<PresenceNews, { kind: 'said' }>, known: Device): boolean {
  if (news.bootId === known.bootId && news.counter !== known.counter) return news.counter > known.counter;
  return news.saidAtS >= known.saidAtS;
}

/** A last will of a connection that was before the one known (boot ids are UUIDv7: in the order of time). */
const isStale = (news: Extract<PresenceNews, { kind: 'gone' }>, known: Device): boolean =>
  news.bootId === known.bootId ? news.counter < known.counter : news.bootId < known.bootId;
