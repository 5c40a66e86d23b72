// What signaling does over any broker: one specification, run against the embedded broker and against Mosquitto.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { accountIdOf } from '../../src/identity/names.ts';
import type { EndpointIdentity } from '../../src/identity/port.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import type { Signaling } from '../../src/signaling/port.ts';
import { topics } from '../../src/signaling/topics.ts';
import { everyMessage, openRoom, until, type World } from './signaling-world.ts';

export type TestBroker = {
  /** Starts the broker, or starts it again on the same port. */
  start(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  url(): string;
};

const newCall = (): string => uuidV7(Date.now(), randomBytes(10));
const to = (signaling: Signaling): { account: string; endpoint: string } => ({ ...signaling.self });

/** A bare MQTT client with an endpoint's certificate: what an attacker in possession of it can do. Rejects when it is not let in. */
export function bareClient(identity: EndpointIdentity, url: string, caPem: string, more: IClientOptions = {}): Promise<MqttClient> {
  const client = connect(url, {
    protocolVersion: 4,
    clientId: identity.endpointId,
    key: identity.keyPem,
    cert: identity.certificatePem,
    ca: caPem,
    reconnectPeriod: 0,
    connectTimeout: 5_000,
    ...more
  });
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.on('error', reject);
    client.once('close', () => reject(new Error('the broker closed the connection')));
  });
}

