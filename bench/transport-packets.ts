// What protecting and reading one packet costs, beside the bare calls of node:crypto for the same bytes. All take turns within each round, on fresh packets
// (a packet that was read is refused the second time), and the ratio is taken within the round, so that whatever else the machine does meets all alike.
import { type CipherGCM, createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { RtpHeader, SrtpSession } from 'werift';
import { writeRtp } from '../src/media/peer/peer-packets.ts';
import { createMediaProtection, type SrtpKeys, srtpKeyLengths } from '../src/media/secure-transport/srtp/srtp.ts';
import { median } from './figures.ts';

const PAYLOAD_BYTES = [120, 1_200] as const;
const PACKETS = 250;
const WARM_UP_ROUNDS = 20;
const ROUNDS = 100;
const HEAD_BYTES = 12;
const SSRC = 0x1234_5678;
const WERIFT_AEAD_AES_128_GCM = 7;

/** Microseconds for each packet, and how many times the bare calls', both medians of all rounds. */
export type PacketCost = { readonly micros: number; readonly ratio: number };
export type PacketResult = {
  readonly payloadBytes: number;
  readonly implementation: string;
  readonly protect: PacketCost;
  readonly unprotect: PacketCost;
};

/** A packet in the shape in which each wants it, made before the time is taken. */
type Plain = { readonly packet: Buffer; readonly head: Buffer; readonly payload: Buffer; readonly header: RtpHeader };
type Contender = {
  readonly name: string;
  /** The batch, protected by the one end and then read by the other. @throws where one does not come back as it was */
  run(plain: readonly Plain[]): { readonly protectMs: number; readonly unprotectMs: number };
};

const RAW = 'node:crypto alone, AES-128-GCM';

export function benchPackets(say: (line: string) => void): PacketResult[] {
  return PAYLOAD_BYTES.flatMap((payloadBytes) => {
    say(`packets of ${payloadBytes} bytes`);
    return measure(payloadBytes);
  });
}

function measure(payloadBytes: number): PacketResult[] {
  const contenders = [
    rawContender(),
    ownContender('AEAD_AES_128_GCM'),
    ownContender('AEAD_AES_256_GCM'),
    ownContender('AES128_CM_HMAC_SHA1_80'),
    weriftContender()
  ];
  const times = contenders.map(() => ({ protectMs: [] as number[], unprotectMs: [] as number[] }));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const plain = plainPackets(payloadBytes, (round + WARM_UP_ROUNDS) * PACKETS);
    for (let turn = 0; turn < contenders.length; turn++) {
      // Nobody always follows the same one, whose garbage it would have to carry away.
      const at = (((turn * (1 + (Math.abs(round) % 4)) + round) % contenders.length) + contenders.length) % contenders.length;
      const took = contenders[at]?.run(plain);
      if (round < 0 || took === undefined) continue;
      times[at]?.protectMs.push(took.protectMs);
      times[at]?.unprotectMs.push(took.unprotectMs);
    }
  }
  const [raw] = times;
  const cost = (all: readonly number[] = [], bare: readonly number[] = []): PacketCost => ({
    micros: (median(all) * 1000) / PACKETS,
    ratio: median(all.map((ms, round) => ms / (bare[round] ?? Number.NaN)))
  });
  return contenders.map(({ name }, index) => ({
    payloadBytes,
    implementation: name,
    protect: cost(times[index]?.protectMs, raw?.protectMs),
    unprotect: cost(times[index]?.unprotectMs, raw?.unprotectMs)
  }));
}

function plainPackets(payloadBytes: number, first: number): Plain[] {
  return Array.from({ length: PACKETS }, (_, index) => {
    const sequenceNumber = (first + index) & 0xffff;
    const header = { payloadType: 96, sequenceNumber, timestamp: first + index, ssrc: SSRC, marker: false };
    const packet = writeRtp(header, randomBytes(payloadBytes));
    return {
      packet,
      head: packet.subarray(0, HEAD_BYTES),
      payload: packet.subarray(HEAD_BYTES),
      header: new RtpHeader({ ...header, payloadOffset: HEAD_BYTES })
    };
  });
}

