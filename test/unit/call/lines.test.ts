import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CallEvent } from '../../../src/call/call.ts';
import { consultationFor, lineOfCall, parkedUnder, runs, waits } from '../../../src/call/lines.ts';
import type { CallMessage } from '../../../src/signaling/messages.ts';
import { FakeNetwork, type FakeRoom } from '../../fakes/call-pair.ts';

const CALL = '0190f3c2-7d4e-7a31-8c55-000000000001';
const SECOND = '0190f3c2-7d4e-7a31-8c55-000000000002';
const ASKED = '0190f3c2-7d4e-7a31-8c55-000000000003';
const TOKEN = 'ab'.repeat(16);
const OTHER_TOKEN = `${'ab'.repeat(15)}cd`;
const CODE = '0427';

/** Rooms that make standard calls, since the first one's setting is off. */
function rooms() {
  const network = new FakeNetwork();
  const make = (name: string, organisation = 'x.example'): FakeRoom => network.room(`${name}@${organisation}`, name.repeat(26));
  const [a, b, c, d] = [make('a'), make('b'), make('c'), make('d')];
  for (const room of [a, b, c, d]) room.encryption = { ...room.encryption, setting: false };
  return { network, a, b, c, d, stranger: make('e', 'y.example') };
}
type Rooms = ReturnType<typeof rooms>;

const place = (room: FakeRoom, to: FakeRoom, id: string) => room.do({ type: 'place', id, to: to.account, video: true });
function connect(network: FakeNetwork, from: FakeRoom, to: FakeRoom, id = CALL): void {
  assert.equal(place(from, to, id), null);
  network.settle();
  to.doIn(id, { type: 'answer', video: true });
  network.settle();
  assert.equal(lineOfCall(from.lines, id)?.call.phase, 'connected');
}
function talking(): Rooms {
  const all = rooms();
  connect(all.network, all.a, all.b);
  return all;
}
const running = (room: FakeRoom): number => room.lines.lines.filter(runs).length;
/** Whoever may send now. */
const sending = (room: FakeRoom): number => [...room.medias.values()].filter(({ open, held }) => open && !held).length;
const transfer = (to: FakeRoom): CallEvent => ({ type: 'transfer', to: to.account, kind: 'transfer', replaces: null });
const types = (network: FakeNetwork, from: FakeRoom): string[] => network.log.filter((each) => each.from === from.endpoint).map(({ message }) => message.type);
const hostile = (room: FakeRoom, from: FakeRoom, call: string, message: CallMessage) =>
  room.do({
    type: 'message',
    inbound: { id: 'x', call, from: { account: from.account, endpoint: from.endpoint }, identity: 'verified', expiresAt: 0, message }
  });

function consulted(): Rooms {
  const all = talking();
  assert.equal(all.a.do({ type: 'consult', to: all.c.account }), null);
  assert.equal(all.a.do({ type: 'place', id: SECOND, to: all.c.account, video: true, origin: { kind: 'consultation', call: CALL } }), null);
  all.network.settle();
  all.c.do({ type: 'answer', video: true });
  all.network.settle();
  assert.deepEqual([all.a.call?.id, all.a.call?.phase, running(all.a)], [SECOND, 'connected', 2]);
  return all;
}
const complete = ({ a, b, network }: Rooms): void => {
  assert.equal(a.doIn(SECOND, { type: 'offer-replacement', token: TOKEN, by: b.account }), null);
  network.settle();
};

