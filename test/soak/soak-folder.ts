// What the soak and the processes that it watches tell each other, through files in one folder.

/** Names of environment variables. */
export const SOAK_FOLDER = 'CLOISTER_SOAK_FOLDER';
export const SOAK_SEED = 'CLOISTER_SOAK_SEED';

/** What each media process's datagrams meet, in each direction. */
export type PathFault = { readonly lossRate: number; readonly delayMs: number; readonly jitterMs: number };
export const CLEAN_PATH: PathFault = { lossRate: 0, delayMs: 0, jitterMs: 0 };
export const PATH_FILE = 'path.json';

/** With the process's id behind it: when its last media packet left, in milliseconds since 1970. Written as the process ends in good order. */
export const MEDIA_FILE = 'last-media-';

/** Written by an agent when it gets SIGUSR2; with its id behind it. */
export const PROBE_FILE = 'probe-';
export type Probe = {
  readonly question: number;
  readonly rssBytes: number;
  /** After everything unused was collected; without the code that V8 has compiled, which grows for long with what it has run. */
  readonly heapBytes: number;
  /** Each thing that keeps an agent alive, by its kind. */
  readonly resources: Readonly<Record<string, number>>;
};
