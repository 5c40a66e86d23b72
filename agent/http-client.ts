// What the commands know of a running room: its local HTTP interface (protocol.md "Local HTTP interface"). Every failure is a CloisterError:
// the room's own code where it refused, CL_AGENT_UNREACHABLE where there is no room at the address.
import { type ErrorCode, errorCodes } from '../src/kernel/error-codes.ts';
import { CloisterError } from '../src/kernel/errors.ts';
import type { DeviceView, HidView, PersonView, RoomState, SettingsView } from '../src/room/state.ts';
import type { ReportView } from '../src/ui-server/port.ts';

/** What GET /api/v1/devices answers. */
export type DevicesDocument = { readonly media: readonly DeviceView[]; readonly hid: HidView; readonly volume: number };

/** What GET /api/v1/settings answers. */
export type SettingsDocument = SettingsView & { readonly encryption: boolean };

export type HttpClient = {
  state(): Promise<RoomState>;
  devices(): Promise<DevicesDocument>;
  /** The names under which positions of a camera are kept. */
  presets(id: string): Promise<readonly string[]>;
  settings(): Promise<SettingsDocument>;
  /** Whom the directory, the favourites and the recent calls know by these words. */
  search(query: string): Promise<readonly PersonView[]>;
  blocked(): Promise<readonly string[]>;
  reports(): Promise<readonly ReportView[]>;
  /** The bytes of a report. */
  report(id: string): Promise<Uint8Array>;
  patch(path: string, body: Readonly<Record<string, unknown>>): Promise<void>;
  /** @param path such as /api/v1/calls; the answer's document, undefined where it has none */
  post(path: string, body: Readonly<Record<string, unknown>>): Promise<unknown>;
};

const LIMIT_MS = 10_000;
const JSON_TYPE = { 'content-type': 'application/json' };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(errorCodes, code);

export const devicePath = (id: string, action: string): string => `/api/v1/devices/${encodeURIComponent(id)}/${action}`;

/** Only to a program of this machine: whoever has the token is the room's administrator. */
const isLoopback = (url: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);

/**
 * @param url the room's address, such as http://127.0.0.1:8480
 * @param readToken the token of the machine's programs, asked for where the room wants its administrator; null where this user may not read it
 */
export function createHttpClient(url: string, readToken: () => Promise<string | null> = async () => null): HttpClient {
  const unreachable = (why: string, cause?: unknown): CloisterError => new CloisterError('CL_AGENT_UNREACHABLE', `${why} at ${url}.`, { cause });

  const notARoom = (cause?: unknown): CloisterError => unreachable('What answers is not a room’s agent', cause);

  /** @returns what is no refusal. @throws CloisterError as the room refused, or CL_AGENT_UNREACHABLE */
  async function fetchBytes(path: string, init: RequestInit): Promise<{ readonly status: number; readonly type: string; readonly bytes: Buffer }> {
    let status: number;
    let type: string;
    let bytes: Buffer;
    try {
      const response = await fetch(new URL(path, url), { ...init, redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) });
      status = response.status;
      type = response.headers.get('content-type') ?? '';
      bytes = Buffer.from(await response.arrayBuffer());
    } catch (cause) {
      throw unreachable('No room’s agent answers', cause);
    }
    if (status < 400) return { status, type, bytes };
    const content = parsed(bytes);
    const { code, detail } = typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {};
    if (!isErrorCode(code)) throw notARoom();
    const headers = new Headers(init.headers);
    if ((code === 'CL_PIN_REQUIRED' || code === 'CL_PIN_NOT_SET') && !headers.has('authorization') && isLoopback(url)) {
      const token = await readToken();
      if (token !== null) {
        headers.set('authorization', `Bearer ${token}`);
        return fetchBytes(path, { ...init, headers });
      }
    }
    throw new CloisterError(code, typeof detail === 'string' ? detail : undefined);
  }

  function parsed(bytes: Buffer): unknown {
    try {
      return JSON.parse(bytes.toString());
    } catch (cause) {
      throw notARoom(cause);
    }
  }

  async function request(path: string, init: RequestInit): Promise<unknown> {
    const { status, bytes } = await fetchBytes(path, init);
    return status === 204 ? undefined : parsed(bytes);
  }

  /** One member of the answer, as far as it is a list of what is expected. */
  async function listOf<T>(path: string, name: string, isOne: (each: unknown) => boolean): Promise<readonly T[]> {
    const answer = await request(path, { method: 'GET' });
    const list = isObject(answer) ? answer[name] : undefined;
    if (!Array.isArray(list) || !list.every(isOne)) throw notARoom();
    return list;
  }

  return {
    async state() {
      const state = await request('/api/v1/state', { method: 'GET' });
      const isState = typeof state === 'object' && state !== null && 'room' in state && 'call' in state && 'network' in state;
      if (!isState) throw notARoom();
      return state as RoomState;
    },
    async devices() {
      const devices = await request('/api/v1/devices', { method: 'GET' });
      const isListing = typeof devices === 'object' && devices !== null && 'media' in devices && Array.isArray(devices.media) && 'hid' in devices;
      if (!isListing) throw notARoom();
      return devices as unknown as DevicesDocument;
    },
    presets: (id) => listOf<string>(devicePath(id, 'presets'), 'presets', isText),
    async settings() {
      const settings = await request('/api/v1/settings', { method: 'GET' });
      if (!isObject(settings) || !('language' in settings) || !('encryption' in settings)) throw notARoom();
      return settings as unknown as SettingsDocument;
    },
    search: (query) =>
      listOf<PersonView>(`/api/v1/directory?query=${encodeURIComponent(query)}`, 'people', (each) => isObject(each) && isText(each['account'])),
    blocked: () => listOf<string>('/api/v1/blocked', 'blocked', isText),
    reports: () => listOf<ReportView>('/api/v1/reports', 'reports', (each) => isObject(each) && isText(each['id'])),
    async report(id) {
      const { type, bytes } = await fetchBytes(`/api/v1/reports/${encodeURIComponent(id)}`, { method: 'GET' });
      if (type !== 'application/gzip') throw notARoom();
      return bytes;
    },
    async patch(path, body) {
      await request(path, { method: 'PATCH', headers: JSON_TYPE, body: JSON.stringify(body) });
    },
    post: (path, body) => request(path, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
  };
}
