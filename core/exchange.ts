/** An exchange of names that takes more than one step: how far it is, as the task that does it says, and in words. */
import { z } from 'zod';

/** Which data has the name. `either`: one of both in whole, and only the server knows which. `mixed`: some of each. */
export const SERVES = ['before', 'incoming', 'either', 'mixed'] as const;

export const exchangeStateSchema = z.object({
  /** The name that serves. */
  name: z.string(),
  /** The database that takes it over; while the exchange is under way it holds what that needs. */
  incoming: z.string(),
  /** What served before goes there; absent where nothing did. */
  keepAs: z.string().optional(),
  serves: z.enum(SERVES),
  /** False once all is in its place, and once it was given up. */
  underway: z.boolean(),
});
export type ExchangeState = z.output<typeof exchangeStateSchema>;

/** Data of either side, as a sentence begins with it. */
export interface Sides {
  readonly before: string;
  readonly incoming: string;
}
export const OF_RESTORE: Sides = { before: 'The old data', incoming: 'The restored data' };
export const OF_ROLLBACK: Sides = { before: OF_RESTORE.incoming, incoming: OF_RESTORE.before };

/** Which data serves, and what becomes of the rest. */
export function exchangeSentence(state: ExchangeState, sides: Sides): string {
  const { name, incoming, keepAs, serves, underway } = state;
  const [old, next] = [lower(sides.before), lower(sides.incoming)];
  const again = 'Start the restore or the rollback again: it puts that in order first.';
  const kept = keepAs === undefined ? 'Nothing served before.' : `${sides.before} is kept as ${keepAs}.`;
  switch (serves) {
    case 'before':
      return underway
        ? `${sides.before} serves under ${name} as it did; ${next} is in ${incoming}, and copies of it may lie in ${name}. ${again}`
        : `${sides.before} serves under ${name}; what is left of ${next}, if anything, is ${incoming}.`;
    case 'incoming':
      return underway
        ? `${sides.incoming} serves under ${name}, but not all that belongs to it or to ${old} is in its place yet. ${keepAs === undefined ? '' : `${sides.before} goes to ${keepAs}. `}Nothing is lost; drop neither that nor ${incoming}. ${again}`
        : `${sides.incoming} serves under ${name}. ${kept}`;
    case 'either':
      return `Whether ${old} or ${next} serves under ${name} is not known: it is one of both, never a mixture. Nothing is lost; drop neither ${[keepAs, incoming].filter(Boolean).join(' nor ')}. ${again}`;
    case 'mixed':
      return `A MIXTURE SERVES UNDER ${name}: some of it may be the old data and some the restored. Nothing is lost: what has left the name is in ${name} itself or in ${keepAs ?? incoming}. Stop writers. ${again}`;
  }
}
const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
