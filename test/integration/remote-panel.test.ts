// A panel elsewhere: over TLS with a certificate of the organisation, paired by the PIN, and everybody else on that network.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { connect as connectPlainly } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { ensureIdentities } from '../../agent/commands/identity.ts';
import { composeRemote } from '../../agent/compose-admin.ts';
import type { RoomAdministrator } from '../../src/admin/room-admin.ts';
import { resolveConfig } from '../../src/config/layers.ts';
import type { Config } from '../../src/config/schema.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { DisplayPages } from '../../src/ui-server/port.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import type { FakeRoom } from '../fakes/room.ts';
import { startAdministeredRoom } from '../harness/administered-room.ts';
import { type Answer, askRoom } from '../harness/ask-room.ts';
import { serveRoom } from '../harness/served-room.ts';

const PIN = '394715';
const OTHER = '802746';
const ROUTES: readonly (readonly [string, string])[] = [
  ['GET', '/api/v1/state'],
  ['GET', '/api/v1/events'],
  ['GET', '/api/v1/devices'],
  ['GET', '/api/v1/reports'],
  ['GET', '/api/v1/logs'],
  ['GET', '/api/v1/panels'],
  ['GET', '/healthz'],
  ['GET', '/metrics'],
  ['GET', '/display/'],
  ['GET', '/nothing/here'],
  ['GET', '/api/v1/session/'],
  ['GET', '//api/v1/state'],
  ['GET', '/panel/../api/v1/state'],
  ['POST', '/api/v1/calls'],
  ['POST', '/api/v1/pin'],
  ['POST', '/api/v1/reports'],
  ['POST', '/api/v1/devices/volume'],
  ['POST', '/api/v1/display/ticket']
];

type Asked = { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>>; readonly local?: boolean };

