// The log as a port: src/logging has the winston adapter. Fields are plain values; secrets never go in
// (keys, nonces, security codes, tickets, SDP: it holds ICE passwords).
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Log = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to each line. */
  child(fields: LogFields): Log;
};

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silentLog };
