// One recording on the disk: bytes go in, only sealed chunks come out. Nothing of a recording is ever written in the clear.
// Invariants: the file is new and its owner's alone; a chunk that could not be written whole is taken back, so that the file stays readable up to it;
// after a failure nothing more is written, and it is told: by onEnd, or to whoever closes it.
import { createSecretKey, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CloisterError } from '../../kernel/errors.ts';
import { CHUNK_BYTES, CHUNK_OVERHEAD_BYTES, type ChunkSealer, CONTENT_KEY_BYTES, createChunkSealer, recordingHeader } from './sealed-recording.ts';

export type WriteFailure = 'disk-full' | 'failed';

export type RecordingFile = {
  readonly path: string;
  /** Takes a copy. What is less than a chunk waits for flush(). */
  write(bytes: Uint8Array): void;
  /** What waits is sealed, too, so that it survives this process. */
  flush(): void;
  /** The last chunk; resolves when all is on the disk, or with why not all of it is. Never rejects. */
  close(): Promise<WriteFailure | null>;
};

export type RecordingFileOptions = {
  readonly directory: string;
  readonly name: string;
  readonly maxBytes: number;
  /** Seals the content key, as text, for whoever may play the recording; null where the recipient's key cannot be used. */
  readonly sealKey: (contentKey: string) => Promise<string | null>;
  /** It goes on no longer: `full` has reached its size and is whole. Not called for what close() says. */
  readonly onEnd: (why: 'full' | WriteFailure) => void;
  /** What is left of the disk that holds the directory. */
  readonly freeBytes?: (directory: string) => Promise<number>;
};

/** The room's own files are on the same disk: what people choose has to be kept, and what they left removed, however much is recorded. */
const KEPT_FREE_BYTES = 256 * 1024 * 1024;
const LOOK_EVERY_BYTES = 4 * 1024 * 1024;
const freeOn = async (directory: string): Promise<number> => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};
/** A disk that is so far behind is as good as none. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** @throws CloisterError CL_CALL_RECORDING */
export async function createRecordingFile({ directory, name, maxBytes, sealKey, onEnd, freeBytes = freeOn }: RecordingFileOptions): Promise<RecordingFile> {
  const contentKey = randomBytes(CONTENT_KEY_BYTES);
  const sealedKey = await sealKey(contentKey.toString('base64url'));
  if (sealedKey === null) throw new CloisterError('CL_CALL_RECORDING', 'The recipient’s key (recording.recipient) cannot be used.');
  const header = recordingHeader(sealedKey);
  const seal: ChunkSealer = createChunkSealer(createSecretKey(contentKey), header);
  contentKey.fill(0);
  const path = join(directory, `${name}.clrec`);
  let file: FileHandle;
  let nearlyFull = false;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    nearlyFull = (await freeBytes(directory)) < KEPT_FREE_BYTES;
    if (nearlyFull) throw new Error('the disk is nearly full');
    file = await open(path, 'wx', 0o600);
    await file.writeFile(header);
  } catch (cause) {
    throw new CloisterError('CL_CALL_RECORDING', nearlyFull ? 'The disk is nearly full.' : 'The recording’s file cannot be written.', { cause });
  }
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let queuedBytes = 0;
  let sealedBytes = header.length;
  let writtenBytes = header.length;
  let lookedBytes = writtenBytes;
  let over = false;
  let failure: WriteFailure | null = null;
  let last: Promise<void> = Promise.resolve();

  function fail(cause: unknown): void {
    failure ??= cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT') ? 'disk-full' : 'failed';
    if (over) return; // whoever ends it hears of it
    over = true;
    waiting = [];
    onEnd(failure);
  }

  /** Ends it, whole, while the disk still has room for others. */
  async function look(): Promise<void> {
    if (over || writtenBytes - lookedBytes < LOOK_EVERY_BYTES) return;
    lookedBytes = writtenBytes;
    if ((await freeBytes(directory)) >= KEPT_FREE_BYTES || over) return;
    over = true;
    sealWaiting(true);
    last = last.then(() => onEnd(failure ?? 'disk-full'));
  }

  function put(chunk: Buffer): void {
    queuedBytes += chunk.length;
    last = last.then(async () => {
      queuedBytes -= chunk.length;
      if (writtenBytes < 0) return; // a chunk before it is missing
      try {
        let done = 0;
        while (done < chunk.length) done += (await file.write(chunk, done, chunk.length - done, writtenBytes + done)).bytesWritten;
        writtenBytes += chunk.length;
        await look();
      } catch (cause) {
        await file.truncate(writtenBytes).catch(() => {});
        writtenBytes = -1;
        fail(cause);
      }
    });
    if (queuedBytes > MAX_WAITING_BYTES) fail(new Error('the disk is too slow'));
  }

  function sealWaiting(isLast: boolean): void {
    const chunk = seal(Buffer.concat(waiting), isLast);
    waiting = [];
    waitingBytes = 0;
    sealedBytes += chunk.length;
    put(chunk);
  }

  function flush(): void {
    if (!over && waitingBytes > 0) sealWaiting(false);
  }

  return {
    path,
    write(bytes) {
      for (let offset = 0; offset < bytes.length && !over; ) {
        const part = bytes.subarray(offset, offset + CHUNK_BYTES - waitingBytes);
        // Room for the last chunk is always left.
        if (sealedBytes + waitingBytes + part.length + 2 * CHUNK_OVERHEAD_BYTES > maxBytes) {
          over = true;
          sealWaiting(true);
          last = last.then(() => onEnd(failure ?? 'full'));
          return;
        }
        waiting.push(Buffer.from(part));
        waitingBytes += part.length;
        offset += part.length;
        if (waitingBytes >= CHUNK_BYTES) flush();
      }
    },
    flush,
    async close() {
      if (!over) {
        over = true;
        sealWaiting(true);
      }
      await last;
      await file.sync().catch(fail);
      await file.close().catch(fail);
      return failure;
    }
  };
}
