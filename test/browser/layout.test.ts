// Every screen and scene, by fixtures, at the sizes of touch-panel.md "Sizes": nothing is cut off, a finger can hit what it is for, and
// the text can be read from where people are.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import { createUiServer, type UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { type DisplayPage, openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { states } from './fixtures/states.ts';

const PANELS = [
  { width: 1280, height: 800 },
  { width: 1024, height: 600 },
  { width: 1920, height: 1080 }
] as const;
const DISPLAYS = [
  { width: 1920, height: 1080 },
  { width: 3840, height: 2160 }
] as const;

const LONG_NAME = 'The Large Conference Room on the Fourteenth Floor, North';
const LONG_ACCOUNT = 'the-large-conference-room-on-the-fourteenth-floor@meetings.europe.contoso-international.example';

function withLongNames(state: RoomState): RoomState {
  const peer = (call: CallView): CallView => ({ ...call, peer: { ...call.peer, displayName: LONG_NAME, account: LONG_ACCOUNT } });
  return { ...state, room: { ...state.room, name: LONG_NAME, account: LONG_ACCOUNT }, call: state.call === null ? null : peer(state.call) };
}

const fixtures: Readonly<Record<string, RoomState>> = {
  ...states,
  longIdle: withLongNames(states.idle),
  longOutgoing: withLongNames(states.inviting),
  longIncoming: withLongNames(states.incomingStandard),
  longCall: withLongNames(states.cameraProblem),
  longStandard: withLongNames(states.standard),
  longNoPicture: withLongNames(states.noPicture),
  longFailed: withLongNames(states.failed)
};

type Limits = { readonly textPx: number; readonly targetPx: number; readonly gapPx: number };

/** Runs in the page: what is too small, too close, or not wholly to be seen. */
function measure({ textPx, targetPx, gapPx }: Limits): string[] {
  const name = (element: Element): string =>
    `${element.closest('[data-testid]')?.getAttribute('data-testid') ?? ''} <${element.tagName.toLowerCase()}> ${(element.textContent ?? '').slice(0, 50)}`;
  const isShown = (element: Element): boolean =>
    element.checkVisibility({ visibilityProperty: true }) && element.closest('[data-testid="announcement"], [aria-hidden="true"]') === null;
  const round = (value: number): number => Math.round(value * 10) / 10;
  const found: string[] = [];
  const { innerWidth, innerHeight } = window;

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement;
    if (element === null || (node.textContent ?? '').trim() === '' || !isShown(element)) continue;
    const size = Number.parseFloat(getComputedStyle(element).fontSize);
    if (round(size) < textPx) found.push(`small text: ${name(element)}: ${size} px`);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.left < 0 || box.top < 0 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5) {
        found.push(`cut off: ${name(element)}: at ${round(box.left)},${round(box.top)} to ${round(box.right)},${round(box.bottom)}`);
        continue;
      }
      // Hidden by something that clips it, unless it says so itself with an ellipsis.
      for (let around: Element | null = element; around !== null; around = around.parentElement) {
        const { overflowX, overflowY, textOverflow } = getComputedStyle(around);
        const clip = around.getBoundingClientRect();
        const cutX = overflowX !== 'visible' && textOverflow !== 'ellipsis' && (box.left < clip.left - 1 || box.right > clip.right + 1);
        // A line's box is higher than its letters.
        const cutY = overflowY !== 'visible' && (box.top < clip.top - box.height / 4 || box.bottom > clip.bottom + box.height / 4);
        if (cutX || cutY) found.push(`cut off: ${name(element)}: clipped by ${name(around)}`);
      }
    }
  }

  const targets = [...document.querySelectorAll('button, input, a, [role="button"]')].filter(isShown);
  const boxes = targets.map((target) => ({ target, box: target.getBoundingClientRect() }));
  for (const [index, { target, box }] of boxes.entries()) {
    if (box.width < targetPx || box.height < targetPx) found.push(`small target: ${name(target)}: ${round(box.width)}×${round(box.height)}`);
    if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight) found.push(`cut off: ${name(target)}`);
    for (const other of boxes.slice(index + 1)) {
      const gapX = Math.max(box.left, other.box.left) - Math.min(box.right, other.box.right);
      const gapY = Math.max(box.top, other.box.top) - Math.min(box.bottom, other.box.bottom);
      if (Math.max(gapX, gapY) < gapPx - 0.01) found.push(`close targets: ${name(target)} and ${name(other.target)}: ${round(Math.max(gapX, gapY))} px`);
    }
  }
  return found;
}

