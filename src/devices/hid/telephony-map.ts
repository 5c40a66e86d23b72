// What a room is interested in among the fields of a device: keys and switches, and lamps (HID Usage Tables 1.5, sections 4, 11, 12, 14 and 15). Found by
// usage wherever it stands, so that a device which follows the tables needs no line of code. Vendor pages, and all within a vendor's collection, are left
// alone: several devices have a mirror of their telephony there.
import type { Result } from '../../kernel/result.ts';
import type { HidDriver } from './drivers.ts';
import { misfit, selectedBy, variableValue, writeReport } from './report-codec.ts';
import type { ControlForm, ControlValue, ReportField, ReportModel, TelephonyControl, TelephonyLamp, Usage } from './report-model.ts';
import { CONTROL_USAGE, isVendorPage, LAMP_USAGE, PAGE, pageOf } from './usages.ts';

export type MappedControl = {
  readonly control: TelephonyControl;
  readonly form: ControlForm;
  readonly reportId: number;
  readonly usage: Usage;
  /** One, or the slots of an array. */
  readonly fields: readonly ReportField[];
};

export type MappedLamp = {
  readonly lamp: TelephonyLamp;
  readonly reportId: number;
  /** A variable, or the first slot of an array. */
  readonly field: ReportField;
  /** The value of a variable; the usage that an array is to name. */
  readonly lit: number;
  /** Null: the array does not name it. */
  readonly dark: number | null;
};

export type TelephonyMap = {
  readonly model: ReportModel;
  readonly controls: readonly MappedControl[];
  readonly lamps: readonly MappedLamp[];
  /** Of the reports with controls, and of those with lamps. */
  readonly controlReportIds: readonly number[];
  readonly lampReportIds: readonly number[];
  readonly doubleKeyMs: number;
};

/**
 * `on-off`: how it says so is in its flags (section 3.4.1, On/Off Control). `press`: 1 is a press and 0 is none, whatever they are (Momentary, One Shot
 * and Re-Trigger Control; one maker declares Flash as a switch).
 */
type Meaning = { readonly control: TelephonyControl; readonly kind: 'on-off' | 'press' };
const onOff = (control: TelephonyControl): Meaning => ({ control, kind: 'on-off' });
const press = (control: TelephonyControl): Meaning => ({ control, kind: 'press' });

const CONTROLS: ReadonlyMap<Usage, Meaning> = new Map([
  [CONTROL_USAGE.hookSwitch, onOff('hook')],
  [CONTROL_USAGE.phoneMute, onOff('mute')],
  [CONTROL_USAGE.hold, onOff('hold')],
  [CONTROL_USAGE.mute, onOff('speaker-mute')],
  [CONTROL_USAGE.systemMicrophoneMute, onOff('microphone-mute')],
  [CONTROL_USAGE.flash, press('flash')],
  [CONTROL_USAGE.redial, press('redial')],
  [CONTROL_USAGE.drop, press('drop')],
  [CONTROL_USAGE.button7, press('reject')],
  [CONTROL_USAGE.programmableButton, press('reject')],
  [CONTROL_USAGE.volumeIncrement, press('volume-up')],
  [CONTROL_USAGE.volumeDecrement, press('volume-down')],
  [CONTROL_USAGE.cameraAccessEnabled, press('camera-on')],
  [CONTROL_USAGE.cameraAccessDisabled, press('camera-off')],
  [CONTROL_USAGE.cameraAccessToggle, press('camera-toggle')]
]);

/** In the order in which they come where an array has too few slots for all: what people have to see first. */
const LAMPS: ReadonlyMap<Usage, TelephonyLamp> = new Map([
  [LAMP_USAGE.ring, 'ring'],
  [LAMP_USAGE.hold, 'hold'],
  [LAMP_USAGE.mute, 'mute'],
  [LAMP_USAGE.offHook, 'offHook'],
  [LAMP_USAGE.onLine, 'onLine'],
  [LAMP_USAGE.microphone, 'microphone'],
  [LAMP_USAGE.speaker, 'speaker'],
  [LAMP_USAGE.line, 'line'],
  [LAMP_USAGE.ringer, 'ringer']
]);

const LAMP_ORDER: readonly Usage[] = [...LAMPS.keys()];

/** @param driver what its vendor does otherwise (drivers.ts) */
export function telephonyMap(model: ReportModel, driver: HidDriver | null = null): TelephonyMap {
  const open = model.fields.filter(({ collections }) => !collections.some((usage) => isVendorPage(pageOf(usage))));
  const controls = grouped(open, 'input').flatMap((fields) => controlsOf(fields, driver));
  const lamps = grouped(open, 'output').flatMap(([field]) => (field === undefined ? [] : lampsOf(field)));
  return { model, controls, lamps, controlReportIds: reportIdsOf(controls), lampReportIds: reportIdsOf(lamps), doubleKeyMs: driver?.doubleKeyMs ?? 0 };
}

/** What an input report says of the controls, each field for itself; nothing where it is not one of this device or says nothing of them. */
export function controlValues(map: TelephonyMap, report: Uint8Array): readonly ControlValue[] {
  if (!map.controlReportIds.includes(report[0] ?? 0) || misfit(map.model, report) !== null) return [];
  const selected = new Map<readonly ReportField[], ReadonlySet<Usage>>();
  return map.controls.flatMap(({ control, form, reportId, usage, fields }) => {
    const [first] = fields;
    if (reportId !== report[0] || first === undefined) return [];
    if (first.array) {
      // Once for all that it names: an array may have thousands of slots.
      const named = selected.get(fields) ?? new Set(fields.flatMap((field) => selectedBy(field, report)));
      selected.set(fields, named);
      return [{ control, form, value: Number(named.has(usage)) }];
    }
    const value = variableValue(first, report);
    if (value === null) return [];
    // A switch and a button are 1 or 0, whatever their range is.
    const isState = form === 'switch' || form === 'one-shot';
    return [{ control, form, value: isState ? Number(value > Math.max(0, first.logicalMinimum)) : value }];
  });
}

