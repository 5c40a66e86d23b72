// The endpoint's own identity and whom it trusts: types that others need. The key never leaves src/identity but as a KeyObject.
import type { KeyObject } from 'node:crypto';
import type { CloisterError } from '../kernel/errors.ts';
import type { Result } from '../kernel/result.ts';

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
