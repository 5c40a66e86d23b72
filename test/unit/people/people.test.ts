import assert from 'node:assert/strict';
import { createEvents } from '../../../src/kernel/events.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import { createPeople } from '../../../src/people/people.ts';
import { EMPTY_BOOK, type PeopleBook } from '../../../src/people/people-book.ts';
import type { RecentCall } from '../../../src/room/state.ts';
import type { PresenceNews, Signaling, SignalingEvents } from '../../../src/signaling/port.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { memoryFile } from '../../fakes/kept-parts.ts';

const SELF = 'boardroom@contoso.example';
const STUDIO = 'studio@contoso.example';
const LOOK_MS = 10 * 60_000;
const endpointOf = (letter: string): string => letter.repeat(26);
const said = (account: string, letter: string, state: 'online' | 'offline' = 'online', saidAtS = 1000): PresenceNews => ({
  kind: 'said',
  endpoint: endpointOf(letter),
  account,
  name: account.slice(0, account.indexOf('@')),
  state,
  bootId: '0190f3c2-7d4e-7a31-8c55-000000000001',
  counter: 1,
  saidAtS
});
const CALL: RecentCall = {
  id: '0190f3c2-7d4e-7a31-8c55-000000000001',
  account: STUDIO,
  displayName: 'Studio',
  direction: 'incoming',
  outcome: 'missed',
  at: '2026-01-01T00:00:00.000Z',
  durationMs: 0,
  encryption: null
};

type Watch = Parameters<Signaling['watchPresence']>[0];

async function start(kept: PeopleBook = EMPTY_BOOK) {
  const clock = createFakeClock();
  const signaling = createEvents<SignalingEvents>((error) => {
    throw error;
  });
  const watches: Watch[] = [];
  const seeking = { words: [] as (readonly string[])[], proven: Promise.resolve() };
  const file = memoryFile(kept);
  const logged: string[] = [];
  let removed = 0;
  let changes = 0;
  const note = (message: string, details?: object): void => void logged.push(`${message} ${JSON.stringify(details)}`);
  const people = createPeople({
    self: SELF,
    file,
    removeRemains: async () => void removed++,
    signaling: {
      on: signaling.on,
      watchPresence: (watch) => void watches.push(watch),
      seekPresence(words) {
        seeking.words.push(words);
        return seeking.proven;
      }
    },
    clock,
    log: { ...silentLog, info: note, warn: note, error: note }
  });
  people.on('changed', () => changes++);
  await people.start(new AbortController().signal);
  signaling.emit('connection', 'connected');
  const search = async (query: string): ReturnType<typeof people.search> => {
    const found = people.search(query);
    await clock.advanceAsync(500);
    return found;
  };
  return { people, clock, signaling, watches, seeking, file, logged, search, removed: () => removed, changes: () => changes };
}

