// What the fuzzer's main thread and the thread that fires tell each other. The shot that is in the air stands in shared memory, so that it is known
// although the thread hangs.

export type FuzzTask = {
  readonly states: readonly string[];
  readonly seed: number;
  /** At each state. */
  readonly datagrams: number;
  /** Only this trial again; null for all. */
  readonly trial: number | null;
  readonly shared: SharedArrayBuffer;
};
export type FuzzReport = {
  readonly datagrams: number;
  readonly trials: number;
  readonly seconds: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** The most that was in use by one association at the end of a siege more than after half of it. */
  readonly grownBytes: number;
};
export type Finding = {
  readonly finding: string;
  readonly state: string;
  readonly datagrams: number;
  /** Null where no single one has shown it. */
  readonly trial: number | null;
  readonly lastShots: readonly { readonly how: string; readonly hex: string }[];
};
export type FuzzMessage =
  | { readonly begun: string }
  | { readonly state: string; readonly report: FuzzReport }
  | Finding
  /** The last one: what all states together have left in use. */
  | { readonly grownBytes: number };

const MAX_BYTES = 8_192;
const HEAD_WORDS = 3;

export type Watch = {
  fired(): number;
  trial(): number;
  last(): Buffer;
  note(trial: number, datagram: Buffer): void;
};

export const createSharedMemory = (): SharedArrayBuffer => new SharedArrayBuffer(4 * HEAD_WORDS + MAX_BYTES);

export function createWatch(shared: SharedArrayBuffer): Watch {
  const head = new Int32Array(shared, 0, HEAD_WORDS);
  const bytes = new Uint8Array(shared, 4 * HEAD_WORDS);
  return {
    fired: () => Atomics.load(head, 0),
    trial: () => Atomics.load(head, 1),
    last: () => Buffer.from(bytes.slice(0, Math.min(MAX_BYTES, Atomics.load(head, 2)))),
    note(trial, datagram) {
      bytes.set(datagram.subarray(0, MAX_BYTES));
      Atomics.store(head, 2, datagram.length);
      Atomics.store(head, 1, trial);
      Atomics.add(head, 0, 1);
    }
  };
}