describe('several calls in one room', () => {
  it('holds one call and places another; people talk in one at a time, and what is resumed is in front', () => {
    const { network, a, b, c } = talking();
    assert.equal(place(a, c, SECOND), 'CL_CALL_BUSY', 'people talk');
    a.do({ type: 'set-held', on: true });
    connect(network, a, c, SECOND);
    assert.deepEqual([running(a), sending(a), a.call?.id, b.call?.held.there], [2, 1, SECOND, true]);
    assert.equal(a.doIn(CALL, { type: 'set-held', on: false }), 'CL_CALL_BUSY', 'people talk in the other one');
    a.doIn(SECOND, { type: 'set-held', on: true });
    assert.equal(a.doIn(CALL, { type: 'set-held', on: false }), null);
    assert.deepEqual([sending(a), a.call?.id], [1, CALL]);
    a.do({ type: 'hang-up' });
    network.settle();
    assert.deepEqual([a.call?.id, a.call?.held.here, b.call?.phase, c.call?.phase], [SECOND, true, 'ended', 'connected'], 'the held one is in front again');
  });

  it('numbers the media processes of all calls, so that a display knows one from the other', () => {
    const { network, a, c } = talking();
    a.do({ type: 'set-held', on: true });
    connect(network, a, c, SECOND);
    assert.equal(new Set([...a.medias.values()].map(({ epoch }) => epoch)).size, 2);
  });

  it('is busy for others while anybody waits, and takes no fourth call', () => {
    const { network, a, c, d } = talking();
    a.do({ type: 'set-held', on: true });
    place(c, a, ASKED);
    network.settle();
    assert.deepEqual([c.call?.ended?.reason, running(a)], ['busy', 1]);
    a.blocked.add(c.account);
    place(c, a, '0190f3c2-7d4e-7a31-8c55-000000000008');
    network.settle();
    assert.equal(c.call?.ended?.reason, 'blocked', 'who is blocked hears so as ever');
    a.blocked.clear();
    connect(network, a, c, SECOND);
    a.do({ type: 'set-held', on: true });
    connect(network, a, d, ASKED);
    a.do({ type: 'set-held', on: true });
    assert.equal(place(a, c, '0190f3c2-7d4e-7a31-8c55-000000000009'), 'CL_CALL_LINES_FULL');
  });
});

