import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CallRecord } from '../../../src/call/call.ts';
import { unavailableFeatures } from '../../../src/call/features.ts';
import { lineOfCall, runs, waits } from '../../../src/call/lines.ts';
import { type CallBody, type CallMessage, parseCallMessage } from '../../../src/signaling/messages.ts';
import { FakeNetwork, type FakeRoom } from '../../fakes/call-pair.ts';

const CALL = '0190f3c2-7d4e-7a31-8c55-000000000001';
const SECOND = '0190f3c2-7d4e-7a31-8c55-000000000002';
const FRESH = '0190f3c2-7d4e-7a31-8c55-000000000003';
const CONFERENCE = '0190f3c2-7d4e-7a31-8c55-00000000000c';
const TOKEN = 'ab'.repeat(16);
const OTHER_TOKEN = `${'ab'.repeat(15)}cd`;

/** Rooms that make standard calls, since nobody's setting is on. */
function rooms() {
  const network = new FakeNetwork();
  const make = (name: string): FakeRoom => network.room(`${name}@x.example`, name.repeat(26));
  const [a, b, c, d] = [make('a'), make('b'), make('c'), make('d')];
  for (const room of [a, b, c, d]) room.encryption = { ...room.encryption, setting: false };
  return { network, a, b, c, d };
}
type Rooms = ReturnType<typeof rooms>;

const participant = ({ account }: FakeRoom) => ({ account, displayName: account });
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
const add = (room: FakeRoom, third: FakeRoom, call = CALL, token = TOKEN): string | null =>
  room.doIn(call, { type: 'add-participant', conference: CONFERENCE, token, third: participant(third) });
const merge = (room: FakeRoom, call: string): string | null =>
  room.act({ type: 'merge', line: lineOfCall(room.lines, call)?.key ?? 0, conference: CONFERENCE, token: TOKEN });

const running = (room: FakeRoom): CallRecord[] => room.lines.lines.filter(runs).map(({ call }) => call);
const withPeer = (room: FakeRoom, peer: FakeRoom): CallRecord | undefined => running(room).find((call) => call.peer.account === peer.account);
/** Whom people here talk with. */
const talksWith = (room: FakeRoom): string[] =>
  room.lines.lines
    .filter((line) => runs(line) && !waits(line) && line.call.phase === 'connected')
    .map(({ call }) => call.peer.account)
    .sort();
const phases = (room: FakeRoom) => running(room).map(({ conference }) => conference?.phase ?? null);
const types = (network: FakeNetwork, from: FakeRoom): string[] => network.log.filter((each) => each.from === from.endpoint).map(({ message }) => message.type);
const answers = (network: FakeNetwork, from: FakeRoom) =>
  network.log.flatMap(({ from: by, message }) => (by === from.endpoint && message.type === 'call.conference-answer' ? [message.body] : []));
const hostile = (room: FakeRoom, from: FakeRoom, call: string, message: CallMessage) =>
  room.do({
    type: 'message',
    inbound: { id: 'x', call, from: { account: from.account, endpoint: from.endpoint }, identity: 'verified', expiresAt: 0, message }
  });

/** A has added C. */
function conferring(): Rooms {
  const all = talking();
  assert.equal(add(all.a, all.c), null);
  all.network.settle();
  all.c.do({ type: 'answer', video: true });
  all.network.settle();
  for (const room of [all.a, all.b, all.c]) assert.deepEqual(phases(room), ['joined', 'joined'], room.account);
  return all;
}
/** A talks with C, and holds B. */
function consulted(): Rooms {
  const all = talking();
  assert.equal(all.a.do({ type: 'consult', to: all.c.account }), null);
  assert.equal(all.a.do({ type: 'place', id: SECOND, to: all.c.account, video: true, origin: { kind: 'consultation', call: CALL } }), null);
  all.network.settle();
  all.c.do({ type: 'answer', video: true });
  all.network.settle();
  return all;
}

