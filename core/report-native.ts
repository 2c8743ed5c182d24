/** What the report says of databases whose service keeps the recovery points. */
import { durationText, momentText, partsOf, type ReportLine, type RunSummary } from './report.ts';

/** Good lines without point-in-time recovery: they stand at the top. */
export const withoutPitr = (summary: RunSummary): ReportLine[] =>
  partsOf(summary).ok.filter((line) => line.native && !line.native.window.on);

export const PITR_OFF_HEADING = 'Point-in-time recovery is off';
export const PITR_OFF_TEXT =
  "Only the recovery points of the nights can be restored, nothing between them. Turn it on, or set `pitr` of the target to 'enable'.";

/** `PITR reaches from … to …, 4 min before the end of the run; recovery point nightjar-shop-…`. */
export function nativeText(line: ReportLine, { timeZone, endedAt }: Pick<RunSummary, 'timeZone' | 'endedAt'>): string {
  if (!line.native) return '';
  const { window, point } = line.native;
  const { on, earliest, latest } = window;
  const reach =
    on && earliest !== undefined && latest !== undefined
      ? `PITR reaches from ${momentText(earliest, timeZone)} to ${momentText(latest, timeZone)}, ${durationText(
          Math.max(0, (Date.parse(endedAt) - Date.parse(latest)) / 1_000),
        )} before the end of the run`
      : on
        ? 'PITR is on and reaches nothing yet'
        : 'PITR is OFF';
  return point === undefined ? reach : `${reach}; recovery point ${nameOfPoint(point)}`;
}

/** A table's backup has no name in its ARN; then it is what the service calls it. */
const nameOfPoint = (arn: string): string => arn.split(/[:/]/).at(-1) ?? arn;
