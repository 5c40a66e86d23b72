// A network of its own for whatever is started in it: a loopback interface, and one more that looks like a way to the world but leads nowhere.
// Everything that would leave the machine arrives at OUTSIDE, where it can be captured. Needs root (network namespaces).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launch } from './capture.ts';

/** The machine's own address on the way to the world. */
export const OWN_ADDRESS = '10.9.9.2';
const GATEWAY = '10.9.9.1';
/** The far end of the wire, and its Ethernet address. */
export const OUTSIDE = 'outside';
const FAR_END = '02:00:00:00:00:01';

const SETUP = `set -e
ip link set lo up
ip link add inside type veth peer name ${OUTSIDE} address ${FAR_END}
sysctl -q -w net.ipv6.conf.inside.disable_ipv6=1 net.ipv6.conf.${OUTSIDE}.disable_ipv6=1
ip link set inside up
ip link set ${OUTSIDE} up
ip addr add ${OWN_ADDRESS}/24 dev inside
ip neigh add ${GATEWAY} lladdr ${FAR_END} dev inside
ip route add default via ${GATEWAY}
mount --bind "$1" /etc/resolv.conf
echo ready
exec sleep infinity`;

export type LonelyNetwork = AsyncDisposable & { readonly launch: Launch };

/** @param folder for its name server's configuration, which names one outside */
export async function makeLonelyNetwork(folder: string): Promise<LonelyNetwork> {
  const resolver = join(folder, 'resolv.conf');
  await writeFile(resolver, `nameserver ${GATEWAY}\noptions timeout:1 attempts:1\n`);
  const holder = spawn('unshare', ['--net', '--mount', '--', 'sh', '-c', SETUP, 'sh', resolver], { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: Buffer[] = [];
  holder.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const ended = once(holder, 'exit');
  const outcome = await Promise.race([once(holder.stdout, 'data').then(() => 'ready'), ended.then(() => 'ended')]);
  if (outcome === 'ended') throw new Error(`no network of its own can be made: ${Buffer.concat(errors).toString()}`);
  return {
    launch: (command, args) =>
      spawn('nsenter', ['--target', String(holder.pid), '--net', '--mount', '--', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
    async [Symbol.asyncDispose]() {
      holder.kill('SIGKILL');
      await ended;
    }
  };
}
