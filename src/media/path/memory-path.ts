// Two paths joined in memory: handshake and protection of media over them are the real ones, there is only no network between.
// For a rehearsal (rehearsal.ts): no packet of it reaches a socket.
import { randomBytes } from 'node:crypto';
import { createEvents } from '../../kernel/events.ts';
import { createIcePath, type Path, type PathEvents, type PathOptions } from './ice-path.ts';

type End = { deliver(datagram: Buffer): void };

/** @returns what makes the path of each side; each is for one use */
export function createMemoryPaths(): readonly [(options: PathOptions) => Path, (options: PathOptions) => Path] {
  const ends: [End, End] = [{ deliver: () => {} }, { deliver: () => {} }];
  return [(options) => createMemoryPath(options, ends[0], ends[1]), (options) => createMemoryPath(options, ends[1], ends[0])];
}

function createMemoryPath(options: PathOptions, here: End, there: End): Path {
  const events = createEvents<PathEvents>((error) => options.log.error('a listener of the path failed', { error: String(error) }));
  here.deliver = (datagram) => events.emit('datagram', datagram, 'memory');
  return {
    on: events.on,
    iceUfrag: randomBytes(6).toString('base64'),
    icePassword: randomBytes(24).toString('base64'),
    async gather() {
      // The sockets are opened for the practice of it, and closed at once; nothing was sent through them.
      const network = createIcePath(options);
      await network.gather();
      await network.close();
      events.emit('candidate', null);
    },
    setRemote: () => {},
    addCandidate: async () => {},
    endOfCandidates: async () => {},
    connect: async () => {},
    send: (datagram) => {
      setImmediate(() => there.deliver(datagram));
    },
    roundTripMs: () => null,
    consentMs: () => null,
    isOutdated: () => false,
    alive: () => {},
    async close() {
      here.deliver = () => {};
    }
  };
}
