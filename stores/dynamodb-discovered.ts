/** Targets that were found by their tag: a part of their state, and in the index, so that all of them can be listed. */
import { targetStateSchema } from '../core/backup.ts';
import type { Catalog } from '../core/catalog.ts';
import { ABSENT, BY_ENTITY, ENTITIES, decode, keys, type Table } from './dynamodb-table.ts';

export function discoveredOn(table: Table): Pick<Catalog, 'saveDiscovered' | 'listDiscovered'> {
  return {
    async saveDiscovered(found, now) {
      for (const { target, ...facts } of found) {
        const discovered = { ...facts, seenAt: now };
        const seen = { entity: ENTITIES.found, id: target, target, discovered };
        // A state that is there keeps its newest good backup and the day it was first seen.
        if (await table.update(keys.state(target), seen, { ConditionExpression: 'attribute_exists(pk)' })) continue;
        if (await table.put({ ...keys.state(target), ...seen, firstSeenAt: now }, ABSENT)) continue;
        await table.update(keys.state(target), seen, { ConditionExpression: 'attribute_exists(pk)' });
      }
    },
    async listDiscovered() {
      const items = await table.query(
        {
          IndexName: BY_ENTITY,
          KeyConditionExpression: '#entity = :entity',
          ExpressionAttributeNames: { '#entity': 'entity' },
          ExpressionAttributeValues: { ':entity': ENTITIES.found },
        },
        Infinity,
      );
      return items.map((item) => decode(targetStateSchema, item));
    },
  };
}
