// The relay service as it is composed, on a broker that is against it: what passes the broker, what a replayed or forged message does, and what the
// command refuses to start with.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureIdentities, type IdentityFolders } from '../../agent/commands/identity.ts';
import { composeRelayService } from '../../agent/compose.ts';
import { startInOrder } from '../../agent/lifecycle.ts';
import { resolveConfig } from '../../src/config/layers.ts';
import { makeSealingPair, openSealed } from '../../src/identity/sealing.ts';
import { readIdentity } from '../../src/identity/store.ts';
import { loadTrustStore } from '../../src/identity/trust-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type Log, silentLog } from '../../src/kernel/log.ts';
import { type CredentialsClient, createCredentialsClient } from '../../src/relay/credentials-client.ts';
import { openRoom, type Room, until } from '../fakes/signaling-world.ts';
import { bodyOf, createHostileBroker, type HostileBroker } from '../harness/hostile-broker.ts';
import { startTwoRooms, type TestBroker } from '../harness/two-rooms.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const SECRET = 'the-sun-came-out-and-the-traveller';
const RELAY = 'turn:192.0.2.10:3478?transport=udp';
const SERVICE = 'relay@contoso.example';

async function cloister(...args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const [status] = (await once(child, 'close')) as [number];
  return { status, ...said };
}

