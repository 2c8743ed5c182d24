/**
 * The pieces that the state machines are made of, as Amazon States Language (JSONPath). Plain data, so that a test can
 * read, validate and run a definition without CDK; whatever a definition names is asked of {@link WorkflowParts}.
 */
import type { Config } from '../../core/config.ts';
import { CONTAINER, TASK_ENV } from '../../core/environment.ts';
import type { TaskKind } from '../../core/job.ts';
import type { Machine } from '../../core/names.ts';
import { MAX_ATTEMPTS } from '../../core/payloads.ts';
import type { FunctionName, Natives } from '../function-list.ts';

export type State = Readonly<Record<string, unknown> & { Type: string }>;
export type States = Readonly<Record<string, State>>;
export interface Definition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly States: States;
}

/** Where a definition finds what it names. ARNs may be CloudFormation tokens. */
export interface WorkflowParts {
  readonly partition: string;
  readonly limits: Config['limits'];
  readonly concurrency: number;
  /** What no target needs is not in the definition. */
  readonly natives: Natives;
  functionArn(name: FunctionName): string;
  machineArn(machine: Machine): string;
  clusterArn(): string;
  /** Told of each kind of task that the definition starts: what it may start follows from it. */
  startsTask(kind: TaskKind): void;
}

export const HOUR = 3_600;

/** Faults of the Lambda service itself: the step did not run, or may be run again, for every step can be repeated. */
export const LAMBDA_RETRY = [
  {
    ErrorEquals: [
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.TooManyRequestsException',
    ],
    IntervalSeconds: 2,
    BackoffRate: 2,
    MaxAttempts: 6,
    JitterStrategy: 'FULL',
  },
  { ErrorEquals: ['Lambda.Unknown', 'Sandbox.Timedout'], IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 2 },
];

/** Capacity, quota and throttling: half an hour of growing pauses before JudgeTask is asked. */
const ECS_RETRY = [
  {
    ErrorEquals: [
      'ECS.AmazonECSException',
      'ECS.ServerException',
      'ECS.ThrottlingException',
      'ECS.SdkClientException',
      'ECS.LimitExceededException',
    ],
    IntervalSeconds: 30,
    BackoffRate: 2,
    MaxAttempts: 6,
    MaxDelaySeconds: 900,
    JitterStrategy: 'FULL',
  },
];

const EXECUTION_RETRY = [
  {
    ErrorEquals: [
      'StepFunctions.AWSStepFunctionsException',
      'StepFunctions.ExecutionLimitExceededException',
      'StepFunctions.SdkClientException',
      'StepFunctions.ThrottlingException',
    ],
    IntervalSeconds: 5,
    BackoffRate: 2,
    MaxAttempts: 8,
    MaxDelaySeconds: 300,
    JitterStrategy: 'FULL',
  },
];

/** Whatever goes wrong goes on at `state`, with what was caught in `resultPath`. */
export const catchAll = (state: string, resultPath = '$.failure') => [
  { ErrorEquals: ['States.ALL'], ResultPath: resultPath, Next: state },
];

/** First state of every machine: keeps the input apart and adds what Step Functions knows of the execution. */
export const begin = (next: string): State => ({
  Type: 'Pass',
  Parameters: {
    'input.$': '$',
    'executionArn.$': '$$.Execution.Id',
    'startedAt.$': '$$.Execution.StartTime',
  },
  Next: next,
});

