// The embedded broker: the shared specification of signaling, and what only it promises.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { IClientOptions, MqttClient } from 'mqtt';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/signaling/embedded-broker.ts';
import { topics } from '../../src/signaling/topics.ts';
import { bareClient, describeSignaling, type TestBroker } from '../fakes/signaling-behaviour.ts';
import { makeWorld, openRoom, until, type World } from '../fakes/signaling-world.ts';

/** A way to a port whose present connections can be made to carry nothing any more, without being closed. */
function createDeadEnd(port: number) {
  const open: [Socket, Socket][] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('data', (data) => void (open.some(([one]) => one === near) && to.write(data)));
      from.on('close', () => to.destroy());
    }
    open.push([near, far]);
  });
  server.listen(0, '127.0.0.1');
  return { server, die: () => void open.splice(0) };
}

let world: World;
before(async () => {
  world = await makeWorld();
});

function brokerOf(world: World, port = 0): EmbeddedBroker {
  const tls = { ...world.broker, clientCaPems: world.trusted };
  return createEmbeddedBroker({ host: '127.0.0.1', port, tls, trust: world.trust, clock: systemClock, log: silentLog });
}

function embedded(world: () => World): TestBroker {
  let broker: EmbeddedBroker | null = null;
  let port = 0;
  return {
    async start() {
      broker = brokerOf(world(), port);
      await broker.start(new AbortController().signal);
      port = broker.port;
    },
    async kill() {
      await broker?.[Symbol.asyncDispose]();
    },
    url: () => `mqtts://127.0.0.1:${port}`
  };
}

describeSignaling('the embedded broker', embedded, () => world);

