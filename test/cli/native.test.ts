import { describe, expect, it } from 'vitest';
import { failure, NightjarError } from '../../core/errors.ts';
import { safetyExecution } from '../../core/names.ts';
import type { NativeRestore } from '../../core/native.ts';
import {
  approveShape,
  cancelShape,
  errorShape,
  nativePlannedShape,
  prunePlannedShape,
  restoreShape,
  rollbackShape,
  settingsDiffShape,
  showShape,
  statusShape,
  targetsShape,
} from '../../cli/shapes.ts';
import {
  NATIVE_TARGETS,
  nativeManifestOf,
  nativeRestore,
  POINT,
  putNative,
  resourceOf,
  tableRestore,
  waitingRestore,
} from './native-world.ts';
import { at, denied, fakeWorld, putGood, restoreOf, type FakeOptions } from './world.ts';

const natives = (options: FakeOptions = {}): ReturnType<typeof fakeWorld> =>
  fakeWorld({
    ...options,
    config: { targets: NATIVE_TARGETS, ...options.config },
    services: {
      rds: { read: () => Promise.resolve(resourceOf()), ...options.services?.rds },
      dynamodb: { read: () => Promise.resolve(resourceOf('dynamodb')), ...options.services?.dynamodb },
    },
  });
const failureOf = (world: ReturnType<typeof fakeWorld>) => errorShape.parse(world.json()).failure;

describe('nightjar restore of the newest backup of a dump', () => {
  it('passes the safety backup of a failed restore by: it holds the damage', async () => {
    const world = fakeWorld();
    const good = await putGood(world.store, 10);
    const failed = restoreOf(3, { status: 'FAILED', mode: 'overwrite' });
    await putGood(world.store, 2, {
      executionArn: `arn:aws:states:x:1:execution:b:${safetyExecution(failed.restoreId)}`,
    });
    await world.run('restore', 'shop', '--overwrite', '--confirm', 'shop', '--detach');
    expect(world.starts[0]?.input.at).toBe(good.backupId);
  });
});

describe('nightjar restore of what its service keeps', () => {
  it('hands the moment to the workflow and says what serves in the end', async () => {
    const world = natives({
      play: async ({ id, executionArn, startedAt }) => {
        await world.store.openRestore({ ...nativeRestore(0), restoreId: id, executionArn, startedAt });
        return { status: 'SUCCEEDED' };
      },
    });
    expect(await world.run('restore', 'shop-rds', '--swap', '--at', at(2), '--approve', '--json')).toBe(0);
    expect(world.starts[0]).toMatchObject({ machine: 'restore', input: { at: at(2), mode: 'swap', approve: true } });
    const json = restoreShape.parse(world.json());
    expect(json).toMatchObject({ ok: true, backupId: null });
    expect(json.serves).toContain('The restored data serves under shop-db; the original is kept as');
    expect(world.errors.join('\n')).toContain(`nightjar approve ${json.id}`);
  });

  it('that failed is never 0 and says that nothing serves, loudly', async () => {
    const world = natives({
      play: async ({ id, executionArn, startedAt }) => {
        const record = nativeRestore(
          0,
          { status: 'FAILED', failure: failure('RENAME_FAILED') },
          { serving: 'nothing' },
        );
        await world.store.openRestore({ ...record, restoreId: id, executionArn, startedAt });
        return { status: 'FAILED', error: 'RENAME_FAILED', cause: '' };
      },
    });
    expect(await world.run('restore', 'shop-rds', '--swap')).toBe(1);
    expect(world.text()).toContain('NOTHING SERVES UNDER shop-db. Nothing is lost');
  });

  it.each(['FAILED', 'RUNNING', 'ROLLED_BACK'] as const)('whose record is %s is no success', async (status) => {
    const world = natives({
      play: async ({ id, executionArn, startedAt }) => {
        await world.store.openRestore({ ...nativeRestore(0), restoreId: id, executionArn, startedAt, status });
        return { status: 'SUCCEEDED' };
      },
    });
    expect(await world.run('restore', 'shop-rds', '--swap', '--json')).toBe(1);
    expect(restoreShape.parse(world.json()).failure?.code).toBe('UNEXPECTED');
  });

  it('reads the items that come back from a file', async () => {
    const keys = { keys: [{ pk: { S: 'order-1' } }] };
    const world = natives({ files: { 'items.json': JSON.stringify(keys) } });
    await world.run('restore', 'orders', '--items', 'items.json', '--detach');
    expect(world.starts[0]?.input).toMatchObject({ mode: 'items', items: keys });
  });

  it('finds a target that was found by its tag', async () => {
    const world = natives();
    await world.store.saveDiscovered(
      [
        {
          target: 'dynamodb-carts',
          engine: 'dynamodb',
          resource: 'carts',
          arn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/carts',
          frequency: 'daily',
        },
      ],
      at(1),
    );
    await world.run('restore', 'dynamodb-carts', '--detach');
    await world.run('backup', 'dynamodb-carts', '--detach');
    expect(world.starts.map((one) => one.input.target)).toEqual(['dynamodb-carts', 'dynamodb-carts']);
  });

  it.each([
    ['overwrite of an instance', ['shop-rds', '--overwrite'], /restores by new, swap, pointer, not by overwrite/],
    ['a pointer that the config lacks', ['orders', '--pointer'], /no pointer in the config/],
    ['items without saying which', ['orders', '--mode', 'items'], /--items FILE/],
    ['a file of items that is not there', ['orders', '--items', 'none.json'], /none\.json: no such file/],
    ['a file that chooses nothing', ['orders', '--items', 'empty.json'], /DynamoDB JSON/],
    ['items and a swap at once', ['orders', '--items', 'items.json', '--swap'], /one mode/],
    [
      'approval where there is no outage',
      ['shop-rds', '--new', '--approve'],
      /before an outage, and mode new has none/,
    ],
    ['another target as destination', ['orders', '--to', 'shop-rds'], /leave the destination out/],
    ['a name of its own', ['shop-rds', '--database', 'shop-2'], /only what is called shop-db-nj-…/],
  ])('refuses %s before anything starts', async (_, argv, words) => {
    const files = { 'empty.json': '{"keys":[]}', 'items.json': '{"keys":[{"pk":{"S":"a"}}]}' };
    const world = natives({ files });
    expect(await world.run('restore', ...argv, '--json')).toBe(2);
    expect(failureOf(world).detail).toMatch(words);
    expect(world.starts).toEqual([]);
  });

  it.each(['--pointer', '--approve'])('refuses %s of a dump', async (option) => {
    const world = fakeWorld();
    await putGood(world.store, 10);
    expect(await world.run('restore', 'shop', option, '--json')).toBe(2);
    expect(world.starts).toEqual([]);
  });
});

