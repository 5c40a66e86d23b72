// DTLS alone, without loss: from the first flight until both ends are done, their certificates made beforehand. Ours and werift's are two ends in this process on UDP
// sockets of the loopback interface. libdatachannel gives no such thing: its figure is from the moment its DTLS client has a path until both ends say connected.
import { createCallCertificate } from '../src/encryption/call-certificate.ts';
import { createOwnDtls, createStockDtls } from '../test/harness/dtls-pipe.ts';
import { type Spread, spread } from './figures.ts';
import { libdatachannelPeer, type PeerName } from './transport-peers.ts';

export type HandshakeResult = { readonly times: Readonly<Record<PeerName, Spread>> /** Ours in the same run, as a multiple. */; readonly ratio: number };

/** Everything is read from disk and compiled. */
const REHEARSALS = 10;
const AEAD_SALT_BYTES = 12;

export async function benchHandshake(runs: number, say: (line: string) => void): Promise<HandshakeResult> {
  say(`DTLS alone, ${runs} handshakes each`);
  const times: Record<PeerName, number[]> = { ours: [], werift: [], libdatachannel: [] };
  for (let run = -REHEARSALS; run < runs; run++) {
    const took: Record<PeerName, number> = { ours: await own(), werift: await werift(), libdatachannel: await libdatachannel() };
    if (run >= 0) for (const name of ['ours', 'werift', 'libdatachannel'] as const) times[name].push(took[name]);
  }
  const spreads = { ours: spread(times.ours), werift: spread(times.werift), libdatachannel: spread(times.libdatachannel) };
  return { times: spreads, ratio: spreads.ours.median / spreads.libdatachannel.median };
}

async function own(): Promise<number> {
  const [here, there] = [createCallCertificate(Date.now()), createCallCertificate(Date.now())];
  await using client = await createOwnDtls({ role: 'client', certificate: here, remoteThumbprint: there.thumbprint });
  await using server = await createOwnDtls({ role: 'server', certificate: there, remoteThumbprint: here.thumbprint });
  return await both(server.run(), () => client.run(server.port));
}

async function werift(): Promise<number> {
  await using client = await createStockDtls('client', createCallCertificate(Date.now()), AEAD_SALT_BYTES);
  await using server = await createStockDtls('server', createCallCertificate(Date.now()), AEAD_SALT_BYTES);
  return await both(server.run(), () => client.run(server.port));
}

async function both(server: Promise<unknown>, startClient: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await Promise.all([server, startClient()]);
  return performance.now() - startMs;
}

async function libdatachannel(): Promise<number> {
  const accepted = Promise.withResolvers<void>();
  await using server = libdatachannelPeer(() => {});
  await using client = libdatachannelPeer((candidate) => void accepted.promise.then(() => server.addCandidate(candidate)));
  const done = Promise.all([server.connected, client.connected]).then(() => performance.now());
  // Who answers an offer of either role is the client. It learns the server's address by the server's checks alone, so that the server has its path first:
  // otherwise the first flight may come too early, and what is measured is how long libdatachannel waits until it sends it again.
  await server.accept(await client.answer(await server.offer()));
  accepted.resolve();
  return (await done) - (await client.pathAtMs);
}
