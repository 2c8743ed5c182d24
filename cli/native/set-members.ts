/** The restores of a set, found by what each record says of it: a set has no record of its own. */
import type { RestoreRecord } from '../../core/backup.ts';
import type { Catalog } from '../../core/catalog.ts';
import { lowestIdAt, timeOfId } from '../../core/ids.ts';
import { broughtThere, type SeenMember, type SetFacts } from '../../core/set-view.ts';

/** In the order of the set; those that were never begun are not among them. */
export async function membersOfSet(catalog: Pick<Catalog, 'listRestores'>, setId: string): Promise<RestoreRecord[]> {
  // Each was begun after its set.
  const oldest = lowestIdAt(timeOfId(setId));
  const found: RestoreRecord[] = [];
  let before: string | undefined;
  do {
    const page = await catalog.listRestores(before === undefined ? {} : { before });
    found.push(...page.filter(({ set }) => set?.id === setId));
    before = page.at(-1)?.restoreId;
  } while (before !== undefined && before >= oldest);
  const place = ({ set, target }: RestoreRecord): number => set?.targets.indexOf(target) ?? 0;
  return found.sort((one, other) => place(one) - place(other));
}

/** Every target of the set: also those that a broken one had brought to the moment before, and those that were never begun. */
export const seenMembers = (
  catalog: Pick<Catalog, 'listRestores'>,
  { at, targets }: Pick<SetFacts, 'at' | 'targets'>,
  records: readonly RestoreRecord[],
): Promise<SeenMember[]> =>
  Promise.all(
    targets.map(async (target): Promise<SeenMember> => {
      const record = records.find((one) => one.target === target);
      if (record) return { target, record };
      const before = broughtThere(await catalog.listRestores({ target }), { at, targets });
      return { target, ...(before ? { record: before, before: true } : {}) };
    }),
  );
