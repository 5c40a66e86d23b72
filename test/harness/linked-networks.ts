// Two rooms' networks with a router between them, each a network namespace of its own. One room has two ways out, the other has one; the broker's place is at
// the router. Nothing reaches the machine's own network, and nothing is left of it when it is disposed. Needs root.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { Launch } from './capture.ts';

export type Place = 'first' | 'second' | 'router';

/** Where the router is reached from both, whatever becomes of the ways to it. */
export const ROUTER_ADDRESS = '10.61.9.9';

export type LinkedNetworks = AsyncDisposable & {
  /** What has to stand in front of a command line, so that it runs there. */
  prefix(place: Place): readonly string[];
  launch(place: Place): Launch;
  /** Runs lines of shell. */
  run(place: Place, script: string): Promise<string>;
  /** Packets that an interface has sent and received. */
  packets(place: Place, networkInterface: string): Promise<number>;
};

/** Whether there are addresses of that family. */
export type Families = { readonly v4: boolean; readonly v6: boolean };

/** `eth1` of the first room is there, but down. */
export async function linkNetworks({ v4, v6 }: Families = { v4: true, v6: false }): Promise<LinkedNetworks> {
  const holders = new Map<Place, ChildProcess>();
  const prefix = (place: Place) => ['nsenter', '--target', String(holders.get(place)?.pid), '--net', '--'];
  const run = async (place: Place, script: string): Promise<string> => {
    const [command = '', ...args] = [...prefix(place), 'sh', '-ec', script];
    return (await promisify(execFile)(command, args)).stdout;
  };
  const dispose = async (): Promise<void> => {
    for (const holder of holders.values()) {
      const ended = once(holder, 'exit');
      if (holder.kill('SIGKILL')) await ended;
    }
  };
  /** A wire from the router to a room's interface, with a network of its own. */
  const wire = async (place: Place, number: number, inside: string, atRouter: string): Promise<void> => {
    await run('router', `ip link add ${atRouter} type veth peer name ${inside} netns ${holders.get(place)?.pid}; ip link set ${atRouter} up`);
    if (v4) await run('router', `ip addr add 10.61.${number}.1/24 dev ${atRouter}`);
    if (v6) await run('router', `ip addr add fd61:${number}::1/64 dev ${atRouter} nodad`);
  };
  try {
    for (const place of ['first', 'second', 'router'] as const) {
      const holder = spawn('unshare', ['--net', '--', 'sh', '-ec', 'ip link set lo up; echo ready; exec sleep infinity'], {
        stdio: ['ignore', 'pipe', 'inherit']
      });
      holders.set(place, holder);
      await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit').then(() => Promise.reject(new Error('no network of its own can be made')))]);
    }
    await run('router', 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding');
    await run('router', `ip addr add ${ROUTER_ADDRESS}/32 dev lo`);
    await wire('first', 1, 'eth0', 'first0');
    await wire('first', 2, 'eth1', 'first1');
    await wire('second', 3, 'eth0', 'second0');
    await run('first', up('eth0', 1, { v4, v6 }));
    await run('second', up('eth0', 3, { v4, v6 }));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    prefix,
    run,
    launch: (place) => (command, args) => {
      const [first = '', ...rest] = [...prefix(place), command, ...args];
      return spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    },
    async packets(place, networkInterface) {
      const [link] = JSON.parse(await run(place, `ip -s -j link show dev ${networkInterface}`)) as {
        stats64: { rx: { packets: number }; tx: { packets: number } };
      }[];
      return (link?.stats64.rx.packets ?? 0) + (link?.stats64.tx.packets ?? 0);
    },
    [Symbol.asyncDispose]: dispose
  };
}

/** Lines of shell that bring a way up: an address and the route to everything else. */
export function up(networkInterface: string, number: number, { v4, v6 }: Families = { v4: true, v6: false }, host = 2): string {
  const lines = [`ip link set ${networkInterface} up`];
  if (v4)
    lines.push(
      `ip addr replace 10.61.${number}.${host}/24 dev ${networkInterface}`,
      `ip route replace default via 10.61.${number}.1 dev ${networkInterface} metric ${number}`
    );
  if (v6) {
    lines.push(
      `ip addr replace fd61:${number}::${host}/64 dev ${networkInterface} nodad`,
      `ip route replace default via fd61:${number}::1 dev ${networkInterface} metric ${number}`
    );
  }
  return lines.join('\n');
}
