// The order in which relays are preferred (RFC 8445 section 5.1.2). Pure.
// Invariant: every direct way is above every relay.
import type { ServerTransport } from '../../../kernel/server-address.ts';

/** UDP to the relay loses what is late; TCP holds the rest up behind it, and TLS costs time and work on top. */
const LOCAL_PREFERENCE: Readonly<Record<ServerTransport, number>> = { udp: 3, tcp: 2, tls: 1 };

/** RFC 8445 section 5.1.2.1 with a type preference of 0: below every direct candidate. */
export const relayPriority = (transport: ServerTransport): number => LOCAL_PREFERENCE[transport] * 256 + 255;

/** Below what any other network gives: only of use between two rooms on one machine. A relay there stays below the direct way there. */
export const LOOPBACK_PRIORITY = 8;
export const loopbackRelayPriority = (transport: ServerTransport): number => LOCAL_PREFERENCE[transport];
