// A small JSON file of what people chose or saved, which outlives a restart. Other folders take it as a type, `agent/` makes it.
// Invariants: a read never rejects; what cannot be used is set aside as `PATH.damaged` (the newest is kept) before anything else is written, and told;
// a write is whole or not at all, for its owner only; reads and writes come one after the other. What the file says is in no log: it may be private.
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CloisterError, hasSystemCode } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { writeFileAtomically } from './atomic-file.ts';

export type KeptFile<T> = {
  /** `empty` where there is no file, or none that can be used: never rejects. */
  read(): Promise<T>;
  /** @throws the system's error, or CloisterError CL_INTERNAL: it is not of the form, or larger than 2 MiB; what was kept before is then still there */
  write(value: T): Promise<void>;
};

/** What a file must be to be used: a zod schema, or a function of the parsed JSON. Throws where it is not. */
export type KeptForm<T> = { parse(content: unknown): T };

export type KeptFileOptions<T> = {
  readonly path: string;
  readonly schema: KeptForm<T>;
  readonly empty: NoInfer<T>;
  readonly log: Log;
  /** The file was set aside. */
  readonly onDamaged?: () => void;
};

const MAX_FILE_BYTES = 2 * 1024 * 1024;
const OWNER_ONLY = 0o600;
/** What atomic-file.ts puts behind the name of a file that is being written. */
const TEMPORARY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function createKeptFile<T>({ path, schema, empty, log, onDamaged }: KeptFileOptions<T>): KeptFile<T> {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };

  async function setAside(why: string): Promise<T> {
    const aside = `${path}.damaged`;
    const failure = await rename(path, aside).then(
      () => undefined,
      (error: unknown) => String(error)
    );
    log.warn('a file cannot be used and is set aside', { path, aside, why, failure });
    onDamaged?.();
    return empty;
  }

  async function read(): Promise<T> {
    let content: Uint8Array;
    try {
      content = await readFile(path);
    } catch (error) {
      return hasSystemCode(error, 'ENOENT') ? empty : setAside(`it cannot be read (${codeOf(error)})`);
    }
    if (content.length > MAX_FILE_BYTES) return setAside('it is too large');
    try {
      return parse(new TextDecoder('utf-8', { fatal: true }).decode(content), schema);
    } catch {
      // The error's own words may quote the text.
      return setAside('it is not what was written');
    }
  }

  return {
    read: () => inTurn(read),
    async write(value) {
      // Taken now, so that a change while it waits for its turn changes nothing.
      const text = asText(value, schema);
      await inTurn(async () => {
        await mkdir(dirname(path), { recursive: true });
        await writeFileAtomically(path, text, OWNER_ONLY);
      });
    }
  };
}

/**
 * Removes what is left of a kept file's earlier content: what was set aside, and what a process that died in a write left half written. Only while nothing is
 * written to it. @throws the system's error
 */
export async function removeRemains(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasSystemCode(error, 'ENOENT')) return [];
    throw error;
  });
  const remains = names.filter((each) => each === `${name}.damaged` || (each.startsWith(`.${name}.`) && TEMPORARY.test(each.slice(name.length + 2))));
  for (const each of remains) await rm(join(folder, each), { force: true });
}

/** @throws SyntaxError, or what the form throws */
const parse = <T>(text: string, schema: KeptForm<T>): T => schema.parse(JSON.parse(text));

/** What the next read would set aside is not written at all. */
function asText<T>(value: T, schema: KeptForm<T>): string {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) throw new CloisterError('CL_INTERNAL', 'this is too large to be kept');
  try {
    parse(text, schema);
  } catch {
    throw new CloisterError('CL_INTERNAL', 'this could not be read again');
  }
  return text;
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
