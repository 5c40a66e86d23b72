// A room and the service that gives it credentials, with the messages between them in the test's hands. Over a real broker: test/integration/relay-credentials.test.ts.
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { makeSealingPair, openSealed, sealFor } from '../../../src/identity/sealing.ts';
import { createEvents } from '../../../src/kernel/events.ts';
import { type Log, silentLog } from '../../../src/kernel/log.ts';
import { type CredentialsClientOptions, createCredentialsClient } from '../../../src/relay/credentials-client.ts';
import { createCredentialsService } from '../../../src/relay/credentials-service.ts';
import { mintLogin } from '../../../src/relay/mint.ts';
import type { RelayMessage } from '../../../src/signaling/messages.ts';
import type { Party, Signaling, SignalingEvents } from '../../../src/signaling/port.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const ROOM: Party = { account: 'boardroom@contoso.example', endpoint: 'a'.repeat(26) };
const SERVICE: Party = { account: 'relay@contoso.example', endpoint: 'b'.repeat(26) };
const SECRET = createSecretKey('a secret that must be nowhere', 'utf8');
const URLS = ['turn:turn.contoso.example:3478?transport=udp', 'turns:turn.contoso.example:443?transport=tcp'];
const LIFETIME_MS = 3_600_000;

type Sent = { readonly to: { readonly account: string; readonly endpoint?: string }; readonly message: RelayMessage };

function fakeSignaling() {
  const events = createEvents<SignalingEvents>((error) => {
    throw error;
  });
  const sent: Sent[] = [];
  const signaling: Pick<Signaling, 'on' | 'sendRelay'> = {
    on: events.on,
    async sendRelay(to, message) {
      sent.push({ to, message });
    }
  };
  return { signaling, sent, emit: events.emit };
}

/** Sealing and opening are done by other threads: what was begun is waited for, however long it takes. */
function createWaiter() {
  const pending = new Set<Promise<unknown>>();
  return {
    track<T>(work: Promise<T>): Promise<T> {
      pending.add(work);
      void work.finally(() => pending.delete(work));
      return work;
    },
    async settle(): Promise<void> {
      do {
        await Promise.all(pending);
        await new Promise((resolve) => setImmediate(resolve));
      } while (pending.size > 0);
    }
  };
}

function world(served: readonly string[] = ['contoso.example']) {
  const clock = createFakeClock();
  const { track, settle } = createWaiter();
  const logged: string[] = [];
  const note = (message: string, fields = {}): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, info: note, warn: note, error: note, debug: note, child: () => log };
  const [atRoom, atService] = [fakeSignaling(), fakeSignaling()];
  const made: string[] = [];
  const makeKey: CredentialsClientOptions['makeKey'] = () => {
    const { publicKey, privateKey } = makeSealingPair();
    made.push(publicKey.x);
    return { publicKey, open: (sealed) => track(openSealed(privateKey, sealed)) };
  };
  const client = createCredentialsClient({ signaling: atRoom.signaling, service: SERVICE.account, makeKey, clock, log });
  const service = createCredentialsService({
    signaling: atService.signaling,
    secret: SECRET,
    urls: URLS,
    lifetimeMs: LIFETIME_MS,
    organisations: served,
    sealFor: (key, text) => track(sealFor(key, text)),
    clock,
    log
  });
  const carry = async (from = ROOM, answerFrom = SERVICE): Promise<readonly Sent[]> => {
    for (const { message } of atRoom.sent.splice(0)) atService.emit('relay', { from, identity: 'verified', message });
    await settle();
    const answers = atService.sent.splice(0);
    for (const { message } of answers) atRoom.emit('relay', { from: answerFrom, identity: 'verified', message });
    await settle();
    return answers;
  };
  return { clock, logged, atRoom, atService, made, client, service, carry, settle, connect: () => atRoom.emit('connection', 'connected') };
}

