// Candidates as text (RFC 8839 section 5.1). Pure; what cannot be used is null.
import { isIP } from 'node:net';

export type Candidate = {
  readonly foundation: string;
  readonly priority: number;
  /** An IP address, or the name of a browser's own under `.local` (RFC 6762); never a name that would have to be asked of a server. */
  readonly host: string;
  readonly port: number;
  readonly type: 'host' | 'srflx' | 'relay';
};

const CANDIDATE = /^(?:a=)?candidate:([A-Za-z0-9+/]{1,32}) 1 udp (\d{1,10}) (\S{1,64}) (\d{1,5}) typ (host|srflx|relay)(?: |$)/i;
const LOCAL_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local$/i;
const NOT_UNICAST = /^(0\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.|::$|ff|::ffff:)/i;

/** A candidate that can be used (RFC 8839 section 5.1): UDP, unicast; null for any other. */
export function parseCandidate(text: string): Candidate | null {
  const [, foundation, priority, host, port, type] = CANDIDATE.exec(text) ?? [];
  if (foundation === undefined || host === undefined) return null;
  const usable = isIP(host) !== 0 ? !NOT_UNICAST.test(host) && !host.includes('%') : LOCAL_NAME.test(host);
  const candidate = { foundation, priority: Number(priority), host, port: Number(port), type: type?.toLowerCase() as Candidate['type'] };
  return usable && candidate.port >= 1 && candidate.port <= 65_535 && candidate.priority < 2 ** 31 ? candidate : null;
}

/** The path that a candidate says it belongs to: the other side's user fragment (RFC 8839 section 5.1); null where it does not say. */
export function candidateUfrag(text: string): string | null {
  return / ufrag ([A-Za-z0-9+/]{4,256})(?: |$)/.exec(text)?.[1] ?? null;
}
