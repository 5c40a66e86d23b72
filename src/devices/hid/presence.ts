// Whether somebody is in the room, as a HID sensor's report says it (HID Usage Tables 1.5, Sensors page 0x20). Pure.
import { readReport } from './report-codec.ts';
import type { ReportField, ReportModel, Usage } from './report-model.ts';

/** Data field usages of a human presence and of a human proximity sensor: linux/hid-sensor-ids.h has the same. */
const PRESENCE: Usage = 0x20_04b1;
const RANGE: Usage = 0x20_04b2;

const tells = (field: ReportField): boolean => field.kind === 'input' && !field.array && field.usages.some((usage) => usage === PRESENCE || usage === RANGE);

export const sensesPresence = (model: ReportModel): boolean => model.fields.some(tells);

/** @returns null where the report does not say */
export function presenceIn(model: ReportModel, report: Uint8Array): boolean | null {
  const values = readReport(model, report);
  if (!values.ok) return null;
  const told = values.value.filter(({ field }) => tells(field));
  if (told.length === 0) return null;
  // A range is a distance: at its end there is nobody as far as the sensor reaches.
  return told.some(({ field, usage, value }) => (usage === PRESENCE ? value !== 0 : value < field.logicalMaximum));
}
