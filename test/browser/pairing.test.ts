// A panel elsewhere in Chromium, over TLS: it finds the room at the address that the room's own panel shows, is paired by the PIN, sees the room, saves a
// report, and is refused from the moment in which it was removed. The room is a fake one behind both real listeners; its administrator is the real one.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureIdentities, runIdentityCommand } from '../../agent/commands/identity.ts';
import { composeRemote } from '../../agent/compose-admin.ts';
import type { RoomAdministrator } from '../../src/admin/room-admin.ts';
import { resolveConfig } from '../../src/config/layers.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import type { FakeRoom } from '../fakes/room.ts';
import { startAdministeredRoom } from '../harness/administered-room.ts';
import { openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { serveRoom } from '../harness/served-room.ts';

const PIN = '394715';
const OTHER = '802746';
const HOST = 'boardroom-panel.contoso.example';
const TABLET = { width: 1280, height: 800 };

describe('browser: a panel elsewhere', function () {
  this.timeout(120_000);
  this.bail(true);
  let folder: string;
  let admin: RoomAdministrator;
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;
  let own: RoomPage;
  let tablet: RoomPage;
  let address: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-pairing-'));
    const [authority, certificateDirectory] = [join(folder, 'ca'), join(folder, 'panel')];
    await ensureIdentities({ authority, broker: join(folder, 'broker'), rooms: [{ account: 'boardroom@contoso.example', directory: join(folder, 'room') }] });
    const io = { stdout: () => {}, stderr: (line: string) => console.error(line) };
    assert.equal(await runIdentityCommand(['issue-broker', '--ca', authority, '--host', HOST, '--host', 'localhost', '--out', certificateDirectory], io), 0);
    const remote = { host: '127.0.0.1', port: 0, certificateDirectory };
    const resolved = resolveConfig([{ dataDirectory: join(folder, 'data'), uiServer: { remote } }]);
    assert.ok(resolved.ok);
    ({ admin, room } = await startAdministeredRoom(resolved.value, systemClock));
    const composed = await composeRemote(resolved.value, { clock: systemClock, log: silentLog });
    assert.ok(composed !== null);
    await composed.panels.start(new AbortController().signal);
    server = await serveRoom(room, { remote: composed.options });
    await admin.setPin(PIN, null);
    browser = await openBrowser({ trusts: { host: HOST, certificatePem: await readFile(join(certificateDirectory, 'certificate.pem'), 'utf8') } });
    own = await browser.panel(server.url);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await admin?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function unlock(page: RoomPage, pin = PIN): Promise<void> {
    await page.see('sheet-pin');
    for (const digit of pin) await page.touch(`pin-key-${digit}`);
    await page.touch('pin-enter');
  }
  /** What the page itself is answered, with its own cookies. */
  const askedFrom = (page: RoomPage, path: string): Promise<readonly [number, string | undefined]> =>
    page.page.evaluate(async (asked) => {
      const response = await fetch(asked);
      const { code } = await response.json();
      return [response.status, code] as const;
    }, path);

  it('is told by the room’s own panel where to find the room, by the name in the certificate and none that leads nowhere', async () => {
    await own.touch('button-settings');
    await own.touch('row-panels');
    await unlock(own);
    await own.see('panels-none');
    address = `https://${HOST}:${server.remotePort}/panel/`;
    assert.match(await own.text('panels-addresses'), new RegExp(`PIN:${address}$`));
  });

  it('gets nothing in a browser that does not trust the key', async () => {
    const stranger = await openBrowser();
    try {
      await assert.rejects(stranger.page(`https://localhost:${server.remotePort}/panel/`, TABLET), /ERR_CERT_AUTHORITY_INVALID/);
    } finally {
      await stranger[Symbol.asyncDispose]();
    }
  });

  it('shows nothing of the room before it is paired, nor after a wrong PIN', async () => {
    tablet = await browser.page(address, TABLET);
    await unlock(tablet, OTHER);
    await until('it says so', async () => /not the administrator/.test(await tablet.text('command-error')));
    assert.equal(await tablet.page.evaluate(() => document.documentElement.outerHTML.includes('Boardroom')), false);
    assert.deepEqual(await askedFrom(tablet, '/api/v1/state'), [401, 'CL_PANEL_NOT_PAIRED']);
    assert.equal((await tablet.seen()).testIds.includes('screen-home'), false);
  });

  it('is paired by the PIN, and shows the room as it is and as it changes', async () => {
    await unlock(tablet);
    await tablet.see('screen-home');
    await until('the room’s name', async () => /Boardroom/.test(await tablet.text('screen-home')));
    room.change((state) => ({ ...state, settings: { ...state.settings, doNotDisturb: { until: null } } }));
    await tablet.seeAttribute('button-do-not-disturb', 'aria-pressed', 'true');
    await tablet.touch('button-do-not-disturb');
    await until('the room is asked', async () =>
      room.asked.some((asked) => JSON.stringify(asked) === JSON.stringify(['changeSettings', { doNotDisturb: null }]))
    );
    // It is one of the room's panels from now on, also after it was closed.
    await tablet.page.reload();
    await tablet.see('screen-home');
  });

  it('saves a report, which the room’s own panel cannot and says so', async () => {
    const [report] = await room.reports.list();
    assert.ok(report);
    await own.touch('row-reports');
    await own.touch(`report-${report.id}`);
    await until('the way by a panel elsewhere', async () => (await own.text('get-by-panel')).includes(address));
    assert.match(await own.text('get-by-command'), new RegExp(`cloister reports get ${report.id.slice(-12)}$`));
    assert.equal(await own.isVisible(`download-${report.id}`), false);
    await own.touch('button-get-report-done');

    await tablet.touch('button-settings');
    await tablet.touch('row-reports');
    const saving = tablet.page.waitForEvent('download');
    await tablet.touch(`download-${report.id}`);
    const saved = await saving;
    assert.equal(saved.suggestedFilename(), 'report.tar.gz');
    assert.deepEqual([...(await readFile(await saved.path()))], [1, 2, 3]);

    // A session that is over locks the page, and no refusal is saved as a report.
    let downloads = 0;
    tablet.page.on('download', () => {
      downloads += 1;
    });
    await tablet.page.evaluate(() => fetch('/api/v1/session/end', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }));
    await tablet.touch(`download-${report.id}`);
    await tablet.see('settings-locked');
    assert.equal(downloads, 0);
  });

  /** At the room's own panel, which shows those that are paired as of when the page is opened. */
  async function remove(): Promise<void> {
    await own.touch('row-logs');
    await own.touch('row-panels');
    await own.page.getByRole('button', { name: 'Remove: 127.0.0.1' }).tap();
    await own.see('panels-none');
  }

  it('is refused as soon as it was removed, and asks for the PIN again', async () => {
    await remove();
    await tablet.see('screen-reconnecting');
    await tablet.see('sheet-pin');
    assert.deepEqual(await askedFrom(tablet, '/api/v1/state'), [401, 'CL_PANEL_NOT_PAIRED']);
    await tablet.page.reload();
    await tablet.see('sheet-pin');
    assert.equal(await tablet.isVisible('screen-home'), false);
  });

  it('hears of it too where it was removed while the network was away', async () => {
    await unlock(tablet);
    await tablet.see('screen-home');
    await tablet.page.context().setOffline(true);
    await tablet.see('screen-reconnecting');
    await remove();
    await tablet.page.context().setOffline(false);
    await tablet.see('sheet-pin');
    assert.deepEqual(await askedFrom(tablet, '/api/v1/state'), [401, 'CL_PANEL_NOT_PAIRED']);
  });

  it('does nothing that a room’s page never does', () => {
    // Refusals and a stream that was cut are what these tests asked for.
    assert.deepEqual(
      browser.faults().filter(({ kind }) => kind !== 'refused' && kind !== 'unanswered'),
      []
    );
  });
});
