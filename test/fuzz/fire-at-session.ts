// Fire at a call from its own peer, who holds the keys: RTP with any header, payloads of each codec with an honest header, RTCP; and descriptions, candidates and
// words of the display through the session's requests. The call goes on: honest sound among the shots reaches the display, each packet of it.
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CloisterError } from '../../src/kernel/errors.ts';
import { createMemoryPaths } from '../../src/media/path/memory-path.ts';
import { offeredSections } from '../../src/media/peer/negotiation.ts';
import { createFakeClock } from '../fakes/clock.ts';
import { firedInVolleys, type Range } from './fire.ts';
import { createHostileCall, createTarget, describePeer, type HostileCall, readDescription, VIDEO_SOURCE } from './hostile-call.ts';
import { mutateBytes } from './mutate.ts';
import { mutateText } from './mutate-text.ts';
import { honestPayloads, honestRtcp, KEYFRAMES, keyframeEnd, PAYLOADS, type PayloadKind, plainRtp, type RtpHead } from './plain-media.ts';
import type { Random } from './random.ts';

/** Of pressed keys, as the target offers them. */
const KEYS_TYPE = 110;
const VOLLEY = 50;
const SOURCES = 3;
/** Time that passes in a volley beside that of the sound. */
const VOLLEY_MS = 5;
/** Reports, requests for repairs and keyframes: paced by time, whatever is sent. */
const MAX_ANSWERS_PER_MS = 0.25;
const MAX_SILENT_MS = 2_000;
/** For longer than a second in all: who changed the size of the picture too often is believed again only then (receiver.ts). */
const KEYFRAME_TRIES = 12;
/** What a live call may be ended with by a description of its peer. */
const RENEGOTIATION = 'CL_SECURITY_RENEGOTIATION';

/** Volley after volley, with honest sound after each. */
async function inVolleys(range: Range, call: HostileCall, count: number, shoot: () => void): Promise<void> {
  const startedMs = call.clock.monotonicMs();
  const answersBefore = call.answers();
  await firedInVolleys(range, count, VOLLEY, shoot, async () => {
    await call.pass(VOLLEY_MS);
    assert.deepEqual(call.failures, [], 'the call has failed');
    await call.requireSound();
  });
  const [answers, passedMs] = [call.answers() - answersBefore, call.clock.monotonicMs() - startedMs];
  assert.ok(answers <= 100 + MAX_ANSWERS_PER_MS * passedMs, `${answers} answers in ${passedMs} ms`);
  range.count('goes on');
}

export async function besiegeWithRtp(range: Range, count: number): Promise<void> {
  const { random } = range;
  await using call = await createHostileCall(range.certificates, random.pick(['H264', 'VP8']));
  await call.requireSound();
  const types = [...[call.negotiated.video, call.negotiated.screen, call.negotiated.audio].map((media) => media?.payloadType ?? 0), KEYS_TYPE];
  let sequence = 0;
  await inVolleys(range, call, count, () => {
    sequence += 1;
    const payload = random.pick(honestPayloads(random, random.pick(PAYLOADS)));
    const head: RtpHead = {
      payloadType: random.pick(types),
      sequence,
      timestamp: 90 * sequence,
      ssrc: VIDEO_SOURCE + random.below(SOURCES),
      marker: random.once(3)
    };
    const { datagram, how } = mutateBytes(random, [plainRtp(head, payload, random.once(3) ? random.bytes(random.below(16)) : undefined)]);
    // Under the number of the honest sound the peer would only quarrel with itself.
    const source = datagram.length >= 12 ? datagram.readUInt32BE(8) : 0;
    if (source === VIDEO_SOURCE - 1) return;
    range.aim(datagram, how);
    const sent = call.send('rtp', datagram);
    // Nothing older can be protected any more.
    if (sent && source >= VIDEO_SOURCE && source < VIDEO_SOURCE + SOURCES) sequence = datagram.readUInt16BE(2);
    range.count(sent ? 'sent' : 'not to be protected');
  });
}

const CODECS = { h264: 'H264', vp8: 'VP8', vp9: 'VP9', opus: 'H264' } as const;

export async function besiegeWithPayloads(range: Range, kind: PayloadKind, count: number): Promise<void> {
  const { random } = range;
  await using call = await createHostileCall(range.certificates, CODECS[kind]);
  await call.requireSound();
  const payloadType = call.negotiated.video?.payloadType ?? 0;
  let sequence = random.below(2 ** 16);
  let timestamp = random.below(2 ** 32);
  const sendPicture = (payload: Buffer, marker: boolean): boolean => {
    sequence += 1;
    return call.send('rtp', plainRtp({ payloadType, sequence, timestamp, ssrc: VIDEO_SOURCE, marker }, payload));
  };
  await inVolleys(range, call, count, () => {
    if (random.once(4)) timestamp += random.once(20) ? random.below(2 ** 32) : 3_000;
    if (random.once(30)) sequence += random.below(random.once(10) ? 3_000 : 5);
    const honest = honestPayloads(random, kind);
    const { datagram, how } = random.once(4) ? { datagram: random.pick(honest), how: 'honest' } : mutateBytes(random, honest);
    range.aim(datagram, how);
    const sent = kind === 'opus' ? call.sendSound(datagram) : sendPicture(datagram, random.once(4));
    range.count(sent ? 'sent' : 'not to be protected');
  });
  if (kind === 'opus') return;
  // What was fired was the peer's own picture; once it is honest it is seen.
  // No start code of H.264 is in it, and at its end no marker of an index of VP9.
  const mark = random.bytes(24).map((byte) => (byte & 0x3f) | 0x80);
  for (let tries = 0; tries < KEYFRAME_TRIES; tries += 1) {
    timestamp += 3_000;
    const payloads = KEYFRAMES[kind](Buffer.from(mark));
    payloads.forEach((payload, at) => void sendPicture(payload, at === payloads.length - 1));
    await call.pass(100);
  }
  await call.requireFrame(keyframeEnd(kind, Buffer.from(mark)));
}

