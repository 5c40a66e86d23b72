// A value that is kept somewhere, as the file of KeptFile: what is asked of it comes one after the other, and each change begins with what the one
// before made. Invariant: what a person changes is kept before it is shown or confirmed, so that nothing which was confirmed is lost by a process that dies.
import type { Result } from './result.ts';

export type KeptValue<T> = {
  readonly current: T;
  /** Begins with what was kept. */
  load(): Promise<void>;
  /**
   * @param anyway what is so whether or not it can be kept, such as a call that was: shown first
   * @throws what the change refuses, or why it cannot be kept: then nothing has changed, unless `anyway`
   */
  change(make: (value: T) => Result<T>, anyway?: boolean): Promise<void>;
  /** Does something while no change is on its way. */
  between(work: () => Promise<void>): Promise<void>;
};

export type KeptValueOptions<T> = {
  readonly initial: T;
  readonly store: { read(): Promise<T>; write(value: T): Promise<void> };
  /** Called with what was before, after each change. */
  readonly changed: (before: T) => void;
};

export function createKeptValue<T>({ initial, store, changed }: KeptValueOptions<T>): KeptValue<T> {
  let current = initial;
  let last: Promise<void> = Promise.resolve();
  const between = (work: () => Promise<void>): Promise<void> => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
  const become = (next: T): void => {
    const before = current;
    current = next;
    changed(before);
  };
  return {
    get current() {
      return current;
    },
    load: () => between(async () => become(await store.read())),
    change: (make, anyway = false) =>
      between(async () => {
        const made = make(current);
        if (!made.ok) throw made.error;
        const next = made.value;
        if (next === current) return;
        if (anyway) become(next);
        await store.write(next);
        if (!anyway) become(next);
      }),
    between
  };
}