describe('handing a call over', () => {
  it('is called by the other side: who handed over is out of it once they talk', () => {
    const { network, a, b, c } = talking();
    b.do({ type: 'set-microphone', on: false });
    assert.equal(a.do(transfer(c)), null);
    assert.deepEqual([a.call?.held.here, a.call?.handover?.role], [true, 'referrer']);
    network.settle();
    assert.equal(c.call?.phase, 'ringing');
    assert.deepEqual(c.call?.referredBy, { account: a.account, displayName: a.account });
    assert.deepEqual([b.call?.peer.account, b.call?.phase, sending(b), running(b)], [c.account, 'ringing', 1, 2]);
    c.do({ type: 'answer', video: true });
    network.settle();
    assert.deepEqual([a.call?.phase, a.call?.ended?.reason, a.call?.handedOver], ['ended', 'hangup', true]);
    assert.deepEqual([running(a), running(b), running(c)], [0, 1, 1]);
    assert.deepEqual([b.call?.peer.account, b.call?.phase, c.call?.phase], [c.account, 'connected', 'connected']);
    assert.equal(b.call?.wanted.microphone, false, 'who was muted is not heard by somebody else');
  });

  it('goes on where it was when nobody takes it, and says so for a while', () => {
    for (const fails of ['declines', 'is not there', 'is busy'] as const) {
      const { network, a, b, c, d } = talking();
      if (fails === 'is busy') connect(network, c, d, SECOND);
      if (fails === 'is not there') network.rooms.splice(network.rooms.indexOf(c), 1);
      a.do(transfer(c));
      network.settle();
      if (fails === 'declines') c.do({ type: 'decline' });
      if (fails === 'is not there') network.advance(61_000);
      network.settle();
      assert.deepEqual([a.call?.phase, a.call?.held, a.call?.handover], ['connected', { here: false, there: false }, null], fails);
      assert.deepEqual([b.call?.id, b.call?.phase, b.call?.held, b.call?.handover], [CALL, 'connected', { here: false, there: false }, null], fails);
      assert.equal(a.call?.handoverFailed, c.account);
      assert.deepEqual([sending(a), sending(b)], [1, 1]);
      network.advance(21_000);
      assert.equal(a.call?.handoverFailed, null);
    }
  });

  it('is refused where this room does not let itself be handed over, is with somebody else, or is asked for nonsense', () => {
    const cases: readonly [string, (all: Rooms) => unknown, (all: Rooms) => string][] = [
      ['policy', ({ b }) => Object.assign(b, { acceptTransfers: false }), ({ c }) => c.account],
      ['busy', ({ b }) => b.do({ type: 'set-held', on: true }), ({ c }) => c.account],
      ['address', () => {}, ({ b }) => b.account],
      ['address', () => {}, ({ a }) => a.account],
      ['address', () => {}, () => 'not an address']
    ];
    for (const [reason, prepare, to] of cases) {
      const all = talking();
      prepare(all);
      all.network.settle();
      hostile(all.b, all.a, CALL, { type: 'call.refer', body: { to: to(all) } });
      const answer = all.network.log.findLast(({ message }) => message.type === 'call.refer-answer')?.message;
      assert.deepEqual(answer?.body, { state: 'refused', reason }, reason);
      assert.deepEqual([running(all.b), all.b.call?.phase], [1, 'connected']);
    }
  });

  it('hands over neither to itself nor to whom it talks with, nor before the call is secured, nor twice', () => {
    const { network, a, b, c, d } = talking();
    assert.equal(a.do(transfer(a)), 'CL_ADDRESS_INVALID');
    assert.equal(a.do(transfer(b)), 'CL_ADDRESS_INVALID');
    assert.equal(a.do(transfer(c)), null);
    assert.equal(a.do(transfer(d)), 'CL_CALL_WRONG_PHASE');
    assert.equal(a.do({ type: 'park', code: CODE }), 'CL_CALL_WRONG_PHASE');
    assert.equal(a.do({ type: 'set-held', on: false }), 'CL_CALL_WRONG_PHASE', 'the other side is on its way');
    const fresh = rooms();
    place(fresh.a, fresh.b, CALL);
    fresh.network.settle();
    assert.equal(fresh.a.do(transfer(fresh.c)), 'CL_CALL_WRONG_PHASE');
    network.settle();
  });

  it('does none of this in an end-to-end encrypted call, whoever asks: a request of the other side is refused and recorded, once', () => {
    const { network, a, b, c } = rooms();
    for (const room of [a, b]) room.encryption = { ...room.encryption, setting: true };
    connect(network, a, b);
    assert.equal(a.call?.encryption.agreed, 'end-to-end');
    for (const event of [
      transfer(c),
      { type: 'consult', to: c.account },
      { type: 'park', code: CODE },
      { type: 'offer-replacement', token: TOKEN, by: b.account }
    ] as const)
      assert.equal(a.do(event), 'CL_CALL_FEATURE_UNAVAILABLE', event.type);
    const before = b.call;
    for (let times = 0; times < 3; times++) {
      hostile(b, a, CALL, { type: 'call.refer', body: { to: c.account } });
      hostile(b, a, CALL, { type: 'call.replace', body: { token: TOKEN, by: c.account } });
    }
    assert.deepEqual(b.securityEvents, [{ code: 'CL_SECURITY_REFERRAL', detectedBy: 'call' }]);
    assert.deepEqual({ ...b.call, referenceAlarmed: false }, before);
    network.settle();
    assert.deepEqual([running(b), b.call?.phase, c.call], [1, 'connected', null]);
    assert.deepEqual(
      network.log.filter(({ message }) => message.type.endsWith('-answer')).map(({ message }) => message.body),
      Array.from({ length: 3 }, () => [{ state: 'refused', reason: 'encryption' }, { accepted: false }]).flat()
    );
  });

  it('does not let the other side have this room ring at others over and over', () => {
    const { network, a, b, c } = talking();
    for (let times = 0; times < 10; times++) {
      hostile(b, a, CALL, { type: 'call.refer', body: { to: c.account } });
      network.settle();
      c.do({ type: 'decline' });
      network.settle();
    }
    assert.equal(types(network, b).filter((type) => type === 'call.invite').length, 5);
    assert.deepEqual([running(b), sending(b)], [1, 1]);
  });

  it('is not sent round in circles by others who hand it on to each other', () => {
    const { network, a, b, c } = talking();
    let [from, to] = [a, c];
    for (let times = 0; times < 10; times++) {
      const now = b.call;
      if (now?.peer.account !== from.account) break;
      hostile(b, from, now.id, { type: 'call.refer', body: { to: to.account } });
      network.settle();
      to.do({ type: 'answer', video: true });
      network.settle();
      network.advance(6_000);
      [from, to] = [to, from];
    }
    assert.equal(types(network, b).filter((type) => type === 'call.invite').length, 5);
    assert.deepEqual([running(b), sending(b)], [1, 1], 'it talks on with the last of them');
  });

  it('calls nobody that is blocked here because the other side asks for it, and agrees to none of their calls', () => {
    const { network, a, b, c } = talking();
    b.blocked.add(c.account);
    for (const message of [
      { type: 'call.refer', body: { to: c.account } },
      { type: 'call.replace', body: { token: TOKEN, by: c.account } }
    ] as const)
      hostile(b, a, CALL, message);
    network.settle();
    assert.deepEqual([running(b), b.call?.handover, sending(b)], [1, null, 1]);
    const answers = network.log.flatMap(({ from, message }) => (from === b.endpoint && /answer$/.test(message.type) ? [message.body] : []));
    assert.deepEqual(answers.slice(-2), [{ state: 'refused', reason: 'policy' }, { accepted: false }]);
  });

  it('takes a room that does not know the request for one that refuses', () => {
    const { network, a, b, c } = talking();
    network.tamper = (message) => (message.type === 'call.refer' ? null : message);
    a.do(transfer(c));
    network.settle();
    hostile(a, b, CALL, { type: 'call.end', body: { reason: 'unsupported' } });
    network.settle();
    assert.deepEqual([a.call?.phase, a.call?.held.here, a.call?.handoverFailed], ['connected', false, c.account]);
  });

  it('lets go of a call whose other side does not say that it is over', () => {
    const { network, a, b, c } = talking();
    a.do(transfer(c));
    network.settle();
    network.tamper = (message, from) => (from === a ? null : message);
    c.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(running(b), 2);
    network.advance(6_000);
    assert.equal(running(b), 1);
    assert.equal(b.call?.peer.account, c.account);
  });
});

