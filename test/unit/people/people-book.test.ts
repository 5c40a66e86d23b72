import assert from 'node:assert/strict';
import fc from 'fast-check';
import { keptPeople } from '../../../src/people/kept-people.ts';
import {
  addFavourite,
  block,
  EMPTY_BOOK,
  lastCalled,
  MAX_BLOCKED,
  MAX_ENDPOINTS,
  MAX_FAVOURITES,
  MAX_RECENTS,
  markSeen,
  meetEndpoint,
  missedUnseen,
  type PeopleBook,
  recordCall,
  removeFavourite,
  removeRecent,
  unblock,
  wipe
} from '../../../src/people/people-book.ts';
import type { RecentCall } from '../../../src/room/state.ts';

const AT = Date.UTC(2026, 0, 1);
const callOf = (id: string, change: Partial<RecentCall> = {}): RecentCall => ({
  id,
  account: 'studio@contoso.example',
  displayName: 'Studio',
  direction: 'incoming',
  outcome: 'missed',
  at: new Date(AT).toISOString(),
  durationMs: 0,
  encryption: null,
  ...change
});
const must = (made: ReturnType<typeof block>): PeopleBook => {
  assert.ok(made.ok);
  return made.value;
};
const endpointOf = (letter: string): string => letter.repeat(26);

