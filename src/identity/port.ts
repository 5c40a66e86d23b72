// The endpoint's own identity and whom it trusts: types that others need. The key never leaves src/identity but as a KeyObject.
import type { KeyObject } from 'node:crypto';
import type { CloisterError } from '../kernel/errors.ts';
import type { Result } from '../kernel/result.ts';
import type { Envelope } from '../signaling/messages.ts';
import { accountIdOf } from './names.ts';

/** protocol.md "Names", for those who build topics. */
export const names = { accountIdOf } as const;

export type EndpointIdentity = {
  readonly account: string;
  readonly organisation: string;
  /** 26 base32 characters, from the public key (protocol.md "Names"). */
  readonly endpointId: string;
  readonly key: KeyObject;
  /** PEM, for TLS. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** DER in base64, leaf first, as a JWS x5c header wants it. */
  readonly chain: readonly string[];
  readonly caPem: string;
  readonly notAfter: Date;
};

/** A public key that an answer is sealed for, as a JWK (RFC 7518 section 6.2.1). */
export type SealingKey = { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string };

/** A certificate chain as a trust decision: who it is, or why not. */
export type CertifiedParty = { readonly account: string; readonly endpoint: string; readonly key: KeyObject };

export type TrustStore = {
  /**
   * Whether the chain's leaf is an endpoint of its account's organisation: chains to a trusted CA of that organisation, is within its time,
   * has EKU clientAuth and the SAN and CN of protocol.md "Names", and is not on a CRL.
   * @param chain DER certificates, leaf first
   * @param nowMs milliseconds since 1970
   */
  verifyEndpoint(chain: readonly Uint8Array[], nowMs: number): Result<CertifiedParty, CloisterError>;
};

/** Why a message was refused, with what it claims of itself where that could be read: nobody vouches for the claims. */
export type EnvelopeRefusal = {
  readonly error: CloisterError;
  readonly claims: {
    readonly from: string | null;
    readonly endpoint: string | null;
    readonly id: string | null;
    readonly call: string | null;
    readonly type: string | null;
  };
};

/** What came with a message: protocol.md "Envelope" is decided from it and from the bytes alone. */
export type Arrival = {
  readonly nowMs: number;
  /** The topic's word: who sent it, and whether it came by the account's inbox or by the endpoint's own. */
  readonly topic: { readonly sender: string; readonly inbox: 'account' | 'endpoint' };
  /** The envelope's form: its largest size, and its schema (null where a value does not fit). */
  readonly form: { readonly maxBytes: number; readonly parse: (value: unknown) => Envelope | null };
  /** The broker may be handing over what waited for us: an old message is then late, not a sign of a wrong clock. */
  readonly mayBeLate: boolean;
};

/** What came with a statement; `sender` is the topic's word. */
export type Statement = Pick<Arrival, 'nowMs' | 'form'> & { readonly sender: string };

/** This endpoint's envelopes: seals what it sends, opens what it is sent. */
export type Envelopes = {
  /** `skipped` only in tests of what the people's comparison alone catches. */
  readonly signatures: 'required' | 'skipped';
  /** @returns the message as bytes */
  seal(envelope: Envelope): Promise<Buffer>;
  /** Never throws, whatever the bytes. */
  open(bytes: Uint8Array, arrival: Arrival): Promise<Result<Envelope, EnvelopeRefusal>>;
  /**
   * The same for what an endpoint says to whoever asks, and a broker keeps: it may be old, come again, and is addressed to its sender's own account.
   * Who said it is proven, and that it was not said in the future; that it is still so is not.
   */
  openStatement(bytes: Uint8Array, arrival: Statement): Promise<Result<Envelope, EnvelopeRefusal>>;
  /** When the message that `claims` names was first accepted, milliseconds since 1970; undefined where it was not. */
  firstSeenMs(claims: EnvelopeRefusal['claims']): number | undefined;
};
