// The kernel of the lab's guests: the machine's own where Debian's is installed, else Debian's package, downloaded and unpacked into a folder of
// ours. Unpacked, not installed: the guest needs no boot loader and no initial file system of the host's.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Kernel = {
  readonly version: string;
  /** vmlinux where the image could be unpacked: an emulated processor takes seconds for that. */
  readonly image: string;
  /** The folder that has modules.dep. */
  readonly modules: string;
};

const PACKAGE = 'linux-image-amd64';
const XZ_BEGINS = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const ELF_BEGINS = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const UNPACKED_LIMIT_BYTES = 256 * 1024 * 1024;

const cacheFolder = (): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cloister-lab');

/** The newest kernel that has its modules; null where there is none. */
function kernelIn(root: string): { readonly version: string; readonly packed: string; readonly modules: string } | null {
  const boot = join(root, 'boot');
  const versions = existsSync(boot) ? readdirSync(boot).flatMap((name) => (name.startsWith('vmlinuz-') ? [name.slice('vmlinuz-'.length)] : [])) : [];
  const newestFirst = versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const version of newestFirst) {
    const modules = join(root, 'lib', 'modules', version);
    if (existsSync(join(modules, 'modules.dep'))) return { version, packed: join(boot, `vmlinuz-${version}`), modules };
  }
  return null;
}

/** @throws Error that says what to install */
export function findKernel(): Kernel {
  const cache = cacheFolder();
  const found = kernelIn('/') ?? kernelIn(cache) ?? download(cache);
  mkdirSync(cache, { recursive: true });
  const image = join(cache, `vmlinux-${found.version}`);
  if (existsSync(image)) return { version: found.version, image, modules: found.modules };
  const unpacked = unpackImage(readFileSync(found.packed));
  if (unpacked === null) return { version: found.version, image: found.packed, modules: found.modules };
  writeFileSync(`${image}.new`, unpacked);
  renameSync(`${image}.new`, image);
  return { version: found.version, image, modules: found.modules };
}

function download(cache: string): NonNullable<ReturnType<typeof kernelIn>> {
  const cannot = (what: string): Error => new Error(`no kernel for the lab: ${what}. Install one and start again: apt-get install ${PACKAGE}`);
  const run = (command: string, args: readonly string[], cwd: string): string => {
    const { status, stdout, error } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    if (status !== 0) throw cannot(`${command} ${args[0]} ${error === undefined ? `ended with ${status}` : error.message}`);
    return stdout;
  };
  const folder = join(cache, 'download');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const named = /^\s*Depends: (linux-image-\S+)$/m.exec(run('apt-cache', ['depends', PACKAGE], folder))?.[1];
  if (named === undefined) throw cannot(`apt knows no ${PACKAGE}`);
  console.log(`downloading ${named} (not installed, unpacked into ${cache})`);
  run('apt-get', ['download', '-q', named], folder);
  const [archive = ''] = readdirSync(folder);
  run('dpkg-deb', ['-x', archive, folder], folder);
  const unpacked = readdirSync(join(folder, 'lib', 'modules'))[0] ?? '';
  run('depmod', ['-b', folder, unpacked], folder);
  rmSync(join(folder, archive));
  for (const part of ['boot', 'lib']) {
    rmSync(join(cache, part), { recursive: true, force: true });
    renameSync(join(folder, part), join(cache, part));
  }
  rmSync(folder, { recursive: true });
  const found = kernelIn(cache);
  if (found === null) throw cannot(`${named} has no kernel with modules`);
  return found;
}

/** A bzImage holds the kernel proper, packed: Debian's with xz. Null where it is packed otherwise. */
function unpackImage(packed: Buffer): Buffer | null {
  const at = packed.indexOf(XZ_BEGINS);
  if (at === -1) return null;
  // What follows the stream is no part of it: xz complains, after it has given what it had.
  const { stdout } = spawnSync('xz', ['-dc', '--single-stream'], { input: packed.subarray(at), maxBuffer: UNPACKED_LIMIT_BYTES });
  return stdout.subarray(0, ELF_BEGINS.length).equals(ELF_BEGINS) ? stdout : null;
}
