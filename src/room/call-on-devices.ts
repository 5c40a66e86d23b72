// What a call is to the lamps of a speakerphone: made of the same facts that the panel shows, so that the two never differ. Pure.
import type { CallOnDevices } from '../devices/port.ts';
import type { CallView } from './state.ts';

export function callOnDevices(call: CallView | null): CallOnDevices {
  if (call === null || call.phase === 'ended') return { phase: 'idle', muted: false };
  if (call.direction === 'incoming' && call.phase === 'ringing') return { phase: 'ringing', muted: false };
  const { audio, wanted } = call.media;
  // Before the first packet, and on hold, nothing leaves in any case: only what people asked for tells a muted microphone from an open one.
  // A lamp that came on for that moment would make some speakerphones say "muted".
  const muted = call.phase === 'connected' && audio.packetsSent > 0 ? !audio.sending : !wanted.microphone;
  return { phase: call.phase === 'on-hold' ? 'on-hold' : 'in-call', muted };
}
