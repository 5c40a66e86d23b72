import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { CloisterError } from '../../../../../src/kernel/errors.ts';
import type { Log } from '../../../../../src/kernel/log.ts';
import { fragmentsOf, wholeMessage } from '../../../../../src/media/secure-transport/dtls/fragments.ts';
import { writeClientHello } from '../../../../../src/media/secure-transport/dtls/messages.ts';
import { type DtlsRecord, plainRecord, readRecords } from '../../../../../src/media/secure-transport/dtls/records.ts';
import { ALERT, CONTENT, MESSAGE, STANDARD_POLICY } from '../../../../../src/media/secure-transport/dtls/registry.ts';
import {
  alterHello,
  arrives,
  CLIENT_ADDRESS,
  connectedPath,
  createIdentity,
  createInsider,
  createOddIdentity,
  createPath,
  DELAY_MS,
  FIRST_WAIT_MS,
  fragmentsIn,
  type Insider,
  other,
  type Path,
  plainHandshake,
  type Side
} from '../../../../fakes/dtls-peer.ts';

const IDENTITIES = { client: createIdentity(), server: createIdentity() };
/** Each of its certificates needs several datagrams. */
const LARGE = { client: createOddIdentity({ paddingBytes: 4_500 }), server: createOddIdentity({ paddingBytes: 4_500 }) };
const SIDES = ['client', 'server'] as const;
const LABEL = 'EXTRACTOR-dtls_srtp';
const GRACE_MS = 2_000;
const WARNING = 1;
const FATAL = 2;

const codeOf = (error: unknown): string | null => (error instanceof CloisterError ? error.code : null);
const plainAlert = (level: number, description: number): Buffer => plainRecord(CONTENT.alert, 99, Buffer.from([level, description]));
const hello = (sequence: number): Buffer =>
  wholeMessage({ type: MESSAGE.clientHello, sequence, body: writeClientHello(randomBytes(32), Buffer.alloc(0), STANDARD_POLICY) });
const lastRecord = (path: Path, side: Side): DtlsRecord | undefined =>
  path
    .sentBy(side)
    .flatMap(({ datagram }) => readRecords(datagram))
    .at(-1);
const alertIn = (insider: Insider, from: Side, record: DtlsRecord | undefined): string | undefined =>
  record?.type === CONTENT.alert && record.epoch === 1 ? insider.open(from, record)?.toString('hex') : undefined;
const connected = () => connectedPath({ identities: IDENTITIES });

/** The other side can still tell something to this one. */
function assertAlive(path: Path, insider: Insider, side: Side, sequence: number): void {
  const before = path.heard[side];
  path.inject(side, insider.record(other(side), CONTENT.applicationData, Buffer.from('x'), sequence));
  assert.equal(path.heard[side], before + 1, 'the association still takes what is authentic');
  assert.deepEqual(path.closed[side], []);
  assert.equal(path.outcomes[side].established?.exportKeyingMaterial(LABEL, 16).length, 16);
}

