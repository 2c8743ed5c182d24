/** Users and roles, as the commands that make them. Their passwords are hashes, and stay where they are: in the archive. */
import { BSON, type Document } from 'mongodb';
import { NightjarError } from '../../../core/errors.ts';
import { strictOutlet } from '../../pipes/pipes.ts';
import type { DumpSink } from '../../engine.ts';
import type { Server } from './server.ts';

const FILE = 'globals.json';
/** Where the server keeps them, in `admin`; the last says in which form. */
export const [USERS, ROLES, VERSION] = ['system.users', 'system.roles', 'system.version'] as const;
export const KEPT: readonly string[] = [USERS, ROLES, VERSION];

/** One line of extended JSON for each. False where they may not be read: that is said, and nothing is written. */
export async function dumpGlobals(server: Server, sink: DumpSink, databases: readonly string[]): Promise<boolean> {
  const admin = server.database('admin');
  let users: Document[];
  const roles: Document[] = [];
  try {
    const answer = await server.ask('usersInfo', () => admin.command({ usersInfo: { forAllDBs: true } }));
    users = answer.users as Document[];
    for (const name of ['admin', ...databases]) {
      const found = await server.ask('rolesInfo', () =>
        server.database(name).command({ rolesInfo: 1, showPrivileges: true, showBuiltinRoles: false }),
      );
      roles.push(...(found.roles as Document[]));
    }
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || !['PRIVILEGE_MISSING', 'UNEXPECTED'].includes(thrown.code)) throw thrown;
    server.context.report.warn(`Users and roles are not in the backup: ${thrown.detail ?? thrown.message}`);
    return false;
  }
  const lines = [
    ...roles.map(({ role, db, privileges, roles: inherited }) => ({
      db: String(db),
      command: { createRole: String(role), privileges: privileges as unknown, roles: inherited as unknown },
    })),
    ...users.map(({ user, db, roles: granted, customData, mechanisms }) => ({
      db: String(db),
      command: {
        createUser: String(user),
        roles: granted as unknown,
        ...(customData === undefined ? {} : { customData: customData as unknown }),
        ...(mechanisms === undefined ? {} : { mechanisms: mechanisms as unknown }),
      },
    })),
  ];
  const outlet = strictOutlet(sink.open('globals', FILE));
  await outlet.write(Buffer.from(lines.map((line) => `${BSON.EJSON.stringify(line)}\n`).join('')));
  await outlet.end();
  return true;
}
