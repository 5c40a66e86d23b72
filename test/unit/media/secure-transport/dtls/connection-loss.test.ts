import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CloisterError } from '../../../../../src/kernel/errors.ts';
import { firstWaitMs } from '../../../../../src/media/secure-transport/dtls/connection.ts';
import { fragmentsOf } from '../../../../../src/media/secure-transport/dtls/fragments.ts';
import { readRecords } from '../../../../../src/media/secure-transport/dtls/records.ts';
import { CONTENT, MESSAGE } from '../../../../../src/media/secure-transport/dtls/registry.ts';
import {
  arrives,
  connectedPath,
  createIdentity,
  createOddIdentity,
  createPath,
  DELAY_MS,
  type Fate,
  FIRST_WAIT_MS,
  fragmentsIn,
  type Identity,
  other,
  type Path,
  plainHandshake,
  type Sent,
  type Side
} from '../../../../fakes/dtls-peer.ts';

const SMALL = { client: createIdentity(), server: createIdentity() };
/** Each certificate in five datagrams. */
const LARGE = { client: createOddIdentity({ paddingBytes: 4_500 }), server: createOddIdentity({ paddingBytes: 4_500 }) };
const LIMIT_MS = 30_000;
const LABEL = 'EXTRACTOR-dtls_srtp';
const SIDES = ['client', 'server'] as const;

const codeOf = (error: unknown): string | null => (error instanceof CloisterError ? error.code : null);

function assertConnected(path: Path, text = ''): void {
  const { client, server } = path.outcomes;
  assert.ok(client.established && server.established, `${text}: client ${String(client.error)}, server ${String(server.error)}`);
  assert.deepEqual(client.established.exportKeyingMaterial(LABEL, 60), server.established.exportKeyingMaterial(LABEL, 60), text);
  assert.equal(path.clock.pending, 0, `${text}: timers after the handshake`);
}
async function run(fate: Fate, identities: Readonly<Record<Side, Identity>> = SMALL, forMs = LIMIT_MS): Promise<Path> {
  const path = createPath({ fate, identities });
  path.begin();
  await path.pass(forMs);
  return path;
}
/** What was said in a flight: its handshake fragments and the kinds of its records. */
const contentOf = (sent: readonly Sent[]) =>
  sent.flatMap(({ datagram }) =>
    readRecords(datagram).map(({ type, epoch, body }) => (epoch === 0 ? `${type} ${body.toString('hex')}` : `${type} protected, ${body.length}`))
  );
const groupedByTime = (sent: readonly Sent[]): Sent[][] => {
  const groups = new Map<number, Sent[]>();
  for (const one of sent) groups.set(one.atMs, [...(groups.get(one.atMs) ?? []), one]);
  return [...groups.values()];
};
const timesOf = (sent: readonly Sent[]): number[] => groupedByTime(sent).map(([first]) => first?.atMs ?? -1);

