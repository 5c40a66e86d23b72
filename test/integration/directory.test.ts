// The directory of a room over real brokers: an honest one, and one that lies. What is kept is on a real disk.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import { createKeptFile, removeRemains } from '../../src/config/kept-file.ts';
import { signEnvelope } from '../../src/identity/envelope.ts';
import type { EndpointIdentity } from '../../src/identity/port.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { keptPeople } from '../../src/people/kept-people.ts';
import { createPeople, type People } from '../../src/people/people.ts';
import { EMPTY_BOOK } from '../../src/people/people-book.ts';
import { createEmbeddedBroker } from '../../src/signaling/embedded-broker.ts';
import type { Signaling } from '../../src/signaling/port.ts';
import { topics } from '../../src/signaling/topics.ts';
import { makeWorld, openRoom, until, type World } from '../fakes/signaling-world.ts';

const ID = '0190f3c2-7d4e-7a31-8c55-000000000001';

/** A broker that lets everybody write everything, and says what a test wants. */
async function lyingBroker(world: World) {
  const broker = new Aedes();
  await broker.listen();
  const server = createServer({ key: world.broker.keyPem, cert: world.broker.certificatePem, requestCert: true, rejectUnauthorized: false }, (socket) => {
    socket.on('error', () => {});
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const unsubscribed: string[] = [];
  broker.on('unsubscribe', (filters) => unsubscribed.push(...filters));
  return {
    unsubscribed,
    url: `mqtts://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    say: (endpoint: string, payload: string | Buffer) =>
      new Promise<void>((resolve, reject) =>
        broker.publish({ cmd: 'publish', topic: topics.presence(endpoint), payload: Buffer.from(payload), qos: 1, retain: true, dup: false }, (error) =>
          error ? reject(error) : resolve()
        )
      ),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    }
  };
}

describe('the directory over a broker', function () {
  this.timeout(60_000);
  let world: World;
  let directory: string;
  before(async () => {
    world = await makeWorld();
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cloister-people-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const path = (): string => join(directory, 'people.json');
  async function openPeople(signaling: Signaling): Promise<People & { readonly damaged: () => boolean }> {
    let damaged = false;
    const onDamaged = (): void => {
      damaged = true;
    };
    const people = createPeople({
      self: signaling.self.account,
      file: createKeptFile({ path: path(), schema: keptPeople, empty: EMPTY_BOOK, log: silentLog, onDamaged }),
      removeRemains: () => removeRemains(path()),
      signaling,
      clock: systemClock,
      log: silentLog
    });
    await people.start(new AbortController().signal);
    return { ...people, damaged: () => damaged };
  }
  const said = async (identity: EndpointIdentity, name: string, change: object = {}): Promise<Buffer> => {
    const iat = Math.floor(Date.now() / 1000);
    const body = { state: 'online', account: identity.account, name, version: '0', bootId: ID, counter: 1, ...change };
    const from = { account: identity.account, endpoint: identity.endpointId };
    return signEnvelope(identity, { v: 1, id: ID, type: 'presence', from, to: { account: identity.account }, iat, exp: iat + 120, body });
  };

  it('finds rooms of both organisations by name, and follows favourites over restarts of room and broker', async () => {
    const create = (port: number) =>
      createEmbeddedBroker({
        host: '127.0.0.1',
        port,
        tls: { ...world.broker, clientCaPems: world.trusted },
        trust: world.trust,
        clock: systemClock,
        log: silentLog
      });
    const { signal } = new AbortController();
    let broker = create(0);
    await broker.start(signal);
    const { port } = broker;
    const address = { url: `mqtts://127.0.0.1:${port}`, caPem: world.contoso.certificatePem };
    const bob = openRoom(world.bob, world.trust, address, { name: 'Studio “5”' });
    await bob.started;
    const own = await world.room(world.contoso, 'lobby@contoso.example');
    const room = openRoom(own, world.trust, address);
    const people = await openPeople(room.signaling);
    await room.started;
    // A search does not wait for a slow broker: it finds what has come by then.
    await people.search('studio');
    await until(() => room.presence.some((news) => news.endpoint === world.bob.endpointId), 'it is heard of');
    assert.deepEqual(await people.search('studio'), [{ account: world.bob.account, displayName: 'Studio “5”', presence: 'online' }]);
    assert.deepEqual(await people.search('lobby'), [], 'it does not find itself');
    await people.addFavourite(world.bob.account, null);
    await people[Symbol.asyncDispose]();
    await room[Symbol.asyncDispose]();
    assert.equal((await stat(path())).mode & 0o777, 0o600);

    // The same room, started again: nobody searches, and the favourite is followed all the same.
    await using again = openRoom(own, world.trust, address);
    await using later = await openPeople(again.signaling);
    const shown = (): string | undefined => later.view().favourites[0]?.presence;
    await until(() => shown() === 'online', 'the favourite is there');
    assert.equal(later.view().favourites[0]?.displayName, 'Studio “5”');
    await broker[Symbol.asyncDispose]();
    await until(() => shown() === 'unknown', 'without a broker nobody knows');
    broker = create(port);
    await broker.start(signal);
    await until(() => shown() === 'online', 'the broker is back');
    await bob[Symbol.asyncDispose]();
    await until(() => shown() === 'offline', 'it has left');
    await broker[Symbol.asyncDispose]();
  });

  it('believes no broker about who somebody is, and takes its word for no more than that somebody is gone', async () => {
    await using broker = await lyingBroker(world);
    const address = { url: broker.url, caPem: world.contoso.certificatePem };
    const { alice, bob, eve } = world;
    await using room = openRoom(await world.room(world.contoso, 'lobby@contoso.example'), world.trust, address);
    await using people = await openPeople(room.signaling);
    await room.started;
    await people.search('');
    const forged = 'f'.repeat(26);
    const genuine = (await said(alice, 'Board room')).toString();
    const [head = '', body = '', signature = ''] = genuine.split('.');
    const renamed = Buffer.from(Buffer.from(body, 'base64url').toString().replace('Board room', 'Evil room')).toString('base64url');
    const unsigned = { state: 'online', account: 'ceo@contoso.example', name: 'The CEO', version: '0', bootId: ID, counter: 1 };
    await broker.say(forged, JSON.stringify(unsigned));
    await broker.say(forged, JSON.stringify({ ...unsigned, state: 'offline' }));
    await broker.say(forged, genuine);
    await broker.say(eve.endpointId, await said(eve, 'Eve'));
    await broker.say(eve.endpointId, await said({ ...eve, account: 'ceo@contoso.example' }, 'The CEO'));
    await broker.say(alice.endpointId, [head, renamed, signature].join('.'));
    await broker.say(alice.endpointId, await said(alice, 'Board room', { account: 'ceo@contoso.example' }));
    await broker.say(bob.endpointId, await said(bob, 'Studio'));
    const bobs = async (): Promise<string | undefined> => (await people.search('studio'))[0]?.presence;
    await until(() => room.presence.some((news) => news.endpoint === bob.endpointId), 'the genuine one arrives after all of them');
    assert.deepEqual(await people.search(''), [{ account: bob.account, displayName: 'Studio', presence: 'online' }]);
    assert.ok(
      room.refused.some(({ code }) => code === 'CL_ENVELOPE_SIGNATURE' || code === 'CL_ENVELOPE_SENDER_MISMATCH'),
      'the forgery is told'
    );
    assert.ok(!room.refused.some(({ code }) => code === 'CL_ENVELOPE_UNTRUSTED'), 'a stranger’s own document is no attack');

    await broker.say(alice.endpointId, genuine);
    await until(() => room.presence.some((news) => news.kind === 'said' && news.endpoint === alice.endpointId), 'the genuine one is believed');
    assert.deepEqual(
      (await people.search('board')).map(({ displayName }) => displayName),
      ['Board room']
    );
    // It may say that somebody is gone, under whatever name: nothing but that is taken.
    room.presence.length = 0;
    await broker.say(bob.endpointId, JSON.stringify({ ...unsigned, state: 'offline', counter: 99 }));
    await until(() => room.presence.length > 0, 'the last will arrives');
    assert.equal(await bobs(), 'offline');
    assert.deepEqual(await people.search('ceo'), []);
    // An old document does not bring it back under an old name.
    const old = await said(bob, 'Old name', { counter: 0 });
    room.presence.length = 0;
    await broker.say(bob.endpointId, old);
    await until(() => room.presence.length > 0, 'the replay arrives');
    assert.deepEqual(await people.search('old name'), []);
    assert.equal(await bobs(), 'offline');
  });

  it('ends at the broker what an agent that died was still watching', async () => {
    await using broker = await lyingBroker(world);
    const address = { url: broker.url, caPem: world.contoso.certificatePem };
    const died = openRoom(world.alice, world.trust, address);
    await died.started;
    died.signaling.watchPresence({ everybody: true, endpoints: [] });
    await broker.say(world.bob.endpointId, await said(world.bob, 'Studio'));
    await until(() => died.presence.length > 0, 'it watches');
    await died[Symbol.asyncDispose]();
    await using again = openRoom(world.alice, world.trust, address);
    await again.started;
    await broker.say(world.bob.endpointId, await said(world.bob, 'Studio 2'));
    await until(() => broker.unsubscribed.includes(topics.presence('+')), 'the subscription is ended');
    assert.deepEqual(again.presence, []);
  });

  it('starts with a damaged file, sets it aside and tells it; wiping removes that, too', async () => {
    await using broker = await lyingBroker(world);
    await using room = openRoom(world.alice, world.trust, { url: broker.url, caPem: world.contoso.certificatePem });
    await writeFile(path(), '{"favourites": [], "recents": [{"account": "secret@contoso.example"');
    await writeFile(join(directory, '.people.json.0190f3c2-7d4e-4a31-8c55-000000000001'), 'half of secret@contoso.example');
    await using people = await openPeople(room.signaling);
    assert.ok(people.damaged());
    await people.block('eve@contoso.example');
    assert.deepEqual((await readdir(directory)).sort(), ['.people.json.0190f3c2-7d4e-4a31-8c55-000000000001', 'people.json', 'people.json.damaged']);
    await people.wipe();
    assert.deepEqual(await readdir(directory), ['people.json']);
    assert.ok(!(await readFile(path(), 'utf8')).includes('secret'));
    assert.deepEqual(people.blocked(), ['eve@contoso.example']);
  });
});
