// What the list of recent calls says of each: what became of it, and when. Pure.
import type { RecentCall } from '../../../room/state.ts';
import type { Texts } from '../../texts/texts.ts';

export type RecentKind = 'outgoing' | 'incoming' | 'missed' | 'declinedHere' | 'declinedThere' | 'notAnswered' | 'failed';

export function recentKindOf({ direction, outcome }: Pick<RecentCall, 'direction' | 'outcome'>): RecentKind {
  if (outcome === 'talked') return direction;
  if (outcome === 'declined') return direction === 'incoming' ? 'declinedHere' : 'declinedThere';
  if (outcome === 'not-answered') return direction === 'incoming' ? 'missed' : 'notAnswered';
  return outcome;
}

/** The time of today; `yesterday` and the time; else the day and the time. A clock that was set back leaves calls in the future: they have a day, too. */
export function whenText(at: string, now: number, t: Texts): string {
  const then = new Date(at);
  const clock = t.clock(then.getTime());
  const days = dayOf(new Date(now)) - dayOf(then);
  if (days === 0) return clock;
  const locale = t.language === 'ar' ? 'ar-u-nu-latn' : t.language;
  const day = days === 1 ? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-1, 'day') : t.date(then.getTime());
  return `${day}, ${clock}`;
}

/** What became of it, when, and for how long people talked. */
export function recentText(call: RecentCall, now: number, t: Texts): string {
  const talked = call.outcome === 'talked' ? [t.duration(call.durationMs)] : [];
  return [t(`people.recent.${recentKindOf(call)}`), whenText(call.at, now, t), ...talked].join(' · ');
}

/** The latest call with each account, as the list has them: those that stand elsewhere already are left out. */
export function latestOfEach(recents: readonly RecentCall[], without: ReadonlySet<string>): readonly RecentCall[] {
  const seen = new Set(without);
  return recents.filter(({ account }) => !seen.has(account) && seen.add(account));
}

/** Days since 1970 in the room's own zone, whatever summer time did to their length. */
const dayOf = (date: Date): number => Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
