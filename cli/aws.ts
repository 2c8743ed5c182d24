/** The AWS calls behind most commands, each by what it means. The few that only `doctor` makes are in its own folder. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  type ExecutionStatus,
} from '@aws-sdk/client-sfn';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { CLIENT_OPTIONS } from '../stores/clients.ts';

export interface Started {
  readonly executionArn: string;
  /** ISO 8601, milliseconds. */
  readonly startedAt: string;
}

export interface Execution extends Started {
  readonly status: ExecutionStatus;
  readonly endedAt?: string | undefined;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
  /** JSON. */
  readonly output?: string | undefined;
}

export interface Identity {
  readonly arn: string;
  readonly account: string;
}

export interface AwsCalls {
  /** The region of the standard settings. @throws when none is set. */
  region(): Promise<string>;
  identity(): Promise<Identity>;
  /** Outputs of a stack by their name; undefined when there is no such stack. */
  stackOutputs(stack: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** The same name and input again means the same execution, so a repeated call starts nothing twice. */
  start(machineArn: string, name: string, input: unknown): Promise<Started>;
  describe(executionArn: string): Promise<Execution>;
  /** Name of the state that the execution entered last. */
  currentState(executionArn: string): Promise<string | undefined>;
  running(machineArn: string): Promise<Started[]>;
  /** Answers a state that waits with this token. False when it waits no more: somebody answered, or its time is over. */
  approve(token: string, answer: object): Promise<boolean>;
  /** The same with an error of the registry and its cause. */
  deny(token: string, error: string, cause: string): Promise<boolean>;
}

/** Source: AWS, Step Functions API reference, SendTaskSuccess: the answers for a token that nobody waits with. */
const WAITS_NO_MORE = ['TaskTimedOut', 'TaskDoesNotExist'];
async function answered(send: () => Promise<unknown>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch (error) {
    if (error instanceof Error && WAITS_NO_MORE.includes(error.name)) return false;
    throw error;
  }
}

/** Clients are made at the first use: a wrong setting is then said by the command that needs it. */
export function awsCalls(): AwsCalls {
  const once = <T>(make: () => T): (() => T) => {
    let made: T | undefined;
    return () => (made ??= make());
  };
  const sfn = once(() => new SFNClient({ ...CLIENT_OPTIONS }));
  const sts = once(() => new STSClient({ ...CLIENT_OPTIONS }));
  const stacks = once(() => new CloudFormationClient({ ...CLIENT_OPTIONS }));

  return {
    region: () => sfn().config.region(),

    async identity() {
      const { Arn = '', Account = '' } = await sts().send(new GetCallerIdentityCommand({}));
      return { arn: Arn, account: Account };
    },

    async stackOutputs(stack) {
      try {
        const { Stacks } = await stacks().send(new DescribeStacksCommand({ StackName: stack }));
        const found = Stacks?.[0];
        if (found === undefined || found.StackStatus === 'DELETE_COMPLETE') return undefined;
        return Object.fromEntries((found.Outputs ?? []).map((one) => [one.OutputKey ?? '', one.OutputValue ?? '']));
      } catch (error) {
        if (error instanceof Error && error.message.includes('does not exist')) return undefined;
        throw error;
      }
    },

    async start(machineArn, name, input) {
      const answer = await sfn().send(
        new StartExecutionCommand({ stateMachineArn: machineArn, name, input: JSON.stringify(input) }),
      );
      return { executionArn: answer.executionArn!, startedAt: answer.startDate!.toISOString() };
    },

    async describe(executionArn) {
      const one = await sfn().send(new DescribeExecutionCommand({ executionArn }));
      return {
        executionArn,
        startedAt: one.startDate!.toISOString(),
        status: one.status!,
        endedAt: one.stopDate?.toISOString(),
        error: one.error,
        cause: one.cause,
        output: one.output,
      };
    },

    async currentState(executionArn) {
      const { events = [] } = await sfn().send(
        new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 25 }),
      );
      return events.find((event) => event.stateEnteredEventDetails !== undefined)?.stateEnteredEventDetails?.name;
    },

    async running(machineArn) {
      const found: Started[] = [];
      let nextToken: string | undefined;
      do {
        const page = await sfn().send(
          new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'RUNNING', nextToken }),
        );
        for (const one of page.executions ?? [])
          found.push({ executionArn: one.executionArn!, startedAt: one.startDate!.toISOString() });
        nextToken = page.nextToken;
      } while (nextToken);
      return found;
    },

    approve: (taskToken, answer) =>
      answered(() => sfn().send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(answer) }))),
    deny: (taskToken, error, cause) =>
      answered(() => sfn().send(new SendTaskFailureCommand({ taskToken, error, cause }))),
  };
}