describe('nightjar restore --plan of what its service keeps', () => {
  async function planned(target: string, argv: readonly string[], options: FakeOptions = {}) {
    const world = natives(options);
    const exit = await world.run('restore', target, '--plan', ...argv, '--json');
    const { plan } = nativePlannedShape.parse(world.json());
    world.lines.length = 0;
    await world.run('restore', target, '--plan', ...argv);
    expect(world.starts).toEqual([]);
    return { world, plan, exit, text: world.text() };
  }

  it('of a swap says the names, the outage, what is lost and where the old one stays', async () => {
    const { plan, exit, text } = await planned('shop-rds', ['--swap', '--approve']);
    expect(exit).toBe(0);
    expect(plan.from).toEqual({ backupId: null, at: at(0.1) });
    expect(plan.names).toEqual({ restoredInto: 'shop-db-nj-<id>', serves: 'shop-db', oldKeptAs: 'shop-db-old-<id>' });
    expect(plan.lost).toMatchObject({ since: at(0.1), seconds: 360 });
    expect(plan.lost.what).toContain('stays as shop-db-old-<id>');
    expect(plan.outage).toMatch(/first rename/);
    expect(plan.steps.join('\n')).toMatch(/Stop and ask by mail.*\n.*Rename shop-db to shop-db-old-<id>/);
    expect(text).toContain('This is a plan: nothing has been done.');
    expect(plan.notes.join()).toMatch(/user of shop-db has the password of .*ALTER USER/);
  });

  it('of a table says that it is deleted, and only after both backups are proven', async () => {
    const { plan } = await planned('orders', ['--swap']);
    const steps = plan.steps.join('\n');
    expect(steps).toMatch(
      /Deny writes to orders.*\nBack up orders, .* prove both\.\nDelete orders\.\nMake orders again/,
    );
    expect(plan.names.oldKeptAs).toBeNull();
    expect(plan.lost.what).toContain('kept as a backup');
  });

  it('of a table that is gone makes it under its name at once, from its newest backup', async () => {
    const gone = { dynamodb: { read: () => Promise.resolve(undefined) } };
    const manifests: ReturnType<typeof nativeManifestOf>[] = [];
    const world = natives({ services: gone, manifests });
    const good = await putNative(world.store, 10, { target: 'orders', engine: 'dynamodb' });
    manifests.push(nativeManifestOf(good));
    await world.run('restore', 'orders', '--swap', '--plan', '--json');
    const { plan } = nativePlannedShape.parse(world.json());
    expect(plan.from.backupId).toBe(good.backupId);
    expect(plan.names).toMatchObject({ restoredInto: 'orders', serves: 'orders' });
    expect(plan.steps.join('\n')).not.toMatch(/Delete|Deny/);
  });

  it('asks the service what speaks against it, of the very restore that was asked for', async () => {
    const asked: [NativeRestore, string, string | undefined][] = [];
    const refusals = (plan: NativeRestore, name: string, mode?: string): Promise<string[]> => {
      asked.push([plan, name, mode]);
      return Promise.resolve(['The name shop-db-nj-0000000000 is taken already.']);
    };
    const { plan, exit, text } = await planned('shop-rds', ['--swap', '--at', at(2)], {
      services: { rds: { refusals } },
    });
    expect(exit).toBe(6);
    expect(plan.refused).toMatchObject({
      code: 'RESTORE_REFUSED',
      detail: 'The name shop-db-nj-<id> is taken already.',
    });
    expect(text).toContain('As asked it would be refused: The name shop-db-nj-<id> is taken already.');
    expect(asked[0]).toMatchObject([
      {
        from: { kind: 'moment', at: at(2) },
        oldName: 'shop-db-old-0000000000',
        original: { resourceId: 'db-ORIGINAL' },
      },
      'shop-db',
      'swap',
    ]);
  });

  it('with PITR off takes the newest backup and says so', async () => {
    const off = { read: () => Promise.resolve(resourceOf('rds', { window: { on: false } })) };
    const manifests: ReturnType<typeof nativeManifestOf>[] = [];
    const world = natives({ services: { rds: off }, manifests });
    const good = await putNative(world.store, 10);
    manifests.push(nativeManifestOf(good));
    expect(await world.run('restore', 'shop-rds', '--swap', '--plan', '--json')).toBe(0);
    const { plan } = nativePlannedShape.parse(world.json());
    expect(plan.from).toEqual({ backupId: good.backupId, at: good.snapshotAt });
    expect(plan.notes.join(' ')).toContain('Point-in-time recovery is off');
  });

  it('of a moment of a deleted table is refused, with the backup that there is', async () => {
    const world = natives({ services: { dynamodb: { read: () => Promise.resolve(undefined) } } });
    const good = await putNative(world.store, 10, { target: 'orders', engine: 'dynamodb' });
    expect(await world.run('restore', 'orders', '--swap', '--at', at(2), '--plan', '--json')).toBe(6);
    expect(nativePlannedShape.parse(world.json()).plan.refused?.detail).toContain(`--at ${good.backupId}`);
  });

  it('after a swap that broke off says that this one goes on from there', async () => {
    const world = natives({ services: { rds: { read: () => Promise.resolve(undefined) } } });
    await world.store.openRestore(nativeRestore(3, { status: 'FAILED' }, { serving: 'nothing' }));
    expect(await world.run('restore', 'shop-rds', '--swap', '--plan', '--json')).toBe(0);
    expect(nativePlannedShape.parse(world.json()).plan.notes[0]).toMatch(/broke off.*NOTHING SERVES/);
  });

  it.each([
    ['its name', denied()],
    ['the room’s own words', new NightjarError('SERVICE_REFUSED', { cause: denied() })],
  ])('for a person who may not look still says the steps (%s)', async (_, refusal) => {
    const { plan, exit } = await planned('shop-rds', ['--swap'], {
      services: { rds: { read: () => Promise.reject(refusal) } },
    });
    expect(exit).toBe(0);
    expect(plan.window).toBeNull();
    expect(plan.notes.join(' ')).toContain('You may not look');
    expect(plan.steps.length).toBeGreaterThan(4);
  });

  it('does not hide that AWS can not be reached', async () => {
    const world = natives({
      services: { rds: { read: () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })) } },
    });
    expect(await world.run('restore', 'shop-rds', '--plan', '--json')).toBe(5);
  });
});

