// What is to be heard in the room besides the call itself, of the same facts that the panel shows. Pure.
// Invariants: nothing rings or beeps into a call that is connected or held, but for one that is parked, which is nobody's here; do-not-disturb and a ringer
// at 0 are silent. Who tries the ringer hears it also while nobody is to be disturbed, and in no call.
import type { CallView, RoomState, SoundName } from './state.ts';

/** `percent`: how loud; `untilMs`: it ends by itself then (milliseconds since 1970), null where a change of the call ends it. */
export type WantedSound = { readonly name: SoundName; readonly percent: number; readonly untilMs: number | null };

/** Long enough to be understood, and over before the next call. */
const ENDED_MS = 2_000;

const IN_TALK: ReadonlySet<CallView['phase']> = new Set(['connecting', 'connected', 'on-hold']);

/** @param ringerTriedUntilMs somebody tries how loud it rings; 0 where nobody does */
export function soundFor(
  { call, otherCalls, settings, devices }: Pick<RoomState, 'call' | 'otherCalls' | 'settings' | 'devices'>,
  nowMs: number,
  ringerTriedUntilMs: number
): WantedSound | null {
  const calls = call === null ? otherCalls : [call, ...otherCalls];
  if (calls.some(({ phase, parkCode }) => IN_TALK.has(phase) && parkCode === null)) return null;
  const volume = devices.speakerMuted ? 0 : devices.volumePercent;
  const at = (name: SoundName, percent: number, untilMs: number | null = null): WantedSound | null => (percent > 0 ? { name, percent, untilMs } : null);
  if (calls.some(({ direction, phase }) => direction === 'incoming' && phase === 'ringing'))
    return settings.doNotDisturb === null ? at('ringing', settings.ringerPercent) : null;
  if (calls.some(({ direction, phase }) => direction === 'outgoing' && phase === 'ringing')) return at('ringback', volume);
  if (nowMs < ringerTriedUntilMs && calls.every(({ phase }) => phase === 'ended')) return at('ringing', settings.ringerPercent, ringerTriedUntilMs);
  const name = call === null ? null : endOf(call);
  const untilMs = Date.parse(call?.endedAt ?? '') + ENDED_MS;
  return name === null || !(nowMs < untilMs) ? null : at(name, volume, untilMs);
}

/** Of what the other side did: whoever hung up here knows it. */
function endOf({ phase, direction, ended }: CallView): SoundName | null {
  if (phase !== 'ended' || ended?.by !== 'there') return null;
  if (direction === 'outgoing' && (ended.reason === 'busy' || ended.reason === 'declined')) return 'busy';
  return ended.reason === 'hangup' ? 'ended' : null;
}
