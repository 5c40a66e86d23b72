// protocol.md "Envelope": signs what leaves and decides on what arrives. Everything outside (time, trust, what was seen) is handed in.
// Invariants: no input whatever throws; nothing of a message is believed before the step that proves it; the steps below are numbered in the
// order of protocol.md, and the first that fails names the refusal.
import { X509Certificate } from 'node:crypto';
import { CompactSign, compactVerify } from 'jose';
import { parseAddress } from '../kernel/address.ts';
import type { ErrorCode } from '../kernel/error-codes.ts';
import { CloisterError } from '../kernel/errors.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import { UUID_PATTERN } from '../kernel/uuid.ts';
import type { Envelope } from '../signaling/messages.ts';
import type { Arrival, EndpointIdentity, EnvelopeRefusal, Statement, TrustStore } from './port.ts';
import type { ReplayCache } from './replay-cache.ts';

const ALGORITHM = 'ES256';
const TYPE = 'cloister+jws';
const HEADER_FIELDS = 'alg,typ,x5c';
const MAX_CHAIN = 3;
const MAX_LIFETIME_S = 120;
const MAX_SKEW_S = 300;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export type EnvelopeContext = Arrival & {
  readonly trust: TrustStore;
  readonly self: { readonly account: string; readonly endpoint: string };
  readonly seen: ReplayCache;
  /** `skipped` leaves out steps 2 to 4 (but for the form): for tests of what the people's comparison alone catches. */
  readonly signatures: 'required' | 'skipped';
};

type Jws = { readonly text: string; readonly chain: readonly Uint8Array[]; readonly payload: unknown };

/** @returns the compact JWS as bytes */
export async function signEnvelope(identity: EndpointIdentity, envelope: Envelope): Promise<Buffer> {
  const jws = await new CompactSign(Buffer.from(JSON.stringify(envelope)))
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, x5c: [...identity.chain] })
    .sign(identity.key);
  return Buffer.from(jws, 'ascii');
}

function decode(base64: string): Uint8Array | null {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? new Uint8Array(bytes) : null;
}

/** The header's chain, if it has exactly the fields that the protocol knows: so no `crit`, `b64`, `jwk`, `kid`, no doubled name, no escaped spelling. */
function readHeader(segment: string): readonly Uint8Array[] | null {
  const text = Buffer.from(segment, 'base64url').toString('utf8');
  const header: unknown = JSON.parse(text);
  if (typeof header !== 'object' || header === null || Array.isArray(header)) return null;
  if (Object.keys(header).sort().join() !== HEADER_FIELDS || text.replace(/[ \t\r\n]/g, '') !== JSON.stringify(header)) return null;
  const { alg, typ, x5c } = header as Record<string, unknown>;
  if (typeof alg !== 'string' || typ !== TYPE || !Array.isArray(x5c) || x5c.length === 0 || x5c.length > MAX_CHAIN) return null;
  const chain = x5c.map((item: unknown) => (typeof item === 'string' ? decode(item) : null));
  return chain.every((der) => der !== null) ? chain : null;
}

