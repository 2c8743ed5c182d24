/** The state machines: definitions from `workflows/`, and for each a role with just what its definition names. */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../core/config.ts';
import { machineName, type Machine, TABLE_MACHINE, type OfMachines } from '../core/names.ts';
import type { EngineTasks } from './engine-tasks.ts';
import { machinesFor, nativesOf, type FunctionName } from './function-list.ts';
import type { Functions } from './functions.ts';
import { clusterArn, executionArns, machineArn, taskArns } from './grants.ts';
import { exception } from './nag.ts';
import { DEFINITIONS } from './workflows/index.ts';
import type { TaskKind } from '../core/job.ts';
import type { WorkflowParts } from './workflows/states.ts';

export interface MachinesProps {
  readonly config: Config;
  readonly functions: Functions;
  readonly tasks: EngineTasks;
  readonly work: IBucket;
  readonly clusterName: string;
}

/** What a definition named while it was made. */
interface Named {
  readonly functions: Set<FunctionName>;
  readonly tasks: Set<TaskKind>;
  readonly machines: Set<Machine>;
}

export class Machines extends Construct {
  readonly machines: OfMachines<StateMachine>;

  constructor(scope: Construct, props: MachinesProps) {
    super(scope, 'Machines');
    const logs = new LogGroup(this, 'Log', {
      // The prefix keeps the log group's resource policy within its limit.
      logGroupName: `/aws/vendedlogs/states/${props.config.name}`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.machines = Object.fromEntries(
      machinesFor(nativesOf(props.config)).map((machine) => [machine, this.make(machine, props, logs)]),
    ) as unknown as OfMachines<StateMachine>;
  }

  private make(machine: Machine, props: MachinesProps, destination: LogGroup): StateMachine {
    const { config } = props;
    const { definition, named } = this.define(machine, props);
    const role = new Role(this, `${machine}Role`, {
      assumedBy: new ServicePrincipal('states.amazonaws.com'),
      description: `Nightjar ${config.name}: the state machine ${machine}`,
      inlinePolicies: { own: new PolicyDocument({ minimize: true, statements: this.rights(machine, props, named) }) },
    });
    const made = new StateMachine(this, machine, {
      stateMachineName: machineName(config.name, machine),
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(definition),
      role,
      tracingEnabled: true,
      logs: { destination, level: LogLevel.ERROR, includeExecutionData: true },
    });
    exception(made, 'SF1', 'Step Functions keeps each event of an execution for 90 days by itself; errors are logged.');
    exception(role, 'IAM5', 'X-Ray and the delivery of logs know no resources.', ['Resource::*']);
    exception(
      role,
      'IAM5',
      'Tasks, executions and revisions are made at run time; the rights end at this stack’s own.',
      [
        { regex: '/^Resource::.*:(task|task-definition)\\/.*\\*$/g' },
        { regex: '/^Resource::.*:(execution|mapRun):.*\\*$/g' },
        { regex: '/^Resource::.*Work.*\\/runs\\/\\*$/g' },
      ],
    );
    return made;
  }

  private define(machine: Machine, { config, functions, clusterName }: MachinesProps) {
    const named: Named = { functions: new Set(), tasks: new Set(), machines: new Set() };
    const stack = Stack.of(this);
    const parts: WorkflowParts = {
      partition: stack.partition,
      limits: config.limits,
      concurrency: config.concurrency,
      natives: nativesOf(config),
      functionArn: (name) => {
        named.functions.add(name);
        return functions.get(name).functionArn;
      },
      machineArn: (other) => {
        named.machines.add(other);
        return machineArn(this, config.name, other);
      },
      clusterArn: () => clusterArn(this, clusterName),
      startsTask: (kind) => void named.tasks.add(kind),
    };
    return { definition: stack.toJsonString(DEFINITIONS[machine](parts)), named };
  }

  private rights(machine: Machine, props: MachinesProps, named: Named): PolicyStatement[] {
    const { config, functions } = props;
    const statements = [
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [...named.functions].sort().map((name) => functions.get(name).functionArn),
      }),
    ];
    if (named.tasks.size > 0) statements.push(...this.taskRights([...named.tasks], props));
    if (named.machines.size > 0)
      statements.push(
        ...(machine === TABLE_MACHINE
          ? [this.startRight([...named.machines], config)]
          : this.childRights([...named.machines], config)),
      );
    if (machine === 'nightly') statements.push(...this.mapRights(props));
    return statements;
  }

  /** `ecs:runTask.sync`. Source: AWS, Step Functions Developer Guide, "IAM policies for Amazon ECS". */
  private taskRights(kinds: TaskKind[], { tasks, clusterName }: MachinesProps): PolicyStatement[] {
    const stack = Stack.of(this);
    const onCluster = { ArnEquals: { 'ecs:cluster': clusterArn(this, clusterName) } };
    return [
      new PolicyStatement({
        actions: ['ecs:RunTask'],
        resources: kinds.flatMap((kind) =>
          tasks
            .families(kind)
            .map((family) =>
              stack.formatArn({ service: 'ecs', resource: 'task-definition', resourceName: `${family}:*` }),
            ),
        ),
        conditions: onCluster,
      }),
      new PolicyStatement({
        actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
        resources: [taskArns(this, clusterName)],
        conditions: onCluster,
      }),
      new PolicyStatement({
        actions: ['iam:PassRole'],
        resources: kinds.flatMap((kind) => tasks.roles(kind).map((role) => role.roleArn)),
        conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      }),
      this.managedRule('StepFunctionsGetEventsForECSTaskRule'),
    ];
  }

  /** `states:startExecution.sync:2`. Source: the same guide, "IAM policies for Step Functions". */
  private childRights(machines: Machine[], config: Config): PolicyStatement[] {
    return [
      this.startRight(machines, config),
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: machines.map((machine) => executionArns(this, config.name, machine)),
      }),
      this.managedRule('StepFunctionsGetEventsForStepFunctionsExecutionRule'),
    ];
  }

  /** `states:startExecution` alone, which waits for nothing. */
  private startRight(machines: Machine[], config: Config): PolicyStatement {
    return new PolicyStatement({
      actions: ['states:StartExecution'],
      resources: machines.map((machine) => machineArn(this, config.name, machine)),
    });
  }

  /** A distributed map starts executions of its own machine. Source: the same guide, "Distributed Map state". */
  private mapRights({ config, work }: MachinesProps): PolicyStatement[] {
    return [
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: [machineArn(this, config.name, 'nightly')],
      }),
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: [executionArns(this, config.name, 'nightly'), this.mapExecutionArns(config)],
      }),
      new PolicyStatement({ actions: ['s3:GetObject'], resources: [work.arnForObjects('runs/*')] }),
    ];
  }

  /** A map's children are executions of `<machine>/<label>`. */
  private mapExecutionArns(config: Config): string {
    return executionArns(this, config.name, 'nightly').replace(/:\*$/, '/BackupTargets:*');
  }

  /** The rule that Step Functions itself makes to hear of a child's end. */
  private managedRule(name: string): PolicyStatement {
    return new PolicyStatement({
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [Stack.of(this).formatArn({ service: 'events', resource: 'rule', resourceName: name })],
    });
  }
}
