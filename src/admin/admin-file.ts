// admin.json: the PIN's hash and how often it was tried, for its owner only. A file that is there and cannot be used is `damaged` and never `none`: it would
// open the room to whoever sets the next PIN (docs/adr/0030-pin-and-sessions.md). So it is no kept file that is set aside. It stays as it is for a person.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { hasSystemCode } from '../kernel/errors.ts';
import { isPinHash } from './pin-hash.ts';

const tries = z.strictObject({
  /** Wrong ones, one after the other. */
  wrong: z.int().min(0).max(1_000_000),
  /** How long nobody may try, as it was when this was written. */
  waitMs: z.int().min(0).max(86_400_000)
});
const content = z.strictObject({ version: z.literal(1), pin: z.string().max(256).refine(isPinHash), tries: z.strictObject({ here: tries, network: tries }) });

export type KeptTries = z.output<typeof tries>;
/** `network`: over the remote panels' listener. Counted apart, so that nobody out there keeps the people in the room waiting. */
export type TryPlace = 'here' | 'network';
export type KeptPin = { readonly pin: string; readonly tries: Readonly<Record<TryPlace, KeptTries>> };
export type AdminRecord = KeptPin | 'none' | 'damaged';

export type AdminFile = {
  /** Never rejects. */
  read(): Promise<AdminRecord>;
  /** @throws the system's error; what was kept before is then still there */
  write(kept: KeptPin): Promise<void>;
};

const MAX_FILE_BYTES = 4096;
const OWNER_ONLY = 0o600;

export type AdminFileOptions = {
  readonly path: string;
  /** Replaces a file whole or not at all. */
  readonly writeFile: (path: string, content: string, mode: number) => Promise<void>;
};

export function createAdminFile({ path, writeFile }: AdminFileOptions): AdminFile {
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        return hasSystemCode(error, 'ENOENT') ? 'none' : 'damaged';
      }
      if (text.length > MAX_FILE_BYTES) return 'damaged';
      try {
        const { pin, tries: counted } = content.parse(JSON.parse(text));
        return { pin, tries: counted };
      } catch {
        return 'damaged';
      }
    },
    async write(kept) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${JSON.stringify({ version: 1, ...kept } satisfies z.input<typeof content>, null, 2)}\n`, OWNER_ONLY);
    }
  };
}