export async function besiegeWithRtcp(range: Range, count: number): Promise<void> {
  const { random } = range;
  await using call = await createHostileCall(range.certificates, 'H264');
  await call.requireSound();
  await inVolleys(range, call, count, () => {
    const source = random.once(10) ? random.below(2 ** 32) : VIDEO_SOURCE - random.below(2);
    const honest = honestRtcp(random, source, random.once(5) ? random.below(2 ** 32) : call.targetSource);
    const { datagram, how } = random.once(5)
      ? { datagram: Buffer.concat([random.pick(honest), random.pick(honest)]), how: 'two' }
      : mutateBytes(random, honest);
    range.aim(datagram, how);
    range.count(call.send('rtcp', datagram) ? 'sent' : 'not to be protected');
  });
}

/** Requests may be refused, with an error that has a name. */
async function refusedOrDone(asked: Promise<unknown>): Promise<'done' | 'refused'> {
  try {
    await asked;
    return 'done';
  } catch (error) {
    assert.ok(
      error instanceof CloisterError && error.code !== 'CL_INTERNAL',
      `refused with something else: ${error instanceof Error ? error.stack : String(error)}`
    );
    return 'refused';
  }
}

const CANDIDATE = 'candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0';

/** On a live call, until the peer has ended it or so many were fired. @returns how many */
export async function fireRequests(range: Range, limit: number): Promise<number> {
  const { random } = range;
  await using call = await createHostileCall(range.certificates, 'H264');
  await call.requireSound();
  let display = await call.openDisplay();
  let fired = 0;
  for (; fired < limit && call.failures.length === 0; fired += 1) {
    const [name, corpus] = random.pick<[string, readonly string[]]>([
      ['update', [call.answer, call.offer]],
      ['update answer', [call.answer, call.offer]],
      ['candidate', [CANDIDATE]],
      ['display', [JSON.stringify({ type: 'need-keyframe', of: 'video' })]]
    ]);
    const { text, how } = mutateText(random, corpus);
    range.aim(Buffer.from(text), `${name}: ${how}`);
    if (name === 'update') await refusedOrDone(call.session.acceptUpdate(text));
    else if (name === 'update answer') await refusedOrDone(call.session.acceptUpdateAnswer(text, random.once(2) ? undefined : 'nowhere1'));
    else if (name === 'candidate')
      await refusedOrDone(call.session.addCandidates([{ candidate: text, sdpMid: random.once(2) ? '0' : null, sdpMLineIndex: random.below(9) }]));
    else if (random.once(20)) {
      if (display.readyState !== display.OPEN) display = await call.openDisplay();
      display.send(text);
      await call.pass(1);
    }
    if (fired % VOLLEY !== 0 || call.failures.length > 0) continue;
    await call.pass(VOLLEY_MS);
    await call.requireSound();
  }
  for (const { code } of call.failures) assert.equal(code, RENEGOTIATION);
  range.count(call.failures.length > 0 ? 'ended for another certificate' : 'goes on');
  return fired;
}

/** One description at a time, to a session that has none yet. */
export async function fireDescription(range: Range): Promise<number> {
  const { random } = range;
  const clock = createFakeClock();
  const [path] = createMemoryPaths();
  const role = random.once(2) ? 'caller' : 'callee';
  const target = createTarget(role, { certificate: range.certificates.server, clock, camera: false }, path);
  const endpoints = { local: 'target', remote: 'peer' };
  const { fingerprint, sections, iceUfrag, icePassword } = readDescription(honestOffer(range, random), 'offer');
  const asked = role === 'caller' ? (await target.session.createOffer()).sdp : '';
  const setup = role === 'caller' ? 'active' : 'actpass';
  const words = { fingerprint, setup, iceUfrag, icePassword, sections: role === 'caller' ? readDescription(asked, 'offer').sections : sections } as const;
  const { text, how } = mutateText(random, [describePeer(words)]);
  range.aim(Buffer.from(text), `${role}: ${how}`);
  const outcome = await refusedOrDone(
    role === 'caller' ? target.session.acceptAnswer(text, null, endpoints) : target.session.acceptOffer(text, { commitment: 'ab'.repeat(32) }, endpoints)
  );
  if (role === 'callee') await refusedOrDone(target.session.open());
  for (let turn = 0; turn < 3; turn += 1) {
    clock.advance(10);
    await nextTurn();
  }
  range.count(outcome);
  await Promise.all([target.close(), nextTurn().then(() => clock.advance(MAX_SILENT_MS))]);
  assert.equal(clock.pending, 0, 'a timer is left');
  return 1;
}

const honestOffer = ({ certificates }: Range, random: Random): string =>
  describePeer({
    fingerprint: certificates.client.thumbprint,
    setup: 'actpass',
    iceUfrag: random.bytes(6).toString('base64'),
    icePassword: random.bytes(24).toString('base64'),
    sections: offeredSections(['H264', 'VP8', 'VP9'])
  });
