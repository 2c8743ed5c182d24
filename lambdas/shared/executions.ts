/** Whether an execution still runs: the question behind every lock. */
import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { CaughtFailure } from '../../core/payloads.ts';

export interface Executions {
  /** True also for one that nobody remembers. */
  isOver(executionArn: string): Promise<boolean>;
  /** Undefined for one that nobody remembers. */
  look(executionArn: string): Promise<SeenExecution | undefined>;
}

export interface SeenExecution {
  readonly over: boolean;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Of one that failed. */
  readonly failure?: CaughtFailure;
}

/** Over for good: anything else, such as one that waits to be redriven, may still write. */
const ENDED = new Set(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);

export function awsExecutions(client: SFNClient): Executions {
  const look: Executions['look'] = async (executionArn) => {
    try {
      const { status, startDate, stopDate, error, cause } = await client.send(
        new DescribeExecutionCommand({ executionArn }),
      );
      return {
        over: ENDED.has(status ?? ''),
        startedAt: startDate!.toISOString(),
        ...(stopDate === undefined ? {} : { endedAt: stopDate.toISOString() }),
        ...(error === undefined ? {} : { failure: { Error: error, Cause: cause ?? '' } }),
      };
    } catch (error) {
      if (error instanceof Error && error.name === 'ExecutionDoesNotExist') return undefined;
      throw error;
    }
  };
  return { look, isOver: async (executionArn) => (await look(executionArn))?.over ?? true };
}
