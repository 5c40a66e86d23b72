// What the commands know of a running room: its local HTTP interface (protocol.md "Local HTTP interface"). Every failure is a CloisterError:
// the room's own code where it refused, CL_AGENT_UNREACHABLE where there is no room at the address.
import { type ErrorCode, errorCodes } from '../src/kernel/error-codes.ts';
import { CloisterError } from '../src/kernel/errors.ts';
import type { DeviceView, HidView, RoomState } from '../src/room/state.ts';

/** What GET /api/v1/devices answers. */
export type DevicesDocument = { readonly media: readonly DeviceView[]; readonly hid: HidView; readonly volume: number };

export type HttpClient = {
  state(): Promise<RoomState>;
  devices(): Promise<DevicesDocument>;
  /** The names under which positions of a camera are kept. */
  presets(id: string): Promise<readonly string[]>;
  /** @param path such as /api/v1/calls; the answer's document, undefined where it has none */
  post(path: string, body: Readonly<Record<string, unknown>>): Promise<unknown>;
};

const LIMIT_MS = 10_000;

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

  async function request(path: string, init: RequestInit): Promise<unknown> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(new URL(path, url), { ...init, redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) });
      status = response.status;
      text = await response.text();
    } catch (cause) {
      throw unreachable('No room’s agent answers', cause);
    }
    if (status === 204) return undefined;
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (cause) {
      throw unreachable('What answers is not a room’s agent', cause);
    }
    if (status < 400) return content;
    const { code, detail } = typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : {};
    if (!isErrorCode(code)) throw unreachable('What answers is not a room’s agent');
    const headers = new Headers(init.headers);
    if (code === 'CL_PIN_REQUIRED' && !headers.has('authorization') && isLoopback(url)) {
      const token = await readToken();
      if (token !== null) {
        headers.set('authorization', `Bearer ${token}`);
        return request(path, { ...init, headers });
      }
    }
    throw new CloisterError(code, typeof detail === 'string' ? detail : undefined);
  }

  return {
    async state() {
      const state = await request('/api/v1/state', { method: 'GET' });
      const isState = typeof state === 'object' && state !== null && 'room' in state && 'call' in state && 'network' in state;
      if (!isState) throw unreachable('What answers is not a room’s agent');
      return state as RoomState;
    },
    async devices() {
      const devices = await request('/api/v1/devices', { method: 'GET' });
      const isListing = typeof devices === 'object' && devices !== null && 'media' in devices && Array.isArray(devices.media) && 'hid' in devices;
      if (!isListing) throw unreachable('What answers is not a room’s agent');
      return devices as unknown as DevicesDocument;
    },
    async presets(id) {
      const answer = await request(devicePath(id, 'presets'), { method: 'GET' });
      const { presets } = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {};
      if (!Array.isArray(presets) || !presets.every((name) => typeof name === 'string')) throw unreachable('What answers is not a room’s agent');
      return presets;
    },
    post: (path, body) => request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  };
}