export interface InvokeOptions {
  readonly next: string;
  /** State that a failure goes on at. */
  readonly fail: string;
  /** Where the answer goes; null throws it away. */
  readonly resultPath: string | null;
  /** Payload as a path of the state; the whole state by default. */
  readonly input?: string;
  /** Payload made of several paths. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly outputPath?: string;
  readonly failurePath?: string;
}

/** Calls the Lambda of a state. */
export const invoke = (parts: WorkflowParts, name: FunctionName, options: InvokeOptions): State => ({
  Type: 'Task',
  Resource: parts.functionArn(name),
  ...(options.input ? { InputPath: options.input } : {}),
  ...(options.parameters ? { Parameters: options.parameters } : {}),
  ResultPath: options.resultPath,
  ...(options.outputPath ? { OutputPath: options.outputPath } : {}),
  Retry: LAMBDA_RETRY,
  Catch: catchAll(options.fail, options.failurePath),
  Next: options.next,
});

/** A Lambda that asks a person, and the wait for the answer: who said yes stands in `$.approval`. */
export const ask = (
  parts: WorkflowParts,
  name: FunctionName,
  options: {
    /** More that the function is told of the state's input: `'name.$'` and where it stands. */
    readonly more?: Readonly<Record<`${string}.$`, string>>;
    readonly refused: readonly {
      readonly ErrorEquals: readonly string[];
      readonly ResultPath: string;
      readonly Next: string;
    }[];
    readonly next: string;
  },
): State => ({
  Type: 'Task',
  Resource: `arn:${parts.partition}:states:::lambda:invoke.waitForTaskToken`,
  TimeoutSeconds: parts.limits.approvalHours * HOUR,
  Parameters: {
    FunctionName: parts.functionArn(name),
    Payload: {
      'token.$': '$$.Task.Token',
      'executionArn.$': '$.executionArn',
      'startedAt.$': '$.startedAt',
      'input.$': '$.input',
      'opened.$': '$.opened',
      ...options.more,
    },
  },
  ResultPath: '$.approval',
  Retry: LAMBDA_RETRY,
  Catch: options.refused,
  Next: options.next,
});

/** A Lambda that waits for a service: it is called until it says that it is done, with the pauses that it asks for. */
export function look(
  parts: WorkflowParts,
  name: FunctionName,
  options: {
    readonly next: string;
    readonly fail: string;
    /** The state's own name, where it does another state's work. */
    readonly as?: string;
    /** Of a state that cleans up: what it cleans up after stays in `$.failure`. */
    readonly failurePath?: string;
  },
): States {
  const as = options.as ?? name;
  return {
    [as]: invoke(parts, name, {
      resultPath: '$.look',
      next: `${as}Done`,
      fail: options.fail,
      ...(options.failurePath === undefined ? {} : { failurePath: options.failurePath }),
    }),
    [`${as}Done`]: {
      Type: 'Choice',
      Choices: [{ Variable: '$.look.done', BooleanEquals: true, Next: options.next }],
      Default: `${as}Wait`,
    },
    [`${as}Wait`]: { Type: 'Wait', SecondsPath: '$.look.waitSeconds', Next: as },
  };
}

/** The same states, whose tasks are tried again after other errors, too. */
export const retrying = (states: States, ...more: readonly object[]): States =>
  Object.fromEntries(
    Object.entries(states).map(([name, state]) => [
      name,
      state.Type === 'Task' ? { ...state, Retry: [...(state.Retry as object[]), ...more] } : state,
    ]),
  );

/** Goes on at `yes` when the value is there and true. */
export const when = (variable: string, yes: string, no: string): State => ({
  Type: 'Choice',
  Choices: [
    {
      And: [
        { Variable: variable, IsPresent: true },
        { Variable: variable, BooleanEquals: true },
      ],
      Next: yes,
    },
  ],
  Default: no,
});

/** Goes on by the text at `variable`. */
export const byValue = (variable: string, ways: Readonly<Record<string, string>>, otherwise: string): State => ({
  Type: 'Choice',
  Choices: Object.entries(ways).map(([value, next]) => ({ Variable: variable, StringEquals: value, Next: next })),
  Default: otherwise,
});

export interface RunTaskOptions {
  readonly task: TaskKind;
  /** Where the opening state's answer is; `$.opened` by default. */
  readonly opened?: string;
  /** A literal time-out: when it passes, Step Functions stops the task. */
  readonly timeoutSeconds: number;
  readonly next: string;
  readonly fail: string;
}

/** Runs one Fargate task to its end, as `$.opened` describes it. */
export const runTask = (parts: WorkflowParts, options: RunTaskOptions): State => {
  const opened = options.opened ?? '$.opened';
  parts.startsTask(options.task);
  return {
    Type: 'Task',
    Resource: `arn:${parts.partition}:states:::ecs:runTask.sync`,
    TimeoutSeconds: options.timeoutSeconds,
    Parameters: {
      Cluster: parts.clusterArn(),
      'TaskDefinition.$': `${opened}.task.family`,
      LaunchType: 'FARGATE',
      PlatformVersion: '1.4.0',
      NetworkConfiguration: {
        AwsvpcConfiguration: {
          'Subnets.$': `${opened}.task.subnetIds`,
          'SecurityGroups.$': `${opened}.task.securityGroupIds`,
          'AssignPublicIp.$': `${opened}.task.assignPublicIp`,
        },
      },
      Overrides: {
        'Cpu.$': `${opened}.task.cpu`,
        'Memory.$': `${opened}.task.memory`,
        EphemeralStorage: { 'SizeInGiB.$': `${opened}.task.ephemeralGiB` },
        ContainerOverrides: [
          {
            Name: CONTAINER,
            Environment: [
              { Name: TASK_ENV.job, 'Value.$': `${opened}.task.job` },
              { Name: TASK_ENV.attempt, 'Value.$': `States.Format('{}', ${opened}.attempt)` },
            ],
          },
        ],
      },
    },
    ResultPath: null,
    Retry: ECS_RETRY,
    Catch: catchAll(options.fail),
    Next: options.next,
  };
};

/**
 * The task, and after a failure the question whether it is worth another try: a pause and the next attempt, or on to
 * `fail` with the task's own failure still in `$.failure`.
 */
export function taskWithRetries(parts: WorkflowParts, options: RunTaskOptions & { readonly name: string }): States {
  return {
    [options.name]: runTask(parts, { ...options, fail: 'JudgeTask' }),
    JudgeTask: judgeTask(parts, { next: 'WorthAnotherTry', fail: options.fail }),
    WorthAnotherTry: {
      Type: 'Choice',
      Choices: [{ Variable: '$.judgement.retry', BooleanEquals: true, Next: 'WaitForNextAttempt' }],
      Default: options.fail,
    },
    WaitForNextAttempt: { Type: 'Wait', SecondsPath: '$.judgement.waitSeconds', Next: 'NextAttempt' },
    NextAttempt: {
      Type: 'Pass',
      InputPath: '$.judgement.attempt',
      ResultPath: '$.opened.attempt',
      Next: 'NextDisk',
    },
    NextDisk: {
      Type: 'Pass',
      InputPath: '$.judgement.ephemeralGiB',
      ResultPath: '$.opened.task.ephemeralGiB',
      Next: options.name,
    },
  };
}

/** Asks for the code behind a task's failure. A failure of its own does not cover up the task's. */
export const judgeTask = (parts: WorkflowParts, options: { next: string; fail: string }): State =>
  invoke(parts, 'JudgeTask', {
    parameters: {
      'id.$': '$.opened.id',
      'attempt.$': '$.opened.attempt',
      'task.$': '$.opened.task',
      'failure.$': '$.failure',
    },
    resultPath: '$.judgement',
    failurePath: '$.judgeFailure',
    ...options,
  });

/** The longest that a task with its attempts and their pauses may take. */
export const attemptsSeconds = (hours: number): number => MAX_ATTEMPTS * (hours + 1) * HOUR;

export interface StartExecutionOptions {
  readonly machine: Machine;
  /** Path or intrinsic function. */
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly next: string;
  readonly fail: string;
  readonly resultPath: string | null;
}

/** Runs another machine to its end; its output comes back parsed. */
export const startExecution = (parts: WorkflowParts, options: StartExecutionOptions): State => ({
  Type: 'Task',
  Resource: `arn:${parts.partition}:states:::states:startExecution.sync:2`,
  Parameters: {
    StateMachineArn: parts.machineArn(options.machine),
    'Name.$': options.name,
    ...options.input,
  },
  ResultPath: options.resultPath,
  Retry: EXECUTION_RETRY,
  Catch: catchAll(options.fail),
  Next: options.next,
});

/** Starts another machine and goes on at once; the same name and input again means the same execution. */
export const startOnly = (parts: WorkflowParts, options: StartExecutionOptions): State => ({
  ...startExecution(parts, options),
  Resource: `arn:${parts.partition}:states:::states:startExecution`,
});

/** The end of a workflow whose failure was recorded: its code and its words become the execution's. */
export const failedAsRecorded: State = { Type: 'Fail', ErrorPath: '$.failed.code', CausePath: '$.failed.cause' };

/** The end of a workflow that has no record to keep a failure in. */
export const failedAsCaught: State = { Type: 'Fail', ErrorPath: '$.failure.Error', CausePath: '$.failure.Cause' };

/** The end of a workflow that could not even record its failure: the rule on failed executions closes the record. */
export const failedUnrecorded: State = {
  Type: 'Fail',
  Error: 'EXECUTION_FAILED',
  Cause: 'The failure could not be recorded. The rule on failed executions calls CloseOrphan, which closes the record.',
};

export const succeed: State = { Type: 'Succeed' };
