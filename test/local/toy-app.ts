/** A small CDK app with what the pretend account's CloudFormation has trouble with. */
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, Billing, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import {
  Cluster,
  ContainerImage,
  FargateTaskDefinition,
  LogDrivers,
  Secret as ContainerSecret,
} from 'aws-cdk-lib/aws-ecs';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectLockRetention, StorageClass } from 'aws-cdk-lib/aws-s3';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { DefinitionBody, IntegrationPattern, JsonPath, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { EcsFargateLaunchTarget, EcsRunTask } from 'aws-cdk-lib/aws-stepfunctions-tasks';

const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };

const store = new Stack(app, 'toy-store', { env });
const key = new Key(store, 'Key', { enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN });
const bucket = new Bucket(store, 'Bucket', {
  encryption: BucketEncryption.KMS,
  encryptionKey: key,
  bucketKeyEnabled: true,
  versioned: true,
  enforceSSL: true,
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(3)),
  lifecycleRules: [
    { id: 'stale', abortIncompleteMultipartUploadAfter: Duration.days(7) },
    {
      id: 'archive',
      tagFilters: { kind: 'data', cold: 'yes' },
      prefix: 'a/',
      transitions: [{ storageClass: StorageClass.GLACIER, transitionAfter: Duration.days(30) }],
    },
    {
      id: 'old',
      noncurrentVersionExpiration: Duration.days(14),
      noncurrentVersionsToRetain: 2,
      expiredObjectDeleteMarker: true,
    },
  ],
});
const table = new TableV2(store, 'Table', {
  partitionKey: { name: 'pk', type: AttributeType.STRING },
  billing: Billing.onDemand(),
  encryption: TableEncryptionV2.customerManagedKey(key),
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  deletionProtection: true,
  timeToLiveAttribute: 'expires',
});

const work = new Stack(app, 'toy-work', { env });
const vpc = new Vpc(work, 'Vpc', {
  maxAzs: 1,
  natGateways: 0,
  restrictDefaultSecurityGroup: false,
  subnetConfiguration: [{ name: 'public', subnetType: 'Public' as never }],
});
const cluster = new Cluster(work, 'Cluster', { vpc });
const secret = new Secret(work, 'Secret', {
  generateSecretString: { secretStringTemplate: '{"user":"ada"}', generateStringKey: 'password' },
});
const taskDefinition = new FargateTaskDefinition(work, 'Task', {
  cpu: 512,
  memoryLimitMiB: 1024,
  ephemeralStorageGiB: 30,
});
taskDefinition.addContainer('main', {
  image: ContainerImage.fromRegistry('toy:1'),
  environment: { TABLE: table.tableName, SECRET: secret.secretArn },
  secrets: { WHO: ContainerSecret.fromSecretsManager(secret, 'user') },
  logging: LogDrivers.awsLogs({
    streamPrefix: 'toy',
    logGroup: new LogGroup(work, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY }),
  }),
});
const machine = new StateMachine(work, 'Machine', {
  definitionBody: DefinitionBody.fromChainable(
    new EcsRunTask(work, 'Run', {
      integrationPattern: IntegrationPattern.RUN_JOB,
      cluster,
      taskDefinition,
      launchTarget: new EcsFargateLaunchTarget(),
      assignPublicIp: true,
      containerOverrides: [
        {
          containerDefinition: taskDefinition.defaultContainer!,
          environment: [{ name: 'TOY', value: JsonPath.stringAt('$.deed') }],
        },
      ],
    }),
  ),
});
const reader = new Lambda(work, 'Reader', {
  runtime: Runtime.NODEJS_20_X,
  handler: 'index.handler',
  environment: { TABLE: table.tableName, BUCKET: bucket.bucketName },
  code: Code.fromInline(`
    const { DynamoDBClient, ScanCommand, PutItemCommand } = require('@aws-sdk/client-dynamodb');
    const client = new DynamoDBClient({});
    exports.handler = async (event) => {
      if (event.fail) throw Object.assign(new Error('on purpose'), { name: event.fail });
      const attempt = (command) => client.send(command).then(() => 'allowed', (error) => error.name);
      return {
        scan: await attempt(new ScanCommand({ TableName: process.env.TABLE })),
        put: await attempt(new PutItemCommand({ TableName: process.env.TABLE, Item: { pk: { S: 'x' } } })),
      };
    };`),
});
table.grantReadData(reader);
const scheduler = new Role(work, 'SchedulerRole', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
machine.grantStartExecution(scheduler);
const schedule = new CfnSchedule(work, 'Schedule', {
  scheduleExpression: 'cron(30 2 * * ? *)',
  scheduleExpressionTimezone: 'Europe/Zurich',
  flexibleTimeWindow: { mode: 'FLEXIBLE', maximumWindowInMinutes: 15 },
  state: 'DISABLED',
  target: { arn: machine.stateMachineArn, roleArn: scheduler.roleArn, input: '{"deed":"exit 0"}' },
});

new CfnOutput(store, 'BucketName', { value: bucket.bucketName });
new CfnOutput(work, 'MachineArn', { value: machine.stateMachineArn });
new CfnOutput(work, 'ReaderName', { value: reader.functionName });
new CfnOutput(work, 'SecretRef', { value: secret.secretArn });
new CfnOutput(work, 'ScheduleName', { value: schedule.ref });
new CfnOutput(work, 'TaskDefinition', { value: taskDefinition.taskDefinitionArn });
app.synth();
