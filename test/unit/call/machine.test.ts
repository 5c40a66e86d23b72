import assert from 'node:assert/strict';
import fc from 'fast-check';
import { verdict } from '../../../src/call/verdict.ts';
import { FakeNetwork, type FakeRoom } from '../../fakes/call-pair.ts';

const CALL = '0190f3c2-7d4e-7a31-8c55-000000000001';
const LATER_CALL = '0190f3c2-7d4e-7a31-8c55-000000000217';

function pair() {
  const network = new FakeNetwork();
  const a = network.room('a@x.example', 'aaaaaaaaaaaaaaaaaaaaaaaaaa');
  const b = network.room('b@x.example', 'bbbbbbbbbbbbbbbbbbbbbbbbbb');
  return { network, a, b };
}
const place = (room: FakeRoom, id = CALL, to = 'b@x.example') => room.do({ type: 'place', id, to, video: true });
function connected() {
  const rooms = pair();
  place(rooms.a);
  rooms.network.settle();
  rooms.b.do({ type: 'answer', video: true });
  rooms.network.settle();
  return rooms;
}
const shown = (room: FakeRoom) => (room.call === null ? null : verdict(room.call));

describe('call state machine', () => {
  it('sets up an end-to-end encrypted call with the same code on both sides', () => {
    const { a, b } = connected();
    assert.equal(a.call?.phase, 'connected');
    assert.equal(b.call?.phase, 'connected');
    assert.equal(a.call?.encryption.code, b.call?.encryption.code);
    assert.equal(shown(a), 'end-to-end-verified');
    assert.equal(a.journal, CALL);
  });

  it('shows nothing before it is proven, and rings before it is answered', () => {
    const { network, a, b } = pair();
    place(a);
    assert.equal(a.call?.phase, 'inviting');
    network.settle();
    assert.equal(a.call?.phase, 'ringing');
    assert.equal(b.call?.phase, 'ringing');
    assert.equal(shown(a), null);
    assert.equal(shown(b), null);
    assert.equal(b.media?.open, false, 'no source is opened while it rings');
    b.do({ type: 'answer', video: true });
    assert.equal(shown(b), null);
  });

  it('answers by itself where the room does', () => {
    const { network, a, b } = pair();
    b.autoAnswerAfterMs = 0;
    place(a);
    network.settle();
    assert.equal(b.call?.phase, 'connected');
  });

  it('counts down before it answers by itself, and leaves the call to whoever touches anything', () => {
    const { network, a, b } = pair();
    b.autoAnswerAfterMs = 5_000;
    place(a);
    network.settle();
    assert.deepEqual([b.call?.phase, b.call?.autoAnswerAtMs], ['ringing', network.now + 5_000]);
    network.advance(4_999);
    assert.equal(b.call?.phase, 'ringing');
    network.advance(1);
    assert.deepEqual([b.call?.phase, b.call?.autoAnswerAtMs], ['connected', null]);
    for (const touch of [{ type: 'touched' }, { type: 'set-microphone', on: false }, { type: 'set-camera', on: false }] as const) {
      const again = pair();
      again.b.autoAnswerAfterMs = 5_000;
      place(again.a);
      again.network.settle();
      again.b.do(touch);
      assert.deepEqual([again.b.call?.autoAnswerAtMs, again.b.timers.has('auto-answer')], [null, false], touch.type);
      again.network.advance(30_000);
      assert.equal(again.b.call?.phase, 'ringing', touch.type);
    }
  });

  it('does not answer by itself any more where that was turned off, or nobody wants to be disturbed', () => {
    for (const change of [{ autoAnswerAfterMs: null }, { doNotDisturb: true }]) {
      const { network, a, b } = pair();
      b.autoAnswerAfterMs = 5_000;
      place(a);
      network.settle();
      Object.assign(b, change);
      network.advance(5_000);
      assert.deepEqual([b.call?.phase, b.call?.autoAnswerAtMs], ['ringing', null]);
    }
  });

  it('leaves no countdown behind when the call ends before it', () => {
    const { network, a, b } = pair();
    b.autoAnswerAfterMs = 5_000;
    place(a);
    network.settle();
    a.do({ type: 'hang-up' });
    network.settle();
    assert.deepEqual([b.call?.phase, b.call?.autoAnswerAtMs, b.timers.has('auto-answer')], ['ended', null, false]);
  });

  it('does not ring while nobody wants to be disturbed, and says who called', () => {
    const { network, a, b } = pair();
    b.doNotDisturb = true;
    b.autoAnswerAfterMs = 0;
    place(a);
    network.settle();
    assert.equal(a.call?.ended?.reason, 'busy');
    assert.deepEqual([b.call, b.mediaOpened, b.timers.size], [null, 0, 0]);
    assert.deepEqual(b.notRung, [{ why: 'do-not-disturb', account: 'a@x.example' }]);
    // In a call of its own it is the same to the caller, and missed as well.
    b.doNotDisturb = false;
    const inCall = connected();
    inCall.b.doNotDisturb = true;
    const c = inCall.network.room('c@x.example', 'cccccccccccccccccccccccccc');
    place(c, LATER_CALL);
    inCall.network.settle();
    assert.equal(c.call?.ended?.reason, 'busy');
    assert.deepEqual(inCall.b.notRung, [{ why: 'do-not-disturb', account: 'c@x.example' }]);
    assert.equal(inCall.b.call?.phase, 'connected');
  });

  it('takes the call of whoever is being called from here, whether or not it may be disturbed', () => {
    const { network, a, b } = pair();
    a.doNotDisturb = true;
    b.doNotDisturb = true;
    place(a, CALL);
    b.do({ type: 'place', id: LATER_CALL, to: 'a@x.example', video: true });
    network.settle();
    assert.deepEqual([a.call?.phase, b.call?.phase, b.call?.id], ['connected', 'connected', CALL]);
  });

  it('property: no step rings for a blocked account, whatever else is so', () => {
    fc.assert(
      fc.property(
        fc.record({
          doNotDisturb: fc.boolean(),
          after: fc.constantFrom(null, 0, 5_000),
          inCall: fc.constantFrom('idle', 'calling a', 'with c'),
          ended: fc.boolean()
        }),
        fc.array(fc.constantFrom('place', 'place-later', 'settle', 'wait', 'answer', 'hang-up', 'touched'), { minLength: 1, maxLength: 12 }),
        ({ doNotDisturb, after, inCall, ended }, steps) => {
          const { network, a, b } = pair();
          const c = network.room('c@x.example', 'cccccccccccccccccccccccccc');
          b.blocked.add('a@x.example');
          b.doNotDisturb = doNotDisturb;
          b.autoAnswerAfterMs = after;
          if (inCall === 'calling a') b.do({ type: 'place', id: LATER_CALL, to: 'a@x.example', video: true });
          if (inCall === 'with c') {
            b.do({ type: 'place', id: LATER_CALL, to: 'c@x.example', video: true });
            network.settle();
            c.do({ type: 'answer', video: true });
            if (ended) b.do({ type: 'hang-up' });
          }
          let calls = 0;
          for (const step of steps) {
            if (step === 'place' || step === 'place-later') {
              place(a, `0190f3c2-7d4e-7a31-8c55-000000000${step === 'place' ? '1' : '3'}${String(10 + calls++)}`);
            } else if (step === 'settle') network.settle();
            else if (step === 'wait') network.advance(6_000);
            else if (step === 'answer') b.do({ type: 'answer', video: true });
            else b.do({ type: step });
            assert.ok(b.call === null || b.call.direction === 'outgoing', 'nothing rings');
          }
          network.settle();
          assert.ok(b.notRung.every(({ why, account }) => why === 'blocked' && account === 'a@x.example'));
          assert.ok(b.call === null || b.call.direction === 'outgoing');
          assert.ok(!network.log.some(({ from, message }) => from === b.endpoint && message.type === 'call.ringing'), 'and nobody is told that it does');
          assert.notEqual(a.call?.phase === 'connected' && a.call.direction === 'outgoing', true);
        }
      )
    );
  });

  it('goes by the switch as it was when the call began', () => {
    for (const side of ['a', 'b'] as const) {
      const { network, ...rooms } = pair();
      place(rooms.a);
      if (side === 'b') network.settle();
      rooms[side].encryption = { ...rooms[side].encryption, setting: false };
      network.settle();
      rooms.b.do({ type: 'answer', video: true });
      network.settle();
      assert.deepEqual([shown(rooms.a), shown(rooms.b)], ['end-to-end-verified', 'end-to-end-verified'], side);
    }
  });

  it('is a standard call with the reason on both sides when one side’s setting is off', () => {
    const { network, a, b } = pair();
    b.encryption = { ...b.encryption, setting: false };
    place(a);
    network.settle();
    assert.equal(b.call?.encryption.expected, 'standard', 'the callee sees it before it answers');
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(shown(a), 'standard');
    assert.equal(shown(b), 'standard');
    assert.equal(a.call?.encryption.reason, 'setting-there');
    assert.equal(b.call?.encryption.reason, 'setting-here');
    assert.equal(a.call?.encryption.code, null);
    assert.equal(network.log.filter(({ message }) => message.type === 'call.reveal').length, 0);
  });

  it('refuses a standard call where the policy is Required, on either side', () => {
    for (const side of ['a', 'b'] as const) {
      const { network, ...rooms } = pair();
      rooms[side].encryption = { policy: 'Required', setting: false, complianceRecording: false };
      rooms[side === 'a' ? 'b' : 'a'].encryption = { policy: 'Disabled', setting: true, complianceRecording: false };
      place(rooms.a);
      network.settle();
      rooms.b.do({ type: 'answer', video: true });
      network.settle();
      assert.equal(rooms.a.call?.ended?.reason, 'policy', side);
      assert.notEqual(rooms.b.call?.phase, 'connected');
      assert.equal(rooms.a.media, null);
      assert.equal(rooms.b.media, null);
    }
  });

  it('shows of the other side no name that misleads, and of who is said to have asked an account and a name alone', () => {
    const { network, a, b } = pair();
    network.tamper = (message) => {
      if (message.type === 'call.answer') return { ...message, body: { ...message.body, displayName: '\u202e\u200b' } };
      if (message.type !== 'call.invite') return message;
      const referredBy = { account: 'ceo@x.example\n\u202e', displayName: 'CEO' };
      return { ...message, body: { ...message.body, displayName: 'ceo@x.example', referredBy } };
    };
    place(a);
    network.settle();
    assert.deepEqual([b.call?.peer.displayName, b.call?.referredBy], ['a@x.example', null]);
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(a.call?.peer.displayName, 'b@x.example');
  });

  it('makes a standard call of an invite whose E2EE fields were stripped, and none where the policy is Required', () => {
    for (const policy of ['DisabledUserOverride', 'Required'] as const) {
      const { network, a, b } = pair();
      b.encryption = { ...b.encryption, policy };
      network.tamper = (message) => (message.type === 'call.invite' ? { ...message, body: { ...message.body, encryption: { offered: false } } } : message);
      place(a);
      network.settle();
      if (policy === 'Required') {
        assert.equal(b.call, null);
        assert.equal(a.call?.ended?.reason, 'policy');
        continue;
      }
      assert.equal(b.call?.encryption.expected, 'standard');
      b.do({ type: 'answer', video: true });
      network.settle();
      assert.equal(shown(a), 'standard');
      assert.equal(shown(b), 'standard');
    }
  });

  it('ends a call whose caller reveals a nonce that does not fit its commitment', () => {
    const { network, a, b } = pair();
    network.tamper = (message) => (message.type === 'call.reveal' ? { type: 'call.reveal', body: { nonce: 'f'.repeat(64) } } : message);
    place(a);
    network.settle();
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(b.call?.ended?.reason, 'security-check-failed');
    assert.equal(a.call?.ended?.reason, 'security-check-failed');
    assert.equal(shown(b), 'failed');
    assert.equal(shown(a), 'failed');
    assert.deepEqual(b.securityEvents, [{ code: 'CL_SECURITY_COMMITMENT', detectedBy: 'commitment' }]);
  });

  it('ends on both sides, with a security event on both, when people say that the codes differ', () => {
    const { network, a, b } = connected();
    a.do({ type: 'codes-differ', epoch: null });
    assert.equal(a.call?.phase, 'ended');
    network.settle();
    for (const room of [a, b]) {
      assert.equal(room.call?.ended?.reason, 'security-check-failed');
      assert.equal(room.call?.encryption.code, null);
      assert.equal(shown(room), 'failed');
      assert.equal(room.securityEvents[0]?.code, 'CL_SECURITY_CODES_DIFFER');
      assert.equal(room.media, null);
      assert.equal(room.journal, null);
    }
  });

  it('lets people confirm the code where certificates could not', () => {
    const { network, a, b } = pair();
    a.identity = 'unverified';
    b.identity = 'unverified';
    place(a);
    network.settle();
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(shown(a), 'end-to-end');
    a.do({ type: 'codes-match', epoch: null });
    network.settle();
    assert.equal(shown(a), 'end-to-end-verified');
    assert.equal(shown(b), 'end-to-end', 'what the people there say does not confirm it here');
    assert.equal(b.call?.encryption.codesMatchThere, true);
  });

  it('secures the call anew under the same id when a media process dies, with a new code that is not yet compared', () => {
    for (const side of ['a', 'b'] as const) {
      const { network, ...rooms } = connected();
      rooms.a.do({ type: 'codes-match', epoch: null });
      rooms.a.do({ type: 'set-microphone', on: false });
      network.settle();
      const oldCode = rooms.a.call?.encryption.code;
      rooms[side].killMedia();
      const item = network.queue.shift();
      item?.room.do(item.event);
      assert.equal(rooms[side].call?.encryption.code, null, 'the old code is blanked at once');
      assert.equal(shown(rooms[side]), null);
      network.settle();
      for (const room of [rooms.a, rooms.b]) {
        assert.equal(room.call?.id, CALL);
        assert.equal(room.call?.phase, 'connected');
        assert.equal(shown(room), 'end-to-end');
        assert.notEqual(room.call?.encryption.code, oldCode);
        assert.equal(room.call?.encryption.codesMatchHere, null);
      }
      assert.equal(rooms.a.call?.encryption.code, rooms.b.call?.encryption.code);
      assert.equal(rooms.a.call?.wanted.microphone, false, 'a muted room stays muted');
    }
  });

  it('takes a word on the code for the code that was compared, not for one that replaced it', () => {
    const { network, a, b } = connected();
    const epoch = a.call?.exchange.epoch ?? -1;
    b.killMedia();
    network.settle();
    assert.equal(a.do({ type: 'codes-match', epoch }), 'CL_CALL_WRONG_PHASE');
    assert.equal(shown(a), 'end-to-end');
    assert.equal(a.do({ type: 'codes-match', epoch: a.call?.exchange.epoch ?? -1 }), null);
    assert.equal(shown(a), 'end-to-end-verified');
  });

  it('is held and resumed by either side, and is told so; what was wanted stays wanted, a share does not begin again', () => {
    const { network, a, b } = pair();
    place(a);
    assert.equal(a.do({ type: 'set-held', on: true }), 'CL_CALL_WRONG_PHASE', 'nothing to hold before it is connected');
    network.settle();
    b.do({ type: 'answer', video: true });
    network.settle();
    a.do({ type: 'set-screen', on: true });
    assert.equal(a.do({ type: 'set-held', on: true }), null);
    network.settle();
    assert.deepEqual(
      [a.media?.held, a.media?.sharing, a.call?.wanted.screen, a.call?.held, b.call?.held, b.media?.held],
      [true, false, false, { here: true, there: false }, { here: false, there: true }, false]
    );
    assert.deepEqual([a.call?.wanted.microphone, a.call?.wanted.camera, shown(a)], [true, true, 'end-to-end-verified'], 'no less secure, nothing forgotten');
    assert.equal(a.do({ type: 'set-screen', on: true }), 'CL_CALL_WRONG_PHASE');
    b.do({ type: 'set-held', on: true });
    network.settle();
    assert.deepEqual(
      [a.call?.held, b.call?.held],
      [
        { here: true, there: true },
        { here: true, there: true }
      ]
    );
    a.killMedia();
    network.settle();
    assert.deepEqual([a.media?.held, b.media?.held, a.call?.phase], [true, true, 'connected'], 'the next process begins on hold');
    assert.equal(a.do({ type: 'set-held', on: false }), null);
    assert.equal(network.queue.length, 1);
    assert.equal(a.do({ type: 'set-held', on: false }), null);
    assert.equal(network.queue.length, 1, 'what is so already is not told again');
    network.settle();
    assert.deepEqual([a.media?.held, a.call?.held, b.call?.held], [false, { here: false, there: true }, { here: true, there: false }]);
  });

  it('is recorded in a standard call alone, and the other side is told before and after', () => {
    const { network, a, b } = pair();
    assert.equal(a.do({ type: 'set-recording', on: true }), 'CL_CALL_NONE');
    b.encryption = { ...b.encryption, setting: false };
    place(a);
    assert.equal(a.do({ type: 'set-recording', on: true }), 'CL_CALL_WRONG_PHASE');
    network.settle();
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(a.do({ type: 'set-recording', on: true }), null);
    assert.deepEqual([a.media?.recording, a.call?.recording], [true, { here: true, there: false }]);
    assert.equal(network.queue.length, 1, 'the notice is on its way');
    network.settle();
    assert.deepEqual(b.call?.recording, { here: false, there: true });
    assert.equal(a.do({ type: 'set-recording', on: true }), null);
    assert.equal(network.queue.length, 0, 'what is so already is not told again');
    assert.equal(b.do({ type: 'set-recording', on: true }), null, 'both may');
    network.settle();
    assert.deepEqual(
      [a.call?.recording, b.call?.recording],
      [
        { here: true, there: true },
        { here: true, there: true }
      ]
    );
    a.do({ type: 'recording-ended', epoch: a.call?.exchange.epoch ?? 0 });
    network.settle();
    assert.deepEqual([a.call?.recording, b.call?.recording, a.call?.phase], [{ here: false, there: true }, { here: true, there: false }, 'connected']);
    a.do({ type: 'set-held', on: true });
    assert.equal(a.do({ type: 'set-recording', on: true }), 'CL_CALL_WRONG_PHASE', 'there is nothing to record');
    a.do({ type: 'set-held', on: false });
    a.do({ type: 'set-recording', on: true });
    network.settle();
    a.killMedia();
    network.settle();
    assert.deepEqual(
      [a.call?.recording, b.call?.recording, a.media?.recording, b.media?.recording],
      [{ here: false, there: false }, { here: false, there: false }, false, false],
      'it ended with the processes, and does not begin by itself'
    );
    a.do({ type: 'set-recording', on: true });
    a.do({ type: 'hang-up' });
    assert.deepEqual([a.call?.recording, a.media], [{ here: false, there: false }, null]);
  });

  it('is never recorded while it is end-to-end encrypted, whatever anybody asks, and a word of the other side changes nothing here', () => {
    const { network, a, b } = connected();
    assert.equal(a.do({ type: 'set-recording', on: true }), 'CL_CALL_FEATURE_UNAVAILABLE');
    assert.equal(a.do({ type: 'set-recording', on: false }), null);
    assert.deepEqual([a.media?.recording, a.call?.recording.here, network.queue.length], [false, false, 0]);
    assert.equal(shown(b), 'end-to-end-verified');
  });

  it('shares only in a secured call, and never by itself: not in the next process, nor in the next call', () => {
    const { network, a, b } = pair();
    assert.equal(a.do({ type: 'set-screen', on: true }), 'CL_CALL_NONE');
    place(a);
    assert.equal(a.do({ type: 'set-screen', on: true }), 'CL_CALL_WRONG_PHASE');
    network.settle();
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(a.call?.wanted.screen, false);
    assert.equal(a.do({ type: 'set-screen', on: true }), null);
    assert.deepEqual([a.call?.wanted.screen, a.media?.sharing, b.call?.wanted.screen], [true, true, false]);
    assert.equal(b.do({ type: 'set-screen', on: true }), null, 'both may at once');
    b.do({ type: 'screen-ended', epoch: b.call?.exchange.epoch ?? 0 });
    assert.deepEqual([b.call?.wanted.screen, b.media?.sharing, b.call?.phase], [false, false, 'connected']);
    a.killMedia();
    const item = network.queue.shift();
    item?.room.do(item.event);
    assert.equal(a.do({ type: 'set-screen', on: true }), 'CL_CALL_WRONG_PHASE', 'not before the new keys are proven');
    network.settle();
    assert.deepEqual([a.call?.phase, a.call?.wanted.screen, a.media?.sharing], ['connected', false, false]);
    a.do({ type: 'set-screen', on: true });
    a.do({ type: 'hang-up' });
    assert.equal(a.call?.wanted.screen, false);
  });

  it('secures the call anew when both media processes die at once', () => {
    const { network, a, b } = connected();
    a.killMedia();
    b.killMedia();
    network.settle();
    assert.equal(a.call?.phase, 'connected');
    assert.equal(a.call?.encryption.secured, true);
    assert.equal(a.call?.encryption.code, b.call?.encryption.code);
  });

  it('ends with its reason when it cannot be secured anew in time', () => {
    const { network, a, b } = connected();
    network.tamper = () => null;
    a.killMedia();
    network.settle();
    network.advance(3_001);
    assert.equal(a.call?.ended?.reason, 'media-failed');
    assert.equal(a.media, null);
    assert.equal(b.call?.phase, 'connected', 'the other side learns it by the silence of the media');
  });

  it('never goes from end-to-end to standard in a reconnect', () => {
    for (const type of ['call.reconnect', 'call.answer'] as const) {
      const { network, a, b } = connected();
      network.tamper = (message) => {
        if (message.type !== type) return message;
        return message.type === 'call.reconnect'
          ? { ...message, body: { ...message.body, encryption: { offered: false } } }
          : { ...message, body: { sdp: 'x', encryption: { accepted: false } } };
      };
      a.killMedia();
      network.settle();
      assert.equal(a.call?.ended?.reason, 'security-check-failed', type);
      assert.equal(b.call?.ended?.reason, 'security-check-failed', type);
      const detector = type === 'call.reconnect' ? b : a;
      assert.equal(detector.securityEvents[0]?.code, 'CL_SECURITY_RENEGOTIATION');
    }
  });

  it('does not let a third endpoint answer, end or reconnect somebody else’s call', () => {
    const { network, a, b } = connected();
    const mallory = network.room('m@y.example', 'mmmmmmmmmmmmmmmmmmmmmmmmmm');
    const to = { account: a.account, endpoint: a.endpoint };
    const before = a.state;
    network.send(mallory, { type: 'send', to, call: CALL, message: { type: 'call.end', body: { reason: 'hangup' } } });
    network.send(mallory, {
      type: 'send',
      to,
      call: CALL,
      message: { type: 'call.answer', body: { sdp: 'evil', encryption: { accepted: true, nonce: 'c'.repeat(64) } } }
    });
    network.send(mallory, {
      type: 'send',
      to,
      call: CALL,
      message: {
        type: 'call.reconnect',
        body: { sdp: 'evil', encryption: { offered: true, commitment: 'c'.repeat(64) }, media: { audio: true, video: true }, displayName: '' }
      }
    });
    network.settle();
    assert.deepEqual(a.state, before);
    assert.equal(b.call?.phase, 'connected');
  });

  it('calls nobody verified before that side has answered with a checked message', () => {
    const { network, a, b } = pair();
    place(a);
    network.settle();
    assert.equal(a.call?.peer.identity, 'unverified');
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(a.call?.peer.identity, 'verified');
  });

  it('rings all endpoints of an account and tells the others who answered', () => {
    const { network, a, b } = pair();
    const b2 = network.room('b@x.example', 'cccccccccccccccccccccccccc');
    place(a);
    network.settle();
    assert.equal(b2.call?.phase, 'ringing');
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(b2.call?.ended?.reason, 'answered-elsewhere');
    assert.equal(b2.media, null);
    assert.equal(a.call?.phase, 'connected');
  });

  it('is busy in a call', () => {
    const { network, a, b } = connected();
    const c = network.room('c@x.example', 'cccccccccccccccccccccccccc');
    place(c, LATER_CALL);
    network.settle();
    assert.equal(c.call?.ended?.reason, 'busy');
    assert.equal(a.do({ type: 'place', id: LATER_CALL, to: 'c@x.example', video: true }), 'CL_CALL_BUSY');
    assert.equal(b.call?.id, CALL);
  });

  it('keeps the call with the smaller id when both invite each other', () => {
    for (const [idA, idB] of [
      [CALL, LATER_CALL],
      [LATER_CALL, CALL]
    ] as const) {
      const { network, a, b } = pair();
      place(a, idA);
      place(b, idB, 'a@x.example');
      network.settle();
      for (const room of [a, b]) {
        assert.equal(room.call?.id, CALL);
        assert.equal(room.call?.phase, 'connected');
      }
    }
  });

  it('lets the person answer where both invited each other and the call that wins would not be end-to-end encrypted', () => {
    const { network, a, b } = pair();
    b.encryption = { ...b.encryption, setting: false };
    place(a, LATER_CALL);
    place(b, CALL, 'a@x.example');
    assert.equal(a.call?.encryption.expected, 'end-to-end');
    network.settle();
    assert.deepEqual([a.call?.id, a.call?.phase, a.call?.encryption.expected, a.media?.open], [CALL, 'ringing', 'standard', false]);
    a.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(shown(a), 'standard');
  });

  it('does not answer by itself what nobody expected, where nobody wants to be disturbed', () => {
    const { network, a, b } = pair();
    b.encryption = { ...b.encryption, setting: false };
    a.doNotDisturb = true;
    a.autoAnswerAfterMs = 0;
    place(a, LATER_CALL);
    place(b, CALL, 'a@x.example');
    network.settle();
    assert.deepEqual([a.call?.id, a.call?.phase, a.call?.autoAnswerAtMs], [CALL, 'ringing', null]);
  });

  it('takes candidates of nobody before the answer says whom the call is with', () => {
    const { network, a, b } = pair();
    const sibling = network.room('b@x.example', 'cccccccccccccccccccccccccc');
    const candidates = [{ candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 }];
    const say = (room: FakeRoom) =>
      network.send(room, { type: 'send', to: { account: a.account }, call: CALL, message: { type: 'call.candidate', body: { candidates } } });
    place(a);
    network.settle();
    say(sibling);
    network.settle();
    assert.equal(a.media?.candidates, 0);
    b.do({ type: 'answer', video: true });
    network.settle();
    say(sibling);
    network.settle();
    assert.equal(a.media?.candidates, 0);
    say(b);
    network.settle();
    assert.equal(a.media?.candidates, 1);
  });

  it('takes one media process for any number of reconnects in a row', () => {
    const { network, a, b } = connected();
    const before = b.mediaOpened;
    const body = { sdp: 'x', encryption: { offered: true, commitment: 'c'.repeat(64) }, media: { audio: true, video: true }, displayName: '' };
    for (let count = 0; count < 20; count++)
      network.send(a, { type: 'send', to: { account: b.account, endpoint: b.endpoint }, call: CALL, message: { type: 'call.reconnect', body } });
    network.settle();
    assert.equal(b.mediaOpened - before, 1);
    network.advance(3_001);
    assert.equal(b.call?.phase, 'ended');
    assert.equal(b.media, null);
  });

  it('ends an unanswered call after a minute on both sides', () => {
    const { network, a, b } = pair();
    place(a);
    network.settle();
    network.advance(60_001);
    assert.equal(a.call?.ended?.reason, 'timeout');
    assert.equal(b.call?.ended?.reason, 'timeout');
    network.advance(60_001);
    assert.equal(a.call, null, 'and forgets it');
  });

  it('tells an endpoint that answers a call which is over', () => {
    const { network, a, b } = pair();
    network.tamper = (message, from) => (from === a && message.type === 'call.end' ? null : message);
    place(a);
    network.settle();
    a.do({ type: 'hang-up' });
    network.settle();
    assert.equal(b.call?.phase, 'ringing', 'the hang-up was lost');
    network.tamper = (message) => message;
    b.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(b.call?.ended?.reason, 'hangup');
  });

  it('declines, and refuses actions in the wrong phase with a clear code', () => {
    const { network, a, b } = pair();
    assert.equal(a.do({ type: 'hang-up' }), 'CL_CALL_NONE');
    assert.equal(place(a, CALL, 'a@x.example'), 'CL_ADDRESS_INVALID');
    place(a);
    network.settle();
    assert.equal(a.do({ type: 'answer', video: true }), 'CL_CALL_WRONG_PHASE');
    assert.equal(a.do({ type: 'codes-match', epoch: null }), 'CL_CALL_WRONG_PHASE');
    b.do({ type: 'decline' });
    network.settle();
    assert.equal(a.call?.ended?.reason, 'declined');
    assert.equal(a.do({ type: 'hang-up' }), 'CL_CALL_WRONG_PHASE');
  });

  it('keeps no nonce once it is sent, nor one that is never sent', () => {
    const kept = (room: FakeRoom): boolean => JSON.stringify(room.state).includes('b'.repeat(64));
    const answered = connected();
    assert.deepEqual([answered.a, answered.b].map(kept), [false, false]);
    const { network, a, b } = pair();
    place(a);
    network.settle();
    assert.ok(kept(b), 'control: the answer is prepared while it rings');
    b.do({ type: 'decline' });
    assert.ok(!kept(b));
  });

  it('holds the callee’s candidates until it answers', () => {
    const { network, a, b } = pair();
    place(a);
    network.settle();
    const candidates = [{ candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 }];
    b.do({ type: 'local-candidates', epoch: b.media?.epoch ?? -1, candidates });
    network.settle();
    assert.equal(network.log.filter(({ message }) => message.type === 'call.candidate').length, 0);
    b.do({ type: 'answer', video: true });
    const types = network.log.filter(({ from }) => from === b.endpoint).map(({ message }) => message.type);
    assert.deepEqual(types, ['call.ringing', 'call.answer', 'call.candidate']);
  });

  for (const who of ['a', 'b'] as const) {
    it(`hands an update of ${who} and its answer on, and nothing else changes`, () => {
      const { network, ...rooms } = connected();
      const [one, other] = who === 'a' ? [rooms.a, rooms.b] : [rooms.b, rooms.a];
      const before = [one.call, other.call];
      one.do({ type: 'update-ready', epoch: one.state.lastEpoch, sdp: 'new path' });
      network.settle();
      assert.deepEqual([other.media?.updates, one.media?.updates], [['new path'], ['answer to new path']]);
      assert.deepEqual([one.call, other.call], before);
      const [update, answer] = network.log.slice(-2);
      assert.deepEqual([update?.message, update?.to], [{ type: 'call.update', body: { sdp: 'new path' } }, other.endpoint]);
      assert.deepEqual([answer?.message, answer?.to], [{ type: 'call.update-answer', body: { sdp: 'answer to new path', answers: 'ufrag' } }, one.endpoint]);
    });
  }

  it('takes no update from anybody that the call is not with, before it is known whom, of a media process that is gone, or after the end', () => {
    const { network, a, b } = pair();
    const stranger = network.room('c@x.example', 'cccccccccccccccccccccccccc');
    const update = (from: FakeRoom, to: FakeRoom) =>
      to.do({
        type: 'message',
        inbound: {
          id: 'u',
          call: CALL,
          from: { account: from.account, endpoint: from.endpoint },
          identity: 'verified',
          expiresAt: 0,
          message: { type: 'call.update', body: { sdp: 'x' } }
        }
      });
    place(a);
    network.settle();
    update(b, a);
    assert.deepEqual(a.media?.updates, []);
    b.do({ type: 'answer', video: true });
    network.settle();
    update(stranger, a);
    assert.deepEqual(a.media?.updates, []);
    const sent = network.log.length;
    a.do({ type: 'update-ready', epoch: a.state.lastEpoch - 1, sdp: 'of another media process' });
    a.do({ type: 'hang-up' });
    a.do({ type: 'update-ready', epoch: a.state.lastEpoch, sdp: 'too late' });
    update(b, a);
    assert.deepEqual(
      network.log.slice(sent).map(({ message }) => message.type),
      ['call.end']
    );
  });

  it('property: whatever people do and whatever is lost or reordered, nothing gets stuck and no shield is shown without proof', () => {
    const action = fc.record({
      room: fc.constantFrom('a', 'b'),
      what: fc.constantFrom(
        'place',
        'answer',
        'decline',
        'hang-up',
        'codes-match',
        'codes-differ',
        'kill',
        'mute',
        'update',
        'share',
        'screen-lost',
        'record',
        'recording-lost',
        'standard',
        'settle',
        'time'
      ),
      lose: fc.integer({ min: 0, max: 5 }),
      order: fc.integer({ min: 0, max: 1000 })
    });
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 40 }), (actions) => {
        const { network, ...rooms } = pair();
        let calls = 0;
        for (const { room: name, what, lose, order } of actions) {
          const room = rooms[name as 'a' | 'b'];
          let countdown = lose;
          network.tamper = (message) => (lose > 0 && --countdown === 0 ? null : message);
          if (what === 'place')
            room.do({
              type: 'place',
              id: `0190f3c2-7d4e-7a31-8c55-${String(calls++).padStart(12, '0')}`,
              to: name === 'a' ? 'b@x.example' : 'a@x.example',
              video: true
            });
          else if (what === 'kill') room.killMedia();
          else if (what === 'update') room.do({ type: 'update-ready', epoch: room.state.lastEpoch, sdp: 'a new path' });
          else if (what === 'mute') room.do({ type: 'set-microphone', on: false });
          else if (what === 'share') room.do({ type: 'set-screen', on: order % 3 > 0 });
          else if (what === 'screen-lost') room.do({ type: 'screen-ended', epoch: room.call?.exchange.epoch ?? 0 });
          else if (what === 'record') room.do({ type: 'set-recording', on: order % 3 > 0 });
          else if (what === 'recording-lost') room.do({ type: 'recording-ended', epoch: room.call?.exchange.epoch ?? 0 });
          else if (what === 'standard') room.encryption = { ...room.encryption, setting: order % 2 === 0 };
          else if (what === 'time') network.advance(order * 20);
          else if (what === 'settle') network.settle((waiting) => order % waiting);
          else if (what === 'answer') room.do({ type: 'answer', video: true });
          else room.do({ type: what as 'decline' });
          for (const each of [rooms.a, rooms.b]) {
            const state = shown(each);
            if (each.call?.phase !== 'ended' && (state === 'end-to-end' || state === 'end-to-end-verified')) {
              assert.ok(each.media === null || each.media.secured, 'a shield without a secured connection');
              assert.equal(each.media?.endToEnd ?? true, true);
            }
            if (each.media !== null) assert.equal(each.media.sharing, each.call?.wanted.screen, 'what is shared is what is wanted');
            if (each.media?.recording) assert.ok(each.media.secured && !each.media.endToEnd && each.call?.recording.here, 'recorded in the wrong call');
            if (each.media?.sharing) assert.ok(each.media.secured, 'a share without a secured connection');
            if (each.call === null || each.call.phase === 'ended') {
              assert.equal(each.media, null, 'media after the end');
              assert.equal(each.call?.encryption.code ?? null, null, 'a code after the end');
            }
          }
        }
        // Left alone, with the network well again and one side hanging up what still is, both come to rest.
        network.tamper = (message) => message;
        network.settle();
        for (let i = 0; i < 4; i++) network.advance(61_000);
        for (const room of [rooms.a, rooms.b]) {
          const phase = room.call?.phase ?? 'none';
          assert.ok(['none', 'ended', 'connected'].includes(phase), `stuck in ${phase}`);
          if (phase === 'connected') assert.ok(room.call?.encryption.secured, 'stuck while being secured');
        }
      }),
      { numRuns: 500 }
    );
  });
});
