/**
 * Event triggers come back before the materialized views are filled, and what they note of that, or of a session that begins, is
 * a row that the backup does not have. So sessions that load or compare a whole database do it without them.
 */
import { sqlStateOf } from './errors.ts';
import type { Session } from './server.ts';

/** The first since 17. The other leaves those that are enabled ALWAYS; of tables nothing is written that its triggers would see. */
const WAYS = ['event_triggers=off', 'session_replication_role=replica'] as const;
/** Not this user's to set, or not known to this server. */
const REFUSED = ['42501', '42704'];

/** Options for the start of a session; empty where the user may set none, who then can't make event triggers either. */
export async function withoutEventTriggers(session: Session): Promise<string> {
  for (const way of WAYS) {
    try {
      await session.rows(`SET ${way}; RESET ${way.split('=')[0]}`);
      return `-c ${way}`;
    } catch (thrown) {
      if (!REFUSED.includes(sqlStateOf(thrown) ?? '')) throw thrown;
    }
  }
  return '';
}
