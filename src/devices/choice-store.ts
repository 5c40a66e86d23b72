// Which devices people chose, on disk. Only a choice writes it: a device that is away is chosen still (docs/adr/0023-device-identity.md).
import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { Log } from '../kernel/log.ts';
import type { DeviceKind } from '../room/state.ts';
import type { KnownDevice } from './identity.ts';

/** `id`: the one under which it was chosen. */
export type ChosenDevice = KnownDevice & { readonly id: string };
export type Choices = Readonly<Partial<Record<DeviceKind, ChosenDevice | undefined>>>;

export type ChoiceStore = {
  /** A file that cannot be read is set aside, and nothing is chosen: never rejects. */
  read(): Promise<Choices>;
  /** @throws the system's error; what was chosen before is then still on disk */
  write(choices: Choices): Promise<void>;
};

const text = z.string().max(256);
const chosen = z.strictObject({ id: text, model: text, serial: text.nullable(), name: text, port: text.nullable(), part: text, portDecides: z.boolean() });
const fileSchema = z.strictObject({
  version: z.literal(1),
  chosen: z.strictObject({ camera: chosen, content: chosen, microphone: chosen, speaker: chosen }).partial()
});

export type ChoiceStoreOptions = {
  readonly path: string;
  /** Replaces a file whole or not at all. */
  readonly writeFile: (path: string, content: string) => Promise<void>;
  readonly log: Log;
};

export function createChoiceStore({ path, writeFile, log }: ChoiceStoreOptions): ChoiceStore {
  async function setAside(error: unknown): Promise<void> {
    const aside = `${path}.damaged`;
    const failure = await rename(path, aside).then(
      () => null,
      (reason: unknown) => reason
    );
    log.warn('the file of chosen devices cannot be used and is set aside: choose again', {
      path,
      aside,
      error: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
      ...(failure === null ? {} : { failure: String(failure) })
    });
  }

  return {
    async read() {
      try {
        return fileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).chosen;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) await setAside(error);
        return {};
      }
    },
    async write(choices) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${JSON.stringify({ version: 1, chosen: choices }, null, 2)}\n`);
    }
  };
}