describe('asking first', () => {
  it('joins whom it talked with to whom it asked: nothing rings again, what was off stays off', () => {
    const all = consulted();
    const { network, a, b, c } = all;
    c.do({ type: 'set-camera', on: false });
    assert.ok(consultationFor(a.lines, CALL));
    const ringing = types(network, c).filter((type) => type === 'call.ringing').length;
    complete(all);
    assert.deepEqual([running(a), running(b), running(c)], [0, 1, 1]);
    assert.deepEqual([b.call?.peer.account, c.call?.peer.account, c.call?.phase], [c.account, b.account, 'connected']);
    assert.deepEqual(c.call?.referredBy, { account: a.account, displayName: a.account });
    assert.deepEqual(c.call?.wanted, { microphone: true, camera: false, screen: false });
    assert.deepEqual([a.call?.handedOver, sending(b), sending(c)], [true, 1, 1]);
    assert.equal(types(network, c).filter((type) => type === 'call.ringing').length, ringing + 1, 'the word of the protocol, answered in the same moment');
  });

  it('goes back to whom it talked with', () => {
    const { network, a, b, c } = consulted();
    a.doIn(SECOND, { type: 'hang-up' });
    network.settle();
    assert.equal(a.doIn(CALL, { type: 'set-held', on: false }), null);
    network.settle();
    assert.deepEqual([a.call?.id, b.call?.held.there, c.call?.phase, sending(a)], [CALL, false, 'ended', 1]);
  });

  it('leaves both calls as they were where either refuses', () => {
    for (const side of ['b', 'c'] as const) {
      const all = consulted();
      all[side].acceptTransfers = false;
      complete(all);
      const { a, b, c } = all;
      assert.deepEqual([running(a), running(b), running(c)], [2, 1, 1], side);
      assert.deepEqual([a.call?.id, a.call?.handover, c.call?.held], [SECOND, null, { here: false, there: false }], side);
      const failed = side === 'b' ? lineOfCall(a.lines, CALL)?.call.handoverFailed : a.call?.handoverFailed;
      assert.equal(failed, side === 'b' ? c.account : b.account);
      all[side].acceptTransfers = true;
      complete(all);
      assert.deepEqual([running(a), running(b), running(c), b.call?.peer.account], [0, 1, 1, c.account], `${side}: and it can be asked again`);
    }
  });

  it('goes on with both where the two cannot be joined', () => {
    const all = consulted();
    const { network, a, b, c } = all;
    network.tamper = (message, from) => (message.type === 'call.invite' && from === b ? null : message);
    complete(all);
    network.advance(61_000);
    assert.deepEqual([running(a), running(b), running(c)], [2, 1, 1]);
    assert.deepEqual([c.call?.handover, b.call?.handover, a.call?.handover], [null, null, null]);
    assert.deepEqual([c.call?.held.here, sending(c)], [false, 1]);
  });

  it('lets nobody take the place of a call without the secret of those who agreed, nor from another account', () => {
    const { network, c, d, b } = consulted();
    hostile(c, rooms().a, SECOND, { type: 'call.replace', body: { token: TOKEN, by: b.account } });
    network.settle();
    assert.equal(c.call?.handover?.role, 'replaced');
    const invite = (from: FakeRoom, token: string): void => {
      hostile(c, from, ASKED, {
        type: 'call.invite',
        body: { sdp: 'v=0', encryption: { offered: false }, media: { audio: true, video: true }, displayName: 'x', replaces: { call: SECOND, token } }
      });
    };
    invite(d, TOKEN);
    invite(b, OTHER_TOKEN);
    assert.deepEqual([running(c), c.call?.id, c.call?.held.here], [1, SECOND, false]);
    assert.ok(!types(network, c).includes('call.end'), 'nothing is told to whoever tries');
    invite(b, TOKEN);
    assert.deepEqual([running(c), c.call?.id, c.call?.phase], [2, ASKED, 'connecting'], 'control: the right one does');
  });

  const inPlace = (from: FakeRoom, to: FakeRoom, call: string): void => {
    hostile(to, from, call, {
      type: 'call.invite',
      body: {
        sdp: 'v=0',
        encryption: { offered: false },
        media: { audio: true, video: true },
        displayName: 'x',
        replaces: { call: SECOND, token: TOKEN }
      }
    });
  };

  it('makes no call wait for one that does not come: an invite in its own place begins none', () => {
    const { network, a, b, c } = consulted();
    hostile(c, a, SECOND, { type: 'call.replace', body: { token: TOKEN, by: b.account } });
    network.settle();
    inPlace(b, c, SECOND);
    network.settle();
    assert.deepEqual([running(c), c.call?.id, c.call?.held.here, sending(c)], [1, SECOND, false, 1]);
  });

  it('goes on with the call that made way where nothing says what became of the other', () => {
    const { network, a, b, c } = consulted();
    hostile(c, a, SECOND, { type: 'call.replace', body: { token: TOKEN, by: b.account } });
    network.settle();
    assert.equal(c.doIn(SECOND, { type: 'make-way' }), null);
    assert.equal(c.doIn(SECOND, { type: 'set-held', on: false }), 'CL_CALL_WRONG_PHASE', 'it is on its way to somebody else');
    network.advance(30_000);
    assert.deepEqual([c.call?.handover, c.call?.held.here, sending(c)], [null, false, 1]);
  });

  it('opens the microphone for nobody who comes in place of a call that people hold', () => {
    const { network, a, b, c } = consulted();
    hostile(c, a, SECOND, { type: 'call.replace', body: { token: TOKEN, by: b.account } });
    network.settle();
    assert.equal(c.do({ type: 'set-held', on: true }), null);
    inPlace(b, c, ASKED);
    network.settle();
    assert.deepEqual([running(c), c.call?.id, c.call?.held.here, sending(c)], [1, SECOND, true, 0]);
    assert.deepEqual(
      network.log.filter(({ from, message }) => from === c.endpoint && message.type === 'call.end').map(({ to }) => to),
      [b.endpoint],
      'busy'
    );
    network.advance(100_000);
    assert.deepEqual([c.call?.handover, c.call?.held.here, sending(c)], [null, true, 0], 'as people left it');
  });

  it('does not weaken a consultation that is end-to-end encrypted', () => {
    const { network, a, b, c } = rooms();
    for (const room of [a, c]) room.encryption = { ...room.encryption, setting: true };
    connect(network, a, b);
    a.do({ type: 'consult', to: c.account });
    a.do({ type: 'place', id: SECOND, to: c.account, video: true, origin: { kind: 'consultation', call: CALL } });
    network.settle();
    c.do({ type: 'answer', video: true });
    network.settle();
    assert.equal(a.call?.encryption.agreed, 'end-to-end');
    assert.equal(a.doIn(SECOND, { type: 'offer-replacement', token: TOKEN, by: b.account }), 'CL_CALL_FEATURE_UNAVAILABLE');
  });
});

