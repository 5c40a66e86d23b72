import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CallPhase, CallView, RoomState } from '../../../src/room/state.ts';
import {
  addingText,
  callsBeside,
  conferenceAnnouncement,
  encryptionOf,
  participantFactsOf,
  remotesOf,
  sendingOf,
  thirdCallOf,
  thirdNameOf
} from '../../../src/ui/shared/conference.ts';
import { textsOf } from '../../../src/ui/texts/texts.ts';
import { conferenceStates, THIRD_ID } from '../../browser/fixtures/conference-states.ts';
import { CALL_ID, inCall, states } from '../../browser/fixtures/states.ts';

const t = textsOf('en');

function callOf({ call }: RoomState): CallView {
  assert.ok(call);
  return call;
}
const remoteIds = (state: RoomState): string[] => remotesOf(callOf(state), state).map(({ id }) => id);
const changeThird = (state: RoomState, changed: Partial<CallView>): RoomState => ({
  ...state,
  otherCalls: state.otherCalls.map((call) => (call.id === THIRD_ID ? { ...call, ...changed } : call))
});

const changeConference = (state: RoomState, third: NonNullable<CallView['conference']>['third']): RoomState =>
  inCall(state, (call) => ({ ...call, conference: call.conference === null ? null : { ...call.conference, third } }));

