// The display's feed: encoded frames over a loopback WebSocket, to pages that hold a fresh ticket and come from an allowed origin.
// Fail-closed: until open() was called nothing of the call is fed. A display sees no picture before a keyframe, and one that is too slow
// is left out until the next, so that memory stays bounded. What a display sends can harm nothing but its own socket.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../kernel/clock.ts';
import { CloisterError } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { parseDisplayMessage } from './display-message.ts';
import { type DisplayMessage, encodeFeedFrame, type FeedFrame, type FeedMessage, type Picture, pictureOf } from './protocol.ts';

const TICKET_BYTES = 32;
const TICKET_MS = 10_000;
const MAX_TICKETS = 16;
const MAX_DISPLAYS = 4;
const MAX_INBOUND_BYTES = 4096;
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const PATH_PREFIX = '/feed/';
const POLICY_VIOLATION = 1008; // RFC 6455 section 7.4.1
const GOING_AWAY = 1001;
const CLOSE_WAIT_MS = 500;

export type DisplayReport = Extract<DisplayMessage, { readonly type: 'report' }>;

export type DisplayFeedOptions = {
  /** A loopback address. */
  readonly host: string;
  /** Compared exactly with the Origin header. */
  readonly origins: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** A display cannot show a picture before the next keyframe. */
  onNeedKeyframe(of: Picture): void;
  onReport?(report: DisplayReport): void;
};

export type DisplayFeed = AsyncDisposable & {
  /** Listens on a free port. @throws CloisterError CL_PORT_IN_USE where it cannot listen */
  start(): Promise<void>;
  /** The connection is proven: from now on frames are fed. */
  open(): void;
  /** A URL for one display, which serves once and for 10 s. At most 16 are outstanding; a further one replaces the oldest. */
  ticket(): { readonly url: string };
  /** The frame goes to each display that can take it; dropped before open(). */
  sendFrame(frame: FeedFrame): void;
  /** The latest message of each type and picture, but a key, is also what a display gets that connects later. */
  sendMessage(message: FeedMessage): void;
  /** `framesDecoded` counts on when a display is replaced by another; `report` is the longest connected display's latest. */
  statistics(): { readonly displays: number; readonly framesDecoded: number; readonly report: DisplayReport | null };
};

/** Longer than a keyframe takes that was asked for over a slow path. */
const ASK_AGAIN_MS = 800;

/** `ready`: the pictures of which it has had a keyframe. */
type Display = { readonly socket: WebSocket; readonly ready: Set<Picture>; behind: boolean; report: DisplayReport | null };
type Ticket = { readonly digest: Buffer; readonly expiresAtMs: number };

const digestOf = (ticket: string): Buffer => createHash('sha256').update(ticket).digest();

