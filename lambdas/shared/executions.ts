/** Whether an execution still runs: the question behind every lock. */
import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';

export interface Executions {
  /** True also for one that nobody remembers. */
  isOver(executionArn: string): Promise<boolean>;
}

/** Over for good: anything else, such as one that waits to be redriven, may still write. */
const ENDED = new Set(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']);

export const awsExecutions = (client: SFNClient): Executions => ({
  async isOver(executionArn) {
    try {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
      return ENDED.has(status ?? '');
    } catch (error) {
      if (error instanceof Error && error.name === 'ExecutionDoesNotExist') return true;
      throw error;
    }
  },
});
