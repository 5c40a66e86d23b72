// Gives the room's state and commands to the components. A page mounts it once, at its root.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { CallView } from '../../room/state.ts';
import type { CallAction, CallActionOptions } from '../../ui-server/port.ts';
import { type CommandMethod, RoomClient, type RoomView } from './room-client.ts';
import { useTexts } from './use-texts.ts';

const RoomContext = createContext<RoomClient | null>(null);

/** A client on the browser's own EventSource and fetch. */
export function createBrowserRoomClient(): RoomClient {
  return new RoomClient({
    openEvents: (url) => new EventSource(url),
    fetch: (url, init) => fetch(url, init),
    clock: {
      schedule: (delayMs, run) => {
        const handle = window.setTimeout(run, delayMs);
        return { cancel: () => window.clearTimeout(handle) };
      }
    }
  });
}

export function RoomProvider({ client, children }: { readonly client: RoomClient; readonly children: ReactNode }) {
  return <RoomContext value={client}>{children}</RoomContext>;
}

export function useRoomClient(): RoomClient {
  const client = useContext(RoomContext);
  if (client === null) throw new Error('there is no RoomProvider above this component');
  return client;
}

export function useRoom(): RoomView {
  const client = useRoomClient();
  return useSyncExternalStore(client.subscribe, client.view);
}

type Command = {
  /** The command that is under way, so that its button can say so. */
  readonly pending: string | null;
  /** The room's sentence about why the last one was refused; null as soon as the next begins. */
  readonly error: string | null;
  /** The room's code of the same. */
  readonly code: string | null;
  /** Sends a command; `name` is what `pending` is meanwhile. True where the room did it. */
  readonly run: (name: string, path: string, body?: Readonly<Record<string, unknown>>, method?: CommandMethod) => Promise<boolean>;
  /** The same for a command that answers with something: its content, null where it was refused. */
  readonly ask: <T>(name: string, path: string, body?: Readonly<Record<string, unknown>>, method?: CommandMethod) => Promise<T | null>;
  /** Reads something; null where that was refused, and `error` says why. */
  readonly get: <T>(path: string) => Promise<T | null>;
  readonly clearError: () => void;
  readonly placeCall: (to: string) => Promise<boolean>;
  readonly setVolume: (percent: number) => Promise<boolean>;
  readonly act: (call: CallView, action: CallAction, body?: CallActionOptions) => Promise<boolean>;
};

/** Commands of one screen, with their error where the finger is. */
export function useCommand(): Command {
  const client = useRoomClient();
  const [pending, setPending] = useState<string | null>(null);
  const [code, setCode] = useState<string | null>(null);
  const t = useTexts();
  const send = useCallback(
    async <T,>(name: string, path: string, body?: Readonly<Record<string, unknown>>, method?: CommandMethod) => {
      setPending(name);
      setCode(null);
      const outcome = await client.command<T>(path, body, method);
      setPending(null);
      if (!outcome.ok) setCode(outcome.error.code);
      return outcome;
    },
    [client]
  );
  const run: Command['run'] = useCallback(async (...command) => (await send(...command)).ok, [send]);
  const ask: Command['ask'] = useCallback(
    async <T,>(...command: Parameters<Command['run']>) => {
      const outcome = await send<T>(...command);
      return outcome.ok ? outcome.value : null;
    },
    [send]
  );
  const get: Command['get'] = useCallback((path) => ask(`GET ${path}`, path, {}, 'GET'), [ask]);
  const clearError = useCallback(() => setCode(null), []);
  return {
    pending,
    error: code === null ? null : t.error(code),
    code,
    run,
    ask,
    get,
    clearError,
    placeCall: (to) => run('place-call', '/api/v1/calls', { to, media: { audio: true, video: true } }),
    setVolume: (percent) => run('volume', '/api/v1/devices/volume', { percent }),
    act: (call, action, body) => run(action, `/api/v1/calls/${encodeURIComponent(call.id)}/${action}`, body)
  };
}

/** The wall clock, in milliseconds since 1970, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  return now;
}
