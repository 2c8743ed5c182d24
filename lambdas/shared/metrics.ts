/** Metrics in Nightjar's own namespace. */
import { PutMetricDataCommand, type CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { METRIC_NAMESPACE, METRICS } from '../../core/names.ts';

export interface Metrics {
  put(values: Partial<Record<keyof typeof METRICS, number>>, at: Date): Promise<void>;
}

export const awsMetrics = (client: CloudWatchClient, name: string): Metrics => ({
  async put(values, at) {
    await client.send(
      new PutMetricDataCommand({
        Namespace: METRIC_NAMESPACE,
        MetricData: Object.entries(values).map(([key, value]) => ({
          MetricName: METRICS[key as keyof typeof METRICS],
          Dimensions: [{ Name: 'Name', Value: name }],
          Timestamp: at,
          Value: value,
          Unit: 'Count',
        })),
      }),
    );
  },
});