describe('nightjar approve and cancel', () => {
  it('alone know the token: nothing that is printed has it', async () => {
    const world = natives();
    const record = waitingRestore();
    await world.store.openRestore(record);
    const printed = [await world.run('show', record.restoreId, '--json'), JSON.stringify(world.json())];
    expect(printed[1]).toContain(record.native.approval!.askedAt);
    expect(printed[1]).not.toContain('the-token');
  });

  it('answer the restore that waits, with who did', async () => {
    const world = natives();
    const record = waitingRestore();
    await world.store.openRestore(record);
    expect(await world.run('approve', record.restoreId.toLowerCase(), '--json')).toBe(0);
    expect(approveShape.parse(world.json()).restoreId).toBe(record.restoreId);
    expect(await world.run('cancel', record.restoreId, '--json')).toBe(0);
    expect(cancelShape.parse(world.json()).decision).toBe('cancelled');
    const who = 'arn:aws:iam::123456789012:user/oncall';
    expect(world.answers).toEqual([
      { token: 'the-token', said: { decidedBy: who } },
      { token: 'the-token', said: expect.stringMatching(/^APPROVAL_DENIED: .* By arn:.*oncall\.$/) as string },
    ]);
  });

  it.each([
    ['that has ended', { ...waitingRestore(), status: 'FAILED' as const }, /FAILED/],
    ['that never asked', nativeRestore(3, { status: 'RUNNING' }), /has not asked/],
    ['whose time is over', waitingRestore({ until: at(0.5) }), /waited until/],
    ['of a dump', restoreOf(3, { status: 'RUNNING' }), /has not asked/],
  ])('of a restore %s answer nobody and are not 0', async (_, record, why) => {
    const world = natives();
    await world.store.openRestore(record);
    for (const command of ['approve', 'cancel']) {
      expect(await world.run(command, record.restoreId, '--json')).toBe(2);
      expect(failureOf(world).detail).toMatch(why);
    }
    expect(world.answers).toEqual([]);
  });

  it('are not 0 when somebody else was faster', async () => {
    const world = natives({ aws: { approve: () => Promise.resolve(false) } });
    const record = waitingRestore();
    await world.store.openRestore(record);
    expect(await world.run('approve', record.restoreId, '--json')).toBe(2);
    expect(failureOf(world).detail).toContain('Somebody has answered');
  });

  it('of a restore nobody knows say so', async () => {
    const world = natives();
    expect(await world.run('approve', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '--json')).toBe(3);
    expect(failureOf(world).code).toBe('RESTORE_UNKNOWN');
  });
});

