// Typed events. A listener that throws cannot harm the emitter or the other listeners: its error goes to onListenerError.

export type EventMap = Record<string, readonly unknown[]>;
export type Unsubscribe = () => void;

export type Events<M extends EventMap> = {
  on<K extends keyof M>(name: K, listener: (...args: M[K]) => void): Unsubscribe;
  emit<K extends keyof M>(name: K, ...args: M[K]): void;
};

/** The side of Events that is handed out: listen, but not emit. */
export type EventSource<M extends EventMap> = Pick<Events<M>, 'on'>;

export function createEvents<M extends EventMap>(onListenerError: (error: unknown, event: keyof M) => void): Events<M> {
  const listeners: { [K in keyof M]?: Set<(...args: M[K]) => void> } = {};
  return {
    on(name, listener) {
      const set = listeners[name] ?? new Set();
      listeners[name] = set;
      set.add(listener);
      return () => {
        set.delete(listener);
      };
    },
    emit(name, ...args) {
      for (const listener of [...(listeners[name] ?? [])]) {
        try {
          listener(...args);
        } catch (error) {
          onListenerError(error, name);
        }
      }
    }
  };
}
