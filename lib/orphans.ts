/** What no Catch can see: executions that failed outside a state, ran out of time or were stopped. */
import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { MachineEverywhere, OfMachines } from '../core/names.ts';

/** The machines that open a record or take a lock. */
const WITH_RECORDS = ['backup', 'restore', 'rollback'] as const satisfies readonly MachineEverywhere[];

export interface OrphansProps {
  readonly machines: OfMachines<StateMachine>;
  readonly closeOrphan: IFunction;
  readonly undelivered: IQueue;
}

export class Orphans extends Construct {
  constructor(scope: Construct, { machines, closeOrphan, undelivered }: OrphansProps) {
    super(scope, 'Orphans');
    new Rule(this, 'ExecutionEnded', {
      description: 'Closes the record of an execution that ended badly',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
          stateMachineArn: WITH_RECORDS.map((machine) => machines[machine].stateMachineArn),
        },
      },
      targets: [
        new LambdaFunction(closeOrphan, {
          deadLetterQueue: undelivered,
          maxEventAge: Duration.hours(24),
          retryAttempts: 185,
        }),
      ],
    });
  }
}
