// A peer connection in a process of its own, so that it can be in another network. Sends sound every 20 ms, and says what happens and when.
import { networkInterfaces } from 'node:os';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeerConnection } from '../../src/media/peer/peer-connection.ts';
import type { IceCandidate } from '../../src/signaling/messages.ts';

export type ToPeer =
  | { readonly offer: true }
  | { readonly answerTo: string }
  | { readonly answered: string }
  | { readonly candidates: readonly IceCandidate[] }
  | { readonly update: string }
  | { readonly updateAnswer: { readonly sdp: string; readonly answers: string } };

export type FromPeer =
  | { readonly offer: string }
  | { readonly answer: string }
  | { readonly candidates: readonly IceCandidate[] }
  | { readonly update: string }
  | { readonly updateAnswer: { readonly sdp: string; readonly answers: string } }
  | { readonly secured: { readonly local: string; readonly remote: string } }
  | { readonly silent: boolean }
  | { readonly failed: string }
  /** How many came in the last 100 ms. */
  | { readonly heard: number };

const say = (message: FromPeer): void => void process.send?.(message);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const addresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, address }) => !internal && !address.startsWith('fe80')).map((one) => one.address)
  );

const certificate = createCallCertificate(Date.now());
const peer = createPeerConnection({ certificate, iceServers: [], fips: false, videoCodecs: ['VP8'], clock: systemClock, log: silentLog });
let timestamp = 0;
let heard = 0;
let known = addresses().join();

peer.on('candidates', (candidates) => say({ candidates }));
peer.on('update', (update) => say({ update }));
peer.on('secured', ({ localThumbprint, remoteThumbprint }) => say({ secured: { local: hex(localThumbprint), remote: hex(remoteThumbprint) } }));
peer.on('silent', (silent) => say({ silent }));
peer.on('failed', ({ code }) => say({ failed: code }));
peer.on('rtp', () => {
  heard += 1;
});
setInterval(() => {
  timestamp += 960;
  peer.send('audio', { timestamp, marker: false, payload: Buffer.alloc(60, 1) });
}, 20);
setInterval(() => {
  say({ heard });
  heard = 0;
}, 100);
setInterval(() => {
  const now = addresses();
  if (now.join() === known) return;
  known = now.join();
  peer.networkChanged(now);
}, 1_000);

async function take(message: ToPeer): Promise<void> {
  if ('offer' in message) say({ offer: await peer.createOffer() });
  else if ('answerTo' in message) say({ answer: await peer.acceptOffer(message.answerTo) });
  else if ('answered' in message) await peer.acceptAnswer(message.answered);
  else if ('candidates' in message) await peer.addCandidates(message.candidates);
  else if ('updateAnswer' in message) await peer.acceptUpdateAnswer(message.updateAnswer.sdp, message.updateAnswer.answers);
  else {
    const updateAnswer = await peer.acceptUpdate(message.update);
    if (updateAnswer !== null) say({ updateAnswer });
  }
}

process.on('message', (message: ToPeer) => void take(message));
process.on('disconnect', () => process.exit(0));
