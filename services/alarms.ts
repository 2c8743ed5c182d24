/**
 * Alarms that name a database by its resource id, which a restored one has not: those on Performance Insights
 * (`DB_PERF_INSIGHTS('RDS', 'db-…', …)`). All others name it by its name, and that is the same again.
 * Source: AWS, CloudWatch User Guide, "Using metric math: DB_PERF_INSIGHTS".
 */
import { DescribeAlarmsCommand, type CloudWatchClient, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { Sends } from './clients.ts';

/** Every metric alarm of the Region that names one of these ids, by its name, with the ids. */
export async function alarmsNaming(
  cloudwatch: Sends<CloudWatchClient>,
  ids: readonly string[],
): Promise<{ readonly name: string; readonly ids: readonly string[] }[]> {
  const found: { name: string; ids: readonly string[] }[] = [];
  let NextToken: string | undefined;
  do {
    const page = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmTypes: ['MetricAlarm'], NextToken }));
    for (const alarm of page.MetricAlarms ?? []) {
      const said = ids.filter((id) => watched(alarm).includes(id));
      if (said.length > 0) found.push({ name: alarm.AlarmName ?? '', ids: said });
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return found;
}

/** What it looks at; not its name or description, which may tell of anything. */
const watched = ({ Metrics, Dimensions }: MetricAlarm): string => JSON.stringify([Metrics, Dimensions]);
