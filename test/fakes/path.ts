// A path without a network: a test says what it gathers, when it is nominated and what comes. For what is done with several of them.
import { createEvents } from '../../src/kernel/events.ts';
import type { Path, PathEvents } from '../../src/media/path/ice-path.ts';

export type FakePath = Path & {
  readonly emit: ReturnType<typeof createEvents<PathEvents>>['emit'];
  readonly remote: string[];
  readonly remoteCandidates: string[];
  readonly sent: string[];
  connecting: boolean;
  heard: number;
  closed: boolean;
  consentAtMs: number | null;
  outdated: boolean;
  /** Lets connect() resolve. */
  nominate(): void;
  fail(): void;
};

export function createFakePath(name: string): FakePath {
  const events = createEvents<PathEvents>((error) => {
    throw error;
  });
  const nominated = Promise.withResolvers<void>();
  nominated.promise.catch(() => {});
  const path: FakePath = {
    on: events.on,
    emit: events.emit,
    iceUfrag: name,
    icePassword: `password of ${name}`,
    remote: [],
    remoteCandidates: [],
    sent: [],
    connecting: false,
    heard: 0,
    closed: false,
    consentAtMs: 0,
    outdated: false,
    async gather() {
      events.emit('candidate', `candidate:1 1 udp 1 192.0.2.1 1000 typ host of ${name}`);
      events.emit('candidate', null);
    },
    setRemote: (ufrag) => void path.remote.push(ufrag),
    addCandidate: async (text) => void path.remoteCandidates.push(text),
    endOfCandidates: async () => void path.remoteCandidates.push('end'),
    connect() {
      path.connecting = true;
      return nominated.promise;
    },
    send: (datagram) => void path.sent.push(datagram.toString()),
    roundTripMs: () => null,
    consentMs: () => path.consentAtMs,
    isOutdated: () => path.outdated,
    alive() {
      path.heard += 1;
    },
    async close() {
      path.closed = true;
    },
    nominate: nominated.resolve,
    fail: () => nominated.reject(new Error('nothing was found'))
  };
  return path;
}