describe('a DTLS association on a bad path', () => {
  describe('timers (RFC 6347 section 4.2.4.1)', () => {
    it('the first is twice the round trip, no less than 50 ms and no more than a second; a second where nobody measured it', () => {
      for (const [roundTripMs, expected] of [
        [null, 1_000],
        [0, 50],
        [25, 50],
        [26, 52],
        [100, 200],
        [500, 1_000],
        [5_000, 1_000]
      ] as const)
        assert.equal(firstWaitMs(roundTripMs), expected);
    });

    it('doubles to four times the first, no less than 400 ms and no more than a second, until 30 s are over: CL_MEDIA_CONNECT, and no timer stays', async () => {
      for (const [roundTripMs, waits, longest] of [
        [0, [50, 100, 200], 400],
        [45, [90, 180, 360], 400],
        [60, [120, 240], 480],
        [100, [200, 400], 800],
        [200, [400, 800], 1_000],
        [null, [], 1_000]
      ] as const) {
        const path = createPath({ roundTripMs, identities: SMALL, fate: () => [] });
        path.begin(['client']);
        await path.pass(LIMIT_MS - 1);
        assert.deepEqual(path.outcomes.client, {}, 'not before 30 s');
        const times = timesOf(path.sent);
        const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
        assert.deepEqual(gaps.slice(0, waits.length), waits);
        assert.ok(gaps.length > waits.length + 20 && gaps.slice(waits.length).every((gap) => gap === longest), gaps.join());
        const sent = path.sent.length;
        await path.pass(1);
        assert.equal(codeOf(path.outcomes.client.error), 'CL_MEDIA_CONNECT');
        assert.equal(path.clock.pending, 0);
        await path.pass(LIMIT_MS);
        assert.ok(path.sent.length <= sent + 1);
      }
    });

    it('a server that nobody calls fails after 30 s too, and says nothing', async () => {
      const path = createPath({ identities: SMALL });
      path.begin(['server']);
      await path.pass(LIMIT_MS - 1);
      assert.deepEqual(path.outcomes.server, {});
      await path.pass(1);
      assert.equal(codeOf(path.outcomes.server.error), 'CL_MEDIA_CONNECT');
      assert.deepEqual([path.sent.length, path.clock.pending], [0, 0]);
    });

    it('a client whose server was there before and then dies fails at 30 s as well', async () => {
      const path = await run((from, index) => (from === 'server' && index > 0 ? [] : arrives), SMALL, LIMIT_MS);
      assert.deepEqual(
        SIDES.map((side) => codeOf(path.outcomes[side].error)),
        ['CL_MEDIA_CONNECT', 'CL_MEDIA_CONNECT']
      );
      assert.equal(path.clock.pending, 0);
    });
  });

  describe('flights (RFC 6347 section 4.2.4)', () => {
    it('whole flights go out again, the same messages in records with new numbers', async () => {
      // The client hears nothing after the HelloVerifyRequest; the server nothing after the second ClientHello.
      const path = await run((from, index) => (index < (from === 'client' ? 2 : 1) ? arrives : []), LARGE, 200);
      const [, ...flights] = groupedByTime(path.sentBy('server'));
      assert.ok(flights.length >= 2);
      const [first, second] = flights.map(contentOf);
      assert.ok(first !== undefined && first.length >= 9, 'the certificate is in five fragments');
      assert.deepEqual(second, first);
      const numbers = flights.flat().flatMap(({ datagram }) => readRecords(datagram).map(({ sequence }) => sequence));
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
        'no number twice'
      );
    });

    it('flight 5 goes out again with ChangeCipherSpec and Finished, protected anew', async () => {
      // Neither is heard from there on: a server that repeats itself would be answered besides.
      const path = await run((_, index) => (index < 2 ? arrives : []), SMALL, 500);
      const flights = groupedByTime(path.sentBy('client')).slice(2);
      assert.ok(flights.length >= 2);
      const contents = flights.map(contentOf);
      for (const content of contents) assert.deepEqual(content, contents[0]);
      assert.equal(contents[0]?.at(-2), `${CONTENT.changeCipherSpec} 01`);
      assert.match(contents[0]?.at(-1) ?? '', /^22 protected/);
      const finished = flights.flat().flatMap(({ datagram }) => readRecords(datagram).filter(({ epoch }) => epoch === 1));
      assert.deepEqual(
        finished.map(({ sequence }) => sequence),
        finished.map((_, index) => index)
      );
      assert.equal(new Set(finished.map(({ body }) => body.toString('hex'))).size, finished.length);
    });

    it('the last flight goes out again each time the client’s Finished comes again', async () => {
      const path = await run((from, index) => (from === 'server' && index >= 2 && index < 5 ? [] : arrives));
      assertConnected(path);
      const last = path.sentBy('server').slice(2);
      assert.equal(last.length, 4);
      for (const one of last) assert.deepEqual(contentOf([one]), contentOf(last.slice(0, 1)));
      // The third repetition is in smaller datagrams.
      const asked = timesOf(path.sentBy('client').slice(2)).map((atMs) => atMs + DELAY_MS);
      assert.deepEqual(timesOf(last), asked);
    });

    it('and only then: neither a plain message nor a repeated datagram makes a connected server say anything', async () => {
      const path = await connectedPath({ identities: LARGE });
      const before = path.sent.length;
      for (const { from, datagram } of [...path.sent]) path.inject(other(from), datagram);
      await path.pass(5_000);
      assert.equal(path.sent.length, before);
      assert.deepEqual(path.closed, { client: [], server: [] });
    });

    it('without loss nothing is said twice', async () => {
      const path = await connectedPath({ identities: SMALL });
      assert.deepEqual(
        SIDES.map((side) => path.sentBy(side).length),
        [3, 3]
      );
      const messages = path.sent.flatMap(({ from, datagram }) => fragmentsIn(datagram).map(({ type, sequence }) => `${from} ${type} ${sequence}`));
      assert.equal(new Set(messages).size, messages.length);
    });

    it('answers no more often than half its first patience, whoever asks', async () => {
      const path = createPath({ identities: SMALL, fate: (from, index) => (from === 'client' && index >= 2 ? [] : arrives) });
      path.begin();
      await path.pass(4 * DELAY_MS + 1);
      const hello = path.sentBy('client')[1]?.datagram;
      assert.ok(hello);
      const before = path.sentBy('server').length;
      for (let time = 0; time < 50; time += 1) path.inject('server', hello);
      assert.equal(path.sentBy('server').length, before + 1);
      await path.pass(FIRST_WAIT_MS / 2);
      const [said] = fragmentsIn(hello);
      assert.ok(said);
      const pieces = fragmentsOf({ type: said.type, sequence: said.sequence, body: said.data }, 60);
      const now = path.sentBy('server').length;
      for (const piece of pieces.slice(0, -1)) path.inject('server', plainHandshake(piece));
      assert.equal(path.sentBy('server').length, now, 'it is asked by the end of a message, not by each piece');
      for (const piece of pieces.slice(-1)) path.inject('server', plainHandshake(piece));
      assert.equal(path.sentBy('server').length, now + 1);
      path.connections.client.close();
      path.connections.server.close();
    });
  });

  describe('size (RFC 6347 sections 4.1.1.1 and 4.2.3)', () => {
    it('datagrams have at most 1,200 bytes, and at most 548 once a flight got no answer twice', async () => {
      const path = await run((from, index) => (index < (from === 'client' ? 2 : 1) ? arrives : []), LARGE, 2_000);
      const flights = groupedByTime(path.sentBy('server')).slice(1);
      const largest = flights.map((flight) => Math.max(...flight.map(({ datagram }) => datagram.length)));
      assert.ok(largest.length >= 4);
      for (const [index, size] of largest.entries()) assert.ok(index < 2 ? size > 1_000 && size <= 1_200 : size <= 548 && size > 400, largest.join());
    });

    it('each flight is tried with large datagrams first, however often the one before was repeated', async () => {
      const path = await run((from, index) => (from === 'client' && index >= 1 && index < 4 ? [] : arrives), LARGE, 3_000);
      const flight5 = path.sentBy('client').slice(5);
      assert.ok(flight5.length >= 5 && (flight5[0]?.datagram.length ?? 0) > 1_000);
    });

    it('a path that carries 548 bytes and no more: connected', async () => {
      for (const identities of [SMALL, LARGE]) {
        const path = await run((_, __, datagram) => (datagram.length > 548 ? [] : arrives), identities, 10_000);
        assertConnected(path);
      }
    });

    it('a certificate of 16 kB goes through, of either side and of both', async () => {
      const huge = createOddIdentity({ paddingBytes: 16_000 });
      assert.ok(huge.certificateDer.length > 16_000 && huge.certificateDer.length < 16_384);
      for (const identities of [
        { ...SMALL, client: huge },
        { ...SMALL, server: huge },
        { client: huge, server: createOddIdentity({ paddingBytes: 16_000 }) }
      ]) {
        assertConnected(await run(() => arrives, identities, 500));
        assertConnected(await run((_, index) => (index % 5 === 4 ? [] : arrives), identities));
      }
    });

    it('a Certificate message of 32 kB goes through, one of a byte more never does', async () => {
      // A list of one certificate has six bytes before it.
      const overhead = createOddIdentity({ paddingBytes: 30_000 }).certificateDer.length - 30_000;
      for (const [bytes, passes] of [
        [32_768, true],
        [32_769, false]
      ] as const) {
        let server = createOddIdentity({ paddingBytes: bytes - 6 - overhead });
        // The signature’s length varies by two bytes.
        while (server.certificateDer.length !== bytes - 6) server = createOddIdentity({ paddingBytes: bytes - 6 - overhead });
        const path = await run(() => arrives, { ...SMALL, server }, passes ? 1_000 : LIMIT_MS);
        if (passes) assertConnected(path);
        else assert.equal(codeOf(path.outcomes.client.error), 'CL_MEDIA_CONNECT');
      }
    });
  });

  describe('single accidents', () => {
    for (const [name, identities] of [
      ['small certificates', SMALL],
      ['certificates in five datagrams', LARGE]
    ] as const) {
      for (const side of SIDES) {
        it(`RFC 6347 4.2.4: any one datagram of the ${side} lost: connected within two repetitions (${name})`, async () => {
          for (let n = 0; n < 12; n += 1) {
            const path = await run((from, index) => (from === side && index === n ? [] : arrives), identities, 6 * DELAY_MS + 3 * FIRST_WAIT_MS);
            assertConnected(path, `datagram ${n}`);
          }
        });

        it(`RFC 6347 4.2.4: the first three datagrams of any flight of the ${side} lost one after the other: connected (${name})`, async () => {
          for (let n = 0; n < 12; n += 1)
            assertConnected(await run((from, index) => (from === side && index >= n && index < n + 3 ? [] : arrives), identities, 5_000), `from datagram ${n}`);
        });

        it(`RFC 6347 4.1.2.6: any one datagram of the ${side} twice: connected, and at once (${name})`, async () => {
          for (let n = 0; n < 12; n += 1) {
            const path = await run((from, index) => (from === side && index === n ? [DELAY_MS, DELAY_MS + 5] : arrives), identities, 6 * DELAY_MS + 10);
            assertConnected(path, `datagram ${n}`);
          }
        });

        it(`RFC 6347 4.2.2: any two datagrams of the ${side} in the wrong order: connected (${name})`, async () => {
          for (let n = 0; n < 12; n += 1) {
            const path = await run((from, index) => (from === side && index === n ? [DELAY_MS + 7] : arrives), identities, 6 * DELAY_MS + 20);
            assertConnected(path, `datagram ${n}`);
          }
        });
      }

      it(`RFC 6347 4.2.2: every flight the wrong way round: connected without a repetition (${name})`, async () => {
        // The later of a flight, the earlier it comes.
        let atMs = -1;
        let place = 0;
        const path = createPath({
          identities,
          fate() {
            place = path.clock.monotonicMs() === atMs ? place + 1 : 0;
            atMs = path.clock.monotonicMs();
            return [DELAY_MS - place];
          }
        });
        path.begin();
        await path.pass(6 * DELAY_MS);
        assertConnected(path);
        const messages = path.sent.flatMap(({ from, datagram }) =>
          fragmentsIn(datagram).map(({ type, sequence, offset }) => `${from} ${type} ${sequence} ${offset}`)
        );
        assert.equal(new Set(messages).size, messages.length);
      });
    }

    it('RFC 6347 4.1.2.7: any one datagram changed in one bit: connected, or refused with a typed error, and never with two sets of keys', async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...SIDES), fc.nat(2), fc.nat(20_000), async (side, n, where) => {
          const path = createPath({
            identities: SMALL,
            fate(from, index, datagram) {
              if (from !== side || index !== n) return arrives;
              const copy = Buffer.from(datagram);
              const bit = where % (8 * copy.length);
              copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
              path.clock.schedule(DELAY_MS, () => path.inject(other(from), copy));
              return [];
            }
          });
          path.begin();
          await path.pass(LIMIT_MS);
          const { client, server } = path.outcomes;
          for (const { established, error } of [client, server]) if (established === undefined) assert.match(codeOf(error) ?? '', /^CL_(SECURITY|MEDIA)_/);
          if (client.established && server.established) assertConnected(path);
        }),
        { numRuns: 60 }
      );
    });
  });

  it('up to 40 % lost, doubled and late: connected within 30 s nearly always, with the same keys, or failed with the typed error', async () => {
    let connected = 0;
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2 ** 31),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        fc.constantFrom(0, 10, 60, 300),
        fc.boolean(),
        async (seed, lossPercent, twicePercent, spreadMs, large) => {
          let state = seed;
          /** Of a xorshift register: the same fate for the same seed. */
          const chance = (): number => {
            state = (state ^ (state << 13)) | 0;
            state ^= state >>> 17;
            state = (state ^ (state << 5)) | 0;
            return (state >>> 0) / 2 ** 32;
          };
          state ||= 1;
          const fate: Fate = () => {
            if (100 * chance() < lossPercent) return [];
            const delay = () => DELAY_MS + Math.floor(chance() * spreadMs);
            return 100 * chance() < twicePercent ? [delay(), delay()] : [delay()];
          };
          const path = await run(fate, large ? LARGE : SMALL);
          await path.pass(400);
          runs += 1;
          const { client, server } = path.outcomes;
          if (client.established && server.established) {
            assertConnected(path);
            connected += 1;
          }
          for (const { established, error } of [client, server]) if (established === undefined) assert.equal(codeOf(error), 'CL_MEDIA_CONNECT', String(error));
          assert.deepEqual(path.closed, { client: [], server: [] });
          assert.equal(path.clock.pending, 0);
        }
      ),
      { numRuns: 80 }
    );
    assert.ok(connected >= 0.95 * runs, `${connected} of ${runs}`);
  });

  it('RFC 6347 4.2.1: a lost ClientHello with the cookie goes out again, and the server asks for no other cookie', async () => {
    const path = await run((from, index) => (from === 'client' && index === 1 ? [] : arrives));
    assertConnected(path);
    assert.equal(path.sentBy('server').filter(({ datagram }) => fragmentsIn(datagram).some(({ type }) => type === MESSAGE.helloVerifyRequest)).length, 1);
  });

  it('RFC 6347 4.2.1: a client that is asked again, by a server that began anew, is connected, with its messages numbered one further', async () => {
    const before = createPath({ identities: SMALL });
    before.begin(['server']);
    const path = createPath({ identities: SMALL, fate: (from, index) => (from === 'client' && index === 0 ? [] : arrives) });
    path.begin();
    before.inject('server', ...path.sentBy('client').map(({ datagram }) => datagram));
    path.inject('client', ...before.sent.map(({ datagram }) => datagram));
    await path.pass(6 * DELAY_MS);
    assertConnected(path);
    const hellos = path.sentBy('client').flatMap(({ datagram }) => fragmentsIn(datagram).filter(({ type }) => type === MESSAGE.clientHello));
    assert.deepEqual(
      hellos.map(({ sequence }) => sequence),
      [0, 1, 2]
    );
    before.connections.server.close();
  });
});
