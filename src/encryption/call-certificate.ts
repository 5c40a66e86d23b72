// The certificate of one endpoint for one call (call-security.md "Certificates"): made for the call, handed to the peer connection explicitly, never stored.
// Nothing in it names the room. The private key leaves this file only inside the returned value, which stays in the call's media process.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export type CallCertificate = {
  /** Of P-256. A secret: never exported, written, or sent to another process. A KeyObject says nothing of itself where it is logged. */
  readonly privateKey: KeyObject;
  readonly certificateDer: Uint8Array;
  /** SHA-256 of the DER certificate, 32 bytes. */
  readonly thumbprint: Uint8Array;
};

const HOUR_MS = 3_600_000;

const der = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...content: readonly Uint8Array[]) => der(0x30, ...content);
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
/** UTCTime for years before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
const time = (atMs: number): Buffer => {
  const digits = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
};
const COMMON_NAME = objectId('550403');
const ECDSA_WITH_SHA256 = sequence(objectId('2a8648ce3d040302'));
const VERSION_3 = der(0xa0, der(0x02, Buffer.from([2])));

/**
 * A fresh P-256 key with its self-signed certificate (RFC 5280 section 4.1).
 * @param nowMs wall clock; valid from an hour before it, for clocks that differ, to a day after it
 */
export function createCallCertificate(nowMs: number): CallCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = randomBytes(16);
  // Positive, and of full length (RFC 5280 section 4.1.2.2).
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(randomBytes(16).toString('hex'))))));
  const toBeSigned = sequence(
    VERSION_3,
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(nowMs - HOUR_MS), time(nowMs + 24 * HOUR_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' })
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificateDer = sequence(toBeSigned, ECDSA_WITH_SHA256, der(0x03, Buffer.from([0]), signature));
  return {
    privateKey,
    certificateDer: new Uint8Array(certificateDer),
    thumbprint: new Uint8Array(createHash('sha256').update(certificateDer).digest())
  };
}
