// What a service tells a room under seal: where the relays are, and the login for them. Both ends use this one schema.
import * as z from 'zod';
import { parseServerAddress } from '../kernel/server-address.ts';

const form = z.object({
  urls: z
    .array(
      z
        .string()
        .max(300)
        .refine((url) => parseServerAddress(url) !== null)
    )
    .min(1)
    .max(8),
  username: z.string().min(1).max(512),
  credential: z.string().min(1).max(512),
  expiresAtMs: z.number().int().min(0)
});

export type RelayCredentials = z.infer<typeof form>;

export const writeCredentials = (credentials: RelayCredentials): string => JSON.stringify(credentials);

/** Null where it is something else. */
export function readCredentials(text: string): RelayCredentials | null {
  try {
    const parsed = form.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
