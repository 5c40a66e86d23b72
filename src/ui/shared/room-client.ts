// The page's line to the room: the state comes in as server-sent events, commands go out by POST (protocol.md "Local HTTP interface").
// Invariants: the state is the room's own document or null, never guessed; `online` is false within two seconds of the room going silent,
// be it gone (the stream breaks) or frozen (the probe is not answered); after it nothing but the room's word makes it true again.
import { applyPatch, type Operation } from 'rfc6902';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { RoomState } from '../../room/state.ts';

export type RoomView = { readonly state: RoomState | null; readonly online: boolean };

type CommandProblem = { readonly code: string };
/** GET reads and sends no body. */
export type CommandMethod = 'POST' | 'PATCH' | 'GET';

type CommandOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: CommandProblem };

/** What is used of the browser's EventSource. */
export type EventStream = Pick<EventSource, 'readyState' | 'close'> & {
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
};

type RoomClientOptions = {
  readonly openEvents: (url: string) => EventStream;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Pick<Clock, 'schedule'>;
};

const STREAM_CLOSED = 2; // EventSource.CLOSED: the browser gave up, nobody else will try again
const PROBE_PERIOD_MS = 400;
const PROBE_LIMIT_MS = 800; // period and limit together stay well below the two seconds of touch-panel.md "Behaviour"
const REOPEN_MS = 500;
const COMMAND_LIMIT_MS = 10_000;

/** The state after an RFC 6902 patch; null where the patch does not fit, so that a full snapshot is needed. */
export function applyStatePatch(state: RoomState, patch: unknown): RoomState | null {
  if (!Array.isArray(patch)) return null;
  const next = structuredClone(state);
  try {
    return applyPatch(next, patch as Operation[]).every((failure) => failure === null) ? next : null;
  } catch {
    return null; // an operation that is not one
  }
}

export class RoomClient {
  readonly #options: RoomClientOptions;
  readonly #listeners = new Set<() => void>();
  #view: RoomView = { state: null, online: false };
  #stream: EventStream | null = null;
  #events = '/api/v1/events';
  #silent = false; // the last probe was not answered
  readonly #timers = new Map<'probe' | 'reopen', Timer>();
  #closed = false;

  constructor(options: RoomClientOptions) {
    this.#options = options;
  }

  start(): void {
    this.#open();
    this.#scheduleProbe();
  }

  /** What this page is, told by asking for the events anew; what is shown meanwhile stays. @param what such as `page=display` */
  sayWhatItIs(what: string): void {
    this.#events = `/api/v1/events?${what}`;
    if (this.#stream !== null) this.#open();
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#stream?.close();
    this.#show({ state: null, online: false });
  }

  /** The same object until something changes, as React's useSyncExternalStore wants it. */
  readonly view = (): RoomView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sends a command or a question. Never throws: a refusal carries the room's error code, `CL_AGENT_UNREACHABLE` where there was no answer. */
  async command<T = undefined>(path: string, body: Readonly<Record<string, unknown>> = {}, method: CommandMethod = 'POST'): Promise<CommandOutcome<T>> {
    const sent = method === 'GET' ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    try {
      const response = await this.#options.fetch(path, {
        method,
        ...sent,
        signal: AbortSignal.timeout(COMMAND_LIMIT_MS)
      });
      const answer: unknown = await contentOf(response);
      return response.ok ? { ok: true, value: answer as T } : { ok: false, error: { code: codeOf(answer) } };
    } catch {
      return { ok: false, error: { code: 'CL_AGENT_UNREACHABLE' } };
    }
  }

  #open(): void {
    if (this.#closed) return;
    this.#stream?.close();
    const stream = this.#options.openEvents(this.#events);
    this.#stream = stream;
    const whenCurrent = (handle: (data: unknown) => void) => (event: { readonly data?: unknown }) => {
      if (this.#stream === stream && !this.#closed) handle(event.data);
    };
    stream.addEventListener(
      'state',
      whenCurrent((data) => {
        const state = parseJson(data);
        if (state !== undefined) this.#show({ state: state as RoomState, online: true });
      })
    );
    stream.addEventListener(
      'patch',
      whenCurrent((data) => {
        const state = this.#view.state === null ? null : applyStatePatch(this.#view.state, parseJson(data));
        if (state === null) this.#reopenNow();
        else this.#show({ state, online: true });
      })
    );
    // The browser resumes by Last-Event-ID; where nothing changed meanwhile, no event would tell that the state holds again.
    stream.addEventListener(
      'open',
      whenCurrent(() => {
        if (this.#view.state !== null) this.#show({ ...this.#view, online: true });
      })
    );
    stream.addEventListener(
      'error',
      whenCurrent(() => {
        this.#show({ ...this.#view, online: false });
        if (stream.readyState === STREAM_CLOSED) this.#schedule('reopen', REOPEN_MS, () => this.#open());
      })
    );
  }

  /** Asks for everything anew: what is shown until then is not certain, so it is not shown. */
  #reopenNow(): void {
    this.#show({ state: null, online: false });
    this.#open();
  }

  #scheduleProbe(): void {
    this.#schedule('probe', PROBE_PERIOD_MS, () => void this.#probe());
  }

  /** A frozen room keeps its connections open; only a question that is not answered shows it. */
  async #probe(): Promise<void> {
    const limit = new AbortController();
    const timer = this.#options.clock.schedule(PROBE_LIMIT_MS, () => limit.abort());
    const answered = await this.#options.fetch('/healthz', { method: 'GET', cache: 'no-store', signal: limit.signal }).then(
      () => true, // whatever the room says of its health: it answers
      () => false
    );
    timer.cancel();
    if (this.#closed) return;
    if (!answered) this.#show({ ...this.#view, online: false });
    else if (this.#silent) this.#reopenNow();
    this.#silent = !answered;
    this.#scheduleProbe();
  }

  #schedule(name: 'probe' | 'reopen', delayMs: number, run: () => void): void {
    this.#timers.get(name)?.cancel();
    this.#timers.set(name, this.#options.clock.schedule(delayMs, run));
  }

  #show(view: RoomView): void {
    if (view.state === this.#view.state && view.online === this.#view.online) return;
    this.#view = view;
    for (const listener of [...this.#listeners]) listener();
  }
}

function parseJson(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}

/** What is no text of JSON, such as sound, is given as its bytes. */
async function contentOf(response: Response): Promise<unknown> {
  const isJson = /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get('content-type') ?? '');
  const content = isJson ? await response.text() : await response.arrayBuffer();
  if (typeof content === 'string') return content === '' ? undefined : JSON.parse(content);
  return content.byteLength === 0 ? undefined : content;
}

function codeOf(content: unknown): string {
  return typeof content === 'object' && content !== null && 'code' in content && typeof content.code === 'string' ? content.code : 'CL_INTERNAL';
}
