// Reads the configuration once, at the edge (architecture.md rule 7). The only I/O of this folder besides atomic-file.ts and kept-file.ts.
import { readFile } from 'node:fs/promises';
import { CloisterError, hasSystemCode } from '../kernel/errors.ts';
import { err, type Result } from '../kernel/result.ts';
import { type ConfigLayer, resolveConfig } from './layers.ts';
import type { Config } from './schema.ts';

const MAX_FILE_BYTES = 1024 * 1024;

export type ConfigSources = {
  /** A JSON file; null for none. One that is named must be there. */
  readonly file: string | null;
  /** Over the file, in order; see parseOverride. */
  readonly overrides: readonly ConfigLayer[];
};

/** @returns CL_CONFIG_UNREADABLE (no such file, not JSON) or CL_CONFIG_INVALID (every wrong key in words) */
export async function loadConfig({ file, overrides }: ConfigSources): Promise<Result<Config>> {
  if (file === null) return resolveConfig(overrides);
  const unreadable = (why: string, cause?: unknown): Result<Config> => err(new CloisterError('CL_CONFIG_UNREADABLE', `${file} ${why}`, { cause }));
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const missing = hasSystemCode(cause, 'ENOENT');
    return unreadable(missing ? 'does not exist' : 'cannot be read', cause);
  }
  if (text.length > MAX_FILE_BYTES) return unreadable('is too large to be a configuration');
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own words quote the text, which may hold a credential.
    return unreadable('is not JSON');
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return unreadable('must hold one JSON object');
  return resolveConfig([content as ConfigLayer, ...overrides]);
}
