// Ties the media connection to the two endpoints that think they have it (RFC 8844): without it somebody who calls two rooms at once and passes everything
// on between them would make each believe that it speaks with him, with certificates, handshake and security code all in order.
import { createHash } from 'node:crypto';

/** What an endpoint says of itself in the handshake's external_id_hash: 32 bytes. @param endpoint its id, the hash of its identity key */
export const endpointBinding = (endpoint: string): Uint8Array =>
  new Uint8Array(createHash('sha256').update('cloister endpoint v1').update(endpoint, 'ascii').digest());
