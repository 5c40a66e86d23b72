// A small emulated machine with Debian's kernel, where virtual devices are real ones to every program. It sees this machine's files as they are and cannot change them: what
// it writes is in its memory and gone with it. The host tells guest-server.ts what to run there. Of a guest that did not end well, console and output are kept.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { cpioArchive } from './cpio.ts';
import { afterGreeting, type GuestProgram, openDoor, startProgram } from './guest-program.ts';
import { type FromGuest, GUEST_ADDRESS, type Opening } from './guest-protocol.ts';
import { findKernel, type Kernel } from './kernel.ts';

export type GuestOptions = {
  /** Modules in the order in which they are loaded, each with its options as modprobe takes them. */
  readonly modules: readonly string[];
  /** Runs the host's udevd in the guest, with the host's rules. */
  readonly udev?: boolean;
  /** Wall clock, after which the guest is killed, whatever it does. */
  readonly limitMs: number;
};

export type RunResult = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export type Guest = AsyncDisposable & {
  /** Where guest-server.ts listens, on this machine's loopback. */
  readonly port: number;
  /** Starts a program and goes on. */
  start(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<GuestProgram>;
  /** Runs lines of shell to their end. @throws Error with what they printed where their status is not 0 */
  shell(script: string): Promise<string>;
  run(command: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunResult>;
  /** Makes a port of the guest's loopback one of this machine's, with the same number. */
  tunnelFrom(port: number): Promise<void>;
  /** Makes a port of this machine's loopback one of the guest's. */
  tunnelTo(port: number): Promise<void>;
  /** Into the folder that is kept where something fails. */
  note(text: string): void;
  /** What is noted stays there when the guest is gone. */
  keep(): string;
};

const ROOT = join(import.meta.dirname, '..', '..');
/** What it takes to see the host's files. */
const EARLY_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const MEMORY_MB = 2048;
const BOOT_LIMIT_MS = 300_000;
const TRY_EVERY_MS = 250;
/** The time stamp counter is the host's, and how quick it is Linux would measure while the host may do other things: the guest's clock was seen to run 70 times too fast. */
const CLOCK_ARGUMENTS = 'tsc=unstable clocksource=hpet no_timer_check';
const KERNEL_ARGUMENTS = `console=ttyS0 quiet loglevel=4 panic=-1 oops=panic mitigations=off random.trust_cpu=on audit=0 apparmor=0 cryptomgr.notests ${CLOCK_ARGUMENTS}`;

/** @throws Error that says what to install, or why there is no guest */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  const kernel = findKernel();
  const folder = mkdtempSync(join(tmpdir(), 'cloister-lab-'));
  const file = (name: string): string => join(folder, name);
  const port = await freePort();
  writeFileSync(file('initramfs'), initramfs(kernel, port, options));
  const errors = openSync(file('emulator'), 'w');
  // It ends with this process, however that ends.
  const emulator = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...emulatorArguments(kernel, port, file)], {
    stdio: ['ignore', errors, errors]
  });
  closeSync(errors);
  const gone = once(emulator, 'close').then(
    () => {},
    () => {}
  );
  let kept = false;
  let why: string | null = null;
  const limit = setTimeout(() => {
    why = `it was killed after ${options.limitMs / 1000} s`;
    kept = true;
    emulator.kill('SIGKILL');
  }, options.limitMs);
  const tunnels: AsyncDisposable[] = [];
  const failure = (what: string): Error => {
    kept = true;
    const console = existsSync(file('console')) ? readFileSync(file('console'), 'utf8').trim().split('\n').slice(-15).join('\n') : '';
    return new Error(`${what}${why === null ? '' : `: ${why}`}; see ${folder}\n${readFileSync(file('emulator'), 'utf8')}${console}`);
  };
  const dispose = async (): Promise<void> => {
    clearTimeout(limit);
    for (const tunnel of tunnels.splice(0)) await tunnel[Symbol.asyncDispose]();
    emulator.kill('SIGKILL');
    await gone;
    rmSync(file('initramfs'), { force: true });
    if (!kept) rmSync(folder, { recursive: true });
  };
  const start: Guest['start'] = async (command, env = {}) => {
    appendFileSync(file('log'), `${new Date().toISOString()} run ${JSON.stringify(command)}\n`);
    if (hasEnded(emulator)) throw failure('the guest is gone');
    return startProgram(port, command, env);
  };
  const run: Guest['run'] = async (command, env) => {
    const program = await start(command, env);
    const output = { stdout: '', stderr: '' };
    program.onLine((line) => {
      output.stdout += `${line}\n`;
    });
    program.onStderr((text) => {
      output.stderr += text;
    });
    const status = await program.ended;
    appendFileSync(file('log'), `${new Date().toISOString()} status ${status} of ${JSON.stringify(command)}\n${output.stdout}${output.stderr}`);
    return { status, ...output };
  };
  try {
    await reachable(port, emulator, failure);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    port,
    start,
    run,
    async shell(script) {
      const { status, stdout, stderr } = await run(['bash', '-c', script]);
      if (status !== 0) throw failure(`status ${status} in the guest of: ${script}\n${stdout}${stderr}`);
      return stdout;
    },
    async tunnelFrom(guestPort) {
      const server = createServer((local) => {
        local.on('error', () => {});
        const remote = connect(port, '127.0.0.1');
        remote.on('error', () => local.destroy());
        remote.write(`${JSON.stringify({ do: 'tunnel', port: guestPort } satisfies Opening)}\n`);
        afterGreeting(remote, () => {
          local.pipe(remote);
          remote.pipe(local);
        });
        local.on('close', () => remote.destroy());
        remote.on('close', () => local.destroy());
      });
      server.listen(guestPort, '127.0.0.1');
      await once(server, 'listening');
      tunnels.push({
        async [Symbol.asyncDispose]() {
          server.close();
        }
      });
    },
    async tunnelTo(hostPort) {
      const socket = await openDoor(port, { do: 'reach-host', port: hostPort });
      const answers: FromGuest[] = [];
      for await (const line of createInterface({ input: socket })) answers.push(JSON.parse(line) as FromGuest);
      if (answers.filter((answer) => 'ready' in answer).length !== 2) throw failure(`port ${hostPort} of the host cannot be reached from the guest`);
    },
    note: (text) => appendFileSync(file('log'), `${new Date().toISOString()} ${text}\n`),
    keep() {
      kept = true;
      return folder;
    },
    [Symbol.asyncDispose]: dispose
  };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** QEMU takes connections before anybody listens in the guest, and closes them: the greeting tells. */
