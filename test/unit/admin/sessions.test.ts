// Sessions: how they end, how many there are, and that no token is kept.
import assert from 'node:assert/strict';
import { createSessions, SESSION_IDLE_MS } from '../../../src/admin/sessions.ts';
import { createFakeClock } from '../../fakes/clock.ts';

describe('an administrator’s session', () => {
  it('has a token of 256 bits of its own, and holds for that token alone', () => {
    const sessions = createSessions(createFakeClock());
    const tokens = [sessions.begin(), sessions.begin()];
    assert.equal(new Set(tokens).size, 2);
    for (const token of tokens) {
      assert.match(token, /^[\w-]{43}$/);
      assert.equal(sessions.use(token), true);
      for (const other of ['', token.slice(1), `${token}A`, token.toLowerCase()]) assert.equal(sessions.use(other), false);
    }
  });

  it('ends after five minutes without a use, and each use begins them anew', () => {
    const clock = createFakeClock();
    const sessions = createSessions(clock);
    const token = sessions.begin();
    assert.equal(SESSION_IDLE_MS, 300_000);
    for (let times = 0; times < 5; times++) {
      clock.advance(SESSION_IDLE_MS - 1);
      assert.equal(sessions.use(token), true);
    }
    clock.advance(SESSION_IDLE_MS);
    assert.equal(sessions.remainingMs(token), null);
    assert.equal(sessions.use(token), false);
  });

  it('is not kept by asking how long it holds, nor by a clock that is set back', () => {
    const clock = createFakeClock();
    const sessions = createSessions(clock);
    const token = sessions.begin();
    clock.advance(200_000);
    assert.equal(sessions.remainingMs(token), 100_000);
    clock.jump(-3_600_000);
    clock.advance(100_000);
    assert.equal(sessions.use(token), false);
  });

  it('makes room for a seventeenth by ending the one that was used longest ago', () => {
    const clock = createFakeClock();
    const sessions = createSessions(clock);
    const tokens = Array.from({ length: 16 }, () => {
      clock.advance(1);
      return sessions.begin();
    });
    const [first = '', second = ''] = tokens;
    assert.equal(sessions.use(first), true);
    const last = sessions.begin();
    assert.deepEqual([sessions.use(first), sessions.use(second), sessions.use(last)], [true, false, true]);
  });

  it('ends by itself alone, or with all others', () => {
    const sessions = createSessions(createFakeClock());
    const tokens = [sessions.begin(), sessions.begin(), sessions.begin()];
    sessions.end(tokens[0] ?? '');
    assert.deepEqual(tokens.map(sessions.use), [false, true, true]);
    sessions.endAll();
    assert.deepEqual(tokens.map(sessions.use), [false, false, false]);
  });
});
