// The local HTTP interface: panel, display, API, metrics (protocol.md "Local HTTP interface"). Limits stand against whoever sends slowly, much or
// nonsense: one client cannot make the room unusable for the others for long.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import { createApp } from './app.ts';
import { openEventStream } from './event-stream.ts';
import { allowedHostsOf, panelAddressesOf, secureHostsOf } from './gate.ts';
import type { PanelsPort, RoomPort } from './port.ts';
import { type Problem, problemOf, RequestRefused } from './problem.ts';
import { pairedPanelsOnly } from './remote-gate.ts';

/** A second listener, for panels elsewhere: over TLS alone, and but for the pages for paired ones alone. */
export type RemoteOptions = {
  readonly host: string;
  readonly port: number;
  readonly keyPem: string;
  readonly certificatePem: string;
  /** The names in the certificate, lower case. */
  readonly names: readonly string[];
  readonly panels: PanelsPort;
};

export type UiServerOptions = {
  readonly room: RoomPort;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The built pages: folders panel and display. */
  readonly uiDirectory: string;
  /** Further values of the Host header, lower case. */
  readonly allowedHosts: readonly string[];
  readonly remote?: RemoteOptions;
  readonly log: Log;
  readonly clock: Clock;
};

export type UiServer = AsyncDisposable & {
  /** Listens. @throws CloisterError CL_PORT_IN_USE, CL_CONFIG_INVALID when the address is not one of this machine */
  start(signal: AbortSignal): Promise<void>;
  /** `http://127.0.0.1:8480`, once started. @throws CloisterError CL_INTERNAL before */
  readonly url: string;
  /** The origins that the room's own pages have, once started; whoever serves those pages something else (the display's feed) lets in only these. */
  origins(): readonly string[];
  /** The port of the remote panels' listener, once started; null where there is none. */
  readonly remotePort: number | null;
};

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  // The gate answers a request without Host, as a problem like any other.
  requireHostHeader: false
};
/** Of TLS: who says nothing has no place for longer. */
const HANDSHAKE_LIMIT_MS = 5_000;
/** Longer than the heartbeat of the event stream. */
const IDLE_LIMIT_MS = 60_000;
const MAX_CONNECTIONS = 256;
const MAX_HEADERS = 64;
const MAX_REQUESTS_PER_CONNECTION = 10_000;

export function createUiServer(options: UiServerOptions): UiServer {
  const { room, host, remote, clock, log } = options;
  const scope = new Scope();
  let listening: { readonly port: number; readonly allowedHosts: ReadonlySet<string> } | null = null;
  let remotePort: number | null = null;
  const started = () => {
    if (listening === null) throw new CloisterError('CL_INTERNAL', 'the HTTP interface is not started');
    return listening;
  };

  return {
    async start(signal) {
      signal.throwIfAborted();
      const server = prepared(createServer(LIMITS), scope);
      const port = await listen(server, host, options.port);
      const allowedHosts = allowedHostsOf({ host, port }, options.allowedHosts);
      const events = openEventStream(room, scope, clock);
      const panelAddresses = (): readonly string[] => (remote === undefined || remotePort === null ? [] : panelAddressesOf(remotePort, remote.names));
      const shared = { room, events, uiDirectory: options.uiDirectory, panels: remote?.panels ?? null, panelAddresses, log };
      server.on('request', createApp({ ...shared, allowedHosts, onlyPaired: null }));
      listening = { port, allowedHosts };
      log.info('the panel is served', { host, port });
      if (remote === undefined) return;
      const secure = prepared(tlsServer(remote), scope);
      remotePort = await listen(secure, remote.host, remote.port);
      const remoteHosts = secureHostsOf({ host: remote.host, port: remotePort }, remote.names);
      secure.on('request', createApp({ ...shared, allowedHosts: remoteHosts, onlyPaired: pairedPanelsOnly(remote.panels, room.admin, scope) }));
      log.info('panels elsewhere are served over TLS', { host: remote.host, port: remotePort });
    },
    get url() {
      return `http://${host.includes(':') ? `[${host}]` : host}:${started().port}`;
    },
    get remotePort() {
      return remotePort;
    },
    origins: () => [...started().allowedHosts].map((name) => `http://${name}`),
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}

/** @throws CloisterError CL_IDENTITY_INVALID */
function tlsServer({ keyPem, certificatePem }: RemoteOptions): Server {
  try {
    const server = createTlsServer({ ...LIMITS, key: keyPem, cert: certificatePem, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_LIMIT_MS });
    // Node leaves that to whoever listens to clientError, and a problem that is written before the handshake is over never leaves: the connection would stay for ever.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  } catch (cause) {
    throw new CloisterError('CL_IDENTITY_INVALID', 'The key or certificate for remote panels cannot be used.', { cause });
  }
}

function prepared(server: Server, scope: Scope): Server {
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADERS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  server.timeout = IDLE_LIMIT_MS;
  // Those that have not come so far as to be known to HTTP, too: one that never ends its handshake would hold up the end of the room.
  const connections = new Set<Duplex>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  answerClientErrors(server);
  server.on('connect', (_request, socket) => endWithProblem(socket, problemOf(new CloisterError('CL_METHOD_NOT_ALLOWED'))));
  scope.own(() => closeServer(server, connections));
  return server;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const at = `${host} port ${port}`;
      if (cause.code === 'EADDRINUSE') reject(new CloisterError('CL_PORT_IN_USE', `${at} is taken by another program.`, { cause }));
      else reject(new CloisterError('CL_CONFIG_INVALID', `Cloister cannot listen on ${at} (${cause.code}).`, { cause }));
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closeServer(server: Server, connections: ReadonlySet<Duplex>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const connection of connections) connection.destroy();
  });
}

/** What Node's parser refuses never reaches a route. A problem is only written where no other answer is on its way on the same connection. */
function answerClientErrors(server: Server): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', ({ socket }, response) => answers.set(socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const last = answers.get(socket);
    const answering = last?.headersSent === true && !(last.writableFinished && last.shouldKeepAlive);
    if (error.code === 'ECONNRESET' || answering) socket.destroy();
    else endWithProblem(socket, problemOf(refusalOf(error.code)));
  });
}

function refusalOf(parserCode: string | undefined): CloisterError {
  switch (parserCode) {
    case 'HPE_HEADER_OVERFLOW':
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new RequestRefused(431, 'CL_REQUEST_TOO_LARGE');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new RequestRefused(408, 'CL_REQUEST_INVALID', 'The request did not come in time.');
    default:
      return new CloisterError('CL_REQUEST_INVALID');
  }
}

function endWithProblem(socket: Duplex, problem: Problem): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  socket.end(`${head}cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n${body}`, () => socket.destroy());
}