describe('browser: layout', function () {
  this.timeout(120_000);
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;

  before(async () => {
    room = createFakeRoom(states.idle);
    const uiDirectory = join(import.meta.dirname, '..', '..', 'dist', 'ui');
    server = createUiServer({ room, host: '127.0.0.1', port: 0, uiDirectory, allowedHosts: [], log: silentLog, clock: systemClock });
    await server.start(new AbortController().signal);
    browser = await openBrowser();
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    assert.deepEqual(browser.faults(), []);
    await browser.closePages();
  });

  /** Brings the room into the state and waits until the page shows it. Calls of the fixtures have no media, so there is no feed to ask for. */
  async function show({ page }: RoomPage, state: RoomState): Promise<void> {
    const marker = `${state.room.name} ${performance.now()}`;
    const call = state.call === null ? null : { ...state.call, mediaEpoch: 0 };
    const arrived = page.evaluate(
      (name) =>
        new Promise<void>((resolve) => {
          const events = new EventSource('/api/v1/events');
          const look = (event: MessageEvent<string>): void => {
            if (!event.data.includes(name)) return;
            events.close();
            requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
          };
          events.addEventListener('state', look);
          events.addEventListener('patch', look);
        }),
      marker
    );
    room.change(() => ({ ...state, call, version: { ...state.version, agent: marker } }));
    await arrived;
  }

  for (const size of PANELS) {
    const label = `${size.width}×${size.height}`;
    const limits: Limits = { textPx: 18, targetPx: 64, gapPx: 8 };

    it(`fits a panel of ${label}`, async () => {
      const panel = await browser.panel(server.url, size);
      await panel.see('screen-home');
      const found: string[] = [];
      const check = async (name: string): Promise<void> => {
        await panel.screenshot(`panel-${size.width}-${name}`);
        for (const fault of await panel.page.evaluate(measure, limits)) found.push(`${name}: ${fault}`);
      };
      for (const [name, state] of Object.entries(fixtures)) {
        await show(panel, state);
        await check(name);
      }
      for (const name of ['endToEnd', 'peopleVerified', 'standard', 'securingAgain', 'longStandard'] as const) {
        const state = fixtures[name];
        assert.ok(state);
        await show(panel, state);
        if (await panel.isVisible('button-shield')) await panel.touch('button-shield');
        await panel.see('screen-code');
        await check(`security-${name}`);
        if (!(await panel.isVisible('button-codes-differ'))) continue;
        await panel.touch('button-codes-differ');
        await panel.see('button-confirm-differ');
        await check(`security-${name}-confirm`);
        await panel.touch('button-confirm-cancel');
      }
      await show(panel, withLongNames(states.idle));
      await panel.touch('button-call');
      await panel.see('screen-dial');
      await check('dial');
      for (const character of 'nobody') await panel.touch(`key-${character}`);
      await panel.touch('button-place-call');
      await panel.see('command-error');
      await check('dial-error');
      assert.equal(found.join('\n'), '');
    });
  }

  for (const size of DISPLAYS) {
    it(`fits a display of ${size.width}×${size.height}`, async () => {
      const display: DisplayPage = await browser.display(server.url, size);
      await until('the first scene', async () => (await display.attribute('display-scene', 'data-scene')) !== 'reconnecting');
      // Seen from six metres: 40 px of a 1080p screen.
      const limits: Limits = { textPx: (40 * size.height) / 1080, targetPx: 0, gapPx: 0 };
      const found: string[] = [];
      for (const [name, state] of Object.entries(fixtures)) {
        await show(display, state);
        if (size.width === 1920) await display.screenshot(`display-${name}`);
        for (const fault of await display.page.evaluate(measure, limits)) found.push(`${name}: ${fault}`);
      }
      assert.equal(found.join('\n'), '');
    });
  }

  it('finds what is wrong with a page', async () => {
    const panel = await browser.panel(server.url);
    await show(panel, states.idle);
    await panel.page.getByTestId('button-call').evaluate((button) => {
      Object.assign(button.style, { width: '60px', minWidth: '0', fontSize: '17px', whiteSpace: 'nowrap' });
      const neighbour = button.cloneNode(true);
      button.after(neighbour);
      const beside = document.createElement('p');
      Object.assign(beside.style, { position: 'fixed', left: '1270px', top: '0', margin: '0', fontSize: '18px' });
      beside.textContent = 'aside';
      document.body.append(beside);
      Object.assign((neighbour as HTMLElement).style, { position: 'fixed', left: '0', top: '5px' });
      Object.assign(button.style, { position: 'fixed', left: '64px', top: '5px' });
    });
    const found = await panel.page.evaluate(measure, { textPx: 18, targetPx: 64, gapPx: 8 });
    const kinds = ['cut off', 'small text', 'small target', 'close targets'].map((kind) => found.filter((fault) => fault.startsWith(kind)).length);
    assert.deepEqual(kinds, [1, 2, 2, 1], found.join('\n'));
  });
});
