/** The database's user and password from Secrets Manager. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { NightjarError, type ErrorCode } from '../core/errors.ts';
import type { Login } from './engine.ts';

/** RDS adds engine, host and more; host, port and database come from the config. */
const secretSchema = z.object({ username: z.string().min(1), password: z.string().min(1) });

/** Of AWS's errors; what is not here is the network's or ours. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ResourceNotFoundException: 'SECRET_MISSING',
  // Marked for deletion.
  InvalidRequestException: 'SECRET_MISSING',
  AccessDeniedException: 'SECRET_DENIED',
  // Its key is disabled, or not ours to use.
  DecryptionFailure: 'SECRET_DENIED',
};

const operation = 'GetSecretValue';

/** Reads it anew at each call. @throws SECRET_MISSING, SECRET_DENIED, UNEXPECTED. */
export async function readSecret(
  client: Pick<SecretsManagerClient, 'send'>,
  secretArn: string,
): Promise<string | undefined> {
  const answer = await client.send(new GetSecretValueCommand({ SecretId: secretArn })).catch((cause: unknown) => {
    const { name, message } = cause as Error;
    const code = CODES[name];
    const detail = code
      ? `${secretArn}: ${name} ${message}`
      : `${secretArn}: Secrets Manager did not answer as it should. Is there a way to it from the task’s subnets? ${name} ${message}`;
    throw new NightjarError(code ?? 'UNEXPECTED', { operation, detail, cause });
  });
  return answer.SecretString;
}

/** Reads it anew at each call. @throws SECRET_MISSING, SECRET_DENIED, SECRET_MALFORMED, UNEXPECTED. */
export async function readLogin(client: Pick<SecretsManagerClient, 'send'>, secretArn: string): Promise<Login> {
  const login = secretSchema.safeParse(parsed(await readSecret(client, secretArn)));
  // Says which fields are wrong, never what is in them.
  if (!login.success) {
    const fields = login.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
    throw new NightjarError('SECRET_MALFORMED', { operation, detail: `${secretArn}: wrong or missing: ${fields}.` });
  }
  return login.data;
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    // A parser's message quotes what it read.
    return undefined;
  }
}
