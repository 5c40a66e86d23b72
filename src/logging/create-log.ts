// The log port on winston, which is imported only here. Each line is redacted. A log that cannot be written never stops the room.
import { mkdirSync } from 'node:fs';
import winston from 'winston';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import type { Log, LogFields } from '../kernel/log.ts';
import { jsonLine, type LogEntry, type LogLevel, textLine } from './log-line.ts';

export type LogOptions = {
  readonly level: LogLevel;
  /** Where cloister.log and its predecessors are kept; null for no file. */
  readonly directory: string | null;
  /** Gets the lines too; standard error as a rule, since standard output is for results. */
  readonly stream: NodeJS.WritableStream;
  /** Of the stream; the file always has JSON. */
  readonly format?: 'json' | 'text';
  readonly clock?: Pick<Clock, 'now'>;
};

const MAX_FILE_BYTES = 5 * 1024 * 1024;
const MAX_FILES = 5;

/** The latest lines are kept in memory for the panel and for reports. */
const RECENT_LINES = 500;

export type RoomLog = Log &
  AsyncDisposable & {
    /** The latest lines as they are in the file, redacted, oldest first. */
    recent(): readonly string[];
  };

/**
 * A log; disposing it writes out what is left.
 * @throws CloisterError CL_CONFIG_INVALID when the folder cannot be made
 */
export function createLog({ level, directory, stream, format = 'json', clock = systemClock }: LogOptions): RoomLog {
  const lines = (line: (entry: LogEntry) => string): winston.Logform.Format => winston.format.printf((info) => line(info['entry'] as LogEntry));
  const console = new winston.transports.Stream({ stream, format: lines(format === 'json' ? jsonLine : textLine), eol: '\n' });
  const file = directory === null ? null : fileTransport(directory, lines(jsonLine));
  const logger = winston.createLogger({ level, transports: file === null ? [console] : [console, file], exitOnError: false });

  // A full disk or a closed pipe: there is nowhere to say it but the other transport.
  const streamFailed = (): void => {};
  stream.on('error', streamFailed);
  let fileFailed = false;
  file?.on('error', (error: unknown) => {
    if (fileFailed) return;
    fileFailed = true;
    logger.remove(file);
    write('error', 'the log file cannot be written; it is left out from now on', { error: String(error) });
  });

  const recent: string[] = [];
  function write(at: LogLevel, message: string, fields: LogFields): void {
    const entry: LogEntry = { atMs: clock.now(), level: at, message, fields };
    logger.log({ level: at, message, entry });
    if (!logger.isLevelEnabled(at)) return;
    recent.push(jsonLine(entry));
    if (recent.length > RECENT_LINES) recent.shift();
  }
  const withFields = (own: LogFields): Log => ({
    debug: (message, fields) => write('debug', message, { ...own, ...fields }),
    info: (message, fields) => write('info', message, { ...own, ...fields }),
    warn: (message, fields) => write('warn', message, { ...own, ...fields }),
    error: (message, fields) => write('error', message, { ...own, ...fields }),
    child: (fields) => withFields({ ...own, ...fields })
  });
  return {
    ...withFields({}),
    recent: () => [...recent],
    async [Symbol.asyncDispose]() {
      if (file !== null && !fileFailed) {
        const written = new Promise<void>((resolve) => {
          file.once('finish', () => resolve());
          file.once('error', () => resolve());
        });
        logger.end();
        await written;
      } else {
        logger.end();
      }
      stream.removeListener('error', streamFailed);
    }
  };
}

function fileTransport(directory: string, format: winston.Logform.Format): winston.transports.FileTransportInstance {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    return new winston.transports.File({ dirname: directory, filename: 'cloister.log', maxsize: MAX_FILE_BYTES, maxFiles: MAX_FILES, tailable: true, format });
  } catch (cause) {
    throw new CloisterError('CL_CONFIG_INVALID', `log.directory: ${directory} cannot be written`, { cause });
  }
}
