// What STUN servers tell of this side's address: all are asked, from every socket, and none is waited for by another. The servers are scripted: behind
// a real one there would have to be a real translation of addresses.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Candidate, type Connection, classes, Message, methods, parseMessage, StunProtocol } from 'werift';
import { systemClock } from '../../src/kernel/clock.ts';
import { type Log, silentLog } from '../../src/kernel/log.ts';
import { createRelayCandidates } from '../../src/media/path/relay-candidates.ts';

type Mapped = readonly [string, number] | null;

async function startStunServer(mapped: Mapped) {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let asked = 0;
  socket.on('message', (data, { port, address }) => {
    const request = parseMessage(data);
    if (request === undefined) return;
    asked += 1;
    if (mapped !== null)
      socket.send(new Message(methods.BINDING, classes.RESPONSE, request.transactionId).setAttribute('XOR-MAPPED-ADDRESS', [...mapped]).bytes, port, address);
  });
  return { urls: `stun:127.0.0.1:${socket.address().port}`, asked: () => asked, close: () => socket.close() };
}

describe('STUN servers', function () {
  this.timeout(20_000);

  it('are all asked; what they see is a candidate once, and one that is silent is told and not waited for', async () => {
    const keepAlive = setInterval(() => {}, 1_000);
    const servers = await Promise.all([
      startStunServer(['203.0.113.5', 40_000]),
      startStunServer(['203.0.113.5', 40_000]),
      startStunServer(['203.0.113.6', 40_001]),
      startStunServer(null)
    ]);
    const socket = new StunProtocol();
    await socket.connectionMade(true);
    socket.localCandidate = new Candidate('1', 1, 'udp', 1, '192.0.2.7', socket.getExtraInfo()[1], 'host');
    const loopback = new StunProtocol();
    await loopback.connectionMade(true);
    loopback.localCandidate = new Candidate('2', 1, 'udp', 1, '127.0.0.1', loopback.getExtraInfo()[1], 'host');
    const warned: string[] = [];
    const seen: { readonly candidate: string; readonly afterMs: number }[] = [];
    const startedMs = performance.now();
    // As much of the stack as is used for this.
    const localCandidates: Candidate[] = [];
    const stack = {
      protocols: [socket, loopback],
      localCandidates,
      appendLocalCandidate(candidate: Candidate) {
        localCandidates.push(candidate);
        seen.push({ candidate: candidate.toSdp(), afterMs: performance.now() - startedMs });
      }
    };
    const log: Log = { ...silentLog, warn: (_message, fields = {}) => void warned.push(`${fields['code']} ${fields['server']}`) };
    const candidates = createRelayCandidates({
      connection: stack as unknown as Connection,
      servers: servers.map(({ urls }) => ({ urls })),
      clock: systemClock,
      log,
      joined: () => {},
      lost: () => {}
    });
    try {
      await candidates.gatherReflexive();
      const waitedMs = performance.now() - startedMs;
      assert.deepEqual(seen.map(({ candidate }) => / (\S+ \d+ typ srflx raddr \S+) /.exec(candidate)?.[1]).sort(), [
        '203.0.113.5 40000 typ srflx raddr 192.0.2.7',
        '203.0.113.6 40001 typ srflx raddr 192.0.2.7'
      ]);
      assert.ok(
        seen.every(({ afterMs }) => afterMs < waitedMs / 2),
        'no server that answers was held up by the one that does not'
      );
      assert.deepEqual(warned, [`CL_RELAY_UNREACHABLE ${servers[3]?.urls}`]);
      // Once each where there is an answer, and never from a socket whose address nobody else can reach.
      assert.deepEqual(
        servers.map(({ asked }) => asked()),
        [1, 1, 1, 4]
      );
    } finally {
      clearInterval(keepAlive);
      await candidates.close();
      await Promise.all([socket.close(), loopback.close()]);
      for (const server of servers) server.close();
    }
  });
});
