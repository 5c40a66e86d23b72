// Who takes part in the call in front, and how far the adding of a third is: pure choices from the room's state. The state says which calls belong
// to one conference; here is only what the pages make of it.
import type { CallView, EncryptionState, EncryptionView, MediaFlow, RoomState } from '../../room/state.ts';
import type { Texts } from '../texts/texts.ts';

type Calls = Pick<RoomState, 'call' | 'otherCalls'>;
/** One call, or the two of a conference; the one in front first. */
export type Remotes = readonly [CallView] | readonly [CallView, CallView];

/** This room's call with the third participant, whatever becomes of it; null while there is none. */
export function thirdCallOf({ call, otherCalls }: Calls): CallView | null {
  const id = call?.conference?.id;
  return id === undefined ? null : (otherCalls.find(({ conference, phase }) => conference?.id === id && phase !== 'ended') ?? null);
}

/** As it calls itself once there is a call with it; before, as it was asked for. Empty where nobody is third. */
export function thirdNameOf(call: CallView, state: Calls): string {
  if (call.conference === null) return '';
  const { account, displayName } = call.conference.third;
  const own = thirdCallOf({ ...state, call })?.peer.displayName ?? account;
  return own === account ? displayName : own;
}

/** Calls that do not belong to what people do in front. */
export function callsBeside(state: Calls): readonly CallView[] {
  const third = thirdCallOf(state);
  return state.otherCalls.filter(({ id }) => id !== third?.id);
}

/** Whom people here see and hear in this call. A call that is being merged does not count before it is joined: it is on hold. */
export function remotesOf(call: CallView, state: Calls): Remotes {
  const third = thirdCallOf({ ...state, call });
  if (third === null || third.phase === 'inviting' || third.phase === 'ringing') return [call];
  return third.phase === 'connected' || call.conference?.phase === 'joined' ? [call, third] : [call];
}

const WORST_FIRST: readonly (EncryptionState | 'none')[] = ['failed', 'none', 'standard', 'end-to-end', 'end-to-end-verified'];

/** Of the whole: no better than its worst part. */
export function encryptionOf(remotes: Remotes): EncryptionView {
  const rank = ({ encryption: { securingAgain, state } }: CallView): number => WORST_FIRST.indexOf(securingAgain ? 'none' : (state ?? 'none'));
  return remotes.reduce((worst: CallView, call) => (rank(call) < rank(worst) ? call : worst)).encryption;
}

const KINDS = ['audio', 'video', 'screen'] as const;

/** What leaves this room, to whomever: nothing is said to be off while it goes to one of them. */
export function sendingOf(remotes: Remotes): Readonly<Record<(typeof KINDS)[number], boolean>> {
  const to = (flow: (call: CallView) => MediaFlow): boolean => remotes.some((call) => flow(call).sending);
  return { audio: to(({ media }) => media.audio), video: to(({ media }) => media.video), screen: to(({ media }) => media.screen) };
}

/** What is to be said of one of several people besides who it is. */
export type ParticipantFact = 'held' | 'sharing' | 'no-sound' | 'no-picture' | 'connecting';

export function participantFactsOf({ phase, heldThere, encryption, media }: CallView): readonly ParticipantFact[] {
  if (phase === 'connecting' || encryption.securingAgain) return ['connecting'];
  if (phase !== 'connected') return [];
  if (heldThere) return ['held'];
  return [
    ...(media.screen.receiving ? ['sharing' as const] : []),
    ...(media.audio.receiving ? [] : ['no-sound' as const]),
    ...(media.video.receiving ? [] : ['no-picture' as const])
  ];
}

/** How far the adding is, in one sentence; null where nobody is being added. */
export function addingText(call: CallView, state: Calls, t: Texts): string | null {
  const { conference, peer } = call;
  if (conference === null || conference.phase === 'joined') return null;
  const names = { name: peer.displayName, third: thirdNameOf(call, state) };
  if (conference.host) return t(`conference.${conference.phase}`, names);
  return t(conference.phase === 'joining' ? 'conference.joiningHere' : 'conference.addedBy', names);
}

/** For whoever listens: the adding, or who takes part. */
export function conferenceAnnouncement(call: CallView, state: Calls, t: Texts): string | null {
  const { conference, peer } = call;
  if (conference?.phase === 'joined') return t('conference.joined', { name: peer.displayName, third: thirdNameOf(call, state) });
  return addingText(call, state, t);
}
