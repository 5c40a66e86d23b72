// CPU time and memory of a process with everything it started, as Linux counts them (proc(5)).
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';

export type TreeProcess = { readonly pid: number; readonly command: string; readonly cpuSeconds: number };

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The process `root` and its descendants that run now. */
export async function processTree(root: number): Promise<TreeProcess[]> {
  const found = new Map<number, { readonly parent: number; readonly process: TreeProcess }>();
  const entries = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  await Promise.all(
    entries.map(async (entry) => {
      const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
      // The command's name is in brackets and may hold brackets and blanks; user and system time are fields 14 and 15, in ticks.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ticks = Number(fields[11]) + Number(fields[12]);
      if (stat === '' || !Number.isFinite(ticks)) return;
      const command = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
      const process = { pid: Number(entry), command, cpuSeconds: ticks / TICKS_PER_SECOND };
      found.set(process.pid, { parent: Number(fields[1]), process });
    })
  );
  const belongs = (pid: number): boolean => {
    for (let current = pid; current > 1; current = found.get(current)?.parent ?? 0) if (current === root) return true;
    return false;
  };
  return [...found.values()].filter(({ process }) => belongs(process.pid)).map(({ process }) => process);
}

/** User and system time that the tree's processes used between two looks; one that ended in between counts until the first. */
export function cpuSecondsBetween(before: readonly TreeProcess[], after: readonly TreeProcess[]): number {
  const earlier = new Map(before.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
  return after.reduce((sum, { pid, cpuSeconds }) => sum + cpuSeconds - (earlier.get(pid) ?? 0), 0);
}

/**
 * Megabytes that the processes would take if they were alone on the machine: what only they have (proportional set size), and of each file that is mapped,
 * such as the program itself, what is there of it. The proportional size of a file would shrink with every other program that happens to map it too.
 */
export async function memoryMegabytes(processes: readonly TreeProcess[]): Promise<number> {
  const files = new Map<string, number>();
  let ownKilobytes = 0;
  for (const text of await Promise.all(processes.map(({ pid }) => readFile(`/proc/${pid}/smaps`, 'utf8').catch(() => '')))) {
    const mapped = new Map<string, number>();
    for (const mapping of text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
      const [head = ''] = mapping.split('\n', 1);
      const [, , , , inode = '0', path = ''] = head.split(/ +/);
      const size = (name: string): number => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(mapping)?.[1] ?? 0);
      const privateKilobytes = size('Private_Dirty');
      if (inode === '0' || path.startsWith('/dev/shm') || path.startsWith('/memfd:')) ownKilobytes += size('Pss');
      else {
        ownKilobytes += privateKilobytes;
        mapped.set(path, (mapped.get(path) ?? 0) + size('Rss') - privateKilobytes);
      }
    }
    for (const [path, kilobytes] of mapped) files.set(path, Math.max(files.get(path) ?? 0, kilobytes));
  }
  return (ownKilobytes + [...files.values()].reduce((sum, kilobytes) => sum + kilobytes, 0)) / 1024;
}
