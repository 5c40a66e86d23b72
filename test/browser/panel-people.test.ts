// Whom this room calls and is called by, by touch: what the room is asked, and what is seen when the room changes. The room is a fake one behind
// the real HTTP interface; its directory answers when the test lets it.
import assert from 'node:assert/strict';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { CallView, PersonView } from '../../src/room/state.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { serveRoom } from '../harness/served-room.ts';
import { PEOPLE } from './fixtures/states.ts';

const STUDIO = { account: 'studio@contoso.example', displayName: 'Studio' } as const;
const LAB: PersonView = { account: 'lab@contoso.example', displayName: 'Lab', presence: 'online' };
const LOBBY: PersonView = { account: 'lobby@contoso.example', displayName: 'Lobby', presence: 'offline' };

describe('browser: whom to call, and who calls', function () {
  this.timeout(120_000);
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;
  let panel: RoomPage;
  let searched: string[];
  let retrieved: (readonly unknown[])[];
  /** What the directory answers, by query; a promise that the test keeps open is a slow answer. */
  let directory: (query: string) => Promise<readonly PersonView[]>;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    room = createFakeRoom({ people: PEOPLE });
    searched = [];
    retrieved = [];
    directory = async (query) => [LAB, LOBBY].filter(({ account }) => account.startsWith(query));
    const people: FakeRoom['people'] = {
      ...room.people,
      search: (query) => {
        searched.push(query);
        return directory(query);
      },
      seen: async () => {
        room.asked.push(['seen']);
        room.change((state) => ({ ...state, people: { ...state.people, missedUnseen: 0 } }));
      }
    };
    const retrieve: FakeRoom['retrieve'] = async (account, code) => {
      retrieved.push([account, code]);
      if (code !== '4071') throw new CloisterError('CL_PARK_UNKNOWN');
      return { id: room.ring() };
    };
    Object.assign(room, { people, retrieve });
    server = await serveRoom(room);
    panel = await browser.panel(server.url);
    await panel.see('screen-home');
  });

  afterEach(async () => {
    await browser.closePages();
    await server?.[Symbol.asyncDispose]();
    // A refusal is the room's answer, and these tests ask for some.
    assert.deepEqual(
      browser.faults().filter(({ kind }) => kind !== 'refused'),
      []
    );
    browser.faults().splice(0);
  });

  const asked = (...wanted: readonly unknown[]): Promise<boolean> =>
    until(`the room is asked ${JSON.stringify(wanted)}`, async () => room.asked.some((each) => JSON.stringify(each) === JSON.stringify(wanted)));
  const calls = (account: string): Promise<boolean> => until(`a call of ${account}`, async () => room.state().call?.peer.account === account);
  const callOf = (): CallView => {
    const { call } = room.state();
    assert.ok(call);
    return call;
  };
  const rows = (prefix: string): Promise<string[]> =>
    panel.page.locator(`[data-testid^="${prefix}"]`).evaluateAll((found) => found.map((element) => element.getAttribute('data-testid') ?? ''));

  it('calls a favourite from the first screen by one touch, and shows whether they are there as it changes', async () => {
    const favourite = `favourite-${STUDIO.account}`;
    assert.match(await panel.text(favourite), /Studio.*Not available/);
    room.change((state) => ({
      ...state,
      people: { ...PEOPLE, favourites: PEOPLE.favourites.map((person) => ({ ...person, presence: 'online' as const })) }
    }));
    await until('presence is shown', async () => /Studio.*Available/.test(await panel.text(favourite)));
    // Who is a favourite is not there a second time as a recent call.
    assert.deepEqual(await rows('recent-'), ['recent-recent-1', 'recent-recent-3', 'recent-recent-5']);
    await panel.touch(favourite);
    await calls(STUDIO.account);
    await panel.see('screen-outgoing');
  });

  it('says below why a favourite cannot be called', async () => {
    room.failNext = new CloisterError('CL_BROKER_UNREACHABLE');
    await panel.touch(`favourite-${STUDIO.account}`);
    await until('why it cannot be done', async () => (await panel.text('command-error')) === 'The message broker cannot be reached.');
    assert.equal(room.state().call, null);
    assert.equal(await panel.page.getByTestId(`favourite-${STUDIO.account}`).isEnabled(), true);
  });

  it('tells of missed calls until the list was opened, and calls back from it', async () => {
    assert.match(await panel.text('button-recents'), /Missed: 1/);
    await panel.touch('button-recents');
    await asked('seen');
    assert.match(await panel.text('recent-recent-1'), /Training room.*Missed call/);
    assert.match(await panel.text('recent-recent-2'), /Atlas Meeting Room.*Outgoing call.*31:44/);
    await panel.touch('remove-recent-3');
    await asked('removeRecent', 'recent-3');
    await panel.touch('button-back');
    assert.match(await panel.text('button-recents'), /Recent calls/);
    await panel.touch('button-recents');
    await panel.touch('recent-recent-1');
    await calls('training-room@contoso.example');
    assert.equal(room.asked.filter(([name]) => name === 'seen').length, 1);
  });

  it('finds people as one types, and calls them by one touch', async () => {
    await panel.touch('button-call');
    await panel.see(`person-${LAB.account}`);
    assert.deepEqual(await rows('person-'), [`person-${LAB.account}`, `person-${LOBBY.account}`]);
    for (const key of ['l', 'o', 'b']) await panel.touch(`key-${key}`);
    await panel.lose(`person-${LAB.account}`);
    await panel.see(`person-${LOBBY.account}`);
    assert.equal(searched.at(-1), 'lob');
    await panel.touch(`person-${LOBBY.account}`);
    await calls(LOBBY.account);
  });

  it('drops the directory’s answer to what no longer stands there', async () => {
    const slow = Promise.withResolvers<readonly PersonView[]>();
    directory = (query) => (query === 'l' ? slow.promise : Promise.resolve(query === 'la' ? [LAB] : []));
    await panel.touch('button-call');
    await panel.touch('key-l');
    await until('the directory is asked for l', async () => searched.includes('l'));
    await panel.touch('key-a');
    await panel.see(`person-${LAB.account}`);
    const answered = panel.page.waitForResponse((response) => response.url().endsWith('query=l'));
    slow.resolve([LOBBY]);
    await (await answered).finished();
    await panel.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.deepEqual(await rows('person-'), [`person-${LAB.account}`]);
    assert.ok(!(await panel.seen()).testIds.includes(`person-${LOBBY.account}`), 'it was never shown');
  });

  it('says that nobody of the name is known, and takes the whole address', async () => {
    await panel.touch('button-call');
    for (const key of ['z', 'z']) await panel.touch(`key-${key}`);
    await until('nobody is found', async () => (await panel.text('people-found')).includes('Nobody of this name is known.'));
    await panel.touch('key-organisation');
    await panel.touch('button-place-call');
    await calls('zz@contoso.example');
  });

  it('keeps favourites by the star, as the room says', async () => {
    await panel.touch('button-call');
    await panel.touch(`star-${LAB.account}`);
    await asked('addFavourite', LAB.account, LAB.displayName);
    const star = panel.page.getByTestId(`star-${LAB.account}`);
    assert.equal(await star.getAttribute('aria-label'), 'Add Lab to favourites', 'the room has not said so yet');
    room.change((state) => ({ ...state, people: { ...state.people, favourites: [...state.people.favourites, LAB] } }));
    await panel.seeAttribute(`star-${LAB.account}`, 'aria-label', 'Remove Lab from favourites');
    await panel.touch('part-favourites');
    await panel.touch(`star-${STUDIO.account}`);
    await asked('removeFavourite', STUDIO.account);
  });

  it('takes a parked call of this room or of another one', async () => {
    await panel.touch('button-call');
    await panel.touch('part-parked');
    for (const key of ['4', '0', 'x', '7', '2']) await panel.touch(`key-${key}`);
    await panel.touch('button-retrieve');
    await until('why it cannot be done', async () => (await panel.text('command-error')) === 'No call is parked under this code.');
    await panel.touch('key-backspace');
    await panel.touch('key-1');
    await panel.touch('input-park-room');
    for (const key of 'lab') await panel.touch(`key-${key}`);
    await panel.touch('key-organisation');
    await panel.touch('button-retrieve');
    await panel.see('screen-incoming');
    assert.deepEqual(retrieved, [
      [null, '4072'],
      ['lab@contoso.example', '4071']
    ]);
  });

  it('turns do-not-disturb on and off at a touch', async () => {
    await panel.seeAttribute('button-do-not-disturb', 'aria-pressed', 'false');
    await panel.touch('button-do-not-disturb');
    await panel.seeAttribute('button-do-not-disturb', 'aria-pressed', 'true');
    await panel.touch('button-do-not-disturb');
    await panel.seeAttribute('button-do-not-disturb', 'aria-pressed', 'false');
    assert.deepEqual(room.asked, [
      ['changeSettings', { doNotDisturb: { minutes: null } }],
      ['changeSettings', { doNotDisturb: null }]
    ]);
  });

  it('asks once more before it declines and blocks', async () => {
    room.ring('lobby@contoso.example');
    await panel.touch('button-block');
    await panel.see('sheet-block');
    await panel.touch('button-block-cancel');
    await panel.lose('sheet-block');
    assert.deepEqual([callOf().phase, room.actions.length], ['ringing', 0]);
    await panel.touch('button-block');
    await panel.touch('button-block-confirm');
    await panel.see('screen-ended');
    assert.deepEqual(
      room.actions.map(({ action, options }) => [action, options]),
      [['decline', { block: true }]]
    );
  });

  it('counts down to where the room answers by itself, and does not where somebody says not now', async () => {
    room.ring();
    room.changeCall((call) => ({ ...call, autoAnswerAt: new Date(Date.now() + 45_000).toISOString() }));
    await panel.see('auto-answer');
    const left = async (): Promise<number> => Number(/in (\d+) s/.exec(await panel.text('auto-answer'))?.[1]);
    const first = await left();
    assert.ok(first > 30 && first <= 45, `${first} s`);
    await until('it counts down', async () => (await left()) < first);
    assert.match(await panel.text('button-decline'), /Not now/);
    room.changeCall((call) => ({ ...call, autoAnswerAt: null }));
    await panel.lose('auto-answer');
    assert.match(await panel.text('button-decline'), /Decline/);
    await panel.touch('button-decline');
    await until('it is declined', async () => callOf().phase === 'ended');
    assert.deepEqual(room.actions.at(-1)?.options, { block: false });
  });

  it('reports a problem and keeps a favourite after the call', async () => {
    const reports: string[] = [];
    Object.assign(room.reports, {
      create: async (text: string) => {
        reports.push(text);
        return { id: '0190f3c2-7d4e-7a31-8c55-0123456789ab', at: '2026-03-04T09:00:00.000Z', text, bytes: 1 };
      }
    });
    const id = room.ring('lobby@contoso.example');
    await room.callAction(id, 'decline');
    await panel.touch('button-favourite');
    await asked('addFavourite', 'lobby@contoso.example', 'Studio');
    await panel.touch('button-report');
    for (const key of ['o', 'k']) await panel.touch(`key-${key}`);
    await panel.touch('button-text-done');
    await panel.see('sheet-report-done');
    assert.deepEqual(reports, ['ok']);
    await panel.touch('button-report-done');
    await panel.touch('button-call-again');
    await panel.see('screen-outgoing');
  });

  it('says what codes that differ mean and whom to tell, and stays until somebody has read it', async () => {
    room.ring();
    room.connect('50239 47533 26749 97493');
    room.changeCall((call) => ({
      ...call,
      phase: 'ended',
      encryption: { ...call.encryption, state: 'failed', securityCode: null },
      ended: { reason: 'security-check-failed', by: 'here', code: 'CL_SECURITY_CODES_DIFFER', text: '' }
    }));
    await panel.see('ended-advice');
    assert.match(await panel.text('ended-advice'), /Tell your administrator now/);
  });
});
