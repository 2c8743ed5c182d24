/** One lock item per target and kind; a backup and a restore exclude each other in one transaction. */
import { letsPass } from '../core/catalog-rules.ts';
import type { Catalog, Lock, LockKind } from '../core/catalog.ts';
import { ABSENT, keys, type Condition, type Item, type Table, type Write } from './dynamodb-table.ts';

const otherKind = (kind: LockKind): LockKind => (kind === 'backup' ? 'restore' : 'backup');

const lockOf = (item: Item): Lock => ({
  target: String(item.target),
  kind: item.kind as LockKind,
  id: String(item.id),
  executionArn: String(item.executionArn),
  since: String(item.since),
});

/** The condition under which an item that may be there is no obstacle. */
function unless(fields: Readonly<Record<string, string | undefined>>): Condition {
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length === 0) return ABSENT;
  return {
    ConditionExpression: [ABSENT.ConditionExpression, ...given.map(([name]) => `#${name} = :${name}`)].join(' OR '),
    ExpressionAttributeNames: Object.fromEntries(given.map(([name]) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(given.map(([name, value]) => [`:${name}`, value])),
  };
}

export function locksOn(table: Table): Pick<Catalog, 'lock' | 'unlock'> {
  return {
    async lock(request) {
      const own = keys.lock(request.target, request.kind);
      const other = keys.lock(request.target, otherKind(request.kind));
      const { target, kind, id, executionArn, since } = request;
      const beside: Write =
        request.takeFrom !== undefined && request.safetyFor === undefined
          ? // What a dead execution held of the other kind goes with it.
            { Delete: { TableName: table.name, Key: other, ...unless({ executionArn: request.takeFrom }) } }
          : {
              ConditionCheck: {
                TableName: table.name,
                Key: other,
                ...unless({ id: request.safetyFor, executionArn: request.takeFrom }),
              },
            };
      for (;;) {
        const result = await table.transact([
          {
            Put: {
              TableName: table.name,
              Item: { ...own, target, kind, id, executionArn, since },
              ...unless({ id, executionArn: request.takeFrom }),
            },
          },
          beside,
        ]);
        if (result.done) return { taken: true };
        const [mine, theirs] = await Promise.all([table.get(own), table.get(other)]);
        const obstacle = [mine, theirs]
          .flatMap((item) => (item ? [lockOf(item)] : []))
          .find((lock) => !letsPass(lock, request));
        // None left: it was let go between the two looks, so the next try may succeed.
        if (obstacle) return { taken: false, by: obstacle };
      }
    },
    async unlock(target, kind, id) {
      await table.transact([{ Delete: { TableName: table.name, Key: keys.lock(target, kind), ...unless({ id }) } }]);
    },
  };
}
