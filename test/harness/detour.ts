// A bad network between two whole rooms. Their candidates are signed, so that nobody on the way can name a relay in them: instead the rooms' processes hand each datagram
// to this detour (detour-preload.ts), which impairs it and delivers it, with the true addresses, so that ICE sees nothing of it. Not with `tc netem`: many kernels come without it, it is
// not seeded, and it needs root. Only the other room can be reached; a server in between (STUN, TURN) cannot.
import { pathToFileURL } from 'node:url';
import { createImpairment, type Direction, type ImpairedNetwork, type NetworkControl, openLocalSocket, SIDES } from './impaired-network.ts';

const PRELOAD = pathToFileURL(`${import.meta.dirname}/detour-preload.ts`).href;
const ADDRESS_BYTES = 6;
/** IPv4 and UDP, less the two addresses that are in front of a datagram here. */
const LINK_HEADER_BYTES = 28 - 2 * ADDRESS_BYTES;

export type Detour = AsyncDisposable &
  NetworkControl & {
    /** For startTwoRooms(). Room 0 is the offerer. */
    readonly rooms: { readonly nodeFlags: readonly string[]; readonly env: (index: 0 | 1) => Readonly<Record<string, string>> };
  };

/** For startTwoRooms(): rooms whose media processes write a CPU profile into the folder when they end. */
export const profiledRooms = (folder: string): Detour['rooms'] => ({ nodeFlags: ['--import', PRELOAD], env: () => ({ CLOISTER_TEST_PROFILES: folder }) });

export async function startDetour(network: ImpairedNetwork): Promise<Detour> {
  const towards: Direction<Awaited<ReturnType<typeof openLocalSocket>>> = { offerer: await openLocalSocket(), answerer: await openLocalSocket() };
  const impairment = createImpairment(
    network,
    (to, message) => towards[to].send(message.subarray(ADDRESS_BYTES), message.readUInt16BE(4), message.subarray(0, 4).join('.')),
    LINK_HEADER_BYTES
  );
  for (const from of SIDES) {
    towards[from].on('message', (message, { address, port }) => {
      message.set(address.split('.').map(Number), ADDRESS_BYTES);
      message.writeUInt16BE(port, ADDRESS_BYTES + 4);
      impairment.send(from, message);
    });
    towards[from].on('error', () => {}); // a socket of a room that has gone
  }
  return {
    rooms: {
      nodeFlags: ['--import', PRELOAD],
      env: (index) => ({ CLOISTER_TEST_DETOUR: String(towards[index === 0 ? 'offerer' : 'answerer'].address().port) })
    },
    change: impairment.change,
    figures: impairment.figures,
    async [Symbol.asyncDispose]() {
      impairment.close();
      await Promise.all(SIDES.map((side) => new Promise<void>((resolve) => towards[side].close(() => resolve()))));
    }
  };
}
