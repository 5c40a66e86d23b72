// Every word that the panel and the display show, by key, so that a language is one more table with the same keys.
// Sentences are plain: what is so, and what to do. No text promises more than the state says.
import { type ErrorCode, errorCodes } from '../../kernel/error-codes.ts';
import type { CallView, EncryptionView, EndReason, StandardReason } from '../../room/state.ts';

const english = {
  'app.display': 'Room display',
  'action.back': 'Back',
  'action.done': 'Done',
  'action.cancel': 'Cancel',

  'reconnecting.title': 'Reconnecting to the room',
  'reconnecting.hint': 'The panel shows the true state again as soon as the room answers. A call may be going on.',
  'reconnecting.display': 'One moment: the display is finding the room again.',

  'home.call': 'Call',
  'home.ready': 'Ready for calls',
  'home.connecting': 'Connecting to the message broker',
  'home.offline': 'The message broker cannot be reached. Calls cannot be placed or received until it is back.',
  'home.clockWrong': 'This device’s clock is wrong. Calls may be refused until it is set.',
  'home.degraded': 'The room needs attention',
  'home.readyHint': '{camera} · {microphone}',
  'home.encryption.onTitle': 'End-to-end encryption is on',
  'home.encryption.offTitle': 'End-to-end encryption is off',
  'home.encryption.on': 'Calls are encrypted end to end where the other side allows it',
  'home.encryption.required': 'Only end-to-end encrypted calls are placed and answered',

  'dial.title': 'Call an address',
  'dial.label': 'Address',
  'dial.placeholder': 'boardroom@contoso.example',
  'dial.hint': 'Name, @ and organisation, for example boardroom@contoso.example',
  'dial.call': 'Call',
  'dial.backspace': 'Delete the last character',
  'dial.clear': 'Clear',

  'outgoing.inviting': 'Calling',
  'outgoing.ringing': 'Ringing there',

  'incoming.title': 'Incoming call',
  'incoming.verified': 'Identity verified',
  'incoming.verifiedHint': 'Signed by {organisation}',
  'incoming.unverified': 'Identity not verified',
  'incoming.unverifiedHint': 'Anybody could use this name',
  'incoming.endToEnd': 'Will be end-to-end encrypted',
  'incoming.endToEndHint': 'Only the two rooms can see and hear it',
  'incoming.standard': 'Will be a standard call',
  'incoming.answer': 'Answer with video',
  'incoming.answerAudio': 'Answer, audio only',
  'incoming.decline': 'Decline',

  'call.connecting': 'Connecting',
  'panel.wake': 'Touch to wake the panel',
  'volume.label': 'Volume',
  'volume.up': 'Louder',
  'volume.down': 'Quieter',
  'volume.muted': 'off',
  'call.onHold': 'On hold',
  'call.hold': 'Hold',
  'call.resume': 'Resume',
  'call.heldThere': '{name} has put the call on hold.',
  'call.mute': 'Mute',
  'call.unmute': 'Unmute',
  'call.muted': 'Microphone is off',
  'call.unmuted': 'Microphone is on',
  'call.muting': 'Muting…',
  'call.unmuting': 'Turning on…',
  'call.cameraOff': 'Camera off',
  'call.cameraOn': 'Camera on',
  'call.cameraIsOn': 'Camera is on',
  'call.cameraIsOff': 'Camera is off',
  'call.cameraIsShuttered': 'Shutter is closed',
  'call.cameraTurningOff': 'Turning off…',
  'call.cameraTurningOn': 'Turning on…',
  'call.share': 'Share screen',
  'call.stopSharing': 'Stop sharing',
  'call.sharingStarts': 'Starting…',
  'call.sharingStops': 'Stopping…',
  'call.nothingToShare': 'Nothing to share',
  'call.end': 'End call',
  'call.compare': 'Compare the code',
  'call.showCode': 'Show the code',
  'call.unavailable': 'Not available in this call',
  'call.unavailable.reason': 'End-to-end encryption keeps everyone else out, so these cannot work:',
  'call.network': 'Network',
  'figures.picture': 'Picture',
  'figures.shared': 'Shared',
  'figures.sound': 'Sound',
  'figures.roundTrip': 'Round trip',
  'figures.lost': 'Lost packets',
  'figures.none': 'none arriving',
  'figures.network': 'Network',
  'figures.reduced': 'poor, our picture is reduced',

  'shield.end-to-end-verified': 'End-to-end encrypted, verified',
  'shield.end-to-end': 'End-to-end encrypted',
  'shield.standard': 'Standard call',
  'shield.failed': 'Security check failed',
  'shield.none': 'Securing the call',
  'shield.again': 'Securing the call again',
  'shield.open': '{state}. Open the security page',

  'code.title': 'Security code',
  'code.task': 'Read these digits to the people in the other room: they must see the same.',
  'code.blank': 'A new code is being made',
  'code.blankHint': 'The old code no longer holds. Wait for the new one before you compare.',
  'code.match': 'They match',
  'code.differ': 'They don’t match',
  'code.matchedHere': 'This room said that the codes match.',
  'code.matchedThere': 'The other room said that the codes match.',
  'code.byCertificates': 'Both rooms were also identified by their organisations’ certificates.',
  'code.byPeople': 'People compared the code: nobody is between the two rooms.',
  'code.confirmTitle': 'End the call because the codes differ?',
  'code.confirmText':
    'Different codes mean that somebody may be between the two rooms and listening. The call ends at once and the event is recorded. Tell your administrator, and do not share anything confidential until it is understood.',
  'code.confirmYes': 'End the call',
  'code.confirmNo': 'Go back and compare again',
  'security.standardText': 'The connection is encrypted, but the call is not end-to-end encrypted. There is no code to compare.',
  'security.noneText': 'The security of this call is not settled yet. Nothing is promised before it is.',
  'security.failedText': 'The call has ended. No sound or picture is sent any more.',

  'ended.title': 'Call ended',
  'ended.failedTitle': 'Call ended: the security check failed',
  'ended.duration': 'Duration',
  'ended.notConnected': 'not connected',
  'ended.security': 'Security',
  'ended.noticedBy': 'Noticed by',
  'ended.again': 'Call again',

  'display.idle.how': 'To call this room',
  'display.incoming': 'Incoming call',
  'display.answerHint': 'Answer on the touch panel',
  'display.outgoing': 'Calling',
  'display.ringing': 'Ringing there',
  'display.connecting': 'Connecting',
  'display.noPicture': 'No picture from {name}',
  'display.soundOnly': 'The sound is on. Their camera is off or covered, or the picture does not get through.',
  'display.noMedia': 'Nothing is arriving from the other room right now.',
  'display.onHold': 'On hold',
  'display.noCamera': 'Their camera is off',
  'display.sharingHere': 'This room is sharing',
  'display.code': 'Compare this code with the other room',
  'display.codeBlank': 'A new code is being made',
  'display.ended': 'Call ended',

  'error.unknown': 'That did not work. Try again.'
} as const;

