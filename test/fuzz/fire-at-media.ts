// Fire at the media's protection. Without keys nothing gets through and nothing is disturbed: the honest packets among the shots arrive, each once,
// across rollovers. With keys the peer's packets may say anything in their headers; they come out as they went in, or not at all.
import assert from 'node:assert/strict';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { SrtpProfile } from '../../src/media/secure-transport/dtls/registry.ts';
import { createMediaProtection, type MediaProtection, type SrtpKeys, srtpKeyLengths } from '../../src/media/secure-transport/srtp/srtp.ts';
import { firedInHalves, type Range } from './fire.ts';
import { mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

type Kind = 'rtp' | 'rtcp';
type Honest = { readonly kind: Kind; readonly plain: Buffer; readonly sealed: Buffer };

const KINDS: readonly Kind[] = ['rtp', 'rtcp'];
const SOURCES = [0x11223344, 0xfedcba98];
const HONEST_EVERY = 10;
const IN_FLIGHT = 4;
const HEAD_BYTES = 16;
const SHOTS_PER_PEER = 2_000;
/** How many sources may be believed, of those that the other side may invent. */
const MAX_SOURCES = 40;

const protect = (media: MediaProtection, kind: Kind, packet: Buffer): Buffer => (kind === 'rtp' ? media.protectRtp(packet) : media.protectRtcp(packet));
const unprotect = (media: MediaProtection, kind: Kind, packet: Buffer): Buffer | null =>
  kind === 'rtp' ? media.unprotectRtp(packet) : media.unprotectRtcp(packet);

function createKeys(random: Random, profile: SrtpProfile['name']): { readonly ours: SrtpKeys; readonly theirs: SrtpKeys } {
  const { keyBytes, saltBytes } = srtpKeyLengths[profile];
  const [localKey, localSalt, remoteKey, remoteSalt] = [random.bytes(keyBytes), random.bytes(saltBytes), random.bytes(keyBytes), random.bytes(saltBytes)];
  return {
    ours: { localKey, localSalt, remoteKey, remoteSalt },
    theirs: { localKey: remoteKey, localSalt: remoteSalt, remoteKey: localKey, remoteSalt: localSalt }
  };
}

function rtpPacket(random: Random, ssrc: number, sequenceNumber: number): Buffer {
  const contributing = random.once(4) ? random.below(4) : 0;
  const extensionWords = random.once(3) ? 1 + random.below(3) : 0;
  const head = Buffer.alloc(12);
  head.writeUInt8(0x80 | (extensionWords > 0 ? 0x10 : 0) | contributing, 0);
  head.writeUInt8(96, 1);
  head.writeUInt16BE(sequenceNumber, 2);
  head.writeUInt32BE(ssrc, 8);
  const extension = Buffer.from([0xbe, 0xde, 0, extensionWords]);
  return Buffer.concat([
    head,
    random.bytes(4 * contributing),
    ...(extensionWords > 0 ? [extension, random.bytes(4 * extensionWords)] : []),
    random.bytes(random.below(60))
  ]);
}

function rtcpPacket(random: Random, ssrc: number): Buffer {
  const packet = Buffer.concat([Buffer.from([0x80, 200, 0, 6]), random.bytes(24)]);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

/** Beside the ways of any bytes, those that change the fields which the index is made of, and the lengths of the header. */
function mutatePacket(random: Random, corpus: readonly Buffer[]): { readonly datagram: Buffer; readonly how: string } {
  const { datagram, how } = mutateBytes(random, corpus);
  const packet = Buffer.from(random.once(2) ? random.pick(corpus) : datagram);
  if (random.once(2) || packet.length < HEAD_BYTES) return { datagram, how };
  const [field, change] = random.pick<[string, () => unknown]>([
    ['flags', () => packet.writeUInt8(random.below(256), 0)],
    ['sequence', () => packet.writeUInt16BE((packet.readUInt16BE(2) + random.pick([1, 2, 100, 2_047, 2_048, 2 ** 15 - 1, 2 ** 15, 2 ** 16 - 1])) % 2 ** 16, 2)],
    ['source', () => packet.writeUInt32BE(random.once(4) ? random.pick(SOURCES) : random.below(2 ** 32), random.pick([4, 8]))],
    ['extension', () => packet.writeUInt16BE(random.below(2 ** 16), 14)],
    ['index', () => packet.writeUInt32BE(random.below(2 ** 32), packet.length - random.pick([4, 14]))],
    ['end', () => packet.writeUInt8(random.below(256), packet.length - 1 - random.below(HEAD_BYTES))]
  ]);
  change();
  return { datagram: packet, how: `${how}+${field}` };
}

export function besiegeMedia(range: Range, profile: SrtpProfile['name'], count: number): void {
  const { random } = range;
  const { ours, theirs } = createKeys(random, profile);
  const sender = createMediaProtection(profile, theirs);
  const receiver = createMediaProtection(profile, ours);
  // Rolls over soon, and again and again: now and then a step is up to some thousand packets, as after a loss.
  const numbers = SOURCES.map(() => 60_000 + random.below(700));
  const inFlight: Honest[] = [];
  const arrived: Honest[] = [];

  const honest = (): Honest => {
    const source = random.below(SOURCES.length);
    const kind: Kind = random.once(5) ? 'rtcp' : 'rtp';
    const ssrc = SOURCES[source] ?? 0;
    if (kind === 'rtp') numbers[source] = (numbers[source] ?? 0) + 1 + (random.once(10) ? random.below(2_000) : 0);
    const plain = kind === 'rtp' ? rtpPacket(random, ssrc, (numbers[source] ?? 0) % 2 ** 16) : rtcpPacket(random, ssrc);
    return { kind, plain, sealed: protect(sender, kind, plain) };
  };
  const arrive = ({ kind, plain, sealed }: Honest): void => {
    assert.deepEqual(unprotect(receiver, kind, sealed), plain, 'an honest packet does not get through any more');
    for (const each of KINDS) assert.equal(unprotect(receiver, each, sealed), null, 'a packet was taken twice, or as another kind');
  };

  firedInHalves(range, count, (shot) => {
    if (shot % HONEST_EVERY === 0) {
      while (inFlight.length < IN_FLIGHT) inFlight.push(honest());
      const next = inFlight.shift();
      assert.ok(next !== undefined);
      arrive(next);
      arrived.push(next);
      if (arrived.length > 2 * IN_FLIGHT) arrived.shift();
    }
    const corpus = [...inFlight, ...arrived].map(({ sealed }) => sealed);
    let mutated = mutatePacket(random, corpus);
    while (inFlight.some(({ sealed }) => sealed.equals(mutated.datagram))) mutated = mutatePacket(random, corpus);
    range.aim(mutated.datagram, mutated.how);
    for (const kind of KINDS) assert.equal(unprotect(receiver, kind, mutated.datagram), null, `a forged ${kind} packet was taken`);
  });
  for (const packet of inFlight) arrive(packet);
  range.count('goes on');
}

export function fireInsideMedia(range: Range, profile: SrtpProfile['name'], count: number): void {
  const { random } = range;
  const { ours, theirs } = createKeys(random, profile);
  let [receiver, peer] = [createMediaProtection(profile, ours), createMediaProtection(profile, theirs)];
  const believed = new Set<string>();
  let number = 0;
  firedInHalves(range, count, (shot) => {
    // Numbers that jump about soon leave nothing to come: begin again.
    if (shot % SHOTS_PER_PEER === 0) {
      [receiver, peer] = [createMediaProtection(profile, ours), createMediaProtection(profile, theirs)];
      believed.clear();
      // As many sources as may be, at once: then nothing more may grow.
      for (const ssrc of [...SOURCES, ...Array.from({ length: MAX_SOURCES }, () => random.below(2 ** 32))])
        for (const kind of KINDS) {
          const sealed = sealedOrNull(createMediaProtection(profile, theirs), kind, kind === 'rtp' ? rtpPacket(random, ssrc, 0) : rtcpPacket(random, ssrc));
          if (sealed !== null && unprotect(receiver, kind, sealed) !== null) believed.add(`${kind} ${ssrc}`);
        }
      number = 0;
    }
    number += 1;
    const kind = random.pick(KINDS);
    const ssrc = random.once(10) ? random.below(2 ** 32) : random.pick(SOURCES);
    const { datagram: plain, how } = mutatePacket(random, [kind === 'rtp' ? rtpPacket(random, ssrc, number % 2 ** 16) : rtcpPacket(random, ssrc)]);
    // A fresh sender now and then: what was sent before holds no hostile one back.
    const sealed = sealedOrNull(random.once(4) ? createMediaProtection(profile, theirs) : peer, kind, plain);
    range.aim(sealed ?? plain, `${how} of ${plain.toString('hex')}`);
    const opened = unprotect(receiver, kind, sealed ?? plain);
    assert.ok(opened === null || (sealed !== null && opened.equals(plain)), 'a packet comes out as another one');
    if (opened !== null) believed.add(`${kind} ${plain.readUInt32BE(kind === 'rtp' ? 8 : 4)}`);
    assert.ok(believed.size <= KINDS.length * MAX_SOURCES, 'sources without end are believed');
    range.count(opened === null ? 'dropped' : 'taken');
  });
}

function sealedOrNull(media: MediaProtection, kind: Kind, plain: Buffer): Buffer | null {
  try {
    return protect(media, kind, plain);
  } catch (error) {
    assert.ok(error instanceof CloisterError && error.code === 'CL_INTERNAL', `refused with something else: ${String(error)}`);
    return null;
  }
}