function timed<T, R>(items: readonly T[], act: (item: T) => R): { readonly ms: number; readonly results: R[] } {
  const results = new Array<R>(items.length);
  const startMs = performance.now();
  for (let index = 0; index < items.length; index++) results[index] = act(items[index] as T);
  return { ms: performance.now() - startMs, results };
}

function assertRead(plain: readonly Plain[], read: readonly (Buffer | null)[], part: 'packet' | 'payload'): void {
  if (!plain.every((each, index) => read[index]?.equals(each[part]) === true)) throw new Error('a packet did not come back as it was');
}

/** The calls that nobody can do without, their arguments cut beforehand; the result is not even put together. */
function rawContender(): Contender {
  const key = createSecretKey(randomBytes(16));
  const vector = randomBytes(12);
  const options = { authTagLength: 16 } as const;
  return {
    name: RAW,
    run(plain) {
      const sealed = timed(plain, ({ head, payload }) => {
        const cipher: CipherGCM = createCipheriv('aes-128-gcm', key, vector, options);
        cipher.setAAD(head);
        const body = cipher.update(payload);
        cipher.final();
        return { head, body, tag: cipher.getAuthTag() };
      });
      const opened = timed(sealed.results, ({ head, body, tag }) => {
        const decipher = createDecipheriv('aes-128-gcm', key, vector, options);
        decipher.setAAD(head);
        decipher.setAuthTag(tag);
        const payload = decipher.update(body);
        decipher.final();
        return payload;
      });
      assertRead(plain, opened.results, 'payload');
      return { protectMs: sealed.ms, unprotectMs: opened.ms };
    }
  };
}

function keysOf(profile: keyof typeof srtpKeyLengths): readonly [SrtpKeys, SrtpKeys] {
  const { keyBytes, saltBytes } = srtpKeyLengths[profile];
  const [localKey, remoteKey, localSalt, remoteSalt] = [randomBytes(keyBytes), randomBytes(keyBytes), randomBytes(saltBytes), randomBytes(saltBytes)];
  return [
    { localKey, localSalt, remoteKey, remoteSalt },
    { localKey: remoteKey, localSalt: remoteSalt, remoteKey: localKey, remoteSalt: localSalt }
  ];
}

function ownContender(profile: keyof typeof srtpKeyLengths): Contender {
  const [here, there] = keysOf(profile);
  const [sender, receiver] = [createMediaProtection(profile, here), createMediaProtection(profile, there)];
  return {
    name: `ours, ${profile}`,
    run(plain) {
      const sealed = timed(plain, ({ packet }) => sender.protectRtp(packet));
      const opened = timed(sealed.results, (packet) => receiver.unprotectRtp(packet));
      assertRead(plain, opened.results, 'packet');
      return { protectMs: sealed.ms, unprotectMs: opened.ms };
    }
  };
}

function weriftContender(): Contender {
  const session = (keys: SrtpKeys): SrtpSession =>
    new SrtpSession({
      keys: { localMasterKey: keys.localKey, localMasterSalt: keys.localSalt, remoteMasterKey: keys.remoteKey, remoteMasterSalt: keys.remoteSalt },
      profile: WERIFT_AEAD_AES_128_GCM
    });
  const [here, there] = keysOf('AEAD_AES_128_GCM');
  const [sender, receiver] = [session(here), session(there)];
  return {
    name: 'werift, AEAD_AES_128_GCM',
    run(plain) {
      const sealed = timed(plain, ({ payload, header }) => sender.encrypt(payload, header));
      const opened = timed(sealed.results, (packet) => receiver.decrypt(packet));
      assertRead(plain, opened.results, 'packet');
      return { protectMs: sealed.ms, unprotectMs: opened.ms };
    }
  };
}
