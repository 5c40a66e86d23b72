import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import type { RoomState } from '../../../src/room/state.ts';
import { createStateFeed, type StateEvent } from '../../../src/ui-server/state-feed.ts';
import { createFakeRoom } from '../../fakes/room.ts';

const CODE = '12345 67890 12345 67890';

/** What a page does with the events. */
function apply(state: RoomState | null, events: readonly StateEvent[]): RoomState | null {
  let shown = structuredClone(state);
  for (const { type, data } of events) {
    if (type === 'state') shown = JSON.parse(data) as RoomState;
    else
      assert.deepEqual(
        applyPatch(shown, JSON.parse(data)),
        JSON.parse(data).map(() => null)
      );
  }
  return shown;
}

function feedOf(room = createFakeRoom()) {
  const feed = createStateFeed(room.state(), 'run1');
  const events: StateEvent[] = [];
  room.subscribe((state) => {
    const change = feed.update(state);
    if (change !== null) events.push(change.event);
  });
  return { room, feed, events };
}

describe('state feed', () => {
  it('begins with a snapshot and goes on with patches that lead to the same state', () => {
    const { room, feed, events } = feedOf();
    const first = feed.since(undefined);
    assert.deepEqual(
      first.map(({ type, id }) => [type, id]),
      [['state', 'run1-0']]
    );
    room.ring();
    room.connect(CODE);
    assert.deepEqual(
      events.map(({ type, id }) => [type, id]),
      [
        ['patch', 'run1-1'],
        ['patch', 'run1-2']
      ]
    );
    assert.deepEqual(apply(null, [...first, ...events]), room.state());
  });

  it('says nothing where nothing changed', () => {
    const { room, feed, events } = feedOf();
    room.change((state) => structuredClone(state));
    assert.equal(feed.update(room.state()), null);
    assert.deepEqual(events, []);
  });

  it('gives who comes back exactly what was missed, and a snapshot where the id is unknown, of another start or too old', () => {
    const { room, feed } = feedOf();
    const seen = apply(null, feed.since(undefined));
    room.ring();
    room.changeCall((call) => ({ ...call, mediaEpoch: 7 }));
    assert.deepEqual(
      feed.since('run1-0').map(({ id }) => id),
      ['run1-1', 'run1-2']
    );
    assert.deepEqual(apply(seen, feed.since('run1-0')), room.state());
    assert.deepEqual(feed.since('run1-2'), []);
    for (const unknown of ['run1-3', 'run1-', 'run1--1', 'run1-1e999', 'run1-0.5', 'run2-1', '1', '', 'run1-x', ' run1-1']) {
      assert.deepEqual(
        feed.since(unknown).map(({ type }) => type),
        ['state'],
        unknown
      );
    }
    for (let epoch = 100; epoch < 500; epoch += 1) room.changeCall((call) => ({ ...call, mediaEpoch: epoch }));
    assert.deepEqual(
      feed.since('run1-0').map(({ type }) => type),
      ['state']
    );
    assert.ok(feed.since('run1-300').length < 300);
    assert.deepEqual(feed.since('run1-300').map(({ type }) => type)[0], 'patch');
  });

  it('is bounded in bytes too', () => {
    const { room, feed } = feedOf();
    for (let index = 0; index < 20; index += 1) room.change((state) => ({ ...state, room: { ...state.room, name: `${index}`.repeat(40_000) } }));
    const kept = feed.since('run1-19');
    assert.deepEqual(
      kept.map(({ type }) => type),
      ['patch']
    );
    assert.deepEqual(
      feed.since('run1-1').map(({ type }) => type),
      ['state']
    );
  });

  for (const [name, over] of [
    ['the call ends', (room) => room.callAction(room.state().call?.id ?? '', 'end')],
    [
      'the code goes while the call is secured again',
      (room) => room.changeCall((call) => ({ ...call, encryption: { ...call.encryption, securityCode: null } }))
    ],
    ['the code is replaced', (room) => room.connect('99999 99999 99999 99999')],
    ['the call is gone at once', (room) => room.change((state) => ({ ...state, call: null }))],
    ['another call takes its place', (room) => void room.ring()]
  ] satisfies [string, (room: ReturnType<typeof createFakeRoom>) => void][]) {
    it(`keeps no security code when ${name}`, () => {
      const { room, feed } = feedOf();
      room.ring();
      room.connect(CODE);
      assert.match(JSON.stringify(feed.since('run1-0')), new RegExp(CODE));
      over(room);
      const everything = ['run1-0', 'run1-1', 'run1-2', undefined].map((id) => JSON.stringify(feed.since(id))).join();
      assert.doesNotMatch(everything, new RegExp(CODE));
      assert.deepEqual(
        feed.since('run1-2').map(({ type }) => type),
        ['patch'],
        'who saw all but the last change needs only that'
      );
    });
  }

  it('keeps no security code of a held call that ends behind the one in front', () => {
    const { room, feed } = feedOf();
    room.ring();
    room.connect(CODE);
    const held = room.state().call;
    assert.ok(held !== null);
    // To be held is no end of it: the code is still the current one.
    room.change((state) => ({ ...state, call: null, otherCalls: [held] }));
    assert.match(JSON.stringify(feed.since('run1-0')), new RegExp(CODE));
    room.change((state) => ({ ...state, otherCalls: [] }));
    const everything = ['run1-0', 'run1-1', 'run1-2', 'run1-3', undefined].map((id) => JSON.stringify(feed.since(id))).join();
    assert.doesNotMatch(everything, new RegExp(CODE));
  });

  it('leads every listener to the room’s state, wherever it went away and came back', () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant('name' as const), text: fc.string({ unit: 'grapheme' }) }),
      fc.record({ kind: fc.constant('problems' as const), count: fc.nat(4) }),
      fc.record({ kind: fc.constant('ring' as const) }),
      fc.record({ kind: fc.constant('connect' as const) }),
      fc.record({ kind: fc.constant('none' as const) })
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.nat(30), fc.nat(30), (changes, away, back) => {
        const room = createFakeRoom();
        const feed = createStateFeed(room.state(), 's');
        let lastId: string | undefined;
        let shown: RoomState | null = null;
        const receive = (events: readonly StateEvent[]): void => {
          shown = apply(shown, events);
          lastId = events.at(-1)?.id ?? lastId;
        };
        receive(feed.since(undefined));
        for (const [index, each] of changes.entries()) {
          if (each.kind === 'name') room.change((state) => ({ ...state, room: { ...state.room, name: each.text } }));
          if (each.kind === 'problems') {
            const problems = Array.from({ length: each.count }, (_, at) => ({
              code: 'CL_CLOCK_WRONG' as const,
              severity: 'error' as const,
              since: `${at}`,
              text: '',
              silenced: null
            }));
            room.change((state) => ({ ...state, health: { ...state.health, problems } }));
          }
          if (each.kind === 'ring') room.ring();
          if (each.kind === 'connect' && room.state().call !== null) room.connect(CODE);
          const event = feed.update(room.state())?.event;
          const listens = index < away || index > away + back;
          if (index === away + back) receive(feed.since(lastId));
          else if (listens && event !== undefined) receive([event]);
        }
        receive(feed.since(lastId));
        assert.deepEqual(shown, room.state());
      })
    );
  });
});
