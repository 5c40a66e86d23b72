// A real room: its report in a real call, unpacked by tar and searched for every secret that there is; a panel elsewhere; and being asked to start again.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as consume } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { ensureIdentities } from '../../agent/commands/identity.ts';
import { startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

const PIN = '394715';
const CREDENTIAL = 'turncanary-8f3a';
const USERNAME = 'usercanary-77b1';
const ENVIRONMENT = 'envcanary-19cc';

describe('the administration of a room', function () {
  this.timeout(180_000);
  let rooms: TwoRooms;
  let room: TestRoom;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-report-'));
    // A relay that is not there: the call goes without it, and the doctor's check of it fails with its address and credentials at hand.
    const iceServers = [{ urls: 'turn:127.0.0.1:9?transport=tcp', username: USERNAME, credential: CREDENTIAL }];
    await ensureIdentities({
      authority: join(folder, 'ca'),
      broker: join(folder, 'panel'),
      rooms: [{ account: 'room@contoso.example', directory: join(folder, 'room') }]
    });
    rooms = await startTwoRooms({
      config: (index) => ({
        media: { iceServers },
        log: { level: 'debug' },
        ...(index === 0 ? { uiServer: { remote: { host: '127.0.0.1', port: 0, certificateDirectory: join(folder, 'panel') } } } : {})
      }),
      env: () => ({ CLOISTER_TEST_PASSWORD: ENVIRONMENT })
    });
    [room] = rooms.rooms;
  });
  after(async () => {
    await rooms?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const post = (path: string, body: unknown = {}, cookie = ''): Promise<Response> =>
    fetch(`${room.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', cookie }, body: JSON.stringify(body) });

  it('makes a report that holds what explains a fault, and no secret of the room, its call or its configuration', async () => {
    await writeFile(join(room.folder, 'data', 'left-here.txt'), 'filecanary');
    await rooms.placeCall();
    const [state] = await rooms.waitFor('a code', ([caller]) => caller.call?.encryption.securityCode != null);
    const code = state.call?.encryption.securityCode ?? '';
    assert.match(code, /^\d{5}( \d{5}){3}$/);
    assert.equal((await post('/api/v1/pin', { pin: PIN })).status, 204);
    const signedIn = await post('/api/v1/session', { pin: PIN });
    const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const made = await post('/api/v1/reports', { text: `We hear nothing. The code was ${code}.` });
    assert.equal(made.status, 201, await made.clone().text());
    const report = (await made.json()) as { id: string; bytes: number };
    const answer = await fetch(`${room.url}/api/v1/reports/${report.id}`, { headers: { cookie } });
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/gzip']);
    const archive = Buffer.from(await answer.arrayBuffer());
    assert.equal(archive.length, report.bytes);
    await writeFile(join(folder, 'report.tar.gz'), archive);
    await promisify(execFile)('tar', ['-xzf', 'report.tar.gz'], { cwd: folder });
    const unpacked = join(folder, `cloister-report-${report.id}`);
    const names = (await readdir(unpacked)).sort();
    assert.deepEqual(names, ['README.txt', 'checks.json', 'configuration.json', 'log.jsonl', 'report.json', 'state.json']);
    const text = (await Promise.all(names.map((name) => readFile(join(unpacked, name), 'utf8')))).join('\n');

    const keyPem = await readFile(join(room.folder, 'identity', 'key.pem'), 'utf8');
    const token = (await readFile(join(room.folder, 'data', 'admin-token'), 'utf8')).trim();
    const hash = (JSON.parse(await readFile(join(room.folder, 'data', 'admin.json'), 'utf8')) as { pin: string }).pin;
    const secrets: Readonly<Record<string, string>> = {
      code,
      'code without blanks': code.replaceAll(' ', ''),
      'a TURN credential': CREDENTIAL,
      'a TURN user': USERNAME,
      environment: ENVIRONMENT,
      'a file of the data folder': 'filecanary',
      PIN,
      'the PIN’s hash': hash,
      'the token of programs': token,
      'the session': cookie.split('=')[1] ?? '',
      'a private key': 'PRIVATE KEY',
      SDP: 'm=audio',
      'an ICE password': 'ice-pwd:',
      'the other room': rooms.rooms[1].account
    };
    for (const [name, secret] of Object.entries(secrets)) {
      assert.ok(secret.length >= 5, name);
      // The lines of the log may name the other room; the state may not.
      const where = name === 'the other room' ? await readFile(join(unpacked, 'state.json'), 'utf8') : text;
      assert.ok(!where.includes(secret), name);
    }
    for (const line of keyPem.split('\n').filter((each) => each.length > 16 && !each.startsWith('-'))) assert.ok(!text.includes(line), 'a line of the key');

    const read = async (name: string) => JSON.parse(await readFile(join(unpacked, name), 'utf8'));
    assert.equal((await read('state.json')).call.phase, 'connected');
    assert.equal((await read('configuration.json')).media.iceServers[0].urls, 'turn:127.0.0.1:9?transport=tcp');
    const checks = await read('checks.json');
    const relays = checks.checks.find((check: { name: string }) => check.name === 'relays');
    assert.match(relays.text, /turn:127\.0\.0\.1:9/);
    assert.ok(checks.machine.cores > 0);
    // None of the room's own ports is taken by somebody else.
    assert.equal(checks.checks.find((check: { name: string }) => check.name === 'panel port').result, 'ok');
    assert.match(await readFile(join(unpacked, 'log.jsonl'), 'utf8'), /"message":"the panel is served"/);
    if (process.platform !== 'win32')
      for (const name of ['admin.json', 'admin-token', `reports/${report.id}.tar.gz`])
        assert.equal((await stat(join(room.folder, 'data', name))).mode & 0o777, 0o600, name);

    // Nor does the log itself, at its most talkative, know any of them.
    const logs = (await (await fetch(`${room.url}/api/v1/logs`, { headers: { cookie } })).json()) as { lines: string[] };
    const all = logs.lines.join('\n') + room.stderr();
    for (const name of ['code', 'a TURN credential', 'PIN', 'the PIN’s hash', 'the token of programs', 'the session'])
      assert.ok(!all.includes(secrets[name] ?? '?'), `log: ${name}`);
    assert.ok(logs.lines.length > 3);

    const busy = await post('/api/v1/restart', {}, cookie);
    assert.deepEqual([busy.status, ((await busy.json()) as { code: string }).code], [409, 'CL_CALL_BUSY']);
    await room.act('end');
  });

  it('serves a panel elsewhere over TLS, once it is paired', async () => {
    const ca = await readFile(join(folder, 'panel', 'ca.pem'), 'utf8');
    const port = Number(/"message":"panels elsewhere are served over TLS".*"port":(\d+)/.exec(room.stderr())?.[1]);
    const ask = (method: string, path: string, headers: Readonly<Record<string, string>>, body = '') =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = request(
          { host: '127.0.0.1', port, ca, method, path, agent: false, headers: { ...headers, 'content-length': String(body.length) } },
          resolve
        );
        outgoing.on('error', reject);
        outgoing.end(body);
      });
    const refused = await ask('GET', '/api/v1/state', {});
    assert.deepEqual([refused.statusCode, (await consume(refused)).includes('CL_PANEL_NOT_PAIRED')], [401, true]);
    const paired = await ask('POST', '/api/v1/session', { 'content-type': 'application/json' }, JSON.stringify({ pin: PIN }));
    assert.equal(paired.statusCode, 204);
    const cookie = (paired.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]).join('; ');
    const state = await ask('GET', '/api/v1/state', { cookie });
    assert.equal((JSON.parse(await consume(state)) as { room: { name: string } }).room.name, 'Boardroom');
    assert.ok(!room.stderr().includes(/cloister_panel=([^;]*)/.exec(cookie)?.[1] ?? '"'));
  });

  it('ends with a status that a supervisor starts it again for, after it has answered', async () => {
    await rooms.waitFor('no call', (states) => states.every(({ call }) => call === null || call.phase === 'ended'));
    const signedIn = await post('/api/v1/session', { pin: PIN });
    assert.equal(signedIn.status, 204);
    const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const exited = once(room.agent, 'exit');
    assert.equal((await post('/api/v1/restart', {}, cookie)).status, 202);
    assert.deepEqual(await exited, [75, null]);
    await room.start();
    assert.equal((await fetch(`${room.url}/api/v1/logs`, { headers: { cookie } })).status, 401);
    assert.equal((await room.http.state()).admin.pinSet, true);
  });
});
