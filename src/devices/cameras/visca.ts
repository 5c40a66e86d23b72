// The messages of VISCA and of VISCA over IP (Sony's VISCA over IP command list; the names are its own). Pure.
// Invariants: what a camera says never makes a reader throw or grow; what is not a message is null. A camera behind an address of its own is number 1.

const CAMERA = 0x81;
const END = 0xff;
/** A message has 3 to 16 bytes. */
const MAX_MESSAGE_BYTES = 16;

const message = (...bytes: readonly number[]): Uint8Array => Uint8Array.from([CAMERA, ...bytes, END]);

/** Each four bits in a byte of its own, the highest first. */
function nibbles(value: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((value < 0 ? value + 16 ** count : value) / 16 ** (count - 1 - index)) % 16);
}

/** Newer cameras of Sony have five digits of pan; they say so in their answers. */
export type PanTiltDigits = 4 | 5;
export type PanTilt = { readonly pan: number; readonly tilt: number; readonly digits: PanTiltDigits };

const PAN_SPEEDS = 0x18;
const TILT_SPEEDS = 0x14;
/** Variable speeds of zoom and focus: 0 to 7. */
const FINE_SPEEDS = 7;

/** A share of the fastest (−1 to 1) as one of `fastest` steps, of which 0 does not move. */
function speedStep(speed: number, fastest: number): number {
  return speed === 0 ? 0 : Math.max(1, Math.round(Math.abs(speed) * fastest));
}

const direction = (speed: number, negative: number, positive: number): number => (speed === 0 ? 0x03 : speed < 0 ? negative : positive);
const variable = (speed: number, negative: number, positive: number): number => {
  if (speed === 0) return 0x00;
  return (speed < 0 ? negative : positive) | (speedStep(speed, FINE_SPEEDS + 1) - 1);
};

export const viscaCommands = {
  /** Pan-tiltDrive; 0 for both is its Stop. */
  panTiltDrive: (pan: number, tilt: number): Uint8Array =>
    message(
      0x01,
      0x06,
      0x01,
      Math.max(1, speedStep(pan, PAN_SPEEDS)),
      Math.max(1, speedStep(tilt, TILT_SPEEDS)),
      direction(pan, 0x01, 0x02),
      direction(tilt, 0x02, 0x01)
    ),
  /** Pan-tiltDrive AbsolutePosition. */
  panTiltAbsolute: ({ pan, tilt, digits }: PanTilt): Uint8Array =>
    message(0x01, 0x06, 0x02, PAN_SPEEDS, digits === 5 ? 0x00 : TILT_SPEEDS, ...nibbles(pan, digits), ...nibbles(tilt, 4)),
  /** Pan-tiltDrive Home. */
  home: (): Uint8Array => message(0x01, 0x06, 0x04),
  /** CAM_Zoom Tele, Wide (Variable) and Stop. */
  zoom: (speed: number): Uint8Array => message(0x01, 0x04, 0x07, variable(speed, 0x30, 0x20)),
  /** CAM_Zoom Direct. */
  zoomDirect: (position: number): Uint8Array => message(0x01, 0x04, 0x47, ...nibbles(position, 4)),
  /** CAM_Focus Far, Near (Variable) and Stop. */
  focus: (speed: number): Uint8Array => message(0x01, 0x04, 0x08, variable(speed, 0x30, 0x20)),
  /** CAM_Focus Direct. */
  focusDirect: (position: number): Uint8Array => message(0x01, 0x04, 0x48, ...nibbles(position, 4)),
  /** CAM_Focus Auto Focus, Manual Focus. */
  focusMode: (auto: boolean): Uint8Array => message(0x01, 0x04, 0x38, auto ? 0x02 : 0x03),
  /** CAM_AE Full Auto. */
  exposureAuto: (): Uint8Array => message(0x01, 0x04, 0x39, 0x00),
  /** CAM_ExpComp On, Off. */
  compensation: (on: boolean): Uint8Array => message(0x01, 0x04, 0x3e, on ? 0x02 : 0x03),
  /** CAM_ExpComp Direct: −7 to 7. */
  compensationDirect: (steps: number): Uint8Array => message(0x01, 0x04, 0x4e, 0x00, 0x00, ...nibbles(steps + 7, 2)),
  /** CAM_WB Auto. */
  whiteBalanceAuto: (): Uint8Array => message(0x01, 0x04, 0x35, 0x00),
  /** CAM_BackLight On, Off. */
  backlight: (on: boolean): Uint8Array => message(0x01, 0x04, 0x33, on ? 0x02 : 0x03),
  /** Command Cancel. */
  cancel: (socket: number): Uint8Array => message(0x20 | (socket & 0x0f))
};

export const viscaInquiries = {
  version: message(0x09, 0x00, 0x02),
  panTilt: message(0x09, 0x06, 0x12),
  zoom: message(0x09, 0x04, 0x47),
  focus: message(0x09, 0x04, 0x48),
  focusMode: message(0x09, 0x04, 0x38),
  exposureMode: message(0x09, 0x04, 0x39),
  whiteBalance: message(0x09, 0x04, 0x35),
  backlight: message(0x09, 0x04, 0x33)
};

export type ViscaFault = 'message-length' | 'syntax' | 'buffer-full' | 'cancelled' | 'no-socket' | 'not-executable' | 'unknown';

const FAULTS: ReadonlyMap<number, ViscaFault> = new Map([
  [0x01, 'message-length'],
  [0x02, 'syntax'],
  [0x03, 'buffer-full'],
  [0x04, 'cancelled'],
  [0x05, 'no-socket'],
  [0x41, 'not-executable']
]);

