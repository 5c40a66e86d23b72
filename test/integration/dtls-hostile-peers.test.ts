// The other end of a DTLS handshake as an attacker: one who breaks a rule and computes everything else as if it were right, one who says nothing more, and
// ten thousand who only say hello. What ours refuses is shown over UDP; for what the stock stack accepts there is a control.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { sign } from 'node:crypto';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import type { ErrorCode } from '../../src/kernel/error-codes.ts';
import { createDtlsConnection, type DtlsOptions, type DtlsRole } from '../../src/media/secure-transport/dtls/connection.ts';
import { createKeyShare } from '../../src/media/secure-transport/dtls/key-exchange.ts';
import { writeSigned } from '../../src/media/secure-transport/dtls/messages.ts';
import { EXTENSION, MESSAGE } from '../../src/media/secure-transport/dtls/registry.ts';
import { createRelay, pause, until } from '../fakes/dtls-attacker.ts';
import { alterHello, createIdentity, createPath, type Fate, type Identity, type Path, withLength } from '../fakes/dtls-peer.ts';
import { type Breach, createHostileEnd, type Spoken } from '../fakes/hostile-dtls.ts';
import { closeSocket, createUdpEnd, type Ending, meet, newIdentity, openSocket, otherRole, ROLES, USUAL } from '../fakes/udp-dtls.ts';
import { createStockDtls } from '../harness/dtls-pipe.ts';

const VICTIM = createCallCertificate(Date.now());
const GENUINE = createCallCertificate(Date.now());
const ATTACKER = newIdentity();
const SILENCE_MS = 150;

type Attack = Breach & {
  readonly title: string;
  readonly shown?: Identity;
  readonly victim?: Partial<DtlsOptions>;
  readonly code?: ErrorCode;
  readonly reason: RegExp;
};

/** The victim expects GENUINE. */
async function attack(hostile: DtlsRole, { shown = GENUINE, victim = {}, ...breach }: Pick<Attack, 'shown' | 'victim'> & Breach): Promise<Ending> {
  await using end = await createUdpEnd(otherRole(hostile), VICTIM, GENUINE.thumbprint, victim);
  await using peer = await createHostileEnd(hostile, shown, breach);
  const ending = end.run(peer.port);
  // It waits for an answer that never comes, once it was refused.
  const done = peer.run(end.port);
  done.catch(() => {});
  const found = await ending;
  if ('established' in found) await done;
  const spoken = end.sent.length;
  await pause(SILENCE_MS);
  assert.equal(end.sent.length, spoken, 'the victim spoke on');
  return found;
}

/** @returns whether the stock stack took the hostile end for the one it claims to be */
async function stockAccepts(hostile: DtlsRole, breach: Breach): Promise<boolean> {
  await using stock = await createStockDtls(otherRole(hostile), VICTIM, 12);
  await using peer = await createHostileEnd(hostile, GENUINE, breach);
  const connected = stock.run(peer.port).then(
    () => true,
    () => false
  );
  peer.run(stock.port).catch(() => {});
  return await Promise.race([connected, pause(5_000).then(() => false)]);
}

const replace = (type: number, body: Buffer | ((honest: Spoken) => Buffer)) => (spoken: Spoken) => [
  spoken.type === type ? { type, body: typeof body === 'function' ? body(spoken) : body } : spoken
];
const leaveOut =
  (...types: readonly number[]) =>
  (spoken: Spoken) =>
    types.includes(spoken.type) ? [] : [spoken];
const withExtension = (hello: number, extension: number, data: Buffer) =>
  replace(hello, (honest) => alterHello({ ...honest, sequence: 0 }, (draft) => draft.extensions.push([extension, data])).body);
const certificates = (...list: readonly Uint8Array[]) => withLength(3, ...list.map((der) => withLength(3, der)));
const NO_CERTIFICATE = certificates();
const BINDINGS = { local: new Uint8Array(32).fill(1), remote: new Uint8Array(32).fill(2) };

// RFC 7748 section 6.1: every point of small order, as little-endian coordinates; each also with the highest bit set, which is ignored.
const SMALL_ORDER: readonly Buffer[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'
].flatMap((digits) => {
  const share = Buffer.from(digits, 'hex');
  const marked = Buffer.from(share);
  marked.writeUInt8((share[31] ?? 0) | 0x80, 31);
  return [share, marked];
});
/** Whoever offers it knows the secret without any key. */
const knownSecret = (share: Buffer) => ({ share, agree: () => Buffer.alloc(32) });

