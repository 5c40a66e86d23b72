// The rehearsal of a spare media process, with the real handshake, encoders and feed: it goes through a whole call, sends no packet and leaves nothing open.
import assert from 'node:assert/strict';
import { Socket } from 'node:dgram';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { endpointBinding } from '../../src/encryption/endpoint-binding.ts';
import { commitment, commitmentHolds, securityCode } from '../../src/encryption/security-code.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type BeginSession, rehearse } from '../../src/media/rehearsal.ts';
import { createSession } from '../../src/media/session.ts';
import { until } from '../fakes/dtls-attacker.ts';

type Seen = { readonly event: string; readonly parameters: readonly unknown[] };

function watched(seen: Seen[]): BeginSession {
  return (settings, call, emit, createPath) =>
    createSession({
      settings,
      call,
      certificate: createCallCertificate(Date.now()),
      encryption: { commitment, commitmentHolds, securityCode, endpointBinding },
      nonce: crypto.getRandomValues(new Uint8Array(32)),
      clock: systemClock,
      emit: (event, ...parameters) => {
        seen.push({ event, parameters });
        emit(event, ...parameters);
      },
      createPath
    });
}

const openNow = (): string[] => process.getActiveResourcesInfo().filter((kind) => /UDP|TCPServer/.test(kind));
/** A closed handle is listed until the event loop comes round. */
const nothingMoreThan = (before: readonly string[]): Promise<void> =>
  until(() => openNow().length <= before.length, 'what the rehearsal opened is closed', 2_000);

describe('the rehearsal of a media process', function () {
  this.timeout(30_000);
  const { send } = Socket.prototype;
  let sent: number;
  // The clock's timers do not keep a process alive.
  let alive: NodeJS.Timeout;

  beforeEach(() => {
    sent = 0;
    Socket.prototype.send = function (this: Socket, ...given: unknown[]) {
      sent += 1;
      return Reflect.apply(send, this, given);
    } as typeof send;
    alive = setInterval(() => {}, 1_000);
  });
  afterEach(() => {
    Socket.prototype.send = send;
    clearInterval(alive);
  });

  it('secures a call with itself and sees pictures both ways; no packet is sent and nothing stays open', async () => {
    const before = openNow();
    const seen: Seen[] = [];
    await rehearse(watched(seen), systemClock, new AbortController().signal);
    const codes = seen.filter(({ event }) => event === 'secured').map(({ parameters }) => (parameters[0] as { code: string }).code);
    assert.equal(codes.length, 2);
    assert.equal(codes[0], codes[1]);
    assert.deepEqual(
      seen.filter(({ event }) => event === 'failed' || event === 'problem'),
      []
    );
    const pictures = seen
      .filter(({ event }) => event === 'statistics')
      .map(({ parameters }) => (parameters[0] as { video: { framesReceived: number } }).video.framesReceived);
    assert.ok(Math.max(...pictures) >= 10);
    assert.equal(sent, 0);
    await nothingMoreThan(before);
  });

  it('is over at once when the real call comes, and leaves nothing open then either', async () => {
    const before = openNow();
    const real = new AbortController();
    const over = rehearse(watched([]), systemClock, real.signal);
    real.abort();
    await over;
    await nothingMoreThan(before);
  });
});
