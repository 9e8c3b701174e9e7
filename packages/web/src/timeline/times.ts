import { dayKey } from './rows.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const thisYear = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const otherYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });

/** 09:41 */
export const clockTime = (at: string): string => clock.format(new Date(at));
/** Day, date and seconds, for a tooltip. */
export const fullTime = (at: string): string => full.format(new Date(at));

/** Today, Yesterday, or the date; with the year where it is not this one. */
export function dayLabel(at: string, now: number): string {
  const day = dayKey(at);
  if (day === dayKey(now)) return 'Today';
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === dayKey(yesterday.getTime())) return 'Yesterday';
  const date = new Date(at);
  return (date.getFullYear() === new Date(now).getFullYear() ? thisYear : otherYear).format(date);
}
