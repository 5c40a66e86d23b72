// The routes: what is asked for is looked at in this order: who asks (gate.ts), which route, which method, which body. Every answer carries
// the security headers; every refusal is a problem (problem.ts). Nothing of a request's content is logged.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { CloisterError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { actOnCall, displayTicket, placeCall } from './call-routes.ts';
import { compareCode, speakCode } from './code-routes.ts';
import { chooseDevice, commandCamera, listDevices, listPresets, setVolume } from './device-routes.ts';
import type { EventStream } from './event-stream.ts';
import { refusal } from './gate.ts';
import { metricsText } from './metrics.ts';
import type { RoomPort } from './port.ts';
import { problemOf, sendProblem } from './problem.ts';

const MAX_BODY_BYTES = 16 * 1024;

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'self'",
    // The code that is read out comes as an answer to a POST, which no address could be played of.
    "media-src 'self' blob:",
    // The display's feed is a WebSocket of the media process, on a port of its own. CSP has no way to name an IPv6 address.
    "connect-src 'self' ws://127.0.0.1:*",
    // The pages make style elements that are empty (this is the hash of nothing) and add rules to them by CSSOM, which CSP allows.
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "object-src 'none'"
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()'
};

export type AppOptions = {
  readonly room: RoomPort;
  readonly events: EventStream;
  readonly allowedHosts: ReadonlySet<string>;
  readonly uiDirectory: string;
  readonly log: Log;
};

export function createApp({ room, events, allowedHosts, uiDirectory, log }: AppOptions): Express {
  const app = express();
  for (const setting of ['x-powered-by', 'etag', 'query parser']) app.disable(setting);
  for (const setting of ['case sensitive routing', 'strict routing']) app.enable(setting);

  app.use((request, response, next) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    response.setHeader('cache-control', 'no-store');
    const { host = [], origin = [] } = request.headersDistinct;
    const refused = refusal(
      {
        method: request.method,
        path: request.path,
        host,
        origin,
        fetchSite: request.get('sec-fetch-site'),
        contentType: request.get('content-type')
      },
      allowedHosts
    );
    next(refused ?? undefined);
  });

  const body = express.json({ limit: MAX_BODY_BYTES, inflate: false, type: () => true });
  const route = (path: string, method: 'get' | 'post', ...handlers: RequestHandler[]): void => {
    const allowed = method === 'get' ? 'GET, HEAD' : 'POST';
    app
      .route(path)
      [method](...handlers)
      .all(onlyMethods(allowed));
  };
  route('/', 'get', (_request, response) => response.redirect(302, '/panel/'));
  route('/api/v1/state', 'get', (_request, response) => void response.json(room.state()));
  route('/api/v1/events', 'get', (request, response) => events.serve(request, response));
  route('/api/v1/calls', 'post', body, placeCall(room));
  route('/api/v1/calls/:id/compare-code', 'post', body, compareCode(room) as RequestHandler);
  route('/api/v1/calls/:id/speak-code', 'post', body, speakCode(room) as RequestHandler);
  route('/api/v1/calls/:id/:action', 'post', body, actOnCall(room) as RequestHandler);
  route('/api/v1/devices', 'get', listDevices(room));
  route('/api/v1/devices/choose', 'post', body, chooseDevice(room));
  route('/api/v1/devices/volume', 'post', body, setVolume(room));
  route('/api/v1/devices/:id/presets', 'get', listPresets(room) as RequestHandler);
  route('/api/v1/devices/:id/:action', 'post', body, commandCamera(room) as RequestHandler);
  route('/api/v1/display/ticket', 'post', body, displayTicket(room));
  route('/healthz', 'get', (_request, response) => {
    if (!room.healthy()) throw new CloisterError('CL_UNHEALTHY');
    response.json({ status: room.state().health.status });
  });
  route('/metrics', 'get', (_request, response) => {
    response.type('text/plain; version=0.0.4; charset=utf-8').send(metricsText(room.state(), events.listeners));
  });
  for (const page of ['panel', 'display']) app.use(`/${page}`, servePage(join(uiDirectory, page)));

  app.use(() => {
    throw new CloisterError('CL_NOT_FOUND');
  });
  app.use(answerError(log));
  return app;
}

const onlyMethods =
  (allowed: string): RequestHandler =>
  (_request, response) => {
    response.setHeader('allow', allowed);
    throw new CloisterError('CL_METHOD_NOT_ALLOWED');
  };

/** A built page's folder. Its assets carry a hash in their names and may be kept; the page itself is asked for each time. */
function servePage(directory: string): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.use((request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') next();
    else onlyMethods('GET, HEAD')(request, response, next);
  });
  router.use(
    express.static(directory, {
      cacheControl: false,
      dotfiles: 'ignore',
      setHeaders: (response, path) => {
        const hashed = /[\\/]assets[\\/][^\\/]+-[\w-]{8,}\.\w+$/.test(path);
        response.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      }
    })
  );
  router.use(async (request, _response, next) => {
    if (request.path !== '/') return next();
    const built = await access(join(directory, 'index.html')).then(
      () => true,
      () => false
    );
    next(built ? undefined : new CloisterError('CL_UI_NOT_BUILT'));
  });
  return router;
}

/** Express knows an error handler by its four parameters. */
const answerError =
  (log: Log): ErrorRequestHandler =>
  (error, request, response, _next) => {
    const problem = problemOf(error);
    if (problem.code === 'CL_INTERNAL') log.error('a request failed', { method: request.method, error: String(error) });
    else log.debug('a request was refused', { method: request.method, code: problem.code });
    // An answer that has begun cannot become another one.
    if (response.headersSent) response.destroy();
    else sendProblem(response, problem);
  };
