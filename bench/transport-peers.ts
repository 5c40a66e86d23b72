// The peer connections that are measured beside each other, all with one sound or picture to negotiate and no server to ask: ours as a room has it,
// werift's as it comes, and libdatachannel's (which has threads of its own, and talks on the loopback interface alone).
import { PeerConnection as Libdatachannel, Video } from 'node-datachannel';
import { createCallCertificate } from '../src/encryption/call-certificate.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createPeerConnection } from '../src/media/peer/peer-connection.ts';
import { stockParty } from '../test/fakes/dtls-attacker.ts';

type Candidate = { readonly candidate: string; readonly mid: string };

export type BenchPeer = AsyncDisposable & {
  offer(): Promise<string>;
  answer(offer: string): Promise<string>;
  accept(answer: string): Promise<void>;
  addCandidate(candidate: Candidate): Promise<void>;
  /** Settles once: secured, or given up. */
  readonly connected: Promise<void>;
};

/** @param trickle takes the candidates one by one; null for a description that waits for all of them */
export type MakePeer = (trickle: ((candidate: Candidate) => void) | null) => BenchPeer;

export const PEERS = ['ours', 'werift', 'libdatachannel'] as const;
export type PeerName = (typeof PEERS)[number];

export const makePeer: Readonly<Record<PeerName, MakePeer>> = { ours: ownPeer, werift: stockPeer, libdatachannel: libdatachannelPeer };

function ownPeer(trickle: ((candidate: Candidate) => void) | null): BenchPeer {
  const peer = createPeerConnection({
    certificate: createCallCertificate(Date.now()),
    iceServers: [],
    fips: false,
    videoCodecs: ['VP8'],
    clock: systemClock,
    log: silentLog
  });
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  peer.on('secured', () => resolve());
  peer.on('failed', ({ code, text }) => reject(new Error(`${code}: ${text}`)));
  // Without servers the description has all of them; this is for the day when it has not.
  if (trickle !== null) peer.on('candidates', (list) => list.forEach(({ candidate, sdpMid }) => void trickle({ candidate, mid: sdpMid ?? '' })));
  return {
    offer: () => peer.createOffer(),
    answer: (sdp) => peer.acceptOffer(sdp),
    accept: (sdp) => peer.acceptAnswer(sdp),
    addCandidate: ({ candidate, mid }) => peer.addCandidates([{ candidate, sdpMid: mid, sdpMLineIndex: null }]),
    connected,
    [Symbol.asyncDispose]: () => peer.close()
  };
}

/** Its description always waits for its candidates: with trickle it would not be quicker here, since nobody is asked for any. */
function stockPeer(): BenchPeer {
  const party = stockParty();
  return {
    offer: party.offer,
    answer: party.answer,
    accept: party.accept,
    addCandidate: async () => {},
    connected: party.outcome.then((outcome) => {
      if ('failed' in outcome) throw new Error(outcome.failed.text);
    }),
    [Symbol.asyncDispose]: () => party[Symbol.asyncDispose]()
  };
}

export type LibdatachannelPeer = BenchPeer & {
  /** When ICE had a path, by performance.now(). */
  readonly pathAtMs: Promise<number>;
};

export function libdatachannelPeer(trickle: ((candidate: Candidate) => void) | null): LibdatachannelPeer {
  const peer = new Libdatachannel('bench', { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true });
  const video = new Video('video', 'SendRecv');
  video.addVP8Codec(96);
  const connected = Promise.withResolvers<void>();
  const pathAt = Promise.withResolvers<number>();
  const described = Promise.withResolvers<string>();
  peer.onStateChange((state) => {
    if (state === 'connected') connected.resolve();
    if (state === 'failed' || state === 'closed') connected.reject(new Error(state));
  });
  peer.onIceStateChange((state) => {
    if (state === 'connected') pathAt.resolve(performance.now());
  });
  peer.onLocalCandidate((candidate, mid) => trickle?.({ candidate, mid }));
  peer.onLocalDescription((sdp) => {
    if (trickle !== null) described.resolve(sdp);
  });
  peer.onGatheringStateChange((state) => {
    // The relay of the tests reads the transport's name in lower case, as everybody else writes it.
    if (state === 'complete') described.resolve((peer.localDescription()?.sdp ?? '').replaceAll(' UDP ', ' udp '));
  });
  connected.promise.catch(() => {});
  return {
    offer() {
      peer.addTrack(video);
      peer.setLocalDescription('offer');
      return described.promise;
    },
    answer(sdp) {
      peer.setRemoteDescription(sdp, 'offer');
      peer.setLocalDescription('answer');
      return described.promise;
    },
    accept: async (sdp) => peer.setRemoteDescription(sdp, 'answer'),
    addCandidate: async ({ candidate, mid }) => peer.addRemoteCandidate(candidate, mid),
    connected: connected.promise,
    pathAtMs: pathAt.promise,
    async [Symbol.asyncDispose]() {
      peer.close();
    }
  };
}

/** One offers, the other answers; candidates go over as they come. Milliseconds from before both are made, with their certificates, to both connected. */
export async function connectDirectly(make: MakePeer): Promise<number> {
  const startMs = performance.now();
  // A candidate waits until the side that it is for has a description.
  const [answered, accepted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using offerer = make((candidate) => void answered.promise.then(() => answerer.addCandidate(candidate)));
  await using answerer: BenchPeer = make((candidate) => void accepted.promise.then(() => offerer.addCandidate(candidate)));
  const both = Promise.all([offerer.connected, answerer.connected]);
  const answer = await answerer.answer(await offerer.offer());
  answered.resolve();
  await offerer.accept(answer);
  accepted.resolve();
  await both;
  return performance.now() - startMs;
}