const point = createKeyShare({ id: 23, name: 'P-256' }).share;
const changedPoint = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(point);
  change(bytes);
  return bytes;
};
const NO_POINTS: Readonly<Record<string, Buffer>> = {
  'beside the curve': changedPoint((bytes) => bytes.writeUInt8(bytes.readUInt8(64) ^ 1, 64)),
  'of another curve, with small order': Buffer.concat([Buffer.from([4]), Buffer.alloc(31), Buffer.from([1]), Buffer.alloc(32)]),
  'at infinity': Buffer.from([0]),
  'of zeros': Buffer.concat([Buffer.from([4]), Buffer.alloc(64)]),
  'beyond the field': changedPoint((bytes) => bytes.fill(0xff, 1)),
  compressed: Buffer.concat([Buffer.from([2 + ((point[64] ?? 0) & 1)]), point.subarray(1, 33)]),
  'in hybrid form': changedPoint((bytes) => bytes.writeUInt8(6 + ((point[64] ?? 0) & 1), 0)),
  'cut short': point.subarray(0, 64),
  'that is none': Buffer.alloc(0)
};

const ATTACKS: Readonly<Record<DtlsRole, readonly Attack[]>> = {
  client: [
    {
      title: 'leaves its Certificate and CertificateVerify out',
      say: leaveOut(MESSAGE.certificate, MESSAGE.certificateVerify),
      reason: /not in order: 16 in place of 11/
    },
    {
      title: 'has no certificate, and so nothing to sign',
      say: (spoken) => leaveOut(MESSAGE.certificateVerify)(spoken).flatMap(replace(MESSAGE.certificate, NO_CERTIFICATE)),
      reason: /presented no certificate/
    },
    { title: 'leaves CertificateVerify out', say: leaveOut(MESSAGE.certificateVerify), reason: /not in order: 20 in place of 15/ },
    { title: 'leaves ClientKeyExchange out', say: leaveOut(MESSAGE.clientKeyExchange), reason: /not in order: 15 in place of 16/ },
    {
      title: 'signs what another handshake said',
      say: (spoken, { transcript }) =>
        replace(MESSAGE.certificateVerify, () => writeSigned(sign('sha256', Buffer.concat(transcript.slice(1)), GENUINE.privateKey)))(spoken),
      reason: /does not hold the key/
    }
  ],
  server: [
    { title: 'leaves its Certificate out', say: leaveOut(MESSAGE.certificate), reason: /not in order: 12 in place of 11/ },
    { title: 'has no certificate', say: replace(MESSAGE.certificate, NO_CERTIFICATE), reason: /presented no certificate/ },
    { title: 'leaves ServerKeyExchange out', say: leaveOut(MESSAGE.serverKeyExchange), reason: /not in order: 13 in place of 12/ },
    { title: 'asks for no certificate', say: leaveOut(MESSAGE.certificateRequest), reason: /not in order: 14 in place of 13/ },
    {
      title: 'signs its share for another handshake',
      say: (spoken, { serverRandom }) =>
        replace(MESSAGE.serverKeyExchange, ({ body }) => {
          const parameters = body.subarray(0, 4 + 32);
          return Buffer.concat([parameters, writeSigned(sign('sha256', Buffer.concat([Buffer.alloc(32), serverRandom, parameters]), GENUINE.privateKey))]);
        })(spoken),
      reason: /does not hold the key/
    },
    { title: 'chooses X25519 where approved algorithms are asked for', victim: { fips: true }, reason: /a group that was not offered/ }
  ]
};

