// The way to one relay: a UDP socket, a TCP connection, or TLS over it, that carries whole TURN messages.
// Invariants: over UDP only what the relay sent comes in (the socket is connected to it); a TLS server whose certificate does not prove the
// configured name is nobody; what a stream cannot take in time is dropped, as a network would.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { checkServerIdentity, connect as tlsConnect } from 'node:tls';
import type { Clock } from '../../../kernel/clock.ts';
import { CloisterError } from '../../../kernel/errors.ts';
import type { ServerAddress } from '../../../kernel/server-address.ts';
import { lookupUntil } from './lookup.ts';
import { createFrameReader, paddedFrame } from './relay-frames.ts';

export type RelayLink = {
  /** Nothing is lost on it: a request is sent once (RFC 8489 section 6.2.2). */
  readonly reliable: boolean;
  readonly closed: boolean;
  send(message: Buffer): void;
  close(): void;
};

type RelayLinkOptions = {
  readonly server: ServerAddress;
  /** What a TLS server's certificate has to be for, where that is not the host. */
  readonly provenName?: string;
  readonly authorityPem: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** One whole message; ChannelData over a stream without its padding. */
  readonly received: (message: Buffer) => void;
  /** It ended by itself. */
  readonly ended: () => void;
};

const OPEN_LIMIT_MS = 5_000;
const FAILING_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 500;
/** A picture's burst at 4 Mbit/s fits; more is late already. */
const MAX_WAITING_BYTES = 256 * 1024;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** @throws CloisterError CL_RELAY_UNREACHABLE, CL_RELAY_CERTIFICATE */
export async function openRelayLink(options: RelayLinkOptions): Promise<RelayLink> {
  const limit = new AbortController();
  const timer = options.clock.schedule(OPEN_LIMIT_MS, () => limit.abort());
  const signal = AbortSignal.any([options.signal, limit.signal]);
  try {
    return await (options.server.transport === 'udp' ? openUdp(options, signal) : openStream(options, signal));
  } catch (cause) {
    throw linkError(cause, options.server);
  } finally {
    timer.cancel();
  }
}

/** Of TLS: the certificate, or its name, is not what was asked for. */
const CERTIFICATE_FAULT = /^(?:ERR_TLS_CERT|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|HOSTNAME_MISMATCH|INVALID_CA|ERR_SSL_.*CERT)/;

function linkError(cause: unknown, { host, port }: ServerAddress): CloisterError {
  const known = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : String(cause);
  const reason = cause instanceof Error && cause.name === 'AbortError' ? 'no answer in time' : known;
  const code = CERTIFICATE_FAULT.test(reason) ? 'CL_RELAY_CERTIFICATE' : 'CL_RELAY_UNREACHABLE';
  return new CloisterError(code, `the relay at ${host} port ${port}: ${reason}`, { cause });
}

async function openUdp({ server, clock, received, ended }: RelayLinkOptions, signal: AbortSignal): Promise<RelayLink> {
  const { address, family } = await lookupUntil(server.host, 0, signal);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  let closed = false;
  let heard = false;
  let failingSinceMs: number | null = null;
  const close = (): void => {
    if (closed) return;
    closed = true;
    socket.close();
  };
  try {
    const connected = once(socket, 'connect', { signal });
    socket.connect(server.port, address);
    await connected;
  } catch (error) {
    close();
    throw error;
  }
  socket.on('message', (message) => {
    heard = true;
    failingSinceMs = null;
    if (!closed) received(message);
  });
  // The relay's port is closed (ICMP), or the network is gone. One that was heard before may come back: an interface goes down and up within a call.
  socket.on('error', () => {
    if (closed) return;
    const nowMs = clock.monotonicMs();
    failingSinceMs ??= nowMs;
    if (heard && nowMs - failingSinceMs < FAILING_LIMIT_MS) return;
    close();
    ended();
  });
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The system grants less.
  }
  return {
    reliable: false,
    get closed() {
      return closed;
    },
    send(message) {
      if (!closed) socket.send(message);
    },
    close
  };
}

async function openStream(
  { server, provenName = server.host, authorityPem, clock, received, ended }: RelayLinkOptions,
  signal: AbortSignal
): Promise<RelayLink> {
  const { host, port } = server;
  const secure = server.transport === 'tls';
  const socket: Socket = secure
    ? tlsConnect({
        host,
        port,
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
        checkServerIdentity: (_host, certificate) => checkServerIdentity(provenName, certificate),
        ...(isIP(provenName) === 0 ? { servername: provenName } : {}),
        ...(authorityPem === undefined ? {} : { ca: authorityPem })
      })
    : tcpConnect({ host, port });
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal });
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
  socket.setNoDelay(true);
  let closed = false;
  const end = (): void => {
    if (closed) return;
    closed = true;
    socket.destroy();
    ended();
  };
  const read = createFrameReader(received, end);
  socket.on('data', (chunk: Buffer) => {
    if (!closed) read(chunk);
  });
  socket.on('error', end);
  socket.on('close', end);
  return {
    reliable: true,
    get closed() {
      return closed;
    },
    send(message) {
      if (!closed && socket.writableLength < MAX_WAITING_BYTES) socket.write(paddedFrame(message));
    },
    close() {
      if (closed) return;
      closed = true;
      // What was written last, the end of the allocation, still goes out; but a relay that takes nothing is not waited for.
      const limit = clock.schedule(CLOSE_LIMIT_MS, () => socket.destroy());
      socket.once('close', () => limit.cancel());
      socket.end(() => socket.destroy());
    }
  };
}
