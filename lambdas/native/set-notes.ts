/** What a set writes into its members' records: their field `set`, which nobody else changes. */
import type { MemberOfSet } from '../../core/restore-set.ts';
import type { SeenMember } from '../../core/set-view.ts';
import { atOnce } from '../shared/at-once.ts';
import type { Parts } from '../shared/parts.ts';

/** Of members that run. `change` answers undefined for one that is to be left as it is. */
export async function tellMembers(
  { catalog }: Pick<Parts, 'catalog'>,
  members: readonly SeenMember[],
  change: (set: MemberOfSet, member: SeenMember) => Partial<MemberOfSet> | undefined,
): Promise<void> {
  await atOnce(members, async (member) => {
    const { record, before } = member;
    if (before === true || record?.status !== 'RUNNING' || !record.set) return;
    const changed = change(record.set, member);
    if (changed) await catalog.updateRestore(record.restoreId, ['RUNNING'], { set: { ...record.set, ...changed } });
  });
}
