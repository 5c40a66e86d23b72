// Which relay is preferred.
import assert from 'node:assert/strict';
import { LOOPBACK_PRIORITY, loopbackRelayPriority, relayPriority } from '../../../../../src/media/path/relay/relay-priority.ts';

describe('the priority of a relay', () => {
  it('is highest over UDP and lowest over TLS, and always below a direct way', () => {
    const transports = ['udp', 'tcp', 'tls'] as const;
    for (const priority of [relayPriority, loopbackRelayPriority]) {
      const [udp = 0, tcp = 0, tls = 0] = transports.map(priority);
      assert.ok(udp > tcp && tcp > tls && tls >= 1);
    }
    // RFC 8445 section 5.1.2.1: the lowest that a server reflexive candidate can have is 100 * 2^24.
    assert.ok(transports.every((transport) => relayPriority(transport) < 2 ** 24));
    assert.ok(transports.every((transport) => loopbackRelayPriority(transport) < LOOPBACK_PRIORITY));
    assert.ok(transports.every((transport) => relayPriority(transport) > LOOPBACK_PRIORITY));
  });
});
