// One allocation against a scripted relay: logging in, what is renewed and when, what counts as an answer. A real relay: test/integration/relay.test.ts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { classes, Message, methods, parseMessage } from 'werift';
import { CloisterError } from '../../../../../src/kernel/errors.ts';
import { createTurnClient, type RelayAddress, type TurnClient } from '../../../../../src/media/path/relay/turn-client.ts';
import { createFakeClock } from '../../../../fakes/clock.ts';

const REALM = 'contoso.example';
const PASSWORD = 'secret';
const KEY = createHash('md5').update(`room:${REALM}:${PASSWORD}`).digest();
const RELAYED: RelayAddress = ['192.0.2.10', 50_000];
const PEER: RelayAddress = ['192.0.2.20', 40_000];

type Answer = Message | null;
/** What the relay says to an authenticated request; undefined for what a friendly one says. */
type Script = (request: Message) => Answer | undefined;

function start({
  reliable = false,
  password = PASSWORD,
  script = () => undefined as Answer | undefined
}: {
  reliable?: boolean;
  password?: string;
  script?: Script;
} = {}) {
  const clock = createFakeClock();
  const requests: Message[] = [];
  const sent: Buffer[] = [];
  const received: string[] = [];
  const lost: string[] = [];
  let nonce = 'first';
  let silent = false;
  const late: Buffer[] = [];
  let holding = false;
  const client: TurnClient = createTurnClient({
    link: { reliable, send: (message) => take(message) },
    username: 'room',
    credential: password,
    clock,
    received: (data, [host, port]) => received.push(`${data.toString()} ${host}:${port}`),
    lost: (why) => lost.push(why)
  });
  const errorTo = ({ messageMethod, transactionId }: Message, code: number): Message =>
    new Message(messageMethod, classes.ERROR, transactionId).setAttribute('ERROR-CODE', [code, 'no']);
  const challengeTo = (request: Message, code: number): Message =>
    errorTo(request, code).setAttribute('REALM', REALM).setAttribute('NONCE', Buffer.from(nonce));
  const friendly = ({ messageMethod, transactionId }: Message): Message => {
    const answer = new Message(messageMethod, classes.RESPONSE, transactionId);
    if (messageMethod === methods.ALLOCATE) answer.setAttribute('XOR-RELAYED-ADDRESS', [...RELAYED]);
    if (messageMethod === methods.ALLOCATE || messageMethod === methods.REFRESH) answer.setAttribute('LIFETIME', 600);
    return answer.addMessageIntegrity(KEY);
  };
  const answerTo = (data: Buffer, request: Message): Answer => {
    if (!request.attributesKeys.includes('MESSAGE-INTEGRITY')) return challengeTo(request, 401);
    if (parseMessage(data, KEY) === undefined) return challengeTo(request, 401);
    if (request.getAttributeValue('NONCE').toString() !== nonce) return challengeTo(request, 438);
    const scripted = script(request);
    return scripted === undefined ? friendly(request) : scripted;
  };
  function take(data: Buffer): void {
    const request = parseMessage(data);
    if (request === undefined || request.messageClass !== classes.REQUEST) {
      sent.push(data);
      return;
    }
    requests.push(request);
    const answer = silent ? null : answerTo(data, request);
    if (answer !== null && holding) late.push(answer.bytes);
    else if (answer !== null) setImmediate(() => client.receive(answer.bytes));
  }
  const count = (method: methods): number => requests.filter(({ messageMethod }) => messageMethod === method).length;
  return {
    clock,
    client,
    requests,
    sent,
    received,
    lost,
    count,
    errorTo,
    fromPeer: (text: string, peer = PEER) =>
      client.receive(new Message(methods.DATA, classes.INDICATION).setAttribute('XOR-PEER-ADDRESS', [...peer]).setAttribute('DATA', Buffer.from(text)).bytes),
    staleNonce: (next: string) => {
      nonce = next;
    },
    silence: (on = true) => {
      silent = on;
    },
    /** Answers are on their way until they are let in. */
    hold: () => {
      holding = true;
    },
    letIn: () => {
      holding = false;
      for (const answer of late.splice(0)) client.receive(answer);
    }
  };
}

