// Two honest ends of one association on a clock that stands still, with a tap on every datagram. The one under fire, the target, gets its peer's records one by
// one, so that it can be stopped at any message of the handshake.
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { type CallCertificate, createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createDtlsConnection, type DtlsConnection, type DtlsRole, type Established } from '../../src/media/secure-transport/dtls/connection.ts';
import { type TrafficKeys, trafficKeys } from '../../src/media/secure-transport/dtls/key-schedule.ts';
import { STANDARD_POLICY } from '../../src/media/secure-transport/dtls/registry.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import { believable, readHello, recordsOf, SERVER_HELLO } from './wire-format.ts';

export const PEER_ADDRESS = '192.0.2.7:50000';
const ROUND_TRIP_MS = 20;
/** Who the two endpoints are (RFC 8844). */
const BINDINGS = { client: Buffer.alloc(32, 'client'), server: Buffer.alloc(32, 'server') } as const;
/** What both sides prefer: a handshake that agrees on less was tampered with. */
const BEST = { suite: STANDARD_POLICY.suites[0], group: STANDARD_POLICY.groups[0]?.name, srtpProfile: STANDARD_POLICY.srtpProfiles[0]?.name };
/** A handshake may end by these and no other (the port's contract). */
const HANDSHAKE_CODES = ['CL_SECURITY_HANDSHAKE', 'CL_SECURITY_FINGERPRINT', 'CL_MEDIA_CONNECT'];

export type Certificates = Readonly<Record<DtlsRole, CallCertificate>>;
export type Side = {
  readonly connection: DtlsConnection;
  /** Everything that it sent. */
  readonly said: Buffer[];
  /** How run() ended; null before. */
  outcome: Established | CloisterError | null;
  readonly closed: CloisterError[];
  heard: number;
  secretLine: string;
  /** Ways of ending that are none. */
  readonly faults: string[];
};
export type HonestPair = {
  readonly clock: FakeClock;
  readonly target: Side;
  readonly peer: Side;
  readonly targetRole: DtlsRole;
  /** The peer's records that the target did not get yet. */
  readonly waiting: Buffer[];
  /** What was said on both sides, and what it is made of. */
  corpus(): Buffer[];
  /** Gives the target so many of its peer's records. */
  deliver(records: number): void;
  /** Everything gets through from now on, for so long. */
  goOn(limitMs: number): Promise<void>;
  /** Both ends are closed and nothing is left of them. */
  close(): Promise<void>;
};

export function createCertificates(): Certificates {
  const nowMs = createFakeClock().now();
  return { client: createCallCertificate(nowMs), server: createCallCertificate(nowMs) };
}