describe('a third participant', () => {
  it('is asked for where the other side agrees, called, and told to call the other side, which takes it without ringing', () => {
    const { network, a, b, c } = talking();
    b.do({ type: 'set-camera', on: false });
    assert.equal(add(a, c), null);
    assert.deepEqual([phases(a), a.call?.conference?.third.account], [['asking'], c.account]);
    network.settle();
    assert.deepEqual([phases(a), phases(b), phases(c)], [['ringing', 'ringing'], ['ringing'], ['ringing']]);
    assert.deepEqual([a.call?.id, talksWith(a), talksWith(b)], [CALL, [b.account], [a.account]], 'they talk on');
    assert.deepEqual([b.call?.conference?.third.account, c.call?.conference?.third.account], [c.account, b.account]);
    assert.deepEqual([c.call?.encryption.expected, c.call?.encryption.reason], ['standard', 'conference-there']);
    const ringing = types(network, b).filter((type) => type === 'call.ringing').length;
    c.do({ type: 'answer', video: true });
    network.settle();
    for (const [room, ...others] of [
      [a, b, c],
      [b, a, c],
      [c, a, b]
    ] as const) {
      assert.deepEqual([phases(room), talksWith(room)], [['joined', 'joined'], others.map(({ account }) => account)]);
      assert.ok(running(room).every(({ encryption, conference }) => encryption.agreed === 'standard' && conference?.token === null));
    }
    assert.deepEqual([a.call?.id, b.call?.id], [CALL, CALL], 'what people look at stays where it is');
    assert.deepEqual(withPeer(b, c)?.wanted, { microphone: true, camera: false, screen: false });
    assert.deepEqual([withPeer(b, c)?.encryption.reason, withPeer(c, b)?.encryption.reason], ['conference-here', 'conference-here']);
    assert.equal(types(network, b).filter((type) => type === 'call.ringing').length, ringing + 1, 'the word of the protocol, answered in the same moment');
    assert.ok(running(b).every(({ phase }) => phase === 'connected'));
  });

  it('never makes an end-to-end encrypted call, whoever could', () => {
    const { network, a, b, c } = talking();
    for (const room of [a, b, c]) room.encryption = { ...room.encryption, setting: true };
    add(a, c);
    network.settle();
    const invite = network.log.findLast(({ message }) => message.type === 'call.invite')?.message.body as CallBody<'call.invite'>;
    assert.deepEqual(invite.encryption, { offered: false, reason: 'conference' });
    c.do({ type: 'answer', video: true });
    network.settle();
    assert.deepEqual([a, b, c].map(phases), Array(3).fill(['joined', 'joined']));
    for (const room of [a, b, c]) assert.ok(running(room).every(({ encryption }) => encryption.agreed === 'standard' && encryption.code === null));
  });

  it('is a standard call also where who invites offers more', () => {
    const { c, a, b } = rooms();
    c.encryption = { ...c.encryption, setting: true };
    hostile(c, a, CALL, {
      type: 'call.invite',
      body: {
        sdp: 'v=0',
        encryption: { offered: true, commitment: 'c'.repeat(64) },
        media: { audio: true, video: true },
        displayName: 'A',
        conference: { id: CONFERENCE, others: [participant(b)] }
      }
    });
    assert.deepEqual([c.call?.encryption.agreed, c.call?.encryption.reason, c.call?.local.available], ['standard', 'conference-there', false]);
  });

  it('is none of a room whose policy requires encryption, or that lets nobody hand its calls over, or that has blocked who takes part', () => {
    for (const prepare of [
      ({ c }: Rooms) => Object.assign(c, { encryption: { ...c.encryption, policy: 'Required' } }),
      ({ c }: Rooms) => Object.assign(c, { acceptTransfers: false }),
      ({ c, b }: Rooms) => c.blocked.add(b.account)
    ]) {
      const all = talking();
      prepare(all);
      add(all.a, all.c);
      all.network.settle();
      const { a, b, c } = all;
      assert.deepEqual([c.call, phases(a), phases(b)], [null, [null], [null]]);
      assert.deepEqual([a.call?.notAdded?.account, b.call?.notAdded?.account, talksWith(a), talksWith(b)], [c.account, c.account, [b.account], [a.account]]);
      const ended = a.lines.lines.find(({ call }) => call.peer.account === c.account)?.call.ended;
      assert.deepEqual([ended?.reason, ended?.by], ['policy', 'there']);
    }
  });

  it('is refused by the other side with its reason, and nobody is called', () => {
    const cases: readonly [string, (all: Rooms) => unknown, ((all: Rooms) => string)?][] = [
      ['policy', ({ b }) => Object.assign(b, { acceptTransfers: false })],
      ['policy', ({ b, c }) => b.blocked.add(c.account)],
      ['busy', ({ b }) => b.do({ type: 'set-held', on: true })],
      ['busy', ({ b }) => b.do({ type: 'set-recording', on: true })],
      ['busy', ({ b, d }) => b.do({ type: 'transfer', to: d.account, kind: 'transfer', replaces: null })],
      ['address', () => {}, ({ b }) => b.account],
      ['address', () => {}, ({ a }) => a.account],
      ['address', () => {}, () => 'no address']
    ];
    for (const [reason, prepare, whom] of cases) {
      const all = talking();
      prepare(all);
      const { network, a, b, c } = all;
      const third = whom?.(all) ?? c.account;
      hostile(b, a, CALL, { type: 'call.conference', body: { id: CONFERENCE, token: TOKEN, peer: { account: third, displayName: '' }, role: 'wait' } });
      assert.deepEqual(answers(network, b), [{ id: CONFERENCE, state: 'refused', reason }], reason);
      assert.deepEqual([phases(b), c.call], [[null], null]);
    }
    const { network, a, b, c } = talking();
    b.acceptTransfers = false;
    add(a, c);
    network.settle();
    assert.deepEqual([a.call?.notAdded?.account, phases(a), talksWith(a), running(c).length], [c.account, [null], [b.account], 0]);
    network.advance(21_000);
    assert.equal(a.call?.notAdded, null, 'people are told for a while');
  });

  it('is not added to a call that is held, recorded, parked, handed over, not secured yet, nor twice, nor where it is in a call with this room already', () => {
    const cases: readonly [string, (all: Rooms) => unknown][] = [
      ['CL_CALL_WRONG_PHASE', ({ a }) => a.do({ type: 'set-held', on: true })],
      ['CL_CALL_WRONG_PHASE', ({ b }) => b.do({ type: 'set-held', on: true })],
      ['CL_CALL_WRONG_PHASE', ({ a }) => a.do({ type: 'set-recording', on: true })],
      ['CL_CALL_WRONG_PHASE', ({ b }) => b.do({ type: 'set-recording', on: true })],
      ['CL_CALL_WRONG_PHASE', ({ a }) => a.do({ type: 'park', code: '0427' })],
      ['CL_CALL_WRONG_PHASE', ({ a, d }) => a.do({ type: 'transfer', to: d.account, kind: 'transfer', replaces: null })],
      ['CL_CALL_CONFERENCE', ({ a, d }) => add(a, d)]
    ];
    for (const [code, prepare] of cases) {
      const all = talking();
      prepare(all);
      all.network.settle();
      assert.equal(add(all.a, all.c), code);
    }
    const all = rooms();
    place(all.a, all.b, CALL);
    all.network.settle();
    assert.equal(add(all.a, all.c), 'CL_CALL_WRONG_PHASE');
    const { a, b, c } = consulted();
    assert.equal(add(a, b, SECOND), 'CL_CALL_BUSY', 'to be merged, not called again');
    assert.equal(add(a, a, SECOND), 'CL_ADDRESS_INVALID');
    assert.equal(add(a, c, SECOND), 'CL_ADDRESS_INVALID');
  });

  it('is none of an end-to-end encrypted call: refused here, and refused and recorded where the other side asks', () => {
    const { network, a, b, c } = rooms();
    for (const room of [a, b]) room.encryption = { ...room.encryption, setting: true };
    connect(network, a, b);
    assert.equal(a.call?.encryption.agreed, 'end-to-end');
    assert.equal(add(a, c), 'CL_CALL_FEATURE_UNAVAILABLE');
    const before = b.call;
    for (const role of ['wait', 'call', 'wait'] as const)
      hostile(b, a, CALL, { type: 'call.conference', body: { id: CONFERENCE, token: TOKEN, peer: participant(c), role } });
    assert.deepEqual(b.securityEvents, [{ code: 'CL_SECURITY_REFERRAL', detectedBy: 'call' }]);
    assert.deepEqual({ ...b.call, referenceAlarmed: false }, before);
    assert.deepEqual(answers(network, b), Array(3).fill({ id: CONFERENCE, state: 'refused', reason: 'encryption' }));
    a.do({ type: 'set-held', on: true });
    connect(network, a, c, SECOND);
    assert.equal(merge(a, SECOND), 'CL_CALL_FEATURE_UNAVAILABLE', 'nor is it merged');
    assert.ok(running(a).every(({ conference }) => conference === null));
  });

  it('is not taken without the secret, from another account, of another conference, or twice, and nothing is told to whoever tries', () => {
    const { network, a, b, c, d } = talking();
    network.tamper = (message, from) => (from === a && message.type === 'call.invite' ? null : message);
    add(a, c);
    network.settle();
    assert.equal(b.call?.conference?.token, TOKEN);
    const said = types(network, b).length;
    const invite = (from: FakeRoom, token: string, id = CONFERENCE, call = SECOND): void => {
      hostile(b, from, call, {
        type: 'call.invite',
        body: {
          sdp: 'v=0',
          encryption: { offered: false },
          media: { audio: true, video: true },
          displayName: 'x',
          conference: { id, others: [participant(a)], token }
        }
      });
    };
    invite(d, TOKEN);
    invite(c, OTHER_TOKEN);
    invite(c, TOKEN, SECOND);
    assert.deepEqual([running(b).length, types(network, b).length], [1, said]);
    invite(c, TOKEN);
    assert.deepEqual([running(b).length, withPeer(b, c)?.phase], [2, 'connecting'], 'control: the right one is');
    invite(c, TOKEN, CONFERENCE, FRESH);
    assert.equal(running(b).length, 2, 'it serves once');
    const idle = rooms();
    hostile(idle.b, idle.c, SECOND, {
      type: 'call.invite',
      body: {
        sdp: 'v=0',
        encryption: { offered: false },
        media: { audio: true, video: true },
        displayName: 'x',
        conference: { id: CONFERENCE, others: [participant(a)], token: TOKEN }
      }
    });
    assert.deepEqual([idle.b.call, types(idle.network, idle.b)], [null, []], 'whoever waits for nobody does not even ring');
  });

  it('goes on where it was when nobody comes, and both sides are told; who was being called hears that it is over', () => {
    for (const fails of ['declines', 'is not there', 'is cancelled', 'the other side hangs up there'] as const) {
      const { network, a, b, c } = talking();
      if (fails === 'is not there') network.rooms.splice(network.rooms.indexOf(c), 1);
      add(a, c);
      network.settle();
      if (fails === 'declines') c.do({ type: 'decline' });
      if (fails === 'is not there') network.advance(61_000);
      if (fails === 'is cancelled') a.doIn(running(a)[1]?.id ?? '', { type: 'hang-up' });
      if (fails === 'the other side hangs up there') b.do({ type: 'hang-up' });
      network.settle();
      assert.equal(running(c).length, 0, fails);
      if (fails === 'the other side hangs up there') {
        assert.deepEqual([running(a).length, running(b).length], [0, 0], 'what was added for a call that is over ends with it');
        continue;
      }
      assert.deepEqual([phases(a), phases(b), talksWith(a), talksWith(b)], [[null], [null], [b.account], [a.account]], fails);
      assert.equal(a.call?.notAdded?.account, fails === 'is cancelled' ? undefined : c.account);
      assert.equal(b.call?.notAdded?.account, c.account);
      assert.equal(add(a, c), null, 'it can be asked for again');
    }
  });

  it('goes on where it was when the two others cannot be connected, and who was added is hung up', () => {
    for (const lost of ['call.invite', 'call.answer'] as const) {
      const { network, a, b, c } = talking();
      add(a, c);
      network.settle();
      c.do({ type: 'answer', video: true });
      network.tamper = (message, from) => (message.type === lost && from === (lost === 'call.invite' ? c : b) ? null : message);
      network.settle();
      assert.deepEqual([a.call?.conference?.phase, talksWith(a)], ['joining', [b.account, c.account]]);
      network.advance(60_000);
      network.advance(60_000);
      assert.deepEqual([running(a).length, running(b).length, running(c).length], [1, 1, 0], lost);
      assert.deepEqual([phases(a), phases(b), a.call?.notAdded?.account ?? c.account], [[null], [null], c.account]);
    }
  });

  it('takes a room that does not know of conferences for one that refuses', () => {
    const { network, a, b, c } = talking();
    network.tamper = (message) => (message.type === 'call.conference' ? null : message);
    add(a, c);
    network.settle();
    hostile(a, b, CALL, { type: 'call.end', body: { reason: 'unsupported' } });
    assert.deepEqual([a.call?.phase, phases(a), a.call?.notAdded?.account], ['connected', [null], c.account]);
  });

  it('lets go of a conference that its other side says it has none of', () => {
    const { network, a, b, c } = conferring();
    hostile(a, b, CALL, { type: 'call.conference-answer', body: { id: FRESH, state: 'joined' } });
    assert.deepEqual(answers(network, a).at(-1), { id: FRESH, state: 'failed' });
    network.settle();
    assert.deepEqual([a, b, c].map(phases), Array(3).fill(['joined', 'joined']));
  });

  it('turns to something else while somebody is added: nobody is added then', () => {
    for (const side of ['a', 'b'] as const) {
      const all = talking();
      const { network, a, b, c } = all;
      add(a, c);
      network.settle();
      assert.equal(all[side].do({ type: 'set-held', on: true }), null);
      network.settle();
      assert.deepEqual([phases(a), phases(b), running(c).length, all[side].call?.held.here], [[null], [null], 0, true], side);
    }
  });
});

