// What the path tells of itself, against a scripted other side on a real socket that knows the ICE password and no more.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { classes, Message, methods, parseMessage } from 'werift';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createIcePath, type Path } from '../../src/media/path/ice-path.ts';
import { until } from '../fakes/dtls-attacker.ts';

const PASSWORD = 'p'.repeat(22);
const FIRST_WAIT_MS = 50;

async function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function openPath(controlling: boolean): Promise<{ readonly path: Path; readonly port: number }> {
  const path = createIcePath({ controlling, iceServers: [], clock: systemClock, log: silentLog });
  let port = 0;
  path.on('candidate', (candidate) => {
    const [, found] = / 127\.0\.0\.1 (\d+) /.exec(candidate ?? '') ?? [];
    if (found !== undefined) port = Number(found);
  });
  await path.gather();
  path.setRemote('peer', PASSWORD);
  return { path, port };
}

const named = (socket: Socket): string => `candidate:1 1 udp 1000 127.0.0.1 ${socket.address().port} typ host`;

describe('the path', function () {
  this.timeout(30_000);
  // The clock's timers do not keep a process alive.
  let alive: NodeJS.Timeout;
  before(() => {
    alive = setInterval(() => {}, 1_000);
  });
  after(() => clearInterval(alive));

  it('does not count into the round trip how long a lost check was waited for', async () => {
    const { path } = await openPath(true);
    const other = await openSocket();
    const times = new Map<string, number>();
    let answered: number | null = null;
    other.on('message', (data, from) => {
      const check = parseMessage(data);
      if (check === undefined || check.messageClass !== classes.REQUEST) return;
      const nth = (times.get(check.transactionIdHex) ?? 0) + 1;
      times.set(check.transactionIdHex, nth);
      // The first two sendings of each are lost: the stack then counts from the first.
      if (nth < 3) return;
      answered ??= nth;
      const answer = new Message(methods.BINDING, classes.RESPONSE, check.transactionId)
        .setAttribute('XOR-MAPPED-ADDRESS', [from.address, from.port])
        .addMessageIntegrity(Buffer.from(PASSWORD))
        .addFingerprint();
      other.send(answer.bytes, from.port, from.address);
    });
    try {
      await path.addCandidate(named(other));
      await path.connect();
      assert.equal(answered, 3);
      // As counted by the stack it is what was waited for before, 50 and 100 ms, and more.
      const roundTripMs = path.roundTripMs();
      assert.ok(roundTripMs !== null && roundTripMs < 3 * FIRST_WAIT_MS, `${roundTripMs} ms`);
    } finally {
      await path.close();
      other.close();
    }
  });

  it('makes room for an unnamed address when one of the others is named', async () => {
    const { path, port } = await openPath(false);
    const sockets = await Promise.all(Array.from({ length: 10 }, openSocket));
    const answers = sockets.map(() => 0);
    for (const [index, socket] of sockets.entries())
      socket.on('message', (data) => {
        if (parseMessage(data)?.messageClass === classes.RESPONSE) answers[index] = (answers[index] ?? 0) + 1;
      });
    const ask = (socket: Socket | undefined): void => {
      const check = new Message(methods.BINDING, classes.REQUEST)
        .setAttribute('USERNAME', `${path.iceUfrag}:peer`)
        .setAttribute('PRIORITY', 1_000)
        .setAttribute('ICE-CONTROLLING', 1n)
        .addMessageIntegrity(Buffer.from(path.icePassword))
        .addFingerprint();
      socket?.send(check.bytes, port, '127.0.0.1');
    };
    path.connect().catch(() => {});
    try {
      const [first, ...others] = sockets;
      assert.ok(first);
      // Asked one after the other, so that it is sure who had room.
      for (const [index, socket] of sockets.slice(0, 8).entries()) {
        ask(socket);
        await until(() => answers[index] === 1, `the answer to address ${index}`);
      }
      ask(others[8]);
      // Over loopback what was sent first is there first: an answer to the first shows that the tenth was passed over.
      ask(first);
      await until(() => answers[0] === 2, 'a second answer to the first');
      assert.equal(answers[9], 0);
      await path.addCandidate(named(first));
      ask(others[8]);
      await until(() => answers[9] === 1, 'the answer to the tenth');
    } finally {
      await path.close();
      for (const socket of sockets) socket.close();
    }
  });
});
