/** One connection on PostgreSQL's wire, as every engine that speaks it opens one. */
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { ServerTarget } from '../core/config.ts';
import { authorityOf } from './authority.ts';
import type { EngineContext, Login } from './engine.ts';

/** NAT gateways forget idle connections after 350 s. */
export const KEEPALIVE_SECONDS = 60;
export const CONNECT_SECONDS = 30;

export interface ClientTls {
  /** False when `tls.verify` is `off`. */
  readonly verified: boolean;
  readonly options: ConnectionOptions;
  /** What it is verified with, as PEM. */
  readonly authority: string | undefined;
}

/** @throws TLS_FAILED when the image has no certificates. */
export async function clientTls(
  target: Pick<ServerTarget, 'host' | 'tls'>,
  env: EngineContext['env'],
): Promise<ClientTls> {
  const authority = await authorityOf(target, env);
  if (authority === undefined) return { verified: false, options: { rejectUnauthorized: false }, authority };
  // `host`: of an address instead of a name, Node would otherwise compare the certificate with "localhost".
  return { verified: true, options: { ca: authority, rejectUnauthorized: true, host: target.host }, authority };
}

/** `ssl`: false for a server that offers none. @throws what `pg` throws; nothing is open then. */
export async function openClient(
  { host, port }: Pick<ServerTarget, 'host' | 'port'>,
  login: Login,
  more: Pick<pg.ClientConfig, 'database' | 'application_name' | 'options'> & { ssl: ConnectionOptions | false },
): Promise<pg.Client> {
  const client = new pg.Client({
    host,
    port,
    user: login.username,
    password: login.password,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_SECONDS * 1_000,
    connectionTimeoutMillis: CONNECT_SECONDS * 1_000,
    ...more,
  });
  // While connecting, errors reject connect(); later ones are watched by whoever uses it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (thrown) {
    await client.end().catch(() => undefined);
    throw thrown;
  }
  return client;
}
