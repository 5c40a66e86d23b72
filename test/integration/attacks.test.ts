// Attackers against two running rooms, seen as the people see them: what the panels' state says, who noticed, and that no media flows.
// The hostile broker holds no key of the organisation; where signatures are switched off it is as strong as an attacker on signaling can be.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { commitment } from '../../src/encryption/security-code.ts';
import { issueEndpoint, makeAuthority, parseKey } from '../../src/identity/certificate-authority.ts';
import { signEnvelope } from '../../src/identity/envelope.ts';
import { accountIdOf } from '../../src/identity/names.ts';
import type { EndpointIdentity } from '../../src/identity/port.ts';
import { identityOf, readAuthority, readIdentity } from '../../src/identity/store.ts';
import { loadTrustStore } from '../../src/identity/trust-store.ts';
import { type ErrorCode, errorCodes } from '../../src/kernel/error-codes.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import type { CallView, RoomState, SecurityEvent } from '../../src/room/state.ts';
import { topics } from '../../src/signaling/topics.ts';
import { createRelay, decrypts, isDtlsDatagram, isMediaDatagram, type Relay, stockParty, terminateDtls } from '../fakes/dtls-attacker.ts';
import { oddCertificate } from '../fakes/signaling-certificates.ts';
import { openRoom, until } from '../fakes/signaling-world.ts';
import { type Body, bodyOf, type Carried, createHostileBroker, type HostileBroker, withBody } from '../harness/hostile-broker.ts';
import { udpPortsOf } from '../harness/processes.ts';
import { bothConnected, bothEnded, startTwoRooms, type TwoRooms } from '../harness/two-rooms.ts';

const LIMITS = { inviteTimeoutSeconds: 5, connectTimeoutMs: 4_000 };
/** As long as a room that were fooled would need to ring or to connect. */
const SILENCE_MS = 700;
const SWAPPED = createCallCertificate(Date.now());

async function attacked(options: { unsigned?: boolean; policies?: readonly [string, string] } = {}): Promise<{ broker: HostileBroker; pair: TwoRooms }> {
  const broker = createHostileBroker();
  const pair = await startTwoRooms({
    makeBroker: broker.make,
    config: (index) => ({
      identity: options.unsigned ? { acceptUnsigned: true } : {},
      encryption: { policy: options.policies?.[index] ?? 'DisabledUserOverride' },
      call: LIMITS
    })
  });
  return { broker, pair };
}

const fingerprintLine = (sha256: Uint8Array): string =>
  `a=fingerprint:sha-256 ${[...sha256].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':')}`;
const withFingerprint = (sdp: string): string => sdp.replace(/a=fingerprint:sha-256 .*/g, fingerprintLine(SWAPPED.thumbprint));
const sdpOf = (body: Body): string => String(body['sdp']);
const swapFingerprint = ({ payload }: Carried): Buffer => withBody(payload, (body) => ({ ...body, sdp: withFingerprint(sdpOf(body)) }));
const without = (body: Body, member: string): Body => Object.fromEntries(Object.entries(body).filter(([name]) => name !== member));

const events = (state: RoomState): readonly SecurityEvent[] => state.health.securityEvents;

function noticed(state: RoomState, code: ErrorCode, detectedBy: string, text: string = errorCodes[code].text): void {
  const found = events(state).find((event) => event.code === code);
  assert.ok(found, `${state.room.name} did not notice ${code}: ${JSON.stringify(events(state))}`);
  assert.equal(found.detectedBy, detectedBy);
  assert.equal(found.text, text);
}

/** The call ended, red, without a code, and says why. */
function failed(call: CallView | null, code: ErrorCode | null, by: 'here' | 'there', text: string): void {
  assert.equal(call?.phase, 'ended');
  assert.deepEqual(call.ended, { reason: 'security-check-failed', by, code, text });
  assert.equal(call.encryption.state, 'failed');
  assert.equal(call.encryption.securityCode, null);
}

/** Watches both rooms until the test is over: nothing that promises security may be seen in between. */
function watch(pair: TwoRooms): { readonly shown: Set<string>; stop(): Promise<void> } {
  const shown = new Set<string>();
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const { call } of await pair.states()) {
        // What a call had been is still said after its end.
        if (call === null || call.phase === 'ended') continue;
        if (call.encryption.state !== null) shown.add(call.encryption.state);
        if (call.encryption.securityCode !== null) shown.add('a code');
        if (call.phase === 'connected') shown.add('connected');
      }
      await pause(10);
    }
  })();
  return {
    shown,
    async stop() {
      over = true;
      await watching;
    }
  };
}

