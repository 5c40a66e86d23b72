import assert from 'node:assert/strict';
import type { CallRecord } from '../../../src/call/call.ts';
import { recentCallOf } from '../../../src/people/recent-call.ts';
import type { EndReason, RecentCall } from '../../../src/room/state.ts';
import { FakeNetwork } from '../../fakes/call-pair.ts';

const CALL = '0190f3c2-7d4e-7a31-8c55-000000000001';

/** A call as each side remembers it, after `what` happened to it. */
function outcomes(what: (network: FakeNetwork, a: FakeNetwork['rooms'][number], b: FakeNetwork['rooms'][number]) => void): (RecentCall['outcome'] | null)[] {
  const network = new FakeNetwork();
  const a = network.room('a@x.example', 'a'.repeat(26));
  const b = network.room('b@x.example', 'b'.repeat(26));
  a.do({ type: 'place', id: CALL, to: 'b@x.example', video: true });
  network.settle();
  what(network, a, b);
  network.settle();
  return [a, b].map(({ call }) => (call === null ? null : (recentCallOf(call, null)?.outcome ?? null)));
}

describe('a call that is over', () => {
  it('was as both sides met it', () => {
    const answer = { type: 'answer', video: true } as const;
    assert.deepEqual(
      outcomes((network, a, b) => {
        b.do(answer);
        network.settle();
        a.do({ type: 'hang-up' });
      }),
      ['talked', 'talked']
    );
    assert.deepEqual(
      outcomes((_network, _a, b) => b.do({ type: 'decline' })),
      ['declined', 'declined']
    );
    assert.deepEqual(
      outcomes((_network, a) => a.do({ type: 'hang-up' })),
      ['not-answered', 'missed']
    );
    assert.deepEqual(
      outcomes((network) => network.advance(60_000)),
      ['not-answered', 'missed']
    );
    assert.deepEqual(
      outcomes((_network, _a, b) => {
        b.do(answer);
        b.do({ type: 'media-failed', epoch: 1, failure: { code: 'CL_MEDIA_CONNECT', detectedBy: 'media', text: 'x' } });
      }),
      ['failed', 'failed']
    );
    assert.deepEqual(
      outcomes(() => {}),
      [null, null],
      'it is not over'
    );
  });

  it('is nobody’s miss where it was answered at another device, and a busy one was not answered', () => {
    const network = new FakeNetwork();
    const a = network.room('a@x.example', 'a'.repeat(26));
    a.do({ type: 'place', id: CALL, to: 'b@x.example', video: true });
    const call = a.call;
    assert.ok(call);
    const ended = (reason: EndReason, change: Partial<CallRecord> = {}) =>
      recentCallOf({ ...call, phase: 'ended', endedAtMs: 5, ended: { reason, by: 'there', code: null, text: '' }, ...change }, null)?.outcome;
    assert.equal(ended('answered-elsewhere', { direction: 'incoming' }), undefined);
    assert.equal(ended('busy'), 'not-answered');
    for (const reason of ['blocked', 'policy', 'unsupported', 'security-check-failed', 'device-failed'] as const) assert.equal(ended(reason), 'failed', reason);
  });

  it('lasted as long as people could talk, and never less than nothing', () => {
    const network = new FakeNetwork();
    const a = network.room('a@x.example', 'a'.repeat(26));
    a.do({ type: 'place', id: CALL, to: 'b@x.example', video: true });
    const call = a.call;
    assert.ok(call);
    const over = { ...call, phase: 'ended', ended: { reason: 'hangup', by: 'here', code: null, text: '' } } as const;
    assert.deepEqual(recentCallOf({ ...over, startedAtMs: 2_000, endedAtMs: 62_000 }, 'standard'), {
      id: CALL,
      account: 'b@x.example',
      displayName: 'b@x.example',
      direction: 'outgoing',
      outcome: 'talked',
      at: new Date(1_000_000).toISOString(),
      durationMs: 60_000,
      encryption: 'standard'
    });
    assert.equal(recentCallOf({ ...over, startedAtMs: 2_000, endedAtMs: 1_000 }, null)?.durationMs, 0);
  });
});
