// The media process has no log of its own: a warning with a registered code goes to the agent, which logs it; all else is dropped.
import { type ErrorCode, errorCodes } from '../kernel/error-codes.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import type { MediaNotice } from './port.ts';

const isCode = (value: unknown): value is ErrorCode => typeof value === 'string' && Object.hasOwn(errorCodes, value);

/** Of the fields of a line it hands on the server's address alone: whatever else there is might be more than is meant for a log. */
export function createNoticeLog(tell: (notice: MediaNotice) => void): Log {
  const log: Log = {
    ...silentLog,
    warn(message, fields = {}) {
      const { code, server } = fields;
      if (isCode(code)) tell({ code, text: typeof server === 'string' ? `${message}: ${server}` : message });
    },
    child: () => log
  };
  return log;
}
