/** What starts by itself: the nightly and weekly runs, the pruner, and the watch over promised recovery points. */
import { Duration } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import type { NightlyInput } from '../core/payloads.ts';
import { clockSchedules, RPO_RATE, type ClockSchedule } from '../core/schedule.ts';
import { exception } from './nag.ts';

/** EventBridge Scheduler puts the moment here that it was due at, which names the run. */
const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';
const MAX_EVENT_AGE_SECONDS = 2 * 3_600;
const MAX_ATTEMPTS = 185;

export interface SchedulesProps {
  readonly config: Config;
  readonly nightly: StateMachine;
  readonly prune: StateMachine;
  readonly publishRpo: IFunction;
}

export class Schedules extends Construct {
  /** Events that could not be delivered: each of them is a run that did not begin. */
  readonly undelivered: Queue;

  constructor(scope: Construct, { config, nightly, prune, publishRpo }: SchedulesProps) {
    super(scope, 'Schedules');
    this.undelivered = new Queue(this, 'Undelivered', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    exception(this.undelivered, 'SQS3', 'It is the dead-letter queue, of EventBridge Scheduler.');
    const group = new CfnScheduleGroup(this, 'Group', { name: config.name });
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
      description: `Nightjar ${config.name}: starts what is due`,
      inlinePolicies: {
        own: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ['states:StartExecution'],
              resources: [nightly.stateMachineArn, prune.stateMachineArn],
            }),
            new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [publishRpo.functionArn] }),
            new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.undelivered.queueArn] }),
          ],
        }),
      },
    });
    const clock = clockSchedules(config.schedule);
    const target = (arn: string, input?: object) => ({
      arn,
      roleArn: role.roleArn,
      ...(input ? { input: JSON.stringify(input) } : {}),
      retryPolicy: { maximumEventAgeInSeconds: MAX_EVENT_AGE_SECONDS, maximumRetryAttempts: MAX_ATTEMPTS },
      deadLetterConfig: { arn: this.undelivered.queueArn },
    });
    const byClock = (id: string, schedule: ClockSchedule, description: string, to: ReturnType<typeof target>) =>
      new CfnSchedule(this, id, {
        name: `${config.name}-${schedule}`,
        groupName: group.ref,
        description,
        scheduleExpression: clock[schedule].expression,
        scheduleExpressionTimezone: clock[schedule].timeZone,
        flexibleTimeWindow:
          config.schedule.flexibleMinutes === 0
            ? { mode: 'OFF' }
            : { mode: 'FLEXIBLE', maximumWindowInMinutes: config.schedule.flexibleMinutes },
        target: to,
      });
    const run = (trigger: NightlyInput['trigger']): NightlyInput => ({ trigger, scheduledTime: SCHEDULED_TIME });
    byClock('Daily', 'daily', 'Backs up the daily targets', target(nightly.stateMachineArn, run('daily')));
    byClock('Weekly', 'weekly', 'Backs up the weekly targets', target(nightly.stateMachineArn, run('weekly')));
    byClock(
      'Prune',
      'prune',
      'Deletes what retention no longer keeps',
      target(prune.stateMachineArn, { scheduledTime: SCHEDULED_TIME }),
    );
    new CfnSchedule(this, 'Rpo', {
      name: `${config.name}-rpo`,
      groupName: group.ref,
      description: 'Watches the age of each target’s newest good backup',
      scheduleExpression: RPO_RATE,
      flexibleTimeWindow: { mode: 'OFF' },
      target: target(publishRpo.functionArn),
    });
  }
}
