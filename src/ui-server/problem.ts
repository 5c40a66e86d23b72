// Errors as the HTTP interface says them: application/problem+json (RFC 9457), each with a code of the registry. Pure but for sendProblem.
import type { ServerResponse } from 'node:http';
import { type ErrorCode, errorCodes } from '../kernel/error-codes.ts';
import { CloisterError } from '../kernel/errors.ts';

export type Problem = { readonly type: string; readonly title: string; readonly status: number; readonly code: ErrorCode; readonly detail: string };

/** Where the status is not what the code alone says, such as 415 of CL_REQUEST_INVALID. */
export class RequestRefused extends CloisterError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message?: string) {
    super(code, message);
    this.status = status;
  }
}

const STATUS: { readonly [C in ErrorCode]?: number } = {
  CL_USAGE: 400,
  CL_REQUEST_INVALID: 400,
  CL_ADDRESS_INVALID: 400,
  CL_FORBIDDEN_ORIGIN: 403,
  CL_NOT_FOUND: 404,
  CL_CALL_NONE: 404,
  CL_DEVICE_UNKNOWN: 404,
  CL_DEVICE_CONTROL: 400,
  CL_DEVICE_UNREACHABLE: 503,
  CL_TOOL_MISSING: 503,
  CL_PIN_WEAK: 400,
  CL_PIN_REQUIRED: 401,
  CL_PIN_NOT_SET: 401,
  CL_PANEL_NOT_PAIRED: 401,
  CL_PIN_WRONG: 403,
  CL_PIN_LOCKED: 429,
  CL_PIN_UNREADABLE: 503,
  CL_REPORT_UNKNOWN: 404,
  CL_REPORT_BUSY: 409,
  CL_PEOPLE_FULL: 409,
  CL_SETTING_LOCKED: 409,
  CL_RINGER_SILENT: 409,
  CL_METHOD_NOT_ALLOWED: 405,
  CL_CALL_BUSY: 409,
  CL_CALL_WRONG_PHASE: 409,
  CL_CALL_FEATURE_UNAVAILABLE: 409,
  CL_CALL_CONFERENCE: 409,
  CL_CALL_FEATURE_MISSING: 409,
  CL_CALL_RECORDING: 503,
  CL_CALL_LINES_FULL: 409,
  CL_PARK_UNKNOWN: 404,
  CL_CODE_TRIES: 429,
  CL_SPEECH_UNAVAILABLE: 503,
  CL_MEDIA_SCREEN_NONE: 409,
  CL_MEDIA_SCREEN_UNSUPPORTED: 409,
  CL_REQUEST_TOO_LARGE: 413,
  CL_NOT_IMPLEMENTED: 501,
  CL_LISTENERS_FULL: 503,
  CL_UI_NOT_BUILT: 503
};

/** What express and its parsers throw: an http-errors error. Its message may quote the request, so it is not passed on. */
function refusalOf(error: unknown): CloisterError {
  if (error instanceof CloisterError) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  if (status === 413) return new CloisterError('CL_REQUEST_TOO_LARGE');
  if (status === 415) return new RequestRefused(415, 'CL_REQUEST_INVALID', 'The request’s body has an encoding that is not accepted.');
  if (typeof status === 'number' && status >= 400 && status < 500) return new CloisterError('CL_REQUEST_INVALID');
  return new CloisterError('CL_INTERNAL', undefined, { cause: error });
}

export function problemOf(thrown: unknown): Problem {
  const error = refusalOf(thrown);
  const { code } = error;
  const status = error instanceof RequestRefused ? error.status : (STATUS[code] ?? (error.retryable ? 503 : 500));
  const title = errorCodes[code].text;
  return { type: `urn:cloister:error:${code}`, title, status, code, detail: code === 'CL_INTERNAL' ? title : error.message };
}

export function sendProblem(response: ServerResponse, problem: Problem): void {
  response.statusCode = problem.status;
  response.setHeader('content-type', 'application/problem+json; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  // RFC 9110 section 15.5.2. A browser asks nobody for a bearer.
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer realm="cloister"');
  response.end(JSON.stringify(problem));
}
