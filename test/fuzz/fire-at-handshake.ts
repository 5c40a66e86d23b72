// Fire at a handshake from somebody on the path who holds no key. Two ways: `besiege` sends only what can never be taken for a part of the handshake,
// and then it must connect as if nothing had been; `forge` sends anything, and then it connects with the honest peer or ends with a named error (DTLS
// 1.2 cannot tell a forged plain message).
import assert from 'node:assert/strict';
import { firedInHalves, type Range } from './fire.ts';
import { assertHonestKeys, createHonestPair, type HonestPair, isEstablished, PEER_ADDRESS, settle } from './honest-pair.ts';
import { type Mutated, mutate } from './mutate.ts';
import type { FuzzState } from './states.ts';
import { believable } from './wire-format.ts';

type Handshake = FuzzState & { readonly kind: 'handshake' };

/** After it every handshake is over (the connection's own limit is 30 s). */
const ALL_OVER_MS = 40_000;
/** A handshake that nobody could have disturbed connects by then, with what it has to repeat. */
const CONNECTED_WITHIN_MS = 10_000;
/** Less than the second after which a plain alert is believed, so that the alerts among the shots stay without effect. */
const SIEGE_MS = 500;
/** A repeated plain message is answered with a flight, but not more often than this; a flight is two datagrams at most. */
const ANSWER_AGAIN_MS = 20;
/** RFC 6347 leaves it open how far ahead of its turn a message is kept; nobody needs this much. */
const FAR_AHEAD = 16;
const AMPLIFICATION = 3;
const STRANGER_ADDRESS = '198.51.100.9:40000';

function begun(range: Range, state: Handshake): { readonly pair: HonestPair; readonly corpus: Buffer[] } {
  const pair = createHonestPair(state.role, range.certificates);
  pair.deliver(state.records);
  return { pair, corpus: [...pair.corpus(), ...range.foreign] };
}

/** The server keeps nothing and believes nobody before a cookie of its own comes back from the same address (RFC 6347 section 4.2.1). */
const beforeCookie = ({ role, records }: Handshake): boolean => role === 'server' && records < 2;

/** Only Finished may come, which is never in plain text. */
const awaitsFinished = ({ role, records }: Handshake): boolean => records === (role === 'client' ? 6 : 5);

/** What cannot be taken for a part of the handshake where it goes on with the message of this number. */
const isHarmless = (datagram: Buffer, turn: number): boolean => believable(datagram).every(({ sequence }) => sequence < turn || sequence >= turn + FAR_AHEAD);

/** @returns the bytes of the answers */
function shoot(range: Range, { target }: HonestPair, { datagram, how }: Mutated, from: string): number {
  const before = target.said.length;
  range.aim(datagram, how);
  target.connection.receive(datagram, from);
  const answers = target.said.slice(before);
  // What a stranger is answered does not reach the peer.
  if (from !== PEER_ADDRESS) target.said.length = before;
  return answers.reduce((bytes, answer) => bytes + answer.length, 0);
}

export async function besiege(range: Range, state: Handshake, count: number): Promise<void> {
  const { pair, corpus } = begun(range, state);
  const pending = pair.clock.pending;
  let answers = 0;
  firedInHalves(range, count, () => {
    let mutated = mutate(range.random, corpus);
    if (beforeCookie(state)) {
      const saidBytes = shoot(range, pair, mutated, STRANGER_ADDRESS);
      assert.ok(saidBytes <= AMPLIFICATION * mutated.datagram.length, `${mutated.datagram.length} bytes were answered with ${saidBytes}`);
    } else {
      while (!awaitsFinished(state) && !isHarmless(mutated.datagram, state.records)) mutated = mutate(range.random, corpus);
      if (shoot(range, pair, mutated, PEER_ADDRESS) > 0) answers += 1;
      assert.ok(answers <= 1 + pair.clock.monotonicMs() / ANSWER_AGAIN_MS, 'every repeated message is answered');
    }
    assert.ok(pair.clock.pending <= pending + 1, 'timers pile up');
    pair.clock.advance(SIEGE_MS / count);
  });
  await pair.goOn(CONNECTED_WITHIN_MS);
  for (const { outcome } of [pair.target, pair.peer])
    assert.ok(isEstablished(outcome), `a handshake that nobody could have disturbed did not connect: ${outcome === null ? 'it still waits' : String(outcome)}`);
  assertHonestKeys(pair, range.certificates);
  range.count('connected');
  await pair.close();
}

/** @returns how many were fired: up to `limit`, fewer where one ended the handshake */
export async function forge(range: Range, state: Handshake, limit: number): Promise<number> {
  const { pair, corpus } = begun(range, state);
  const { target } = pair;
  let fired = 0;
  for (; fired < limit && target.outcome === null; fired += 1) {
    const mutated = mutate(range.random, corpus);
    shoot(range, pair, mutated, PEER_ADDRESS);
    if (range.random.once(4)) pair.clock.advance(range.random.below(40));
    await settle();
  }
  // The shots may have held the whole of the honest flight; then its answer is on its way.
  if (target.outcome === null || isEstablished(target.outcome)) await pair.goOn(ALL_OVER_MS);
  assert.ok(target.outcome !== null, 'the handshake neither connects nor ends');
  if (isEstablished(target.outcome)) assertHonestKeys(pair, range.certificates);
  range.count(isEstablished(target.outcome) ? 'connected' : target.outcome.code);
  await pair.close();
  return fired;
}
