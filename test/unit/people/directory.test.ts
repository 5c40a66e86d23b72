import assert from 'node:assert/strict';
import { createDirectory } from '../../../src/people/directory.ts';
import { searchPeople } from '../../../src/people/search.ts';
import type { PersonView } from '../../../src/room/state.ts';
import type { PresenceNews } from '../../../src/signaling/port.ts';

const BOOTS = ['0190f3c2-7d4e-7a31-8c55-000000000001', '0190f3c3-7d4e-7a31-8c55-000000000001'] as const;
type Said = Extract<PresenceNews, { kind: 'said' }>;
const said = (change: Partial<Said> = {}): Said => ({
  kind: 'said',
  endpoint: 'a'.repeat(26),
  account: 'studio@contoso.example',
  name: 'Studio',
  state: 'online',
  bootId: BOOTS[0],
  counter: 1,
  saidAtS: 1000,
  ...change
});
const gone = (change: Partial<Extract<PresenceNews, { kind: 'gone' }>> = {}): PresenceNews => ({
  kind: 'gone',
  endpoint: 'a'.repeat(26),
  bootId: BOOTS[0],
  counter: 1,
  ...change
});
const ACCOUNT = 'studio@contoso.example';

describe('the directory', () => {
  it('learns a person of a document, and nobody of a last will', () => {
    const directory = createDirectory();
    assert.equal(directory.learn(gone()), false);
    assert.equal(directory.person(ACCOUNT), null);
    assert.equal(directory.learn(said()), true);
    assert.deepEqual(directory.person(ACCOUNT), { account: ACCOUNT, name: 'Studio', presence: 'online', endpoints: ['a'.repeat(26)] });
    assert.equal(directory.learn(said()), false, 'the same again is no news');
    assert.equal(directory.learn(gone()), true);
    assert.equal(directory.person(ACCOUNT)?.presence, 'offline');
  });

  it('is not set back by what is older, whichever clock it was said by', () => {
    const directory = createDirectory();
    directory.learn(said({ counter: 5, saidAtS: 2000, name: 'New' }));
    directory.learn(said({ counter: 4, saidAtS: 3000, name: 'Earlier connection' }));
    directory.learn(said({ counter: 5, saidAtS: 1999, name: 'Earlier word' }));
    directory.learn(said({ bootId: BOOTS[1], saidAtS: 1000, name: 'Old run' }));
    directory.learn(gone({ counter: 4 }));
    directory.learn(gone({ bootId: '0190f3c1-7d4e-7a31-8c55-000000000001', counter: 99 }));
    assert.deepEqual([directory.person(ACCOUNT)?.name, directory.person(ACCOUNT)?.presence], ['New', 'online']);
    directory.learn(said({ counter: 6, saidAtS: 1500, name: 'Clock set back' }));
    assert.equal(directory.person(ACCOUNT)?.name, 'Clock set back');
    directory.learn(said({ bootId: BOOTS[1], counter: 1, saidAtS: 4000, name: 'New run' }));
    assert.equal(directory.person(ACCOUNT)?.name, 'New run');
    directory.learn(gone({ bootId: BOOTS[0], counter: 6 }));
    assert.equal(directory.person(ACCOUNT)?.presence, 'online', 'the will of the run before');
  });

  it('is online where one device of an account is', () => {
    const directory = createDirectory();
    directory.learn(said());
    directory.learn(said({ endpoint: 'b'.repeat(26), state: 'offline', name: 'Other', saidAtS: 5000 }));
    assert.deepEqual([directory.person(ACCOUNT)?.presence, directory.person(ACCOUNT)?.name], ['online', 'Studio']);
    directory.learn(gone());
    assert.deepEqual([directory.person(ACCOUNT)?.presence, directory.person(ACCOUNT)?.name], ['offline', 'Other']);
  });

  it('says nothing of what it does not follow', () => {
    const directory = createDirectory();
    directory.learn(said());
    directory.learn(said({ endpoint: 'b'.repeat(26), account: 'other@contoso.example' }));
    directory.doubt((endpoint) => endpoint.startsWith('b'));
    assert.equal(directory.person(ACCOUNT)?.presence, 'unknown');
    assert.equal(directory.person('other@contoso.example')?.presence, 'online');
    assert.equal(directory.learn(said()), true, 'the broker tells it again');
    assert.equal(directory.person(ACCOUNT)?.presence, 'online');
  });

  it('follows a device that is signed in to another account', () => {
    const directory = createDirectory();
    directory.learn(said());
    directory.learn(said({ account: 'other@contoso.example', saidAtS: 2000, bootId: BOOTS[1] }));
    assert.equal(directory.person(ACCOUNT), null);
    assert.equal(directory.person('other@contoso.example')?.presence, 'online');
    assert.equal(directory.devices, 1);
  });

  it('is bounded: those that were there first stay, and go on being followed', () => {
    const directory = createDirectory(2);
    for (const letter of 'abc') directory.learn(said({ endpoint: letter.repeat(26), account: `${letter}@contoso.example` }));
    assert.equal(directory.devices, 2);
    assert.equal(directory.person('c@contoso.example'), null);
    directory.learn(said({ endpoint: 'b'.repeat(26), account: 'b@contoso.example', state: 'offline' }));
    assert.equal(directory.person('b@contoso.example')?.presence, 'offline');
    assert.equal([...directory.people()].length, 2);
  });
});

describe('search', () => {
  const person = (account: string, displayName: string, presence: PersonView['presence'] = 'online'): PersonView => ({ account, displayName, presence });
  const people = [
    person('zurich@contoso.example', 'Zürich'),
    person('board@contoso.example', 'Board room', 'unknown'),
    person('boat@contoso.example', 'Boat', 'offline'),
    person('attic@fabrikam.example', 'Attic board')
  ];
  const found = (query: string): string[] => searchPeople(people, query).map(({ account }) => account.slice(0, account.indexOf('@')));

  it('finds all words in name or address, those present first', () => {
    assert.deepEqual(found('  '), ['attic', 'zurich', 'boat', 'board']);
    assert.deepEqual(found('BOA'), ['attic', 'boat', 'board']);
    assert.deepEqual(found('room contoso'), ['board']);
    assert.deepEqual(found('zuri'), ['zurich']);
    assert.deepEqual(found('ZÜRICH'), ['zurich']);
    assert.deepEqual(found('nobody'), []);
  });

  it('finds at most fifty', () => {
    const many = Array.from({ length: 60 }, (_, n) => person(`r${n}@contoso.example`, `Room ${n}`));
    assert.equal(searchPeople(many, 'room').length, 50);
  });
});