export function createDisplayFeed(options: DisplayFeedOptions): DisplayFeed {
  const { clock, log } = options;
  const connected = new Set<WebSocket>(); // also those that are being closed
  const displays = new Set<Display>();
  const latest = new Map<string, string>();
  let tickets: Ticket[] = [];
  let server: Server | null = null;
  let sockets: WebSocketServer | null = null;
  let open = false;
  const announced = new Set<Picture>(); // which began to come
  const missed = new Set<Picture>(); // before open()
  const askedAtMs = new Map<Picture, number>();
  let closed = false;
  let framesDecoded = 0;

  /** Takes the ticket, if it is one: each serves once. Every one is compared, in constant time. */
  function redeem(candidate: string): boolean {
    const digest = digestOf(candidate);
    const nowMs = clock.monotonicMs();
    let valid = false;
    tickets = tickets.filter((ticket) => {
      const same = timingSafeEqual(ticket.digest, digest);
      valid ||= same && nowMs < ticket.expiresAtMs;
      return !same && nowMs < ticket.expiresAtMs;
    });
    return valid;
  }

  /** @returns the HTTP status to refuse with, or null */
  function refusal(request: IncomingMessage): number | null {
    if (closed) return 503;
    if (request.headers.origin === undefined || !options.origins.includes(request.headers.origin)) return 403;
    if (connected.size >= MAX_DISPLAYS) return 503;
    if (!request.url?.startsWith(PATH_PREFIX) || !redeem(request.url.slice(PATH_PREFIX.length))) return 401;
    return null;
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const status = refusal(request);
    if (status !== null || sockets === null) {
      const refused = status ?? 503;
      log.warn('a display was refused', { status: refused });
      socket.end(`HTTP/1.1 ${refused} ${STATUS_CODES[refused] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
      return;
    }
    sockets.handleUpgrade(request, socket, head, add);
  }

  function add(socket: WebSocket): void {
    const display: Display = { socket, ready: new Set(), behind: false, report: null };
    connected.add(socket);
    displays.add(display);
    socket.on('message', (data, isBinary) => onMessage(display, data, isBinary));
    // A frame that breaks the protocol or is too large; ws closes the socket by itself.
    socket.on('error', (error) => log.warn('a display broke the protocol', { error: error.message }));
    socket.on('close', () => {
      connected.delete(socket);
      displays.delete(display);
    });
    if (!open) return;
    greet(display);
    for (const picture of announced) askKeyframe(picture);
  }

  function askKeyframe(picture: Picture): void {
    askedAtMs.set(picture, clock.monotonicMs());
    options.onNeedKeyframe(picture);
  }

  function greet(display: Display): void {
    for (const message of latest.values()) display.socket.send(message);
  }

  function onMessage(display: Display, data: RawData, isBinary: boolean): void {
    const message = isBinary || !Buffer.isBuffer(data) ? null : parseDisplayMessage(data.toString('utf8'));
    if (message === null) {
      log.warn('a display sent a malformed message');
      displays.delete(display);
      display.socket.close(POLICY_VIOLATION);
      return;
    }
    if (!displays.has(display)) return; // already being closed
    if (message.type === 'need-keyframe') {
      display.ready.delete(message.of);
      if (open) askKeyframe(message.of);
      return;
    }
    const [first] = displays;
    if (display === first) framesDecoded += Math.max(0, message.framesDecoded - (display.report?.framesDecoded ?? 0));
    display.report = message;
    options.onReport?.(message);
  }

  /** Whether the frame may go to the display now; keeps its state. */
  function admits(display: Display, frame: FeedFrame): boolean {
    if (display.socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      display.behind = true;
      display.ready.clear();
      return false;
    }
    if (display.behind) {
      display.behind = false; // it has caught up; what it missed may include a configuration
      greet(display);
      for (const picture of announced) askKeyframe(picture);
    }
    const picture = pictureOf(frame.kind);
    if (picture !== null && frame.kind.endsWith('key')) display.ready.add(picture);
    const admitted = picture === null || display.ready.has(picture);
    // The request may have been lost on its way to the other side.
    if (!admitted && clock.monotonicMs() - (askedAtMs.get(picture) ?? Number.NEGATIVE_INFINITY) >= ASK_AGAIN_MS) askKeyframe(picture);
    return admitted;
  }

  return {
    async start() {
      const webSockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MAX_INBOUND_BYTES, perMessageDeflate: false });
      const http = createServer((_request, response) => {
        response.writeHead(426).end();
      });
      http.on('upgrade', onUpgrade);
      try {
        await new Promise<void>((resolve, reject) => {
          http.once('error', reject);
          http.listen(0, options.host, resolve);
        });
      } catch (cause) {
        throw new CloisterError('CL_PORT_IN_USE', 'the display’s feed cannot listen', { cause });
      }
      http.on('error', (error) => log.error('the display’s feed', { error: error.message }));
      server = http;
      sockets = webSockets;
      if (closed) http.close();
    },
    open() {
      if (open || closed) return;
      open = true;
      for (const display of displays) greet(display);
      if (displays.size > 0) for (const picture of missed) askKeyframe(picture);
    },
    ticket() {
      const address = server?.address() as AddressInfo | null | undefined;
      if (!address || closed) throw new CloisterError('CL_MEDIA_TICKET', 'the display’s feed is not running');
      const ticket = randomBytes(TICKET_BYTES).toString('base64url');
      const nowMs = clock.monotonicMs();
      tickets = tickets.filter(({ expiresAtMs }) => nowMs < expiresAtMs).slice(-(MAX_TICKETS - 1));
      tickets.push({ digest: digestOf(ticket), expiresAtMs: nowMs + TICKET_MS });
      const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      return { url: `ws://${host}:${address.port}${PATH_PREFIX}${ticket}` };
    },
    sendFrame(frame) {
      const picture = pictureOf(frame.kind);
      if (!open && picture !== null) missed.add(picture);
      if (!open || closed) return;
      const takers = [...displays].filter((display) => admits(display, frame));
      if (takers.length === 0) return;
      const message = encodeFeedFrame(frame);
      for (const { socket } of takers) socket.send(message);
    },
    sendMessage(message) {
      const text = JSON.stringify(message);
      if (message.type === 'picture-config') announced.add(message.of);
      // What is over when it was said is for nobody who comes later.
      if (message.type !== 'key') latest.set('of' in message ? `${message.type} ${message.of}` : message.type, text);
      if (!open || closed) return;
      for (const display of displays) if (!display.behind) display.socket.send(text);
    },
    statistics() {
      const [first] = displays;
      return { displays: displays.size, framesDecoded, report: first?.report ?? null };
    },
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      tickets = [];
      latest.clear();
      for (const socket of connected) socket.close(GOING_AWAY);
      displays.clear();
      const kill = clock.schedule(CLOSE_WAIT_MS, () => {
        for (const socket of connected) socket.terminate();
        server?.closeAllConnections();
      });
      await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
      kill.cancel();
    }
  };
}
