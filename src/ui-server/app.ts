// The routes: what is asked for is looked at in this order: who asks (gate.ts), which route, which method, which body. Every answer carries
// the security headers; every refusal is a problem (problem.ts). Nothing of a request's content is logged.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { CloisterError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import {
  downloadDiagnostics,
  downloadReport,
  listPanels,
  listReportNumbers,
  listReports,
  makeReport,
  removePanel,
  restartAgent,
  setPin,
  showLogs,
  showSession,
  signIn,
  signOut,
  silenceProblem
} from './admin-routes.ts';
import { administrator, administratorWherePinIsSet } from './administrator.ts';
import { actOnCall, displayTicket, placeCall, retrieveCall } from './call-routes.ts';
import { compareCode, speakCode } from './code-routes.ts';
import { chooseDevice, commandCamera, listDevices, listPresets, setVolume } from './device-routes.ts';
import type { EventStream } from './event-stream.ts';
import { refusal } from './gate.ts';
import { metricsText } from './metrics.ts';
import {
  addFavourite,
  blockAccount,
  clearRoom,
  listBlocked,
  removeFavourite,
  removeRecent,
  searchDirectory,
  seenRecents,
  unblockAccount
} from './people-routes.ts';
import { listShareSources, previewTicket, selfViewTicket, showCode, startTest, stopTest } from './picture-routes.ts';
import type { PanelsPort, RoomPort } from './port.ts';
import { problemOf, sendProblem } from './problem.ts';
import { changeSettings, readSettings, tryRinger } from './settings-routes.ts';

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
  /** Those that are paired; null where none can be. */
  readonly panels: PanelsPort | null;
  /** Where panels elsewhere find this one; none where nobody can. */
  readonly panelAddresses: () => readonly string[];
  /** In front of all but what the gate refuses: on the listener of the panels elsewhere. */
  readonly onlyPaired: RequestHandler | null;
  readonly log: Log;
};

export function createApp({ room, events, allowedHosts, uiDirectory, panels, panelAddresses, onlyPaired, log }: AppOptions): Express {
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
      allowedHosts,
      onlyPaired !== null
    );
    next(refused ?? undefined);
  });

  if (onlyPaired !== null) app.use(onlyPaired);
  const elsewhere = onlyPaired === null ? null : panels;
  const needsAdministrator = administrator(room.admin);
  const body = express.json({ limit: MAX_BODY_BYTES, inflate: false, type: () => true });
  type Handlers = { readonly get?: readonly RequestHandler[]; readonly post?: readonly RequestHandler[]; readonly patch?: readonly RequestHandler[] };
  const routes = (path: string, { get, post, patch }: Handlers): void => {
    const at = app.route(path);
    if (get !== undefined) at.get(...get);
    if (post !== undefined) at.post(...post);
    if (patch !== undefined) at.patch(...patch);
    const allowed = [...(get === undefined ? [] : ['GET, HEAD']), ...(post === undefined ? [] : ['POST']), ...(patch === undefined ? [] : ['PATCH'])];
    at.all(onlyMethods(allowed.join(', ')));
  };
  const route = (path: string, method: keyof Handlers, ...handlers: RequestHandler[]): void => routes(path, { [method]: handlers });
  route('/', 'get', (_request, response) => response.redirect(302, '/panel/'));
  route('/api/v1/state', 'get', (_request, response) => void response.json(room.state()));
  route('/api/v1/events', 'get', (request, response) => events.serve(request, response, elsewhere !== null));
  route('/api/v1/calls', 'post', body, placeCall(room));
  route('/api/v1/calls/retrieve', 'post', body, retrieveCall(room));
  route('/api/v1/calls/:id/compare-code', 'post', body, compareCode(room) as RequestHandler);
  route('/api/v1/calls/:id/speak-code', 'post', body, speakCode(room) as RequestHandler);
  route('/api/v1/calls/:id/:action', 'post', body, actOnCall(room) as RequestHandler);
  route('/api/v1/devices', 'get', listDevices(room));
  route('/api/v1/devices/choose', 'post', body, administratorWherePinIsSet(room.admin), chooseDevice(room));
  route('/api/v1/devices/volume', 'post', body, setVolume(room));
  route('/api/v1/devices/test-stop', 'post', body, stopTest(room));
  route('/api/v1/devices/:id/test-start', 'post', body, startTest(room) as RequestHandler);
  route('/api/v1/devices/:id/presets', 'get', listPresets(room) as RequestHandler);
  route('/api/v1/devices/:id/:action', 'post', body, commandCamera(room) as RequestHandler);
  route('/api/v1/display/code', 'post', body, showCode(room));
  route('/api/v1/share-sources', 'get', listShareSources(room));
  route('/api/v1/directory', 'get', searchDirectory(room));
  route('/api/v1/favourites', 'post', body, addFavourite(room));
  route('/api/v1/favourites/remove', 'post', body, removeFavourite(room));
  route('/api/v1/recents/remove', 'post', body, removeRecent(room));
  route('/api/v1/recents/seen', 'post', body, seenRecents(room));
  routes('/api/v1/blocked', { get: [needsAdministrator, listBlocked(room)], post: [needsAdministrator, body, blockAccount(room)] });
  route('/api/v1/blocked/remove', 'post', needsAdministrator, body, unblockAccount(room));
  routes('/api/v1/settings', { get: [readSettings(room)], patch: [body, changeSettings(room)] });
  route('/api/v1/settings/ringer/try', 'post', body, tryRinger(room));
  route('/api/v1/clear-room', 'post', body, clearRoom(room));
  routes('/api/v1/session', { get: [showSession(room)], post: [body, signIn(room, elsewhere)] });
  route('/api/v1/session/end', 'post', body, signOut(room));
  route('/api/v1/pin', 'post', body, setPin(room, elsewhere));
  routes('/api/v1/reports', { get: [needsAdministrator, listReports(room)], post: [body, makeReport(room)] });
  route('/api/v1/reports/numbers', 'get', listReportNumbers(room));
  route('/api/v1/reports/:id', 'get', needsAdministrator, downloadReport(room) as RequestHandler);
  route('/api/v1/diagnostics', 'get', needsAdministrator, downloadDiagnostics(room));
  route('/api/v1/logs', 'get', needsAdministrator, showLogs(room));
  route('/api/v1/health/silence', 'post', body, silenceProblem(room));
  route('/api/v1/restart', 'post', needsAdministrator, body, restartAgent(room));
  if (elsewhere === null) {
    // Of pictures that are on this device's loopback alone; a few are open at a time, and none of them is for somebody who can do nothing with it.
    route('/api/v1/display/ticket', 'post', body, displayTicket(room));
    route('/api/v1/self-view/ticket', 'post', body, selfViewTicket(room));
    route('/api/v1/devices/preview-ticket', 'post', body, previewTicket(room));
  }
  if (panels !== null) {
    route('/api/v1/panels', 'get', needsAdministrator, listPanels(panels, panelAddresses));
    route('/api/v1/panels/remove', 'post', needsAdministrator, body, removePanel(panels));
  }
  route('/healthz', 'get', (_request, response) => {
    if (!room.healthy()) throw new CloisterError('CL_UNHEALTHY');
    response.json({ status: room.state().health.status });
  });
  route('/metrics', 'get', (_request, response) => {
    response.type('text/plain; version=0.0.4; charset=utf-8').send(metricsText(room.state(), events.listeners));
  });
  for (const page of elsewhere === null ? ['panel', 'display'] : ['panel']) app.use(`/${page}`, servePage(join(uiDirectory, page)));

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
