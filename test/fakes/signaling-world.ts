// Two organisations with real certificates, made in memory, and signaling over a real broker for their rooms.
import { issueBroker, issueEndpoint, makeAuthority, nextRevocationList } from '../../src/identity/certificate-authority.ts';
import { openEnvelopes } from '../../src/identity/envelopes.ts';
import type { EndpointIdentity, TrustStore } from '../../src/identity/port.ts';
import { identityOf } from '../../src/identity/store.ts';
import { trustStoreOf } from '../../src/identity/trust-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { CallMessage } from '../../src/signaling/messages.ts';
import type { InboundCallMessage, PresenceNews, Signaling } from '../../src/signaling/port.ts';
import { createSignaling } from '../../src/signaling/signaling.ts';

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** contoso.example and fabrikam.example trust each other; nobody trusts stranger.example. */
export async function makeWorld(nowMs = Date.now()) {
  const contoso = await makeAuthority('contoso.example', nowMs);
  const fabrikam = await makeAuthority('fabrikam.example', nowMs);
  const stranger = await makeAuthority('stranger.example', nowMs);
  const trusted = [contoso.certificatePem, fabrikam.certificatePem];
  const trust = await trustStoreOf(trusted);
  const room = async (authority: typeof contoso, account: string): Promise<EndpointIdentity> =>
    identityOf(await issueEndpoint(authority, account, nowMs), authority.certificatePem);
  return {
    contoso,
    fabrikam,
    stranger,
    trusted,
    trust,
    room,
    alice: await room(contoso, 'boardroom@contoso.example'),
    bob: await room(fabrikam, 'studio@fabrikam.example'),
    eve: await room(stranger, 'eve@stranger.example'),
    broker: await issueBroker(contoso, ['localhost', '127.0.0.1'], nowMs),
    revoked: async (identity: EndpointIdentity): Promise<string> => nextRevocationList(contoso, contoso.crlPem, nowMs, identity.certificatePem)
  };
}

export type Room = AsyncDisposable & {
  readonly signaling: Signaling;
  readonly received: InboundCallMessage[];
  readonly refused: { code: string; from: string | null }[];
  readonly states: string[];
  /** What it heard of others' presence. */
  readonly presence: PresenceNews[];
};

/** A room's signaling, started; its messages are kept in `received`. */
export function openRoom(
  identity: EndpointIdentity,
  trust: TrustStore,
  broker: { url: string; caPem: string },
  options: { acceptUnsigned?: true; replayFile?: string; name?: string } = {}
): Room & { readonly started: Promise<void> } {
  const envelopes = openEnvelopes({ identity, trust, clock: systemClock, log: silentLog, ...options });
  const room = { name: options.name ?? 'Test room', version: '0' };
  const signaling = createSignaling({ identity, envelopes, broker, room, clock: systemClock, log: silentLog });
  const presence: PresenceNews[] = [];
  signaling.on('presence', (news) => presence.push(news));
  const received: InboundCallMessage[] = [];
  const refused: { code: string; from: string | null }[] = [];
  const states: string[] = [];
  signaling.on('message', (message) => received.push(message));
  signaling.on('refused', ({ code, from }) => refused.push({ code, from }));
  signaling.on('connection', (state) => states.push(state));
  const abort = new AbortController();
  return {
    signaling,
    received,
    refused,
    states,
    presence,
    started: signaling.start(abort.signal),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await signaling[Symbol.asyncDispose]();
      envelopes[Symbol.dispose]();
    }
  };
}

/** Waits until `condition` holds; for tests with real parts. @throws Error after `limitMs` */
export async function until(condition: () => boolean, what: string, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen in ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const hash = 'ab'.repeat(32);
const invite = { sdp: 'v=0', encryption: { offered: true, commitment: hash }, media: { audio: true, video: true }, displayName: 'Board “room” é' };

/** One of each message of the protocol. */
export const everyMessage: readonly CallMessage[] = [
  { type: 'call.invite', body: invite },
  { type: 'call.ringing', body: {} },
  { type: 'call.answer', body: { sdp: 'v=0', encryption: { accepted: true, nonce: hash } } },
  { type: 'call.reveal', body: { nonce: hash } },
  { type: 'call.candidate', body: { candidates: [{ candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 }] } },
  { type: 'call.update', body: { sdp: 'v=0' } },
  { type: 'call.update-answer', body: { sdp: 'v=0', answers: 'ufrag' } },
  { type: 'call.reconnect', body: invite },
  { type: 'call.verdict', body: { codesMatch: true } },
  { type: 'call.end', body: { reason: 'hangup' } }
];
