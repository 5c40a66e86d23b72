// Reads what a display page sends. Pure and total: anything that is not exactly a DisplayMessage is null.
import type { DisplayMessage } from './protocol.ts';

const REPORT_FIELDS = 7;
const MAX_COUNT = 2 ** 40;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown, from: number): value is number => typeof value === 'number' && value >= from && value <= MAX_COUNT;

export function parseDisplayMessage(text: string): DisplayMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const size = Object.keys(value).length;
  if (value.type === 'need-keyframe') return size === 2 && (value.of === 'video' || value.of === 'screen') ? { type: value.type, of: value.of } : null;
  if (value.type !== 'report' || size !== REPORT_FIELDS) return null;
  const { framesDecoded, framesDropped, audioPlayedMs, audioGapsMs, bufferMs, avOffsetMs } = value;
  if (!isNumber(framesDecoded, 0) || !isNumber(framesDropped, 0) || !isNumber(audioPlayedMs, 0) || !isNumber(audioGapsMs, 0)) return null;
  if (!isNumber(bufferMs, 0) || !isNumber(avOffsetMs, -MAX_COUNT)) return null;
  return { type: 'report', framesDecoded, framesDropped, audioPlayedMs, audioGapsMs, bufferMs, avOffsetMs };
}