describe('nightjar settings diff', () => {
  async function diffed(options: FakeOptions = {}) {
    const manifests: ReturnType<typeof nativeManifestOf>[] = [];
    const world = natives({ manifests, ...options });
    manifests.push(nativeManifestOf(await putNative(world.store, 10)));
    return world;
  }

  it('says what is not as in the newest backup', async () => {
    const { settings, ...rest } = resourceOf();
    const changed = {
      ...rest,
      settings: { ...settings, resourceId: 'db-NEW', values: { ...settings.values, MultiAZ: false } },
    };
    const world = await diffed({ services: { rds: { read: () => Promise.resolve(changed) } } });
    expect(await world.run('settings', 'diff', 'shop-rds', '--json')).toBe(0);
    expect(settingsDiffShape.parse(world.json())).toMatchObject({
      sameResource: false,
      differences: [{ setting: 'MultiAZ', expected: 'true', found: 'false' }],
    });
    world.lines.length = 0;
    await world.run('settings', 'diff', 'shop-rds');
    expect(world.text()).toMatch(/another resource by now[^]*MultiAZ\s+true\s+false/);
  });

  it('says that nothing differs', async () => {
    const world = await diffed();
    await world.run('settings', 'diff', 'shop-rds');
    expect(world.text()).toContain('No difference.');
  });

  it('of what is gone, and of a dump, is an error under its own name', async () => {
    const gone = await diffed({ services: { rds: { read: () => Promise.resolve(undefined) } } });
    expect(await gone.run('settings', 'diff', 'shop-rds', '--json')).toBe(3);
    expect(gone.json()).toMatchObject({ command: 'settings diff', failure: { code: 'RESOURCE_MISSING' } });
    const dump = fakeWorld();
    expect(await dump.run('settings', 'diff', 'shop', '--json')).toBe(2);
  });
});

