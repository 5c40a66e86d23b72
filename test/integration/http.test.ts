// The HTTP interface as it is on the wire: a real server on loopback, a room with behaviour behind it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { systemClock } from '../../src/kernel/clock.ts';
import { errorCodes } from '../../src/kernel/error-codes.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createUiServer, type UiServer } from '../../src/ui-server/server.ts';
import { createFakeClock, type FakeClock } from '../fakes/clock.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { serveRoom } from '../harness/served-room.ts';

const CODE = '12345 67890 12345 67890';
const JSON_TYPE = { 'content-type': 'application/json' };

let room: FakeRoom;
let server: UiServer;
let clock: FakeClock;
let uiDirectory: string;
let port: number;

type Answer = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string };

/** One request as it is given: path not normalised, headers as they are. */
function ask(method: string, path: string, options: { headers?: Record<string, string>; body?: string | Uint8Array } = {}): Promise<Answer> {
  // Node sends no length of its own for the body of a GET.
  const length =
    options.body === undefined || options.headers?.['transfer-encoding'] !== undefined ? {} : { 'content-length': String(Buffer.byteLength(options.body)) };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, method, path, agent: false, headers: { connection: 'close', ...length, ...options.headers } },
      (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }), reject);
      }
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

const post = (path: string, body: unknown = {}): Promise<Answer> => ask('POST', path, { headers: JSON_TYPE, body: JSON.stringify(body) });

function assertProblem(answer: Answer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.headers['content-type']], [status, 'application/problem+json; charset=utf-8'], answer.body);
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  assert.deepEqual(Object.keys(problem).sort(), ['code', 'detail', 'status', 'title', 'type']);
  assert.equal(problem['code'], code);
  assert.equal(problem['status'], status);
  assert.ok(code in errorCodes);
}

/** Reads server-sent events as a browser does. */
async function listen(lastEventId?: string) {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path: '/api/v1/events',
    agent: false,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const events: { id: string; type: string; data: string }[] = [];
  let comments = 0;
  let rest = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      if (fields.has('')) comments += 1;
      if (fields.has('event')) events.push({ id: fields.get('id') ?? '', type: fields.get('event') ?? '', data: fields.get('data') ?? '' });
    }
  });
  response.on('error', () => {});
  outgoing.on('error', () => {});
  return {
    response,
    events,
    comments: () => comments,
    async received(count: number) {
      while (events.length < count) await once(response, 'data');
    },
    close: () => outgoing.destroy()
  };
}