/**
 * The whole of one output report: the lamps of `lit` are on, all others off, all that is no lamp is 0. Where an array has too few slots for them, it names
 * those that matter most.
 * @param reportId one of map.lampReportIds
 */
export function lampReport(map: TelephonyMap, reportId: number, lit: ReadonlySet<TelephonyLamp>): Result<Uint8Array<ArrayBuffer>> {
  const variables = new Map<ReportField, number>();
  const named = new Map<readonly Usage[], Usage[]>();
  for (const { lamp, field, lit: on, dark } of map.lamps) {
    const value = lit.has(lamp) ? on : dark;
    if (value === null) continue;
    if (!field.array) variables.set(field, value);
    else named.set(field.usages, [...(named.get(field.usages) ?? []), value]);
  }
  for (const usages of named.values()) usages.sort((one, other) => LAMP_ORDER.indexOf(one) - LAMP_ORDER.indexOf(other));
  return writeReport(map.model, 'output', reportId, { variables, named });
}

/** The slots of an array together, each variable for itself. */
function grouped(fields: readonly ReportField[], kind: ReportField['kind']): readonly (readonly ReportField[])[] {
  const groups = new Map<readonly Usage[], ReportField[]>();
  for (const field of fields) {
    if (field.kind !== kind) continue;
    const group = groups.get(field.usages);
    if (group === undefined) groups.set(field.usages, [field]);
    else group.push(field);
  }
  return [...groups.values()];
}

function controlsOf(fields: readonly ReportField[], driver: HidDriver | null): MappedControl[] {
  const [first] = fields;
  if (first === undefined) return [];
  return namedOnce(first).flatMap(({ usage, index }) => {
    const meaning = meaningOf(usage, first, driver) ?? meaningOf(first.alternateUsages[index] ?? usage, first, driver);
    if (meaning === null) return [];
    const form = meaning.kind === 'press' ? 'one-shot' : formOf(first);
    return [{ control: meaning.control, form, reportId: first.reportId, usage, fields }];
  });
}

/** An array may name one usage thousands of times, and means it once. */
function namedOnce({ usages }: ReportField): readonly { readonly usage: Usage; readonly index: number }[] {
  const first = new Map<Usage, number>();
  for (const [index, usage] of usages.entries()) if (!first.has(usage)) first.set(usage, index);
  return [...first].map(([usage, index]) => ({ usage, index }));
}

function meaningOf(usage: Usage, field: ReportField, driver: HidDriver | null): Meaning | null {
  const meaning = CONTROLS.get(usage) ?? null;
  // A seventh button is a reject key on a telephone alone.
  if (meaning?.control === 'reject' && !field.collections.some((around) => pageOf(around) === PAGE.telephony)) return null;
  const other = driver?.controls.get(usage);
  if (other === undefined || meaning === null) return meaning;
  return other === null ? null : { ...meaning, control: other };
}

/** Section 3.4.1, On/Off Control; absolute and with a preferred state is none of its forms, and springs back like a button. */
function formOf({ array, relative, noPreferred, logicalMinimum, logicalMaximum }: ReportField): ControlForm {
  if (relative) return logicalMinimum < 0 ? 'pair' : 'one-shot';
  if (logicalMaximum - logicalMinimum > 1 && !array) return 'level';
  return noPreferred ? 'switch' : 'one-shot';
}

function lampsOf(field: ReportField): MappedLamp[] {
  const { reportId, usages, alternateUsages } = field;
  // An indicator: the lamp is the collection, and an array selects what it does (section 11, Usage Indicators).
  const around = field.collections.map((usage) => LAMPS.get(usage)).findLast((lamp) => lamp !== undefined);
  if (field.array && around !== undefined && usages.includes(LAMP_USAGE.indicatorOn)) {
    const off = usages.includes(LAMP_USAGE.indicatorOff) ? LAMP_USAGE.indicatorOff : null;
    return [{ lamp: around, reportId, field, lit: LAMP_USAGE.indicatorOn, dark: off }];
  }
  return namedOnce(field).flatMap(({ usage, index }): MappedLamp[] => {
    const lamp = LAMPS.get(usage) ?? LAMPS.get(alternateUsages[index] ?? usage);
    if (lamp === undefined) return [];
    if (field.array) return [{ lamp, reportId, field, lit: usage, dark: null }];
    return [{ lamp, reportId, field, ...onAndOff(field) }];
  });
}

/** Section 3.4.1, On/Off Control: 1 is on; off is 0, or −1 where there are two buttons. */
function onAndOff({ relative, logicalMinimum, logicalMaximum }: ReportField): Pick<MappedLamp, 'lit' | 'dark'> {
  const off = logicalMinimum < 0 && !relative ? 0 : logicalMinimum;
  return { lit: off < 1 && logicalMaximum >= 1 ? 1 : logicalMaximum, dark: off };
}

const reportIdsOf = (mapped: readonly { readonly reportId: number }[]): readonly number[] =>
  [...new Set(mapped.map(({ reportId }) => reportId))].sort((one, other) => one - other);
