// What a room does with messages and brokers that are not honest. The messages come over the embedded broker, from a client that holds a
// rightful certificate and writes whatever it likes into the room's inbox.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import fc from 'fast-check';
import type { MqttClient } from 'mqtt';
import { issueBroker, nextRevocationList } from '../../src/identity/certificate-authority.ts';
import { signEnvelope } from '../../src/identity/envelope.ts';
import { accountIdOf } from '../../src/identity/names.ts';
import { trustStoreOf } from '../../src/identity/trust-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../src/signaling/embedded-broker.ts';
import type { CallMessage, Envelope } from '../../src/signaling/messages.ts';
import { topics } from '../../src/signaling/topics.ts';
import { bareClient } from '../fakes/signaling-behaviour.ts';
import { makeWorld, openRoom, type Room, until, type World } from '../fakes/signaling-world.ts';

let world: World;
let broker: EmbeddedBroker;
let sender: MqttClient;
let room: Room & { started: Promise<void> };

const newId = (): string => uuidV7(Date.now(), randomBytes(10));
const address = (): { url: string; caPem: string } => ({ url: `mqtts://127.0.0.1:${broker.port}`, caPem: world.contoso.certificatePem });

async function startBroker(certificate = world.broker, trust = world.trust): Promise<EmbeddedBroker> {
  const started = createEmbeddedBroker({
    host: '127.0.0.1',
    port: 0,
    tls: { ...certificate, clientCaPems: world.trusted },
    trust,
    clock: systemClock,
    log: silentLog
  });
  await started.start(new AbortController().signal);
  return started;
}

function envelope(change: Partial<Envelope> = {}): Envelope {
  const iat = Math.floor(Date.now() / 1000);
  const { alice, bob } = world;
  return {
    v: 1,
    id: newId(),
    type: 'call.ringing',
    call: newId(),
    from: { account: alice.account, endpoint: alice.endpointId },
    to: { account: bob.account, endpoint: bob.endpointId },
    iat,
    exp: iat + 60,
    body: {},
    ...change
  };
}

const write = (bytes: Uint8Array): Promise<unknown> =>
  sender.publishAsync(topics.endpointInbox(world.bob.endpointId, world.alice.endpointId), Buffer.from(bytes), { qos: 1 });
const seal = (change: Partial<Envelope> = {}): Promise<Buffer> => signEnvelope(world.alice, envelope(change));

