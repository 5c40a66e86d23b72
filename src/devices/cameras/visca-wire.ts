// The way to a camera at VISCA over IP: datagrams with sequence numbers (UDP, port 52381), or its messages one after the other (TCP, port 5678).
// Invariants: a socket that is connected, so that only the camera's datagrams come in; a way that ended gives nothing any more.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import { createMessageCutter } from './visca.ts';

export type ViscaWire = {
  /** Its messages have a header with a sequence number, and may be lost. */
  readonly sequenced: boolean;
  send(bytes: Uint8Array): void;
  close(): void;
};

export type ViscaListener = {
  /** A datagram, or one whole message. */
  readonly received: (bytes: Uint8Array) => void;
  /** By itself; once. */
  readonly ended: () => void;
};

/** @throws CloisterError CL_DEVICE_UNREACHABLE */
export type OpenViscaWire = (listener: ViscaListener, signal: AbortSignal) => Promise<ViscaWire>;

const OPEN_LIMIT_MS = 2_000;
const PORTS = { 'udp:': 52_381, 'tcp:': 5_678 };

/** @param address udp://HOST:PORT or tcp://HOST:PORT, as the configuration has it; the usual ports where left out */
export function viscaWireTo(address: string, clock: Clock): OpenViscaWire {
  const url = new URL(address);
  const stream = url.protocol === 'tcp:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? PORTS[stream ? 'tcp:' : 'udp:'] : Number(url.port);
  return async (listener, outer) => {
    const limit = new AbortController();
    const timer = clock.schedule(OPEN_LIMIT_MS, () => limit.abort());
    const signal = AbortSignal.any([outer, limit.signal]);
    try {
      return await (stream ? openStream(host, port, listener, signal) : openDatagrams(host, port, listener, signal));
    } catch (cause) {
      const reason = cause instanceof Error && 'code' in cause && cause.name !== 'AbortError' ? String(cause.code) : 'no answer in time';
      throw new CloisterError('CL_DEVICE_UNREACHABLE', `the camera at ${host} port ${port}: ${reason}`, { cause });
    } finally {
      timer.cancel();
    }
  };
}

async function openDatagrams(host: string, port: number, { received }: ViscaListener, signal: AbortSignal): Promise<ViscaWire> {
  const { address, family } = await lookupUntil(host, signal);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  let closed = false;
  const close = (): void => {
    if (!closed) socket.close();
    closed = true;
  };
  try {
    const connected = once(socket, 'connect', { signal });
    socket.connect(port, address);
    await connected;
  } catch (error) {
    close();
    throw error;
  }
  socket.on('message', (datagram) => {
    if (!closed) received(datagram);
  });
  // Its port is closed, or the network is gone (ICMP): it does not answer then, which is what counts.
  socket.on('error', () => {});
  return {
    sequenced: true,
    send(bytes) {
      if (!closed) socket.send(bytes);
    },
    close
  };
}

/** The system's look-up cannot be ended; nobody waits for it any more. */
async function lookupUntil(host: string, signal: AbortSignal): Promise<{ readonly address: string; readonly family: number }> {
  signal.throwIfAborted();
  const aborted = once(signal, 'abort').then(() => {
    throw new DOMException('no answer in time', 'AbortError');
  });
  return Promise.race([lookup(host), aborted]);
}

async function openStream(host: string, port: number, { received, ended }: ViscaListener, signal: AbortSignal): Promise<ViscaWire> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.on('error', () => {});
    socket.destroy();
    throw error;
  }
  socket.setNoDelay(true);
  let closed = false;
  const cut = createMessageCutter((message) => {
    if (!closed) received(message);
  });
  socket.on('data', cut);
  const end = (): void => {
    if (closed) return;
    closed = true;
    socket.destroy();
    ended();
  };
  socket.on('error', end);
  socket.on('close', end);
  return {
    sequenced: false,
    send(bytes) {
      if (!closed) socket.write(bytes);
    },
    close() {
      closed = true;
      socket.destroy();
    }
  };
}
