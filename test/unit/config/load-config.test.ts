import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '../../../src/config/atomic-file.ts';
import { loadConfig } from '../../../src/config/load-config.ts';

describe('configuration file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (content: string, overrides = {}) => {
    const file = join(folder, 'room.json');
    await writeFile(file, content);
    return loadConfig({ file, overrides: [overrides] });
  };

  it('is read, and overridden by the command line', async () => {
    const loaded = await load('\uFEFF{"room":{"name":"Boardroom"},"uiServer":{"port":9000}}', { uiServer: { port: 9001 } });
    assert.ok(loaded.ok);
    assert.deepEqual([loaded.value.room.name, loaded.value.uiServer.port], ['Boardroom', 9001]);
  });

  it('need not be there, but one that is named must be', async () => {
    assert.ok((await loadConfig({ file: null, overrides: [] })).ok);
    const missing = await loadConfig({ file: join(folder, 'none.json'), overrides: [] });
    assert.ok(!missing.ok && missing.error.code === 'CL_CONFIG_UNREADABLE' && /none\.json does not exist/.test(missing.error.message));
    const directory = await loadConfig({ file: folder, overrides: [] });
    assert.ok(!directory.ok && directory.error.code === 'CL_CONFIG_UNREADABLE');
  });

  it('must be one JSON object; what it holds is not repeated', async () => {
    for (const content of ['', '{', '{"media":{"iceServers":[{"credential":"hunter2"', '[]', 'null', '7', '"x"']) {
      const loaded = await load(content);
      assert.ok(!loaded.ok && loaded.error.code === 'CL_CONFIG_UNREADABLE', content);
      assert.doesNotMatch(loaded.error.message, /hunter2/);
    }
  });

  it('is taken whole or not at all', async () => {
    const loaded = await load('{"room":{"name":"Boardroom"},"call":{"autoAnswer":"yes"}}');
    assert.ok(!loaded.ok && loaded.error.message.includes('call.autoAnswer must be true or false'));
  });
});

describe('atomic file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-atomic-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('replaces the content, with the permissions that are asked for, and leaves nothing else behind', async () => {
    const path = join(folder, 'state.json');
    await writeFileAtomically(path, 'old');
    await writeFileAtomically(path, new TextEncoder().encode('new'), 0o600);
    assert.equal(await readFile(path, 'utf8'), 'new');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['state.json']);
  });

  it('leaves the old content where it cannot write', async () => {
    await assert.rejects(writeFileAtomically(join(folder, 'none', 'state.json'), 'x'), { code: 'ENOENT' });
    // A folder cannot be replaced by a file: the rename fails after the new content was written.
    await mkdir(join(folder, 'taken'));
    await assert.rejects(writeFileAtomically(join(folder, 'taken'), 'x'));
    assert.deepEqual(await readdir(folder), ['taken']);
  });

  it('lets readers see the old or the new content, never a mixture', async () => {
    const path = join(folder, 'state.json');
    const contents = ['a'.repeat(100_000), 'b'.repeat(50_000)];
    await writeFileAtomically(path, contents[0] ?? '');
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 20; round += 1) await writeFileAtomically(path, contents[round % 2] ?? '');
      writing = false;
    })();
    while (writing) assert.ok(contents.includes(await readFile(path, 'utf8')));
    await writer;
  });
});