async function reachable(port: number, emulator: ChildProcess, failure: (what: string) => Error): Promise<void> {
  const deadline = performance.now() + BOOT_LIMIT_MS;
  for (;;) {
    if (hasEnded(emulator)) throw failure('the guest did not start');
    if (performance.now() > deadline) throw failure(`the guest did not start in ${BOOT_LIMIT_MS / 1000} s`);
    const socket = connect(port, '127.0.0.1');
    const greeted = await new Promise<boolean>((resolve) => {
      afterGreeting(socket, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
    });
    socket.destroy();
    if (greeted) return;
    await pause(TRY_EVERY_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function emulatorArguments(kernel: Kernel, port: number, file: (name: string) => string): string[] {
  return [
    // Emulated even where /dev/kvm is there: one that opens and then hangs has been met, and what a test may take must not depend on it.
    ...['-M', 'q35,vmport=off,sata=off,smbus=off', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', String(MEMORY_MB)],
    ...['-display', 'none', '-nodefaults', '-no-user-config', '-no-reboot', '-monitor', 'none'],
    ...['-kernel', kernel.image, '-initrd', file('initramfs'), '-append', KERNEL_ARGUMENTS],
    ...['-serial', `file:${file('console')}`, '-device', 'virtio-rng-pci'],
    ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap', '-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
    ...['-netdev', `user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:${port}-${GUEST_ADDRESS}:${port}`, '-device', 'virtio-net-pci,netdev=net,romfile=']
  ];
}

function initramfs(kernel: Kernel, port: number, options: GuestOptions): Buffer {
  const modules = withDependencies(kernel, EARLY_MODULES).map((path) => ({ name: basename(path).replace(/\.xz$/, ''), content: readModule(path) }));
  const environment = { PATH: process.env['PATH'] ?? '', HOME: homedir(), LANG: 'C.UTF-8' };
  const settings = [
    `FOLDER=${quoted(ROOT)}`,
    `MODULES=(${options.modules.map(quoted).join(' ')})`,
    `KERNEL_MODULES=${quoted(kernel.modules)}`,
    `UDEV=${options.udev === true ? 1 : ''}`,
    `EPOCH_SECONDS=${Math.floor(Date.now() / 1000)}`,
    `NODE=${quoted(process.execPath)}`,
    `PORT=${port}`,
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`)
  ];
  const text = (path: string, lines: string, executable = false) => ({ path, content: Buffer.from(lines), executable });
  return cpioArchive(
    ['bin', 'modules', 'lab', 'proc', 'dev', 'lower', 'upper', 'root'],
    [
      text('init', readFileSync(join(import.meta.dirname, 'initramfs-init.sh'), 'utf8'), true),
      { path: 'bin/busybox', content: readBusybox(), executable: true },
      text('lab/guest-init.sh', readFileSync(join(import.meta.dirname, 'guest-init.sh'), 'utf8')),
      text('lab/settings', settings.map((line) => `${line}\n`).join('')),
      text('modules/order', modules.map(({ name }) => `${name}\n`).join('')),
      ...modules.map(({ name, content }) => ({ path: `modules/${name}`, content }))
    ]
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** modules.dep names the modules that each one needs, the one that is to be loaded first last. */
function withDependencies(kernel: Kernel, names: readonly string[]): string[] {
  const lines = readFileSync(join(kernel.modules, 'modules.dep'), 'utf8').split('\n');
  const found = names.flatMap((name) => {
    const line = lines.find((each) => new RegExp(`/${name}\\.ko(?:\\.xz)?:`).test(each));
    if (line === undefined) throw new Error(`the kernel ${kernel.version} has no module ${name}: the lab needs Debian's`);
    const [own = '', needed = ''] = line.split(':');
    const dependencies = needed.split(' ').filter((path) => path !== '');
    return [...dependencies.reverse(), own];
  });
  return [...new Set(found)].map((path) => join(kernel.modules, path));
}

function readModule(path: string): Buffer {
  if (!path.endsWith('.xz')) return readFileSync(path);
  const { status, stdout } = spawnSync('xz', ['-dc', path], { maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${path} cannot be unpacked: apt-get install xz-utils`);
  return stdout;
}

function readBusybox(): Buffer {
  const path = ['/usr/bin/busybox', '/bin/busybox'].find((each) => existsSync(each));
  const content = path === undefined ? null : readFileSync(path);
  if (content === null || content.includes('/ld-linux')) throw new Error('the lab needs a busybox without libraries: apt-get install busybox-static');
  return content;
}