const ofEither = (role: DtlsRole): readonly Attack[] => {
  const hello = role === 'client' ? MESSAGE.clientHello : MESSAGE.serverHello;
  const fingerprint = { code: 'CL_SECURITY_FINGERPRINT', reason: /another certificate/ } as const;
  return [
    { title: 'has the right certificate and another key', privateKey: ATTACKER.privateKey, reason: /does not hold the key/ },
    { title: 'has a certificate of its own', shown: ATTACKER, ...fingerprint },
    { title: 'shows the victim its own certificate', shown: { ...VICTIM, privateKey: ATTACKER.privateKey }, ...fingerprint },
    {
      title: 'shows a second certificate behind the right one',
      say: replace(MESSAGE.certificate, certificates(GENUINE.certificateDer, ATTACKER.certificateDer)),
      reason: /more than one certificate/
    },
    {
      title: 'shows the right certificate behind its own',
      shown: ATTACKER,
      say: replace(MESSAGE.certificate, certificates(ATTACKER.certificateDer, GENUINE.certificateDer)),
      reason: /more than one certificate/
    },
    {
      title: 'computes Finished over another transcript',
      say: (spoken, { finished, transcript }) => replace(MESSAGE.finished, () => finished(role, transcript.slice(1)))(spoken),
      reason: /Finished does not fit/
    },
    {
      title: 'says the Finished of the other side',
      say: (spoken, { finished, transcript }) => replace(MESSAGE.finished, () => finished(otherRole(role), transcript))(spoken),
      reason: /Finished does not fit/
    },
    { title: 'says an empty Finished', say: replace(MESSAGE.finished, Buffer.alloc(0)), reason: /Finished does not fit/ },
    {
      title: 'says that it is the victim',
      victim: { bindings: BINDINGS },
      say: withExtension(hello, EXTENSION.externalIdHash, withLength(1, BINDINGS.local)),
      reason: /another endpoint/
    }
  ];
};

describe('a hostile peer', function () {
  this.timeout(20_000);
  const ANOTHER_KEY: Breach = { privateKey: ATTACKER.privateKey };
  const ZERO_SHARE: Breach = { keyShare: knownSecret(Buffer.alloc(32)) };
  const WRONG_FINISHED: Breach = { say: replace(MESSAGE.finished, Buffer.alloc(12)) };

  for (const role of ROLES) {
    describe(`as ${role}`, () => {
      it('control: connects where it breaks no rule', async () => {
        const ending = await attack(role, {});
        assert.ok('established' in ending, 'error' in ending ? ending.error.message : '');
        assert.deepEqual(Buffer.from(ending.established.remoteThumbprint), Buffer.from(GENUINE.thumbprint));
        assert.equal(ending.established.group, 'X25519');
        const withP256 = await attack(role, { group: 'P-256' });
        assert.ok('established' in withP256 && withP256.established.group === 'P-256');
        const hello = role === 'client' ? MESSAGE.clientHello : MESSAGE.serverHello;
        const named = await attack(role, {
          victim: { bindings: BINDINGS },
          say: withExtension(hello, EXTENSION.externalIdHash, withLength(1, BINDINGS.remote))
        });
        assert.ok('established' in named);
      });

      it('control: a stock peer takes another key, a zero share and a wrong Finished', async () => {
        assert.deepEqual(await Promise.all([{}, ANOTHER_KEY, ZERO_SHARE, WRONG_FINISHED].map((breach) => stockAccepts(role, breach))), [
          true,
          true,
          true,
          true
        ]);
      });

      for (const { title, code = 'CL_SECURITY_HANDSHAKE', reason, ...how } of [...ofEither(role), ...ATTACKS[role]]) {
        it(`${title}: ${code}`, async () => {
          const ending = await attack(role, how);
          assert.ok('error' in ending, 'it is connected');
          assert.equal(ending.error.code, code);
          assert.match(ending.error.message, reason);
        });
      }

      it('offers X25519 shares of small order, and knows the secret: refused, each', async () => {
        const endings = await Promise.all(SMALL_ORDER.map((share) => attack(role, { keyShare: knownSecret(share) })));
        for (const ending of endings) {
          assert.ok('error' in ending, 'it is connected');
          assert.equal(ending.error.code, 'CL_SECURITY_HANDSHAKE');
          assert.match(ending.error.message, /not a point of its group|all-zero secret/);
        }
      });

      it('offers X25519 shares of another length: refused, each', async () => {
        const endings = await Promise.all([0, 31, 33, 65].map((bytes) => attack(role, { keyShare: knownSecret(Buffer.alloc(bytes, 9)) })));
        for (const ending of endings) assert.ok('error' in ending && /has not the form of its group/.test(ending.error.message));
      });

      for (const [name, share] of Object.entries(NO_POINTS)) {
        it(`offers a point of P-256 ${name}: refused`, async () => {
          const ending = await attack(role, { group: 'P-256', keyShare: knownSecret(share) });
          assert.ok('error' in ending, 'it is connected');
          assert.equal(ending.error.code, 'CL_SECURITY_HANDSHAKE');
          assert.match(ending.error.message, /not a point of its group|not the form of its group/);
        });
      }
    });
  }
});

