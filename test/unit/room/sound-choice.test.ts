import assert from 'node:assert/strict';
import fc from 'fast-check';
import { soundFor } from '../../../src/room/sound-choice.ts';
import type { CallView, RoomState } from '../../../src/room/state.ts';
import { createFakeRoom } from '../../fakes/room.ts';

const AT = Date.parse('2026-01-01T12:00:00.000Z');

function call(view: Partial<CallView>): CallView {
  const room = createFakeRoom();
  room.ring();
  const { call: made } = room.state();
  assert.ok(made !== null);
  return { ...made, ...view };
}

function stateWith(now: CallView | null, change: Partial<RoomState['settings']> = {}, speakerMuted = false): RoomState {
  const state = createFakeRoom().state();
  return { ...state, call: now, settings: { ...state.settings, ...change }, devices: { ...state.devices, speakerMuted } };
}

const ended = (by: 'here' | 'there', reason: NonNullable<CallView['ended']>['reason'], direction: CallView['direction'] = 'outgoing'): CallView =>
  call({ phase: 'ended', direction, endedAt: new Date(AT).toISOString(), ended: { by, reason, code: null, text: '' } });

describe('which sound there is', () => {
  it('rings for an incoming call at the ringer’s loudness, and not at 0 or while nobody is to be disturbed', () => {
    const ringing = call({ direction: 'incoming', phase: 'ringing' });
    assert.deepEqual(soundFor(stateWith(ringing), AT, 0), { name: 'ringing', percent: 60, untilMs: null });
    assert.equal(soundFor(stateWith(ringing, { ringerPercent: 0 }), AT, 0), null);
    assert.equal(soundFor(stateWith(ringing, { doNotDisturb: { until: null } }), AT, 0), null);
    // A loudspeaker that is muted in calls still rings.
    assert.equal(soundFor(stateWith(ringing, {}, true), AT, 0)?.name, 'ringing');
  });

  it('rings back once it rings there, at the volume', () => {
    assert.deepEqual(soundFor(stateWith(call({ direction: 'outgoing', phase: 'ringing' })), AT, 0), { name: 'ringback', percent: 60, untilMs: null });
    assert.equal(soundFor(stateWith(call({ direction: 'outgoing', phase: 'inviting' })), AT, 0), null);
    assert.equal(soundFor(stateWith(call({ direction: 'outgoing', phase: 'ringing' }), {}, true), AT, 0), null);
  });

  it('says for two seconds that the other side is busy or has hung up', () => {
    for (const [view, name] of [
      [ended('there', 'busy'), 'busy'],
      [ended('there', 'declined'), 'busy'],
      [ended('there', 'hangup'), 'ended'],
      [ended('there', 'hangup', 'incoming'), 'ended'],
      [ended('here', 'hangup'), null],
      [ended('there', 'timeout'), null],
      [ended('here', 'declined', 'incoming'), null]
    ] as const) {
      assert.equal(soundFor(stateWith(view), AT, 0)?.name ?? null, name);
      assert.deepEqual(soundFor(stateWith(view), AT + 1_999, 0)?.untilMs ?? null, name === null ? null : AT + 2_000);
      assert.equal(soundFor(stateWith(view), AT + 2_000, 0), null);
    }
  });

  it('rings beside a call that is parked: nobody here waits in it', () => {
    const ringing = stateWith(call({ direction: 'incoming', phase: 'ringing' }));
    const held = call({ phase: 'on-hold' });
    assert.equal(soundFor({ ...ringing, otherCalls: [{ ...held, parkCode: '0427' }] }, AT, 0)?.name, 'ringing');
    assert.equal(soundFor({ ...ringing, otherCalls: [held] }, AT, 0), null);
  });

  it('rings for who tries the ringer, also while nobody is to be disturbed, until it is over and in no call', () => {
    const tried = AT + 2_000;
    assert.deepEqual(soundFor(stateWith(null, { doNotDisturb: { until: null } }), AT, tried), { name: 'ringing', percent: 60, untilMs: tried });
    assert.deepEqual(soundFor(stateWith(ended('there', 'hangup'), { ringerPercent: 20 }), AT, tried), { name: 'ringing', percent: 20, untilMs: tried });
    assert.equal(soundFor(stateWith(null, { ringerPercent: 0 }), AT, tried), null);
    assert.equal(soundFor(stateWith(null), tried, tried), null);
    for (const phase of ['inviting', 'connecting', 'connected', 'on-hold'] as const)
      assert.equal(soundFor(stateWith(call({ direction: 'outgoing', phase })), AT, tried), null, phase);
    const held = call({ phase: 'on-hold' });
    assert.equal(soundFor({ ...stateWith(ended('there', 'hangup')), otherCalls: [held] }, AT, tried), null);
    assert.equal(soundFor(stateWith(call({ direction: 'outgoing', phase: 'ringing' })), AT, tried)?.name, 'ringback');
  });

  it('is none while any call is made, talked in or held', () => {
    const phase = fc.constantFrom<CallView['phase']>('connecting', 'connected', 'on-hold');
    const other = fc.constantFrom<CallView['phase']>('inviting', 'ringing', 'connecting', 'connected', 'on-hold', 'ended');
    const direction = fc.constantFrom<CallView['direction']>('incoming', 'outgoing');
    fc.assert(
      fc.property(phase, other, direction, direction, fc.boolean(), (talk, second, one, two, front) => {
        const calls = [call({ phase: talk, direction: one }), call({ phase: second, direction: two })];
        const [first = null, ...otherCalls] = front ? calls : calls.toReversed();
        for (const tried of [0, AT + 2_000]) assert.equal(soundFor({ ...stateWith(first), otherCalls }, AT, tried), null);
      }),
      { numRuns: 60 }
    );
  });
});
