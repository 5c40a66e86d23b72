// Usages by name, as far as a room knows them (HID Usage Tables 1.5). A usage is one number: its page in the upper 16 bits.
import type { Usage } from './report-model.ts';

export const PAGE = { desktop: 0x01, led: 0x08, button: 0x09, telephony: 0x0b, consumer: 0x0c } as const;

/** Unsigned, also on the vendor pages above 0x8000. */
export const usageOf = (page: number, id: number): Usage => page * 0x1_0000 + id;
export const pageOf = (usage: Usage): number => Math.floor(usage / 0x1_0000);
/** Vendor-defined pages (HID Usage Tables section 3, table 3.1). */
export const isVendorPage = (page: number): boolean => page >= 0xff00;

/** What is pressed or switched. Sections 4 (Generic Desktop), 12 (Button), 14 (Telephony), 15 (Consumer). */
export const CONTROL_USAGE = {
  systemMicrophoneMute: usageOf(PAGE.desktop, 0xa9),
  button7: usageOf(PAGE.button, 0x07),
  programmableButton: usageOf(PAGE.telephony, 0x07),
  hookSwitch: usageOf(PAGE.telephony, 0x20),
  flash: usageOf(PAGE.telephony, 0x21),
  hold: usageOf(PAGE.telephony, 0x23),
  redial: usageOf(PAGE.telephony, 0x24),
  drop: usageOf(PAGE.telephony, 0x26),
  phoneMute: usageOf(PAGE.telephony, 0x2f),
  cameraAccessEnabled: usageOf(PAGE.consumer, 0x76),
  cameraAccessDisabled: usageOf(PAGE.consumer, 0x77),
  cameraAccessToggle: usageOf(PAGE.consumer, 0x78),
  mute: usageOf(PAGE.consumer, 0xe2),
  volumeIncrement: usageOf(PAGE.consumer, 0xe9),
  volumeDecrement: usageOf(PAGE.consumer, 0xea)
} as const;

/** What a host lights or sounds. Sections 11 (LED) and 14 (Telephony). */
export const LAMP_USAGE = {
  mute: usageOf(PAGE.led, 0x09),
  offHook: usageOf(PAGE.led, 0x17),
  ring: usageOf(PAGE.led, 0x18),
  speaker: usageOf(PAGE.led, 0x1e),
  hold: usageOf(PAGE.led, 0x20),
  microphone: usageOf(PAGE.led, 0x21),
  onLine: usageOf(PAGE.led, 0x2a),
  indicatorOn: usageOf(PAGE.led, 0x3d),
  indicatorOff: usageOf(PAGE.led, 0x41),
  line: usageOf(PAGE.telephony, 0x2a),
  ringer: usageOf(PAGE.telephony, 0x9e)
} as const;
