// protocol.md version 1 as schemas: one table from message type to body. Unknown fields are dropped, as the protocol says.
// Types are inferred from the schemas, so that what is checked and what is compiled cannot differ.
import * as z from 'zod';
import { UUID_PATTERN } from '../kernel/uuid.ts';

export const ENVELOPE_MAX_BYTES = 65_536;

const hash32 = z.string().regex(/^[0-9a-f]{64}$/);
const sdp = z.string().min(1).max(32_768);
const account = z.string().min(3).max(254);
const endpointId = z.string().regex(/^[a-z2-7]{26}$/);

/** The offered encryption; a message whose E2EE fields were stripped parses as a standard call. */
const offeredEncryption = z.object({
  offered: z.boolean(),
  commitment: hash32.optional(),
  reason: z.enum(['policy', 'setting', 'recording', 'conference']).optional()
});
const acceptedEncryption = z.object({
  accepted: z.boolean(),
  nonce: hash32.optional(),
  reason: z.enum(['policy', 'setting', 'recording', 'conference']).optional()
});

/** Handing over, parking and retrieving are ours to add (docs/adr/0035): protocol.md says nothing of them. 128 bits that nobody else knows. */
const token = z.string().regex(/^[0-9a-f]{32}$/);
/** The call that the invited endpoint takes this one in place of, without ringing again. */
const replaces = z.object({ call: z.string().regex(UUID_PATTERN), token });
/** Of docs/adr/0036. Ours to add. */
const participant = z.object({ account, displayName: z.string().max(128) });
/**
 * This call is to be one of a conference: `others` is who else takes part, besides caller and callee. With `token` it joins: the callee was told of it
 * (`call.conference`, `wait`) and answers without ringing.
 */
const invitedConference = z.object({ id: z.string().regex(UUID_PATTERN), others: z.array(participant).max(1), token: token.optional() });
const endReason = z.enum([
  'hangup',
  'declined',
  'busy',
  'timeout',
  'blocked',
  'policy',
  'unsupported',
  'security-check-failed',
  'media-failed',
  'device-failed',
  'answered-elsewhere'
]);

const invite = z.object({
  sdp,
  encryption: offeredEncryption.default({ offered: false }),
  media: z.object({ audio: z.boolean(), video: z.boolean() }),
  displayName: z.string().max(128),
  /** What the caller says of who asked it to call: for people alone, nothing is decided by it. */
  referredBy: z.object({ account, displayName: z.string().max(128) }).optional(),
  replaces: replaces.optional(),
  conference: invitedConference.optional()
});

export const candidateSchema = z.object({
  candidate: z.string().max(512),
  sdpMid: z.string().max(16).nullable(),
  sdpMLineIndex: z.number().int().min(0).max(15).nullable()
});

const bodySchemas = {
  'call.invite': invite,
  'call.ringing': z.object({}),
  // The name is ours to add (docs/adr/0013): without it the caller could show an address only.
  'call.answer': z.object({ sdp, encryption: acceptedEncryption.default({ accepted: false }), displayName: z.string().max(128).optional() }),
  'call.reveal': z.object({ nonce: hash32 }),
  'call.candidate': z.object({ candidates: z.array(candidateSchema).max(64) }),
  // `held` and `recording` are ours to add (docs/adr/0028, 0034): neither changes a description, so that they need no sdp.
  'call.update': z
    .object({ sdp: sdp.optional(), held: z.boolean().optional(), recording: z.boolean().optional() })
    .refine((body) => body.sdp !== undefined || body.held !== undefined || body.recording !== undefined, 'has neither sdp nor held nor recording'),
  // `answers` is ours to add (docs/adr/0018): the user fragment of the update's path, since one that was given up may be answered late.
  'call.update-answer': z.object({ sdp, answers: z.string().min(4).max(256).optional() }),
  'call.reconnect': invite,
  'call.verdict': z.object({ codesMatch: z.boolean() }),
  'call.refer': z.object({ to: account, replaces: replaces.optional() }),
  'call.refer-answer': z.object({
    state: z.enum(['accepted', 'refused', 'ringing', 'answered', 'failed']),
    reason: z.enum([...endReason.options, 'encryption', 'address']).optional()
  }),
  'call.replace': z.object({ token, by: account }),
  'call.replace-answer': z.object({ accepted: z.boolean() }),
  'call.retrieve': z.object({ code: z.string().regex(/^[0-9]{4}$/), token }),
  'call.retrieve-answer': z.object({ accepted: z.boolean(), account: account.optional() }),
  // From who brings three together: `peer` will call (`wait`) or is to be called (`call`), with this token.
  'call.conference': z.object({ id: z.string().regex(UUID_PATTERN), token, peer: participant, role: z.enum(['wait', 'call']) }),
  // `joined`: the call with `peer` is secured; from who brings them together: both have said so. `failed`: it is not, or one of the three gave up.
  'call.conference-answer': z.object({
    id: z.string().regex(UUID_PATTERN),
    state: z.enum(['accepted', 'refused', 'joined', 'failed']),
    reason: z.enum([...endReason.options, 'encryption', 'address']).optional()
  }),
  'call.end': z.object({ reason: endReason })
} as const;