describe('three in a call', () => {
  it('is muted, shown, held, shared and ended as one', () => {
    const { network, a, b, c } = conferring();
    assert.equal(a.doIn(withPeer(a, c)?.id ?? '', { type: 'set-microphone', on: false }), null);
    assert.deepEqual(
      [...a.medias.values()].map(({ microphone }) => microphone),
      [false, false]
    );
    a.do({ type: 'set-camera', on: false });
    assert.ok(running(a).every(({ wanted }) => !wanted.microphone && !wanted.camera));
    a.do({ type: 'set-screen', on: true, source: 'window:7' });
    assert.deepEqual(
      [...a.medias.values()].map(({ sharing }) => sharing),
      [true, true]
    );
    assert.equal(a.do({ type: 'set-held', on: true }), null);
    network.settle();
    assert.deepEqual([talksWith(a), [...a.medias.values()].map(({ held }) => held)], [[], [true, true]]);
    assert.deepEqual([withPeer(b, a)?.held.there, withPeer(c, a)?.held.there, talksWith(b)], [true, true, [a.account, c.account]]);
    assert.equal(a.doIn(withPeer(a, c)?.id ?? '', { type: 'set-held', on: false }), null);
    network.settle();
    assert.deepEqual([talksWith(a), a.call?.id, phases(a)], [[b.account, c.account], CALL, ['joined', 'joined']]);
    a.do({ type: 'hang-up' });
    network.settle();
    assert.deepEqual([running(a).length, talksWith(b), talksWith(c)], [0, [c.account], [b.account]]);
    assert.deepEqual([phases(b), phases(c)], [[null], [null]], 'an ordinary call again');
  });

  it('shows whoever comes what is shared already, and no more than what is on', () => {
    const { network, a, c, b } = talking();
    a.do({ type: 'set-screen', on: true, source: 'window:7' });
    add(a, c);
    network.settle();
    a.do({ type: 'set-microphone', on: false });
    c.do({ type: 'answer', video: true });
    network.settle();
    assert.deepEqual(
      running(a).map(({ wanted, screenSource }) => [wanted.microphone, wanted.screen, screenSource]),
      Array(2).fill([false, true, 'window:7'])
    );
    assert.deepEqual(
      [...a.medias.values()].map(({ microphone, sharing }) => [microphone, sharing]),
      Array(2).fill([false, true])
    );
    assert.ok([...b.medias.values()].every(({ sharing }) => !sharing));
  });

  it('offers nothing that is for two, and begins nothing else', () => {
    const { a, b, c, d } = conferring();
    const id = withPeer(a, c)?.id ?? '';
    for (const call of [CALL, id]) {
      assert.equal(add(a, d, call), 'CL_CALL_CONFERENCE');
      assert.equal(merge(a, call), 'CL_CALL_WRONG_PHASE', 'nothing is held');
      for (const event of [
        { type: 'transfer', to: d.account, kind: 'transfer', replaces: null },
        { type: 'consult', to: d.account },
        { type: 'park', code: '0427' },
        { type: 'offer-replacement', token: TOKEN, by: b.account },
        { type: 'set-recording', on: true }
      ] as const)
        assert.equal(a.doIn(call, event), 'CL_CALL_CONFERENCE', event.type);
    }
    assert.equal(place(a, d, FRESH), 'CL_CALL_BUSY');
    for (const message of [
      { type: 'call.refer', body: { to: d.account } },
      { type: 'call.replace', body: { token: TOKEN, by: d.account } },
      { type: 'call.conference', body: { id: FRESH, token: TOKEN, peer: participant(d), role: 'wait' } }
    ] as const)
      hostile(b, a, CALL, message);
    assert.deepEqual([phases(b), running(b).every(({ handover }) => handover === null)], [['joined', 'joined'], true]);
    const features = unavailableFeatures('standard', true, true);
    for (const feature of ['transfer', 'consult-then-transfer', 'merge', 'park', 'add-participant', 'recording'])
      assert.deepEqual(features.find((each) => each.feature === feature)?.reason, 'conference', feature);
    assert.equal(features.find((each) => each.feature === 'captions')?.reason, 'not-offered-here');
    for (const feature of ['merge', 'add-participant'])
      assert.deepEqual(
        [unavailableFeatures('standard'), unavailableFeatures('end-to-end')].map((all) => all.find((each) => each.feature === feature)?.reason),
        [undefined, 'end-to-end-encryption']
      );
  });

  it('talks on in two when the third leaves, and can be three again', () => {
    for (const side of ['b', 'c'] as const) {
      const all = conferring();
      const { network, a, b, c } = all;
      all[side].do({ type: 'hang-up' });
      network.settle();
      const stays = side === 'b' ? c : b;
      assert.deepEqual([talksWith(a), talksWith(stays), running(all[side]).length], [[stays.account], [a.account], 0]);
      assert.deepEqual([phases(a), phases(stays), a.call?.notAdded], [[null], [null], null]);
      assert.equal(add(stays, all[side], stays.call?.id), null);
      network.settle();
      all[side].do({ type: 'answer', video: true });
      network.settle();
      assert.deepEqual([a, b, c].map(phases), Array(3).fill(['joined', 'joined']));
    }
  });

  it('is two again when the two others lose each other, unless one of them is about to be gone', () => {
    const { network, a, b, c } = conferring();
    const lost = withPeer(b, c)?.id ?? '';
    const line = lineOfCall(b.lines, lost);
    assert.ok(line);
    b.do({ type: 'media-failed', epoch: line.call.exchange.epoch, failure: { code: 'CL_MEDIA_LOST', detectedBy: 'path', text: 'x' } }, line.key);
    network.settle();
    assert.deepEqual([talksWith(a), a.call?.conference?.word], [[b.account, c.account], 'broken'], 'it may be gone altogether');
    network.advance(11_000);
    assert.deepEqual([running(a).length, running(b).length, running(c).length], [1, 1, 0]);
    assert.deepEqual([phases(a), talksWith(a)], [[null], [b.account]]);
  });

  it('is on hold for another call, and resumed as one', () => {
    const { network, a, b, c, d } = conferring();
    a.do({ type: 'set-held', on: true });
    network.settle();
    connect(network, a, d, FRESH);
    assert.deepEqual([talksWith(a), a.call?.id], [[d.account], FRESH]);
    a.doIn(FRESH, { type: 'hang-up' });
    network.settle();
    assert.equal(a.doIn(CALL, { type: 'set-held', on: false }), null);
    network.settle();
    assert.deepEqual([talksWith(a), a.call?.id, phases(a)], [[b.account, c.account], CALL, ['joined', 'joined']]);
  });

  it('secures a call anew whose media process is lost, and is three all along', () => {
    const { network, a, b, c } = conferring();
    a.killMedia();
    network.settle();
    assert.deepEqual([a, b, c].map(phases), Array(3).fill(['joined', 'joined']));
    assert.ok(running(a).every(({ encryption }) => encryption.secured));
    assert.equal(new Set([...a.medias.values()].map(({ epoch }) => epoch)).size, 2);
  });
});