describe('credentials for relays', () => {
  it('are asked for when there is a broker, and open for the asking room alone', async () => {
    const { atRoom, client, clock, connect, carry, logged, made } = world();
    assert.equal(atRoom.sent.length, 0);
    connect();
    assert.deepEqual(atRoom.sent[0]?.to, { account: SERVICE.account });
    const [answer] = await carry();
    const login = mintLogin(SECRET, ROOM.endpoint, clock.now() + LIFETIME_MS);
    assert.deepEqual(client.current(), { urls: URLS, ...login });
    assert.equal(client.missingSinceMs(), null);
    assert.deepEqual(answer?.to, ROOM);
    // What the broker carries and what is logged: neither the credential nor the secret.
    const carried = JSON.stringify(answer?.message);
    assert.ok(!carried.includes(login.credential) && !carried.includes(login.username));
    assert.ok(logged.length > 0 && logged.every((line) => !line.includes(login.credential) && !line.includes('must be nowhere')));
    assert.equal(made.length, 1);
    const sealed = answer?.message.type === 'relay.credentials' ? answer.message.body.sealed : '';
    assert.equal(await openSealed(makeSealingPair().privateKey, sealed), null);
  });

  it('are asked for again at half of their time, with another key, and hold until the new ones are there', async () => {
    const { atRoom, client, clock, connect, carry, made } = world();
    connect();
    await carry();
    const first = client.current()?.username;
    clock.advance(LIFETIME_MS / 2 - 1);
    assert.equal(atRoom.sent.length, 0);
    clock.advance(1);
    assert.equal(atRoom.sent.length, 1);
    assert.equal(client.current()?.username, first);
    await carry();
    assert.notEqual(client.current()?.username, first);
    assert.equal(new Set(made).size, 2);
  });

  it('that do not come are a problem, asked for again less and less often; so are those that ran out', async () => {
    const { atRoom, client, clock, connect, carry } = world();
    const changes: boolean[] = [];
    client.on('changed', () => changes.push(client.current() !== null));
    connect();
    clock.advance(10_000);
    assert.ok(client.missingSinceMs() !== null);
    assert.deepEqual(changes, [false]);
    clock.advance(3_600_000);
    assert.ok(atRoom.sent.length > 8 && atRoom.sent.length < 40, String(atRoom.sent.length));
    atRoom.sent.length = 0;
    while (atRoom.sent.length === 0) clock.advance(1_000);
    await carry();
    assert.equal(client.missingSinceMs(), null);
    assert.deepEqual(changes, [false, true]);
    atRoom.emit('connection', 'connecting');
    clock.advance(LIFETIME_MS);
    assert.ok(client.missingSinceMs() !== null);
    connect();
    await carry();
    assert.deepEqual(changes, [false, true, false, true]);
  });

  it('that ran out while the machine slept, in which no timer runs, are noticed and asked for again at once', async () => {
    const { atRoom, client, clock, connect, carry } = world();
    connect();
    await carry();
    clock.jump(8 * LIFETIME_MS);
    clock.advance(10_000);
    assert.ok(client.missingSinceMs() !== null);
    assert.equal(atRoom.sent.length, 1);
    await carry();
    assert.deepEqual([client.missingSinceMs(), client.current()?.expiresAtMs], [null, clock.now() + LIFETIME_MS]);
  });

  it('count from the service alone, to the open request, in whole', async () => {
    const { atRoom, client, connect, carry, atService, settle } = world();
    connect();
    await carry(ROOM, { account: 'mallory@contoso.example', endpoint: 'c'.repeat(26) });
    assert.equal(client.current(), null);
    const key = makeSealingPair().publicKey;
    const request = '01890000-0000-7000-8000-000000000000';
    atService.emit('relay', { from: ROOM, identity: 'verified', message: { type: 'relay.request', body: { request, key } } });
    await settle();
    for (const { message } of atService.sent.splice(0)) atRoom.emit('relay', { from: SERVICE, identity: 'verified', message });
    await settle();
    // Not even as a failure: the open request still waits for its own answer.
    assert.deepEqual([client.current(), client.missingSinceMs()], [null, null]);
  });

  it('that cannot be opened, hold nothing usable or are over already are none', async () => {
    const { atRoom, client, clock, connect, settle } = world();
    connect();
    const good = { urls: URLS, username: 'u', credential: 'c', expiresAtMs: clock.now() + LIFETIME_MS };
    for (const content of ['', 'null', JSON.stringify({ ...good, urls: ['http://x'] }), JSON.stringify({ ...good, expiresAtMs: clock.now() }), null]) {
      const { message } = atRoom.sent.at(-1) ?? assert.fail();
      assert.ok(message.type === 'relay.request');
      const { request, key } = message.body;
      const sealed = content === null ? 'no.t.a.j.we' : await sealFor(key, content);
      atRoom.emit('relay', { from: SERVICE, identity: 'verified', message: { type: 'relay.credentials', body: { request, sealed: sealed ?? '' } } });
      await settle();
      assert.ok(client.current() === null && client.missingSinceMs() !== null, String(content));
      clock.advance(300_000);
    }
  });

  it('are refused to other organisations, to who is not verified, for a key that is none, and too often: each with its reason', async () => {
    const { atService, logged, settle } = world();
    const request = '01890000-0000-7000-8000-000000000000';
    const { publicKey: key } = makeSealingPair();
    const reasonOf = async (from: Party, identity: 'verified' | 'unverified', wanted = key): Promise<string | null> => {
      atService.emit('relay', { from, identity, message: { type: 'relay.request', body: { request, key: wanted } } });
      await settle();
      const [answer] = atService.sent.splice(0);
      return answer === undefined ? null : answer.message.type === 'relay.refused' ? answer.message.body.reason : answer.message.type;
    };
    assert.equal(await reasonOf({ account: 'studio@fabrikam.example', endpoint: 'd'.repeat(26) }, 'verified'), 'not-allowed');
    assert.equal(await reasonOf({ ...ROOM, endpoint: 'e'.repeat(26) }, 'unverified'), 'not-allowed');
    assert.equal(await reasonOf({ ...ROOM, endpoint: 'f'.repeat(26) }, 'verified', { ...key, x: 'A'.repeat(43) }), 'not-allowed');
    const outcomes: (string | null)[] = [];
    for (let n = 0; n < 8; n += 1) outcomes.push(await reasonOf(ROOM, 'verified'));
    assert.deepEqual(outcomes, [...Array(6).fill('relay.credentials'), 'too-often', null]);
    assert.ok(logged.some((line) => line.includes('too-often') && line.includes(ROOM.endpoint)));
  });

  it('are given although a whole organisation that is trusted, but not served, asks for them', async () => {
    const { atService, connect, carry, client, settle, clock } = world();
    const { publicKey: key } = makeSealingPair();
    const request = '01890000-0000-7000-8000-000000000000';
    const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
    for (let n = 0; n < 17_000; n += 1) {
      const digits = [n >> 10, n >> 5, n].map((part) => alphabet[part & 31]).join('');
      const from = { account: 'studio@fabrikam.example', endpoint: `${'d'.repeat(23)}${digits}` };
      atService.emit('relay', { from, identity: 'verified', message: { type: 'relay.request', body: { request, key } } });
    }
    await settle();
    assert.ok(atService.sent.splice(0).every(({ message }) => message.type === 'relay.refused'));
    clock.advance(1);
    connect();
    await carry();
    assert.notEqual(client.current(), null);
  });

  it('are given to the rooms of another organisation where it is served', async () => {
    const { connect, carry, client } = world(['contoso.example', 'fabrikam.example']);
    connect();
    await carry({ account: 'studio@fabrikam.example', endpoint: 'd'.repeat(26) });
    assert.ok(client.current()?.username.endsWith(`:${'d'.repeat(26)}`));
  });

  it('leave nothing behind', async () => {
    const { client, service, connect, carry, clock } = world();
    connect();
    await carry();
    await client[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
    assert.deepEqual([client.current(), clock.pending], [null, 0]);
  });
});
