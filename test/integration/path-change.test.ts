// A new path in a running connection, over real sockets: behind a translation that forgets, and under attack by who recorded the old one or stands in the signaling.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRelay, isDtlsDatagram, isMediaDatagram, pause, type Relay, roomParty, type Side, until } from '../fakes/dtls-attacker.ts';

type Room = ReturnType<typeof roomParty>;
/** As long as an answer would need that does not come. */
const SILENCE_MS = 300;

/** Two rooms with a relay between them, and another one on the way that a new path takes. */
async function openCall() {
  const [first, second] = [await createRelay(), await createRelay()];
  const rooms: Record<Side, Room> = { offerer: roomParty(), answerer: roomParty() };
  const offer = await rooms.offerer.offer();
  await rooms.offerer.accept(first.rewrite('answerer', await rooms.answerer.answer(first.rewrite('offerer', offer))));
  const [one, two] = await Promise.all([rooms.offerer.outcome, rooms.answerer.outcome]);
  assert.ok('secured' in one && 'secured' in two);
  return {
    first,
    second,
    offer,
    ...rooms,
    thumbprints: [one.secured?.remoteThumbprint, two.secured?.remoteThumbprint],
    /** Carries what a side says of new paths to the other. */
    signal(from: Side, change = (sdp: string) => sdp): string[] {
      const [here, there] = from === 'offerer' ? [rooms.offerer, rooms.answerer] : [rooms.answerer, rooms.offerer];
      const said: string[] = [];
      here.peer.on('update', async (sdp) => {
        said.push(sdp);
        const answer = await there.peer.acceptUpdate(change(second.rewrite(from, sdp)));
        if (answer === null) return;
        const back = second.rewrite(from === 'offerer' ? 'answerer' : 'offerer', answer.sdp);
        await here.peer.acceptUpdateAnswer(back, answer.answers);
      });
      return said;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([rooms.offerer[Symbol.asyncDispose](), rooms.answerer[Symbol.asyncDispose]()]);
      await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
    }
  };
}

const flows = async (...rooms: readonly Room[]): Promise<void> => {
  const before = rooms.map((room) => room.received());
  await until(() => rooms.every((room, index) => room.received() > (before[index] ?? 0) + 10), 'media', 15_000);
};
const mediaOn = (relay: Relay) => relay.seen.filter(({ data }) => isMediaDatagram(data)).length;
const credentialsOf = (sdp: string) => [/a=ice-ufrag:(\S+)/.exec(sdp)?.[1], /a=ice-pwd:(\S+)/.exec(sdp)?.[1], /a=fingerprint:(.*)/.exec(sdp)?.[1]];

describe('a path behind a translation that forgets it', function () {
  this.timeout(30_000);

  for (const side of ['offerer', 'answerer'] as const) {
    it(`at the ${side}: is replaced by a new one with other credentials and the same certificates; there is no handshake`, async () => {
      await using call = await openCall();
      const said = { offerer: call.signal('offerer'), answerer: call.signal('answerer') };
      await flows(call.offerer, call.answerer);
      const startMs = performance.now();
      await call.first.rebind(side);
      const before = [call.offerer.received(), call.answerer.received()];
      await until(() => mediaOn(call.second) > 20, 'media on the new path', 15_000);
      await flows(call.offerer, call.answerer);
      console.log(`      both ways on the new path after ${(performance.now() - startMs).toFixed(0)} ms; received before it: ${before.join(', ')}`);
      const sent = [...said.offerer, ...said.answerer].map(credentialsOf);
      assert.ok(sent.length >= 1);
      assert.equal(new Set(sent.map(([ufrag]) => ufrag)).size, sent.length);
      assert.equal(call.second.seen.filter(({ data }) => isDtlsDatagram(data)).length, 0, 'handshake or other DTLS on the new path');
      assert.deepEqual([call.offerer.failure(), call.answerer.failure()], [null, null]);
      // The old one is given up.
      await pause(1_500);
      const old = mediaOn(call.first);
      await flows(call.offerer, call.answerer);
      assert.equal(mediaOn(call.first), old);
    });
  }
});

/** A call that has moved to a new path, because the old one carried nothing more. */
async function moved() {
  const call = await openCall();
  call.signal('offerer');
  call.signal('answerer');
  await flows(call.offerer, call.answerer);
  await call.first.rebind('offerer');
  await until(() => mediaOn(call.second) > 20, 'media on the new path', 15_000);
  await flows(call.offerer, call.answerer);
  return call;
}

