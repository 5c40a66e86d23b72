// A third participant on the panel, by touch, in front of the real HTTP interface of a room that is a fake one: what each touch asks of the room, and
// what is seen when the room changes.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import { createUiServer, type UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { conferenceStates, THIRD_ID } from './fixtures/conference-states.ts';
import { CALL_ID, inCall, states } from './fixtures/states.ts';

const LOBBY = { account: 'lobby@contoso.example', displayName: 'Lobby', presence: 'online' } as const;
const standard: RoomState = {
  ...inCall(states.standard, (call) => ({ ...call, unavailable: [] })),
  people: { ...states.standard.people, favourites: [LOBBY] }
};
const held: CallView = { ...(standard.call as CallView), id: THIRD_ID, phase: 'on-hold', peer: { ...(standard.call as CallView).peer, ...LOBBY } };

describe('browser: a third participant, on the panel', function () {
  this.timeout(60_000);
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;
  let panel: RoomPage;

  before(async () => {
    room = createFakeRoom(standard);
    const uiDirectory = join(import.meta.dirname, '..', '..', 'dist', 'ui');
    server = createUiServer({ room, host: '127.0.0.1', port: 0, uiDirectory, allowedHosts: [], log: silentLog, clock: systemClock });
    await server.start(new AbortController().signal);
    browser = await openBrowser();
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    room.change(() => standard);
    room.actions.length = 0;
    panel = await browser.panel(server.url);
    await panel.see('screen-in-call');
  });

  afterEach(async () => {
    assert.deepEqual(browser.faults(), []);
    await browser.closePages();
  });

  const become = (state: RoomState): void => room.change(() => state);
  const says = (testId: string, words: RegExp): Promise<boolean> => until(`${testId} says ${words}`, async () => words.test(await panel.text(testId)));
  const hears = (words: RegExp): Promise<boolean> => says('announcement', words);
  const asked = (count = 1): Promise<boolean> => until(`${count} asked`, async () => room.actions.length >= count);

  it('is added by touch; each step is seen and said; cancelled, and why it is not there', async () => {
    await panel.touch('button-more');
    await panel.touch('feature-add-participant');
    await panel.see('screen-person');
    await panel.touch(`person-${LOBBY.account}`);
    await panel.see('screen-in-call');
    assert.deepEqual(room.actions, [{ id: CALL_ID, action: 'add-participant', options: { to: LOBBY.account } }]);

    become(conferenceStates.asking);
    await says('adding', /^Asking Atlas Meeting Room whether Lobby may join…$/);
    await hears(/Asking Atlas Meeting Room/);
    assert.equal(await panel.isVisible('button-cancel-adding'), false, 'there is no call to end yet');
    assert.match(await panel.text('participant-1'), /Atlas Meeting Room/);

    become(conferenceStates.ringing);
    await says('adding', /^Calling Lobby…$/);
    assert.equal(await panel.isVisible('other-calls'), false, 'the call with the third is no call beside this one');
    assert.match(await panel.text('button-end'), /End call/);

    become(conferenceStates.joining);
    await says('adding', /^Connecting Lobby with Atlas Meeting Room…$/);
    await panel.touch('button-cancel-adding');
    await asked(2);
    assert.deepEqual(room.actions[1], { id: THIRD_ID, action: 'end', options: {} });
    assert.equal(room.state().call?.phase, 'connected', 'the call goes on');

    become(conferenceStates.notAdded);
    await says('notice-not-added', /^Lobby could not be added\. The call goes on without them\.$/);
    assert.equal(await panel.attribute('notice-not-added', 'role'), 'status');
    assert.equal(await panel.isVisible('participants'), false);
    assert.equal(await panel.text('peer-name'), 'Atlas Meeting Room');
  });

  it('says where the finger is why somebody cannot be added', async () => {
    await panel.touch('button-more');
    await panel.touch('feature-add-participant');
    room.failNext = new CloisterError('CL_CALL_WRONG_PHASE');
    await panel.touch(`person-${LOBBY.account}`);
    await until('why it cannot be done', async () => (await panel.text('command-error')) !== '');
    await panel.see('screen-person');
    assert.deepEqual(room.actions, []);
    assert.equal(browser.faults().splice(0).length, 1, 'the refusal, and nothing else');
  });

  it('shows whom the other side adds, and lets nobody here cancel it', async () => {
    become(conferenceStates.addedThere);
    await says('adding', /^Atlas Meeting Room is adding Lobby to this call…$/);
    become(conferenceStates.joiningThere);
    await says('adding', /^Connecting with Lobby…$/);
    assert.equal(await panel.isVisible('button-cancel-adding'), false);
  });

  it('takes part: each with the own facts and network, and Leave is for all', async () => {
    become(conferenceStates.joined);
    await panel.seeAttribute('participants', 'data-phase', 'joined');
    await hears(/^Atlas Meeting Room, Lobby and you are in one call\. Standard call/);
    assert.equal(await panel.text('participant-1-name'), 'Atlas Meeting Room');
    assert.equal(await panel.text('participant-2-name'), 'Lobby');
    assert.equal(await panel.attribute('shield-state', 'data-state'), 'standard');
    assert.equal(await panel.isVisible('adding'), false);

    become(conferenceStates.heldThere);
    await says('participant-2', /On hold/);
    assert.doesNotMatch(await panel.text('participant-1'), /On hold/);

    become(conferenceStates.poor);
    await panel.seeAttribute('button-network-2', 'data-quality', 'poor');
    assert.equal(await panel.attribute('button-network', 'data-quality'), 'excellent');
    await panel.touch('button-network-2');
    assert.match(await panel.text('sheet-network'), /Network to Lobby.*612 ms/);
    await panel.touch('button-network-done');

    // The front call's microphone is off already: it still leaves this room.
    become(conferenceStates.mutingOne);
    await says('button-mute', /Muting…/);
    become(conferenceStates.muted);
    await says('button-mute', /Microphone is off/);

    await panel.touch('button-end');
    await asked();
    assert.deepEqual(room.actions, [{ id: CALL_ID, action: 'end', options: {} }]);
  });

  it('says why each is a standard call, and what cannot be done while three take part', async () => {
    become(conferenceStates.joined);
    await panel.touch('button-shield');
    await says('standard-reason', /Atlas Meeting Room.*compliance.*Lobby.*Three take part/);
    await panel.touch('button-back');
    await panel.touch('button-more');
    for (const feature of ['transfer', 'consult-then-transfer', 'park', 'recording', 'add-participant', 'merge']) {
      assert.equal(await panel.attribute(`feature-${feature}`, 'aria-disabled'), 'true', feature);
      await panel.page.getByTestId(`feature-${feature}`).tap({ force: true });
      await says(`reason-${feature}`, /^Not while three take part\.$/);
    }
    assert.deepEqual(room.actions, []);
  });

  it('joins a held call to this one, where both are standard calls', async () => {
    await panel.touch('button-more');
    await panel.page.getByTestId('feature-merge').tap({ force: true });
    await says('reason-merge', /no second call/);
    const encrypted: CallView = { ...held, encryption: { ...held.encryption, state: 'end-to-end' } };
    become({ ...standard, otherCalls: [encrypted] });
    await says('reason-merge', /end-to-end encrypted/);
    become({ ...standard, otherCalls: [held] });
    await panel.seeAttribute('feature-merge', 'aria-disabled', 'false');
    assert.match(await panel.text('feature-merge'), /Join both calls/);
    await panel.touch('feature-merge');
    await panel.see('screen-in-call');
    assert.deepEqual(room.actions, [{ id: CALL_ID, action: 'merge', options: {} }]);
    assert.match(await panel.text('other-calls'), /Lobby.*On hold/);
    become(conferenceStates.merging);
    await says('adding', /^Connecting Lobby with Atlas Meeting Room…$/);
    assert.equal(await panel.isVisible('other-calls'), false);
    assert.equal(await panel.isVisible('button-cancel-adding'), false, 'a call that was there before is not ended so');
  });

  it('says before it is answered that three take part, and with whom', async () => {
    become(conferenceStates.incoming);
    await panel.see('screen-incoming');
    assert.match(await panel.text('incoming-conference'), /^Lobby is in the call too\. Three will take part\.$/);
    assert.match(await panel.text('incoming-encryption'), /standard call.*Three are to take part/);
  });
});
