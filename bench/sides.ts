// The two sides that are measured beside each other, each as a pair that can call: rooms with their displays, and Chromium with Chromium.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { TIME_CODE_CHOICE } from '../src/media/source/source-view.ts';
import { TIME_CODE, timeCodeCells } from '../src/media/source/time-code.ts';
import type { Side } from '../test/fakes/dtls-attacker.ts';
import type { ImpairedRelay } from '../test/harness/impaired-network.ts';
import { bothEnded, startTwoRooms, type TwoRooms, type TwoRoomsOptions } from '../test/harness/two-rooms.ts';
import { type Browser, startBrowser } from './browser.ts';
import { type ChromiumCaller, installCaller } from './chromium-page.ts';
import { cpuSecondsBetween, processTree } from './process-tree.ts';

export const PROFILE = { width: 1280, height: 720, fps: 30 } as const;
export type Profile = { readonly width: number; readonly height: number; readonly fps: number };
/** What a room may send at that size; Chromium decides by itself. */
const maxKbps = ({ height }: Profile): number => (height <= 360 ? 800 : height <= 720 ? 2500 : 4000);
const LIMIT_MS = 60_000;
const POLL_MS = 20;
const SOURCE_WARM_UP_MS = 500;

export async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const deadlineMs = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await ask();
    if (found !== null) return found;
    if (performance.now() > deadlineMs) throw new Error(`not in ${LIMIT_MS} ms: ${what}`);
    await pause(POLL_MS);
  }
}

const QUIET_WINDOW_MS = 300;
const QUIET_CPU_SECONDS = 0.06;

/** Resolves when the processes rest, so that what went before does not run into what is measured next; after some 5 s it gives up waiting. */
export async function settled(pids: readonly number[]): Promise<void> {
  const look = async () => (await Promise.all(pids.map(processTree))).flat();
  for (let tries = 0, before = await look(); tries < 15; tries++) {
    await pause(QUIET_WINDOW_MS);
    const after = await look();
    if (cpuSecondsBetween(before, after) <= QUIET_CPU_SECONDS) return;
    before = after;
  }
}

// ── rooms ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type RoomPair = AsyncDisposable & {
  readonly rooms: TwoRooms;
  /** The front-of-room displays, of the caller and of the called room. */
  readonly displays: readonly [Browser, Browser];
  end(): Promise<void>;
};

export type RoomPairOptions = {
  readonly autoAnswer: boolean;
  readonly profile?: Profile;
  /** A time code in the picture. */
  readonly timeCode?: boolean;
  readonly processes?: Pick<TwoRoomsOptions, 'nodeFlags' | 'env'>;
};

export async function startRoomPair({ autoAnswer, profile = PROFILE, timeCode = false, processes = {} }: RoomPairOptions): Promise<RoomPair> {
  await using started = new AsyncDisposableStack();
  const rooms = started.use(
    await startTwoRooms({
      ...processes,
      config: (index) => ({
        media: { camera: timeCode ? TIME_CODE_CHOICE : 'test', video: { ...profile, maxKbps: maxKbps(profile) } },
        call: { autoAnswer: autoAnswer && index === 1 }
      })
    })
  );
  const [caller, callee] = rooms.rooms;
  const displays = [started.use(await startBrowser(`${caller.url}/display/`)), started.use(await startBrowser(`${callee.url}/display/`))] as const;
  for (const { page } of displays) await page.waitForSelector('[data-scene="idle"]', { timeout: LIMIT_MS });
  const parts = started.move();
  return {
    rooms,
    displays,
    async end() {
      await caller.act('end').catch(() => {});
      await rooms.waitFor('the call is over', bothEnded);
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync()
  };
}

/** In a room's page: posts a command as the panel does, and says when. Milliseconds since 1970, of the page's clock and of the machine's. */
export async function postFromPage({ page }: Browser, path: string, body: Readonly<Record<string, unknown>>): Promise<{ atMs: number; wallMs: number }> {
  return await page.evaluate(
    async (request) => {
      const times = { atMs: performance.timeOrigin + performance.now(), wallMs: Date.now() };
      const response = await fetch(request.path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request.body) });
      if (!response.ok) throw new Error(await response.text());
      return times;
    },
    { path, body }
  );
}