export function describeSignaling(name: string, create: (world: () => World) => TestBroker, world: () => World): void {
  describe(`signaling over ${name}`, function () {
    this.timeout(60_000);
    const broker = create(world);
    const address = (): { url: string; caPem: string } => ({ url: broker.url(), caPem: world().contoso.certificatePem });
    const open = (identity: EndpointIdentity) => openRoom(identity, world().trust, address());

    before(() => broker.start());
    after(() => broker.kill());

    it('carries every message both ways, in order', async () => {
      await using a = open(world().alice);
      await using b = open(world().bob);
      await Promise.all([a.started, b.started]);
      const call = newCall();
      await Promise.all([
        ...everyMessage.map((message) => a.signaling.send(to(b.signaling), call, message)),
        ...everyMessage.map((message) => b.signaling.send(to(a.signaling), call, message))
      ]);
      await until(() => a.received.length >= everyMessage.length && b.received.length >= everyMessage.length, 'all arrive');
      assert.deepEqual(
        a.received.map((inbound) => inbound.message),
        everyMessage
      );
      assert.deepEqual(
        b.received.map((inbound) => inbound.message),
        everyMessage
      );
      assert.deepEqual(b.received[0]?.from, a.signaling.self);
      assert.equal(b.received[0]?.identity, 'verified');
      assert.equal(b.received[0]?.call, call);
    });

    it('rings an account without knowing its endpoints', async () => {
      await using a = open(world().alice);
      await using b = open(world().bob);
      await Promise.all([a.started, b.started]);
      const [invite] = everyMessage;
      assert.ok(invite);
      await a.signaling.send({ account: b.signaling.self.account }, newCall(), invite);
      await until(() => b.received.length === 1, 'the invite arrives');
    });

    it('refuses what an endpoint may not write or read, and who it is not', async () => {
      const { contoso, eve, alice: own, bob: other } = world();
      await using b = open(other);
      await b.started;
      const client = await bareClient(own, address().url, contoso.certificatePem);
      const seen: string[] = [];
      client.on('message', (topic) => seen.push(topic));
      const accountInbox = topics.accountInbox(accountIdOf(b.signaling.self.account), '+');
      for (const filter of [topics.endpointInbox(other.endpointId, '+'), accountInbox, '#', 'cloister/1/#']) {
        await client.subscribeAsync(filter, { qos: 1 }).catch(() => {});
      }
      // In another's name: the broker may drop it or the connection, but nobody gets it.
      const forged = topics.endpointInbox(other.endpointId, other.endpointId);
      client.publish(forged, 'forged', { qos: 1 }, () => {});
      await using third = open(await world().room(contoso, 'lobby@contoso.example'));
      await third.started;
      await third.signaling.send(to(b.signaling), newCall(), { type: 'call.ringing', body: {} });
      await until(() => b.received.length === 1, 'the rightful message arrives');
      assert.deepEqual(b.refused, []);
      assert.deepEqual(
        seen.filter((topic) => !topic.endsWith('/presence')),
        []
      );
      await client.endAsync(true);
      await assert.rejects(bareClient(own, address().url, contoso.certificatePem, { clientId: other.endpointId }).then(mustBe(other.endpointId)));
      await assert.rejects(bareClient(eve, address().url, contoso.certificatePem));
      await assert.rejects(bareClient({ ...own, keyPem: '', certificatePem: '' }, address().url, contoso.certificatePem));
    });

    it('keeps a message for a receiver that is away, but not beyond its life', async () => {
      const b1 = open(world().bob);
      await b1.started;
      await b1[Symbol.asyncDispose]();
      await using a = open(world().alice);
      await a.started;
      const target = to(b1.signaling);
      await a.signaling.send(target, newCall(), { type: 'call.end', body: { reason: 'busy' } }, 1);
      await a.signaling.send(target, newCall(), { type: 'call.end', body: { reason: 'declined' } }, 60);
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      await using b2 = open(world().bob);
      await until(() => b2.received.length > 0, 'the message that is alive arrives');
      assert.deepEqual(
        b2.received.map((inbound) => inbound.message.body),
        [{ reason: 'declined' }]
      );
      assert.deepEqual(
        b2.refused.map((refusal) => refusal.code),
        ['CL_ENVELOPE_EXPIRED']
      );
    });

    it('tells who is there and who is gone', async () => {
      const { alice: own, contoso } = world();
      await using watcher = open(world().bob);
      await watcher.started;
      const watch = await bareClient(await world().room(contoso, 'watch@contoso.example'), address().url, contoso.certificatePem);
      const said: string[] = [];
      watch.on('message', (_topic, payload) => {
        const text = payload.toString();
        const json = text.startsWith('{') ? text : Buffer.from(text.split('.')[1] ?? '', 'base64url').toString();
        const { state = '', body = {} } = JSON.parse(json);
        said.push(state || body.state);
      });
      await watch.subscribeAsync(topics.presence(own.endpointId), { qos: 1 });
      const last = (): string | undefined => said.at(-1);
      const a = open(own);
      await until(() => last() === 'online', 'online is said');
      // The same identity connects elsewhere and goes without a word: the will is said, then the room says again that it is here.
      await a[Symbol.asyncDispose]();
      await until(() => last() === 'offline', 'offline is said on leaving');
      const lone = await bareClient(own, address().url, contoso.certificatePem, {
        will: { topic: topics.presence(own.endpointId), payload: Buffer.from('{"state":"offline","will":true}'), qos: 1, retain: true }
      });
      await lone.publishAsync(topics.presence(own.endpointId), '{"state":"online"}', { qos: 1, retain: true });
      await until(() => last() === 'online', 'online again');
      lone.stream.destroy();
      await until(() => last() === 'offline', 'the last will is said');
      await using back = open(own);
      await back.started;
      await until(() => last() === 'online', 'online after all');
      const late = await bareClient(await world().room(contoso, 'late@contoso.example'), address().url, contoso.certificatePem);
      const retained = new Promise<boolean>((resolve) => late.once('message', (_topic, _payload, packet) => resolve(packet.retain)));
      await late.subscribeAsync(topics.presence(own.endpointId), { qos: 1 });
      assert.equal(await retained, true);
      await Promise.all([watch.endAsync(true), late.endAsync(true)]);
    });

    it('tells of everybody’s presence while that is watched, by name, and of those alone who are', async () => {
      const { alice: own, bob: other, contoso } = world();
      await using watcher = open(await world().room(contoso, 'watcher@contoso.example'));
      await watcher.started;
      // What an earlier run said may be proven after what the present one says: the later boot counts.
      const latest = (endpoint: string) =>
        watcher.presence
          .filter((news) => news.endpoint === endpoint)
          .reduce<(typeof watcher.presence)[number] | undefined>((known, news) => {
            const older = known?.kind === 'said' && news.kind === 'said' && news.bootId < known.bootId;
            return older ? known : news;
          }, undefined);
      const stateOf = (endpoint: string): string | undefined => {
        const news = latest(endpoint);
        return news?.kind === 'said' ? news.state : news?.kind;
      };
      const b = open(other);
      await b.started;
      watcher.signaling.watchPresence({ everybody: true, endpoints: [] });
      await until(() => stateOf(other.endpointId) === 'online', 'what is retained is told');
      const a = open(own);
      await until(() => stateOf(own.endpointId) === 'online', 'who comes is told');
      const news = latest(own.endpointId);
      assert.ok(news?.kind === 'said');
      assert.deepEqual([news.account, news.name], [own.account, 'Test room']);
      await a[Symbol.asyncDispose]();
      await until(() => stateOf(own.endpointId) === 'offline', 'who leaves is told');
      const lone = await bareClient(own, address().url, contoso.certificatePem, {
        will: {
          topic: topics.presence(own.endpointId),
          payload: Buffer.from(JSON.stringify({ state: 'offline', account: own.account, name: 'x', version: '0', bootId: 'z', counter: 9 })),
          qos: 1,
          retain: true
        }
      });
      lone.stream.destroy();
      await until(() => stateOf(own.endpointId) === 'gone', 'the last will is told, as what it is');
      // From now on one of them alone; what is retained of it comes again.
      watcher.presence.length = 0;
      watcher.signaling.watchPresence({ everybody: false, endpoints: [other.endpointId] });
      await until(() => stateOf(other.endpointId) === 'online', 'one by one');
      await using back = open(own);
      await back.started;
      await b[Symbol.asyncDispose]();
      await until(() => stateOf(other.endpointId) === 'offline', 'its leaving is told');
      assert.equal(latest(own.endpointId), undefined, 'nobody else’s is');
      assert.equal(latest(watcher.signaling.self.endpoint), undefined, 'nor its own');
    });

    it('goes on watching after the broker was away', async () => {
      const { alice: own, contoso } = world();
      await using watcher = open(await world().room(contoso, 'watcher@contoso.example'));
      await using a = open(own);
      await Promise.all([watcher.started, a.started]);
      watcher.signaling.watchPresence({ everybody: true, endpoints: [] });
      const heard = (): boolean => watcher.presence.some((news) => news.kind === 'said' && news.endpoint === own.endpointId && news.state === 'online');
      await until(heard, 'it is told');
      await broker.kill();
      await until(() => watcher.states.at(-1) !== 'connected' && a.states.at(-1) !== 'connected', 'both notice');
      watcher.presence.length = 0;
      await broker.start();
      await until(heard, 'it is told again');
    });

    it('resumes by itself when the broker comes back, and delivers what was sent meanwhile', async () => {
      await using a = open(world().alice);
      await using b = open(world().bob);
      await Promise.all([a.started, b.started]);
      await broker.kill();
      await until(() => a.states.at(-1) !== 'connected' && b.states.at(-1) !== 'connected', 'both notice');
      const call = newCall();
      const sent = everyMessage.map((message) => a.signaling.send(to(b.signaling), call, message));
      await assert.rejects(a.signaling.send(to(b.signaling), call, { type: 'call.ringing', body: {} }, 1), { code: 'CL_BROKER_UNREACHABLE' });
      await broker.start();
      await Promise.all(sent);
      await until(() => b.received.length >= everyMessage.length, 'all arrive');
      assert.deepEqual(
        b.received.map((inbound) => inbound.message),
        everyMessage
      );
      await b.signaling.send(to(a.signaling), call, { type: 'call.ringing', body: {} });
      await until(() => a.received.length === 1, 'the other way too');
    });
  });
}

/** Mosquitto gives a client the id of its certificate whatever it asks for; then it is not the other one after all. */
function mustBe(endpointId: string): (client: MqttClient) => Promise<void> {
  return async (client) => {
    const stolen = new Promise<void>((resolve) => client.once('message', () => resolve()));
    await client.subscribeAsync(topics.endpointInbox(endpointId, '+'), { qos: 1 }).catch(() => {});
    await client.publishAsync(topics.presence(endpointId), 'stolen', { qos: 1, retain: true }).catch(() => {});
    const outcome = await Promise.race([stolen.then(() => 'stolen'), new Promise((resolve) => setTimeout(resolve, 500, 'not stolen'))]);
    await client.endAsync(true);
    if (outcome !== 'stolen') throw new Error('the client id was not given');
  };
}
