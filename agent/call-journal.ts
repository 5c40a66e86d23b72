// Which calls are running, on disk, so that an agent that starts again can end them (protocol.md "A call", last point). No secret is in it.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { JournalEntry } from '../src/call/call.ts';
import { writeFileAtomically } from '../src/config/atomic-file.ts';
import { UUID_PATTERN } from '../src/kernel/uuid.ts';

const entrySchema = z.object({ call: z.string().regex(UUID_PATTERN), peer: z.object({ account: z.string(), endpoint: z.string() }) });
/** A file of an agent from before there were several has one alone. */
const fileSchema = z.union([z.array(entrySchema).max(16), entrySchema.transform((entry) => [entry])]);

export type CallJournal = {
  /** None where no call was running, or the file is not readable as one. */
  read(): Promise<readonly JournalEntry[]>;
  /** All that run now. */
  write(entries: readonly JournalEntry[]): Promise<void>;
};

export function createCallJournal(path: string): CallJournal {
  // One write after the other, so that the last one asked for is the one that stays.
  let last: Promise<void> = Promise.resolve();
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch(() => '');
      try {
        return fileSchema.parse(JSON.parse(text));
      } catch {
        return [];
      }
    },
    write(entries) {
      last = last
        .catch(() => {})
        .then(async () => {
          if (entries.length === 0) return rm(path, { force: true });
          await mkdir(dirname(path), { recursive: true });
          await writeFileAtomically(path, JSON.stringify(entries));
        });
      return last;
    }
  };
}
