/**
 * When things run, as EventBridge Scheduler wants to hear it, and what of it a person should think about before a
 * deploy. Pure: the present moment is handed in.
 */
import { Temporal } from 'temporal-polyfill';
import type { Config } from './config.ts';

/** A schedule by the wall clock of a time zone. */
export interface CronSchedule {
  /** `cron(minutes hours day-of-month month day-of-week year)`. */
  readonly expression: string;
  readonly timeZone: string;
  /** Local time `HH:MM` that the expression names. */
  readonly time: string;
}

export const CLOCK_SCHEDULES = ['daily', 'weekly', 'prune'] as const;
export type ClockSchedule = (typeof CLOCK_SCHEDULES)[number];

/** Every hour; elapsed time, so no daylight saving touches it. */
export const RPO_RATE = 'rate(1 hour)';

/** The pruner comes after the night's backups, so that a new good one is there before an old one goes. */
const PRUNE_HOURS_LATER = 6;

/** How far ahead skipped local times are looked for: every zone with daylight saving changes its clocks within. */
export const LOOK_AHEAD_DAYS = 400;

/** The schedules of a config that go by the wall clock. */
export function clockSchedules(schedule: Config['schedule']): Record<ClockSchedule, CronSchedule> {
  const { nightly, timeZone, weeklyDay } = schedule;
  const at = (time: string, dayOfWeek?: string): CronSchedule => {
    const [hour, minute] = time.split(':').map(Number);
    const days = dayOfWeek ? `? * ${dayOfWeek}` : '* * ?';
    return { expression: `cron(${minute} ${hour} ${days} *)`, timeZone, time };
  };
  return {
    daily: at(nightly),
    weekly: at(nightly, weeklyDay.slice(0, 3).toUpperCase()),
    prune: at(Temporal.PlainTime.from(nightly).add({ hours: PRUNE_HOURS_LATER }).toString().slice(0, 5)),
  };
}

/** A day on which a local time does not exist, because the clocks are put forward over it. */
export interface SkippedTime {
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** The first local time after the gap, `HH:MM`. */
  readonly gapEnds: string;
}

/** The days from `now` on whose daylight saving skips this local time (`HH:MM`), soonest first. */
export function skippedTimes(time: string, timeZone: string, now: Date, days = LOOK_AHEAD_DAYS): SkippedTime[] {
  const first = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone).toPlainDate();
  const plainTime = Temporal.PlainTime.from(time);
  const skipped: SkippedTime[] = [];
  for (let day = 0; day <= days; day += 1) {
    const wanted = first.add({ days: day }).toPlainDateTime(plainTime);
    const real = wanted.toZonedDateTime(timeZone, { disambiguation: 'later' });
    if (real.toPlainDateTime().equals(wanted)) continue;
    // A nanosecond later, so that a change at this very moment is a previous one too.
    const change = real.add({ nanoseconds: 1 }).getTimeZoneTransition('previous') ?? real;
    skipped.push({ date: wanted.toPlainDate().toString(), gapEnds: change.toPlainTime().toString().slice(0, 5) });
  }
  return skipped;
}

/**
 * One line for each schedule that daylight saving skips. AWS does not make up for a skipped invocation. Source: AWS,
 * EventBridge Scheduler User Guide, "Schedule types", daylight saving time.
 */
export function skippedTimeWarnings(schedule: Config['schedule'], now: Date): string[] {
  const { daily, prune } = clockSchedules(schedule);
  const asked = [
    { what: `schedule.nightly ${daily.time}: the run`, time: daily.time },
    { what: `schedule.nightly ${daily.time} puts the pruner at ${prune.time}: it`, time: prune.time },
  ];
  return asked.flatMap(({ what, time }) =>
    skippedTimes(time, schedule.timeZone, now).map(
      ({ date, gapEnds }) =>
        `${what} of ${date} will not take place, because clocks in ${schedule.timeZone} are put forward over ${time} ` +
        `that day. A time from ${gapEnds} on is safe.`,
    ),
  );
}

/**
 * US dollars per GB and month, N. Virginia, first 50 TB; other regions differ by the same factor within a few percent.
 * Source: AWS, "Amazon S3 pricing", storage; minimum: AWS, S3 User Guide, "Understanding archival storage".
 */
export const S3_PRICES = { standardMonth: 0.023, glacierMonth: 0.0036, glacierMinimumDays: 90 } as const;

/**
 * What archiving changes in the bill of one GB over its life, in US dollars; below zero it saves. Requests and the
 * 40 KB of metadata an object are left out: backups are few and large.
 */
export function archivingCost(retention: Config['retention']): number {
  if (retention.archiveAfterDays === 'never') return 0;
  const days = retention.days - retention.archiveAfterDays;
  const month = 365 / 12;
  const saved = (days / month) * S3_PRICES.standardMonth;
  const paid = (Math.max(days, S3_PRICES.glacierMinimumDays) / month) * S3_PRICES.glacierMonth;
  return paid - saved;
}

/** One line when archiving costs more than it saves. */
export function archivingWarnings(retention: Config['retention']): string[] {
  if (archivingCost(retention) <= 0 || retention.archiveAfterDays === 'never') return [];
  const { standardMonth, glacierMonth, glacierMinimumDays } = S3_PRICES;
  const days = retention.days - retention.archiveAfterDays;
  const worthDays = Math.ceil((glacierMinimumDays * glacierMonth) / standardMonth);
  const lastWorth = retention.days - worthDays;
  const instead = lastWorth >= 1 ? `${lastWorth} or less, or 'never'` : `'never'`;
  return [
    `retention.archiveAfterDays ${retention.archiveAfterDays}: each backup would be in Glacier for ${days} days and ` +
      `be billed for ${glacierMinimumDays}, which costs more than leaving it in S3 Standard. ` +
      `With retention.days ${retention.days}, right would be ${instead}.`,
  ];
}

/** Everything about times and terms that is valid and yet surprising. */
export const scheduleWarnings = (config: Pick<Config, 'schedule' | 'retention'>, now: Date): string[] => [
  ...skippedTimeWarnings(config.schedule, now),
  ...archivingWarnings(config.retention),
];
