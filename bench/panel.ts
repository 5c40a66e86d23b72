// The panel by touch in Chromium, on the room's real HTTP interface with a room that answers at once: touch to visible change, first load, what
// crosses the wire, and memory over many screen changes. One page, no media.
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import type { CallView, RoomState } from '../src/room/state.ts';
import { states } from '../test/browser/fixtures/states.ts';
import { createFakeRoom, type FakeRoom } from '../test/fakes/room.ts';
import { CHROMIUM, CHROMIUM_SWITCHES } from '../test/harness/chromium.ts';
import { serveRoom } from '../test/harness/served-room.ts';
import { percentile, type Spread, spread, table } from './figures.ts';

const THROTTLE = 4;
const LOADS = 10;
const TOUCHES = 200;
const CHANGES = 1000;
const SAMPLE_EVERY = 100;
const REST_MS = 120;
const STEP_LIMIT_MS = 20_000;
const VIEWPORT = { width: 1280, height: 800 } as const;

/** What a touch is for; each is its own line. */
const KINDS = ['screen', 'key', 'command'] as const;
type Kind = (typeof KINDS)[number];

type Touches = Spread & { readonly p99: number };
type Load = { readonly coldMs: Spread; readonly againMs: Spread };
type Transfer = { readonly url: string; readonly type: string; readonly bytes: number };
type Memory = { readonly changes: number; readonly heapBytes: number; readonly nodes: number; readonly listeners: number };

export type PanelResult = {
  /** Milliseconds from pointerdown to the end of the frame with the change, at THROTTLE. */
  readonly touches: Readonly<Record<Kind | 'first' | 'all', Touches>>;
  /** Milliseconds from the beginning of the navigation to the first button that a finger can use, painted. */
  readonly loads: { readonly plain: Load; readonly throttled: Load };
  readonly transferred: { readonly bytes: number; readonly requests: readonly Transfer[] };
  readonly memory: readonly Memory[];
};

export async function benchPanel(say: (line: string) => void): Promise<PanelResult> {
  const room = createFakeRoom(states.idle);
  const server = await serveRoom(room);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [...CHROMIUM_SWITCHES]
  });
  try {
    const url = `${server.url}/panel/`;
    say(`first load, ${LOADS} times cold and ${LOADS} times from the browser's cache, without and with throttling`);
    await loadTimes(browser, url, 1); // programs are read from disk and compiled
    const loads = { plain: await loadTimes(browser, url, 1), throttled: await loadTimes(browser, url, THROTTLE) };
    const transferred = await transfers(browser, url);
    say(`${TOUCHES} touches, processor ${THROTTLE} times slower`);
    const touches = await touchTimes(browser, url, room);
    say(`${CHANGES} screen changes`);
    const memory = await memoryOver(browser, url, room);
    return { touches, loads, transferred, memory };
  } finally {
    await browser.close();
    await server[Symbol.asyncDispose]();
  }
}

async function open(browser: Browser): Promise<{ context: BrowserContext; page: Page; debug: CDPSession }> {
  const context = await browser.newContext({ viewport: VIEWPORT, hasTouch: true, locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_LIMIT_MS);
  return { context, page, debug: await context.newCDPSession(page) };
}

type LoadWindow = Window & typeof globalThis & { cloisterUsableAt?: number };

/** Runs in the page before its own code: when the first button can be used and is painted, on the navigation's clock. */
function watchUsable(): void {
  const look = (): void => {
    const button = document.querySelector<HTMLButtonElement>('[data-testid="screen-home"] button:not(:disabled)');
    if (button === null || button.getBoundingClientRect().width === 0) return void requestAnimationFrame(look);
    // The frame that holds it is over when the task after it runs.
    const after = new MessageChannel();
    after.port1.onmessage = () => {
      (window as LoadWindow).cloisterUsableAt = performance.now();
    };
    after.port2.postMessage(null);
  };
  requestAnimationFrame(look);
}

const usableAt = (page: Page): Promise<number> =>
  page.waitForFunction(() => (window as LoadWindow).cloisterUsableAt, null, { timeout: STEP_LIMIT_MS }).then((at) => at.jsonValue() as Promise<number>);

async function loadTimes(browser: Browser, url: string, rate: number): Promise<Load> {
  const [cold, again]: [number[], number[]] = [[], []];
  for (let run = 0; run < LOADS; run += 1) {
    const { context, page, debug } = await open(browser);
    await page.addInitScript(watchUsable);
    await debug.send('Emulation.setCPUThrottlingRate', { rate });
    await page.goto(url);
    cold.push(await usableAt(page));
    await page.goto('about:blank');
    await page.goto(url);
    again.push(await usableAt(page));
    await context.close();
  }
  return { coldMs: spread(cold), againMs: spread(again) };
}

/** Everything that crosses the wire until the page can be used: heads and bodies, as they are sent. */
async function transfers(browser: Browser, url: string): Promise<PanelResult['transferred']> {
  const { context, page, debug } = await open(browser);
  const asked = new Map<string, { url: string; type: string }>();
  const bytes = new Map<string, number>();
  debug.on('Network.requestWillBeSent', ({ requestId, request, type }) => void asked.set(requestId, { url: new URL(request.url).pathname, type: type ?? '' }));
  debug.on('Network.dataReceived', ({ requestId, encodedDataLength }) => void bytes.set(requestId, (bytes.get(requestId) ?? 0) + encodedDataLength));
  debug.on('Network.responseReceived', ({ requestId, response }) => void bytes.set(requestId, (bytes.get(requestId) ?? 0) + response.encodedDataLength));
  debug.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => void bytes.set(requestId, encodedDataLength));
  await debug.send('Network.enable');
  await page.addInitScript(watchUsable);
  await page.goto(url);
  await usableAt(page);
  await page.waitForLoadState('load');
  await context.close();
  const requests = [...asked].map(([id, request]) => ({ ...request, bytes: bytes.get(id) ?? 0 })).toSorted((one, other) => other.bytes - one.bytes);
  return { bytes: requests.reduce((sum, request) => sum + request.bytes, 0), requests };
}

