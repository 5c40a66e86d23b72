// Who asks as the administrator: a browser by its session's cookie, a program of this machine by its token as a bearer. Fails closed: a cookie that comes
// twice is nobody's. That another site's page cannot use the session is the gate's work (gate.ts), and the cookie is SameSite=Strict besides.
import type { Request, RequestHandler } from 'express';
import { CloisterError } from '../kernel/errors.ts';
import type { AdminPort } from './port.ts';

const SESSION_COOKIE = 'cloister_session';

/** The cookie of that name; null where there is none, or more than one. */
export function cookieOf(request: Request, name: string): string | null {
  const values: string[] = [];
  for (const pair of (request.get('cookie') ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim());
  }
  const [only] = values;
  return values.length === 1 && only !== undefined && only !== '' ? only : null;
}

/** @param token null: the browser forgets it */
export function sessionCookie(request: Request, token: string | null): string {
  // Over plain HTTP on loopback a browser would not take a Secure one everywhere.
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', ...(request.secure ? ['Secure'] : []), ...(token === null ? ['Max-Age=0'] : [])];
  return [`${SESSION_COOKIE}=${token ?? ''}`, ...attributes].join('; ');
}

export const sessionOf = (request: Request): string | null => cookieOf(request, SESSION_COOKIE);

const bearerOf = (request: Request): string | null => /^Bearer ([A-Za-z0-9_-]{1,128})$/i.exec(request.get('authorization') ?? '')?.[1] ?? null;

function isAdministrator(admin: AdminPort, request: Request): boolean {
  return [sessionOf(request), bearerOf(request)].some((token) => token !== null && admin.holds(token));
}

/** @throws CloisterError CL_PIN_REQUIRED, CL_PIN_NOT_SET */
export function requireAdministrator(admin: AdminPort, request: Request): void {
  if (!isAdministrator(admin, request)) throw new CloisterError(admin.pinSet() ? 'CL_PIN_REQUIRED' : 'CL_PIN_NOT_SET');
}

/** In front of a route that is the administrator's alone. */
export function administrator(admin: AdminPort): RequestHandler {
  return (request, _response, next) => {
    requireAdministrator(admin, request);
    next();
  };
}

/** In front of a route that anybody may use as long as nobody has set a PIN. */
export function administratorWherePinIsSet(admin: AdminPort): RequestHandler {
  return (request, _response, next) => {
    if (admin.pinSet()) requireAdministrator(admin, request);
    next();
  };
}