/** Relay credentials: not of a call. `request` names what is answered; the secret is in a JWE for the key that the request brought (docs/adr/0017). */
const publicKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  y: z.string().regex(/^[A-Za-z0-9_-]{43}$/)
});
const requestId = z.string().regex(UUID_PATTERN);
const relayBodySchemas = {
  'relay.request': z.object({ request: requestId, key: publicKey }),
  'relay.credentials': z.object({ request: requestId, sealed: z.string().min(1).max(8_192) }),
  'relay.refused': z.object({ request: requestId, reason: z.enum(['too-often', 'not-allowed']) })
} as const;

export const presenceSchema = z.object({
  state: z.enum(['online', 'offline']),
  account,
  name: z.string().max(128),
  version: z.string().max(64),
  bootId: z.string().max(64),
  counter: z.number().int().min(0)
});

const envelopeSchema = z.object({
  v: z.literal(1),
  id: z.string().regex(UUID_PATTERN),
  type: z.string().min(1).max(64),
  call: z.string().regex(UUID_PATTERN).optional(),
  from: z.object({ account, endpoint: endpointId }),
  to: z.object({ account, endpoint: endpointId.optional() }),
  iat: z.number().int().min(0),
  exp: z.number().int().min(0),
  body: z.record(z.string(), z.unknown())
});

type CallMessageType = keyof typeof bodySchemas;
export type CallBody<T extends CallMessageType> = z.infer<(typeof bodySchemas)[T]>;
/** A call message's kind and content, as a discriminated union. */
export type CallMessage = { [T in CallMessageType]: { readonly type: T; readonly body: CallBody<T> } }[CallMessageType];
export type ReferReason = NonNullable<CallBody<'call.refer-answer'>['reason']>;
type RelayMessageType = keyof typeof relayBodySchemas;
type RelayBody<T extends RelayMessageType> = z.infer<(typeof relayBodySchemas)[T]>;
export type RelayMessage = { [T in RelayMessageType]: { readonly type: T; readonly body: RelayBody<T> } }[RelayMessageType];
export type IceCandidate = z.infer<typeof candidateSchema>;
export type Presence = z.infer<typeof presenceSchema>;
export type Envelope = z.infer<typeof envelopeSchema>;

export const isCallMessageType = (type: string): type is CallMessageType => Object.hasOwn(bodySchemas, type);

/** A message of a type that is known, with a body that fits it; null otherwise. */
export function parseCallMessage(type: string, body: unknown): CallMessage | null {
  if (!isCallMessageType(type)) return null;
  const parsed = bodySchemas[type].safeParse(body);
  // The table pairs type and body; TypeScript cannot follow that through an index.
  return parsed.success ? ({ type, body: parsed.data } as CallMessage) : null;
}

export const isRelayMessageType = (type: string): type is RelayMessageType => Object.hasOwn(relayBodySchemas, type);

/** As parseCallMessage, for messages about relay credentials. */
export function parseRelayMessage(type: string, body: unknown): RelayMessage | null {
  if (!isRelayMessageType(type)) return null;
  const parsed = relayBodySchemas[type].safeParse(body);
  return parsed.success ? ({ type, body: parsed.data } as RelayMessage) : null;
}

export function parseEnvelope(value: unknown): Envelope | null {
  const parsed = envelopeSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}