describe('a broker in the middle of two rooms that check signatures', function () {
  this.timeout(90_000);

  it('control: with an honest one the call is verified, and the code is the same', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    await pair.placeCall();
    const [caller, callee] = await pair.states();
    assert.deepEqual([caller.call?.encryption.state, callee.call?.encryption.state], ['end-to-end-verified', 'end-to-end-verified']);
    assert.equal(caller.call?.encryption.securityCode, callee.call?.encryption.securityCode);
    assert.deepEqual([events(caller), events(callee)], [[], []]);
    assert.ok(['call.invite', 'call.ringing', 'call.answer', 'call.reveal'].every((type) => broker.seen.some((message) => message.type === type)));
  });

  it('swaps the fingerprint in the invite: it does not ring, and the called room says that the signature is wrong', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    broker.tamper((message) => (message.type === 'call.invite' ? swapFingerprint(message) : message.payload));
    const watcher = watch(pair);
    await pair.placeCall({ answer: false });
    await pair.waitFor('the called room notices', ([, callee]) => events(callee).length > 0);
    const [caller, callee] = await pair.waitFor('the caller gives up', ([state]) => state.call?.phase === 'ended');
    await watcher.stop();
    noticed(callee, 'CL_ENVELOPE_SIGNATURE', 'envelope');
    assert.equal(callee.call, null);
    assert.deepEqual(caller.call?.ended, { reason: 'timeout', by: 'here', code: 'CL_CALL_TIMEOUT', text: 'Nobody answered.' });
    assert.deepEqual([...watcher.shown], []);
  });

  it('swaps it in the answer: the caller refuses, and neither side is connected', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    broker.tamper((message) => (message.type === 'call.answer' ? swapFingerprint(message) : message.payload));
    const watcher = watch(pair);
    await pair.placeCall({ answer: false });
    await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    await pair.rooms[1].act('answer');
    const [caller, callee] = await pair.waitFor('both ended', bothEnded);
    await watcher.stop();
    noticed(caller, 'CL_ENVELOPE_SIGNATURE', 'envelope');
    assert.ok(['timeout', 'media-failed'].includes(caller.call?.ended?.reason ?? ''));
    assert.ok(['timeout', 'media-failed'].includes(callee.call?.ended?.reason ?? ''));
    assert.deepEqual([...watcher.shown], []);
  });

  it('strips the encryption from the invite: the same', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    broker.tamper(({ type, payload }) => (type === 'call.invite' ? withBody(payload, (body) => without(body, 'encryption')) : payload));
    await pair.placeCall({ answer: false });
    const [, callee] = await pair.waitFor('the called room notices', (now) => events(now[1]).length > 0);
    noticed(callee, 'CL_ENVELOPE_SIGNATURE', 'envelope');
    assert.equal(callee.call, null);
  });

  it('hands out an invite again, in the call, after it and after a restart: it does not ring a second time', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const id = await pair.placeCall();
    const invite = broker.seen.find(({ type }) => type === 'call.invite');
    assert.ok(invite);
    broker.deliver(invite.topic, invite.payload);
    await pair.waitFor('the called room notices', ([, callee]) => events(callee).length > 0);
    const [, during] = await pair.states();
    noticed(during, 'CL_ENVELOPE_REPLAYED', 'envelope');
    assert.deepEqual([during.call?.id, during.call?.phase], [id, 'connected']);
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
    broker.deliver(invite.topic, invite.payload);
    await pause(SILENCE_MS);
    const [, after] = await pair.states();
    assert.deepEqual([after.call?.id, after.call?.phase], [id, 'ended']);
    await pair.rooms[1].stop();
    await pair.rooms[1].start();
    await pair.waitFor('the room is back', ([, callee]) => callee.network.broker === 'connected');
    broker.deliver(invite.topic, invite.payload);
    await pause(SILENCE_MS);
    assert.equal((await pair.rooms[1].http.state()).call, null);
  });

  it('hands out the answer of an earlier call: the later one keeps ringing', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    await pair.placeCall();
    const earlier = broker.seen.find(({ type }) => type === 'call.answer');
    assert.ok(earlier);
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
    const id = await pair.placeCall({ answer: false });
    await pair.waitFor('it rings', ([caller]) => caller.call?.phase === 'ringing');
    broker.deliver(earlier.topic, earlier.payload);
    const [caller] = await pair.waitFor('the caller notices', ([state]) => events(state).length > 0);
    noticed(caller, 'CL_ENVELOPE_REPLAYED', 'envelope');
    assert.deepEqual([caller.call?.id, caller.call?.phase, caller.call?.encryption.state], [id, 'ringing', null]);
  });

  it('keeps an answer back and hands it out in the next call: it does not count there', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    let kept: Carried | null = null;
    broker.tamper((message) => {
      if (message.type !== 'call.answer' || kept !== null) return message.payload;
      kept = message;
      return null;
    });
    await pair.placeCall({ answer: false });
    await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    await pair.rooms[1].act('answer');
    await pair.waitFor('the answer is kept back', () => kept !== null);
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
    const id = await pair.placeCall({ answer: false });
    await pair.waitFor('it rings again', ([caller]) => caller.call?.phase === 'ringing');
    const { topic, payload } = kept as unknown as Carried;
    broker.deliver(topic, payload);
    await pause(SILENCE_MS);
    const [caller, callee] = await pair.states();
    assert.deepEqual([caller.call?.id, caller.call?.phase], [id, 'ringing']);
    await pair.rooms[1].act('answer');
    const [first, second] = await pair.waitFor('the real answer counts', bothConnected);
    assert.equal(first.call?.encryption.securityCode, second.call?.encryption.securityCode);
    assert.equal(callee.call?.id, id);
  });
});