type TouchWindow = Window & typeof globalThis & { cloisterTouch?: { ms: number | null } };

/**
 * Runs in the page: the next touch is timed from its pointerdown (the event's own time, when the browser took it) to the end of the frame that
 * paints the first change of the document after it: mutation, then the next animation frame, then the first task after that frame.
 */
function timeNextTouch(): void {
  const outcome: { ms: number | null } = { ms: null };
  (window as TouchWindow).cloisterTouch = outcome;
  window.addEventListener(
    'pointerdown',
    ({ timeStamp }) => {
      const observer = new MutationObserver(() => {
        observer.disconnect();
        requestAnimationFrame(() => {
          const after = new MessageChannel();
          after.port1.onmessage = () => {
            outcome.ms = performance.now() - timeStamp;
          };
          after.port2.postMessage(null);
        });
      });
      const root = document.getElementById('root');
      if (root !== null)
        observer.observe(root, {
          subtree: true,
          childList: true,
          characterData: true,
          attributes: true,
          attributeFilter: ['data-testid', 'aria-label', 'aria-pressed', 'value', 'disabled']
        });
    },
    { capture: true, once: true }
  );
}

/** A finger that goes up at once: what it waits for is the page alone. */
async function touch(page: Page, debug: CDPSession, testId: string): Promise<void> {
  const part = page.getByTestId(testId).first();
  await part.waitFor({ state: 'visible' });
  const box = await part.boundingBox();
  if (box === null) throw new Error(`${testId} is not on the screen`);
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await debug.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] });
  await debug.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

async function timedTouch(page: Page, debug: CDPSession, testId: string): Promise<number> {
  // The clock on the home screen changes by itself once a second: a touch begins at rest, and what changes first is what it changed.
  await page.waitForTimeout(REST_MS);
  await page.evaluate(timeNextTouch);
  await touch(page, debug, testId);
  const ms = await page.waitForFunction(() => (window as TouchWindow).cloisterTouch?.ms ?? null, null, { timeout: STEP_LIMIT_MS });
  return (await ms.jsonValue()) as number;
}

async function touchTimes(browser: Browser, url: string, room: FakeRoom): Promise<PanelResult['touches']> {
  const { context, page, debug } = await open(browser);
  await page.goto(url);
  await page.getByTestId('screen-home').waitFor();
  await debug.send('Emulation.setCPUThrottlingRate', { rate: THROTTLE });
  const times: Record<Kind, number[]> = { screen: [], key: [], command: [] };
  // Each for the first time since the page was loaded: its code is compiled and its styles are made meanwhile.
  const first: number[] = [];
  let rounds = 0;
  const timed = async (kind: Kind, testId: string): Promise<void> => void (rounds === 0 ? first : times[kind]).push(await timedTouch(page, debug, testId));
  const count = (): number => KINDS.reduce((sum, kind) => sum + times[kind].length, 0);
  while (count() < TOUCHES) {
    room.change((state) => ({ ...state, call: null }));
    await timed('screen', 'button-call');
    for (const key of ['key-a', 'key-b', 'key-1']) await timed('key', key);
    await timed('screen', 'button-back');
    const call: CallView | null = states.endToEnd.call;
    room.change((state) => ({ ...state, call: call === null ? null : { ...call, mediaEpoch: 0 } }));
    await page.getByTestId('screen-in-call').waitFor();
    for (let turn = 0; turn < 2; turn += 1) await timed('command', 'button-mute');
    await timed('screen', 'button-shield');
    await timed('screen', 'button-back');
    rounds += 1;
  }
  await context.close();
  const touches = (series: readonly number[]): Touches => ({ ...spread(series), p99: percentile(series, 0.99) });
  return {
    screen: touches(times.screen),
    key: touches(times.key),
    command: touches(times.command),
    first: touches(first),
    all: touches(KINDS.flatMap((kind) => times[kind]))
  };
}

