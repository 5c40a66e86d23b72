// Which call is running, on disk, so that an agent that starts again can end it (protocol.md "A call", last point). No secret is in it.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { writeFileAtomically } from '../src/config/atomic-file.ts';
import { UUID_PATTERN } from '../src/kernel/uuid.ts';
import type { Party } from '../src/signaling/port.ts';

const entrySchema = z.object({ call: z.string().regex(UUID_PATTERN), peer: z.object({ account: z.string(), endpoint: z.string() }) });

type JournalEntry = { readonly call: string; readonly peer: Party };

export type CallJournal = {
  /** Null where no call was running, or the file is not readable as one. */
  read(): Promise<JournalEntry | null>;
  write(entry: JournalEntry | null): Promise<void>;
};

export function createCallJournal(path: string): CallJournal {
  // One write after the other, so that the last one asked for is the one that stays.
  let last: Promise<void> = Promise.resolve();
  return {
    async read() {
      const text = await readFile(path, 'utf8').catch(() => '');
      try {
        return entrySchema.parse(JSON.parse(text));
      } catch {
        return null;
      }
    },
    write(entry) {
      last = last
        .catch(() => {})
        .then(async () => {
          if (entry === null) return rm(path, { force: true });
          await mkdir(dirname(path), { recursive: true });
          await writeFileAtomically(path, JSON.stringify(entry));
        });
      return last;
    }
  };
}