describe('one’s own messages sent back', function () {
  this.timeout(10_000);

  for (const [pinned, code] of [
    [GENUINE, 'CL_SECURITY_HANDSHAKE'],
    [VICTIM, 'CL_SECURITY_HANDSHAKE']
  ] as const) {
    it(`to a client that expects ${pinned === VICTIM ? 'its own' : 'another'} certificate: refused`, async () => {
      const mirror = await openSocket();
      mirror.on('message', (datagram, { address, port }) => mirror.send(datagram, port, address));
      try {
        await using client = await createUdpEnd('client', VICTIM, pinned.thumbprint);
        const ending = await client.run(mirror.address().port);
        assert.ok('error' in ending && ending.error.code === code);
      } finally {
        await closeSocket(mirror);
      }
    });
  }

  for (const [pinned, code, reason] of [
    ['another', 'CL_SECURITY_FINGERPRINT', /another certificate/],
    ['its own', 'CL_SECURITY_HANDSHAKE', /not in order: 12 in place of 16/]
  ] as const) {
    it(`to a server that expects ${pinned} certificate: refused, ${code}`, async () => {
      await using relay = await createRelay();
      const identities = { client: pinned === 'another' ? GENUINE : VICTIM, server: VICTIM };
      const { endings } = await meet(
        relay,
        identities,
        (from, datagram) => {
          // Only hellos of the client arrive, as often as its hurried clock has it say them.
          if (from === 'client') return datagram[13] === MESSAGE.clientHello ? [datagram] : [];
          if (datagram[13] === MESSAGE.helloVerifyRequest) return [datagram];
          relay.inject('offerer', datagram);
          return [];
        },
        { clock: { ...USUAL.clock, schedule: (delayMs, run) => USUAL.clock.schedule(delayMs / 20, run) } }
      );
      assert.ok('error' in endings.server, 'it is connected with itself');
      assert.equal(endings.server.error.code, code);
      assert.match(endings.server.error.message, reason);
      assert.ok('error' in endings.client);
    });
  }
});

describe('a peer that does not finish', () => {
  const SIDES = { client: createIdentity(), server: createIdentity() };
  const LIMIT_MS = 30_000;
  /** The timer grows to at least 400 ms, and a flight is two datagrams where it is cut for a careful path; a few more while the timer grows. */
  const MOST_DATAGRAMS = 2 * (LIMIT_MS / 400) + 16;
  /** Three flights each: what comes after the first few of the silent side's datagrams is lost. */
  const silentAfter =
    (silent: DtlsRole, datagrams: number): Fate =>
    (from, index) =>
      from === silent && index >= datagrams ? [] : [20];
  const errorOf = (path: Path, side: DtlsRole) => path.outcomes[side].error as { readonly code?: string } | undefined;

  it('control: all three flights of each are enough', async () => {
    for (const silent of ROLES) {
      const path = createPath({ identities: SIDES, fate: silentAfter(silent, 3) });
      path.begin();
      await path.pass(1_000);
      for (const side of ROLES) assert.ok(path.outcomes[side].established);
      assert.equal(path.clock.pending, 0);
    }
  });

  for (const silent of ROLES) {
    for (const datagrams of [0, 1, 2]) {
      for (const roundTripMs of [1, 40, null]) {
        it(`as ${silent}, silent after ${datagrams} datagrams, round trip ${roundTripMs ?? 'unknown'}: ends in time, repeats are bounded, nothing is left`, async () => {
          const path = createPath({ identities: SIDES, fate: silentAfter(silent, datagrams), roundTripMs });
          path.begin();
          const victim = otherRole(silent);
          await path.pass(LIMIT_MS - 100);
          assert.equal(path.outcomes[victim].established, undefined);
          assert.equal(path.outcomes[victim].error, undefined);
          await path.pass(200);
          assert.equal(errorOf(path, victim)?.code, 'CL_MEDIA_CONNECT');
          const spoken = path.sentBy(victim).length;
          assert.ok(spoken <= MOST_DATAGRAMS, `${spoken} datagrams`);
          await path.pass(60_000);
          assert.equal(path.sentBy(victim).length, spoken, 'spoke after the end');
          assert.equal(path.clock.pending, 0, 'a timer is left');
        });
      }
    }

    it(`as ${silent}, that says its first words again and again: the limit holds, and the answers are bounded`, async () => {
      const path = createPath({ identities: SIDES, fate: silentAfter(silent, 2) });
      path.begin();
      await path.pass(1_000);
      const victim = otherRole(silent);
      const words = path
        .sentBy(silent)
        .slice(0, 2)
        .map(({ datagram }) => datagram);
      for (let atMs = 1_000; atMs < LIMIT_MS + 100; atMs += 10) {
        path.inject(victim, ...words);
        await path.pass(10);
      }
      assert.equal(errorOf(path, victim)?.code, 'CL_MEDIA_CONNECT');
      // One answer in half a first timer (40 ms), beside the timer's own.
      const spoken = path.sentBy(victim).length;
      assert.ok(spoken <= 2 * (LIMIT_MS / 40) + MOST_DATAGRAMS, `${spoken} datagrams`);
      await path.pass(LIMIT_MS);
      assert.equal(path.clock.pending, 0);
    });
  }
});