describe('two calls that are there', () => {
  it('are brought together: who is held is resumed when the two others are connected, as muted as the other call', () => {
    for (const named of [CALL, SECOND]) {
      const { network, a, b, c } = consulted();
      a.do({ type: 'set-microphone', on: false });
      assert.equal(merge(a, named), null);
      assert.deepEqual([talksWith(a), a.call?.id], [[c.account], SECOND]);
      assert.equal(a.doIn(CALL, { type: 'set-held', on: false }), 'CL_CALL_WRONG_PHASE', 'it is resumed with the other one');
      network.settle();
      for (const room of [a, b, c]) assert.deepEqual(phases(room), ['joined', 'joined'], room.account);
      assert.deepEqual([talksWith(a), a.call?.id], [[b.account, c.account], SECOND], 'what people look at stays where it is');
      assert.ok(running(a).every(({ wanted, held }) => !wanted.microphone && !held.here));
      assert.deepEqual(
        [...a.medias.values()].map(({ microphone, held }) => [microphone, held]),
        Array(2).fill([false, false])
      );
      assert.deepEqual([b.call?.held.there, withPeer(b, c)?.phase, withPeer(c, b)?.phase], [false, 'connected', 'connected']);
      c.do({ type: 'hang-up' });
      network.settle();
      assert.deepEqual([talksWith(a), phases(a)], [[b.account], [null]]);
    }
  });

  it('stay as they were where either refuses, or the two cannot be connected', () => {
    for (const fails of ['b', 'c', 'between'] as const) {
      const { network, a, b, c } = consulted();
      if (fails !== 'between') ({ b, c })[fails].acceptTransfers = false;
      else network.tamper = (message, from) => (message.type === 'call.invite' && from === c ? null : message);
      assert.equal(merge(a, SECOND), null);
      network.settle();
      network.advance(100_000);
      assert.deepEqual([talksWith(a), running(a).length, running(b).length, running(c).length], [[c.account], 2, 1, 1], fails);
      assert.deepEqual([phases(a), phases(b), phases(c)], [[null, null], [null], [null]]);
      assert.equal(lineOfCall(a.lines, CALL)?.call.held.here, true);
      network.tamper = (message) => message;
      for (const room of [b, c]) room.acceptTransfers = true;
      assert.equal(merge(a, SECOND), null, 'it can be asked for again');
      network.settle();
      assert.deepEqual(phases(a), ['joined', 'joined']);
    }
  });

  it('stay as they were where people go back to the one that is held', () => {
    const { network, a, b, c } = consulted();
    merge(a, SECOND);
    assert.equal(a.doIn(SECOND, { type: 'set-held', on: true }), null);
    assert.equal(a.doIn(CALL, { type: 'set-held', on: false }), null);
    network.settle();
    assert.deepEqual([talksWith(a), phases(a), phases(b), phases(c)], [[b.account], [null, null], [null], [null]]);
  });

  it('are two again, one of them held, when the others lose each other', () => {
    const { network, a, b, c } = consulted();
    merge(a, SECOND);
    network.settle();
    const line = b.lines.lines.find(({ call }) => runs({ key: 0, call }) && call.peer.account === c.account);
    assert.ok(line);
    b.do({ type: 'media-failed', epoch: line.call.exchange.epoch, failure: { code: 'CL_MEDIA_LOST', detectedBy: 'path', text: 'x' } }, line.key);
    network.settle();
    network.advance(11_000);
    assert.deepEqual([talksWith(a), running(a).length, lineOfCall(a.lines, CALL)?.call.held.here], [[c.account], 2, true]);
    assert.deepEqual([phases(a), phases(b), phases(c)], [[null, null], [null], [null]]);
  });

  it('are none where nothing is held, or what is held is parked', () => {
    const { a } = talking();
    assert.equal(merge(a, CALL), 'CL_CALL_WRONG_PHASE');
    const { network, a: other, c } = talking();
    other.do({ type: 'park', code: '0427' });
    connect(network, other, c, SECOND);
    assert.equal(merge(other, SECOND), 'CL_CALL_WRONG_PHASE');
  });
});