/** Lets promises that are decided tell so. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn += 1) await null;
};

function createSide(role: DtlsRole, certificates: Certificates, clock: FakeClock): Side {
  const said: Buffer[] = [];
  const closed: CloisterError[] = [];
  const other = role === 'client' ? 'server' : 'client';
  const side: Side = {
    said,
    closed,
    outcome: null,
    heard: 0,
    secretLine: '',
    faults: [],
    connection: createDtlsConnection({
      role,
      certificate: certificates[role],
      remoteThumbprint: certificates[other].thumbprint,
      bindings: { local: BINDINGS[role], remote: BINDINGS[other] },
      fips: false,
      roundTripMs: ROUND_TRIP_MS,
      clock,
      log: silentLog,
      send: (datagram) => said.push(datagram),
      closed: (error) => closed.push(error),
      heard: () => {
        side.heard += 1;
      },
      keyLog: (line) => {
        side.secretLine = line;
      }
    })
  };
  const ended = (outcome: Established | CloisterError): void => {
    if (side.outcome !== null) side.faults.push('run() settled twice');
    side.outcome = outcome;
  };
  side.connection.run().then(ended, (error: unknown) => {
    const known = error instanceof CloisterError ? error : new CloisterError('CL_INTERNAL', String(error));
    if (!HANDSHAKE_CODES.includes(known.code)) side.faults.push(`run() failed with ${known.code}: ${known.message}`);
    if (known.cause !== undefined) side.faults.push(`a message made the handshake itself fail: ${String(known.cause)}`);
    ended(known);
  });
  return side;
}

export function createHonestPair(targetRole: DtlsRole, certificates: Certificates): HonestPair {
  const clock = createFakeClock();
  const server = createSide('server', certificates, clock);
  const client = createSide('client', certificates, clock);
  const [target, peer] = targetRole === 'client' ? [client, server] : [server, client];
  const waiting: Buffer[] = [];
  let fromTarget = 0;
  let fromPeer = 0;

  /** What the target said reaches its peer, and the answers wait. */
  const exchange = (): void => {
    for (; fromTarget < target.said.length; fromTarget += 1) peer.connection.receive(target.said[fromTarget] ?? Buffer.alloc(0), PEER_ADDRESS);
    for (; fromPeer < peer.said.length; fromPeer += 1) waiting.push(...recordsOf(peer.said[fromPeer] ?? Buffer.alloc(0)));
  };
  const deliver = (records: number): void => {
    exchange();
    for (let delivered = 0; delivered < records; delivered += 1) {
      const record = waiting.shift();
      assert.ok(record !== undefined, 'the honest handshake stands still');
      target.connection.receive(record, PEER_ADDRESS);
      exchange();
    }
  };
  const idle = (): boolean => waiting.length === 0 && fromTarget === target.said.length && fromPeer === peer.said.length;
  return {
    clock,
    target,
    peer,
    targetRole,
    waiting,
    corpus: () => [...target.said, ...peer.said, ...peer.said.flatMap(recordsOf)],
    deliver,
    async goOn(limitMs) {
      for (const endMs = clock.monotonicMs() + limitMs; ; clock.advance(25)) {
        for (let rounds = 0; !idle(); rounds += 1) {
          assert.ok(rounds < 1_000, 'both ends answer each other without end');
          exchange();
          if (waiting.length > 0) deliver(1);
        }
        await settle();
        if ((target.outcome !== null && peer.outcome !== null) || clock.monotonicMs() >= endMs) return;
      }
    },
    async close() {
      for (const { connection } of [target, peer]) connection.close();
      await settle();
      assert.deepEqual([...target.faults, ...peer.faults], []);
      assert.equal(clock.pending, 0, 'timers are left behind by a closed association');
    }
  };
}

export const isEstablished = (outcome: Side['outcome']): outcome is Established => outcome !== null && !(outcome instanceof CloisterError);

/** Whoever is connected is connected with the honest peer, by the same keys, and with what both prefer. */
export function assertHonestKeys({ target, peer }: HonestPair, certificates: Certificates): void {
  const [one, other] = [target.outcome, peer.outcome];
  assert.ok(isEstablished(one) && isEstablished(other), 'one side is connected and the other is not');
  const secrets = [one, other].map((side) => side.exportKeyingMaterial('EXTRACTOR-dtls_srtp', 56).toString('hex'));
  assert.equal(secrets[0], secrets[1], 'both sides are connected, with different keys');
  for (const { suite, group, srtpProfile } of [one, other])
    assert.deepEqual({ suite, group, srtpProfile }, { ...BEST, suite: BEST.suite?.name }, 'both sides agreed on less than they could');
  const thumbprints = [certificates.client, certificates.server].map(({ thumbprint }) => Buffer.from(thumbprint).toString('hex')).sort();
  assert.deepEqual([one, other].map(({ remoteThumbprint }) => Buffer.from(remoteThumbprint).toString('hex')).sort(), thumbprints);
}

/** What a hostile peer of the target holds: the traffic keys, as soon as the handshake has made them. */
export function keysOf({ target, peer, targetRole }: HonestPair): TrafficKeys {
  const [, clientRandom, master] = (target.secretLine || peer.secretLine).split(' ');
  const fromServer = targetRole === 'server' ? target : peer;
  const hello = fromServer.said.flatMap(believable).find(({ type }) => type === SERVER_HELLO);
  assert.ok(hello !== undefined && clientRandom !== undefined && master !== undefined && BEST.suite !== undefined, 'there are no keys yet');
  const secret = createSecretKey(Buffer.from(master, 'hex'));
  return trafficKeys(BEST.suite, secret, Buffer.from(clientRandom, 'hex'), readHello(SERVER_HELLO, hello.data).random);
}