describe('the people of a room', () => {
  it('shows what was kept, and keeps a change before it confirms it', async () => {
    const { people, file } = await start({ ...EMPTY_BOOK, favourites: [{ account: STUDIO, displayName: null, endpoints: [] }] });
    assert.deepEqual(people.view().favourites, [{ account: STUDIO, displayName: STUDIO, presence: 'unknown' }]);
    await people.addFavourite('Attic@contoso.example', 'The attic');
    assert.deepEqual(
      file.kept.favourites.map(({ account }) => account),
      [STUDIO, 'attic@contoso.example']
    );
    assert.equal(people.view().favourites[1]?.displayName, 'The attic');
  });

  it('changes nothing that could not be kept, and says so', async () => {
    const { people, file } = await start();
    file.failure = new Error('disk full');
    await assert.rejects(people.block('eve@contoso.example'), /disk full/);
    assert.equal(people.isBlocked('eve@contoso.example'), false);
    assert.deepEqual(people.blocked(), []);
    await people.block('eve@contoso.example');
    assert.equal(people.isBlocked('eve@contoso.example'), true);
    await assert.rejects(people.block('nobody'), { code: 'CL_ADDRESS_INVALID' });
  });

  it('loses no change of several at once', async () => {
    const { people, file } = await start();
    await Promise.all([
      people.block('a@contoso.example'),
      people.addFavourite(STUDIO, null),
      people.block('b@contoso.example'),
      people.unblock('a@contoso.example')
    ]);
    assert.deepEqual([file.kept.blocked, file.kept.favourites.length], [['b@contoso.example'], 1]);
  });

  it('shows a call that was even where it cannot be kept, and keeps it with the next', async () => {
    const { people, file, logged } = await start();
    file.failure = new Error('disk full');
    people.record(CALL, null);
    await people.seen();
    assert.deepEqual([people.view().recents.length, people.view().missedUnseen, file.kept.recents.length], [1, 0, 1]);
    assert.ok(logged.some((line) => line.startsWith('people could not be kept')));
    assert.ok(!logged.some((line) => line.includes(STUDIO)), 'no account is in the log');
    await people.removeRecent(CALL.id);
    assert.equal(file.kept.recents.length, 0);
  });

  it('follows everybody only while somebody looks, and favourites always', async () => {
    const { people, clock, signaling, watches, search } = await start({
      ...EMPTY_BOOK,
      favourites: [{ account: STUDIO, displayName: null, endpoints: [endpointOf('a')] }]
    });
    assert.deepEqual(watches.at(-1), { everybody: false, endpoints: [endpointOf('a')] });
    const looking = people.search('');
    assert.equal(watches.at(-1)?.everybody, true);
    signaling.emit('presence', said(STUDIO, 'a'));
    signaling.emit('presence', said('attic@contoso.example', 'b'));
    signaling.emit('presence', said(SELF, 'c'));
    await clock.advanceAsync(500);
    assert.deepEqual(
      (await looking).map(({ account, presence }) => `${account} ${presence}`),
      ['attic@contoso.example online', `${STUDIO} online`]
    );
    await clock.advanceAsync(LOOK_MS - 1000);
    assert.deepEqual(
      (await people.search('attic')).map(({ presence }) => presence),
      ['online'],
      'only the first search of a look waits'
    );
    await clock.advanceAsync(LOOK_MS - 1);
    assert.equal(watches.at(-1)?.everybody, true, 'each search prolongs the look');
    await clock.advanceAsync(1);
    assert.deepEqual(watches.at(-1), { everybody: false, endpoints: [endpointOf('a')] });
    assert.equal(people.view().favourites[0]?.presence, 'online');
    assert.deepEqual(
      (await search('attic')).map(({ presence }) => presence),
      ['unknown'],
      'known, but not whether it is there'
    );
  });

  it('waits half a second at most for what is not proven yet, and has what is sought proven first', async () => {
    const { people, clock, signaling, seeking, search } = await start();
    await search('Zürich  HALL');
    assert.deepEqual(seeking.words, Array(2).fill(['zurich', 'hall']), 'at once, and of what came meanwhile');
    let proven = (): void => {};
    seeking.proven = new Promise((resolve) => {
      proven = resolve;
    });
    const soon = people.search('attic');
    signaling.emit('presence', said('attic@contoso.example', 'b'));
    proven();
    assert.equal((await soon).length, 1, 'no longer than is needed');
    seeking.proven = new Promise(() => {});
    let done = false;
    const late = people.search('attic').then((found) => {
      done = true;
      return found;
    });
    await clock.advanceAsync(499);
    assert.equal(done, false);
    await clock.advanceAsync(1);
    assert.equal((await late).length, 1);
  });

  it('learns where a favourite is: of the directory, of presence and of calls', async () => {
    const { people, signaling, watches, file, search } = await start();
    const looking = search('');
    signaling.emit('presence', said(STUDIO, 'a'));
    await looking;
    await people.addFavourite(STUDIO, null);
    assert.deepEqual(file.kept.favourites[0]?.endpoints, [endpointOf('a')]);
    signaling.emit('presence', said(STUDIO, 'b'));
    signaling.emit('presence', said(STUDIO, 'd', 'offline'));
    people.record(CALL, endpointOf('c'));
    await people.seen();
    assert.deepEqual(file.kept.favourites[0]?.endpoints, [endpointOf('c'), endpointOf('b'), endpointOf('a')]);
    assert.deepEqual(watches.at(-1)?.endpoints, [endpointOf('c'), endpointOf('b'), endpointOf('a')]);
  });

  it('looks once for a favourite that nobody has met', async () => {
    const { people, signaling, watches, clock } = await start();
    await people.addFavourite(` ${STUDIO.toUpperCase()}`, null);
    assert.equal(watches.at(-1)?.everybody, true);
    signaling.emit('presence', said('attic@contoso.example', 'b'));
    clock.advance(600_000);
    assert.equal(watches.at(-1)?.everybody, false);
    await people.addFavourite('attic@contoso.example', null);
    assert.deepEqual(watches.at(-1), { everybody: false, endpoints: [endpointOf('b')] }, 'it knows where that one is');
  });

  it('says what changed of favourites, and nothing of others', async () => {
    const { people, signaling, changes } = await start({
      ...EMPTY_BOOK,
      favourites: [{ account: STUDIO, displayName: null, endpoints: [endpointOf('a')] }]
    });
    const before = changes();
    signaling.emit('presence', said('attic@contoso.example', 'b'));
    assert.equal(changes(), before);
    signaling.emit('presence', said(STUDIO, 'a'));
    assert.equal(changes(), before + 1);
    assert.deepEqual(people.view().favourites[0], { account: STUDIO, displayName: 'studio', presence: 'online' });
    signaling.emit('presence', { kind: 'gone', endpoint: endpointOf('a'), bootId: '0190f3c2-7d4e-7a31-8c55-000000000001', counter: 1 });
    assert.equal(people.view().favourites[0]?.presence, 'offline');
    signaling.emit('connection', 'connecting');
    assert.equal(people.view().favourites[0]?.presence, 'unknown', 'without a broker nobody knows');
  });

  it('counts calls of blocked accounts without a line for each', async () => {
    const { people, logged } = await start();
    for (let n = 0; n < 100; n++) people.refused();
    assert.equal(logged.filter((line) => line.startsWith('calls of blocked accounts')).length, 19);
  });

  it('is wiped on the disk, what was set aside too, and keeps what was arranged', async () => {
    const { people, file, removed } = await start();
    await people.addFavourite(STUDIO, null);
    people.record(CALL, null);
    await people.wipe();
    assert.deepEqual([file.kept.recents, file.kept.favourites.length, removed(), people.view().recents], [[], 1, 1, []]);
    assert.equal(people.lastCalled(), null);
    people.record(CALL, null);
    await people.seen();
    file.failure = new Error('disk full');
    await assert.rejects(people.wipe(), /disk full/);
    assert.deepEqual(people.view().recents, [], 'it is not shown again');
  });

  it('leaves no timer, and waits for what is on its way to the disk', async () => {
    const { people, clock, file, search } = await start();
    await search('');
    people.record(CALL, null);
    await people[Symbol.asyncDispose]();
    assert.deepEqual([clock.pending, file.kept.recents.length], [0, 1]);
  });
});