describe('nightjar rollback of what its service restored', () => {
  it.each([
    [
      'names',
      nativeRestore(3),
      /shop-db-old-0123456789 gets the name shop-db again/,
      /The old data serves as shop-db again/,
    ],
    [
      'a pointer',
      nativeRestore(
        3,
        { mode: 'pointer' },
        { pointer: { where: 'SSM parameter /shop/host', before: 'old', after: 'new', switched: true } },
      ),
      /SSM parameter \/shop\/host is made to say old again/,
      /says old again, so the application finds the original/,
    ],
    [
      'a table, by restoring the safety backup',
      tableRestore(3, { safetyBackupId: '01M7XZBTM0CFKEE5MP6T3PZ0YM' }),
      /the backup 01M7XZBTM0CFKEE5MP6T3PZ0YM of the table of before is restored as orders: an outage/,
      /The old data serves as orders again/,
    ],
  ])('of %s says beforehand what it does, and what serves in the end', async (_, record, before, after) => {
    const world = natives({
      play: async () => {
        await world.store.updateRestore(record.restoreId, ['COMPLETED'], { status: 'ROLLED_BACK' });
        return { status: 'SUCCEEDED' };
      },
    });
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId)).toBe(0);
    expect(world.text()).toMatch(before);
    expect(world.text()).toMatch(after);
  });

  it('takes back a swap that broke off with nothing serving; failing again, it says what serves', async () => {
    const record = nativeRestore(3, { status: 'FAILED' }, { serving: 'nothing' });
    const world = natives({ play: () => ({ status: 'FAILED', error: 'STEP_TIMED_OUT', cause: '' }) });
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId)).toBe(1);
    expect(world.starts).toHaveLength(1);
    expect(world.text()).toContain('NOTHING SERVES UNDER shop-db');
    await world.run('rollback', record.restoreId, '--json');
    expect(rollbackShape.parse(world.json()).failure?.code).toBe('STEP_TIMED_OUT');
  });

  it('refuses one whose original is gone', async () => {
    const world = natives();
    const record = nativeRestore(3, { replacedDroppedAt: at(1) });
    await world.store.openRestore(record);
    expect(await world.run('rollback', record.restoreId, '--json')).toBe(6);
    expect(failureOf(world).detail).toContain('was removed at');
    expect(world.starts).toEqual([]);
  });
});

