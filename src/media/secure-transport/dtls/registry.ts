// The protocol's numbers, and which of them this implementation speaks. What is not in the tables of choices is neither offered nor taken.
// Sources: IANA TLS and SRTP registries; RFC 5246, RFC 5764 section 4.1.2, RFC 6347, RFC 7627, RFC 7714 section 14.2, RFC 8422, RFC 8844.

export const DTLS_1_2 = 0xfefd;
/** In plain records and in HelloVerifyRequest, where it means nothing (RFC 6347 section 4.2.1). */
export const DTLS_1_0 = 0xfeff;

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const MESSAGE = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20
} as const;

export const EXTENSION = {
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  externalIdHash: 55,
  renegotiationInfo: 0xff01
} as const;

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3). */
export const RENEGOTIATION_SIGNAL_SUITE = 0x00ff;
export const ECDSA_SHA256 = 0x0403;
export const ECDSA_SIGN = 64;
export const NAMED_CURVE = 3;

/** RFC 5246 section 7.2. */
export const ALERT = {
  close_notify: 0,
  unexpected_message: 10,
  handshake_failure: 40,
  bad_certificate: 42,
  certificate_expired: 45,
  illegal_parameter: 47,
  decode_error: 50,
  decrypt_error: 51,
  protocol_version: 70,
  internal_error: 80,
  no_renegotiation: 100,
  unsupported_extension: 110
} as const;
export type AlertName = keyof typeof ALERT;

export type CipherSuite = {
  readonly id: number;
  readonly name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' | 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384';
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly keyBytes: number;
  readonly hash: 'sha256' | 'sha384';
};
export type Group = { readonly id: number; readonly name: 'P-256' | 'X25519' };
export type SrtpProfile = { readonly id: number; readonly name: 'AEAD_AES_128_GCM' | 'AEAD_AES_256_GCM' | 'AES128_CM_HMAC_SHA1_80' };

const AES_128: CipherSuite = { id: 0xc02b, name: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', cipher: 'aes-128-gcm', keyBytes: 16, hash: 'sha256' };
const AES_256: CipherSuite = { id: 0xc02c, name: 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', cipher: 'aes-256-gcm', keyBytes: 32, hash: 'sha384' };
const X25519: Group = { id: 29, name: 'X25519' };
const P256: Group = { id: 23, name: 'P-256' };
const SRTP_GCM_128: SrtpProfile = { id: 7, name: 'AEAD_AES_128_GCM' };
const SRTP_GCM_256: SrtpProfile = { id: 8, name: 'AEAD_AES_256_GCM' };
const SRTP_CM_HMAC: SrtpProfile = { id: 1, name: 'AES128_CM_HMAC_SHA1_80' };

/** What may be negotiated, the best first. */
export type Policy = { readonly suites: readonly CipherSuite[]; readonly groups: readonly Group[]; readonly srtpProfiles: readonly SrtpProfile[] };

export const STANDARD_POLICY: Policy = {
  suites: [AES_128, AES_256],
  groups: [X25519, P256],
  // The last is for peers that have no other.
  srtpProfiles: [SRTP_GCM_128, SRTP_GCM_256, SRTP_CM_HMAC]
};
/** Approved algorithms only: P-256 and AES-GCM (R10). */
export const FIPS_POLICY: Policy = { suites: [AES_128, AES_256], groups: [P256], srtpProfiles: [SRTP_GCM_128, SRTP_GCM_256] };

export const alertName = (description: number): string => Object.entries(ALERT).find(([, number]) => number === description)?.[0] ?? `alert ${description}`;
