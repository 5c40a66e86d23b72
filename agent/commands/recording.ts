// cloister recording: makes the key pair of whoever may play recordings, and opens a recording with it. Runs where the private key is, which is not the room.
import { createPrivateKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openSealed } from '../../src/identity/sealing.ts';
import { asCloisterError, CloisterError } from '../../src/kernel/errors.ts';
import { CONTENT_KEY_BYTES, createRecordingReader, type ReadFault, readSealedKey } from '../../src/media/recording/sealed-recording.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister recording make-key --output KEY.pem
       cloister recording decrypt FILE --key KEY.pem --output OUT.mkv

make-key  makes a key pair: KEY.pem, which opens recordings and belongs into a safe, and KEY.pem.pub, which recording.recipient of rooms names.
decrypt   writes what a recording (data/recordings/*.clrec) holds: a Matroska file with the picture and the sound of both sides.
          Status 1 and a word about it where the recording stops before its end; what there is of it is written all the same.`;

const FAULT_TEXT: Readonly<Record<ReadFault, string>> = {
  foreign: 'This is no recording.',
  refused: 'The recording was changed after it was written, or this is not its key. Nothing was written.'
};

export async function runRecordingCommand(args: string[], io: CommandIo): Promise<ExitStatus> {
  const badUsage = (why: string): ExitStatus => {
    io.stderr(`cloister recording: ${why}\n\n${USAGE}`);
    return 2;
  };
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return badUsage((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    io.stdout(USAGE);
    return 0;
  }
  const [verb, file, ...rest] = positionals;
  try {
    if (verb === 'make-key' && file === undefined && values.output !== undefined) return await makeKey(values.output, io);
    if (verb === 'decrypt' && file !== undefined && rest.length === 0 && values.key !== undefined && values.output !== undefined)
      return await decrypt(file, values.key, values.output, io);
  } catch (thrown) {
    const { code, message } = asCloisterError(thrown);
    io.stderr(`cloister recording: ${message} (${code})`);
    return 1;
  }
  return badUsage(verb === 'make-key' || verb === 'decrypt' ? 'an argument is missing, or too many' : 'make-key or decrypt?');
}

const parse = (args: string[]) =>
  parseArgs({ args, allowPositionals: true, options: { key: { type: 'string' }, output: { type: 'string' }, help: { type: 'boolean' } } });

/** Nothing that is there is overwritten. */
async function create(path: string, mode: number): Promise<FileHandle> {
  return open(path, 'wx', mode).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST') throw new CloisterError('CL_IDENTITY_EXISTS', `${path} is there already; it is not overwritten.`, { cause });
    throw new CloisterError('CL_USAGE', `${path} cannot be written: ${cause.message}`, { cause });
  });
}

async function makeKey(output: string, io: CommandIo): Promise<ExitStatus> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pems = [
    [output, 0o600, privateKey.export({ type: 'pkcs8', format: 'pem' })],
    [`${output}.pub`, 0o644, publicKey.export({ type: 'spki', format: 'pem' })]
  ] as const;
  const made: FileHandle[] = [];
  try {
    for (const [path, mode] of pems) made.push(await create(path, mode));
    for (const [index, [, , pem]] of pems.entries()) await made[index]?.writeFile(pem);
  } catch (error) {
    // Half a key pair is none.
    for (const [path] of pems.slice(0, made.length)) await rm(path, { force: true });
    throw error;
  } finally {
    for (const file of made) await file.close();
  }
  io.stdout(`${output} opens recordings: keep it in a safe place, not on a room.`);
  io.stdout(`${output}.pub is for recording.recipient of the rooms.`);
  return 0;
}

async function decrypt(path: string, keyFile: string, output: string, io: CommandIo): Promise<ExitStatus> {
  const privateKey = await readPrivateKey(keyFile);
  const key = await contentKeyOf(path, privateKey);
  const reader = createRecordingReader(() => key);
  const file = await create(output, 0o600);
  let fault: ReadFault | null = null;
  try {
    for await (const bytes of createReadStream(path)) {
      const found = reader.push(bytes as Buffer);
      if (typeof found === 'string') {
        fault = found;
        break;
      }
      for (const plain of found) await file.writeFile(plain);
    }
  } catch (cause) {
    fault ??= 'foreign';
    throw new CloisterError('CL_USAGE', `${path} cannot be read, or ${output} not be written`, { cause });
  } finally {
    await file.close();
    if (fault !== null) await rm(output, { force: true });
  }
  const end = reader.end();
  if (fault !== null || end === 'foreign' || end === 'refused') {
    await rm(output, { force: true });
    throw new CloisterError('CL_USAGE', FAULT_TEXT[fault ?? (end === 'foreign' ? 'foreign' : 'refused')]);
  }
  if (end === 'cut-off') {
    io.stderr(`cloister recording: ${path} stops before its end: the room lost power or its disk was full, or somebody cut it. ${output} has what there is.`);
    return 1;
  }
  io.stdout(`${output} has the whole recording.`);
  return 0;
}

async function readPrivateKey(path: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new CloisterError('CL_USAGE', `${path} is no private key in PEM, or cannot be read`, { cause });
  }
}

/** @throws CloisterError CL_USAGE */
async function contentKeyOf(path: string, privateKey: KeyObject): Promise<KeyObject> {
  const unreadable = (cause: unknown): never => {
    throw new CloisterError('CL_USAGE', `${path} cannot be read`, { cause });
  };
  const file = await open(path, 'r').catch(unreadable);
  try {
    const begin = Buffer.alloc(16 * 1024);
    const { bytesRead } = await file.read(begin, 0, begin.length, 0).catch(unreadable);
    const sealed = readSealedKey(begin.subarray(0, bytesRead));
    if (sealed === null) throw new CloisterError('CL_USAGE', FAULT_TEXT.foreign);
    const text = await openSealed(privateKey, sealed);
    const key = Buffer.from(text ?? '', 'base64url');
    if (key.length !== CONTENT_KEY_BYTES) throw new CloisterError('CL_USAGE', 'This key does not open this recording.');
    return createSecretKey(key);
  } finally {
    await file.close();
  }
}
