import assert from 'node:assert/strict';
import type { RecentCall } from '../../../src/room/state.ts';
import { latestOfEach, recentKindOf, recentText, whenText } from '../../../src/ui/panel/people/recent-words.ts';
import { secondsUntil } from '../../../src/ui/shared/seconds-until.ts';
import { textsOf } from '../../../src/ui/texts/texts.ts';
import { PEOPLE } from '../../browser/fixtures/states.ts';

const at = (...date: [year: number, month: number, day: number, hour: number, minute: number]): Date => new Date(...date);
const [first] = PEOPLE.recents;

describe('ui/panel/people/recent-words', () => {
  it('says what became of a call, from this room’s side', () => {
    const kinds: readonly [RecentCall['direction'], RecentCall['outcome'], ReturnType<typeof recentKindOf>][] = [
      ['outgoing', 'talked', 'outgoing'],
      ['incoming', 'talked', 'incoming'],
      ['incoming', 'missed', 'missed'],
      ['incoming', 'not-answered', 'missed'],
      ['outgoing', 'not-answered', 'notAnswered'],
      ['incoming', 'declined', 'declinedHere'],
      ['outgoing', 'declined', 'declinedThere'],
      ['outgoing', 'failed', 'failed'],
      ['incoming', 'failed', 'failed']
    ];
    for (const [direction, outcome, kind] of kinds) assert.equal(recentKindOf({ direction, outcome }), kind, `${direction} ${outcome}`);
  });

  it('says when: the time of today, yesterday, else the day, in the room’s own zone', () => {
    const now = at(2026, 2, 4, 0, 5).getTime();
    const t = textsOf('en');
    assert.equal(whenText(at(2026, 2, 4, 0, 1).toISOString(), now, t), '00:01');
    assert.equal(whenText(at(2026, 2, 3, 23, 59).toISOString(), now, t), 'yesterday, 23:59');
    assert.equal(whenText(at(2026, 2, 2, 23, 59).toISOString(), now, t), 'Monday 2 March, 23:59');
    assert.equal(whenText(at(2026, 2, 3, 9, 7).toISOString(), now, textsOf('de')), 'gestern, 09:07');
    assert.match(whenText(at(2026, 2, 3, 9, 7).toISOString(), now, textsOf('ar')), /^أمس, 09:07$/);
    assert.equal(whenText(at(2026, 2, 6, 8, 0).toISOString(), now, t), 'Friday 6 March, 08:00', 'a clock that was set back');
  });

  it('says for how long people talked, and nothing of it where they did not', () => {
    assert.ok(first);
    const now = at(2026, 2, 4, 12, 0).getTime();
    const call: RecentCall = { ...first, at: at(2026, 2, 4, 9, 5).toISOString(), outcome: 'talked', direction: 'outgoing', durationMs: 65_000 };
    assert.equal(recentText(call, now, textsOf('en')), 'Outgoing call · 09:05 · 1:05');
    assert.equal(recentText({ ...call, outcome: 'failed' }, now, textsOf('en')), 'Did not come about · 09:05');
  });

  it('keeps the latest call with each account, and none of those left out', () => {
    assert.ok(first);
    const recents = [first, { ...first, id: 'older' }, ...PEOPLE.recents.slice(1)];
    assert.deepEqual(
      latestOfEach(recents, new Set(['atlas@fabrikam.example', 'kiosk@northwind.example'])).map(({ id }) => id),
      ['recent-1', 'recent-3', 'recent-4', 'recent-6']
    );
    assert.deepEqual(latestOfEach([], new Set()), []);
  });
});

describe('ui/shared/seconds-until', () => {
  it('counts whole seconds down to 0 and never below', () => {
    const end = '2026-03-04T09:00:10.000Z';
    const now = Date.parse('2026-03-04T09:00:00.000Z');
    assert.deepEqual(
      [0, 1, 999, 1000, 9999, 10_000, 60_000].map((ms) => secondsUntil(end, now + ms)),
      [10, 10, 10, 9, 1, 0, 0]
    );
  });
});
