// Bodies of requests: strict, and a refusal names what is wrong without repeating what was sent.
import type * as z from 'zod';
import { CloisterError } from '../kernel/errors.ts';

/** A request without a body is one with nothing in it. @throws CloisterError CL_REQUEST_INVALID naming the wrong members, but not their values */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const members = parsed.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'the body']));
  const named = [...new Set(members)].map((member) => JSON.stringify(member.slice(0, 64)));
  throw new CloisterError('CL_REQUEST_INVALID', `The request’s body is not of the required form; see ${named.slice(0, 8).join(', ')}.`);
}
