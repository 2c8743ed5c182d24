/** A pooler in front of the server: sessions that share connections share no snapshot, and names are not exchanged behind it. */
import { NightjarError } from '../../../core/errors.ts';
import type { PostgresContext, Session } from './server.ts';

type Place = Pick<PostgresContext['target'], 'host' | 'port'>;

/** Amazon's, by its name alone: what is behind it is in no name. Source: AWS, RDS Proxy, "Connecting through RDS Proxy". */
const RDS_PROXY = /\.proxy-[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$/i;

/** The server's own endpoint, where a provider's names tell it. Source: the providers' pages on connecting. */
export function directEndpoint({ host, port }: Place, user: string): string | undefined {
  const neon = /^(ep-[a-z0-9-]+)-pooler(\..*neon\.tech)$/i.exec(host);
  if (neon) return `${neon[1]}${neon[2]}:5432`;
  const project = /\.pooler\.supabase\.com$/i.test(host) ? /\.([a-z0-9]+)$/.exec(user)?.[1] : undefined;
  if (project) return `db.${project}.supabase.co:5432`;
  if (/\.postgres\.database\.azure\.com$/i.test(host) && port === 6432) return `${host}:5432`;
  if (/\.db\.ondigitalocean\.com$/i.test(host) && port === 25_061) return `${host}:25060`;
  return undefined;
}

/** Before anything is asked of it. @throws POOLER_REFUSED. */
export function refuseProxy({ host, port }: Place): void {
  if (RDS_PROXY.test(host))
    throw refused(`${host}:${port} is an RDS Proxy; name the endpoint of the instance or cluster behind it.`);
}

/**
 * A server tells each session its process when it begins. A pooler has to tell something of its own, because it does not know yet
 * which one will serve. @throws POOLER_REFUSED.
 */
export async function refusePooler(target: Place, user: string, session: Session): Promise<void> {
  const { pid } = await session.row<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  if (pid === session.pid) return;
  const direct = directEndpoint(target, user);
  throw refused(
    `${target.host}:${target.port} answers for a server behind it; name ${direct ?? 'that server itself'} as host${direct ? ' and port' : ''}.`,
  );
}

const refused = (detail: string): NightjarError =>
  new NightjarError('POOLER_REFUSED', { operation: 'connect', detail });
