/** The alarms of `alarm-list.ts` and a dashboard over the same numbers. */
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmStatusWidget,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import { MACHINES, METRIC_NAMESPACE, METRICS, type Machine, type OfMachines } from '../core/names.ts';
import { ALARMS } from './alarm-list.ts';
import type { Functions } from './functions.ts';

const SOON = Duration.minutes(5);
const HOURLY = Duration.hours(1);

export interface AlarmsProps {
  readonly config: Config;
  readonly topic: Topic;
  readonly machines: OfMachines<StateMachine>;
  readonly functions: Functions;
  readonly undelivered: Queue;
}

export class Alarms extends Construct {
  constructor(scope: Construct, props: AlarmsProps) {
    super(scope, 'Alarms');
    const action = new SnsAction(props.topic);
    const alarms = ALARMS.flatMap((alarm) =>
      metricsOf(alarm, props).map(({ name, metric }) => {
        const silenceIsBad = alarm.watches === 'pastRpo';
        const made = new Alarm(this, name, {
          alarmName: `${props.config.name}-${name}`,
          alarmDescription: `${alarm.says} Runbook: ${alarm.name}.`,
          metric,
          threshold: 1,
          evaluationPeriods: 1,
          comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
          treatMissingData: silenceIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
        });
        made.addAlarmAction(action);
        if (silenceIsBad) made.addOkAction(action);
        return made;
      }),
    );
    this.makeDashboard(props, alarms);
  }

  private makeDashboard(props: AlarmsProps, alarms: Alarm[]): void {
    const dashboard = new Dashboard(this, 'Dashboard', { dashboardName: props.config.name });
    const perHour = { period: HOURLY };
    dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms, width: 24 }));
    dashboard.addWidgets(
      new GraphWidget({
        title: 'Targets past their RPO',
        left: [ownMetric(props.config, METRICS.pastRpo)],
        right: [ownMetric(props.config, METRICS.targetsWatched)],
        width: 8,
      }),
      new GraphWidget({
        title: 'Backups',
        left: [
          props.machines.backup.metricSucceeded(perHour),
          props.machines.backup.metricFailed(perHour),
          props.machines.backup.metricTimedOut(perHour),
          props.machines.backup.metricAborted(perHour),
        ],
        width: 8,
      }),
      new GraphWidget({
        title: 'Executions that did not succeed',
        left: MACHINES.flatMap((machine) => {
          const made = props.machines[machine];
          return made ? [unsuccessful(made, HOURLY, machine)] : [];
        }),
        width: 8,
      }),
    );
  }
}

interface NamedMetric {
  readonly name: string;
  readonly metric: IMetric;
}

/** One metric for each alarm that AWS is to make of an entry; of a machine there is one for each way to end badly. */
function metricsOf(alarm: (typeof ALARMS)[number], props: AlarmsProps): NamedMetric[] {
  switch (alarm.watches) {
    case 'machine': {
      const machine = props.machines[alarm.machine];
      if (!machine) return [];
      const sum = { period: SOON, statistic: Stats.SUM };
      return [
        { name: alarm.name, metric: machine.metricFailed(sum) },
        { name: `${alarm.machine}-timed-out`, metric: machine.metricTimedOut(sum) },
        { name: `${alarm.machine}-aborted`, metric: machine.metricAborted(sum) },
      ];
    }
    case 'function':
      return [
        {
          name: alarm.name,
          metric: props.functions.get(alarm.function).metricErrors({ period: SOON, statistic: Stats.SUM }),
        },
      ];
    case 'undelivered':
      return [
        {
          name: alarm.name,
          metric: props.undelivered.metricApproximateNumberOfMessagesVisible({
            period: SOON,
            statistic: Stats.MAXIMUM,
          }),
        },
      ];
    case 'pastRpo':
      return [{ name: alarm.name, metric: ownMetric(props.config, METRICS.pastRpo) }];
    case 'readOnly':
      return [{ name: alarm.name, metric: ownMetric(props.config, METRICS.serversReadOnly, SOON) }];
  }
}

const ownMetric = (config: Config, metricName: string, period = HOURLY): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { Name: config.name },
    period,
    statistic: Stats.MAXIMUM,
  });

/** How many executions failed, timed out or were aborted. Ids carry the machine's name: a graph shows several. */
const unsuccessful = (stateMachine: StateMachine, period: Duration, machine: Machine): IMetric => {
  // Names of metrics in an expression know no dash.
  const stem = machine.replaceAll('-', '');
  const ids = [`${stem}Failed`, `${stem}TimedOut`, `${stem}Aborted`] as const;
  return new MathExpression({
    label: machine,
    period,
    expression: ids.map((id) => `FILL(${id}, 0)`).join(' + '),
    usingMetrics: {
      [ids[0]]: stateMachine.metricFailed({ statistic: Stats.SUM }),
      [ids[1]]: stateMachine.metricTimedOut({ statistic: Stats.SUM }),
      [ids[2]]: stateMachine.metricAborted({ statistic: Stats.SUM }),
    },
  });
};
