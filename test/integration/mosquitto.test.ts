// Mosquitto with exactly the configuration of config/examples: paths and ports are replaced, nothing else.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueEndpoint, makeAuthority } from '../../src/identity/certificate-authority.ts';
import { accountIdOf } from '../../src/identity/names.ts';
import { identityOf } from '../../src/identity/store.ts';
import { brokerRulesFor } from '../../src/signaling/topics.ts';
import { bareClient, describeSignaling, type TestBroker } from '../fakes/signaling-behaviour.ts';
import { everyMessage, makeWorld, openRoom, until, type World } from '../fakes/signaling-world.ts';
import { accepts, freePort } from '../harness/mosquitto-broker.ts';

const EXAMPLES = new URL('../../config/examples/', import.meta.url);

let world: World;
let directory: string;
let child: ChildProcess | null = null;
let output = '';
let port = 0;
let webPort = 0;

async function startMosquitto(): Promise<void> {
  output = '';
  const started = spawn('mosquitto', ['-c', join(directory, 'mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  child = started;
  started.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  for (const listening of [port, webPort]) {
    while (!(await accepts(listening))) {
      assert.equal(started.exitCode, null, output);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function killMosquitto(): Promise<void> {
  const running = child;
  child = null;
  if (running === null || running.exitCode !== null) return;
  const ended = new Promise((resolve) => running.once('exit', resolve));
  running.kill('SIGKILL');
  await ended;
}

before(async function () {
  this.timeout(20_000);
  world = await makeWorld();
  directory = await mkdtemp(join(tmpdir(), 'cloister-mosquitto-'));
  port = await freePort();
  webPort = await freePort();
  const at = (name: string): string => join(directory, name);
  const text = await readFile(new URL('mosquitto.conf', EXAMPLES), 'utf8');
  const configuration = text
    .replaceAll('/etc/mosquitto/certs/', `${directory}/`)
    .replaceAll('/etc/mosquitto/', `${directory}/`)
    .replaceAll('/var/lib/mosquitto/', `${directory}/`)
    .replace('listener 8883', `listener ${port} 127.0.0.1`)
    .replace('listener 8884', `listener ${webPort} 127.0.0.1`);
  // Started by root, Mosquitto would become a user that cannot read this folder.
  await writeFile(at('mosquitto.conf'), `user root\n${configuration}`);
  const rules = [world.alice, world.bob].flatMap((identity) => brokerRulesFor(identity.endpointId, accountIdOf(identity.account)));
  await writeFile(at('cloister.acl'), `${await readFile(new URL('mosquitto.acl', EXAMPLES), 'utf8')}\n${rules.join('\n')}\n`);
  await writeFile(at('organisations.pem'), world.trusted.join(''));
  await writeFile(at('certificate.pem'), world.broker.certificatePem);
  await writeFile(at('key.pem'), world.broker.keyPem);
  await writeFile(at('revocations.pem'), (await world.revoked(await world.room(world.contoso, 'old@contoso.example'))) + world.fabrikam.crlPem);
});

after(async () => {
  await killMosquitto();
  await rm(directory, { recursive: true, force: true });
});

function mosquitto(): TestBroker {
  return { start: startMosquitto, kill: killMosquitto, url: () => `mqtts://127.0.0.1:${port}` };
}

describeSignaling('Mosquitto', mosquitto, () => world);

describe('Mosquitto with the example configuration', function () {
  this.timeout(20_000);
  before(startMosquitto);
  after(killMosquitto);
  const url = (): string => `mqtts://127.0.0.1:${port}`;

  it('carries calls over WebSocket too', async () => {
    const broker = { url: `wss://localhost:${webPort}/`, caPem: world.contoso.certificatePem };
    await using a = openRoom(world.alice, world.trust, broker);
    await using b = openRoom(world.bob, world.trust, { ...broker, url: url() });
    await Promise.all([a.started, b.started]);
    const [invite] = everyMessage;
    assert.ok(invite);
    await a.signaling.send(b.signaling.self, '0190f3c2-7d4e-7a31-8c55-000000000001', invite);
    await until(() => b.received.length === 1, 'the invite arrives');
  });

  it('refuses a CA that makes an endpoint of another organisation', async () => {
    // The CA's own name constraint holds it to its organisation at the broker as well.
    const forged = await issueEndpoint({ ...world.fabrikam, organisation: 'contoso.example' }, 'boardroom@contoso.example', Date.now());
    const identity = { ...world.alice, ...forged };
    await assert.rejects(bareClient(identity, url(), world.contoso.certificatePem));
  });

  it('refuses a revoked certificate and a CA of the same name', async () => {
    const same = await makeAuthority('contoso.example', Date.now());
    const room = await identityOf(await issueEndpoint(same, 'boardroom@contoso.example', Date.now()), same.certificatePem);
    await assert.rejects(bareClient(room, url(), world.contoso.certificatePem));
    const old = await world.room(world.contoso, 'older@contoso.example');
    await (await bareClient(old, url(), world.contoso.certificatePem)).endAsync(true);
    await killMosquitto();
    await writeFile(join(directory, 'revocations.pem'), (await world.revoked(old)) + world.fabrikam.crlPem);
    await startMosquitto();
    await assert.rejects(bareClient(old, url(), world.contoso.certificatePem));
  });
});