describe('callers that may not call', function () {
  this.timeout(60_000);

  /** An invite as the identity signs it, put into the called room's inbox. */
  async function inviteFrom(
    pair: TwoRooms,
    broker: HostileBroker,
    caller: Pick<EndpointIdentity, 'key' | 'chain' | 'account' | 'endpointId'>,
    sign = caller
  ): Promise<void> {
    const to = { account: pair.rooms[1].account };
    const from = { account: caller.account, endpoint: caller.endpointId };
    const iat = Math.floor(Date.now() / 1000);
    await using party = stockParty();
    const body = {
      sdp: await party.offer(),
      encryption: { offered: true, commitment: Buffer.from(commitment(randomBytes(32))).toString('hex') },
      media: { audio: true, video: true },
      displayName: 'Boardroom'
    };
    const id = () => uuidV7(Date.now(), randomBytes(10));
    const content = { v: 1 as const, id: id(), type: 'call.invite', call: id(), from, to, iat, exp: iat + 60, body };
    const payload = await signEnvelope({ ...(sign as EndpointIdentity) }, content);
    broker.deliver(topics.accountInbox(accountIdOf(to.account), caller.endpointId), payload);
  }

  async function refused(pair: TwoRooms, code: ErrorCode): Promise<void> {
    const [, callee] = await pair.waitFor(`the called room says ${code}`, (now) => events(now[1]).length > 0);
    noticed(callee, code, 'envelope', events(callee)[0]?.text ?? '');
    assert.ok((events(callee)[0]?.text ?? '').length > 20, 'the people are told nothing');
    assert.equal(callee.call, null);
  }

  const partOf = (odd: Awaited<ReturnType<typeof oddCertificate>>, account: string): EndpointIdentity =>
    ({ account, endpointId: odd.endpointId, key: parseKey(odd.keyPem), chain: [Buffer.from(odd.der).toString('base64')] }) as unknown as EndpointIdentity;

  it('control: a third endpoint of the organisation rings', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const authority = await readAuthority(pair.identities.authority);
    const third = await identityOf(await issueEndpoint(authority, 'library@contoso.example', Date.now()), authority.certificatePem);
    await inviteFrom(pair, broker, third);
    const [, callee] = await pair.waitFor('it rings', ([, state]) => state.call?.phase === 'ringing');
    assert.deepEqual([callee.call?.peer.account, callee.call?.peer.identity], ['library@contoso.example', 'verified']);
    assert.deepEqual(events(callee), []);
  });

  it('one whose certificate is expired', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const odd = await oddCertificate(await readAuthority(pair.identities.authority), Date.now() - 40 * 86_400_000, { notAfterMs: Date.now() - 60_000 });
    await inviteFrom(pair, broker, partOf(odd, 'boardroom@contoso.example'));
    await refused(pair, 'CL_ENVELOPE_CERTIFICATE_EXPIRED');
  });

  it('one of an organisation that nobody here trusts', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const stranger = await makeAuthority('stranger.example', Date.now());
    await inviteFrom(pair, broker, await identityOf(await issueEndpoint(stranger, 'eve@stranger.example', Date.now()), stranger.certificatePem));
    await refused(pair, 'CL_ENVELOPE_UNTRUSTED');
  });

  it('one whose own authority has the name of the organisation', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const impostor = await makeAuthority('contoso.example', Date.now());
    await inviteFrom(pair, broker, await identityOf(await issueEndpoint(impostor, 'boardroom@contoso.example', Date.now()), impostor.certificatePem));
    await refused(pair, 'CL_ENVELOPE_UNTRUSTED');
  });

  it('one that shows the other room’s certificate and has no key of it', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const genuine = await readIdentity(join(pair.rooms[0].folder, 'identity'));
    const stranger = await makeAuthority('contoso.example', Date.now());
    const own = await identityOf(await issueEndpoint(stranger, genuine.account, Date.now()), stranger.certificatePem);
    await inviteFrom(pair, broker, genuine, { ...genuine, key: own.key });
    await refused(pair, 'CL_ENVELOPE_SIGNATURE');
  });

  it('one of the organisation in the name of another', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const authority = await readAuthority(pair.identities.authority);
    const third = await identityOf(await issueEndpoint(authority, 'library@contoso.example', Date.now()), authority.certificatePem);
    await inviteFrom(pair, broker, { ...third, account: pair.rooms[0].account });
    await refused(pair, 'CL_ENVELOPE_SENDER_MISMATCH');
  });
});

