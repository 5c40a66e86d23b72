// A site and two rooms, each a network of its own (network namespaces; needs root): the rooms reach the site's two addresses as far as the
// wall lets them, and each other not at all. Nothing of it touches the machine's own network.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { Launch } from './capture.ts';

export const RELAY_ADDRESS = '10.77.0.1';
export const BROKER_ADDRESS = '10.77.0.2';

export type Network = {
  readonly launch: Launch;
  /** Runs a program to its end. @returns its standard output, and its status */
  run(command: string, args: readonly string[]): Promise<{ readonly stdout: string; readonly status: number }>;
};
export type WalledSite = AsyncDisposable & {
  readonly site: Network;
  readonly rooms: readonly [Network, Network];
  /** The site's ends of the wires to the rooms. */
  readonly wires: readonly [string, string];
  /** What the rooms may send: selectors of `ip rule`; all else is prohibited. */
  setWall(allowed: readonly string[]): Promise<void>;
};

const exec = promisify(execFile);

async function holdNetwork() {
  const holder = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up && echo ready && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: Buffer[] = [];
  holder.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const ended = once(holder, 'exit');
  const outcome = await Promise.race([once(holder.stdout, 'data').then(() => 'ready'), ended.then(() => 'ended')]);
  if (outcome === 'ended') throw new Error(`no network of its own can be made: ${Buffer.concat(errors).toString()}`);
  const enter = ['--target', String(holder.pid), '--net', '--'];
  const network: Network = {
    launch: (command, args) => spawn('nsenter', [...enter, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
    async run(command, args) {
      try {
        const { stdout } = await exec('nsenter', [...enter, command, ...args], { maxBuffer: 1 << 26 });
        return { stdout, status: 0 };
      } catch (error) {
        const { stdout, stderr, code } = error as { stdout?: string; stderr?: string; code?: number };
        return { stdout: `${stdout ?? ''}${stderr ?? ''}`, status: typeof code === 'number' ? code : -1 };
      }
    }
  };
  const must = async (script: string): Promise<void> => {
    const { stdout, status } = await network.run('sh', ['-ec', script]);
    if (status !== 0) throw new Error(`${script}: ${stdout}`);
  };
  const end = async (): Promise<void> => {
    holder.kill('SIGKILL');
    await ended;
  };
  return { pid: holder.pid, network, must, end };
}

export async function makeWalledSite(): Promise<WalledSite> {
  const held: Awaited<ReturnType<typeof holdNetwork>>[] = [];
  const hold = async () => {
    const made = await holdNetwork();
    held.push(made);
    return made;
  };
  const dispose = async (): Promise<void> => {
    for (const { end } of held.splice(0).reverse()) await end();
  };
  try {
    const [site, a, b] = [await hold(), await hold(), await hold()];
    const wires = ['wire-a', 'wire-b'] as const;
    await site.must(`ip addr add ${RELAY_ADDRESS}/32 dev lo; ip addr add ${BROKER_ADDRESS}/32 dev lo; sysctl -q -w net.ipv4.ip_forward=0`);
    for (const [index, room] of [a, b].entries()) {
      const net = `10.77.${index + 1}`;
      await site.must(
        `ip link add ${wires[index]} type veth peer name eth0 netns ${room.pid}; sysctl -q -w net.ipv6.conf.${wires[index]}.disable_ipv6=1; ip addr add ${net}.1/24 dev ${wires[index]}; ip link set ${wires[index]} up`
      );
      await room.must(
        `sysctl -q -w net.ipv6.conf.eth0.disable_ipv6=1; ip addr add ${net}.2/24 dev eth0; ip link set eth0 up; ip route add default via ${net}.1`
      );
    }
    return {
      site: site.network,
      rooms: [a.network, b.network],
      wires,
      async setWall(allowed) {
        for (const room of [a, b]) {
          const rules = allowed.map((selector, index) => `ip rule add pref ${100 + index} ${selector} lookup main`);
          await room.must(['ip rule flush', ...rules, 'ip rule add pref 200 prohibit'].join('; '));
        }
      },
      [Symbol.asyncDispose]: dispose
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
