import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecordingFile, type RecordingFileOptions } from '../../../../src/media/recording/recording-file.ts';
import { createRecordingReader } from '../../../../src/media/recording/sealed-recording.ts';

describe('a recording on the disk', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cloister-recording-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function create(options: Partial<RecordingFileOptions> = {}) {
    const ends: string[] = [];
    let contentKey = '';
    const file = await createRecordingFile({
      directory: join(directory, 'recordings'),
      name: 'a',
      maxBytes: 10_000_000,
      async sealKey(key) {
        contentKey = key;
        return 'sealed';
      },
      onEnd: (why) => void ends.push(why),
      ...options
    });
    const read = async (): Promise<{ bytes: Buffer; end: string }> => {
      const reader = createRecordingReader(() => createSecretKey(Buffer.from(contentKey, 'base64url')));
      const found = reader.push(await readFile(file.path));
      return { bytes: Buffer.concat(typeof found === 'string' ? [] : [...found]), end: typeof found === 'string' ? found : reader.end() };
    };
    return { file, ends, read };
  }

  it('is its owner’s alone, and whole when it was closed', async () => {
    const { file, ends, read } = await create();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    file.write(bytes.subarray(0, 100));
    file.write(bytes.subarray(100));
    await file.close();
    assert.deepEqual([(await stat(file.path)).mode & 0o777, (await stat(join(directory, 'recordings'))).mode & 0o777], [0o600, 0o700]);
    const found = await read();
    assert.deepEqual([found.end, found.bytes.equals(bytes), ends], ['whole', true, []]);
  });

  it('never grows beyond its size, and is whole there', async () => {
    const maxBytes = 200_000;
    const { file, ends, read } = await create({ maxBytes });
    for (let times = 0; times < 100; times++) file.write(Buffer.alloc(7_001, times));
    await file.close();
    assert.deepEqual(ends, ['full'], 'told when its last chunk is there');
    assert.ok((await stat(file.path)).size <= maxBytes);
    const { end, bytes } = await read();
    assert.equal(end, 'whole');
    assert.ok(bytes.length > maxBytes - 8_000);
  });

  it('keeps what was flushed, should this process end now', async () => {
    const { file, read } = await create();
    file.write(Buffer.from('words'));
    file.flush();
    // The disk's turn: a write is asked for at once.
    for (let tries = 0; tries < 1_000 && (await read()).bytes.length === 0; tries++) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(await read(), { bytes: Buffer.from('words'), end: 'cut-off' });
    await file.close();
  });

  /** The disk takes nothing more: the file is closed behind the back of whoever writes it. */
  function breakFile(path: string): void {
    const found = readdirSync('/proc/self/fd').find((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
    assert.ok(found !== undefined);
    closeSync(Number(found));
  }

  it('says once that it cannot be written any more, while it is written or to whoever closes it', async () => {
    for (const whileWritten of [true, false]) {
      const { file, ends, read } = await create({ name: `broken ${whileWritten}` });
      file.write(Buffer.from('words'));
      file.flush();
      for (let tries = 0; tries < 1_000 && (await read()).bytes.length === 0; tries++) await new Promise((resolve) => setImmediate(resolve));
      breakFile(file.path);
      file.write(Buffer.alloc(200_000));
      for (let tries = 0; tries < 1_000 && whileWritten && ends.length === 0; tries++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await file.close(), 'failed');
      assert.deepEqual(ends, whileWritten ? ['failed'] : []);
      assert.deepEqual(await read(), { bytes: Buffer.from('words'), end: 'cut-off' });
    }
  });

  it('leaves room on the disk for what else the room has to keep: it ends, whole, and none begins there', async () => {
    let freeBytes = 300 * 1024 * 1024;
    const { file, ends, read } = await create({ maxBytes: 2 ** 30, freeBytes: async () => freeBytes });
    let written = 0;
    while (ends.length === 0) {
      assert.ok(written < 100_000_000, 'it goes on');
      if (written > 5_000_000) freeBytes = 255 * 1024 * 1024;
      file.write(Buffer.alloc(65_536));
      written += 65_536;
      // No quicker than the disk.
      while (ends.length === 0 && (await stat(file.path)).size < written) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual([ends, await file.close(), (await read()).end], [['disk-full'], null, 'whole']);
    await assert.rejects(create({ name: 'b', freeBytes: async () => freeBytes }), { code: 'CL_CALL_RECORDING', message: 'The disk is nearly full.' });
  });

  it('is not begun where the key cannot be used, the file is there, or the folder cannot be', async () => {
    await assert.rejects(create({ sealKey: async () => null }), { code: 'CL_CALL_RECORDING' });
    const { file } = await create();
    await file.close();
    await assert.rejects(create(), { code: 'CL_CALL_RECORDING' });
    await writeFile(join(directory, 'plain'), '');
    await assert.rejects(create({ directory: join(directory, 'plain') }), { code: 'CL_CALL_RECORDING' });
  });
});
