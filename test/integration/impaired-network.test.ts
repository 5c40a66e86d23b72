import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { systemClock } from '../../src/kernel/clock.ts';
import { roomParty, type Side, until } from '../fakes/dtls-attacker.ts';
import { bothWays, createFates, createImpairedRelay, SIDES } from '../harness/impaired-network.ts';

describe('impaired relay', function () {
  this.timeout(60_000);

  it('loses and doubles over real sockets exactly what its seed decides, both ways', async () => {
    const network = { seed: 4, clock: systemClock, from: bothWays({ lossRate: 0.3, delayMs: 2, duplicateRate: 0.1 }) };
    await using relay = await createImpairedRelay(network);
    const sockets: Record<Side, Socket> = { offerer: createSocket('udp4'), answerer: createSocket('udp4') };
    const arrived: Record<Side, string[]> = { offerer: [], answerer: [] };
    try {
      const ports = { offerer: 0, answerer: 0 };
      for (const side of SIDES) {
        sockets[side].on('message', (datagram) => arrived[side].push(datagram.toString()));
        await new Promise<void>((resolve) => sockets[side].bind(0, '127.0.0.1', resolve));
        // A description of one side, as the other one gets it.
        const sdp = `v=0\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 ${sockets[side].address().port} typ host\r\n`;
        const [, port] = /127\.0\.0\.1 (\d+)/.exec(relay.rewrite(side, sdp)) ?? [];
        ports[side === 'offerer' ? 'answerer' : 'offerer'] = Number(port);
      }
      const count = 100;
      for (let index = 0; index < count; index += 1) for (const side of SIDES) sockets[side].send(`${side} ${index}`, ports[side], '127.0.0.1');
      const expected = (from: Side): string[] => {
        const next = createFates(network.seed, from, () => network.from[from]);
        return Array.from({ length: count }, (_, index) => next().map(() => `${from} ${index}`)).flat();
      };
      const wanted = { offerer: expected('answerer'), answerer: expected('offerer') };
      await until(() => SIDES.every((side) => arrived[side].length >= wanted[side].length), 'what was not lost');
      assert.deepEqual(arrived, wanted);
      assert.ok(wanted.answerer.length !== count, 'the seed loses something');
    } finally {
      for (const side of SIDES) sockets[side].close();
    }
  });

  it('lets two peers find each other through 30 % of loss and 40 ms of round trip', async () => {
    await using relay = await createImpairedRelay({
      seed: 1,
      clock: systemClock,
      from: bothWays({ lossRate: 0.3, delayMs: 20, reorderRate: 0.1, reorderMs: 10 })
    });
    await using offerer = roomParty();
    await using answerer = roomParty();
    const answer = await answerer.answer(relay.rewrite('offerer', await offerer.offer()));
    await offerer.accept(relay.rewrite('answerer', answer));
    for (const outcome of await Promise.all([offerer.outcome, answerer.outcome])) assert.ok('secured' in outcome, JSON.stringify(outcome));
  });
});
