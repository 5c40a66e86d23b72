// Calls over a real coturn on the loopback interface: UDP, TCP and TLS, each where nothing else is left; what a relay that refuses, is silent or is
// somebody else costs; allocations that outlive their own lifetime, the credentials and the nonce. Whole rooms: relay-rooms.test.ts.
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { issueBroker, makeAuthority } from '../../src/identity/certificate-authority.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError } from '../../src/kernel/errors.ts';
import { type Log, silentLog } from '../../src/kernel/log.ts';
import { probeServer } from '../../src/media/path/relay/probe.ts';
import { openRelayLink } from '../../src/media/path/relay/relay-link.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import type { IceServer } from '../../src/media/port.ts';
import type { PeerConnection, SecuredConnection } from '../../src/media/streams.ts';
import { mintLogin, type RelayLogin } from '../../src/relay/mint.ts';
import { pause, until } from '../fakes/dtls-attacker.ts';
import { type Coturn, RELAY_SECRET, startCoturn } from '../harness/coturn.ts';
import { freePort } from '../harness/mosquitto-broker.ts';

const HOST = '127.0.0.1';
const NEXT_SECRET = 'the-traveller-took-off-his-cloak';
const ENDPOINT = 'abcdefghijklmnopqrstuvwxyz';
const SECRET = createSecretKey(RELAY_SECRET, 'utf8');
const login = (lifetimeMs: number): RelayLogin => mintLogin(SECRET, ENDPOINT, Date.now() + lifetimeMs);

type Warning = { readonly code: string; readonly server: string };
type Side = { readonly peer: PeerConnection; readonly warnings: Warning[]; readonly named: string[]; readonly secured: Promise<SecuredConnection> };

function makeSide(iceServers: readonly IceServer[]): Side {
  const warnings: Warning[] = [];
  const log: Log = {
    ...silentLog,
    warn: (_message, { code, server } = {}) => void (code !== undefined && warnings.push({ code: String(code), server: String(server) }))
  };
  const peer = createPeerConnection({ certificate: createCallCertificate(Date.now()), iceServers, fips: false, videoCodecs: ['VP8'], clock: systemClock, log });
  const secured = new Promise<SecuredConnection>((resolve, reject) => {
    peer.on('secured', resolve);
    peer.on('failed', ({ code, text }) => reject(new Error(`${code}: ${text}`)));
  });
  secured.catch(() => {});
  return { peer, warnings, named: [], secured };
}

const withoutCandidates = (sdp: string): string =>
  sdp
    .split('\r\n')
    .filter((line) => !line.startsWith('a=candidate') && !line.startsWith('a=end-of-candidates'))
    .join('\r\n');

/** Both sides name to each other what `passes` and nothing else; direct ways later, if so wanted. */
async function connectBy(passes: (candidate: string) => boolean, a: Side, b: Side, directLaterMs = 0): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a]
  ] as const)
    from.peer.on('candidates', (candidates) => {
      from.named.push(...candidates.map(({ candidate }) => candidate));
      for (const candidate of candidates.filter(({ candidate: text }) => passes(text))) {
        const name = (): void => void to.peer.addCandidates([candidate]).catch(() => {});
        if (isRelay(candidate.candidate)) name();
        else setTimeout(name, directLaterMs);
      }
    });
  const offer = await a.peer.createOffer();
  await a.peer.acceptAnswer(withoutCandidates(await b.peer.acceptOffer(withoutCandidates(offer))));
  await Promise.all([a.secured, b.secured]);
}

const isRelay = (candidate: string): boolean => candidate.includes('typ relay');

/** Sound and picture both ways. */
async function exchange(a: Side, b: Side, mark: string): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a]
  ] as const) {
    const got = new Set<string>();
    const stop = to.peer.on('rtp', (kind, packet) => got.add(`${kind} ${Buffer.from(packet.payload).toString()}`));
    let timestamp = 3_000;
    await until(() => {
      timestamp += 3_000;
      for (const kind of ['audio', 'video'] as const) from.peer.send(kind, { timestamp, marker: true, payload: Buffer.from(mark) });
      return got.has(`audio ${mark}`) && got.has(`video ${mark}`);
    }, `media of ${mark}`);
    stop();
  }
}

