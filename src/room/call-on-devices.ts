// What a call is to the lamps of a speakerphone, of the same facts that the panel shows. Its mute lamp is never lit while sound may leave. Pure.
import type { CallOnDevices } from '../devices/port.ts';
import type { CallView, SourceView } from './state.ts';

/** @param others further calls of the room: those of the same conference send what the one in front does */
export function callOnDevices(call: CallView | null, microphone: SourceView, others: readonly CallView[] = []): CallOnDevices {
  if (call === null || call.phase === 'ended') return { phase: 'idle', muted: false };
  if (call.direction === 'incoming' && call.phase === 'ringing') return { phase: 'ringing', muted: false };
  const { wanted } = call.media;
  const connected = call.phase === 'connected';
  // Closed: once nothing leaves. Before the first packet, and on hold, nothing does in any case.
  const leaves = (sent: CallView): boolean => sent.media.audio.packetsSent > 0 && sent.media.audio.sending;
  const joined = others.filter(({ conference }) => conference !== null && conference.id === call.conference?.id);
  const closed = !((connected && leaves(call)) || joined.some((other) => other.phase === 'connected' && leaves(other)));
  // Open: what stalls for a moment, or begins after a hold, is not muted. A key that toggles would then open what people mean to close.
  const muted = wanted.microphone ? connected && microphone.kind === 'away' : closed;
  return { phase: call.phase === 'on-hold' ? 'on-hold' : 'in-call', muted };
}
