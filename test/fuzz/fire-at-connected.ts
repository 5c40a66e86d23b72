// Fire at a connected association: from somebody without keys, to whom it is deaf and dumb; and from the peer itself, who holds the keys and writes what
// it likes inside records that authenticate. The peer may end the association; it may not make it throw, answer without end, or believe a Finished that
// is none.
import assert from 'node:assert/strict';
import { protectRecord } from '../../src/media/secure-transport/dtls/records.ts';
import { STANDARD_POLICY } from '../../src/media/secure-transport/dtls/registry.ts';
import { firedInHalves, type Range } from './fire.ts';
import { assertHonestKeys, createHonestPair, type HonestPair, isEstablished, keysOf, PEER_ADDRESS, settle } from './honest-pair.ts';
import { mutate, mutateBytes } from './mutate.ts';
import { CLIENT_CONNECTED, type FuzzState, SERVER_CONNECTED } from './states.ts';
import { believable, TYPE, writeFragment } from './wire-format.ts';

type Seal = (type: number, sequence: number, content: Buffer) => Buffer;

const HONEST_EVERY = 50;
const CLOSE_NOTIFY = Buffer.from([1, 0]);
const FINISHED = 20;
/** Which of the peer's messages it is. */
const FINISHED_NUMBER = { client: 6, server: 5 } as const;
const MAX_SEQUENCE = 2 ** 48 - 1;
/** What a hostile peer is answered in one go: a refused renegotiation, an alert, the last flight again. */
const MAX_ANSWERS = 6;

/** As the peer would protect it. */
function sealOf(pair: HonestPair): Seal {
  const [suite] = STANDARD_POLICY.suites;
  assert.ok(suite !== undefined);
  const keys = keysOf(pair)[pair.targetRole === 'client' ? 'server' : 'client'];
  return (type, sequence, content) => protectRecord(suite, keys, type, 1, sequence, content);
}

export async function besiegeConnected(range: Range, state: FuzzState & { readonly kind: 'connected' }, count: number): Promise<void> {
  const { random } = range;
  const pair = createHonestPair(state.role, range.certificates);
  const { target } = pair;
  pair.deliver(state.records);
  await settle();
  assertHonestKeys(pair, range.certificates);
  const seal = sealOf(pair);
  const take = (datagram: Buffer): number => {
    const before = target.heard;
    target.connection.receive(datagram, PEER_ADDRESS);
    return target.heard - before;
  };
  const corpus = [...pair.corpus(), ...range.foreign];
  const saidBefore = target.said.length;
  const lengthBefore = corpus.length;
  let sequence = 1;
  let coming: Buffer[] = [];

  firedInHalves(range, count, (shot) => {
    if (shot % HONEST_EVERY === 0) {
      // Two honest records, the later one first, and each once more: the window is as it was.
      for (const record of coming.reverse()) assert.equal(take(record), 1, 'an honest record is not taken any more');
      for (const record of coming) assert.equal(take(record), 0, 'a record was taken twice');
      coming = [sequence, sequence + 1].map((number) => seal(random.once(2) ? TYPE.applicationData : random.below(20), number, random.bytes(random.below(30))));
      sequence += 2;
      // Whoever is on the path sees them before they arrive.
      corpus.splice(lengthBefore, corpus.length, ...coming, Buffer.concat(coming));
    }
    let mutated = mutate(random, corpus);
    while (coming.some((record) => mutated.datagram.includes(record))) mutated = mutate(random, corpus);
    range.aim(mutated.datagram, mutated.how);
    assert.equal(take(mutated.datagram), 0, 'a forged record was taken');
    assert.equal(target.said.length, saidBefore, 'something was answered');
    assert.equal(target.closed.length, 0, 'the association was closed');
    assert.equal(pair.clock.pending, 0, 'a timer was started');
    if (random.once(100)) pair.clock.advance(1_000);
  });
  assertHonestKeys(pair, range.certificates);
  assert.equal(take(seal(TYPE.alert, sequence, CLOSE_NOTIFY)), 1, 'the honest end is not heard');
  assert.deepEqual(
    target.closed.map(({ code }) => code),
    ['CL_MEDIA_LOST']
  );
  range.count('closed by the peer');
  await pair.close();
}

/** @returns how many were fired */
export async function fireInside(range: Range, state: FuzzState & { readonly kind: 'inside' }, limit: number): Promise<number> {
  const { random } = range;
  const pair = createHonestPair(state.role, range.certificates);
  const { target } = pair;
  pair.deliver(state.records);
  const connected = state.records === (state.role === 'client' ? CLIENT_CONNECTED : SERVER_CONNECTED);
  await settle();
  const seal = sealOf(pair);
  const finished = (): Buffer => writeFragment({ type: FINISHED, length: 12, sequence: FINISHED_NUMBER[state.role], offset: 0, data: random.bytes(12) });
  const plain = pair.corpus().flatMap(believable).map(writeFragment);
  const signals = [CLOSE_NOTIFY, Buffer.from([2, 40]), Buffer.from([1, 100]), Buffer.from([1])];
  const saidBefore = target.said.length;

  let sequence = 1;
  let fired = 0;
  const over = (): boolean => target.closed.length > 0 || (target.outcome !== null && !isEstablished(target.outcome));
  for (; fired < limit && !over(); fired += 1) {
    const { datagram: content, how } = random.once(20)
      ? { datagram: finished(), how: 'a wrong Finished' }
      : mutateBytes(random, random.once(20) ? signals : plain);
    const type = random.once(2) ? TYPE.handshake : random.once(2) ? 20 + random.below(5) : random.below(256);
    const jump = random.once(20) ? random.pick([0, 2 ** 16, 2 ** 32, 2 ** 40, MAX_SEQUENCE - 1, sequence + 64]) : sequence + 1;
    sequence = Math.min(jump, MAX_SEQUENCE);
    const datagram = seal(type, sequence, content.subarray(0, 2 ** 14));
    range.aim(datagram, `${how} inside type ${type}, number ${sequence}: ${content.toString('hex')}`);
    target.connection.receive(datagram, PEER_ADDRESS);
    await settle();
    if (!connected) assert.ok(!isEstablished(target.outcome), 'connected without the right Finished');
  }
  assert.ok(target.said.length - saidBefore <= MAX_ANSWERS, 'a hostile peer is answered without end');
  assert.ok(target.closed.length <= 1, 'closed twice');
  if (connected) assert.ok(target.closed.every(({ code }) => code === 'CL_MEDIA_LOST'));
  range.count(over() ? (connected ? 'closed by the peer' : 'refused') : 'goes on');
  await pair.close();
  return fired;
}
