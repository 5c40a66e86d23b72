// The form of settings.json: what is not of it is set aside as damaged.
import * as z from 'zod';
import { LANGUAGES, LAYOUTS, TEXT_SIZES, THEMES } from '../kernel/panel-choices.ts';
import type { KeptSettings } from './room-settings.ts';

const instant = z.number().min(0).max(8.64e15);

export const keptSettings: z.ZodType<KeptSettings> = z.strictObject({
  visitors: z.strictObject({ language: z.enum(LANGUAGES), chosenAtMs: instant }).exactOptional(),
  roomLanguage: z.enum(LANGUAGES).exactOptional(),
  theme: z.enum(THEMES).exactOptional(),
  textSize: z.enum(TEXT_SIZES).exactOptional(),
  ringerPercent: z.int().min(0).max(100).exactOptional(),
  doNotDisturb: z.strictObject({ untilMs: instant.nullable() }).exactOptional(),
  autoAnswer: z.strictObject({ on: z.boolean(), afterSeconds: z.int().min(0).max(60) }).exactOptional(),
  layout: z.enum(LAYOUTS).exactOptional(),
  selfView: z.boolean().exactOptional(),
  wipeDailyAt: z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/)
    .nullable()
    .exactOptional(),
  encryption: z.boolean().exactOptional(),
  wipedAtMs: instant.exactOptional()
});