describe('a certified caller whose security code contribution is a lie', function () {
  this.timeout(60_000);

  it('reveals another nonce than it committed to: the called room ends the call and says so', async () => {
    const pair = await startTwoRooms({ config: () => ({ call: LIMITS }) });
    await using _ = pair;
    const authority = await readAuthority(pair.identities.authority);
    const liar = await identityOf(await issueEndpoint(authority, 'library@contoso.example', Date.now()), authority.certificatePem);
    const trust = await loadTrustStore({ authorities: [join(pair.identities.authority, 'ca.pem')], revocationLists: [] });
    await using room = openRoom(liar, trust, { url: pair.broker.url, caPem: liar.caPem });
    await room.started;
    await using party = stockParty();
    const call = uuidV7(Date.now(), randomBytes(10));
    const committed = Buffer.from(commitment(randomBytes(32))).toString('hex');
    const encryption = { offered: true, commitment: committed };
    const body = { sdp: await party.offer(), encryption, media: { audio: true, video: true }, displayName: 'Library' };
    await room.signaling.send({ account: pair.rooms[1].account }, call, { type: 'call.invite', body });
    await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    const watcher = watch(pair);
    await pair.rooms[1].act('answer');
    await until(() => room.received.some(({ message }) => message.type === 'call.answer'), 'the answer');
    const answer = room.received.find(({ message }) => message.type === 'call.answer');
    assert.ok(answer?.message.type === 'call.answer');
    await party.accept(answer.message.body.sdp);
    await party.outcome;
    await room.signaling.send(answer.from, call, { type: 'call.reveal', body: { nonce: randomBytes(32).toString('hex') } });
    const [, callee] = await pair.waitFor('the called room ends it', ([, state]) => state.call?.phase === 'ended');
    await watcher.stop();
    failed(callee.call, 'CL_SECURITY_COMMITMENT', 'here', errorCodes.CL_SECURITY_COMMITMENT.text);
    noticed(callee, 'CL_SECURITY_COMMITMENT', 'commitment');
    await until(() => room.received.some(({ message }) => message.type === 'call.end'), 'the end at the caller');
    assert.deepEqual(room.received.find(({ message }) => message.type === 'call.end')?.message.body, { reason: 'security-check-failed' });
    assert.deepEqual([...watcher.shown], []);
    assert.equal(party.mediaDatagrams(), 0, 'media went to the liar');
  });

  it('sends a second fingerprint in a later description: the call ends on both sides', async () => {
    const { broker, pair } = await attacked();
    await using _ = pair;
    const id = await pair.placeCall();
    const invite = broker.seen.find(({ type }) => type === 'call.invite');
    assert.ok(invite);
    // The other room itself does it: signed as it should be.
    const peer = await readIdentity(join(pair.rooms[0].folder, 'identity'));
    const callee = await readIdentity(join(pair.rooms[1].folder, 'identity'));
    const sdp = sdpOf(bodyOf(invite)).replace(/a=fingerprint:sha-256 .*/, (line) => `${line}\r\n${fingerprintLine(SWAPPED.thumbprint)}`);
    const iat = Math.floor(Date.now() / 1000);
    const party = (identity: EndpointIdentity) => ({ account: identity.account, endpoint: identity.endpointId });
    const content = { v: 1 as const, id: uuidV7(Date.now(), randomBytes(10)), type: 'call.update', call: id, from: party(peer), to: party(callee) };
    broker.deliver(topics.endpointInbox(callee.endpointId, peer.endpointId), await signEnvelope(peer, { ...content, iat, exp: iat + 60, body: { sdp } }));
    const [atCaller, atCallee] = await pair.waitFor('both ended', bothEnded);
    noticed(atCallee, 'CL_SECURITY_RENEGOTIATION', 'fingerprint', atCallee.call?.ended?.text ?? '');
    failed(atCallee.call, 'CL_SECURITY_RENEGOTIATION', 'here', atCallee.call?.ended?.text ?? '');
    failed(atCaller.call, null, 'there', 'A security check failed on the other side.');
    assert.equal(events(atCaller)[0]?.detectedBy, 'other-side');
  });
});

