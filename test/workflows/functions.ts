/** The real handlers over a world in memory, called as Lambda calls them. */
import { FUNCTION_NAMES, type FunctionName } from '../../lib/function-list.ts';
import { makeCheckThaw } from '../../lambdas/CheckThaw.ts';
import { makeCloseBackup } from '../../lambdas/CloseBackup.ts';
import { makeCloseDrop } from '../../lambdas/CloseDrop.ts';
import { makeCloseOrphan } from '../../lambdas/CloseOrphan.ts';
import { makeClosePrune } from '../../lambdas/ClosePrune.ts';
import { makeCloseRestore } from '../../lambdas/CloseRestore.ts';
import { makeCloseRollback } from '../../lambdas/CloseRollback.ts';
import { makeDeleteExpired } from '../../lambdas/DeleteExpired.ts';
import { makeFailBackup } from '../../lambdas/FailBackup.ts';
import { makeFailRestore } from '../../lambdas/FailRestore.ts';
import { makeFailRollback } from '../../lambdas/FailRollback.ts';
import { makeJudgeTask } from '../../lambdas/JudgeTask.ts';
import { makeOpenBackup } from '../../lambdas/OpenBackup.ts';
import { makeOpenDrop } from '../../lambdas/OpenDrop.ts';
import { makeOpenProbe } from '../../lambdas/OpenProbe.ts';
import { makeOpenRestore } from '../../lambdas/OpenRestore.ts';
import { makeOpenRollback } from '../../lambdas/OpenRollback.ts';
import { makePlanPrune } from '../../lambdas/PlanPrune.ts';
import { makePlanRun } from '../../lambdas/PlanRun.ts';
import { makePublishRpo } from '../../lambdas/PublishRpo.ts';
import { makeSendReport } from '../../lambdas/SendReport.ts';
import { makeSummarizeRun } from '../../lambdas/SummarizeRun.ts';
import { makeThawObjects } from '../../lambdas/ThawObjects.ts';
import { makeVerifyBackup } from '../../lambdas/VerifyBackup.ts';
import type { Parts } from '../../lambdas/shared/parts.ts';
import { lambda } from '../../lambdas/shared/wiring.ts';
import { SeenError } from './seen-error.ts';

/** Each takes an event of its own; here they all take what the state machine hands over. */
type Make = (parts: Parts) => (event: never) => Promise<unknown>;

const MAKE: Readonly<Record<FunctionName, Make>> = {
  PlanRun: makePlanRun,
  SummarizeRun: makeSummarizeRun,
  SendReport: makeSendReport,
  OpenBackup: makeOpenBackup,
  VerifyBackup: makeVerifyBackup,
  CloseBackup: makeCloseBackup,
  FailBackup: makeFailBackup,
  JudgeTask: makeJudgeTask,
  OpenRestore: makeOpenRestore,
  ThawObjects: makeThawObjects,
  CheckThaw: makeCheckThaw,
  CloseRestore: makeCloseRestore,
  FailRestore: makeFailRestore,
  OpenRollback: makeOpenRollback,
  CloseRollback: makeCloseRollback,
  FailRollback: makeFailRollback,
  PlanPrune: makePlanPrune,
  DeleteExpired: makeDeleteExpired,
  OpenDrop: makeOpenDrop,
  CloseDrop: makeCloseDrop,
  ClosePrune: makeClosePrune,
  OpenProbe: makeOpenProbe,
  PublishRpo: makePublishRpo,
  CloseOrphan: makeCloseOrphan,
};

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;

/** Invokes a function by its ARN: JSON in, JSON out, and an error as Step Functions sees a Lambda's. */
export function functionsOf(parts: Parts): (arn: string, event: unknown) => Promise<unknown> {
  return async (arn, event) => {
    const name = FUNCTION_NAMES.find((one) => arn.endsWith(`-${one}`));
    if (name === undefined) throw new Error(`No function has the ARN ${arn}.`);
    try {
      return asJson(await lambda(() => MAKE[name](parts))(asJson(event) as never));
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      throw new SeenError(errorType, JSON.stringify({ errorType, errorMessage, trace: [] }));
    }
  };
}