describe('a relay', function () {
  this.timeout(40_000);
  let coturn: Coturn;
  let port = 0;
  let tlsPort = 0;
  let authorityPem = '';
  let keepAlive: NodeJS.Timeout;
  const sides: Side[] = [];
  const side = (servers: readonly IceServer[]): Side => {
    const made = makeSide(servers);
    sides.push(made);
    return made;
  };
  const url = (transport: 'udp' | 'tcp' | 'tls', at = transport === 'tls' ? tlsPort : port): string =>
    transport === 'tls' ? `turns:${HOST}:${at}?transport=tcp` : `turn:${HOST}:${at}?transport=${transport}`;
  const server = (urls: string, given: Pick<RelayLogin, 'username' | 'credential'> = login(60_000)): IceServer => ({
    urls,
    username: given.username,
    credential: given.credential,
    authorityPem
  });

  before(async () => {
    keepAlive = setInterval(() => {}, 1_000);
    const authority = await makeAuthority('contoso.example', Date.now());
    authorityPem = authority.certificatePem;
    const certificate = await issueBroker(authority, [HOST], Date.now());
    [port, tlsPort] = [await freePort(), await freePort()];
    // The lifetimes are the shortest that there are, so that they are over within a test.
    coturn = await startCoturn({
      address: HOST,
      port,
      tlsPort,
      certificate,
      more: ['max-allocate-lifetime=4', 'stale-nonce=3', `static-auth-secret=${NEXT_SECRET}`]
    });
  });
  afterEach(async () => {
    await Promise.all(sides.splice(0).map(({ peer }) => peer.close()));
  });
  after(async () => {
    clearInterval(keepAlive);
    await coturn?.[Symbol.asyncDispose]();
  });

  for (const transport of ['udp', 'tcp', 'tls'] as const)
    it(`carries a call over ${transport.toUpperCase()} where nothing else is left, and is given back at its end`, async () => {
      const login60s = login(60_000);
      const [a, b] = [side([server(url(transport), login60s)]), side([server(url(transport), login60s)])];
      await connectBy(isRelay, a, b);
      await exchange(a, b, transport);
      assert.deepEqual([...a.warnings, ...b.warnings], []);
      const deleted = (): number => coturn.log().split(`delete: realm=<contoso.example>, username=<${login60s.username}>`).length - 1;
      const before = deleted();
      await Promise.all([a.peer.close(), b.peer.close()]);
      await until(() => deleted() - before >= 2, 'both allocations are deleted');
    });

  it('is used only where no direct way is found, although it is known first', async () => {
    const [a, b] = [side([server(url('udp'))]), side([server(url('udp'))])];
    await connectBy((candidate) => isRelay(candidate) || candidate.includes(' 127.0.0.1 '), a, b, 100);
    await exchange(a, b, 'direct');
    await until(() => [a, b].every(({ named }) => named.some(isRelay)), 'both named their relays');
    await pause(600);
    // Nothing went through it: the relay saw no peer.
    const log = coturn.log();
    const mine = log.slice(log.lastIndexOf('new, realm'));
    assert.ok(!/CHANNEL_BIND|CREATE_PERMISSION/.test(mine), mine);
  });

  it('of several all are asked, each that answers is named, UDP before TCP before TLS', async () => {
    const all = (['udp', 'tcp', 'tls'] as const).map((transport) => server(url(transport)));
    const [a, b] = [side(all), side(all)];
    await connectBy(isRelay, a, b);
    await until(() => a.named.filter(isRelay).length === 3, 'three relayed candidates');
    const priorities = a.named.filter(isRelay).map((candidate) => Number(candidate.split(' ')[3]));
    assert.deepEqual([...priorities].sort(), [1, 2, 3]);
    assert.ok(a.named.filter((candidate) => candidate.includes('typ host')).every((candidate) => Number(candidate.split(' ')[3]) > 3));
  });

  it('that refuses a wrong password or an old login does so at once; the call does without', async () => {
    const wrong = { ...login(60_000), credential: 'AAAA' };
    for (const given of [wrong, login(-5_000)]) {
      const servers = (['udp', 'tcp', 'tls'] as const).map((transport) => server(url(transport), given));
      const [a, b] = [side(servers), side(servers)];
      const startedMs = performance.now();
      await connectBy(() => true, a, b);
      await until(() => a.warnings.length === 3, 'three refusals');
      assert.deepEqual(new Set(a.warnings.map(({ code }) => code)), new Set(['CL_RELAY_REFUSED']));
      // The stack's own client took 12.7 s; a machine under load is given some time here.
      assert.ok(performance.now() - startedMs < 6_000);
      assert.ok(!a.named.some(isRelay));
    }
  });

  it('that is silent or absent holds neither the call nor another relay up', async () => {
    const silentUdp = createSocket('udp4').bind(0, HOST);
    const silentTcp = createTcpServer(() => {}).listen(0, HOST);
    await Promise.all([once(silentUdp, 'listening'), once(silentTcp, 'listening')]);
    const tcpPort = (silentTcp.address() as { port: number }).port;
    const absent = await freePort();
    const servers = [
      server(url('udp', silentUdp.address().port)),
      server(url('tcp', tcpPort)),
      server(url('tls', tcpPort)),
      server(url('tcp', absent)),
      server(url('udp', absent)),
      server(url('udp'))
    ];
    try {
      const [a, b] = [side(servers), side(servers)];
      await connectBy(isRelay, a, b);
      // Connected over the one that answers, while the silent ones are still waited for.
      assert.deepEqual(new Set(a.warnings.map(({ server: at }) => at)), new Set([url('tcp', absent), url('udp', absent)]));
      assert.ok(a.warnings.every(({ code }) => code === 'CL_RELAY_UNREACHABLE'));
      assert.equal(a.named.filter(isRelay).length, 1);
    } finally {
      silentUdp.close();
      silentTcp.close();
    }
  });

  it('whose certificate is not of the configured authority, or names somebody else, gets no word', async () => {
    const authority = await makeAuthority('contoso.example', Date.now());
    const stranger = await makeAuthority('contoso.example', Date.now());
    let heard = 0;
    const certificates = [await issueBroker(stranger, [HOST], Date.now()), await issueBroker(authority, ['turn.contoso.example'], Date.now())];
    const servers = certificates.map(({ keyPem, certificatePem }) =>
      createTlsServer({ key: keyPem, cert: certificatePem }, (socket) => {
        socket.on('error', () => {});
        socket.on('data', ({ length }) => {
          heard += length;
        });
      }).listen(0, HOST)
    );
    await Promise.all(servers.map((listening) => once(listening, 'listening')));
    const urls = servers.map((listening) => url('tls', (listening.address() as { port: number }).port));
    try {
      const own = { ...login(60_000), authorityPem: authority.certificatePem };
      const { authorityPem: _none, ...publicOnly } = server(url('tls'));
      const a = side([...urls.map((at) => ({ urls: at, username: own.username, credential: own.credential, authorityPem: own.authorityPem })), publicOnly]);
      await a.peer.createOffer();
      await until(() => a.warnings.length === 3, 'three warnings');
      assert.deepEqual(
        a.warnings.map(({ code }) => code),
        Array(3).fill('CL_RELAY_CERTIFICATE')
      );
      assert.equal(heard, 0);
    } finally {
      for (const listening of servers) listening.close();
    }
  });

  it('keeps a call for longer than an allocation, a nonce and the login last', async () => {
    const short = login(3_000);
    const relay = server(url('udp'), short);
    const [a, b] = [side([relay]), side([relay])];
    await connectBy(isRelay, a, b);
    await exchange(a, b, 'early');
    const allocated = performance.now();
    while (performance.now() - allocated < 10_000) {
      await exchange(a, b, `after ${Math.round(performance.now() - allocated)} ms`);
      await pause(500);
    }
    assert.match(coturn.log(), new RegExp(`username=<${short.username}>, lifetime=4`), 'refreshed');
    assert.match(coturn.log(), /error 438|Stale nonce/i, 'control: the nonce was over in between');
    assert.deepEqual([...a.warnings, ...b.warnings], []);
  });

  it('is judged by the doctor as a call would find it', async () => {
    const outcome = (given: IceServer): Promise<string> =>
      probeServer(given, systemClock).then(
        () => 'serves',
        (error: unknown) => asCloisterError(error).code
      );
    const absent = await freePort();
    const { authorityPem: _none, ...publicOnly } = server(url('tls'));
    const judged = await Promise.all([
      ...(['udp', 'tcp', 'tls'] as const).map((transport) => outcome(server(url(transport)))),
      outcome({ urls: `stun:${HOST}:${port}` }),
      outcome(server(url('udp'), login(-5_000))),
      outcome(publicOnly),
      outcome(server(url('tcp', absent))),
      outcome({ urls: `stun:${HOST}:${absent}` })
    ]);
    const [unreachable, refused, certificate] = ['CL_RELAY_UNREACHABLE', 'CL_RELAY_REFUSED', 'CL_RELAY_CERTIFICATE'];
    assert.deepEqual(judged, ['serves', 'serves', 'serves', 'serves', refused, certificate, unreachable, unreachable]);
  });

  it('takes logins of either of two secrets, so that one can be replaced', async () => {
    const next = mintLogin(createSecretKey(NEXT_SECRET, 'utf8'), ENDPOINT, Date.now() + 60_000);
    await Promise.all([probeServer(server(url('udp')), systemClock), probeServer(server(url('udp'), next), systemClock)]);
    const other = mintLogin(createSecretKey('a third that it does not know', 'utf8'), ENDPOINT, Date.now() + 60_000);
    await assert.rejects(probeServer(server(url('udp'), other), systemClock), { code: 'CL_RELAY_REFUSED' });
  });

  it('over UDP outlives a moment in which nobody listens at its port', async () => {
    const [first, second] = [createSocket('udp4').bind(0, HOST), createSocket('udp4')];
    await once(first, 'listening');
    const at = first.address().port;
    const got: string[] = [];
    let ended = 0;
    const link = await openRelayLink({
      server: { kind: 'turn', host: HOST, port: at, transport: 'udp' },
      authorityPem: undefined,
      clock: systemClock,
      signal: new AbortController().signal,
      received: (message) => got.push(message.toString()),
      ended: () => {
        ended += 1;
      }
    });
    first.on('message', (message, { port: from }) => first.send(message, from, HOST));
    link.send(Buffer.from('one'));
    await until(() => got.length === 1, 'an answer');
    first.close();
    await pause(20);
    for (let n = 0; n < 5; n += 1) {
      link.send(Buffer.from('lost'));
      await pause(10);
    }
    second.on('message', (message, { port: from }) => second.send(message, from, HOST));
    second.bind(at, HOST);
    await once(second, 'listening');
    link.send(Buffer.from('two'));
    await until(() => got.includes('two'), 'an answer of the next one');
    assert.equal(ended, 0);
    link.close();
    second.close();
  });

  it('over TCP is let go of although it takes nothing any more: the network behind it is gone, or it is hostile', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    const held: Socket[] = [];
    const stalled = createTcpServer((socket) => held.push(socket.pause())).listen(0, HOST);
    await once(stalled, 'listening');
    const address = stalled.address();
    assert.ok(typeof address === 'object' && address !== null);
    const link = await openRelayLink({
      server: { kind: 'turn', host: HOST, port: address.port, transport: 'tcp' },
      authorityPem: undefined,
      clock: systemClock,
      signal: new AbortController().signal,
      received: () => {},
      ended: () => {}
    });
    await until(() => sockets() === before + 2, 'both ends');
    for (let n = 0; n < 20_000; n += 1) {
      link.send(Buffer.alloc(1_200));
      if (n % 100 === 0) await pause(0);
    }
    link.close();
    await until(() => sockets() === before + 1, 'the end of this side’s socket');
    for (const socket of held) socket.on('error', () => {}).destroy();
    stalled.close();
  });

  it('has neither the secret, a credential nor an ICE password in its log, its arguments or its environment', async () => {
    const given = login(60_000);
    const [a, b] = [side([server(url('udp'), given)]), side([server(url('tcp'), given)])];
    const offer = await a.peer.createOffer();
    const password = /a=ice-pwd:(\S+)/.exec(offer)?.[1] ?? assert.fail();
    await a.peer.close();
    await connectBy(isRelay, side([server(url('udp'), given)]), b);
    const texts = [coturn.log(), ...(await Promise.all(['cmdline', 'environ'].map((name) => readFile(`/proc/${coturn.pid}/${name}`, 'latin1'))))];
    assert.ok(texts[0]?.includes(given.username), 'control: the log is that of these calls');
    for (const text of texts) for (const word of [RELAY_SECRET, given.credential, password]) assert.ok(!text.includes(word));
  });
});
