// Every failure that Cloister names is a CloisterError with a code from the registry.
// Expected failures in pure code are Results; a foreign library's failure is wrapped once, where it is called.
import { type ErrorCategory, type ErrorCode, errorCodes } from './error-codes.ts';

export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export class CloisterError extends Error {
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  /** @param message what happened here, for a log; the registry's text where left out. Never a secret. */
  constructor(code: ErrorCode, message?: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message ?? errorCodes[code].text, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'CloisterError';
    this.code = code;
    this.category = errorCodes[code].category;
    this.retryable = errorCodes[code].retryable;
    this.details = options.details ?? {};
  }
}

/** Whether the system said one of these codes (`ENOENT`, `EACCES`, …). */
export const hasSystemCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.some((code) => error.code === code);

/** The error as it is, or wrapped as `code` where it is not one of ours. */
export function asCloisterError(error: unknown, code: ErrorCode = 'CL_INTERNAL'): CloisterError {
  if (error instanceof CloisterError) return error;
  return new CloisterError(code, error instanceof Error ? error.message : String(error), { cause: error });
}
