// What the kernel says of a process and its children: which media process serves a call, what it has open. Linux only, as the system tests are.
import { readdir, readFile, readlink } from 'node:fs/promises';

/** True while the process is there and not a zombie. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

/** The media processes that an agent started and that still run: the call's and the spare. */
export const mediaProcessesOf = (agentPid: number): Promise<number[]> => childrenOf(agentPid, 'media/process.ts');

/** The processes that it started with this program and that still run. */
export async function childrenOf(pid: number, program: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // proc(5): the command may hold blanks and brackets; the parent's id is the second field after its last bracket.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) !== pid || state === 'Z') continue;
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(program)) found.push(Number(entry));
  }
  return found;
}

/** Where each thing that the process has open leads, as /proc/PID/fd says it. */
export async function openFilesOf(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  return Promise.all(descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')));
}

/** The local UDP ports that the process has open. */
export async function udpPortsOf(pid: number): Promise<number[]> {
  const inodes = new Set((await openFilesOf(pid)).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  const ports = new Set<number>();
  for (const table of ['udp', 'udp6']) {
    const lines = (await readFile(`/proc/${pid}/net/${table}`, 'utf8').catch(() => '')).split('\n').slice(1);
    for (const line of lines) {
      const fields = line.trim().split(/\s+/);
      const port = fields[1]?.split(':')[1];
      if (port !== undefined && inodes.has(fields[9] ?? '')) ports.add(Number.parseInt(port, 16));
    }
  }
  return [...ports];
}
