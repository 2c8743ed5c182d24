import {
  begin,
  failedAsCaught,
  invoke,
  startExecution,
  succeed,
  type Definition,
  type WorkflowParts,
} from './states.ts';

/**
 * One run over all due targets. The map tolerates every child's failure, and a child catches its own; what became of
 * them is read from the catalog, for a map's output has a size limit. The report goes out whatever happened.
 */
export const nightlyDefinition = (parts: WorkflowParts): Definition => ({
  Comment: 'Backs up all due targets, then reports',
  StartAt: 'Begin',
  States: {
    Begin: begin('PlanRun'),
    PlanRun: invoke(parts, 'PlanRun', { resultPath: '$.run', next: 'AnythingToDo', fail: 'ReportFailure' }),
    AnythingToDo: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.run.proceed', BooleanEquals: false, Next: 'DeliveredBefore' },
        // A run with nothing due is reported too.
        { Variable: '$.run.due', NumericEquals: 0, Next: 'SummarizeRun' },
      ],
      Default: 'BackupTargets',
    },
    DeliveredBefore: succeed,
    BackupTargets: {
      Type: 'Map',
      Label: 'BackupTargets',
      ItemReader: {
        Resource: `arn:${parts.partition}:states:::s3:getObject`,
        ReaderConfig: { InputType: 'JSON' },
        Parameters: { 'Bucket.$': '$.run.bucket', 'Key.$': '$.run.itemsKey' },
      },
      MaxConcurrency: parts.concurrency,
      ToleratedFailurePercentage: 100,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'StartBackup',
        States: {
          StartBackup: startExecution(parts, {
            machine: 'backup',
            name: '$.executionName',
            input: { 'Input.$': '$.input' },
            resultPath: null,
            next: 'BackupEnded',
            fail: 'BackupEnded',
          }),
          // The outputs of ten thousand children must fit into one payload.
          BackupEnded: { Type: 'Pass', Result: {}, End: true },
        },
      },
      ResultPath: null,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.failure', Next: 'ReportFailure' }],
      Next: 'SummarizeRun',
    },
    SummarizeRun: invoke(parts, 'SummarizeRun', {
      resultPath: '$.totals',
      next: 'SendReport',
      fail: 'ReportFailure',
    }),
    SendReport: invoke(parts, 'SendReport', { resultPath: null, next: 'Done', fail: 'ReportNotSent' }),
    Done: succeed,
    ReportFailure: invoke(parts, 'SendReport', {
      resultPath: null,
      next: 'RunFailed',
      fail: 'ReportNotSent',
      // What broke the run stays in $.failure.
      failurePath: '$.reportFailure',
    }),
    RunFailed: failedAsCaught,
    ReportNotSent: {
      Type: 'Fail',
      Error: 'MAIL_REFUSED',
      Cause: 'The report was not sent. The backups are in the catalog: nightjar status.',
    },
  },
});
