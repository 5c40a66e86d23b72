// The form of people.json: what is not of it is set aside as damaged. Accounts are private, so that the file is its owner's alone and no word of it is logged.
import * as z from 'zod';
import { isAccount } from '../kernel/address.ts';
import { MAX_NAME } from '../kernel/shown-name.ts';
import { MAX_BLOCKED, MAX_ENDPOINTS, MAX_FAVOURITES, MAX_RECENTS, type PeopleBook } from './people-book.ts';

const account = z.string().max(254).refine(isAccount);
const displayName = z
  .string()
  .min(1)
  .max(MAX_NAME * 2);

const favourite = z.strictObject({
  account,
  displayName: displayName.nullable(),
  endpoints: z.array(z.string().regex(/^[a-z2-7]{26}$/)).max(MAX_ENDPOINTS)
});

const call = z.strictObject({
  id: z.string().min(1).max(64),
  account,
  displayName,
  direction: z.enum(['outgoing', 'incoming']),
  outcome: z.enum(['talked', 'missed', 'declined', 'not-answered', 'failed']),
  at: z.iso.datetime(),
  durationMs: z.number().min(0),
  encryption: z.enum(['end-to-end-verified', 'end-to-end', 'standard', 'failed']).nullable(),
  seen: z.boolean()
});

export const keptPeople: z.ZodType<PeopleBook> = z.strictObject({
  favourites: z.array(favourite).max(MAX_FAVOURITES),
  recents: z.array(call).max(MAX_RECENTS),
  blocked: z.array(account).max(MAX_BLOCKED)
});
