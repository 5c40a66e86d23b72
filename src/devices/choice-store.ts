// Which devices people chose, on disk. Only a choice writes it: a device that is away is chosen still (docs/adr/0023-device-identity.md).
import * as z from 'zod';
import type { KeptFile } from '../config/kept-file.ts';
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
export const keptChoices = z.strictObject({
  version: z.literal(1),
  chosen: z.strictObject({ camera: chosen, content: chosen, microphone: chosen, speaker: chosen }).partial()
});

/** The form of the file. */
export type KeptChoices = z.infer<typeof keptChoices>;
export const NO_CHOICES: KeptChoices = { version: 1, chosen: {} };

export const createChoiceStore = (file: KeptFile<KeptChoices>): ChoiceStore => ({
  read: async () => (await file.read()).chosen,
  write: (chosen) => file.write({ version: 1, chosen })
});
