// The way to a relay where the name of it cannot be looked up. Real links: test/integration/relay.test.ts.
import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { probeServer } from '../../../../../src/media/path/relay/probe.ts';
import { openRelayLink } from '../../../../../src/media/path/relay/relay-link.ts';
import { createFakeClock } from '../../../../fakes/clock.ts';

describe('a resolver that does not answer', () => {
  const { lookup } = dns;
  const replaceWith = (other: unknown): void => {
    Object.assign(dns, { lookup: other });
    syncBuiltinESMExports();
  };
  before(() => replaceWith(() => new Promise(() => {})));
  after(() => replaceWith(lookup));

  it('is waited for 5 s and no longer, by a call and by the doctor', async () => {
    const clock = createFakeClock();
    const told: unknown[] = [];
    const link = openRelayLink({
      server: { kind: 'turn', host: 'turn.example', port: 3478, transport: 'udp' },
      authorityPem: undefined,
      clock,
      signal: new AbortController().signal,
      received: () => {},
      ended: () => {}
    });
    const asked = [link, probeServer({ urls: 'stun:stun.example' }, clock), probeServer({ urls: 'turn:turn.example' }, clock)];
    for (const each of asked) each.catch(({ code, message }) => told.push(`${code} ${message}`));
    await clock.advanceAsync(4_999);
    assert.deepEqual(told, []);
    await clock.advanceAsync(1);
    assert.deepEqual(told, [
      'CL_RELAY_UNREACHABLE the relay at turn.example port 3478: no answer in time',
      'CL_RELAY_UNREACHABLE the relay at stun.example port 3478: no answer in time',
      'CL_RELAY_UNREACHABLE the relay at turn.example port 3478: no answer in time'
    ]);
    assert.equal(clock.pending, 0);
  });

  it('is not waited for where the call is over', async () => {
    const call = new AbortController();
    const clock = createFakeClock();
    const link = openRelayLink({
      server: { kind: 'turn', host: 'turn.example', port: 3478, transport: 'udp' },
      authorityPem: undefined,
      clock,
      signal: call.signal,
      received: () => {},
      ended: () => {}
    });
    call.abort();
    await assert.rejects(link, { code: 'CL_RELAY_UNREACHABLE' });
    assert.equal(clock.pending, 0);
  });
});
