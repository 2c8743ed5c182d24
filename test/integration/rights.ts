import { readFileSync } from 'node:fs';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { beforeAll, describe, expect, it } from 'vitest';
import { policiesOf, replay, type JournalEntry, type ReplayResult } from '../support/iam-replay.ts';
import type { World } from './world.ts';

/** Every AWS call that handlers and tasks made in this file, asked again of a real policy simulator. */
export function rights(get: () => World): void {
  describe('the rights of every role that was used', () => {
    let result: ReplayResult;
    let journal: JournalEntry[];

    beforeAll(async () => {
      const world = get();
      journal = readFileSync(world.journal, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as JournalEntry)
        .filter((entry) => entry.principal.includes(':assumed-role/nightjar-'));
      const { clientConfig, accountId, region } = world.stage.account;
      const iam = new IAMClient(clientConfig);
      const kms = new KMSClient(clientConfig);
      result = await replay(
        journal,
        {
          account: accountId,
          region,
          vaultBucket: world.vault,
          vaultKeyArn: world.vaultKeyArn,
          catalogTable: world.catalogTable,
          catalogKeyArn: world.vaultKeyArn,
        },
        policiesOf({ iam, s3: world.s3, kms }),
      );
      iam.destroy();
      kms.destroy();
    }, 300_000);

    it('were seen at work: tasks and handlers, in numbers', () => {
      expect(result.asked).toBeGreaterThan(100);
      expect(result.roles.length).toBeGreaterThan(12);
    });

    it('allow everything the code does, by the simulator’s word', () => {
      expect(result.missing).toEqual([]);
    });

    it('could all be judged', () => {
      expect(result.unjudged).toEqual([]);
    });
  });
}
