import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../core/config.ts';
import { aliasResource, replacedResource, rolledBackResource } from '../../core/names.ts';
import { nameUnder } from '../../services/aurora-members.ts';
import { FUNCTIONS, FUNCTION_NAMES, functionsFor, nativesOf, type FunctionFacts } from '../../lib/function-list.ts';
import { ofType } from './resolve.ts';
import { Roles, type Question } from './roles.ts';
import { ACCOUNT, REGION, synth, targetOf } from './synth.ts';

const NATIVE: Partial<ConfigInput> = {
  targets: [
    targetOf('shop'),
    { name: 'billing', engine: 'rds', instance: 'billing', pointer: { parameter: '/billing/host' } },
    { name: 'orders', engine: 'dynamodb', table: 'orders' },
  ],
};
const AURORA: Partial<ConfigInput> = {
  targets: [targetOf('shop'), { name: 'ledger', engine: 'aurora', cluster: 'ledger' }],
};
const native = synth(NATIVE);
const roles = new Roles(native);
const rds = (name: string): string => `arn:aws:rds:${REGION}:${ACCOUNT}:${name}`;
const table = (name: string): string => `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`;
const may = (name: string, action: string, resource: string, context?: Question['context']) =>
  roles.may(`Functions${name}Role`, { action, resource, ...(context ? { context } : {}) });
const ALIAS = 'billing-nj-0123456789';
const OLD = 'billing-old-0123456789';

