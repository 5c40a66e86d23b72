// Whether a STUN or TURN server serves this machine, for the doctor: a relay is logged in to as for a call, and given back at once.
import { isIP } from 'node:net';
import { classes, Message, methods, parseMessage } from 'werift';
import type { Clock } from '../../../kernel/clock.ts';
import { CloisterError } from '../../../kernel/errors.ts';
import { parseServerAddress, type ServerAddress } from '../../../kernel/server-address.ts';
import type { IceServer } from '../../port.ts';
import { openAllocation } from './allocation.ts';
import { openRelayLink, type RelayLink } from './relay-link.ts';

const STUN_REPEAT_MS = 500;
const STUN_LIMIT_MS = 3_000;

/** Resolves where it does. @throws CloisterError CL_RELAY_UNREACHABLE, CL_RELAY_REFUSED, CL_RELAY_CERTIFICATE */
export async function probeServer(server: IceServer, clock: Clock): Promise<void> {
  const address = parseServerAddress(server.urls);
  if (address === null) throw new CloisterError('CL_RELAY_UNREACHABLE', `${server.urls} is not an address`);
  await (address.kind === 'stun' ? probeStun(address, clock) : probeTurn(server, address, clock));
}

async function probeTurn(server: IceServer, address: ServerAddress, clock: Clock): Promise<void> {
  const { client, link } = await openAllocation({ server, address, clock, signal: new AbortController().signal, received: () => {}, lost: () => {} });
  await client.close();
  link.close();
}

async function probeStun(server: ServerAddress, clock: Clock): Promise<void> {
  const request = new Message(methods.BINDING, classes.REQUEST);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const none = (): void => reject(new CloisterError('CL_RELAY_UNREACHABLE', `the STUN server at ${server.host} port ${server.port} does not answer`));
  const link: RelayLink = await openRelayLink({
    server,
    authorityPem: undefined,
    clock,
    signal: new AbortController().signal,
    received(message) {
      const answer = parseMessage(message);
      const mapped: unknown = answer?.getAttributeValue('XOR-MAPPED-ADDRESS')?.[0];
      if (answer?.transactionIdHex === request.transactionIdHex && typeof mapped === 'string' && isIP(mapped) !== 0) resolve();
    },
    ended: none
  });
  const limit = clock.schedule(STUN_LIMIT_MS, none);
  let repeat = clock.schedule(0, send);
  function send(): void {
    link.send(request.bytes);
    repeat = clock.schedule(STUN_REPEAT_MS, send);
  }
  try {
    await promise;
  } finally {
    limit.cancel();
    repeat.cancel();
    link.close();
  }
}
