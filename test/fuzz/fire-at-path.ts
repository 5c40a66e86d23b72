// Fire at a path that is connected, over real sockets of the loopback interface: STUN from a stranger who has seen honest checks but not the passwords, and from
// the peer, who has them and puts the right integrity on whatever it says. Data of the honest path among the shots arrives; a stranger's never does.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createIcePath, type Path } from '../../src/media/path/ice-path.ts';
import { firedInVolleys, type Range } from './fire.ts';
import { mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';
import { ATTRIBUTE, type Attribute, STUN, writeStun } from './stun-format.ts';

type End = { readonly path: Path; readonly port: number; readonly candidate: string; lost(): boolean };

const VOLLEY = 40;
const SOCKETS = { stranger: 4, peer: 24 } as const;
const ARRIVAL_LIMIT_MS = 10_000;
/** In bytes, of what was sent to it: a check is answered with a little more. */
const AMPLIFICATION = 3;
/** First byte of what is neither STUN nor DTLS (RFC 7983). */
const DATA = 0x80;
const FORGED = 0x81;

async function openEnd(controlling: boolean): Promise<End> {
  const path = createIcePath({ controlling, iceServers: [], clock: systemClock, log: silentLog });
  let [port, candidate, lost] = [0, '', false];
  path.on('candidate', (text) => {
    const [, found] = / 127\.0\.0\.1 (\d+) typ host/.exec(text ?? '') ?? [];
    if (found !== undefined && text !== null) [port, candidate] = [Number(found), text];
  });
  path.on('lost', () => {
    lost = true;
  });
  await path.gather();
  assert.ok(port > 0, 'the path has no loopback candidate');
  return { path, port, candidate, lost: () => lost };
}

async function openSockets(count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4').bind(0, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'listening')));
  return sockets;
}

const number = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value % 2 ** (8 * Math.min(6, bytes)), Math.max(0, bytes - 6), Math.min(6, bytes));
  return buffer;
};

/** What a check says, and what it may not. */
function attributesOf(random: Random, target: Path, honest: Path): Attribute[] {
  const check: Attribute[] = [
    [ATTRIBUTE.username, Buffer.from(`${target.iceUfrag}:${honest.iceUfrag}`)],
    [ATTRIBUTE.priority, number(random.below(2 ** 31), 4)],
    [ATTRIBUTE.controlling, random.bytes(8)]
  ];
  if (random.once(2)) return check;
  const changed = check.flatMap<Attribute>(([type, value]) =>
    random.once(6) ? [] : random.once(6) ? [[type, mutateBytes(random, [value]).datagram]] : [[type, value]]
  );
  const more = random.pick<() => Attribute>([
    () => [ATTRIBUTE.useCandidate, Buffer.alloc(0)],
    () => [ATTRIBUTE.controlled, random.bytes(8)],
    () => [ATTRIBUTE.mapped, Buffer.concat([Buffer.from([0, random.below(4)]), random.bytes(random.pick([6, 18, 2]))])],
    () => [ATTRIBUTE.error, Buffer.from([0, 0, 4, 87])],
    () => [random.below(2 ** 16), random.bytes(random.below(40))],
    () => [ATTRIBUTE.username, random.bytes(random.below(600))]
  ])();
  return changed.toSpliced(random.below(changed.length + 1), 0, more);
}

export async function besiegePath(range: Range, who: 'stranger' | 'peer', count: number): Promise<void> {
  const { random } = range;
  const [target, honest] = await Promise.all([openEnd(false), openEnd(true)]);
  const sockets = await openSockets(SOCKETS[who]);
  // The clock's timers do not keep the thread alive.
  const alive = setInterval(() => {}, 1_000);
  let [heard, answeredBytes, sentBytes] = [-1, 0, 0];
  const answered = (data: Buffer): void => {
    answeredBytes += data.length;
  };
  for (const socket of sockets) socket.on('message', answered);
  target.path.on('datagram', (data) => {
    assert.notEqual(data[0], FORGED, 'a stranger’s datagram was taken');
    if (data.length === 5 && data[0] === DATA) heard = data.readUInt32BE(1);
  });
  try {
    for (const [end, other] of [
      [target, honest],
      [honest, target]
    ] as const) {
      end.path.setRemote(other.path.iceUfrag, other.path.icePassword);
      await end.path.addCandidate(other.candidate);
      await end.path.endOfCandidates();
    }
    await Promise.all([target.path.connect(), honest.path.connect()]);

    let data = 0;
    const requireData = async (): Promise<void> => {
      const deadline = performance.now() + ARRIVAL_LIMIT_MS;
      for (data += 1; heard !== data; ) {
        assert.ok(performance.now() < deadline, 'honest data does not get through any more');
        honest.path.send(Buffer.concat([Buffer.from([DATA]), number(data, 4)]));
        for (let turn = 0; turn < 20 && heard !== data; turn += 1) await nextTurn();
      }
    };
    const seen: Buffer[] = [];
    const shoot = (): void => {
      const type = random.once(4) ? random.pick([STUN.indication, STUN.success, STUN.error, random.below(2 ** 14)]) : STUN.request;
      const attributes = attributesOf(random, target.path, honest.path);
      const password = random.once(8) ? null : random.once(8) ? 'wrong' : target.path.icePassword;
      let [datagram, how] = [writeStun(type, random.bytes(12), attributes, password), `type ${type}`];
      if (who === 'stranger') {
        // What it has seen leaves the honest side with the right integrity; it has no means to make such a one.
        const forged = random.once(6)
          ? { datagram: Buffer.concat([Buffer.from([FORGED]), random.bytes(random.below(60))]), how: 'data' }
          : mutateBytes(random, [datagram]);
        if (forged.datagram.equals(datagram)) return;
        [datagram, how] = [forged.datagram, forged.how];
      } else if (random.once(10) && seen.length > 0) [datagram, how] = [random.pick(seen), 'again'];
      seen.push(datagram);
      if (seen.length > 20) seen.shift();
      range.aim(datagram, how);
      sentBytes += datagram.length;
      random.pick(sockets).send(datagram, target.port, '127.0.0.1');
    };
    await firedInVolleys(range, count, VOLLEY, shoot, async () => {
      await nextTurn();
      await requireData();
      assert.ok(!target.lost(), 'the path is lost');
    });
    assert.ok(answeredBytes <= AMPLIFICATION * sentBytes, `${sentBytes} bytes were answered with ${answeredBytes}`);
    range.count(`goes on, ${Math.round((100 * answeredBytes) / Math.max(1, sentBytes))} % answered`);
  } finally {
    clearInterval(alive);
    for (const socket of sockets) socket.close();
    await Promise.all([target.path.close(), honest.path.close()]);
  }
}