type TextKey = keyof typeof english;

/** The text of a key, its `{names}` filled in. */
export function text(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return english[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

const standardReasons: Record<StandardReason, string> = {
  'policy-here': 'Your organisation’s policy does not allow end-to-end encryption.',
  'setting-here': 'End-to-end encryption is switched off in this room’s settings.',
  'recording-here': 'Calls of this room’s account are recorded for compliance, so end-to-end encryption is not possible.',
  'not-offered': 'The other side did not offer end-to-end encryption.',
  'policy-there': 'The other organisation’s policy does not allow end-to-end encryption.',
  'setting-there': 'End-to-end encryption is switched off on the other side.',
  'recording-there': 'The other side’s calls are recorded for compliance, so end-to-end encryption is not possible.'
};

/** Why a call is a standard call, in one sentence. */
export function standardReasonText(reason: StandardReason | null): string {
  return reason === null ? 'No reason was given.' : standardReasons[reason];
}

const endReasons: Record<EndReason, { readonly here: string; readonly there: string }> = {
  hangup: { here: 'You ended the call.', there: 'The other side ended the call.' },
  declined: { here: 'You declined the call.', there: 'The other side declined the call.' },
  busy: { here: 'This room was already in a call.', there: 'The other side is in another call.' },
  timeout: { here: 'Nobody answered.', there: 'The call was not answered in time.' },
  blocked: { here: 'This caller is blocked here.', there: 'The other side does not accept calls from this room.' },
  policy: { here: 'Your organisation’s policy does not allow this call.', there: 'The other organisation’s policy does not allow this call.' },
  unsupported: { here: 'The other side asked for something that this room cannot do.', there: 'The other side cannot take this kind of call.' },
  'security-check-failed': {
    here: 'This room’s security check failed, so the call was ended.',
    there: 'The other side’s security check failed, so the call was ended.'
  },
  'media-failed': { here: 'Sound and picture could not get through.', there: 'Sound and picture could not get through to the other side.' },
  'device-failed': { here: 'This room’s device had a fault.', there: 'The other side’s device had a fault.' },
  'answered-elsewhere': { here: 'The call was answered on another device.', there: 'The call was answered on another device.' }
};

/** Why the call ended: the reason, and the error's own sentence where a code says more. */
export function endedText(ended: NonNullable<CallView['ended']>): { readonly reason: string; readonly detail: string | null } {
  const reason = endReasons[ended.reason][ended.by];
  const detail = ended.code === null ? null : errorCodes[ended.code].text;
  return { reason, detail: detail === reason ? null : detail };
}

const detectors: Record<string, string> = {
  handshake: 'the handshake of the secure connection',
  envelope: 'the check of the signed messages',
  commitment: 'the check of the security code’s commitment',
  fingerprint: 'the check of the call’s certificate',
  people: 'the people who compared the code',
  'other-side': 'the other side',
  call: 'this room’s call control'
};

export function detectorText(detectedBy: string): string {
  return detectors[detectedBy] ?? detectedBy;
}

/** The room's sentence about an error that a command met. */
export function errorText(code: string): string {
  return isErrorCode(code) ? errorCodes[code].text : text('error.unknown');
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

const features: Record<string, string> = {
  captions: 'Live captions',
  transcription: 'Transcription',
  transfer: 'Transfer',
  'consult-then-transfer': 'Consult and transfer',
  merge: 'Merging calls',
  park: 'Parking',
  'move-to-another-device': 'Moving devices',
  'add-participant': 'Adding people',
  recording: 'Recording',
  apps: 'Apps'
};

export function featureText(feature: string): string {
  return features[feature] ?? feature;
}

export function shieldText(encryption: EncryptionView): string {
  if (encryption.securingAgain) return text('shield.again');
  if (encryption.state === null && encryption.expected === 'standard') return text('incoming.standard');
  return text(encryption.state === null ? 'shield.none' : `shield.${encryption.state}`);
}
