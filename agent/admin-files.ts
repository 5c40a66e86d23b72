// Where the room keeps its administrator's PIN and the token of this machine's programs: the room writes them, the commands read or remove them.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasSystemCode } from '../src/kernel/errors.ts';

export const adminFilePath = (dataDirectory: string): string => join(dataDirectory, 'admin.json');
export const adminTokenPath = (dataDirectory: string): string => join(dataDirectory, 'admin-token');

/** Null where it cannot be read: then this user is not the room's administrator. */
export async function readAdminToken(dataDirectory: string): Promise<string | null> {
  const text = await readFile(adminTokenPath(dataDirectory), 'utf8').catch(() => '');
  return /^[\w-]{43}$/.test(text.trim()) ? text.trim() : null;
}

/** @returns whether there was one. @throws the system's error */
export async function removeAdminFile(dataDirectory: string): Promise<boolean> {
  try {
    await rm(adminFilePath(dataDirectory));
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return false;
    throw error;
  }
}
