// The administrator's session of this page. The room alone knows whether one holds: it is asked at the beginning, after each protected command, and when the
// session should have ended. What needs it calls `ask`, which lets the PIN be keyed in where there is none, and goes on afterwards.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import type { RoomState } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { PinSheet } from './pin-sheet.tsx';

type Session = { readonly administrator: boolean; readonly endsAt: string | null };

type Administrator = {
  /** null until the room has answered. */
  readonly holds: boolean | null;
  readonly endsAt: string | null;
  /** True as soon as a session holds; false where somebody closed the sheet. */
  readonly ask: () => Promise<boolean>;
  /** The sheet is open. */
  readonly asking: boolean;
  readonly changePin: () => void;
  /** Asks the room anew. */
  readonly refresh: () => Promise<Session>;
  readonly lock: () => Promise<void>;
};

const AdministratorContext = createContext<Administrator | null>(null);

/** A session's end is asked about a moment later, so that it is over. */
const AFTER_THE_END_MS = 300;
const LONGEST_TIMER_MS = 60_000;

export function AdministratorProvider({ admin, children }: { readonly admin: RoomState['admin']; readonly children: ReactNode }) {
  const { get, run } = useCommand();
  const [session, setSession] = useState<Session | null>(null);
  const [asking, setAsking] = useState<'session' | 'change' | null>(null);
  const waiting = useRef<((holds: boolean) => void)[]>([]);

  const refresh = useCallback(async () => {
    const now = (await get<Session>('/api/v1/session')) ?? { administrator: false, endsAt: null };
    setSession(now);
    return now;
  }, [get]);
  useEffect(() => void refresh(), [refresh]);

  const holds = session?.administrator ?? null;
  const endsAt = session?.endsAt ?? null;
  useEffect(() => {
    if (endsAt === null) return;
    const leftMs = Date.parse(endsAt) - Date.now() + AFTER_THE_END_MS;
    const timer = window.setTimeout(() => void refresh(), Math.min(LONGEST_TIMER_MS, Math.max(AFTER_THE_END_MS, leftMs)));
    return () => window.clearTimeout(timer);
  }, [endsAt, refresh]);

  const settle = useCallback((done: boolean) => {
    setAsking(null);
    for (const resolve of waiting.current.splice(0)) resolve(done);
  }, []);
  const ask = useCallback(async () => {
    // Whoever is quicker than the room's first answer waits for it.
    if (holds ?? (await refresh()).administrator) return true;
    const answer = new Promise<boolean>((resolve) => waiting.current.push(resolve));
    setAsking('session');
    return answer;
  }, [holds, refresh]);
  const lock = useCallback(async () => {
    await run('lock', '/api/v1/session/end');
    await refresh();
  }, [run, refresh]);
  const administrator = useMemo(
    () => ({ holds, endsAt, ask, asking: asking !== null, changePin: () => setAsking('change'), refresh, lock }),
    [holds, endsAt, ask, asking, refresh, lock]
  );

  return (
    <AdministratorContext value={administrator}>
      {children}
      {asking === null ? null : (
        <PinSheet admin={admin} change={asking === 'change'} onClose={() => settle(false)} onDone={() => void refresh().then(() => settle(true))} />
      )}
    </AdministratorContext>
  );
}

export function useAdministrator(): Administrator {
  const administrator = useContext(AdministratorContext);
  if (administrator === null) throw new Error('there is no AdministratorProvider above this component');
  return administrator;
}

type Command = ReturnType<typeof useCommand>;

/** Commands that need the administrator: the PIN is asked for first where no session holds. `runFreely` asks for nothing. */
export function useProtectedCommand(): Command & { readonly runFreely: Command['run'] } {
  const command = useCommand();
  const { ask, refresh } = useAdministrator();
  const run: Command['run'] = async (...given) => {
    if (!(await ask())) return false;
    const done = await command.run(...given);
    await refresh();
    return done;
  };
  return { ...command, run, runFreely: command.run };
}

type Read<T> = {
  readonly answer: T | null;
  readonly error: string | null;
  readonly code: string | null;
  readonly loading: boolean;
  readonly load: () => Promise<void>;
};

/** What the room answers to a question of the administrator: asked when the component appears, and again by `load`. */
export function useProtectedAnswer<T>(path: string): Read<T> {
  const { get, error, code, pending } = useCommand();
  const { refresh } = useAdministrator();
  const [answer, setAnswer] = useState<T | null>(null);
  const load = useCallback(async () => {
    setAnswer(await get<T>(path));
    await refresh();
  }, [get, path, refresh]);
  useEffect(() => void load(), [load]);
  return { answer, error, code, loading: pending !== null, load };
}
