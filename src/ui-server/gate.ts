// Who may ask: the room's own pages, programs on this machine, and nobody else's web page (DNS rebinding, cross-site requests). Pure.
// On the plain listener this and the loopback address are all that stands before the room, but for what is the administrator's; every check fails closed.
import { CloisterError } from '../kernel/errors.ts';
import { RequestRefused } from './problem.ts';

export type RequestFacts = {
  readonly method: string;
  readonly path: string;
  /** Every value of the header as it came: one that comes twice is ambiguous. */
  readonly host: readonly string[];
  readonly origin: readonly string[];
  readonly fetchSite: string | undefined;
  readonly contentType: string | undefined;
};

const SAFE_METHODS = new Set(['GET', 'HEAD']);
const WILDCARDS = new Set(['0.0.0.0', '::']);

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/**
 * The Host values under which this server may be addressed, lower case.
 * @param configured further ones (uiServer.allowedHosts), with or without a port
 */
export function allowedHostsOf(listen: { readonly host: string; readonly port: number }, configured: readonly string[]): ReadonlySet<string> {
  const own = ['127.0.0.1', 'localhost', '[::1]', ...(WILDCARDS.has(listen.host) ? [] : [bracketed(listen.host.toLowerCase())])];
  const names = [...own.map((name) => `${name}:${listen.port}`), ...configured, ...configured.map((name) => `${name}:${listen.port}`)];
  // RFC 9110 section 4.2.3: a browser leaves the scheme's own port away.
  return new Set(listen.port === 80 ? [...names, ...own] : names);
}

/** Those of a listener that is reached over TLS by the names in its certificate: a page that came to the same name without TLS may be anybody's. */
export function secureHostsOf(listen: { readonly host: string; readonly port: number }, names: readonly string[]): ReadonlySet<string> {
  const withPort = names.map((name) => `${name}:${listen.port}`);
  return new Set([...allowedHostsOf(listen, []), ...withPort, ...(listen.port === 443 ? names : [])]);
}

/** Where a browser on another machine opens the panel: a name that means the machine itself leads nowhere from there. @param names as in an address */
export function panelAddressesOf(port: number, names: readonly string[]): readonly string[] {
  const elsewhere = names.filter((name) => !/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(name));
  return elsewhere.map((name) => `https://${name}${port === 443 ? '' : `:${port}`}/panel/`);
}

/**
 * Why the request is refused; null where it may pass.
 * @param secure it came over TLS, and so must the page that sent it
 */
export function refusal(request: RequestFacts, allowedHosts: ReadonlySet<string>, secure = false): CloisterError | null {
  const [host, ...furtherHosts] = request.host;
  if (host === undefined || furtherHosts.length > 0 || !allowedHosts.has(host.toLowerCase())) {
    return new CloisterError('CL_FORBIDDEN_ORIGIN', 'The request’s Host is not a name of this room.');
  }
  if (!request.origin.every((origin) => isOwnOrigin(origin, allowedHosts) && !(secure && /^http:/i.test(origin))))
    return new CloisterError('CL_FORBIDDEN_ORIGIN');
  const changes = !SAFE_METHODS.has(request.method);
  // Fetch Metadata (W3C): `none` is a person who typed the address. Another port of this machine is same-site, not same-origin.
  const foreign = request.fetchSite !== undefined && request.fetchSite !== 'same-origin' && request.fetchSite !== 'none';
  if (foreign && (changes || request.path.startsWith('/api/'))) return new CloisterError('CL_FORBIDDEN_ORIGIN');
  // A form of another site cannot send JSON without asking first (Fetch, "CORS-safelisted request-header"), and that is never granted.
  if (changes && !/^application\/json *(?:;|$)/i.test(request.contentType ?? '')) {
    return new RequestRefused(415, 'CL_REQUEST_INVALID', 'A request that changes something must be application/json.');
  }
  return null;
}

function isOwnOrigin(origin: string, allowedHosts: ReadonlySet<string>): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return match?.[1] !== undefined && allowedHosts.has(match[1].toLowerCase());
}
