import { CreateSecretCommand, DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Account } from './account.ts';

/** User and password of a database, in the shape that Secrets Manager's own rotation uses. */
export interface Login {
  username: string;
  password: string;
}

/** Stores the logins of a person's databases. Returns the secrets' ARNs by target. */
export async function makeSecrets(
  account: Pick<Account, 'clientConfig'>,
  logins: Readonly<Record<string, Login>>,
): Promise<Record<string, string>> {
  const client = new SecretsManagerClient(account.clientConfig);
  const arns: Record<string, string> = {};
  for (const [target, login] of Object.entries(logins)) {
    const Name = `${target}-database`;
    const made = await client
      .send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(login) }))
      .catch(async (error: Error) => {
        if (error.name !== 'ResourceExistsException') throw error;
        return client.send(new DescribeSecretCommand({ SecretId: Name }));
      });
    arns[target] = made.ARN ?? '';
  }
  client.destroy();
  return arns;
}
