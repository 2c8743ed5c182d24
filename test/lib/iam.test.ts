import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MACHINES } from '../../core/names.ts';
import { FUNCTION_NAMES, FUNCTIONS, type FunctionFacts, type Grant } from '../../lib/function-list.ts';
import { MAX_SECRETS_BY_ARN, READABLE_TAG } from '../../lib/task-rights.ts';
import { Roles, type Question } from './roles.ts';
import { NATIVE_GRANTS } from '../../lib/native-grants.ts';
import { ACCOUNT, CONFIG, REGION, ROOT, secretOf, synth, targetOf } from './synth.ts';

/** Targets of every kind, so that every function is there. */
const roles = new Roles(
  synth({
    targets: [
      ...CONFIG.targets,
      { name: 'billing', engine: 'rds', instance: 'billing' },
      { name: 'orders', engine: 'dynamodb', table: 'orders' },
    ],
  }),
);
const { vaultArn, catalogArn, keyArn, work } = roles.names;
const OBJECT = `${vaultArn}/shop/2026/11/21/01KAHJ00000000000000000000/a1/archive`;
const CREATION = { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' };
const at = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
const TASK = at('ecs', 'task/nightjar/0123456789abcdef0123456789abcdef');
const CLUSTER = { 'ecs:cluster': at('ecs', 'cluster/nightjar') };
const functionRole = (name: string): string => `Functions${name}Role`;
const progress = (action: string, key: string): Question => ({
  action,
  resource: catalogArn,
  context: { 'dynamodb:LeadingKeys': [key] },
});

const may = (role: string, action: string, resource: string, context?: Question['context']) =>
  roles.may(role, { action, resource, ...(context ? { context } : {}) });

describe('the dump task', () => {
  const role = 'EngineTasksdumpRole';
  it('creates objects, tags them and aborts uploads', async () => {
    expect(await may(role, 's3:PutObject', OBJECT, CREATION)).toBe(true);
    expect(await may(role, 's3:PutObjectTagging', OBJECT)).toBe(true);
    expect(await may(role, 's3:AbortMultipartUpload', OBJECT)).toBe(true);
    expect(await roles.mayUseKey(role, 'kms:GenerateDataKey', 's3')).toBe(true);
    expect(await roles.mayUseKey(role, 'kms:Decrypt', 's3')).toBe(true);
  });
  it('uploads parts, which carry no condition', async () => {
    expect(await may(role, 's3:PutObject', OBJECT, { 's3:ObjectCreationOperation': 'false' })).toBe(true);
  });
  it('overwrites nothing: an object is created with If-None-Match or not at all', async () => {
    expect(await may(role, 's3:PutObject', OBJECT, { 's3:ObjectCreationOperation': 'true' })).toBe(false);
  });
  it('stores nothing under another key or another encryption', async () => {
    const encryption = 's3:x-amz-server-side-encryption';
    expect(await may(role, 's3:PutObject', OBJECT, { ...CREATION, [encryption]: 'AES256' })).toBe(false);
    const other = { [encryption]: 'aws:kms', [`${encryption}-aws-kms-key-id`]: at('kms', 'key/other') };
    expect(await may(role, 's3:PutObject', OBJECT, { ...CREATION, ...other })).toBe(false);
    const ours = { [encryption]: 'aws:kms', [`${encryption}-aws-kms-key-id`]: keyArn };
    expect(await may(role, 's3:PutObject', OBJECT, { ...CREATION, ...ours })).toBe(true);
    const customer = { 's3:x-amz-server-side-encryption-customer-algorithm': 'AES256' };
    expect(await may(role, 's3:PutObject', OBJECT, { ...CREATION, ...customer })).toBe(false);
  });
  it('sends nothing over plain HTTP', async () => {
    expect(await may(role, 's3:PutObject', OBJECT, { ...CREATION, 'aws:SecureTransport': 'false' })).toBe(false);
  });
  it('reads, lists, deletes and thaws nothing in the vault', async () => {
    for (const action of [
      's3:GetObject',
      's3:GetObjectVersion',
      's3:DeleteObject',
      's3:DeleteObjectVersion',
      's3:RestoreObject',
      's3:PutObjectRetention',
      's3:PutObjectLegalHold',
    ])
      expect(await may(role, action, OBJECT), action).toBe(false);
    for (const action of ['s3:ListBucket', 's3:PutLifecycleConfiguration', 's3:PutBucketPolicy'])
      expect(await may(role, action, vaultArn), action).toBe(false);
  });
  it('uses the vault’s key through S3 and DynamoDB only, never by itself', async () => {
    expect(await may(role, 'kms:Decrypt', keyArn)).toBe(false);
    expect(await may(role, 'kms:ScheduleKeyDeletion', keyArn)).toBe(false);
  });
});

describe.each(['EngineTasksdumpRole', 'EngineTasksrestoreRole'])('%s', (role) => {
  it('writes its progress, and nothing else into the catalog', async () => {
    expect(await roles.may(role, progress('dynamodb:PutItem', 'PROGRESS#01KAHJ'))).toBe(true);
    expect(await roles.mayUseKey(role, 'kms:Decrypt', 'dynamodb')).toBe(true);
    for (const key of ['TARGET#shop', 'RESTORE#01KAHJ', 'RUN#daily'])
      expect(await roles.may(role, progress('dynamodb:PutItem', key)), key).toBe(false);
    expect(await may(role, 'dynamodb:PutItem', catalogArn)).toBe(false);
    for (const action of ['dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query'])
      expect(await roles.may(role, progress(action, 'PROGRESS#01KAHJ')), action).toBe(false);
  });
  it('reads the secrets of the config’s targets and no other', async () => {
    expect(await may(role, 'secretsmanager:GetSecretValue', secretOf('shop'))).toBe(true);
    expect(await may(role, 'secretsmanager:GetSecretValue', secretOf('ledger'))).toBe(true);
    expect(await may(role, 'secretsmanager:GetSecretValue', secretOf('payroll'))).toBe(false);
    expect(await may(role, 'secretsmanager:PutSecretValue', secretOf('shop'))).toBe(false);
  });
  it('uses a secret’s own key through Secrets Manager only', async () => {
    const key = (CONFIG.targets[0] as { secretKey: string }).secretKey;
    expect(await roles.mayUseKey(role, 'kms:Decrypt', 'secretsmanager', key)).toBe(true);
    expect(await roles.mayUseKey(role, 'kms:Decrypt', 's3', key)).toBe(false);
  });
  it('becomes no other role and starts nothing', async () => {
    expect(await may(role, 'iam:PassRole', at('iam', 'role/x').replace(REGION, ''))).toBe(false);
    expect(await may(role, 'states:StartExecution', at('states', 'stateMachine:nightjar-backup'))).toBe(false);
  });
});

describe('the restore task', () => {
  const role = 'EngineTasksrestoreRole';
  it('reads the vault', async () => {
    expect(await may(role, 's3:GetObjectVersion', OBJECT)).toBe(true);
    expect(await roles.mayUseKey(role, 'kms:Decrypt', 's3')).toBe(true);
  });
  it('changes nothing in the vault', async () => {
    expect(await may(role, 's3:PutObject', OBJECT, CREATION)).toBe(false);
    expect(await may(role, 's3:DeleteObject', OBJECT)).toBe(false);
    expect(await may(role, 's3:DeleteObjectVersion', OBJECT)).toBe(false);
    expect(await roles.mayUseKey(role, 'kms:GenerateDataKey', 's3')).toBe(false);
  });
});

const allRoles = [
  'EngineTasksdumpRole',
  'EngineTasksrestoreRole',
  ...FUNCTION_NAMES.map(functionRole),
  ...MACHINES.map((machine) => `Machines${machine.replaceAll('-', '')}Role`),
  'SchedulesRole',
];

describe('every role', () => {
  it('deletes no backup, but for the pruner’s DeleteExpired', async () => {
    for (const role of allRoles) {
      const deletes =
        (await may(role, 's3:DeleteObject', OBJECT)) || (await may(role, 's3:DeleteObjectVersion', OBJECT));
      expect(deletes, role).toBe(role === functionRole('DeleteExpired'));
    }
  });
  it('writes no backup, but for the dump task and the one that writes a native backup’s manifest', async () => {
    for (const role of allRoles)
      expect(await may(role, 's3:PutObject', OBJECT, CREATION), role).toBe(
        role === 'EngineTasksdumpRole' || role === functionRole('WriteManifest'),
      );
  });
  it('reads no password, but for the tasks', async () => {
    for (const role of allRoles)
      expect(await may(role, 'secretsmanager:GetSecretValue', secretOf('shop')), role).toBe(
        role.startsWith('EngineTasks'),
      );
  });
  it('takes no lock of Object Lock away', async () => {
    for (const role of allRoles) expect(await may(role, 's3:BypassGovernanceRetention', OBJECT), role).toBe(false);
  });
});

/** What a handler is wired with, and the grants without which that part fails. */
const WIRED: Readonly<Record<string, readonly Grant[]>> = {
  catalog: ['catalogRead'],
  config: ['config'],
  vault: ['vaultList', 'vaultRead', 'vaultWrite'],
  work: ['runsRead', 'runsWrite', 'prunesRead', 'prunesWrite'],
  executions: ['executionsRead'],
  tasks: ['stopTask'],
  events: ['events'],
  metrics: ['metrics'],
  mailer: ['mail'],
  services: ['resourcesRead', 'openNative', 'discover'],
  pointers: ['pointerRead', 'pointerWrite', 'hostsRead'],
};
/** Grants that need a part but are not the part's only one. */
const BESIDES: Partial<Record<Grant, string>> = {
  catalogWrite: 'catalog',
  vaultThaw: 'vault',
  vaultDelete: 'vault',
  ...Object.fromEntries(
    NATIVE_GRANTS.filter((grant) => !/^(pointer|hosts)/.test(grant)).map((grant) => [grant, 'services']),
  ),
};

describe.each(FUNCTION_NAMES)('the function %s', (name) => {
  const facts: FunctionFacts = FUNCTIONS[name];
  const source = readFileSync(path.join(ROOT, 'lambdas', `${name}.ts`), 'utf8');
  const wired = new Set([...source.matchAll(/wire\.(\w+)/g)].map((match) => match[1]!));

  it('may use each part that it is wired with', () => {
    for (const [part, grants] of Object.entries(WIRED))
      if (wired.has(part))
        expect(
          grants.some((grant) => facts.grants.includes(grant)),
          part,
        ).toBe(true);
  });
  it('has no right without a part that uses it', () => {
    for (const grant of facts.grants) {
      const part = BESIDES[grant] ?? Object.keys(WIRED).find((one) => WIRED[one]!.includes(grant));
      expect(wired, grant).toContain(part);
    }
  });
  it('reads no more of the vault, and stops no more, than its grants say', async () => {
    const role = functionRole(name);
    const has = (grant: Grant): boolean => facts.grants.includes(grant);
    expect(await may(role, 's3:GetObjectVersion', OBJECT)).toBe(has('vaultRead'));
    expect(await roles.mayUseKey(role, 'kms:Decrypt', 's3')).toBe(has('vaultRead'));
    expect(await may(role, 's3:RestoreObject', OBJECT)).toBe(has('vaultThaw'));
    expect(await may(role, 's3:PutObject', `${work}/runs/daily/items.json`)).toBe(has('runsWrite'));
    expect(await may(role, 's3:PutObject', `${work}/prunes/1/plan.json`)).toBe(has('prunesWrite'));
    expect(await may(role, 'dynamodb:GetItem', catalogArn)).toBe(has('catalogRead'));
    expect(await may(role, 'dynamodb:Query', `${catalogArn}/index/byEntity`)).toBe(has('catalogRead'));
    expect(await may(role, 'dynamodb:UpdateItem', catalogArn)).toBe(has('catalogWrite'));
    expect(await may(role, 'dynamodb:Scan', catalogArn)).toBe(false);
    expect(await may(role, 'ecs:StopTask', TASK, CLUSTER)).toBe(has('stopTask'));
    expect(await may(role, 'states:StartExecution', at('states', 'stateMachine:nightjar-backup'))).toBe(false);
    const namespace = { 'cloudwatch:namespace': 'Nightjar' };
    expect(await may(role, 'cloudwatch:PutMetricData', '*', namespace)).toBe(has('metrics'));
    const source = { 'events:source': ['nightjar', 'nightjar'] };
    expect(await may(role, 'events:PutEvents', at('events', 'event-bus/default'), source)).toBe(has('events'));
  });
});

describe('events', () => {
  it('carry Nightjar’s own source and no other', async () => {
    const bus = at('events', 'event-bus/default');
    const role = functionRole('CloseBackup');
    expect(await may(role, 'events:PutEvents', bus, { 'events:source': ['nightjar', 'shop'] })).toBe(false);
    expect(await may(role, 'events:PutEvents', bus)).toBe(false);
  });
});

describe('SendReport', () => {
  const role = functionRole('SendReport');
  const as = (from: string) => ({ 'ses:FromAddress': from });
  it('sends as the config’s sender, whether SES knows the address or its domain, and to sandbox recipients', async () => {
    for (const identity of ['nightjar@example.org', 'example.org', 'oncall@example.org'])
      expect(await may(role, 'ses:SendEmail', at('ses', `identity/${identity}`), as('nightjar@example.org'))).toBe(
        true,
      );
  });
  it('sends as nobody else', async () => {
    expect(await may(role, 'ses:SendEmail', at('ses', 'identity/example.org'), as('boss@example.org'))).toBe(false);
  });
});

describe('the state machines', () => {
  const passed = { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' };
  const taskRole = (kind: string): string =>
    `arn:aws:iam::${ACCOUNT}:role/${Object.keys(roles.roleIds()).find((id) => id.startsWith(`EngineTasks${kind}Role`))}`;
  it('run the tasks that their definitions name and no other, on their own cluster', async () => {
    const runs = (machine: string, kind: string, context = CLUSTER) =>
      may(`Machines${machine}Role`, 'ecs:RunTask', at('ecs', `task-definition/nightjar-${kind}:7`), context);
    for (const [machine, kinds] of Object.entries({
      nightly: [],
      backup: ['dump'],
      restore: ['restore'],
      rollback: ['restore'],
      prune: ['restore'],
      // Of an encrypted target a restore's task looks at the identity.
      probe: ['dump', 'restore'],
    } as Record<string, string[]>))
      for (const kind of ['dump', 'restore']) expect(await runs(machine, kind), machine).toBe(kinds.includes(kind));
    expect(await runs('backup', 'dump', { 'ecs:cluster': at('ecs', 'cluster/other') })).toBe(false);
  });
  it('pass the roles of those tasks to ECS and to nobody else', async () => {
    expect(await may('MachinesbackupRole', 'iam:PassRole', taskRole('dump'), passed)).toBe(true);
    expect(await may('MachinesbackupRole', 'iam:PassRole', taskRole('restore'), passed)).toBe(false);
    const other = { 'iam:PassedToService': 'ec2.amazonaws.com' };
    expect(await may('MachinesbackupRole', 'iam:PassRole', taskRole('dump'), other)).toBe(false);
  });
  it('stop and hear of the tasks that they wait for', async () => {
    expect(await may('MachinesbackupRole', 'ecs:StopTask', TASK, CLUSTER)).toBe(true);
    expect(await may('MachinesbackupRole', 'ecs:DescribeTasks', TASK, CLUSTER)).toBe(true);
    const rule = at('events', 'rule/StepFunctionsGetEventsForECSTaskRule');
    for (const action of ['events:PutRule', 'events:PutTargets', 'events:DescribeRule'])
      expect(await may('MachinesbackupRole', action, rule), action).toBe(true);
  });
  it('start backups from the nightly run and from a restore, and wait for them', async () => {
    for (const machine of ['nightly', 'restore']) {
      const role = `Machines${machine}Role`;
      expect(await may(role, 'states:StartExecution', at('states', 'stateMachine:nightjar-backup'))).toBe(true);
      const child = at('states', 'execution:nightjar-backup:daily-20261121T013000Z-shop');
      expect(await may(role, 'states:DescribeExecution', child)).toBe(true);
      expect(await may(role, 'states:StopExecution', child)).toBe(true);
      const rule = at('events', 'rule/StepFunctionsGetEventsForStepFunctionsExecutionRule');
      expect(await may(role, 'events:PutRule', rule)).toBe(true);
    }
    expect(await may('MachinesbackupRole', 'states:StartExecution', at('states', 'stateMachine:nightjar-backup'))).toBe(
      false,
    );
  });
  it('start restores from a set, which neither waits for them nor can stop one', async () => {
    const role = 'MachinesrestoresetRole';
    expect(await may(role, 'states:StartExecution', at('states', 'stateMachine:nightjar-restore'))).toBe(true);
    expect(await may(role, 'states:StartExecution', at('states', 'stateMachine:nightjar-backup'))).toBe(false);
    expect(await may(role, 'states:StopExecution', at('states', 'execution:nightjar-restore:set-1-orders'))).toBe(
      false,
    );
  });
  it('let the states of a set look at executions and write records, and touch no table', async () => {
    const member = at('states', 'execution:nightjar-restore:set-1-orders');
    for (const name of ['GatherSet', 'AskSet', 'SwapSet', 'StopSet', 'CloseSet', 'FailSet'])
      expect(await may(functionRole(name), 'states:DescribeExecution', member), name).toBe(true);
    const set = at('states', 'execution:nightjar-restore-set:e1');
    expect(await may(functionRole('AwaitTurn'), 'states:DescribeExecution', set)).toBe(true);
    for (const name of ['OpenSet', 'GatherSet', 'CloseSet', 'FailSet'])
      expect(await may(functionRole(name), 'dynamodb:UpdateItem', catalogArn), name).toBe(false);
    for (const name of ['OpenSet', 'GatherSet', 'AskSet', 'SwapSet', 'StopSet', 'CloseSet', 'FailSet', 'AwaitTurn'])
      for (const action of ['dynamodb:DeleteTable', 'dynamodb:PutResourcePolicy', 'dynamodb:RestoreTableToPointInTime'])
        expect(await may(functionRole(name), action, at('dynamodb', 'table/orders')), `${name} ${action}`).toBe(false);
  });
  it('let the nightly run’s map start and watch its own children and read its list', async () => {
    const role = 'MachinesnightlyRole';
    expect(await may(role, 'states:StartExecution', at('states', 'stateMachine:nightjar-nightly'))).toBe(true);
    expect(
      await may(role, 'states:DescribeExecution', at('states', 'execution:nightjar-nightly/BackupTargets:1')),
    ).toBe(true);
    expect(await may(role, 's3:GetObject', `${work}/runs/daily-20261121T013000Z/items.json`)).toBe(true);
  });
  it('call the functions of their states and no other', async () => {
    const call = (machine: string, name: string) =>
      may(`Machines${machine}Role`, 'lambda:InvokeFunction', at('lambda', `function:nightjar-${name}`));
    expect(await call('backup', 'OpenBackup')).toBe(true);
    expect(await call('backup', 'DeleteExpired')).toBe(false);
    expect(await call('prune', 'DeleteExpired')).toBe(true);
    expect(await call('restore', 'CloseBackup')).toBe(false);
  });
});

describe('the scheduler', () => {
  it('starts runs and prunes and the watch, and nothing else', async () => {
    const start = (machine: string) =>
      may('SchedulesRole', 'states:StartExecution', at('states', `stateMachine:nightjar-${machine}`));
    expect(await start('nightly')).toBe(true);
    expect(await start('prune')).toBe(true);
    expect(await start('restore')).toBe(false);
    expect(await may('SchedulesRole', 'lambda:InvokeFunction', at('lambda', 'function:nightjar-PublishRpo'))).toBe(
      true,
    );
    expect(await may('SchedulesRole', 'lambda:InvokeFunction', at('lambda', 'function:nightjar-SendReport'))).toBe(
      false,
    );
  });
});

describe('more targets than a policy can name', () => {
  const names = Array.from({ length: MAX_SECRETS_BY_ARN + 1 }, (_, index) => `shop-${index}`);
  const many = synth({ targets: names.map(targetOf) });
  const manyRoles = new Roles(many);
  it('are granted by the tag of their secrets', async () => {
    const ask = (value: string) =>
      manyRoles.may('EngineTasksdumpRole', {
        action: 'secretsmanager:GetSecretValue',
        resource: secretOf('shop-1'),
        context: { [`aws:ResourceTag/${READABLE_TAG.key}`]: value },
      });
    expect(await ask(READABLE_TAG.value)).toBe(true);
    expect(await ask('no')).toBe(false);
    expect(
      await manyRoles.may('EngineTasksdumpRole', {
        action: 'secretsmanager:GetSecretValue',
        resource: secretOf('shop-1'),
      }),
    ).toBe(false);
  });
  it('are told to tag them', () => {
    expect(many.said.join()).toContain('nightjar:readable=true');
  });
  it('leave every policy within what IAM takes', () => {
    const most = new Roles(synth({ targets: names.slice(0, MAX_SECRETS_BY_ARN).map(targetOf) }));
    for (const some of [roles, most, manyRoles])
      for (const id of Object.keys(some.roleIds())) {
        const size = JSON.stringify(some.policiesOf(id).map((one) => one.policy)).length;
        expect(size, id).toBeLessThan(10_240);
      }
  });
});
