// Settings, the administrator's PIN, device tests, reports and health by touch: what the room is asked, and what is seen when the room changes.
// The room is a fake one behind the real HTTP interface; its administrator is the real one, with quick hashes and a clock that the test moves.
import assert from 'node:assert/strict';
import type { AdminFile, AdminRecord } from '../../src/admin/admin-file.ts';
import { createRoomAdmin, type RoomAdministrator } from '../../src/admin/room-admin.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { RoomState } from '../../src/room/state.ts';
import type { ReportView } from '../../src/ui-server/port.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import { deviceView } from '../fakes/device-views.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { serveRoom } from '../harness/served-room.ts';

const PIN = '394715';
const OTHER = '802746';
const MINUTE_MS = 60_000;

function memoryFile(): AdminFile {
  let record: AdminRecord = 'none';
  return {
    read: async () => record,
    write: async (kept) => {
      record = kept;
    }
  };
}

describe('browser: settings and health', function () {
  this.timeout(120_000);
  let room: FakeRoom;
  let admin: RoomAdministrator;
  let adminClock: FakeClock;
  let server: UiServer;
  let browser: TestBrowser;
  let panel: RoomPage;
  let written: string[];

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    room = createFakeRoom();
    written = [];
    const kept: ReportView[] = [];
    adminClock = createFakeClock(Date.now());
    admin = createRoomAdmin({
      file: memoryFile(),
      hash: { hashPin: async (pin) => `hash of ${pin}`, verifyPin: async (pin, kept) => kept === `hash of ${pin}` },
      writeToken: async () => {},
      clock: adminClock,
      log: silentLog
    });
    admin.on('changed', () => room.change((state) => ({ ...state, admin: admin.view() })));
    await admin.start(new AbortController().signal);
    const reports: FakeRoom['reports'] = {
      ...room.reports,
      create: async (text) => {
        written.push(text);
        const made = { id: '0190f3c2-7d4e-7a31-8c55-0123456789ab', at: '2026-03-04T09:00:00.000Z', text, bytes: 1000 };
        kept.push(made);
        return made;
      },
      list: async () => kept
    };
    Object.assign(room, { admin, reports });
    server = await serveRoom(room);
    panel = await browser.panel(server.url);
  });

  afterEach(async () => {
    await browser.closePages();
    await server?.[Symbol.asyncDispose]();
    await admin?.[Symbol.asyncDispose]();
    // A refusal is the room's answer, and these tests ask for some.
    assert.deepEqual(
      browser.faults().filter(({ kind }) => kind !== 'refused'),
      []
    );
    browser.faults().splice(0);
  });

  async function open(...rows: readonly string[]): Promise<void> {
    await panel.touch('button-settings');
    for (const row of rows) await panel.touch(row);
  }
  async function key(pin: string): Promise<void> {
    for (const digit of pin) await panel.touch(`pin-key-${digit}`);
  }
  async function unlock(pin = PIN): Promise<void> {
    await key(pin);
    await panel.touch('pin-enter');
  }
  const setPin = (): Promise<void> => admin.setPin(PIN, null, 'here');
  const asks = (...wanted: readonly unknown[]): Promise<boolean> =>
    until(`the room is asked ${JSON.stringify(wanted)}`, async () => room.asked.some((asked) => JSON.stringify(asked) === JSON.stringify(wanted)));
  const keysTouched = (name: string): Promise<number> => panel.page.getByTestId(name).count();

  it('changes language, theme, text size, ringer and do-not-disturb at a touch', async () => {
    await open();
    await panel.see('settings-language');
    await panel.touch('choice-language-de');
    await asks('changeSettings', { language: 'de' });
    await until('the page is German', async () => (await panel.page.locator('h1').textContent()) === 'Einstellungen');
    await panel.touch('row-appearance');
    await panel.touch('choice-theme-light');
    await until('the theme is light', () => panel.page.evaluate(() => document.documentElement.dataset['theme'] === 'light'));
    await panel.touch('choice-text-size-larger');
    await until('the text is larger', () => panel.page.evaluate(() => document.documentElement.dataset['textSize'] === 'larger'));
    await panel.touch('row-sound');
    await panel.touch('button-ringer-up');
    await asks('changeSettings', { ringerPercent: 70 });
    await panel.touch('dnd-30');
    await asks('changeSettings', { doNotDisturb: { minutes: 30 } });
    await panel.see('dnd-on');
    await panel.touch('dnd-off');
    await asks('changeSettings', { doNotDisturb: null });
    await panel.see('dnd-60');
    await panel.touch('row-picture');
    await panel.touch('choice-layout-side-by-side');
    await asks('changeSettings', { layout: 'side-by-side' });
  });

  it('rings for who tries the ringer, and says where, or that nothing can and why not', async () => {
    const sounds = (sound: RoomState['sound']): void => room.change((state) => ({ ...state, sound }));
    await open('row-sound');
    assert.match(await panel.text('ringer-by'), /Nothing can ring here/);
    assert.ok(await panel.page.getByTestId('button-ringer-try').isDisabled());
    sounds({ playing: null, by: 'speaker' });
    await until('it says where', async () => /room’s loudspeaker/.test(await panel.text('ringer-by')));
    await panel.touch('button-ringer-try');
    await asks('tryRinger');
    await until('it says that it rings', async () => /Ringing/.test(await panel.text('button-ringer-try')));
    sounds({ playing: null, by: 'display' });
    await until('it is over', async () => /Try it/.test(await panel.text('button-ringer-try')));
    assert.match(await panel.text('ringer-by'), /display/);
    // The loudspeaker was lost between the touch and the room.
    room.failNext = new CloisterError('CL_SOUND');
    await panel.touch('button-ringer-try');
    await until('it says why', async () => /cannot be played here/.test(await panel.text('command-error')));
    room.change((state) => ({ ...state, settings: { ...state.settings, ringerPercent: 0 } }));
    await until('there is nothing to hear', () => panel.page.getByTestId('button-ringer-try').isDisabled());
  });

  it('sets the PIN at the first touch of what it protects, refuses a weak one while it is typed, and goes on', async () => {
    await open('row-defaults');
    await panel.see('sheet-pin');
    await key('123456');
    assert.match(await panel.text('pin-note'), /Too easy to guess/);
    assert.ok(await panel.page.getByTestId('pin-enter').isDisabled());
    for (let count = 0; count < 6; count += 1) await panel.touch('pin-erase');
    await unlock();
    await until('it is asked for once more', async () => /once more/.test(await panel.text('pin-step')));
    await unlock(OTHER);
    await until('the two differ', async () => /not the same/.test(await panel.text('pin-note')));
    assert.equal(admin.pinSet(), false);
    await unlock();
    await until('it is asked for once more', async () => /once more/.test(await panel.text('pin-step')));
    await unlock();
    await panel.see('settings-defaults');
    await panel.see('session-left');
    assert.equal(admin.pinSet(), true);
    await panel.touch('toggle-auto-answer');
    await asks('changeSettings', { autoAnswer: { on: true, afterSeconds: 5 } });
    await panel.touch('button-lock');
    await panel.see('settings-locked');
    await panel.lose('session-left');
  });

  it('never has a digit that was typed in the page, and forgets them when the sheet closes or somebody calls', async () => {
    await setPin();
    await open('row-logs');
    await key(PIN.slice(0, 5));
    const typed = await panel.page.evaluate(() => document.documentElement.outerHTML);
    assert.equal(typed.includes(PIN.slice(0, 5)), false);
    assert.deepEqual(await panel.page.evaluate(() => [...document.querySelectorAll('input, textarea')].map((field) => (field as HTMLInputElement).value)), []);
    await panel.touch('pin-cancel');
    await panel.touch('button-unlock');
    assert.match(await panel.text('pin-note'), /: 0$/);
    await key('39');
    room.ring();
    await panel.see('screen-incoming');
    assert.equal(await keysTouched('sheet-pin'), 0);
  });

  it('says that a PIN is wrong, and after five locks for as long as the room does', async () => {
    await setPin();
    await open('row-logs');
    for (let wrong = 1; wrong <= 5; wrong += 1) {
      await unlock(OTHER);
      await until('the PIN is gone', async () => /: 0$/.test(await panel.text('pin-note')));
      if (wrong < 5) await until('it says so', async () => /not the administrator/.test(await panel.text('command-error')));
    }
    await panel.see('pin-locked');
    assert.match(await panel.text('pin-locked'), /Next try in 0:\d\d/);
    assert.ok(await panel.page.getByTestId('pin-key-1').isDisabled());
    adminClock.advance(31_000);
    await panel.lose('pin-locked');
    await unlock();
    await panel.see('log-lines');
    await until('the log is read', async () => /a line of the log/.test(await panel.text('log-lines')));
  });

  it('asks for the PIN again when the session is over, and changes nothing without it', async () => {
    await setPin();
    await open('row-defaults');
    await unlock();
    await panel.see('settings-defaults');
    adminClock.advance(6 * MINUTE_MS);
    await panel.touch('toggle-wipe');
    await panel.see('settings-locked');
    assert.deepEqual(room.asked, []);
  });

  it('lets the PIN be changed by whoever knows the present one', async () => {
    await setPin();
    await open('row-pin');
    await unlock();
    await panel.touch('button-change-pin');
    await unlock(OTHER); // the present one, wrong
    await unlock(OTHER);
    await unlock(OTHER);
    await until('it says so', async () => /not the administrator/.test(await panel.text('command-error')));
    await unlock();
    await unlock(OTHER);
    await unlock(OTHER);
    await panel.lose('sheet-pin');
    await assert.rejects(admin.signIn(PIN, 'here'));
    await admin.signIn(OTHER, 'here');
  });

  it('chooses a device after the PIN, going on where the finger was', async () => {
    await setPin();
    room.change((state) => ({ ...state, devices: { ...state.devices, media: [deviceView('camera', 'front')] } }));
    await open('row-devices', 'device-front', 'button-choose');
    await panel.see('sheet-pin');
    await unlock();
    await until('it is chosen', async () => room.askedOfDevices.some((asked) => asked.join() === 'choose,camera,front'));
    await panel.see('settings-device');
  });

  it('shows a microphone’s level while the room measures it, and stops the test with the page', async () => {
    room.change((state) => ({ ...state, devices: { ...state.devices, media: [deviceView('microphone', 'table'), deviceView('speaker', 'bar')] } }));
    await open('row-devices', 'device-table', 'button-test');
    await until('the test is begun', async () => room.askedOfDevices.some((asked) => asked.join() === 'startTest,table'));
    const level = (rmsDbfs: number) => ({ rmsDbfs, peakDbfs: rmsDbfs + 6, clipping: false, silent: false });
    const measure = (rmsDbfs: number): void =>
      room.change((state) => ({ ...state, devices: { ...state.devices, test: { id: 'table', kind: 'microphone', level: level(rmsDbfs), problem: null } } }));
    measure(-30);
    await panel.seeAttribute('test-level', 'aria-valuenow', '50');
    measure(-15);
    await panel.seeAttribute('test-level', 'aria-valuenow', '75');
    await panel.touch('row-language');
    await until('the test is over', async () => room.askedOfDevices.some((asked) => asked.join() === 'stopTest'));
    await panel.touch('row-devices');
    await panel.touch('device-bar');
    room.change((state) => ({ ...state, devices: { ...state.devices, test: { id: 'bar', kind: 'speaker', level: null, problem: null } } }));
    await panel.see('button-heard');
    room.change((state) => ({ ...state, devices: { ...state.devices, test: null } }));
    await panel.touch('button-not-heard');
    assert.match(await panel.text('test-outcome'), /another loudspeaker/);
  });

  it('reports a problem in words typed on the panel, and tells the number', async () => {
    await open('row-report');
    assert.equal(await panel.page.getByTestId('settings-report').getByText('Reports that are kept').count(), 0);
    await panel.touch('button-report');
    await panel.touch('key-shift');
    for (const typed of ['key-n', 'key-o', 'key-space', 'key-e', 'key-c', 'key-h', 'key-o', 'key-x', 'key-backspace', 'key-.']) await panel.touch(typed);
    await panel.touch('button-text-done');
    await panel.see('sheet-report-done');
    assert.deepEqual(written, ['No echo.']);
    assert.equal(await panel.text('report-number'), '0123 4567 89ab');
    await panel.touch('button-report-done');
    await panel.lose('sheet-report-done');
    // By its number alone: what was written is the administrator's to read.
    const row = 'report-0190f3c2-7d4e-7a31-8c55-0123456789ab';
    await panel.see(row);
    assert.match(await panel.text(row), /^\u20660123 4567 89ab\u2069.*4 March.* · 1 kB$/);
  });

  it('clears the room only after it has asked', async () => {
    await open('row-clear', 'button-clear', 'button-clear-no');
    await panel.lose('sheet-clear');
    assert.deepEqual(room.asked, []);
    await panel.touch('button-clear');
    await panel.touch('button-clear-yes');
    await panel.lose('sheet-clear');
    assert.match(await panel.text('clear-done'), /cleared/);
    assert.deepEqual(room.asked, [['clearRoom']]);
  });

  it('restarts only after it has asked, and says why where the room refuses', async () => {
    await setPin();
    await open('row-restart');
    await unlock();
    await panel.touch('button-restart');
    assert.deepEqual(room.asked, []);
    room.failNext = new CloisterError('CL_CALL_BUSY');
    await panel.touch('button-restart-yes');
    await until('it says why', async () => /already in a call/.test(await panel.text('command-error')));
    assert.deepEqual(room.asked, []);
    await panel.touch('button-restart-yes');
    await asks('restart');
    await until('it says so', async () => /Restarting/.test(await panel.text('restart-going')));
  });

  it('says on the health page what ails the room and what to do, and silences it with a reason', async () => {
    const problem = { code: 'CL_MEDIA_CAMERA_AWAY', severity: 'warning', since: new Date(Date.now() - 5 * MINUTE_MS).toISOString(), text: '' } as const;
    const ail = (silenced: { reason: string; at: string } | null): void =>
      room.change((state) => ({ ...state, health: { ...state.health, status: 'degraded', problems: [{ ...problem, silenced }] } }));
    await panel.touch('room-status');
    await panel.seeAttribute('health-state', 'data-severity', 'good');
    ail(null);
    await panel.seeAttribute('health-state', 'data-severity', 'warning');
    assert.match(await panel.text('problem-CL_MEDIA_CAMERA_AWAY'), /The camera is away[\s\S]*plug it in again/);
    assert.match(await panel.text('problem-since'), /5 minutes ago/);
    await panel.touch('silence-CL_MEDIA_CAMERA_AWAY');
    await panel.touch('reason-known');
    await asks('silence', 'CL_MEDIA_CAMERA_AWAY', 'It is known and being repaired');
    await panel.lose('sheet-silence');
    ail({ reason: 'It is known and being repaired', at: problem.since });
    await panel.seeAttribute('health-state', 'data-severity', 'warning'); // the room is degraded still
    await panel.touch('bring-back-CL_MEDIA_CAMERA_AWAY');
    await asks('silence', 'CL_MEDIA_CAMERA_AWAY', null);
  });
});
