// The form of settings.json: what is not of it is set aside as damaged.
import * as z from 'zod';
import { LANGUAGES } from '../kernel/panel-choices.ts';
import { choices } from './port.ts';
import type { KeptSettings } from './room-settings.ts';

const instant = z.number().min(0).max(8.64e15);

export const keptSettings: z.ZodType<KeptSettings> = z.strictObject({
  visitors: z.strictObject({ language: z.enum(LANGUAGES), chosenAtMs: instant }).exactOptional(),
  ...choices,
  doNotDisturb: z.strictObject({ untilMs: instant.nullable() }).exactOptional(),
  wipedAtMs: instant.exactOptional()
});