describe('where signatures are switched off, an attacker on signaling and on the media path', function () {
  this.timeout(90_000);

  /** On the path of signaling and media: the rooms see each other at the relay's addresses, with `description` said in place of theirs. */
  function standBetween(broker: HostileBroker, relay: Relay, description: (sdp: string) => string): void {
    broker.tamper(({ type, payload }) => {
      if (type === 'call.candidate') return null;
      if (type !== 'call.invite' && type !== 'call.answer') return payload;
      const from = type === 'call.invite' ? 'offerer' : 'answerer';
      return withBody(payload, (body) => ({ ...body, sdp: description(relay.rewrite(from, sdpOf(body))) }));
    });
  }

  async function answeredCall(pair: TwoRooms): Promise<void> {
    await pair.placeCall({ answer: false });
    await pair.waitFor('it rings', ([caller, callee]) => callee.call?.phase === 'ringing' && caller.call?.phase === 'ringing');
    await pair.rooms[1].act('answer');
  }

  it('swaps the fingerprints and ends DTLS itself: it hears all, the codes differ, neither is verified, and people end it', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    await using relay = await createRelay();
    const attack = terminateDtls(relay, { offerer: SWAPPED, answerer: SWAPPED });
    standBetween(broker, relay, withFingerprint);
    const watcher = watch(pair);
    await answeredCall(pair);
    const connected = await pair.waitFor('both think they are connected', (now) => now.every(({ call }) => call?.phase === 'connected'));
    const rtp = () => relay.seen.find(({ from, data }) => from === 'answerer' && isMediaDatagram(data) && ((data[1] ?? 0) < 192 || (data[1] ?? 0) > 223));
    await until(() => rtp() !== undefined, 'media at the attacker');
    assert.ok(attack.keys.answerer && decrypts(attack.keys.answerer, rtp()?.data ?? Buffer.alloc(0)), 'control: the attack works');
    const [caller, callee] = connected;
    assert.notEqual(caller.call?.encryption.securityCode, callee.call?.encryption.securityCode);
    for (const { call } of connected) {
      assert.match(call?.encryption.securityCode ?? '', /^(\d{5} ){3}\d{5}$/);
      assert.deepEqual([call?.encryption.state, call?.encryption.confirmedBy, call?.peer.identity], ['end-to-end', null, 'unverified']);
    }
    await pair.rooms[1].act('codes-differ');
    const [atCaller, atCallee] = await pair.waitFor('both ended', bothEnded);
    await watcher.stop();
    failed(atCallee.call, 'CL_SECURITY_CODES_DIFFER', 'here', 'The people here said that the security codes do not match.');
    failed(atCaller.call, 'CL_SECURITY_CODES_DIFFER', 'there', 'The people on the other side said that the security codes do not match.');
    noticed(atCallee, 'CL_SECURITY_CODES_DIFFER', 'people', atCallee.call?.ended?.text ?? '');
    noticed(atCaller, 'CL_SECURITY_CODES_DIFFER', 'people', atCaller.call?.ended?.text ?? '');
    assert.ok(!watcher.shown.has('end-to-end-verified'));
  });

  it('ends DTLS with a certificate of its own while the descriptions stay: both refuse', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    await using relay = await createRelay();
    terminateDtls(relay, { offerer: SWAPPED, answerer: SWAPPED });
    standBetween(broker, relay, (sdp) => sdp);
    const watcher = watch(pair);
    await answeredCall(pair);
    const states = await pair.waitFor('both ended', bothEnded);
    await watcher.stop();
    for (const { call } of states) assert.deepEqual([call?.ended?.reason, call?.encryption.state], ['security-check-failed', 'failed']);
    const first = states.find(({ call }) => call?.ended?.by === 'here');
    assert.ok(first);
    noticed(first, 'CL_SECURITY_FINGERPRINT', 'fingerprint', first.call?.ended?.text ?? '');
    assert.deepEqual([...watcher.shown], []);
    assert.equal(relay.seen.filter(({ data }) => isMediaDatagram(data)).length, 0, 'media went to the attacker');
  });

  it('sends a ClientHello, alerts and rubbish into the running call, from the other side’s address and from another: it goes on', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    await using relay = await createRelay();
    standBetween(broker, relay, (sdp) => sdp);
    await answeredCall(pair);
    const before = await pair.waitFor('picture and sound', bothConnected);
    const hello = relay.seen.find(({ data }) => isDtlsDatagram(data) && data[13] === 1)?.data;
    assert.ok(hello, 'control: the handshake went through the relay');
    const spoken = relay.seen.filter(({ data }) => isDtlsDatagram(data)).length;
    const stranger = createSocket('udp4');
    try {
      const alert = Buffer.from('15fefd000000000000ffff00020228', 'hex');
      for (const room of pair.rooms) {
        const ports = await udpPortsOf((await room.callProcess()) ?? 0);
        assert.ok(ports.length > 0);
        for (const port of ports) for (const datagram of [hello, alert, randomBytes(200), Buffer.alloc(0)]) stranger.send(datagram, port, '127.0.0.1');
      }
      for (const side of ['offerer', 'answerer'] as const) for (const datagram of [hello, alert, randomBytes(200)]) relay.inject(side, datagram);
    } finally {
      stranger.close();
    }
    const after = await pair.waitFor('media goes on', (now) =>
      now.every(({ call }, index) => (call?.media.video.framesReceived ?? 0) > (before[index]?.call?.media.video.framesReceived ?? 0) + 30)
    );
    for (const [index, { call }] of after.entries()) {
      assert.deepEqual([call?.phase, call?.encryption], ['connected', before[index]?.call?.encryption]);
      assert.equal(call?.mediaEpoch, before[index]?.call?.mediaEpoch);
    }
    assert.equal(relay.seen.filter(({ data }) => isDtlsDatagram(data)).length, spoken, 'a room answered the handshake');
  });

  it('puts the answer of an earlier call into the later one: it is never connected', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    await pair.placeCall();
    const earlier = broker.seen.find(({ type }) => type === 'call.answer');
    assert.ok(earlier);
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
    broker.tamper(({ type, payload }) => (type === 'call.answer' ? withBody(payload, () => bodyOf(earlier)) : payload));
    const watcher = watch(pair);
    await answeredCall(pair);
    const states = await pair.waitFor('both ended', bothEnded);
    await watcher.stop();
    for (const { call } of states) assert.notEqual(call?.ended?.reason, 'hangup');
    assert.deepEqual([...watcher.shown], []);
  });

  for (const [what, type, change, detector] of [
    ['the caller’s nonce as it is revealed', 'call.reveal', () => ({ nonce: randomBytes(32).toString('hex') }), 1],
    ['the commitment', 'call.invite', (body: Body) => ({ ...body, encryption: { offered: true, commitment: randomBytes(32).toString('hex') } }), 1]
  ] as const) {
    it(`changes ${what}: the called room notices, and both end`, async () => {
      const { broker, pair } = await attacked({ unsigned: true });
      await using _ = pair;
      broker.tamper((message) => (message.type === type ? withBody(message.payload, change) : message.payload));
      await answeredCall(pair);
      const states = await pair.waitFor('both ended', bothEnded);
      const [caller, callee] = states;
      noticed(states[detector], 'CL_SECURITY_COMMITMENT', 'commitment');
      failed(callee.call, 'CL_SECURITY_COMMITMENT', 'here', errorCodes.CL_SECURITY_COMMITMENT.text);
      failed(caller.call, null, 'there', 'A security check failed on the other side.');
      assert.equal(events(caller)[0]?.detectedBy, 'other-side');
    });
  }

  it('changes the called room’s nonce: the codes differ', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    const other = createHash('sha256').update('another').digest('hex');
    broker.tamper(({ type, payload }) =>
      type === 'call.answer' ? withBody(payload, (body) => ({ ...body, encryption: { accepted: true, nonce: other } })) : payload
    );
    await answeredCall(pair);
    const states = await pair.waitFor('both are connected', (now) => now.every(({ call }) => call?.phase === 'connected'));
    const [caller, callee] = states;
    assert.notEqual(caller.call?.encryption.securityCode, callee.call?.encryption.securityCode);
    for (const { call } of states) assert.equal(call?.encryption.state, 'end-to-end');
  });

  it('strips the encryption from the invite: a standard call, said before it is answered, and never a code', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    broker.tamper(({ type, payload }) => (type === 'call.invite' ? withBody(payload, (body) => without(body, 'encryption')) : payload));
    const watcher = watch(pair);
    await pair.placeCall({ answer: false });
    const [, ringing] = await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
    assert.deepEqual([ringing.call?.encryption.expected, ringing.call?.encryption.reason, ringing.call?.encryption.state], ['standard', 'not-offered', null]);
    await pair.rooms[1].act('answer');
    const states = await pair.waitFor('both are connected', bothConnected);
    await watcher.stop();
    assert.deepEqual(
      states.map(({ call }) => call?.encryption.state),
      ['standard', 'standard']
    );
    assert.deepEqual([...watcher.shown].sort(), ['connected', 'standard']);
  });

  it('strips it where the called room requires it: no call', async () => {
    const { broker, pair } = await attacked({ unsigned: true, policies: ['DisabledUserOverride', 'Required'] });
    await using _ = pair;
    broker.tamper(({ type, payload }) => (type === 'call.invite' ? withBody(payload, (body) => without(body, 'encryption')) : payload));
    await pair.placeCall({ answer: false });
    const [caller, callee] = await pair.waitFor('the caller is refused', ([state]) => state.call?.phase === 'ended');
    assert.deepEqual(caller.call?.ended, { reason: 'policy', by: 'there', code: null, text: 'The other side’s policy does not allow this call.' });
    assert.equal(callee.call, null);
  });

  it('strips it from the answer only: the sides disagree, and nobody is shown a shield', async () => {
    const { broker, pair } = await attacked({ unsigned: true });
    await using _ = pair;
    broker.tamper(({ type, payload }) => (type === 'call.answer' ? withBody(payload, (body) => without(body, 'encryption')) : payload));
    const watcher = watch(pair);
    await answeredCall(pair);
    await pair.waitFor('both ended', bothEnded);
    await watcher.stop();
    assert.ok(!watcher.shown.has('end-to-end') && !watcher.shown.has('end-to-end-verified') && !watcher.shown.has('a code'), [...watcher.shown].join());
  });

  it('strips it from the answer where the caller requires it: the caller ends the call', async () => {
    const { broker, pair } = await attacked({ unsigned: true, policies: ['Required', 'DisabledUserOverride'] });
    await using _ = pair;
    broker.tamper(({ type, payload }) => (type === 'call.answer' ? withBody(payload, (body) => without(body, 'encryption')) : payload));
    await answeredCall(pair);
    const [caller, callee] = await pair.waitFor('both ended', bothEnded);
    assert.deepEqual([caller.call?.ended?.reason, caller.call?.ended?.by], ['policy', 'here']);
    assert.deepEqual([callee.call?.ended?.reason, callee.call?.ended?.by], ['policy', 'there']);
  });
});