/** `socket`: where the camera carries a command out; 0 in the answer to an inquiry. `data`: without what frames it. */
export type ViscaReply =
  | { readonly kind: 'ack'; readonly socket: number }
  | { readonly kind: 'completion'; readonly socket: number; readonly data: Uint8Array }
  | { readonly kind: 'error'; readonly socket: number; readonly fault: ViscaFault };

/** @param bytes one message, with its end */
export function readReply(bytes: Uint8Array): ViscaReply | null {
  const [address = 0, kind = 0] = bytes;
  const body = bytes.subarray(2, -1);
  if (bytes.length < 3 || bytes.length > MAX_MESSAGE_BYTES || bytes.at(-1) !== END || body.includes(END) || kind === END) return null;
  if (address < 0x90 || (address & 0x0f) !== 0) return null;
  const socket = kind & 0x0f;
  if ((kind & 0xf0) === 0x40 && body.length === 0) return { kind: 'ack', socket };
  if ((kind & 0xf0) === 0x50) return { kind: 'completion', socket, data: body };
  if ((kind & 0xf0) === 0x60 && body.length === 1) return { kind: 'error', socket, fault: FAULTS.get(body[0] ?? 0) ?? 'unknown' };
  return null;
}

/** The number whose digits are in `count` bytes from `from`; null where they are not. */
function number(data: Uint8Array, from: number, count: number, signed: boolean): number | null {
  let value = 0;
  for (const byte of data.subarray(from, from + count)) {
    if (byte > 0x0f) return null;
    value = value * 16 + byte;
  }
  if (data.length < from + count) return null;
  return signed && value >= 16 ** count / 2 ? value - 16 ** count : value;
}

/** Pan-tiltPosInq. */
export function readPanTilt(data: Uint8Array): PanTilt | null {
  const digits = data.length === 8 ? 4 : data.length === 9 ? 5 : null;
  if (digits === null) return null;
  const [pan, tilt] = [number(data, 0, digits, true), number(data, digits, 4, true)];
  return pan === null || tilt === null ? null : { pan, tilt, digits };
}

/** CAM_ZoomPosInq, CAM_FocusPosInq. */
export function readPosition(data: Uint8Array): number | null {
  return data.length === 4 ? number(data, 0, 4, false) : null;
}

/** CAM_FocusAFModeInq: 02 is Auto, 03 Manual. */
export function readFocusMode(data: Uint8Array): 'auto' | 'manual' | null {
  if (data.length !== 1) return null;
  return data[0] === 0x02 ? 'auto' : data[0] === 0x03 ? 'manual' : null;
}

/** CAM_VersionInq: who made it, and what it is. */
export function readVersion(data: Uint8Array): { readonly vendor: number; readonly model: number } | null {
  if (data.length !== 7) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { vendor: view.getUint16(0), model: view.getUint16(2) };
}

/** Payload types of VISCA over IP: the first two bytes of a datagram. */
const PAYLOAD_TYPES = { command: 0x0100, inquiry: 0x0110, reply: 0x0111, control: 0x0200, controlReply: 0x0201 };
const HEADER_BYTES = 8;

/** RESET: the camera's sequence number becomes 0. */
export const CONTROL_RESET = Uint8Array.of(0x01);

/** Payload type, payload length, sequence number, payload. */
export function frameDatagram(type: 'command' | 'inquiry' | 'control', sequence: number, payload: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, PAYLOAD_TYPES[type]);
  view.setUint16(2, payload.length);
  view.setUint32(4, sequence);
  datagram.set(payload, HEADER_BYTES);
  return datagram;
}

/** `out-of-step`: "abnormality in the sequence number"; `abnormal`: "abnormality in the message". */
export type ViscaDatagram = { readonly sequence: number; readonly reply: ViscaReply | { readonly kind: 'reset' | 'out-of-step' | 'abnormal' } };

export function readDatagram(datagram: Uint8Array): ViscaDatagram | null {
  if (datagram.length <= HEADER_BYTES || datagram.length > HEADER_BYTES + MAX_MESSAGE_BYTES) return null;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const payload = datagram.subarray(HEADER_BYTES);
  if (view.getUint16(2) !== payload.length) return null;
  const sequence = view.getUint32(4);
  if (view.getUint16(0) === PAYLOAD_TYPES.reply) {
    const reply = readReply(payload);
    return reply === null ? null : { sequence, reply };
  }
  if (view.getUint16(0) !== PAYLOAD_TYPES.controlReply) return null;
  const kind = payload[0] === 0x01 && payload.length === 1 ? 'reset' : payload[0] !== 0x0f ? null : payload[1] === 0x01 ? 'out-of-step' : 'abnormal';
  return kind === null ? null : { sequence, reply: { kind } };
}

/** Cuts a stream into messages by their end. What is too long to be one is dropped up to the next end. */
export function createMessageCutter(cut: (message: Uint8Array) => void): (chunk: Uint8Array) => void {
  let held: number[] = [];
  let tooLong = false;
  return (chunk) => {
    for (const byte of chunk) {
      if (held.length < MAX_MESSAGE_BYTES) held.push(byte);
      else tooLong = true;
      if (byte !== END) continue;
      const whole = tooLong ? null : Uint8Array.from(held);
      held = [];
      tooLong = false;
      if (whole !== null) cut(whole);
    }
  };
}
