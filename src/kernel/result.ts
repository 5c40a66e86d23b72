// The value of an operation whose failure is expected: used by pure code instead of exceptions.
import type { CloisterError } from './errors.ts';

export type Result<T, E = CloisterError> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });
