import { describe, expect, it } from 'vitest';
import { CONTAINER, FUNCTION_ENV, TASK_ENV } from '../../core/environment.ts';
import { BACKUP_OUTPUTS, METRIC_NAMESPACE, METRICS, TABLE_MACHINE } from '../../core/names.ts';
import { nightlyInputSchema } from '../../core/payloads.ts';
import { ALARMS } from '../../lib/alarm-list.ts';
import { functionsFor, machinesFor, nativesOf } from '../../lib/function-list.ts';
import { DEFINITIONS } from '../../lib/workflows/index.ts';
import { ofType, only, Resolver } from './resolve.ts';
import { CONFIG, synth } from './synth.ts';

const stacks = synth();
const MADE = functionsFor(nativesOf(stacks.config));
const { backup } = stacks;
const resolver = new Resolver(backup, [new Resolver(stacks.vault)]);
const said = (one: ReturnType<typeof synth>): string => one.said.join('\n');

/** Only of a stack that made its own network. */
const SOMETIMES: readonly string[] = [FUNCTION_ENV.madeNetwork];

/** The machine of sets is made where tables are protected. */
const MACHINES_MADE = machinesFor(nativesOf(stacks.config));
const OUTPUTS = Object.entries(BACKUP_OUTPUTS).flatMap(([key, name]) => (key === TABLE_MACHINE ? [] : [name]));

describe('what the command line needs', () => {
  it('is in the outputs', () => {
    expect(Object.keys(backup.Outputs ?? {})).toEqual(expect.arrayContaining(OUTPUTS));
  });
});

describe('the schedules', () => {
  const schedules = ofType(backup, 'AWS::Scheduler::Schedule').map(([, one]) => one.Properties);
  const named = (name: string) => schedules.find((one) => one.Name === `nightjar-${name}`)!;
  it('go by the config’s clock', () => {
    expect(named('daily')).toMatchObject({
      ScheduleExpression: 'cron(30 1 * * ? *)',
      ScheduleExpressionTimezone: 'Europe/Zurich',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
    });
    expect(named('weekly').ScheduleExpression).toBe('cron(30 1 ? * SAT *)');
    expect(named('prune').ScheduleExpression).toBe('cron(30 7 * * ? *)');
    expect(named('rpo').ScheduleExpression).toBe('rate(1 hour)');
  });
  it('name the run by the moment it was due, so that a second delivery names the same', () => {
    for (const trigger of ['daily', 'weekly'] as const) {
      const { Input } = named(trigger).Target as { Input: string };
      const text = Input.replace('<aws.scheduler.scheduled-time>', '2026-11-21T01:30:00Z');
      expect(text).not.toBe(Input);
      expect(nightlyInputSchema.parse(JSON.parse(text)).trigger).toBe(trigger);
    }
  });
  it('lose no event silently: what can not be delivered within two hours goes to a queue that has an alarm', () => {
    const [queue] = only(backup, 'AWS::SQS::Queue');
    for (const one of schedules)
      expect(one.Target).toMatchObject({
        RetryPolicy: { MaximumEventAgeInSeconds: 7200 },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [queue, 'Arn'] } },
      });
    expect(ALARMS.some((alarm) => alarm.watches === 'undelivered')).toBe(true);
  });
  it('fire at the very minute when the config wants no window', () => {
    const exact = synth({ schedule: { ...CONFIG.schedule, flexibleMinutes: 0 } });
    for (const [, one] of ofType(exact.backup, 'AWS::Scheduler::Schedule'))
      expect(one.Properties.FlexibleTimeWindow).toEqual({ Mode: 'OFF' });
  });
});

describe('the task definitions', () => {
  const definitions = ofType(backup, 'AWS::ECS::TaskDefinition').map(([, one]) => one.Properties);
  it('are there for dumping and for restoring', () => {
    expect(definitions.map((one) => one.Family).sort()).toEqual(['nightjar-dump', 'nightjar-restore']);
  });
  it('run on the architecture of the config, set in words', () => {
    for (const one of definitions)
      expect(one.RuntimePlatform).toEqual({ OperatingSystemFamily: 'LINUX', CpuArchitecture: 'ARM64' });
    const intel = synth({ tasks: { architecture: 'x86_64' } });
    for (const [, one] of ofType(intel.backup, 'AWS::ECS::TaskDefinition'))
      expect(one.Properties.RuntimePlatform).toMatchObject({ CpuArchitecture: 'X86_64' });
  });
  it('let a task write to its scratch disk alone, as nobody special, with time to clean up', () => {
    for (const one of definitions) {
      expect(one.ContainerDefinitions).toMatchObject([
        {
          Name: CONTAINER,
          User: '10001',
          ReadonlyRootFilesystem: true,
          StopTimeout: 120,
          LinuxParameters: { InitProcessEnabled: true },
          MountPoints: [{ ContainerPath: '/scratch', SourceVolume: 'scratch', ReadOnly: false }],
        },
      ]);
      expect(one.Volumes).toEqual([{ Name: 'scratch' }]);
    }
  });
  it('set no memory for the container, so that a run’s override counts', () => {
    for (const one of definitions) expect((one.ContainerDefinitions as object[])[0]).not.toHaveProperty('Memory');
  });
  it('carry the environment that tasks read, and no secret', () => {
    for (const one of definitions) {
      const [container] = one.ContainerDefinitions as { Environment: { Name: string }[]; Secrets?: unknown }[];
      expect(container!.Environment.map(({ Name }) => Name).sort()).toEqual(
        [TASK_ENV.catalog, TASK_ENV.vault, TASK_ENV.vaultKey].sort(),
      );
      expect(container!.Secrets).toBeUndefined();
    }
  });
  it('take a published image when the config names one, with the right to pull it', () => {
    const image = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/nightjar:0.1.0';
    const published = synth({ tasks: { image } }).backup;
    const [, definition] = ofType(published, 'AWS::ECS::TaskDefinition')[0]!;
    expect(definition.Properties.ContainerDefinitions).toMatchObject([{ Image: image }]);
    expect(JSON.stringify(ofType(published, 'AWS::IAM::Policy'))).toContain('repository/nightjar');
  });
});

describe('the functions', () => {
  const functions = ofType(backup, 'AWS::Lambda::Function').map(([, one]) => one.Properties);
  it('are those of the list and no other', () => {
    expect(functions.map((one) => one.FunctionName).sort()).toEqual(MADE.map((name) => `nightjar-${name}`).sort());
  });
  it('carry the environment that handlers read', () => {
    const namesIn = (one: Record<string, unknown>) => Object.keys((one.Environment as { Variables: object }).Variables);
    for (const one of functions) {
      expect(namesIn(one)).toEqual(
        expect.arrayContaining(Object.values(FUNCTION_ENV).filter((name) => !SOMETIMES.includes(name))),
      );
      expect(namesIn(one)).not.toContain(FUNCTION_ENV.madeNetwork);
    }
    const made = synth({ network: { create: true } }).backup;
    for (const [, one] of ofType(made, 'AWS::Lambda::Function'))
      expect(namesIn(one.Properties)).toContain(FUNCTION_ENV.madeNetwork);
  });
  it('log to groups of their own that forget', () => {
    const groups = ofType(backup, 'AWS::Logs::LogGroup').map(([, one]) => one.Properties);
    expect(groups).toHaveLength(MADE.length + 2);
    for (const one of groups) expect(one.RetentionInDays).toBe(90);
  });
});

describe('the state machines', () => {
  it('are the definitions that were tested, with real names in them', () => {
    for (const machine of MACHINES_MADE) {
      const [, made] = ofType(backup, 'AWS::StepFunctions::StateMachine').find(
        ([, one]) => one.Properties.StateMachineName === `nightjar-${machine}`,
      )!;
      const definition = resolver.text(made.Properties.DefinitionString);
      expect(JSON.parse(definition)).toEqual(
        DEFINITIONS[machine]({
          partition: 'aws',
          limits: stacks.config.limits,
          natives: nativesOf(stacks.config),
          concurrency: stacks.config.concurrency,
          functionArn: (name) => `arn:aws:lambda:eu-west-1:123456789012:function:nightjar-${name}`,
          machineArn: (other) => `arn:aws:states:eu-west-1:123456789012:stateMachine:nightjar-${other}`,
          clusterArn: () => 'arn:aws:ecs:eu-west-1:123456789012:cluster/nightjar',
          startsTask: () => undefined,
        }),
      );
    }
  });
  it('log their errors and are traced', () => {
    for (const [, one] of ofType(backup, 'AWS::StepFunctions::StateMachine'))
      expect(one.Properties).toMatchObject({
        LoggingConfiguration: { Level: 'ERROR' },
        TracingConfiguration: { Enabled: true },
      });
  });
});

describe('executions that nothing inside them can close', () => {
  it('are heard of by a rule, for each machine that opens a record', () => {
    const [, rule] = only(backup, 'AWS::Events::Rule');
    const pattern = resolver.resolve(rule.Properties.EventPattern) as { detail: { stateMachineArn: string[] } };
    expect(pattern).toMatchObject({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: { status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
    });
    expect(pattern.detail.stateMachineArn.map((arn) => arn.split('nightjar-')[1])).toEqual([
      'backup',
      'restore',
      'rollback',
    ]);
  });
});

describe('the alarms', () => {
  const alarms = ofType(backup, 'AWS::CloudWatch::Alarm').map(([, one]) => one.Properties);
  it('are those of the list; a machine has one for each way to end badly', () => {
    const expected = ALARMS.flatMap((alarm) =>
      alarm.watches === 'machine' && !MACHINES_MADE.includes(alarm.machine)
        ? []
        : alarm.watches === 'machine'
          ? [alarm.name, `${alarm.machine}-timed-out`, `${alarm.machine}-aborted`]
          : [alarm.name],
    );
    expect(alarms.map((one) => one.AlarmName).sort()).toEqual(expected.map((name) => `nightjar-${name}`).sort());
  });
  it('say what they mean and reach a person', () => {
    const [topic] = only(backup, 'AWS::SNS::Topic');
    for (const one of alarms) {
      expect(one.AlarmActions).toEqual([{ Ref: topic }]);
      expect(String(one.AlarmDescription)).toMatch(/ Runbook: [a-z-]+\.$/);
    }
    expect(ofType(backup, 'AWS::SNS::Subscription').map(([, one]) => one.Properties.Endpoint)).toEqual([
      'oncall@example.org',
    ]);
  });
  it('take silence about recovery points for bad news, and silence about errors for good', () => {
    for (const one of alarms)
      expect(one.TreatMissingData, String(one.AlarmName)).toBe(
        one.AlarmName === 'nightjar-past-rpo' ? 'breaching' : 'notBreaching',
      );
    expect(alarms.find((one) => one.AlarmName === 'nightjar-past-rpo')).toMatchObject({
      Namespace: METRIC_NAMESPACE,
      MetricName: METRICS.pastRpo,
      Dimensions: [{ Name: 'Name', Value: 'nightjar' }],
    });
  });
  it('get through: key and topic admit CloudWatch', () => {
    const principal = { Service: 'cloudwatch.amazonaws.com' };
    const statementsOf = (document: unknown) => (document as { Statement: { Principal: unknown }[] }).Statement;
    const [, key] = only(backup, 'AWS::KMS::Key');
    expect(statementsOf(key.Properties.KeyPolicy)).toContainEqual(
      expect.objectContaining({ Principal: principal, Action: ['kms:Decrypt', 'kms:GenerateDataKey'] }),
    );
    const [, policy] = only(backup, 'AWS::SNS::TopicPolicy');
    expect(statementsOf(policy.Properties.PolicyDocument)).toContainEqual(
      expect.objectContaining({ Principal: principal, Action: 'sns:Publish' }),
    );
  });
});

describe('the network', () => {
  it('of an existing VPC adds nothing unless asked', () => {
    expect(Object.values(backup.Resources).filter((one) => one.Type.startsWith('AWS::EC2::'))).toEqual([]);
  });
  it('has the endpoints that were asked for, open to the tasks’ security groups alone', () => {
    const asked = synth({
      network: {
        ...(CONFIG.network as { vpcId: string; subnetIds: string[]; securityGroupIds: string[] }),
        endpoints: ['ecr.api', 'secretsmanager', 's3'],
        routeTableIds: ['rtb-0123456789abcdef0'],
      },
    }).backup;
    const endpoints = ofType(asked, 'AWS::EC2::VPCEndpoint').map(([, one]) => one.Properties);
    expect(endpoints.map((one) => [one.ServiceName, one.VpcEndpointType])).toEqual([
      ['com.amazonaws.eu-west-1.ecr.api', 'Interface'],
      ['com.amazonaws.eu-west-1.secretsmanager', 'Interface'],
      ['com.amazonaws.eu-west-1.s3', 'Gateway'],
    ]);
    const [, group] = only(asked, 'AWS::EC2::SecurityGroup');
    expect(group.Properties.SecurityGroupIngress).toMatchObject([
      { FromPort: 443, ToPort: 443, SourceSecurityGroupId: 'sg-0123456789abcdef0' },
    ]);
  });
  it('made for trying costs nothing by itself: public subnets, no NAT', () => {
    const made = synth({ network: { create: true } }).backup;
    expect(ofType(made, 'AWS::EC2::Subnet')).toHaveLength(2);
    expect(ofType(made, 'AWS::EC2::NatGateway')).toEqual([]);
  });
});

describe('what is valid and yet surprising', () => {
  it('is said at synth: a night that daylight saving skips', () => {
    expect(said(synth({ schedule: { nightly: '02:30', timeZone: 'Europe/Zurich' } }))).toContain('2027-03-28');
  });
  it('is said at synth: archiving that costs more than it saves', () => {
    expect(said(synth({ retention: { days: 35 } }))).toContain('costs more than leaving it in S3 Standard');
  });
  it('is said at synth: alarms that nobody hears', () => {
    expect(said(synth({ alarms: {} }))).toContain('nobody hears');
  });
  it('is not said of a config without surprises', () => {
    expect(said(stacks)).toBe('');
  });
});
