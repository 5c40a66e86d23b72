// What ice-path.ts, ice-gate.ts and relay-candidates.ts take for granted inside the ICE stack, much of it private there, as tables that are held against it before it is used.
// An upgrade of the stack that renames a member stops here, instead of running with the gate beside the road.
import { CloisterError } from '../../kernel/errors.ts';

type Kind = 'array' | 'function' | 'string' | 'bigint' | 'object' | 'present';
type Seam = Readonly<Record<string, Kind>>;

/** Of a connection that has gathered nothing yet. */
const CONNECTION: Seam = {
  protocols: 'array',
  candidatePairs: 'array',
  remoteCandidates: 'array',
  userHistory: 'object',
  localUsername: 'string',
  localPassword: 'string',
  remoteUsername: 'string',
  remotePassword: 'string',
  state: 'string',
  nominated: 'present',
  iceControlling: 'present',
  stunServer: 'present',
  tieBreaker: 'bigint',
  buildRequest: 'function',
  checkStart: 'function',
  queryConsent: 'function',
  connect: 'function',
  close: 'function',
  send: 'function',
  gatherCandidates: 'function',
  addRemoteCandidate: 'function',
  ensureProtocol: 'function',
  appendLocalCandidate: 'function',
  pairLocalProtocol: 'function',
  localCandidates: 'array',
  generation: 'present',
  setRemoteParams: 'function',
  'onData.subscribe': 'function',
  'onIceCandidate.subscribe': 'function',
  'stateChanged.subscribe': 'function'
};

/** Of a socket of its own that is open. */
const SOCKET: Seam = {
  transactions: 'object',
  request: 'function',
  'transport.onData': 'function',
  'transport.closed': 'present',
  'transport.socket.on': 'function',
  'transport.socket.setRecvBufferSize': 'function'
};

/** Of a relay that takes part: the stack's STUN over a client that is ours (relay-candidates.ts). */
const RELAY: Seam = {
  request: 'function',
  sendData: 'function',
  close: 'function',
  'turn.transactions': 'object',
  'turn.onData.execute': 'function',
  'turn.transport.closed': 'present'
};

/** @throws CloisterError CL_INTERNAL with what is missing */
export const checkIceSeam = (connection: object): void => check('connection', connection, CONNECTION);
/** @throws CloisterError CL_INTERNAL with what is missing */
export const checkSocketSeam = (protocol: object): void => check('socket', protocol, SOCKET);
/** @throws CloisterError CL_INTERNAL with what is missing */
export const checkRelaySeam = (protocol: object): void => check('relay', protocol, RELAY);

/** The members that a check looks for, for the test that takes them away one by one. */
export const iceSeams = { connection: CONNECTION, socket: SOCKET, relay: RELAY };

function check(what: string, from: object, seam: Seam): void {
  const missing = Object.entries(seam)
    .filter(([path, kind]) => !isThere(from, path.split('.'), kind))
    .map(([path]) => path);
  if (missing.length > 0) throw new CloisterError('CL_INTERNAL', `the ICE stack is not the one that was tried: no ${missing.join(', ')} in its ${what}`);
}

function isThere(from: object, path: readonly string[], kind: Kind): boolean {
  let parent: unknown = from;
  for (const name of path.slice(0, -1)) parent = isObject(parent) ? Reflect.get(parent, name) : undefined;
  const last = path.at(-1) ?? '';
  if (!isObject(parent) || !(last in parent)) return false;
  const value: unknown = Reflect.get(parent, last);
  if (kind === 'present') return true;
  if (kind === 'array') return Array.isArray(value);
  return kind === 'object' ? isObject(value) : typeof value === kind;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
