// What can be chosen in the settings, and within which bounds: the same for the file that keeps it and for whoever asks over HTTP.
import * as z from 'zod';
import { LANGUAGES, LAYOUTS, TEXT_SIZES, THEMES } from '../kernel/panel-choices.ts';

/** Members of an object; what is left out stays as it is. */
export const choices = {
  roomLanguage: z.enum(LANGUAGES).exactOptional(),
  theme: z.enum(THEMES).exactOptional(),
  textSize: z.enum(TEXT_SIZES).exactOptional(),
  ringerPercent: z.int().min(0).max(100).exactOptional(),
  autoAnswer: z.strictObject({ on: z.boolean(), afterSeconds: z.int().min(0).max(60) }).exactOptional(),
  layout: z.enum(LAYOUTS).exactOptional(),
  selfView: z.boolean().exactOptional(),
  wipeDailyAt: z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/)
    .nullable()
    .exactOptional(),
  encryption: z.boolean().exactOptional()
};
