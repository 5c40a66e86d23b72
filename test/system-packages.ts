// The operating system's programs that the tests use. A missing one is installed where that can be done without asking (Debian, root or
// sudo without a password); else it is an error that says what to install. It is never a reason to leave out a test.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Suite = 'unit' | 'integration' | 'browser' | 'lab';

type Tool = { readonly command: string; readonly packages: readonly string[]; readonly suites: readonly Suite[] };

const TOOLS: readonly Tool[] = [
  { command: 'chromium', packages: ['chromium', 'fonts-liberation', 'fonts-ipafont-gothic'], suites: ['integration', 'browser'] },
  { command: 'mosquitto', packages: ['mosquitto'], suites: ['integration'] },
  { command: 'tshark', packages: ['tshark'], suites: ['integration'] },
  { command: 'strace', packages: ['strace'], suites: ['integration'] },
  { command: 'ip', packages: ['iproute2'], suites: ['integration'] },
  { command: 'openssl', packages: ['openssl'], suites: ['integration'] },
  { command: 'turnserver', packages: ['coturn'], suites: ['integration'] },
  { command: 'Xvfb', packages: ['xvfb'], suites: ['integration'] },
  // With xprop, xev and xmessage.
  { command: 'xwininfo', packages: ['x11-utils'], suites: ['integration'] },
  { command: 'qemu-system-x86_64', packages: ['qemu-system-x86'], suites: ['lab'] },
  { command: 'busybox', packages: ['busybox-static'], suites: ['lab'] },
  { command: 'xz', packages: ['xz-utils'], suites: ['lab'] },
  // Used in the guest, which sees this machine's files.
  { command: 'modprobe', packages: ['kmod'], suites: ['lab'] },
  { command: 'udevadm', packages: ['udev'], suites: ['lab'] },
  { command: 'v4l2-ctl', packages: ['v4l-utils'], suites: ['lab'] },
  { command: 'aplay', packages: ['alsa-utils'], suites: ['lab'] }
];

/** Debian keeps daemons where an ordinary user's PATH does not look. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** What this needs of the machine; replaced in tests. */
export type Machine = {
  /** Folders to look for programs in. */
  readonly path: readonly string[];
  readonly isRoot: boolean;
  /** Runs a program, its output shown unless `quiet`. @returns whether it ended well */
  run(command: string, args: readonly string[], options?: { readonly quiet?: boolean }): boolean;
};

export const thisMachine = (): Machine => ({
  path: [...new Set([...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS])].filter((folder) => folder !== ''),
  isRoot: process.getuid?.() === 0,
  run: (command, args, options) =>
    spawnSync(command, args, { stdio: options?.quiet ? 'ignore' : 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0
});

/**
 * Makes sure that the suites' programs are there and that packets can be captured.
 * @returns null, or one line that says what is missing and how to get it
 */
export function ensureSystemPackages(suites: readonly Suite[], machine: Machine): string | null {
  const tools = TOOLS.filter((tool) => tool.suites.some((suite) => suites.includes(suite)));
  const missing = tools.filter((tool) => find(tool.command, machine) === null);
  if (missing.length > 0) {
    const packages = missing.flatMap((tool) => tool.packages);
    const wanted = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
    const prefix = installPrefix(machine);
    if (prefix === null) return `missing: ${missing.map((tool) => tool.command).join(', ')}. Install and start again: ${wanted}`;
    console.log(`installing ${packages.join(', ')}`);
    const apt = (...args: string[]): boolean => {
      const [command = 'apt-get', ...rest] = [...prefix, 'apt-get', ...args];
      return machine.run(command, rest);
    };
    const installed = apt('update') && apt('install', '-y', '--no-install-recommends', ...packages);
    const still = missing.filter((tool) => find(tool.command, machine) === null);
    if (!installed || still.length > 0)
      return `could not be installed: ${still.map((tool) => tool.command).join(', ') || packages.join(', ')}. Install and start again: ${wanted}`;
  }
  const tshark = tools.some((tool) => tool.command === 'tshark') ? find('tshark', machine) : null;
  if (tshark !== null && !machine.run(tshark, ['-q', '-i', 'lo', '-a', 'duration:1', '-w', '/dev/null'], { quiet: true }))
    return 'tshark cannot capture on the loopback interface as this user: run as root, or: sudo dpkg-reconfigure wireshark-common (answer yes), sudo usermod -aG wireshark $USER, and log in again';
  return null;
}

function find(command: string, machine: Machine): string | null {
  for (const folder of machine.path) {
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return null;
}

/** What to put before apt-get; null where nothing can be installed without asking. */
function installPrefix(machine: Machine): readonly string[] | null {
  if (find('apt-get', machine) === null) return null;
  if (machine.isRoot) return [];
  const sudo = find('sudo', machine);
  return sudo !== null && machine.run(sudo, ['-n', 'true'], { quiet: true }) ? [sudo, '-n', '--preserve-env=DEBIAN_FRONTEND'] : null;
}