describe('a remote panel', function () {
  this.timeout(60_000);
  let folder: string;
  let certificates: string;
  let ca: string;
  let config: Config;
  let clock: FakeClock;
  let admin: RoomAdministrator;
  let room: FakeRoom;
  let server: UiServer;
  let port: number;

  before(async () => {
    certificates = await mkdtemp(join(tmpdir(), 'cloister-remote-'));
    await ensureIdentities({
      authority: join(certificates, 'ca'),
      broker: join(certificates, 'panel'),
      rooms: [{ account: 'room@contoso.example', directory: join(certificates, 'room') }]
    });
    ca = await readFile(join(certificates, 'panel', 'ca.pem'), 'utf8');
  });
  after(() => rm(certificates, { recursive: true }));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-remote-data-'));
    const ui = join(folder, 'ui');
    await mkdir(join(ui, 'panel'), { recursive: true });
    await writeFile(join(ui, 'panel', 'index.html'), '<!doctype html><title>panel</title>');
    const remote = { host: '127.0.0.1', port: 0, certificateDirectory: join(certificates, 'panel') };
    const resolved = resolveConfig([{ dataDirectory: join(folder, 'data'), uiServer: { remote } }]);
    assert.ok(resolved.ok);
    config = resolved.value;
    await start();
  });
  afterEach(async () => {
    await stop();
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    clock = createFakeClock();
    ({ admin, room } = await startAdministeredRoom(config, clock));
    const remote = await composeRemote(config, { clock, log: silentLog });
    assert.ok(remote !== null);
    await remote.panels.start(new AbortController().signal);
    server = await serveRoom(room, { uiDirectory: join(folder, 'ui'), remote: remote.options, clock });
    assert.ok(server.remotePort !== null);
    port = server.remotePort;
  }
  async function stop(): Promise<void> {
    await server[Symbol.asyncDispose]();
    await admin[Symbol.asyncDispose]();
  }

  /** By TLS to the remote listener, or plainly to the room's own. */
  const ask = (method: string, path: string, { local = false, ...asked }: Asked = {}): Promise<Answer> =>
    askRoom({ method, path, ...asked, ...(local ? { port: Number(new URL(server.url).port) } : { port, ca }) });
  const cookiesOf = ({ headers }: Answer): string => (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0] ?? '').join('; ');
  const onlyPanel = (cookies: string): string => /cloister_panel=[^;]*/.exec(cookies)?.[0] ?? '';
  async function paired(): Promise<string> {
    assert.equal((await ask('POST', '/api/v1/pin', { body: { pin: PIN }, local: true })).status, 204);
    const answer = await ask('POST', '/api/v1/session', { body: { pin: PIN } });
    assert.equal(answer.status, 204);
    return cookiesOf(answer);
  }

  it('gets the pages and nothing else before it is paired', async () => {
    assert.equal((await ask('GET', '/panel/')).status, 200);
    assert.equal((await ask('GET', '/')).headers['location'], '/panel/');
    assert.deepEqual(JSON.parse((await ask('GET', '/api/v1/session')).body), { administrator: false, endsAt: null });
    for (const headers of [{}, { cookie: 'cloister_panel=' }, { cookie: `cloister_panel=${'A'.repeat(43)}` }, { authorization: 'Bearer x' }])
      for (const [method, path] of ROUTES) {
        const { status, code } = await ask(method, path, { headers });
        assert.deepEqual([status, code === 'CL_PANEL_NOT_PAIRED' || path === '/panel/../api/v1/state'], [path.startsWith('/panel/..') ? 404 : 401, true], path);
      }
    assert.equal(room.state().call, null);
    assert.deepEqual(room.asked, []);
  });

  it('is not paired where no PIN is set, nor by a wrong one, whose lock is not the room’s', async () => {
    assert.equal((await ask('POST', '/api/v1/session', { body: { pin: PIN } })).code, 'CL_PIN_NOT_SET');
    assert.equal((await ask('POST', '/api/v1/pin', { body: { pin: PIN } })).code, 'CL_PANEL_NOT_PAIRED');
    await ask('POST', '/api/v1/pin', { body: { pin: PIN }, local: true });
    for (let times = 0; times < 5; times++) {
      const wrong = await ask('POST', '/api/v1/session', { body: { pin: OTHER } });
      assert.deepEqual([wrong.code, wrong.headers['set-cookie']], ['CL_PIN_WRONG', undefined]);
    }
    assert.equal((await ask('POST', '/api/v1/session', { body: { pin: PIN } })).code, 'CL_PIN_LOCKED');
    assert.equal(admin.view().lockedUntil, null);
    assert.equal((await ask('POST', '/api/v1/session', { body: { pin: PIN }, local: true })).status, 204);
  });

  it('is paired by the PIN, for a year, and is the administrator for five minutes', async () => {
    await ask('POST', '/api/v1/pin', { body: { pin: PIN }, local: true });
    const answer = await ask('POST', '/api/v1/session', { body: { pin: PIN } });
    const [session = '', panel = ''] = answer.headers['set-cookie'] ?? [];
    assert.match(session, /^cloister_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    assert.match(panel, /^cloister_panel=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=31536000$/);
    const cookie = cookiesOf(answer);
    assert.equal((await ask('GET', '/api/v1/logs', { headers: { cookie } })).status, 200);
    clock.advance(300_000);
    assert.equal((await ask('GET', '/api/v1/logs', { headers: { cookie } })).code, 'CL_PIN_REQUIRED');
    assert.equal(JSON.parse((await ask('GET', '/api/v1/state', { headers: { cookie } })).body).room.name, 'Boardroom');
    const placed = await ask('POST', '/api/v1/calls', { body: { to: 'studio@contoso.example' }, headers: { cookie } });
    assert.equal(placed.status, 201);
    // Signing in again pairs no second time.
    const again = await ask('POST', '/api/v1/session', { body: { pin: PIN }, headers: { cookie: onlyPanel(cookie) } });
    assert.equal(again.headers['set-cookie']?.length, 1);
    // A session alone, without the pairing, is nothing here.
    const alone = /cloister_session=[^;]*/.exec(cookiesOf(again))?.[0] ?? '';
    assert.equal((await ask('GET', '/api/v1/logs', { headers: { cookie: alone } })).code, 'CL_PANEL_NOT_PAIRED');
  });

  it('is still paired after a restart, by a cookie that is nowhere on disk', async () => {
    const cookie = onlyPanel(await paired());
    await stop();
    await start();
    assert.equal((await ask('GET', '/api/v1/state', { headers: { cookie } })).status, 200);
    const file = join(folder, 'data', 'remote-panels.json');
    assert.ok(!(await readFile(file, 'utf8')).includes(cookie.split('=')[1] ?? '?'));
    if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600);
    await stop();
    await writeFile(file, '{');
    await start();
    assert.equal((await ask('GET', '/api/v1/state', { headers: { cookie } })).code, 'CL_PANEL_NOT_PAIRED');
  });

  it('is paired for a year, whatever became of the browser’s cookie', async () => {
    const cookie = onlyPanel(await paired());
    clock.jump(365 * 24 * 3_600_000 - 1);
    assert.equal((await ask('GET', '/api/v1/state', { headers: { cookie } })).status, 200);
    clock.jump(1);
    assert.equal((await ask('GET', '/api/v1/state', { headers: { cookie } })).code, 'CL_PANEL_NOT_PAIRED');
    const local = cookiesOf(await ask('POST', '/api/v1/session', { body: { pin: PIN }, local: true }));
    assert.deepEqual(JSON.parse((await ask('GET', '/api/v1/panels', { headers: { cookie: local }, local: true })).body).panels, []);
  });

  it('is listed and removed by the administrator, and loses at once what it has open', async () => {
    const cookie = onlyPanel(await paired());
    const local = cookiesOf(await ask('POST', '/api/v1/session', { body: { pin: PIN }, local: true }));
    const { panels, addresses } = JSON.parse((await ask('GET', '/api/v1/panels', { headers: { cookie: local }, local: true })).body);
    // Its certificate has this machine's own names alone, and those lead nowhere from elsewhere.
    assert.deepEqual(addresses, []);
    assert.deepEqual([panels.length, panels[0].from, Object.keys(panels[0]).sort()], [1, '127.0.0.1', ['from', 'id', 'pairedAt']]);
    assert.equal((await ask('GET', '/api/v1/panels', { local: true })).code, 'CL_PIN_REQUIRED');

    const events = await listen(cookie);
    await once(events, 'data');
    const closed = new Promise<void>((resolve) => events.on('close', () => resolve()));
    assert.equal((await ask('POST', '/api/v1/panels/remove', { body: { id: panels[0].id }, headers: { cookie: local }, local: true })).status, 204);
    await closed;
    assert.equal((await ask('GET', '/api/v1/state', { headers: { cookie } })).code, 'CL_PANEL_NOT_PAIRED');
    assert.equal((await ask('POST', '/api/v1/panels/remove', { body: { id: panels[0].id }, headers: { cookie: local }, local: true })).code, 'CL_NOT_FOUND');
  });

  /** Open until it is destroyed. */
  async function listen(cookie: string, path = '/api/v1/events'): Promise<IncomingMessage> {
    const listening = request({ host: '127.0.0.1', port, ca, path, agent: false, headers: { cookie } });
    listening.end();
    const [events] = (await once(listening, 'response')) as [IncomingMessage];
    events.on('error', () => {});
    return events;
  }

  it('keeps neither the room’s own pages nor other panels out, however much it has open, and is no display', async () => {
    const told: DisplayPages[] = [];
    room.setDisplays = (pages) => told.push(pages);
    const cookie = onlyPanel(await paired());
    const other = onlyPanel(cookiesOf(await ask('POST', '/api/v1/session', { body: { pin: PIN } })));
    const open = await Promise.all(Array.from({ length: 40 }, () => listen(cookie, '/api/v1/events?page=display&sound=on')));
    assert.deepEqual([open.filter(({ statusCode }) => statusCode === 200).length, open.filter(({ statusCode }) => statusCode === 503).length], [8, 32]);
    assert.equal((await ask('GET', '/api/v1/state', { headers: { cookie } })).code, 'CL_LISTENERS_FULL');
    const second = await listen(other);
    const own = plainRequest({ host: '127.0.0.1', port: Number(new URL(server.url).port), path: '/api/v1/events', agent: false });
    own.end();
    const [local] = (await once(own, 'response')) as [IncomingMessage];
    assert.deepEqual([second.statusCode, local.statusCode, told], [200, 200, []]);
    for (const each of [...open, second, local]) each.destroy();
    // What is closed is free again.
    while ((await ask('GET', '/api/v1/state', { headers: { cookie } })).status !== 200) await new Promise((resolve) => setImmediate(resolve));
  });

  it('gets no page and no ticket of pictures, which are shown on the device alone', async () => {
    const cookie = onlyPanel(await paired());
    assert.equal((await ask('GET', '/display/', { headers: { cookie } })).code, 'CL_NOT_FOUND');
    for (const path of ['/api/v1/display/ticket', '/api/v1/self-view/ticket', '/api/v1/devices/preview-ticket'])
      assert.equal((await ask('POST', path, { headers: { cookie } })).code, 'CL_NOT_FOUND', path);
    assert.deepEqual([room.asked, room.askedOfDevices], [[], []]);
  });

  it('keeps nobody out by connections that say nothing', async () => {
    const silent = Array.from({ length: 300 }, () => connectPlainly({ host: '127.0.0.1', port }));
    const closed = silent.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on('error', () => {});
          socket.on('close', () => resolve());
          socket.resume();
        })
    );
    await Promise.all(closed);
    assert.equal((await ask('GET', '/panel/')).status, 200);
  });

  it('holds up the end of the room by nothing that it has begun', async () => {
    const silent = connectPlainly({ host: '127.0.0.1', port });
    silent.on('error', () => {});
    await once(silent, 'connect');
    // Taken, not only waiting to be.
    await ask('GET', '/panel/');
    const beganMs = performance.now();
    await server[Symbol.asyncDispose]();
    // A handshake may take five seconds, and parts of a room have three to end.
    assert.ok(performance.now() - beganMs < 3_000);
  });

  it('cannot set a first PIN after a reset', async () => {
    const cookie = onlyPanel(await paired());
    await rm(join(folder, 'data', 'admin.json'));
    await clock.advanceAsync(10_000);
    while (admin.pinSet()) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await ask('POST', '/api/v1/pin', { body: { pin: OTHER }, headers: { cookie } })).code, 'CL_PIN_NOT_SET');
    assert.equal(admin.pinSet(), false);
  });

  it('is used by no other page, and under no other name', async () => {
    const cookie = await paired();
    for (const headers of [
      { cookie, origin: 'https://evil.example' },
      { cookie, origin: `http://127.0.0.1:${port}` },
      { cookie, origin: 'https://127.0.0.1' },
      { cookie, 'sec-fetch-site': 'cross-site' },
      { cookie, host: 'evil.example' },
      { cookie, host: `evil.example:${port}` }
    ])
      assert.equal(
        (await ask('POST', '/api/v1/calls', { body: { to: 'studio@contoso.example' }, headers })).code,
        'CL_FORBIDDEN_ORIGIN',
        JSON.stringify(headers)
      );
    const own = await ask('POST', '/api/v1/calls', { body: { to: 'studio@contoso.example' }, headers: { cookie, origin: `https://127.0.0.1:${port}` } });
    assert.equal(own.status, 201);
  });

  it('is answered over TLS 1.2 or later alone, never plainly', async () => {
    const plain = plainRequest({ host: '127.0.0.1', port, path: '/panel/', agent: false });
    plain.end();
    const outcome = await Promise.race([once(plain, 'response').then(([response]) => response.statusCode), once(plain, 'error').then(() => 'refused')]).catch(
      () => 'refused'
    );
    assert.equal(outcome, 'refused');
    const old = connect({ host: '127.0.0.1', port, ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const [error] = (await once(old, 'error')) as [Error];
    assert.match(String(error), /protocol|alert|version/i);
  });
});