describe('what is said of a third participant', () => {
  const peer = { account: 'c@x.example', displayName: 'C' };
  const invite = { sdp: 'v=0', media: { audio: true, video: true }, displayName: 'A' };
  it('is read where it has its form, and nothing else is', () => {
    const good = { id: CONFERENCE, token: TOKEN, peer, role: 'wait' };
    assert.deepEqual(parseCallMessage('call.conference', { ...good, more: 1 })?.body, good);
    for (const bad of [{ token: 'short' }, { token: TOKEN.toUpperCase() }, { id: 'x' }, { role: 'host' }, { peer: { account: 'c@x.example' } }, { peer: null }])
      assert.equal(parseCallMessage('call.conference', { ...good, ...bad }), null, JSON.stringify(bad));
    for (const state of ['accepted', 'refused', 'joined', 'failed']) assert.ok(parseCallMessage('call.conference-answer', { id: CONFERENCE, state }), state);
    for (const bad of [{ state: 'maybe' }, { state: 'refused', reason: 'whim' }, { id: 7, state: 'joined' }])
      assert.equal(parseCallMessage('call.conference-answer', { id: CONFERENCE, ...bad }), null, JSON.stringify(bad));
    const conference = { id: CONFERENCE, others: [peer], token: TOKEN };
    const parsed = parseCallMessage('call.invite', { ...invite, conference });
    assert.deepEqual(parsed?.type === 'call.invite' ? parsed.body.conference : null, conference);
    for (const bad of [{ others: [peer, peer] }, { token: 'x' }, { others: 'x' }, { id: '' }])
      assert.equal(parseCallMessage('call.invite', { ...invite, conference: { ...conference, ...bad } }), null, JSON.stringify(bad));
  });
});

