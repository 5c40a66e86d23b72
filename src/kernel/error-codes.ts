// The one registry of error codes. docs/errors.md and the panel's texts are made from it (npm run generate).
// A code is never renamed once released; `text` is a sentence for people and never carries a secret.

export type ErrorCategory = 'usage' | 'configuration' | 'identity' | 'signaling' | 'call' | 'security' | 'media' | 'device' | 'internal';

export type ErrorCodeEntry = { readonly category: ErrorCategory; readonly retryable: boolean; readonly text: string };

const entry = (category: ErrorCategory, retryable: boolean, text: string): ErrorCodeEntry => ({ category, retryable, text });

export const errorCodes = {
  CL_USAGE: entry('usage', false, 'The command or request is not one that Cloister knows; see --help.'),
  CL_REQUEST_INVALID: entry('usage', false, 'The request does not have the required form.'),
  CL_REQUEST_TOO_LARGE: entry('usage', false, 'The request is larger than is accepted.'),
  CL_NOT_FOUND: entry('usage', false, 'There is nothing at this address.'),
  CL_FORBIDDEN_ORIGIN: entry('security', false, 'The request came from a page that is not this room’s own.'),
  CL_METHOD_NOT_ALLOWED: entry('usage', false, 'This address does not take this kind of request.'),
  CL_NOT_IMPLEMENTED: entry('usage', false, 'Cloister cannot do this yet.'),
  CL_UNHEALTHY: entry('internal', true, 'The room’s agent does not work any more.'),
  CL_LISTENERS_FULL: entry('usage', true, 'More pages listen to the room than is accepted.'),
  CL_AGENT_UNREACHABLE: entry('usage', true, 'The room’s agent does not answer at its local address.'),
  CL_INTERNAL: entry('internal', false, 'Something inside Cloister failed; the log says more.'),

  CL_CONFIG_INVALID: entry('configuration', false, 'The configuration is not valid.'),
  CL_CONFIG_UNREADABLE: entry('configuration', false, 'The configuration file cannot be read.'),
  CL_PORT_IN_USE: entry('configuration', false, 'A port that Cloister is to listen on is taken by another program.'),
  CL_UI_NOT_BUILT: entry('configuration', false, 'The panel and display pages are not built; run npm run build.'),
  CL_TOOL_MISSING: entry('configuration', false, 'A program that is needed is not installed.'),

  CL_IDENTITY_MISSING: entry('identity', false, 'This endpoint has no identity; make one with cloister identity issue.'),
  CL_IDENTITY_INVALID: entry('identity', false, 'The identity’s key or certificate cannot be used.'),
  CL_IDENTITY_EXISTS: entry('identity', false, 'There is already something in this folder; it is not overwritten.'),
  CL_RELAY_SECRET: entry('configuration', false, 'The file with the relays’ shared secret cannot be used.'),
  CL_ADDRESS_INVALID: entry('usage', false, 'This is not an address such as boardroom@contoso.example.'),

  CL_ENVELOPE_TOO_LARGE: entry('signaling', false, 'A signaling message was larger than 64 KiB.'),
  CL_ENVELOPE_MALFORMED: entry('signaling', false, 'A signaling message did not have the required form.'),
  CL_ENVELOPE_SIGNATURE: entry('security', false, 'A signaling message’s signature does not verify.'),
  CL_ENVELOPE_UNTRUSTED: entry('security', false, 'A signaling message was signed by a certificate that no trusted organisation issued.'),
  CL_ENVELOPE_CERTIFICATE_EXPIRED: entry('security', false, 'A signaling message was signed with a certificate that is expired or not yet valid.'),
  CL_ENVELOPE_CERTIFICATE_REVOKED: entry('security', false, 'A signaling message was signed with a revoked certificate.'),
  CL_ENVELOPE_SENDER_MISMATCH: entry('security', false, 'A signaling message’s sender is not who its certificate or topic names.'),
  CL_ENVELOPE_WRONG_RECIPIENT: entry('signaling', false, 'A signaling message was meant for another endpoint.'),
  CL_ENVELOPE_EXPIRED: entry('signaling', false, 'A signaling message had expired.'),
  CL_ENVELOPE_REPLAYED: entry('security', false, 'A signaling message had been received before.'),
  CL_ENVELOPE_BODY: entry('signaling', false, 'A signaling message’s content did not fit its kind.'),
  CL_ENVELOPE_THROTTLED: entry('signaling', true, 'More signaling messages came than this endpoint can keep track of.'),
  CL_CLOCK_WRONG: entry('signaling', true, 'This device’s clock and the sender’s differ by more than five minutes.'),
  CL_BROKER_UNREACHABLE: entry('signaling', true, 'The message broker cannot be reached.'),
  CL_BROKER_REFUSED: entry('signaling', false, 'The message broker refused this endpoint.'),

  CL_CALL_BUSY: entry('call', true, 'The room is already in a call.'),
  CL_CALL_NONE: entry('call', false, 'There is no such call.'),
  CL_CALL_WRONG_PHASE: entry('call', false, 'The call is not in a state in which that can be done.'),
  CL_CALL_FEATURE_UNAVAILABLE: entry('call', false, 'This feature is unavailable in an end-to-end encrypted call.'),
  CL_CALL_TIMEOUT: entry('call', true, 'Nobody answered.'),

  CL_SECURITY_HANDSHAKE: entry('security', false, 'The other side did not prove in the handshake of the secure connection who it is.'),
  CL_SECURITY_FINGERPRINT: entry('security', false, 'The certificate of the media connection is not the one that was announced.'),
  CL_SECURITY_COMMITMENT: entry('security', false, 'The other side’s security code contribution does not fit its commitment.'),
  CL_SECURITY_RENEGOTIATION: entry('security', false, 'The other side tried to change the call’s certificate during the call.'),
  CL_SECURITY_REMOTE_DIED: entry('security', false, 'The secure connection was reset from outside.'),
  CL_SECURITY_CODES_DIFFER: entry('security', false, 'The two security codes did not match: somebody may be between the two rooms.'),

  CL_MEDIA_NEGOTIATION: entry('media', false, 'The two sides could not agree on media.'),
  CL_MEDIA_CONNECT: entry('media', true, 'No direct media connection could be made.'),
  CL_MEDIA_LOST: entry('media', true, 'The media connection was lost.'),
  CL_MEDIA_SILENT: entry('media', true, 'Nothing is heard of the other side at the moment.'),
  CL_MEDIA_PROCESS_DIED: entry('media', true, 'The media process ended unexpectedly.'),
  CL_MEDIA_SOURCE: entry('media', false, 'The camera, microphone or file cannot be opened.'),
  CL_MEDIA_CAMERA_AWAY: entry('device', true, 'The camera is away: plug it in again, or choose another one.'),
  CL_MEDIA_CAMERA_BLACK: entry('device', false, 'The camera gives a black picture: open its shutter, or take off its cover.'),
  CL_MEDIA_CAMERA_FROZEN: entry('device', false, 'The camera gives the same picture again and again: unplug it and plug it in again.'),
  CL_MEDIA_MICROPHONE_AWAY: entry('device', true, 'The microphone is away: plug it in again, or choose another one.'),
  CL_MEDIA_MICROPHONE_SILENT: entry('device', false, 'The microphone gives silence: see whether it is switched off at itself.'),
  CL_MEDIA_ECHO: entry('media', false, 'Echo cannot be taken out of the microphone on this machine: the other side may hear itself.'),
  CL_MEDIA_SPEAKER: entry('device', true, 'The loudspeaker cannot be opened, so the other side is not heard here.'),
  CL_DEVICE_PERMISSION: entry('device', false, 'The system does not let Cloister open this device; cloister doctor says what to do.'),
  CL_DEVICE_OPEN: entry('device', true, 'This device cannot be opened.'),
  CL_DEVICE_WRITE: entry('device', true, 'This device did not take what was sent to it.'),
  CL_DEVICE_DESCRIPTOR: entry('device', false, 'This device’s report descriptor cannot be read, so Cloister does not use it.'),
  CL_DEVICE_REPORT: entry('device', false, 'A report does not fit this device’s report descriptor, so it is not used.'),
  CL_DEVICE_UNKNOWN: entry('device', false, 'There is no such device.'),
  CL_DEVICE_CONSOLE_AWAY: entry('device', true, 'The touch console is away: see its cable and its power.'),
  CL_DEVICE_CHOSEN_AWAY: entry('device', true, 'The chosen device is away; another one is used until it is back.'),
  CL_DEVICE_CONTROL: entry('device', false, 'The camera does not have this control, or does not take this value.'),
  CL_DEVICE_UNREACHABLE: entry('device', true, 'The camera does not answer at its network address.'),
  CL_DEVICE_NO_SIGNAL: entry('device', true, 'The capture input has no signal: see the cable and the laptop.'),
  CL_DEVICE_PROTECTED: entry('device', false, 'The capture input’s content is copy-protected (HDCP) and cannot be shared.'),
  CL_MEDIA_SCREEN_NONE: entry('media', false, 'There is nothing to share here: no capture input and no screen was found.'),
  CL_MEDIA_SCREEN_SOURCE: entry('media', false, 'What is to be shared cannot be opened.'),
  CL_MEDIA_SCREEN_LOST: entry('media', false, 'What was shared is lost, so sharing has stopped.'),
  CL_MEDIA_SCREEN_UNSUPPORTED: entry('media', false, 'The other side cannot receive a shared screen.'),
  CL_MEDIA_ENCODER: entry('media', false, 'The picture or sound cannot be encoded.'),
  CL_RELAY_UNREACHABLE: entry('media', true, 'A STUN or TURN server does not answer.'),
  CL_RELAY_REFUSED: entry('media', true, 'A TURN server refused this room; its log says why.'),
  CL_RELAY_CERTIFICATE: entry('security', false, 'A TURN server’s certificate does not prove that it is the configured one.'),
  CL_RELAY_CREDENTIALS: entry('media', true, 'No relay credentials could be had: calls go on, but only where a direct way is found.'),
  CL_MEDIA_HARDWARE: entry('media', false, 'The picture is encoded in software: the hardware encoder is missing or failed.'),
  CL_MEDIA_TICKET: entry('security', false, 'The display’s ticket is not valid.')
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof errorCodes;
