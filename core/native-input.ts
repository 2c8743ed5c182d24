/** What can be said against a restore that a service does itself from its input and the config alone. */
import { resourceOf, type NativeTarget } from './config.ts';
import { ENGINES } from './engines.ts';
import { isId } from './ids.ts';
import { aliasStem } from './names.ts';
import type { RestoreInput } from './payloads.ts';

const isMoment = (at: RestoreInput['at']): boolean => at !== 'latest' && !isId(at);

/** Every reason, a sentence each; empty when there is none. The command line and the workflow refuse by the same ones. */
export function refusalsOfInput(input: RestoreInput, target: NativeTarget): string[] {
  const { mode, database } = input;
  const { modes, label }: { modes: readonly string[]; label: string } = ENGINES[target.engine];
  const when = (is: boolean, reason: string): string[] => (is ? [reason] : []);
  return [
    ...when(!modes.includes(mode), `${label} restores by ${modes.join(', ')}, not by ${mode}.`),
    ...when(input.destination !== undefined, `${label} restores into its own target; leave the destination out.`),
    ...when(input.scope !== undefined, `${label} restores as a whole; leave the scope out.`),
    ...when(
      input.fromDatabase !== undefined || input.allDatabases !== undefined,
      'fromDatabase and allDatabases are of dumps; leave them out.',
    ),
    ...when(input.noOwner !== undefined || input.jobs !== undefined, `noOwner and jobs are of dumps; leave them out.`),
    ...when(mode === 'items' && input.items === undefined, 'Mode items needs to be told which items (--items FILE).'),
    ...when(mode !== 'items' && input.items !== undefined, 'Items go with mode items only.'),
    ...when(
      input.approve === true && mode !== 'swap' && mode !== 'pointer',
      `Approval is asked for before an outage, and mode ${mode} has none.`,
    ),
    ...when(
      mode === 'pointer' && target.pointer === undefined,
      `The target ${target.name} has no pointer in the config.`,
    ),
    ...when(
      input.set !== undefined && (target.engine !== 'dynamodb' || mode === 'items' || !isMoment(input.at)),
      'A set is of DynamoDB tables, by new, swap or pointer, and all to one moment.',
    ),
    // Its own rights end there, so that it can touch nothing else in the account.
    ...when(
      database !== undefined,
      `A name can't be chosen (${database}): Nightjar may make and change only what is called ${aliasStem(target.engine, resourceOf(target))}…, so it gives the name itself; leave it out.`,
    ),
  ];
}
