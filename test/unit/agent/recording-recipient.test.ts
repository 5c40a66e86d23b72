import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecordingRecipient } from '../../../agent/recording-recipient.ts';
import { openSealed, sealFor } from '../../../src/identity/sealing.ts';

describe('whoever may play recordings', () => {
  let folder = '';
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-recipient-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const read = async (text: string): ReturnType<typeof readRecordingRecipient> => {
    const path = join(folder, 'key.pem');
    await writeFile(path, text);
    return readRecordingRecipient(path);
  };

  it('is a public key, for which is sealed what the private one opens', async () => {
    const sealed = await sealFor(await read(pem), 'the content key');
    assert.equal(await openSealed(privateKey, sealed ?? ''), 'the content key');
  });

  it('is no private key, in any form or company: it would lie beside what it opens', async () => {
    const forms = [
      privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      privateKey.export({ type: 'sec1', format: 'pem' }) as string,
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) as string
    ];
    for (const form of forms)
      for (const text of [form, pem + form])
        await assert.rejects(read(text), (error: Error & { code?: string }) => {
          assert.ok(!error.message.includes(form.slice(40, 60)), 'nothing of it is repeated');
          return error.code === 'CL_CONFIG_INVALID' && error.message.includes('private key');
        });
  });

  it('is nothing else, and no other kind of key', async () => {
    const other = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }): string => String(key.export({ type: 'spki', format: 'pem' }));
    for (const text of [
      '',
      'no key',
      pem.replace('MFkw', 'MFkx'),
      other(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
      other(generateKeyPairSync('ed25519').publicKey),
      other(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)
    ])
      await assert.rejects(read(text), { code: 'CL_CONFIG_INVALID' });
    await assert.rejects(readRecordingRecipient(join(folder, 'none')), { code: 'CL_CONFIG_INVALID' });
  });
});
