// People and settings over the local interface: what anybody at the panel may do, and what is the administrator's.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { serveRoom } from '../harness/served-room.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const SESSION = { cookie: 'cloister_session=token' };
const BEARER = { authorization: 'Bearer token' };

describe('people and settings over HTTP', () => {
  let room: FakeRoom;
  let server: UiServer;

  beforeEach(async () => {
    room = createFakeRoom();
    server = await serveRoom(room, { uiDirectory: tmpdir() });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const outgoing = request(new URL(path, server.url), {
      method,
      agent: false,
      headers: { connection: 'close', ...(body === undefined ? {} : JSON_TYPE), ...headers }
    });
    const answered = new Promise<{ status: number; body: string; allow: string | undefined }>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        text(response).then((said) => resolve({ status: response.statusCode ?? 0, body: said, allow: response.headers.allow }), reject);
      });
    });
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    return answered;
  }
  const codeOf = (answer: { body: string }): unknown => (JSON.parse(answer.body) as { code?: unknown }).code;
  const pinIsSet = (): void => {
    room.admin.pinSet = () => true;
  };

  it('finds people', async () => {
    room.change((state) => ({
      ...state,
      people: { ...state.people, favourites: [{ account: 'studio@contoso.example', displayName: 'Studio', presence: 'online' }] }
    }));
    const found = await ask('GET', '/api/v1/directory?query=st%C3%BCd');
    assert.deepEqual([found.status, JSON.parse(found.body)], [200, { people: [] }]);
    for (const path of ['/api/v1/directory?query=stud', '/api/v1/directory']) {
      assert.deepEqual(JSON.parse((await ask('GET', path)).body), {
        people: [{ account: 'studio@contoso.example', displayName: 'Studio', presence: 'online' }]
      });
    }
    for (const path of ['?query=a&query=b', '?other=a', `?query=${'a'.repeat(129)}`, '?query=a&x']) {
      const refused = await ask('GET', `/api/v1/directory${path}`);
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'CL_REQUEST_INVALID'], path);
    }
  });

  it('hands on what people do with favourites and recent calls', async () => {
    const account = 'studio@contoso.example';
    for (const [path, body] of [
      ['favourites', { account, displayName: 'The studio' }],
      ['favourites', { account }],
      ['favourites/remove', { account }],
      ['recents/remove', { id: 'x' }],
      ['recents/seen', {}],
      ['clear-room', {}]
    ] as const) {
      assert.deepEqual(await ask('POST', `/api/v1/${path}`, body), { status: 204, body: '', allow: undefined }, path);
    }
    assert.deepEqual(room.asked, [
      ['addFavourite', account, 'The studio'],
      ['addFavourite', account, null],
      ['removeFavourite', account],
      ['removeRecent', 'x'],
      ['seen'],
      ['clearRoom']
    ]);
  });

  it('refuses bodies that are not as they should be, before anything is done', async () => {
    for (const [path, body] of [
      ['favourites', {}],
      ['favourites', { account: '' }],
      ['favourites', { account: 'a@b.example', displayName: 'x'.repeat(129) }],
      ['favourites', { account: 'a@b.example', more: 1 }],
      ['recents/remove', {}],
      ['recents/seen', { all: true }],
      ['clear-room', { really: true }]
    ] as const) {
      const refused = await ask('POST', `/api/v1/${path}`, body);
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'CL_REQUEST_INVALID'], `${path} ${JSON.stringify(body)}`);
    }
    assert.deepEqual(room.asked, []);
  });

  it('says that a list is full', async () => {
    room.failNext = new CloisterError('CL_PEOPLE_FULL');
    const refused = await ask('POST', '/api/v1/favourites', { account: 'a@b.example' });
    assert.deepEqual([refused.status, codeOf(refused)], [409, 'CL_PEOPLE_FULL']);
  });

  it('keeps the block list to the administrator', async () => {
    const account = 'eve@fabrikam.example';
    const requests = [
      ['GET', 'blocked', undefined],
      ['POST', 'blocked', { account }],
      ['POST', 'blocked/remove', { account }]
    ] as const;
    for (const [method, path, body] of requests) {
      const refused = await ask(method, `/api/v1/${path}`, body);
      assert.deepEqual([refused.status, codeOf(refused)], [401, 'CL_PIN_NOT_SET'], path);
    }
    pinIsSet();
    for (const [method, path, body] of requests) {
      for (const headers of [{}, { cookie: 'cloister_session=another' }, { authorization: 'Bearer another' }] as Record<string, string>[]) {
        const refused = await ask(method, `/api/v1/${path}`, body, headers);
        assert.deepEqual([refused.status, codeOf(refused)], [401, 'CL_PIN_REQUIRED'], path);
      }
    }
    assert.deepEqual(room.asked, []);
    assert.deepEqual(JSON.parse((await ask('GET', '/api/v1/blocked', undefined, SESSION)).body), { blocked: [] });
    assert.equal((await ask('POST', '/api/v1/blocked', { account }, SESSION)).status, 204);
    assert.equal((await ask('POST', '/api/v1/blocked/remove', { account }, BEARER)).status, 204);
    assert.deepEqual(room.asked, [
      ['block', account],
      ['unblock', account]
    ]);
  });

  it('declines and blocks without the administrator, since anybody is called', async () => {
    const id = room.ring();
    assert.equal((await ask('POST', `/api/v1/calls/${id}/decline`, { block: true })).status, 204);
    assert.deepEqual(room.actions.at(-1), { id, action: 'decline', options: { block: true } });
    const refused = await ask('POST', `/api/v1/calls/${room.ring()}/decline`, { block: 'yes' });
    assert.equal(codeOf(refused), 'CL_REQUEST_INVALID');
  });

  it('tells the settings with the account’s own switch', async () => {
    const { body } = await ask('GET', '/api/v1/settings');
    assert.deepEqual(JSON.parse(body), { ...room.state().settings, encryption: true });
  });

  it('changes what is anybody’s without asking, and the administrator’s with a session, whole or not at all', async () => {
    const anybodys = { language: 'ar', theme: 'light', textSize: 'larger', ringerPercent: 0, doNotDisturb: { minutes: 30 }, layout: 'content', selfView: true };
    assert.equal((await ask('PATCH', '/api/v1/settings', anybodys)).status, 204);
    assert.equal((await ask('PATCH', '/api/v1/settings', { doNotDisturb: null })).status, 204);
    assert.deepEqual(room.asked, [
      ['changeSettings', anybodys],
      ['changeSettings', { doNotDisturb: null }]
    ]);
    const administrators = [
      { roomLanguage: 'de' },
      { autoAnswer: { on: true, afterSeconds: 0 } },
      { wipeDailyAt: '03:00' },
      { wipeDailyAt: null },
      { encryption: false }
    ];
    for (const change of administrators) {
      assert.equal(codeOf(await ask('PATCH', '/api/v1/settings', { theme: 'dark', ...change })), 'CL_PIN_NOT_SET');
    }
    pinIsSet();
    for (const change of administrators) {
      const refused = await ask('PATCH', '/api/v1/settings', { theme: 'dark', ...change });
      assert.deepEqual([refused.status, codeOf(refused)], [401, 'CL_PIN_REQUIRED'], JSON.stringify(change));
    }
    assert.equal(room.asked.length, 2, 'nothing of it was done');
    for (const change of administrators) assert.equal((await ask('PATCH', '/api/v1/settings', change, SESSION)).status, 204);
    assert.deepEqual(
      room.asked.slice(2),
      administrators.map((change) => ['changeSettings', change])
    );
    room.failNext = new CloisterError('CL_SETTING_LOCKED');
    const locked = await ask('PATCH', '/api/v1/settings', { encryption: true }, SESSION);
    assert.deepEqual([locked.status, codeOf(locked)], [409, 'CL_SETTING_LOCKED']);
  });

  it('lets anybody try the ringer, and says why it does not ring', async () => {
    assert.equal((await ask('POST', '/api/v1/settings/ringer/try', {})).status, 204);
    assert.deepEqual(room.asked, [['tryRinger']]);
    for (const [code, status] of [
      ['CL_CALL_BUSY', 409],
      ['CL_RINGER_SILENT', 409],
      ['CL_SOUND', 503]
    ] as const) {
      room.failNext = new CloisterError(code);
      const refused = await ask('POST', '/api/v1/settings/ringer/try', {});
      assert.deepEqual([refused.status, codeOf(refused)], [status, code]);
    }
    assert.equal(codeOf(await ask('POST', '/api/v1/settings/ringer/try', { percent: 100 })), 'CL_REQUEST_INVALID');
    assert.equal((await ask('GET', '/api/v1/settings/ringer/try')).allow, 'POST');
  });

  it('refuses settings that there are not', async () => {
    for (const change of [
      { language: 'tlh' },
      { theme: 'pink' },
      { ringerPercent: 101 },
      { ringerPercent: 1.5 },
      { doNotDisturb: true },
      { doNotDisturb: {} },
      { doNotDisturb: { minutes: 0 } },
      { doNotDisturb: { minutes: 1e9 } },
      { autoAnswer: { on: true } },
      { wipeDailyAt: '24:00' },
      { wipeDailyAt: '3:00' },
      { volume: 1 },
      [],
      'null'
    ]) {
      const refused = await ask('PATCH', '/api/v1/settings', change, SESSION);
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'CL_REQUEST_INVALID'], JSON.stringify(change));
    }
    assert.deepEqual(room.asked, []);
  });

  it('takes a PATCH as it takes a POST: JSON of its own pages alone', async () => {
    const foreign = await ask('PATCH', '/api/v1/settings', { theme: 'light' }, { origin: 'http://evil.example' });
    assert.deepEqual([foreign.status, codeOf(foreign)], [403, 'CL_FORBIDDEN_ORIGIN']);
    const form = await ask('PATCH', '/api/v1/settings', 'theme=light', { 'content-type': 'application/x-www-form-urlencoded' });
    assert.equal(form.status, 415);
    const crossSite = await ask('GET', '/api/v1/directory?query=a', undefined, { 'sec-fetch-site': 'cross-site' });
    assert.equal(crossSite.status, 403);
    for (const [method, path, allow] of [
      ['POST', 'settings', 'GET, HEAD, PATCH'],
      ['PATCH', 'calls', 'POST'],
      ['DELETE', 'blocked', 'GET, HEAD, POST'],
      ['PATCH', 'directory', 'GET, HEAD'],
      ['GET', 'clear-room', 'POST']
    ] as const) {
      const refused = await ask(method, `/api/v1/${path}`, method === 'GET' ? undefined : {});
      assert.deepEqual([refused.status, refused.allow], [405, allow], `${method} ${path}`);
    }
    assert.deepEqual(room.asked, []);
  });
});
