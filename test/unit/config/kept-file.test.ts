import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { createKeptFile, type KeptFile } from '../../../src/config/kept-file.ts';
import { type LogFields, silentLog } from '../../../src/kernel/log.ts';

const schema = z.strictObject({ names: z.array(z.string().max(3_000_000)) });
type Names = z.infer<typeof schema>;
const EMPTY: Names = { names: [] };

describe('a kept file', () => {
  let folder: string;
  let warnings: LogFields[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-kept-'));
    warnings = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  const path = (): string => join(folder, 'data', 'names.json');
  const opened = (): KeptFile<Names> =>
    createKeptFile({ path: path(), schema, empty: EMPTY, log: { ...silentLog, warn: (message, fields) => warnings.push({ ...fields, message }) } });

  it('is empty at first, and then as it was written, for its owner alone', async () => {
    const file = opened();
    assert.equal(await file.read(), EMPTY);
    await file.write({ names: ['a', 'b'] });
    assert.deepEqual([await file.read(), await opened().read()], [{ names: ['a', 'b'] }, { names: ['a', 'b'] }]);
    if (process.platform !== 'win32') assert.equal((await stat(path())).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(folder, 'data')), ['names.json']);
    assert.deepEqual(warnings, []);
  });

  it('is set aside where it is damaged, the newest kept, and told without what it says', async () => {
    const file = opened();
    await file.write({ names: ['a'] });
    const damaged = ['', '{', 'hunter2', 'null', '[]', '{"names":["hunter2",5]}', '{"names":[],"hunter2":1}', Buffer.from('{"names":["\xff"]}', 'latin1')];
    for (const [index, text] of damaged.entries()) {
      await writeFile(path(), text);
      assert.equal(await file.read(), EMPTY, String(text));
      assert.deepEqual(await readFile(`${path()}.damaged`), Buffer.from(text));
      assert.equal(warnings.length, index + 1);
      assert.deepEqual([warnings[index]?.path, warnings[index]?.aside, warnings[index]?.failure], [path(), `${path()}.damaged`, undefined]);
    }
    assert.doesNotMatch(JSON.stringify(warnings), /hunter2/);
    await file.write({ names: ['b'] });
    assert.deepEqual(await file.read(), { names: ['b'] });
    assert.deepEqual((await readdir(join(folder, 'data'))).sort(), ['names.json', 'names.json.damaged']);
  });

  it('is set aside where it cannot be read or is too large', async () => {
    // A folder cannot be read as a file, whoever runs the test.
    await mkdir(path(), { recursive: true });
    assert.equal(await opened().read(), EMPTY);
    assert.match(String(warnings[0]?.why), /EISDIR/);
    await rm(`${path()}.damaged`, { recursive: true });
    await writeFile(path(), JSON.stringify({ names: ['x'.repeat(2 * 1024 * 1024)] }));
    assert.equal(await opened().read(), EMPTY);
    assert.match(String(warnings[1]?.why), /too large/);
  });

  it('is told where it cannot be set aside either', async () => {
    await mkdir(`${path()}.damaged`, { recursive: true });
    await writeFile(path(), '{');
    assert.equal(await opened().read(), EMPTY);
    assert.match(String(warnings[0]?.failure), /EISDIR|ENOTEMPTY|EPERM|EEXIST/);
  });

  it('keeps the last of several writes, and reads only between them', async () => {
    const file = opened();
    const many = Array.from({ length: 20 }, (_, index) => ({ names: [`${index}`] }));
    const reads = many.flatMap((value) => [file.write(value).then(() => null), file.read()]);
    assert.deepEqual(
      (await Promise.all(reads)).filter((value) => value !== null),
      many
    );
    assert.deepEqual(await opened().read(), { names: ['19'] });
  });

  it('takes what it is given at the moment of the write', async () => {
    const file = opened();
    const value = { names: ['a'] };
    const written = file.write(value);
    value.names.push('b');
    await written;
    assert.deepEqual(await file.read(), { names: ['a'] });
  });

  it('writes nothing that it could not read again', async () => {
    const file = opened();
    await file.write({ names: ['a'] });
    const unfit: unknown = { names: [5] };
    await assert.rejects(file.write(unfit as Names), { code: 'CL_INTERNAL' });
    await assert.rejects(file.write({ names: ['x'.repeat(2 * 1024 * 1024)] }), { code: 'CL_INTERNAL' });
    assert.deepEqual(await file.read(), { names: ['a'] });
  });

  it('says when it cannot be written, and can be later', async () => {
    const file = opened();
    await writeFile(join(folder, 'data'), 'in the way');
    await assert.rejects(file.write({ names: ['a'] }), { code: 'EEXIST' });
    await rm(join(folder, 'data'));
    await file.write({ names: ['b'] });
    assert.deepEqual(await file.read(), { names: ['b'] });
    assert.deepEqual(warnings, []);
  });
});
