/** When a schedule fires next: of the expressions that the stacks make (`core/schedule.ts`), no others. */
import { Temporal } from 'temporal-polyfill';

const DAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'] as const;
/** Over a week, because daylight saving may skip the one day. */
const LOOK_AHEAD_DAYS = 15;

/** ISO 8601 in UTC; undefined for an expression of another kind. `now` in ms since the epoch. */
export function nextFire(expression: string, timeZone: string, now: number): string | undefined {
  const match = /^cron\((\d+) (\d+) [*?] \* ([*?]|[A-Z]{3}) \*\)$/.exec(expression);
  if (!match) return undefined;
  const [, minute, hour, day] = match;
  const weekday = DAYS.findIndex((one) => one === day) + 1;
  const time = Temporal.PlainTime.from({ hour: Number(hour), minute: Number(minute) });
  const first = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone);
  for (let ahead = 0; ahead < LOOK_AHEAD_DAYS; ahead += 1) {
    const wanted = first.toPlainDate().add({ days: ahead });
    if (weekday > 0 && wanted.dayOfWeek !== weekday) continue;
    const moment = wanted.toZonedDateTime({ timeZone, plainTime: time });
    // An hour that daylight saving skips does not fire.
    if (!moment.toPlainTime().equals(time) || moment.epochMilliseconds <= now) continue;
    return new Date(moment.epochMilliseconds).toISOString();
  }
  return undefined;
}
