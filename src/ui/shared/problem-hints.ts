// What people can do about a problem, by its code. Several codes have one remedy; a code without a line here is to be reported.
import type { ErrorCode } from '../../kernel/error-codes.ts';

const HINTS = {
  CL_BROKER_UNREACHABLE: 'broker',
  CL_BROKER_REFUSED: 'refused',
  CL_CLOCK_WRONG: 'clock',
  CL_RELAY_CREDENTIALS: 'relay',
  CL_RELAY_UNREACHABLE: 'relay',
  CL_RELAY_REFUSED: 'relay',
  CL_RELAY_CERTIFICATE: 'relayCertificate',
  CL_MEDIA_HARDWARE: 'hardware',
  CL_MEDIA_CAMERA_AWAY: 'plugIn',
  CL_MEDIA_MICROPHONE_AWAY: 'plugIn',
  CL_DEVICE_CHOSEN_AWAY: 'plugIn',
  CL_DEVICE_CONSOLE_AWAY: 'plugIn',
  CL_MEDIA_CAMERA_BLACK: 'shutter',
  CL_MEDIA_CAMERA_FROZEN: 'replug',
  CL_MEDIA_SOURCE: 'replug',
  CL_MEDIA_SPEAKER: 'replug',
  CL_DEVICE_OPEN: 'replug',
  CL_DEVICE_WRITE: 'replug',
  CL_DEVICE_UNKNOWN: 'plugIn',
  CL_MEDIA_MICROPHONE_SILENT: 'microphone',
  CL_MEDIA_ECHO: 'echo',
  CL_SOUND: 'sound',
  CL_DEVICE_PERMISSION: 'doctor',
  CL_TOOL_MISSING: 'doctor',
  CL_SPEECH_UNAVAILABLE: 'doctor',
  CL_DEVICE_DESCRIPTOR: 'keys',
  CL_DEVICE_REPORT: 'keys',
  CL_DEVICE_UNREACHABLE: 'networkCamera',
  CL_DEVICE_NO_SIGNAL: 'signal',
  CL_DEVICE_PROTECTED: 'protected',
  CL_MEDIA_SCREEN_NONE: 'share',
  CL_MEDIA_SCREEN_SOURCE: 'share',
  CL_MEDIA_SCREEN_LOST: 'share',
  CL_MEDIA_SCREEN_UNSUPPORTED: 'share',
  CL_MEDIA_ENCODER: 'restart',
  CL_MEDIA_PROCESS_DIED: 'restart',
  CL_MEDIA_LOST: 'network',
  CL_MEDIA_CONNECT: 'network',
  CL_MEDIA_SILENT: 'network',
  CL_CALL_RECORDING: 'recording',
  CL_CERTIFICATE_EXPIRES: 'certificate',
  CL_STORE_UNREADABLE: 'store'
} as const satisfies Partial<Record<ErrorCode, string>>;

export type Hint = (typeof HINTS)[keyof typeof HINTS] | 'other';

export function hintOf(code: ErrorCode): Hint {
  return (HINTS as Partial<Record<ErrorCode, Hint>>)[code] ?? 'other';
}
