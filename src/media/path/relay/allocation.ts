// An allocation at a relay, or at the one that it names instead of itself (300 Try Alternate: RFC 8489 section 10, RFC 8656 section 7.4).
// Invariants: at most two are followed, none twice, over the same transport; over TLS each proves the configured name, or the one that a proven relay gave.
import { isIP } from 'node:net';
import { CloisterError } from '../../../kernel/errors.ts';
import type { ServerAddress } from '../../../kernel/server-address.ts';
import type { IceServer } from '../../port.ts';
import { openRelayLink, type RelayLink } from './relay-link.ts';
import { createTurnClient, type RelayAddress, type TurnClient, type TurnClientOptions } from './turn-client.ts';

export type Allocation = { readonly relayed: RelayAddress; readonly client: TurnClient; readonly link: RelayLink };

/** `lost`: it was there, or was just asked for, and is gone. */
export type AllocationOptions = Pick<TurnClientOptions, 'clock' | 'received' | 'lost'> & {
  readonly server: IceServer;
  readonly address: ServerAddress;
  /** Ends what is under way, and deletes at the relay what it may have made meanwhile. */
  readonly signal: AbortSignal;
};

const MAX_FOLLOWED = 2;

type Place = { readonly address: ServerAddress; readonly provenName: string };

const keyOf = ({ host, port }: ServerAddress): string => `${host} ${port}`;

/** @throws CloisterError CL_RELAY_REFUSED, CL_RELAY_UNREACHABLE, CL_RELAY_CERTIFICATE */
export async function openAllocation(options: AllocationOptions): Promise<Allocation> {
  let place: Place = { address: options.address, provenName: options.address.host };
  const asked = new Set<string>();
  for (;;) {
    asked.add(keyOf(place.address));
    try {
      return await allocateAt(place, options);
    } catch (error) {
      const next = alternativeTo(place, error);
      if (next === null || asked.size > MAX_FOLLOWED || asked.has(keyOf(next.address))) throw error;
      place = next;
    }
  }
}

async function allocateAt({ address, provenName }: Place, { server, clock, signal, received, lost }: AllocationOptions): Promise<Allocation> {
  const { username = '', credential = '', authorityPem } = server;
  const late: { client?: TurnClient } = {};
  const gone = (why: string): void => {
    void late.client?.close();
    lost(why);
  };
  const link = await openRelayLink({
    server: address,
    provenName,
    authorityPem,
    clock,
    signal,
    received: (message) => late.client?.receive(message),
    ended: () => gone('the connection to the relay ended')
  });
  const client = createTurnClient({ link, username, credential, clock, received, lost: gone });
  late.client = client;
  const giveUp = (): void => void client.close();
  signal.addEventListener('abort', giveUp);
  try {
    signal.throwIfAborted();
    return { relayed: await client.allocate(), client, link };
  } catch (error) {
    await client.close();
    link.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** What the relay named instead of itself; a name counts only from one that has proven its own. */
function alternativeTo({ address, provenName }: Place, error: unknown): Place | null {
  if (!(error instanceof CloisterError)) return null;
  const { alternateHost: host, alternatePort: port, alternateDomain: domain } = error.details;
  if (typeof host !== 'string' || isIP(host) === 0 || typeof port !== 'number' || port <= 0) return null;
  return { address: { ...address, host, port }, provenName: typeof domain === 'string' && domain !== '' ? domain : provenName };
}