describe('the embedded broker', function () {
  this.timeout(20_000);
  let broker: EmbeddedBroker;
  beforeEach(async () => {
    broker = brokerOf(world);
    await broker.start(new AbortController().signal);
  });
  afterEach(() => broker[Symbol.asyncDispose]());

  const client = (more: IClientOptions = {}): Promise<MqttClient> =>
    bareClient(world.alice, `mqtts://127.0.0.1:${broker.port}`, world.contoso.certificatePem, more);

  it('is reached anew, and what was said meanwhile is delivered once, when the way to it has gone dead without a word', async () => {
    // A network translation that has forgotten the connection, or an address that is gone.
    const way = createDeadEnd(broker.port);
    await once(way.server, 'listening');
    const at = way.server.address();
    assert.ok(typeof at === 'object' && at !== null);
    const caPem = world.contoso.certificatePem;
    await using alice = openRoom(world.alice, world.trust, { url: `mqtts://127.0.0.1:${at.port}`, caPem });
    await using bob = openRoom(world.bob, world.trust, { url: `mqtts://127.0.0.1:${broker.port}`, caPem });
    await Promise.all([alice.started, bob.started]);
    try {
      way.die();
      const startMs = performance.now();
      const message = { type: 'call.update', body: { sdp: 'v=0' } } as const;
      const sent = alice.signaling.send(bob.signaling.self, uuidV7(Date.now(), randomBytes(10)), message);
      await until(() => bob.received.length > 0, 'the message on a new connection');
      await sent;
      console.log(`      delivered after ${(performance.now() - startMs).toFixed(0)} ms`);
      assert.deepEqual(alice.states.filter((state) => state === 'connected').length, 2);
      assert.equal(bob.received.length, 1);
    } finally {
      way.server.close();
    }
  });

  it('says that its port is taken', async () => {
    await assert.rejects(brokerOf(world, broker.port).start(new AbortController().signal), { code: 'CL_PORT_IN_USE' });
  });

  it('refuses MQTT 5 and 3.1, another client id and a will for another topic, and accepts the rightful client', async () => {
    await assert.rejects(client({ protocolVersion: 5 }));
    await assert.rejects(client({ protocolVersion: 3, protocolId: 'MQIsdp' }));
    await assert.rejects(client({ clientId: world.bob.endpointId }));
    await assert.rejects(client({ will: { topic: topics.presence(world.bob.endpointId), payload: Buffer.from('x'), qos: 1, retain: true } }));
    await (await client()).endAsync(true);
  });

  it('denies a subscription to what is another’s, and grants the others', async () => {
    const one = await client();
    await assert.rejects(one.subscribeAsync(topics.endpointInbox(world.bob.endpointId, '+'), { qos: 1 }));
    await one.subscribeAsync(topics.endpointInbox(world.alice.endpointId, '+'), { qos: 1 });
    await one.endAsync(true);
  });

  it('ends a connection that announces a packet larger than it accepts', async () => {
    const socket = tlsConnect({
      host: '127.0.0.1',
      port: broker.port,
      key: world.alice.keyPem,
      cert: world.alice.certificatePem,
      ca: world.contoso.certificatePem
    });
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    socket.on('error', () => {});
    socket.resume();
    socket.write(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01]));
    await until(() => closed, 'the connection ends', 3_000);
  });

  it('does not retain what is not to be retained', async () => {
    const one = await client();
    await one.publishAsync(topics.endpointInbox(world.alice.endpointId, world.alice.endpointId), 'x', { qos: 1, retain: true });
    const got: boolean[] = [];
    one.on('message', (_topic, _payload, packet) => got.push(packet.retain));
    await one.subscribeAsync(topics.endpointInbox(world.alice.endpointId, '+'), { qos: 1 });
    await one.publishAsync(topics.endpointInbox(world.alice.endpointId, world.alice.endpointId), 'y', { qos: 1 });
    await until(() => got.length > 0, 'a message arrives');
    assert.ok(!got.includes(true));
    await one.endAsync(true);
  });

  it('keeps a bounded amount for an endpoint that is away, and serves it when it is back', async () => {
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const connectBob = () => bareClient(world.bob, url, world.contoso.certificatePem, { clean: false });
    const away = await connectBob();
    await away.subscribeAsync(topics.endpointInbox(world.bob.endpointId, '+'), { qos: 1 });
    await away.endAsync(true);
    const one = await client();
    const inbox = topics.endpointInbox(world.bob.endpointId, world.alice.endpointId);
    for (let n = 0; n < 200; n++) await one.publishAsync(inbox, String(n), { qos: 1 });
    // What was kept may come with the connection itself, before anybody listens; so only what is new afterwards is waited for.
    const bob = await connectBob();
    const got: string[] = [];
    bob.on('message', (_topic, payload) => got.push(payload.toString()));
    try {
      for (let n = 0; n < 100 && !got.includes('last'); n++) {
        await one.publishAsync(inbox, 'last', { qos: 1 });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(got.includes('last'), 'there is room again');
      assert.ok(!got.includes('199'), 'what did not fit was not kept');
    } finally {
      await Promise.all([one.endAsync(true), bob.endAsync(true)]);
    }
  });

  it('lets a second connection of the same endpoint take over', async () => {
    const one = await client();
    const gone = new Promise<void>((resolve) => one.once('close', () => resolve()));
    const two = await client();
    await gone;
    await two.publishAsync(topics.presence(world.alice.endpointId), 'x', { qos: 1 });
    await two.endAsync(true);
  });

  it('survives bytes that are no MQTT', async () => {
    for (const bytes of [[0xff, 0xff, 0xff, 0xff, 0xff], [0x10, 0x00], [0x82, 0x05, 0, 0, 0, 0, 0], [0x00]]) {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port: broker.port,
        key: world.alice.keyPem,
        cert: world.alice.certificatePem,
        ca: world.contoso.certificatePem
      });
      socket.on('error', () => {});
      socket.resume();
      socket.end(Buffer.from(bytes));
      await new Promise((resolve) => socket.once('close', resolve));
    }
    await (await client()).endAsync(true);
  });
});