function raw(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('HTTP interface', () => {
  before(async () => {
    uiDirectory = await mkdtemp(join(tmpdir(), 'cloister-ui-'));
    await mkdir(join(uiDirectory, 'panel', 'assets'), { recursive: true });
    await writeFile(join(uiDirectory, 'panel', 'index.html'), '<!doctype html><title>panel</title>');
    await writeFile(join(uiDirectory, 'panel', 'assets', 'main-Ab3_dE-9.js'), 'export {};');
    await writeFile(join(uiDirectory, 'panel', '.secret'), 'no');
    await writeFile(join(uiDirectory, 'outside.txt'), 'no');
  });
  after(() => rm(uiDirectory, { recursive: true }));

  beforeEach(async () => {
    room = createFakeRoom();
    clock = createFakeClock();
    server = await serveRoom(room, { uiDirectory, allowedHosts: ['panel.contoso.example'], clock });
    port = Number(new URL(server.url).port);
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0, 'no timer is left');
    assert.equal(room.subscribers, 0, 'nobody listens to the room any more');
  });

  it('gives the room’s whole state', async () => {
    const answer = await ask('GET', '/api/v1/state');
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    assert.deepEqual(JSON.parse(answer.body), room.state());
  });

  it('places a call and acts on it as the room says', async () => {
    const placed = await post('/api/v1/calls', { to: 'studio@contoso.example', media: { audio: true, video: false } });
    assert.equal(placed.status, 201);
    const { id } = JSON.parse(placed.body) as { id: string };
    assert.equal(placed.headers.location, `/api/v1/calls/${id}`);
    assert.equal(room.state().call?.id, id);
    assert.deepEqual(room.state().call?.media.wanted, { microphone: true, camera: false, screen: false });
    assertProblem(await post('/api/v1/calls', { to: 'studio@contoso.example' }), 409, 'CL_CALL_BUSY');
    assertProblem(await post(`/api/v1/calls/${id}/answer`), 409, 'CL_CALL_WRONG_PHASE');
    room.connect(CODE);
    for (const action of ['mute', 'unmute', 'camera-on', 'camera-off', 'share', 'stop-sharing', 'codes-match', 'codes-differ']) {
      const answer = await post(`/api/v1/calls/${id}/${action}`);
      assert.deepEqual([answer.status, answer.body], [204, ''], action);
    }
    assert.equal(room.state().call?.ended?.reason, 'security-check-failed');
    assert.deepEqual(
      room.actions.map(({ action }) => action),
      ['mute', 'unmute', 'camera-on', 'camera-off', 'share', 'stop-sharing', 'codes-match', 'codes-differ']
    );
  });

  it('answers with or without picture, without a body too', async () => {
    for (const [body, video] of [
      [JSON.stringify({ video: false }), false],
      ['{}', true],
      [undefined, true]
    ] as const) {
      const id = room.ring();
      const answer = await ask('POST', `/api/v1/calls/${id}/answer`, { headers: JSON_TYPE, ...(body === undefined ? {} : { body }) });
      assert.equal(answer.status, 204, answer.body);
      assert.deepEqual(room.actions.at(-1), { id, action: 'answer', options: { video } });
    }
  });

  it('says why a feature is not there: end-to-end encryption takes it away, or this room has none', async () => {
    const id = room.ring();
    room.connect(null);
    for (const feature of ['captions', 'transcription', 'move-to-another-device', 'apps'])
      assertProblem(await post(`/api/v1/calls/${id}/${feature}`), 409, 'CL_CALL_FEATURE_MISSING');
    room.connect(CODE);
    // Whatever its body is.
    for (const body of [undefined, { to: 'studio@contoso.example' }, { to: 7 }]) {
      const refused = await post(`/api/v1/calls/${id}/transfer`, body);
      assertProblem(refused, 409, 'CL_CALL_FEATURE_UNAVAILABLE');
      assert.match(refused.body, /end-to-end encrypted/);
    }
    assertProblem(await post('/api/v1/calls/other/hold'), 404, 'CL_CALL_NONE');
    assertProblem(await post(`/api/v1/calls/${id}/explode`), 404, 'CL_NOT_FOUND');
    assertProblem(await post(`/api/v1/calls/${id}/constructor`), 404, 'CL_NOT_FOUND');
  });

  it('hands over, parks and retrieves, the calls behind the one in front too', async () => {
    const id = room.ring();
    room.connect(null);
    const to = { to: 'library@contoso.example' };
    for (const [action, body] of [
      ['transfer', to],
      ['consult-then-transfer', to],
      ['complete-transfer', {}],
      ['park', {}]
    ] as const) {
      assert.equal((await post(`/api/v1/calls/${id}/${action}`, body)).status, 204, action);
      assert.deepEqual(room.actions.at(-1), { id, action, options: body });
    }
    assertProblem(await post(`/api/v1/calls/${id}/transfer`), 400, 'CL_REQUEST_INVALID');
    assertProblem(await post(`/api/v1/calls/${id}/park`, to), 400, 'CL_REQUEST_INVALID');
    const retrieved = await post('/api/v1/calls/retrieve', { account: 'studio@contoso.example', code: '0427' });
    assert.deepEqual([retrieved.status, JSON.parse(retrieved.body)], [200, { id }]);
    for (const body of [{ code: '0427' }, { account: null }, { account: null, code: 427 }, { account: null, code: '0427', more: 1 }])
      assertProblem(await post('/api/v1/calls/retrieve', body), 400, 'CL_REQUEST_INVALID');
    room.failNext = new CloisterError('CL_PARK_UNKNOWN');
    assertProblem(await post('/api/v1/calls/retrieve', { account: null, code: '0427' }), 404, 'CL_PARK_UNKNOWN');
  });

  it('sends keys, and takes none that is no key', async () => {
    const id = room.ring();
    room.connect(CODE);
    assert.equal((await post(`/api/v1/calls/${id}/dtmf`, { digits: '0123456789*#ABCD' })).status, 204);
    assert.deepEqual(room.actions.at(-1), { id, action: 'dtmf', options: { digits: '0123456789*#ABCD' } });
    for (const digits of ['', 'E', 'a', '1 2', '1'.repeat(33), 12, null, undefined]) {
      const refused = await post(`/api/v1/calls/${id}/dtmf`, { digits });
      assertProblem(refused, 400, 'CL_REQUEST_INVALID');
    }
    room.failNext = new CloisterError('CL_CALL_FEATURE_MISSING');
    assertProblem(await post(`/api/v1/calls/${id}/dtmf`, { digits: '1' }), 409, 'CL_CALL_FEATURE_MISSING');
  });

  it('compares a code that is keyed in, and has it read out, and puts neither into an answer, a log or a cache', async () => {
    const id = room.ring();
    room.connect(CODE);
    const digits = CODE.replaceAll(' ', '');
    const path = `/api/v1/calls/${id}/compare-code`;
    const right = await post(path, { digits, mediaEpoch: 1 });
    assert.deepEqual([right.status, right.body], [200, '{"matches":true}']);
    assert.equal((await post(path, { digits: '0'.repeat(20), mediaEpoch: 1 })).body, '{"matches":false}');
    for (const body of [
      { digits },
      { digits: digits.slice(1), mediaEpoch: 1 },
      { digits: CODE, mediaEpoch: 1 },
      { digits, mediaEpoch: 0 },
      { digits, mediaEpoch: 1, x: 1 }
    ]) {
      const refused = await post(path, body);
      assertProblem(refused, 400, 'CL_REQUEST_INVALID');
      assert.ok(!refused.body.includes(digits.slice(0, 5)));
    }
    room.compareCode = () => Promise.reject(new CloisterError('CL_CODE_TRIES'));
    assertProblem(await post(path, { digits, mediaEpoch: 1 }), 429, 'CL_CODE_TRIES');

    room.speakCode = async (_id, language) => Buffer.from(`RIFF ${language}`);
    const spoken = await post(`/api/v1/calls/${id}/speak-code`, { language: 'ar' });
    assert.deepEqual([spoken.status, spoken.headers['content-type'], spoken.headers['cache-control'], spoken.body], [200, 'audio/wav', 'no-store', 'RIFF ar']);
    for (const body of [{}, { language: 'xx' }, { language: 'constructor' }])
      assertProblem(await post(`/api/v1/calls/${id}/speak-code`, body), 400, 'CL_REQUEST_INVALID');
    room.speakCode = () => Promise.reject(new CloisterError('CL_SPEECH_UNAVAILABLE'));
    assertProblem(await post(`/api/v1/calls/${id}/speak-code`, { language: 'en' }), 503, 'CL_SPEECH_UNAVAILABLE');
    assertProblem(await ask('GET', `/api/v1/calls/${id}/speak-code`), 405, 'CL_METHOD_NOT_ALLOWED');
  });

  it('lists the devices, chooses among them, moves cameras and turns the volume', async () => {
    const listed = JSON.parse((await ask('GET', '/api/v1/devices')).body);
    assert.deepEqual(listed, { media: [], hid: { devices: [], presence: null, console: 'none' }, volume: 60 });
    for (const [path, body, asked] of [
      ['choose', { kind: 'camera', id: 'camera-1' }, ['choose', 'camera', 'camera-1']],
      ['choose', { kind: 'speaker', id: null }, ['choose', 'speaker', null]],
      ['volume', { percent: 35 }, ['setVolume', 35]],
      ['camera-1/move', { pan: -0.5 }, ['camera', 'camera-1', { type: 'move', pan: -0.5, tilt: 0, zoom: 0, focus: 0 }]],
      ['camera%201/stop', {}, ['camera', 'camera 1', { type: 'stop' }]],
      ['camera-1/home', {}, ['camera', 'camera-1', { type: 'home' }]],
      ['camera-1/set', { control: 'focus', value: 'auto' }, ['camera', 'camera-1', { type: 'set', control: 'focus', value: 'auto' }]],
      ['camera-1/preset-recall', { name: 'Whiteboard' }, ['camera', 'camera-1', { type: 'preset-recall', name: 'Whiteboard' }]]
    ] as const) {
      assert.equal((await post(`/api/v1/devices/${path}`, body)).status, 204, path);
      assert.deepEqual(room.askedOfDevices.pop(), asked);
    }
    assert.deepEqual(JSON.parse((await ask('GET', '/api/v1/devices/camera-1/presets')).body), { presets: ['Whiteboard'] });
  });

  it('refuses what cannot be asked of a device, before it is asked', async () => {
    for (const [path, body] of [
      ['choose', {}],
      ['choose', { kind: 'hid', id: null }],
      ['choose', { kind: 'camera', id: '' }],
      ['volume', { percent: 101 }],
      ['volume', { percent: 50.5 }],
      ['volume', { percent: '50' }],
      ['camera-1/move', { pan: 2 }],
      ['camera-1/move', { forMs: 60_000 }],
      ['camera-1/move', { pan: Number.NaN }],
      ['camera-1/stop', { now: true }],
      ['camera-1/set', { control: 'focus' }],
      ['camera-1/set', { control: 'focus', value: 'manual' }],
      ['camera-1/preset-save', { name: 'x'.repeat(65) }]
    ] as const)
      assertProblem(await post(`/api/v1/devices/${path}`, body), 400, 'CL_REQUEST_INVALID');
    assertProblem(await post('/api/v1/devices/camera-1/explode'), 404, 'CL_NOT_FOUND');
    assertProblem(await post('/api/v1/devices/camera-1/constructor'), 404, 'CL_NOT_FOUND');
    assert.deepEqual(room.askedOfDevices, []);
    for (const [code, status] of [
      ['CL_DEVICE_UNKNOWN', 404],
      ['CL_DEVICE_CONTROL', 400],
      ['CL_DEVICE_UNREACHABLE', 503]
    ] as const) {
      room.failNext = new CloisterError(code);
      assertProblem(await post('/api/v1/devices/camera-1/home'), status, code);
    }
  });

  it('gives a display its ticket', async () => {
    assertProblem(await post('/api/v1/display/ticket'), 404, 'CL_CALL_NONE');
    room.ring();
    const answer = await post('/api/v1/display/ticket');
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.body), { url: 'ws://127.0.0.1:9/feed', mediaEpoch: 1 });
    const { call } = room.state();
    assert.equal((await post('/api/v1/display/ticket', { call: call?.id })).status, 200, 'of the call that is named');
    for (const body of [{ call: 'front' }, { call: null }, { call: 7 }, { calls: call?.id }])
      assertProblem(await post('/api/v1/display/ticket', body), 400, 'CL_REQUEST_INVALID');
  });

  it('refuses bodies that are not what they should be, naming what is wrong', async () => {
    for (const body of [
      {},
      { to: 7 },
      { to: '' },
      { to: 'x@y.z', media: 'all' },
      { to: 'x@y.z', extra: 1 },
      { to: 'a'.repeat(400) },
      [],
      null,
      'text',
      { to: 'x@y.z', media: { audio: 1 } }
    ]) {
      assertProblem(await post('/api/v1/calls', body), 400, 'CL_REQUEST_INVALID');
    }
    assert.match((await post('/api/v1/calls', { to: 'x@y.z', extra: 'private' })).body, /see \\"extra\\"\./);
    assertProblem(await post('/api/v1/calls', { to: 'nobody' }), 400, 'CL_ADDRESS_INVALID');
    for (const body of ['{', '', 'nonsense', '{"to":"x@y.z"}}', '{"__proto__":{"to":"studio@contoso.example"}}', '\u0000']) {
      assertProblem(await ask('POST', '/api/v1/calls', { headers: JSON_TYPE, body }), 400, 'CL_REQUEST_INVALID');
    }
    assert.equal(room.state().call, null);
  });

  it('takes at most 16 KiB, and nothing compressed or in another character set', async () => {
    const large = JSON.stringify({ to: 'a'.repeat(17_000) });
    assertProblem(await ask('POST', '/api/v1/calls', { headers: JSON_TYPE, body: large }), 413, 'CL_REQUEST_TOO_LARGE');
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' }, body: large }), 413, 'CL_REQUEST_TOO_LARGE');
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: 'x' }), 415, 'CL_REQUEST_INVALID');
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { 'content-type': 'application/json; charset=x' }, body: '{}' }), 415, 'CL_REQUEST_INVALID');
  });

  it('knows its routes and their methods', async () => {
    for (const path of ['/api/v1/nothing', '/api', '/api/v1/state/', '/API/v1/state', '/api/v2/state', '/favicon.ico', '//', '/api/v1/calls/x']) {
      assertProblem(await ask('GET', path), 404, 'CL_NOT_FOUND');
    }
    assertProblem(await ask('GET', '/api/v1/calls/%zz/end'), 400, 'CL_REQUEST_INVALID');
    for (const [method, path, allow] of [
      ['POST', '/api/v1/state', 'GET, HEAD'],
      ['DELETE', '/api/v1/state', 'GET, HEAD'],
      ['OPTIONS', '/api/v1/state', 'GET, HEAD'],
      ['POST', '/metrics', 'GET, HEAD'],
      ['PUT', '/panel/', 'GET, HEAD'],
      ['POST', '/', 'GET, HEAD'],
      ['GET', '/api/v1/calls', 'POST'],
      ['GET', '/api/v1/calls/x/end', 'POST'],
      ['PATCH', '/api/v1/calls', 'POST'],
      ['POST', '/api/v1/devices', 'GET, HEAD'],
      ['GET', '/api/v1/devices/choose', 'POST']
    ] as const) {
      const answer = await ask(method, path, { headers: JSON_TYPE });
      assertProblem(answer, 405, 'CL_METHOD_NOT_ALLOWED');
      assert.equal(answer.headers['allow'], allow);
    }
    const head = await ask('HEAD', '/api/v1/state');
    assert.deepEqual([head.status, head.body], [200, '']);
    assert.equal((await ask('HEAD', '/api/v1/events')).status, 200);
  });

  it('serves the pages, and nothing beside them', async () => {
    const start = await ask('GET', '/');
    assert.deepEqual([start.status, start.headers.location], [302, '/panel/']);
    const page = await ask('GET', '/panel/');
    assert.deepEqual([page.status, page.headers['cache-control'], page.headers['content-type']], [200, 'no-cache', 'text/html; charset=utf-8']);
    const asset = await ask('GET', '/panel/assets/main-Ab3_dE-9.js');
    assert.deepEqual([asset.status, asset.headers['cache-control']], [200, 'public, max-age=31536000, immutable']);
    assert.deepEqual([(await ask('GET', '/panel')).status, (await ask('GET', '/panel')).headers.location], [301, '/panel/']);
    assertProblem(await ask('GET', '/display/'), 503, 'CL_UI_NOT_BUILT');
    for (const path of [
      '/panel/.secret',
      '/panel/../outside.txt',
      '/panel/%2e%2e/outside.txt',
      '/panel/..%2foutside.txt',
      '/panel/..\\outside.txt',
      '/panel/assets/',
      '/panel/none.js',
      '/panel/%00'
    ]) {
      const answer = await ask('GET', path);
      assert.ok(answer.status === 404 || answer.status === 400 || answer.status === 403, `${path} ${answer.status}`);
      assert.doesNotMatch(answer.body, /^no$/);
      assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', path);
    }
  });

  it('puts the security headers on everything', async () => {
    for (const [method, path] of [
      ['GET', '/panel/'],
      ['GET', '/panel/assets/main-Ab3_dE-9.js'],
      ['GET', '/api/v1/state'],
      ['GET', '/nothing'],
      ['POST', '/api/v1/calls'],
      ['GET', '/metrics']
    ] as const) {
      const { headers } = await ask(method, path);
      const policy = String(headers['content-security-policy']);
      assert.match(
        policy,
        /^default-src 'self'; media-src 'self' blob:; connect-src 'self' ws:\/\/127\.0\.0\.1:\*; style-src 'self' 'sha256-47[^']*'; frame-ancestors 'none'/
      );
      assert.doesNotMatch(policy, /unsafe|\s\*(?:;|\s|$)|https?:/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.equal(headers['access-control-allow-origin'], undefined);
      assert.equal(headers['x-powered-by'], undefined);
      if (path.startsWith('/api')) assert.equal(headers['cache-control'], 'no-store');
    }
  });

  it('refuses other pages’ requests before anything is done', async () => {
    const call = JSON.stringify({ to: 'studio@contoso.example' });
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { ...JSON_TYPE, origin: 'http://evil.example' }, body: call }), 403, 'CL_FORBIDDEN_ORIGIN');
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { ...JSON_TYPE, host: 'evil.example' }, body: call }), 403, 'CL_FORBIDDEN_ORIGIN');
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }, body: call }), 403, 'CL_FORBIDDEN_ORIGIN');
    assertProblem(await ask('POST', '/api/v1/calls', { headers: { 'content-type': 'text/plain' }, body: call }), 415, 'CL_REQUEST_INVALID');
    for (const path of ['/api/v1/state', '/api/v1/events', '/panel/', '/healthz', '/metrics', '/']) {
      assertProblem(await ask('GET', path, { headers: { host: 'evil.example' } }), 403, 'CL_FORBIDDEN_ORIGIN');
    }
    assert.equal(room.state().call, null);
    assert.equal((await ask('GET', '/api/v1/state', { headers: { host: 'panel.contoso.example' } })).status, 200);
    assert.deepEqual(server.origins().slice(0, 2), [`http://127.0.0.1:${port}`, `http://localhost:${port}`]);
  });

  it('tells a supervisor how the room is, and Prometheus its figures without a name', async () => {
    assert.deepEqual(JSON.parse((await ask('GET', '/healthz')).body), { status: 'ready' });
    room.unwell = true;
    assertProblem(await ask('GET', '/healthz'), 503, 'CL_UNHEALTHY');
    room.ring();
    room.connect(CODE);
    const { headers, body } = await ask('GET', '/metrics');
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(body, /^cloister_calls\{phase="connected"\} 1$/m);
    assert.match(body, /^cloister_calls\{phase="ended"\} 0$/m);
    assert.match(body, /^cloister_call_encryption\{state="end-to-end"\} 1$/m);
    assert.match(body, /^cloister_call_packets_received_total\{kind="video"\} 0$/m);
    for (const line of body.trimEnd().split('\n')) assert.match(line, /^(?:# (?:HELP|TYPE) cloister_\w+ .+|cloister_\w+(?:\{\w+="[^"]*"\})? \d+(?:\.\d+)?)$/);
    assert.doesNotMatch(body, /contoso|Studio|12345/);
  });

  it('hides what failed inside', async () => {
    room.failNext = new Error('secret detail');
    const answer = await post('/api/v1/calls', { to: 'studio@contoso.example' });
    assertProblem(answer, 500, 'CL_INTERNAL');
    assert.doesNotMatch(answer.body, /secret/);
    room.failNext = new CloisterError('CL_INTERNAL', 'secret detail');
    assert.doesNotMatch((await post('/api/v1/calls', { to: 'studio@contoso.example' })).body, /secret/);
    room.failNext = new CloisterError('CL_MEDIA_PROCESS_DIED');
    assertProblem(await post('/api/v1/calls', { to: 'studio@contoso.example' }), 503, 'CL_MEDIA_PROCESS_DIED');
  });

  describe('events', () => {
    it('come as a snapshot, then patches, and go on where a listener left off', async () => {
      const first = await listen();
      assert.equal(first.response.headers['content-type'], 'text/event-stream; charset=utf-8');
      await first.received(1);
      const shown = JSON.parse(first.events[0]?.data ?? '');
      assert.equal(first.events[0]?.type, 'state');
      room.ring();
      await first.received(2);
      assert.equal(first.events[1]?.type, 'patch');
      first.close();
      room.connect(CODE);
      const second = await listen(first.events[1]?.id);
      await second.received(1);
      assert.equal(second.events[0]?.type, 'patch');
      for (const { data } of [first.events[1], second.events[0]].filter((event) => event !== undefined)) applyPatch(shown, JSON.parse(data));
      assert.deepEqual(shown, room.state());
      second.close();
    });

    it('carry a heartbeat every 15 s', async () => {
      const listener = await listen();
      await listener.received(1);
      clock.advance(14_999);
      assert.equal(listener.comments(), 0);
      clock.advance(1);
      while (listener.comments() === 0) await once(listener.response, 'data');
      listener.close();
    });

    it('go to at most 32 listeners, and a place is free again when one leaves', async () => {
      const listeners = await Promise.all(Array.from({ length: 32 }, () => listen()));
      assertProblem(await ask('GET', '/api/v1/events'), 503, 'CL_LISTENERS_FULL');
      listeners[0]?.close();
      let next = await listen();
      while (next.response.statusCode === 503) next = await listen();
      await next.received(1);
      for (const listener of [...listeners, next]) listener.close();
    });

    it('drop a listener that does not read, and keep nothing for it', async () => {
      const socket = await raw();
      socket.on('error', () => {});
      socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      socket.pause();
      const reader = await listen();
      await reader.received(1);
      let rounds = 0;
      while ((await ask('GET', '/metrics')).body.includes('cloister_ui_listeners 2')) {
        rounds += 1;
        assert.ok(rounds < 500, 'the listener that does not read is never dropped');
        room.change((state) => ({ ...state, room: { ...state.room, name: String(rounds % 10).repeat(200_000) } }));
      }
      assert.ok(rounds > 0);
      await reader.received(rounds);
      reader.close();
      socket.destroy();
    });

    it('are not mixed with an answer to what a listener sends after its request', async () => {
      const socket = await raw();
      socket.on('error', () => {});
      socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
      const received = text(socket);
      await once(socket, 'readable').catch(() => {});
      socket.write('nonsense\r\n\r\n');
      assert.doesNotMatch(await received, /problem\+json/);
    });

    it('end when the server is disposed', async () => {
      const listener = await listen();
      await listener.received(1);
      const closed = new Promise((resolve) => listener.response.on('close', resolve));
      await server[Symbol.asyncDispose]();
      await closed;
      await assert.rejects(ask('GET', '/api/v1/state'));
    });
  });

  it('does not wait for a half request when it is disposed', async () => {
    const socket = await raw();
    socket.on('error', () => {});
    socket.write(`POST /api/v1/calls HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`);
    // Another connection's answer shows that the half request has come in.
    assert.equal((await ask('GET', '/healthz')).status, 200);
    await server[Symbol.asyncDispose]();
    socket.destroy();
  });

  it('answers what is not HTTP with a problem and goes on', async () => {
    for (const [sent, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/9.9\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431],
      [`POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: -1\r\n\r\n`, 400],
      [`POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
      [`CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n`, 405],
      ['GET /api/v1/state HTTP/1.1\r\n\r\n', 403],
      [`GET /api/v1/state HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nHost: evil.example\r\n\r\n`, 403],
      [`GET http://evil.example/api/v1/state HTTP/1.1\r\nHost: evil.example\r\n\r\n`, 403]
    ] as const) {
      const socket = await raw();
      socket.on('error', () => {});
      socket.end(sent);
      const answer = await text(socket);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${sent.slice(0, 60)} → ${answer.slice(0, 80)}`);
      assert.match(answer, /content-type: application\/problem\+json/i);
    }
    assert.equal((await ask('GET', '/api/v1/state')).status, 200);
  });

  it('never fails inside, whatever is asked', async () => {
    const segment = fc.oneof(
      fc.constantFrom(
        'api',
        'v1',
        'state',
        'events',
        'calls',
        'display',
        'ticket',
        'panel',
        'metrics',
        'healthz',
        'answer',
        'end',
        'hold',
        '..',
        '.',
        '%2e%2e',
        '%',
        '%00',
        '__proto__'
      ),
      fc.string({ maxLength: 12 }).map((each) => encodeURIComponent(each.toWellFormed()))
    );
    const path = fc.oneof(
      { weight: 3, arbitrary: fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`) },
      { weight: 2, arbitrary: segment.map((each) => `/api/v1/calls/1/${each}`) },
      { weight: 2, arbitrary: fc.constantFrom('/api/v1/calls', '/api/v1/display/ticket', '/api/v1/calls/x/answer') }
    );
    const body = fc.oneof(fc.json({ maxDepth: 3 }), fc.string({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), fc.constant(undefined));
    const headers = fc.record(
      {
        'content-type': fc.constantFrom('application/json', 'text/plain', 'application/json; charset=utf-16le'),
        'last-event-id': fc.string({ unit: 'grapheme-ascii', maxLength: 20 })
      },
      { requiredKeys: [] }
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'),
        path,
        headers,
        body,
        async (method, target, given, sent) => {
          if (target.startsWith('/api/v1/events') && method === 'GET') return;
          const answer = await ask(method, target, { headers: given, ...(sent === undefined || method === 'TRACE' ? {} : { body: sent }) });
          assert.ok(answer.status !== 500, `${method} ${target}`);
          if (answer.status >= 400 && method !== 'HEAD') {
            assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
            const problem = JSON.parse(answer.body) as { code: string; status: number };
            assert.ok(problem.code in errorCodes);
            assert.equal(problem.status, answer.status);
          }
          assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        }
      ),
      { numRuns: 400 }
    );
    assert.equal((await ask('GET', '/api/v1/state')).status, 200);
  }).timeout(20_000);

  it('says clearly when its port is taken or its address is not here', async () => {
    const second = createUiServer({ room, host: '127.0.0.1', port, uiDirectory, allowedHosts: [], log: silentLog, clock: systemClock });
    await assert.rejects(second.start(new AbortController().signal), { code: 'CL_PORT_IN_USE' });
    await second[Symbol.asyncDispose]();
    const elsewhere = createUiServer({ room, host: '192.0.2.1', port: 0, uiDirectory, allowedHosts: [], log: silentLog, clock: systemClock });
    await assert.rejects(elsewhere.start(new AbortController().signal), { code: 'CL_CONFIG_INVALID' });
    await elsewhere[Symbol.asyncDispose]();
    assert.throws(() => elsewhere.url, { code: 'CL_INTERNAL' });
  });
});
