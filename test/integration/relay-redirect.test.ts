// Relays that name another one instead of themselves (300 Try Alternate), in front of a real coturn: followed twice, never in a circle, and over TLS
// only to who proves the name.
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:tls';
import { classes, Message, parseMessage } from 'werift';
import { issueBroker, makeAuthority } from '../../src/identity/certificate-authority.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError } from '../../src/kernel/errors.ts';
import { probeServer } from '../../src/media/path/relay/probe.ts';
import { mintLogin } from '../../src/relay/mint.ts';
import { type Coturn, RELAY_SECRET, startCoturn } from '../harness/coturn.ts';
import { freePort } from '../harness/mosquitto-broker.ts';

const HOST = '127.0.0.1';

type Named = { readonly port: number; readonly domain?: string };

function redirection(data: Buffer, { port, domain }: Named): Buffer | null {
  const request = parseMessage(data);
  if (request === undefined) return null;
  const answer = new Message(request.messageMethod, classes.ERROR, request.transactionId)
    .setAttribute('ERROR-CODE', [300, 'Try Alternate'])
    .setAttribute('ALTERNATE-SERVER', [HOST, port]);
  return (domain === undefined ? answer : answer.setAttribute('ALTERNATE-DOMAIN', domain)).bytes;
}

describe('a relay that names another one', function () {
  this.timeout(40_000);
  const ends: (() => void)[] = [];
  let coturn: Coturn;
  let keepAlive: NodeJS.Timeout;
  let [port, tlsPort] = [0, 0];
  let authority: Awaited<ReturnType<typeof makeAuthority>>;
  let certificate: Awaited<ReturnType<typeof issueBroker>>;

  before(async () => {
    keepAlive = setInterval(() => {}, 1_000);
    authority = await makeAuthority('contoso.example', Date.now());
    certificate = await issueBroker(authority, [HOST], Date.now());
    [port, tlsPort] = [await freePort(), await freePort()];
    coturn = await startCoturn({ address: HOST, port, tlsPort, certificate });
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });
  after(async () => {
    clearInterval(keepAlive);
    await coturn?.[Symbol.asyncDispose]();
  });

  /** @returns its port, and how often it was asked */
  async function redirector(named: () => Named): Promise<{ readonly port: number; asked: number }> {
    const socket = createSocket('udp4').bind(0, HOST);
    await once(socket, 'listening');
    ends.push(() => socket.close());
    const made = { port: socket.address().port, asked: 0 };
    socket.on('message', (data, from) => {
      made.asked += 1;
      const answer = redirection(data, named());
      if (answer !== null) socket.send(answer, from.port, from.address);
    });
    return made;
  }

  async function tlsRedirector(named: Named): Promise<number> {
    const server = createTlsServer({ key: certificate.keyPem, cert: certificate.certificatePem }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        const answer = redirection(data, named);
        if (answer !== null) socket.write(answer);
      });
    }).listen(0, HOST);
    await once(server, 'listening');
    ends.push(() => server.close());
    return (server.address() as { readonly port: number }).port;
  }

  const outcome = (urls: string): Promise<string> => {
    const { username, credential } = mintLogin(createSecretKey(RELAY_SECRET, 'utf8'), 'abcdefghijklmnopqrstuvwxyz', Date.now() + 60_000);
    return probeServer({ urls, username, credential, authorityPem: authority.certificatePem }, systemClock).then(
      () => 'serves',
      (error: unknown) => asCloisterError(error).code
    );
  };

  it('is followed, twice and no more', async () => {
    const last = await redirector(() => ({ port }));
    const middle = await redirector(() => last);
    const first = await redirector(() => middle);
    assert.equal(await outcome(`turn:${HOST}:${middle.port}`), 'serves');
    assert.deepEqual([middle.asked, last.asked], [1, 1]);
    assert.equal(await outcome(`turn:${HOST}:${first.port}`), 'CL_RELAY_REFUSED');
    assert.deepEqual([first.asked, middle.asked, last.asked], [1, 2, 2]);
  });

  it('in a circle is asked once', async () => {
    const there = await redirector(() => back);
    const back: Awaited<ReturnType<typeof redirector>> = await redirector(() => there);
    const itself: Awaited<ReturnType<typeof redirector>> = await redirector(() => itself);
    assert.equal(await outcome(`turn:${HOST}:${there.port}`), 'CL_RELAY_REFUSED');
    assert.equal(await outcome(`turn:${HOST}:${itself.port}`), 'CL_RELAY_REFUSED');
    assert.deepEqual([there.asked, back.asked, itself.asked], [1, 1, 1]);
  });

  it('over TLS leads only to who proves the configured name, or the one that was named with it', async () => {
    const over = async (named: Named): Promise<string> => outcome(`turns:${HOST}:${await tlsRedirector(named)}?transport=tcp`);
    const elsewhere = await issueBroker(authority, ['elsewhere.example'], Date.now());
    let heard = 0;
    const stranger = createTlsServer({ key: elsewhere.keyPem, cert: elsewhere.certificatePem }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        heard += 1;
        socket.destroy();
      });
    }).listen(0, HOST);
    await once(stranger, 'listening');
    ends.push(() => stranger.close());
    const { port: strangerPort } = stranger.address() as { readonly port: number };
    assert.equal(await over({ port: tlsPort }), 'serves');
    assert.equal(await over({ port: tlsPort, domain: 'elsewhere.example' }), 'CL_RELAY_CERTIFICATE');
    assert.equal(await over({ port: strangerPort }), 'CL_RELAY_CERTIFICATE');
    assert.equal(heard, 0);
    assert.equal(await over({ port: strangerPort, domain: 'elsewhere.example' }), 'CL_RELAY_UNREACHABLE');
    assert.equal(heard, 1);
  });
});
