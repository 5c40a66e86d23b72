// The file with the secret that the relays share: who may read it, and what it may hold.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { readSharedSecret } from '../../../src/relay/shared-secret.ts';

const SECRET = 'north-wind-and-the-sun';

describe('the file with the shared secret', () => {
  let folder: string;
  let made = 0;
  const file = async (text: string, mode = 0o600): Promise<string> => {
    const path = join(folder, `secret-${made++}`);
    await writeFile(path, text, { mode });
    return path;
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-secret-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('gives a key that does not print itself', async () => {
    const key = await readSharedSecret(await file(`${SECRET}\n`));
    assert.equal(key.export().toString(), SECRET);
    assert.ok(!`${inspect(key)} ${JSON.stringify(key)} ${key}`.includes(SECRET));
  });

  it('is refused where others can read it, or where it holds no secret, and never quoted', async () => {
    const refusals = [
      [await file(SECRET, 0o640), /can be read by others/],
      [await file(SECRET, 0o604), /can be read by others/],
      [await file(''), /must hold one secret/],
      [await file('short'), /must hold one secret/],
      [await file(`${SECRET} ${SECRET}`), /must hold one secret/],
      [await file('x'.repeat(2_000)), /too large/],
      [join(folder, 'nowhere'), /cannot be read/]
    ] as const;
    for (const [path, message] of refusals)
      await assert.rejects(readSharedSecret(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CL_RELAY_SECRET');
        assert.match(error.message, message);
        assert.ok(!error.message.includes(SECRET));
        return true;
      });
  });
});
