// The addresses by which this machine is reached from elsewhere, as the system knows them now.
import { networkInterfaces } from 'node:os';

const isLinkLocal = (address: string): boolean => address.startsWith('169.254.') || /^fe[89ab]/i.test(address);

/** Without those of interfaces that are down, of loopback, and those that reach no further than one link (RFC 3927, RFC 4291 section 2.5.6). */
export const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).filter(({ internal, address }) => !internal && !isLinkLocal(address)).map(({ address }) => address)
  );
