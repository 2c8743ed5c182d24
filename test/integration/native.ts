/** What AWS restores itself, on the deployed stacks: a table to a moment, an RDS instance by renaming, and both back. */
import { setTimeout as pause } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BILLING,
  billingNow,
  makeBilling,
  makeOrders,
  ORDERS,
  readItems,
  tableSettings,
  type RdsConfig,
} from '../../local/native-sample.ts';
import { nightjar } from '../../local/nightjar-command.ts';
import type { RestoreSetJson } from '../../cli/shapes.ts';
import { succeeded, type World } from './world.ts';

export function native(get: () => World): void {
  describe('a table whose items were spoilt', () => {
    let client: DynamoDBClient;
    let before: Map<string, string>;
    let settings: Record<string, unknown>;
    let spoiled: Map<string, string>;
    let moment: string;
    let restoreId: string;

    beforeAll(async () => {
      const world = get();
      client = new DynamoDBClient(world.stage.account.clientConfig);
      await makeOrders(world.stage.account.clientConfig, 120);
      before = await readItems(client);
      settings = await tableSettings(client);
      await pause(1_100);
      moment = new Date(Math.floor(Date.now() / 1_000) * 1_000).toISOString();
      await pause(1_100);
      for (const id of [...before.keys()].slice(0, 30))
        await client.send(new DeleteItemCommand({ TableName: ORDERS, Key: { id: { S: id } } }));
      await client.send(new PutItemCommand({ TableName: ORDERS, Item: { id: { S: 'new' }, customer: { S: 'oops' } } }));
      spoiled = await readItems(client);
    }, 120_000);
    afterAll(() => client?.destroy());

    it('is backed up by a recovery point of its own, with every setting in the manifest', async () => {
      const world = get();
      const { id } = succeeded(await world.run('backup', { target: ORDERS }));
      expect(await world.catalog.getBackup(ORDERS, id)).toMatchObject({
        status: 'COMPLETED',
        method: 'native',
        window: { on: true },
        points: [expect.stringContaining(`table/${ORDERS}/backup/`) as string],
      });
      expect(await world.objects(ORDERS)).toEqual([expect.stringMatching(/manifest\.json$/) as string]);
    }, 120_000);

    it('comes back to the moment before, under its own name, with all its settings', async () => {
      const world = get();
      const ended = succeeded(await world.run('restore', { target: ORDERS, at: moment, mode: 'swap' }));
      restoreId = ended.id;
      expect(await readItems(client)).toEqual(before);
      expect(await tableSettings(client)).toEqual(settings);
      expect(await world.catalog.getRestore(restoreId)).toMatchObject({
        status: 'COMPLETED',
        safetyBackupId: expect.any(String) as string,
        native: { serving: 'restored', differences: [] },
      });
    }, 300_000);

    it('leaves no alias behind', async () => {
      const { TableNames = [] } = await client.send(new ListTablesCommand({}));
      expect(TableNames.filter((name) => name.startsWith(`${ORDERS}-nj-`))).toEqual([]);
    });

    it('is given back what was written since, when the restore is taken back', async () => {
      succeeded(await get().run('rollback', { restoreId }));
      expect(await readItems(client)).toEqual(spoiled);
      expect(await tableSettings(client)).toEqual(settings);
    }, 300_000);
  });

  describe('two tables that were spoilt together', () => {
    const PAIR = ['customers', 'baskets'] as const;
    const before = new Map<string, Awaited<ReturnType<typeof readItems>>>();
    const settings = new Map<string, Record<string, unknown>>();
    let client: DynamoDBClient;
    let moment: string;

    beforeAll(async () => {
      const { clientConfig } = get().stage.account;
      client = new DynamoDBClient(clientConfig);
      for (const table of PAIR) await makeOrders(clientConfig, 60, table);
      for (const table of PAIR) {
        before.set(table, await readItems(client, table));
        settings.set(table, await tableSettings(client, table));
      }
      await pause(1_100);
      moment = new Date(Math.floor(Date.now() / 1_000) * 1_000).toISOString();
      await pause(1_100);
      for (const table of PAIR)
        for (const id of [...before.get(table)!.keys()].slice(0, 20))
          await client.send(new DeleteItemCommand({ TableName: table, Key: { id: { S: id } } }));
    }, 120_000);
    afterAll(() => client?.destroy());

    it('are both back at one moment after one command, one after the other', async () => {
      const world = get();
      const env = world.stage.facts.env;
      const answer = await nightjar<RestoreSetJson>(['restore', PAIR.join(','), '--at', moment, '--swap'], env);
      expect(answer).toMatchObject({ ok: true, at: moment });
      for (const table of PAIR) {
        expect(await readItems(client, table), table).toEqual(before.get(table));
        expect(await tableSettings(client, table), table).toEqual(settings.get(table));
      }
      const [first, second] = answer.members.map(({ restore }) => restore!);
      expect([first!.status, second!.status]).toEqual(['COMPLETED', 'COMPLETED']);
      // The second's writes were kept away only after the first had come to its end.
      expect(second!.native!.steps.FenceTable!.startedAt >= first!.endedAt!).toBe(true);
      expect(first!.native!.steps.FenceTable!.startedAt >= second!.native!.steps.VerifyTable!.doneAt!).toBe(true);
      const { TableNames = [] } = await client.send(new ListTablesCommand({}));
      expect(TableNames.filter((name) => name.includes('-nj-') && PAIR.some((one) => name.startsWith(one)))).toEqual(
        [],
      );
    }, 600_000);

    it('are told of by one mail, and shown together', async () => {
      const world = get();
      const [{ set } = { set: undefined }] = await world.catalog.listRestores({ target: 'customers' });
      const shown = await nightjar(['show', set!.id], world.stage.facts.env);
      expect(shown).toMatchObject({ kind: 'set', members: [{ target: 'customers' }, { target: 'baskets' }] });
    }, 60_000);
  });

  describe('an RDS instance', () => {
    let rds: RdsConfig;
    let original: Awaited<ReturnType<typeof billingNow>>;
    let restoreId: string;

    beforeAll(async () => {
      const { account } = get().stage;
      const { region, credentials } = account.clientConfig;
      rds = { region, credentials, endpoint: account.rdsEndpoint! };
      await makeBilling(rds);
      original = await billingNow(rds);
    });

    it('is backed up by a snapshot of its own', async () => {
      const world = get();
      const { id } = succeeded(await world.run('backup', { target: BILLING }));
      expect(await world.catalog.getBackup(BILLING, id)).toMatchObject({ status: 'COMPLETED', method: 'native' });
    }, 120_000);

    it('is another one under the same name after a swap, with all its settings', async () => {
      const world = get();
      restoreId = succeeded(await world.run('restore', { target: BILLING, mode: 'swap' })).id;
      const now = await billingNow(rds);
      expect(now.resourceId).not.toBe(original.resourceId);
      expect(now.settings).toEqual(original.settings);
      expect(await world.catalog.getRestore(restoreId)).toMatchObject({
        status: 'COMPLETED',
        native: { serving: 'restored', original: { resourceId: original.resourceId } },
      });
    }, 300_000);

    it('is the old one again after a rollback', async () => {
      succeeded(await get().run('rollback', { restoreId }));
      expect((await billingNow(rds)).resourceId).toBe(original.resourceId);
    }, 300_000);

    it('is refused when it is asked back to a moment that no log reaches', async () => {
      const world = get();
      const ended = await world.run('restore', { target: BILLING, mode: 'swap', at: '2020-01-01T00:00:00Z' });
      expect(ended).toMatchObject({
        status: 'FAILED',
        error: expect.stringMatching(/WINDOW_MISSED|RESTORE_REFUSED/) as string,
      });
      expect((await billingNow(rds)).resourceId).toBe(original.resourceId);
    }, 120_000);
  });
}