describe('ui/shared/conference', () => {
  it('shows two as soon as both are there, and one before', () => {
    const counts = Object.entries(conferenceStates).map(([name, state]) => [name, remoteIds(state).length]);
    assert.deepEqual(Object.fromEntries(counts), {
      asking: 1,
      ringing: 1,
      // The third answered: it is seen and heard here, while the two others are being connected.
      joining: 2,
      // A held call gives nothing before it is resumed.
      merging: 1,
      addedThere: 1,
      joiningThere: 1,
      joined: 2,
      withoutPicture: 2,
      nobodyHasPicture: 2,
      heldThere: 2,
      held: 2,
      poor: 2,
      securingAgain: 2,
      muted: 2,
      mutingOne: 2,
      screen: 2,
      screenWithoutPicture: 2,
      notAdded: 1,
      incoming: 1
    });
    assert.deepEqual(remoteIds(conferenceStates.joined), [CALL_ID, THIRD_ID]);
    assert.deepEqual(remoteIds(changeThird(conferenceStates.joined, { phase: 'ended' })), [CALL_ID]);
  });

  it('tells a call of the conference from one that waits beside it', () => {
    const held: CallView = { ...callOf(states.held), id: 'beside' };
    const both = { ...conferenceStates.joined, otherCalls: [held, ...conferenceStates.joined.otherCalls] };
    assert.equal(thirdCallOf(both)?.id, THIRD_ID);
    assert.deepEqual(
      callsBeside(both).map(({ id }) => id),
      ['beside']
    );
    // Of another conference, or of none: never shown as if it took part.
    assert.equal(thirdCallOf({ ...both, call: callOf(states.standard) }), null);
    const { conference } = callOf(conferenceStates.joined);
    assert.ok(conference);
    const elsewhere = changeThird(conferenceStates.joined, { conference: { ...conference, id: 'other' } });
    assert.deepEqual(remoteIds(elsewhere), [CALL_ID]);
  });

  it('names the third as it names itself, and before as it was asked for', () => {
    const third = conferenceStates.joined.otherCalls[0]?.peer;
    assert.ok(third !== undefined);
    const asAddress = changeConference(conferenceStates.joined, { account: third.account, displayName: third.account });
    assert.equal(thirdNameOf(callOf(asAddress), asAddress), 'Lobby');
    const ringing = changeThird(asAddress, { peer: { ...third, displayName: third.account } });
    assert.equal(thirdNameOf(callOf(ringing), ringing), third.account);
    const known = changeThird(conferenceStates.ringing, { peer: { ...third, displayName: third.account } });
    assert.equal(thirdNameOf(callOf(known), known), 'Lobby');
    assert.equal(thirdNameOf(callOf(states.standard), states.standard), '');
  });

  it('never shows a call that is not of the conference, whatever the phases', () => {
    const phase = fc.constantFrom<CallPhase>('inviting', 'ringing', 'connecting', 'connected', 'on-hold', 'ended');
    const id = fc.constantFrom<string | null>('one', 'two', null);
    const joined = callOf(conferenceStates.joined);
    const conferenceOf = (of: string | null): CallView['conference'] => (of === null || joined.conference === null ? null : { ...joined.conference, id: of });
    fc.assert(
      fc.property(phase, id, fc.array(fc.tuple(phase, id), { maxLength: 2 }), (frontPhase, frontId, others) => {
        const call = { ...joined, phase: frontPhase, conference: conferenceOf(frontId) };
        const otherCalls = others.map(([otherPhase, of], index) => ({ ...joined, id: `other ${index}`, phase: otherPhase, conference: conferenceOf(of) }));
        const [first, second] = remotesOf(call, { call, otherCalls });
        assert.equal(first, call);
        if (second !== undefined) assert.ok(frontId !== null && second.conference?.id === frontId && second.phase !== 'ended');
        assert.equal(callsBeside({ call, otherCalls }).length + Number(thirdCallOf({ call, otherCalls }) !== null), otherCalls.length);
      })
    );
  });

  it('says nothing is off while it goes to one of them', () => {
    const both = remotesOf(callOf(conferenceStates.mutingOne), conferenceStates.mutingOne);
    assert.equal(both[0].media.audio.sending, false);
    assert.equal(sendingOf(both).audio, true);
    const muted = remotesOf(callOf(conferenceStates.muted), conferenceStates.muted);
    assert.deepEqual(sendingOf(muted), { audio: false, video: true, screen: false });
  });

  it('is no safer than its worst part', () => {
    const encrypted = callOf(states.endToEnd);
    const standard = callOf(states.standard);
    const again = callOf(states.securingAgain);
    const failed = callOf(states.failed);
    for (const [one, other, worst] of [
      [encrypted, standard, standard],
      [standard, again, again],
      [again, failed, failed],
      [callOf(states.verified), encrypted, encrypted]
    ] as const) {
      assert.equal(encryptionOf([one, other]), worst.encryption);
      assert.equal(encryptionOf([other, one]), worst.encryption);
    }
  });

  it('says of each of them what the state tells, and nothing while it is held or connects', () => {
    const factsOf = (state: RoomState): unknown => participantFactsOf(state.otherCalls[0] ?? callOf(state));
    assert.deepEqual(factsOf(conferenceStates.joined), []);
    assert.deepEqual(factsOf(conferenceStates.withoutPicture), ['no-sound', 'no-picture']);
    assert.deepEqual(factsOf(conferenceStates.heldThere), ['held']);
    assert.deepEqual(factsOf(conferenceStates.held), []);
    assert.deepEqual(factsOf(conferenceStates.securingAgain), ['connecting']);
    assert.deepEqual(factsOf(conferenceStates.screen), ['sharing']);
  });

  it('says how far the adding is, as each of the three sees it', () => {
    const said = (['asking', 'ringing', 'joining', 'addedThere', 'joiningThere'] as const).map((name) =>
      addingText(callOf(conferenceStates[name]), conferenceStates[name], t)
    );
    assert.deepEqual(said, [
      'Asking Atlas Meeting Room whether Lobby may join…',
      'Calling Lobby…',
      'Connecting Lobby with Atlas Meeting Room…',
      'Atlas Meeting Room is adding Lobby to this call…',
      'Connecting with Lobby…'
    ]);
    assert.equal(addingText(callOf(conferenceStates.joined), conferenceStates.joined, t), null);
    assert.equal(conferenceAnnouncement(callOf(conferenceStates.joined), conferenceStates.joined, t), 'Atlas Meeting Room, Lobby and you are in one call.');
    assert.equal(conferenceAnnouncement(callOf(states.standard), states.standard, t), null);
  });
});