/** Lets answers go back and forth. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

async function allocated(options: Parameters<typeof start>[0] = {}) {
  const relay = start(options);
  assert.deepEqual(await relay.client.allocate(), RELAYED);
  return relay;
}

describe('an allocation at a relay', () => {
  it('is made with two requests: the second answers the challenge', async () => {
    const relay = await allocated();
    assert.equal(relay.count(methods.ALLOCATE), 2);
    assert.equal(relay.requests[0]?.attributesKeys.includes('USERNAME'), false);
  });

  it('is refused at once where the password is wrong, although that answer has no integrity', async () => {
    const relay = start({ password: 'wrong' });
    await assert.rejects(relay.client.allocate(), { code: 'CL_RELAY_REFUSED', message: 'the relay refused with 401' });
    assert.equal(relay.count(methods.ALLOCATE), 2);
    assert.equal(relay.clock.monotonicMs(), 0);
    assert.equal(relay.clock.pending, 0);
  });

  it('is asked for again and again over UDP, once over a stream, and given up after 5 s', async () => {
    for (const [reliable, times] of [
      [false, 4],
      [true, 1]
    ] as const) {
      const relay = start({ reliable });
      relay.silence();
      const outcome = assert.rejects(relay.client.allocate(), { code: 'CL_RELAY_UNREACHABLE' });
      await relay.clock.advanceAsync(5_000);
      await outcome;
      assert.equal(relay.count(methods.ALLOCATE), times);
      assert.equal(new Set(relay.requests.map(({ transactionIdHex }) => transactionIdHex)).size, 1);
      assert.equal(relay.clock.pending, 0);
    }
  });

  it('is not made by an answer that does not know the password', async () => {
    const relay = start({
      script: ({ messageMethod, transactionId }) =>
        new Message(messageMethod, classes.RESPONSE, transactionId)
          .setAttribute('XOR-RELAYED-ADDRESS', ['198.51.100.1', 1])
          .addMessageIntegrity(Buffer.alloc(16))
    });
    const outcome = assert.rejects(relay.client.allocate(), { code: 'CL_RELAY_UNREACHABLE' });
    await settle();
    await relay.clock.advanceAsync(5_000);
    await outcome;
  });

  it('is renewed a minute before its end, also where the relay has a new nonce by then', async () => {
    const relay = await allocated();
    relay.staleNonce('second');
    await relay.clock.advanceAsync(539_000);
    assert.equal(relay.count(methods.REFRESH), 0);
    await relay.clock.advanceAsync(1_000);
    await settle();
    assert.equal(relay.count(methods.REFRESH), 2, 'refused as stale, then done');
    await relay.clock.advanceAsync(540_000);
    await settle();
    assert.equal(relay.count(methods.REFRESH), 3);
    assert.deepEqual(relay.lost, []);
    await relay.client.close();
  });

  it('is lost where the relay does not know it any more, or is silent until its end', async () => {
    const forgetful = await allocated({ script: (request) => (request.messageMethod === methods.REFRESH ? forgetful.errorTo(request, 437) : undefined) });
    await forgetful.clock.advanceAsync(540_000);
    await settle();
    assert.equal(forgetful.lost.length, 1);
    const silent = await allocated();
    silent.silence();
    await silent.clock.advanceAsync(599_000);
    assert.deepEqual(silent.lost, []);
    await silent.clock.advanceAsync(20_000);
    await settle();
    assert.equal(silent.lost.length, 1);
    assert.deepEqual([forgetful.clock.pending, silent.clock.pending], [0, 0]);
  });

  it('sends to a peer when that is permitted, and over a channel once the peer was heard', async () => {
    const relay = await allocated();
    relay.client.send(Buffer.from('early'), PEER);
    assert.equal(relay.sent.length, 0);
    await settle();
    assert.equal(relay.count(methods.CREATE_PERMISSION), 1);
    const [indication] = relay.sent.splice(0).map((data) => parseMessage(data));
    assert.deepEqual([indication?.getAttributeValue('XOR-PEER-ADDRESS'), indication?.getAttributeValue('DATA').toString()], [[...PEER], 'early']);
    relay.fromPeer('hello');
    await settle();
    assert.equal(relay.count(methods.CHANNEL_BIND), 1);
    relay.client.send(Buffer.from('later'), PEER);
    assert.equal(relay.sent[0]?.toString('hex'), `40000005${Buffer.from('later').toString('hex')}`);
    relay.client.receive(Buffer.from(`40000003${Buffer.from('hey').toString('hex')}00`, 'hex'));
    relay.client.receive(Buffer.from('4001000178', 'hex'));
    assert.deepEqual(relay.received, [`hello ${PEER[0]}:${PEER[1]}`, `hey ${PEER[0]}:${PEER[1]}`]);
    await relay.client.close();
  });

  it('renews channels and permissions every 4 minutes, those in use and no others', async () => {
    const relay = await allocated();
    relay.client.send(Buffer.from('a'), PEER);
    relay.client.send(Buffer.from('b'), ['192.0.2.21', 1]);
    await settle();
    relay.fromPeer('hello');
    await settle();
    assert.deepEqual([relay.count(methods.CREATE_PERMISSION), relay.count(methods.CHANNEL_BIND)], [2, 1]);
    await relay.clock.advanceAsync(240_000);
    await settle();
    assert.deepEqual([relay.count(methods.CREATE_PERMISSION), relay.count(methods.CHANNEL_BIND)], [3, 2]);
    await relay.clock.advanceAsync(240_000);
    await settle();
    assert.deepEqual([relay.count(methods.CREATE_PERMISSION), relay.count(methods.CHANNEL_BIND)], [3, 3]);
    await relay.client.close();
  });

  it('holds a bounded number of messages for a peer, and none for one that is forbidden', async () => {
    let forbid = true;
    const relay = await allocated({
      script: (request) => (forbid && request.messageMethod === methods.CREATE_PERMISSION ? relay.errorTo(request, 403) : undefined)
    });
    for (let n = 0; n < 50; n += 1) relay.client.send(Buffer.from('x'), PEER);
    await settle();
    assert.equal(relay.sent.length, 0);
    forbid = false;
    for (let n = 0; n < 50; n += 1) relay.client.send(Buffer.from('x'), PEER);
    await settle();
    assert.equal(relay.sent.length, 8);
    await relay.client.close();
  });

  it('is deleted at the relay when it is closed, and leaves no timer, whether the relay answers or not', async () => {
    for (const silent of [false, true]) {
      const relay = await allocated();
      relay.silence(silent);
      const closing = relay.client.close();
      await relay.clock.advanceAsync(300);
      await closing;
      const last = relay.requests.at(-1);
      assert.deepEqual([last?.messageMethod, last?.getAttributeValue('LIFETIME')], [methods.REFRESH, 0]);
      relay.client.send(Buffer.from('x'), PEER);
      await settle();
      assert.deepEqual([relay.sent.length, relay.clock.pending], [0, 0]);
      assert.deepEqual(relay.lost, []);
    }
  });

  it('that is asked for while it is closed is deleted at the relay, whether its answer comes in time or too late', async () => {
    for (const inTime of [true, false]) {
      const relay = start({
        script() {
          relay.hold();
          return undefined;
        }
      });
      const asked = relay.client.allocate().catch(() => {});
      await settle();
      assert.equal(relay.count(methods.ALLOCATE), 2);
      let over = false;
      const closing = relay.client.close().then(() => {
        over = true;
      });
      await settle();
      assert.deepEqual([over, relay.count(methods.REFRESH)], [false, 0]);
      if (inTime) relay.letIn();
      else await relay.clock.advanceAsync(200);
      await settle();
      const deleting = relay.requests.at(-1);
      assert.deepEqual([deleting?.messageMethod, deleting?.getAttributeValue('LIFETIME')], [methods.REFRESH, 0]);
      await relay.clock.advanceAsync(200);
      await Promise.all([closing, relay.client.close(), asked]);
      assert.equal(relay.clock.pending, 0);
    }
  });

  it('is not asked for any more when the challenge comes after it is closed', async () => {
    const relay = start();
    relay.hold();
    const asked = assert.rejects(relay.client.allocate(), CloisterError);
    await settle();
    const closing = relay.client.close();
    relay.letIn();
    await Promise.all([closing, asked]);
    assert.deepEqual([relay.requests.length, relay.clock.pending], [1, 0]);
  });

  it('takes any bytes without a word', async () => {
    const relay = await allocated();
    relay.client.send(Buffer.from('a'), PEER);
    await settle();
    const whole = new Message(methods.DATA, classes.INDICATION).setAttribute('XOR-PEER-ADDRESS', [...PEER]).setAttribute('DATA', Buffer.from('x')).bytes;
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => relay.client.receive(Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const mutated = Buffer.from(whole);
        mutated[at] = value;
        relay.client.receive(mutated);
        relay.client.receive(mutated.subarray(0, at));
      })
    );
    await relay.client.close();
  });
});
