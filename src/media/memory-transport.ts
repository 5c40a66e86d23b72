// Two transports joined in memory: the handshake and the protection of media are the real ones, there is only no network between them.
// For a rehearsal (rehearsal.ts): no packet of it reaches a socket.
import { randomBytes } from 'node:crypto';
import { createEvents } from '../kernel/events.ts';
import type { PeerTransportOptions } from './peer-transport.ts';
import {
  createHandshake,
  createMediaProtection,
  createPeerTransport,
  type Handshake,
  type MediaProtection,
  opened,
  type PeerTransport,
  type TransportEvents
} from './peer-transport.ts';

type End = { deliver(datagram: Buffer): void };

/** @returns what makes the transport of each side; each is for one use */
export function createMemoryTransports(): readonly [(options: PeerTransportOptions) => PeerTransport, (options: PeerTransportOptions) => PeerTransport] {
  const ends: [End, End] = [{ deliver: () => {} }, { deliver: () => {} }];
  return [(options) => createMemoryTransport(options, ends[0], ends[1]), (options) => createMemoryTransport(options, ends[1], ends[0])];
}

function createMemoryTransport(options: PeerTransportOptions, here: End, there: End): PeerTransport {
  const events = createEvents<TransportEvents>((error) => options.log.error('a listener of the transport failed', { error: String(error) }));
  const held: Buffer[] = [];
  let handshake: Handshake | null = null;
  let protection: MediaProtection | null = null;
  const send = (datagram: Buffer): void => {
    setImmediate(() => there.deliver(datagram));
  };
  here.deliver = (datagram) => {
    // The first byte tells DTLS from media (RFC 7983 section 7).
    if ((datagram[0] ?? 0) >= 128) events.emit('media', datagram);
    else if (handshake === null) held.push(datagram);
    else handshake.take(datagram);
  };
  return {
    on: events.on,
    iceUfrag: randomBytes(6).toString('base64'),
    icePassword: randomBytes(24).toString('base64'),
    async gather() {
      // The sockets are opened for the practice of it, and closed at once; nothing was sent through them.
      const network = createPeerTransport(options);
      await network.gather();
      await network.close();
      events.emit('candidate', null);
    },
    setRemote: () => {},
    addCandidate: async () => {},
    endOfCandidates: async () => {},
    async connect(role) {
      const current = createHandshake(role, options, send);
      handshake = current;
      const result = current.run();
      for (const datagram of held.splice(0)) current.take(datagram);
      return await result;
    },
    openMedia(audited) {
      protection = createMediaProtection(audited);
    },
    protectRtp: (header, payload) => opened(protection).protectRtp(header, payload),
    protectRtcp: (compound) => opened(protection).protectRtcp(compound),
    unprotectRtp: (datagram) => opened(protection).unprotectRtp(datagram),
    unprotectRtcp: (datagram) => opened(protection).unprotectRtcp(datagram),
    send,
    roundTripMs: () => null,
    async close() {
      here.deliver = () => {};
      handshake?.abandon();
      protection = null;
    }
  };
}