describe('the reading commands', () => {
  it('targets lists what was found by its tag beside what the config names, each with its place', async () => {
    const world = natives();
    const found = {
      engine: 'dynamodb',
      arn: 'arn:aws:dynamodb:eu-central-1:123456789012:table/x',
      frequency: 'daily',
    } as const;
    await world.store.saveDiscovered(
      [
        { ...found, target: 'dynamodb-carts', resource: 'carts' },
        // The config names this one itself.
        { ...found, target: 'dynamodb-orders', resource: 'orders' },
      ],
      at(1),
    );
    await world.run('targets', '--json');
    expect(targetsShape.parse(world.json()).targets).toMatchObject([
      { target: 'shop-rds', place: null, resource: 'shop-db', region: 'eu-west-1', discovered: false },
      { target: 'orders', resource: 'orders', discovered: false },
      { target: 'dynamodb-carts', resource: 'carts', region: 'eu-central-1', discovered: true },
    ]);
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).targets.map((one) => one.target)).toContain('dynamodb-carts');
  });

  it('status shows who waits for an answer, and what a swap replaced', async () => {
    const world = natives();
    const waits = waitingRestore();
    await world.store.openRestore(waits);
    await world.store.openRestore(nativeRestore(9));
    await world.run('status', '--json');
    const json = statusShape.parse(world.json());
    expect(json.waiting).toEqual([
      { restoreId: waits.restoreId, destination: 'shop-rds', askedAt: at(1), until: at(-23) },
    ]);
    expect(json.replaced.map((one) => one.replacedDatabase)).toEqual(['shop-db-old-0123456789']);
    world.lines.length = 0;
    await world.run('status');
    expect(world.text()).toContain(`nightjar approve ${waits.restoreId}`);
  });

  it('status says first, and loudly, that nothing serves, until a later swap came through', async () => {
    const world = natives();
    await world.store.openRestore(nativeRestore(9, { status: 'FAILED' }, { serving: 'nothing' }));
    await world.run('status');
    expect(world.lines[2]).toMatch(/^shop-rds: NOTHING SERVES UNDER shop-db\./);
    await world.store.openRestore(nativeRestore(3));
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).broken).toEqual([]);
  });

  it('status of a restore that runs says in which step it is', async () => {
    const world = natives({
      play: async ({ id, executionArn, startedAt }) => {
        const steps = { RestoreServer: { startedAt: at(2), doneAt: at(1) }, RenameAlias: { startedAt: at(0.5) } };
        await world.store.openRestore({
          ...nativeRestore(0, { status: 'RUNNING' }, { steps }),
          restoreId: id,
          executionArn,
          startedAt,
        });
        return {};
      },
    });
    await world.run('restore', 'shop-rds', '--swap', '--detach');
    await world.run('status', '--json');
    expect(statusShape.parse(world.json()).running[0]).toMatchObject({
      target: 'shop-rds',
      phase: expect.stringContaining('OUTAGE') as string,
    });
  });

  it('show of a backup says its points, what PITR reached and how many settings come back', async () => {
    const manifests: ReturnType<typeof nativeManifestOf>[] = [];
    const world = natives({ manifests });
    const good = await putNative(world.store, 10);
    manifests.push(nativeManifestOf(good));
    await world.run('show', good.backupId, '--json');
    const json = showShape.parse(world.json());
    expect(json.kind === 'backup' && json.manifest).toMatchObject({ method: 'native', settings: 3, items: null });
    world.lines.length = 0;
    await world.run('show', good.backupId);
    expect(world.text()).toMatch(/PITR then +on, reaches from[^]*nightjar-shop-rds-1 +eu-west-1/);
    expect(world.text()).toContain(POINT);
  });

  it('show of a restore of items says how many were asked for and not there', async () => {
    const world = natives();
    const copied = { written: 2, same: 1, conflicts: 0, missing: 3 };
    const record = tableRestore(3, { mode: 'items' }, { copied });
    await world.store.openRestore(record);
    await world.run('show', record.restoreId);
    expect(world.text()).toContain('3 were not in the restored table');
  });

  it('show of a restore says what serves, its steps, and every setting that is not as it was', async () => {
    const world = natives();
    const differences = [{ setting: 'MultiAZ', expected: 'true', found: 'false' }];
    const record = nativeRestore(3, {}, { differences, checks: ['12 tables'] });
    await world.store.openRestore(record);
    await world.run('show', record.restoreId, '--json');
    expect(showShape.parse(world.json())).toMatchObject({
      kind: 'restore',
      question: null,
      serves: expect.stringContaining('kept as shop-db-old-0123456789') as string,
    });
    world.lines.length = 0;
    await world.run('show', record.restoreId);
    expect(world.text()).toMatch(/12 tables[^]*RenameOriginal[^]*MultiAZ\s+true\s+false/);
    const waits = waitingRestore();
    const other = natives();
    await other.store.openRestore(waits);
    await other.run('show', waits.restoreId);
    expect(other.text()).toContain(`nightjar approve ${waits.restoreId}, or nightjar cancel`);
  });

  it('prune --plan keeps as many points as the target says, whatever their age, and names what restores left', async () => {
    const targets = [
      { name: 'shop-rds', engine: 'rds' as const, instance: 'shop-db', points: { nightly: 2, weekly: 0 } },
    ];
    const world = natives({ config: { targets } });
    const old = await putNative(world.store, 72);
    for (const hours of [48, 24]) await putNative(world.store, hours);
    await world.store.openRestore(nativeRestore(24 * 9, { replacedUntil: at(24) }));
    await world.store.openRestore(nativeRestore(24 * 2));
    await world.run('prune', '--plan', '--json');
    const { plan } = prunePlannedShape.parse(world.json());
    expect(plan.expire.map((one) => one.backupId)).toEqual([old.backupId]);
    expect(plan.removes.map((one) => one.resource)).toEqual(['shop-db-old-0123456789']);
    expect(plan.drops).toEqual([]);
  });

  it('prune --plan keeps the backup that is all there is while nothing serves', async () => {
    const targets = [
      { name: 'shop-rds', engine: 'rds' as const, instance: 'shop-db', points: { nightly: 1, weekly: 0 } },
    ];
    const world = natives({ config: { targets } });
    const needed = await putNative(world.store, 72);
    await putNative(world.store, 24);
    await world.store.openRestore(
      nativeRestore(3, { status: 'FAILED', backupId: needed.backupId }, { serving: 'nothing' }),
    );
    await world.run('prune', '--plan', '--json');
    expect(prunePlannedShape.parse(world.json()).plan.expire).toEqual([]);
  });
});
