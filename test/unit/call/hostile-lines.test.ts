// Other rooms that say whatever they like, with secrets that they know and calls that are not theirs, while people do things: what the machines hold all the same.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CallRecord } from '../../../src/call/call.ts';
import { type Line, lineOfCall, runs, waits } from '../../../src/call/lines.ts';
import type { CallMessage } from '../../../src/signaling/messages.ts';
import { FakeNetwork, type FakeRoom } from '../../fakes/call-pair.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
const TOKENS = ['ab'.repeat(16), 'cd'.repeat(16)] as const;
const PEOPLE = [
  'place',
  'consult',
  'complete',
  'answer',
  'hang-up',
  'hold',
  'resume',
  'transfer',
  'park',
  'unpark',
  'retrieve',
  'kill',
  'time',
  'add',
  'add',
  'merge',
  'merge'
] as const;
const HOSTILE = [
  'refer',
  'take',
  'take',
  'replace',
  'invite',
  'unsupported',
  'refer-answer',
  'replace-answer',
  'retrieve',
  'found',
  'held',
  'reconnect',
  'conference',
  'conference',
  'conference-answer',
  'conference-answer',
  'join',
  'join',
  'third'
] as const;

const action = fc.record({
  room: fc.constantFrom(...NAMES),
  other: fc.constantFrom(...NAMES),
  third: fc.constantFrom(...NAMES),
  what: fc.oneof(
    fc.record({ by: fc.constant('people' as const), name: fc.constantFrom(...PEOPLE) }),
    fc.record({ by: fc.constant('hostile' as const), name: fc.constantFrom(...HOSTILE) })
  ),
  line: fc.nat(2),
  number: fc.nat(999),
  token: fc.constantFrom(...TOKENS),
  told: fc.constantFrom('accepted' as const, 'refused' as const, 'ringing' as const, 'answered' as const, 'failed' as const),
  word: fc.constantFrom('accepted' as const, 'refused' as const, 'joined' as const, 'failed' as const),
  settles: fc.boolean()
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** Four rooms, of which two talk, and what the people of each hold. */
function createWorld(endToEnd: boolean) {
  const network = new FakeNetwork();
  const everybody = NAMES.map((name) => network.room(`${name}@x.example`, name.repeat(26)));
  const roomOf = (name: (typeof NAMES)[number]): FakeRoom => everybody[NAMES.indexOf(name)] as FakeRoom;
  for (const room of everybody) room.encryption = { ...room.encryption, setting: endToEnd && room !== everybody[0] };
  let ids = 0;
  const id = (): string => `0190f3c2-7d4e-7a31-8c55-${String(ids++).padStart(12, '0')}`;
  roomOf('a').do({ type: 'place', id: id(), to: roomOf('b').account, video: true });
  network.settle();
  roomOf('b').do({ type: 'answer', video: true });
  network.settle();
  return { network, everybody, roomOf, id, heldByPeople: new Set<string>() };
}
type World = ReturnType<typeof createWorld>;

const lineAt = (room: FakeRoom, index: number): Line | null => room.lines.lines[index] ?? room.line;
const parkCodeOf = (room: FakeRoom): string => room.lines.lines.map(({ call }) => call.parked?.code).find((code) => code !== undefined) ?? '0000';
const heldKey = (room: FakeRoom, call: CallRecord): string => `${room.account} ${call.id}`;

function people({ network, roomOf, id, heldByPeople }: World, name: (typeof PEOPLE)[number], { room: at, other, line: index, number, token }: Action): void {
  const [room, to] = [roomOf(at), roomOf(other).account];
  const line = lineAt(room, index);
  if (name === 'place') room.do({ type: 'place', id: id(), to, video: true });
  else if (name === 'time') network.advance(number * 30);
  else if (name === 'kill') room.killMedia();
  else if (name === 'retrieve') room.act({ type: 'retrieve', id: id(), account: to, code: parkCodeOf(roomOf(other)), token });
  if (line === null) return;
  const { key, call } = line;
  if (name === 'consult') {
    if (room.do({ type: 'consult', to }, key) === null) room.do({ type: 'place', id: id(), to, video: true, origin: { kind: 'consultation', call: call.id } });
  } else if (name === 'complete') {
    const parent = call.origin?.kind === 'consultation' ? lineOfCall(room.lines, call.origin.call) : null;
    if (parent !== null) room.do({ type: 'offer-replacement', token, by: parent.call.peer.account }, key);
  } else if (name === 'hold') {
    if (room.do({ type: 'set-held', on: true }, key) === null && call.handover === null) heldByPeople.add(heldKey(room, call));
  } else if (name === 'resume' || name === 'unpark') {
    heldByPeople.delete(heldKey(room, call));
    room.do(name === 'resume' ? { type: 'set-held', on: false } : { type: 'unpark' }, key);
  } else if (name === 'transfer') room.do({ type: 'transfer', to, kind: 'transfer', replaces: null }, key);
  else if (name === 'park') room.do({ type: 'park', code: String(number).padStart(4, '0') }, key);
  else if (name === 'answer') room.do({ type: 'answer', video: true }, key);
  else if (name === 'hang-up') room.do({ type: 'hang-up' }, key);
  else if (name === 'add') room.do({ type: 'add-participant', conference: id(), token, third: { account: to, displayName: to } }, key);
  else if (name === 'merge') {
    const talkedIn = room.line;
    const held = room.lines.lines.filter(waits).map((each) => heldKey(room, each.call));
    // People want to talk in both.
    if (room.act({ type: 'merge', line: key, conference: id(), token }) === null && talkedIn !== null) for (const each of held) heldByPeople.delete(each);
  }
}

const offer = { sdp: 'hostile', encryption: { offered: false }, media: { audio: true, video: true }, displayName: 'x' } as const;

function hostile(
  { everybody, roomOf, id }: World,
  name: (typeof HOSTILE)[number],
  { room: at, other, third, line: index, number, token, told, word }: Action
): void {
  const [room, stranger, to] = [roomOf(at), roomOf(other), roomOf(third).account];
  const call = lineAt(room, index)?.call;
  if (call === undefined) return;
  const of = (account: string): FakeRoom => everybody.find((each) => each.account === account) ?? stranger;
  const say = (from: FakeRoom, about: string, message: CallMessage): void => {
    const inbound = { id: 'x', call: about, from: { account: from.account, endpoint: from.endpoint }, identity: 'verified' as const, expiresAt: 0, message };
    room.do({ type: 'message', inbound });
  };
  const peer = number % 4 === 0 ? stranger : of(call.peer.account);
  const asked = room.lines.retrieval;
  if (name === 'refer') say(peer, call.id, { type: 'call.refer', body: { to, ...(number % 2 ? {} : { replaces: { call: call.id, token } }) } });
  else if (name === 'replace') say(peer, call.id, { type: 'call.replace', body: { token, by: to } });
  else if (name === 'take' || name === 'invite') {
    // Agreed with the other side or not; then in place of this call, as a new one, this one itself, or another that is here.
    if (name === 'take') say(of(call.peer.account), call.id, { type: 'call.replace', body: { token, by: to } });
    const agreed = lineOfCall(room.lines, call.id)?.call.handover;
    const [from, secret] = agreed?.role === 'replaced' ? [of(agreed.by), agreed.token] : [stranger, token];
    const about = [id(), call.id, lineAt(room, number % 3)?.call.id ?? id()][number % 3] ?? id();
    say(from, about, { type: 'call.invite', body: { ...offer, replaces: { call: call.id, token: secret } } });
  } else if (name === 'unsupported') say(peer, call.id, { type: 'call.end', body: { reason: 'unsupported' } });
  else if (name === 'refer-answer') say(peer, call.id, { type: 'call.refer-answer', body: { state: told } });
  else if (name === 'replace-answer') say(peer, call.id, { type: 'call.replace-answer', body: { accepted: told !== 'refused' } });
  else if (name === 'retrieve') say(stranger, id(), { type: 'call.retrieve', body: { code: parkCodeOf(room), token } });
  else if (name === 'found' && asked !== null) {
    say(of(asked.account), asked.id, { type: 'call.retrieve-answer', body: { accepted: told !== 'refused', account: to } });
    say(stranger, id(), { type: 'call.invite', body: { ...offer, replaces: { call: asked.id, token: number % 2 ? asked.token : token } } });
  } else if (name === 'held') say(peer, call.id, { type: 'call.update', body: { held: number % 2 === 0, recording: true } });
  else if (name === 'reconnect') say(peer, call.id, { type: 'call.reconnect', body: offer });
  const conference = call.conference?.id ?? id();
  const participant = { account: to, displayName: '' };
  if (name === 'conference')
    say(peer, call.id, { type: 'call.conference', body: { id: number % 3 ? id() : conference, token, peer: participant, role: number % 2 ? 'wait' : 'call' } });
  else if (name === 'conference-answer') say(peer, call.id, { type: 'call.conference-answer', body: { id: conference, state: word } });
  else if (name === 'join') {
    const from = call.conference === null || number % 4 === 0 ? stranger : of(call.conference.third.account);
    const secret = number % 5 === 0 ? token : (call.conference?.token ?? token);
    const about = [id(), call.id, lineAt(room, number % 3)?.call.id ?? id()][number % 3] ?? id();
    say(from, about, { type: 'call.invite', body: { ...offer, conference: { id: conference, others: [participant], token: secret } } });
  } else if (name === 'third') say(stranger, id(), { type: 'call.invite', body: { ...offer, conference: { id: conference, others: [participant] } } });
}

function check({ everybody, heldByPeople }: World): void {
  for (const room of everybody) {
    const lines = room.lines.lines;
    const talkers = lines.filter((line) => runs(line) && !waits(line) && !(line.call.direction === 'incoming' && !line.call.answered));
    const together = new Set(talkers.map(({ call }) => call.conference?.id ?? call.id));
    assert.ok(talkers.length <= 2 && together.size <= 1, `${together.size} calls that people talk in`);
    const sending = lines.filter(({ key }) => room.medias.get(key)?.open === true && !room.medias.get(key)?.held);
    assert.ok(new Set(sending.map(({ call }) => call.conference?.id ?? call.id)).size <= 1, 'two calls send');
    assert.ok(lines.filter(runs).length <= 3);
    for (const { key, call } of lines) {
      if (call.phase === 'ended') assert.equal(room.medias.get(key), undefined, 'media after the end');
      if (call.encryption.agreed === 'end-to-end') assert.deepEqual([call.handover, call.parked, call.handedOver, call.conference], [null, null, false, null]);
      if (call.phase === 'connected' && heldByPeople.has(heldKey(room, call))) assert.ok(call.held.here, 'what people hold opens by itself');
    }
  }
}

describe('whatever other rooms say to several calls', function () {
  this.timeout(60_000);

  it('property: nobody makes two of them talk, opens what people hold, hands over an end-to-end encrypted one, or leaves one without an end', () => {
    let replaced = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 10, maxLength: 50 }), fc.boolean(), (actions, endToEnd) => {
        const world = createWorld(endToEnd);
        const { network, everybody } = world;
        for (const each of actions) {
          if (each.what.by === 'people') people(world, each.what.name, each);
          else hostile(world, each.what.name, each);
          if (each.settles) network.settle();
          replaced += everybody.filter(({ lines }) => lines.lines.some(({ call }) => call.handover?.role === 'replaced' && call.handover.taken)).length;
          check(world);
        }
        network.settle();
        for (const room of everybody) if (room.lines.retrieval !== null) room.act({ type: 'retrieve-over', id: room.lines.retrieval.id });
        for (let times = 0; times < 12; times++) network.advance(100_000);
        check(world);
        for (const { lines } of everybody)
          for (const { call } of lines.lines) {
            assert.ok(['ended', 'connected'].includes(call.phase), `stuck in ${call.phase}`);
            if (call.phase === 'connected') assert.deepEqual([call.encryption.secured, call.handover, call.parked], [true, null, null], 'stuck');
            if (call.conference !== null) assert.equal(call.conference.phase, 'joined', 'stuck in a conference');
          }
      }),
      { numRuns: 500 }
    );
    assert.ok(replaced > 5, `only ${replaced} calls made way: the attack is none`);
  });
});
