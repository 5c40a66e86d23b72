// What ice-path.ts and ice-gate.ts take for granted inside the ICE stack, much of it private there, as tables that are held against it before it is used.
// An upgrade of the stack that renames a member stops here, instead of running with the gate beside the road.
import { CloisterError } from '../kernel/errors.ts';

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

/** Of an allocation at a relay. */
const RELAY: Seam = {
  request: 'function',
  'turn.transactions': 'object',
  'turn.onData.execute': 'function',
  'turn.transport.onData': 'function',
  'turn.transport.type': 'string',
  'turn.transport.closed': 'present',
  'turn.serverEndpoint': 'object'
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
