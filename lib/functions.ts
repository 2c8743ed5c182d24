/** The Lambda functions: one for each file in `lambdas/`, each with a role of its own. */
import path from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { FUNCTION_ENV } from '../core/environment.ts';
import { FUNCTIONS, functionsFor, nativesOf, type FunctionFacts, type FunctionName } from './function-list.ts';
import { statementsOf, type GrantFacts } from './grants.ts';
import { exception } from './nag.ts';
import { NATIVE_GRANTS } from './native-grants.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

export interface FunctionsProps extends GrantFacts {
  /** JSON of the placement, of a stack that made its own VPC. */
  readonly madeNetwork?: string;
}

export class Functions extends Construct {
  private readonly made: ReadonlyMap<FunctionName, NodejsFunction>;

  constructor(scope: Construct, props: FunctionsProps) {
    super(scope, 'Functions');
    this.made = new Map(functionsFor(nativesOf(props.config)).map((name) => [name, this.make(name, props)]));
  }

  /** @throws Error for one that this config has no use for: a defect of ours. */
  get(name: FunctionName): NodejsFunction {
    const made = this.made.get(name);
    if (!made) throw new Error(`The function ${name} is not made for this config.`);
    return made;
  }

  private make(name: FunctionName, props: FunctionsProps): NodejsFunction {
    const facts: FunctionFacts = FUNCTIONS[name];
    const logGroup = new LogGroup(this, `${name}Log`, {
      logGroupName: `/nightjar/${props.config.name}/functions/${name}`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, `${name}Role`, {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Nightjar ${props.config.name}: ${name}`,
      inlinePolicies: {
        own: new PolicyDocument({
          minimize: true,
          statements: [
            new PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [logGroup.logGroupArn],
            }),
            ...statementsOf(this, facts.grants, props),
          ],
        }),
      },
    });
    exceptions(role, facts);
    return new NodejsFunction(this, name, {
      functionName: `${props.config.name}-${name}`,
      description: `Nightjar ${props.config.name}: the state ${name}`,
      entry: path.join(ROOT, 'lambdas', `${name}.ts`),
      projectRoot: ROOT,
      depsLockFilePath: path.join(ROOT, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: facts.memoryMiB ?? 256,
      timeout: Duration.minutes(facts.minutes ?? 1),
      role,
      logGroup,
      environment: environmentOf(props),
      awsSdkConnectionReuse: false,
      bundling: {
        format: OutputFormat.CJS,
        target: 'node20',
        minify: true,
        keepNames: true,
        bundleAwsSDK: true,
        mainFields: ['module', 'main'],
      },
    });
  }
}

function environmentOf(props: FunctionsProps): Record<string, string> {
  return {
    [FUNCTION_ENV.name]: props.config.name,
    [FUNCTION_ENV.catalog]: props.vault.catalog.tableName,
    [FUNCTION_ENV.vault]: props.vault.bucket.bucketName,
    [FUNCTION_ENV.vaultKey]: props.vault.key.keyArn,
    [FUNCTION_ENV.work]: props.work.bucketName,
    [FUNCTION_ENV.configBucket]: props.configObject.bucket,
    [FUNCTION_ENV.configKey]: props.configObject.key,
    ...(props.madeNetwork ? { [FUNCTION_ENV.madeNetwork]: props.madeNetwork } : {}),
  };
}

function exceptions(role: Role, facts: FunctionFacts): void {
  const has = (grant: (typeof facts.grants)[number]): boolean => facts.grants.includes(grant);
  if (has('vaultRead') || has('vaultDelete') || has('vaultThaw') || has('vaultWrite'))
    exception(role, 'IAM5', 'The keys of backups are made at run time; the bucket holds nothing else.', [
      { regex: '/^Resource::.*Vault.*\\/\\*$/g' },
    ]);
  if (has('runsRead') || has('runsWrite') || has('prunesRead') || has('prunesWrite'))
    exception(role, 'IAM5', 'The keys of runs and prunes are made at run time; the right ends at their prefix.', [
      { regex: '/^Resource::.*Work.*\\/(runs|prunes)\\/\\*$/g' },
    ]);
  if (has('executionsRead'))
    exception(role, 'IAM5', 'Executions are made at run time; the right ends at the machines of this stack.', [
      { regex: '/^Resource::.*:execution:.*:\\*$/g' },
    ]);
  if (has('stopTask'))
    exception(role, 'IAM5', 'Tasks are made at run time; the right ends at the cluster of this stack.', [
      { regex: '/^Resource::.*:task\\/.*\\/\\*$/g' },
    ]);
  if (facts.grants.some((grant) => (NATIVE_GRANTS as readonly string[]).includes(grant)))
    exception(
      role,
      'IAM5',
      'Describing knows no resources; what a restore makes is named at run time, and the rights end at the config’s names and what is made of them.',
      [
        'Resource::*',
        'Action::kms:GenerateDataKey*',
        'Action::kms:ReEncrypt*',
        { regex: '/^Resource::arn:.*:(rds|dynamodb|kms|iam|kinesis|secretsmanager):.*\\*.*$/g' },
      ],
    );
  if (has('metrics'))
    exception(role, 'IAM5', 'PutMetricData knows no resources; the namespace bounds it.', ['Resource::*']);
}