describe('who has recorded the old path', function () {
  this.timeout(30_000);

  it('gets no answer to its checks, and no datagram of it taken, on the new path, from there or from elsewhere', async () => {
    await using call = await moved();
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    let answers = 0;
    stranger.on('message', () => {
      answers += 1;
    });
    const recorded = call.first.seen.filter(({ from }) => from === 'offerer').map(({ data }) => data);
    const checks = recorded.filter((data) => (data[0] ?? 0xff) < 4);
    const media = recorded.filter(isMediaDatagram).slice(-50);
    assert.ok(checks.length > 0 && media.length === 50);
    const { address, port } = call.second.address('answerer');
    const seen = new Set<number>();
    let doubled = 0;
    call.answerer.peer.on('rtp', (_kind, { sequenceNumber }) => {
      if (seen.has(sequenceNumber)) doubled += 1;
      seen.add(sequenceNumber);
    });
    for (const data of [...checks, ...media]) {
      stranger.send(data, port, address);
      call.second.inject('answerer', data);
    }
    await pause(SILENCE_MS);
    stranger.close();
    assert.deepEqual([answers, doubled], [0, 0]);
    await flows(call.offerer, call.answerer);
    assert.deepEqual([call.offerer.failure(), call.answerer.failure()], [null, null]);
  });
});

describe('who stands in the signaling', function () {
  this.timeout(30_000);
  const another = (sdp: string) => sdp.replace(/a=fingerprint:sha-256 .*/, `a=fingerprint:sha-256 ${'00:'.repeat(31)}01`);

  it('ends the call with an update that names another certificate', async () => {
    await using call = await openCall();
    call.signal('offerer', another);
    await flows(call.offerer, call.answerer);
    await call.first.rebind('answerer');
    await until(() => call.answerer.failure() !== null, 'the end', 10_000);
    assert.deepEqual(call.answerer.failure()?.code, 'CL_SECURITY_RENEGOTIATION');
  });

  it('ends the call with an answer that does, also when nothing was asked', async () => {
    await using call = await openCall();
    let offer = '';
    call.offerer.peer.on('update', (sdp) => {
      offer = sdp;
    });
    await call.first.rebind('answerer');
    await until(() => offer !== '', 'an update', 10_000);
    const answer = await call.answerer.peer.acceptUpdate(call.second.rewrite('offerer', offer));
    assert.ok(answer);
    await call.offerer.peer.acceptUpdateAnswer(another(answer.sdp), 'nobody');
    assert.equal(call.offerer.failure()?.code, 'CL_SECURITY_RENEGOTIATION');
  });

  it('changes nothing with updates that do not fit, lead nowhere, or come a hundred in a second', async () => {
    await using call = await openCall();
    await flows(call.offerer, call.answerer);
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
    const before = sockets();
    const perPath = before / 2;
    const template = call.offer;
    const answers: Promise<unknown>[] = [];
    let most = 0;
    const startMs = performance.now();
    for (let index = 0; index < 100; index++) {
      const update = template.replaceAll(/a=ice-ufrag:\S+/g, `a=ice-ufrag:flood${index}`);
      answers.push(call.answerer.peer.acceptUpdate(update));
      await pause(10);
      most = Math.max(most, sockets());
    }
    for (const unfit of ['', 'v=0', template.replaceAll(/a=ice-pwd:\S+/g, 'a=ice-pwd:short'), template.replaceAll('a=mid:0', 'a=mid:1')]) {
      assert.equal(await call.answerer.peer.acceptUpdate(unfit), null);
    }
    // The last one waits for its turn.
    const answered = (await Promise.all(answers)).filter((answer) => answer !== null).length;
    console.log(`      ${answered} of 100 taken; ${most} sockets instead of ${before}`);
    // Four at once, and one for each second that it took.
    const seconds = (performance.now() - startMs) / 1_000;
    assert.ok(answered >= 1 && answered <= 5 + seconds, `${answered} answers in ${seconds.toFixed(1)} s`);
    assert.ok(most <= before + 5 * perPath, `${most} sockets`);
    await flows(call.offerer, call.answerer);
    await until(() => sockets() <= before, 'the sockets of paths that led nowhere are closed', 15_000);
    assert.deepEqual([call.offerer.failure(), call.answerer.failure()], [null, null]);
  });
});
