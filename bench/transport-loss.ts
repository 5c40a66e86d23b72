// How often, and how soon, two peers connect through a network that loses datagrams: the whole connection (ICE and DTLS) over an impaired relay of real sockets,
// and DTLS alone over an impaired pipe in memory. The n-th try of each has the same seed, and so the same fate for its n-th datagram.
import { DtlsClient, DtlsServer, HashAlgorithm, SignatureAlgorithm } from 'werift';
import { type CallCertificate, createCallCertificate } from '../src/encryption/call-certificate.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createDtlsConnection } from '../src/media/secure-transport/dtls/connection.ts';
import type { Side } from '../test/fakes/dtls-attacker.ts';
import { certificatePemOf, keyPemOf } from '../test/fakes/pem.ts';
import { bothWays, createImpairedPipe, createImpairedRelay, type ImpairedNetwork, type ImpairedPipe } from '../test/harness/impaired-network.ts';
import { type Spread, spread } from './figures.ts';
import { makePeer, type PeerName } from './transport-peers.ts';

export const LOSS_RATES = [0, 0.1, 0.2, 0.3] as const;
const ROUND_TRIP_MS = 40;
export const CONNECT_LIMIT_MS = 10_000;
/** How many are tried at once: they wait for the network most of the time, but must not wait for each other. */
const AT_ONCE = 5;
/** The others get one try for so many of ours: enough to see where they stand. */
const OTHERS_SHARE = 5;

export type LossResult = {
  readonly part: 'whole connection' | 'DTLS alone';
  readonly implementation: PeerName;
  readonly lossRate: number;
  readonly tries: number;
  /** Milliseconds of those that connected in time. */
  readonly connected: Spread;
};

/** Milliseconds until both sides are connected. @throws where they are not, or never do */
type Try = (network: ImpairedNetwork, signal: AbortSignal) => Promise<number>;

const TRIES: readonly { readonly part: LossResult['part']; readonly implementation: PeerName; readonly attempt: Try }[] = [
  { part: 'whole connection', implementation: 'ours', attempt: (network, signal) => throughRelay('ours', network, signal) },
  { part: 'whole connection', implementation: 'libdatachannel', attempt: (network, signal) => throughRelay('libdatachannel', network, signal) },
  { part: 'whole connection', implementation: 'werift', attempt: (network, signal) => throughRelay('werift', network, signal) },
  { part: 'DTLS alone', implementation: 'ours', attempt: throughPipe(startOwn) },
  { part: 'DTLS alone', implementation: 'werift', attempt: throughPipe(startWerift) }
];

export async function benchLoss(runs: number, say: (line: string) => void): Promise<LossResult[]> {
  const results: LossResult[] = [];
  for (const { part, implementation, attempt } of TRIES) {
    for (const lossRate of LOSS_RATES) {
      const tries = implementation === 'ours' ? runs : Math.ceil(runs / OTHERS_SHARE);
      const times: number[] = [];
      let seed = 0;
      const lane = async (): Promise<void> => {
        while (seed < tries) {
          const tookMs = await inTime(attempt, ++seed, lossRate);
          if (tookMs !== null) times.push(tookMs);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
      say(`${part}, ${implementation}, ${lossRate * 100} % lost: ${times.length} of ${tries}`);
      results.push({ part, implementation, lossRate, tries, connected: spread(times) });
    }
  }
  return results;
}

async function inTime(attempt: Try, seed: number, lossRate: number): Promise<number | null> {
  const network = { seed, clock: systemClock, from: bothWays({ lossRate, delayMs: ROUND_TRIP_MS / 2 }) };
  // Not AbortSignal.timeout(): its timer is not one that keeps the process alive, and a peer that has given up has none either.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('not in time')), CONNECT_LIMIT_MS);
  try {
    const ms = await attempt(network, limit.signal);
    return ms <= CONNECT_LIMIT_MS ? ms : null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

async function throughRelay(name: PeerName, network: ImpairedNetwork, signal: AbortSignal): Promise<number> {
  await using relay = await createImpairedRelay(network);
  await using offerer = makePeer[name](null);
  await using answerer = makePeer[name](null);
  const both = Promise.all([offerer.connected, answerer.connected]);
  both.catch(() => {});
  const startMs = performance.now();
  const answer = await answerer.answer(relay.rewrite('offerer', await offerer.offer()));
  await offerer.accept(relay.rewrite('answerer', answer));
  await Promise.race([both, aborted(signal)]);
  return performance.now() - startMs;
}

type End = { take(datagram: Buffer): void; readonly done: Promise<unknown>; close(): void };
type Start = (side: Side, certificates: Readonly<Record<Side, CallCertificate>>, pipe: ImpairedPipe) => End;

/** The offerer is the DTLS server, as it is in a call. */
function throughPipe(start: Start): Try {
  return async (network, signal) => {
    using pipe = createImpairedPipe(network);
    const certificates = { offerer: createCallCertificate(Date.now()), answerer: createCallCertificate(Date.now()) };
    const startMs = performance.now();
    const ends = (['offerer', 'answerer'] as const).map((side) => {
      const end = start(side, certificates, pipe);
      pipe.onDatagram(side, end.take);
      return end;
    });
    const both = Promise.all(ends.map(({ done }) => done));
    both.catch(() => {});
    try {
      await Promise.race([both, aborted(signal)]);
      return performance.now() - startMs;
    } finally {
      for (const end of ends) end.close();
    }
  };
}

function startOwn(side: Side, certificates: Readonly<Record<Side, CallCertificate>>, pipe: ImpairedPipe): End {
  const connection = createDtlsConnection({
    role: side === 'offerer' ? 'server' : 'client',
    certificate: certificates[side],
    remoteThumbprint: certificates[side === 'offerer' ? 'answerer' : 'offerer'].thumbprint,
    bindings: null,
    fips: false,
    roundTripMs: ROUND_TRIP_MS,
    clock: systemClock,
    log: silentLog,
    send: (datagram) => pipe.send(side, datagram)
  });
  return { take: (datagram) => connection.receive(datagram, side), done: connection.run(), close: connection.close };
}

function startWerift(side: Side, certificates: Readonly<Record<Side, CallCertificate>>, pipe: ImpairedPipe): End {
  const transport = {
    type: 'pipe',
    address: { address: '', family: '', port: 0 },
    closed: false,
    onData: (_data: Buffer, _address: readonly [string, number]): void => {},
    send: async (data: Buffer): Promise<void> => pipe.send(side, data),
    close: async (): Promise<void> => {}
  };
  const options = {
    cert: certificatePemOf(certificates[side]),
    key: keyPemOf(certificates[side].privateKey),
    signatureHash: { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 },
    transport,
    srtpProfiles: [7] as 7[],
    extendedMasterSecret: true,
    certificateRequest: true
  };
  const socket = side === 'offerer' ? new DtlsServer(options) : new DtlsClient(options);
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  socket.onConnect.once(() => resolve());
  socket.onError.once((error) => reject(error));
  if (socket instanceof DtlsClient) socket.connect().catch(reject);
  return { take: (datagram) => transport.onData(datagram, ['', 0]), done, close: () => socket.close() };
}
