/** MariaDB's packages. Before 11.4 it knows statements on them in the mode ORACLE only. Source: MariaDB documentation, CREATE PACKAGE. */
import type { Session } from './server.ts';

/** Runs a GRANT or DROP, which may be on a package or its body. */
export async function runOn(session: Session, sql: string): Promise<void> {
  if (!/^(?:GRANT\b.*? ON|DROP) PACKAGE\b/.test(sql)) return void (await session.rows(sql));
  await session.rows(`SET SESSION sql_mode = 'ORACLE'`);
  try {
    await session.rows(sql);
  } finally {
    await session.rows(`SET SESSION sql_mode = ''`);
  }
}