describe('the book of people', () => {
  it('keeps the latest call first, a call once, and forgets the oldest', () => {
    let book = EMPTY_BOOK;
    for (let n = 0; n <= MAX_RECENTS; n++) book = recordCall(book, callOf(`c${n}`, { outcome: 'talked', at: new Date(AT + n * 1000).toISOString() }));
    assert.equal(book.recents.length, MAX_RECENTS);
    assert.deepEqual([book.recents[0]?.id, book.recents.at(-1)?.id], [`c${MAX_RECENTS}`, 'c1']);
    const late = recordCall(book, callOf('late', { outcome: 'not-answered', at: new Date(AT + 1500).toISOString() }));
    assert.deepEqual(
      late.recents.slice(-2).map(({ id }) => id),
      ['c2', 'late']
    );
    const again = recordCall(late, callOf('late', { at: new Date(AT + 1500).toISOString(), outcome: 'talked' }));
    assert.deepEqual(
      again.recents.filter(({ id }) => id === 'late').map(({ outcome }) => outcome),
      ['talked']
    );
  });

  it('counts missed calls until somebody looks, or removes them', () => {
    let book = recordCall(recordCall(EMPTY_BOOK, callOf('a')), callOf('b', { outcome: 'talked' }));
    book = recordCall(book, callOf('c'));
    assert.equal(missedUnseen(book), 2);
    assert.equal(missedUnseen(removeRecent(book, 'a')), 1);
    const seen = markSeen(book);
    assert.equal(missedUnseen(seen), 0);
    assert.equal(missedUnseen(recordCall(seen, callOf('a'))), 0, 'the same call is not missed anew');
    assert.equal(missedUnseen(recordCall(seen, callOf('d'))), 1);
  });

  it('is not filled by one who calls over and over: the latest ten that were missed of an account are kept', () => {
    let book = recordCall(recordCall(EMPTY_BOOK, callOf('other', { account: 'x@contoso.example' })), callOf('talk', { outcome: 'talked' }));
    for (let n = 1; n <= 200; n++) book = recordCall(book, callOf(`c${n}`, { at: new Date(AT + n * 1000).toISOString() }));
    assert.deepEqual([book.recents.length, book.recents[0]?.id, book.recents[9]?.id], [12, 'c200', 'c191']);
    assert.deepEqual(
      book.recents
        .slice(10)
        .map(({ id }) => id)
        .sort(),
      ['other', 'talk']
    );
    assert.equal(missedUnseen(book), 11);
  });

  it('knows who was called last', () => {
    const book = recordCall(recordCall(EMPTY_BOOK, callOf('a', { direction: 'outgoing', account: 'x@contoso.example' })), callOf('b'));
    assert.equal(lastCalled(book), 'x@contoso.example');
    assert.equal(lastCalled(wipe(book)), null);
  });

  it('keeps favourites in their order, changes one in its place, and refuses more than it holds', () => {
    let book = EMPTY_BOOK;
    for (let n = 0; n < MAX_FAVOURITES; n++) book = must(addFavourite(book, `room${n}@contoso.example`, null, []));
    const full = addFavourite(book, 'one-more@contoso.example', null, []);
    assert.ok(!full.ok && full.error.code === 'CL_PEOPLE_FULL');
    book = must(addFavourite(book, ' ROOM7@contoso.example ', 'Seventh', [endpointOf('a')]));
    assert.deepEqual(book.favourites[7], { account: 'room7@contoso.example', displayName: 'Seventh', endpoints: [endpointOf('a')] });
    assert.equal(book.favourites.length, MAX_FAVOURITES);
    book = must(removeFavourite(book, 'Room7@contoso.example'));
    assert.ok(!book.favourites.some(({ account }) => account === 'room7@contoso.example'));
  });

  it('remembers the devices of a favourite, a bounded number, and of nobody else', () => {
    let book = must(addFavourite(EMPTY_BOOK, 'a@contoso.example', null, []));
    assert.equal(meetEndpoint(book, 'b@contoso.example', endpointOf('a'), true), book);
    for (const letter of 'abcdefgh') book = meetEndpoint(book, 'a@contoso.example', endpointOf(letter), false);
    assert.equal(book.favourites[0]?.endpoints.length, MAX_ENDPOINTS);
    assert.equal(meetEndpoint(book, 'a@contoso.example', endpointOf('z'), false), book, 'what is only heard of pushes nothing out');
    assert.deepEqual(meetEndpoint(book, 'a@contoso.example', endpointOf('z'), true).favourites[0]?.endpoints.slice(0, 2), [endpointOf('z'), endpointOf('h')]);
  });

  it('blocks an account under every spelling, once, and refuses more than it holds and what is no address', () => {
    const book = must(block(must(block(EMPTY_BOOK, 'Eve@Contoso.example')), 'eve@contoso.example'));
    assert.deepEqual(book.blocked, ['eve@contoso.example']);
    assert.deepEqual(must(unblock(book, 'EVE@contoso.example')).blocked, []);
    for (const change of [block, unblock, removeFavourite]) {
      const refused = change(book, 'nobody');
      assert.ok(!refused.ok && refused.error.code === 'CL_ADDRESS_INVALID');
    }
    const full = { ...EMPTY_BOOK, blocked: Array.from({ length: MAX_BLOCKED }, (_, n) => `e${n}@contoso.example`) };
    const refused = block(full, 'one-more@contoso.example');
    assert.ok(!refused.ok && refused.error.code === 'CL_PEOPLE_FULL');
    assert.ok(block(full, 'e1@contoso.example').ok);
  });

  it('is wiped of what people left, and of nothing that was arranged', () => {
    const book = must(block(must(addFavourite(recordCall(EMPTY_BOOK, callOf('a')), 'a@contoso.example', 'A', [])), 'eve@contoso.example'));
    assert.deepEqual(wipe(book), { ...book, recents: [] });
  });

  it('takes what would turn or hide the text around it out of a name', () => {
    assert.equal(recordCall(EMPTY_BOOK, callOf('a', { displayName: '\u202e' })).recents[0]?.displayName, 'studio@contoso.example');
  });

  it('property: whatever is done, it stays bounded, in order, without a double, and can be read again', () => {
    const account = fc.constantFrom('a@contoso.example', 'B@Contoso.example', 'c@fabrikam.example', 'nobody');
    const id = fc.constantFrom('1', '2', '3', '4');
    const change = fc.oneof(
      fc
        .record({
          id,
          outcome: fc.constantFrom('talked' as const, 'missed' as const),
          seconds: fc.integer({ min: 0, max: 5 }),
          name: fc.string({ unit: 'binary' })
        })
        .map(
          ({ id, outcome, seconds, name }) =>
            (book: PeopleBook) =>
              recordCall(book, callOf(id, { outcome, displayName: name, at: new Date(AT + seconds * 1000).toISOString() }))
        ),
      id.map((removed) => (book: PeopleBook) => removeRecent(book, removed)),
      fc.tuple(account, fc.option(fc.string({ unit: 'binary', maxLength: 200 }))).map(([added, name]) => (book: PeopleBook) => {
        const made = addFavourite(book, added, name, [endpointOf('a')]);
        return made.ok ? made.value : book;
      }),
      account.map((blocked) => (book: PeopleBook) => {
        const made = block(book, blocked);
        return made.ok ? made.value : book;
      }),
      fc.constant(markSeen),
      fc.constant(wipe)
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
        const book = changes.reduce((before, make) => make(before), EMPTY_BOOK);
        const times = book.recents.map(({ at }) => Date.parse(at));
        assert.deepEqual(
          times,
          times.toSorted((a, b) => b - a)
        );
        for (const list of [book.recents.map(({ id }) => id), book.blocked, book.favourites.map(({ account }) => account)]) {
          assert.equal(new Set(list).size, list.length);
        }
        assert.deepEqual(keptPeople.parse(JSON.parse(JSON.stringify(book))), book);
      })
    );
  }).timeout(20_000);
});
