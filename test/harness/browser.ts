// Chromium as a room's panel and display. Every page is watched from its first byte: whom it asks for what, what it writes to the console,
// what its Content-Security-Policy stopped, and every state, code and icon that it showed, however short.
import { createHash, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { DisplayStatistics } from '../../src/ui/display/feed.ts';
import { CHROMIUM, CHROMIUM_SWITCHES, PLAYS_UNTOUCHED } from './chromium.ts';
import { startTwoRooms, type TestRoom, type TwoRooms, type TwoRoomsOptions } from './two-rooms.ts';

export type Size = { readonly width: number; readonly height: number };
const PANEL: Size = { width: 1280, height: 800 };
const DISPLAY: Size = { width: 1920, height: 1080 };

const STEP_LIMIT_MS = 30_000;
const POLL_MS = 50;
const SCREENSHOTS = join(import.meta.dirname, '..', 'output', 'screens');

/**
 * `unanswered` and `refused`: the browser's own words about a request that nobody answered, or that was answered with an error status.
 * They are no fault of the page where the test means them to happen.
 */
type FaultKind = 'foreign-request' | 'console' | 'unanswered' | 'refused' | 'exception' | 'policy';
export type Fault = { readonly kind: FaultKind; readonly text: string };

/** Everything that a page has shown since it was opened or since `forget`. */
export type Seen = {
  /** Values of data-state: the shield. */
  readonly states: readonly string[];
  /** Values of data-expected: what an incoming call is said to become. */
  readonly expected: readonly string[];
  readonly testIds: readonly string[];
  readonly codes: readonly string[];
  /** Outlines of all icons, except those of the home screen, which speak of no call. */
  readonly icons: readonly string[];
};

export type RoomPage = {
  readonly page: Page;
  /** Waits until the part is there and visible. */
  see(testId: string, limitMs?: number): Promise<void>;
  /** Waits until the part is not there or not visible. */
  lose(testId: string, limitMs?: number): Promise<void>;
  isVisible(testId: string): Promise<boolean>;
  text(testId: string): Promise<string>;
  attribute(testId: string, name: string): Promise<string | null>;
  /** Waits until the attribute has the value. */
  seeAttribute(testId: string, name: string, value: string, limitMs?: number): Promise<void>;
  /** A finger's touch, once the part can take it. */
  touch(testId: string): Promise<void>;
  seen(): Promise<Seen>;
  forget(): Promise<void>;
  /** True if the code is in the page's text or in any attribute, however it is grouped. */
  holds(code: string): Promise<boolean>;
  screenshot(name: string): Promise<void>;
};

/** What the picture on a display's canvas is like; colours are 0 to 255. */
type PictureSample = {
  readonly width: number;
  readonly height: number;
  /** Of the luminance; an even picture has next to none. */
  readonly variance: number;
  readonly meanColour: readonly [number, number, number];
  /** Of a spot at the left edge, half way down. */
  readonly edgeColour: readonly [number, number, number];
  /** Differs between two different pictures. */
  readonly fingerprint: number;
};

export type DisplayPage = RoomPage & {
  statistics(): Promise<DisplayStatistics>;
  picture(): Promise<PictureSample>;
  /** The loudest of what the page gave to the loudspeaker just now: effective value (1 is full scale) and strongest frequency. */
  sound(): Promise<{ readonly level: number; readonly strongestHz: number }>;
};

export type TestBrowser = AsyncDisposable & {
  /** A touch panel on the room's address. */
  panel(roomUrl: string, size?: Size): Promise<RoomPage>;
  display(roomUrl: string, size?: Size): Promise<DisplayPage>;
  /** Any page on this machine, with touch; it does not move by itself. */
  page(url: string, size: Size): Promise<RoomPage>;
  /** Closes every page. */
  closePages(): Promise<void>;
  /** What the pages did that a room's page never does, in order; nothing in a good run. */
  faults(): Fault[];
};

export type RoomWithPages = { readonly room: TestRoom; readonly panel: RoomPage; readonly display: DisplayPage };

export type RoomsWithPages = AsyncDisposable & {
  readonly rooms: TwoRooms;
  readonly browser: TestBrowser;
  /** The room that places calls. */
  readonly here: RoomWithPages;
  /** The room that is called. */
  readonly there: RoomWithPages;
  /** Dials an account of the own organisation on the panel's keyboard. */
  dial(localPart: string): Promise<void>;
  /** A call by touch, answered with video: both panels are in the call when this resolves. */
  call(): Promise<void>;
};

/** Two rooms with a panel and a display each, all of them idle. */
export async function startRoomsWithPages(options: TwoRoomsOptions = {}): Promise<RoomsWithPages> {
  const rooms = await startTwoRooms(options);
  let browser: TestBrowser | null = null;
  const dispose = async (): Promise<void> => {
    await browser?.[Symbol.asyncDispose]();
    await rooms[Symbol.asyncDispose]();
  };
  try {
    const opened = await openBrowser();
    browser = opened;
    const open = async (room: TestRoom): Promise<RoomWithPages> => ({ room, panel: await opened.panel(room.url), display: await opened.display(room.url) });
    const [here, there] = [await open(rooms.rooms[0]), await open(rooms.rooms[1])];
    for (const { panel, display } of [here, there]) {
      await panel.see('screen-home');
      await display.seeAttribute('display-scene', 'data-scene', 'idle');
    }
    const dial = async (localPart: string): Promise<void> => {
      await here.panel.touch('button-call');
      for (const character of localPart) await here.panel.touch(`key-${character}`);
      await here.panel.touch('key-organisation');
      await here.panel.touch('button-place-call');
      await here.panel.see('screen-outgoing');
    };
    return {
      rooms,
      browser: opened,
      here,
      there,
      dial,
      async call() {
        await dial(there.room.account.split('@')[0] ?? '');
        await there.panel.touch('button-answer');
        for (const { panel } of [here, there]) {
          await panel.see('screen-in-call');
          await panel.see('call-duration');
        }
      },
      [Symbol.asyncDispose]: dispose
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Asks again and again until the answer is neither null nor false. @throws naming `what` when it takes too long */
export async function until<T>(what: string, ask: () => Promise<T | null | false>, limitMs = STEP_LIMIT_MS): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`not in ${limitMs} ms: ${what}`);
    await pause(POLL_MS);
  }
}

type BrowserOptions = {
  /** Frames follow each other as fast as they are painted, for pages that are only looked at. */
  readonly hurried?: boolean;
  /** A name that leads to this machine, and whose key is believed besides what the system's authorities vouch for. */
  readonly trusts?: { readonly host: string; readonly certificatePem: string };
};

export async function openBrowser({ hurried = false, trusts }: BrowserOptions = {}): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      ...CHROMIUM_SWITCHES,
      PLAYS_UNTOUCHED,
      // What a screen reader is told, as Element.computedName.
      '--enable-blink-features=ComputedAccessibilityInfo',
      ...(hurried ? ['--disable-frame-rate-limit', '--disable-gpu-vsync'] : []),
      ...(trusts === undefined
        ? []
        : [`--host-resolver-rules=MAP ${trusts.host} 127.0.0.1`, `--ignore-certificate-errors-spki-list=${keyHashOf(trusts.certificatePem)}`])
    ]
  });
  const faults: Fault[] = [];
  const open = async (url: string, viewport: Size, hasTouch: boolean): Promise<Page> => {
    const context = await browser.newContext({ viewport, hasTouch, locale: 'en-GB' });
    return openPage(context, url, faults);
  };
  return {
    panel: async (roomUrl, size = PANEL) => roomPage(await open(`${roomUrl}/panel/`, size, true)),
    display: async (roomUrl, size = DISPLAY) => displayPage(await open(`${roomUrl}/display/`, size, false)),
    page: async (url, viewport) =>
      roomPage(
        await openPage(await browser.newContext({ viewport, hasTouch: true, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' }), url, faults)
      ),
    closePages: () => closePages(browser),
    faults: () => faults,
    [Symbol.asyncDispose]: async () => {
      await closePages(browser);
      await browser.close();
    }
  };
}

/** As Chromium names a key: SHA-256 of its SubjectPublicKeyInfo. */
const keyHashOf = (certificatePem: string): string =>
  createHash('sha256')
    .update(new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

async function closePages(browser: Browser): Promise<void> {
  for (const context of browser.contexts()) await context.close();
}

async function openPage(context: BrowserContext, url: string, faults: Fault[]): Promise<Page> {
  const page = await context.newPage();
  const own = new URL(url);
  page.setDefaultTimeout(STEP_LIMIT_MS);
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (origin !== own.origin && protocol !== 'data:') faults.push({ kind: 'foreign-request', text: `${url} asked for ${request.url()}` });
  });
  page.on('websocket', (socket) => {
    // The display's feed: another port of the same machine.
    if (new URL(socket.url()).hostname !== own.hostname) faults.push({ kind: 'foreign-request', text: `${url} connected to ${socket.url()}` });
  });
  page.on('pageerror', (error) => faults.push({ kind: 'exception', text: `${url}: ${error.message}` }));
  page.on('crash', () => faults.push({ kind: 'exception', text: `${url}: the page crashed` }));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const kind = faultKind(message.text());
    const about = message.location().url;
    // A page may ask for its feed in the moment in which the call, or what is tried, ends.
    if (kind === 'refused' && /\/api\/v1\/(?:display\/|self-view\/|devices\/preview-)ticket$/.test(about) && /status of (404|409) /.test(message.text()))
      return;
    faults.push({ kind, text: `${url}: ${message.text()} ${about}` });
  });
  await page.addInitScript(watchPage);
  await page.goto(url);
  return page;
}

