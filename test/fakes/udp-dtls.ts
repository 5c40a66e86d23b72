// Honest DTLS ends of ours on UDP sockets of the loopback interface, with everything that comes and goes to be seen, and a clock that hurries.
import { createSocket, type Socket } from 'node:dgram';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError, type CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createDtlsConnection, type DtlsOptions, type DtlsRole, type Established } from '../../src/media/secure-transport/dtls/connection.ts';
import type { Relay, Side } from './dtls-attacker.ts';
import type { Identity } from './dtls-peer.ts';

export const ROLES: readonly DtlsRole[] = ['client', 'server'];
export const otherRole = (role: DtlsRole): DtlsRole => (role === 'client' ? 'server' : 'client');
export const newIdentity = (): Identity => createCallCertificate(Date.now());

export type Ending = { readonly established: Established } | { readonly error: CloisterError };

export type UdpEnd = AsyncDisposable & {
  readonly port: number;
  readonly sent: readonly Buffer[];
  /** Begins. As client it needs to know where the server is. */
  run(serverPort?: number): Promise<Ending>;
};

/** With the shortest first timer, since the path is short. */
export const USUAL: Omit<DtlsOptions, 'role' | 'certificate' | 'remoteThumbprint' | 'send'> = {
  fips: false,
  roundTripMs: 1,
  clock: systemClock,
  log: silentLog
};

export async function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

export const closeSocket = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

/** It answers whoever spoke to it last. */
export async function createUdpEnd(role: DtlsRole, own: Identity, remoteThumbprint: Uint8Array, changes: Partial<DtlsOptions> = {}): Promise<UdpEnd> {
  const socket = await openSocket();
  const sent: Buffer[] = [];
  let remotePort = 0;
  let open = true;
  const connection = createDtlsConnection({
    ...USUAL,
    role,
    certificate: own,
    remoteThumbprint,
    send(datagram) {
      sent.push(datagram);
      if (open) socket.send(datagram, remotePort, '127.0.0.1');
    },
    ...changes
  });
  socket.on('message', (datagram, { address, port }) => {
    remotePort = port;
    connection.receive(datagram, `${address}:${port}`);
  });
  return {
    port: socket.address().port,
    sent,
    run(serverPort = 0) {
      remotePort = serverPort;
      return connection.run().then(
        (established) => ({ established }),
        (error: unknown) => ({ error: asCloisterError(error) })
      );
    },
    async [Symbol.asyncDispose]() {
      connection.close();
      open = false;
      await closeSocket(socket);
    }
  };
}

/** As in a call: the answerer is the DTLS client. */
const SIDES: Readonly<Record<DtlsRole, Side>> = { client: 'answerer', server: 'offerer' };
const roleOf = (side: Side): DtlsRole => (side === 'answerer' ? 'client' : 'server');

export type Meeting = { readonly endings: Readonly<Record<DtlsRole, Ending>> };

/** Lets two ends meet over the relay, which the rule makes an attacker of. Settles when both have ended. */
export async function meet(
  relay: Relay,
  identities: Readonly<Record<DtlsRole, Identity>>,
  rule: (from: DtlsRole, datagram: Buffer) => readonly Buffer[],
  changes: Partial<DtlsOptions> = {}
): Promise<Meeting> {
  await using server = await createUdpEnd('server', identities.server, identities.client.thumbprint, changes);
  await using client = await createUdpEnd('client', identities.client, identities.server.thumbprint, changes);
  relay.forward((from, datagram) => rule(roleOf(from), datagram));
  relay.place(SIDES.server, server.port);
  relay.place(SIDES.client, client.port);
  const [atServer, atClient] = await Promise.all([server.run(), client.run(relay.port(SIDES.client))]);
  return { endings: { client: atClient, server: atServer } };
}

/** The system's clock for who has no time: so many times as fast. */
export function createHurriedClock(factor: number): Clock {
  return {
    now: systemClock.now,
    monotonicMs: () => factor * systemClock.monotonicMs(),
    schedule: (delayMs, run) => systemClock.schedule(delayMs / factor, run)
  };
}
