// The routes of own pictures, device tests, what can be shared and the code on the display, on the wire.
import assert from 'node:assert/strict';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { serveRoom } from '../harness/served-room.ts';

describe('the HTTP interface of pictures', function () {
  this.timeout(20_000);
  let room: FakeRoom;
  let server: UiServer;
  beforeEach(async () => {
    room = createFakeRoom();
    server = await serveRoom(room, { uiDirectory: '/nowhere' });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const post = async (path: string, body: unknown = {}): Promise<{ status: number; json: unknown }> => {
    const response = await fetch(`${server.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, json: text === '' ? null : JSON.parse(text) };
  };

  it('gives tickets for the own picture', async () => {
    assert.deepEqual(await post('/api/v1/self-view/ticket'), { status: 200, json: { url: 'ws://127.0.0.1:9/feed' } });
    assert.deepEqual(await post('/api/v1/devices/preview-ticket'), { status: 200, json: { url: 'ws://127.0.0.1:9/feed' } });
    assert.equal((await post('/api/v1/self-view/ticket', { of: 'them' })).status, 400);
  });

  it('tries devices', async () => {
    assert.equal((await post('/api/v1/devices/mic%201/test-start')).status, 204);
    assert.equal((await post('/api/v1/devices/test-stop')).status, 204);
    assert.deepEqual(room.askedOfDevices, [['startTest', 'mic 1'], ['stopTest']]);
    room.failNext = new CloisterError('CL_CALL_BUSY');
    assert.equal((await post('/api/v1/devices/mic/test-start')).status, 409);
    room.failNext = new CloisterError('CL_DEVICE_UNKNOWN');
    assert.equal((await post('/api/v1/devices/mic/test-start')).status, 404);
  });

  it('says what can be shared, and takes one of it', async () => {
    assert.deepEqual(await (await fetch(`${server.url}/api/v1/share-sources`)).json(), { sources: [{ id: 'screen:0', kind: 'screen', name: 'Screen' }] });
    const id = room.ring();
    await post(`/api/v1/calls/${id}/answer`);
    assert.equal((await post(`/api/v1/calls/${id}/share`, { source: 'screen:0' })).status, 204);
    assert.deepEqual(room.actions.at(-1)?.options, { source: 'screen:0' });
    for (const source of ['', 'x'.repeat(301), 7]) assert.equal((await post(`/api/v1/calls/${id}/share`, { source })).status, 400);
  });

  it('records where the room does, and passes on why it does not', async () => {
    const id = room.ring();
    await post(`/api/v1/calls/${id}/answer`);
    assert.equal((await post(`/api/v1/calls/${id}/recording`, { on: true })).status, 204);
    assert.deepEqual(room.actions.at(-1), { id, action: 'recording', options: { on: true } });
    assert.equal((await post(`/api/v1/calls/${id}/recording`)).status, 400);
    room.failNext = new CloisterError('CL_CALL_FEATURE_UNAVAILABLE');
    assert.deepEqual((await post(`/api/v1/calls/${id}/recording`, { on: true })).status, 409);
    room.failNext = new CloisterError('CL_CALL_FEATURE_MISSING');
    assert.deepEqual((await post(`/api/v1/calls/${id}/recording`, { on: true })).status, 409);
  });

  it('shows the code on the display', async () => {
    assert.equal((await post('/api/v1/display/code', { shown: true })).status, 204);
    assert.equal(room.state().display.showsCode, true);
    assert.equal((await post('/api/v1/display/code', { shown: 'yes' })).status, 400);
  });
});