describe('signaling and what it refuses', function () {
  this.timeout(20_000);
  before(async () => {
    world = await makeWorld();
  });
  beforeEach(async () => {
    broker = await startBroker();
    sender = await bareClient(world.alice, address().url, world.contoso.certificatePem);
    room = openRoom(world.bob, world.trust, address());
    await room.started;
  });
  afterEach(async () => {
    await room[Symbol.asyncDispose]();
    await sender.endAsync(true);
    await broker[Symbol.asyncDispose]();
  });

  /** A rightful message behind the others: once it is there, they were dealt with. */
  async function settled(): Promise<void> {
    const call = newId();
    await write(await seal({ call }));
    await until(() => room.received.some((inbound) => inbound.call === call), 'the rightful message arrives');
  }

  it('names each refusal, and takes the next rightful message', async () => {
    const valid = await seal();
    await write(valid);
    await write(valid);
    await write(Buffer.from('x'));
    await write(Buffer.alloc(70_000, 0x61));
    await write(await seal({ type: 'call.verdict', body: { codesMatch: 'yes' } }));
    await write(await signEnvelope(world.bob, envelope()));
    const { call: _, ...withoutCall } = envelope();
    await write(await signEnvelope(world.alice, withoutCall));
    await settled();
    assert.deepEqual(
      room.refused.map((refusal) => refusal.code),
      ['CL_ENVELOPE_REPLAYED', 'CL_ENVELOPE_MALFORMED', 'CL_ENVELOPE_TOO_LARGE', 'CL_ENVELOPE_BODY', 'CL_ENVELOPE_SENDER_MISMATCH', 'CL_ENVELOPE_BODY']
    );
    assert.equal(room.refused[0]?.from, world.alice.account);
    assert.equal(room.received.length, 2);
  });

  it('does not let a flood through to those who listen, nor hide another refusal behind it', async () => {
    for (let index = 0; index < 100; index += 1) void write(randomBytes(20));
    await write(await signEnvelope(world.bob, envelope()));
    await settled();
    const codes = room.refused.map((refusal) => refusal.code);
    assert.equal(codes.filter((code) => code === 'CL_ENVELOPE_MALFORMED').length, 10);
    assert.ok(codes.includes('CL_ENVELOPE_SENDER_MISMATCH'));
  });

  it('answers an unknown type once for each call', async () => {
    const answers: string[] = [];
    sender.on('message', (_topic, payload) => answers.push(Buffer.from(payload.toString().split('.')[1] ?? '', 'base64url').toString()));
    await sender.subscribeAsync(topics.endpointInbox(world.alice.endpointId, '+'), { qos: 1 });
    const call = newId();
    for (const type of ['call.future', 'call.other', '__proto__']) await write(await seal({ type, call }));
    await write(await seal({ type: 'call.future', call: newId() }));
    await settled();
    await until(() => answers.length >= 2, 'two answers');
    assert.equal(answers.length, 2);
    const answer: Envelope = JSON.parse(answers[0] ?? '');
    assert.deepEqual([answer.type, answer.call, answer.body], ['call.end', call, { reason: 'unsupported' }]);
    assert.deepEqual(room.refused, []);
  });

  it('takes only an invite and its end by the account’s inbox', async () => {
    const inbox = topics.accountInbox(accountIdOf(world.bob.account), world.alice.endpointId);
    const to = { account: world.bob.account };
    await sender.publishAsync(inbox, await seal({ to, type: 'call.verdict', body: { codesMatch: true } }), { qos: 1 });
    await sender.publishAsync(inbox, await seal({ to, type: 'call.end', body: { reason: 'timeout' } }), { qos: 1 });
    await settled();
    assert.deepEqual(
      room.received.map((inbound) => inbound.message.type),
      ['call.end', 'call.ringing']
    );
    assert.deepEqual(
      room.refused.map((refusal) => refusal.code),
      ['CL_ENVELOPE_BODY']
    );
  });

  it('is not brought down by any bytes', async () => {
    const valid = await seal();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value) ?? '')),
      fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
        const copy = Buffer.from(valid);
        copy[at % copy.length] = byte;
        return copy;
      })
    );
    for (const sample of fc.sample(bytes, 300)) void write(sample);
    await settled();
  });

  it('says that an envelope could not be sent for what is wrong with it', async () => {
    const ringing: CallMessage = { type: 'call.ringing', body: {} };
    const { bob } = world;
    const target = { account: bob.account, endpoint: bob.endpointId };
    const wrong: readonly Promise<void>[] = [
      room.signaling.send({ account: bob.account }, newId(), ringing),
      room.signaling.send(target, 'x', ringing),
      room.signaling.send(target, newId(), ringing, 121),
      room.signaling.send(target, newId(), ringing, 0.5),
      room.signaling.send({ ...target, endpoint: '+' }, newId(), ringing),
      room.signaling.send({ ...target, account: 'STUDIO@fabrikam.example' }, newId(), ringing),
      room.signaling.send(target, newId(), { type: 'call.update', body: { sdp: 'x'.repeat(40_000) } })
    ];
    for (const sent of wrong) await assert.rejects(sent, { code: 'CL_REQUEST_INVALID' });
    await assert.rejects(room.signaling.send({ account: 'x' }, newId(), ringing), { code: 'CL_ADDRESS_INVALID' });
  });

  it('with signatures skipped passes what a broker rewrote, as unverified', async () => {
    await room[Symbol.asyncDispose]();
    room = openRoom(world.bob, world.trust, address(), { acceptUnsigned: true });
    await room.started;
    const [head, , signature] = (await seal()).toString().split('.');
    const rewritten = Buffer.from(JSON.stringify(envelope({ type: 'call.update', body: { sdp: 'rewritten' } }))).toString('base64url');
    await write(Buffer.from(`${head}.${rewritten}.${signature}`));
    await until(() => room.received.length === 1, 'it arrives');
    assert.equal(room.received[0]?.identity, 'unverified');
    assert.deepEqual(room.received[0]?.message.body, { sdp: 'rewritten' });
  });

  it('does not connect to a broker that its CA did not name so', async () => {
    const certificates = [
      await issueBroker(world.contoso, ['broker.contoso.example'], Date.now()),
      await issueBroker(world.stranger, ['127.0.0.1'], Date.now()),
      { keyPem: world.alice.keyPem, certificatePem: world.alice.certificatePem }
    ];
    for (const certificate of certificates) {
      await using impostor = await startBroker(certificate);
      await using other = openRoom(world.alice, world.trust, { ...address(), url: `mqtts://127.0.0.1:${impostor.port}` });
      await until(() => other.states.includes('offline'), 'it gives up for now');
      assert.ok(!other.states.includes('connected'));
    }
    assert.throws(() => openRoom(world.alice, world.trust, { ...address(), url: 'mqtt://127.0.0.1:1' }), { code: 'CL_CONFIG_INVALID' });
  });

  it('turns a revoked endpoint away, at the broker and at the room', async () => {
    const old = await world.room(world.contoso, 'old@contoso.example');
    const list = await nextRevocationList(world.contoso, world.contoso.crlPem, Date.now(), old.certificatePem);
    const trust = await trustStoreOf(world.trusted, [list]);
    await using strict = await startBroker(world.broker, trust);
    await assert.rejects(bareClient(old, `mqtts://127.0.0.1:${strict.port}`, world.contoso.certificatePem));
    await room[Symbol.asyncDispose]();
    room = openRoom(world.bob, trust, address());
    await room.started;
    const client = await bareClient(old, address().url, world.contoso.certificatePem);
    const from = { account: old.account, endpoint: old.endpointId };
    await client.publishAsync(topics.endpointInbox(world.bob.endpointId, old.endpointId), await signEnvelope(old, envelope({ from })), { qos: 1 });
    await until(() => room.refused.length === 1, 'it is refused');
    assert.deepEqual(
      room.refused.map((refusal) => refusal.code),
      ['CL_ENVELOPE_CERTIFICATE_REVOKED']
    );
    await client.endAsync(true);
  });

  it('asserts its presence again when the broker holds another', async () => {
    // A broker without rules, that says whatever it likes in anybody's name: here an old session's last will, late.
    const hostile = await Aedes.createBroker();
    const { keyPem: key, certificatePem: cert } = world.broker;
    const server = createServer({ key, cert, ca: world.trusted, requestCert: true }, (socket) => hostile.handle(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const listening = server.address();
    const port = typeof listening === 'object' ? listening?.port : 0;
    const topic = topics.presence(world.alice.endpointId);
    const said: string[] = [];
    hostile.on('publish', (packet) => packet.topic === topic && said.push(packet.payload.toString()));
    const other = openRoom(world.alice, world.trust, { ...address(), url: `mqtts://127.0.0.1:${port}` });
    await until(() => said.length === 1, 'online');
    const stale = { cmd: 'publish' as const, topic, payload: Buffer.from('{"state":"offline"}'), qos: 1 as const, retain: true, dup: false };
    hostile.publish(stale, () => {});
    await until(() => said.length === 3, 'online again');
    assert.equal(said[1], '{"state":"offline"}');
    assert.match(Buffer.from(said[2]?.split('.')[1] ?? '', 'base64url').toString(), /"state":"online"/);
    assert.deepEqual(other.states, ['connecting', 'connected']);
    await other[Symbol.asyncDispose]();
    assert.match(Buffer.from(said.at(-1)?.split('.')[1] ?? '', 'base64url').toString(), /"state":"offline"/);
    await new Promise<void>((resolve) => hostile.close(resolve));
    await new Promise((resolve) => server.close(resolve));
  });
});
