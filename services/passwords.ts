/**
 * A restored server has the passwords of the moment that it was restored to; secrets outside of it have those of today.
 * Source: AWS, RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager": a managed master password is
 * managed anew, in a secret of its own.
 */
import type { NativeSettings } from '../core/native.ts';

const CALL = {
  rds: 'modify-db-instance --db-instance-identifier',
  aurora: 'modify-db-cluster --db-cluster-identifier',
} as const;

/** How a user gets a password inside of the server. */
function inside(engine: string): string {
  if (engine.includes('postgres')) return "`ALTER USER … PASSWORD '…'`";
  return /mysql|maria/.test(engine) ? "`ALTER USER … IDENTIFIED BY '…'`" : 'the way its engine has for that';
}

/**
 * What a person must know of the passwords, and the exact thing to do, a sentence each; none of a table.
 * @param at the moment that is restored, in ISO 8601, or `latest`
 * @param name under which the restored one is found afterwards
 */
export function passwordWarnings({ engine, server, values }: NativeSettings, at: string, name: string): string[] {
  if (engine === 'dynamodb') return [];
  const moment = at === 'latest' ? 'the moment it is restored to' : at;
  const others = `set it to what its secret says, with ${inside(server?.engine ?? '')}`;
  if (values.ManageMasterUserPassword === true)
    return [
      `RDS manages the master password of ${name}: the restored one has it in a new secret with an ARN of its own. Every other user of ${name} has the password of ${moment}: where one was changed since, ${others}.`,
    ];
  const master =
    typeof values.MasterUsername === 'string' ? `the master user ${values.MasterUsername}` : 'the master user';
  return [
    `Every user of ${name} has the password of ${moment}, ${master} too. Where the master's was changed since, set it to what its secret says: \`aws rds ${CALL[engine]} ${name} --apply-immediately --master-user-password …\`. Where another user's was, ${others}.`,
  ];
}