describe('hellos from thirty thousand made-up addresses', function () {
  this.timeout(60_000);
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  const HELLOS = 30_000;
  const LIMIT_BYTES = 2_000_000;
  const memory = (): number => {
    assert.ok(typeof collect === 'function');
    for (let time = 0; time < 3; time += 1) Reflect.apply(collect, null, []);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  async function stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null) return;
    child.send('stop');
    await once(child, 'exit');
  }

  it('cost the server no memory, are answered by less than they are, and an honest client connects in their midst', async () => {
    const socket = await openSocket();
    socket.setRecvBufferSize(4 * 1024 * 1024);
    let hellos = 0;
    let answers = 0;
    let larger = 0;
    let question: { readonly bytes: number; readonly address: string; readonly port: number } | null = null;
    const sources = new Set<string>();
    let honestPort = 0;
    const server = createDtlsConnection({
      ...USUAL,
      role: 'server',
      certificate: VICTIM,
      remoteThumbprint: GENUINE.thumbprint,
      send(datagram) {
        // As in a call: a HelloVerifyRequest goes to who asked, everything else to the one address that connectivity checks have proven.
        const greeting = datagram[13] === MESSAGE.helloVerifyRequest && datagram.readUInt16BE(3) === 0;
        if (greeting && question !== null) {
          answers += 1;
          if (datagram.length > question.bytes) larger += 1;
          socket.send(datagram, question.port, question.address);
        } else socket.send(datagram, honestPort, '127.0.0.1');
      }
    });
    socket.on('message', (datagram, { address, port }) => {
      hellos += 1;
      if (sources.size < 1_000) sources.add(`${address}:${port}`);
      question = { bytes: datagram.length, address, port };
      server.receive(datagram, `${address}:${port}`);
      question = null;
    });
    const established = server.run();
    const flood = fork(new URL('../fakes/hello-flood.ts', import.meta.url), [String(socket.address().port)]);
    try {
      await until(() => hellos >= 10_000, 'the first hellos', 30_000);
      const before = memory();
      const [count, startMs] = [hellos, performance.now()];
      await until(() => hellos >= count + HELLOS, 'thirty thousand hellos', 40_000);
      const rate = Math.round(((hellos - count) * 1_000) / (performance.now() - startMs));
      const grown = memory() - before;
      console.log(`      ${hellos} hellos, ${rate} a second; ${answers} answers; ${grown} bytes more`);
      assert.ok(grown < LIMIT_BYTES, `${grown} bytes more`);
      assert.deepEqual([answers, larger, sources.size], [hellos, 0, 1_000]);
      await using client = await createUdpEnd('client', GENUINE, VICTIM.thumbprint);
      honestPort = client.port;
      const [atServer, atClient] = await Promise.all([established, client.run(socket.address().port)]);
      assert.ok('established' in atClient, 'error' in atClient ? atClient.error.message : '');
      assert.deepEqual(atServer.exportKeyingMaterial('test', 16), atClient.established.exportKeyingMaterial('test', 16));
      const during = hellos;
      await until(() => hellos > during + 1_000, 'the flood goes on');
    } finally {
      await stop(flood);
      server.close();
      await closeSocket(socket);
    }
  });

  it('control: a server that kept each hello would show', () => {
    const hello = Buffer.alloc(150, 1);
    const before = memory();
    const kept = Array.from({ length: HELLOS }, () => Buffer.from(hello));
    assert.ok(memory() - before > LIMIT_BYTES);
    assert.equal(kept.length, HELLOS);
  });
});