describe('the relay service', function () {
  this.timeout(60_000);
  let folder: string;
  let folders: IdentityFolders;
  let broker: HostileBroker;
  let running: TestBroker;
  let stopService: () => Promise<void>;
  let room: Room & { readonly started: Promise<void> };
  let client: CredentialsClient;
  const logged: string[] = [];
  const at = (...names: string[]): string => join(folder, ...names);
  const note = (message: string, fields = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, debug: note, info: note, warn: note, error: note, child: () => log };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-relay-'));
    folders = {
      authority: at('ca'),
      broker: at('broker'),
      rooms: [
        { account: 'boardroom@contoso.example', directory: at('room') },
        { account: SERVICE, directory: at('service') }
      ]
    };
    await ensureIdentities(folders);
    await mkdir(at('data'));
    await writeFile(at('secret'), `${SECRET}\n`, { mode: 0o600 });
    broker = createHostileBroker();
    running = await broker.make(folders, 0);
    const config = resolveConfig([{ identity: { directory: at('service') }, broker: { mode: 'external', url: running.url }, dataDirectory: at('data') }]);
    assert.ok(config.ok);
    const options = { secretFile: at('secret'), urls: [RELAY], lifetimeMs: 600_000, organisations: [] };
    const { parts } = await composeRelayService(config.value, running.url, options, { clock: systemClock, log });
    stopService = await startInOrder(parts, new AbortController().signal, systemClock, silentLog);
    const identity = await readIdentity(at('room'));
    const trust = await loadTrustStore({ authorities: [at('ca', 'ca.pem')], revocationLists: [] });
    room = openRoom(identity, trust, { url: running.url, caPem: identity.caPem });
    const makeKey = () => {
      const { publicKey, privateKey } = makeSealingPair();
      return { publicKey, open: (sealed: string) => openSealed(privateKey, sealed) };
    };
    client = createCredentialsClient({ signaling: room.signaling, service: SERVICE, makeKey, clock: systemClock, log });
    await room.started;
  });

  after(async () => {
    await client?.[Symbol.asyncDispose]();
    await room?.[Symbol.asyncDispose]();
    await stopService?.();
    await running?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('gives a room what its broker cannot read, and nobody’s log has', async () => {
    await until(() => client.current() !== null, 'credentials');
    const given = client.current();
    assert.ok(given !== null && given.urls[0] === RELAY && given.username.endsWith(`:${room.signaling.self.endpoint}`));
    const carried = broker.seen.filter(({ type }) => type.startsWith('relay.'));
    assert.deepEqual(
      carried.map(({ type, from }) => `${type} ${from}`),
      ['relay.request boardroom@contoso.example', `relay.credentials ${SERVICE}`]
    );
    const bytes = carried.map((message) => `${message.payload.toString('latin1')} ${JSON.stringify(bodyOf(message))}`).join('\n');
    for (const secret of [given.credential, given.username, SECRET]) assert.ok(!bytes.includes(secret) && logged.every((line) => !line.includes(secret)));
  });

  it('answers a message that it has answered once no second time, and none that is not whole', async () => {
    const [request] = broker.seen.filter(({ type }) => type === 'relay.request');
    assert.ok(request !== undefined);
    const answers = (): number => broker.seen.filter(({ from }) => from === SERVICE).filter(({ type }) => type.startsWith('relay.')).length;
    const before = answers();
    broker.deliver(request.topic, request.payload);
    const bent = Buffer.from(request.payload);
    // Another character of base64url, within the signature.
    bent.write(bent.toString('latin1', bent.length - 5, bent.length - 4) === 'A' ? 'B' : 'A', bent.length - 5, 'latin1');
    broker.deliver(request.topic, bent);
    await until(() => logged.some((line) => line.includes('CL_ENVELOPE_SIGNATURE')), 'the refusal of the second');
    // One message is dealt with at a time: the first was looked at before.
    assert.ok(logged.some((line) => line.includes('CL_ENVELOPE_REPLAYED') || line.includes('delivered twice')));
    assert.equal(answers(), before);
  });

  it('does not start on what it cannot serve with, and says what that is', async () => {
    const config = at('room.json');
    await writeFile(
      config,
      JSON.stringify({ identity: { directory: at('service') }, broker: { mode: 'external', url: running.url }, dataDirectory: at('data') })
    );
    await writeFile(at('open-secret'), SECRET, { mode: 0o644 });
    const good = ['relay-credentials', '--config', config, '--secret-file', at('secret'), '--url', RELAY];
    const cases: readonly (readonly [number, RegExp, readonly string[]])[] = [
      [0, /^$/, ['relay-credentials', '--help']],
      [2, /--secret-file is missing/, ['relay-credentials', '--config', config]],
      [2, /is not the address of a relay/, [...good, '--url', 'stun:192.0.2.10']],
      [2, /--lifetime takes/, [...good, '--lifetime', '5']],
      [2, /"Fabrikam.example" is not the name of an organisation/, [...good, '--organisation', 'Fabrikam.example']],
      [1, /CL_RELAY_SECRET/, ['relay-credentials', '--config', config, '--secret-file', at('open-secret'), '--url', RELAY]],
      [1, /CL_CONFIG_INVALID/, [...good, '--set', 'broker.mode=embedded', '--json']],
      [1, /CL_CONFIG_INVALID/, [...good, '--set', 'identity.acceptUnsigned=true', '--json']]
    ];
    const outcomes = await Promise.all(cases.map(([, , args]) => cloister(...args)));
    for (const [index, { status, stdout, stderr }] of outcomes.entries()) {
      const [wanted, text, args] = cases[index] ?? assert.fail();
      assert.equal(status, wanted, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, text);
      assert.ok(!`${stdout}${stderr}`.includes(SECRET));
      if (args.includes('--json')) assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'CL_CONFIG_INVALID');
    }
  });
});

describe('rooms whose relay service is away', function () {
  this.timeout(120_000);

  it('have a call without a relay, and say that they have none', async () => {
    await using pair = await startTwoRooms({ config: () => ({ media: { relay: { service: SERVICE } } }) });
    await pair.placeCall();
    const states = await pair.waitFor('both say it', (now) => now.every(({ health }) => health.problems.some(({ code }) => code === 'CL_RELAY_CREDENTIALS')));
    assert.deepEqual(
      states.map(({ call, health }) => [call?.phase, call?.encryption.state, health.status]),
      Array(2).fill(['connected', 'end-to-end-verified', 'degraded'])
    );
  });
});