async function memoryOver(browser: Browser, url: string, room: FakeRoom): Promise<Memory[]> {
  room.change((state) => ({ ...state, call: null }));
  const { context, page, debug } = await open(browser);
  await page.goto(url);
  await page.getByTestId('screen-home').waitFor();
  const samples: Memory[] = [];
  const calls: readonly (CallView | null)[] = [null, states.inviting, states.endToEnd, states.standard, states.ended].map(
    (state: RoomState | null) => state?.call ?? null
  );
  const screens = ['screen-home', 'screen-outgoing', 'screen-in-call', 'screen-in-call', 'screen-ended'] as const;
  for (let change = 0, round = 0; change < CHANGES; round += 1) {
    for (const [index, call] of calls.entries()) {
      // Another call each time, as in a room: nothing of the last one may stay.
      room.change((state) => ({
        ...state,
        call: call === null ? null : { ...call, id: `0190f3c2-7d4e-7a31-8c55-${String(round).padStart(12, '0')}`, mediaEpoch: 0 }
      }));
      await page.getByTestId(screens[index] ?? '').waitFor();
      change += 1;
      if (index === 0) {
        await touch(page, debug, 'button-call');
        await page.getByTestId('key-a').waitFor();
        await touch(page, debug, 'key-a');
        await touch(page, debug, 'button-back');
        await page.getByTestId('screen-home').waitFor();
        change += 2;
      }
      if (index === 2) {
        await touch(page, debug, 'button-shield');
        await page.getByTestId('screen-code').waitFor();
        await touch(page, debug, 'button-back');
        await page.getByTestId('screen-in-call').waitFor();
        change += 2;
      }
    }
    const due = (samples.length + 1) * SAMPLE_EVERY;
    if (change >= due) samples.push(await memoryNow(debug, change));
  }
  await context.close();
  return samples;
}

async function memoryNow(debug: CDPSession, changes: number): Promise<Memory> {
  for (let pass = 0; pass < 3; pass += 1) await debug.send('HeapProfiler.collectGarbage');
  const [{ usedSize }, { nodes, jsEventListeners }] = [await debug.send('Runtime.getHeapUsage'), await debug.send('Memory.getDOMCounters')];
  return { changes, heapBytes: usedSize, nodes, listeners: jsEventListeners };
}

export function panelReport({ touches, loads, transferred, memory }: PanelResult): string {
  const ms = (value: number): string => value.toFixed(0);
  const touchRow = (name: string, { runs, median, p99, max }: Touches): string[] => [name, String(runs), ms(median), ms(p99), ms(max)];
  const loadRow = (name: string, { runs, min, median, max }: Spread): string[] => [name, String(runs), ms(min), ms(median), ms(max)];
  return [
    table(
      [`ms from touch to visible change, processor ${THROTTLE} times slower`, 'touches', 'median', 'p99', 'max'],
      [
        touchRow('all', touches.all),
        touchRow('another screen', touches.screen),
        touchRow('a key', touches.key),
        touchRow('mute and unmute', touches.command),
        touchRow('each for the first time', touches.first)
      ]
    ),
    '',
    table(
      ['ms from navigation to usable', 'loads', 'min', 'median', 'max'],
      [
        loadRow('cold', loads.plain.coldMs),
        loadRow('from the cache', loads.plain.againMs),
        loadRow(`cold, processor ${THROTTLE} times slower`, loads.throttled.coldMs),
        loadRow(`from the cache, processor ${THROTTLE} times slower`, loads.throttled.againMs)
      ]
    ),
    '',
    table(
      ['until usable', 'type', 'bytes'],
      [['all', '', String(transferred.bytes)], ...transferred.requests.map(({ url, type, bytes }) => [url, type, String(bytes)])]
    ),
    '',
    table(
      ['screen changes', 'heap bytes', 'nodes', 'listeners'],
      memory.map((sample) => [sample.changes, sample.heapBytes, sample.nodes, sample.listeners].map(String))
    )
  ].join('\n');
}
