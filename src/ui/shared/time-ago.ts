// How long ago something was, in the words of the language: minutes, hours, days. Pure.
import type { Language } from '../../kernel/panel-choices.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export function agoText(ms: number, language: Language): string {
  // Latin digits in Arabic, as everywhere on the pages.
  const format = new Intl.RelativeTimeFormat(language === 'ar' ? 'ar-u-nu-latn' : language, { numeric: 'auto' });
  if (ms < MINUTE_MS) return format.format(0, 'second');
  if (ms < HOUR_MS) return format.format(-Math.floor(ms / MINUTE_MS), 'minute');
  if (ms < DAY_MS) return format.format(-Math.floor(ms / HOUR_MS), 'hour');
  return format.format(-Math.floor(ms / DAY_MS), 'day');
}
