// Somebody between two calls (RFC 8844): a room with a good certificate of its own answers one room and calls another under the same id, and passes every
// description on word for word, signed as its own. It reads nothing, but each of the two would believe that it speaks with it.
import assert from 'node:assert/strict';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { endpointBinding } from '../../src/encryption/endpoint-binding.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import type { MediaFailure } from '../../src/media/port.ts';
import type { SecuredConnection } from '../../src/media/streams.ts';

type Outcome = { readonly secured: SecuredConnection } | { readonly failed: MediaFailure };

const bindings = (local: string, remote: string) => ({ local: endpointBinding(local), remote: endpointBinding(remote) });

/** A calls, B is called; each with what signaling told it about who the other is. */
async function call(atA: ReturnType<typeof bindings> | null, atB: ReturnType<typeof bindings> | null): Promise<readonly [Outcome, Outcome]> {
  const open = () =>
    createPeerConnection({
      certificate: createCallCertificate(Date.now()),
      iceServers: [],
      fips: false,
      videoCodecs: ['VP8'],
      clock: systemClock,
      log: silentLog
    });
  const [a, b] = [open(), open()];
  const outcomeOf = (peer: typeof a) =>
    new Promise<Outcome>((resolve) => {
      peer.on('secured', (secured) => resolve({ secured }));
      peer.on('failed', (failed) => resolve({ failed }));
    });
  const outcomes = [outcomeOf(a), outcomeOf(b)] as const;
  try {
    const answer = await b.acceptOffer(await a.createOffer(), Promise.resolve(), atB);
    await a.acceptAnswer(answer, atA);
    return await Promise.all(outcomes);
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}

describe('a room that passes one call on as another', function () {
  this.timeout(30_000);
  // The clock's timers do not keep a process alive.
  let alive: NodeJS.Timeout;
  before(() => {
    alive = setInterval(() => {}, 1_000);
  });
  after(() => clearInterval(alive));

  it('control: where the handshake does not say who the two are, both are connected, with the same certificates and so the same code', async () => {
    const [a, b] = await call(null, null);
    assert.ok('secured' in a && 'secured' in b);
    assert.deepEqual(Buffer.from(a.secured.localThumbprint), Buffer.from(b.secured.remoteThumbprint));
  });

  it('control: two that speak with each other, and know it, are connected', async () => {
    const [a, b] = await call(bindings('a', 'b'), bindings('b', 'a'));
    assert.ok('secured' in a && 'secured' in b);
  });

  it('control: one that knows more than the other is connected: a browser does not say who it is', async () => {
    for (const [atA, atB] of [[bindings('a', 'b'), null] as const, [null, bindings('b', 'a')] as const]) {
      const [a, b] = await call(atA, atB);
      assert.ok('secured' in a && 'secured' in b);
    }
  });

  it('is noticed: neither is connected to the other under its name', async () => {
    const [a, b] = await call(bindings('a', 'mallory'), bindings('b', 'mallory'));
    assert.ok('failed' in a && 'failed' in b);
    // B is DTLS client; A, the server, sees the first name.
    assert.deepEqual(
      [a.failed.code, a.failed.detectedBy, a.failed.text],
      ['CL_SECURITY_HANDSHAKE', 'handshake', 'the connection is with another endpoint than the call']
    );
    assert.equal(b.failed.code, 'CL_MEDIA_CONNECT');
    assert.match(b.failed.text, /illegal_parameter/);
  });

  it('is noticed by the one that called, where only it was told a wrong name', async () => {
    const [a, b] = await call(bindings('a', 'mallory'), bindings('b', 'a'));
    assert.ok('failed' in a && 'failed' in b);
    assert.equal(a.failed.code, 'CL_SECURITY_HANDSHAKE');
  });

  it('is noticed by the one that was called, where only it was told a wrong name', async () => {
    const [a, b] = await call(bindings('a', 'b'), bindings('b', 'mallory'));
    assert.ok('failed' in a && 'failed' in b);
    assert.equal(b.failed.code, 'CL_SECURITY_HANDSHAKE');
  });
});