describe('parking', () => {
  function parked(): Rooms {
    const all = talking();
    assert.equal(all.a.do({ type: 'park', code: CODE }), null);
    all.network.settle();
    return all;
  }
  const retrieve = (room: FakeRoom, from: FakeRoom, code = CODE) => room.act({ type: 'retrieve', id: ASKED, account: from.account, code, token: TOKEN });

  it('leaves the room free, and is retrieved by another room of the organisation without ringing', () => {
    const { network, a, b, c, d } = parked();
    assert.deepEqual([a.call, running(a), sending(a), b.call?.held.there], [null, 1, 0, true]);
    connect(network, d, a, SECOND);
    assert.equal(a.call?.id, SECOND);
    assert.equal(retrieve(c, a), null);
    network.settle();
    assert.deepEqual([c.call?.peer.account, c.call?.phase, b.call?.peer.account, b.call?.phase], [b.account, 'connected', c.account, 'connected']);
    assert.deepEqual([running(a), running(b), running(c), c.lines.retrieval], [1, 1, 1, null]);
    assert.equal(parkedUnder(a.lines, CODE), null);
    assert.deepEqual(c.call?.referredBy?.account, a.account);
  });

  it('is retrieved at another device of the account, too', () => {
    const { network, a, b } = talking();
    const another = network.room(a.account, 'f'.repeat(26));
    another.encryption = { ...another.encryption, setting: false };
    assert.equal(a.do({ type: 'park', code: CODE }), null);
    assert.equal(another.act({ type: 'retrieve', id: ASKED, account: a.account, code: CODE, token: TOKEN }), null);
    network.settle();
    assert.deepEqual(
      [another.call?.phase, another.call?.peer.account, running(a), running(b), b.call?.peer.endpoint],
      ['connected', b.account, 0, 1, another.endpoint]
    );
  });

  it('is retrieved by the room itself', () => {
    const { network, a, b } = parked();
    assert.equal(a.doIn(CALL, { type: 'unpark' }), null);
    network.settle();
    assert.deepEqual([a.call?.id, a.call?.held, a.call?.parked, b.call?.held.there], [CALL, { here: false, there: false }, null, false]);
  });

  it('tells a wrong code, one of another organisation, and any after too many wrong ones, all alike', () => {
    const { network, a, c, stranger } = parked();
    const refused = (room: FakeRoom, code: string): void => {
      assert.equal(retrieve(room, a, code), null);
      network.settle();
      assert.equal(room.lines.retrieval?.refused, true, code);
      assert.equal(room.act({ type: 'retrieve-over', id: ASKED }), null);
      assert.equal(room.lines.retrieval, null);
    };
    refused(stranger, CODE);
    for (const code of ['0000', '1111', '2222']) refused(c, code);
    refused(c, CODE);
    assert.deepEqual([running(a), running(c)], [1, 0]);
  });

  it('gives a parked call to nobody that is blocked here', () => {
    const { network, a, b, c } = talking();
    a.do({ type: 'park', code: CODE });
    a.blocked.add(c.account);
    assert.equal(c.act({ type: 'retrieve', id: ASKED, account: a.account, code: CODE, token: TOKEN }), null);
    network.settle();
    assert.deepEqual([c.lines.retrieval?.refused, running(c), running(b), parkedUnder(a.lines, CODE)?.call.id], [true, 0, 1, CALL]);
    a.blocked.clear();
    hostile(a, c, ASKED, { type: 'call.retrieve', body: { code: CODE, token: TOKEN } });
    assert.equal(parkedUnder(a.lines, CODE)?.call.handover?.role, 'referrer', 'control: others get it');
  });

  it('lets another room try after one that has tried too often', () => {
    const { network, a, c, d } = parked();
    for (const code of ['0000', '1111', '2222']) {
      retrieve(c, a, code);
      network.settle();
      c.act({ type: 'retrieve-over', id: ASKED });
    }
    retrieve(d, a);
    network.settle();
    assert.equal(d.call?.phase, 'connected');
  });

  it('is a held call here again when nobody retrieves it in time, and its code is worth nothing then', () => {
    const { network, a, b, c } = parked();
    network.advance(301_000);
    assert.deepEqual([a.call?.id, a.call?.held.here, a.call?.parked], [CALL, true, null]);
    assert.ok(a.call?.parkOverAtMs);
    retrieve(c, a);
    network.settle();
    assert.equal(c.lines.retrieval?.refused, true);
    assert.equal(a.do({ type: 'set-held', on: false }), null);
    network.settle();
    assert.deepEqual([a.call?.parkOverAtMs, b.call?.held.there], [null, false]);
  });

  it('clears its code when the parked call ends, from either side', () => {
    for (const side of ['a', 'b'] as const) {
      const all = parked();
      all[side].doIn(CALL, { type: 'hang-up' });
      all.network.settle();
      assert.deepEqual([parkedUnder(all.a.lines, CODE), running(all.a), running(all.b)], [null, 0, 0]);
    }
  });

  it('stays parked where its other side does not come', () => {
    const all = parked();
    const { network, a, b, c } = all;
    b.acceptTransfers = false;
    retrieve(c, a);
    network.settle();
    c.act({ type: 'retrieve-over', id: ASKED });
    assert.deepEqual([running(a), a.call, parkedUnder(a.lines, CODE)?.call.id, running(c)], [1, null, CALL, 0]);
  });
});

