// The administrator over HTTP: a real server, the real PIN with its file (at a lower cost), and everybody who should not get in.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDevicesCommand } from '../../agent/commands/devices.ts';
import { runPinCommand } from '../../agent/commands/pin.ts';
import type { CommandIo, ExitStatus } from '../../agent/io.ts';
import type { RoomAdministrator } from '../../src/admin/room-admin.ts';
import { resolveConfig } from '../../src/config/layers.ts';
import type { Config } from '../../src/config/schema.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import type { FakeRoom } from '../fakes/room.ts';
import { startAdministeredRoom } from '../harness/administered-room.ts';
import { type Answer, askRoom } from '../harness/ask-room.ts';
import { serveRoom } from '../harness/served-room.ts';

const PIN = '394715';
const OTHER = '802746';
const PROTECTED: readonly (readonly [string, string])[] = [
  ['GET', '/api/v1/reports'],
  ['GET', '/api/v1/reports/0190f3c2-7d4e-7a31-8c55-0000000000aa'],
  ['GET', '/api/v1/diagnostics'],
  ['GET', '/api/v1/logs'],
  ['POST', '/api/v1/restart']
];

describe('the administrator over HTTP', function () {
  this.timeout(60_000);
  let folder: string;
  let config: Config;
  let clock: FakeClock;
  let admin: RoomAdministrator;
  let room: FakeRoom;
  let server: UiServer;
  let port: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-admin-http-'));
    const resolved = resolveConfig([{ dataDirectory: join(folder, 'data') }]);
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
    server = await serveRoom(room, { uiDirectory: '/nowhere', clock });
    port = Number(new URL(server.url).port);
  }
  async function stop(): Promise<void> {
    await server[Symbol.asyncDispose]();
    await admin[Symbol.asyncDispose]();
  }

  const ask = (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    askRoom({ port, method, path, body, headers });
  const cookieOf = ({ headers }: Answer): string => (headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
  async function signedIn(): Promise<string> {
    assert.equal((await ask('POST', '/api/v1/pin', { pin: PIN })).status, 204);
    const answer = await ask('POST', '/api/v1/session', { pin: PIN });
    assert.equal(answer.status, 204);
    return cookieOf(answer);
  }
  const sessionOf = async (cookie: string): Promise<unknown> => JSON.parse((await ask('GET', '/api/v1/session', undefined, { cookie })).bytes.toString());

  it('asks for a PIN to be set where there is none', async () => {
    for (const [method, path] of PROTECTED) {
      const { status, code } = await ask(method, path);
      assert.deepEqual([status, code], [401, 'CL_PIN_NOT_SET'], path);
    }
    assert.deepEqual(
      [(await ask('POST', '/api/v1/session', { pin: PIN })).code, await sessionOf('')],
      ['CL_PIN_NOT_SET', { administrator: false, endsAt: null }]
    );
  });

  it('takes a first PIN, then asks for it', async () => {
    for (const weak of ['123456', '111111', '12345', 'abcdef', '1234567890123']) {
      const { status, code } = await ask('POST', '/api/v1/pin', { pin: weak });
      assert.deepEqual([status, code], [400, 'CL_PIN_WEAK'], weak);
    }
    const cookie = await signedIn();
    for (const [method, path] of PROTECTED) {
      const refused = await ask(method, path);
      assert.deepEqual([refused.status, refused.code, refused.headers['www-authenticate']], [401, 'CL_PIN_REQUIRED', 'Bearer realm="cloister"'], path);
      const { status } = await ask(method, path, undefined, { cookie });
      assert.ok(status < 300, `${path} ${status}`);
    }
    assert.deepEqual(JSON.parse((await ask('GET', '/api/v1/logs', undefined, { cookie })).bytes.toString()), { lines: ['a line of the log'] });
    assert.equal((await ask('POST', '/api/v1/pin', { pin: OTHER })).code, 'CL_PIN_REQUIRED');
    const wrong = await ask('POST', '/api/v1/session', { pin: OTHER });
    assert.deepEqual([wrong.status, wrong.code, wrong.headers['set-cookie']], [403, 'CL_PIN_WRONG', undefined]);
  });

  it('gives the session to no script and no other site, and ends it after five idle minutes', async () => {
    assert.equal((await ask('POST', '/api/v1/pin', { pin: PIN })).status, 204);
    const answer = await ask('POST', '/api/v1/session', { pin: PIN });
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /^cloister_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    assert.equal(answer.bytes.length, 0);
    const cookie = cookieOf(answer);
    assert.deepEqual(await sessionOf(cookie), { administrator: true, endsAt: new Date(clock.now() + 300_000).toISOString() });
    clock.advance(299_000);
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie })).status, 200);
    clock.advance(299_000);
    // To ask whether it holds does not keep it.
    assert.deepEqual(await sessionOf(cookie), { administrator: true, endsAt: new Date(clock.now() + 1000).toISOString() });
    clock.advance(1_000);
    assert.deepEqual(await sessionOf(cookie), { administrator: false, endsAt: null });
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie })).code, 'CL_PIN_REQUIRED');
  });

  it('ends a session when it is asked to, when the PIN changes and when the room starts again', async () => {
    const first = await signedIn();
    const ended = await ask('POST', '/api/v1/session/end', {}, { cookie: first });
    assert.match(ended.headers['set-cookie']?.[0] ?? '', /^cloister_session=; .*Max-Age=0/);
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: first })).status, 401);
    const second = cookieOf(await ask('POST', '/api/v1/session', { pin: PIN }));
    assert.equal((await ask('POST', '/api/v1/pin', { pin: OTHER, current: PIN })).status, 204);
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: second })).status, 401);
    const third = cookieOf(await ask('POST', '/api/v1/session', { pin: OTHER }));
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: third })).status, 200);
    await stop();
    await start();
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: third })).status, 401);
  });

  it('has one session in a browser: signing in again ends the one before', async () => {
    const first = await signedIn();
    const second = cookieOf(await ask('POST', '/api/v1/session', { pin: PIN }, { cookie: first }));
    assert.notEqual(second, first);
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: first })).status, 401);
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: second })).status, 200);
  });

  it('does not let a page of another origin use the session', async () => {
    const cookie = await signedIn();
    for (const headers of [
      { cookie, origin: 'https://evil.example' },
      { cookie, origin: 'null' },
      { cookie, origin: 'http://127.0.0.1:1' },
      { cookie, 'sec-fetch-site': 'cross-site' },
      { cookie, 'sec-fetch-site': 'same-site' },
      { cookie, host: 'evil.example' }
    ]) {
      for (const [method, path] of PROTECTED)
        assert.equal((await ask(method, path, undefined, headers)).code, 'CL_FORBIDDEN_ORIGIN', `${path} ${JSON.stringify(headers)}`);
      assert.equal((await ask('POST', '/api/v1/pin', { pin: OTHER, current: PIN }, headers)).code, 'CL_FORBIDDEN_ORIGIN');
    }
    const form = await ask('POST', '/api/v1/restart', {}, { cookie, 'content-type': 'text/plain' });
    assert.equal(form.status, 415);
    assert.deepEqual(room.asked, []);
  });

  it('takes no session that is made up, doubled, or somewhere else', async () => {
    const cookie = await signedIn();
    const token = cookie.split('=')[1] ?? '';
    const tries: Readonly<Record<string, string>>[] = [
      { cookie: 'cloister_session=' },
      { cookie: `cloister_session=${'A'.repeat(43)}` },
      { cookie: `cloister_session=${token}A` },
      { cookie: `${cookie}; cloister_session=x` },
      { cookie: `cloister_session=x; ${cookie}` },
      { cookie: `Cloister_Session=${token}` },
      { cookie: `xcloister_session=${token}` },
      { authorization: `Basic ${token}` },
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${token} x` },
      { 'x-session': token }
    ];
    for (const headers of tries) assert.equal((await ask('GET', '/api/v1/logs', undefined, headers)).code, 'CL_PIN_REQUIRED', JSON.stringify(headers));
    assert.equal((await ask('GET', `/api/v1/logs?cloister_session=${token}`)).code, 'CL_PIN_REQUIRED');
    assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie: `a=b; ${cookie}; c=d` })).status, 200);
  });

  it('locks after five wrong ones of a hundred at once, and says until when', async () => {
    await ask('POST', '/api/v1/pin', { pin: PIN });
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask('POST', '/api/v1/session', { pin: OTHER })));
    assert.deepEqual(
      ['CL_PIN_WRONG', 'CL_PIN_LOCKED'].map((code) => answers.filter((answer) => answer.code === code).length),
      [5, 95]
    );
    const right = await ask('POST', '/api/v1/session', { pin: PIN });
    assert.deepEqual([right.status, right.code, right.headers['set-cookie']], [429, 'CL_PIN_LOCKED', undefined]);
    assert.equal(admin.view().lockedUntil, new Date(clock.now() + 30_000).toISOString());
    // Waiting is not forgotten by a restart.
    await stop();
    await start();
    assert.equal((await ask('POST', '/api/v1/session', { pin: PIN })).code, 'CL_PIN_LOCKED');
    clock.advance(30_000);
    assert.equal((await ask('POST', '/api/v1/session', { pin: PIN })).status, 204);
  });

  it('refuses bodies that are not of the form, and repeats nothing of them', async () => {
    await signedIn();
    for (const [path, body] of [
      ['/api/v1/session', {}],
      ['/api/v1/session', { pin: 394715 }],
      ['/api/v1/session', { pin: '' }],
      ['/api/v1/session', { pin: '9'.repeat(65) }],
      ['/api/v1/session', { pin: PIN, more: 1 }],
      ['/api/v1/pin', { pin: OTHER, current: 1 }],
      ['/api/v1/reports', { text: 'x'.repeat(2001) }],
      ['/api/v1/reports', {}],
      ['/api/v1/health/silence', { code: 'CL_X' }],
      ['/api/v1/health/silence', { code: 'CL_X', reason: ' ' }]
    ] as const) {
      const answer = await ask('POST', path, body);
      assert.deepEqual([answer.status, answer.code], [400, 'CL_REQUEST_INVALID'], path);
      assert.ok(!answer.bytes.includes(PIN) && !answer.bytes.includes(OTHER));
    }
  });

  it('makes reports for anybody at the panel, and shows and hands them out to the administrator', async () => {
    const cookie = await signedIn();
    const made = await ask('POST', '/api/v1/reports', { text: 'No sound.' });
    const report = JSON.parse(made.bytes.toString());
    assert.deepEqual([made.status, report.text, made.headers['location']], [201, 'No sound.', `/api/v1/reports/${report.id}`]);
    assert.equal(JSON.parse((await ask('GET', '/api/v1/reports', undefined, { cookie })).bytes.toString()).reports.length, 1);
    // Whoever made it finds the number again, and nobody's words.
    const numbers = JSON.parse((await ask('GET', '/api/v1/reports/numbers')).bytes.toString()).reports;
    assert.deepEqual(numbers, [{ id: report.id, at: report.at, bytes: report.bytes }]);
    const file = await ask('GET', `/api/v1/reports/${report.id}`, undefined, { cookie });
    assert.deepEqual([file.status, file.headers['content-type'], [...file.bytes]], [200, 'application/gzip', [1, 2, 3]]);
    assert.equal(file.headers['content-disposition'], 'attachment; filename="report.tar.gz"');
    const wrong = await ask('DELETE', '/api/v1/reports', {});
    assert.deepEqual([wrong.status, wrong.headers['allow']], [405, 'GET, HEAD, POST']);
    assert.equal((await ask('POST', '/api/v1/health/silence', { code: 'CL_MEDIA_ECHO', reason: ' known ' })).status, 204);
    assert.deepEqual(room.asked, [['silence', 'CL_MEDIA_ECHO', 'known']]);
  });

  it('answers a restart before it happens', async () => {
    const cookie = await signedIn();
    assert.equal((await ask('POST', '/api/v1/restart', {}, { cookie })).status, 202);
    assert.deepEqual(room.asked, [['restart']]);
  });

  describe('and programs of this machine', () => {
    const run = async (command: (args: string[], io: CommandIo) => Promise<ExitStatus>, ...args: string[]) => {
      const out: string[] = [];
      const err: string[] = [];
      const status = await command(args, { stdout: (line) => out.push(line), stderr: (line) => err.push(line) });
      return { status, out: out.join('\n'), err: err.join('\n') };
    };
    let configFile: string;
    beforeEach(async () => {
      configFile = join(folder, 'room.json');
      await writeFile(configFile, JSON.stringify({ dataDirectory: config.dataDirectory }));
    });

    it('choose devices by their token where a PIN is set, and without one where none is', async () => {
      const choose = (...more: string[]) => run(runDevicesCommand, 'choose', 'camera', 'auto', '--url', server.url, ...more);
      assert.equal((await choose()).status, 0);
      await signedIn();
      const stranger = await choose('--config', join(folder, 'nowhere.json'));
      assert.deepEqual([stranger.status, /CL_PIN_REQUIRED/.test(stranger.err)], [1, true]);
      assert.equal((await ask('POST', '/api/v1/devices/choose', { kind: 'camera', id: null })).code, 'CL_PIN_REQUIRED');
      const program = await choose('--config', configFile);
      assert.equal(program.status, 0, program.err);
      const token = (await readFile(join(config.dataDirectory, 'admin-token'), 'utf8')).trim();
      assert.equal((await ask('GET', '/api/v1/logs', undefined, { authorization: `Bearer ${token}` })).status, 200);
      // The token of the start before is nothing.
      await stop();
      await start();
      assert.equal((await ask('GET', '/api/v1/logs', undefined, { authorization: `Bearer ${token}` })).status, 401);
    });

    it('take the PIN away, with its lock', async () => {
      const cookie = await signedIn();
      for (let times = 0; times < 5; times++) await ask('POST', '/api/v1/session', { pin: OTHER });
      assert.equal((await ask('POST', '/api/v1/session', { pin: PIN })).code, 'CL_PIN_LOCKED');
      const reset = await run(runPinCommand, 'reset', '--config', configFile);
      assert.deepEqual([reset.status, /removed/.test(reset.out)], [0, true]);
      await clock.advanceAsync(10_000);
      while (admin.pinSet()) await new Promise((resolve) => setImmediate(resolve));
      assert.equal((await ask('GET', '/api/v1/logs', undefined, { cookie })).code, 'CL_PIN_NOT_SET');
      assert.equal((await ask('POST', '/api/v1/pin', { pin: OTHER })).status, 204);
      assert.equal((await run(runPinCommand, 'reset', '--json', '--config', configFile)).out, '{"removed":true}');
      assert.match((await run(runPinCommand, 'reset', '--config', configFile)).out, /No PIN was set/);
      for (const args of [[], ['set'], ['reset', 'now'], ['--what']]) assert.equal((await run(runPinCommand, ...args)).status, 2);
    });
  });
});
