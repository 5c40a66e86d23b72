// What a panel elsewhere may ask before it is paired: the pages, which hold nothing of the room, and to sign in, which pairs it. Everything else needs its cookie.
// A panel that is removed loses what it has open, too. Invariant: no panel has more open than its page needs, so that it keeps no other one out.
import type { Request, RequestHandler, Response } from 'express';
import { CloisterError } from '../kernel/errors.ts';
import type { Scope } from '../kernel/scope.ts';
import { cookieOf } from './administrator.ts';
import type { AdminPort, PanelsPort } from './port.ts';

const PANEL_COOKIE = 'cloister_panel';
const YEAR_SECONDS = 365 * 24 * 60 * 60;
/** A browser opens six connections to one host (HTTP/1.1). */
const MOST_OPEN = 8;
const OPEN_PATHS: ReadonlySet<string> = new Set(['/', '/panel', '/api/v1/session', '/api/v1/session/end']);

/** Only ever sent over TLS. */
export const panelCookie = (token: string): string => `${PANEL_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=${YEAR_SECONDS}`;

export function panelOf(panels: PanelsPort, request: Request): string | null {
  const token = cookieOf(request, PANEL_COOKIE);
  return token === null ? null : panels.idOf(token);
}

export function pairedPanelsOnly(panels: PanelsPort, admin: AdminPort, scope: Scope): RequestHandler {
  const answering = new Map<string, Set<Response>>();
  scope.own(
    panels.on('removed', (id) => {
      for (const response of answering.get(id) ?? []) response.destroy();
    })
  );
  return (request, response, next) => {
    const id = panelOf(panels, request);
    if (id === null) {
      if (OPEN_PATHS.has(request.path) || request.path.startsWith('/panel/')) return next();
      throw new CloisterError('CL_PANEL_NOT_PAIRED');
    }
    // The first PIN is set in the room: after a reset a panel elsewhere must not be the quickest.
    if (request.path === '/api/v1/pin' && !admin.pinSet()) throw new CloisterError('CL_PIN_NOT_SET');
    const open = answering.get(id) ?? new Set();
    if (open.size >= MOST_OPEN) throw new CloisterError('CL_LISTENERS_FULL');
    answering.set(id, open.add(response));
    response.on('close', () => {
      open.delete(response);
      if (open.size === 0) answering.delete(id);
    });
    next();
  };
}
