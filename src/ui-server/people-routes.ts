// /api/v1/directory, favourites, recents and blocked: whom this room can call, called, and does not take calls from. Bodies are checked here, addresses by
// the room. Who is on the block list is the administrator's to read and to change; to decline and block is anybody's who is called.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import { CloisterError } from '../kernel/errors.ts';
import type { RoomPort } from './port.ts';
import { parseBody } from './request-body.ts';

const MAX_QUERY = 128;

const account = z.string().min(1).max(320);
const accountBody = z.strictObject({ account });
const favouriteBody = z.strictObject({ account, displayName: z.string().max(128).nullable().default(null) });
const recentBody = z.strictObject({ id: z.string().min(1).max(64) });
const emptyBody = z.strictObject({});

/** A command without an answer: the body as it should be, handed on. */
const command =
  <T extends z.ZodType>(schema: T, run: (body: z.output<T>) => Promise<void>): RequestHandler =>
  async (request, response) => {
    await run(parseBody(schema, request.body));
    response.status(204).end();
  };

/** The one parameter that is taken; what else is asked for is not understood. */
function queryOf(url: string): string {
  const { searchParams } = new URL(url, 'http://room.invalid');
  const [query = '', ...more] = searchParams.getAll('query');
  const others = [...searchParams.keys()].some((name) => name !== 'query');
  if (more.length > 0 || others || query.length > MAX_QUERY) {
    throw new CloisterError('CL_REQUEST_INVALID', `The address takes one "query" of at most ${MAX_QUERY} characters, and nothing else.`);
  }
  return query;
}

export function searchDirectory({ people }: RoomPort): RequestHandler {
  return async (request, response) => {
    response.json({ people: await people.search(queryOf(request.originalUrl)) });
  };
}

export const addFavourite = ({ people }: RoomPort): RequestHandler =>
  command(favouriteBody, ({ account: added, displayName }) => people.addFavourite(added, displayName));

export const removeFavourite = ({ people }: RoomPort): RequestHandler => command(accountBody, ({ account: removed }) => people.removeFavourite(removed));

export const removeRecent = ({ people }: RoomPort): RequestHandler => command(recentBody, ({ id }) => people.removeRecent(id));

export const seenRecents = ({ people }: RoomPort): RequestHandler => command(emptyBody, () => people.seen());

export const clearRoom = (room: RoomPort): RequestHandler => command(emptyBody, () => room.clearRoom());

export function listBlocked({ people }: RoomPort): RequestHandler {
  return (_request, response) => {
    response.json({ blocked: people.blocked() });
  };
}

export const blockAccount = ({ people }: RoomPort): RequestHandler => command(accountBody, ({ account: blocked }) => people.block(blocked));

export const unblockAccount = ({ people }: RoomPort): RequestHandler => command(accountBody, ({ account: unblocked }) => people.unblock(unblocked));
