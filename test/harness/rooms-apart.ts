// Two rooms in networks of their own (linked-networks.ts), and a broker at the router between them. Their local interfaces are reached through a door:
// a socket of the file system, which does not know networks.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IdentityFolders } from '../../agent/commands/identity.ts';
import { type LinkedNetworks, linkNetworks, type Place, ROUTER_ADDRESS } from './linked-networks.ts';
import { type MakeBroker, startTwoRooms, type TwoRooms, type TwoRoomsOptions } from './two-rooms.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const AWAY = fileURLToPath(new URL('./process-away.ts', import.meta.url));
const PORT = 8883;

export type RoomsApart = AsyncDisposable & { readonly networks: LinkedNetworks; readonly pair: TwoRooms };

export async function startRoomsApart(options: TwoRoomsOptions = {}): Promise<RoomsApart> {
  const networks = await linkNetworks();
  const made: AsyncDisposable[] = [networks];
  const dispose = async (): Promise<void> => {
    for (const part of made.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  /** Resolves when the process has said that it is ready. */
  const startAway = async (place: Place, args: readonly string[]): Promise<void> => {
    const [command = '', ...rest] = [...networks.prefix(place), process.execPath, '--no-warnings', AWAY, ...args];
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    made.push({
      async [Symbol.asyncDispose]() {
        child.kill('SIGKILL');
        await ended;
      }
    });
    await Promise.race([once(child.stdout, 'data'), ended.then(() => Promise.reject(new Error(`${args[0]} did not start`)))]);
  };
  const makeBroker: MakeBroker = async (folders) => {
    const directory = await issueBroker(folders);
    await startAway('router', ['broker', directory, ROUTER_ADDRESS, String(PORT)]);
    return { url: `mqtts://${ROUTER_ADDRESS}:${PORT}`, [Symbol.asyncDispose]: async () => {} };
  };
  const place = (index: 0 | 1): Place => (index === 0 ? 'first' : 'second');
  let folder = '';
  const reach = async (index: 0 | 1, url: string): Promise<void> => {
    const port = Number(new URL(url).port);
    const path = join(folder, `door-${port}`);
    await startAway(place(index), ['door', path, String(port)]);
    const server = createServer((near) => {
      const far = connect(path);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
      near.pipe(far).pipe(near);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    made.push({ [Symbol.asyncDispose]: async () => void server.close() });
  };
  const issueBroker = async ({ authority, broker }: IdentityFolders): Promise<string> => {
    const directory = join(broker, '..', 'broker-away');
    folder = join(broker, '..');
    const child = spawn(process.execPath, [MAIN, 'identity', 'issue-broker', '--ca', authority, '--host', ROUTER_ADDRESS, '--out', directory]);
    const [status] = (await once(child, 'exit')) as [number];
    if (status !== 0) throw new Error('no certificate for the broker');
    return directory;
  };
  try {
    const pair = await startTwoRooms({ ...options, makeBroker, network: { prefix: (index) => networks.prefix(place(index)), reach } });
    made.push(pair);
    return { networks, pair, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