/** The compact form taken apart; null where it is not one. */
function readJws(bytes: Uint8Array): Jws | null {
  const text = Buffer.from(bytes).toString('latin1');
  const segments = text.split('.');
  const [head = '', body = ''] = segments;
  if (segments.length !== 3 || !segments.every((segment) => BASE64URL.test(segment))) return null;
  try {
    const chain = readHeader(head);
    if (chain === null) return null;
    const payload: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64url')));
    return { text, chain, payload };
  } catch {
    return null;
  }
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
const fitting = (value: unknown, pattern: RegExp): string | null => (typeof value === 'string' && pattern.test(value) ? value : null);

/** What a message says of itself, in forms that cannot do harm in a log or on a panel. */
function claimsOf(payload: unknown): EnvelopeRefusal['claims'] {
  const from = field(payload, 'from');
  const account = field(from, 'account');
  const address = typeof account === 'string' && account.length <= 254 ? parseAddress(account) : null;
  return {
    from: address?.ok ? address.value.account : null,
    endpoint: fitting(field(from, 'endpoint'), /^[a-z2-7]{26}$/),
    id: fitting(field(payload, 'id'), UUID_PATTERN),
    call: fitting(field(payload, 'call'), UUID_PATTERN),
    type: fitting(field(payload, 'type'), /^[a-z][a-z.-]{0,63}$/)
  };
}

function leafKey(der: Uint8Array): X509Certificate['publicKey'] | null {
  try {
    return new X509Certificate(der).publicKey;
  } catch {
    return null;
  }
}

/** Steps 2 to 4: the signature, by the certificate in the message; then whether that certificate is worth anything. */
async function verifySender(
  jws: Jws,
  context: Pick<EnvelopeContext, 'trust' | 'nowMs'>
): Promise<Result<{ readonly account: string; readonly endpoint: string }>> {
  const refuse = (code: ErrorCode): Result<never> => err(new CloisterError(code));
  const [leaf] = jws.chain;
  if (leaf === undefined) return refuse('CL_ENVELOPE_MALFORMED');
  // Asked first, told last: a certificate known already brings its imported key, which saves the larger part of the time.
  const certified = context.trust.verifyEndpoint(jws.chain, context.nowMs);
  const key = certified.ok ? certified.value.key : leafKey(leaf);
  if (key === null) return refuse('CL_ENVELOPE_MALFORMED');
  // 2. the JWS verifies, with the one algorithm that there is
  try {
    await compactVerify(jws.text, key, { algorithms: [ALGORITHM] });
  } catch {
    return refuse('CL_ENVELOPE_SIGNATURE');
  }
  // 3. the chain ends in a trusted CA of the account's organisation; 4. in time, not revoked, with the EKU
  return certified;
}

export type StatementContext = Statement & Pick<EnvelopeContext, 'trust' | 'signatures'>;

type Refusing = { readonly envelope: Envelope; readonly refuse: (code: ErrorCode, message?: string) => Result<never, EnvelopeRefusal> };

/** Steps 1 to 5 of protocol.md "Envelope": who said it. */
async function verifyOrigin(bytes: Uint8Array, context: StatementContext): Promise<Result<Refusing, EnvelopeRefusal>> {
  // 1. size
  if (bytes.byteLength > context.form.maxBytes) return err({ error: new CloisterError('CL_ENVELOPE_TOO_LARGE'), claims: claimsOf(null) });
  // 2. form; the signature follows
  const jws = readJws(bytes);
  const claims = claimsOf(jws?.payload);
  const refuse: Refusing['refuse'] = (code, message) => err({ error: new CloisterError(code, message), claims });
  if (jws === null) return refuse('CL_ENVELOPE_MALFORMED');
  const sender = context.signatures === 'required' ? await verifySender(jws, context) : null;
  if (sender !== null && !sender.ok) return err({ error: sender.error, claims });
  const envelope = context.form.parse(jws.payload);
  if (envelope === null) return refuse('CL_ENVELOPE_MALFORMED');
  const { from } = envelope;
  // 5. certificate, topic and `from` agree
  const address = parseAddress(from.account);
  const named = address.ok && address.value.account === from.account && context.sender === from.endpoint;
  const certified = sender === null || (sender.value.account === from.account && sender.value.endpoint === from.endpoint);
  return named && certified ? ok({ envelope, refuse }) : refuse('CL_ENVELOPE_SENDER_MISMATCH');
}

/** What holds of a message that a broker keeps: steps 1 to 5, that it is addressed to nobody else's account, and that it was not said in the future. */
export async function verifyStatement(bytes: Uint8Array, context: StatementContext): Promise<Result<Envelope, EnvelopeRefusal>> {
  const origin = await verifyOrigin(bytes, context);
  if (!origin.ok) return origin;
  const { envelope, refuse } = origin.value;
  const { from, to, iat, exp } = envelope;
  if (to.account !== from.account || to.endpoint !== undefined) return refuse('CL_ENVELOPE_WRONG_RECIPIENT');
  if (exp - iat > MAX_LIFETIME_S || exp < iat) return refuse('CL_ENVELOPE_EXPIRED', 'a signaling message’s lifetime is longer than allowed');
  if (iat - context.nowMs / 1000 > MAX_SKEW_S) return refuse('CL_CLOCK_WRONG');
  return ok(envelope);
}

/** Steps 1 to 9 of protocol.md "Envelope"; step 10, the body, belongs to who knows the message's type. */
export async function verifyEnvelope(bytes: Uint8Array, context: EnvelopeContext): Promise<Result<Envelope, EnvelopeRefusal>> {
  const { self, topic, nowMs } = context;
  const origin = await verifyOrigin(bytes, { ...context, sender: topic.sender });
  if (!origin.ok) return origin;
  const { envelope, refuse } = origin.value;
  const { from, to } = envelope;
  // 6. `to` is this endpoint: by name in its own inbox, by name or by account in the account's
  const toEndpoint = to.endpoint === self.endpoint || (to.endpoint === undefined && topic.inbox === 'account');
  if (to.account !== self.account || !toEndpoint) return refuse('CL_ENVELOPE_WRONG_RECIPIENT');
  // 7. not expired, and not meant to live for longer than allowed; 8. clocks agree. Far in the past both hold: what waited for us at the
  // broker is expired, what was sent while we listened tells of a clock.
  const nowS = nowMs / 1000;
  const { iat, exp } = envelope;
  if (exp - iat > MAX_LIFETIME_S || exp < iat) return refuse('CL_ENVELOPE_EXPIRED', 'a signaling message’s lifetime is longer than allowed');
  if (iat - nowS > MAX_SKEW_S || (nowS - iat > MAX_SKEW_S && !context.mayBeLate)) return refuse('CL_CLOCK_WRONG');
  if (exp <= nowS) return refuse('CL_ENVELOPE_EXPIRED');
  // 9. not seen before. Kept for longer than `exp` by the skew allowed, so that a clock set back does not open it again.
  const admission = context.seen.admit(from.endpoint, envelope.id, (exp + MAX_SKEW_S) * 1000, nowMs);
  if (admission === 'seen') return refuse('CL_ENVELOPE_REPLAYED');
  if (admission === 'full') return refuse('CL_ENVELOPE_THROTTLED');
  return ok(envelope);
}
