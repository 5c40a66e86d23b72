// Where Linux shows its devices, so that tests can have a machine of their own, and whether this process may open them.
import { access, constants } from 'node:fs/promises';
import { basename } from 'node:path';
import { hasSystemCode } from '../kernel/errors.ts';
import type { DeviceProblem } from '../room/state.ts';

export type LinuxPlaces = {
  readonly sysfs: string;
  readonly proc: string;
  readonly dev: string;
  /** Rejects as fs.access does where this process may not read and write. */
  readonly mayOpen: (path: string) => Promise<void>;
};

export const linuxPlaces: LinuxPlaces = {
  sysfs: '/sys',
  proc: '/proc',
  dev: '/dev',
  mayOpen: (path) => access(path, constants.R_OK | constants.W_OK)
};

/** Null also where the node is not there (yet): that it cannot be opened is then said by who opens it. */
export async function permissionProblem({ mayOpen }: LinuxPlaces, node: string): Promise<DeviceProblem | null> {
  const error = await mayOpen(node).then(
    () => null,
    (reason: unknown) => reason
  );
  if (!hasSystemCode(error, 'EACCES', 'EPERM')) return null;
  return { code: 'CL_DEVICE_PERMISSION', text: `The system does not let Cloister open ${basename(node)}; cloister doctor says what to do.` };
}