/** When the first picture that came after `sinceMs` was on the display's canvas; the display's statistics begin anew with each call. */
export function firstFrameAfter({ page }: Browser, sinceMs: number): Promise<number> {
  return until('a picture on the display', async () => {
    const at = await page.evaluate(() => window.cloisterDisplay?.statistics().firstFrameAt ?? null);
    return at !== null && at > sinceMs ? at : null;
  });
}

// ── Chromium with Chromium ──────────────────────────────────────────────────────────────────────────────────────────────

export type ChromiumPair = AsyncDisposable & {
  readonly browsers: readonly [Browser, Browser];
  /** Resolves when both sides have shown a picture. Milliseconds from createOffer to each side's first picture. */
  place(): Promise<{ readonly callerMs: number; readonly calleeMs: number }>;
  flows(): Promise<readonly Awaited<ReturnType<ChromiumCaller['flow']>>[]>;
  end(): Promise<void>;
};

export type ChromiumPairOptions = {
  readonly profile?: Profile;
  /** A time code in the picture, and what reads it at the other side. */
  readonly timeCode?: boolean;
  /** Everything they send goes through it. */
  readonly network?: Pick<ImpairedRelay, 'rewriteCandidate'>;
};

type CandidateSignal = { readonly candidate?: { readonly candidate: string } };

export async function startChromiumPair({ profile = PROFILE, timeCode = false, network }: ChromiumPairOptions = {}): Promise<ChromiumPair> {
  await using started = new AsyncDisposableStack();
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>bench</title>'));
  const relay = new WebSocketServer({ server });
  const sockets: WebSocket[] = [];
  const rewritten = (from: Side, text: string): string | null => {
    const signal = JSON.parse(text) as CandidateSignal;
    if (network === undefined || signal.candidate === undefined) return text;
    const candidate = network.rewriteCandidate(from, signal.candidate.candidate);
    return candidate === null ? null : JSON.stringify({ ...signal, candidate: { ...signal.candidate, candidate } });
  };
  // What one says the other hears. The first is the caller.
  relay.on('connection', (socket) => {
    const side: Side = sockets.length === 0 ? 'offerer' : 'answerer';
    sockets.push(socket);
    socket.on('message', (data) => {
      const text = rewritten(side, data.toString());
      if (text !== null) for (const other of sockets) if (other !== socket) other.send(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  started.defer(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browsers = [started.use(await startBrowser(`http://${host}/`)), started.use(await startBrowser(`http://${host}/`))] as const;
  for (const { page } of browsers) {
    if (timeCode) await page.evaluate(`window.timeCodeCells = ${timeCodeCells}`);
    await page.evaluate(installCaller, { ...profile, timeCode: timeCode ? TIME_CODE : null, relayUrl: `ws://${host}/` });
  }
  const [caller, callee] = browsers;
  const parts = started.move();
  const shownAt = ({ page }: Browser) => until('a picture in Chromium', () => page.evaluate(() => window.chromiumCaller.call().firstFrameAt));
  return {
    browsers,
    async place() {
      for (const { page } of browsers) await page.evaluate(() => window.chromiumCaller.openSource());
      await pause(SOURCE_WARM_UP_MS);
      await caller.page.evaluate(() => window.chromiumCaller.place());
      const [callerAt, calleeAt] = await Promise.all([shownAt(caller), shownAt(callee)]);
      const offeredAt = await caller.page.evaluate(() => window.chromiumCaller.call().offeredAt);
      if (offeredAt === null) throw new Error('no offer was made');
      return { callerMs: callerAt - offeredAt, calleeMs: calleeAt - offeredAt };
    },
    flows: () => Promise.all(browsers.map(({ page }) => page.evaluate(() => window.chromiumCaller.flow()))),
    async end() {
      await Promise.all(browsers.map(({ page }) => page.evaluate(() => window.chromiumCaller.hangUp())));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync()
  };
}