describe('a DTLS association', () => {
  describe('established', () => {
    it('says what was proven, with both policies, and exports the same on both sides', async () => {
      for (const fips of [false, true]) {
        const path = await connectedPath({ identities: IDENTITIES, fips: { client: fips, server: false } });
        const { client, server } = path.outcomes;
        assert.ok(client.established && server.established);
        assert.deepEqual(Buffer.from(client.established.remoteThumbprint), Buffer.from(IDENTITIES.server.thumbprint));
        assert.deepEqual(Buffer.from(server.established.remoteThumbprint), Buffer.from(IDENTITIES.client.thumbprint));
        for (const { suite, group, srtpProfile } of [client.established, server.established])
          assert.deepEqual([suite, group, srtpProfile], ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', fips ? 'P-256' : 'X25519', 'AEAD_AES_128_GCM']);
        assert.deepEqual(client.established.exportKeyingMaterial(LABEL, 56), server.established.exportKeyingMaterial(LABEL, 56));
      }
    });

    it('without loss takes six datagrams and three round trips', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin();
      await path.pass(6 * DELAY_MS);
      assert.ok(path.outcomes.client.established && path.outcomes.server.established);
      assert.equal(path.sent.length, 6);
      assert.equal(path.clock.pending, 0);
    });

    it('the key log has one line of each side, with the same master secret', async () => {
      const { keyLog } = await connected();
      assert.equal(keyLog.length, 2);
      assert.equal(keyLog[0], keyLog[1]);
      assert.match(keyLog[0] ?? '', /^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/);
    });

    it('is begun once, and takes nothing before', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.inject('server', plainHandshake(hello(0)));
      assert.equal(path.sent.length, 0);
      path.begin();
      assert.throws(() => path.connections.client.run(), CloisterError);
      path.connections.client.close();
      path.connections.server.close();
      await path.pass(0);
      assert.throws(() => path.connections.server.run(), CloisterError);
    });
  });

  describe('refusals', () => {
    for (const by of SIDES) {
      it(`call-security.md: another certificate than the one pinned by the ${by}: CL_SECURITY_FINGERPRINT there at once, CL_MEDIA_CONNECT after the alert on the other side`, async () => {
        const path = createPath({ identities: IDENTITIES, pinned: { [by]: createIdentity().thumbprint } });
        path.begin();
        await path.pass(5 * DELAY_MS);
        assert.equal(codeOf(path.outcomes[by].error), 'CL_SECURITY_FINGERPRINT');
        assert.equal(path.outcomes[other(by)].error, undefined);
        const alert = lastRecord(path, by);
        assert.deepEqual(
          [alert?.type, alert?.epoch, alert?.body.toString('hex')],
          [CONTENT.alert, 0, Buffer.from([FATAL, ALERT.bad_certificate]).toString('hex')]
        );
        await path.pass(GRACE_MS + 5 * DELAY_MS);
        assert.equal(codeOf(path.outcomes[other(by)].error), 'CL_MEDIA_CONNECT');
        assert.match(String(path.outcomes[other(by)].error), /bad_certificate/);
        assert.equal(path.clock.pending, 0);
      });

      it(`after a refusal the ${by} says, takes and remembers nothing`, async () => {
        const path = createPath({ identities: IDENTITIES, pinned: { [by]: createIdentity().thumbprint } });
        path.begin();
        await path.pass(5_000);
        const before = path.sent.length;
        for (const { from, datagram } of [...path.sent]) path.inject(other(from), datagram);
        path.connections[by].close();
        await path.pass(40_000);
        assert.equal(path.sent.length, before);
        assert.deepEqual(path.closed, { client: [], server: [] });
        assert.equal(path.clock.pending, 0);
      });
    }

    it('RFC 6347 4.1, 4.2.1: the alert that refuses a ClientHello has a record number that no record of the server had before', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      const ask = (sequence: number, cookie: Buffer): Buffer => {
        const message = { type: MESSAGE.clientHello, sequence, body: writeClientHello(Buffer.alloc(32, 1), cookie, STANDARD_POLICY) };
        return plainRecord(CONTENT.handshake, sequence, wholeMessage(alterHello(message, (draft) => (draft.suites = [0x1301]))));
      };
      path.inject('server', ask(0, Buffer.alloc(0)));
      const request = path.sentBy('server').flatMap(({ datagram }) => fragmentsIn(datagram))[0];
      assert.equal(request?.type, MESSAGE.helloVerifyRequest);
      path.inject('server', ask(1, request.data.subarray(3)));
      const records = path.sentBy('server').flatMap(({ datagram }) => readRecords(datagram));
      assert.deepEqual(
        records.map(({ type }) => type),
        [CONTENT.handshake, CONTENT.alert]
      );
      assert.notEqual(records[1]?.sequence, records[0]?.sequence);
      await path.pass(0);
    });

    it('RFC 6347 4.2.1: a HelloVerifyRequest has the record number of its ClientHello, and what follows goes on from the second', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin();
      await path.pass(2_000);
      const [verify, ...rest] = path.sentBy('server').flatMap(({ datagram }) => readRecords(datagram).filter(({ epoch }) => epoch === 0));
      assert.equal(verify?.sequence, 0);
      assert.deepEqual(
        rest.map(({ sequence }) => sequence),
        rest.map((_, index) => index + 1)
      );
    });
  });

  it('RFC 8844 3.2: the endpoints that the call is with are those that the connection is with', async () => {
    const bindings = {
      client: { local: Buffer.alloc(32, 1), remote: Buffer.alloc(32, 2) },
      server: { local: Buffer.alloc(32, 2), remote: Buffer.alloc(32, 1) }
    };
    await connectedPath({ identities: IDENTITIES, bindings });
    for (const side of SIDES) {
      const path = createPath({ identities: IDENTITIES, bindings: { ...bindings, [side]: { ...bindings[side], remote: Buffer.alloc(32, 3) } } });
      path.begin();
      await path.pass(5_000);
      assert.equal(codeOf(path.outcomes[side].error), 'CL_SECURITY_HANDSHAKE');
      assert.equal(codeOf(path.outcomes[other(side)].error), 'CL_MEDIA_CONNECT');
    }
  });

  describe('a plain alert during the handshake', () => {
    const waiting = async () => {
      const path = createPath({ identities: IDENTITIES, fate: () => [] });
      path.begin(['client']);
      await path.pass(10);
      return path;
    };

    it('is believed when nothing else follows it for two seconds', async () => {
      for (const [level, description] of [
        [FATAL, ALERT.handshake_failure],
        [FATAL, 77],
        [WARNING, ALERT.close_notify],
        [FATAL, ALERT.close_notify]
      ] as const) {
        const path = await waiting();
        path.inject('client', plainAlert(level, description));
        await path.pass(GRACE_MS - 1);
        assert.deepEqual(path.outcomes.client, {});
        await path.pass(1);
        assert.equal(codeOf(path.outcomes.client.error), 'CL_MEDIA_CONNECT');
        assert.match(String(path.outcomes.client.error), /handshake_failure|alert 77|close_notify/);
        assert.equal(path.clock.pending, 0);
      }
    });

    it('that is only a warning, or no alert, is not', async () => {
      const path = await waiting();
      const contents = [[WARNING, ALERT.handshake_failure], [WARNING, 90], [0, 40], [3, 40], [FATAL], [FATAL, 40, 0], [], [FATAL, 40, FATAL, 40]];
      for (const content of contents) path.inject('client', plainRecord(CONTENT.alert, 5, Buffer.from(content)));
      await path.pass(5 * GRACE_MS);
      assert.deepEqual(path.outcomes.client, {});
      path.connections.client.close();
    });

    it('forged at any moment changes nothing where the other side goes on', async () => {
      for (const side of SIDES)
        for (let atMs = 0; atMs <= 6 * DELAY_MS; atMs += 5) {
          const path = createPath({ identities: IDENTITIES });
          path.begin();
          path.clock.schedule(atMs, () => path.inject(side, plainAlert(FATAL, ALERT.handshake_failure), plainAlert(WARNING, ALERT.close_notify)));
          await path.pass(6 * DELAY_MS);
          assert.ok(path.outcomes.client.established && path.outcomes.server.established, `${side} at ${atMs}`);
          await path.pass(5 * GRACE_MS);
          assert.deepEqual(path.closed, { client: [], server: [] });
          assert.equal(path.clock.pending, 0);
        }
    });

    it('forged is forgotten with the next honest message, however long the handshake then takes', async () => {
      const path: Path = createPath({
        identities: IDENTITIES,
        fate: (from, index) => (from === 'server' && index >= 1 && path.clock.monotonicMs() < GRACE_MS + 500 ? [] : arrives)
      });
      path.begin();
      await path.pass(10);
      path.inject('client', plainAlert(FATAL, ALERT.handshake_failure));
      await path.pass(GRACE_MS + 2_000);
      assert.ok(path.outcomes.client.established && path.outcomes.server.established, String(path.outcomes.client.error));
    });

    it('is forgotten when the association is closed', async () => {
      const path = await waiting();
      path.inject('client', plainAlert(FATAL, ALERT.handshake_failure));
      path.connections.client.close();
      await path.pass(0);
      assert.equal(path.clock.pending, 0);
    });

    it('forged means nothing to a server that nobody has called yet', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      path.inject('server', plainAlert(FATAL, ALERT.handshake_failure));
      await path.pass(5 * GRACE_MS);
      assert.deepEqual(path.outcomes.server, {});
      path.begin(['client']);
      await path.pass(2_000);
      assert.ok(path.outcomes.server.established);
    });

    it('RFC 5246 7.2: an alert that the other side protected is believed at once', async () => {
      const identities = IDENTITIES;
      // The client’s Finished is lost, and in its place it says that it gives up.
      const path = createPath({ identities, fate: (from, index) => (from === 'server' && index >= 2 ? [] : arrives) });
      path.begin();
      await path.pass(5 * DELAY_MS);
      assert.ok(path.outcomes.server.established && !path.outcomes.client.established);
      const insider = createInsider(path);
      path.inject('client', insider.record('server', CONTENT.alert, Buffer.from([FATAL, ALERT.internal_error]), 50));
      await path.pass(0);
      assert.equal(codeOf(path.outcomes.client.error), 'CL_MEDIA_CONNECT');
      path.connections.server.close();
      await path.pass(DELAY_MS);
      assert.equal(path.clock.pending, 0);
    });
  });

  describe('a forged plain message during the handshake', () => {
    it('RFC 5246 7.4.1.1: a HelloRequest, which is no part of a handshake, changes nothing at any moment', async () => {
      for (const side of SIDES)
        for (let atMs = 0; atMs <= 6 * DELAY_MS; atMs += 10) {
          const path = createPath({ identities: IDENTITIES });
          path.begin();
          const requests = [0, 1, 2, 3, 4, 5, 6, 7].map((sequence) =>
            plainHandshake(wholeMessage({ type: MESSAGE.helloRequest, sequence, body: Buffer.alloc(0) }))
          );
          path.clock.schedule(atMs, () => path.inject(side, ...requests));
          await path.pass(6 * DELAY_MS);
          assert.ok(path.outcomes.client.established && path.outcomes.server.established, `${side} at ${atMs}`);
        }
    });

    /** What only Finished can honestly follow: whatever else comes in plain text is forged. */
    const waitingForFinished: readonly (readonly [side: Side, text: string, dropped: (from: Side, index: number) => boolean, nextSequence: number])[] = [
      ['client', 'after its Finished', (from, index) => from === 'server' && index === 2, 6],
      ['server', 'after CertificateVerify', () => false, 5]
    ];
    for (const [side, text, dropped, sequence] of waitingForFinished)
      it(`RFC 5246 7.4.9: cannot end it where the ${side} waits for Finished alone (${text})`, async () => {
        for (const type of [...Object.values(MESSAGE), 99]) {
          const path = createPath({
            identities: IDENTITIES,
            fate(from, index, datagram) {
              if (dropped(from, index)) return [];
              // To the server CertificateVerify and Finished go in datagrams of their own here, so that there is a moment between them.
              if (from !== 'client' || index !== 2 || side !== 'server') return arrives;
              const records = readRecords(datagram);
              let at = 0;
              for (const { body, epoch } of records) {
                const one = datagram.subarray(at, at + 13 + body.length);
                at += one.length;
                path.clock.schedule(epoch === 1 ? DELAY_MS + 10 : DELAY_MS, () => path.inject('server', one));
              }
              return [];
            }
          });
          path.begin();
          await path.pass(5 * DELAY_MS + 5);
          assert.ok(path.outcomes[side].established === undefined);
          for (const number of [sequence, sequence + 1])
            for (const size of [0, 12, 40]) path.inject(side, plainHandshake(wholeMessage({ type, sequence: number, body: Buffer.alloc(size, 1) })));
          await path.pass(5_000);
          assert.ok(path.outcomes.client.established && path.outcomes.server.established, `${type}: ${String(path.outcomes[side].error)}`);
        }
      });
  });

  it('RFC 6347 4.2.1: a HelloVerifyRequest whose turn it is not changes nothing: somebody else made the server ask', async () => {
    const path = createPath({ identities: IDENTITIES });
    path.begin();
    // Answered to the client, as if it had said a second hello already.
    path.inject('server', plainHandshake(hello(1), 77));
    await path.pass(6 * DELAY_MS);
    assert.ok(path.outcomes.client.established && path.outcomes.server.established);
  });

  it('a datagram that cannot be sent is a lost one', async () => {
    let refused = 0;
    const path = createPath({
      identities: IDENTITIES,
      fate(_, index) {
        if (index !== 1) return arrives;
        refused += 1;
        throw new Error('no buffer space');
      }
    });
    path.begin();
    await path.pass(2_000);
    assert.equal(refused, 2);
    assert.ok(path.outcomes.client.established && path.outcomes.server.established);
  });

  describe('connected: what is plain', () => {
    const nothing: readonly (readonly [text: string, datagrams: () => readonly Buffer[]])[] = [
      ['ClientHello', () => [plainHandshake(hello(0)), plainHandshake(hello(7), 500)]],
      ['HelloRequest', () => [plainHandshake(wholeMessage({ type: MESSAGE.helloRequest, sequence: 0, body: Buffer.alloc(0) }))]],
      [
        'message of each type, of any number',
        () =>
          [...Object.values(MESSAGE), 99].flatMap((type) =>
            [0, 5, 6, 7, 12].map((sequence) => plainHandshake(wholeMessage({ type, sequence, body: Buffer.alloc(12) })))
          )
      ],
      [
        'alert',
        () => [WARNING, FATAL].flatMap((level) => [ALERT.close_notify, ALERT.handshake_failure, 255].map((description) => plainAlert(level, description)))
      ],
      ['ChangeCipherSpec', () => [plainRecord(CONTENT.changeCipherSpec, 7, Buffer.from([1]))]],
      ['application data', () => [plainRecord(CONTENT.applicationData, 7, Buffer.from('hello'))]],
      ['record of a type that nobody knows', () => [0, 24, 25, 63, 255].map((type) => plainRecord(type, 7, Buffer.from('hello')))],
      ['half a record', () => [plainHandshake(hello(0)).subarray(0, 40), plainHandshake(hello(0)).subarray(0, 12), Buffer.alloc(0)]],
      ['bytes without meaning', () => Array.from({ length: 50 }, (_, index) => randomBytes(index * 20))]
    ];
    for (const [text, datagrams] of nothing)
      it(`RFC 6347 4.1.2.7: a plain ${text} changes nothing and is not answered`, async () => {
        const path = await connected();
        const insider = createInsider(path);
        const before = path.sent.length;
        for (const side of SIDES) path.inject(side, ...datagrams());
        await path.pass(5_000);
        assert.equal(path.sent.length, before);
        assert.equal(path.clock.pending, 0);
        assert.deepEqual(path.heard, { client: 1, server: 1 });
        for (const side of SIDES) assertAlive(path, insider, side, 100);
      });
  });

  describe('connected: what is protected', () => {
    it('RFC 6347 4.1.2.6: a record is taken once; an old one, and one behind the window, not at all', async () => {
      const path = await connected();
      const insider = createInsider(path);
      const say = (sequence: number): boolean => {
        const before = path.heard.server;
        path.inject('server', insider.record('client', CONTENT.applicationData, Buffer.from('x'), sequence));
        return path.heard.server > before;
      };
      assert.deepEqual([0, 10, 10, 9, 9, 200, 136, 137, 136, 137, 200, 2 ** 48 - 1].map(say), [
        false, // Finished had it.
        true,
        false,
        true,
        false,
        true,
        false,
        true,
        false,
        false,
        false,
        true
      ]);
    });

    it('RFC 6347 4.1.2.6: a forged record with a number far ahead does not push honest ones out', async () => {
      const path = await connected();
      const insider = createInsider(path);
      const forged = insider.record('client', CONTENT.applicationData, Buffer.from('x'), 2 ** 40);
      forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
      path.inject('server', forged);
      assertAlive(path, insider, 'server', 5);
    });

    it('RFC 6347 4.1: another epoch, the other direction’s keys, or one’s own record sent back: not taken', async () => {
      const path = await connected();
      const insider = createInsider(path);
      const content = Buffer.from([FATAL, ALERT.internal_error]);
      for (const side of SIDES) {
        const from = other(side);
        for (const epoch of [2, 3, 0xffff]) path.inject(side, insider.record(from, CONTENT.alert, content, 50, epoch));
        path.inject(side, insider.record(side, CONTENT.alert, content, 50));
        const relabelled = insider.record(from, CONTENT.alert, content, 50);
        relabelled.writeUInt16BE(0xfeff, 1);
        path.inject(side, relabelled);
        for (const { datagram } of path.sentBy(side)) path.inject(side, datagram);
        assert.equal(path.heard[side], 1);
        assertAlive(path, insider, side, 51);
      }
    });

    it('RFC 5246 7.4.1.1, RFC 5746 4.5: a renegotiation that the other side asks for is refused with a warning, once, and the association goes on', async () => {
      for (const side of SIDES)
        for (const message of [hello(0), hello(9), wholeMessage({ type: MESSAGE.helloRequest, sequence: 0, body: Buffer.alloc(0) })]) {
          const path = await connected();
          const insider = createInsider(path);
          const before = path.sent.length;
          for (let sequence = 10; sequence < 15; sequence += 1) path.inject(side, insider.record(other(side), CONTENT.handshake, message, sequence));
          assert.equal(path.sent.length, before + 1);
          assert.equal(alertIn(insider, side, lastRecord(path, side)), Buffer.from([WARNING, ALERT.no_renegotiation]).toString('hex'));
          await path.pass(1_000);
          assertAlive(path, insider, side, 20);
        }
    });

    it('RFC 5246 7.2.1: a close_notify, and a fatal alert, end the association: closed is called once, and nothing more is taken or said', async () => {
      for (const side of SIDES)
        for (const [level, description, name] of [
          [WARNING, ALERT.close_notify, 'close_notify'],
          [FATAL, ALERT.internal_error, 'internal_error'],
          [FATAL, 111, 'alert 111']
        ] as const) {
          const path = await connected();
          const insider = createInsider(path);
          const alert = (sequence: number): Buffer => insider.record(other(side), CONTENT.alert, Buffer.from([level, description]), sequence);
          path.inject(side, Buffer.concat([alert(10), alert(11)]), alert(12));
          assert.deepEqual(
            path.closed[side].map(({ code }) => code),
            ['CL_MEDIA_LOST']
          );
          assert.match(String(path.closed[side][0]), new RegExp(name));
          // RFC 5246 section 7.2.1: a close_notify is answered with one; nothing else is.
          const answers = path.sentBy(side).slice(3);
          assert.equal(answers.length, name === 'close_notify' ? 1 : 0);
          if (answers.length > 0) assert.equal(alertIn(insider, side, lastRecord(path, side)), Buffer.from([WARNING, ALERT.close_notify]).toString('hex'));
          const { length } = path.sent;
          path.inject(side, insider.record(other(side), CONTENT.handshake, hello(0), 13));
          path.connections[side].close();
          assert.equal(path.sent.length, length);
          // The other side, which had said nothing of the kind, answers once more.
          await path.pass(2 * DELAY_MS);
          assert.equal(path.closed[side].length, 1);
          assert.equal(path.clock.pending, 0);
        }
    });

    it('RFC 5246 7.2: a warning that is not close_notify, and what is no alert, changes nothing', async () => {
      const path = await connected();
      const insider = createInsider(path);
      const contents = [[WARNING, ALERT.no_renegotiation], [WARNING, 90], [FATAL], [FATAL, 80, 0], [], [0, 80]];
      for (const [index, content] of contents.entries()) path.inject('client', insider.record('server', CONTENT.alert, Buffer.from(content), 10 + index));
      assertAlive(path, insider, 'client', 50);
    });

    it('RFC 5764 3: application data, ChangeCipherSpec and unknown types inside the epoch are taken as a sign of life and no more', async () => {
      const path = await connected();
      const insider = createInsider(path);
      const before = path.sent.length;
      for (const [index, type] of [CONTENT.changeCipherSpec, CONTENT.applicationData, 24, 255].entries())
        path.inject('server', insider.record('client', type, Buffer.from([1]), 10 + index));
      assert.equal(path.heard.server, 1 + 4);
      assert.equal(path.sent.length, before);
      assertAlive(path, insider, 'server', 50);
    });

    it('RFC 6347 4.2.2: handshake messages of any kind inside the epoch do not begin anything', async () => {
      const path = await connected();
      const insider = createInsider(path);
      let sequence = 10;
      for (const type of [...Object.values(MESSAGE), 99])
        for (const number of [0, 4, 5, 6, 7, 8, 20, 65_535]) {
          path.inject('client', insider.record('server', CONTENT.handshake, wholeMessage({ type, sequence: number, body: Buffer.alloc(12) }), sequence));
          sequence += 1;
        }
      assertAlive(path, insider, 'client', sequence);
      await path.pass(DELAY_MS);
      assert.equal(path.clock.pending, 0);
      assert.deepEqual(path.closed, { client: [], server: [] });
    });

    it('RFC 5246 7.2.1: who says Finished and close_notify in one datagram was connected and has closed: closed is called once, and whoever waited for run() can still export', async () => {
      const last: Buffer[] = [];
      const path = createPath({
        identities: IDENTITIES,
        fate(from, index, datagram) {
          if (from !== 'client' || index < 2) return arrives;
          last.push(datagram);
          return [];
        }
      });
      path.begin();
      await path.pass(3 * DELAY_MS);
      await path.pass(2 * DELAY_MS);
      const [flight] = last;
      assert.ok(flight);
      assert.deepEqual(path.outcomes.server, {});
      const insider = createInsider(path);
      path.inject('server', Buffer.concat([flight, insider.record('client', CONTENT.alert, Buffer.from([WARNING, ALERT.close_notify]), 1)]));
      await path.pass(0);
      assert.equal(path.closed.server.length, 1);
      assert.equal(path.outcomes.server.established?.exportKeyingMaterial(LABEL, 56).length, 56);
      path.connections.client.close();
      await path.pass(DELAY_MS);
      assert.equal(path.clock.pending, 0);
    });
  });

  describe('close', () => {
    it('RFC 5246 7.2.1: says close_notify, protected, once; the other side hears it once, answers with its own and is closed', async () => {
      for (const side of SIDES) {
        const path = await connected();
        const insider = createInsider(path);
        path.connections[side].close();
        path.connections[side].close();
        await path.pass(5_000);
        for (const one of SIDES) {
          assert.equal(path.sentBy(one).length, 4);
          assert.equal(alertIn(insider, one, lastRecord(path, one)), Buffer.from([WARNING, ALERT.close_notify]).toString('hex'));
        }
        assert.deepEqual([path.closed[side].length, path.closed[other(side)].length], [0, 1]);
        assert.equal(path.clock.pending, 0);
      }
    });

    it('RFC 5246 7.2.1: a client that closes after its Finished, before the server’s has come, says so, protected: the server may be connected already', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin();
      await path.pass(5 * DELAY_MS);
      assert.deepEqual(path.outcomes.client, {});
      const insider = createInsider(path);
      path.connections.client.close();
      assert.equal(alertIn(insider, 'client', lastRecord(path, 'client')), Buffer.from([WARNING, ALERT.close_notify]).toString('hex'));
      await path.pass(5 * DELAY_MS);
      assert.equal(codeOf(path.outcomes.client.error), 'CL_MEDIA_CONNECT');
      assert.equal(path.closed.server.length, 1);
      assert.equal(path.clock.pending, 0);
    });

    it('RFC 5246 7.2.1: one that closes in the middle of the handshake is not waited for until 30 s are over', async () => {
      for (const [side, atMs] of [
        ['client', 3 * DELAY_MS + 1],
        ['server', 3 * DELAY_MS + 1]
      ] as const) {
        const path = createPath({ identities: IDENTITIES });
        path.begin();
        await path.pass(atMs);
        path.connections[side].close();
        await path.pass(GRACE_MS + 6 * DELAY_MS);
        assert.equal(codeOf(path.outcomes[other(side)].error), 'CL_MEDIA_CONNECT');
        assert.match(String(path.outcomes[other(side)].error), /close_notify/);
      }
    });

    it('at any moment of the handshake: CL_MEDIA_CONNECT, and no timer stays', async () => {
      for (const side of SIDES)
        for (let atMs = 0; atMs < 5 * DELAY_MS; atMs += DELAY_MS / 2) {
          const path = createPath({ identities: IDENTITIES });
          path.begin();
          await path.pass(atMs);
          if (path.outcomes[side].established) continue;
          path.connections[side].close();
          await path.pass(0);
          assert.equal(codeOf(path.outcomes[side].error), 'CL_MEDIA_CONNECT', `${side} at ${atMs}`);
          const said = path.sentBy(side).length;
          await path.pass(40_000);
          assert.equal(path.sentBy(side).length, said);
          assert.equal(path.clock.pending, 0);
        }
    });

    it('before it was begun: nothing is said, nobody is left with a rejection, and it cannot be begun', async () => {
      const unhandled: unknown[] = [];
      const note = (reason: unknown): number => unhandled.push(reason);
      process.on('unhandledRejection', note);
      const path = createPath({ identities: IDENTITIES });
      path.connections.client.close();
      await path.pass(0);
      await path.pass(0);
      process.off('unhandledRejection', note);
      assert.deepEqual(unhandled, []);
      assert.equal(path.sent.length, 0);
      assert.throws(() => path.connections.client.run(), CloisterError);
    });
  });

  describe('records that come before their keys', () => {
    /** Flight 5 of the client is held back until it is handed over. */
    const held = async () => {
      const path = createPath({ identities: LARGE, fate: (from, index) => (from === 'client' && index >= 2 ? [] : arrives) });
      path.begin();
      await path.pass(4 * DELAY_MS + 1);
      const flight = path
        .sentBy('client')
        .slice(2)
        .map(({ datagram }) => datagram);
      assert.ok(flight.length >= 5);
      const records = flight.flatMap((datagram) => readRecords(datagram).map((record) => ({ ...record, datagram })));
      const finished = records.find(({ epoch }) => epoch === 1);
      assert.ok(finished);
      return { path, flight, junk: (sequence: number) => protectedJunk(sequence) };
    };
    const protectedJunk = (sequence: number): Buffer => {
      const record = plainRecord(CONTENT.handshake, sequence, randomBytes(48));
      record.writeUInt16BE(1, 3);
      return record;
    };

    it('RFC 6347 4.1: are held, and taken when the keys are there', async () => {
      const { path, flight } = await held();
      path.inject('server', ...flight.toReversed());
      await path.pass(0);
      assert.ok(path.outcomes.server.established);
      path.connections.client.close();
    });

    it('RFC 6347 4.1: are held up to eight, however many come; what is pushed out comes again', async () => {
      for (const [count, atOnce] of [
        [7, true],
        [8, false],
        [5_000, false]
      ] as const) {
        const { path, flight, junk } = await held();
        for (let sequence = 0; sequence < count; sequence += 1) path.inject('server', junk(sequence));
        path.inject('server', ...flight.toReversed());
        await path.pass(0);
        assert.equal(path.outcomes.server.established !== undefined, atOnce, `after ${count}`);
        path.inject('server', ...flight);
        await path.pass(0);
        assert.ok(path.outcomes.server.established);
        path.connections.client.close();
        path.connections.server.close();
      }
    });

    it('RFC 6347 4.1: one that was held is taken once like any other', async () => {
      const { path, flight } = await held();
      path.inject('server', ...flight.toReversed(), ...flight.toReversed());
      assert.equal(path.heard.server, 1);
      await path.pass(0);
      assert.ok(path.outcomes.server.established);
      path.connections.client.close();
      path.connections.server.close();
    });
  });

  describe('before the cookie holds', () => {
    it('RFC 6347 4.2.1: a thousand hellos from made-up addresses cost a thousand answers and no timer, and do not stand in the way of an honest one', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      for (let count = 0; count < 1_000; count += 1)
        path.connections.server.receive(plainHandshake(hello(count % 8), count), `198.51.100.${count % 256}:${count}`);
      assert.equal(path.sent.length, 1_000);
      await path.pass(DELAY_MS);
      assert.equal(path.clock.pending, 1, 'the limit of 30 s alone');
      path.begin(['client']);
      await path.pass(6 * DELAY_MS);
      assert.ok(path.outcomes.server.established);
    });

    it('RFC 6347 4.2.1: an answer has the numbers of its hello, and goes out in one record', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      path.connections.server.receive(plainHandshake(hello(3), 2 ** 40), CLIENT_ADDRESS);
      const [record, ...more] = readRecords(path.sent[0]?.datagram ?? Buffer.alloc(0));
      assert.equal(more.length, 0);
      assert.equal(record?.sequence, 2 ** 40);
      assert.equal(fragmentsIn(path.sent[0]?.datagram ?? Buffer.alloc(0))[0]?.sequence, 3);
      path.connections.server.close();
      await path.pass(0);
    });

    it('RFC 6347 4.2.1: a byte of a hello from a stranger, of each number and the right length, is not mixed into the hello of an honest client', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      const { length } = writeClientHello(Buffer.alloc(32), Buffer.alloc(0), STANDARD_POLICY);
      for (let sequence = 0; sequence < 8; sequence += 1) {
        const body = Buffer.alloc(sequence === 0 ? length : length + 32, 0xaa);
        // One byte of the random.
        const [, , , , , byte] = fragmentsOf({ type: MESSAGE.clientHello, sequence, body }, 13);
        assert.ok(byte);
        path.connections.server.receive(plainHandshake(byte), '198.51.100.7:1');
      }
      path.begin(['client']);
      await path.pass(5_000);
      assert.ok(
        path.outcomes.client.established && path.outcomes.server.established,
        `${String(path.outcomes.client.error)} ${String(path.outcomes.server.error)}`
      );
    });

    it('RFC 6347 4.2.1: a stranger who says again and again that a hello has another length does not stand in the way of an honest client', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      for (let time = 0; time < 600; time += 1) {
        const [byte] = fragmentsOf({ type: MESSAGE.clientHello, sequence: time % 8, body: Buffer.alloc(100 + time) }, 13);
        assert.ok(byte);
        path.connections.server.receive(plainHandshake(byte), '198.51.100.7:1');
      }
      path.begin(['client']);
      await path.pass(5_000);
      assert.ok(path.outcomes.client.established && path.outcomes.server.established);
    });

    it('RFC 6347 4.2.3: pieces of a hello from two senders make no hello', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      const body = writeClientHello(randomBytes(32), Buffer.alloc(0), STANDARD_POLICY);
      const say = (from: string, bytes: Buffer, ...places: readonly number[]): void => {
        const pieces = fragmentsOf({ type: MESSAGE.clientHello, sequence: 0, body: bytes }, 60);
        for (const place of places) path.connections.server.receive(plainHandshake(pieces[place] ?? Buffer.alloc(0)), from);
      };
      const count = fragmentsOf({ type: MESSAGE.clientHello, sequence: 0, body }, 60).length;
      say('198.51.100.7:1', Buffer.alloc(body.length, 0xaa), 0);
      say(CLIENT_ADDRESS, body, ...Array.from({ length: count }, (_, index) => index));
      path.connections.server.receive(plainHandshake(wholeMessage({ type: MESSAGE.clientHello, sequence: 0, body })), CLIENT_ADDRESS);
      const [inPieces, whole, ...more] = path.sent.map(({ datagram }) => datagram.toString('hex'));
      assert.ok(whole !== undefined && more.length === 0);
      assert.equal(inPieces, whole, 'the cookie is that of the hello as it was said');
      path.connections.server.close();
      await path.pass(DELAY_MS);
    });

    it('RFC 6347 4.2.1: a client whose record numbers are nearly used up is answered all the same', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      const say = (sequence: number, cookie: Buffer): void =>
        path.inject(
          'server',
          plainHandshake(
            wholeMessage({ type: MESSAGE.clientHello, sequence, body: writeClientHello(Buffer.alloc(32, 1), cookie, STANDARD_POLICY) }),
            2 ** 48 - 1
          )
        );
      say(0, Buffer.alloc(0));
      const [request] = fragmentsIn(path.sent[0]?.datagram ?? Buffer.alloc(0));
      assert.ok(request);
      say(1, request.data.subarray(3));
      const flight = path.sent.slice(1).flatMap(({ datagram }) => fragmentsIn(datagram));
      assert.equal(flight.at(-1)?.type, MESSAGE.serverHelloDone);
      path.connections.server.close();
      await path.pass(DELAY_MS);
    });

    it('many hellos in one record are answered once', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      path.inject('server', plainHandshake(Buffer.concat([hello(0), hello(1), hello(2), hello(0)])));
      assert.equal(path.sent.length, 1);
      path.connections.server.close();
      await path.pass(DELAY_MS);
    });

    it('RFC 6347 4.2.3: pieces of large messages that never end do not stand in the way of an honest client', async () => {
      const path = createPath({ identities: IDENTITIES });
      path.begin(['server']);
      for (let sequence = 0; sequence < 8; sequence += 1)
        for (const size of [32_768, 30_000, 10_000]) {
          const [piece] = fragmentsOf({ type: MESSAGE.clientHello, sequence, body: Buffer.alloc(size) }, 200);
          assert.ok(piece);
          path.inject('server', plainHandshake(piece));
        }
      path.begin(['client']);
      await path.pass(FIRST_WAIT_MS + 6 * DELAY_MS);
      assert.ok(path.outcomes.client.established && path.outcomes.server.established);
    });
  });

  it('nothing secret is in an error or a log line, whichever way a handshake ends', async () => {
    const lines: string[] = [];
    const log: Log = {
      debug: (message, fields) => lines.push(JSON.stringify([message, fields])),
      info: (message, fields) => lines.push(JSON.stringify([message, fields])),
      warn: (message, fields) => lines.push(JSON.stringify([message, fields])),
      error: (message, fields) => lines.push(JSON.stringify([message, fields])),
      child: () => log
    };
    const secrets: Buffer[] = [];
    const collect = (path: Path): void => {
      for (const line of path.keyLog) secrets.push(Buffer.from(line.split(' ')[2] ?? '', 'hex'));
      for (const { established, error } of Object.values(path.outcomes)) {
        if (established) secrets.push(established.exportKeyingMaterial(LABEL, 56));
        for (let one: unknown = error; one instanceof Error; one = one.cause) lines.push(`${one.message} ${one.stack} ${JSON.stringify(one)}`);
      }
      for (const closed of Object.values(path.closed)) lines.push(...closed.map((error) => `${error.message} ${error.stack} ${JSON.stringify(error)}`));
    };
    for (const side of SIDES) {
      const wrong: readonly Partial<Parameters<typeof createPath>[0]>[] = [
        {},
        { pinned: { [side]: createIdentity().thumbprint } },
        // The right certificate, another key.
        { identities: { ...IDENTITIES, [side]: { ...IDENTITIES[side], privateKey: createIdentity().privateKey } } },
        { fate: (from, index) => (from === side && index >= 2 ? [] : arrives) }
      ];
      for (const options of wrong) {
        const path = createPath({ identities: IDENTITIES, log, ...options });
        path.begin();
        await path.pass(35_000);
        collect(path);
        if (path.outcomes.client.established && path.outcomes.server.established) {
          path.inject(side, createInsider(path).record(other(side), CONTENT.alert, Buffer.from([FATAL, ALERT.internal_error]), 50));
          collect({ ...path, outcomes: { client: {}, server: {} } });
        }
        for (const one of SIDES) path.connections[one].close();
      }
    }
    for (const { privateKey } of Object.values(IDENTITIES)) secrets.push(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
    assert.ok(secrets.length > 10 && lines.length > 10);
    const text = lines.join('\n');
    for (const secret of secrets)
      for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) assert.ok(!text.includes(secret.toString(encoding)), 'a secret was said');
  });
});