describe('whatever happens to several calls', function () {
  this.timeout(60_000);

  const NAMES = ['a', 'b', 'c', 'd'] as const;
  const EVENTS = [
    'place',
    'consult',
    'complete',
    'answer',
    'decline',
    'hang-up',
    'hold',
    'resume',
    'transfer',
    'park',
    'unpark',
    'retrieve',
    'kill',
    'settle',
    'time',
    // More often than by chance: what joins calls.
    'transfer',
    'transfer',
    'consult',
    'complete',
    'complete',
    'park',
    'retrieve'
  ] as const;

  it('property: people talk in one call at a time, no end-to-end encrypted call is handed over, and all comes to rest', () => {
    const action = fc.record({
      room: fc.constantFrom(...NAMES),
      other: fc.constantFrom(...NAMES),
      what: fc.constantFrom(...EVENTS),
      line: fc.nat(2),
      lose: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 6),
      order: fc.nat(1000),
      calm: fc.constantFrom(true, true, true, false)
    });
    const handedOver = new Set<string>();
    let runsSoFar = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 5, maxLength: 50 }), fc.boolean(), (actions, endToEnd) => {
        const { network, ...all } = rooms();
        if (endToEnd) for (const name of ['b', 'c', 'd'] as const) all[name].encryption = { ...all[name].encryption, setting: true };
        const everybody = NAMES.map((name) => all[name]);
        runsSoFar += 1;
        let calls = 0;
        const id = (): string => `0190f3c2-7d4e-7a31-8c55-${String(calls++).padStart(12, '0')}`;
        connect(network, all.a, all.b, id());
        const check = (): void => {
          for (const room of everybody) {
            const talkers = room.lines.lines.filter((line) => runs(line) && !waits(line) && !(line.call.direction === 'incoming' && !line.call.answered));
            assert.ok(talkers.length <= 1, `${talkers.length} calls that people talk in`);
            assert.ok(sending(room) <= 1, 'two calls send');
            assert.ok(running(room) <= 3);
            for (const { key, call } of room.lines.lines) {
              if (call.phase === 'ended') assert.equal(room.medias.get(key), undefined, 'media after the end');
              if (call.encryption.agreed === 'end-to-end')
                assert.deepEqual([call.handover, call.parked, call.handedOver], [null, null, false], 'an end-to-end encrypted call is handed over');
              if (call.handedOver) handedOver.add(`${runsSoFar} ${call.origin?.kind ?? 'placed'} ${call.id}`);
            }
            for (const key of room.medias.keys())
              assert.ok(
                room.lines.lines.some((line) => line.key === key),
                'media without a call'
              );
          }
        };
        for (const { room: name, other, what, line, lose, order, calm } of actions) {
          const room = all[name];
          const key = room.lines.lines[line]?.key ?? room.line?.key ?? 0;
          const { account } = all[other];
          let countdown = lose;
          network.tamper = (message) => (lose > 0 && --countdown === 0 ? null : message);
          if (what === 'place') room.do({ type: 'place', id: id(), to: account, video: true });
          else if (what === 'consult') {
            const call = room.lines.lines.find((each) => each.key === key)?.call.id ?? '';
            if (room.do({ type: 'consult', to: account }, key) === null)
              room.do({ type: 'place', id: id(), to: account, video: true, origin: { kind: 'consultation', call } });
          } else if (what === 'complete') {
            const origin = room.lines.lines.find((each) => each.key === key)?.call.origin;
            const parent = origin?.kind === 'consultation' ? lineOfCall(room.lines, origin.call) : null;
            if (parent !== null) room.do({ type: 'offer-replacement', token: TOKEN, by: parent.call.peer.account }, key);
          } else if (what === 'answer') room.do({ type: 'answer', video: true }, key);
          else if (what === 'hold' || what === 'resume') room.do({ type: 'set-held', on: what === 'hold' }, key);
          else if (what === 'transfer') room.do({ type: 'transfer', to: account, kind: 'transfer', replaces: null }, key);
          else if (what === 'park') room.do({ type: 'park', code: String(order % 10_000).padStart(4, '0') }, key);
          else if (what === 'retrieve') {
            const code = all[other].lines.lines.map(({ call }) => call.parked?.code).find((each) => each !== undefined) ?? '0000';
            const asked = id();
            if (room.act({ type: 'retrieve', id: asked, account, code, token: TOKEN }) === null) {
              network.settle();
              room.act({ type: 'retrieve-over', id: asked });
            }
          } else if (what === 'kill') room.killMedia();
          else if (what === 'settle') network.settle((waiting) => order % waiting);
          else if (what === 'time') network.advance(order * 20);
          else room.do({ type: what }, key);
          check();
          if (!calm) continue;
          network.settle();
          for (const each of everybody) for (const { key: ringing } of each.lines.lines) each.do({ type: 'answer', video: true }, ringing);
          network.settle();
          check();
        }
        // Left alone, with the network well again, nothing waits for a word that does not come.
        network.tamper = (message) => message;
        network.settle();
        for (let times = 0; times < 10; times++) network.advance(100_000);
        check();
        for (const room of everybody)
          for (const { call } of room.lines.lines) {
            assert.ok(['ended', 'connected'].includes(call.phase), `stuck in ${call.phase}`);
            if (call.phase === 'connected')
              assert.deepEqual([call.encryption.secured, call.handover, call.parked, call.handoverFailed], [true, null, null, null], 'stuck');
          }
      }),
      { numRuns: 300 }
    );
    assert.ok(handedOver.size > 15, `only ${handedOver.size} calls were handed over`);
  });
});
