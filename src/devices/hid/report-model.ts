// What a HID report descriptor says, as a value (HID 1.11 section 6.2.2). Types only: report-descriptor.ts makes it, report-codec.ts reads and
// builds reports with it, telephony-map.ts and the like find in it what a room is interested in.

/** Usage page in the upper 16 bits, usage in the lower. */
export type Usage = number;

/** One variable field, or one slot of an array. Padding is not a field. */
export type ReportField = {
  readonly kind: 'input' | 'output' | 'feature';
  /** 0 where the device uses no report ids. */
  readonly reportId: number;
  /** From the first bit after the report id. */
  readonly bitOffset: number;
  /** 1 to 32. */
  readonly bitSize: number;
  /** Variable: one. Array: what a slot may name, in order of the index from logicalMinimum on; the slots of one array share the list itself. */
  readonly usages: readonly Usage[];
  /** The other reading of `usages`, one for one, where the usage page changed between a usage and its main item; else empty. */
  readonly alternateUsages: readonly Usage[];
  /** Usages of the collections around it, the application collection first. */
  readonly collections: readonly Usage[];
  readonly logicalMinimum: number;
  readonly logicalMaximum: number;
  readonly array: boolean;
  readonly relative: boolean;
  readonly noPreferred: boolean;
  readonly nullState: boolean;
  readonly constant: boolean;
};

export type ReportModel = {
  readonly fields: readonly ReportField[];
  readonly usesReportIds: boolean;
  /** Bytes of each report after its id byte, padding included; by kind, then by report id. */
  readonly byteLengths: Readonly<Record<ReportField['kind'], ReadonlyMap<number, number>>>;
  /** What was not as the specification wants it and was read all the same. */
  readonly warnings: readonly string[];
};

/** HID Usage Tables 1.5 section 3.4.1, On/Off Control: how a value becomes an event. */
export type ControlForm =
  | 'switch' // absolute, no preferred state: 1 is on, 0 is off
  | 'one-shot' // relative, or with a preferred state: 0→1 toggles, 1→0 means nothing
  | 'pair' // relative, −1 to 1: two buttons
  | 'level'; // absolute, more than one bit

export type TelephonyControl =
  | 'hook'
  | 'mute'
  | 'flash'
  | 'redial'
  | 'drop'
  | 'reject'
  | 'hold'
  | 'volume-up'
  | 'volume-down'
  | 'speaker-mute'
  | 'microphone-mute'
  | 'camera-on'
  | 'camera-off'
  | 'camera-toggle';

/** `ringer`: the device sounds; `line`: it is told that there is a call; the others are lights. */
export type TelephonyLamp = 'offHook' | 'mute' | 'ring' | 'hold' | 'onLine' | 'speaker' | 'microphone' | 'line' | 'ringer';

/** What one input report says of one control. */
export type ControlValue = { readonly control: TelephonyControl; readonly form: ControlForm; readonly value: number };
