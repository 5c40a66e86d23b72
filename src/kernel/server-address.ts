// The addresses of STUN and TURN servers (RFC 7064, RFC 7065).
// Invariant: what cannot be reached as it is written is not an address; nothing is guessed.

export type ServerTransport = 'udp' | 'tcp' | 'tls';
export type ServerAddress = { readonly kind: 'stun' | 'turn'; readonly host: string; readonly port: number; readonly transport: ServerTransport };

const URL_FORM = /^(stun|turns?):(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/;
const PORT = 3478;
const TLS_PORT = 5349;

/** Null where it is none, or one of a kind that is not spoken: STUN over anything but UDP, TURN over DTLS. */
export function parseServerAddress(url: string): ServerAddress | null {
  const [, scheme, six, name, givenPort, wanted] = URL_FORM.exec(url) ?? [];
  const host = six ?? name;
  if (scheme === undefined || host === undefined || (six !== undefined && !URL.canParse(`http://[${six}]/`))) return null;
  const secure = scheme === 'turns';
  const port = givenPort === undefined ? (secure ? TLS_PORT : PORT) : Number(givenPort);
  if (port < 1 || port > 65_535) return null;
  if (scheme === 'stun') return wanted === undefined || wanted === 'udp' ? { kind: 'stun', host, port, transport: 'udp' } : null;
  if (secure) return wanted === 'udp' ? null : { kind: 'turn', host, port, transport: 'tls' };
  return { kind: 'turn', host, port, transport: wanted === 'tcp' ? 'tcp' : 'udp' };
}