describe('whatever happens to three', function () {
  this.timeout(120_000);

  const NAMES = ['a', 'b', 'c', 'd'] as const;
  const EVENTS = [
    'place',
    'consult',
    'answer',
    'decline',
    'hang-up',
    'hold',
    'resume',
    'mute',
    'transfer',
    'park',
    'kill',
    'break',
    'settle',
    'time',
    // More often than by chance: what joins calls.
    'add',
    'add',
    'add',
    'merge',
    'merge',
    'consult'
  ] as const;

  it('property: no conference is end-to-end encrypted, people talk in the calls of one alone, and nobody waits for ever', () => {
    const action = fc.record({
      room: fc.constantFrom(...NAMES),
      other: fc.constantFrom(...NAMES),
      what: fc.constantFrom(...EVENTS),
      line: fc.nat(2),
      lose: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 6),
      twice: fc.constantFrom(0, 0, 0, 1, 3),
      order: fc.nat(1000),
      calm: fc.constantFrom(true, true, true, false)
    });
    let joinedSoFar = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 5, maxLength: 50 }), fc.boolean(), (actions, endToEnd) => {
        const { network, ...all } = rooms();
        if (endToEnd) for (const name of ['b', 'c', 'd'] as const) all[name].encryption = { ...all[name].encryption, setting: true };
        const everybody = NAMES.map((name) => all[name]);
        let numbers = 0;
        const id = (): string => `0190f3c2-7d4e-7a31-8c55-${String(numbers++).padStart(12, '0')}`;
        const tokens: string[] = [];
        const token = (): string => {
          const drawn = `f00d${String(tokens.length).padStart(28, '0')}`;
          tokens.push(drawn);
          return drawn;
        };
        connect(network, all.a, all.b, id());
        const check = (): void => {
          for (const room of everybody) {
            const talkers = room.lines.lines.filter((line) => runs(line) && !waits(line) && !(line.call.direction === 'incoming' && !line.call.answered));
            const conferences = new Set(talkers.map(({ call }) => call.conference?.id ?? call.id));
            assert.ok(conferences.size <= 1, `people talk in ${conferences.size} calls that do not belong together`);
            assert.ok(talkers.length <= 2 && running(room).length <= 3);
            assert.equal(new Set([...room.medias.values()].map(({ epoch }) => epoch)).size, room.medias.size);
            for (const { key, call } of room.lines.lines) {
              if (call.phase === 'ended') assert.deepEqual([room.medias.get(key), call.conference], [undefined, null]);
              if (call.conference === null) continue;
              assert.notEqual(call.encryption.agreed, 'end-to-end', 'an end-to-end encrypted call in a conference');
              assert.deepEqual([call.handover, call.parked, call.recording.here], [null, null, false]);
              const mates = running(room).filter(({ conference }) => conference?.id === call.conference?.id);
              assert.ok(mates.length <= 2, 'a fourth');
              if (call.conference.phase !== 'joined' || mates.length !== 2) continue;
              joinedSoFar += 1;
              const [one, two] = mates;
              assert.deepEqual(one?.wanted, two?.wanted, 'what is off in one is on in the other');
              assert.equal(one?.held.here, two?.held.here);
            }
          }
        };
        for (const { room: name, other, what, line, lose, twice, order, calm } of actions) {
          const room = all[name];
          const named = room.lines.lines[line] ?? room.line;
          const key = named?.key ?? 0;
          const { account } = all[other];
          let countdown = lose;
          network.tamper = (message) => (lose > 0 && --countdown === 0 ? null : message);
          if (twice > 0 && network.queue.length > 0) {
            const again = network.queue[order % network.queue.length];
            if (again?.event.type === 'message') network.queue.push({ ...again });
          }
          if (what === 'place') room.do({ type: 'place', id: id(), to: account, video: true });
          else if (what === 'consult') {
            const call = room.lines.lines.find((each) => each.key === key)?.call.id ?? '';
            if (room.do({ type: 'consult', to: account }, key) === null)
              room.do({ type: 'place', id: id(), to: account, video: true, origin: { kind: 'consultation', call } });
          } else if (what === 'add') room.do({ type: 'add-participant', conference: id(), token: token(), third: { account, displayName: account } }, key);
          else if (what === 'merge') room.act({ type: 'merge', line: key, conference: id(), token: token() });
          else if (what === 'answer') room.do({ type: 'answer', video: true }, key);
          else if (what === 'hold' || what === 'resume') room.do({ type: 'set-held', on: what === 'hold' }, key);
          else if (what === 'mute') room.do({ type: 'set-microphone', on: order % 2 === 0 }, key);
          else if (what === 'transfer') room.do({ type: 'transfer', to: account, kind: 'transfer', replaces: null }, key);
          else if (what === 'park') room.do({ type: 'park', code: String(order).padStart(4, '0') }, key);
          else if (what === 'kill') room.killMedia();
          else if (what === 'break') {
            const epoch = named?.call.exchange.epoch ?? 0;
            room.do({ type: 'media-failed', epoch, failure: { code: 'CL_MEDIA_LOST', detectedBy: 'path', text: 'x' } }, key);
          } else if (what === 'settle') network.settle((waiting) => order % waiting);
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
        for (const room of everybody) {
          for (const { call } of room.lines.lines) {
            if (call.phase === 'ended' || call.conference === null) continue;
            assert.deepEqual([call.phase, call.conference.phase, call.conference.token], ['connected', 'joined', null], 'stuck');
            assert.equal(running(room).filter(({ conference }) => conference?.id === call.conference?.id).length, 2, 'in a conference of two');
          }
          const { effects } = room;
          for (const secret of tokens)
            assert.ok(
              effects.every((effect) => effect.type === 'send' || !JSON.stringify(effect).includes(secret)),
              'a secret that is no message’s'
            );
        }
      }),
      { numRuns: 300 }
    );
    assert.ok(joinedSoFar > 100, `only ${joinedSoFar} looks at three that talk`);
  });
});
