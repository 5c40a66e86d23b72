// The windows of an X display, by xwininfo and xprop (x11-utils): no X client of our own, as with v4l2-ctl (docs/adr/0024, 0033).
// Invariants: no shell; what is given to a program is an id that was checked; each run ends within two seconds; a program that is missing
// is a desktop without windows, and no fault.
import { execFile } from 'node:child_process';
import { childrenOfRoot, type DesktopWindow, isViewable, isWindowId, managedWindows, windowsOfTree } from './desktop-text.ts';

/** @returns its standard output; null where it is missing, failed or did not end */
export type RunTool = (program: 'xwininfo' | 'xprop', args: readonly string[]) => Promise<string | null>;

const LIMIT_MS = 2_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_WINDOWS = 32;

/** @param display such as `:0` */
export const runXTool =
  (display: string): RunTool =>
  (program, args) =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], XAUTHORITY: process.env['XAUTHORITY'], HOME: process.env['HOME'], DISPLAY: display, LC_ALL: 'C.UTF-8' };
      const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES, env } as const;
      execFile(program, [...args], options, (error, stdout) => resolve(error === null ? stdout : null));
    });

/** The windows that can be captured now, the topmost first. */
export async function listWindows(run: RunTool): Promise<readonly DesktopWindow[]> {
  const [tree, managed, children] = await Promise.all([
    run('xwininfo', ['-root', '-tree']),
    run('xprop', ['-root', '_NET_CLIENT_LIST']),
    run('xwininfo', ['-root', '-children'])
  ]);
  if (tree === null) return [];
  const top = new Set(managedWindows(managed ?? '') ?? childrenOfRoot(children ?? ''));
  const candidates = windowsOfTree(tree)
    .filter(({ id }) => top.has(id))
    .slice(0, MAX_WINDOWS);
  const shown = await Promise.all(candidates.map(({ id }) => isShown(run, id)));
  return candidates.filter((_, index) => shown[index]);
}

const isShown = async (run: RunTool, id: string): Promise<boolean> => isWindowId(id) && isViewable((await run('xwininfo', ['-id', id])) ?? '');
