/**
 * Names of a cluster's members and custom endpoints. They are unique in the account, so those of an alias and of a replaced
 * cluster carry the cluster's suffix (`shop-1` is `shop-1-nj-…` beside the original), and a rename gives and takes it.
 */
import { memberName, resourceSuffix } from '../core/names.ts';

/** The name without a restore's suffix: the one that members have in the original. */
export const properName = (name: string): string => name.slice(0, name.length - resourceSuffix(name).length);

/** The name that goes with the cluster's. */
export const nameUnder = (cluster: string, name: string): string => properName(name) + resourceSuffix(cluster);

/** Name of a member that is made: an alias of a name of one's own can have no member of the original's name. */
export const newMemberName = (cluster: string, original: string, member: string, index: number): string =>
  resourceSuffix(cluster) !== '' || cluster === original ? nameUnder(cluster, member) : memberName(cluster, index);

/** In the order of their names, 2 before 10. */
export const byName = (a: string, b: string): number =>
  properName(a).localeCompare(properName(b), 'en', { numeric: true });
