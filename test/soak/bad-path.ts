// Loaded before a media process (--import): stands between it and its UDP sockets. Loses and delays what it sends as the soak's folder says at the moment,
// and writes down when the last media packet left. The product's code is as it is.
import { Socket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type Random } from '../fuzz/random.ts';
import { CLEAN_PATH, MEDIA_FILE, PATH_FILE, type PathFault, SOAK_FOLDER, SOAK_SEED } from './soak-folder.ts';

const LOOK_AGAIN_MS = 100;

function readFault(file: string): PathFault {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PathFault;
  } catch {
    return CLEAN_PATH;
  }
}

/** RFC 7983 section 7: SRTP and SRTCP. */
const isMedia = (data: unknown): boolean => data instanceof Uint8Array && (data[0] ?? 0) >= 128 && (data[0] ?? 0) <= 191;

function standBetween(folder: string, random: Random): void {
  const { send } = Socket.prototype;
  let fault = readFault(join(folder, PATH_FILE));
  let lastMediaMs: number | null = null;
  let writtenMs: number | null = null;
  // A media process ends at once, without a word: what is known of it was written before.
  setInterval(() => {
    fault = readFault(join(folder, PATH_FILE));
    if (lastMediaMs === writtenMs) return;
    writtenMs = lastMediaMs;
    writeFileSync(join(folder, `${MEDIA_FILE}${process.pid}`), String(lastMediaMs));
  }, LOOK_AGAIN_MS).unref();
  const impaired = function (this: Socket, ...given: readonly unknown[]): undefined {
    if (isMedia(given[0])) lastMediaMs = Date.now();
    const last = given.at(-1);
    if (random.below(1_000) < 1_000 * fault.lossRate) {
      if (typeof last === 'function') setImmediate(() => last(null, 0));
      return;
    }
    const goOut = (): void => void Reflect.apply(send, this, given);
    if (fault.delayMs === 0) {
      goOut();
      return;
    }
    const delayMs = fault.delayMs + random.below(1 + fault.jitterMs);
    setTimeout(() => {
      try {
        goOut();
      } catch {
        // Closed meanwhile: what was on its way out is lost with it.
      }
    }, delayMs);
  };
  Socket.prototype.send = impaired as typeof send;
}

const folder = process.env[SOAK_FOLDER];
if (folder !== undefined) standBetween(folder, createRandom(process.env[SOAK_SEED] ?? '', process.pid));