function faultKind(text: string): FaultKind {
  if (text.startsWith('policy: ')) return 'policy';
  if (/net::ERR_|^WebSocket connection to /.test(text)) return 'unanswered';
  return text.includes('responded with a status of') ? 'refused' : 'console';
}

type Watch = {
  readonly states: Set<string>;
  readonly expected: Set<string>;
  readonly testIds: Set<string>;
  readonly codes: Set<string>;
  readonly icons: Set<string>;
  readonly look: () => void;
  analyser: AnalyserNode | null;
};
type WatchedWindow = Window & typeof globalThis & { cloisterWatch: Watch };

/** Runs in the page before its own code. */
function watchPage(): void {
  const watch: Watch = {
    states: new Set(),
    expected: new Set(),
    testIds: new Set(),
    codes: new Set(),
    icons: new Set(),
    analyser: null,
    look() {
      for (const element of document.querySelectorAll<HTMLElement>('[data-testid]')) {
        const { testid = '', state, expected } = element.dataset;
        watch.testIds.add(testid);
        if (state !== undefined) watch.states.add(state);
        if (expected !== undefined) watch.expected.add(expected);
        if (testid === 'security-code') watch.codes.add(element.textContent ?? '');
      }
      for (const path of document.querySelectorAll('svg path')) {
        if (path.closest('[data-testid="screen-home"]') === null) watch.icons.add(path.getAttribute('d') ?? '');
      }
    }
  };
  (window as WatchedWindow).cloisterWatch = watch;
  new MutationObserver(watch.look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} stopped ${event.blockedURI}`));
  if (typeof AudioNode === 'undefined') return;
  // Whatever goes to the loudspeaker is measured too.
  const connect = AudioNode.prototype.connect as (this: AudioNode, target: AudioNode) => AudioNode;
  AudioNode.prototype.connect = function (this: AudioNode, target: AudioNode): AudioNode {
    if (target === this.context.destination) {
      watch.analyser = this.context.createAnalyser();
      watch.analyser.fftSize = 4096;
      connect.call(this, watch.analyser);
    }
    return connect.call(this, target);
  } as typeof AudioNode.prototype.connect;
}

function roomPage(page: Page): RoomPage {
  const part = (testId: string) => page.getByTestId(testId);
  return {
    page,
    see: (testId, limitMs = STEP_LIMIT_MS) => part(testId).waitFor({ state: 'visible', timeout: limitMs }),
    lose: (testId, limitMs = STEP_LIMIT_MS) => part(testId).waitFor({ state: 'hidden', timeout: limitMs }),
    isVisible: (testId) => part(testId).isVisible(),
    text: async (testId) => (await part(testId).textContent()) ?? '',
    attribute: (testId, name) => part(testId).getAttribute(name),
    async seeAttribute(testId, name, value, limitMs) {
      let last: string | null = null;
      const ask = async (): Promise<boolean> => {
        last =
          (await part(testId).count()) === 1
            ? await part(testId)
                .getAttribute(name, { timeout: 1000 })
                .catch(() => null)
            : null;
        return last === value;
      };
      await until(`${testId} has ${name}="${value}"`, ask, limitMs).catch((error: Error) => {
        throw new Error(`${error.message}; it was ${JSON.stringify(last)} at ${page.url()}`);
      });
    },
    touch: (testId) => part(testId).tap(),
    seen: () =>
      page.evaluate(() => {
        const { states, expected, testIds, codes, icons } = (window as unknown as WatchedWindow).cloisterWatch;
        return { states: [...states], expected: [...expected], testIds: [...testIds], codes: [...codes], icons: [...icons] };
      }),
    forget: () =>
      page.evaluate(() => {
        const { states, expected, testIds, codes, icons, look } = (window as unknown as WatchedWindow).cloisterWatch;
        for (const kind of [states, expected, testIds, codes, icons]) kind.clear();
        look();
      }),
    holds: (code) =>
      page.evaluate(
        (digits) => {
          const root = document.documentElement;
          if ((root.textContent ?? '').replace(/\s/g, '').includes(digits)) return true;
          return [root, ...root.querySelectorAll('*')].some((element) =>
            [...element.attributes].some((attribute) => attribute.value.replace(/\D/g, '').includes(digits))
          );
        },
        code.replace(/\D/g, '')
      ),
    async screenshot(name) {
      await mkdir(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
    }
  };
}

function displayPage(page: Page): DisplayPage {
  return {
    ...roomPage(page),
    statistics: () =>
      page.evaluate(() => {
        const display = window.cloisterDisplay;
        if (display === undefined) throw new Error('the display has no statistics');
        return display.statistics();
      }),
    picture: () => page.evaluate(samplePicture),
    sound: () => page.evaluate(measureSound)
  };
}

/** Runs in the page. */
function samplePicture(): PictureSample {
  const canvas = document.querySelector('canvas');
  const small = new OffscreenCanvas(64, 36);
  const context = small.getContext('2d', { willReadFrequently: true });
  if (canvas === null || context === null) throw new Error('the display has no canvas');
  context.drawImage(canvas, 0, 0, small.width, small.height);
  const colourOf = (x: number, y: number, width: number, height: number): [number, number, number] => {
    const { data } = context.getImageData(x, y, width, height);
    const sum = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) for (const channel of [0, 1, 2]) sum[channel] = (sum[channel] ?? 0) + (data[at + channel] ?? 0);
    const mean = (channel: number): number => (sum[channel] ?? 0) / (width * height);
    return [mean(0), mean(1), mean(2)];
  };
  const { data } = context.getImageData(0, 0, small.width, small.height);
  const lights: number[] = [];
  // ITU-R BT.601 luma.
  for (let at = 0; at < data.length; at += 4) lights.push(0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0));
  const mean = lights.reduce((sum, light) => sum + light, 0) / lights.length;
  return {
    width: canvas.width,
    height: canvas.height,
    variance: lights.reduce((sum, light) => sum + (light - mean) ** 2, 0) / lights.length,
    meanColour: colourOf(0, 0, small.width, small.height),
    edgeColour: colourOf(1, 16, 2, 4),
    fingerprint: lights.reduce((hash, light) => (Math.imul(hash, 31) + Math.round(light)) | 0, 7)
  };
}

/** Runs in the page. */
function measureSound(): { level: number; strongestHz: number } {
  const { analyser } = (window as unknown as WatchedWindow).cloisterWatch;
  if (analyser === null) return { level: 0, strongestHz: 0 };
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  let strongest = 0;
  for (let bin = 1; bin < bins.length; bin += 1) if ((bins[bin] ?? 0) > (bins[strongest] ?? 0)) strongest = bin;
  return {
    level: Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length),
    strongestHz: (strongest * analyser.context.sampleRate) / analyser.fftSize
  };
}
