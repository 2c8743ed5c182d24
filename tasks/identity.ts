/** The identity that opens encrypted backups: read from its secret, and looked at before it is needed. */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { identityToRecipient } from 'age-encryption';
import type { Encryption } from '../core/engine-fields.ts';
import { NightjarError } from '../core/errors.ts';
import type { Finding } from '../core/job.ts';
import { readSecret } from './login.ts';

/** Reads it anew at each call. @throws IDENTITY_MISSING when the secret is missing or not to be read; UNEXPECTED. */
export async function readIdentity(client: Pick<SecretsManagerClient, 'send'>, secret: string): Promise<string> {
  const value = await readSecret(client, secret).catch((thrown: unknown) => {
    // Their words are about the database's login.
    const ours = thrown instanceof NightjarError && ['SECRET_MISSING', 'SECRET_DENIED'].includes(thrown.code);
    if (!ours) throw thrown;
    const what = thrown.code === 'SECRET_MISSING' ? 'is not there' : 'can not be read by restores';
    const detail = `The secret of the identity ${what}. ${thrown.detail ?? ''}`;
    throw new NightjarError('IDENTITY_MISSING', { operation: 'read identity', detail, cause: thrown });
  });
  return (value ?? '').trim();
}

/** Of a value that is no identity; the library's own words may quote it. */
export const noIdentity = (secret: string, cause: unknown): NightjarError =>
  new NightjarError('IDENTITY_MISSING', {
    operation: 'decrypt',
    detail: `The value of ${secret} is no age identity.`,
    cause: (cause as Error).name,
  });

/** Whether a restore will find what opens the target's backups. Says the recipient, never the identity. @throws UNEXPECTED. */
export async function identityFindings(
  { identity: secret, recipients }: Encryption,
  read: (secret: string) => Promise<string>,
): Promise<Finding[]> {
  try {
    const identity = await read(secret);
    const recipient = await identityToRecipient(identity).catch((cause: unknown) => {
      throw noIdentity(secret, cause);
    });
    if (recipients.includes(recipient))
      return [{ level: 'ok', what: `restores can read its age identity, ${secret}, which is of ${recipient}` }];
    return [
      {
        level: 'bad',
        what: `the age identity in ${secret} is of ${recipient}, which is none of its recipients: no new backup can be opened with it`,
        hint: 'Add that one to `encryption.recipients` and deploy, or put the identity of one of them into the secret.',
      },
    ];
  } catch (thrown) {
    if (!(thrown instanceof NightjarError) || thrown.code !== 'IDENTITY_MISSING') throw thrown;
    const hint =
      'No encrypted backup can be restored. The secret’s whole value is the line that begins with AGE-SECRET-KEY-1; ' +
      '`encryption.identity` in the config names the secret, `encryption.identityKey` its key if it has one of its own.';
    return [{ level: 'bad', what: thrown.detail ?? thrown.message, hint }];
  }
}