describe('a Nightjar without native targets', () => {
  it('has none of their functions, and no right on RDS or on a table but its catalog', () => {
    const { backup, config } = synth();
    const made = ofType(backup, 'AWS::Lambda::Function').length;
    const native_ = FUNCTION_NAMES.filter((name) => !functionsFor(nativesOf(config)).includes(name));
    expect(native_.length).toBeGreaterThan(20);
    expect(native_).toContain('DeleteTable');
    expect(JSON.stringify(backup)).not.toMatch(/"rds:|dynamodb:DeleteTable|DeleteBackup/);
    expect(ofType(native.backup, 'AWS::Lambda::Function').length - made).toBe(native_.length);
  });
});

describe('rights on originals', () => {
  it('lets no function delete an RDS original, and only DeleteTable a table', async () => {
    for (const name of functionsFor(nativesOf(native.config))) {
      expect(await may(name, 'rds:DeleteDBInstance', rds('db:billing')), name).toBe(false);
      expect(await may(name, 'rds:DeleteDBInstance', rds('db:another')), name).toBe(false);
      expect(await may(name, 'dynamodb:DeleteTable', table('another')), name).toBe(false);
      expect(await may(name, 'dynamodb:DeleteTable', table('orders')), name).toBe(name === 'DeleteTable');
    }
  });
  it('lets the pruner remove what a swap replaced, and what a restore left behind', async () => {
    for (const name of [ALIAS, OLD])
      expect(await may('RemoveReplaced', 'rds:DeleteDBInstance', rds(`db:${name}`)), name).toBe(true);
    expect(await may('RemoveAlias', 'dynamodb:DeleteTable', table('orders-nj-0123456789'))).toBe(true);
  });
  it('lets only the renaming states rename, and only what the config names or a restore made', async () => {
    for (const name of ['RenameOriginal', 'RenameAlias', 'PutNamesBack', 'RollBackNames']) {
      for (const one of ['billing', ALIAS, OLD])
        expect(await may(name, 'rds:ModifyDBInstance', rds(`db:${one}`)), `${name} ${one}`).toBe(true);
      expect(await may(name, 'rds:ModifyDBInstance', rds('db:another')), name).toBe(false);
    }
    expect(await may('ApplyServer', 'rds:ModifyDBInstance', rds('db:billing'))).toBe(false);
    expect(await may('ApplyServer', 'rds:ModifyDBInstance', rds(`db:${ALIAS}`))).toBe(true);
  });
  it('lets snapshots of our own be deleted, and nobody else’s', async () => {
    expect(await may('DeletePoints', 'rds:DeleteDBSnapshot', rds('snapshot:nightjar-billing-01'))).toBe(true);
    expect(await may('DeletePoints', 'rds:DeleteDBSnapshot', rds('snapshot:before-release'))).toBe(false);
    for (const name of functionsFor(nativesOf(native.config)))
      if (name !== 'DeletePoints')
        expect(await may(name, 'rds:DeleteDBSnapshot', rds('snapshot:nightjar-billing-01')), name).toBe(false);
  });
  it('lets snapshots of a server be deleted that left the config, while there is any native target', async () => {
    const tables = new Roles(synth({ targets: [{ name: 'orders', engine: 'dynamodb', table: 'orders' }] }));
    const ask = (action: string, resource: string) => tables.may('FunctionsDeletePointsRole', { action, resource });
    for (const kind of ['snapshot', 'cluster-snapshot']) {
      const action = kind === 'snapshot' ? 'rds:DeleteDBSnapshot' : 'rds:DeleteDBClusterSnapshot';
      expect(await ask(action, rds(`${kind}:nightjar-gone-01`)), kind).toBe(true);
      expect(await ask(action, rds(`${kind}:before-release`)), kind).toBe(false);
    }
    expect(await ask('rds:DescribeDBSnapshots', '*')).toBe(true);
    expect(await ask('dynamodb:DeleteBackup', table('orders/backup/01'))).toBe(true);
    expect(await ask('dynamodb:DeleteBackup', table('another/backup/01'))).toBe(false);
  });
  it('lets a table’s fence be put up and lifted by its states alone, and by who comes after a stopped execution', async () => {
    for (const name of functionsFor(nativesOf(native.config))) {
      const allowed = ['FenceTable', 'OpenTable', 'RestoreTable', 'ApplyTable', 'CloseOrphan'].includes(name);
      expect(await may(name, 'dynamodb:PutResourcePolicy', table('orders')), name).toBe(allowed);
      const stream = table('orders/stream/2026-11-21T02:00:00.000');
      for (const action of ['dynamodb:PutResourcePolicy', 'dynamodb:DeleteResourcePolicy'])
        expect(await may(name, action, stream), `${name} ${action}`).toBe(allowed);
      if (allowed) expect(await may(name, 'dynamodb:GetResourcePolicy', stream), name).toBe(true);
    }
  });
  it('reads items where they are verified or copied, and writes them into the original for CopyItems and a restore only', async () => {
    expect(await may('VerifyTable', 'dynamodb:Scan', table('orders-nj-0123456789'))).toBe(true);
    expect(await may('VerifyTable', 'dynamodb:PutItem', table('orders'))).toBe(false);
    expect(await may('CopyItems', 'dynamodb:PutItem', table('orders'))).toBe(true);
    expect(await may('CopyItems', 'dynamodb:DeleteItem', table('orders'))).toBe(false);
  });
  it('lets a table be made, with its items, by the states that restore, and its settings be changed by those that apply them', async () => {
    const ALIAS_TABLE = table('orders-nj-0123456789');
    const makes = { RestoreTable: ALIAS_TABLE, RecreateTable: table('orders') };
    for (const name of functionsFor(nativesOf(native.config))) {
      const made = (makes as Record<string, string>)[name];
      for (const one of [ALIAS_TABLE, table('orders')]) {
        expect(await may(name, 'dynamodb:BatchWriteItem', one), `${name} ${one}`).toBe(one === made);
        for (const action of ['dynamodb:RestoreTableToPointInTime', 'dynamodb:RestoreTableFromBackup'])
          expect(await may(name, action, one), `${name} ${action}`).toBe(made !== undefined);
      }
      expect(await may(name, 'dynamodb:UpdateTimeToLive', table('orders')), name).toBe(
        ['RestoreTable', 'ApplyTable'].includes(name),
      );
    }
    expect(await may('RecreateTable', 'dynamodb:RestoreTableFromBackup', table('orders-nj-0123456789/backup/01'))).toBe(
      true,
    );
    expect(await may('RestoreTable', 'dynamodb:TagResource', ALIAS_TABLE)).toBe(true);
    for (const action of ['dynamodb:Scan', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'])
      expect(await may('ApplyTable', action, table('orders')), action).toBe(false);
  });
  it('attaches only functions of its own account to a stream', async () => {
    const of = (account: string) => ({ 'lambda:FunctionArn': `arn:aws:lambda:${REGION}:${account}:function:ship` });
    const mapping = `arn:aws:lambda:${REGION}:${ACCOUNT}:event-source-mapping:11111111-2222-3333-4444-555555555555`;
    for (const name of functionsFor(nativesOf(native.config))) {
      const applies = ['RestoreTable', 'ApplyTable'].includes(name);
      expect(await may(name, 'lambda:CreateEventSourceMapping', '*', of(ACCOUNT)), name).toBe(applies);
      expect(await may(name, 'lambda:DeleteEventSourceMapping', mapping, of(ACCOUNT)), name).toBe(applies);
      expect(await may(name, 'lambda:UpdateEventSourceMapping', mapping, of(ACCOUNT)), name).toBe(false);
    }
    expect(await may('ApplyTable', 'lambda:CreateEventSourceMapping', '*', of('210987654321'))).toBe(false);
    expect(await may('ApplyTable', 'lambda:CreateEventSourceMapping', '*')).toBe(false);
  });
  it('switches the pointer that the config names, and no other', async () => {
    const parameter = (name: string) => `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/${name}`;
    expect(await may('SwitchPointer', 'ssm:PutParameter', parameter('billing/host'))).toBe(true);
    expect(await may('SwitchPointer', 'ssm:PutParameter', parameter('billing/password'))).toBe(false);
  });
  it('writes manifests by a role that reads and deletes nothing in the vault', async () => {
    const object = `${roles.names.vaultArn}/billing/2026/11/21/01KAHJ00000000000000000000/manifest.json`;
    const creation = { 's3:ObjectCreationOperation': 'true', 's3:if-none-match': '*' };
    expect(await may('WriteManifest', 's3:PutObject', object, creation)).toBe(true);
    for (const action of ['s3:GetObject', 's3:GetObjectVersion', 's3:DeleteObject', 's3:DeleteObjectVersion'])
      expect(await may('WriteManifest', action, object), action).toBe(false);
  });
});

describe('rights on secrets that lead to a server', () => {
  const secret = (name: string): string => `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${name}-AbCdEf`;
  const key = `arn:aws:kms:${REGION}:${ACCOUNT}:key/of-the-secret`;
  const shop = targetOf('shop');
  const led = new Roles(
    synth({
      targets: [
        {
          name: 'billing',
          engine: 'rds',
          instance: 'billing',
          check: { secret: secret('check'), secretKey: key, database: 'billing' },
          pointer: { secret: secret('pointer') },
        },
        { ...shop, name: 'billing-dump', host: 'Billing.abc.eu-west-1.rds.amazonaws.com', secret: secret('dump') },
        { ...shop, name: 'other', host: 'other.abc.eu-west-1.rds.amazonaws.com', secret: secret('other') },
        { name: 'orders', engine: 'dynamodb', table: 'orders', pointer: { secret: secret('table') } },
      ],
    }),
  );
  const reads = (name: string, resource: string) =>
    led.may(`Functions${name}Role`, { action: 'secretsmanager:GetSecretValue', resource });

  it.each(['Repoint', 'SwitchPointer'])(
    'lets %s read those of a server that is restored, and write none',
    async (name) => {
      for (const one of ['check', 'pointer', 'dump']) expect(await reads(name, secret(one)), one).toBe(true);
      expect(await reads(name, secret('other'))).toBe(false);
      expect(await reads(name, secret('rds!db-1234'))).toBe(false);
      const put = { action: 'secretsmanager:PutSecretValue', resource: secret('check') };
      expect(await led.may(`Functions${name}Role`, put)).toBe(false);
      expect(await led.mayUseKey(`Functions${name}Role`, 'kms:Decrypt', 'secretsmanager', key)).toBe(true);
    },
  );
  it('lets no state that only makes, names or removes servers read any', async () => {
    for (const name of ['RestoreServer', 'ApplyServer', 'CompareServer', 'RenameAlias'])
      for (const one of ['check', 'pointer', 'dump', 'other']) expect(await reads(name, secret(one)), name).toBe(false);
    // It removes no server that the pointer still names.
    for (const one of ['check', 'dump', 'other']) expect(await reads('RemoveReplaced', secret(one)), one).toBe(false);
  });
  it('lets Repoint look at alarms, and change none', async () => {
    expect(await led.may('FunctionsRepointRole', { action: 'cloudwatch:DescribeAlarms', resource: '*' })).toBe(true);
    expect(await led.may('FunctionsRepointRole', { action: 'cloudwatch:PutMetricAlarm', resource: '*' })).toBe(false);
  });
});

describe('rights on an Aurora cluster, whose members have names that nobody knows at deploy', () => {
  const aurora = new Roles(synth(AURORA));
  const ask = (name: string, action: string, resource: string, context: Question['context'] = {}) =>
    aurora.may(`Functions${name}Role`, { action, resource: rds(resource), context });
  const [ID, CLUSTER] = ['01KAHJ00000000000000000000', 'ledger'];
  // As long as a member's name may be, and one that has nothing of the cluster's.
  const MEMBERS = [`reports`, 'ledger-1', 'm'.repeat(45)];
  const made = [aliasResource, replacedResource, rolledBackResource].map((make) => make('aurora', CLUSTER, ID));
  const madeMembers = made.flatMap((cluster) => MEMBERS.map((member) => nameUnder(cluster, member)));

  it('let the pruner delete what a swap replaced with its members, whose tag is the original’s, and no member that serves', async () => {
    for (const action of ['rds:DeleteDBInstance', 'rds:ModifyDBInstance']) {
      for (const name of ['RemoveReplaced', 'RemoveAlias'])
        for (const member of madeMembers)
          expect(await ask(name, action, `db:${member}`), `${name} ${member}`).toBe(true);
      for (const member of [...MEMBERS, 'another', 'crm-old-archive', 'my-old-db'])
        expect(await ask('RemoveReplaced', action, `db:${member}`), member).toBe(false);
    }
    for (const cluster of made)
      expect(await ask('RemoveReplaced', 'rds:DeleteDBCluster', `cluster:${cluster}`)).toBe(true);
    expect(await ask('RemoveReplaced', 'rds:DeleteDBCluster', 'cluster:ledger')).toBe(false);
  });
  it('let members be renamed, and changed by nobody else', async () => {
    for (const name of ['RenameOriginal', 'RenameAlias', 'PutNamesBack', 'RollBackNames'])
      expect(await ask(name, 'rds:ModifyDBInstance', 'db:ledger-1'), name).toBe(true);
    for (const name of ['MakePoint', 'Repoint', 'ApplyServer', 'RestoreServer', 'RemoveReplaced'])
      for (const action of [
        'rds:ModifyDBInstance',
        'rds:CreateDBSnapshot',
        'rds:AddTagsToResource',
        'rds:StopDBInstance',
      ])
        expect(await ask(name, action, 'db:ledger-1'), `${name} ${action}`).toBe(false);
  });
  it('let snapshots be made of the cluster, and its window be widened', async () => {
    expect(await ask('MakePoint', 'rds:CreateDBClusterSnapshot', 'cluster:ledger')).toBe(true);
    expect(await ask('MakePoint', 'rds:CreateDBClusterSnapshot', 'cluster-snapshot:nightjar-ledger-01')).toBe(true);
    expect(await ask('MakePoint', 'rds:CreateDBClusterSnapshot', 'cluster:another')).toBe(false);
    expect(await ask('Repoint', 'rds:ModifyDBCluster', 'cluster:ledger')).toBe(true);
  });
});

describe('tables that are found by their tag', () => {
  const found = new Roles(synth({ discovery: { engines: ['dynamodb', 'rds'] } }));
  const ask = (name: string, action: string, resource: string, context: Question['context'] = {}) =>
    found.may(`Functions${name}Role`, { action, resource, context });
  const TAGGED = { 'aws:ResourceTag/nightjar:frequency': 'daily' };
  it('are deleted when they carry the tag, and only then', async () => {
    expect(await ask('DeleteTable', 'dynamodb:DeleteTable', table('orders'), TAGGED)).toBe(true);
    expect(await ask('DeleteTable', 'dynamodb:DeleteTable', table('orders'))).toBe(false);
    expect(await ask('RenameOriginal', 'rds:ModifyDBInstance', rds('db:billing'), TAGGED)).toBe(true);
    expect(await ask('RenameOriginal', 'rds:ModifyDBInstance', rds('db:billing'))).toBe(false);
  });
  it('never are the catalog, whatever tag somebody gave it', async () => {
    for (const name of FUNCTION_NAMES)
      for (const action of ['dynamodb:DeleteTable', 'dynamodb:PutResourcePolicy', 'dynamodb:RestoreTableFromBackup'])
        expect(await ask(name, action, found.names.catalogArn, TAGGED), `${name} ${action}`).toBe(false);
  });
});

describe('every native function', () => {
  it('is made only where something uses it', () => {
    for (const name of FUNCTION_NAMES) {
      const facts: FunctionFacts = FUNCTIONS[name];
      if (facts.grants.some((grant) => /^(points|alias|servers|tables|items)/.test(grant)))
        expect(facts.uses, name).toBeDefined();
    }
  });
});

describe('a config of native targets only', () => {
  it('synthesizes, and its tasks read no secret', () => {
    const { backup } = synth({ targets: [{ name: 'orders', engine: 'dynamodb', table: 'orders' }] });
    expect(JSON.stringify(backup)).not.toContain('secretsmanager:GetSecretValue');
  });
});
